//! Reading what people bring: any CSV or XLSX, within bounds that hold whatever the file
//! claims about itself. Nothing is evaluated and nothing outside the file is opened.

use std::{fs::File, io::Read, path::Path};

use super::{book, text};

/// Characters of a cell at most; the limit of XLSX. A longer one in CSV is a quote that was
/// never closed.
pub(super) const CELL_CHARS_MAX: usize = 32_767;
/// Bytes that say what a file is.
const HEAD_LEN: usize = 8;

/// How much of a table is read; more is refused.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Rows with something in them.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Bytes of text in all cells together.
    pub text_bytes: usize,
}

/// A row with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    /// Its number as a spreadsheet shows it, from 1: blank rows count, and a cell of several
    /// lines is one row.
    pub number: u32,
    /// Its cells as text, blanks around it left out. Empty ones at the end are absent.
    pub cells: Vec<String>,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no row in it.
    #[error("nothing in it")]
    Empty,
    /// Neither CSV nor XLSX.
    #[error("neither CSV nor XLSX")]
    Unknown,
    /// The binary format of Excel 97, or an XLSX behind a password: the two look alike.
    #[error("an old or encrypted workbook")]
    OldOrEncrypted,
    /// More rows than asked for.
    #[error("more than {max} rows")]
    TooManyRows {
        /// The bound.
        max: usize,
    },
    /// A cell too far to the right.
    #[error("row {row} goes beyond column {max}")]
    TooWide {
        /// The row's number.
        row: u32,
        /// The bound.
        max: usize,
    },
    /// More text, or a file that grows out of all proportion when unpacked.
    #[error("too much in it")]
    TooMuch,
    /// A cell of more characters than any spreadsheet holds.
    #[error("a cell in row {row} does not end")]
    Endless {
        /// The row's number.
        row: u32,
    },
    /// Broken.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The disk failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads the rows of a file: of a workbook the first visible sheet that has any. Blocks.
///
/// # Errors
/// See [`ReadError`].
pub fn read_sheet(path: &Path, limits: &ReadLimits) -> Result<Vec<SheetRow>, ReadError> {
    let mut head = [0; HEAD_LEN];
    let mut file = File::open(path)?;
    let n = read_up_to(&mut file, &mut head)?;
    let mut rows = Rows::new(*limits);
    match &head[..n] {
        [] => return Err(ReadError::Empty),
        [b'P', b'K', 3, 4, ..] => book::read(path, &mut rows)?,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(ReadError::OldOrEncrypted),
        _ => text::read(path, &mut rows)?,
    }
    match rows.all.is_empty() {
        true => Err(ReadError::Empty),
        false => Ok(rows.all),
    }
}

fn read_up_to(file: &mut File, into: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < into.len() {
        match file.read(&mut into[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

/// The rows while they are gathered, within the bounds.
pub(super) struct Rows {
    limits: ReadLimits,
    text_bytes: usize,
    pub(super) all: Vec<SheetRow>,
}

impl Rows {
    fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            text_bytes: 0,
            all: Vec::new(),
        }
    }

    /// Puts text into a cell of the row being made; blank text leaves it as it is.
    pub(super) fn cell(
        &mut self,
        row: u32,
        cells: &mut Vec<String>,
        column: usize,
        text: &str,
    ) -> Result<(), ReadError> {
        if text.len() > CELL_CHARS_MAX && text.chars().count() > CELL_CHARS_MAX {
            return Err(ReadError::Endless { row });
        }
        let text = tidy(text);
        if text.is_empty() {
            return Ok(());
        }
        if column >= self.limits.columns {
            let max = self.limits.columns;
            return Err(ReadError::TooWide { row, max });
        }
        self.text_bytes += text.len();
        if self.text_bytes > self.limits.text_bytes {
            return Err(ReadError::TooMuch);
        }
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
        Ok(())
    }

    /// Adds a row, unless it is blank.
    pub(super) fn row(&mut self, number: u32, cells: Vec<String>) -> Result<(), ReadError> {
        if cells.is_empty() {
            return Ok(());
        }
        if self.all.len() >= self.limits.rows {
            let max = self.limits.rows;
            return Err(ReadError::TooManyRows { max });
        }
        self.all.push(SheetRow { number, cells });
        Ok(())
    }
}

/// Text as a person meant it: one line, without what cannot be seen.
fn tidy(text: &str) -> String {
    let seen = text.chars().filter_map(|c| match c {
        '\r' | '\n' | '\t' => Some(' '),
        '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' => None,
        c if c.is_control() => None,
        c => Some(c),
    });
    let line: String = seen.collect();
    line.trim().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::sheet) const LIMITS: ReadLimits = ReadLimits {
        rows: 100,
        columns: 50,
        text_bytes: 100_000,
    };

    pub(in crate::sheet) fn read_bytes(bytes: &[u8]) -> Result<Vec<SheetRow>, ReadError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        read_sheet(&path, &LIMITS)
    }

    #[test]
    fn what_is_no_table_is_named() {
        assert!(matches!(read_bytes(b""), Err(ReadError::Empty)));
        assert!(matches!(read_bytes(b" \n,,\n"), Err(ReadError::Empty)));
        let old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest";
        assert!(matches!(read_bytes(old), Err(ReadError::OldOrEncrypted)));
        let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
        assert!(matches!(read_bytes(picture), Err(ReadError::Unknown)));
        let cut = b"PK\x03\x04 and nothing of a workbook";
        assert!(matches!(read_bytes(cut), Err(ReadError::Damaged(_))));
    }

    #[test]
    fn text_is_what_can_be_seen_of_it() {
        assert_eq!(tidy("\u{feff} 王\u{200b}芳\u{3000}\n"), "王芳");
        assert_eq!(tidy("两\n行"), "两 行");
        assert_eq!(tidy("\u{0}\u{1b}"), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read_bytes(&bytes);
            let _ = read_bytes(&[b"PK\x03\x04".as_slice(), &bytes].concat());
        }
    }
}
