//! The engine seam: get, range, put, delete, commit on bytes. The only file that names redb.
//!
//! The layer above hands down one finished [`Changes`] per commit and reads from
//! [`Snapshot`]s. Nothing here knows records, indexes or audit. Another engine that offers
//! the same five verbs can stand behind this file.
//!
//! What redb needs and why:
//! - every commit is durable (`Immediate`) with two-phase commit and quick repair: a folder
//!   left by a killed process opens in milliseconds instead of walking the whole file;
//! - page checksums are not verified on ordinary reads, so the layer above gives every value
//!   a check of its own;
//! - after one I/O error the handle refuses everything, so the store stops for good.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use redb::{ReadableDatabase, TableDefinition};

/// A failure of the storage below. None of them can be retried on the same handle.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another process has the folder open.
    #[error("the data folder is in use by another process")]
    InUse,
    /// The file is damaged beyond what recovery mends.
    #[error("the store file is damaged: {0}")]
    Damaged(String),
    /// There is no room for what is to be written.
    #[error(
        "the disk is full. Nothing that was acknowledged is lost: free some space and start again"
    )]
    Full,
    /// The file or folder cannot be written.
    #[error(
        "the store cannot be written: {0}. The data folder must belong to the user Qitai runs as, on a file system mounted writable"
    )]
    Locked(String),
    /// Reading or writing failed.
    #[error("the disk failed: {0}")]
    Io(String),
}

macro_rules! engine_error_from {
    ($($of:ty),*) => {$(
        impl From<$of> for EngineError {
            fn from(error: $of) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
engine_error_from!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError
);

impl From<redb::Error> for EngineError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            redb::Error::Corrupted(what) => Self::Damaged(what),
            redb::Error::UpgradeRequired(format) => {
                Self::Damaged(format!("file format {format} is not supported"))
            }
            redb::Error::Io(why) => why.into(),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<std::io::Error> for EngineError {
    fn from(why: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match why.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::Locked(why.to_string())
            }
            _ => Self::Io(why.to_string()),
        }
    }
}

/// Files up to this size are checked page by page when opened.
const CHECKED_ON_OPEN_BYTES_MAX: u64 = 256 << 20;

fn builder(size_bytes: u64, cache_bytes: usize) -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(cache_bytes);
    // Verifies the checksums of all pages, which ordinary reads do not, before anything in them
    // is trusted. Beyond this size it would take longer than people wait; then the check of
    // every value has to do.
    builder.set_check_integrity_on_open(size_bytes <= CHECKED_ON_OPEN_BYTES_MAX);
    builder
}

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type OpenTable = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// What one commit writes: table → key → value, `None` to delete.
pub type Changes = HashMap<&'static str, BTreeMap<Vec<u8>, Option<Vec<u8>>>>;

/// A key with its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Rows of a range, in key order or against it.
pub type Rows<'a> = Box<dyn Iterator<Item = Result<Row, EngineError>> + 'a>;

/// From where to where a range goes.
pub type Span = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The open file. One per folder; the file lock lives as long as this.
pub struct Engine {
    db: redb::Database,
    /// Tables the file had when it was opened.
    known: HashSet<String>,
    tables: Arc<[&'static str]>,
    failed: Failed,
}

/// Raised by the first failure below, also of a read: the handle refuses everything after it.
#[derive(Clone, Default)]
struct Failed(Arc<AtomicBool>);

impl Failed {
    fn watch<T>(&self, result: Result<T, impl Into<EngineError>>) -> Result<T, EngineError> {
        result.map_err(|error| {
            self.0.store(true, Ordering::SeqCst);
            error.into()
        })
    }
}

impl Engine {
    /// Opens or creates the file. Its tables are made by [`Self::with_tables`].
    ///
    /// `cache_bytes` bounds the engine's own page cache.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        let size_bytes = std::fs::metadata(path).map_or(0, |file| file.len());
        let db = builder(size_bytes, cache_bytes).create(path)?;
        Self::over(db)
    }

    /// The same over a simulated disk; see [`Disk`].
    #[cfg(any(test, feature = "faults"))]
    pub fn open_on(disk: Arc<dyn Disk>, cache_bytes: usize) -> Result<Self, EngineError> {
        let size_bytes = disk.len()?;
        let db = builder(size_bytes, cache_bytes).create_with_backend(disk_seam::Backend(disk))?;
        Self::over(db)
    }

    /// Knows at first only what is in the file already.
    fn over(db: redb::Database) -> Result<Self, EngineError> {
        use redb::TableHandle;
        let known = db
            .begin_read()?
            .list_tables()?
            .map(|t| t.name().to_owned())
            .collect();
        Ok(Self {
            db,
            known,
            tables: Arc::new([]),
            failed: Failed::default(),
        })
    }

    /// Whether anything has failed; nothing more can be done then with this handle.
    pub fn has_failed(&self) -> bool {
        self.failed.0.load(Ordering::SeqCst)
    }

    /// Makes sure that all `tables` exist.
    pub fn with_tables(mut self, tables: Vec<&'static str>) -> Result<Self, EngineError> {
        if tables.iter().any(|name| !self.known.contains(*name)) {
            let tx = self.begin()?;
            for name in &tables {
                tx.open_table(Definition::new(name))?;
            }
            tx.commit()?;
        }
        self.tables = tables.into();
        Ok(self)
    }

    /// A table of the file that is not among `tables`.
    pub fn unknown_table(&self, tables: &[&'static str]) -> Option<&str> {
        let mut known = self.known.iter().map(String::as_str);
        known.find(|name| !tables.contains(name))
    }

    /// The value of one key in a table that may not be there yet.
    pub fn peek(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        if !self.known.contains(table) {
            return Ok(None);
        }
        let table = self.db.begin_read()?.open_table(Definition::new(table))?;
        Ok(table.get(key)?.map(|guard| guard.value().to_vec()))
    }

    fn begin(&self) -> Result<redb::WriteTransaction, EngineError> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(redb::Durability::Immediate)?;
        tx.set_two_phase_commit(true);
        tx.set_quick_repair(true);
        Ok(tx)
    }

    /// Writes all changes in one durable transaction. When this returns, they survive a
    /// power cut; when it fails, none of them is there.
    pub fn commit(&self, changes: &Changes) -> Result<(), EngineError> {
        self.failed.watch(self.try_commit(changes))
    }

    fn try_commit(&self, changes: &Changes) -> Result<(), EngineError> {
        let tx = self.begin()?;
        for (name, rows) in changes {
            let mut table = tx.open_table(Definition::new(name))?;
            for (key, value) in rows {
                match value {
                    Some(value) => drop(table.insert(key.as_slice(), value.as_slice())?),
                    None => drop(table.remove(key.as_slice())?),
                }
            }
        }
        Ok(tx.commit()?)
    }

    /// The state as of the last commit, unaffected by later ones.
    pub fn snapshot(&self) -> Result<Snapshot, EngineError> {
        let open = self
            .tables
            .iter()
            .map(|name| (*name, OnceLock::new()))
            .collect();
        Ok(Snapshot {
            state: SNAPSHOTS.fetch_add(1, Ordering::Relaxed),
            tx: self.failed.watch(self.db.begin_read())?,
            open,
            failed: self.failed.clone(),
        })
    }
}

/// A consistent state. Holding one keeps its pages from being reused, so none is kept
/// across a wait for a client.
pub struct Snapshot {
    state: u64,
    tx: redb::ReadTransaction,
    open: HashMap<&'static str, OnceLock<OpenTable>>,
    failed: Failed,
}

/// Snapshots taken in this process.
static SNAPSHOTS: AtomicU64 = AtomicU64::new(0);

impl Snapshot {
    /// A number that no other snapshot in this process has.
    pub fn state(&self) -> u64 {
        self.state
    }

    fn table(&self, name: &'static str) -> Result<&OpenTable, EngineError> {
        let slot = self
            .open
            .get(name)
            .ok_or_else(|| EngineError::Damaged(format!("no table {name} in this version")))?;
        if let Some(table) = slot.get() {
            return Ok(table);
        }
        let table = self
            .failed
            .watch(self.tx.open_table(Definition::new(name)))?;
        Ok(slot.get_or_init(|| table))
    }

    /// The value of one key.
    pub fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let guard = self.failed.watch(self.table(table)?.get(key))?;
        Ok(guard.map(|guard| guard.value().to_vec()))
    }

    /// The rows of a range; `backwards` gives the greatest key first.
    pub fn range(
        &self,
        table: &'static str,
        (from, to): Span,
        backwards: bool,
    ) -> Result<Rows<'_>, EngineError> {
        if is_empty_span(&from, &to) {
            return Ok(Box::new(std::iter::empty()));
        }
        let from = from.as_ref().map(Vec::as_slice);
        let to = to.as_ref().map(Vec::as_slice);
        let range = self.table(table)?.range::<&[u8]>((from, to));
        let range = self.failed.watch(range)?;
        let copied = |row| self.failed.watch(row).map(copy);
        Ok(if backwards {
            Box::new(range.rev().map(copied))
        } else {
            Box::new(range.map(copied))
        })
    }
}

type Guard<'a> = redb::AccessGuard<'a, &'static [u8]>;

fn copy((key, value): (Guard<'_>, Guard<'_>)) -> Row {
    (key.value().to_vec(), value.value().to_vec())
}

/// Whether no key can lie between the two bounds. The engine panics on inverted ranges.
pub(super) fn is_empty_span(from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> bool {
    match (from, to) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            a >= b
        }
    }
}

/// A disk a test can watch, cut and damage. The methods are those of a file; an error is
/// what the operating system would say.
#[cfg(any(test, feature = "faults"))]
#[expect(clippy::len_without_is_empty, reason = "a disk is not a collection")]
pub trait Disk: std::fmt::Debug + Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> std::io::Result<u64>;
    /// Fills `out` from `offset`.
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()>;
    /// Grows (with zeroes) or cuts.
    fn set_len(&self, len: u64) -> std::io::Result<()>;
    /// Makes all writes so far survive a power cut.
    fn sync(&self) -> std::io::Result<()>;
    /// Writes at `offset`.
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()>;
}

#[cfg(any(test, feature = "faults"))]
mod disk_seam {
    use std::sync::Arc;

    use super::Disk;

    /// Lets redb run on a [`Disk`].
    #[derive(Debug)]
    pub(super) struct Backend(pub(super) Arc<dyn Disk>);

    impl redb::StorageBackend for Backend {
        fn len(&self) -> Result<u64, std::io::Error> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> Result<(), std::io::Error> {
            self.0.sync()
        }
        fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
            self.0.write(offset, data)
        }
    }
}
