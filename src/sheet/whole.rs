//! A file that goes to whoever asked for it, and is not kept.

use std::{io::ErrorKind, path::Path};

use aws_lc_rs::digest;

use super::{SheetError, SheetFormat, SheetWriter, io};

/// How the names of such files begin.
const BEGIN: &str = "whole-";

/// A whole file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Rows below the head.
    pub rows: u64,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
}

/// Why there is no file.
#[derive(Debug)]
pub enum NoFile<E> {
    /// It could not be written.
    Unwritten(SheetError),
    /// Whoever was to fill it could not.
    Unfilled(E),
}

impl<E> NoFile<E> {
    /// The error of whoever asked for the file; `other` makes it of one of writing.
    pub fn or(self, other: impl FnOnce(SheetError) -> E) -> E {
        match self {
            Self::Unwritten(error) => other(error),
            Self::Unfilled(error) => error,
        }
    }
}

impl<E> From<SheetError> for NoFile<E> {
    fn from(error: SheetError) -> Self {
        Self::Unwritten(error)
    }
}

/// Writes a file row by row below `folder`, under the name of a number that nobody else has, and
/// takes it from there again. Waits for the disk.
pub fn whole<E>(
    folder: &Path,
    number: u64,
    format: SheetFormat,
    head: &[String],
    fill: impl FnOnce(&mut SheetWriter) -> Result<(), E>,
) -> Result<Whole, NoFile<E>> {
    std::fs::create_dir_all(folder).map_err(|e| io(folder, e))?;
    let path = folder.join(format!("{BEGIN}{number:016x}.{}", format.extension()));
    let mut sheet = SheetWriter::create(&path, format, head)?;
    // What breaks off before the end leaves nothing behind.
    fill(&mut sheet).map_err(NoFile::Unfilled)?;
    let rows = sheet.finish()?;
    let bytes = std::fs::read(&path).map_err(|e| io(&path, e));
    // The file was only on its way to whoever asked: it lies there for nobody else to read.
    std::fs::remove_file(&path).map_err(|e| io(&path, e))?;
    let bytes = bytes?;
    Ok(Whole {
        sha256: hex::encode(digest::digest(&digest::SHA256, &bytes)),
        bytes,
        rows,
    })
}

/// Removes what [`whole`] left behind when it was cut off. Only while nobody writes there.
pub fn clear_leftovers(folder: &Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(BEGIN) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_handed_over_whole_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("exports");
        let head = ["a".to_owned(), "b".to_owned()];
        let made = whole(&folder, 7, SheetFormat::Csv, &head, |sheet| {
            let row = ["=1".into(), "x".into()];
            sheet.row(&row)
        })
        .unwrap();
        assert_eq!(made.rows, 1);
        let text = String::from_utf8(made.bytes.clone()).unwrap();
        assert_eq!(text.lines().nth(1), Some("'=1,x"));
        let sha256 = digest::digest(&digest::SHA256, &made.bytes);
        assert_eq!(made.sha256, hex::encode(sha256));
        let refused = whole(&folder, 8, SheetFormat::Csv, &head, |_| Err("no"));
        assert_eq!(refused.unwrap_err().or(|_| "the disk"), "no");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn what_was_cut_off_is_removed_and_no_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("exports");
        clear_leftovers(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        for name in ["whole-7.csv", "whole-8.xlsx.part", "job.csv"] {
            std::fs::write(folder.join(name), "x").unwrap();
        }
        clear_leftovers(&folder).unwrap();
        let left = std::fs::read_dir(&folder).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["job.csv"]);
    }
}
