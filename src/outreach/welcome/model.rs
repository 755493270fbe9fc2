//! Welcome messages: types and pure rules.

use jiff::Zoned;
use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    livecodes::LiveCodeId,
    org::{DepartmentId, MemberId},
    outreach::Content,
    store::SubjectId,
};

/// See [`Welcome`].
pub type WelcomeId = Id<Welcome>;
/// See [`Greeting`].
pub type GreetingId = Id<Greeting>;

/// Minutes of a day.
pub(super) const DAY_MINUTES: u16 = 24 * 60;
/// Stretches of the week of one message.
pub(super) const WINDOWS_MAX: usize = 3;

/// Whose customers a message greets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Whose {
    /// Everybody's.
    #[n(0)]
    Firm,
    /// Those of a department and all below it.
    #[n(1)]
    Department(#[n(0)] DepartmentId),
    /// Those of one member.
    #[n(2)]
    Member(#[n(0)] MemberId),
}

/// A stretch of the week, in the firm's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Window {
    /// Days: bit 0 is Monday, bit 6 Sunday.
    #[n(0)]
    pub days: u8,
    /// First minute of the day.
    #[n(1)]
    pub from: u16,
    /// The minute after the last, at most 1440; not after `from` means until that minute of
    /// the next day.
    #[n(2)]
    pub until: u16,
}

impl Window {
    /// Whether a moment lies in it.
    pub fn covers(&self, at: &Zoned) -> bool {
        let day = at.weekday().to_monday_zero_offset();
        let hour = u16::from(at.hour().unsigned_abs());
        let minute = hour * 60 + u16::from(at.minute().unsigned_abs());
        let is_on = |day: i8| self.days & (1 << day.rem_euclid(7)) != 0;
        match self.from < self.until {
            true => is_on(day) && (self.from..self.until).contains(&minute),
            // Past midnight it belongs to the day on which it began.
            false => (is_on(day) && minute >= self.from) || (is_on(day - 1) && minute < self.until),
        }
    }
}

/// A welcome message (欢迎语) for new customers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// Ours.
    #[n(0)]
    pub id: WelcomeId,
    /// What colleagues call it.
    #[n(1)]
    pub name: String,
    /// Whose customers it greets.
    #[n(2)]
    pub whose: Whose,
    /// When; always where there is none.
    #[n(3)]
    pub windows: Vec<Window>,
    /// What it says.
    #[n(4)]
    pub content: Content,
    /// Whether it is not used for now.
    #[n(5)]
    pub is_paused: bool,
    /// When it was last changed.
    #[n(6)]
    pub changed_at: Timestamp,
    /// By whose account.
    #[n(7)]
    pub changed_by: Option<SubjectId>,
}

impl Welcome {
    /// Whether it is used at this moment.
    pub fn is_due(&self, at: &Zoned) -> bool {
        let in_time = self.windows.is_empty() || self.windows.iter().any(|w| w.covers(at));
        !self.is_paused && in_time
    }
}

/// Where in the firm a member is, for choosing what greets their customers.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The member, if the directory knows them.
    pub member: Option<MemberId>,
    /// The departments they are in, each with those above it, the nearest first.
    pub departments: Vec<Vec<DepartmentId>>,
}

impl Place {
    /// How far a message is from the member; none if it is not for them.
    fn distance(&self, whose: Whose) -> Option<usize> {
        match whose {
            Whose::Member(id) => (self.member == Some(id)).then_some(0),
            Whose::Department(id) => {
                let steps = self.departments.iter().filter_map(|path| {
                    let steps = path.iter().position(|above| *above == id)?;
                    Some(steps + 1)
                });
                steps.min()
            }
            Whose::Firm => Some(usize::MAX),
        }
    }
}

/// The message that greets: the nearest to the member, of these one for this time of day before
/// one for always, of these the one changed last.
pub fn choose<'a>(welcomes: &'a [Welcome], place: &Place, at: &Zoned) -> Option<&'a Welcome> {
    welcomes
        .iter()
        .filter(|welcome| welcome.is_due(at))
        .filter_map(|welcome| Some((place.distance(welcome.whose)?, welcome)))
        .min_by_key(|(distance, welcome)| {
            let changed = std::cmp::Reverse(welcome.changed_at);
            (*distance, welcome.windows.is_empty(), changed, welcome.id)
        })
        .map(|(_, welcome)| welcome)
}

/// What a greeting was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Source {
    /// A welcome message.
    #[n(0)]
    Welcome(#[n(0)] WelcomeId),
    /// A live code's own.
    #[n(1)]
    Code(#[n(0)] LiveCodeId),
}

/// What came of a greeting that WeCom has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It reached the customer.
    #[n(0)]
    Sent,
    /// Somebody else had greeted, or the chat had begun.
    #[n(1)]
    Already,
}

/// One customer, greeted once. What has not been answered, its effect tells.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Greeting {
    /// Ours.
    #[n(0)]
    pub id: GreetingId,
    /// What it was taken from.
    #[n(1)]
    pub source: Source,
    /// The member.
    #[n(2)]
    pub member: Option<MemberId>,
    /// When WeCom told of the new customer.
    #[n(3)]
    pub at: Timestamp,
    /// The effect that sends it.
    #[n(4)]
    pub effect: crate::work::effects::EffectId,
    /// What came of it.
    #[n(5)]
    pub outcome: Option<Outcome>,
    /// When WeCom took it.
    #[n(6)]
    pub sent_at: Option<Timestamp>,
    /// Titles of the assets that had to be left out.
    #[n(7)]
    pub left_out: Vec<String>,
    /// The customer's external_userid, as long as the ledger does not know of it.
    #[n(8)]
    pub unposted: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MON_FRI: u8 = 0b001_1111;

    fn at(text: &str) -> Zoned {
        format!("{text}[Asia/Shanghai]").parse().unwrap()
    }

    fn welcome(id: u64, whose: Whose) -> Welcome {
        Welcome {
            id: Id::from_bits(id),
            name: String::new(),
            whose,
            windows: Vec::new(),
            content: Content::default(),
            is_paused: false,
            changed_at: Timestamp::from_ms(0),
            changed_by: None,
        }
    }

    fn window(from: u16, until: u16) -> Window {
        Window {
            days: MON_FRI,
            from,
            until,
        }
    }

    #[test]
    fn a_window_that_passes_midnight_belongs_to_the_day_it_began() {
        let day = window(9 * 60, 18 * 60);
        // 2026-11-27 is a Friday.
        assert!(day.covers(&at("2026-11-27T09:00")));
        assert!(!day.covers(&at("2026-11-27T18:00")));
        assert!(!day.covers(&at("2026-11-28T12:00")));
        let night = window(22 * 60, 6 * 60);
        assert!(night.covers(&at("2026-11-27T23:30")));
        assert!(night.covers(&at("2026-11-28T05:59")));
        assert!(!night.covers(&at("2026-11-28T06:00")));
        assert!(!night.covers(&at("2026-11-28T23:00")));
        assert!(!night.covers(&at("2026-11-30T05:00")), "began on a Sunday");
        assert!(window(0, DAY_MINUTES).covers(&at("2026-11-27T23:59")));
    }

    #[test]
    fn the_nearest_message_greets_and_of_these_the_one_for_this_hour() {
        let (head, team, other) = (Id::from_bits(1), Id::from_bits(2), Id::from_bits(3));
        let me = Id::from_bits(9);
        let place = Place {
            member: Some(me),
            departments: vec![vec![team, head]],
        };
        let now = at("2026-11-27T10:00");
        let chosen = |all: &[Welcome]| choose(all, &place, &now).map(|w| w.id.bits());
        let mut all = vec![
            welcome(1, Whose::Firm),
            welcome(2, Whose::Department(head)),
            welcome(3, Whose::Department(team)),
            welcome(4, Whose::Member(me)),
            welcome(5, Whose::Department(other)),
            welcome(6, Whose::Member(Id::from_bits(8))),
        ];
        assert_eq!(chosen(&all), Some(4));
        all[3].is_paused = true;
        assert_eq!(chosen(&all), Some(3));
        all[2].windows = vec![window(0, 60)];
        assert_eq!(chosen(&all), Some(2), "the team's is for another hour");
        let mut by_day = welcome(7, Whose::Department(head));
        by_day.windows = vec![window(9 * 60, 18 * 60)];
        all.push(by_day);
        assert_eq!(chosen(&all), Some(7));
        assert_eq!(chosen(&all[..1]), Some(1));
        assert_eq!(chosen(&all[4..6]), None);
        let stranger = choose(&all, &Place::default(), &now);
        assert_eq!(stranger.map(|w| w.id.bits()), Some(1));
    }
}
