//! The index of people: customers (one document for each relation), members, groups.
//!
//! Derived from the feed: the commit's payload says which folder, which schema and up to
//! which feed number. It may be deleted at any time. Texts are indexed, not stored.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use tantivy::{
    Index, IndexReader, IndexSettings, IndexSortByField, IndexWriter, Order, ReloadPolicy, Term,
    indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy},
};

use super::{
    disk::{SearchError, Shelf, check_files, remove},
    fields::{ADDED, Fields, ObjectDocs, schema},
    grams::{GRAMS, Grams},
    spelling::{INITIALS, Initials, SYLLABLES, Syllables},
    view::View,
};

/// Changes whenever documents are made in another way; an index of another version is thrown
/// away.
const SCHEMA_VERSION: u32 = 3;
/// Memory of the writer, bytes.
const WRITER_BYTES: usize = 32_000_000;
/// Segments of one size that are merged into one.
const MERGED_SEGMENTS: usize = 4;
/// Share of deleted documents from which a segment is written anew.
const DELETED_SHARE_MAX: f32 = 0.3;

/// One index on disk, open for reading and writing.
struct Open {
    dir: PathBuf,
    fields: Fields,
    reader: IndexReader,
    writer: IndexWriter,
    view: Arc<View>,
    cursor: u64,
}

fn settings() -> IndexSettings {
    // Newest first: the first page of most lists is found in the first documents.
    let newest_first = IndexSortByField {
        field: ADDED.to_owned(),
        order: Order::Desc,
    };
    IndexSettings {
        sort_by_field: Some(newest_first),
        ..IndexSettings::default()
    }
}

impl Open {
    fn create(dir: &Path, shelf: &Shelf) -> Result<Self, SearchError> {
        remove(dir)?;
        fs::create_dir_all(dir)?;
        let (schema, fields) = schema();
        let builder = Index::builder().schema(schema).settings(settings());
        let index = builder.create_in_dir(dir)?;
        let mut open = Self::with(dir, &index, fields, 0)?;
        open.commit(shelf, 0)?;
        Ok(open)
    }

    fn existing(dir: &Path, shelf: &Shelf, head: u64) -> Result<Self, SearchError> {
        let index = Index::open_in_dir(dir)?;
        let (schema, fields) = schema();
        if index.schema() != schema || *index.settings() != settings() {
            return Err(SearchError::Unfit("another schema"));
        }
        let cursor = shelf.feed(&index, head)?;
        check_files(dir, &index, true)?;
        let open = Self::with(dir, &index, fields, cursor)?;
        // Killed writers leave files behind that no commit names.
        open.writer.garbage_collect_files().wait()?;
        Ok(open)
    }

    fn with(dir: &Path, index: &Index, fields: Fields, cursor: u64) -> Result<Self, SearchError> {
        index.tokenizers().register(GRAMS, Grams);
        index.tokenizers().register(SYLLABLES, Syllables);
        index.tokenizers().register(INITIALS, Initials);
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        let mut merging = LogMergePolicy::default();
        merging.set_min_num_segments(MERGED_SEGMENTS);
        merging.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
        writer.set_merge_policy(Box::new(merging));
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let view = Arc::new(View::of(&reader, fields, None)?);
        Ok(Self {
            dir: dir.to_owned(),
            fields,
            reader,
            writer,
            view,
            cursor,
        })
    }

    /// Adds an object that is not in the index.
    fn add(&self, docs: &ObjectDocs) -> Result<(), SearchError> {
        for row in &docs.rows {
            self.writer.add_document(self.fields.document(docs, row))?;
        }
        Ok(())
    }

    fn remove(&self, object: u64) {
        self.writer
            .delete_term(Term::from_field_u64(self.fields.object, object));
    }

    /// Makes everything so far durable together with the feed number it stands for.
    fn commit(&mut self, shelf: &Shelf, feed: u64) -> Result<(), SearchError> {
        shelf.commit(&mut self.writer, &self.dir, feed)?;
        self.cursor = feed;
        self.reader.reload()?;
        self.view = Arc::new(View::of(&self.reader, self.fields, Some(&self.view))?);
        Ok(())
    }

    /// Makes one segment of all.
    fn merge(&mut self) -> Result<(), SearchError> {
        let segments = self.reader.searcher();
        let segments: Vec<_> = segments
            .segment_readers()
            .iter()
            .map(|s| s.segment_id())
            .collect();
        if segments.len() > 1 {
            self.writer.merge(&segments).wait()?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The index of people.
pub struct People {
    shelf: Shelf,
    /// Held while documents are written or the index is swapped.
    open: Mutex<Open>,
    /// Held while a new index is built beside.
    building: Mutex<()>,
    /// What queries see; they never wait for a writer.
    view: ArcSwap<View>,
    cursor: AtomicU64,
}

impl People {
    /// Opens the index under `dir`. One that is missing, damaged, of another folder, of
    /// another version or ahead of the feed is replaced by an empty one with cursor 0; the
    /// caller then feeds it from the store.
    pub fn open(dir: &Path, folder: &str, feed_head: u64) -> Result<Self, SearchError> {
        fs::create_dir_all(dir)?;
        let shelf = Shelf {
            dir: dir.to_owned(),
            kind: "people",
            schema: SCHEMA_VERSION,
            folder: folder.to_owned(),
        };
        let current = shelf.current()?;
        let open = match Open::existing(&current, &shelf, feed_head) {
            Ok(open) => open,
            Err(why) => {
                if current.exists() {
                    tracing::warn!(%why, "the search index is built anew");
                }
                Open::create(&current, &shelf)?
            }
        };
        shelf.remove_others(&current)?;
        Ok(Self {
            shelf,
            view: ArcSwap::new(open.view.clone()),
            cursor: AtomicU64::new(open.cursor),
            open: Mutex::new(open),
            building: Mutex::default(),
        })
    }

    /// The feed number up to which the index is durable; 0 for an empty one.
    pub fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Acquire)
    }

    /// Puts objects into the index, each replacing what was there of it, and makes them
    /// durable and searchable as what follows feed number `from` up to `to`. Does nothing
    /// and gives `false` if the index has another cursor by now: it was built anew meanwhile,
    /// and the caller reads the feed again from there.
    pub fn apply(&self, docs: &[ObjectDocs], from: u64, to: u64) -> Result<bool, SearchError> {
        let mut open = lock(&self.open);
        if open.cursor != from {
            return Ok(false);
        }
        for docs in docs {
            open.remove(docs.object);
            open.add(docs)?;
        }
        open.commit(&self.shelf, to)?;
        self.show(&open);
        Ok(true)
    }

    /// Builds a new index from `docs`, each object once, as of feed number `feed`, while the old one serves and
    /// is kept up to date, and puts it in its place. Gives the number of objects.
    pub fn rebuild<E: From<SearchError>>(
        &self,
        docs: impl Iterator<Item = Result<ObjectDocs, E>>,
        feed: u64,
    ) -> Result<u64, E> {
        let _alone = lock(&self.building);
        let ready = self.shelf.next().map_err(E::from)?;
        let mut new = Open::create(&self.shelf.building(), &self.shelf)?;
        new.writer.set_merge_policy(Box::new(NoMergePolicy));
        let mut objects = 0;
        for docs in docs {
            new.add(&docs?)?;
            objects += 1;
        }
        new.commit(&self.shelf, feed)?;
        new.merge()?;
        drop(new);
        self.swap(&ready, feed)?;
        Ok(objects)
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
            tracing::info!(%error, "an old search index stays until the next start");
        }
        Ok(())
    }

    fn show(&self, open: &Open) {
        self.view.store(open.view.clone());
        self.cursor.store(open.cursor, Ordering::Release);
    }

    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }
}
