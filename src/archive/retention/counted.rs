//! Whether what was counted last still says what would go.

use aws_lc_rs::digest;

use crate::{
    archive::evidence,
    error::{AppError, Result},
    kit::Timestamp,
    store::{Read, StoreError},
    work::{JobState, jobs},
};

use super::job::{PREVIEW, PURGE, Preview};

/// What was counted last.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What would have gone then.
    pub preview: Preview,
    /// What has happened since.
    pub since: Since,
}

/// What has happened since a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Nothing that decides: whoever has looked at the count knows what goes.
    Nothing,
    /// Rules, holds or cases are others now.
    Change,
    /// What was counted has been deleted, or is being deleted.
    Purge,
}

/// The last count that was made whole.
pub fn counted(r: &Read<'_>) -> Result<Option<Counted>> {
    let Some(job) = jobs::latest_in(r, PREVIEW, JobState::Done)? else {
        return Ok(None);
    };
    let Some(result) = &job.result else {
        return Ok(None);
    };
    let preview: Preview = minicbor::decode(result).map_err(AppError::internal)?;
    let since = if is_purged_since(r, job.created_at)? {
        Since::Purge
    } else if preview.basis != Some(basis(r)?) {
        Since::Change
    } else {
        Since::Nothing
    };
    Ok(Some(Counted { preview, since }))
}

/// Catalogue key of why nothing may be deleted by hand after this count; `None` if it may.
pub fn objection(counted: Option<&Counted>) -> Option<&'static str> {
    match counted.map(|counted| counted.since) {
        Some(Since::Nothing) => None,
        Some(Since::Change) => Some("retention.changed_since"),
        Some(Since::Purge) => Some("retention.purged_since"),
        None => Some("retention.not_counted"),
    }
}

/// Refuses what takes a look at the preview first, unless there is one that still holds.
pub(super) fn ensure_counted(r: &Read<'_>) -> Result<()> {
    match objection(counted(r)?.as_ref()) {
        None => Ok(()),
        Some(why) => Err(AppError::field("sure", why)),
    }
}

/// Whether a purge has run, or still runs, since this time.
fn is_purged_since(r: &Read<'_>, at: Timestamp) -> Result<bool, StoreError> {
    let last = jobs::latest(r, PURGE)?;
    Ok(last.is_some_and(|run| run.finished_at.is_none_or(|ended| ended >= at)))
}

/// Whether a rule was changed or a hold lifted since a run was asked for: it ends there, since
/// what would go now is not what went when it began.
pub(super) fn is_overtaken(r: &Read<'_>, asked_at: Timestamp) -> Result<bool, StoreError> {
    let rules = super::rules(r)?;
    let lifted = super::holds(r)?.into_iter().filter_map(|hold| hold.lifted);
    let mut changes = rules
        .iter()
        .map(|rule| rule.changed_at)
        .chain(lifted.map(|lifted| lifted.at));
    Ok(changes.any(|at| at >= asked_at))
}

/// A digest over everything that decides what goes: rules, holds, and what cases have, with how
/// much around it.
pub(super) fn basis(r: &Read<'_>) -> Result<String, StoreError> {
    let mut spans = evidence::queries::gathered(r)?;
    spans.sort_unstable();
    let all = (super::rules(r)?, super::holds(r)?, spans);
    let bytes = minicbor::to_vec(&all).map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(hex::encode(digest::digest(&digest::SHA256, &bytes)))
}
