//! What people do with broadcasts: write them, send, let or not let them go, stop, remind.

use std::sync::Arc;

use crate::{
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Timestamp,
    org::Directory,
    outreach::{
        Content,
        campaign::{
            found, is_writing_off, maker_of, may_begin, name_or_text, own_draft, takes_part,
        },
        materials,
    },
    store::{Read, StoreError, SubjectId, Write},
};

use super::{
    audience::Audience,
    model::{
        self, Approval, Broadcast, BroadcastId, Decision, NAME_CHARS_MAX, State, Stop, StopReason,
        TaskState,
    },
    outbound, queries,
};

/// Variables that stand for the customer or the code they came by: one text goes to all.
const OF_CUSTOMER: [&str; 4] = ["{客户}", "{customer}", "{活码}", "{code}"];

/// Writes a draft, or changes one.
#[derive(Debug, Clone)]
pub struct SaveDraft {
    /// The draft to be changed; none makes a new one.
    pub id: Option<BroadcastId>,
    /// What colleagues call it; the beginning of the text if empty.
    pub name: String,
    /// What is sent.
    pub content: Content,
    /// To whom.
    pub audience: Audience,
}

/// Sends a draft: its recipients are written down at once, as they are now.
#[derive(Debug, Clone)]
pub struct Send {
    /// The draft.
    pub id: BroadcastId,
    /// Not before this time.
    pub at: Option<Timestamp>,
}

/// Throws a draft away.
#[derive(Debug, Clone)]
pub struct Discard {
    /// The draft.
    pub id: BroadcastId,
}

macro_rules! about_drafts {
    ($($command:ty: $id:expr),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::BroadcastSend);
            const WHAT: &'static str = "broadcast";
            fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                let id: fn(&$command) -> Option<BroadcastId> = $id;
                id(self).map_or(Ok(true), |id| r.exists::<Broadcast>(&id))
            }
        }
    )*};
}
about_drafts!(SaveDraft: |c| c.id, Send: |c| Some(c.id), Discard: |c| Some(c.id));

/// What is wrong with a broadcast's content.
///
/// # Errors
/// Those of the store.
pub fn check(r: &Read<'_>, content: &Content) -> Result<Invalid, StoreError> {
    let mut wrong = materials::check(r, content)?;
    if OF_CUSTOMER.iter().any(|name| content.text.contains(name)) {
        wrong = wrong.with("text", "broadcasts.no_names");
    }
    Ok(wrong)
}

/// Keeps the draft; gives it.
///
/// # Errors
/// [`AppError::Invalid`] by field; [`AppError::Conflict`] if it is no draft any more.
pub fn save_draft(w: &mut Write<'_>, allowed: Allowed<SaveDraft>) -> Result<BroadcastId> {
    let by = maker_of(&allowed);
    let command = allowed.into_command();
    let mut wrong = check(&w.read(), &command.content)?;
    if command.name.trim().chars().count() > NAME_CHARS_MAX {
        wrong = wrong.with("name", "broadcasts.name_length");
    }
    wrong.into_result()?;
    let name = name_or_text(&command.name, &command.content);
    let broadcast = match command.id {
        Some(id) => Broadcast {
            name,
            content: command.content,
            audience: command.audience,
            ..own_draft(w, by, id)?
        },
        None => Broadcast {
            id: w.new_id()?,
            name,
            content: command.content,
            audience: command.audience,
            state: State::Draft,
            created_by: by,
            created_at: w.now(),
            send_at: None,
            begins_at: None,
            ends_at: None,
            senders: Vec::new(),
            approval: None,
            stopped: None,
            tasks: 0,
        },
    };
    w.put(&broadcast)?;
    note_uses(w, &broadcast)?;
    Ok(broadcast.id)
}

/// Assets are in use as long as the broadcast may still send them.
pub(super) fn note_uses(w: &mut Write<'_>, broadcast: &Broadcast) -> Result<()> {
    let used = match broadcast.state.is_over() {
        true => &[][..],
        false => broadcast.content.attachments.as_slice(),
    };
    let id = broadcast.id.to_string();
    Ok(materials::set_uses(w, model::CAUSE, &id, used)?)
}

/// Sends it. Who gets it is written down by the worker, a stretch at a time.
///
/// # Errors
/// [`AppError::Invalid`] for a time out of range; [`AppError::Conflict`] `writing_off`.
pub fn send(w: &mut Write<'_>, allowed: Allowed<Send>) -> Result<()> {
    let by = maker_of(&allowed);
    let command = allowed.into_command();
    let mut broadcast = own_draft::<Broadcast>(w, by, command.id)?;
    check(&w.read(), &broadcast.content)?.into_result()?;
    may_begin(w, command.at)?;
    broadcast.send_at = command.at;
    broadcast.state = State::Planning;
    Ok(w.put(&broadcast)?)
}

/// Throws it away.
///
/// # Errors
/// [`AppError::Conflict`] if it is no draft any more.
pub fn discard(w: &mut Write<'_>, allowed: Allowed<Discard>) -> Result<()> {
    let by = maker_of(&allowed);
    let draft = own_draft::<Broadcast>(w, by, allowed.into_command().id)?;
    w.delete::<Broadcast>(&draft.id)?;
    materials::set_uses(w, model::CAUSE, &draft.id.to_string(), &[])?;
    Ok(())
}

/// Stops a broadcast. What is sent stays sent.
#[derive(Debug, Clone)]
pub struct StopBroadcast {
    /// Which.
    pub id: BroadcastId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Reminds the members who have not sent it.
#[derive(Debug, Clone)]
pub struct Remind {
    /// Which.
    pub id: BroadcastId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Says yes or no as the second person.
#[derive(Debug, Clone)]
pub struct Decide {
    /// About which.
    pub id: BroadcastId,
    /// Yes.
    pub is_granted: bool,
    /// Why not; may be empty.
    pub note: String,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

macro_rules! about_broadcasts {
    ($($command:ty: $permission:expr),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some($permission);
            const WHAT: &'static str = "broadcast";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                takes_part(r, &self.directory, scope, self.id)
            }
        }
    )*};
}
about_broadcasts!(
    StopBroadcast: Permission::BroadcastSend,
    Remind: Permission::BroadcastSend,
    Decide: Permission::BroadcastApprove
);

/// Decides. Nobody decides about their own request.
///
/// # Errors
/// [`AppError::Conflict`] `own_request`, or `decided` if nothing waits.
pub fn decide(w: &mut Write<'_>, allowed: Allowed<Decide>) -> Result<()> {
    let by = maker_of(&allowed);
    let command = allowed.into_command();
    let mut broadcast = found::<Broadcast>(w, command.id)?;
    let is_waiting = broadcast.state == State::Waiting;
    let decision = Decision {
        by,
        at: w.now(),
        is_granted: command.is_granted,
        note: command.note,
    };
    let waiting = broadcast.approval.as_mut().filter(|_| is_waiting);
    Approval::decide(waiting, broadcast.created_by, decision)?;
    if command.is_granted {
        broadcast.state = State::Scheduled;
        return Ok(w.put(&broadcast)?);
    }
    w.put(&broadcast)?;
    stop_now(w, broadcast, by, StopReason::Refused)
}

/// Stops it.
///
/// # Errors
/// [`AppError::Conflict`] `not_running`.
pub fn stop(w: &mut Write<'_>, allowed: Allowed<StopBroadcast>) -> Result<()> {
    let by = maker_of(&allowed);
    let broadcast = found::<Broadcast>(w, allowed.into_command().id)?;
    if !broadcast.state.can_stop() {
        return Err(AppError::Conflict { why: "not_running" });
    }
    stop_now(w, broadcast, by, StopReason::ByHand)
}

/// Stops a broadcast: from now on nothing of it leaves. What has not left is released and what is
/// out taken back by the worker, a stretch at a time.
///
/// # Errors
/// [`AppError::Conflict`] `writing_off` if something is out and WeCom cannot be told.
pub(super) fn stop_now(
    w: &mut Write<'_>,
    mut broadcast: Broadcast,
    by: Option<SubjectId>,
    why: StopReason,
) -> Result<()> {
    let tasks = queries::tasks(&w.read(), broadcast.id)?;
    if tasks.iter().any(|task| task.state == TaskState::Out) && is_writing_off(w)? {
        return Err(AppError::Conflict { why: "writing_off" });
    }
    broadcast.state = State::Stopping;
    broadcast.stopped = Some(Stop {
        by,
        at: w.now(),
        why,
    });
    Ok(w.put(&broadcast)?)
}

/// Reminds them; gives how many.
///
/// # Errors
/// [`AppError::Conflict`] `nobody_to_remind`.
pub fn remind(w: &mut Write<'_>, allowed: Allowed<Remind>) -> Result<u64> {
    let by = maker_of(&allowed);
    let id = allowed.into_command().id;
    let now = w.now();
    let mut reminded = 0;
    if found::<Broadcast>(w, id)?.state == State::Running {
        for mut task in queries::tasks(&w.read(), id)? {
            if task.can_remind(now) {
                outbound::remind(w, &task, by)?;
                let before = now.plus_ms(-super::model::DAY_MS);
                task.reminded_at.retain(|at| *at > before);
                task.reminded_at.push(now);
                w.put(&task)?;
                reminded += 1;
            }
        }
    }
    match reminded {
        0 => Err(AppError::Conflict {
            why: "nobody_to_remind",
        }),
        n => Ok(n),
    }
}
