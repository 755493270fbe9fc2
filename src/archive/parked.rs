//! Messages that nobody can read yet, as a list: for whoever sees the whole firm, since nobody
//! knows whose they are.

use std::ops::Range;

use crate::{
    error::{AppError, Result},
    identity::{Permission, Scope, Viewer},
    kit::{Cursor, Page, PageRequest, Timestamp},
    store::{Read, StoreError, Walk},
};

use super::{
    alarm, find::Asked, ingest, model::Parked, queries::ArchiveSight, tables::PARKED_BY_VERSION,
};

/// Parked messages that are counted between two days, at most.
const COUNTED_MAX: usize = 20_000;

/// Refuses whoever does not see the whole firm.
pub fn must_see(sight: &ArchiveSight) -> Result<()> {
    refuse_unless(super::standing::sees_firm(sight))
}

/// The same for what a viewer may do under `scope`.
pub(super) fn must_reach(scope: &Scope) -> Result<()> {
    refuse_unless(scope.is_everything())
}

fn refuse_unless(sees_firm: bool) -> Result<()> {
    match sees_firm {
        true => Ok(()),
        false => Err(AppError::Forbidden {
            permission: "undecrypted",
        }),
    }
}

/// Whether the viewer may read this list.
pub fn may_read(r: &Read<'_>, viewer: &Viewer) -> bool {
    let scope = viewer.scope(r, Permission::ArchiveRead);
    scope.is_ok_and(|scope| scope.is_everything())
}

/// One that is parked, by its number.
pub fn one(r: &Read<'_>, sight: &ArchiveSight, seq: u64) -> Result<Option<Parked>> {
    Ok(match super::standing::sees_firm(sight) {
        true => r.get::<Parked>(&seq)?,
        false => None,
    })
}

/// A page of them, those that came last first. Of the conditions only the time is one of
/// these: when they came.
pub fn page(
    r: &Read<'_>,
    sight: &ArchiveSight,
    asked: &Asked,
    request: &PageRequest,
) -> Result<Page<Parked>> {
    must_see(sight)?;
    let span = span(r, asked)?;
    let (total, total_exact) = match (asked.from, asked.to) {
        (None, None) => (ingest::cursor(r)?.parked, true),
        _ => count(r, &span)?,
    };
    let Found { items, next, prev } = find(r, &span, request)?;
    let cursor = |seq: u64| Cursor(seq.to_be_bytes().to_vec());
    Ok(Page {
        items,
        total,
        total_exact,
        offset: prev.is_none().then_some(0),
        next: next.map(cursor),
        prev: prev.map(cursor),
    })
}

/// How long the files of what can't be opened may still be had. Nobody knows whether a message
/// has files, nor when it was sent: not after it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilesLeft {
    /// Whole hours until WeCom forgets the files of the first that it may still have, at the
    /// latest; none if it has none of them any more.
    pub hours: Option<u64>,
    /// How many are near that end, and when the first of them came.
    pub near: Option<(usize, Timestamp)>,
    /// How many came so long ago that their files are lost.
    pub lost: u64,
}

impl FilesLeft {
    /// Catalogue key of the sentence, and how grave it is.
    pub fn word(&self) -> (&'static str, &'static str) {
        match (self.hours, self.near) {
            (None, _) => ("archive_alarm.locked_lost", ""),
            (Some(_), None) => ("archive_alarm.locked_later", ""),
            (Some(_), Some(_)) => ("archive_alarm.locked_soon", "bad"),
        }
    }

    /// The hours it names.
    pub fn hours(&self) -> u64 {
        self.hours.unwrap_or(0)
    }
}

/// The same for the firm; none while everything is open.
pub fn files_left(r: &Read<'_>, now: Timestamp) -> Result<Option<FilesLeft>, StoreError> {
    let cursor = ingest::cursor(r)?;
    if cursor.parked == 0 {
        return Ok(None);
    }
    let end = cursor.seq.saturating_add(1);
    let first = first_since(r, alarm::window_begin(now), end)?;
    let near = first..first_since(r, alarm::near_begin(now), end)?.max(first);
    let next = r.all::<Parked>(first.checked_sub(1).as_ref())?.next();
    let oldest = next.transpose()?.map(|row| row.at);
    let (n, _) = count(r, &near)?;
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    Ok(Some(FilesLeft {
        hours: oldest.map(|at| alarm::hours_left(at, now)),
        near: oldest.filter(|_| n > 0).map(|at| (n, at)),
        lost: count(r, &(0..first))?.0,
    }))
}

/// The rows of a page, and the numbers behind and before which others are.
struct Found {
    items: Vec<Parked>,
    next: Option<u64>,
    prev: Option<u64>,
}

fn find(r: &Read<'_>, span: &Range<u64>, request: &PageRequest) -> Result<Found, StoreError> {
    let limit = request.limit();
    let number = |cursor: &Cursor| Some(u64::from_be_bytes(cursor.0.as_slice().try_into().ok()?));
    let after = request.after.as_ref().and_then(number);
    if let Some(before) = request.before.as_ref().and_then(number) {
        // Greater numbers stand before.
        let rows = r.all::<Parked>(Some(&before.max(span.start.saturating_sub(1))))?;
        let (mut items, has_more) = take(rows, span, limit)?;
        if !items.is_empty() {
            items.reverse();
            return Ok(Found {
                next: items.last().map(|row| row.seq),
                prev: items.first().map(|row| row.seq).filter(|_| has_more),
                items,
            });
        }
        // Nothing is before it by now: this is the first page.
    }
    let begin = after.map_or(span.end, |after| after.min(span.end));
    let (items, has_more) = take(r.all_backwards::<Parked>(Some(&begin))?, span, limit)?;
    Ok(Found {
        next: items.last().map(|row| row.seq).filter(|_| has_more),
        // From an empty page the way back begins at the very place behind which it is.
        prev: after.map(|after| {
            let first = items.first().map(|row| row.seq);
            first.unwrap_or(after.saturating_sub(1))
        }),
        items,
    })
}

/// As many rows as stand on a page, and whether there are more.
fn take(
    rows: impl Iterator<Item = Result<Parked, StoreError>>,
    span: &Range<u64>,
    limit: usize,
) -> Result<(Vec<Parked>, bool), StoreError> {
    let mut items = Vec::new();
    for row in rows {
        let row = row?;
        if !span.contains(&row.seq) {
            break;
        }
        if items.len() == limit {
            return Ok((items, true));
        }
        items.push(row);
    }
    Ok((items, false))
}

/// The numbers of those that came within the time that is asked for: what came later has a
/// greater number, for WeCom is asked for what lies behind the last.
fn span(r: &Read<'_>, asked: &Asked) -> Result<Range<u64>, StoreError> {
    let end = ingest::cursor(r)?.seq.saturating_add(1);
    let since = |time: Timestamp| first_since(r, time, end);
    Ok(Range {
        start: asked.from.map(since).transpose()?.unwrap_or(0),
        end: asked.to.map(since).transpose()?.unwrap_or(end),
    })
}

/// The number before which everything that is parked came before a time.
fn first_since(r: &Read<'_>, time: Timestamp, end: u64) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let behind = middle.checked_sub(1);
        let next = r.all::<Parked>(behind.as_ref())?.next().transpose()?;
        match next {
            Some(row) if row.at < time => low = row.seq.saturating_add(1),
            _ => high = middle,
        }
    }
    Ok(low)
}

/// How many have a number in the span, and whether all were counted. None is opened for it.
fn count(r: &Read<'_>, span: &Range<u64>) -> Result<(u64, bool), StoreError> {
    let mut found = 0;
    for (n, hit) in r.walk(&PARKED_BY_VERSION, &Walk::default())?.enumerate() {
        if n == COUNTED_MAX {
            return Ok((found, false));
        }
        found += u64::from(span.contains(&hit?.key));
    }
    Ok((found, true))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            model::{Brought, Locked},
            tests::Archive,
        },
        *,
    };

    fn parked(seq: u64, at_ms: i64) -> Parked {
        let at = Timestamp::from_ms(at_ms);
        Parked {
            seq,
            msgid: format!("m{seq}"),
            key_version: u32::from(seq.is_multiple_of(2)) + 1,
            key: String::new(),
            message: String::new(),
            why: Locked::NoKey,
            at,
            tried_at: at,
        }
    }

    fn seqs(page: &Page<Parked>) -> Vec<u64> {
        page.items.iter().map(|row| row.seq).collect()
    }

    #[test]
    fn pages_lead_through_all_of_them_and_back_and_days_narrow_them() {
        let archive = Archive::new();
        // Some numbers are missing, and two came each minute.
        let rows = (1..=11).map(|n| parked(n * 3, i64::try_from(n / 2).unwrap() * 60_000));
        archive.store(Brought::Pulled, Vec::new(), rows.collect());
        let sight = ArchiveSight::everything_for_test();
        let page = |asked: &Asked, after: Option<Cursor>, before: Option<Cursor>| {
            let request = PageRequest {
                after,
                before,
                limit: Some(4),
            };
            archive.read(|r| super::page(r, &sight, asked, &request).unwrap())
        };
        let all = Asked::default();
        let first = page(&all, None, None);
        assert_eq!((seqs(&first), first.total), (vec![33, 30, 27, 24], 11));
        assert!(first.prev.is_none() && first.total_exact);
        let second = page(&all, first.next.clone(), None);
        assert_eq!(seqs(&second), [21, 18, 15, 12]);
        let third = page(&all, second.next.clone(), None);
        assert_eq!(seqs(&third), [9, 6, 3]);
        assert!(third.next.is_none());
        assert_eq!(seqs(&page(&all, None, third.prev)), seqs(&second));
        assert_eq!(seqs(&page(&all, None, second.prev)), seqs(&first));
        let before_first = Cursor(99u64.to_be_bytes().to_vec());
        assert_eq!(seqs(&page(&all, None, Some(before_first))), seqs(&first));
        let odd = page(&all, Some(Cursor(vec![1])), None);
        assert_eq!(seqs(&odd), seqs(&first));

        // Minutes 2 and 3: numbers 4 to 7.
        let days = Asked {
            from: Some(Timestamp::from_ms(120_000)),
            to: Some(Timestamp::from_ms(240_000)),
            ..Asked::default()
        };
        let found = page(&days, None, None);
        assert_eq!((seqs(&found), found.total), (vec![21, 18, 15, 12], 4));
        assert!(found.next.is_none());
        let since = Asked {
            to: None,
            ..days.clone()
        };
        let found = page(&since, None, None);
        assert_eq!((seqs(&found), found.total), (vec![33, 30, 27, 24], 8));
        let end = page(&since, found.next, None);
        assert_eq!((seqs(&end), end.next), (vec![21, 18, 15, 12], None));
        let never = Asked {
            from: Some(Timestamp::from_ms(600_000)),
            ..Asked::default()
        };
        let found = page(&never, None, None);
        assert_eq!((seqs(&found), found.total), (vec![], 0));
    }

    #[test]
    fn how_long_the_files_of_what_is_locked_can_be_had_is_told() {
        const HOUR_MS: i64 = 3_600_000;
        let archive = Archive::new();
        let now = Timestamp::from_ms(1_000 * HOUR_MS);
        let left = |now| archive.read(|r| files_left(r, now).unwrap());
        assert_eq!(left(now), None);
        // They came 200, 119, 100 and 30 hours ago.
        let came = [(3, 200), (5, 119), (6, 100), (9, 30)];
        let rows = came.map(|(seq, ago)| parked(seq, (1_000 - ago) * HOUR_MS));
        archive.store(Brought::Pulled, Vec::new(), rows.to_vec());
        let at = |ago: i64| now.plus_ms(-ago * HOUR_MS);
        let soon = FilesLeft {
            hours: Some(1),
            near: Some((2, at(119))),
            lost: 1,
        };
        assert_eq!(left(now), Some(soon));
        assert_eq!(soon.word(), ("archive_alarm.locked_soon", "bad"));
        // Later only the last is left, not near its end yet, then near, then lost.
        let later = |hours: i64| left(now.plus_ms(hours * HOUR_MS)).unwrap();
        let rest = later(30);
        assert_eq!((rest.hours, rest.near, rest.lost), (Some(60), None, 3));
        assert_eq!(rest.word(), ("archive_alarm.locked_later", ""));
        let rest = later(60);
        assert_eq!((rest.hours, rest.near), (Some(30), Some((1, at(30)))));
        let rest = later(91);
        assert_eq!((rest.hours, rest.near, rest.lost), (None, None, 4));
        assert_eq!(rest.word(), ("archive_alarm.locked_lost", ""));
    }
}
