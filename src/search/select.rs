//! Collecting: the documents that match become people, counted exactly, in pages.

use std::{collections::HashMap, sync::Arc};

use tantivy::{
    DocSet, TERMINATED,
    query::{EnableScoring, Scorer},
};

use crate::kit::limits;

use super::{
    best::{Best, Everybody},
    bits::Bits,
    disk::SearchError,
    fields::Kind,
    people::People,
    query::{
        Around, Filters, From, Hits, LEVEL_SHIFT, PeopleQuery, Place, ScopeFilter, Sort, Typed,
    },
    view::{Admission, Figures, View},
};

/// Milliseconds fit until the year 2527.
const ADDED_MAX: u64 = (1 << 44) - 1;

/// A person, and whose row was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// The object's id.
    pub object: u64,
    /// The member whose row it is.
    pub owner: u64,
}

impl People {
    /// A page of what the query selects, with exact totals.
    pub fn search(
        &self,
        query: &PeopleQuery,
        from: From,
        limit: usize,
    ) -> Result<Hits, SearchError> {
        let view = self.view();
        let admission = view.admission(query.kind, &query.scope, &query.filters)?;
        let typed = Typed::new(&query.text);
        if !typed.words.is_empty() {
            let found = |take: &mut dyn FnMut(&Figures, u32, u8)| {
                matching(&view, &admission, query, &typed, take)
            };
            return page(found, query.sort, &admission, from, limit);
        }
        let sort = sort_of(query, &typed);
        let key = (
            query.kind,
            query.scope.clone(),
            query.filters.clone(),
            sort,
            from,
            limit,
        );
        view.pages.get_or(key, || {
            let listed = |take: &mut dyn FnMut(&Figures, u32, u8)| {
                each(&view, &admission, |figures, doc| take(figures, doc, 0));
                Ok(())
            };
            page(listed, sort, &admission, from, limit)
        })
    }

    /// Everybody the query selects, each through the row that was added first among those that
    /// match.
    pub fn chosen(&self, query: &PeopleQuery) -> Result<Vec<Chosen>, SearchError> {
        let view = self.view();
        let admission = view.admission(query.kind, &query.scope, &query.filters)?;
        let typed = Typed::new(&query.text);
        let mut first: Vec<Option<(u64, Chosen)>> = Vec::new();
        let mut take = |figures: &Figures, doc: u32| {
            let doc = doc as usize;
            let no = figures.no[doc];
            if admission.barred.has(no) {
                return;
            }
            let place = no as usize;
            if first.len() <= place {
                first.resize(place + 1, None);
            }
            let chosen = Chosen {
                object: figures.object[doc],
                owner: figures.owner[doc],
            };
            let key = (figures.added[doc], chosen.owner);
            let known = first[place].map(|(added, known)| (added, known.owner));
            if known.is_none_or(|known| key < known) {
                first[place] = Some((key.0, chosen));
            }
        };
        if typed.words.is_empty() {
            each(&view, &admission, &mut take);
        } else {
            matching(&view, &admission, query, &typed, &mut |figures, doc, _| {
                take(figures, doc);
            })?;
        }
        Ok(first.into_iter().flatten().map(|(_, who)| who).collect())
    }

    /// Where an object stands among what the query selects, and who stands next to it; `None`
    /// if it is not among them.
    pub fn around(&self, query: &PeopleQuery, object: u64) -> Result<Option<Around>, SearchError> {
        let view = self.view();
        let admission = view.admission(query.kind, &query.scope, &query.filters)?;
        let typed = Typed::new(&query.text);
        let sort = sort_of(query, &typed);
        let (mut counted, mut all) = (Counted::default(), Everybody::default());
        let mut take = |figures: &Figures, doc: u32, level: u8| {
            let no = figures.no[doc as usize];
            if counted.row(&admission, no) {
                let key = key(sort, figures, doc, level);
                all.add(Place { key, no }, figures, doc);
            }
        };
        if typed.words.is_empty() {
            each(&view, &admission, |figures, doc| take(figures, doc, 0));
        } else {
            matching(&view, &admission, query, &typed, &mut take)?;
        }
        Ok(all.around(object))
    }

    /// How many people each of these conditions selects.
    pub fn counts(
        &self,
        kind: Kind,
        scope: &ScopeFilter,
        filters: &[Filters],
    ) -> Result<Vec<u64>, SearchError> {
        let view = self.view();
        let count = |filters: &Filters| {
            let admission = view.admission(kind, scope, filters)?;
            let (people, _) = admission.totals.get_or_init(|| {
                let (mut people, mut rows) = (Counted::default(), 0);
                each(&view, &admission, |figures, doc| {
                    rows += u64::from(people.row(&admission, figures.no[doc as usize]));
                });
                (people.total, rows)
            });
            Ok(*people)
        };
        filters.iter().map(count).collect()
    }

    /// How many customers in scope have each tag.
    pub fn tag_counts(&self, scope: &ScopeFilter) -> Result<Arc<HashMap<u64, u64>>, SearchError> {
        let view = self.view();
        view.tag_counts.get_or(scope.clone(), || {
            let admission = view.admission(Kind::Customer, scope, &Filters::default())?;
            let mut tagged: HashMap<u64, Vec<u32>> = HashMap::new();
            each(&view, &admission, |figures, doc| {
                for tag in figures.tag.values_for_doc(doc) {
                    tagged
                        .entry(tag)
                        .or_default()
                        .push(figures.no[doc as usize]);
                }
            });
            let counts = tagged.into_iter().map(|(tag, mut people)| {
                people.sort_unstable();
                people.dedup();
                (tag, people.len() as u64)
            });
            Ok(Arc::new(counts.collect()))
        })
    }
}

/// The order of the hits: without words there is no best match.
fn sort_of(query: &PeopleQuery, typed: &Typed) -> Sort {
    match query.sort {
        Sort::Relevance if typed.words.is_empty() => Sort::NewestAdded,
        sort => sort,
    }
}

/// Gives every admitted document.
fn each(view: &View, admission: &Admission, mut take: impl FnMut(&Figures, u32)) {
    for (figures, docs) in view.figures.iter().zip(&admission.docs) {
        docs.each(|doc| take(figures, doc));
    }
}

/// Gives every admitted document that matches, with the level at which it does.
fn matching(
    view: &View,
    admission: &Admission,
    query: &PeopleQuery,
    typed: &Typed,
    take: &mut dyn FnMut(&Figures, u32, u8),
) -> Result<(), SearchError> {
    let levels = match query.sort {
        Sort::Relevance => typed.levels(&view.fields, query.may_see_phones),
        _ => vec![typed.query(&view.fields, query.may_see_phones)],
    };
    let scoring = || EnableScoring::disabled_from_searcher(&view.searcher);
    let levels: Vec<_> = levels
        .iter()
        .map(|q| q.weight(scoring()))
        .collect::<Result<_, _>>()?;
    let segments = view.searcher.segment_readers().iter();
    for ((segment, figures), admitted) in segments.zip(&view.figures).zip(&admission.docs) {
        let levels = levels.iter().map(|weight| weight.scorer(segment, 1.0));
        let mut levels = Levels::new(levels.collect::<Result<_, _>>()?);
        while let Some((doc, level)) = levels.next() {
            if admitted.has(doc) {
                take(figures, doc, level);
            }
        }
    }
    Ok(())
}

/// The documents of several queries in ascending order, each once, with the first query that
/// has it.
struct Levels {
    /// Where each query stands, what it is, and the query.
    docs: Vec<(u32, u8, Box<dyn Scorer>)>,
}

impl Levels {
    fn new(docs: Vec<Box<dyn Scorer>>) -> Self {
        let docs = (0u8..)
            .zip(docs)
            .map(|(level, docs)| (docs.doc(), level, docs));
        Self {
            docs: docs.filter(|(at, ..)| *at != TERMINATED).collect(),
        }
    }

    fn next(&mut self) -> Option<(u32, u8)> {
        // The first of the least: queries stand in the order of their levels.
        let (doc, level) = self.docs.iter().map(|(at, level, _)| (*at, *level)).min()?;
        let mut some_ended = false;
        for (at, _, docs) in &mut self.docs {
            if *at == doc {
                *at = docs.advance();
                some_ended |= *at == TERMINATED;
            }
        }
        if some_ended {
            self.docs.retain(|(at, ..)| *at != TERMINATED);
        }
        Some((doc, level))
    }
}

fn key(sort: Sort, figures: &Figures, doc: u32, level: u8) -> u64 {
    let doc = doc as usize;
    let newest_first = || ADDED_MAX - figures.added[doc].min(ADDED_MAX);
    match sort {
        Sort::Relevance => (u64::from(level) << LEVEL_SHIFT) | newest_first(),
        Sort::NewestAdded => newest_first(),
        Sort::OldestAdded => figures.added[doc],
        Sort::Name => figures.name_key[doc],
    }
}

/// Counts people as their rows come by.
#[derive(Default)]
struct Counted {
    people: Bits,
    total: u64,
}

impl Counted {
    /// One more row; whether it counts.
    fn row(&mut self, admission: &Admission, no: u32) -> bool {
        if admission.barred.has(no) {
            return false;
        }
        self.total += u64::from(self.people.insert(no));
        true
    }
}

/// Collects a page: `source` gives documents.
fn page(
    source: impl FnOnce(&mut dyn FnMut(&Figures, u32, u8)) -> Result<(), SearchError>,
    sort: Sort,
    admission: &Admission,
    from: From,
    limit: usize,
) -> Result<Hits, SearchError> {
    let mut counted = Counted::default();
    let mut rows = 0;
    let collect = |keep: &mut dyn FnMut(Place, &Figures, u32)| {
        source(&mut |figures, doc, level| {
            let no = figures.no[doc as usize];
            if counted.row(admission, no) {
                rows += 1;
                keep(
                    Place {
                        key: key(sort, figures, doc, level),
                        no,
                    },
                    figures,
                    doc,
                );
            }
        })
    };
    let (items, offset) = if from == From::Start && limit <= limits::PAGE_ROWS_MAX {
        let mut best = Best::new(limit);
        collect(&mut |place, figures, doc| best.offer(place, figures, doc))?;
        (best.into_hits(), 0)
    } else {
        let mut all = Everybody::default();
        collect(&mut |place, figures, doc| all.add(place, figures, doc))?;
        all.page(from, limit)
    };
    let total = counted.total;
    let has_next = offset + (items.len() as u64) < total;
    Ok(Hits {
        items,
        total,
        rows,
        offset,
        has_next,
    })
}
