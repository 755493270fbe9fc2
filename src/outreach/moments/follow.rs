//! The worker: takes every moment a step further, and asks WeCom what became of those that are
//! there. All it knows lies in the store.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    error::{AppError, Result},
    outreach::campaign::ready,
    slice::WorkerFuture,
    store::{Act, Read, StoreError, Write},
    wecom::quota::Urgency,
    work::{
        Failure,
        effects::{Effect, EffectId, EffectState},
    },
};

use super::{
    actions::end as end_now,
    ask,
    model::{Look, Moment, MomentId, State, Stop, StopReason},
    outbound, plan, queries,
};

/// How often it is looked at without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Moments asked about in one round.
const ROUND: usize = 20;
/// A moment that could not be stopped when its time was over is stopped again after this, ms.
const STOPPED_AGAIN_MS: i64 = 86_400_000;

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            round(&app).await?;
            tokio::select! {
                () = app.outreach.moments.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

async fn round(app: &Arc<App>) -> Result<()> {
    for moment in ready(app, app.read(queries::active)?).await {
        let id = moment.id;
        if let Err(error) = step(app, moment).await {
            // One that cannot go on holds none of the others up.
            tracing::warn!(moment = %id, %error, "a moment does not go on");
        }
    }
    let Some(client) = app.wecom() else {
        return Ok(());
    };
    let client = client.at(Urgency::Bulk);
    let now = app.store.clock().now();
    for look in app.read(|r| queries::due(r, now, ROUND))? {
        if app.is_stopping() {
            return Ok(());
        }
        ask::ask(app, &client, look).await?;
    }
    Ok(())
}

/// Takes a moment one step further.
async fn step(app: &Arc<App>, moment: Moment) -> Result<()> {
    let now = app.store.clock().now();
    match moment.state {
        State::Planning => plan::plan(app, moment).await,
        State::Waiting => {
            let until = moment.approval.as_ref().map(|approval| approval.until);
            match until.is_some_and(|until| until <= now) {
                true => plan::end(app, moment, StopReason::NotDecided).await,
                false => Ok(()),
            }
        }
        State::Scheduled => plan::launch(app, moment).await,
        State::Running if moment.ends_at.is_some_and(|at| at <= now) => {
            plan::end(app, moment, StopReason::TimeOver).await
        }
        State::Making | State::Stopping => go_on(app, moment.id).await,
        State::Draft | State::Running | State::Stopped | State::Done => Ok(()),
    }
}

/// What became of telling WeCom.
enum Fate {
    /// It may still leave, or the answer is being followed.
    Open,
    /// WeCom does not have it and will not.
    Ended(StopReason, Option<Failure>),
    /// A person says that WeCom has it, and nobody knows its id: it is looked for.
    Believed,
    /// WeCom was not told to stop it: it goes on.
    NotStopped(Option<Failure>),
    /// A person says that it is stopped.
    SaidToBeStopped,
}

fn fate(moment: &Moment, told: Option<&Effect>, cancel: Option<&Effect>) -> Fate {
    if !moment.moment_id.is_empty() {
        if moment.state != State::Stopping || moment.cancelled_at.is_some() {
            return Fate::Open;
        }
        return match cancel.map(|effect| (effect.state, effect)) {
            Some((EffectState::Queued | EffectState::Sending | EffectState::Unknown, _)) => {
                Fate::Open
            }
            Some((EffectState::Done, _)) => Fate::SaidToBeStopped,
            Some((_, effect)) => Fate::NotStopped(effect.failure.clone()),
            None => Fate::NotStopped(None),
        };
    }
    let Some(effect) = told else {
        return Fate::Ended(StopReason::NotTold, None);
    };
    match effect.state {
        EffectState::Queued | EffectState::Sending | EffectState::Unknown => Fate::Open,
        EffectState::Failed => Fate::Ended(StopReason::NotTaken, effect.failure.clone()),
        EffectState::Cancelled | EffectState::Rehearsed => Fate::Ended(StopReason::NotTold, None),
        EffectState::Done if !moment.jobid.is_empty() => Fate::Open,
        EffectState::Done if effect.answer.is_some() => Fate::Ended(StopReason::NotTold, None),
        EffectState::Done => Fate::Believed,
    }
}

/// A moment and what became of telling WeCom of it, both of one state: what is told about an
/// effect changes with it.
fn state_of(r: &Read<'_>, id: MomentId) -> Result<Option<(Moment, Fate)>, StoreError> {
    let Some(moment) = r.get::<Moment>(&id)? else {
        return Ok(None);
    };
    if !matches!(moment.state, State::Making | State::Stopping) {
        return Ok(None);
    }
    let effect = |id: Option<EffectId>| match id {
        Some(id) => r.get::<Effect>(&id),
        None => Ok(None),
    };
    let (told, cancel) = (effect(moment.effect)?, effect(moment.cancel)?);
    let fate = match fate(&moment, told.as_ref(), cancel.as_ref()) {
        Fate::Believed if r.exists::<Look>(&id)? => Fate::Open,
        fate => fate,
    };
    Ok(Some((moment, fate)))
}

async fn go_on(app: &Arc<App>, id: MomentId) -> Result<()> {
    let is_idle = app.read(|r| {
        let found = state_of(r, id)?;
        Ok::<_, AppError>(found.is_none_or(|(_, fate)| matches!(fate, Fate::Open)))
    })?;
    if is_idle {
        return Ok(());
    }
    let act = Act::by_system("moment.follow", "moment").about("moment", id);
    app.write(act, move |w| carry_on(w, id)).await
}

fn carry_on(w: &mut Write<'_>, id: MomentId) -> Result<()> {
    let Some((mut moment, fate)) = state_of(&w.read(), id)? else {
        return Ok(());
    };
    let now = w.now();
    match fate {
        Fate::Open => Ok(()),
        Fate::Ended(why, failure) => {
            moment.failure = failure;
            stop_for(&mut moment, why, now);
            end_now(w, moment)
        }
        Fate::Believed => outbound::ask_at(w, id, now),
        Fate::NotStopped(failure) => {
            moment.failure = failure;
            moment.state = State::Running;
            moment.stopped = None;
            moment.cancel = None;
            let again = now.plus_ms(STOPPED_AGAIN_MS);
            moment.ends_at = moment.ends_at.map(|at| at.max(again));
            w.put(&moment)?;
            outbound::ask_at(w, id, now)
        }
        Fate::SaidToBeStopped => {
            moment.cancelled_at = Some(now);
            w.put(&moment)?;
            outbound::ask_at(w, id, now)
        }
    }
}

/// Notes why it was stopped, unless it was stopped before for another reason.
pub(super) fn stop_for(moment: &mut Moment, why: StopReason, at: crate::kit::Timestamp) {
    if moment.stopped.is_none() {
        moment.stopped = Some(Stop { by: None, at, why });
    }
}
