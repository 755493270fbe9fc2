//! What a second person is asked before many customers are reached: as it is settled, and as
//! pages show it (macro `approval` in `templates/outreach/parts.html`).

use std::sync::Arc;

use serde::Deserialize;

use crate::{
    error::{AppError, Result},
    identity::{Permission, queries::holders},
    kit::Timestamp,
    org::{Directory, MemberId, Sight},
    store::{Read, SubjectId},
};

use super::{
    broadcasts::{Approval, Decision, model::WAITS_MS},
    campaign::name_of,
};

/// Characters of a note.
const NOTE_CHARS_MAX: usize = 200;

impl Approval {
    /// A question about so many customers.
    pub(super) fn asked(customers: u64, now: Timestamp) -> Self {
        Self {
            asked_at: now,
            until: now.plus_ms(WAITS_MS),
            customers,
            decided: None,
        }
    }

    /// Keeps what the second person said of what waits, if anything does.
    ///
    /// # Errors
    /// [`AppError::Conflict`] `own_request`: nobody decides about their own; `decided` if nothing
    /// waits any more; [`AppError::Invalid`] for a note that is too long.
    pub(super) fn decide(
        waiting: Option<&mut Self>,
        maker: Option<SubjectId>,
        decision: Decision,
    ) -> Result<()> {
        if maker == decision.by {
            return Err(AppError::Conflict { why: "own_request" });
        }
        let waiting = waiting.ok_or(AppError::Conflict { why: "decided" })?;
        waiting.settle(decision)
    }

    fn settle(&mut self, mut decision: Decision) -> Result<()> {
        if self.until <= decision.at || self.decided.is_some() {
            return Err(AppError::Conflict { why: "decided" });
        }
        decision.note = decision.note.trim().to_owned();
        if decision.note.chars().count() > NOTE_CHARS_MAX {
            return Err(AppError::field("note", "broadcasts.note_length"));
        }
        self.decided = Some(decision);
        Ok(())
    }
}

/// Names of the accounts that could let go what these members send, but for its maker's: those
/// with the right to it and all of the members in their scope.
pub(super) fn approvers(
    r: &Read<'_>,
    directory: &Arc<Directory>,
    senders: impl IntoIterator<Item = MemberId> + Clone,
    maker: Option<SubjectId>,
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (account, scope) in holders(r, Permission::BroadcastApprove)? {
        let sight = Sight::new(directory.clone(), &scope);
        let mut senders = senders.clone().into_iter();
        if Some(account.id.cast()) != maker && senders.all(|member| sight.sees(member)) {
            names.push(account.name);
        }
    }
    Ok(names)
}

/// What the second person was asked, as a page shows it.
pub(crate) struct Asked {
    pub(crate) asked_at: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) customers: u64,
    /// Who, when, whether they said yes, and why not.
    pub(crate) decided: Option<(String, Timestamp, bool, String)>,
}

impl Asked {
    /// With the name of whoever decided.
    pub(super) fn of(r: &Read<'_>, approval: Option<&Approval>) -> Result<Option<Self>> {
        let Some(approval) = approval else {
            return Ok(None);
        };
        let decided = match &approval.decided {
            Some(d) => Some((name_of(r, d.by)?, d.at, d.is_granted, d.note.clone())),
            None => None,
        };
        Ok(Some(Self {
            asked_at: approval.asked_at,
            until: approval.until,
            customers: approval.customers,
            decided,
        }))
    }
}

/// The form in which the second person answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerdictFields {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    pub(super) note: String,
}

impl VerdictFields {
    /// Whether it is a yes, and what the person is told.
    pub(super) fn verdict(&self) -> Result<(bool, &'static str)> {
        match self.verdict.as_str() {
            "grant" => Ok((true, "broadcasts.granted")),
            "refuse" => Ok((false, "broadcasts.refused")),
            _ => Err(AppError::BadRequest { why: "field_type" }),
        }
    }
}
