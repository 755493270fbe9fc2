//! What crash tests need: a disk that remembers every write and sync, images of what a power
//! cut leaves of it, and planted bugs that the tests must catch.

use std::{
    io,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::kit::Random;

use super::{
    Disk, Folder, Store, StoreError, StoreOptions,
    engine::{Changes, Engine},
};

/// A way in which real software breaks a promise of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Answers before the commit is durable.
    AnswerBeforeCommit,
    /// Commits the audit log after the records, in a transaction of its own.
    RecordsBeforeLog,
    /// Leaves the old rows of a changed record in indexes that are not unique.
    KeepOldIndexRows,
}

impl Bug {
    /// The bug that a test wants a process of its own to have, by `QITAI_PLANTED`.
    pub fn from_env() -> Option<Self> {
        match std::env::var("QITAI_PLANTED").ok()?.as_str() {
            "answer_before_commit" => Some(Self::AnswerBeforeCommit),
            "records_before_log" => Some(Self::RecordsBeforeLog),
            "keep_old_index_rows" => Some(Self::KeepOldIndexRows),
            _ => None,
        }
    }
}

/// Every row of a table as stored.
pub fn rows(store: &Store, table: &'static str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let whole = (Bound::Unbounded, Bound::Unbounded);
    store.read(|r| {
        let rows = r.raw_range(table, whole, false);
        let rows = rows
            .expect("the table is there")
            .map(|row| row.expect("it can be read"));
        rows.collect()
    })
}

/// Writes rows into a closed folder past all rules, for the check to find.
pub fn spoil(
    folder: &Folder,
    options: &StoreOptions,
    table: &'static str,
    rows: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
) -> Result<(), StoreError> {
    let engine = Engine::open(&folder.store_file(), 1 << 20)?;
    let engine = engine.with_tables(options.table_names())?;
    let changes = Changes::from([(table, rows.into_iter().collect())]);
    Ok(engine.commit(&changes)?)
}

/// Bytes that a disk writes as a whole.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

#[derive(Debug, Default)]
struct State {
    base: Vec<u8>,
    now: Vec<u8>,
    ops: Vec<Op>,
    syncs: usize,
}

/// A disk in memory that remembers everything done to it.
#[derive(Debug, Default)]
pub struct RecordingDisk(Mutex<State>);

impl RecordingDisk {
    /// A disk that holds `image` and remembers from now on.
    pub fn holding(image: Vec<u8>) -> Self {
        Self(Mutex::new(State {
            base: image.clone(),
            now: image,
            ..State::default()
        }))
    }

    /// Syncs so far.
    pub fn syncs(&self) -> usize {
        self.lock().syncs
    }

    /// What a power cut after `syncs` syncs leaves: everything up to there, and of what was
    /// written later, before the next sync, what `fate` decides.
    pub fn image(&self, syncs: usize, fate: &Fate) -> Vec<u8> {
        let state = self.lock();
        let mut image = state.base.clone();
        let mut seen = 0;
        for op in &state.ops {
            match op {
                Op::Sync if seen == syncs => break,
                Op::Sync => seen += 1,
                op if seen < syncs => apply(&mut image, op),
                op => fate.apply(&mut image, op),
            }
        }
        image
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn perform(&self, op: Op) {
        let mut state = self.lock();
        match &op {
            Op::Sync => state.syncs += 1,
            op => apply(&mut state.now, op),
        }
        state.ops.push(op);
    }
}

fn place(n: u64) -> usize {
    usize::try_from(n).expect("a test's disk is small")
}

fn apply(image: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(at, data) => {
            let (from, to) = (place(*at), place(*at) + data.len());
            if image.len() < to {
                image.resize(to, 0);
            }
            image[from..to].copy_from_slice(data);
        }
        Op::SetLen(len) => image.resize(place(*len), 0),
        Op::Sync => {}
    }
}

/// What happens to writes that were not synced when the power went.
pub enum Fate {
    /// None of them arrived.
    Lost,
    /// All of them arrived.
    Kept,
    /// Each sector arrived or not, as chance has it.
    Torn(Random),
}

impl Fate {
    fn apply(&self, image: &mut Vec<u8>, op: &Op) {
        match self {
            Self::Lost => {}
            Self::Kept => apply(image, op),
            Self::Torn(random) => match op {
                Op::Write(at, data) => {
                    for (i, sector) in data.chunks(SECTOR).enumerate() {
                        if random.u64() & 1 == 0 {
                            let at = at + (i * SECTOR) as u64;
                            apply(image, &Op::Write(at, sector.to_vec()));
                        }
                    }
                }
                op => apply(image, op),
            },
        }
    }
}

impl Disk for RecordingDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.lock();
        let from = place(offset);
        let data = state
            .now
            .get(from..from + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(data);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.perform(Op::SetLen(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.perform(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.perform(Op::Write(offset, data.to_vec()));
        Ok(())
    }
}

/// A disk on which one call fails, once or from then on.
#[derive(Debug)]
pub struct FailingDisk {
    disk: RecordingDisk,
    calls: Mutex<u64>,
    fails_at: u64,
    forever: bool,
    kind: io::ErrorKind,
}

impl FailingDisk {
    /// Call number `fails_at` (from 1; reads count too) fails with `kind`; later ones as well
    /// if `forever`.
    pub fn new(fails_at: u64, forever: bool, kind: io::ErrorKind) -> Self {
        Self {
            disk: RecordingDisk::default(),
            calls: Mutex::default(),
            fails_at,
            forever,
            kind,
        }
    }

    /// Whether the planned failure has happened.
    pub fn has_failed(&self) -> bool {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) >= self.fails_at
    }

    /// What is on the disk now, whether synced or not.
    pub fn content(&self) -> Vec<u8> {
        self.disk.lock().now.clone()
    }

    fn call(&self) -> io::Result<()> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        let fails = *calls == self.fails_at || (self.forever && *calls > self.fails_at);
        if fails { Err(self.kind.into()) } else { Ok(()) }
    }
}

impl Disk for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.call()?;
        self.disk.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call()?;
        self.disk.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.call()?;
        self.disk.sync()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.call()?;
        self.disk.write(offset, data)
    }
}
