//! What people do with moments: write them, send, let or not let them go, stop, ask again.

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Timestamp,
    org::{Directory, Sight},
    outreach::{
        Content,
        broadcasts::{Approval, Decision, model::NAME_CHARS_MAX},
        campaign::{found, maker_of, may_begin, name_or_text, own_draft, takes_part},
        materials,
    },
    store::{Read, StoreError, SubjectId, Write},
    work::effects,
};

use super::{
    content,
    model::{CAUSE, Look, Moment, MomentId, PartState, Range, State, Stop, StopReason},
    outbound, queries,
};

/// Writes a draft, or changes one.
#[derive(Debug, Clone)]
pub struct SaveDraft {
    /// The draft to be changed; none makes a new one.
    pub id: Option<MomentId>,
    /// What colleagues call it; the beginning of the text if empty.
    pub name: String,
    /// What is published.
    pub content: Content,
    /// By whom and for whom.
    pub range: Range,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for SaveDraft {
    const PERMISSION: Option<Permission> = Some(Permission::BroadcastSend);
    const WHAT: &'static str = "moment";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let sight = Sight::new(self.directory.clone(), scope);
        let is_there = match self.id {
            Some(id) => r.exists::<Moment>(&id)?,
            None => true,
        };
        Ok(is_there && self.range.members.iter().all(|member| sight.sees(*member)))
    }
}

/// Sends a draft.
#[derive(Debug, Clone)]
pub struct Send {
    /// The draft.
    pub id: MomentId,
    /// Not before this time.
    pub at: Option<Timestamp>,
}

/// Throws a draft away.
#[derive(Debug, Clone)]
pub struct Discard {
    /// The draft.
    pub id: MomentId,
}

macro_rules! about_drafts {
    ($($command:ty),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::BroadcastSend);
            const WHAT: &'static str = "moment";
            fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                r.exists::<Moment>(&self.id)
            }
        }
    )*};
}
about_drafts!(Send, Discard);

/// Keeps the draft; gives it.
///
/// # Errors
/// [`AppError::Invalid`] by field; [`AppError::Conflict`] if it is no draft any more.
pub fn save_draft(w: &mut Write<'_>, allowed: Allowed<SaveDraft>) -> Result<MomentId> {
    let by = maker_of(&allowed);
    let command = allowed.into_command();
    let mut wrong = content::check(&w.read(), &command.content)?;
    if command.name.trim().chars().count() > NAME_CHARS_MAX {
        wrong = wrong.with("name", "broadcasts.name_length");
    }
    if !outbound::are_known(&w.read(), &command.range.tags)? {
        wrong = wrong.with("tag", "moments.tag_unknown");
    }
    wrong.into_result()?;
    let name = name_or_text(&command.name, &command.content);
    let moment = match command.id {
        Some(id) => Moment {
            name,
            content: command.content,
            range: command.range,
            ..own_draft(w, by, id)?
        },
        None => Moment {
            id: w.new_id()?,
            name,
            content: command.content,
            range: command.range,
            state: State::Draft,
            created_by: by,
            created_at: w.now(),
            send_at: None,
            begun_at: None,
            ends_at: None,
            senders: Vec::new(),
            audience: 0,
            approval: None,
            stopped: None,
            effect: None,
            jobid: String::new(),
            moment_id: String::new(),
            cancel: None,
            cancelled_at: None,
            failure: None,
        },
    };
    w.put(&moment)?;
    note_uses(w, &moment)?;
    Ok(moment.id)
}

/// Assets are in use until WeCom has the moment, or it is over.
pub(super) fn note_uses(w: &mut Write<'_>, moment: &Moment) -> Result<()> {
    let used = match moment.state.is_over() || moment.state == State::Running {
        true => &[][..],
        false => moment.content.attachments.as_slice(),
    };
    Ok(materials::set_uses(w, CAUSE, &moment.id.to_string(), used)?)
}

/// Sends it. Who publishes it is settled by the worker.
///
/// # Errors
/// [`AppError::Invalid`] for a time out of range; [`AppError::Conflict`] `writing_off`.
pub fn send(w: &mut Write<'_>, allowed: Allowed<Send>) -> Result<()> {
    let by = maker_of(&allowed);
    let command = allowed.into_command();
    let mut moment = own_draft::<Moment>(w, by, command.id)?;
    content::check(&w.read(), &moment.content)?.into_result()?;
    may_begin(w, command.at)?;
    moment.send_at = command.at;
    moment.state = State::Planning;
    Ok(w.put(&moment)?)
}

/// Throws it away.
///
/// # Errors
/// [`AppError::Conflict`] if it is no draft any more.
pub fn discard(w: &mut Write<'_>, allowed: Allowed<Discard>) -> Result<()> {
    let by = maker_of(&allowed);
    let draft = own_draft::<Moment>(w, by, allowed.into_command().id)?;
    w.delete::<Moment>(&draft.id)?;
    materials::set_uses(w, CAUSE, &draft.id.to_string(), &[])?;
    Ok(())
}

/// Stops a moment: those who have not published it cannot any more.
#[derive(Debug, Clone)]
pub struct StopMoment {
    /// Which.
    pub id: MomentId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Has WeCom asked now.
#[derive(Debug, Clone)]
pub struct AskNow {
    /// About which.
    pub id: MomentId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Says yes or no as the second person.
#[derive(Debug, Clone)]
pub struct Decide {
    /// About which.
    pub id: MomentId,
    /// Yes.
    pub is_granted: bool,
    /// Why not; may be empty.
    pub note: String,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

macro_rules! about_moments {
    ($($command:ty: $permission:expr),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some($permission);
            const WHAT: &'static str = "moment";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                takes_part(r, &self.directory, scope, self.id)
            }
        }
    )*};
}
about_moments!(
    StopMoment: Permission::BroadcastSend,
    AskNow: Permission::OutreachRead,
    Decide: Permission::BroadcastApprove
);

/// Decides. Nobody decides about their own request.
///
/// # Errors
/// [`AppError::Conflict`] `own_request`, or `decided` if nothing waits.
pub fn decide(w: &mut Write<'_>, allowed: Allowed<Decide>) -> Result<()> {
    let by = maker_of(&allowed);
    let command = allowed.into_command();
    let mut moment = found::<Moment>(w, command.id)?;
    let is_waiting = moment.state == State::Waiting;
    let decision = Decision {
        by,
        at: w.now(),
        is_granted: command.is_granted,
        note: command.note,
    };
    let waiting = moment.approval.as_mut().filter(|_| is_waiting);
    Approval::decide(waiting, moment.created_by, decision)?;
    if command.is_granted {
        moment.state = State::Scheduled;
        return Ok(w.put(&moment)?);
    }
    stop_now(w, moment, by, StopReason::Refused)
}

/// Stops it.
///
/// # Errors
/// [`AppError::Conflict`] `moment_not_running`.
pub fn stop(w: &mut Write<'_>, allowed: Allowed<StopMoment>) -> Result<()> {
    let by = maker_of(&allowed);
    let moment = found::<Moment>(w, allowed.into_command().id)?;
    if !moment.state.can_stop() {
        return Err(AppError::Conflict {
            why: "moment_not_running",
        });
    }
    stop_now(w, moment, by, StopReason::ByHand)
}

/// Stops a moment: what WeCom was not told of ends here and now, what it has is cancelled there.
pub(super) fn stop_now(
    w: &mut Write<'_>,
    mut moment: Moment,
    by: Option<SubjectId>,
    why: StopReason,
) -> Result<()> {
    moment.stopped = Some(Stop {
        by,
        at: w.now(),
        why,
    });
    moment.state = State::Stopping;
    if !moment.moment_id.is_empty() {
        moment.cancel = Some(outbound::cancel(w, &moment, by)?);
        return Ok(w.put(&moment)?);
    }
    let is_held = match moment.effect {
        Some(effect) => effects::cancel(w, effect)?,
        None => true,
    };
    match is_held {
        true => end(w, moment),
        // On its way this moment: it is cancelled there once its id is known.
        false => Ok(w.put(&moment)?),
    }
}

/// Ends a moment that was stopped: whoever has not published it cannot any more.
pub(super) fn end(w: &mut Write<'_>, mut moment: Moment) -> Result<()> {
    moment.state = State::Stopped;
    for mut part in queries::parts(&w.read(), moment.id)? {
        if part.state == PartState::Waiting {
            part.state = PartState::Over;
            w.put(&part)?;
        }
    }
    w.put(&moment)?;
    note_uses(w, &moment)
}

/// Has everything about it asked at once.
///
/// # Errors
/// [`AppError::Conflict`] `moment_not_out` if WeCom has nothing to tell.
pub fn ask_now(w: &mut Write<'_>, allowed: Allowed<AskNow>) -> Result<()> {
    let moment = found::<Moment>(w, allowed.into_command().id)?;
    if moment.moment_id.is_empty() {
        return Err(AppError::Conflict {
            why: "moment_not_out",
        });
    }
    let next_at = w.now();
    Ok(w.put(&Look {
        moment: moment.id,
        next_at,
        looks: 0,
        wants_all: true,
    })?)
}
