//! Pages and totals.

use tantivy::DocId;

use crate::search::disk::SearchError;

use super::{
    asked::Asked,
    index::Messages,
    model::{
        COUNTED_MAX, MessageHits, MessageOrder, MessagePage, MessagePlace, MessageQuery,
        MessageTotal,
    },
    rank,
    scan::Scan,
    view::{Keys, View},
};

/// Documents that the first step back from a place looks at.
const STEP_BACK: DocId = 4096;

/// A hit with where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) place: MessagePlace,
    /// Number of the part in the view.
    pub(super) part: usize,
    pub(super) doc: DocId,
}

impl Messages {
    /// A page of what the query selects, with its total.
    pub fn search(&self, query: &MessageQuery) -> Result<MessageHits, SearchError> {
        let view = self.view();
        let asked = Asked::new(&view, query)?;
        if asked.keys.is_empty() || view.parts.is_empty() {
            return Ok(MessageHits {
                total_exact: true,
                ..MessageHits::default()
            });
        }
        let pages = Pages {
            scan: Scan::new(&view, &asked)?,
            by_match: query.order == MessageOrder::Relevance && !asked.is_everything(),
        };
        // One more than the page tells whether another follows.
        let mut found = pages.page(query.page, query.limit.saturating_add(1))?;
        let is_more = found.len() > query.limit;
        let is_backwards = matches!(query.page, MessagePage::Before(_));
        if is_backwards && is_more {
            found.remove(0);
        }
        found.truncate(query.limit);
        let is_all = query.page == MessagePage::Start && !is_more;
        let (total, total_exact) = match is_all {
            true => (found.len() as u64, true),
            false => total(&pages.scan, query.total)?,
        };
        let (mut next, mut prev) = (None, None);
        if let [first, ..] = found.as_slice() {
            let is_before = match query.page {
                MessagePage::Start => false,
                MessagePage::Before(_) => is_more,
                MessagePage::After(_) => pages.has(MessagePage::Before(first.place))?,
            };
            prev = is_before.then_some(first.place);
        }
        if let [.., last] = found.as_slice() {
            let is_behind = match is_backwards {
                true => pages.has(MessagePage::After(last.place))?,
                false => is_more,
            };
            next = is_behind.then_some(last.place);
        }
        Ok(MessageHits {
            items: found.iter().map(|found| view.hit(found)).collect(),
            total,
            total_exact,
            next,
            prev,
        })
    }
}

/// The pages of one question.
struct Pages<'v> {
    scan: Scan<'v>,
    /// Whether the best match comes first.
    by_match: bool,
}

impl Pages<'_> {
    /// The hits of a page in order.
    fn page(&self, page: MessagePage, limit: usize) -> Result<Vec<Found>, SearchError> {
        let (scan, keys) = (&self.scan, self.scan.asked.keys);
        match page {
            page if self.by_match => rank::page(scan.view, scan.asked, page, limit),
            MessagePage::Start => newest(scan, keys, limit),
            MessagePage::After(place) => newest(scan, keys.below(place.key), limit),
            MessagePage::Before(place) => oldest(scan, keys.above(place.key), limit),
        }
    }

    fn has(&self, page: MessagePage) -> Result<bool, SearchError> {
        Ok(!self.page(page, 1)?.is_empty())
    }
}

impl View {
    fn hit(&self, found: &Found) -> super::model::MessageHit {
        self.parts[found.part].hit(found.doc)
    }
}

/// The newest hits in a range of keys.
pub(super) fn newest(scan: &Scan<'_>, keys: Keys, limit: usize) -> Result<Vec<Found>, SearchError> {
    let mut found: Vec<Found> = Vec::new();
    for (number, part, docs) in scan.parts(keys) {
        // What is not newer than the page so far is not on it.
        let worst = match found.last() {
            Some(last) if found.len() >= limit => last.place.key,
            _ => 0,
        };
        if part.key(docs.start) < worst {
            continue;
        }
        let before = found.len();
        for doc in scan.hits(number, part, docs)?.take(limit) {
            let key = part.key(doc);
            if key < worst {
                break;
            }
            found.push(Found {
                place: MessagePlace { score: 0, key },
                part: number,
                doc,
            });
        }
        if before > 0 && found.len() > before {
            found.sort_unstable_by_key(|found| std::cmp::Reverse(found.place));
            found.truncate(limit);
        }
    }
    Ok(found)
}

/// The oldest hits in a range of keys, the newest of them first. Goes back from the end in
/// growing steps: documents are read forwards only.
fn oldest(scan: &Scan<'_>, keys: Keys, limit: usize) -> Result<Vec<Found>, SearchError> {
    let mut found: Vec<Found> = Vec::new();
    for (number, part, docs) in scan.parts(keys) {
        let (mut end, mut step, mut rest) = (docs.end, STEP_BACK, limit);
        while end > docs.start && rest > 0 {
            let start = end.saturating_sub(step).max(docs.start);
            let hits: Vec<DocId> = scan.hits(number, part, start..end)?.collect();
            let last = &hits[hits.len().saturating_sub(rest)..];
            found.extend(last.iter().map(|doc| Found {
                place: MessagePlace {
                    score: 0,
                    key: part.key(*doc),
                },
                part: number,
                doc: *doc,
            }));
            rest -= last.len();
            (end, step) = (start, step.saturating_mul(8));
        }
    }
    found.sort_unstable_by_key(|found| std::cmp::Reverse(found.place));
    let surplus = found.len().saturating_sub(limit);
    found.drain(..surplus);
    Ok(found)
}

/// How many hits there are, and whether that is all: unless exactness is asked for, no more
/// than [`COUNTED_MAX`] are looked at one by one.
fn total(scan: &Scan<'_>, wanted: MessageTotal) -> Result<(u64, bool), SearchError> {
    if wanted == MessageTotal::Skip {
        return Ok((0, false));
    }
    if scan.asked.is_plain {
        return Ok((scan.count()?, true));
    }
    let parts = || scan.parts(scan.asked.keys);
    let at_once = parts().map(|(number, part, docs)| scan.count_at_once(number, part, docs));
    if let Some(total) = at_once.sum() {
        return Ok((total, true));
    }
    let most = match wanted {
        MessageTotal::Exact => u64::MAX,
        _ => COUNTED_MAX,
    };
    let mut total = 0;
    for (number, part, docs) in parts() {
        let wanted = usize::try_from((most - total).saturating_add(1)).unwrap_or(usize::MAX);
        total += scan.hits(number, part, docs)?.take(wanted).count() as u64;
        if total > most {
            return Ok((most, false));
        }
    }
    Ok((total, true))
}
