//! The one writer: takes queued verbs, runs them, makes a whole batch durable with one
//! commit, publishes the new snapshot, and only then answers.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use crate::{
    error::{AppError, Result},
    kit::{Clock, Random},
};

use super::{
    Act, Folder, Migration, Read, Seal, StoreError, TableSpec, Vault, Write,
    engine::{Changes, Engine, Snapshot},
    feed, files,
    line::{Line, Pace, Refused},
    memo::Memo,
    migrate,
    source::{Layered, merge_into},
    vault::SUBJECT_KEYS,
};

/// Verbs that may wait; beyond, callers are told to come back.
const QUEUE_MAX: usize = 1024;
/// Verbs in line from which on nobody leaves without waiting for an answer.
const CROWD: usize = QUEUE_MAX / 4;
/// Verbs that share one commit at most.
const BATCH_MAX: usize = 256;
/// A commit that takes longer is worth a line in the log.
const SLOW: Duration = Duration::from_millis(100);
/// Default bound of the engine's page cache.
const CACHE_BYTES: usize = 64 << 20;

/// Everything the store needs to know to open.
pub struct StoreOptions {
    /// All entity tables.
    pub tables: Vec<TableSpec>,
    /// The audit log.
    pub seal: Arc<dyn Seal>,
    /// Steps from older formats, in order.
    pub migrations: Vec<Migration>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// Bound of the engine's page cache, bytes.
    pub cache_bytes: usize,
    /// A bug to be caught by the tests that guard against it.
    #[cfg(any(test, feature = "faults"))]
    pub planted: Option<super::faults::Bug>,
}

impl StoreOptions {
    /// Options with the machine's clock and randomness.
    pub fn new(tables: Vec<TableSpec>, seal: Arc<dyn Seal>) -> Self {
        Self {
            tables,
            seal,
            migrations: Vec::new(),
            clock: Clock::system(),
            random: Random::system(),
            cache_bytes: CACHE_BYTES,
            #[cfg(any(test, feature = "faults"))]
            planted: super::faults::Bug::from_env(),
        }
    }

    /// Names of all tables the engine keeps.
    pub(super) fn table_names(&self) -> Vec<&'static str> {
        let mut names = vec![feed::FEED, SUBJECT_KEYS, migrate::META];
        names.extend(self.seal.tables());
        for spec in &self.tables {
            names.push(spec.table);
            names.extend((spec.indexes)());
        }
        for migration in &self.migrations {
            names.extend(migration.old_tables);
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// A durable state that everybody may see.
pub struct Published {
    snapshot: Snapshot,
    feed_head: u64,
    memo: Arc<Memo>,
}

type Command = Box<dyn FnOnce(&mut Batch<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The open store. Cheap to share; the last one dropped closes the file.
pub struct Store {
    shared: Arc<Shared>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

struct Shared {
    /// Dropped with the last user: releases the file lock.
    engine: Engine,
    vault: Vault,
    options: StoreOptions,
    published: ArcSwap<Published>,
    feed_head: watch::Sender<u64>,
    failed: AtomicBool,
    held: watch::Sender<bool>,
    line: Line<Command>,
}

impl Store {
    /// Opens the folder (creating it with [`Folder::create`] is the caller's choice), runs
    /// migrations, and starts the writer.
    pub fn open(folder: &Folder, options: StoreOptions) -> Result<Self, StoreError> {
        migrate::refuse_newer(folder, &options)?;
        let vault = folder.load_keys()?;
        let engine = Engine::open(&folder.store_file(), options.cache_bytes)?;
        // The file may be new: without its name in the folder nothing in it is durable.
        files::sync_entry(&folder.store_file()).map_err(|e| folder.refuse(e))?;
        let engine = migrate::bring_up_to_date(Some(folder), engine, &vault, &options)?;
        Self::start(engine, vault, options)
    }

    /// Opens over a simulated disk; migrations included, backups before them not.
    #[cfg(any(test, feature = "faults"))]
    pub fn open_on(
        disk: Arc<dyn super::Disk>,
        vault: Vault,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let engine = Engine::open_on(disk, options.cache_bytes)?;
        let engine = migrate::bring_up_to_date(None, engine, &vault, &options)?;
        Self::start(engine, vault, options)
    }

    fn start(engine: Engine, vault: Vault, options: StoreOptions) -> Result<Self, StoreError> {
        let snapshot = engine.snapshot()?;
        let feed_head = feed::head_of(&snapshot)?;
        let shared = Arc::new(Shared {
            engine,
            vault,
            options,
            published: ArcSwap::from_pointee(Published {
                snapshot,
                feed_head,
                memo: Arc::default(),
            }),
            feed_head: watch::Sender::new(feed_head),
            failed: AtomicBool::new(false),
            held: watch::Sender::new(false),
            line: Line::new(QUEUE_MAX),
        });
        let writer = shared.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&writer))
            .map_err(|e| StoreError::Internal(format!("the writer thread: {e}")))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The published state, for reads that must agree with each other.
    pub fn snapshot(&self) -> Arc<Published> {
        self.shared.published.load_full()
    }

    /// Runs a read on the published state.
    pub fn read<T>(&self, f: impl FnOnce(&Read<'_>) -> T) -> T {
        let published = self.snapshot();
        f(&published.read(&self.shared.vault))
    }

    /// Runs a verb on the writer thread and answers when it is durable.
    ///
    /// An error from the verb leaves nothing behind, except that [`AppError::Forbidden`]
    /// leaves the audit entry of the refusal.
    pub async fn write<T, F>(&self, act: Act, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let answer = self.enqueue(Pace::Awaited, act, verb)?;
        answer.await.map_err(|_| self.stopped())?
    }

    /// The same for a step of long work: whoever waits at a screen or at the other end of a
    /// call goes first.
    pub async fn write_step<T, F>(&self, act: Act, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let answer = self.enqueue(Pace::Long, act, verb)?;
        answer.await.map_err(|_| self.stopped())?
    }

    /// The same for threads without a runtime: jobs, the command line, tests.
    pub fn write_blocking<T, F>(&self, act: Act, verb: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let answer = self.enqueue(Pace::Awaited, act, verb)?;
        answer.blocking_recv().map_err(|_| self.stopped())?
    }

    /// Runs a verb on the published state and throws away what it did: what would happen, without
    /// any of it happening.
    pub fn rehearse<T>(
        &self,
        act: Act,
        verb: impl FnOnce(&mut Write<'_>) -> Result<T>,
    ) -> Result<T> {
        let published = self.snapshot();
        let Shared { vault, options, .. } = &*self.shared;
        let now = options.clock.now();
        verb(&mut Write::new(
            published.snapshot(),
            vault,
            &options.random,
            now,
            act,
        ))
    }

    /// Queues a verb whose answer nobody waits for: the entry of a list page joins the next
    /// batch, which begins within some hundredths of a second. A full queue is an error; the
    /// page must not be shown then.
    pub fn write_later<F>(&self, act: Act, verb: F) -> Result<()>
    where
        F: FnOnce(&mut Write<'_>) -> Result<()> + Send + 'static,
    {
        self.enqueue(Pace::Later, act, verb).map(drop)
    }

    fn enqueue<T, F>(&self, pace: Pace, act: Act, verb: F) -> Result<oneshot::Receiver<Result<T>>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let command: Command = Box::new(move |batch| {
            let result = batch.run(act, verb);
            Box::new(move |committed| {
                // Nobody may be waiting any more; the verb is durable all the same.
                drop(reply.send(committed.map_err(AppError::from).and(result)));
            })
        });
        let pushed = self.shared.line.push(command, pace);
        pushed.map_err(|refused| match refused {
            Refused::Full => AppError::from(StoreError::Busy),
            Refused::Closed => self.stopped(),
        })?;
        Ok(answer)
    }

    /// Whether so many verbs are in line that whoever adds one should wait for its answer:
    /// else those who never wait would fill the line for everybody.
    pub fn is_crowded(&self) -> bool {
        self.shared.line.len() >= CROWD
    }

    fn stopped(&self) -> AppError {
        StoreError::Stopped("no writes are taken".to_owned()).into()
    }

    /// The number of the newest published feed entry, to wait for the next one.
    pub fn watch_feed(&self) -> watch::Receiver<u64> {
        self.shared.feed_head.subscribe()
    }

    /// The folder's keys.
    pub fn vault(&self) -> &Vault {
        &self.shared.vault
    }

    /// The store's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.options.clock
    }

    /// The store's randomness.
    pub fn random(&self) -> &Random {
        &self.shared.options.random
    }

    /// The tables this version knows.
    pub fn tables(&self) -> &[TableSpec] {
        &self.shared.options.tables
    }

    pub(super) fn options(&self) -> &StoreOptions {
        &self.shared.options
    }

    pub(super) fn seal(&self) -> &dyn Seal {
        &*self.shared.options.seal
    }

    pub(super) fn table_names(&self) -> Vec<&'static str> {
        self.shared.options.table_names()
    }

    /// Whether a storage error has stopped the store. The process should end then.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::SeqCst) || self.shared.engine.has_failed()
    }

    /// From now on nothing is written but what signing in and looking need, audit entries
    /// among it; everything else fails with [`StoreError::Held`].
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Ends [`Self::hold`].
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// Whether writes are held.
    pub fn is_held(&self) -> bool {
        *self.shared.held.borrow()
    }

    /// Resolves when writes are not held.
    pub async fn released(&self) {
        // The sender lives as long as the store.
        drop(self.shared.held.subscribe().wait_for(|held| !held).await);
    }

    /// Takes no more writes, finishes those queued, and ends the writer.
    pub fn close(&self) {
        self.shared.line.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The last owner may be a verb on the writer thread itself, which ends by itself then.
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            // A panic in the writer has already ended the process.
            drop(thread.join());
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Published {
    /// Typed reads on this state.
    pub fn read<'a>(&'a self, vault: &'a Vault) -> Read<'a> {
        Read::new(&self.snapshot, vault).with_memo(&self.memo)
    }

    /// The number of the newest feed entry in this state.
    pub fn feed_head(&self) -> u64 {
        self.feed_head
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// The verbs of one commit.
struct Batch<'s> {
    shared: &'s Shared,
    layer: Layered<'s>,
}

impl Batch<'_> {
    /// Runs the verbs that share this commit; gives what answers them.
    fn fill(&mut self, (first, mut pace): (Command, Pace), began: Instant) -> Vec<Answer> {
        let shared = self.shared;
        let mut answers = vec![first(self)];
        while answers.len() < BATCH_MAX {
            let next = match shared.line.another() {
                None if pace == Pace::Later => shared.line.linger(began),
                next => next,
            };
            let Some((verb, its)) = next else { break };
            if pace == Pace::Later {
                pace = its;
            }
            answers.push(verb(self));
        }
        answers
    }

    /// Runs one verb over what the batch has so far; a failure leaves the batch as it was.
    fn run<T>(&mut self, act: Act, verb: impl FnOnce(&mut Write<'_>) -> Result<T>) -> Result<T> {
        let Shared { vault, options, .. } = self.shared;
        let seal = &*options.seal;
        let now = options.clock.now();
        let mut write = Write::new(&self.layer, vault, &options.random, now, act);
        #[cfg(any(test, feature = "faults"))]
        write.plant(options.planted);
        write.must_be_first()?;
        let result = verb(&mut write);
        let changes: Changes = match &result {
            Ok(_) if write.goes_beyond_hold() && *self.shared.held.borrow() => {
                return Err(StoreError::Held.into());
            }
            Ok(_) => write.finish(seal)?,
            Err(AppError::Forbidden { .. }) => write.deny(seal)?,
            Err(_) => return result,
        };
        merge_into(&mut self.layer.changes, changes);
        result
    }
}

/// Ends the process if the writer panics: nobody knows what a half-run verb has seen.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// Lets nobody wait for a writer that has ended.
struct AbandonAtEnd<'s>(&'s Line<Command>);

impl Drop for AbandonAtEnd<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn run(shared: &Shared) {
    let _end = AbandonAtEnd(&shared.line);
    let _guard = AbortOnPanic;
    while let Some(first) = shared.line.first() {
        let began = Instant::now();
        let base = shared.published.load_full();
        let mut batch = Batch {
            shared,
            layer: Layered::over(&base.snapshot),
        };
        #[cfg_attr(not(any(test, feature = "faults")), expect(unused_mut))]
        let mut answers = batch.fill(first, began);
        let changes = std::mem::take(&mut batch.layer.changes);
        #[cfg(any(test, feature = "faults"))]
        if shared.options.planted == Some(super::faults::Bug::AnswerBeforeCommit) {
            answers.drain(..).for_each(|answer| answer(Ok(())));
        }
        let ran = began.elapsed();
        let committed = commit_and_publish(shared, &changes);
        note_slow(&changes, answers.len(), ran, began.elapsed());
        if let Err(error) = &committed {
            shared.failed.store(true, Ordering::SeqCst);
            tracing::error!(%error, "the store has stopped: a commit failed");
        }
        let failure = committed.err().map(|error| error.to_string());
        for answer in answers {
            answer(match &failure {
                None => Ok(()),
                Some(why) => Err(StoreError::Stopped(why.clone())),
            });
        }
        if failure.is_some() {
            // Never retried: after a failed sync nobody knows what is on the disk.
            return;
        }
    }
}

/// Says where the time of a slow commit went: into its verbs, or into the disk.
fn note_slow(changes: &Changes, verbs: usize, ran: Duration, took: Duration) {
    if took > SLOW {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let rows: usize = changes.values().map(std::collections::BTreeMap::len).sum();
        let (run_ms, commit_ms) = (ms(ran), ms(took - ran));
        tracing::debug!(verbs, rows, run_ms, commit_ms, "a slow commit");
    }
}

fn commit_and_publish(shared: &Shared, changes: &Changes) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    #[cfg(any(test, feature = "faults"))]
    if shared.options.planted == Some(super::faults::Bug::RecordsBeforeLog) {
        let log = shared.options.seal.tables();
        let apart = |of_log: bool| -> Changes {
            let tables = changes.iter().filter(|(t, _)| log.contains(*t) == of_log);
            tables.map(|(t, rows)| (*t, rows.clone())).collect()
        };
        shared.engine.commit(&apart(false))?;
        shared.engine.commit(&apart(true))?;
    }
    shared.engine.commit(changes)?;
    let snapshot = shared.engine.snapshot()?;
    let feed_head = feed::head_of(&snapshot)?;
    let before = shared.published.load();
    // Every change of a record is fed; an erased person's key is not, and a new one may open
    // what could not be read before.
    let is_same = before.feed_head == feed_head && !changes.contains_key(SUBJECT_KEYS);
    let memo = match is_same {
        true => before.memo.clone(),
        false => Arc::default(),
    };
    shared.published.store(Arc::new(Published {
        snapshot,
        feed_head,
        memo,
    }));
    shared.feed_head.send_replace(feed_head);
    Ok(())
}
