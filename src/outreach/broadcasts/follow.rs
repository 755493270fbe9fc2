//! The worker: takes every broadcast a step further, and asks WeCom what became of those that
//! are out. All it knows lies in the store.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    app::App,
    customers::CustomerId,
    error::{AppError, Result},
    kit::Timestamp,
    org::Member,
    outreach::{
        campaign::{pause, ready},
        touches::{TouchId, TouchState, Why, settle},
    },
    slice::WorkerFuture,
    store::{Act, Read, StoreError, Write},
    wecom::{self, BroadcastResult, Client, quota::Urgency},
};

use super::{
    audience::Target,
    model::{Broadcast, BroadcastId, Look, State, StopReason, Task, TaskState},
    outbound::sent_at,
    plan, queries, standing,
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
    for broadcast in ready(app, app.read(queries::active)?).await {
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

/// Settles tasks that never left, and takes back what is out against the wish; ends the
/// broadcast when all is known.
async fn go_on(app: &Arc<App>, id: BroadcastId) -> Result<()> {
    let pace = &app.outreach.broadcasts.pace;
    let most = pace.stretch();
    while !app.is_stopping() && !app.read(|r| standing::is_idle(r, id))? {
        pace.pass().await;
        let is_more = app
            .write(act(id), move |w| standing::step(w, id, most))
            .await?;
        app.effects.notify_one();
        if !is_more {
            break;
        }
    }
    Ok(())
}

fn act(id: BroadcastId) -> Act {
    Act::by_system("broadcast.follow", "broadcast").about("broadcast", id)
}

/// What WeCom says of a task.
#[derive(Default)]
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
    let is_open = match told {
        Some(told) => keep(app, key, told).await?,
        None => false,
    };
    app.write(act(look.broadcast), move |w| {
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
        return Ok(Told::default());
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

/// A task's key.
type TaskKey = (BroadcastId, u32);

/// Keeps what WeCom says, a stretch at a time, and what follows from it once all of it is kept;
/// whether anything is still open. Where the process ends in between, it is asked about again.
async fn keep(app: &Arc<App>, key: TaskKey, told: Told) -> Result<bool> {
    let (is_final, sent_at) = (told.is_final, told.sent_at);
    // Nobody has done anything, and somebody may still get it: there is nothing to keep.
    if !is_final && sent_at.is_none() && app.read(|r| is_open(r, key))? {
        return Ok(true);
    }
    let pace = &app.outreach.broadcasts.pace;
    let most = pace.stretch();
    for stretch in told.results.chunks(most) {
        let stretch = stretch.to_vec();
        pace.pass().await;
        app.write(act(key.0), move |w| note(w, key, sent_at, &stretch))
            .await?;
    }
    loop {
        pace.pass().await;
        let standing = app
            .write(act(key.0), move |w| {
                conclude(w, key, (is_final, sent_at), most)
            })
            .await?;
        match standing {
            Standing::Over => return Ok(false),
            Standing::Open => return Ok(true),
            Standing::More if app.is_stopping() => return Ok(true),
            Standing::More => {}
        }
    }
}

/// Whether a task may still reach somebody.
fn is_open(r: &Read<'_>, key: TaskKey) -> Result<bool, StoreError> {
    match r.get::<Task>(&key)? {
        Some(task) => Ok(!queries::planned_ids(r, &task, 1)?.is_empty()),
        None => Ok(false),
    }
}

/// Keeps what became of some recipients.
fn note(
    w: &mut Write<'_>,
    key: TaskKey,
    sent: Option<Timestamp>,
    results: &[BroadcastResult],
) -> Result<()> {
    let (Some(task), Some(broadcast)) = (w.get::<Task>(&key)?, w.get::<Broadcast>(&key.0)?) else {
        return Ok(());
    };
    let now = w.now();
    let target = broadcast.target();
    let planned = queries::planned_ids(&w.read(), &task, usize::MAX)?;
    let open: HashMap<CustomerId, TouchId> = planned.into_iter().map(|id| (id.0, id)).collect();
    let mut ends: Vec<(TouchId, TouchState, Timestamp, Option<Why>)> = Vec::new();
    for result in results {
        let name = match target {
            Target::Customers => &result.external_userid,
            Target::Groups => &result.chat_id,
        };
        let recipient = queries::recipient_of(&w.read(), target, name)?;
        let Some(id) = recipient.and_then(|recipient| open.get(&recipient)) else {
            continue;
        };
        let at = sent_at(result.send_time, sent.unwrap_or(now));
        match result.status {
            1 => ends.push((*id, TouchState::Sent, at, None)),
            2 => ends.push((*id, TouchState::Failed, now, Some(Why::NotContact))),
            3 => ends.push((*id, TouchState::Failed, now, Some(Why::WecomLimit))),
            _ => {}
        }
    }
    settle(w, ends).map(drop)
}

/// Where a task stands after what WeCom said is kept.
enum Standing {
    /// Everything about it is known.
    Over,
    /// Something about it is still to be asked.
    Open,
    /// There is more to settle at once.
    More,
}

/// What follows from what WeCom said, with all of it kept.
fn conclude(
    w: &mut Write<'_>,
    key: TaskKey,
    (is_final, sent_at): (bool, Option<Timestamp>),
    most: usize,
) -> Result<Standing> {
    let (Some(mut task), Some(broadcast)) = (w.get::<Task>(&key)?, w.get::<Broadcast>(&key.0)?)
    else {
        return Ok(Standing::Over);
    };
    let now = w.now();
    let is_told = |at: Timestamp| is_complete(at, now);
    // Then what is not sent is not.
    let rest = if is_final {
        Some(Why::Stopped)
    } else if broadcast.target() == Target::Groups && sent_at.is_some_and(is_told) {
        Some(Why::NotSent)
    } else {
        None
    };
    task.sent_at = task.sent_at.or(sent_at);
    let is_over = match rest {
        Some(why) => standing::release(w, &task, why, most)?,
        None => queries::planned_ids(&w.read(), &task, 1)?.is_empty(),
    };
    if is_over {
        task.state = TaskState::Over;
    }
    w.put(&task)?;
    Ok(match (is_over, rest) {
        (true, _) => Standing::Over,
        (false, Some(_)) => Standing::More,
        (false, None) => Standing::Open,
    })
}
