//! The package an auditor takes away: a ZIP file that proves itself.
//!
//! The layout is a contract with verifiers that know nothing of this program; it is written
//! down in `packaging/audit-format.md`, which rides along in every package. Everything is
//! written in one pass with bounded memory.

use std::io::Write;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions, write::StreamWriter};

use super::{
    leaf::Opening,
    merkle::{Hash, leaf_hash},
    note::VerifierKey,
};

/// Lines of a file in `entries/`, and hashes of a file in `hashes/`.
pub const CHUNK: u64 = 4096;
/// The manifest's `format`.
pub const FORMAT: &str = "qitai-audit-package";
/// The manifest's `v`.
pub const VERSION: u32 = 1;

pub(super) const MANIFEST: &str = "MANIFEST.json";
pub(super) const GENESIS: &str = "genesis.vkey";
pub(super) const OPENINGS: &str = "openings.jsonl";
pub(super) const README: &str = "README.txt";
pub(super) const FORMAT_DOC: &str = "audit-format.md";

const README_TEXT: &str = include_str!("../../packaging/audit-readme.txt");
const FORMAT_TEXT: &str = include_str!("../../packaging/audit-format.md");

/// A package cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The place it is written to failed.
    #[error("the package cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The same, said by the ZIP writer.
    #[error("the package cannot be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// Parts came in the wrong order: checkpoints, entries, openings.
    #[error("the package's parts came in the wrong order")]
    Order,
    /// The text of the manifest could not be made.
    #[error("the manifest cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// What is in the package, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// Always [`VERSION`].
    pub v: u32,
    /// The program that wrote it, with its version.
    pub product: String,
    /// The log's name.
    pub origin: String,
    /// When, RFC 3339 in UTC.
    pub created: String,
    /// Number of lines: entries of the log that the newest checkpoint covers.
    pub size: u64,
    /// The entries asked for; without filters each of them is in clear.
    pub range: Range,
    /// Further conditions as `name: value`; entries that do not meet them are hashes only.
    pub filters: Vec<String>,
    /// Lines in clear.
    pub clear: u64,
    /// Lines that are hashes only.
    pub hashed: u64,
    /// Lines of `openings.jsonl`.
    pub openings: u64,
    /// Files in `checkpoints/`.
    pub checkpoints: u64,
    /// Every file but this one, in the order in which they were written.
    pub files: Vec<ManifestFile>,
}

/// Sequence numbers `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The first.
    pub from: u64,
    /// One behind the last.
    pub to: u64,
}

/// A file of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its name in the package.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// What the writer needs to know beforehand.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The log's name.
    pub origin: String,
    /// The log's first key.
    pub genesis: VerifierKey,
    /// When, RFC 3339 in UTC.
    pub created: String,
    /// The entries asked for.
    pub range: Range,
    /// Further conditions as `name: value`.
    pub filters: Vec<String>,
}

/// One line of the package.
#[derive(Debug, Clone, Copy)]
pub enum Line<'a> {
    /// The entry's exact bytes.
    Clear(&'a [u8]),
    /// The leaf hash of an entry that is not shown.
    Hash(Hash),
}

/// A line of `openings.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpeningLine {
    pub(super) seq: u64,
    pub(super) f: String,
    pub(super) salt: String,
    pub(super) v: String,
}

/// A package that is complete.
#[derive(Debug)]
pub struct Finished<W> {
    /// What it was written to.
    pub out: W,
    /// What is in it.
    pub manifest: Manifest,
    /// SHA-256 of `MANIFEST.json` in hex: stands for the whole package.
    pub manifest_sha256: String,
}

/// The parts in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Checkpoints,
    Entries,
    Openings,
}

/// Writes a package: checkpoints, then every line from 0, then the openings.
pub struct PackageWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    heading: Heading,
    part: Part,
    open: Option<OpenFile>,
    hashes: Vec<u8>,
    manifest: Manifest,
}

/// The file that is being written.
struct OpenFile {
    path: String,
    bytes: u64,
    sha256: digest::Context,
}

impl<W: Write> PackageWriter<W> {
    /// Begins a package with what is the same in all of them.
    pub fn new(out: W, heading: Heading) -> Result<Self, PackageError> {
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            v: VERSION,
            product: format!("qitai {}", env!("CARGO_PKG_VERSION")),
            origin: heading.origin.clone(),
            created: heading.created.clone(),
            size: 0,
            range: heading.range,
            filters: heading.filters.clone(),
            clear: 0,
            hashed: 0,
            openings: 0,
            checkpoints: 0,
            files: Vec::new(),
        };
        let mut writer = Self {
            zip: ZipWriter::new_stream(out),
            heading,
            part: Part::Checkpoints,
            open: None,
            hashes: Vec::new(),
            manifest,
        };
        writer.file(README, README_TEXT.as_bytes())?;
        writer.file(FORMAT_DOC, FORMAT_TEXT.as_bytes())?;
        let genesis = format!("{}\n", writer.heading.genesis.text());
        writer.file(GENESIS, genesis.as_bytes())?;
        Ok(writer)
    }

    /// Adds a signed checkpoint over the first `size` entries.
    pub fn checkpoint(&mut self, size: u64, note: &str) -> Result<(), PackageError> {
        self.enter(Part::Checkpoints)?;
        self.manifest.checkpoints += 1;
        self.file(&format!("checkpoints/{size}.note"), note.as_bytes())
    }

    /// Adds the next line; the first is entry 0.
    pub fn line(&mut self, line: Line<'_>) -> Result<(), PackageError> {
        self.enter(Part::Entries)?;
        if self.manifest.size.is_multiple_of(CHUNK) {
            self.end_chunk()?;
            let path = format!("entries/{:08}.jsonl", self.manifest.size / CHUNK);
            self.start(path)?;
        }
        match line {
            Line::Clear(bytes) => {
                self.hashes.extend(leaf_hash(bytes));
                self.manifest.clear += 1;
                self.append(bytes)?;
                self.append(b"\n")?;
            }
            Line::Hash(hash) => {
                self.hashes.extend(hash);
                self.manifest.hashed += 1;
                self.append(format!("#{}\n", hex::encode(hash)).as_bytes())?;
            }
        }
        self.manifest.size += 1;
        Ok(())
    }

    /// Adds an opening of an entry in clear; ascending by `seq`.
    pub fn opening(&mut self, seq: u64, opening: &Opening) -> Result<(), PackageError> {
        self.enter(Part::Openings)?;
        let Opening { f, salt, v } = opening.clone();
        let line = OpeningLine { seq, f, salt, v };
        self.manifest.openings += 1;
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.append(&text)
    }

    /// Ends the package with its manifest.
    pub fn finish(mut self) -> Result<Finished<W>, PackageError> {
        self.enter(Part::Openings)?;
        self.end_file()?;
        let text = manifest_bytes(&self.manifest)?;
        self.zip.start_file(MANIFEST, options())?;
        self.zip.write_all(&text)?;
        let out = self.zip.finish()?.into_inner();
        Ok(Finished {
            out,
            manifest: self.manifest,
            manifest_sha256: hex::encode(digest::digest(&digest::SHA256, &text)),
        })
    }

    /// Goes on to a later part; `openings.jsonl` is there even if it stays empty.
    fn enter(&mut self, part: Part) -> Result<(), PackageError> {
        if part < self.part {
            return Err(PackageError::Order);
        }
        if part == Part::Openings && self.part < part {
            self.end_chunk()?;
            self.start(OPENINGS.to_owned())?;
        }
        self.part = part;
        Ok(())
    }

    /// Ends a file of entries and puts the file of their hashes behind it.
    fn end_chunk(&mut self) -> Result<(), PackageError> {
        self.end_file()?;
        if self.hashes.is_empty() {
            return Ok(());
        }
        let index = (self.manifest.size - 1) / CHUNK;
        let hashes = std::mem::take(&mut self.hashes);
        self.file(&format!("hashes/{index:08}.bin"), &hashes)
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), PackageError> {
        self.start(path.to_owned())?;
        self.append(bytes)?;
        self.end_file()
    }

    fn start(&mut self, path: String) -> Result<(), PackageError> {
        self.end_file()?;
        self.zip.start_file(path.as_str(), options())?;
        self.open = Some(OpenFile {
            path,
            bytes: 0,
            sha256: digest::Context::new(&digest::SHA256),
        });
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), PackageError> {
        let file = self.open.as_mut().ok_or(PackageError::Order)?;
        file.bytes += bytes.len() as u64;
        file.sha256.update(bytes);
        self.zip.write_all(bytes)?;
        Ok(())
    }

    fn end_file(&mut self) -> Result<(), PackageError> {
        if let Some(file) = self.open.take() {
            self.manifest.files.push(ManifestFile {
                path: file.path,
                bytes: file.bytes,
                sha256: hex::encode(file.sha256.finish()),
            });
        }
        Ok(())
    }
}

/// The manifest's exact bytes: JSON, two blanks of indentation, one line end behind.
pub(super) fn manifest_bytes(manifest: &Manifest) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(manifest)?;
    text.push(b'\n');
    Ok(text)
}

/// Deflated, the same time on all, large enough for anything.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::DEFAULT)
        .unix_permissions(0o644)
        .large_file(true)
}
