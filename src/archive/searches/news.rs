//! How many new matches somebody's searches have: the number beside the archive in the menu.
//! Every page shows it, so it is counted again only when there are other matches, and after a
//! while, because the scope may be another.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    app::App,
    error::Result,
    identity::{Account, Viewer},
    kit::{Id, Timestamp},
    store::{Read, StoreError},
};

use super::{
    super::queries::{self, ArchiveSight},
    Found, SavedSearch, SavedSearchId, found, own,
};

/// New matches of one search that are counted one by one.
const COUNTED_MAX: usize = 20;
/// Time after which the number is counted anew.
const GOOD_MS: i64 = 60_000;

/// What was counted, by account.
#[derive(Default)]
pub(in crate::archive) struct News(Mutex<HashMap<Id<Account>, Counted>>);

struct Counted {
    /// What there was to count: first and last match of each search.
    of: Vec<Span>,
    at: Timestamp,
    n: u32,
}

/// The first and the last match of a search.
type Span = (SavedSearchId, u64, u64);

/// The new matches of a search that are in scope now, up to a number, and whether there are more.
pub(in crate::archive) fn count(
    r: &Read<'_>,
    sight: &ArchiveSight,
    search: &SavedSearch,
) -> Result<(usize, bool)> {
    let mut new = 0;
    for found in found(r, search.id)? {
        if new == COUNTED_MAX {
            return Ok((new, true));
        }
        // The scope may be another since it was found.
        let there = queries::message(r, sight, found.chat, found.seq)?;
        new += usize::from(there.is_some());
    }
    Ok((new, false))
}

/// The new matches of all searches of the viewer.
pub(in crate::archive) fn unseen(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<u32> {
    let Some(account) = viewer.account_id() else {
        return Ok(0);
    };
    let (mut searches, mut of) = (Vec::new(), Vec::new());
    for search in own(r, account)?.into_iter().filter(|search| search.tells) {
        if let Some((first, last)) = span(r, search.id)? {
            of.push((search.id, first, last));
            searches.push(search);
        }
    }
    if of.is_empty() {
        return Ok(0);
    }
    let now = app.store.clock().now();
    if let Some(n) = app.archive.news.known(account, &of, now) {
        return Ok(n);
    }
    let sight = ArchiveSight::of(app, r, viewer)?;
    let mut n = 0;
    for search in &searches {
        n += u32::try_from(count(r, &sight, search)?.0).unwrap_or(u32::MAX);
    }
    app.archive.news.keep(account, Counted { of, at: now, n });
    Ok(n)
}

/// The numbers of the first and the last match that has not been seen.
fn span(r: &Read<'_>, search: SavedSearchId) -> Result<Option<(u64, u64)>, StoreError> {
    let is_its = |found: &Found| found.search == search;
    let bits = search.bits();
    let first = r.all::<Found>(Some(&(bits, 0)))?.next().transpose()?;
    let behind = (bits, u64::MAX);
    let last = r
        .all_backwards::<Found>(Some(&behind))?
        .next()
        .transpose()?;
    let (first, last) = (first.filter(is_its), last.filter(is_its));
    Ok(first.zip(last).map(|(first, last)| (first.seq, last.seq)))
}

impl News {
    fn known(&self, account: Id<Account>, of: &[Span], now: Timestamp) -> Option<u32> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.get(&account)?;
        let is_good = counted.of == of && now.since_ms(counted.at) < GOOD_MS;
        is_good.then_some(counted.n)
    }

    fn keep(&self, account: Id<Account>, now: Counted) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.insert(account, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_good_for_the_same_matches_and_a_minute() {
        let news = News::default();
        let (account, at) = (Id::from_bits(1), Timestamp::from_ms(1_000));
        let of = vec![(Id::from_bits(9), 3, 7)];
        assert_eq!(news.known(account, &of, at), None);
        let counted = Counted {
            of: of.clone(),
            at,
            n: 2,
        };
        news.keep(account, counted);
        assert_eq!(news.known(account, &of, at.plus_ms(GOOD_MS - 1)), Some(2));
        assert_eq!(news.known(account, &of, at.plus_ms(GOOD_MS)), None);
        assert_eq!(news.known(Id::from_bits(2), &of, at), None);
        for other in [vec![], vec![(Id::from_bits(9), 4, 7)]] {
            assert_eq!(news.known(account, &other, at), None);
        }
    }
}
