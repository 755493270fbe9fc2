//! To-dos: types and pure rules.

use jiff::tz::TimeZone;
use minicbor::{Decode, Encode};

use crate::{
    customers::{CustomerId, RelationId},
    kit::{Id, Timestamp},
    org::MemberId,
    outreach::rules::RuleId,
    store::SubjectId,
};

/// See [`Todo`].
pub type TodoId = Id<Todo>;

/// Characters of what is to be done.
pub const WORDS_MAX: usize = 200;

/// Where a to-do came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Source {
    /// Somebody wrote it: the account; none for Qitai itself.
    #[n(0)]
    Person(#[n(0)] Option<SubjectId>),
    /// A rule.
    #[n(1)]
    Rule(#[n(0)] RuleId),
}

/// That a to-do is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Done {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// By which account; none for Qitai itself.
    #[n(1)]
    pub by: Option<SubjectId>,
}

/// A to-do (待办).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Todo {
    /// Ours.
    #[n(0)]
    pub id: TodoId,
    /// Whose it is.
    #[n(1)]
    pub member: MemberId,
    /// The relation it is about.
    #[n(2)]
    pub relation: Option<RelationId>,
    /// The customer it is about; also the data subject.
    #[n(3)]
    pub customer: Option<CustomerId>,
    /// What is to be done; a rule's words may hold `{客户}`.
    #[n(4)]
    pub words: String,
    /// The last moment of the day by which it is to be done.
    #[n(5)]
    pub due: Option<Timestamp>,
    /// Where it came from.
    #[n(6)]
    pub source: Source,
    /// When it was made.
    #[n(7)]
    pub created_at: Timestamp,
    /// That it is done; open without it.
    #[n(8)]
    pub done: Option<Done>,
}

impl Todo {
    /// Whether it is still to be done.
    pub fn is_open(&self) -> bool {
        self.done.is_none()
    }

    /// Whether it is still to be done although its day is over.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_open() && self.due.is_some_and(|due| due < now)
    }
}

/// The last moment of the day that comes so many days after `now`'s in this zone; none beyond
/// the calendar.
pub fn due_in(days: u16, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let today = now.to_jiff().to_zoned(zone.clone()).date();
    let day = today.checked_add(jiff::Span::new().days(i64::from(days)));
    end_of(day.ok()?, zone)
}

/// The last moment of a day in this zone; none at the end of the calendar.
pub(super) fn end_of(day: jiff::civil::Date, zone: &TimeZone) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_ms(next.timestamp().as_millisecond() - 1))
}
