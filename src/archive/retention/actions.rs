//! What people do to rules and holds. Whoever may delete decides about rules, whoever looks
//! after cases about holds: these are two rights, so that nobody needs both.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Id, Timestamp},
    org::{DepartmentId, Directory},
    store::{Read, StoreError, SubjectId, Write},
    work::jobs::{self, JobId, NewJob},
};

use super::{
    super::queries,
    counted,
    job::{PREVIEW, PURGE},
    model::{Hold, HoldId, HoldOn, Lifted, RetentionRule, RuleId, Sort},
};

/// Days of a rule.
const DAYS: std::ops::RangeInclusive<u32> = 1..=36_500;
/// Characters of a title.
const TITLE_CHARS: std::ops::RangeInclusive<usize> = 1..=60;
/// Characters of a reason.
const REASON_CHARS: std::ops::RangeInclusive<usize> = 5..=500;
/// Rules of a firm.
const RULES_MAX: usize = 500;

/// A right over the whole firm.
fn is_whole(scope: &Scope) -> Result<bool, StoreError> {
    Ok(scope.is_everything())
}

/// Keeps a rule; one about the same department and sort is replaced.
#[derive(Debug, Clone)]
pub struct SaveRule {
    /// The department; the firm where there is none.
    pub unit: Option<DepartmentId>,
    /// The sort; every type where there is none.
    pub sort: Option<Sort>,
    /// Days; for ever where there is no number.
    pub days: Option<u32>,
    /// The directory that says which departments there are.
    pub directory: Arc<Directory>,
}

impl Command for SaveRule {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "retention_rule";
    const STEP_UP: bool = true;
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_whole(scope)
    }
}

/// Keeps it.
pub fn save_rule(w: &mut Write<'_>, allowed: Allowed<SaveRule>) -> Result<RuleId> {
    let SaveRule {
        unit,
        sort,
        days,
        directory,
    } = allowed.into_command();
    if days.is_some_and(|days| !DAYS.contains(&days)) {
        return Err(AppError::field("days", "retention.wrong_days"));
    }
    if unit.is_some_and(|unit| directory.tree.find(unit).is_none()) {
        return Err(AppError::field("unit", "sensitive.unknown_unit"));
    }
    let rules = super::rules(&w.read())?;
    let known = rules
        .iter()
        .find(|rule| rule.unit == unit && rule.sort == sort);
    if known.is_none() && rules.len() >= RULES_MAX {
        return Err(AppError::Conflict {
            why: "too_many_rules",
        });
    }
    let id = match known {
        Some(known) => known.id,
        None => w.new_id::<RetentionRule>()?,
    };
    w.put(&RetentionRule {
        id,
        unit,
        sort,
        days,
        changed_at: w.now(),
    })?;
    Ok(id)
}

/// Takes a rule away. What went under it does not come back.
#[derive(Debug, Clone, Copy)]
pub struct DeleteRule {
    /// Which.
    pub rule: RuleId,
}

impl Command for DeleteRule {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "retention_rule";
    const STEP_UP: bool = true;
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && r.exists::<RetentionRule>(&self.rule)?)
    }
}

/// Takes it away. Without a rule that kept something for ever, another may end it: the others
/// count as changed, and nothing goes by itself for a day.
pub fn delete_rule(w: &mut Write<'_>, allowed: Allowed<DeleteRule>) -> Result<()> {
    w.delete::<RetentionRule>(&allowed.into_command().rule)?;
    for mut rule in super::rules(&w.read())? {
        rule.changed_at = w.now();
        w.put(&rule)?;
    }
    Ok(())
}

/// Sets a hold.
#[derive(Debug, Clone)]
pub struct SetHold {
    /// What it is called.
    pub title: String,
    /// Whose messages.
    pub on: HoldOn,
    /// Sent at or after.
    pub from: Option<Timestamp>,
    /// Sent before.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

impl Command for SetHold {
    const PERMISSION: Option<Permission> = Some(Permission::HoldManage);
    const WHAT: &'static str = "retention_hold";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let is_there = match self.on {
            HoldOn::Everything => true,
            HoldOn::Chat(id) => queries::chat_by_id(r, id)?.is_some(),
            HoldOn::Person(id) => is_known(r, id)?,
        };
        Ok(scope.is_everything() && is_there)
    }
}

/// Whether there is such a member, customer, or somebody the archive alone knows.
fn is_known(r: &Read<'_>, id: SubjectId) -> Result<bool, StoreError> {
    if queries::party_of(r, id)?.is_some() {
        return Ok(true);
    }
    Ok(r.exists::<crate::org::Member>(&id.cast())?
        || r.exists::<crate::customers::Customer>(&id.cast())?)
}

/// Sets it; from now on nothing of it is deleted.
pub fn set_hold(w: &mut Write<'_>, allowed: Allowed<SetHold>) -> Result<HoldId> {
    let by = allowed.by().map(Id::cast);
    let SetHold {
        title,
        on,
        from,
        until,
        reason,
    } = allowed.into_command();
    let title = title.trim().to_owned();
    if !TITLE_CHARS.contains(&title.chars().count()) {
        return Err(AppError::field("title", "retention.title_length"));
    }
    let reason = judged(&reason)?;
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(AppError::field("until", "retention.wrong_span"));
    }
    let id = w.new_id::<Hold>()?;
    w.put(&Hold {
        id,
        title,
        on,
        from,
        until,
        reason,
        set_by: by,
        set_at: w.now(),
        lifted: None,
    })?;
    Ok(id)
}

fn judged(reason: &str) -> Result<String> {
    let reason = reason.trim();
    match REASON_CHARS.contains(&reason.chars().count()) {
        true => Ok(reason.to_owned()),
        false => Err(AppError::field("reason", "retention.reason_length")),
    }
}

/// Lifts a hold.
#[derive(Debug, Clone)]
pub struct LiftHold {
    /// Which.
    pub hold: HoldId,
    /// Why.
    pub reason: String,
}

impl Command for LiftHold {
    const PERMISSION: Option<Permission> = Some(Permission::HoldManage);
    const WHAT: &'static str = "retention_hold";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && r.exists::<Hold>(&self.hold)?)
    }
}

/// Lifts it; it stays on record.
pub fn lift_hold(w: &mut Write<'_>, allowed: Allowed<LiftHold>) -> Result<()> {
    let by = allowed.by().map(Id::cast);
    let LiftHold { hold, reason } = allowed.into_command();
    let why = judged(&reason)?;
    let missing = AppError::NotFound {
        what: "retention_hold",
    };
    let mut hold = w.get::<Hold>(&hold)?.ok_or(missing)?;
    if hold.lifted.is_some() {
        return Err(AppError::Conflict { why: "hold_lifted" });
    }
    hold.lifted = Some(Lifted {
        by,
        at: w.now(),
        why,
    });
    Ok(w.put(&hold)?)
}

/// Counts what would go.
#[derive(Debug, Clone, Copy)]
pub struct StartPreview;

impl Command for StartPreview {
    const PERMISSION: Option<Permission> = Some(Permission::HoldManage);
    const WHAT: &'static str = "retention_rule";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_whole(scope)
    }
}

/// Queues the count, unless it runs already.
pub fn start_preview(w: &mut Write<'_>, allowed: &Allowed<StartPreview>) -> Result<JobId> {
    queue(w, PREVIEW, allowed.by().map(Id::cast))
}

/// Deletes what has had its time, now.
#[derive(Debug, Clone, Copy)]
pub struct StartPurge;

impl Command for StartPurge {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "retention_rule";
    const STEP_UP: bool = true;
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_whole(scope)
    }
}

/// Queues the run, unless one goes on already. Nobody deletes what was not counted: it takes a
/// preview of the rules and holds in force.
pub fn start_purge(w: &mut Write<'_>, allowed: &Allowed<StartPurge>) -> Result<JobId> {
    let last = jobs::latest(&w.read(), PURGE)?;
    if last.is_none_or(|run| run.state.is_final()) {
        counted::ensure_counted(&w.read())?;
    }
    queue(w, PURGE, allowed.by().map(Id::cast))
}

fn queue(w: &mut Write<'_>, kind: &'static str, created_by: Option<SubjectId>) -> Result<JobId> {
    let new = NewJob {
        kind,
        input: Vec::new(),
        created_by,
    };
    Ok(jobs::enqueue_once(w, new)?)
}
