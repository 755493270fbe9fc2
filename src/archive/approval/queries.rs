//! Reads of requests: whoever may approve sees those whose conversations are in their scope and
//! not their own; whoever has asked sees their own.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{self, Permission, Viewer, queries::AccountView},
    kit::Timestamp,
    org::{Directory, Sight},
    store::{Key, Read, StoreError, SubjectId, Walk},
};

use super::{
    super::{model::Chat, queries::ArchiveSight, tables::FIRM},
    model::{Approval, ApprovalState, FourEyes, Wanted},
    tables::{BY_ACCOUNT, BY_STANDING, standing_key},
};

/// Requests that are looked through.
const LOOKED_AT: usize = 500;

/// Where the firm wants a second person.
pub fn four_eyes(r: &Read<'_>) -> Result<FourEyes, StoreError> {
    Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
}

/// What somebody who approves has in scope. It shows nothing of what people wrote.
pub fn sight(r: &Read<'_>, directory: &Arc<Directory>, viewer: &Viewer) -> Result<ArchiveSight> {
    let scope = viewer.scope(r, Permission::AccessApprove)?;
    Ok(ArchiveSight::from(
        r,
        Sight::new(directory.clone(), &scope),
    )?)
}

/// Whether all conversations are in scope.
pub fn sees(r: &Read<'_>, sight: &ArchiveSight, chats: &[u32]) -> Result<bool, StoreError> {
    for no in chats {
        if !r.get::<Chat>(no)?.is_some_and(|chat| sight.sees(&chat)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether somebody with this sight may decide about these conversations: all are in scope, and
/// none is one's own. Whoever is looked into does not decide about the look, nor sees that one
/// is wanted.
pub fn judges(r: &Read<'_>, sight: &ArchiveSight, chats: &[u32]) -> Result<bool, StoreError> {
    for no in chats {
        let chat = r.get::<Chat>(no)?;
        if !chat.is_some_and(|chat| sight.sees(&chat) && !sight.is_own(&chat)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Requests that wait, of others and for the viewer to decide, the oldest first.
pub fn waiting(
    r: &Read<'_>,
    sight: &ArchiveSight,
    own: Option<SubjectId>,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let mut found = in_standing(r, &ApprovalState::Pending, |approval| {
        approval.is_pending(now) && Some(approval.account) != own
    })?;
    found.reverse();
    to_judge(r, sight, found)
}

/// What was granted to others and holds, for the viewer to take back, newest first.
pub fn granted(
    r: &Read<'_>,
    sight: &ArchiveSight,
    own: Option<SubjectId>,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let by_nobody = ApprovalState::Granted(crate::store::SYSTEM_SUBJECT, now);
    let found = in_standing(r, &by_nobody, |approval| {
        approval.holds(now) && Some(approval.account) != own
    })?;
    to_judge(r, sight, found)
}

fn in_standing(
    r: &Read<'_>,
    state: &ApprovalState,
    is_wanted: impl Fn(&Approval) -> bool,
) -> Result<Vec<Approval>, StoreError> {
    let all = r.list(&BY_STANDING, &Walk::prefix(standing_key(state)))?;
    let mut found = Vec::new();
    for approval in all.take(LOOKED_AT) {
        let approval = approval?;
        if is_wanted(&approval) {
            found.push(approval);
        }
    }
    Ok(found)
}

fn to_judge(
    r: &Read<'_>,
    sight: &ArchiveSight,
    found: Vec<Approval>,
) -> Result<Vec<Approval>, StoreError> {
    let mut seen = Vec::with_capacity(found.len());
    for approval in found {
        if judges(r, sight, &approval.chats)? {
            seen.push(approval);
        }
    }
    Ok(seen)
}

/// What an account has asked for, newest first.
pub fn of_account(
    r: &Read<'_>,
    account: SubjectId,
    most: usize,
) -> Result<Vec<Approval>, StoreError> {
    r.list(&BY_ACCOUNT, &Walk::prefix(Key::new().with(account)))?
        .take(most)
        .collect()
}

/// The newest request of an account for something.
pub fn newest(
    r: &Read<'_>,
    account: SubjectId,
    wanted: &Wanted,
) -> Result<Option<Approval>, StoreError> {
    first(r, account, |approval| approval.wanted == *wanted)
}

/// The newest request of an account that is such a one.
fn first(
    r: &Read<'_>,
    account: SubjectId,
    is_wanted: impl Fn(&Approval) -> bool,
) -> Result<Option<Approval>, StoreError> {
    let all = r.list(&BY_ACCOUNT, &Walk::prefix(Key::new().with(account)))?;
    for approval in all.take(LOOKED_AT) {
        let approval = approval?;
        if is_wanted(&approval) {
            return Ok(Some(approval));
        }
    }
    Ok(None)
}

/// Whether an account may do something now: the firm does not ask for a second person, or
/// one has said yes.
pub fn holds(
    r: &Read<'_>,
    account: SubjectId,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rule = four_eyes(r)?;
    let is_free = match wanted {
        Wanted::Read(_) => !rule.read,
        Wanted::Evidence(..) => !rule.evidence,
    };
    Ok(is_free || first(r, account, |a| a.wanted == *wanted && a.holds(now))?.is_some())
}

/// The same as a failure that says what to do.
pub fn must_hold(r: &Read<'_>, account: SubjectId, wanted: &Wanted, now: Timestamp) -> Result<()> {
    match holds(r, account, wanted, now)? {
        true => Ok(()),
        false => Err(AppError::Conflict {
            why: "not_approved",
        }),
    }
}

/// Who may decide about these conversations, but for the one who asks and those who take part.
pub fn approvers(
    r: &Read<'_>,
    directory: &Arc<Directory>,
    chats: &[u32],
    but: Option<SubjectId>,
) -> Result<Vec<AccountView>> {
    let mut found = Vec::new();
    for (account, scope) in identity::queries::holders(r, Permission::AccessApprove)? {
        let sight = ArchiveSight::from(r, Sight::new(directory.clone(), &scope))?;
        if Some(account.id.cast()) != but && judges(r, &sight, chats)? {
            found.push(account);
        }
    }
    Ok(found)
}
