//! Asking the index: words, filters and scope become one query; its documents become people.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tantivy::{
    DocSet, TERMINATED, Term,
    query::{AllQuery, BooleanQuery, EnableScoring, Occur, Query, Scorer, TermQuery, TermSetQuery},
    schema::{Field, IndexRecordOption},
};

use crate::kit::{Timestamp, limits};

use super::{
    fold::fold,
    grams::contains,
    people::{Columns, Fields, Kind, NAME_END, NAME_START, People, SearchError, View, digits_of},
};

/// Digits of a phone number that must be typed at least.
const PHONE_DIGITS_MIN: usize = 4;
/// Members up to which a scope is looked up by term; above, each document's owner is looked at.
const SCOPE_TERMS_MAX: usize = 100;
/// Selections kept for one state of the index (up to 16 bytes for each customer).
const SELECTIONS_MAX: usize = 16;

/// Whose rows may be seen. Applied before anything is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScopeFilter {
    /// All.
    Everything,
    /// Those of these members.
    Members(BTreeSet<u64>),
}

/// The order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    /// Best match first; without words like [`Sort::NewestAdded`].
    #[default]
    Relevance,
    /// Last added first.
    NewestAdded,
    /// First added first.
    OldestAdded,
    /// By pinyin of the name.
    Name,
}

/// Conditions besides words. An empty list is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    /// The row belongs to one of these members.
    pub owners: Option<BTreeSet<u64>>,
    /// The row has one of these tags.
    pub tags: Vec<u64>,
    /// Added in one of these ways.
    pub ways: Vec<u64>,
    /// Of this kind of customer.
    pub customer_kind: Option<u64>,
    /// Added at or after.
    pub added_from: Option<Timestamp>,
    /// Added before.
    pub added_before: Option<Timestamp>,
    /// Ended or not.
    pub ended: Option<bool>,
    /// Only those none of whose rows in scope is still active.
    pub lost: bool,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct PeopleQuery {
    /// What was typed.
    pub text: String,
    /// Which kind of people.
    pub kind: Kind,
    /// Whose rows.
    pub scope: ScopeFilter,
    /// Conditions.
    pub filters: Filters,
    /// Order.
    pub sort: Sort,
    /// Whether any part of a phone number may be searched, not only what masking shows.
    pub may_see_phones: bool,
}

/// Where in an order a hit stands: continue behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What is sorted by.
    pub key: u64,
    /// Breaks ties.
    pub no: u32,
}

/// One person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The object's id.
    pub object: u64,
    /// Where it stands.
    pub place: Place,
}

/// A page of hits with honest numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// The hits in order.
    pub items: Vec<Hit>,
    /// People in all.
    pub total: u64,
    /// Rows (relations) in all.
    pub rows: u64,
    /// Position of the first hit among all, from 0.
    pub offset: u64,
    /// Whether any come behind.
    pub has_next: bool,
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// The first.
    #[default]
    Start,
    /// Behind this place.
    After(Place),
    /// The one that ends before this place.
    Before(Place),
}

/// All people a query selects, in order.
struct Selection {
    hits: Vec<Hit>,
    rows: u64,
}

type CacheKey = (Kind, ScopeFilter, Filters, Sort);

/// Selections without words, for one state of the index.
#[derive(Default)]
pub(super) struct Cache {
    selections: Mutex<HashMap<CacheKey, Arc<Selection>>>,
    tags: Mutex<HashMap<ScopeFilter, Arc<HashMap<u64, u64>>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was typed as folded words: all must match. A number with blanks, hyphens or a plus
/// sign is one word.
pub(super) fn words(typed: &str) -> Vec<String> {
    let folded: String = fold(typed).chars().take(limits::QUERY_CHARS_MAX).collect();
    let number = folded
        .chars()
        .all(|c| c.is_ascii_digit() || " -+".contains(c));
    let digits = digits_of(&folded);
    if number && digits.len() >= PHONE_DIGITS_MIN {
        return vec![digits];
    }
    folded.split_whitespace().map(str::to_owned).collect()
}

/// Whether a search is for a phone number: such searches are throttled and audited.
pub fn is_phone_search(typed: &str) -> bool {
    let words = words(typed);
    words
        .iter()
        .any(|w| w.len() >= PHONE_DIGITS_MIN && w.bytes().all(|b| b.is_ascii_digit()))
}

impl People {
    /// A page of what the query selects, with exact totals.
    pub fn search(
        &self,
        query: &PeopleQuery,
        from: From,
        limit: usize,
    ) -> Result<Hits, SearchError> {
        let (open, view) = self.state();
        let words = words(&query.text);
        if !words.is_empty() {
            let mut selection = select(&open.fields, &view, query, &words)?;
            if from == From::Start && selection.hits.len() > limit {
                return Ok(first_page(&mut selection, limit));
            }
            selection.hits.sort_unstable_by_key(|hit| hit.place);
            return Ok(page(&selection, from, limit));
        }
        Ok(page(&*cached(&open.fields, &view, query)?, from, limit))
    }

    /// How many people each of these conditions selects.
    pub fn counts(
        &self,
        kind: Kind,
        scope: &ScopeFilter,
        filters: &[Filters],
    ) -> Result<Vec<u64>, SearchError> {
        let (open, view) = self.state();
        let count = |filters: &Filters| {
            let query = PeopleQuery {
                text: String::new(),
                kind,
                scope: scope.clone(),
                filters: filters.clone(),
                sort: Sort::NewestAdded,
                may_see_phones: false,
            };
            Ok(cached(&open.fields, &view, &query)?.hits.len() as u64)
        };
        filters.iter().map(count).collect()
    }

    /// How many customers in scope have each tag.
    pub fn tag_counts(&self, scope: &ScopeFilter) -> Result<Arc<HashMap<u64, u64>>, SearchError> {
        let (open, view) = self.state();
        if let Some(known) = lock(&view.cache.tags).get(scope) {
            return Ok(known.clone());
        }
        let query = PeopleQuery {
            text: String::new(),
            kind: Kind::Customer,
            scope: scope.clone(),
            filters: Filters::default(),
            sort: Sort::NewestAdded,
            may_see_phones: false,
        };
        let mut seen: HashMap<u64, BTreeSet<u64>> = HashMap::new();
        visit(&open.fields, &view, &query, &[], |columns, doc, _| {
            for tag in columns.tag.values_for_doc(doc) {
                seen.entry(tag)
                    .or_default()
                    .insert(number(&columns.no, doc));
            }
        })?;
        let counts: HashMap<u64, u64> = seen
            .into_iter()
            .map(|(tag, people)| (tag, people.len() as u64))
            .collect();
        let counts = Arc::new(counts);
        lock(&view.cache.tags).insert(scope.clone(), counts.clone());
        Ok(counts)
    }
}

fn number(column: &tantivy::columnar::Column<u64>, doc: u32) -> u64 {
    column.first(doc).unwrap_or(0)
}

/// A selection without words, kept until the index changes.
fn cached(
    fields: &Fields,
    view: &View,
    query: &PeopleQuery,
) -> Result<Arc<Selection>, SearchError> {
    let key = (
        query.kind,
        query.scope.clone(),
        query.filters.clone(),
        query.sort,
    );
    if let Some(known) = lock(&view.cache.selections).get(&key) {
        return Ok(known.clone());
    }
    let mut selection = select(fields, view, query, &[])?;
    selection.hits.sort_unstable_by_key(|hit| hit.place);
    let selection = Arc::new(selection);
    let mut cache = lock(&view.cache.selections);
    if cache.len() >= SELECTIONS_MAX {
        cache.clear();
    }
    cache.insert(key, selection.clone());
    Ok(selection)
}

/// The first page, without sorting the rest.
fn first_page(selection: &mut Selection, limit: usize) -> Hits {
    let (first, _, _) = selection
        .hits
        .select_nth_unstable_by_key(limit, |hit| hit.place);
    first.sort_unstable_by_key(|hit| hit.place);
    Hits {
        items: first.to_vec(),
        total: selection.hits.len() as u64,
        rows: selection.rows,
        offset: 0,
        has_next: true,
    }
}

fn page(selection: &Selection, from: From, limit: usize) -> Hits {
    let hits = &selection.hits;
    let start = match from {
        From::Start => 0,
        From::After(place) => hits.partition_point(|hit| hit.place <= place),
        From::Before(place) => hits
            .partition_point(|hit| hit.place < place)
            .saturating_sub(limit),
    };
    let end = match from {
        From::Before(place) => hits.partition_point(|hit| hit.place < place),
        _ => hits.len().min(start + limit),
    };
    Hits {
        items: hits[start..end].to_vec(),
        total: hits.len() as u64,
        rows: selection.rows,
        offset: start as u64,
        has_next: end < hits.len(),
    }
}

/// Collects the people of all matching documents; several of one person become one, at the
/// best place any of them has.
fn select(
    fields: &Fields,
    view: &View,
    query: &PeopleQuery,
    words: &[String],
) -> Result<Selection, SearchError> {
    let mut found: Vec<Hit> = Vec::new();
    // Position in `found` by running number; numbers are dense.
    let mut by_no: Vec<u32> = Vec::new();
    let mut rows = 0;
    let sort = match query.sort {
        Sort::Relevance if words.is_empty() => Sort::NewestAdded,
        sort => sort,
    };
    visit(fields, view, query, words, |columns, doc, level| {
        rows += 1;
        let added = number(&columns.added, doc);
        let key = match sort {
            // Newer first within one level; milliseconds fit 44 bits until the year 2527.
            Sort::Relevance => {
                (u64::from(level) << 56) | (((1 << 44) - 1) - added.min((1 << 44) - 1))
            }
            Sort::NewestAdded => u64::MAX - added,
            Sort::OldestAdded => added,
            Sort::Name => number(&columns.name_key, doc),
        };
        let no = u32::try_from(number(&columns.no, doc)).unwrap_or(u32::MAX);
        let place = Place { key, no };
        let slot = no as usize;
        if slot >= by_no.len() {
            by_no.resize(slot + 1, u32::MAX);
        }
        match found.get_mut(by_no[slot] as usize) {
            Some(hit) => hit.place = hit.place.min(place),
            None => {
                by_no[slot] = u32::try_from(found.len()).unwrap_or(u32::MAX);
                found.push(Hit {
                    object: number(&columns.object, doc),
                    place,
                });
            }
        }
    })?;
    if query.filters.lost {
        rows -= drop_still_active(fields, view, query, &mut found)?;
    }
    Ok(Selection { hits: found, rows })
}

/// Removes people who have an active row in scope; gives the number of rows removed.
fn drop_still_active(
    fields: &Fields,
    view: &View,
    query: &PeopleQuery,
    found: &mut Vec<Hit>,
) -> Result<u64, SearchError> {
    let filters = Filters {
        ended: Some(false),
        ..Filters::default()
    };
    let active = PeopleQuery {
        filters,
        text: String::new(),
        ..query.clone()
    };
    let mut active_nos = BTreeSet::new();
    visit(fields, view, &active, &[], |columns, doc, _| {
        active_nos.insert(u32::try_from(number(&columns.no, doc)).unwrap_or(u32::MAX));
    })?;
    let before = found.len();
    found.retain(|hit| !active_nos.contains(&hit.place.no));
    Ok((before - found.len()) as u64)
}

/// Calls `take` with every living document that matches and is in scope, and how well its
/// name matches: 0 the whole name, 1 its beginning, 2 in the name, 3 elsewhere.
fn visit(
    fields: &Fields,
    view: &View,
    query: &PeopleQuery,
    words: &[String],
    mut take: impl FnMut(&Columns, u32, u8),
) -> Result<(), SearchError> {
    let owners = owners(query);
    let asked = compose(fields, query, words, owners.as_ref());
    let levels = levels(fields, query, words);
    let scoring = || EnableScoring::disabled_from_searcher(&view.searcher);
    let weight = asked.weight(scoring())?;
    let level_weights = levels
        .iter()
        .map(|q| q.weight(scoring()))
        .collect::<Result<Vec<_>, _>>()?;
    let by_column = owners
        .as_ref()
        .filter(|owners| owners.len() > SCOPE_TERMS_MAX);
    for (segment, columns) in view.searcher.segment_readers().iter().zip(&view.columns) {
        let mut docs = weight.scorer(segment, 1.0)?;
        let mut levels = level_weights
            .iter()
            .map(|w| w.scorer(segment, 1.0))
            .collect::<Result<Vec<_>, _>>()?;
        let alive = segment.alive_bitset();
        let mut doc = docs.doc();
        while doc != TERMINATED {
            let living = alive.is_none_or(|alive| alive.is_alive(doc));
            let seen = || by_column.is_none_or(|set| set.contains(&number(&columns.owner, doc)));
            if living && in_range(&query.filters, columns, doc) && seen() {
                take(columns, doc, level_of(&mut levels, doc));
            }
            doc = docs.advance();
        }
    }
    Ok(())
}

/// The level whose documents include this one. Documents come in ascending order.
fn level_of(levels: &mut [Box<dyn Scorer>], doc: u32) -> u8 {
    for (level, docs) in (0u8..).zip(levels.iter_mut()) {
        let at = if docs.doc() < doc {
            docs.seek(doc)
        } else {
            docs.doc()
        };
        if at == doc {
            return level;
        }
    }
    3
}

fn in_range(filters: &Filters, columns: &Columns, doc: u32) -> bool {
    if filters.added_from.is_none() && filters.added_before.is_none() {
        return true;
    }
    let added = i64::try_from(number(&columns.added, doc)).unwrap_or(i64::MAX);
    let added = Timestamp::from_ms(added);
    filters.added_from.is_none_or(|from| added >= from)
        && filters.added_before.is_none_or(|before| added < before)
}

/// The members whose rows count: those in scope that the filter names.
fn owners(query: &PeopleQuery) -> Option<BTreeSet<u64>> {
    match (&query.scope, &query.filters.owners) {
        (ScopeFilter::Everything, None) => None,
        (ScopeFilter::Everything, Some(owners)) => Some(owners.clone()),
        (ScopeFilter::Members(members), None) => Some(members.clone()),
        (ScopeFilter::Members(members), Some(owners)) => {
            Some(members.intersection(owners).copied().collect())
        }
    }
}

fn term(field: Field, value: u64) -> Box<dyn Query> {
    Box::new(TermQuery::new(
        Term::from_field_u64(field, value),
        IndexRecordOption::Basic,
    ))
}

fn any_of(field: Field, values: impl IntoIterator<Item = u64>) -> Box<dyn Query> {
    Box::new(TermSetQuery::new(
        values.into_iter().map(|v| Term::from_field_u64(field, v)),
    ))
}

fn compose(
    fields: &Fields,
    query: &PeopleQuery,
    words: &[String],
    owners: Option<&BTreeSet<u64>>,
) -> Box<dyn Query> {
    let filters = &query.filters;
    let mut must: Vec<Box<dyn Query>> = vec![term(fields.kind, query.kind.number())];
    if let Some(owners) = owners.filter(|owners| owners.len() <= SCOPE_TERMS_MAX) {
        must.push(any_of(fields.owner, owners.iter().copied()));
    }
    if !filters.tags.is_empty() {
        must.push(any_of(fields.tag, filters.tags.iter().copied()));
    }
    if !filters.ways.is_empty() {
        must.push(any_of(fields.way, filters.ways.iter().copied()));
    }
    if let Some(kind) = filters.customer_kind {
        must.push(term(fields.customer_kind, kind));
    }
    if let Some(ended) = filters.ended.or(filters.lost.then_some(true)) {
        must.push(term(fields.ended, u64::from(ended)));
    }
    must.extend(
        words
            .iter()
            .map(|word| word_query(fields, word, query.may_see_phones)),
    );
    if must.is_empty() {
        return Box::new(AllQuery);
    }
    Box::new(BooleanQuery::new(
        must.into_iter().map(|q| (Occur::Must, q)).collect(),
    ))
}

/// Texts that contain the word; for letters also pinyin, for digits also phone numbers.
fn word_query(fields: &Fields, word: &str, may_see_phones: bool) -> Box<dyn Query> {
    let mut any: Vec<Box<dyn Query>> = vec![contains(fields.text, word)];
    let exact = |field: Field, text: &str| -> Box<dyn Query> {
        Box::new(TermQuery::new(
            Term::from_field_text(field, text),
            IndexRecordOption::Basic,
        ))
    };
    if word.bytes().all(|b| b.is_ascii_lowercase()) {
        any.push(exact(fields.pinyin, word));
        any.push(contains(fields.initials, word));
    }
    if word.len() >= PHONE_DIGITS_MIN && word.bytes().all(|b| b.is_ascii_digit()) {
        any.push(exact(fields.phone_key, word));
        if may_see_phones {
            any.push(contains(fields.phone, word));
        }
    }
    Box::new(BooleanQuery::new(
        any.into_iter().map(|q| (Occur::Should, q)).collect(),
    ))
}

/// Queries that say how well a name matches what was typed as a whole, best first.
fn levels(fields: &Fields, query: &PeopleQuery, words: &[String]) -> Vec<Box<dyn Query>> {
    if words.is_empty() || query.sort != Sort::Relevance {
        return Vec::new();
    }
    let typed = words.join(" ");
    [
        format!("{NAME_START}{typed}{NAME_END}"),
        format!("{NAME_START}{typed}"),
        typed,
    ]
    .iter()
    .map(|text| contains(fields.name, text))
    .collect()
}
