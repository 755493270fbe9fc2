//! Where the tasks of a broadcast stand that is with the members or being stopped, and the next
//! step from there. No step settles more than a stretch of touches, so that nobody waits long
//! for the writer. Where the process ends between two of them nothing is lost: what is settled
//! stays so, and the ledger says what is left.

use crate::{
    error::Result,
    kit::Timestamp,
    outreach::touches::{TouchId, TouchState, Why, settle},
    store::{Read, StoreError, Write},
    work::effects::{self, Area, Effect, EffectId, EffectState, WriteMode},
};

use super::{
    actions::note_uses,
    model::{Broadcast, BroadcastId, State, Task, TaskState},
    outbound, queries,
};

/// Touches settled in one write.
pub(super) const STRETCH: usize = 2_000;
/// What a task counts for beside its touches: its own row, and what tells WeCom.
const TASK: usize = 10;

/// How what is planned of a task ends.
#[derive(Clone, Copy)]
enum End {
    /// Nobody gets it, for this reason.
    Lost(Why),
    /// A person says that it left, and nobody knows its msgid.
    Believed(Timestamp),
}

/// What a task wants next.
#[derive(Clone, Copy)]
enum Want {
    /// Nothing, until somebody else has done something.
    Nothing,
    /// WeCom has not been told, and is not to be any more.
    Hold(EffectId),
    /// WeCom does not have it and will not, or is said to have had it.
    Settle(End),
    /// It is with the member although the broadcast is stopped, and nothing tells WeCom.
    TakeBack,
}

/// What a task wants, all of one state: what is told of an effect changes with it.
fn want(r: &Read<'_>, broadcast: &Broadcast, task: &Task) -> Result<Want, StoreError> {
    let effect = |id: Option<EffectId>| match id {
        Some(id) => r.get::<Effect>(&id),
        None => Ok(None),
    };
    let is_stopping = broadcast.state == State::Stopping;
    Ok(match task.state {
        TaskState::Queued => match effect(task.effect)? {
            // Handed out without: its member may send nothing any more.
            None if !is_stopping => Want::Settle(End::Lost(Why::NoSender)),
            None => Want::Settle(End::Lost(Why::Stopped)),
            Some(effect) => of_effect(&effect, is_stopping),
        },
        TaskState::Out if is_stopping && task.cancelled_at.is_none() => {
            let mode = effects::mode(r, Area::Outreach)?;
            let can_tell = match effect(task.cancel)?.map(|effect| effect.state) {
                None => mode != WriteMode::Off,
                Some(EffectState::Cancelled | EffectState::Rehearsed) => mode == WriteMode::On,
                // What failed waits in the outbox for a person.
                Some(_) => false,
            };
            match can_tell {
                true => Want::TakeBack,
                false => Want::Nothing,
            }
        }
        TaskState::Out | TaskState::Over => Want::Nothing,
    })
}

fn of_effect(effect: &Effect, is_stopping: bool) -> Want {
    match effect.state {
        EffectState::Queued | EffectState::Failed if is_stopping => Want::Hold(effect.id),
        // On its way this moment: it is taken back once its id is known.
        EffectState::Queued | EffectState::Sending | EffectState::Unknown => Want::Nothing,
        EffectState::Failed => Want::Settle(End::Lost(Why::Refused)),
        EffectState::Cancelled | EffectState::Rehearsed => Want::Settle(End::Lost(Why::Stopped)),
        // WeCom was not told, because it was stopped meanwhile.
        EffectState::Done if effect.answer.is_some() => Want::Settle(End::Lost(Why::Stopped)),
        EffectState::Done => {
            let at = effect.finished_at.unwrap_or(effect.created_at);
            Want::Settle(End::Believed(at))
        }
    }
}

fn is_going(broadcast: &Broadcast) -> bool {
    matches!(broadcast.state, State::Running | State::Stopping)
}

/// Whether there is nothing to do about it before somebody else has done something.
pub(super) fn is_idle(r: &Read<'_>, id: BroadcastId) -> Result<bool, StoreError> {
    let Some(broadcast) = r.get::<Broadcast>(&id)?.filter(is_going) else {
        return Ok(true);
    };
    let mut is_over = true;
    for task in queries::tasks(r, id)? {
        if !matches!(want(r, &broadcast, &task)?, Want::Nothing) {
            return Ok(false);
        }
        is_over &= task.state == TaskState::Over;
    }
    Ok(!is_over)
}

/// Takes it a step further, of at most so many touches, and ends it when everything about it is
/// known; whether there is more to do at once.
///
/// # Errors
/// Those of the store, and of planning effects.
pub(super) fn step(w: &mut Write<'_>, id: BroadcastId, most: usize) -> Result<bool> {
    let Some(mut broadcast) = w.get::<Broadcast>(&id)?.filter(is_going) else {
        return Ok(false);
    };
    let mut room = most;
    let mut is_over = true;
    for task in queries::tasks(&w.read(), id)? {
        let wanted = want(&w.read(), &broadcast, &task)?;
        if matches!(wanted, Want::Nothing) {
            is_over &= task.state == TaskState::Over;
        } else if room == 0 {
            return Ok(true);
        } else {
            is_over &= do_it(w, &broadcast, task, wanted, &mut room)?;
            room = room.saturating_sub(TASK);
        }
    }
    if !is_over {
        return Ok(room == 0);
    }
    // Stopped before it had tasks: what was written down is released by itself.
    let strays = queries::all_planned(&w.read(), id, most)?;
    if !strays.is_empty() {
        finish(w, strays, End::Lost(Why::Stopped))?;
        return Ok(true);
    }
    broadcast.state = match broadcast.state {
        State::Stopping => State::Stopped,
        _ => State::Done,
    };
    w.put(&broadcast)?;
    note_uses(w, &broadcast)?;
    Ok(false)
}

/// Does what a task wants, as far as there is room; whether it is over then.
fn do_it(
    w: &mut Write<'_>,
    broadcast: &Broadcast,
    mut task: Task,
    wanted: Want,
    room: &mut usize,
) -> Result<bool> {
    let end = match wanted {
        Want::Nothing => return Ok(false),
        Want::TakeBack => {
            let by = broadcast.stopped.as_ref().and_then(|stop| stop.by);
            task.cancel = Some(outbound::take_back(w, &task, by)?);
            w.put(&task)?;
            return Ok(false);
        }
        Want::Hold(effect) => match effects::cancel(w, effect)? {
            true => End::Lost(Why::Stopped),
            false => return Ok(false),
        },
        Want::Settle(end) => end,
    };
    let (settled, is_all) = settle_some(w, &task, end, *room)?;
    *room -= settled;
    if is_all {
        task.state = TaskState::Over;
        w.put(&task)?;
    }
    Ok(is_all)
}

/// Settles at most so many of a task; how many, and whether none is left.
fn settle_some(w: &mut Write<'_>, task: &Task, end: End, most: usize) -> Result<(usize, bool)> {
    let mut planned = queries::planned_ids(&w.read(), task, most.saturating_add(1))?;
    let is_all = planned.len() <= most;
    planned.truncate(most);
    let n = planned.len();
    finish(w, planned, end)?;
    Ok((n, is_all))
}

fn finish(w: &mut Write<'_>, ids: Vec<TouchId>, end: End) -> Result<()> {
    let (state, at, why) = match end {
        End::Lost(why) => (TouchState::Failed, w.now(), Some(why)),
        End::Believed(at) => (TouchState::Sent, at, None),
    };
    let ends = ids.into_iter().map(|id| (id, state, at, why));
    settle(w, ends.collect::<Vec<_>>()).map(drop)
}

/// Whoever has not got a task will not, for this reason: at most so many at once. Whether none
/// is left.
///
/// # Errors
/// Those of the store.
pub(super) fn release(w: &mut Write<'_>, task: &Task, why: Why, most: usize) -> Result<bool> {
    settle_some(w, task, End::Lost(why), most).map(|(_, is_all)| is_all)
}
