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
use serde::{Deserialize, Serialize};
use tantivy::{
    Index, IndexReader, IndexSettings, IndexSortByField, IndexWriter, Order, ReloadPolicy, Term,
    index::SegmentComponent,
    indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy},
};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    fields::{ADDED, Fields, ObjectDocs, schema},
    grams::{GRAMS, Grams},
    spelling::{INITIALS, Initials, SYLLABLES, Syllables},
    view::View,
};

/// Changes whenever documents are made in another way; an index of another version is thrown
/// away.
const SCHEMA_VERSION: u32 = 2;
/// Memory of the writer, bytes.
const WRITER_BYTES: usize = 32_000_000;
/// Segments of one size that are merged into one.
const MERGED_SEGMENTS: usize = 4;
/// The files of a segment.
const PARTS: [SegmentComponent; 6] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
];
/// Share of deleted documents from which a segment is written anew.
const DELETED_SHARE_MAX: f32 = 0.3;

/// The index failed. It is derived: the remedy is always to build it again.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index cannot be read or written.
    #[error("search index: {0}")]
    Index(String),
    /// It belongs to another folder or another version, or is damaged.
    #[error("the search index does not fit: {0}")]
    Unfit(&'static str),
}

impl From<tantivy::TantivyError> for SearchError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(error.to_string())
    }
}
impl From<std::io::Error> for SearchError {
    fn from(error: std::io::Error) -> Self {
        Self::Index(error.to_string())
    }
}
impl From<SearchError> for crate::error::AppError {
    fn from(error: SearchError) -> Self {
        Self::internal(error)
    }
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    folder: String,
    schema: u32,
    feed: u64,
    /// Over the rest: a flipped digit of `feed` would silently lose changes.
    check: u64,
}

impl Payload {
    fn new(folder: &str, feed: u64) -> Self {
        let schema = SCHEMA_VERSION;
        let check = xxh3_64(format!("{folder}\n{schema}\n{feed}").as_bytes());
        let folder = folder.to_owned();
        Self {
            folder,
            schema,
            feed,
            check,
        }
    }

    /// The feed number of a payload of this folder and this version, which ends at `head`.
    fn feed(text: &str, folder: &str, head: u64) -> Result<u64, SearchError> {
        let payload: Self =
            serde_json::from_str(text).map_err(|_| SearchError::Unfit("no cursor"))?;
        if payload != Self::new(folder, payload.feed) {
            return Err(SearchError::Unfit("another folder or version"));
        }
        if payload.feed > head {
            return Err(SearchError::Unfit("its cursor lies beyond the feed"));
        }
        Ok(payload.feed)
    }
}

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
    fn create(dir: &Path, folder: &str) -> Result<Self, SearchError> {
        remove(dir)?;
        fs::create_dir_all(dir)?;
        let (schema, fields) = schema();
        let builder = Index::builder().schema(schema).settings(settings());
        let index = builder.create_in_dir(dir)?;
        let mut open = Self::with(dir, &index, fields, 0)?;
        open.commit(folder, 0)?;
        Ok(open)
    }

    fn existing(dir: &Path, folder: &str, head: u64) -> Result<Self, SearchError> {
        let index = Index::open_in_dir(dir)?;
        let (schema, fields) = schema();
        if index.schema() != schema || *index.settings() != settings() {
            return Err(SearchError::Unfit("another schema"));
        }
        let cursor = Payload::feed(
            &index.load_metas()?.payload.unwrap_or_default(),
            folder,
            head,
        )?;
        check_files(dir, &index)?;
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
    fn commit(&mut self, folder: &str, feed: u64) -> Result<(), SearchError> {
        let payload = serde_json::to_string(&Payload::new(folder, feed))
            .map_err(|e| SearchError::Index(e.to_string()))?;
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        // The rename of the meta file must survive a power cut too.
        fs::File::open(&self.dir)?.sync_all()?;
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

/// Every file that the segments need is there and fits its own checksum.
fn check_files(dir: &Path, index: &Index) -> Result<(), SearchError> {
    for segment in index.searchable_segment_metas()? {
        let deleted = segment.has_deletes().then_some(SegmentComponent::Delete);
        for component in PARTS.into_iter().chain(deleted) {
            let file = segment.relative_path(component);
            if !dir.join(&file).exists() {
                return Err(SearchError::Unfit("a file is missing"));
            }
            let checked = index.directory().validate_checksum(&file);
            if !checked.map_err(|e| SearchError::Index(e.to_string()))? {
                return Err(SearchError::Unfit("a file is damaged"));
            }
        }
    }
    Ok(())
}

/// The number of the newest index under `dir`. A rebuild gives the next number.
fn latest(dir: &Path) -> Result<Option<u64>, SearchError> {
    let mut latest = None;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|n| n.strip_prefix("people-")?.parse().ok());
        latest = latest.max(number);
    }
    Ok(latest)
}

/// Removes older indexes and unfinished ones.
fn remove_others(dir: &Path, current: &Path) -> Result<(), SearchError> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("people");
        if path != current && path.file_name().is_some_and(is_ours) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<(), SearchError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The index of people.
pub struct People {
    dir: PathBuf,
    folder: String,
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
        let current = dir.join(format!("people-{}", latest(dir)?.unwrap_or(1)));
        let open = match Open::existing(&current, folder, feed_head) {
            Ok(open) => open,
            Err(why) => {
                if current.exists() {
                    tracing::warn!(%why, "the search index is built anew");
                }
                Open::create(&current, folder)?
            }
        };
        remove_others(dir, &current)?;
        Ok(Self {
            dir: dir.to_owned(),
            folder: folder.to_owned(),
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
        open.commit(&self.folder, to)?;
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
        let next = latest(&self.dir).map_err(E::from)?.unwrap_or(0) + 1;
        let ready = self.dir.join(format!("people-{next}"));
        let building = self.dir.join("people-building");
        let mut new = Open::create(&building, &self.folder)?;
        new.writer.set_merge_policy(Box::new(NoMergePolicy));
        let mut objects = 0;
        for docs in docs {
            new.add(&docs?)?;
            objects += 1;
        }
        new.commit(&self.folder, feed)?;
        new.merge()?;
        drop(new);
        self.swap(&building, &ready, feed)?;
        Ok(objects)
    }

    /// The old index keeps its folder's name: its writer may still be merging there.
    fn swap(&self, building: &Path, ready: &Path, feed: u64) -> Result<(), SearchError> {
        let mut open = lock(&self.open);
        fs::rename(building, ready)?;
        fs::File::open(&self.dir)?.sync_all()?;
        *open = Open::existing(ready, &self.folder, feed)?;
        self.show(&open);
        drop(open);
        // Queries may still read the old files; what cannot be removed now is when opening.
        if let Err(error) = remove_others(&self.dir, ready) {
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
