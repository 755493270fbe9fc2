//! What has happened since the firm was made, by people and by calls: one line of JSON for each
//! deed, appended before anybody hears of it. A start after the process was killed repeats them.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{routes::Written, stage::Verb};
use crate::kit::Timestamp;

/// A deed and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was done.
    pub at: Timestamp,
    /// What was done.
    pub deed: Deed,
}

/// What was done, on the stage or by a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Deed {
    /// A call of the API: `{"call": "user/create", …}`.
    Call(Written),
    /// A deed of people: `{"do": "member_leaves", …}`.
    Stage(Verb),
}

/// The file, open at its end.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens or makes the file and reads what is in it. Half a line at the end, left by a
    /// process that was killed, is cut off: nobody has heard of that deed.
    ///
    /// # Errors
    /// When the file cannot be read or written, or a whole line of it is not a deed.
    pub fn open(path: &Path) -> std::io::Result<(Self, Vec<Entry>)> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
        }
        let lines = bytes[..whole].split(|b| *b == b'\n');
        let entries = lines
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).map_err(std::io::Error::from))
            .collect::<std::io::Result<_>>()?;
        Ok((Self(file), entries))
    }

    /// Appends a deed. It outlives the process at once; the machine, after a moment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}
