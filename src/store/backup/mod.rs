//! Backup and restore: one file, a consistent snapshot taken while serving, verified after
//! writing and again before it is restored.
//!
//! ```text
//! "QITAIBK1"
//! frame*     'F' | table u8+bytes | raw len u32 BE | packed len u32 BE | zstd of (key u32+bytes, value u32+bytes)*
//! manifest   'M' | len u32 BE | JSON: when, folder, feed head, rows and SHA-256 of each table
//! SHA-256    32 bytes over everything before
//! ```
//!
//! Rows are copied as stored: what is sealed stays sealed. The key file is not in it; it is
//! kept apart and given to the restore.

mod read;
mod restore;
mod sum;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    ops::Bound,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

pub use read::verify;
pub use restore::{restore, restore_with};

use crate::kit::Timestamp;

use super::{
    Store, StoreError, StoreOptions, Vault,
    engine::{Engine, Snapshot},
    feed, files, migrate,
};
use sum::{Hashing, Summing};

const MAGIC: &[u8; 8] = b"QITAIBK1";
const LAYOUT: u32 = 1;
const FRAME_BYTES: usize = 1 << 20;
/// A frame may exceed its aim by one row; more is not believed when reading.
const FRAME_BYTES_MAX: usize = 64 << 20;
const ZSTD_LEVEL: i32 = 3;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file's layout.
    pub layout: u32,
    /// Format of the folder.
    pub format: u32,
    /// When the snapshot was taken.
    pub taken_at: Timestamp,
    /// The version of Qitai that wrote it.
    pub program: String,
    /// The folder it was taken of.
    pub folder_id: String,
    /// Its audit log, and with that its keys: only a key file of the same log fits.
    pub log_id: String,
    /// Number of the newest feed entry in it.
    pub feed_head: u64,
    /// Table → what it holds.
    pub tables: BTreeMap<String, TableSum>,
}

/// Count and digest of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over the table's frames before packing, hex.
    pub sha256: String,
}

/// Why a backup file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Reading or writing the file failed.
    #[error("{path}: {why}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The file is cut, damaged, or no backup at all.
    #[error("not a usable backup: {0}")]
    Damaged(&'static str),
    /// It was written by a newer version.
    #[error("the backup was written by Qitai {0}, which is newer; restore it with that version")]
    Newer(String),
    /// The key file is that of another folder.
    #[error("the key file is not the one of the folder the backup was taken of")]
    ForeignKey,
    /// The place to restore to is taken.
    #[error("{path} exists already; restore into a new folder", path = .0.display())]
    Taken(PathBuf),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<super::EngineError> for BackupError {
    fn from(error: super::EngineError) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Writes a backup of the published state to `path` and verifies it by reading it back.
    /// The name appears only when the file is whole.
    pub fn backup(&self, path: &Path) -> Result<Manifest, BackupError> {
        let published = self.snapshot();
        let about = About::now(self.vault(), self.options(), published.feed_head());
        write_file(published.snapshot(), &self.table_names(), about, path)
    }
}

/// A backup of a store that is not running yet: before a migration.
pub(super) fn write_engine(
    engine: &Engine,
    vault: &Vault,
    options: &StoreOptions,
    format: u32,
    path: &Path,
) -> Result<(), StoreError> {
    let tables = options.table_names();
    if let Some(table) = engine.unknown_table(&tables) {
        let why = format!("no migration knows the table {table}; nothing was changed");
        return Err(StoreError::Internal(why));
    }
    let snapshot = engine.snapshot()?;
    let about = About {
        format,
        ..About::now(vault, options, feed::head_of(&snapshot)?)
    };
    match write_file(&snapshot, &tables, about, path) {
        Ok(_) => Ok(()),
        Err(BackupError::Store(error)) => Err(error),
        Err(error) => Err(StoreError::Folder {
            path: path.to_owned(),
            why: format!("the backup before the upgrade failed, nothing was changed: {error}"),
        }),
    }
}

struct About {
    taken_at: Timestamp,
    format: u32,
    folder_id: String,
    log_id: String,
    feed_head: u64,
}

impl About {
    fn now(vault: &Vault, options: &StoreOptions, feed_head: u64) -> Self {
        Self {
            taken_at: options.clock.now(),
            format: migrate::target_format(options),
            folder_id: vault.folder_id(),
            log_id: vault.log_id(),
            feed_head,
        }
    }
}

/// Writes the backup beside its place and moves it there when it is whole and read back. A
/// failure leaves nothing: half a backup on a full disk would only keep it full.
fn write_file(
    snapshot: &Snapshot,
    tables: &[&'static str],
    about: About,
    path: &Path,
) -> Result<Manifest, BackupError> {
    let part = files::beside(path, ".part");
    let io = |why| BackupError::Io {
        path: part.clone(),
        why,
    };
    files::remove_leftover(&part).map_err(io)?;
    let file = files::open_private(&part, 0o600).map_err(io)?;
    let written = write_part(snapshot, tables, about, file, &part).and_then(|manifest| {
        std::fs::rename(&part, path).map_err(io)?;
        files::sync_entry(path).map_err(io)?;
        Ok(manifest)
    });
    if written.is_err() {
        drop(std::fs::remove_file(&part));
    }
    written
}

fn write_part(
    snapshot: &Snapshot,
    tables: &[&'static str],
    about: About,
    file: File,
    part: &Path,
) -> Result<Manifest, BackupError> {
    let io = |why| BackupError::Io {
        path: part.to_owned(),
        why,
    };
    let mut out = Hashing {
        out: BufWriter::new(file),
        hash: digest::Context::new(&digest::SHA256),
    };
    out.write_all(MAGIC).map_err(io)?;
    let mut sums = BTreeMap::new();
    for table in tables {
        sums.insert(
            (*table).to_owned(),
            write_table(snapshot, table, &mut out, part)?,
        );
    }
    let manifest = Manifest {
        layout: LAYOUT,
        format: about.format,
        taken_at: about.taken_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        folder_id: about.folder_id,
        log_id: about.log_id,
        feed_head: about.feed_head,
        tables: sums,
    };
    let json = serde_json::to_vec(&manifest).map_err(|e| StoreError::Internal(e.to_string()))?;
    out.write_all(b"M")
        .and_then(|()| out.write_all(&len32(json.len())))
        .map_err(io)?;
    out.write_all(&json).map_err(io)?;
    let Hashing { mut out, hash } = out;
    out.write_all(hash.finish().as_ref()).map_err(io)?;
    let file = out.into_inner().map_err(|e| io(e.into_error()))?;
    file.sync_all().map_err(io)?;
    if verify(part)? != manifest {
        return Err(BackupError::Damaged(
            "what was read back differs from what was written",
        ));
    }
    Ok(manifest)
}

fn write_table(
    snapshot: &Snapshot,
    table: &'static str,
    out: &mut impl std::io::Write,
    path: &Path,
) -> Result<TableSum, BackupError> {
    let mut sum = Summing::default();
    let mut frame = Vec::with_capacity(FRAME_BYTES + 4096);
    for item in snapshot.range(table, (Bound::Unbounded, Bound::Unbounded), false)? {
        let (key, value) = item?;
        for part in [&key, &value] {
            frame.extend(len32(part.len()));
            frame.extend(part);
        }
        sum.rows += 1;
        if frame.len() >= FRAME_BYTES {
            write_frame(table, &mut frame, &mut sum, out, path)?;
        }
    }
    if !frame.is_empty() {
        write_frame(table, &mut frame, &mut sum, out, path)?;
    }
    Ok(sum.finish())
}

fn write_frame(
    table: &str,
    frame: &mut Vec<u8>,
    sum: &mut Summing,
    out: &mut impl std::io::Write,
    path: &Path,
) -> Result<(), BackupError> {
    sum.hash.update(frame);
    let io = |why| BackupError::Io {
        path: path.to_owned(),
        why,
    };
    let packed = zstd::bulk::compress(frame, ZSTD_LEVEL).map_err(io)?;
    let name_len = u8::try_from(table.len()).map_err(|_| BackupError::Damaged("table name"))?;
    let mut head = vec![b'F', name_len];
    head.extend(table.as_bytes());
    head.extend(len32(frame.len()));
    head.extend(len32(packed.len()));
    out.write_all(&head)
        .and_then(|()| out.write_all(&packed))
        .map_err(io)?;
    frame.clear();
    Ok(())
}

/// Lengths in the file are far below 4 GiB: frames are bounded, the engine's rows as well.
fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len)
        .expect("a row is smaller than the engine's own limit of 3 GiB")
        .to_be_bytes()
}
