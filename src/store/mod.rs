//! The store: records, their indexes, the audit log's rows and the change feed, in one file.
//!
//! - [`Store::read`] gives the published snapshot; [`Store::write`] queues a verb for the one
//!   writer thread. Many verbs share one durable commit; none is answered before it.
//! - Nobody, not even a tail, can see what is not durable: readers only ever get snapshots
//!   that were published after a durable commit.
//! - A verb that fails leaves nothing. A storage error stops the store for good; the process
//!   is expected to end and be started again.
//!
//! Only [`engine`] names the engine's crate.

mod act;
pub mod backup;
mod check;
#[cfg(test)]
mod crash_tests;
mod engine;
mod entity;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod feed;
pub(crate) mod files;
mod folder;
mod key;
mod line;
mod listing;
mod memo;
mod migrate;
pub mod operation;
mod read;
mod row;
pub mod sealed;
mod source;
#[cfg(test)]
mod tests;
mod vault;
mod write;
mod writer;

use std::path::PathBuf;

pub use act::{
    Act, ActKind, Actor, Channel, Detail, ObjectRef, Origin, Outcome, SYSTEM_SUBJECT, Subject,
    SubjectId,
};
pub use check::{Finding, Findings};
#[cfg(any(test, feature = "faults"))]
pub use engine::Disk;
pub use engine::EngineError;
pub use entity::{AuditView, Class, Entity, Index, TableSpec};
pub use feed::{FeedEntry, Op};
pub use folder::Folder;
pub use key::{Desc, Key, KeyPart, RecordKey};
pub use listing::Listing;
pub use migrate::{FORMAT, Migration};
pub use read::{IndexHit, Read, Versioned, Walk};
pub use vault::Vault;
pub use write::{Change, Seal, Sealing, Write};
pub use writer::{Published, Store, StoreOptions};

use crate::error::AppError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage below failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A value fails its check: it was damaged on disk and is not served.
    #[error("damaged row in {table} at {key}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The key in hex.
        key: String,
    },
    /// A value or folder was written by a newer version of Qitai.
    #[error(
        "{what} was written by a newer version of Qitai; install that version or restore a backup made before the upgrade"
    )]
    Newer {
        /// The table or `data folder`.
        what: &'static str,
    },
    /// A unique index already names another record.
    #[error("duplicate in {index}")]
    Duplicate {
        /// The index table.
        index: &'static str,
    },
    /// The key file is missing, unreadable or does not fit the folder.
    #[error("key file {path}: {why}", path = path.display())]
    KeyFile {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The folder cannot be used.
    #[error("data folder {path}: {why}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// A file that lies beside the store cannot be read.
    #[error("a sealed file cannot be read: {why}")]
    File {
        /// Why: `InvalidData` if it is damaged.
        why: std::io::Error,
    },
    /// Writes are held until somebody has decided that the folder is the right one.
    #[error(
        "the data folder went back in time or is another one, so nothing is written to it. Put the newer folder back, or accept this one with `qitai resume --reason ...`"
    )]
    Held,
    /// More writes are waiting than the queue holds.
    #[error("too many writes are waiting")]
    Busy,
    /// The store has stopped, after an error or on request.
    #[error("the store has stopped: {0}")]
    Stopped(String),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl StoreError {
    pub(crate) fn damaged(table: &'static str, key: &[u8]) -> Self {
        Self::Damaged {
            table,
            key: hex::encode(key),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Duplicate { .. } => AppError::Conflict { why: "duplicate" },
            StoreError::Held => AppError::Unavailable { why: "held" },
            StoreError::Busy => AppError::Unavailable { why: "busy" },
            StoreError::Stopped(_) => AppError::Unavailable { why: "stopping" },
            other => AppError::internal(other),
        }
    }
}
