//! From rows to a page of people: several rows of one person become one, at the best place
//! any of them has.

use super::{
    query::{Around, From, Hit, Place},
    view::Figures,
};

/// Candidates gathered before the worse ones are dropped.
const CANDIDATES: usize = 1024;

/// The first page, in memory that does not grow with the hits.
pub(super) struct Best {
    limit: usize,
    candidates: Vec<Hit>,
    /// What comes behind this cannot be on the page.
    worst: Option<Place>,
}

impl Best {
    pub(super) fn new(limit: usize) -> Self {
        let candidates = Vec::with_capacity(limit + CANDIDATES);
        Self {
            limit,
            candidates,
            worst: None,
        }
    }

    /// One row of a person.
    pub(super) fn offer(&mut self, place: Place, figures: &Figures, doc: u32) {
        if self.worst.is_some_and(|worst| place >= worst) {
            return;
        }
        let object = figures.object[doc as usize];
        self.candidates.push(Hit { object, place });
        if self.candidates.len() >= self.limit + CANDIDATES {
            self.drop_worse();
        }
    }

    fn drop_worse(&mut self) {
        self.candidates
            .sort_unstable_by_key(|hit| (hit.place.no, hit.place.key));
        self.candidates.dedup_by_key(|hit| hit.place.no);
        self.candidates.sort_unstable_by_key(|hit| hit.place);
        self.candidates.truncate(self.limit);
        if self.candidates.len() == self.limit {
            self.worst = self.candidates.last().map(|hit| hit.place);
        }
    }

    pub(super) fn into_hits(mut self) -> Vec<Hit> {
        self.drop_worse();
        self.candidates
    }
}

/// Everybody, for pages further on.
#[derive(Default)]
pub(super) struct Everybody {
    hits: Vec<Hit>,
    /// Where a person stands in `hits`, by running number; numbers are dense.
    by_no: Vec<u32>,
}

/// Nobody yet, in [`Everybody::by_no`].
const NOBODY: u32 = u32::MAX;

impl Everybody {
    /// One row of a person.
    pub(super) fn add(&mut self, place: Place, figures: &Figures, doc: u32) {
        let slot = place.no as usize;
        if slot >= self.by_no.len() {
            self.by_no.resize(slot + 1, NOBODY);
        }
        match self.hits.get_mut(self.by_no[slot] as usize) {
            Some(hit) => hit.place = hit.place.min(place),
            None => {
                self.by_no[slot] = u32::try_from(self.hits.len()).unwrap_or(NOBODY);
                let object = figures.object[doc as usize];
                self.hits.push(Hit { object, place });
            }
        }
    }

    /// Where an object stands, and who stands next to it.
    pub(super) fn around(&self, object: u64) -> Option<Around> {
        let own = self.hits.iter().find(|hit| hit.object == object)?.place;
        let before = || self.hits.iter().filter(|hit| hit.place < own);
        let behind = self.hits.iter().filter(|hit| hit.place > own);
        Some(Around {
            offset: before().count() as u64,
            total: self.hits.len() as u64,
            prev: before().max_by_key(|hit| hit.place).map(|hit| hit.object),
            next: behind.min_by_key(|hit| hit.place).map(|hit| hit.object),
        })
    }

    /// The page asked for and how many come before it. Only the page is sorted.
    pub(super) fn page(self, from: From, limit: usize) -> (Vec<Hit>, u64) {
        let mut hits = self.hits;
        let mut taken = 0;
        let mut part = |wanted: &dyn Fn(&Hit) -> bool| {
            for at in 0..hits.len() {
                if wanted(&hits[at]) {
                    hits.swap(taken, at);
                    taken += 1;
                }
            }
            taken
        };
        let (range, skip) = match from {
            From::Start => (0..hits.len(), 0),
            From::After(place) => {
                let before = part(&|hit| hit.place <= place);
                (before..hits.len(), 0)
            }
            From::Before(place) => {
                let before = part(&|hit| hit.place < place);
                (0..before, before.saturating_sub(limit))
            }
        };
        let offset = range.start + skip;
        let rest = &mut hits[range];
        // The page lies from `skip` on; nothing else needs an order.
        if skip > 0 {
            rest.select_nth_unstable_by_key(skip - 1, |hit| hit.place);
        }
        let rest = &mut rest[skip..];
        if rest.len() > limit {
            rest.select_nth_unstable_by_key(limit, |hit| hit.place);
        }
        let len = limit.min(rest.len());
        let page = &mut rest[..len];
        page.sort_unstable_by_key(|hit| hit.place);
        (page.to_vec(), offset as u64)
    }
}
