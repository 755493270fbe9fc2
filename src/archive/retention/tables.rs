//! Tables of rules, holds and purges.

use crate::store::{
    AuditView, Class, Entity, Index, Key, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec,
};

use super::model::{Hold, HoldId, Purge, PurgeRun, RetentionRule, RuleId};

/// The tables.
pub(in crate::archive) const TABLES: [TableSpec; 4] = [
    TableSpec::of::<RetentionRule>(),
    TableSpec::of::<Hold>(),
    TableSpec::of::<Purge>(),
    TableSpec::of::<PurgeRun>(),
];

/// One rule for each department and sort.
const RULE_BY_WHAT: Index<RetentionRule> =
    Index::unique("archive-retention-rules-1.by_what", |rule, _| {
        let unit = rule.unit.map_or(0, |unit| unit.bits());
        let sort = rule.sort.map_or("", |sort| sort.code());
        vec![Key::new().with(unit).with(sort)]
    });

impl Entity for RetentionRule {
    const KIND: &'static str = "retention_rule";
    const TABLE: &'static str = "archive-retention-rules-1";
    const CLASS: Class = Class::Record;
    type Key = RuleId;

    fn key(&self) -> RuleId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[RULE_BY_WHAT]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("unit", self.unit.map(|unit| unit.to_string()).into()),
            ("type", self.sort.map(|sort| sort.code()).into()),
            ("days", self.days.into()),
        ]
    }
}

impl Entity for Hold {
    const KIND: &'static str = "retention_hold";
    const TABLE: &'static str = "archive-holds-1";
    const CLASS: Class = Class::Record;
    type Key = HoldId;

    fn key(&self) -> HoldId {
        self.id
    }
    /// The reason may name people, and a hold outlives whoever it is about.
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn audit_view(&self) -> AuditView {
        let lifted = self.lifted.as_ref();
        vec![
            ("title", self.title.as_str().into()),
            ("on", self.on.code().into()),
            ("from", self.from.map(|at| at.ms()).into()),
            ("until", self.until.map(|at| at.ms()).into()),
            ("reason", self.reason.as_str().into()),
            ("lifted", lifted.map(|lifted| lifted.why.clone()).into()),
        ]
    }
}

impl Entity for Purge {
    const KIND: &'static str = "archive_purge";
    const TABLE: &'static str = "archive-purges-1";
    const CLASS: Class = Class::Record;
    type Key = u64;

    fn key(&self) -> u64 {
        self.no
    }
    fn audit_view(&self) -> AuditView {
        let numbers = self.chats.iter().flat_map(|(_, seqs)| seqs);
        vec![
            ("rule", self.under.rule.to_string().into()),
            ("days", self.under.days.into()),
            ("messages", self.messages.into()),
            ("files", self.files.into()),
            ("first_seq", numbers.clone().min().copied().into()),
            ("last_seq", numbers.max().copied().into()),
            ("root", hex::encode(self.root).into()),
        ]
    }
}

impl Entity for PurgeRun {
    const KIND: &'static str = "archive_purge_run";
    const TABLE: &'static str = "archive-purge-runs-1";
    const CLASS: Class = Class::Record;
    type Key = u64;

    fn key(&self) -> u64 {
        self.no
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("messages", self.messages.into()),
            ("files", self.files.into()),
            ("held", self.held.into()),
        ]
    }
}

/// All rules; those of the whole firm first.
pub fn rules(r: &Read<'_>) -> Result<Vec<RetentionRule>, StoreError> {
    let mut rules: Vec<RetentionRule> = r.all(None)?.collect::<Result<_, _>>()?;
    rules.sort_by_key(|rule| (rule.unit.map(|unit| unit.bits()), rule.sort));
    Ok(rules)
}

/// The newest runs, the newest first.
pub fn runs(r: &Read<'_>, most: usize) -> Result<Vec<PurgeRun>, StoreError> {
    r.all_backwards(None)?.take(most).collect()
}

/// The first purges of a run.
pub fn purges_of(r: &Read<'_>, run: &PurgeRun, most: usize) -> Result<Vec<Purge>, StoreError> {
    let Some((first, last)) = run.purges else {
        return Ok(Vec::new());
    };
    let purges = r.all::<Purge>(Some(&first.saturating_sub(1)))?;
    let own = purges.take_while(|purge| purge.as_ref().ok().is_none_or(|purge| purge.no <= last));
    own.take(most).collect()
}

/// The number that the next purge has.
pub(super) fn next_purge(r: &Read<'_>) -> Result<u64, StoreError> {
    let last = r.all_backwards::<Purge>(None)?.next().transpose()?;
    Ok(last.map_or(0, |purge| purge.no) + 1)
}
