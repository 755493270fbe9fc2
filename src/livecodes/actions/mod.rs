//! What people do with codes: make, change, pause, archive. What follows at WeCom is in
//! [`ways`], the tree of channels in [`channels`].

mod channels;
mod ways;

use std::sync::Arc;

use crate::{
    customers,
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::{Id, Timestamp},
    org::{Directory, Sight},
    outreach::materials,
    store::{Read, StoreError, Write},
    tags::Tag,
};

use super::{Channel, CodeState, LiveCode, LiveCodeId, draft::CodeDraft, reach::Eyes};

pub use channels::{
    DeleteChannel, MakeChannel, MoveChannel, RenameChannel, delete_channel, make_channel,
    move_channel, rename_channel,
};
pub use ways::{MendWays, mend};

/// Makes a code, or changes it.
#[derive(Debug, Clone)]
pub struct SaveCode {
    /// The code; none for a new one.
    pub code: Option<LiveCodeId>,
    /// Its version when its form was shown; none does not care.
    pub seen: Option<u32>,
    /// What it is to be.
    pub draft: CodeDraft,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for SaveCode {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "live_code";

    /// Members and groups that are on the code already may stay, whoever's they are.
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let known = match self.code {
            Some(id) => match r.get::<LiveCode>(&id)? {
                Some(known) => Some(known),
                None => return Ok(false),
            },
            None => None,
        };
        let eyes = Eyes::new(self.directory.clone(), scope);
        let sight = Sight::new(self.directory.clone(), scope);
        let known_in_reach = known.as_ref().is_none_or(|code| eyes.reaches(code.unit));
        if !known_in_reach || !eyes.reaches(self.draft.unit) {
            return Ok(false);
        }
        for seat in &self.draft.seats {
            let stays = known
                .as_ref()
                .is_some_and(|k| k.seat(seat.member).is_some());
            if !stays && !sight.sees(seat.member) {
                return Ok(false);
            }
        }
        let rooms = known.as_ref().map_or(&[][..], |known| &known.rooms);
        for room in &self.draft.rooms {
            let stays = rooms.iter().any(|known| known.group == room.group);
            if !stays && customers::queries::group_head(r, &sight, room.group)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Makes or changes the code, and plans what follows at WeCom.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveCode>) -> Result<LiveCode> {
    let by = allowed.by().map(|account| account.cast());
    let SaveCode {
        code, seen, draft, ..
    } = allowed.into_command();
    let known = match code {
        Some(id) => w.read().get_versioned::<LiveCode>(&id)?,
        None => None,
    };
    let is_stale =
        |known: &crate::store::Versioned<LiveCode>| seen.is_some_and(|seen| seen != known.version);
    if known.as_ref().is_some_and(is_stale) {
        return Err(AppError::Conflict { why: "changed" });
    }
    let before = known.map(|known| known.entity);
    if before.as_ref().is_some_and(LiveCode::is_archived) {
        return Err(AppError::Conflict { why: "archived" });
    }
    let mut draft = draft;
    if let Some(before) = &before {
        draft.kind = before.kind;
    }
    problems(&w.read(), &draft, before.as_ref(), w.now())?.into_result()?;
    draft.tags = known_tags(w, draft.tags)?;
    let mut after = match &before {
        Some(before) => before.clone(),
        None => LiveCode {
            id: w.new_id::<LiveCode>()?,
            kind: draft.kind,
            name: String::new(),
            state: CodeState::Active,
            unit: None,
            channel: None,
            tags: Vec::new(),
            remark_prefix: String::new(),
            welcome: None,
            expires_at: None,
            created_at: w.now(),
            created_by: by,
            seats: Vec::new(),
            skip_verify: true,
            schedule: Vec::new(),
            rooms: Vec::new(),
            auto_room: None,
        },
    };
    draft.apply(&mut after);
    w.put(&after)?;
    note_assets(w, &after)?;
    ways::settle(w, before.as_ref(), &after, by)?;
    Ok(after)
}

/// Everything that is wrong with what a code is to become.
///
/// # Errors
/// Those of the store.
pub(in crate::livecodes) fn problems(
    r: &Read<'_>,
    draft: &CodeDraft,
    before: Option<&LiveCode>,
    now: Timestamp,
) -> Result<Invalid> {
    let mut wrong = draft.check();
    if let Some(welcome) = draft.welcome.as_ref().filter(|w| !w.is_empty()) {
        let known = before.and_then(|before| before.welcome.as_ref());
        // What is wrong with a message that stays is not this form's to say.
        if known != Some(welcome) {
            let problems = materials::check(r, welcome)?.problems;
            wrong.problems.extend(problems);
        }
    }
    let is_same_end = before.is_some_and(|before| before.expires_at == draft.expires_at);
    if !is_same_end && draft.expires_at.is_some_and(|at| at <= now) {
        wrong = wrong.with("expires", "livecodes.problem.past");
    }
    if let Some(channel) = draft.channel
        && r.get::<Channel>(&channel)?.is_none()
    {
        wrong = wrong.with("channel", "livecodes.problem.no_channel");
    }
    Ok(wrong)
}

fn known_tags(w: &Write<'_>, tags: Vec<Id<Tag>>) -> Result<Vec<Id<Tag>>> {
    let mut known = Vec::new();
    for id in tags {
        let tag = w.get::<Tag>(&id)?;
        if tag.is_some_and(|tag| !tag.deleted) && !known.contains(&id) {
            known.push(id);
        }
    }
    Ok(known)
}

/// Assets that a code sends are in use as long as it is not over.
fn note_assets(w: &mut Write<'_>, code: &LiveCode) -> Result<()> {
    let welcome = code.welcome.as_ref().filter(|_| !code.is_archived());
    let assets = welcome.map_or(&[][..], |welcome| &welcome.attachments);
    Ok(materials::set_uses(
        w,
        "code",
        &code.id.to_string(),
        assets,
    )?)
}

/// What is done with a code as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeDeed {
    /// It says that it is paused.
    Pause,
    /// It leads on again.
    Resume,
    /// It is over for good.
    Archive,
}

impl CodeDeed {
    /// The deed with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        match code {
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "archive" => Some(Self::Archive),
            _ => None,
        }
    }
}

/// Pauses, resumes or archives a code.
#[derive(Debug, Clone)]
pub struct SetState {
    /// The code.
    pub code: LiveCodeId,
    /// What is done.
    pub deed: CodeDeed,
    /// The directory that says what is in scope.
    pub directory: Arc<Directory>,
}

/// Whether a code is there and within reach.
fn is_within(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Arc<Directory>,
    code: LiveCodeId,
) -> Result<bool, StoreError> {
    let eyes = Eyes::new(directory.clone(), scope);
    let code = r.get::<LiveCode>(&code)?;
    Ok(code.is_some_and(|code| eyes.reaches(code.unit)))
}

impl Command for SetState {
    const PERMISSION: Option<Permission> = Some(Permission::LiveCodeManage);
    const WHAT: &'static str = "live_code";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_within(r, scope, &self.directory, self.code)
    }
}

/// Does it. What is archived stays so: what it made at WeCom is deleted.
pub fn set_state(w: &mut Write<'_>, allowed: Allowed<SetState>) -> Result<LiveCode> {
    let by = allowed.by().map(|account| account.cast());
    let SetState { code, deed, .. } = allowed.into_command();
    let before = w.get::<LiveCode>(&code)?;
    let before = before.ok_or(AppError::NotFound { what: "live_code" })?;
    let mut after = before.clone();
    after.state = match (before.state, deed) {
        (archived @ CodeState::Archived { .. }, CodeDeed::Archive) => archived,
        (CodeState::Archived { .. }, _) => return Err(AppError::Conflict { why: "archived" }),
        (_, CodeDeed::Pause) => CodeState::Paused,
        (_, CodeDeed::Resume) => CodeState::Active,
        (_, CodeDeed::Archive) => CodeState::Archived { at: w.now() },
    };
    w.put(&after)?;
    note_assets(w, &after)?;
    ways::settle(w, Some(&before), &after, by)?;
    Ok(after)
}
