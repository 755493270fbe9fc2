//! Asking a second person, and deciding as one.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Id,
    org::{Directory, Sight},
    store::{Read, StoreError, SubjectId, Write},
};

use super::{
    super::{
        evidence::{self, Case, CaseId},
        model::{Chat, Opening},
        queries::ArchiveSight,
        viewed,
    },
    model::{Approval, ApprovalId, ApprovalState, FourEyes, HOURS, WAITS_MS, Wanted},
    queries,
};

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Characters of a note.
const NOTE_CHARS_MAX: usize = 200;

/// Says where the firm wants a second person.
#[derive(Debug, Clone)]
pub struct SetFourEyes {
    /// The rule.
    pub rule: FourEyes,
}

impl Command for SetFourEyes {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    const STEP_UP: bool = true;
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// Keeps the rule. Where a second person is wanted from now on, conversations that are open
/// for a reason alone are closed.
pub fn set_four_eyes(w: &mut Write<'_>, allowed: Allowed<SetFourEyes>) -> Result<()> {
    let rule = allowed.into_command().rule;
    if !HOURS.contains(&rule.hours) {
        return Err(AppError::field("hours", "approval.hours_range"));
    }
    if rule.read && !queries::four_eyes(&w.read())?.read {
        let open: Vec<Opening> = w.read().all(None)?.collect::<Result<_, _>>()?;
        for opening in open {
            w.delete::<Opening>(&(opening.account.bits(), opening.chat))?;
        }
    }
    Ok(w.put(&rule)?)
}

/// Asks for a conversation. A request that waits already is kept, where it gives the same reason.
pub fn ask_read(w: &mut Write<'_>, account: SubjectId, chat: &Chat, reason: String) -> Result<()> {
    ask(w, account, Wanted::Read(chat.no), vec![chat.no], reason)
}

fn ask(
    w: &mut Write<'_>,
    account: SubjectId,
    wanted: Wanted,
    chats: Vec<u32>,
    reason: String,
) -> Result<()> {
    let waiting = queries::newest(&w.read(), account, &wanted)?;
    let waiting = waiting.filter(|approval| approval.is_pending(w.now()));
    let id = match waiting {
        Some(waiting) if waiting.reason == reason => waiting.id,
        Some(mut other) => {
            // Somebody may be deciding about the reason that was given; nobody shall say yes to
            // one they have not seen.
            other.state = ApprovalState::Withdrawn(w.now());
            w.put(&other)?;
            w.new_id::<Approval>()?
        }
        None => w.new_id::<Approval>()?,
    };
    Ok(w.put(&Approval {
        id,
        account,
        wanted,
        chats,
        reason,
        asked_at: w.now(),
        until: w.now().plus_ms(WAITS_MS),
        state: ApprovalState::Pending,
    })?)
}

/// Asks for sealing a case and taking its package out.
#[derive(Debug, Clone)]
pub struct AskEvidence {
    /// The case.
    pub case: CaseId,
    /// What the one who asks sees.
    pub sight: ArchiveSight,
}

impl Command for AskEvidence {
    const PERMISSION: Option<Permission> = Some(Permission::EvidenceManage);
    const WHAT: &'static str = "evidence_case";
    fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        let case = r.get::<Case>(&self.case)?;
        case.map_or(Ok(false), |case| {
            evidence::queries::sees(r, &self.sight, &case.chats)
        })
    }
}

/// Asks; the reason is the case's own.
pub fn ask_evidence(w: &mut Write<'_>, allowed: Allowed<AskEvidence>) -> Result<()> {
    let account = own(&allowed)?;
    let case = w.get::<Case>(&allowed.into_command().case)?;
    let case = case.ok_or(AppError::NotFound {
        what: "evidence_case",
    })?;
    if case.chats.is_empty() {
        return Err(AppError::Conflict { why: "case_empty" });
    }
    let wanted = Wanted::Evidence(case.id, case.revision);
    ask(w, account, wanted, case.chats, case.why)
}

fn own<C>(allowed: &Allowed<C>) -> Result<SubjectId> {
    let by = allowed.by().map(Id::cast);
    by.ok_or(AppError::Forbidden {
        permission: "session",
    })
}

fn found(w: &Write<'_>, id: ApprovalId) -> Result<Approval> {
    let approval = w.get::<Approval>(&id)?;
    approval.ok_or(AppError::NotFound {
        what: "access_approval",
    })
}

macro_rules! about_approval {
    ($($command:ty),+) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::AccessApprove);
            const WHAT: &'static str = "access_approval";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                let Some(approval) = r.get::<Approval>(&self.approval)? else {
                    return Ok(false);
                };
                let sight = ArchiveSight::from(r, Sight::new(self.directory.clone(), scope))?;
                queries::judges(r, &sight, &approval.chats)
            }
        }
    )+};
}
about_approval!(Decide, Revoke);

/// Says yes or no.
#[derive(Debug, Clone)]
pub struct Decide {
    /// To which request.
    pub approval: ApprovalId,
    /// Yes.
    pub is_granted: bool,
    /// Why not; may be empty.
    pub note: String,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Says it. Nobody decides about their own request.
pub fn decide(w: &mut Write<'_>, allowed: Allowed<Decide>) -> Result<()> {
    let by = own(&allowed)?;
    let command = allowed.into_command();
    let mut approval = found(w, command.approval)?;
    if approval.account == by {
        return Err(AppError::Conflict { why: "own_request" });
    }
    let now = w.now();
    if !approval.is_pending(now) {
        return Err(AppError::Conflict { why: "decided" });
    }
    let note = command.note.trim().to_owned();
    if note.chars().count() > NOTE_CHARS_MAX {
        return Err(AppError::field("note", "approval.note_length"));
    }
    if !command.is_granted {
        approval.state = ApprovalState::Refused(by, now, note);
        return Ok(w.put(&approval)?);
    }
    let hours = queries::four_eyes(&w.read())?.hours;
    approval.until = now.plus_ms(i64::from(hours) * HOUR_MS);
    approval.state = ApprovalState::Granted(by, now);
    if let Wanted::Read(chat) = approval.wanted {
        let opening = Opening {
            account: approval.account,
            chat,
            reason: approval.reason.clone(),
            until: approval.until,
        };
        if let Some(chat) = w.get::<Chat>(&chat)? {
            viewed::note(w, &chat, &opening)?;
        }
        w.put(&opening)?;
    }
    Ok(w.put(&approval)?)
}

/// Takes back what was granted.
#[derive(Debug, Clone)]
pub struct Revoke {
    /// Which.
    pub approval: ApprovalId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Takes it back; from the next look on it does not hold.
pub fn revoke(w: &mut Write<'_>, allowed: Allowed<Revoke>) -> Result<()> {
    let by = own(&allowed)?;
    let mut approval = found(w, allowed.into_command().approval)?;
    let now = w.now();
    if !approval.holds(now) {
        return Err(AppError::Conflict { why: "decided" });
    }
    approval.state = ApprovalState::Revoked(by, now);
    close(w, &approval)?;
    Ok(w.put(&approval)?)
}

fn close(w: &mut Write<'_>, approval: &Approval) -> Result<()> {
    if let Wanted::Read(chat) = approval.wanted {
        w.delete::<Opening>(&(approval.account.bits(), chat))?;
    }
    Ok(())
}

/// Takes one's own request back, granted or not.
#[derive(Debug, Clone)]
pub struct Withdraw {
    /// Which.
    pub approval: ApprovalId,
    /// Whose account.
    pub account: SubjectId,
}

impl Command for Withdraw {
    const PERMISSION: Option<Permission> = None;
    const WHAT: &'static str = "access_approval";
    fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        let approval = r.get::<Approval>(&self.approval)?;
        Ok(approval.is_some_and(|approval| approval.account == self.account))
    }
}

/// Takes it back.
pub fn withdraw(w: &mut Write<'_>, allowed: Allowed<Withdraw>) -> Result<()> {
    let by = own(&allowed)?;
    let command = allowed.into_command();
    let mut approval = found(w, command.approval)?;
    if approval.account != by {
        return Err(AppError::NotFound {
            what: "access_approval",
        });
    }
    let now = w.now();
    if !approval.is_pending(now) && !approval.holds(now) {
        return Err(AppError::Conflict { why: "decided" });
    }
    approval.state = ApprovalState::Withdrawn(now);
    close(w, &approval)?;
    Ok(w.put(&approval)?)
}
