//! A file that goes to whoever asked for it, and is not kept.

use std::path::Path;

use aws_lc_rs::digest;

use crate::error::{AppError, Result};

use super::{SheetFormat, SheetWriter};

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

/// Writes a file row by row below `folder`, under the name of a number that nobody else has, and
/// takes it from there again. Waits for the disk.
pub fn whole(
    folder: &Path,
    number: u64,
    format: SheetFormat,
    head: &[String],
    fill: impl FnOnce(&mut SheetWriter) -> Result<()>,
) -> Result<Whole> {
    std::fs::create_dir_all(folder).map_err(AppError::internal)?;
    let path = folder.join(format!("whole-{number:016x}.{}", format.extension()));
    let mut sheet = SheetWriter::create(&path, format, head).map_err(AppError::internal)?;
    // What breaks off before the end leaves nothing behind.
    fill(&mut sheet)?;
    let rows = sheet.finish().map_err(AppError::internal)?;
    let bytes = std::fs::read(&path).map_err(AppError::internal);
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
            sheet.row(&row).map_err(AppError::internal)
        })
        .unwrap();
        assert_eq!(made.rows, 1);
        let text = String::from_utf8(made.bytes.clone()).unwrap();
        assert_eq!(text.lines().nth(1), Some("'=1,x"));
        let sha256 = digest::digest(&digest::SHA256, &made.bytes);
        assert_eq!(made.sha256, hex::encode(sha256));
        let refused = whole(&folder, 8, SheetFormat::Csv, &head, |_| {
            Err(AppError::Unauthenticated)
        });
        assert!(refused.is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
