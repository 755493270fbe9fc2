//! How complete the archive is, and how long WeCom still keeps what is not here yet.

use std::collections::BTreeMap;

use crate::{
    app::App,
    error::Result,
    kit::Timestamp,
    store::{Key, Read, StoreError, Walk},
};

use super::{
    alarm::{self, Alarm, Outlook},
    ingest,
    key_ring::VERSION_MAX,
    link,
    model::{Cursor, Gap, KeyVersion, Locked, Media, Parked, Tally},
    parked::{self, FilesLeft},
    queries::ArchiveSight,
    tables::{MEDIA_DUE, PARKED_BY_VERSION},
};

/// Parked messages that are counted, at most, for each version of the key.
const COUNTED_MAX: usize = 10_000;
/// Files near their end that are counted, at most.
const FILES_MAX: usize = 1_000;

/// Files that wait and are looked at for one conversation, at most.
const WAITING_MAX: usize = 1_000;

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
    /// What will be lost unless somebody acts.
    pub alarms: Vec<Alarm>,
    /// How long the files of what can't be opened may still be had, where no alarm says so.
    pub files_left: Option<FilesLeft>,
}

impl Standing {
    /// As things stand.
    pub fn of(app: &App, r: &Read<'_>, now: Timestamp) -> Result<Self> {
        let outlook = outlook(app, r, now)?;
        let files_left = parked::files_left(r, now)?;
        Ok(Self {
            files_left: files_left.filter(|left| !outlook.is_on || left.near.is_none()),
            is_on: outlook.is_on,
            cursor: ingest::cursor(r)?,
            waiting: waiting(r)?,
            hours_left: outlook.hours_left(now),
            alarms: outlook.alarms(now),
        })
    }

    /// Catalogue key of what is to be done about the last failure, and WeCom's number.
    pub fn failure(&self) -> Option<(String, i64)> {
        let (code, errcode) = self.cursor.failure.as_ref()?;
        Some((format!("archive_setup.remedy.{code}"), *errcode))
    }
}

/// How the archive stands, as far as a loss goes: cheap enough for the workspace.
pub fn outlook(app: &App, r: &Read<'_>, now: Timestamp) -> Result<Outlook> {
    let cursor = ingest::cursor(r)?;
    Ok(Outlook {
        is_on: link::in_use(app)?.is_some(),
        asked_at: cursor.asked_at,
        answered_at: cursor.answered_at,
        caught_up_at: cursor.caught_up_at,
        last_sent_at: cursor.last_sent_at,
        files: files_near_their_end(r, now)?,
        locked: parked::files_left(r, now)?.and_then(|left| left.near),
    })
}

/// The files that wait although WeCom forgets them soon: how many, and when the first was sent.
/// What has just come is on its way.
fn files_near_their_end(
    r: &Read<'_>,
    now: Timestamp,
) -> Result<Option<(usize, Timestamp)>, StoreError> {
    let hits = r.walk(&MEDIA_DUE, &Walk::default())?.take(COUNTED_MAX);
    let mut keys = hits
        .map(|hit| hit.map(|hit| hit.key))
        .collect::<Result<Vec<_>, _>>()?;
    // About in the order in which they were sent.
    keys.sort_unstable();
    let (mut n, mut oldest) = (0, now);
    for key in keys.iter().take(FILES_MAX) {
        let Some(file) = r.get::<Media>(key)? else {
            continue;
        };
        if !alarm::is_near(file.sent_at, now) {
            break;
        }
        if file.attempts > 0 || now.since_ms(file.next_at) >= alarm::PATIENCE_MS {
            n += 1;
            oldest = oldest.min(file.sent_at);
        }
    }
    Ok((n > 0).then_some((n, oldest)))
}

/// Whether the viewer sees the whole firm, and with it what nobody knows the members of.
pub fn sees_firm(sight: &ArchiveSight) -> bool {
    sight.sees_any(std::iter::empty())
}

/// The firm's messages that can't be opened yet, for whoever sees the whole firm; nothing for
/// others, since nobody knows whose they are.
pub fn parked_for(sight: &ArchiveSight, cursor: &Cursor) -> u64 {
    match sees_firm(sight) {
        true => cursor.parked,
        false => 0,
    }
}

/// The files of a conversation that are still to be fetched; none where the firm waits for so
/// many that not all of them are looked at.
pub fn files_waiting(r: &Read<'_>, chat: u32) -> Result<Option<u64>, StoreError> {
    let mut waiting = 0;
    for (n, hit) in r.walk(&MEDIA_DUE, &Walk::default())?.enumerate() {
        if n == WAITING_MAX {
            return Ok(None);
        }
        let file = r.get::<Media>(&hit?.key)?;
        waiting += u64::from(file.is_some_and(|file| file.chat == chat));
    }
    Ok(Some(waiting))
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

/// The version that the next key gets at WeCom: one more than the greatest. One that is too great
/// to be WeCom's says nothing about it.
pub fn next_version(versions: &[KeyVersion]) -> u32 {
    let versions = versions.iter().map(|key| key.version);
    let greatest = versions.filter(|version| *version <= VERSION_MAX).max();
    greatest.unwrap_or(0).saturating_add(1).min(VERSION_MAX)
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
    /// Numbers that WeCom passed over, noticed on this day.
    pub skipped: u64,
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
        self.skipped += tally.skipped;
    }
}

/// The days from one to another on which something came, newest first.
pub fn days(
    r: &Read<'_>,
    sight: &ArchiveSight,
    (from, to): (u32, u32),
) -> Result<Vec<Day>, StoreError> {
    let mut days: Vec<Day> = Vec::new();
    for tally in r.all_backwards::<Tally>(Some(&behind(to)))? {
        let tally = tally?;
        if tally.day < from {
            break;
        }
        if !counts(sight, &tally) {
            continue;
        }
        if days.last().is_none_or(|day| day.day != tally.day) {
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

/// The newest day up to this one on which something came.
pub fn day_up_to(r: &Read<'_>, sight: &ArchiveSight, day: u32) -> Result<Option<u32>, StoreError> {
    let mut tallies = r.all_backwards::<Tally>(Some(&behind(day)))?;
    first_day(sight, &mut tallies)
}

/// The first day after this one on which something came.
pub fn day_after(r: &Read<'_>, sight: &ArchiveSight, day: u32) -> Result<Option<u32>, StoreError> {
    let mut tallies = r.all::<Tally>(Some(&(day, u32::MAX)))?;
    first_day(sight, &mut tallies)
}

fn first_day(
    sight: &ArchiveSight,
    tallies: &mut dyn Iterator<Item = Result<Tally, StoreError>>,
) -> Result<Option<u32>, StoreError> {
    for tally in tallies {
        let tally = tally?;
        if counts(sight, &tally) {
            return Ok(Some(tally.day));
        }
    }
    Ok(None)
}

/// The place behind everything of a day.
fn behind(day: u32) -> (u32, u32) {
    (day.saturating_add(1), Tally::UNKNOWN)
}

/// Whether a tally says anything, to this viewer.
fn counts(sight: &ArchiveSight, tally: &Tally) -> bool {
    let is_empty = *tally == Tally::of(tally.day, Tally::UNKNOWN);
    !is_empty && sight.sees_any(std::iter::once(tally.staff))
}

/// What was archived of each member in scope on one day, most messages first. What nobody can
/// open stands last, for whoever sees everybody.
pub fn members(r: &Read<'_>, sight: &ArchiveSight, day: u32) -> Result<Vec<Tally>, StoreError> {
    let mut tallies = Vec::new();
    let unknown = r.get::<Tally>(&(day, Tally::UNKNOWN))?;
    let known = r.all::<Tally>(Some(&(day, Tally::UNKNOWN)))?;
    for tally in unknown.map(Ok).into_iter().chain(known) {
        let tally = tally?;
        if tally.day != day {
            break;
        }
        let messages = Tally {
            skipped: 0,
            ..tally.clone()
        };
        if counts(sight, &messages) {
            tallies.push(tally);
        }
    }
    tallies.sort_by_key(|t| (t.staff == Tally::UNKNOWN, std::cmp::Reverse(t.opened)));
    Ok(tallies)
}

/// The numbers that WeCom passed over, noticed on one day, for whoever sees the whole firm:
/// nobody knows whose they would have been.
pub fn gaps(
    r: &Read<'_>,
    sight: &ArchiveSight,
    day: u32,
    most: usize,
) -> Result<Vec<Gap>, StoreError> {
    if !sees_firm(sight) {
        return Ok(Vec::new());
    }
    let gaps = r.all::<Gap>(Some(&(day, 0)))?;
    let of_day = gaps.take_while(|gap| gap.as_ref().ok().is_none_or(|gap| gap.day == day));
    of_day.take(most).collect()
}
