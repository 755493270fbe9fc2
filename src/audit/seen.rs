//! What was last seen of the log, kept beside the data folder: a folder that went back in
//! time, or was exchanged for another, is noticed when it is opened.
//!
//! `<data>.seen` holds the folder's id and size and root of the log. It is never ahead of what
//! is durable, and up to a minute behind. It guards against accidents (an old copy, a snapshot
//! of the machine); whoever can exchange the folder can exchange it too, and only a checkpoint
//! kept elsewhere proves more.

use serde::{Deserialize, Serialize};

use crate::{
    kit::Timestamp,
    store::{Folder, Store, StoreError},
};

use super::{log, log::Stored, merkle};

/// The log as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The folder's id.
    pub folder: String,
    /// Entries.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
    /// When.
    pub at: Timestamp,
}

/// Why a folder is not written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What is wrong with it.
    pub why: Why,
    /// The log as it was seen last; none if that cannot be read.
    pub seen: Option<Seen>,
    /// Entries of the log as it is.
    pub size: u64,
}

/// What is wrong with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It has less than was seen already.
    Behind,
    /// It has another history than the one seen.
    Differs,
    /// It is another folder.
    OtherFolder,
    /// What was seen cannot be read.
    Unreadable,
}

impl Why {
    /// The stable code: catalogue key, audit trail, log line.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Differs => "differs",
            Self::OtherFolder => "other_folder",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Doubt {
    /// What the audit entry of the decision says about it.
    pub fn text(&self) -> String {
        let why = self.why.code();
        match &self.seen {
            Some(seen) => format!(
                "{why}: seen {} with {} entries, root {}, at {}; found {}",
                seen.folder,
                seen.size,
                seen.root,
                seen.at.to_rfc3339(),
                self.size
            ),
            None => format!("{why}: found {}", self.size),
        }
    }
}

/// Holds an open store against what was seen of it. Nothing seen yet is no doubt.
pub fn examine(folder: &Folder, store: &Store) -> Result<Option<Doubt>, StoreError> {
    let Some(text) = folder.read_seen()? else {
        return Ok(None);
    };
    let seen: Option<Seen> = serde_json::from_str(&text).ok();
    store.read(|read| {
        let size = log::size(read)?;
        let why = match &seen {
            None => Some(Why::Unreadable),
            Some(seen) if seen.folder != store.vault().folder_id() => Some(Why::OtherFolder),
            Some(seen) if seen.size > size => Some(Why::Behind),
            Some(seen) => {
                let root = merkle::root(&Stored { read }, seen.size)?;
                (hex::encode(root) != seen.root).then_some(Why::Differs)
            }
        };
        Ok(why.map(|why| Doubt { why, seen, size }))
    })
}

/// Notes how the log is now. To be called now and then, and when it has come to rest.
pub fn note(folder: &Folder, store: &Store) -> Result<(), StoreError> {
    let (size, root) = store.read(log::size_and_root)?;
    let seen = Seen {
        folder: store.vault().folder_id(),
        size,
        root: hex::encode(root),
        at: store.clock().now(),
    };
    let text = serde_json::to_string(&seen).map_err(|e| StoreError::Internal(e.to_string()))?;
    folder.write_seen(&text)
}
