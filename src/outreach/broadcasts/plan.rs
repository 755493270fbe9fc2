//! Writing down who gets a broadcast: everybody who is meant has a touch in the ledger
//! afterwards, planned or left out for a reason. A stretch at a time, so that nobody waits
//! long; what was written before the process ended is not written again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    app::App,
    customers::{CustomerId, Group},
    error::{AppError, Result},
    kit::Timestamp,
    org::MemberId,
    outreach::{
        campaign::{self, sight_of_maker},
        touches::{
            self, NewTouch, TouchState, Why, note_all,
            queries::{Judge, limits},
            settle,
        },
    },
    rollout,
    store::{Act, Read, StoreError, Walk, Write},
};

use super::{
    actions::{note_uses, stop_now},
    audience::{self, Meant, Target},
    groups,
    model::{Approval, Broadcast, State, StopReason, Task, TaskState},
    outbound, queries,
    standing::STRETCH,
};

/// Who is meant and not written down yet.
fn left(app: &App, broadcast: &Broadcast) -> Result<Vec<Meant>> {
    app.read(|r| {
        let sight = sight_of_maker(app, r, broadcast)?;
        let mut meant = audience::meant(r, &app.people, &sight, &broadcast.audience)?;
        let known = written(r, broadcast)?;
        meant.retain(|meant| !known.contains(&meant.to));
        Ok(meant)
    })
}

/// Who is written down already.
fn written(r: &Read<'_>, broadcast: &Broadcast) -> Result<BTreeSet<CustomerId>, StoreError> {
    let rows = touches::queries::of_cause(r, &broadcast.cause(), None, Walk::default())?;
    rows.map(|row| row.map(|(_, touch)| touch.0)).collect()
}

/// When a broadcast may begin.
fn begins_at(r: &Read<'_>, broadcast: &Broadcast, now: Timestamp) -> Result<Timestamp, StoreError> {
    let wanted = broadcast.send_at.map_or(now, |at| at.max(now));
    Ok(Judge::new(r, wanted)?.quiet_until().unwrap_or(wanted))
}

/// Writes down who gets it, and what comes next.
pub(super) async fn plan(app: &Arc<App>, broadcast: Broadcast) -> Result<()> {
    let (reading, of) = (app.clone(), broadcast.clone());
    let meant = tokio::task::spawn_blocking(move || left(&reading, &of)).await;
    let meant = match meant.map_err(AppError::internal)? {
        Ok(meant) => meant,
        // The account is gone, or its right: nothing is sent in its name any more.
        Err(AppError::Unauthenticated | AppError::Forbidden { .. }) => {
            return end(app, broadcast, StopReason::NoRight).await;
        }
        Err(error) => return Err(error),
    };
    for stretch in meant.chunks(STRETCH) {
        if app.is_stopping() {
            return Ok(());
        }
        let (mut meant, of) = (stretch.to_vec(), broadcast.clone());
        app.write(act("broadcast.plan", &broadcast), move |w| {
            write_down(w, &of, &mut meant)
        })
        .await?;
    }
    let id = broadcast.id;
    app.write(act("broadcast.plan", &broadcast), move |w| {
        let found = w.get::<Broadcast>(&id)?;
        match found.filter(|b| b.state == State::Planning) {
            Some(broadcast) => settle_plan(w, broadcast),
            None => Ok(()),
        }
    })
    .await?;
    // It may begin at once.
    app.outreach.broadcasts.wake.notify_one();
    Ok(())
}

fn act(code: &'static str, broadcast: &Broadcast) -> Act {
    Act {
        code,
        ..Act::by_system("broadcast.plan", "broadcast")
    }
    .about("broadcast", broadcast.id)
}

fn write_down(w: &mut Write<'_>, broadcast: &Broadcast, meant: &mut [Meant]) -> Result<()> {
    let now = w.now();
    let target = broadcast.target();
    let at = begins_at(&w.read(), broadcast, now)?;
    let judge = Judge::new(&w.read(), at)?;
    for meant in meant.iter_mut().filter(|meant| meant.why.is_none()) {
        meant.why = audience::obstacle(&w.read(), &judge, target, meant.to)?;
    }
    let touch = |meant: &Meant| NewTouch {
        customer: meant.to,
        member: meant.member,
        kind: target.kind(),
        at: if meant.why.is_some() { now } else { at },
        state: match meant.why {
            Some(_) => TouchState::Failed,
            None => TouchState::Planned,
        },
        of: broadcast.cause(),
        why: meant.why,
    };
    note_all(w, meant.iter().map(touch).collect()).map(drop)
}

/// Makes the tasks, and asks for a second person where there have to be two.
fn settle_plan(w: &mut Write<'_>, mut broadcast: Broadcast) -> Result<()> {
    let now = w.now();
    let planned = Some((TouchState::Planned, None));
    let mut by_member: BTreeMap<MemberId, Vec<u64>> = BTreeMap::new();
    let mut customers = 0u64;
    let ids: Vec<_> = {
        let read = w.read();
        let rows = touches::queries::of_cause(&read, &broadcast.cause(), planned, Walk::default())?;
        rows.collect::<Result<_, _>>()?
    };
    for (place, (to, _)) in ids {
        if let Some(member) = touches::queries::member_in(&place) {
            by_member.entry(member).or_default().push(to.bits());
            customers += match broadcast.target() {
                Target::Customers => 1,
                Target::Groups => groups::people_in(&w.read(), to.cast())?,
            };
        }
    }
    let mut no = 0;
    for (member, mut of_member) in by_member.clone() {
        of_member.sort_unstable();
        for part in of_member.chunks(broadcast.target().task_max()) {
            no += 1;
            w.put(&Task {
                broadcast: broadcast.id,
                no,
                member,
                from: part.first().copied().unwrap_or(0),
                to: part.last().copied().unwrap_or(0),
                state: TaskState::Queued,
                effect: None,
                msgid: String::new(),
                sent_at: None,
                cancelled_at: None,
                reminded_at: Vec::new(),
                cancel: None,
            })?;
        }
    }
    broadcast.tasks = no;
    broadcast.senders = by_member.into_keys().collect();
    broadcast.begins_at = Some(begins_at(&w.read(), &broadcast, now)?);
    let threshold = limits(&w.read())?.approve_above;
    broadcast.state = if no == 0 {
        State::Done
    } else if threshold.is_some_and(|most| customers > u64::from(most)) {
        broadcast.approval = Some(Approval::asked(customers, now));
        State::Waiting
    } else {
        State::Scheduled
    };
    w.put(&broadcast)?;
    note_uses(w, &broadcast)
}

/// Hands the tasks out, if it is time.
pub(super) async fn launch(app: &Arc<App>, broadcast: Broadcast) -> Result<()> {
    let now = app.store.clock().now();
    if broadcast.begins_at.is_some_and(|at| at > now) {
        return Ok(());
    }
    // Whom they may reach is asked again: between then and now somebody may have moved.
    let able = app.read(|r| {
        let sight = sight_of_maker(app, r, &broadcast)?;
        let senders = broadcast.senders.iter().copied();
        Ok::<_, AppError>(senders.filter(|id| sight.sees(*id)).collect())
    });
    let able: BTreeSet<MemberId> = match able {
        Ok(able) => able,
        Err(AppError::Unauthenticated | AppError::Forbidden { .. }) => {
            return end(app, broadcast, StopReason::NoRight).await;
        }
        Err(error) => return Err(error),
    };
    let id = broadcast.id;
    let firm = app.read(|r| rollout::queries::name(app, r))?;
    let launched = app
        .write(act("broadcast.begin", &broadcast), move |w| {
            let found = w.get::<Broadcast>(&id)?;
            match found.filter(|b| b.state == State::Scheduled) {
                Some(broadcast) => hand_out(w, broadcast, &able, &firm),
                None => Ok(()),
            }
        })
        .await;
    match launched {
        // The firm does not let Qitai write for now: it begins when it does again.
        Err(AppError::Conflict { .. }) => Ok(()),
        launched => {
            app.effects.notify_one();
            launched
        }
    }
}

fn hand_out(
    w: &mut Write<'_>,
    mut broadcast: Broadcast,
    able: &BTreeSet<MemberId>,
    firm: &str,
) -> Result<()> {
    let now = w.now();
    let begins = Judge::new(&w.read(), now)?.quiet_until();
    if begins.is_some() {
        broadcast.begins_at = begins;
        return Ok(w.put(&broadcast)?);
    }
    for mut task in queries::tasks(&w.read(), broadcast.id)? {
        // One of a member who may send nothing any more gets no effect, and is settled by the
        // worker.
        if !able.contains(&task.member) {
            continue;
        }
        let is_left = match broadcast.target() {
            Target::Customers => true,
            Target::Groups => leave_out(w, &task)? > 0,
        };
        match is_left {
            true => task.effect = Some(outbound::hand_out(w, &broadcast, &task, firm)?),
            false => task.state = TaskState::Over,
        }
        w.put(&task)?;
    }
    broadcast.state = State::Running;
    broadcast.ends_at = Some(now.plus_ms(super::model::RUNS_MS));
    Ok(w.put(&broadcast)?)
}

/// Leaves out groups that have another owner by now: only their owner can send there. Gives how
/// many recipients are left.
fn leave_out(w: &mut Write<'_>, task: &Task) -> Result<usize> {
    let now = w.now();
    let planned = queries::planned(&w.read(), task)?;
    let mut gone = Vec::new();
    for touch in &planned {
        let Some(group) = touch.group() else { continue };
        let group = w.get::<Group>(&group)?;
        if group.is_none_or(|group| group.owner != Some(task.member)) {
            gone.push((touch.id(), TouchState::Failed, now, Some(Why::NoSender)));
        }
    }
    Ok(planned.len() - settle(w, gone)?)
}

/// Stops a broadcast by itself.
pub(super) async fn end(app: &Arc<App>, broadcast: Broadcast, why: StopReason) -> Result<()> {
    let act = act("broadcast.end", &broadcast);
    let stop = move |w: &mut Write<'_>, found| stop_now(w, found, None, why);
    campaign::end(app, act, broadcast.id, stop).await
}
