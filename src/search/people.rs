//! The index of people: customers (one document for each relation), members, groups.
//!
//! Derived from the feed: the commit's payload says which folder, which schema and up to
//! which feed number. It may be deleted at any time. Texts are indexed, not stored.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term,
    columnar::Column,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
    },
};

use crate::kit::Timestamp;

use super::{
    fold::fold,
    grams::{GRAMS, Grams},
    pinyin,
    query::Cache,
};

/// Changes whenever documents are made in another way; an index of another version is thrown
/// away.
const SCHEMA_VERSION: u32 = 1;
/// Memory of the writer, bytes.
const WRITER_BYTES: usize = 32_000_000;
/// Marks the beginning and the end of a name, so that whole names and beginnings are phrases.
pub(super) const NAME_START: char = '\u{2}';
/// See [`NAME_START`].
pub(super) const NAME_END: char = '\u{3}';

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A customer, through one relation.
    Customer,
    /// A member of the firm.
    Member,
    /// A customer group.
    Group,
}

impl Kind {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Customer => 1,
            Self::Member => 2,
            Self::Group => 3,
        }
    }
}

/// One document: what is searched, filtered and sorted by.
#[derive(Debug, Clone, Default)]
pub struct RowDoc {
    /// The member whose row it is: scope and the owner filter look at it.
    pub owner: u64,
    /// Name.
    pub name: String,
    /// Further texts, the more telling first: remark, company, description …
    pub texts: Vec<String>,
    /// Those of the texts that are searched by pinyin too.
    pub pinyin_texts: Vec<String>,
    /// Phone numbers.
    pub phones: Vec<String>,
    /// Ids of tags.
    pub tags: Vec<u64>,
    /// How added.
    pub way: u64,
    /// Kind of customer.
    pub customer_kind: u64,
    /// Whether the relation has ended.
    pub ended: bool,
    /// When added.
    pub added_at: Timestamp,
}

/// All documents of one object. Without rows the object is not in the index.
#[derive(Debug, Clone)]
pub struct ObjectDocs {
    /// Kind of object.
    pub kind: Kind,
    /// Its id.
    pub object: u64,
    /// Its running number: dense, unique among its kind.
    pub no: u32,
    /// Its documents.
    pub rows: Vec<RowDoc>,
}

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
}

/// The fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) kind: Field,
    pub(super) object: Field,
    pub(super) no: Field,
    pub(super) owner: Field,
    pub(super) ended: Field,
    pub(super) way: Field,
    pub(super) customer_kind: Field,
    pub(super) tag: Field,
    pub(super) added: Field,
    pub(super) name_key: Field,
    pub(super) name: Field,
    pub(super) text: Field,
    pub(super) phone: Field,
    pub(super) phone_key: Field,
    pub(super) pinyin: Field,
    pub(super) initials: Field,
}

fn schema() -> (Schema, Fields) {
    let mut b = Schema::builder();
    let grams = || {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(GRAMS)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        kind: b.add_u64_field("kind", INDEXED),
        object: b.add_u64_field("object", INDEXED | FAST),
        no: b.add_u64_field("no", FAST),
        owner: b.add_u64_field("owner", INDEXED | FAST),
        ended: b.add_u64_field("ended", INDEXED),
        way: b.add_u64_field("way", INDEXED),
        customer_kind: b.add_u64_field("customer_kind", INDEXED),
        tag: b.add_u64_field("tag", INDEXED | FAST),
        added: b.add_u64_field("added", FAST),
        name_key: b.add_u64_field("name_key", FAST),
        name: b.add_text_field("name", grams()),
        text: b.add_text_field("text", grams()),
        phone: b.add_text_field("phone", grams()),
        phone_key: b.add_text_field("phone_key", STRING),
        pinyin: b.add_text_field("pinyin", STRING),
        initials: b.add_text_field("initials", grams()),
    };
    (b.build(), fields)
}

/// One opened state of the index with its columns.
pub(super) struct View {
    pub(super) searcher: Searcher,
    pub(super) columns: Vec<Columns>,
    pub(super) cache: Cache,
}

/// The columns of one segment, opened once for each state.
pub(super) struct Columns {
    pub(super) object: Column<u64>,
    pub(super) no: Column<u64>,
    pub(super) owner: Column<u64>,
    pub(super) tag: Column<u64>,
    pub(super) added: Column<u64>,
    pub(super) name_key: Column<u64>,
}

/// The index of people.
pub struct People {
    dir: PathBuf,
    folder_id: String,
    open: ArcSwap<Open>,
}

/// One index on disk, open for reading and writing.
pub(super) struct Open {
    pub(super) fields: Fields,
    reader: IndexReader,
    writer: Mutex<IndexWriter>,
    view: ArcSwap<View>,
    cursor: Mutex<u64>,
}

impl Open {
    fn create(dir: &Path, folder_id: &str) -> Result<Self, SearchError> {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)?;
        let (schema, fields) = schema();
        let index = Index::create_in_dir(dir, schema)?;
        let open = Self::with(index, fields, 0)?;
        open.commit(dir, folder_id, 0)?;
        Ok(open)
    }

    fn existing(dir: &Path, folder_id: &str, feed_head: u64) -> Result<Self, SearchError> {
        let index = Index::open_in_dir(dir)?;
        let (schema, fields) = schema();
        if index.schema() != schema {
            return Err(SearchError::Unfit("another schema"));
        }
        let payload = index.load_metas()?.payload.unwrap_or_default();
        let payload: Payload =
            serde_json::from_str(&payload).map_err(|_| SearchError::Unfit("no cursor"))?;
        if payload.folder != folder_id || payload.schema != SCHEMA_VERSION {
            return Err(SearchError::Unfit("another folder or version"));
        }
        if payload.feed > feed_head {
            return Err(SearchError::Unfit("its cursor lies beyond the feed"));
        }
        if !index
            .validate_checksum()
            .map_err(|e| SearchError::Index(e.to_string()))?
            .is_empty()
        {
            return Err(SearchError::Unfit("a file is damaged"));
        }
        Self::with(index, fields, payload.feed)
    }

    fn with(index: Index, fields: Fields, cursor: u64) -> Result<Self, SearchError> {
        index.tokenizers().register(GRAMS, Grams);
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let view = ArcSwap::from_pointee(View::of(&reader)?);
        Ok(Self {
            fields,
            reader,
            writer: Mutex::new(writer),
            view,
            cursor: Mutex::new(cursor),
        })
    }

    fn put(&self, docs: &ObjectDocs) -> Result<(), SearchError> {
        let writer = lock(&self.writer);
        writer.delete_term(Term::from_field_u64(self.fields.object, docs.object));
        for row in &docs.rows {
            writer.add_document(self.document(docs, row))?;
        }
        Ok(())
    }

    fn document(&self, docs: &ObjectDocs, row: &RowDoc) -> TantivyDocument {
        let f = &self.fields;
        let mut doc = TantivyDocument::new();
        doc.add_u64(f.kind, docs.kind.number());
        doc.add_u64(f.object, docs.object);
        doc.add_u64(f.no, u64::from(docs.no));
        doc.add_u64(f.owner, row.owner);
        doc.add_u64(f.ended, u64::from(row.ended));
        doc.add_u64(f.way, row.way);
        doc.add_u64(f.customer_kind, row.customer_kind);
        for tag in &row.tags {
            doc.add_u64(f.tag, *tag);
        }
        doc.add_u64(f.added, row.added_at.ms().max(0).cast_unsigned());
        doc.add_u64(f.name_key, pinyin::sort_key(&row.name));
        doc.add_text(f.name, format!("{NAME_START}{}{NAME_END}", fold(&row.name)));
        doc.add_text(f.text, &row.name);
        for text in row.texts.iter().filter(|text| !text.is_empty()) {
            doc.add_text(f.text, text);
        }
        let mut prefixes = std::collections::BTreeSet::new();
        for text in std::iter::once(&row.name).chain(&row.pinyin_texts) {
            prefixes.extend(pinyin::prefixes(text));
            for initials in pinyin::initials(text) {
                doc.add_text(f.initials, initials);
            }
        }
        for prefix in prefixes {
            doc.add_text(f.pinyin, prefix);
        }
        for phone in &row.phones {
            let digits = digits_of(phone);
            for key in phone_keys(&digits) {
                doc.add_text(f.phone_key, key);
            }
            doc.add_text(f.phone, digits);
        }
        doc
    }

    /// Makes everything so far durable together with the feed number it stands for.
    fn commit(&self, dir: &Path, folder_id: &str, feed: u64) -> Result<(), SearchError> {
        let payload = Payload {
            folder: folder_id.to_owned(),
            schema: SCHEMA_VERSION,
            feed,
        };
        let payload =
            serde_json::to_string(&payload).map_err(|e| SearchError::Index(e.to_string()))?;
        let mut writer = lock(&self.writer);
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        drop(writer);
        // The rename of the meta file must survive a power cut too.
        fs::File::open(dir)?.sync_all()?;
        *lock(&self.cursor) = feed;
        self.reader.reload()?;
        self.view.store(Arc::new(View::of(&self.reader)?));
        Ok(())
    }
}

impl View {
    fn of(reader: &IndexReader) -> Result<Self, SearchError> {
        let searcher = reader.searcher();
        let columns = searcher
            .segment_readers()
            .iter()
            .map(|segment| {
                let fast = segment.fast_fields();
                Ok(Columns {
                    object: fast.u64("object")?,
                    no: fast.u64("no")?,
                    owner: fast.u64("owner")?,
                    tag: fast.u64("tag")?,
                    added: fast.u64("added")?,
                    name_key: fast.u64("name_key")?,
                })
            })
            .collect::<Result<_, tantivy::TantivyError>>()?;
        Ok(Self {
            searcher,
            columns,
            cache: Cache::default(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl People {
    /// Opens the index under `dir`. One that is missing, damaged, of another folder, of
    /// another version or ahead of the feed is replaced by an empty one with cursor 0; the
    /// caller then feeds it from the store.
    pub fn open(dir: &Path, folder_id: &str, feed_head: u64) -> Result<Self, SearchError> {
        let current = dir.join("people");
        let open = match Open::existing(&current, folder_id, feed_head) {
            Ok(open) => open,
            Err(why) => {
                if current.exists() {
                    tracing::warn!(%why, "the search index is built anew");
                }
                Open::create(&current, folder_id)?
            }
        };
        let open = ArcSwap::from_pointee(open);
        Ok(Self {
            dir: dir.to_owned(),
            folder_id: folder_id.to_owned(),
            open,
        })
    }

    /// The feed number up to which the index is durable; 0 for an empty one.
    pub fn cursor(&self) -> u64 {
        *lock(&self.open.load().cursor)
    }

    /// Puts objects into the index: each replaces what was there of it.
    pub fn put(&self, docs: &[ObjectDocs]) -> Result<(), SearchError> {
        let open = self.open.load();
        docs.iter().try_for_each(|docs| open.put(docs))
    }

    /// Makes everything so far durable and searchable, as of feed number `feed`.
    pub fn commit(&self, feed: u64) -> Result<(), SearchError> {
        self.open
            .load()
            .commit(&self.dir.join("people"), &self.folder_id, feed)
    }

    /// Builds a new index from `docs` as of feed number `feed`, while the old one serves, and
    /// puts it in its place. Gives the number of objects.
    pub fn rebuild<E: From<SearchError>>(
        &self,
        docs: impl Iterator<Item = Result<ObjectDocs, E>>,
        feed: u64,
    ) -> Result<u64, E> {
        let building = self.dir.join("people-building");
        let open = Open::create(&building, &self.folder_id)?;
        let mut objects = 0;
        for docs in docs {
            open.put(&docs?)?;
            objects += 1;
        }
        open.commit(&building, &self.folder_id, feed)?;
        drop(open);
        let swap = || -> Result<Open, SearchError> {
            let current = self.dir.join("people");
            let old = self.dir.join("people-old");
            if old.exists() {
                fs::remove_dir_all(&old)?;
            }
            fs::rename(&current, &old)?;
            fs::rename(&building, &current)?;
            fs::File::open(&self.dir)?.sync_all()?;
            Open::existing(&current, &self.folder_id, feed)
        };
        self.open.store(Arc::new(swap()?));
        // Readers may still hold the old files open; the names may go.
        fs::remove_dir_all(self.dir.join("people-old")).map_err(SearchError::from)?;
        Ok(objects)
    }

    pub(super) fn state(&self) -> (Arc<Open>, Arc<View>) {
        let open = self.open.load_full();
        let view = open.view.load_full();
        (open, view)
    }
}

/// The digits of a phone number without the country code of China.
pub(super) fn digits_of(phone: &str) -> String {
    let digits: String = fold(phone).chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("86") {
        Some(rest) if rest.len() == 11 && rest.starts_with('1') => rest.to_owned(),
        _ => digits,
    }
}

/// What a masked number may be found by: the whole, the four digits masking shows at the
/// end, and those together with the three it shows at the beginning.
fn phone_keys(digits: &str) -> Vec<String> {
    let mut keys = vec![digits.to_owned()];
    if digits.len() == 11 {
        keys.push(digits[7..].to_owned());
        keys.push(format!("{}{}", &digits[..3], &digits[7..]));
    }
    keys
}
