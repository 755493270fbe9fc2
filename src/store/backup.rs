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

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read as _, Write as _},
    ops::Bound,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::kit::Timestamp;

use super::{
    Folder, Store, StoreError, StoreOptions, Vault,
    engine::{Changes, Engine, Snapshot},
    feed,
};

const MAGIC: &[u8; 8] = b"QITAIBK1";
const FRAME_BYTES: usize = 1 << 20;
/// A frame may exceed its aim by one row; more is not believed when reading.
const FRAME_BYTES_MAX: usize = 64 << 20;
const MANIFEST_BYTES_MAX: usize = 1 << 20;
const ZSTD_LEVEL: i32 = 3;
/// Rows a restore puts into one transaction.
const RESTORE_BATCH_ROWS: usize = 20_000;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file's layout.
    pub layout: u32,
    /// When the snapshot was taken.
    pub taken_at: Timestamp,
    /// The version of Qitai that wrote it.
    pub program: String,
    /// The folder it was taken of.
    pub folder_id: String,
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
    #[error(
        "the backup holds the table {0}, which this version does not know; use the version that wrote it"
    )]
    Newer(String),
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
        let about = About {
            taken_at: self.clock().now(),
            folder_id: self.vault().folder_id(),
            feed_head: published.feed_head(),
        };
        write_file(published.snapshot(), &self.table_names(), about, path)
    }
}

/// A backup of a store that is not running yet: before a migration.
pub(super) fn write_engine(
    engine: &Engine,
    vault: &Vault,
    options: &StoreOptions,
    path: &Path,
) -> Result<(), StoreError> {
    let snapshot = engine.snapshot()?;
    let about = About {
        taken_at: options.clock.now(),
        folder_id: vault.folder_id(),
        feed_head: feed::head_of(&snapshot)?,
    };
    match write_file(&snapshot, &options.table_names(), about, path) {
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
    folder_id: String,
    feed_head: u64,
}

fn write_file(
    snapshot: &Snapshot,
    tables: &[&'static str],
    about: About,
    path: &Path,
) -> Result<Manifest, BackupError> {
    let part = with_suffix(path, ".part");
    let io = |why| BackupError::Io {
        path: part.clone(),
        why,
    };
    let file = File::create(&part).map_err(io)?;
    let mut out = Hashing {
        out: BufWriter::new(file),
        hash: digest::Context::new(&digest::SHA256),
    };
    out.write_all(MAGIC).map_err(io)?;
    let mut sums = BTreeMap::new();
    for table in tables {
        sums.insert(
            (*table).to_owned(),
            write_table(snapshot, table, &mut out, &part)?,
        );
    }
    let manifest = Manifest {
        layout: 1,
        taken_at: about.taken_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        folder_id: about.folder_id,
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
    if verify(&part)? != manifest {
        return Err(BackupError::Damaged(
            "what was read back differs from what was written",
        ));
    }
    std::fs::rename(&part, path)
        .and_then(|()| sync_dir(path))
        .map_err(io)?;
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

/// Reads a backup from end to end and checks every digest in it.
pub fn verify(path: &Path) -> Result<Manifest, BackupError> {
    read_file(path, |_, _| Ok(()))
}

/// Restores a backup into a new folder. `key_file` is the key file of the folder it was
/// taken of; the copy gets a new folder id. The folder appears only when it is whole.
pub fn restore(
    backup: &Path,
    key_file: &Path,
    folder: &Folder,
    options: &StoreOptions,
) -> Result<Manifest, BackupError> {
    let key_path = Vault::path_for(folder.path());
    for taken in [folder.path(), &key_path] {
        if taken.exists() {
            return Err(BackupError::Taken(taken.to_owned()));
        }
    }
    verify(backup)?;
    let building = Folder::at(with_suffix(folder.path(), ".restoring"));
    let building_key = Vault::path_for(building.path());
    let io = |why| BackupError::Io {
        path: building.path().to_owned(),
        why,
    };
    // Left over from a restore that was cut off; nothing in it is worth keeping.
    if building.path().exists() {
        std::fs::remove_dir_all(building.path()).map_err(io)?;
    }
    if building_key.exists() {
        std::fs::remove_file(&building_key).map_err(io)?;
    }
    let vault = Vault::copy_for_restore(key_file, &building_key, &options.random)?;
    building.create(&options.random)?;
    let manifest = fill(backup, &building, &vault, options)?;
    std::fs::rename(&building_key, &key_path).map_err(io)?;
    std::fs::rename(building.path(), folder.path()).map_err(io)?;
    sync_dir(folder.path()).map_err(io)?;
    Ok(manifest)
}

fn fill(
    backup: &Path,
    building: &Folder,
    vault: &Vault,
    options: &StoreOptions,
) -> Result<Manifest, BackupError> {
    let names = options.table_names();
    let engine = Engine::open(&building.store_file(), names.clone(), options.cache_bytes)?;
    let mut changes = Changes::new();
    let mut waiting = 0usize;
    let manifest = read_file(backup, |table, rows| {
        let Some(name) = names.iter().find(|name| **name == table) else {
            return Err(BackupError::Newer(table.to_owned()));
        };
        if let Some((key, value)) = rows.first().filter(|_| table == super::vault::SUBJECT_KEYS) {
            fits(vault, key, value)?;
        }
        waiting += rows.len();
        let target = changes.entry(*name).or_default();
        target.extend(rows.into_iter().map(|(key, value)| (key, Some(value))));
        if waiting >= RESTORE_BATCH_ROWS {
            engine.commit(&std::mem::take(&mut changes))?;
            waiting = 0;
        }
        Ok(())
    })?;
    engine.commit(&changes)?;
    Ok(manifest)
}

/// Whether the given key file opens the backup's subject keys.
fn fits(vault: &Vault, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
    if vault.opens_subject_key(key, value) {
        return Ok(());
    }
    Err(BackupError::Damaged(
        "the key file is not the one of the folder it was taken of",
    ))
}

type FrameRows = Vec<(Vec<u8>, Vec<u8>)>;

fn read_file(
    path: &Path,
    mut take: impl FnMut(&str, FrameRows) -> Result<(), BackupError>,
) -> Result<Manifest, BackupError> {
    let io = |why: std::io::Error| match why.kind() {
        std::io::ErrorKind::UnexpectedEof => BackupError::Damaged("the file is cut short"),
        _ => BackupError::Io {
            path: path.to_owned(),
            why,
        },
    };
    let file = File::open(path).map_err(io)?;
    let mut input = Hashing {
        out: BufReader::new(file),
        hash: digest::Context::new(&digest::SHA256),
    };
    if &input.take_array::<8>().map_err(io)? != MAGIC {
        return Err(BackupError::Damaged("the file is not a Qitai backup"));
    }
    let mut sums: BTreeMap<String, Summing> = BTreeMap::new();
    let json = loop {
        match &input.take_array::<1>().map_err(io)? {
            b"F" => {
                let (table, frame) = read_frame(&mut input, &io)?;
                let rows = split_rows(&frame)?;
                let sum = sums.entry(table.clone()).or_default();
                sum.rows += rows.len() as u64;
                sum.hash.update(&frame);
                take(&table, rows)?;
            }
            b"M" => break input.take_bytes(MANIFEST_BYTES_MAX).map_err(io)?,
            _ => return Err(BackupError::Damaged("unknown section")),
        }
    };
    let Hashing { mut out, hash } = input;
    let mut digest = [0; 32];
    out.read_exact(&mut digest).map_err(io)?;
    if hash.finish().as_ref() != digest || out.read(&mut [0]).map_err(io)? != 0 {
        return Err(BackupError::Damaged("the file's digest does not match"));
    }
    let manifest: Manifest =
        serde_json::from_slice(&json).map_err(|_| BackupError::Damaged("unreadable manifest"))?;
    for (table, sum) in &manifest.tables {
        if sums.remove(table).unwrap_or_default().finish() != *sum {
            return Err(BackupError::Damaged("a table does not match the manifest"));
        }
    }
    if sums.is_empty() {
        Ok(manifest)
    } else {
        Err(BackupError::Damaged("unlisted table"))
    }
}

fn read_frame(
    input: &mut Hashing<BufReader<File>>,
    io: &impl Fn(std::io::Error) -> BackupError,
) -> Result<(String, Vec<u8>), BackupError> {
    let [name_len] = input.take_array::<1>().map_err(io)?;
    let mut name = vec![0; name_len.into()];
    input.read_exact(&mut name).map_err(io)?;
    let name = String::from_utf8(name).map_err(|_| BackupError::Damaged("table name"))?;
    let raw_len = input.take_len().map_err(io)?;
    if raw_len > FRAME_BYTES_MAX {
        return Err(BackupError::Damaged("frame too large"));
    }
    let packed = input.take_bytes(FRAME_BYTES_MAX).map_err(io)?;
    let frame = zstd::bulk::decompress(&packed, raw_len)
        .ok()
        .filter(|frame| frame.len() == raw_len)
        .ok_or(BackupError::Damaged("a frame does not unpack"))?;
    Ok((name, frame))
}

fn split_rows(mut frame: &[u8]) -> Result<FrameRows, BackupError> {
    let cut = BackupError::Damaged("a row is cut");
    let mut rows = Vec::new();
    let part = |frame: &mut &[u8]| {
        let (len, rest) = frame.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        *frame = rest;
        Some(part.to_vec())
    };
    while !frame.is_empty() {
        match (part(&mut frame), part(&mut frame)) {
            (Some(key), Some(value)) => rows.push((key, value)),
            _ => return Err(cut),
        }
    }
    Ok(rows)
}

struct Summing {
    rows: u64,
    hash: digest::Context,
}

impl Default for Summing {
    fn default() -> Self {
        Self {
            rows: 0,
            hash: digest::Context::new(&digest::SHA256),
        }
    }
}

impl Summing {
    fn finish(self) -> TableSum {
        TableSum {
            rows: self.rows,
            sha256: hex::encode(self.hash.finish()),
        }
    }
}

/// Hashes what passes through.
struct Hashing<T> {
    out: T,
    hash: digest::Context,
}

impl<T: std::io::Write> std::io::Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl<T: std::io::Read> std::io::Read for Hashing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let n = self.out.read(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
}

impl<T: std::io::Read> Hashing<T> {
    fn take_array<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        let mut out = [0; N];
        self.read_exact(&mut out)?;
        Ok(out)
    }

    fn take_len(&mut self) -> std::io::Result<usize> {
        Ok(u32::from_be_bytes(self.take_array()?) as usize)
    }

    /// A length and so many bytes, read piecewise: a lying length costs no memory.
    fn take_bytes(&mut self, max: usize) -> std::io::Result<Vec<u8>> {
        let len = self.take_len()?;
        if len > max {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut out = Vec::new();
        let read = std::io::Read::by_ref(self)
            .take(len as u64)
            .read_to_end(&mut out)?;
        if read == len {
            Ok(out)
        } else {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a rename survive a power cut.
fn sync_dir(path: &Path) -> std::io::Result<()> {
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
