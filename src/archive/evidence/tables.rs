//! evidence-cases, evidence-items.

use crate::store::{
    AuditView, Class, Desc, Entity, Index, Key, SYSTEM_SUBJECT, SubjectId, TableSpec,
};

use super::model::{Case, CaseId, Item, ItemId};

/// The tables.
pub(in crate::archive) const TABLES: [TableSpec; 2] =
    [TableSpec::of::<Case>(), TableSpec::of::<Item>()];

/// Cases, newest first.
pub(super) const CASE_BY_TIME: Index<Case> = Index::new("evidence-cases-1.by_time", |case, _| {
    vec![Key::new().with(Desc(case.at))]
});

impl Entity for Case {
    const KIND: &'static str = "evidence_case";
    const TABLE: &'static str = "evidence-cases-1";
    const CLASS: Class = Class::Record;
    type Key = CaseId;

    fn key(&self) -> CaseId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        // Title and reason may name people.
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[CASE_BY_TIME]
    }
    fn audit_view(&self) -> AuditView {
        let seal = self.sealed();
        let manifest = seal.map(|seal| seal.manifest.as_str());
        let sha256 = seal.and_then(|seal| seal.sha256.as_deref());
        vec![
            ("title", self.title.as_str().into()),
            ("why", self.why.as_str().into()),
            ("state", self.state.code().into()),
            ("context", self.context.into()),
            ("manifest", manifest.into()),
            ("sha256", sha256.into()),
        ]
    }
}

/// What is in a case, by conversation and number.
pub(super) const ITEM_BY_CASE: Index<Item> = Index::new("evidence-items-1.by_case", |item, _| {
    vec![Key::new().with(item.case).with(item.chat).with(item.first)]
});

impl Entity for Item {
    const KIND: &'static str = "evidence_item";
    const TABLE: &'static str = "evidence-items-1";
    const CLASS: Class = Class::Record;
    type Key = ItemId;

    fn key(&self) -> ItemId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[ITEM_BY_CASE]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("case", self.case.to_string().into()),
            ("chat", self.chat.into()),
            ("first", self.first.into()),
            ("last", self.last.into()),
        ]
    }
}
