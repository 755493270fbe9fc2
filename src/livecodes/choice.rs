//! Whose turn it is: pure rules over what is counted.
//!
//! Members who are there and below their cap take turns by weight (smooth weighted round
//! robin): in any stretch of as many scans as there are shares, each gets as many as it has.
//! Spares come only when nobody else can.

use crate::{kit::Timestamp, org::MemberId};

use super::{
    Seat, Window,
    scan::{Expected, Share, Turn},
};

/// How long a customer who was shown a member may take to add that member, in minutes, before
/// the place under the member's cap is free again. Counted by whole minutes: however many scans
/// come, few numbers are kept.
const EXPECTED_MINUTES: i64 = 15;

/// A moment in the firm's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// The same moment.
    pub at: Timestamp,
    /// Days since 1970.
    pub day: i32,
    /// 0 is Monday.
    pub weekday: u8,
    /// Minute of the day.
    pub minute: u16,
}

impl Moment {
    /// This moment in a zone.
    pub fn of(at: Timestamp, zone: &jiff::tz::TimeZone) -> Self {
        let there = at.to_jiff().to_zoned(zone.clone());
        let days = i64::from(there.offset().seconds()).saturating_mul(1_000);
        let day = at.plus_ms(days).ms().div_euclid(86_400_000);
        let weekday = there.weekday().to_monday_zero_offset();
        let minute = i32::from(there.hour()) * 60 + i32::from(there.minute());
        Self {
            at,
            day: i32::try_from(day).unwrap_or(i32::MAX),
            weekday: u8::try_from(weekday).unwrap_or(0),
            minute: u16::try_from(minute).unwrap_or(0),
        }
    }
}

impl Window {
    fn has_day(&self, weekday: u8) -> bool {
        self.days >> weekday & 1 == 1
    }

    /// Whether it is open at this moment.
    pub(super) fn is_open(&self, moment: &Moment) -> bool {
        let today = self.has_day(moment.weekday);
        if self.from < self.until {
            return today && (self.from..self.until).contains(&moment.minute);
        }
        // It goes on past midnight.
        let yesterday = self.has_day((moment.weekday + 6) % 7);
        today && moment.minute >= self.from || yesterday && moment.minute < self.until
    }
}

/// Whether a member is there by schedule; none at all means always.
pub(super) fn is_on_duty(schedule: &[Window], member: MemberId, moment: &Moment) -> bool {
    let names = |window: &Window| window.members.is_empty() || window.members.contains(&member);
    let mut open = schedule.iter().filter(|window| window.is_open(moment));
    schedule.is_empty() || open.any(names)
}

impl Turn {
    /// Nobody has had a turn yet.
    pub(super) fn new(code: super::LiveCodeId) -> Self {
        Self {
            code,
            day: 0,
            is_told: false,
            shares: Vec::new(),
            scans: 0,
        }
    }

    /// Begins another day, if it is a later one: what was counted today is not forgotten for what
    /// comes late from yesterday.
    fn begin_day(&mut self, day: i32) {
        if day <= self.day {
            return;
        }
        self.day = day;
        for share in &mut self.shares {
            share.given = 0;
            share.added = 0;
            share.expected.clear();
        }
    }

    fn share(&mut self, member: MemberId) -> &mut Share {
        let at = self.shares.iter().position(|share| share.member == member);
        let at = at.unwrap_or_else(|| {
            self.shares.push(Share {
                member,
                credit: 0,
                given: 0,
                added: 0,
                expected: Vec::new(),
            });
            self.shares.len() - 1
        });
        &mut self.shares[at]
    }

    /// How many places under a cap a member has used today: additions as WeCom tells them and
    /// scans whose customer may still come; as long as WeCom tells nothing, the scans given.
    pub(super) fn used(&self, member: MemberId, moment: &Moment) -> u32 {
        let share = self.shares.iter().find(|share| share.member == member);
        let Some(share) = share.filter(|_| self.day >= moment.day) else {
            return 0;
        };
        if !self.is_told {
            return share.given;
        }
        let expected = share.expected.iter().filter(|scans| scans.may_come(moment));
        expected.fold(share.added, |used, of| used.saturating_add(of.scans))
    }

    /// Notes that a customer has added a member by the code.
    pub(super) fn note_added(&mut self, member: MemberId, moment: &Moment) {
        self.begin_day(moment.day);
        self.is_told = true;
        let share = self.share(member);
        share.added = share.added.saturating_add(1);
        if let Some(oldest) = share.expected.first_mut() {
            oldest.scans = oldest.scans.saturating_sub(1);
            share.expected.retain(|of| of.scans > 0);
        }
    }

    /// Forgets members who are not on the code any more.
    fn keep_only(&mut self, seats: &[Seat]) {
        let is_here = |share: &Share| seats.iter().any(|seat| seat.member == share.member);
        self.shares.retain(is_here);
    }

    /// Gives a scan to a member, among those whom `can` lets through; none if nobody can.
    pub(super) fn give(
        &mut self,
        seats: &[Seat],
        schedule: &[Window],
        moment: &Moment,
        can: impl Fn(MemberId) -> bool,
    ) -> Option<MemberId> {
        self.begin_day(moment.day);
        self.keep_only(seats);
        let has_room = |turn: &Self, seat: &Seat| {
            seat.daily_cap
                .is_none_or(|cap| turn.used(seat.member, moment) < cap)
        };
        let able = |turn: &Self, seat: &&Seat| can(seat.member) && has_room(turn, seat);
        let is_there = |seat: &&Seat| !seat.is_spare && is_on_duty(schedule, seat.member, moment);
        let regular: Vec<&Seat> = seats
            .iter()
            .filter(is_there)
            .filter(|seat| able(self, seat))
            .collect();
        let candidates = match regular.is_empty() {
            false => regular,
            true => seats
                .iter()
                .filter(|seat| seat.is_spare)
                .filter(|seat| able(self, seat))
                .collect(),
        };
        let chosen = self.next(&candidates)?;
        let share = self.share(chosen.member);
        share.given = share.given.saturating_add(1);
        share.expected.retain(|scans| scans.may_come(moment));
        if chosen.daily_cap.is_some() {
            share.expect(moment);
        }
        Some(chosen.member)
    }

    /// The next by weight: each gains its weight, and the richest pays for all.
    fn next<'a>(&mut self, candidates: &[&'a Seat]) -> Option<&'a Seat> {
        let mut total = 0;
        let mut best: Option<(&'a Seat, i64)> = None;
        for seat in candidates {
            let weight = i64::from(seat.weight.max(1));
            total += weight;
            let share = self.share(seat.member);
            share.credit = share.credit.saturating_add(weight);
            if best.is_none_or(|(_, credit)| share.credit > credit) {
                best = Some((seat, share.credit));
            }
        }
        let (chosen, _) = best?;
        self.share(chosen.member).credit -= total;
        Some(chosen)
    }
}

impl Moment {
    /// Minutes since 1970.
    fn whole_minute(&self) -> i64 {
        self.at.ms().div_euclid(60_000)
    }
}

impl Expected {
    fn may_come(&self, moment: &Moment) -> bool {
        moment.whole_minute() - self.minute <= EXPECTED_MINUTES
    }
}

impl Share {
    /// Notes a scan whose customer may come.
    fn expect(&mut self, moment: &Moment) {
        let minute = moment.whole_minute();
        match self.expected.last_mut() {
            Some(last) if last.minute == minute => last.scans = last.scans.saturating_add(1),
            _ => self.expected.push(Expected { minute, scans: 1 }),
        }
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
