//! The best matches first.

use tantivy::{
    Score, Searcher, Term,
    query::{Bm25StatisticsProvider, EnableScoring},
    schema::Field,
};

use crate::search::disk::SearchError;

use super::{
    asked::Asked,
    model::{MessagePage, MessagePlace},
    scan::Scan,
    select::Found,
    view::{Part, View},
};

/// Candidates gathered before the worse ones are dropped.
const CANDIDATES: usize = 1024;

/// A page of the best matches, in order.
pub(super) fn page(
    view: &View,
    asked: &Asked,
    page: MessagePage,
    limit: usize,
) -> Result<Vec<Found>, SearchError> {
    let scoring = EnableScoring::Enabled {
        searcher: &view.searcher,
        statistics_provider: &Even(&view.searcher),
    };
    let scan = Scan::with(view, asked, scoring)?;
    let mut best = Best::new(page, limit);
    for (number, part, docs) in scan.parts(asked.keys) {
        let mut hits = scan.hits(number, part, docs)?;
        while let Some((doc, score)) = hits.next_scored() {
            best.offer(score, part, number, doc);
        }
    }
    Ok(best.into_found())
}

/// Ranks every word alike: how rare it is elsewhere says something of messages that the viewer
/// may not see.
struct Even<'s>(&'s Searcher);

impl Bm25StatisticsProvider for Even<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.0.total_num_tokens(field)
    }
    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.0.total_num_docs()
    }
    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(1)
    }
}

/// The places of a page, in memory that does not grow with the hits.
struct Best {
    page: MessagePage,
    limit: usize,
    candidates: Vec<Found>,
    /// What lies on the other side of this cannot be on the page.
    worst: Option<MessagePlace>,
}

impl Best {
    fn new(page: MessagePage, limit: usize) -> Self {
        Self {
            page,
            limit,
            candidates: Vec::new(),
            worst: None,
        }
    }

    fn offer(&mut self, score: Score, part: &Part, number: usize, doc: u32) {
        let score = score.max(0.0).to_bits();
        let place = |key| MessagePlace { score, key };
        let backwards = matches!(self.page, MessagePage::Before(_));
        // The score alone settles most; reading the key costs more.
        if !backwards && self.worst.is_some_and(|worst| score < worst.score) {
            return;
        }
        let place = place(part.key(doc));
        let is_wanted = match self.page {
            MessagePage::Start => true,
            MessagePage::After(known) => place < known,
            MessagePage::Before(known) => place > known,
        };
        let is_worse = self.worst.is_some_and(|worst| match backwards {
            true => place > worst,
            false => place < worst,
        });
        if is_wanted && !is_worse {
            let part = number;
            self.candidates.push(Found { place, part, doc });
            if self.candidates.len() >= self.limit.saturating_add(CANDIDATES) {
                self.drop_worse();
            }
        }
    }

    fn drop_worse(&mut self) {
        let backwards = matches!(self.page, MessagePage::Before(_));
        self.candidates.sort_unstable_by(|a, b| match backwards {
            true => a.place.cmp(&b.place),
            false => b.place.cmp(&a.place),
        });
        self.candidates.truncate(self.limit);
        if self.candidates.len() == self.limit {
            self.worst = self.candidates.last().map(|found| found.place);
        }
    }

    fn into_found(mut self) -> Vec<Found> {
        self.drop_worse();
        if matches!(self.page, MessagePage::Before(_)) {
            self.candidates.reverse();
        }
        self.candidates
    }
}
