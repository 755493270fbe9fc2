//! What a pass has repaired: record by record, with what was wrong. Names of fields, never
//! their values: those are in the audit entry, under its rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::{Change, Class, Entity, Index, Key, Read, StoreError, TableSpec, Walk, Write},
    work::{Job, JobId},
};

/// Repairs kept of one job.
const KEPT_MAX: u64 = 1_000;
/// How long repairs are kept, in milliseconds.
const KEPT_MS: i64 = 90 * 86_400_000;
/// Name of the count in a job's progress.
pub(super) const COUNT: &str = "repaired_records";

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Wrong {
    /// It was missing here.
    #[n(0)]
    Missing,
    /// It differed.
    #[n(1)]
    Different,
    /// It was here and gone at WeCom.
    #[n(2)]
    Gone,
}

impl Wrong {
    /// Stable code, also the catalogue key's end.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Different => "different",
            Self::Gone => "gone",
        }
    }
}

/// One record that a pass has repaired.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Repair {
    /// Ours.
    #[n(0)]
    pub id: Id<Repair>,
    /// The pass.
    #[n(1)]
    pub job: JobId,
    /// Its number within the pass.
    #[n(2)]
    pub n: u64,
    /// When.
    #[n(3)]
    pub at: Timestamp,
    /// Kind and id of the record.
    #[n(4)]
    pub record: (String, String),
    /// The record whose page shows it, if it is another: the customer of a relation.
    #[n(5)]
    pub shown_with: Option<String>,
    /// What was wrong.
    #[n(6)]
    pub wrong: Wrong,
    /// The fields that differed.
    #[n(7)]
    pub fields: Vec<String>,
}

/// The repairs of a pass, in order.
const BY_JOB: Index<Repair> = Index::new("repairs-1.by_job", |r, _| {
    vec![Key::new().with(r.job).with(r.n)]
});

/// Repairs, oldest first.
const BY_TIME: Index<Repair> = Index::new("repairs-1.by_time", |r, _| vec![Key::new().with(r.at)]);

impl Entity for Repair {
    const KIND: &'static str = "repair";
    const TABLE: &'static str = "repairs-1";
    const CLASS: Class = Class::Machinery;
    type Key = Id<Repair>;

    fn key(&self) -> Id<Repair> {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_JOB, BY_TIME]
    }
}

/// The table.
pub(super) const TABLES: [TableSpec; 1] = [TableSpec::of::<Repair>()];

/// Notes the changes of this write, from number `from` on, as repairs of the job.
pub(super) fn note(w: &mut Write<'_>, job: &mut Job, from: usize) -> Result<(), StoreError> {
    let changes: Vec<Change> = w.changes().iter().skip(from).cloned().collect();
    for change in changes {
        let n = job.progress.counted(COUNT);
        job.progress.count(COUNT, 1);
        if n >= KEPT_MAX {
            continue;
        }
        let repair = Repair {
            id: w.new_id::<Repair>()?,
            job: job.id,
            n,
            at: w.now(),
            shown_with: text(&change, "customer").or_else(|| text(&change, "group")),
            wrong: wrong(&change),
            fields: fields(&change),
            record: (change.kind.to_owned(), change.id),
        };
        w.put(&repair)?;
    }
    Ok(())
}

fn text(change: &Change, field: &str) -> Option<String> {
    let view = change.after.as_ref().or(change.before.as_ref())?;
    let (_, value) = view.iter().find(|(name, _)| *name == field)?;
    value.as_str().map(str::to_owned)
}

fn wrong(change: &Change) -> Wrong {
    let Some(after) = &change.after else {
        return Wrong::Gone;
    };
    let Some(before) = &change.before else {
        return Wrong::Missing;
    };
    let flag = |view: &crate::store::AuditView, name: &str| {
        let found = view.iter().find(|(known, _)| *known == name);
        found.and_then(|(_, value)| value.as_bool())
    };
    let has_gone = flag(before, "active") == Some(true) && flag(after, "active") == Some(false)
        || flag(before, "deleted") == Some(false) && flag(after, "deleted") == Some(true);
    match has_gone {
        true => Wrong::Gone,
        false => Wrong::Different,
    }
}

fn fields(change: &Change) -> Vec<String> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return Vec::new();
    };
    let differs = |(name, value): &&(&'static str, serde_json::Value)| {
        before
            .iter()
            .any(|(known, old)| known == name && old != value)
    };
    let changed = after.iter().filter(differs);
    changed.map(|(name, _)| (*name).to_owned()).collect()
}

/// The repairs of a pass.
pub(super) fn of_job(r: &Read<'_>, job: JobId) -> Result<Vec<Repair>, StoreError> {
    r.list(&BY_JOB, &Walk::prefix(Key::new().with(job)))?
        .collect()
}

/// Forgets old ones; gives how many, at most `limit`.
pub(super) fn tidy(w: &mut Write<'_>, limit: usize) -> Result<usize, StoreError> {
    let before = w.now().plus_ms(-KEPT_MS);
    let mut old = Vec::new();
    for repair in w.read().list(&BY_TIME, &Walk::default())?.take(limit) {
        let repair = repair?;
        if repair.at > before {
            break;
        }
        old.push(repair.id);
    }
    for id in &old {
        w.delete::<Repair>(id)?;
    }
    Ok(old.len())
}
