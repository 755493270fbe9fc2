//! The index on disk: opening, writing, building anew.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy,
    indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy},
};

use crate::search::disk::{SearchError, Shelf, check_files, remove};

use super::{
    fields::{Fields, register, schema, settings},
    gone::Gone,
    model::MessageDoc,
    sets::Sets,
    view::View,
};

/// Changes whenever documents are made in another way; an index of another version is thrown
/// away.
const SCHEMA_VERSION: u32 = 2;
/// Memory of the writer that follows the feed, bytes.
const LIVE_BYTES: usize = 64_000_000;
/// Memory of the writer that builds a new index, bytes. More gives fewer, larger segments.
const BUILD_BYTES: usize = 256_000_000;
/// Share of deleted documents from which a segment that may be merged is written anew: deletions
/// end the quick totals. That what was deleted leaves the files, [`Messages::expunge`] sees to.
const DELETED_SHARE_MAX: f32 = 0.05;

/// Messages of a segment that is not merged any more: merging millions disturbs every search for
/// a minute, and the segments of ten million are searched fast enough as they are. What smaller
/// ones are merged into may be larger.
const MERGED_MAX: usize = 500_000;
/// How often segments that are being merged already are looked at again.
const EXPUNGE_ROUNDS_MAX: u32 = 300;
/// Time between two looks.
const MERGING: Duration = Duration::from_millis(200);

/// One index on disk, open for reading and writing.
struct Open {
    dir: PathBuf,
    fields: Fields,
    reader: IndexReader,
    writer: IndexWriter,
    sets: Arc<Sets>,
    view: Arc<View>,
    /// The feed number that is durable.
    place: u64,
    /// The feed number that is applied, perhaps not yet durable.
    applied: u64,
    /// Messages that are applied and not yet durable.
    pending: HashSet<u64>,
}

impl Open {
    fn create(dir: &Path, shelf: &Shelf, memory: usize) -> Result<Self, SearchError> {
        remove(dir)?;
        fs::create_dir_all(dir)?;
        let (schema, fields) = schema();
        let builder = Index::builder().schema(schema).settings(settings());
        let index = builder.create_in_dir(dir)?;
        let mut open = Self::with(dir, &index, fields, 0, memory)?;
        open.commit(shelf)?;
        Ok(open)
    }

    fn existing(dir: &Path, shelf: &Shelf, head: u64) -> Result<Self, SearchError> {
        let index = Index::open_in_dir(dir)?;
        let (schema, fields) = schema();
        if index.schema() != schema || *index.settings() != settings() {
            return Err(SearchError::Unfit("another schema"));
        }
        let place = shelf.feed(&index, head)?;
        // Reading everything would take seconds: see `Messages::check`.
        check_files(dir, &index, false)?;
        let open = Self::with(dir, &index, fields, place, LIVE_BYTES)?;
        // Killed writers leave files behind that no commit names.
        open.writer.garbage_collect_files().wait()?;
        Ok(open)
    }

    fn with(
        dir: &Path,
        index: &Index,
        fields: Fields,
        place: u64,
        memory: usize,
    ) -> Result<Self, SearchError> {
        register(index);
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(memory)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        let mut merging = LogMergePolicy::default();
        merging.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
        merging.set_max_docs_before_merge(MERGED_MAX);
        writer.set_merge_policy(Box::new(merging));
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let sets = Arc::<Sets>::default();
        let view = Arc::new(View::of(&reader, fields, Arc::clone(&sets))?);
        Ok(Self {
            dir: dir.to_owned(),
            fields,
            reader,
            writer,
            sets,
            view,
            place,
            applied: place,
            pending: HashSet::new(),
        })
    }

    fn add(&self, message: &MessageDoc) -> Result<(), SearchError> {
        self.writer.add_document(self.fields.document(message))?;
        Ok(())
    }

    /// Removes those of these messages that may be there.
    fn remove(&self, seqs: Vec<u64>) -> Result<(), SearchError> {
        if !seqs.is_empty() {
            self.writer.delete_query(Box::new(Gone::new(seqs)))?;
        }
        Ok(())
    }

    fn has(&self, message: &MessageDoc) -> bool {
        self.pending.contains(&message.seq) || self.view.has(message.seq, message.at_ms)
    }

    fn apply(&mut self, deletes: &[u64], docs: &[MessageDoc]) -> Result<(), SearchError> {
        self.remove(deletes.to_vec())?;
        // In ordinary operation there are none, and totals stay quick.
        let known = docs.iter().filter(|doc| self.has(doc));
        self.remove(known.map(|doc| doc.seq).collect())?;
        for doc in docs {
            // Once more in the same call.
            if !self.pending.insert(doc.seq) {
                self.remove(vec![doc.seq])?;
            }
            self.add(doc)?;
        }
        Ok(())
    }

    /// Writes every segment anew in which something was deleted, so that the words of what was
    /// deleted leave the files; gives the number of segments.
    #[expect(
        clippy::disallowed_methods,
        reason = "tantivy does not tell when a merge ends that it began by itself"
    )]
    fn expunge(&mut self) -> Result<usize, SearchError> {
        let index = self.view.searcher.index().clone();
        let mut written = 0;
        for round in 1.. {
            let metas = index.searchable_segment_metas()?;
            let mut thinned = metas.iter().filter(|meta| meta.has_deletes()).peekable();
            if thinned.peek().is_none() {
                break;
            }
            for meta in thinned {
                match self.writer.merge(&[meta.id()]).wait() {
                    Ok(_) => written += 1,
                    // It is being merged already; what comes of that is looked at again.
                    Err(_) if round < EXPUNGE_ROUNDS_MAX => std::thread::sleep(MERGING),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(written)
    }

    /// What is durable becomes what queries see.
    fn show(&mut self) -> Result<(), SearchError> {
        self.reader.reload()?;
        let sets = Arc::clone(&self.sets);
        self.view = Arc::new(View::of(&self.reader, self.fields, sets)?);
        Ok(())
    }

    /// Makes everything that is applied durable and searchable.
    fn commit(&mut self, shelf: &Shelf) -> Result<(), SearchError> {
        shelf.commit(&mut self.writer, &self.dir, self.applied)?;
        self.place = self.applied;
        self.pending.clear();
        self.show()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The index of archived messages.
///
/// Derived from the feed: `applied` names the feed number from which the caller reads on, and
/// each commit says up to which feed number it stands for. It may be deleted at any time. When
/// to commit is up to the caller: nothing applied is found before, and after a crash it is
/// applied again.
pub struct Messages {
    shelf: Shelf,
    /// Held while documents are written or the index is swapped.
    open: Mutex<Open>,
    /// Held while a new index is built beside.
    building: Mutex<()>,
    /// What queries see; they never wait for a writer.
    view: ArcSwap<View>,
    place: AtomicU64,
}

impl Messages {
    /// Opens the index under `dir`. One that is missing, of another folder, of another version
    /// or ahead of the feed is replaced by an empty one of place 0.
    pub fn open(dir: &Path, folder: &str, feed_head: u64) -> Result<Self, SearchError> {
        fs::create_dir_all(dir)?;
        let shelf = Shelf {
            dir: dir.to_owned(),
            kind: "messages",
            schema: SCHEMA_VERSION,
            folder: folder.to_owned(),
        };
        let current = shelf.current()?;
        let open = match Open::existing(&current, &shelf, feed_head) {
            Ok(open) => open,
            Err(why) => {
                if current.exists() {
                    tracing::warn!(%why, "the index of messages is built anew");
                }
                Open::create(&current, &shelf, LIVE_BYTES)?
            }
        };
        shelf.remove_others(&current)?;
        Ok(Self {
            shelf,
            view: ArcSwap::new(Arc::clone(&open.view)),
            place: AtomicU64::new(open.place),
            open: Mutex::new(open),
            building: Mutex::default(),
        })
    }

    /// The feed number up to which the index is durable and searchable; 0 for an empty one.
    pub fn place(&self) -> u64 {
        self.place.load(Ordering::Acquire)
    }

    /// The feed number up to which everything was applied: read on from here.
    pub fn applied(&self) -> u64 {
        lock(&self.open).applied
    }

    /// Messages that can be found.
    pub fn len(&self) -> u64 {
        self.view().searcher.num_docs()
    }

    /// Whether no message can be found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what follows feed number `from` up to `to`: messages that go, by `seq`, and then
    /// messages that come, each replacing what was there of it. They can be found from the
    /// next [`commit`](Self::commit) on. Does nothing and gives `false` if the index stands
    /// elsewhere by now: it was built anew meanwhile, and the caller reads the feed again from
    /// [`applied`](Self::applied).
    pub fn apply(
        &self,
        deletes: &[u64],
        docs: &[MessageDoc],
        from: u64,
        to: u64,
    ) -> Result<bool, SearchError> {
        let mut open = lock(&self.open);
        if open.applied != from {
            return Ok(false);
        }
        let done = open.apply(deletes, docs);
        if done.is_err() {
            self.go_back(&mut open)?;
        }
        done?;
        open.applied = to;
        Ok(true)
    }

    /// Forgets what is not durable: half of a call must not stay.
    fn go_back(&self, open: &mut Open) -> Result<(), SearchError> {
        open.writer.rollback()?;
        open.pending.clear();
        open.applied = open.place;
        Ok(())
    }

    /// Makes everything that was applied durable and searchable. Gives its feed number.
    pub fn commit(&self) -> Result<u64, SearchError> {
        let mut open = lock(&self.open);
        if open.applied != open.place {
            if let Err(error) = open.commit(&self.shelf) {
                self.go_back(&mut open)?;
                return Err(error);
            }
            self.show(&open);
        }
        Ok(open.place)
    }

    /// Takes the words of deleted messages out of the files, where a deletion as such only
    /// hides them; gives the number of segments written anew. Writing waits meanwhile, queries
    /// do not. Only what is committed is looked at.
    pub fn expunge(&self) -> Result<usize, SearchError> {
        let mut open = lock(&self.open);
        let written = open.expunge()?;
        if written > 0 {
            open.show()?;
            self.show(&open);
            // Now that queries begin with the new files.
            open.writer.garbage_collect_files().wait()?;
        }
        Ok(written)
    }

    /// Builds a new index from `docs`, each message once and in any order, none older than feed
    /// number `feed` has it, while the old one serves and is kept up to date, and puts it in its
    /// place. The feed is applied from `feed` on. Gives the number of messages.
    pub fn rebuild<E: From<SearchError>>(
        &self,
        docs: impl Iterator<Item = Result<MessageDoc, E>>,
        feed: u64,
    ) -> Result<u64, E> {
        let _alone = lock(&self.building);
        let ready = self.shelf.next().map_err(E::from)?;
        let mut new = Open::create(&self.shelf.building(), &self.shelf, BUILD_BYTES)?;
        // Merging them all would take longer than building.
        new.writer.set_merge_policy(Box::new(NoMergePolicy));
        let mut messages = 0;
        for doc in docs {
            new.add(&doc?)?;
            messages += 1;
        }
        new.applied = feed;
        new.commit(&self.shelf)?;
        drop(new);
        self.swap(&ready, feed)?;
        Ok(messages)
    }

    /// Begins anew with an empty index of place 0.
    pub fn wipe(&self) -> Result<(), SearchError> {
        self.rebuild(std::iter::empty::<Result<_, SearchError>>(), 0)?;
        Ok(())
    }

    /// Reads every file of the index and says whether one is damaged. Takes seconds for
    /// millions of messages, so it is not done when opening.
    pub fn check(&self) -> Result<(), SearchError> {
        let (dir, index) = {
            let open = lock(&self.open);
            (open.dir.clone(), open.view.searcher.index().clone())
        };
        loop {
            let before = index.searchable_segment_ids()?;
            let checked = check_files(&dir, &index, true);
            // Segments that were merged meanwhile are rightly gone.
            if checked.is_ok() || index.searchable_segment_ids()? == before {
                return checked;
            }
        }
    }

    /// The old index keeps its folder's name: its writer may still be merging there.
    fn swap(&self, ready: &Path, feed: u64) -> Result<(), SearchError> {
        let mut open = lock(&self.open);
        self.shelf.put(ready)?;
        *open = Open::existing(ready, &self.shelf, feed)?;
        self.show(&open);
        drop(open);
        // Queries may still read the old files; what cannot be removed now is when opening.
        if let Err(error) = self.shelf.remove_others(ready) {
            tracing::info!(%error, "an old index of messages stays until the next start");
        }
        Ok(())
    }

    fn show(&self, open: &Open) {
        self.view.store(Arc::clone(&open.view));
        self.place.store(open.place, Ordering::Release);
    }

    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }
}
