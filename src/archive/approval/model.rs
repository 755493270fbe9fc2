//! Requests for the eyes of a second person: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::SubjectId,
};

use super::super::evidence::CaseId;

/// See [`Approval`].
pub type ApprovalId = Id<Approval>;

/// A request waits so long, ms.
pub(super) const WAITS_MS: i64 = 24 * 3_600_000;
/// Hours for which something may be granted.
pub(super) const HOURS: std::ops::RangeInclusive<u32> = 1..=168;

/// What a second person is asked for, and what they said.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// Ours.
    #[n(0)]
    pub id: ApprovalId,
    /// Whose account asks.
    #[n(1)]
    pub account: SubjectId,
    /// For what.
    #[n(2)]
    pub wanted: Wanted,
    /// The conversations it is about, by number.
    #[n(3)]
    pub chats: Vec<u32>,
    /// Why.
    #[n(4)]
    pub reason: String,
    /// When it was asked for.
    #[n(5)]
    pub asked_at: Timestamp,
    /// Until when it waits; once granted, until when that holds.
    #[n(6)]
    pub until: Timestamp,
    /// What was said.
    #[n(7)]
    pub state: ApprovalState,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Wanted {
    /// To read a conversation, by number.
    #[n(0)]
    Read(#[n(0)] u32),
    /// To seal a case and take its package out, as the case stands in this revision.
    #[n(1)]
    Evidence(#[n(0)] CaseId, #[n(1)] u32),
}

impl Wanted {
    /// The word in the audit trail.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Evidence(..) => "evidence",
        }
    }
}

/// What the second person said.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ApprovalState {
    /// Nothing yet.
    #[n(0)]
    Pending,
    /// Yes.
    #[n(1)]
    Granted(#[n(0)] SubjectId, #[n(1)] Timestamp),
    /// No, and why.
    #[n(2)]
    Refused(#[n(0)] SubjectId, #[n(1)] Timestamp, #[n(2)] String),
    /// Yes, and later no.
    #[n(3)]
    Revoked(#[n(0)] SubjectId, #[n(1)] Timestamp),
    /// Whoever asked does not want it any more.
    #[n(4)]
    Withdrawn(#[n(0)] Timestamp),
}

impl ApprovalState {
    /// The word in the audit trail.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted(..) => "granted",
            Self::Refused(..) => "refused",
            Self::Revoked(..) => "revoked",
            Self::Withdrawn(_) => "withdrawn",
        }
    }
}

impl Approval {
    /// Whether somebody may still decide.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.state == ApprovalState::Pending && self.until > now
    }

    /// Whether it was granted and holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        matches!(self.state, ApprovalState::Granted(..)) && self.until > now
    }
}

/// Where the firm wants a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FourEyes {
    /// To open conversations of others.
    #[n(0)]
    pub read: bool,
    /// To seal a case and take its package out.
    #[n(1)]
    pub evidence: bool,
    /// Hours for which what is granted holds.
    #[n(2)]
    pub hours: u32,
}

impl Default for FourEyes {
    fn default() -> Self {
        Self {
            read: false,
            evidence: false,
            hours: 8,
        }
    }
}
