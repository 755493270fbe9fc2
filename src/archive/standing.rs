//! How complete the archive is, and how long WeCom still keeps what is not here yet.

use std::collections::BTreeMap;

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    store::{Key, Read, StoreError, Walk},
};

use super::{
    ingest, link,
    model::{Cursor, KeyVersion, Locked, Parked, Tally},
    queries::ArchiveSight,
    tables::PARKED_BY_VERSION,
};

/// WeCom keeps messages for so long (WeCom documentation, 获取会话内容: 5 days), ms.
const WINDOW_MS: i64 = 5 * 24 * 3_600_000;
/// After so long without an answer somebody should look, ms.
const ALARM_MS: i64 = 24 * 3_600_000;
/// Parked messages that are counted, at most, for each version of the key.
const COUNTED_MAX: usize = 10_000;

/// How the archive stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Whether it is read at all.
    pub is_on: bool,
    /// How far.
    pub cursor: Cursor,
    /// Messages that wait for a key, by its version: how many, and why the first of them.
    pub waiting: BTreeMap<u32, (usize, Locked)>,
    /// Whole hours until WeCom forgets the oldest message that is not here, as far as can be
    /// known; `None` before the first answer.
    pub hours_left: Option<u64>,
}

impl Standing {
    /// As things stand.
    pub fn of(app: &App, r: &Read<'_>, now: Timestamp) -> Result<Self> {
        let cursor = ingest::cursor(r)?;
        let left = |at: Timestamp| {
            let ms = WINDOW_MS - (now.ms() - at.ms());
            u64::try_from(ms / 3_600_000).unwrap_or(0)
        };
        Ok(Self {
            is_on: link::in_use(app)?.is_some(),
            hours_left: cursor.answered_at.map(left),
            waiting: waiting(r)?,
            cursor,
        })
    }

    /// Catalogue key of what is to be done about the last failure, and WeCom's number.
    pub fn failure(&self) -> Option<(String, i64)> {
        let (code, errcode) = self.cursor.failure.as_ref()?;
        Some((format!("archive_setup.remedy.{code}"), *errcode))
    }

    /// Whether something will be lost unless somebody acts.
    pub fn is_alarming(&self, now: Timestamp) -> bool {
        let silent = |at: Timestamp| now.ms() - at.ms() > ALARM_MS;
        self.is_on && self.cursor.answered_at.is_some_and(silent)
    }
}

/// How many parked messages wait for each version of the key.
fn waiting(r: &Read<'_>) -> Result<BTreeMap<u32, (usize, Locked)>, StoreError> {
    let mut waiting = BTreeMap::new();
    let mut walk = Walk::default();
    while let Some(hit) = r.walk(&PARKED_BY_VERSION, &walk)?.next().transpose()? {
        let Some(first) = r.get::<Parked>(&hit.key)? else {
            break;
        };
        let version = Key::new().with(first.key_version);
        let count = r
            .walk(&PARKED_BY_VERSION, &Walk::prefix(version.clone()))?
            .take(COUNTED_MAX)
            .count();
        waiting.insert(first.key_version, (count, first.why));
        let last = version.with(u64::MAX);
        walk = Walk {
            after: Some(last.into_bytes()),
            ..Walk::default()
        };
    }
    Ok(waiting)
}

/// The version that the next key gets at WeCom: one more than the greatest.
pub fn next_version(versions: &[KeyVersion]) -> u32 {
    versions.iter().map(|key| key.version).max().unwrap_or(0) + 1
}

/// What was archived on one day, of the members in scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// Day, as yyyymmdd.
    pub day: u32,
    /// Members with messages.
    pub members: u32,
    /// Messages, counted for every member who took part.
    pub messages: u64,
    /// Files.
    pub media: u64,
    /// Files that are here.
    pub media_here: u64,
    /// Files that can't be had any more.
    pub media_lost: u64,
    /// Messages that came on this day and can't be opened yet.
    pub parked: u64,
    /// Messages that were deleted by a rule since.
    pub deleted: u64,
}

impl Day {
    fn add(&mut self, tally: &Tally) {
        self.members += u32::from(tally.staff != Tally::UNKNOWN);
        self.parked += u64::from(tally.parked);
        self.messages += u64::from(tally.opened);
        self.media += u64::from(tally.media);
        self.media_here += u64::from(tally.media_here);
        self.media_lost += u64::from(tally.media_lost);
        self.deleted += u64::from(tally.deleted);
    }
}

/// The newest days with messages, newest first.
pub fn days(r: &Read<'_>, sight: &ArchiveSight, most: usize) -> Result<Vec<Day>, StoreError> {
    let mut days: Vec<Day> = Vec::new();
    for tally in r.all_backwards::<Tally>(None)? {
        let tally = tally?;
        let is_empty = tally == Tally::of(tally.day, Tally::UNKNOWN);
        if is_empty || !sight.sees_any(std::iter::once(tally.staff)) {
            continue;
        }
        if days.last().is_none_or(|day| day.day != tally.day) {
            if days.len() == most {
                break;
            }
            days.push(Day {
                day: tally.day,
                ..Day::default()
            });
        }
        if let Some(day) = days.last_mut() {
            day.add(&tally);
        }
    }
    Ok(days)
}

/// What was archived of each member in scope on one day, most messages first. What nobody can
/// open stands last, for whoever sees everybody.
pub fn members(r: &Read<'_>, sight: &ArchiveSight, day: u32) -> Result<Vec<Tally>, StoreError> {
    let mut tallies = Vec::new();
    for tally in r.all::<Tally>(Some(&(day, 0)))? {
        let tally = tally?;
        if tally.day != day {
            break;
        }
        let is_empty = tally == Tally::of(day, Tally::UNKNOWN);
        if !is_empty && sight.sees_any(std::iter::once(tally.staff)) {
            tallies.push(tally);
        }
    }
    tallies.sort_by_key(|tally| std::cmp::Reverse(tally.opened));
    Ok(tallies)
}
