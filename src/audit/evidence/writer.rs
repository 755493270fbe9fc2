//! Writes an evidence package in one pass with bounded memory and without ever going back,
//! so that it can be sealed on its way: contents, the list of them, and, once the log has sealed that list, the proofs and the manifest.

use std::io::{Read, Write};

use aws_lc_rs::digest;
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use super::{
    super::{
        note::VerifierKey,
        package::{ManifestFile, PackageError},
    },
    CONTENTS_FORMAT, Contents, EntryProof, FORMAT, Manifest, VERSION, name, pretty,
};

const README_TEXT: &str = include_str!("../../../packaging/evidence-readme.txt");
const FORMAT_TEXT: &str = include_str!("../../../packaging/evidence-format.md");
const AUDIT_FORMAT_TEXT: &str = include_str!("../../../packaging/audit-format.md");

/// What a package is about.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The log's name.
    pub origin: String,
    /// When, RFC 3339 in UTC.
    pub created: String,
    /// The case's id.
    pub case: String,
}

/// A package that is complete.
#[derive(Debug)]
pub struct Finished<W> {
    /// What it was written to.
    pub out: W,
    /// SHA-256 of `MANIFEST.json` in hex: stands for the whole package.
    pub manifest_sha256: String,
}

/// See the module.
pub struct EvidenceWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    open: Option<OpenFile>,
    files: Vec<ManifestFile>,
}

/// The file that is being written.
struct OpenFile {
    path: String,
    bytes: u64,
    sha256: digest::Context,
}

impl<W: Write> EvidenceWriter<W> {
    /// Begins a package with what is the same in all of them.
    pub fn new(out: W) -> Result<Self, PackageError> {
        let mut writer = Self {
            zip: ZipWriter::new_stream(out),
            open: None,
            files: Vec::new(),
        };
        writer.file(name::README, README_TEXT.as_bytes())?;
        writer.file(name::FORMAT_DOC, FORMAT_TEXT.as_bytes())?;
        writer.file(name::AUDIT_FORMAT_DOC, AUDIT_FORMAT_TEXT.as_bytes())?;
        Ok(writer)
    }

    /// Begins a file; what is written then is its content.
    pub fn start(&mut self, path: &str) -> Result<(), PackageError> {
        self.start_with(path, options())
    }

    fn start_with(&mut self, path: &str, how: SimpleFileOptions) -> Result<(), PackageError> {
        self.end_file();
        self.zip.start_file(path, how)?;
        self.open = Some(OpenFile {
            path: path.to_owned(),
            bytes: 0,
            sha256: digest::Context::new(&digest::SHA256),
        });
        Ok(())
    }

    /// Adds a whole file.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), PackageError> {
        self.start(path)?;
        Ok(self.write_all(bytes)?)
    }

    /// Adds a file from where it lies.
    pub fn copy(&mut self, path: &str, mut from: impl Read) -> Result<(), PackageError> {
        self.start(path)?;
        std::io::copy(&mut from, self)?;
        Ok(())
    }

    /// Adds a file of a message, hardly compressed: most are already, but what is only stored
    /// cannot be written in one pass for every reader. Gives size and SHA-256 of what came.
    pub fn media(
        &mut self,
        path: &str,
        mut from: impl Read,
    ) -> Result<(u64, String), PackageError> {
        self.start_with(path, options().compression_level(Some(1)))?;
        std::io::copy(&mut from, self)?;
        self.end_file();
        let file = self.files.last();
        Ok(file.map_or_else(Default::default, |file| (file.bytes, file.sha256.clone())))
    }

    /// Ends the contents with the list of them; gives its SHA-256 in hex, for the entry that
    /// seals it. `counts` are messages, those chosen, media, and media that are missing.
    pub fn contents(&mut self, case: &str, counts: [u64; 4]) -> Result<String, PackageError> {
        self.end_file();
        let [messages, chosen, media, media_missing] = counts;
        let contents = Contents {
            format: CONTENTS_FORMAT.to_owned(),
            v: VERSION,
            case: case.to_owned(),
            messages,
            chosen,
            media,
            media_missing,
            files: self.files.clone(),
        };
        let text = pretty(&contents)?;
        self.file(name::CONTENTS, &text)?;
        Ok(sha256(&text))
    }

    /// Adds the entries, ascending, each as its exact line with its proof.
    pub fn entries(&mut self, entries: &[(Vec<u8>, EntryProof)]) -> Result<(), PackageError> {
        self.start(name::ENTRIES)?;
        for (line, _) in entries {
            self.write_all(line)?;
            self.write_all(b"\n")?;
        }
        self.start(name::ENTRY_PROOFS)?;
        for (_, proof) in entries {
            let mut line = serde_json::to_vec(proof)?;
            line.push(b'\n');
            self.write_all(&line)?;
        }
        Ok(())
    }

    /// Adds the head that the proofs lead to, and ends the package with its manifest.
    pub fn finish(
        mut self,
        heading: Heading,
        key: &VerifierKey,
        note: &str,
    ) -> Result<Finished<W>, PackageError> {
        self.file(name::CHECKPOINT, note.as_bytes())?;
        self.file(name::KEY, format!("{}\n", key.text()).as_bytes())?;
        self.end_file();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            v: VERSION,
            product: format!("qitai {}", env!("CARGO_PKG_VERSION")),
            origin: heading.origin,
            created: heading.created,
            case: heading.case,
            files: self.files,
        };
        let text = pretty(&manifest)?;
        self.zip.start_file(name::MANIFEST, options())?;
        self.zip.write_all(&text)?;
        Ok(Finished {
            out: self.zip.finish()?.into_inner(),
            manifest_sha256: sha256(&text),
        })
    }

    fn end_file(&mut self) {
        if let Some(file) = self.open.take() {
            self.files.push(ManifestFile {
                path: file.path,
                bytes: file.bytes,
                sha256: hex::encode(file.sha256.finish()),
            });
        }
    }
}

impl<W: Write> Write for EvidenceWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.zip.write(bytes)?;
        if let Some(file) = &mut self.open {
            file.bytes += written as u64;
            file.sha256.update(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.zip.flush()
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Deflated, the same time on all, large enough for anything.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::DEFAULT)
        .unix_permissions(0o644)
        .large_file(true)
}
