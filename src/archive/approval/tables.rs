//! access-approvals, four-eyes.

use crate::store::{AuditView, Class, Desc, Entity, Index, Key, SubjectId, TableSpec};

use super::{
    super::tables::FIRM,
    model::{Approval, ApprovalId, ApprovalState, FourEyes, Wanted},
};

/// The tables.
pub(in crate::archive) const TABLES: [TableSpec; 2] =
    [TableSpec::of::<Approval>(), TableSpec::of::<FourEyes>()];

/// Requests by where they stand, newest first: those that wait, those that were granted, and
/// the others.
pub(super) const BY_STANDING: Index<Approval> =
    Index::new("access-approvals-1.by_standing", |a, _| {
        vec![standing_key(&a.state).with(Desc(a.asked_at))]
    });

/// Requests of an account, newest first.
pub(super) const BY_ACCOUNT: Index<Approval> =
    Index::new("access-approvals-1.by_account", |a, _| {
        vec![Key::new().with(a.account).with(Desc(a.asked_at))]
    });

/// The beginning of keys in [`BY_STANDING`].
pub(super) fn standing_key(state: &ApprovalState) -> Key {
    Key::new().with(match state {
        ApprovalState::Pending => 0u8,
        ApprovalState::Granted(..) => 1,
        _ => 2,
    })
}

impl Entity for Approval {
    const KIND: &'static str = "access_approval";
    const TABLE: &'static str = "access-approvals-1";
    const CLASS: Class = Class::Record;
    type Key = ApprovalId;

    fn key(&self) -> ApprovalId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_STANDING, BY_ACCOUNT]
    }
    fn audit_view(&self) -> AuditView {
        let (by, note) = match &self.state {
            ApprovalState::Granted(by, _) | ApprovalState::Revoked(by, _) => (Some(by), ""),
            ApprovalState::Refused(by, _, note) => (Some(by), note.as_str()),
            ApprovalState::Pending | ApprovalState::Withdrawn(_) => (None, ""),
        };
        let case = match &self.wanted {
            Wanted::Evidence(case, _) => Some(case.to_string()),
            Wanted::Read(_) => None,
        };
        vec![
            ("wanted", self.wanted.code().into()),
            ("case", case.into()),
            ("chats", self.chats.clone().into()),
            ("reason", self.reason.as_str().into()),
            ("state", self.state.code().into()),
            ("by", by.map(ToString::to_string).into()),
            ("note", note.into()),
            ("until", self.until.ms().into()),
        ]
    }
}

impl Entity for FourEyes {
    const KIND: &'static str = "four_eyes";
    const TABLE: &'static str = "four-eyes-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("read", self.read.into()),
            ("evidence", self.evidence.into()),
            ("hours", self.hours.into()),
        ]
    }
}
