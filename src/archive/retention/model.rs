//! Rules, holds, and what a purge leaves behind: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    archive::model::ChatId,
    kit::{Id, Timestamp},
    org::DepartmentId,
    store::SubjectId,
    wecom::archive::Kind,
    work::jobs::JobId,
};

/// See [`RetentionRule`].
pub type RuleId = Id<RetentionRule>;
/// See [`Hold`].
pub type HoldId = Id<Hold>;

/// What a message is, as far as rules tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Sort {
    /// Text.
    #[n(0)]
    Text,
    /// Pictures and stickers.
    #[n(1)]
    Image,
    /// Voice messages.
    #[n(2)]
    Voice,
    /// Videos.
    #[n(3)]
    Video,
    /// Files and documents.
    #[n(4)]
    File,
    /// Calls.
    #[n(5)]
    Call,
    /// Everything else.
    #[n(6)]
    Other,
}

impl Sort {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Image,
        Self::Voice,
        Self::Video,
        Self::File,
        Self::Call,
        Self::Other,
    ];

    /// What a type of WeCom's belongs to.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Markdown => Self::Text,
            Kind::Image | Kind::Emotion => Self::Image,
            Kind::Voice => Self::Voice,
            Kind::Video => Self::Video,
            Kind::File | Kind::QyDiskFile | Kind::Doc => Self::File,
            Kind::VoipText | Kind::MeetingVoiceCall | Kind::VoipDocShare => Self::Call,
            _ => Self::Other,
        }
    }

    /// Stable code: forms and the audit trail.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::File => "file",
            Self::Call => "call",
            Self::Other => "other",
        }
    }

    /// The sort with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.code() == code)
    }

    /// Catalogue key of its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "archive.type.text",
            Self::Image => "archive.type.image",
            Self::Voice => "archive.type.voice",
            Self::Video => "archive.type.video",
            Self::File => "archive.type.file",
            Self::Call => "archive.type.call",
            Self::Other => "retention.other_types",
        }
    }
}

/// How long messages are kept: of a department with all below it, or of the firm; of a sort,
/// or of all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RetentionRule {
    /// Ours.
    #[n(0)]
    pub id: RuleId,
    /// The department; the whole firm where there is none.
    #[n(1)]
    pub unit: Option<DepartmentId>,
    /// What it is about; every type where there is none.
    #[n(2)]
    pub sort: Option<Sort>,
    /// Days from the day of sending; for ever where there is no number.
    #[n(3)]
    pub days: Option<u32>,
    /// When it was last changed.
    #[n(4)]
    pub changed_at: Timestamp,
}

/// The rule under which something went, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Under {
    /// The rule.
    #[n(0)]
    pub rule: RuleId,
    /// Its department.
    #[n(1)]
    pub unit: Option<DepartmentId>,
    /// The department's name.
    #[n(2)]
    pub unit_name: String,
    /// What it was about.
    #[n(3)]
    pub sort: Option<Sort>,
    /// Its days.
    #[n(4)]
    pub days: u32,
}

/// Keeps messages back from every rule (冻结), until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hold {
    /// Ours.
    #[n(0)]
    pub id: HoldId,
    /// What it is called: a case, a matter.
    #[n(1)]
    pub title: String,
    /// Whose messages.
    #[n(2)]
    pub on: HoldOn,
    /// Sent at or after; from the beginning where there is none.
    #[n(3)]
    pub from: Option<Timestamp>,
    /// Sent before; without end where there is none.
    #[n(4)]
    pub until: Option<Timestamp>,
    /// Why.
    #[n(5)]
    pub reason: String,
    /// The account that set it.
    #[n(6)]
    pub set_by: Option<SubjectId>,
    /// When.
    #[n(7)]
    pub set_at: Timestamp,
    /// That it was lifted.
    #[n(8)]
    pub lifted: Option<Lifted>,
}

impl Hold {
    /// Whether it holds.
    pub fn is_active(&self) -> bool {
        self.lifted.is_none()
    }

    /// Whether it is about messages sent at this time.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// Whose messages a hold keeps back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum HoldOn {
    /// Those in which this member or customer takes part.
    #[n(0)]
    Person(#[n(0)] SubjectId),
    /// Those of this conversation.
    #[n(1)]
    Chat(#[n(0)] ChatId),
    /// All.
    #[n(2)]
    Everything,
}

impl HoldOn {
    /// `person:<id>`, `chat:<id>` or `everything`: forms and the audit trail.
    pub fn code(self) -> String {
        match self {
            Self::Person(id) => format!("person:{id}"),
            Self::Chat(id) => format!("chat:{id}"),
            Self::Everything => "everything".to_owned(),
        }
    }

    /// What a code stands for.
    pub fn of_code(code: &str) -> Option<Self> {
        match code.split_once(':') {
            Some(("person", id)) => id.parse().ok().map(Self::Person),
            Some(("chat", id)) => id.parse().ok().map(Self::Chat),
            _ => (code == "everything").then_some(Self::Everything),
        }
    }
}

/// Who lifted a hold, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Lifted {
    /// The account.
    #[n(0)]
    pub by: Option<SubjectId>,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Why.
    #[n(2)]
    pub why: String,
}

/// What one write has deleted under one rule: the record that speaks for it. The index takes
/// the messages out by it, and a tombstone names it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Purge {
    /// Number, from 1.
    #[n(0)]
    pub no: u64,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Under which rule.
    #[n(2)]
    pub under: Under,
    /// The messages: conversation and numbers.
    #[n(3)]
    pub chats: Vec<(u32, Vec<u64>)>,
    /// How many.
    #[n(4)]
    pub messages: u32,
    /// Files that belonged to them.
    #[n(5)]
    pub files: u32,
    /// Merkle root over the leaves of the messages, in the order of `chats`; a message whose
    /// leaf nobody can know any more counts as 32 zeroes.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub root: [u8; 32],
}

/// A run over everything that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PurgeRun {
    /// Number, from 1.
    #[n(0)]
    pub no: u64,
    /// When it ended.
    #[n(1)]
    pub at: Timestamp,
    /// Messages deleted.
    #[n(2)]
    pub messages: u64,
    /// Files that belonged to them.
    #[n(3)]
    pub files: u64,
    /// Messages whose time was over and that a hold kept.
    #[n(4)]
    pub held: u64,
    /// Messages that were looked at.
    #[n(5)]
    pub seen: u64,
    /// The job that did it; none for runs of before this was kept.
    #[n(6)]
    pub job: Option<JobId>,
    /// The account that began it; none for what goes by itself at night.
    #[n(7)]
    pub by: Option<SubjectId>,
    /// The rules under which something went.
    #[cbor(n(8), default)]
    pub rules: Vec<RunRule>,
    /// The first and the last of its purges.
    #[n(9)]
    pub purges: Option<(u64, u64)>,
}

/// What a run has deleted under one rule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RunRule {
    /// The rule, as it was then.
    #[n(0)]
    pub under: Under,
    /// Messages.
    #[n(1)]
    pub messages: u64,
}
