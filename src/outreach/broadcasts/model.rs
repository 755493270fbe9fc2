//! Broadcasts and the tasks they are made of: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    org::MemberId,
    outreach::{
        Content,
        campaign::{Campaign, Stage},
    },
    store::{Index, SubjectId},
    work::effects::EffectId,
};

use super::audience::{Audience, Target};

/// See [`Broadcast`].
pub type BroadcastId = Id<Broadcast>;

/// Kind of the cause under which touches of broadcasts stand in the ledger.
pub const CAUSE: &str = "broadcast";
/// A broadcast that not all members have sent by then is stopped, ms.
pub(super) const RUNS_MS: i64 = 7 * 86_400_000;
/// A request for a second person waits so long, ms.
pub(in crate::outreach) const WAITS_MS: i64 = 24 * 3_600_000;
/// How far ahead a broadcast may be planned, ms.
pub(in crate::outreach) const AHEAD_MS: i64 = 30 * 86_400_000;
/// Characters of a name.
pub(in crate::outreach) const NAME_CHARS_MAX: usize = 40;
/// Reminders of one task within 24 hours; WeCom takes no more (41094).
pub(super) const REMINDERS_MAX: usize = 3;
/// See [`REMINDERS_MAX`].
pub(super) const DAY_MS: i64 = 86_400_000;

/// Where a broadcast stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum State {
    /// Being written.
    #[n(0)]
    Draft,
    /// Its recipients are being written down.
    #[n(1)]
    Planning,
    /// Waiting for a second person.
    #[n(2)]
    Waiting,
    /// Waiting for its time.
    #[n(3)]
    Scheduled,
    /// With the members, who confirm it.
    #[n(4)]
    Running,
    /// Stopped; what is out is being taken back.
    #[n(5)]
    Stopping,
    /// Stopped, and everything is known.
    #[n(6)]
    Stopped,
    /// Over, and everything is known.
    #[n(7)]
    Done,
}

impl State {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Planning => "planning",
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }

    /// Catalogue key of the word, and its tone.
    pub fn word(self) -> (&'static str, &'static str) {
        match self {
            Self::Draft => ("broadcasts.state.draft", "muted"),
            Self::Planning => ("broadcasts.state.planning", "info"),
            Self::Waiting => ("broadcasts.state.waiting", "warn"),
            Self::Scheduled => ("broadcasts.state.scheduled", "info"),
            Self::Running => ("broadcasts.state.running", "info"),
            Self::Stopping => ("broadcasts.state.stopping", "warn"),
            Self::Stopped => ("broadcasts.state.stopped", "muted"),
            Self::Done => ("broadcasts.state.done", "ok"),
        }
    }

    /// Whether something is still to happen by itself.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Planning | Self::Waiting | Self::Scheduled | Self::Running | Self::Stopping
        )
    }

    /// Whether everything about it is known.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Done)
    }

    /// Whether it can be stopped.
    pub fn can_stop(self) -> bool {
        matches!(self, Self::Waiting | Self::Scheduled | Self::Running)
    }
}

/// What a second person was asked, and said.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// When it was asked for.
    #[n(0)]
    pub asked_at: Timestamp,
    /// Until when it waits.
    #[n(1)]
    pub until: Timestamp,
    /// Customers to be reached; of a broadcast to groups, people from outside in them.
    #[n(2)]
    pub customers: u64,
    /// Who decided, when, and whether they said yes.
    #[n(3)]
    pub decided: Option<Decision>,
}

/// See [`Approval::decided`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Decision {
    /// The account; none where Qitai's own tests decide.
    #[n(0)]
    pub by: Option<SubjectId>,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Yes.
    #[n(2)]
    pub is_granted: bool,
    /// Why not; may be empty.
    #[n(3)]
    pub note: String,
}

/// Why a broadcast did not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum StopReason {
    /// Somebody stopped it.
    #[n(0)]
    ByHand,
    /// Its time was over.
    #[n(1)]
    TimeOver,
    /// The second person said no.
    #[n(2)]
    Refused,
    /// The second person said nothing in time.
    #[n(3)]
    NotDecided,
    /// Whoever sent it may not any more.
    #[n(4)]
    NoRight,
}

impl StopReason {
    /// Catalogue key of the sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::ByHand => "broadcasts.stop.by_hand",
            Self::TimeOver => "broadcasts.stop.time_over",
            Self::Refused => "broadcasts.stop.refused",
            Self::NotDecided => "broadcasts.stop.not_decided",
            Self::NoRight => "broadcasts.stop.no_right",
        }
    }
}

/// Who stopped a broadcast, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Stop {
    /// The account; none if it stopped by itself.
    #[n(0)]
    pub by: Option<SubjectId>,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Why.
    #[n(2)]
    pub why: StopReason,
}

/// A broadcast (群发). Who gets it and what became of it stands in the ledger of touches alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Broadcast {
    /// Ours.
    #[n(0)]
    pub id: BroadcastId,
    /// What colleagues call it.
    #[n(1)]
    pub name: String,
    /// What is sent.
    #[n(2)]
    pub content: Content,
    /// To whom.
    #[n(3)]
    pub audience: Audience,
    /// Where it stands.
    #[n(4)]
    pub state: State,
    /// The account that made it; its scope bounds the audience.
    #[n(5)]
    pub created_by: Option<SubjectId>,
    /// When.
    #[n(6)]
    pub created_at: Timestamp,
    /// The time wanted; none: as soon as it may.
    #[n(7)]
    pub send_at: Option<Timestamp>,
    /// When it may begin: behind quiet hours.
    #[n(8)]
    pub begins_at: Option<Timestamp>,
    /// When what is not sent yet is stopped.
    #[n(9)]
    pub ends_at: Option<Timestamp>,
    /// The members who are to confirm.
    #[n(10)]
    pub senders: Vec<MemberId>,
    /// What a second person was asked, if one had to be.
    #[n(11)]
    pub approval: Option<Approval>,
    /// Who stopped it.
    #[n(12)]
    pub stopped: Option<Stop>,
    /// The greatest number of a task.
    #[n(13)]
    pub tasks: u32,
}

impl Broadcast {
    /// What it reaches.
    pub fn target(&self) -> Target {
        self.audience.target()
    }

    /// What causes its touches.
    pub fn cause(&self) -> (String, String) {
        cause(self.id)
    }
}

impl Campaign for Broadcast {
    const SENT: &'static str = "broadcast_sent";

    fn maker(&self) -> Option<SubjectId> {
        self.created_by
    }
    fn senders(&self) -> &[MemberId] {
        &self.senders
    }
    fn stage(&self) -> Stage {
        match self.state {
            State::Draft => Stage::Draft,
            State::Planning => Stage::Planning,
            State::Waiting => Stage::Waiting,
            state if state.can_stop() => Stage::Going,
            _ => Stage::Ending,
        }
    }
    fn by_time() -> &'static Index<Self> {
        &super::tables::BY_TIME
    }
}

/// What causes the touches of a broadcast.
pub fn cause(id: BroadcastId) -> (String, String) {
    (CAUSE.to_owned(), id.to_string())
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum TaskState {
    /// To be told to WeCom.
    #[n(0)]
    Queued,
    /// With the member.
    #[n(1)]
    Out,
    /// Everything about it is known.
    #[n(2)]
    Over,
}

/// One member's part of a broadcast: customers or groups of theirs, as many as WeCom takes at
/// once, neighbours in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Task {
    /// The broadcast.
    #[n(0)]
    pub broadcast: BroadcastId,
    /// From 1.
    #[n(1)]
    pub no: u32,
    /// The member who sends.
    #[n(2)]
    pub member: MemberId,
    /// Bits of the first customer's or group's id.
    #[n(3)]
    pub from: u64,
    /// Bits of the last customer's or group's id.
    #[n(4)]
    pub to: u64,
    /// Where it stands.
    #[n(5)]
    pub state: TaskState,
    /// What tells WeCom.
    #[n(6)]
    pub effect: Option<EffectId>,
    /// WeCom's msgid; empty before it is known.
    #[n(7)]
    pub msgid: String,
    /// When the member sent it.
    #[n(8)]
    pub sent_at: Option<Timestamp>,
    /// When WeCom confirmed that it was taken back.
    #[n(9)]
    pub cancelled_at: Option<Timestamp>,
    /// When the member was reminded, the last times.
    #[n(10)]
    pub reminded_at: Vec<Timestamp>,
    /// What tells WeCom to take it back, once it was stopped.
    #[n(11)]
    pub cancel: Option<EffectId>,
}

impl Task {
    /// As effects name it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.broadcast, self.no)
    }

    /// Whether the member may be reminded now.
    pub fn can_remind(&self, now: Timestamp) -> bool {
        self.remind_from().is_some_and(|from| from <= now)
    }

    /// From when the member may be reminded: a day after the first of the last
    /// [`REMINDERS_MAX`] times, or ever since. None if there is nothing left to remind of.
    pub fn remind_from(&self) -> Option<Timestamp> {
        if self.state != TaskState::Out || self.sent_at.is_some() {
            return None;
        }
        let mut times = self.reminded_at.clone();
        times.sort_unstable();
        let first = times.iter().rev().nth(REMINDERS_MAX - 1);
        Some(first.map_or(Timestamp::from_ms(0), |first| first.plus_ms(DAY_MS)))
    }
}

/// When WeCom is next asked about a task.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Look {
    /// The broadcast.
    #[n(0)]
    pub broadcast: BroadcastId,
    /// The task.
    #[n(1)]
    pub no: u32,
    /// Not before this time.
    #[n(2)]
    pub next_at: Timestamp,
    /// Times it was asked.
    #[n(3)]
    pub looks: u32,
}
