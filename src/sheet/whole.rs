//! A file that goes to whoever asked for it, and is not kept.

use std::path::Path;

use aws_lc_rs::digest;

use super::{SheetError, SheetFormat, SheetWriter, io};

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
    let path = folder.join(format!("whole-{number:016x}.{}", format.extension()));
    let mut sheet = SheetWriter::create(&path, format, head)?;
    // What breaks off before the end leaves nothing behind.
    fill(&mut sheet).map_err(NoFile::Unfilled)?;
    let rows = sheet.finish()?;
    let bytes = std::fs::read(&path).map_err(|e| io(&path, e));
    // The file was only on its way to whoever asked.
    let _ = std::fs::remove_file(&path);
    let bytes = bytes?;
    Ok(Whole {
        sha256: hex::encode(digest::digest(&digest::SHA256, &bytes)),
        bytes,
        rows,
    })
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
}
