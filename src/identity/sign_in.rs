//! A sign-in that waits for its second factor. The cookie holds a random token, the store its
//! hash.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::{Class, Entity, SubjectId},
};

use super::{Account, ticket::TicketHash};

/// The second step may take so long, ms.
pub const SECOND_STEP_MS: i64 = 5 * 60_000;

/// sign-ins: hash of the token → who has taken the first step.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HalfSignIn {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) token: TicketHash,
    /// Who.
    #[n(1)]
    pub account: Id<Account>,
    /// When the first step was taken.
    #[n(2)]
    pub begun_at: Timestamp,
    /// When the password was last set as of then: another one ends this.
    #[n(3)]
    pub(super) password_set_at: Option<Timestamp>,
}

impl Entity for HalfSignIn {
    const KIND: &'static str = "sign_in";
    const TABLE: &'static str = "sign-ins-1";
    const CLASS: Class = Class::Machinery;
    type Key = TicketHash;
    fn key(&self) -> TicketHash {
        self.token
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account.cast())
    }
}

impl HalfSignIn {
    /// Whether it can be finished at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        (-SECOND_STEP_MS..SECOND_STEP_MS).contains(&now.since_ms(self.begun_at))
    }
}

/// used-states: a `state` that came back from WeCom, so that none comes twice.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UsedState {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) state: TicketHash,
    #[n(1)]
    pub(super) used_at: Timestamp,
}

impl Entity for UsedState {
    const KIND: &'static str = "used_state";
    const TABLE: &'static str = "used-states-1";
    const CLASS: Class = Class::Machinery;
    type Key = TicketHash;
    fn key(&self) -> TicketHash {
        self.state
    }
}

impl UsedState {
    /// Whether it could still come again at `now`.
    pub(super) fn matters(&self, now: Timestamp) -> bool {
        now.since_ms(self.used_at) < 2 * super::oauth::STATE_MS
    }
}
