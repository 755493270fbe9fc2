//! The worker: takes every broadcast a step further, and asks WeCom what became of those that
//! are out. All it knows lies in the store.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    org::Member,
    outreach::{
        campaign::pause,
        touches::{TouchId, TouchState, Why, settle},
    },
    slice::WorkerFuture,
    store::{Act, Read, StoreError, Write},
    wecom::{self, BroadcastResult, Client, quota::Urgency},
    work::effects::{self, Area, Effect, EffectId, EffectState, WriteMode},
};

use super::{
    actions::{note_uses, release},
    audience::Target,
    model::{Broadcast, BroadcastId, Look, State, StopReason, Task, TaskState},
    outbound::{self, sent_at},
    plan, queries,
};

/// How often it is looked at without being woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Tasks asked about in one round.
const ROUND: usize = 50;
/// WeCom is still telling the members.
const DISPATCHING: i64 = 41063;
/// Pause before a task that is being dispatched is asked about again, ms.
const DISPATCH_MS: i64 = 5_000;
/// How long after an owner has sent it WeCom may take to tell all groups that got it, ms.
const GROUPS_TOLD_MS: i64 = 600_000;

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            round(&app).await?;
            tokio::select! {
                () = app.outreach.broadcasts.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

async fn round(app: &Arc<App>) -> Result<()> {
    for broadcast in app.read(queries::active)? {
        let id = broadcast.id;
        if let Err(error) = step(app, broadcast).await {
            // One that cannot go on holds none of the others up.
            tracing::warn!(broadcast = %id, %error, "a broadcast does not go on");
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
        ask(app, &client, look).await?;
    }
    Ok(())
}

/// Takes a broadcast one step further.
async fn step(app: &Arc<App>, broadcast: Broadcast) -> Result<()> {
    let now = app.store.clock().now();
    match broadcast.state {
        State::Planning => plan::plan(app, broadcast).await,
        State::Waiting => {
            let until = broadcast.approval.as_ref().map(|approval| approval.until);
            match until.is_some_and(|until| until <= now) {
                true => plan::end(app, broadcast, StopReason::NotDecided).await,
                false => Ok(()),
            }
        }
        State::Scheduled => plan::launch(app, broadcast).await,
        State::Running if broadcast.ends_at.is_some_and(|at| at <= now) => {
            plan::end(app, broadcast, StopReason::TimeOver).await
        }
        State::Running | State::Stopping => go_on(app, broadcast.id).await,
        State::Draft | State::Stopped | State::Done => Ok(()),
    }
}

/// What became of a task that WeCom has not been told of.
#[derive(Clone, Copy)]
enum Fate {
    /// It may still leave.
    Open,
    /// It did not and will not.
    Lost(Why),
    /// A person says it did, and nobody knows its msgid.
    Believed(Timestamp),
}

fn fate(effect: Option<&Effect>, now: Timestamp) -> Fate {
    let Some(effect) = effect else {
        return Fate::Lost(Why::Stopped);
    };
    match effect.state {
        EffectState::Queued | EffectState::Sending | EffectState::Unknown => Fate::Open,
        EffectState::Failed => Fate::Lost(Why::Refused),
        EffectState::Cancelled | EffectState::Rehearsed => Fate::Lost(Why::Stopped),
        EffectState::Done => Fate::Believed(effect.finished_at.unwrap_or(now)),
    }
}

/// Where the tasks of a broadcast stand, all of one state: what is told of an effect changes
/// with it.
struct Standing {
    /// Those that never left, and why.
    settled: Vec<(Task, Fate)>,
    /// Those that are with a member although the broadcast is stopped, and nothing tells WeCom.
    unwanted: Vec<Task>,
    /// Whether everything about all of them is known.
    is_over: bool,
}

fn standing(r: &Read<'_>, broadcast: &Broadcast, now: Timestamp) -> Result<Standing, StoreError> {
    let effect = |id: Option<EffectId>| match id {
        Some(id) => r.get::<Effect>(&id),
        None => Ok(None),
    };
    let mut standing = Standing {
        settled: Vec::new(),
        unwanted: Vec::new(),
        is_over: true,
    };
    for task in queries::tasks(r, broadcast.id)? {
        standing.is_over &= task.state != TaskState::Out;
        match task.state {
            TaskState::Queued => match fate(effect(task.effect)?.as_ref(), now) {
                Fate::Open => standing.is_over = false,
                fate => standing.settled.push((task, fate)),
            },
            TaskState::Out if broadcast.state == State::Stopping => {
                // What failed waits in the outbox for a person.
                let is_told = effect(task.cancel)?.is_some_and(|effect| {
                    !matches!(
                        effect.state,
                        EffectState::Cancelled | EffectState::Rehearsed
                    )
                });
                if !is_told && task.cancelled_at.is_none() {
                    standing.unwanted.push(task);
                }
            }
            TaskState::Out | TaskState::Over => {}
        }
    }
    Ok(standing)
}

/// Settles tasks that never left, and takes back what is out against the wish; ends the
/// broadcast when all is known.
async fn go_on(app: &Arc<App>, id: BroadcastId) -> Result<()> {
    let now = app.store.clock().now();
    let is_idle = app.read(|r| {
        let Some(broadcast) = r.get::<Broadcast>(&id)? else {
            return Ok(true);
        };
        let standing = standing(r, &broadcast, now)?;
        let can_tell = effects::mode(r, Area::Outreach)? == WriteMode::On;
        let is_unwanted = can_tell && !standing.unwanted.is_empty();
        Ok::<_, AppError>(standing.settled.is_empty() && !standing.is_over && !is_unwanted)
    })?;
    if is_idle {
        return Ok(());
    }
    let act = Act::by_system("broadcast.follow", "broadcast").about("broadcast", id);
    app.write(act, move |w| carry_on(w, id)).await?;
    app.effects.notify_one();
    Ok(())
}

fn carry_on(w: &mut Write<'_>, id: BroadcastId) -> Result<()> {
    let found = w.get::<Broadcast>(&id)?;
    let is_going = |b: &Broadcast| matches!(b.state, State::Running | State::Stopping);
    let Some(mut broadcast) = found.filter(is_going) else {
        return Ok(());
    };
    let standing = standing(&w.read(), &broadcast, w.now())?;
    for (task, fate) in standing.settled {
        settle_lost(w, task, fate)?;
    }
    if effects::mode(&w.read(), Area::Outreach)? == WriteMode::On {
        for mut task in standing.unwanted {
            task.cancel = Some(outbound::take_back(w, &task, None)?);
            w.put(&task)?;
        }
    }
    if standing.is_over {
        broadcast.state = match broadcast.state {
            State::Stopping => State::Stopped,
            _ => State::Done,
        };
        w.put(&broadcast)?;
        note_uses(w, &broadcast)?;
    }
    Ok(())
}

fn settle_lost(w: &mut Write<'_>, mut task: Task, fate: Fate) -> Result<()> {
    match fate {
        Fate::Open => return Ok(()),
        Fate::Lost(why) => {
            release(w, &task, why)?;
        }
        Fate::Believed(at) => {
            let planned = queries::planned(&w.read(), &task)?;
            let ends = planned.iter().map(|t| (t.id(), TouchState::Sent, at, None));
            settle(w, ends.collect::<Vec<_>>())?;
        }
    }
    task.state = TaskState::Over;
    Ok(w.put(&task)?)
}

/// What WeCom says of a task.
struct Told {
    /// Asked after WeCom had confirmed that nobody gets it any more.
    is_final: bool,
    sent_at: Option<Timestamp>,
    results: Vec<BroadcastResult>,
}

/// Asks WeCom about one task, and keeps what it says.
async fn ask(app: &Arc<App>, client: &Client, look: Look) -> Result<()> {
    let key = (look.broadcast, look.no);
    let found = app.read(|r| {
        let task = r.get::<Task>(&key)?;
        let member = match &task {
            Some(task) => r.get::<Member>(&task.member)?,
            None => None,
        };
        Ok::<_, AppError>(task.zip(member))
    })?;
    let told = match &found {
        Some((task, member)) if task.state == TaskState::Out => {
            told(client, task, &member.userid).await.map(Some)
        }
        // Nothing is left to ask.
        _ => Ok(None),
    };
    let pause = match &told {
        Err(wecom::Error::Refused {
            errcode: DISPATCHING,
            ..
        }) => DISPATCH_MS,
        Err(wecom::Error::Held { wait_ms, .. }) => *wait_ms,
        _ => pause(look.looks),
    };
    let told = match told {
        Ok(told) => told,
        Err(error) => {
            tracing::info!(broadcast = %look.broadcast, task = look.no, %error, "asked in vain");
            return again(app, look, pause).await;
        }
    };
    let act = Act::by_system("broadcast.follow", "broadcast").about("broadcast", look.broadcast);
    app.write(act, move |w| {
        let is_open = match told {
            Some(told) => keep(w, key, told)?,
            None => false,
        };
        if is_other(w, &look)? {
            return Ok(());
        }
        match is_open {
            true => Ok(w.put(&next(look, w.now(), pause))?),
            false => w.delete::<Look>(&key).map(drop).map_err(AppError::from),
        }
    })
    .await
}

/// Whether somebody wants it asked about at another time meanwhile: then that holds.
fn is_other(w: &Write<'_>, look: &Look) -> Result<bool, StoreError> {
    Ok(w.get::<Look>(&(look.broadcast, look.no))?.as_ref() != Some(look))
}

fn next(look: Look, now: Timestamp, pause: i64) -> Look {
    Look {
        next_at: now.plus_ms(pause),
        looks: look.looks.saturating_add(1),
        ..look
    }
}

async fn again(app: &App, look: Look, pause: i64) -> Result<()> {
    app.write(Act::by_system("broadcast.follow", "broadcast"), move |w| {
        if is_other(w, &look)? {
            return Ok(());
        }
        let now = w.now();
        Ok(w.put(&next(look, now, pause))?)
    })
    .await
}

async fn told(client: &Client, task: &Task, userid: &str) -> Result<Told, wecom::Error> {
    let tasks = client.broadcast_tasks(&task.msgid).all().await?;
    let of_member = tasks
        .into_iter()
        .find(|t| t.userid.eq_ignore_ascii_case(userid));
    let sent = of_member.filter(wecom::BroadcastTask::is_sent);
    // Before the member has done anything there is nothing to know about anybody.
    if sent.is_none() && task.cancelled_at.is_none() {
        return Ok(Told {
            is_final: false,
            sent_at: None,
            results: Vec::new(),
        });
    }
    Ok(Told {
        is_final: task.cancelled_at.is_some(),
        sent_at: sent.map(|sent| Timestamp::from_s(sent.send_time)),
        results: client.broadcast_results(&task.msgid, userid).all().await?,
    })
}

/// Whether WeCom has told of all groups by now that an owner sent to. Those it was not sent to
/// are never told (documentation, 获取企业群发成员执行结果).
fn is_complete(sent_at: Timestamp, now: Timestamp) -> bool {
    now.since_ms(sent_at) >= GROUPS_TOLD_MS
}

/// Keeps what WeCom says; whether anything is still open.
fn keep(w: &mut Write<'_>, key: (super::model::BroadcastId, u32), told: Told) -> Result<bool> {
    let Some(mut task) = w.get::<Task>(&key)? else {
        return Ok(false);
    };
    let now = w.now();
    let Some(broadcast) = w.get::<Broadcast>(&task.broadcast)? else {
        return Ok(false);
    };
    let target = broadcast.target();
    let or = told.sent_at.unwrap_or(now);
    let planned = queries::planned(&w.read(), &task)?;
    let mut ends: Vec<(TouchId, TouchState, Timestamp, Option<Why>)> = Vec::new();
    let open: std::collections::HashMap<_, _> = planned
        .iter()
        .map(|touch| (touch.customer, touch.id()))
        .collect();
    for result in &told.results {
        let name = match target {
            Target::Customers => &result.external_userid,
            Target::Groups => &result.chat_id,
        };
        let recipient = queries::recipient_of(&w.read(), target, name)?;
        let Some(id) = recipient.and_then(|recipient| open.get(&recipient)) else {
            continue;
        };
        let at = sent_at(result.send_time, or);
        match result.status {
            1 => ends.push((*id, TouchState::Sent, at, None)),
            2 => ends.push((*id, TouchState::Failed, now, Some(Why::NotContact))),
            3 => ends.push((*id, TouchState::Failed, now, Some(Why::WecomLimit))),
            _ => {}
        }
    }
    let settled = settle(w, ends)?;
    task.sent_at = task.sent_at.or(told.sent_at);
    // Then what is not sent is not.
    if told.is_final {
        release(w, &task, Why::Stopped)?;
        task.state = TaskState::Over;
    } else if settled == planned.len() {
        task.state = TaskState::Over;
    } else if target == Target::Groups && told.sent_at.is_some_and(|at| is_complete(at, now)) {
        release(w, &task, Why::NotSent)?;
        task.state = TaskState::Over;
    }
    w.put(&task)?;
    Ok(task.state == TaskState::Out)
}
