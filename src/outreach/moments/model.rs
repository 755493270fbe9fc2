//! Moments and each member's part of them: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    org::MemberId,
    outreach::{
        Content,
        broadcasts::Approval,
        campaign::{Campaign, Stage},
    },
    store::{Index, SubjectId},
    tags::TagId,
    work::{Failure, effects::EffectId},
};

/// See [`Moment`].
pub type MomentId = Id<Moment>;

/// Kind of the cause under which touches of moments stand in the ledger.
pub const CAUSE: &str = "moment";
/// A moment that not all members have published by then is stopped, ms.
pub(super) const RUNS_MS: i64 = 7 * 86_400_000;
/// So long after a member has published, WeCom is asked what customers make of it, ms.
pub(super) const FOLLOWED_MS: i64 = 7 * 86_400_000;

/// Where a moment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum State {
    /// Being written.
    #[n(0)]
    Draft,
    /// Its members and customers are being counted.
    #[n(1)]
    Planning,
    /// Waiting for a second person.
    #[n(2)]
    Waiting,
    /// Waiting for its time.
    #[n(3)]
    Scheduled,
    /// WeCom is told of it and makes it.
    #[n(4)]
    Making,
    /// With the members, who publish it.
    #[n(5)]
    Running,
    /// Stopped; WeCom is being told.
    #[n(6)]
    Stopping,
    /// Stopped, and everything is known.
    #[n(7)]
    Stopped,
    /// All members have published it.
    #[n(8)]
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
            Self::Making => "making",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }

    /// Catalogue key of the word, and its tone.
    pub fn word(self) -> (&'static str, &'static str) {
        match self {
            Self::Draft => ("moments.state.draft", "muted"),
            Self::Planning => ("moments.state.planning", "info"),
            Self::Waiting => ("moments.state.waiting", "warn"),
            Self::Scheduled => ("moments.state.scheduled", "info"),
            Self::Making => ("moments.state.making", "info"),
            Self::Running => ("moments.state.running", "info"),
            Self::Stopping => ("moments.state.stopping", "warn"),
            Self::Stopped => ("moments.state.stopped", "muted"),
            Self::Done => ("moments.state.done", "ok"),
        }
    }

    /// Whether something is still to happen by itself.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Planning
                | Self::Waiting
                | Self::Scheduled
                | Self::Making
                | Self::Running
                | Self::Stopping
        )
    }

    /// Whether nobody can publish it any more who has not.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Done)
    }

    /// Whether it can be stopped.
    pub fn can_stop(self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Scheduled | Self::Making | Self::Running
        )
    }
}

/// Why a moment did not run to its end.
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
    /// Nobody could publish it, or nobody would see it.
    #[n(5)]
    Nobody,
    /// WeCom did not take it.
    #[n(6)]
    NotTaken,
    /// WeCom was not told: only rehearsed, or somebody took it out of the outbox.
    #[n(7)]
    NotTold,
    /// WeCom does not know it any more: somebody deleted it there.
    #[n(8)]
    Deleted,
    /// WeCom was told, and nobody can find it there.
    #[n(9)]
    Lost,
}

impl StopReason {
    /// Catalogue key of the sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::ByHand => "moments.stop.by_hand",
            Self::TimeOver => "moments.stop.time_over",
            Self::Refused => "moments.stop.refused",
            Self::NotDecided => "moments.stop.not_decided",
            Self::NoRight => "moments.stop.no_right",
            Self::Nobody => "moments.stop.nobody",
            Self::NotTaken => "moments.stop.not_taken",
            Self::NotTold => "moments.stop.not_told",
            Self::Deleted => "moments.stop.deleted",
            Self::Lost => "moments.stop.lost",
        }
    }

    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::TimeOver => "time_over",
            Self::Refused => "refused",
            Self::NotDecided => "not_decided",
            Self::NoRight => "no_right",
            Self::Nobody => "nobody",
            Self::NotTaken => "not_taken",
            Self::NotTold => "not_told",
            Self::Deleted => "deleted",
            Self::Lost => "lost",
        }
    }
}

/// Who stopped a moment, when and why.
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

/// Who is to publish a moment, and who may see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Range {
    /// These members publish …
    #[n(0)]
    pub members: Vec<MemberId>,
    /// … and those in these departments (WeCom's numbers) or below; with neither, everybody in
    /// the scope of whoever sends it.
    #[n(1)]
    pub departments: Vec<u64>,
    /// Only their customers with one of these tags see it; empty: all of theirs.
    #[n(2)]
    pub tags: Vec<TagId>,
}

/// A moment (客户朋友圈). Whom it reached stands in the ledger of touches.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Moment {
    /// Ours.
    #[n(0)]
    pub id: MomentId,
    /// What colleagues call it.
    #[n(1)]
    pub name: String,
    /// What is published.
    #[n(2)]
    pub content: Content,
    /// By whom and for whom.
    #[n(3)]
    pub range: Range,
    /// Where it stands.
    #[n(4)]
    pub state: State,
    /// The account that made it; its scope bounds the members.
    #[n(5)]
    pub created_by: Option<SubjectId>,
    /// When.
    #[n(6)]
    pub created_at: Timestamp,
    /// The time wanted; none: at once.
    #[n(7)]
    pub send_at: Option<Timestamp>,
    /// When WeCom was told.
    #[n(8)]
    pub begun_at: Option<Timestamp>,
    /// When those who have not published are stopped.
    #[n(9)]
    pub ends_at: Option<Timestamp>,
    /// The members who are to publish.
    #[n(10)]
    pub senders: Vec<MemberId>,
    /// Customers who might see it when it was planned.
    #[n(11)]
    pub audience: u64,
    /// What a second person was asked, if one had to be.
    #[n(12)]
    pub approval: Option<Approval>,
    /// Who stopped it.
    #[n(13)]
    pub stopped: Option<Stop>,
    /// What tells WeCom.
    #[n(14)]
    pub effect: Option<EffectId>,
    /// WeCom's job that makes it; empty before it is known.
    #[n(15)]
    pub jobid: String,
    /// WeCom's moment_id; empty before it is known.
    #[n(16)]
    pub moment_id: String,
    /// What tells WeCom to stop it.
    #[n(17)]
    pub cancel: Option<EffectId>,
    /// When WeCom confirmed that it was stopped.
    #[n(18)]
    pub cancelled_at: Option<Timestamp>,
    /// What WeCom said when it did not take or did not stop it.
    #[n(19)]
    pub failure: Option<Failure>,
}

impl Moment {
    /// What causes its touches.
    pub fn cause(&self) -> (String, String) {
        cause(self.id)
    }
}

impl Campaign for Moment {
    const SENT: &'static str = "moment_sent";

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

/// What causes the touches of a moment.
pub fn cause(id: MomentId) -> (String, String) {
    (CAUSE.to_owned(), id.to_string())
}

/// Where one member's part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PartState {
    /// The member has not published.
    #[n(0)]
    Waiting,
    /// The member has published.
    #[n(1)]
    Published,
    /// The member has not published and cannot any more.
    #[n(2)]
    Over,
    /// WeCom did not let the member take part.
    #[n(3)]
    NotAdmitted,
}

impl PartState {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Published => "published",
            Self::Over => "over",
            Self::NotAdmitted => "not_admitted",
        }
    }

    /// Catalogue key of the word, and its tone.
    pub fn word(self) -> (&'static str, &'static str) {
        match self {
            Self::Waiting => ("moments.part.waiting", "warn"),
            Self::Published => ("moments.part.published", "ok"),
            Self::Over => ("moments.part.over", "muted"),
            Self::NotAdmitted => ("moments.part.not_admitted", "bad"),
        }
    }
}

/// One member's part of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Part {
    /// The moment.
    #[n(0)]
    pub moment: MomentId,
    /// The member.
    #[n(1)]
    pub member: MemberId,
    /// Where it stands.
    #[n(2)]
    pub state: PartState,
    /// When WeCom first said that the member has published; it does not tell when that was.
    #[n(3)]
    pub published_at: Option<Timestamp>,
    /// Customers of the member who may see it, as WeCom counts; none before it has said so.
    #[n(4)]
    pub visible: Option<u64>,
    /// Comments on it.
    #[n(5)]
    pub comments: u64,
    /// Likes of it.
    #[n(6)]
    pub likes: u64,
}

/// Pauses between two questions about one member's published part: up to which age of it, and
/// how long, ms.
const PART_PAUSES_MS: [(i64, i64); 3] = [
    (3_600_000, 300_000),
    (86_400_000, 3_600_000),
    (FOLLOWED_MS, 6 * 3_600_000),
];

impl Part {
    /// A part that nobody has done anything about.
    pub fn new(moment: MomentId, member: MemberId) -> Self {
        Self {
            moment,
            member,
            state: PartState::Waiting,
            published_at: None,
            visible: None,
            comments: 0,
            likes: 0,
        }
    }

    /// Whether WeCom is still asked what becomes of it.
    pub fn is_followed(&self, now: Timestamp) -> bool {
        let age = |at: Timestamp| now.since_ms(at);
        self.published_at.is_some_and(|at| age(at) <= FOLLOWED_MS)
    }

    /// Whether it is time to ask whom it reached and what they make of it, after it was last
    /// asked then.
    pub fn is_due(&self, asked_at: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(published_at) = self.published_at else {
            return false;
        };
        let Some(asked_at) = asked_at else {
            return true;
        };
        let age = now.since_ms(published_at);
        let pause = PART_PAUSES_MS.iter().find(|(until, _)| age <= *until);
        pause.is_some_and(|(_, pause)| now.since_ms(asked_at) >= *pause)
    }
}

/// When WeCom was last asked whom one member's part reached and what they make of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Asked {
    /// The moment.
    #[n(0)]
    pub moment: MomentId,
    /// The member.
    #[n(1)]
    pub member: MemberId,
    /// When.
    #[n(2)]
    pub at: Timestamp,
}

/// When WeCom is next asked about a moment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Look {
    /// The moment.
    #[n(0)]
    pub moment: MomentId,
    /// Not before this time.
    #[n(1)]
    pub next_at: Timestamp,
    /// Times it was asked.
    #[n(2)]
    pub looks: u32,
    /// Whether somebody wants everything asked now, due or not.
    #[n(3)]
    pub wants_all: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_part_is_asked_about_more_and_more_seldom_and_then_no_more() {
        let at = Timestamp::from_s(1_000_000);
        let mut part = Part::new(MomentId::from_bits(1), MemberId::from_bits(2));
        assert!(!part.is_due(None, at) && !part.is_followed(at));
        part.published_at = Some(at);
        assert!(part.is_due(None, at), "it was never asked");
        let ages = [
            (0, 300_000),
            (3_600_001, 3_600_000),
            (86_400_001, 21_600_000),
        ];
        for (age, pause) in ages {
            let asked = at.plus_ms(age);
            assert!(!part.is_due(Some(asked), asked.plus_ms(pause - 1)));
            assert!(part.is_due(Some(asked), asked.plus_ms(pause)));
        }
        let late = at.plus_ms(FOLLOWED_MS + 1);
        assert!(!part.is_due(Some(at), late) && !part.is_followed(late));
    }
}
