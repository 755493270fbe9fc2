//! How many new matches somebody's searches have: the number beside the archive in the menu.
//! Every page shows it, so it is counted again only when some were seen, a moment after others
//! came, and after a while, because the scope may be another.

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
    Found, SavedSearch, SavedSearchId, own,
};

/// New matches of one search that are looked at one by one.
const COUNTED_MAX: usize = 20;
/// Time after which the number is counted anew.
const GOOD_MS: i64 = 60_000;
/// The same where matches have come meanwhile: in a busy hour they come with every page.
const GOOD_BUSY_MS: i64 = 10_000;

/// What was counted, by account.
#[derive(Default)]
pub(in crate::archive) struct News(Mutex<HashMap<Id<Account>, Counted>>);

struct Counted {
    /// What there was to count: first and last match of each search.
    of: Vec<Span>,
    at: Timestamp,
    n: Number,
}

/// How many, and whether there are more.
type Number = (u32, bool);

/// The first and the last match of a search.
type Span = (SavedSearchId, u64, u64);

/// The new matches of a search that are in scope now, among the newest ones, and whether there
/// are more.
pub(in crate::archive) fn count(
    r: &Read<'_>,
    sight: &ArchiveSight,
    search: &SavedSearch,
) -> Result<(usize, bool)> {
    let mut new = 0;
    let behind = (search.id.bits(), u64::MAX);
    for (looked_at, found) in r.all_backwards::<Found>(Some(&behind))?.enumerate() {
        let found = found?;
        if found.search != search.id {
            break;
        }
        if looked_at == COUNTED_MAX {
            return Ok((new, true));
        }
        // The scope may be another since it was found.
        let there = queries::message(r, sight, found.chat, found.seq)?;
        new += usize::from(there.is_some());
    }
    Ok((new, false))
}

/// The new matches of all searches of the viewer, and whether there are more.
pub(in crate::archive) fn unseen(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Number> {
    let Some(account) = viewer.account_id() else {
        return Ok((0, false));
    };
    let (mut searches, mut of) = (Vec::new(), Vec::new());
    for search in own(r, account)?.into_iter().filter(|search| search.tells) {
        if let Some((first, last)) = span(r, search.id)? {
            of.push((search.id, first, last));
            searches.push(search);
        }
    }
    if of.is_empty() {
        return Ok((0, false));
    }
    let now = app.store.clock().now();
    if let Some(n) = app.archive.news.known(account, &of, now) {
        return Ok(n);
    }
    let sight = ArchiveSight::of(app, r, viewer)?;
    let mut n = (0, false);
    for search in &searches {
        let (new, is_more) = count(r, &sight, search)?;
        n.0 += u32::try_from(new).unwrap_or(u32::MAX);
        n.1 |= is_more;
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

/// Whether every search that was counted still has its newest match; the oldest may go when
/// others come.
fn only_came(counted: &[Span], now: &[Span]) -> bool {
    let is_there = |(search, _, last): &Span| {
        let mut now = now.iter();
        now.any(|now| now.0 == *search && now.2 >= *last)
    };
    counted.iter().all(is_there)
}

impl News {
    fn known(&self, account: Id<Account>, of: &[Span], now: Timestamp) -> Option<Number> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.get(&account)?;
        let good_ms = match counted.of == of {
            true => GOOD_MS,
            false if only_came(&counted.of, of) => GOOD_BUSY_MS,
            false => return None,
        };
        (now.since_ms(counted.at) < good_ms).then_some(counted.n)
    }

    /// The account has seen some: what was counted is not true any more.
    pub(in crate::archive) fn forget(&self, account: Id<Account>) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.remove(&account);
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
    fn a_number_is_good_until_some_were_seen_and_for_a_while() {
        let news = News::default();
        let (account, at) = (Id::from_bits(1), Timestamp::from_ms(1_000));
        let (search, other) = (Id::from_bits(9), Id::from_bits(10));
        let of = vec![(search, 3, 7)];
        assert_eq!(news.known(account, &of, at), None);
        let n = (20, true);
        let counted = Counted {
            of: of.clone(),
            at,
            n,
        };
        news.keep(account, counted);
        assert_eq!(news.known(account, &of, at.plus_ms(GOOD_MS - 1)), Some(n));
        assert_eq!(news.known(account, &of, at.plus_ms(GOOD_MS)), None);
        assert_eq!(news.known(Id::from_bits(2), &of, at), None);
        // Matches that came may wait a moment, also those for which the oldest made room.
        let behind = vec![(search, 4, 8)];
        for came in [behind, vec![(other, 8, 8), (search, 3, 7)]] {
            let soon = at.plus_ms(GOOD_BUSY_MS - 1);
            assert_eq!(news.known(account, &came, soon), Some(n));
            assert_eq!(news.known(account, &came, soon.plus_ms(1)), None);
        }
        // What was seen, or went with its search, is not shown once more.
        for gone in [vec![], vec![(search, 3, 6)], vec![(other, 8, 8)]] {
            assert_eq!(news.known(account, &gone, at), None);
        }
        news.forget(account);
        assert_eq!(news.known(account, &of, at), None);
    }
}
