//! Scans by hour: counted in the write that keeps the scan, so that a code with a hundred
//! thousand scans is read as some hundred rows. Old hours lie folded: see [`fold`].

use minicbor::{Decode, Encode};

use crate::{
    kit::Timestamp,
    livecodes::{Given, LiveCodeId, Scan},
    store::{Class, Entity, Index, Key, Read, StoreError, Walk, Write},
};

use super::fold;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Visitors of days gone by that one scan sweeps away.
const SWEPT: usize = 32;

/// The scans of a code in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hour {
    /// The code.
    #[n(0)]
    pub code: LiveCodeId,
    /// Hours since 1970-01-01T00:00:00Z.
    #[n(1)]
    pub hour: u32,
    /// Scans by people.
    #[n(2)]
    pub scans: u32,
    /// Those among them who came for the first time that day.
    #[n(3)]
    pub visitors: u32,
    /// Previews and crawlers; they are in no other number.
    #[n(4)]
    pub bots: u32,
    /// Scans by whom they were given: 64 bits of a member's or group's id.
    #[n(5)]
    pub given: Vec<(u64, u32)>,
}

impl Hour {
    /// When it begins.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_ms(i64::from(self.hour) * HOUR_MS)
    }
}

impl Entity for Hour {
    const KIND: &'static str = "live_code_hour";
    const TABLE: &'static str = "live-code-hours-1";
    const CLASS: Class = Class::Machinery;
    type Key = (LiveCodeId, u32);

    fn key(&self) -> (LiveCodeId, u32) {
        (self.code, self.hour)
    }
}

/// Somebody whom a code has seen on a day. The hash contains the day, so nobody is known again
/// on the next.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Visitor {
    #[n(0)]
    code: LiveCodeId,
    #[n(1)]
    visitor: u64,
    /// Days since 1970, for sweeping.
    #[n(2)]
    day: u32,
}

const VISITOR_BY_DAY: Index<Visitor> = Index::new("live-code-visitors-1.by_day", |v, _| {
    vec![Key::new().with(v.day)]
});

impl Entity for Visitor {
    const KIND: &'static str = "live_code_visitor";
    const TABLE: &'static str = "live-code-visitors-1";
    const CLASS: Class = Class::Machinery;
    type Key = (LiveCodeId, u64);

    fn key(&self) -> (LiveCodeId, u64) {
        (self.code, self.visitor)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[VISITOR_BY_DAY]
    }
}

/// The hour a moment lies in.
pub(super) fn hour_of(at: Timestamp) -> u32 {
    u32::try_from(at.ms().div_euclid(HOUR_MS)).unwrap_or(0)
}

/// Counts a scan, in the write that keeps it.
pub fn count(w: &mut Write<'_>, scan: &Scan) -> Result<(), StoreError> {
    let key = (scan.code, hour_of(scan.at));
    let mut hour = w.get::<Hour>(&key)?.unwrap_or(Hour {
        code: scan.code,
        hour: key.1,
        scans: 0,
        visitors: 0,
        bots: 0,
        given: Vec::new(),
    });
    if scan.is_bot {
        hour.bots = hour.bots.saturating_add(1);
        return w.put(&hour);
    }
    hour.scans = hour.scans.saturating_add(1);
    hour.visitors += u32::from(is_first_today(w, scan)?);
    if let Some(bits) = given_to(scan) {
        match hour.given.iter_mut().find(|(known, _)| *known == bits) {
            Some((_, n)) => *n = n.saturating_add(1),
            None => hour.given.push((bits, 1)),
        }
    }
    w.put(&hour)
}

/// Whom or what a scan was given, as bits; none where WeCom chooses or nothing was given.
pub(super) fn given_to(scan: &Scan) -> Option<u64> {
    match scan.given? {
        Given::Member(member) => Some(member.bits()),
        Given::Group(group) => Some(group.bits()),
        Given::Direct => None,
    }
}

fn is_first_today(w: &mut Write<'_>, scan: &Scan) -> Result<bool, StoreError> {
    let day = u32::try_from(scan.at.ms().div_euclid(DAY_MS)).unwrap_or(0);
    let seen = Visitor {
        code: scan.code,
        visitor: u64::from_be_bytes(scan.visitor),
        day,
    };
    if w.read().exists::<Visitor>(&seen.key())? {
        return Ok(false);
    }
    sweep(w, day.saturating_sub(1))?;
    w.put(&seen)?;
    Ok(true)
}

/// Takes away some of those who were seen before a day.
fn sweep(w: &mut Write<'_>, before: u32) -> Result<(), StoreError> {
    let old = visitors_before(&w.read(), before, SWEPT)?;
    forget_visitors(w, &old)
}

/// Some of those who were seen before a day.
pub(super) fn visitors_before(
    r: &Read<'_>,
    before: u32,
    most: usize,
) -> Result<Vec<(LiveCodeId, u64)>, StoreError> {
    let mut old = Vec::new();
    for visitor in r.list(&VISITOR_BY_DAY, &Walk::default())?.take(most) {
        let visitor = visitor?;
        if visitor.day >= before {
            break;
        }
        old.push(visitor.key());
    }
    Ok(old)
}

/// Takes visitors away.
pub(super) fn forget_visitors(
    w: &mut Write<'_>,
    keys: &[(LiveCodeId, u64)],
) -> Result<(), StoreError> {
    for key in keys {
        w.delete::<Visitor>(key)?;
    }
    Ok(())
}

/// The hours of a code from a time on and before another, oldest first.
pub(super) fn hours(
    r: &Read<'_>,
    code: LiveCodeId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Hour>, StoreError> {
    let mut found = fold::hours(r, code, hour_of(from), hour_of(until))?;
    found.retain(|hour| hour.at() >= from && hour.at() < until);
    let before = (code, hour_of(from).saturating_sub(1));
    for hour in r.all::<Hour>(Some(&before))? {
        let hour = hour?;
        if hour.code != code || hour.at() >= until {
            break;
        }
        if hour.at() >= from {
            found.push(hour);
        }
    }
    Ok(found)
}
