//! One state of the index as queries see it: its documents' figures in memory, and which of
//! them a question admits at all.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tantivy::{
    DocId, DocSet, IndexReader, Searcher, SegmentReader, TERMINATED, Term,
    columnar::Column,
    index::SegmentId,
    schema::{Field, IndexRecordOption},
};

use crate::kit::Timestamp;

use super::{
    bits::Bits,
    disk::SearchError,
    fields::{ADDED, Fields, Kind},
    query::{Filters, From, Hits, ScopeFilter, Sort},
};

/// Admissions kept for one state (a bit for each document, each).
const ADMISSIONS_MAX: usize = 64;
/// Pages of lists kept for one state.
const PAGES_MAX: usize = 256;
/// Tag counts kept for one state.
const TAG_COUNTS_MAX: usize = 32;

/// The figures of one segment's documents, by document number. A segment never changes but
/// for deletions, so they are read once in its life.
pub(super) struct Figures {
    pub(super) object: Vec<u64>,
    pub(super) no: Vec<u32>,
    pub(super) added: Vec<u64>,
    pub(super) name_key: Vec<u64>,
    pub(super) owner: Vec<u64>,
    kind: Vec<u8>,
    pub(super) tag: Column<u64>,
}

impl Figures {
    fn read(segment: &SegmentReader) -> Result<Self, SearchError> {
        let fast = segment.fast_fields();
        let len = segment.max_doc();
        let column = |name| -> Result<Vec<u64>, SearchError> {
            let column = fast.u64(name)?;
            if column.num_docs() != len || column.values.num_vals() != len {
                return Err(SearchError::Unfit("a column has another length"));
            }
            let mut values = vec![0; len as usize];
            column.values.get_range(0, &mut values);
            Ok(values)
        };
        let narrow = |value: &u64| u32::try_from(*value);
        Ok(Self {
            object: column("object")?,
            no: column("no")?
                .iter()
                .map(narrow)
                .collect::<Result<_, _>>()
                .map_err(|_| SearchError::Unfit("a number is too large"))?,
            added: column(ADDED)?,
            name_key: column("name_key")?,
            owner: column("owner")?,
            kind: column("kind")?
                .iter()
                .map(|kind| u8::try_from(*kind).unwrap_or(0))
                .collect(),
            tag: fast.u64("tag")?,
        })
    }
}

/// One state of the index.
pub(super) struct View {
    pub(super) searcher: Searcher,
    pub(super) figures: Vec<Arc<Figures>>,
    pub(super) fields: Fields,
    admissions: Kept<(Kind, ScopeFilter, Filters), Arc<Admission>>,
    pub(super) pages: Kept<PageKey, Hits>,
    pub(super) tag_counts: Kept<ScopeFilter, Arc<HashMap<u64, u64>>>,
}

/// What a page of a list without words depends on.
pub(super) type PageKey = (Kind, ScopeFilter, Filters, Sort, From, usize);

/// What a question admits before words are looked at: scope, kind, filters, living documents.
pub(super) struct Admission {
    /// For each segment a bit for each document.
    pub(super) docs: Vec<Bits>,
    /// People who are out although a document of theirs is in.
    pub(super) barred: Bits,
    /// People and rows in all, once somebody counted.
    pub(super) totals: OnceLock<(u64, u64)>,
}

impl View {
    /// The reader's present state; figures of segments that `before` has too are taken over.
    pub(super) fn of(
        reader: &IndexReader,
        fields: Fields,
        before: Option<&Self>,
    ) -> Result<Self, SearchError> {
        let searcher = reader.searcher();
        let known: HashMap<SegmentId, &Arc<Figures>> = before
            .into_iter()
            .flat_map(|view| view.searcher.segment_readers().iter().zip(&view.figures))
            .map(|(segment, figures)| (segment.segment_id(), figures))
            .collect();
        let figures = searcher.segment_readers().iter().map(|segment| {
            match known.get(&segment.segment_id()) {
                Some(figures) => Ok(Arc::clone(figures)),
                None => Figures::read(segment).map(Arc::new),
            }
        });
        Ok(Self {
            figures: figures.collect::<Result<_, _>>()?,
            searcher,
            fields,
            admissions: Kept::new(ADMISSIONS_MAX),
            pages: Kept::new(PAGES_MAX),
            tag_counts: Kept::new(TAG_COUNTS_MAX),
        })
    }

    /// What this kind, scope and these filters admit.
    pub(super) fn admission(
        &self,
        kind: Kind,
        scope: &ScopeFilter,
        filters: &Filters,
    ) -> Result<Arc<Admission>, SearchError> {
        let key = (kind, scope.clone(), filters.clone());
        self.admissions.get_or(key, || {
            let mut filters = filters.clone();
            if filters.lost {
                filters.ended = Some(true);
            }
            let docs = self.admitted(kind, scope, &filters)?;
            let mut barred = match filters.lost {
                true => self.people_with(kind, scope, &still_active())?,
                false => Bits::default(),
            };
            if !filters.tags_none.is_empty() {
                let tagged = Filters {
                    tags: filters.tags_none.clone(),
                    ..Filters::default()
                };
                let tagged = self.people_with(kind, scope, &tagged)?;
                tagged.each(|no| {
                    barred.insert(no);
                });
            }
            Ok(Arc::new(Admission {
                docs,
                barred,
                totals: OnceLock::new(),
            }))
        })
    }

    /// People with such a row in scope.
    fn people_with(
        &self,
        kind: Kind,
        scope: &ScopeFilter,
        filters: &Filters,
    ) -> Result<Bits, SearchError> {
        let mut people = Bits::default();
        let docs = self.admitted(kind, scope, filters)?;
        for (docs, figures) in docs.iter().zip(&self.figures) {
            docs.each(|doc| {
                people.insert(figures.no[doc as usize]);
            });
        }
        Ok(people)
    }

    fn admitted(
        &self,
        kind: Kind,
        scope: &ScopeFilter,
        filters: &Filters,
    ) -> Result<Vec<Bits>, SearchError> {
        let segments = self.searcher.segment_readers().iter().zip(&self.figures);
        let of_segment = |(segment, figures): (&SegmentReader, &Arc<Figures>)| {
            let mut docs = self.living(segment, figures, kind);
            for (field, values) in self.conditions(scope, filters) {
                docs.keep(&with_any(segment, field, &values)?);
            }
            if filters.added_from.is_some() || filters.added_before.is_some() {
                docs.retain(|doc| in_range(filters, figures.added[doc as usize]));
            }
            Ok(docs)
        };
        segments.map(of_segment).collect()
    }

    fn living(&self, segment: &SegmentReader, figures: &Figures, kind: Kind) -> Bits {
        let alive = segment.alive_bitset();
        let mut docs = Bits::default();
        for (doc, number) in (0u32..).zip(&figures.kind) {
            if u64::from(*number) == kind.number() && alive.is_none_or(|a| a.is_alive(doc)) {
                docs.insert(doc);
            }
        }
        docs
    }

    /// Each a field and the values of which a document must have one.
    fn conditions(&self, scope: &ScopeFilter, filters: &Filters) -> Vec<(Field, Vec<u64>)> {
        let f = &self.fields;
        let listed = |set: &BTreeSet<u64>| set.iter().copied().collect();
        let mut all = Vec::new();
        if let ScopeFilter::Members(members) = scope {
            all.push((f.owner, listed(members)));
        }
        if let Some(owners) = &filters.owners {
            all.push((f.owner, listed(owners)));
        }
        if !filters.tags.is_empty() {
            all.push((f.tag, filters.tags.clone()));
        }
        all.extend(filters.tags_all.iter().map(|tag| (f.tag, vec![*tag])));
        all.extend(filters.tag_sets.iter().map(|set| (f.tag, set.clone())));
        all.extend(filters.channel.map(|channel| (f.channel, vec![channel])));
        if !filters.customer_kinds.is_empty() {
            all.push((f.customer_kind, filters.customer_kinds.clone()));
        }
        let deleted = filters.deleted.map(u64::from);
        all.extend(deleted.map(|deleted| (f.deleted, vec![deleted])));
        if !filters.ways.is_empty() {
            all.push((f.way, filters.ways.clone()));
        }
        all.extend(
            filters
                .customer_kind
                .map(|kind| (f.customer_kind, vec![kind])),
        );
        all.extend(filters.ended.map(|ended| (f.ended, vec![u64::from(ended)])));
        all
    }
}

/// Rows that have not ended.
fn still_active() -> Filters {
    Filters {
        ended: Some(false),
        ..Filters::default()
    }
}

/// The documents that have one of the values, deleted ones too.
pub(super) fn with_any(
    segment: &SegmentReader,
    field: Field,
    values: &[u64],
) -> Result<Bits, SearchError> {
    let index = segment.inverted_index(field)?;
    let mut docs = Bits::default();
    for value in values {
        let term = Term::from_field_u64(field, *value);
        let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else {
            continue;
        };
        let mut doc: DocId = postings.doc();
        while doc != TERMINATED {
            docs.insert(doc);
            doc = postings.advance();
        }
    }
    Ok(docs)
}

fn in_range(filters: &Filters, added: u64) -> bool {
    let added = Timestamp::from_ms(i64::try_from(added).unwrap_or(i64::MAX));
    filters.added_from.is_none_or(|from| added >= from)
        && filters.added_before.is_none_or(|before| added < before)
}

/// Answers kept for one state of the index; all are dropped when there are too many.
pub(super) struct Kept<K, V> {
    most: usize,
    known: Mutex<HashMap<K, V>>,
}

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    fn new(most: usize) -> Self {
        Self {
            most,
            known: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, V>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The known answer, or the one that `find` gives. Nobody waits while it is found.
    pub(super) fn get_or(
        &self,
        key: K,
        find: impl FnOnce() -> Result<V, SearchError>,
    ) -> Result<V, SearchError> {
        if let Some(known) = self.lock().get(&key) {
            return Ok(known.clone());
        }
        let found = find()?;
        let mut known = self.lock();
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(key, found.clone());
        Ok(found)
    }
}
