//! touches: (customer, number) → touch. One row each, so that a customer's are neighbours in
//! order of time, and one index by what caused them, whose keys tell the outcome.

use minicbor::{Decode, Encode};

use crate::{
    kit::Id,
    store::{AuditView, Class, Entity, Index, Key, SubjectId, TableSpec},
};

use super::model::{Limits, OptOut, Touch, TouchId, TouchState, Why};

/// The key of tables with one row.
pub(super) const FIRM: &str = "firm";

/// The tables.
pub(super) const TABLES: [TableSpec; 4] = [
    TableSpec::of::<Touch>(),
    TableSpec::of::<Posting>(),
    TableSpec::of::<Limits>(),
    TableSpec::of::<OptOut>(),
];

/// Touches by what caused them, their outcome, and the member.
pub(super) const BY_CAUSE: Index<Touch> = Index::new("touches-1.by_cause", |t, _| {
    let member = t.member.map_or(0, |member| member.bits());
    vec![outcome_key(&t.of, t.state, t.why).with(member)]
});

/// The beginning of keys in [`BY_CAUSE`] of everything with one cause.
pub(super) fn cause_key(of: &(String, String)) -> Key {
    Key::new().with(of.0.as_str()).with(of.1.as_str())
}

/// The beginning of keys in [`BY_CAUSE`] of everything with one cause and outcome.
pub(super) fn outcome_key(of: &(String, String), state: TouchState, why: Option<Why>) -> Key {
    cause_key(of)
        .with(state as u8)
        .with(why.map_or(0, |why| why as u8 + 1))
}

impl Entity for Touch {
    const KIND: &'static str = "touch";
    const TABLE: &'static str = "touches-1";
    const CLASS: Class = Class::Covered;
    type Key = TouchId;

    fn key(&self) -> TouchId {
        self.id()
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_CAUSE]
    }
}

/// Speaks for the touches that were noted or settled in one write.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Posting {
    /// Ours.
    #[n(0)]
    pub id: Id<Posting>,
    /// Kind and id of what caused the first of them.
    #[n(1)]
    pub of: (String, String),
    /// How many.
    #[n(2)]
    pub touches: u32,
    /// SHA-256 of them as stored, one behind the other.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub digest: [u8; 32],
}

impl Entity for Posting {
    const KIND: &'static str = "touch_posting";
    const TABLE: &'static str = "touch-postings-1";
    const CLASS: Class = Class::Record;
    type Key = Id<Posting>;

    fn key(&self) -> Id<Posting> {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("of", format!("{}:{}", self.of.0, self.of.1).into()),
            ("touches", self.touches.into()),
            ("digest", hex::encode(self.digest).into()),
        ]
    }
}

impl Entity for Limits {
    const KIND: &'static str = "touch_limits";
    const TABLE: &'static str = "touch-limits-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        let quiet = self.quiet.map(|(from, to)| format!("{from}-{to}"));
        vec![
            ("per_day", self.per_day.into()),
            ("per_week", self.per_week.into()),
            ("per_month", self.per_month.into()),
            ("quiet", quiet.into()),
            ("approve_above", self.approve_above.into()),
        ]
    }
}

impl Entity for OptOut {
    const KIND: &'static str = "opt_out";
    const TABLE: &'static str = "opt-outs-1";
    const CLASS: Class = Class::Record;
    type Key = crate::customers::CustomerId;

    fn key(&self) -> crate::customers::CustomerId {
        self.customer
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.customer.cast())
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("customer", self.customer.to_string().into()),
            ("kind", self.kind.code().into()),
            ("reason", self.reason.as_str().into()),
        ]
    }
}
