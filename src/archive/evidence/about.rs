//! What a package says of its case: who opened and sealed it, who agreed to that, and by which
//! key it is verified.

use crate::{
    app::App,
    audit::{checkpoints, evidence::pretty},
    error::{AppError, Result},
    identity,
    kit::Timestamp,
    store::{Read, StoreError, SubjectId},
};

use super::{
    super::approval::{self, ApprovalState, Wanted},
    model::{Case, CaseState},
};

/// An account as it is called when the package is made.
#[derive(Debug, Clone, Default)]
pub(super) struct Somebody {
    /// `account:<id>`, as in the entries of the log; empty for nobody.
    pub(super) account: String,
    pub(super) name: String,
}

impl Somebody {
    fn of(r: &Read<'_>, id: SubjectId) -> Result<Self, StoreError> {
        let name = identity::queries::account_name(r, id.cast())?;
        Ok(Self {
            account: format!("account:{id}"),
            name: name.unwrap_or_default(),
        })
    }
}

/// See the module.
pub(super) struct About<'a> {
    pub(super) case: &'a Case,
    pub(super) opened_by: Somebody,
    pub(super) sealed_by: Somebody,
    pub(super) sealed_at: Timestamp,
    /// The second person's yes that holds, and when it was said; none where none was asked for.
    pub(super) approved: Option<(Somebody, Timestamp)>,
    /// The key that signs the log's checkpoints.
    pub(super) key: String,
}

impl<'a> About<'a> {
    pub(super) fn of(app: &App, r: &Read<'_>, case: &'a Case, now: Timestamp) -> Result<Self> {
        let (mut sealed_by, mut approved) = (Somebody::default(), None);
        if let CaseState::Sealing(_, by) = case.state {
            sealed_by = Somebody::of(r, by)?;
            let wanted = Wanted::Evidence(case.id, case.revision);
            let newest = approval::queries::newest(r, by, &wanted)?;
            if let Some(approval) = newest.filter(|approval| approval.holds(now))
                && let ApprovalState::Granted(by, at) = approval.state
            {
                approved = Some((Somebody::of(r, by)?, at));
            }
        }
        Ok(Self {
            case,
            opened_by: Somebody::of(r, case.by)?,
            sealed_by,
            sealed_at: now,
            approved,
            key: checkpoints::verifier_key(app.store.vault()).text(),
        })
    }

    /// The content of `case.json`.
    pub(super) fn file(&self) -> Result<Vec<u8>> {
        let (approved, approved_at) = match &self.approved {
            Some((by, at)) => (by.clone(), at.to_rfc3339()),
            None => Default::default(),
        };
        let facts = serde_json::json!({
            "case": self.case.id.to_string(),
            "title": self.case.title,
            "why": self.case.why,
            "made_by": self.opened_by.account,
            "made_by_name": self.opened_by.name,
            "made_at": self.case.at.to_rfc3339(),
            "sealed_by": self.sealed_by.account,
            "sealed_by_name": self.sealed_by.name,
            "sealed_at": self.sealed_at.to_rfc3339(),
            "approved_by": approved.account,
            "approved_by_name": approved.name,
            "approved_at": approved_at,
            "context": self.case.context,
        });
        pretty(&facts).map_err(AppError::internal)
    }
}
