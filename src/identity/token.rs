//! API tokens and one-time codes.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::{AuditView, Class, Entity, Index, Key, Read, StoreError, SubjectId},
};

use super::{
    Account,
    permission::{Permissions, codes},
    ticket::{self, TicketHash},
};

/// An API token lives at most so long, ms: 366 days.
pub const API_TOKEN_MS_MAX: i64 = 366 * 24 * 3_600_000;
/// A one-time code can be used so long, ms: 24 hours.
pub const CODE_MS: i64 = 24 * 3_600_000;
/// A clock set back by so much is believed to have been a little wrong, ms.
const CLOCK_SLACK_MS: i64 = 5 * 60_000;

/// api-tokens: token → what a program may do in an account's name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ApiToken {
    /// Its id.
    #[n(0)]
    pub id: Id<ApiToken>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) secret: TicketHash,
    /// In whose name.
    #[n(2)]
    pub account: Id<Account>,
    /// What it is for, in its owner's words.
    #[n(3)]
    pub name: String,
    /// Its rights; those its account does not have (any more) do not count.
    #[n(4)]
    pub permissions: Permissions,
    /// When it was made.
    #[n(5)]
    pub created_at: Timestamp,
    /// When it ends.
    #[n(6)]
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[n(7)]
    pub revoked_at: Option<Timestamp>,
}

const BY_SECRET: Index<ApiToken> =
    Index::unique("api-tokens-1.by_secret", |token: &ApiToken, _| {
        vec![Key::new().with(token.secret)]
    });

/// Everything of one account.
pub(super) const TOKENS_BY_ACCOUNT: Index<ApiToken> =
    Index::new("api-tokens-1.by_account", |token: &ApiToken, _| {
        vec![Key::new().with(token.account)]
    });

impl Entity for ApiToken {
    const KIND: &'static str = "api_token";
    const TABLE: &'static str = "api-tokens-1";
    const CLASS: Class = Class::Record;
    type Key = Id<ApiToken>;
    fn key(&self) -> Id<ApiToken> {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_SECRET, TOKENS_BY_ACCOUNT]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("account", self.account.to_string().into()),
            ("name", self.name.as_str().into()),
            ("permissions", codes(&self.permissions)),
            ("expires_at", self.expires_at.ms().into()),
            ("revoked_at", self.revoked_at.map(|at| at.ms()).into()),
        ]
    }
}

impl ApiToken {
    /// Whether it is good at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && now < self.expires_at
            && now.since_ms(self.created_at) >= -CLOCK_SLACK_MS
    }

    /// The token that was presented.
    pub(super) fn by_text(r: &Read<'_>, text: &str) -> Result<Option<Self>, StoreError> {
        r.find(&BY_SECRET, Key::new().with(ticket::hash(text)))
    }
}

/// What a one-time code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum CodeUse {
    /// Becoming the first super admin.
    #[n(0)]
    FirstSuperAdmin,
    /// Setting the password of an account: an invitation or a reset.
    #[n(1)]
    SetPassword(#[n(0)] Id<Account>),
}

/// claim-codes: hash of the code → what it is good for. Gone after use.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClaimCode {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) code: TicketHash,
    /// What it is good for.
    #[n(1)]
    pub use_for: CodeUse,
    /// When it was given out.
    #[n(2)]
    pub issued_at: Timestamp,
}

impl Entity for ClaimCode {
    const KIND: &'static str = "claim_code";
    const TABLE: &'static str = "claim-codes-1";
    const CLASS: Class = Class::Machinery;
    const WHILE_HELD: bool = true;
    type Key = TicketHash;
    fn key(&self) -> TicketHash {
        self.code
    }
}

impl ClaimCode {
    /// Whether it can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        (-CLOCK_SLACK_MS..CODE_MS).contains(&now.since_ms(self.issued_at))
    }
}
