//! Tables for people to take away and to bring: CSV and XLSX, written row by row, and read
//! within bounds whatever the file claims to be.
//!
//! Every cell that is written is text or a number, never a formula: names, remarks and companies come from
//! strangers, and a spreadsheet runs what begins with `=`. In CSV such cells get an apostrophe
//! in front, also where the sign is a full-width one or stands behind blanks; XLSX stores
//! typed text, which is never evaluated.

mod book;
mod read;
mod text;
mod whole;

pub use whole::{NoFile, Whole, clear_leftovers, whole};

pub use read::{ReadError, ReadLimits, SheetRow, read_sheet};

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetFormat {
    /// UTF-8 with a byte order mark, so that spreadsheets read Chinese.
    Csv,
    /// Office Open XML.
    Xlsx,
}

impl SheetFormat {
    /// From `csv` or `xlsx`.
    pub fn of_code(code: &str) -> Option<Self> {
        match code {
            "csv" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// The file name's end, also the code.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Rows of one worksheet at most; the format's own limit is 1,048,576.
pub const ROWS_MAX: u64 = 1_000_000;
/// Characters of a cell at most; the format's own limit is 32,767.
const CELL_CHARS_MAX: usize = 32_000;

/// Writing failed.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// More rows than a worksheet holds.
    #[error("more than {ROWS_MAX} rows")]
    TooManyRows,
    /// The disk failed or is full.
    #[error("{path}: {why}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// A file in the making. It appears under its name only when [`SheetWriter::finish`] has
/// made it durable; dropped before, it leaves nothing.
pub struct SheetWriter {
    path: PathBuf,
    part: PathBuf,
    rows: u64,
    kind: Kind,
    finished: bool,
}

enum Kind {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Xlsx(Box<rust_xlsxwriter::Workbook>),
}

impl SheetWriter {
    /// Begins a file with its head row.
    pub fn create(path: &Path, format: SheetFormat, head: &[String]) -> Result<Self, SheetError> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let kind = match format {
            SheetFormat::Csv => {
                let mut file = BufWriter::new(File::create(&part).map_err(|e| io(&part, e))?);
                file.write_all("\u{feff}".as_bytes())
                    .map_err(|e| io(&part, e))?;
                Kind::Csv(Box::new(csv::Writer::from_writer(file)))
            }
            SheetFormat::Xlsx => {
                let mut book = rust_xlsxwriter::Workbook::new();
                book.add_worksheet_with_constant_memory()
                    .map_err(|e| io(&part, e))?
                    .set_freeze_panes(1, 0)
                    .map_err(|e| io(&part, e))?;
                Kind::Xlsx(Box::new(book))
            }
        };
        let mut writer = Self {
            path: path.to_owned(),
            part,
            rows: 0,
            kind,
            finished: false,
        };
        let cells: Vec<Cell> = head.iter().map(|text| text.as_str().into()).collect();
        writer.row(&cells)?;
        Ok(writer)
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[Cell]) -> Result<(), SheetError> {
        if self.rows > ROWS_MAX {
            return Err(SheetError::TooManyRows);
        }
        match &mut self.kind {
            Kind::Csv(writer) => {
                let record = cells.iter().map(|cell| match cell {
                    Cell::Text(text) => defused(text),
                    Cell::Number(n) => n.to_string(),
                });
                writer.write_record(record).map_err(|e| io(&self.part, e))?;
            }
            Kind::Xlsx(book) => {
                let sheet = book
                    .worksheet_from_index(0)
                    .map_err(|e| io(&self.part, e))?;
                let row = u32::try_from(self.rows).map_err(|_| SheetError::TooManyRows)?;
                for (column, cell) in (0u16..).zip(cells) {
                    match cell {
                        Cell::Text(text) => sheet.write_string(row, column, shortened(text)),
                        Cell::Number(n) => sheet.write_number(row, column, *n),
                    }
                    .map_err(|e| io(&self.part, e))?;
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Rows written, without the head.
    pub fn rows(&self) -> u64 {
        self.rows - 1
    }

    /// Makes the file durable and gives it its name.
    pub fn finish(mut self) -> Result<u64, SheetError> {
        let fail = |why: &dyn std::fmt::Display| SheetError::Io {
            path: self.part.clone(),
            why: why.to_string(),
        };
        match &mut self.kind {
            Kind::Csv(writer) => writer.flush().map_err(|e| fail(&e))?,
            Kind::Xlsx(book) => book.save(&self.part).map_err(|e| fail(&e))?,
        }
        File::open(&self.part)
            .and_then(|file| file.sync_all())
            .map_err(|e| fail(&e))?;
        std::fs::rename(&self.part, &self.path).map_err(|e| fail(&e))?;
        self.finished = true;
        Ok(self.rows())
    }
}

impl Drop for SheetWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing of a half-made file may stay; that it is gone already is fine.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

fn io(path: &Path, why: impl std::fmt::Display) -> SheetError {
    SheetError::Io {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// Text that no spreadsheet takes for a formula.
fn defused(text: &str) -> String {
    let first = text.trim_start().chars().next();
    let dangerous = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
    );
    let control = text.starts_with(['\t', '\r', '\n']);
    if dangerous || control {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Text as long as a cell may be.
fn shortened(text: &str) -> String {
    text.chars().take(CELL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head() -> Vec<String> {
        vec!["姓名".to_owned(), "n".to_owned()]
    }

    #[test]
    fn formulas_from_strangers_are_text() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@x",
            "＝1",
            "  =1",
            "\t=1",
            "\u{3000}=HYPERLINK(1)",
        ] {
            assert_eq!(defused(text), format!("'{text}"));
        }
        for text in ["王海燕", "138", "a=b", ""] {
            assert_eq!(defused(text), text);
        }
    }

    #[test]
    fn a_csv_is_whole_or_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let mut sheet = SheetWriter::create(&path, SheetFormat::Csv, &head()).unwrap();
        sheet.row(&["=1".into(), Cell::Number(3.0)]).unwrap();
        assert!(!path.exists());
        assert_eq!(sheet.finish().unwrap(), 1);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "\u{feff}姓名,n\n'=1,3\n"
        );

        let other = dir.path().join("b.csv");
        drop(SheetWriter::create(&other, SheetFormat::Csv, &head()).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_xlsx_stores_typed_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xlsx");
        let mut sheet = SheetWriter::create(&path, SheetFormat::Xlsx, &head()).unwrap();
        sheet.row(&["=1+1".into(), Cell::Number(3.0)]).unwrap();
        sheet.finish().unwrap();
        let mut zip = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let xml =
            std::io::read_to_string(zip.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert!(!xml.contains("<f>"), "{xml}");
        assert!(xml.contains("inlineStr"), "{xml}");
    }

    proptest! {
        #[test]
        fn a_csv_cell_never_begins_a_formula(text in "\\PC{0,12}") {
            let cell = defused(&text);
            let first = cell.trim_start().chars().next();
            prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@')));
            prop_assert!(cell.ends_with(&text));
        }
    }
}
