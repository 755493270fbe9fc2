//! Opening a package that may come from an enemy: bounds first, content later.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use aws_lc_rs::digest;
use zip::{ZipArchive, read::ZipFile};

use super::{
    super::package::{FORMAT_DOC, GENESIS, MANIFEST, OPENINGS, README},
    layout,
};

/// Files of a package at most: enough for 200 million entries.
const FILES_MAX: usize = 100_000;
/// A file of this size or more may not be better compressed than [`RATIO_MAX`].
const RATIO_BYTES: u64 = 1 << 20;
/// No honest package compresses that well: its lines are full of hashes.
const RATIO_MAX: u64 = 200;
/// Bytes of a line at most.
pub(in crate::audit) const LINE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of files that are read whole.
const SMALL_BYTES_MAX: u64 = 64 << 20;

/// Why a file cannot be read as a package, in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Unreadable(pub(in crate::audit) String);

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<zip::result::ZipError> for Unreadable {
    fn from(error: zip::result::ZipError) -> Self {
        Self(error.to_string())
    }
}

/// What a file is for, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) enum Kind {
    Text,
    Manifest,
    Genesis,
    Openings,
    Checkpoint(u64),
    Entries(u64),
    Hashes(u64),
}

impl Kind {
    /// `None` for names that no package has, also for those that lead out of a folder.
    pub(in crate::audit) fn of(name: &str) -> Option<Self> {
        match name {
            README | FORMAT_DOC => return Some(Self::Text),
            MANIFEST => return Some(Self::Manifest),
            GENESIS => return Some(Self::Genesis),
            OPENINGS => return Some(Self::Openings),
            _ => {}
        }
        let (folder, file) = name.split_once('/')?;
        let (stem, extension) = file.split_once('.')?;
        if stem.is_empty() || !stem.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: u64 = stem.parse().ok()?;
        match (folder, extension) {
            ("checkpoints", "note") if number.to_string() == stem => Some(Self::Checkpoint(number)),
            ("entries", "jsonl") if stem.len() == 8 => Some(Self::Entries(number)),
            ("hashes", "bin") if stem.len() == 8 => Some(Self::Hashes(number)),
            _ => None,
        }
    }
}

/// Size and SHA-256 of the files read so far.
pub(in crate::audit) type Digests = BTreeMap<String, (u64, String)>;

/// An open package. Every file is read through it, with its digest taken on the way.
pub(in crate::audit) struct Container {
    zip: ZipArchive<BufReader<File>>,
    pub(in crate::audit) digests: Digests,
}

impl Container {
    /// Opens the file and looks at every header before anything is inflated.
    pub(in crate::audit) fn open(path: &Path) -> Result<Self, Unreadable> {
        Self::open_as(path, |name| Kind::of(name).is_some(), RATIO_MAX)
    }

    /// The same for a format with other names, whose files may be so much better compressed.
    pub(in crate::audit) fn open_as(
        path: &Path,
        is_of_format: fn(&str) -> bool,
        ratio_max: u64,
    ) -> Result<Self, Unreadable> {
        let mut zip = ZipArchive::new(BufReader::new(File::open(path)?))?;
        let refuse = |why: &str| Err(Unreadable(why.to_owned()));
        if zip.len() > FILES_MAX {
            return refuse("it has too many files");
        }
        if zip.offset() != 0 || !zip.comment().is_empty() {
            return refuse("it has bytes before or behind the ZIP");
        }
        zip.validate_header_consistency()?;
        layout::check(path)?;
        for index in 0..zip.len() {
            let file = zip.by_index_raw(index)?;
            if !std::str::from_utf8(file.name_raw()).is_ok_and(is_of_format) {
                return refuse("it holds a file that is not part of the format");
            }
            if file.encrypted() {
                return refuse("it is encrypted");
            }
            let bound = file.compressed_size().saturating_mul(ratio_max);
            if file.size() > RATIO_BYTES && file.size() > bound {
                return refuse("a file in it unpacks to far more than it can hold");
            }
        }
        Ok(Self {
            zip,
            digests: Digests::new(),
        })
    }

    /// The names with what they are for, in the order of [`Kind`].
    pub(in crate::audit) fn names(&self) -> Vec<(Kind, String)> {
        let mut names: Vec<(Kind, String)> = self
            .zip
            .file_names_raw()
            .filter_map(|raw| std::str::from_utf8(raw).ok())
            .filter_map(|name| Some((Kind::of(name)?, name.to_owned())))
            .collect();
        names.sort();
        names
    }

    /// All names, sorted.
    pub(in crate::audit) fn all_names(&self) -> Vec<String> {
        let names = self.zip.file_names_raw();
        let mut names: Vec<String> = names
            .filter_map(|raw| std::str::from_utf8(raw).ok())
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// Size and SHA-256 of a file of any size.
    pub(in crate::audit) fn digest(&mut self, name: &str) -> Result<(u64, String), Unreadable> {
        let mut file = Digesting::new(self.zip.by_name(name)?);
        io::copy(&mut file, &mut io::sink())?;
        Ok((file.bytes, hex::encode(file.context.finish())))
    }

    /// Whether a file is there.
    pub(in crate::audit) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name_raw(name.as_bytes()).is_some()
    }

    /// A whole file of at most `bytes_max`.
    pub(in crate::audit) fn whole(
        &mut self,
        name: &str,
        bytes_max: u64,
    ) -> Result<Vec<u8>, Unreadable> {
        let bytes_max = bytes_max.min(SMALL_BYTES_MAX);
        let mut bytes = Vec::new();
        let file = self.zip.by_name(name)?;
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(Unreadable(format!("{name} is too large")));
        }
        let sha256 = hex::encode(digest::digest(&digest::SHA256, &bytes));
        self.digests
            .insert(name.to_owned(), (bytes.len() as u64, sha256));
        Ok(bytes)
    }

    /// A file line by line.
    pub(in crate::audit) fn lines(&mut self, name: &str) -> Result<Lines<'_>, Unreadable> {
        let file = self.zip.by_name(name)?;
        Ok(Lines {
            reader: BufReader::with_capacity(1 << 16, Digesting::new(file)),
            digests: &mut self.digests,
            name: name.to_owned(),
        })
    }
}

/// The lines of one file.
pub(in crate::audit) struct Lines<'a> {
    reader: BufReader<Digesting<ZipFile<'a, BufReader<File>>>>,
    digests: &'a mut Digests,
    name: String,
}

impl Lines<'_> {
    /// Reads the next line into `line`, without its end. `None` at the end of the file,
    /// otherwise whether the line had an end.
    pub(in crate::audit) fn next(
        &mut self,
        line: &mut Vec<u8>,
    ) -> Result<Option<bool>, Unreadable> {
        line.clear();
        let read = (&mut self.reader)
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', line)?;
        if read == 0 {
            return Ok(None);
        }
        let ended = line.pop_if(|byte| *byte == b'\n').is_some();
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(Unreadable(format!("{} has a line too long", self.name)));
        }
        Ok(Some(ended))
    }

    /// Reads what is left and notes the digest of the whole file.
    pub(in crate::audit) fn finish(mut self) -> Result<(), Unreadable> {
        io::copy(&mut self.reader, &mut io::sink())?;
        let digesting = self.reader.into_inner();
        let sha256 = hex::encode(digesting.context.finish());
        self.digests.insert(self.name, (digesting.bytes, sha256));
        Ok(())
    }
}

/// Takes the digest of what is read through it.
struct Digesting<R> {
    inner: R,
    context: digest::Context,
    bytes: u64,
}

impl<R> Digesting<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            context: digest::Context::new(&digest::SHA256),
            bytes: 0,
        }
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.context.update(&buf[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
