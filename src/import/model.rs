//! Imports: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    error::Problem,
    kit::{Id, Timestamp},
    store::SubjectId,
    work::JobId,
};

/// See [`Import`].
pub type ImportId = Id<Import>;

/// An import can be undone so long after it has ended, ms: 24 hours.
pub const UNDO_MS: i64 = 24 * 3_600_000;
/// Rows of one file.
pub const ROWS_MAX: usize = 20_000;
/// Rows of one block, which one write takes in. Their records are named one by one in its
/// audit entry.
pub const BLOCK_ROWS: usize = 100;

/// What a column can be.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Stable code.
    pub code: &'static str,
    /// Catalogue key of its name.
    pub word: &'static str,
    /// Headings under which people have it, in any writing.
    pub names: &'static [&'static str],
    /// Whether a file without it cannot be taken in.
    pub required: bool,
    /// An example.
    pub example: &'static str,
}

/// Something to decide about an import.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Stable code.
    pub code: &'static str,
    /// Catalogue key of the question; `<word>_hint` explains it.
    pub word: &'static str,
    /// The answers there are.
    pub kind: SettingKind,
}

/// The answers to a [`Setting`].
#[derive(Debug, Clone, Copy)]
pub enum SettingKind {
    /// Yes or no.
    Tick,
    /// One of these: code and catalogue key.
    Choice(&'static [(&'static str, &'static str)]),
}

/// What was decided: setting and answer. A tick that is not set is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Options(#[n(0)] pub Vec<(String, String)>);

impl Options {
    /// The answer; empty if there is none.
    pub fn get(&self, code: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == code);
        found.map_or("", |(_, answer)| answer)
    }

    /// Whether a box is ticked.
    pub fn is_on(&self, code: &str) -> bool {
        !self.get(code).is_empty()
    }
}

/// The addresses of the pages of one kind of import.
#[derive(Debug, Clone, Copy)]
pub struct Paths {
    /// Upload; the others begin with it.
    pub start: &'static str,
    /// The empty file.
    pub template: &'static str,
    /// Progress and result.
    pub one: &'static str,
    /// Which column is what.
    pub columns: &'static str,
    /// The dry run.
    pub check: &'static str,
    /// Rows that cannot be taken in, as a file.
    pub errors: &'static str,
    /// Begins.
    pub run: &'static str,
    /// Takes everything back.
    pub undo: &'static str,
    /// Where the list of what is imported is.
    pub list: &'static str,
}

/// The cells of a row by field.
#[derive(Debug, Clone, Copy)]
pub struct Values<'r> {
    /// The row's number in the file.
    pub number: u32,
    mapping: &'r [String],
    cells: &'r [String],
}

impl<'r> Values<'r> {
    /// The row with its columns named.
    pub fn new(number: u32, mapping: &'r [String], cells: &'r [String]) -> Self {
        Self {
            number,
            mapping,
            cells,
        }
    }

    /// What stands in a field; `None` if no column is that field or the cell is blank: then
    /// the file says nothing about it.
    pub fn get(&self, field: &str) -> Option<&'r str> {
        let column = self.mapping.iter().position(|known| known == field)?;
        let cell = self.cells.get(column)?.as_str();
        Some(cell).filter(|cell| !cell.is_empty())
    }
}

/// What would become of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// A record is made.
    #[n(0)]
    Create,
    /// A record is changed.
    #[n(1)]
    Change,
    /// Everything is so already.
    #[n(2)]
    Same,
    /// It cannot be taken in.
    #[n(3)]
    Wrong,
    /// Somebody who was in no row.
    #[n(4)]
    Missing,
}

impl Verdict {
    /// All of them, in the order of the tabs.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Change,
        Self::Same,
        Self::Wrong,
        Self::Missing,
    ];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Same => "same",
            Self::Wrong => "wrong",
            Self::Missing => "missing",
        }
    }

    /// Tone of its status.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Create => "ok",
            Self::Change => "info",
            Self::Same => "muted",
            Self::Wrong => "bad",
            Self::Missing => "warn",
        }
    }
}

/// A field that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Catalogue key of the field's name.
    pub word: &'static str,
    /// What it is; empty if there is nothing.
    pub from: String,
    /// What it would be.
    pub to: String,
}

/// A judged row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What would become of it.
    pub verdict: Verdict,
    /// How people call what it is about.
    pub title: String,
    /// What would change.
    pub diffs: Vec<Diff>,
    /// Why it cannot be taken in.
    pub problems: Vec<Problem>,
    /// What is left out of an otherwise good row, and why.
    pub notes: Vec<Problem>,
}

/// Somebody who was in no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The record.
    pub id: String,
    /// How people call it.
    pub title: String,
    /// What tells it from others of that name.
    pub detail: String,
}

/// What became of a row.
#[derive(Debug, Clone)]
pub struct Applied {
    /// What became of it.
    pub verdict: Verdict,
    /// What undoing it takes, in order; each is given to `undo` once, the last first.
    pub undo: Vec<Vec<u8>>,
    /// Why it was not taken in.
    pub problems: Vec<Problem>,
    /// Named counts for the result besides those of the verdicts.
    pub counts: Vec<(&'static str, u64)>,
}

impl Applied {
    /// A row that was not taken in.
    pub fn refused(problems: Vec<Problem>) -> Self {
        Self {
            verdict: Verdict::Wrong,
            undo: Vec::new(),
            problems,
            counts: Vec::new(),
        }
    }
}

/// One spreadsheet on its way in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Import {
    /// Ours.
    #[n(0)]
    pub id: ImportId,
    /// What its rows are: the name of an importable.
    #[n(1)]
    pub kind: String,
    /// Who brought it; nobody else sees it.
    #[n(2)]
    pub created_by: Option<SubjectId>,
    /// When.
    #[n(3)]
    pub created_at: Timestamp,
    /// The file's name.
    #[n(4)]
    pub file_name: String,
    /// SHA-256 of the file, hex.
    #[n(5)]
    pub sha256: String,
    /// The headings.
    #[n(6)]
    pub columns: Vec<String>,
    /// The field of each column; empty for none.
    #[n(7)]
    pub mapping: Vec<String>,
    /// What was decided.
    #[n(8)]
    pub options: Options,
    /// Rows behind the headings.
    #[n(9)]
    pub rows: u64,
    /// The job that takes them in, once it is started.
    #[n(10)]
    pub job: Option<JobId>,
    /// The job that takes them back.
    #[n(11)]
    pub undo: Option<JobId>,
    /// Whether the rows and what they were before are gone.
    #[n(12)]
    pub swept: bool,
}

impl Import {
    /// Number of blocks.
    pub fn blocks(&self) -> u32 {
        let blocks = self.rows.div_ceil(BLOCK_ROWS as u64);
        u32::try_from(blocks).unwrap_or(u32::MAX)
    }
}

/// A row as it came.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RawRow {
    /// Its number in the file.
    #[n(0)]
    pub number: u32,
    /// Its cells.
    #[n(1)]
    pub cells: Vec<String>,
}

/// A stretch of rows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Block {
    /// The import.
    #[n(0)]
    pub import: ImportId,
    /// From 0.
    #[n(1)]
    pub no: u32,
    /// The rows.
    #[n(2)]
    pub rows: Vec<RawRow>,
}

/// What became of one row that changed something or could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outcome {
    /// The import.
    #[n(0)]
    pub import: ImportId,
    /// Its place among the outcomes, from 0.
    #[n(1)]
    pub no: u32,
    /// The row: block and place in it; none for somebody who was in no row.
    #[n(2)]
    pub row: Option<(u32, u32)>,
    /// What became of it.
    #[n(3)]
    pub verdict: Verdict,
    /// What it was before.
    #[n(4)]
    pub undo: Vec<minicbor::bytes::ByteVec>,
    /// Why it was not taken in: catalogue key and named values.
    #[n(5)]
    pub problems: Vec<(String, Vec<(String, String)>)>,
    /// Whether it was taken back.
    #[n(6)]
    pub undone: bool,
}

/// What somebody decided about files with these headings.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Remembered {
    /// Kind and hash of the headings.
    #[n(0)]
    pub signature: String,
    /// The field of each column.
    #[n(1)]
    pub mapping: Vec<String>,
    /// What was decided.
    #[n(2)]
    pub options: Options,
}
