//! Touches, limits and opt-outs: types and pure rules.

use jiff::{ToSpan, Zoned, civil::Weekday, tz::TimeZone};
use minicbor::{Decode, Encode};

use crate::{
    customers::{CustomerId, GroupId},
    kit::Timestamp,
    org::MemberId,
    store::SubjectId,
};

/// A touch: the customer, and a number that grows with the time at which it was noted.
pub type TouchId = (CustomerId, u64);

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum TouchKind {
    /// Welcome message (欢迎语).
    #[n(0)]
    Welcome,
    /// Broadcast (群发).
    #[n(1)]
    Broadcast,
    /// Customer moment (客户朋友圈).
    #[n(2)]
    Moment,
    /// A rule followed up by itself.
    #[n(3)]
    Rule,
    /// Customer service (微信客服).
    #[n(4)]
    Service,
    /// Broadcast to a customer group (客户群群发).
    #[n(5)]
    GroupBroadcast,
}

impl TouchKind {
    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Broadcast => "broadcast",
            Self::Moment => "moment",
            Self::Rule => "rule",
            Self::Service => "service",
            Self::GroupBroadcast => "group_broadcast",
        }
    }

    /// Catalogue key of its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Welcome => "touches.kind.welcome",
            Self::Broadcast => "touches.kind.broadcast",
            Self::Moment => "touches.kind.moment",
            Self::Rule => "touches.kind.rule",
            Self::Service => "touches.kind.service",
            Self::GroupBroadcast => "touches.kind.group_broadcast",
        }
    }

    /// Whether the firm's limits and opt-outs hold for it: what answers the customer is noted
    /// only.
    pub fn is_capped(self) -> bool {
        matches!(self, Self::Broadcast | Self::Rule | Self::GroupBroadcast)
    }
}

/// Where a touch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum TouchState {
    /// It may still reach the customer.
    #[n(0)]
    Planned,
    /// It has reached the customer.
    #[n(1)]
    Sent,
    /// It did not reach the customer and will not.
    #[n(2)]
    Failed,
}

impl TouchState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Planned, Self::Sent, Self::Failed];

    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// Why a message did not reach a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Why {
    /// One of the firm's limits was reached.
    #[n(0)]
    OverLimit,
    /// The customer does not want any.
    #[n(1)]
    OptedOut,
    /// The two are no contacts any more.
    #[n(2)]
    NotContact,
    /// WeCom cannot reach the customer (`fail_list`).
    #[n(3)]
    Unreachable,
    /// The customer has received as many as WeCom allows.
    #[n(4)]
    WecomLimit,
    /// It was stopped, or its time was over, before the member sent it.
    #[n(5)]
    Stopped,
    /// WeCom refused the message as a whole.
    #[n(6)]
    Refused,
    /// The member does not take part in the pilot.
    #[n(7)]
    OutsidePilot,
    /// The member can send nothing: gone, or without the right to serve customers.
    #[n(8)]
    NoSender,
    /// The group is gone.
    #[n(9)]
    GroupGone,
    /// The member sent the broadcast, but not into this group, and WeCom does not say why.
    #[n(10)]
    NotSent,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OverLimit,
        Self::OptedOut,
        Self::NotContact,
        Self::Unreachable,
        Self::WecomLimit,
        Self::Stopped,
        Self::Refused,
        Self::OutsidePilot,
        Self::NoSender,
        Self::GroupGone,
        Self::NotSent,
    ];

    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::OverLimit => "over_limit",
            Self::OptedOut => "opted_out",
            Self::NotContact => "not_contact",
            Self::Unreachable => "unreachable",
            Self::WecomLimit => "wecom_limit",
            Self::Stopped => "stopped",
            Self::Refused => "refused",
            Self::OutsidePilot => "outside_pilot",
            Self::NoSender => "no_sender",
            Self::GroupGone => "group_gone",
            Self::NotSent => "not_sent",
        }
    }

    /// Whether somebody was left out before anything was tried.
    pub fn is_skip(self) -> bool {
        matches!(
            self,
            Self::OverLimit
                | Self::OptedOut
                | Self::OutsidePilot
                | Self::NoSender
                | Self::GroupGone
        )
    }

    /// Catalogue key of the words.
    pub fn word(self) -> &'static str {
        match self {
            Self::OverLimit => "touches.why.over_limit",
            Self::OptedOut => "touches.why.opted_out",
            Self::NotContact => "touches.why.not_contact",
            Self::Unreachable => "touches.why.unreachable",
            Self::WecomLimit => "touches.why.wecom_limit",
            Self::Stopped => "touches.why.stopped",
            Self::Refused => "touches.why.refused",
            Self::OutsidePilot => "touches.why.outside_pilot",
            Self::NoSender => "touches.why.no_sender",
            Self::GroupGone => "touches.why.group_gone",
            Self::NotSent => "touches.why.not_sent",
        }
    }
}

/// A message that reached or is to reach a customer or a customer group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Touch {
    /// The customer; of a [`TouchKind::GroupBroadcast`] the group, whose id stands here as if
    /// it were a customer's: both are 64 random bits.
    #[n(0)]
    pub customer: CustomerId,
    /// Second part of the id: grows with the time at which it was noted.
    #[n(1)]
    pub no: u64,
    /// The member in whose name.
    #[n(2)]
    pub member: Option<MemberId>,
    /// What kind of message.
    #[n(3)]
    pub kind: TouchKind,
    /// When sent or failed; while planned, from when it may be sent.
    #[n(4)]
    pub at: Timestamp,
    /// Where it stands.
    #[n(5)]
    pub state: TouchState,
    /// Kind and id of what caused it, e.g. `broadcast` and its id.
    #[n(6)]
    pub of: (String, String),
    /// Why it failed.
    #[n(7)]
    pub why: Option<Why>,
}

impl Touch {
    /// Its id.
    pub fn id(&self) -> TouchId {
        (self.customer, self.no)
    }

    /// The group, of a broadcast to one.
    pub fn group(&self) -> Option<GroupId> {
        (self.kind == TouchKind::GroupBroadcast).then(|| self.customer.cast())
    }

    /// Whether it counts against the firm's limits.
    pub fn counts(&self) -> bool {
        self.kind.is_capped() && self.state != TouchState::Failed
    }
}

/// A touch to be noted.
#[derive(Debug, Clone)]
pub struct NewTouch {
    /// The customer, or a group in its place.
    pub customer: CustomerId,
    /// The member in whose name.
    pub member: Option<MemberId>,
    /// What kind of message.
    pub kind: TouchKind,
    /// When sent, or from when it may be sent.
    pub at: Timestamp,
    /// Where it stands.
    pub state: TouchState,
    /// Kind and id of what causes it.
    pub of: (String, String),
    /// Why it failed, if it did.
    pub why: Option<Why>,
}

/// What the firm allows. Periods are those of the firm's calendar; weeks begin on Monday.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Limits {
    /// Messages per customer and day.
    #[n(0)]
    pub per_day: Option<u32>,
    /// Messages per customer and week.
    #[n(1)]
    pub per_week: Option<u32>,
    /// Messages per customer and month.
    #[n(2)]
    pub per_month: Option<u32>,
    /// Minutes of the day from and to which nothing is sent; may reach over midnight.
    #[n(3)]
    pub quiet: Option<(u16, u16)>,
    /// A broadcast to more customers than this wants a second person; none: never.
    #[n(4)]
    pub approve_above: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_day: Some(1),
            per_week: Some(2),
            per_month: Some(4),
            quiet: Some((21 * 60, 9 * 60)),
            approve_above: Some(1_000),
        }
    }
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Per day.
    Day,
    /// Per week.
    Week,
    /// Per month.
    Month,
}

/// Whether a customer may get one more message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    Free,
    /// A limit is reached.
    Over {
        /// Which one.
        limit: Limit,
        /// From then on it is not, unless something more is sent.
        until: Timestamp,
    },
    /// The customer does not want any.
    OptedOut,
    /// Not before this time.
    QuietUntil(Timestamp),
}

/// How somebody came to be opted out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OptOutKind {
    /// The customer asked for it.
    #[n(0)]
    Asked,
    /// The customer complained.
    #[n(1)]
    Complaint,
}

impl OptOutKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Asked, Self::Complaint];

    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Complaint => "complaint",
        }
    }

    /// Catalogue key of the words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "touches.opt_out.asked",
            Self::Complaint => "touches.opt_out.complaint",
        }
    }
}

/// A customer who gets no broadcasts and nothing from rules.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OptOut {
    /// The customer; also the data subject.
    #[n(0)]
    pub customer: CustomerId,
    /// Asked for, or complained.
    #[n(1)]
    pub kind: OptOutKind,
    /// In the words of whoever noted it.
    #[n(2)]
    pub reason: String,
    /// The account that noted it.
    #[n(3)]
    pub by: Option<SubjectId>,
    /// When.
    #[n(4)]
    pub at: Timestamp,
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Begin and end of the day, week and month around a moment.
pub(super) struct Periods {
    day: (Timestamp, Timestamp),
    week: (Timestamp, Timestamp),
    month: (Timestamp, Timestamp),
}

impl Periods {
    /// Those around `at` in this zone.
    pub(super) fn around(at: Timestamp, zone: &TimeZone) -> Self {
        let now = at.to_jiff().to_zoned(zone.clone());
        let today = now.date();
        let since_monday = i64::from(today.weekday().since(Weekday::Monday));
        let monday = today.saturating_sub(since_monday.days());
        let first = today.first_of_month();
        let begin = |date: jiff::civil::Date| {
            let begin = date.to_zoned(zone.clone());
            begin.map_or(at, |z: Zoned| {
                Timestamp::from_ms(z.timestamp().as_millisecond())
            })
        };
        Self {
            day: (begin(today), begin(today.saturating_add(1.day()))),
            week: (begin(monday), begin(monday.saturating_add(7.days()))),
            month: (begin(first), begin(first.saturating_add(1.month()))),
        }
    }

    /// Days of the month.
    pub(super) fn days_of_month(&self) -> u32 {
        let (from, to) = self.month;
        // A day on which clocks change is a day too.
        let days = (to.since_ms(from) + DAY_MS / 2) / DAY_MS;
        u32::try_from(days).unwrap_or(0)
    }

    /// The begin of the longest of them.
    pub(super) fn begin(&self) -> Timestamp {
        self.month.0.min(self.week.0)
    }
}

/// The end of the quiet hours around `at`, if it lies in them.
pub(super) fn quiet_until(limits: &Limits, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (from, to) = limits.quiet.filter(|(from, to)| from != to)?;
    let now = at.to_jiff().to_zoned(zone.clone());
    let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
    let is_quiet = match from < to {
        true => (from..to).contains(&minute),
        false => minute >= from || minute < to,
    };
    if !is_quiet {
        return None;
    }
    // Over midnight, what is quiet in the evening ends on the next day.
    let day = match minute < to {
        true => now.date(),
        false => now.date().saturating_add(1.day()),
    };
    let (hour, minute) = (i8::try_from(to / 60).ok()?, i8::try_from(to % 60).ok()?);
    let end = day.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_ms(end.timestamp().as_millisecond()))
}

/// Whether one more fits, beside the touches that count. A planned one may be sent at any
/// time, so it counts in every period.
pub(super) fn fits(limits: &Limits, periods: &Periods, touches: &[Touch]) -> Room {
    let count = |(from, to): (Timestamp, Timestamp)| {
        let counts = |touch: &&Touch| {
            touch.counts()
                && (touch.state == TouchState::Planned || (from <= touch.at && touch.at < to))
        };
        touches.iter().filter(counts).count()
    };
    let all = [
        (limits.per_day, periods.day, Limit::Day),
        (limits.per_week, periods.week, Limit::Week),
        (limits.per_month, periods.month, Limit::Month),
    ];
    // The longest wait is told.
    let reached = all.into_iter().rev().find(|(max, period, _)| {
        max.is_some_and(|max| count(*period) >= usize::try_from(max).unwrap_or(usize::MAX))
    });
    match reached {
        Some((_, (_, until), limit)) => Room::Over { limit, until },
        None => Room::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::Id;

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let time: jiff::civil::DateTime = text.parse().unwrap();
        let time = time.to_zoned(zone()).unwrap().timestamp();
        Timestamp::from_ms(time.as_millisecond())
    }

    fn touch(state: TouchState, when: &str) -> Touch {
        Touch {
            customer: Id::from_bits(1),
            no: 1,
            member: None,
            kind: TouchKind::Broadcast,
            at: at(when),
            state,
            of: ("broadcast".to_owned(), "x".to_owned()),
            why: None,
        }
    }

    #[test]
    fn periods_are_those_of_the_calendar_and_planned_ones_count_in_all() {
        let limits = Limits {
            per_day: Some(1),
            per_week: Some(2),
            per_month: Some(3),
            ..Limits::default()
        };
        let room = |now: &str, touches: &[Touch]| {
            fits(&limits, &Periods::around(at(now), &zone()), touches)
        };
        let sent = |when| touch(TouchState::Sent, when);
        // 2026-11-26 is a Thursday.
        assert_eq!(
            room("2026-11-26T00:00", &[sent("2026-11-25T23:59")]),
            Room::Free
        );
        let over = |limit, until| Room::Over {
            limit,
            until: at(until),
        };
        assert_eq!(
            room("2026-11-26T10:00", &[sent("2026-11-26T00:00")]),
            over(Limit::Day, "2026-11-27T00:00")
        );
        assert_eq!(
            room(
                "2026-11-26T10:00",
                &[sent("2026-11-23T00:00"), sent("2026-11-24T09:00")]
            ),
            over(Limit::Week, "2026-11-30T00:00")
        );
        let three = [
            sent("2026-11-01T09:00"),
            sent("2026-11-08T09:00"),
            sent("2026-11-22T23:00"),
        ];
        assert_eq!(
            room("2026-11-26T10:00", &three),
            over(Limit::Month, "2026-12-01T00:00")
        );
        assert_eq!(room("2026-12-01T10:00", &three), Room::Free);
        let planned = touch(TouchState::Planned, "2026-11-01T09:00");
        assert_eq!(
            room("2026-12-10T10:00", &[planned]),
            over(Limit::Day, "2026-12-11T00:00")
        );
        assert_eq!(
            room(
                "2026-11-26T10:00",
                &[touch(TouchState::Failed, "2026-11-26T09:00")]
            ),
            Room::Free
        );
    }

    #[test]
    fn a_month_has_its_days() {
        let days = |when| Periods::around(at(when), &zone()).days_of_month();
        assert_eq!(days("2026-11-26T10:00"), 30);
        assert_eq!(days("2026-12-31T23:59"), 31);
        assert_eq!(days("2028-02-01T00:00"), 29);
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(
            Periods::around(at("2026-03-10T10:00"), &berlin).days_of_month(),
            31
        );
    }

    #[test]
    fn quiet_hours_reach_over_midnight() {
        let limits = Limits::default();
        let until = |when| quiet_until(&limits, at(when), &zone());
        assert_eq!(until("2026-11-26T20:59"), None);
        assert_eq!(until("2026-11-26T21:00"), Some(at("2026-11-27T09:00")));
        assert_eq!(until("2026-11-26T03:00"), Some(at("2026-11-26T09:00")));
        assert_eq!(until("2026-11-26T09:00"), None);
        let noon = Limits {
            quiet: Some((720, 780)),
            ..Limits::default()
        };
        assert_eq!(
            quiet_until(&noon, at("2026-11-26T12:30"), &zone()),
            Some(at("2026-11-26T13:00"))
        );
    }
}
