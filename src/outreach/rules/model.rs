//! Rules and their firings: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    customers::{CustomerId, GroupId, RelationId},
    kit::{Id, Timestamp},
    livecodes::{ChannelId, LiveCodeId},
    org::{DepartmentId, MemberId},
    tags::TagId,
    work::effects::EffectId,
};

/// See [`Rule`].
pub type RuleId = Id<Rule>;
/// See [`Firing`].
pub type FiringId = Id<Firing>;

/// Characters of a rule's name.
pub const NAME_MAX: usize = 30;
/// Characters of what a remark begins with: WeCom takes 20 in all.
pub const PREFIX_MAX: usize = 10;
/// Characters of a remark at WeCom (documentation, 修改客户备注信息).
pub const REMARK_MAX: usize = 20;
/// Tags of one rule.
pub const TAGS_MAX: usize = 20;
/// Words of one rule.
pub const WORDS_MAX: usize = 50;
/// Characters of a word.
pub const WORD_MAX: usize = 20;
/// Days of quiet that can be waited for, and days that a to-do may have.
pub const DAYS_MAX: u16 = 365;
/// Characters of what a to-do or a message says, before names are filled in.
pub const SAID_MAX: usize = 100;

/// What has to happen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Trigger {
    /// Somebody comes by this code.
    #[n(0)]
    Code(#[n(0)] LiveCodeId),
    /// Somebody comes by a code of this channel, or of one below it.
    #[n(1)]
    Channel(#[n(0)] ChannelId),
    /// A customer joins this group.
    #[n(2)]
    Group(#[n(0)] GroupId),
    /// A customer writes one of these words; only where chats are archived.
    #[n(3)]
    Words(#[n(0)] Vec<String>),
    /// Member and customer have not written to each other for so many days; only where chats
    /// are archived.
    #[n(4)]
    Quiet(#[n(0)] u16),
}

impl Trigger {
    /// Stable codes, in the order of the form; also the catalogue key's end.
    pub const CODES: [&'static str; 5] = ["live", "channel", "group", "words", "quiet"];

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Code(_) => "live",
            Self::Channel(_) => "channel",
            Self::Group(_) => "group",
            Self::Words(_) => "words",
            Self::Quiet(_) => "quiet",
        }
    }
}

/// A rule (自动规则).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rule {
    /// Ours.
    #[n(0)]
    pub id: RuleId,
    /// Name, for colleagues.
    #[n(1)]
    pub name: String,
    /// Whether it is in force.
    #[n(2)]
    pub is_on: bool,
    /// Only customers of members in this department or below; none: everybody's.
    #[n(3)]
    pub unit: Option<DepartmentId>,
    /// What has to happen.
    #[n(4)]
    pub trigger: Trigger,
    /// Tags that are put on.
    #[n(5)]
    pub tags: Vec<TagId>,
    /// What the remark begins with from then on, may be empty.
    #[n(6)]
    pub remark_prefix: String,
    /// In force as it is since then; what happened before does not count.
    #[n(7)]
    pub since: Timestamp,
    /// The to-do that is made.
    #[n(8)]
    pub todo: Option<RuleTodo>,
    /// What the firm's app tells the member in WeCom, with variables.
    #[n(9)]
    pub message: Option<String>,
    /// Who gets to-do and message; without one the relation's member.
    #[n(10)]
    pub assignee: Option<MemberId>,
}

impl Rule {
    /// Whether it puts anything on the relation itself.
    pub fn marks(&self) -> bool {
        !self.tags.is_empty() || !self.remark_prefix.is_empty()
    }
}

/// A to-do as a rule wants it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RuleTodo {
    /// What is to be done, with variables.
    #[n(0)]
    pub words: String,
    /// Due so many days after the firing; at any time without it.
    #[n(1)]
    pub due_days: Option<u16>,
}

/// What made something fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Cause {
    /// A rule.
    #[n(0)]
    Rule(#[n(0)] RuleId),
    /// What a code asks for itself.
    #[n(1)]
    Code(#[n(0)] LiveCodeId),
}

impl Cause {
    /// Which kind, and which one.
    pub(super) fn parts(self) -> (u8, u64) {
        match self {
            Self::Rule(id) => (0, id.bits()),
            Self::Code(id) => (1, id.bits()),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// WeCom is to be told, or has nothing to do with it.
    #[n(0)]
    Done {
        /// The marking that is on its way.
        #[n(0)]
        tags: Option<EffectId>,
        /// The noting that is on its way.
        #[n(1)]
        remark: Option<EffectId>,
    },
    /// It was so already.
    #[n(1)]
    Same,
    /// It was not done, for this reason: the end of a key of `autorules.refused`.
    #[n(2)]
    Refused(#[n(0)] String),
}

/// What came of a to-do or of a message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Came {
    /// It was made, or is on its way: 64 bits of the to-do or of the effect.
    #[n(0)]
    Made(#[n(0)] u64),
    /// The rule's earlier to-do about the relation is still open: nothing new.
    #[n(1)]
    Same,
    /// It was not, for this reason: the end of a key of `autorules.refused`.
    #[n(2)]
    Refused(#[n(0)] String),
}

impl Came {
    /// Not done, for this reason.
    pub(super) fn refused(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }

    /// For the audit trail.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Made(_) => "done",
            Self::Same => "same",
            Self::Refused(why) => why,
        }
    }
}

/// One firing: what happened to one relation, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Firing {
    /// Ours.
    #[n(0)]
    pub id: FiringId,
    /// What made it fire.
    #[n(1)]
    pub cause: Cause,
    /// The relation.
    #[n(2)]
    pub relation: RelationId,
    /// The customer; also the data subject.
    #[n(3)]
    pub customer: CustomerId,
    /// The member.
    #[n(4)]
    pub member: MemberId,
    /// What the occasion was about: 64 bits of the relation or of the group member's row.
    #[n(5)]
    pub of: u64,
    /// Which occasion: the same rule may fire again for the same people on another.
    #[n(6)]
    pub occasion: i64,
    /// When.
    #[n(7)]
    pub at: Timestamp,
    /// What came of tags and remark.
    #[n(8)]
    pub outcome: Outcome,
    /// What came of the to-do; none if the rule wants none.
    #[n(9)]
    pub todo: Option<Came>,
    /// What came of the message; none if the rule wants none.
    #[n(10)]
    pub message: Option<Came>,
}

/// A remark with this beginning, as long as WeCom takes; none if it begins so already.
pub(super) fn prefixed(prefix: &str, remark: &str) -> Option<String> {
    if prefix.is_empty() || remark.starts_with(prefix) {
        return None;
    }
    Some(
        format!("{prefix}{remark}")
            .chars()
            .take(REMARK_MAX)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_prefixed_once_and_fits() {
        assert_eq!(prefixed("展会-", "王海燕").as_deref(), Some("展会-王海燕"));
        assert_eq!(prefixed("展会-", "展会-王海燕"), None);
        assert_eq!(prefixed("", "王海燕"), None);
        let long = prefixed("门店-", &"长".repeat(20)).unwrap();
        assert_eq!(long.chars().count(), REMARK_MAX);
    }
}
