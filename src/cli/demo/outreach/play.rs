//! What people do about what the firm has begun: the second person, members and customers.

use std::sync::Arc;

use crate::{
    app::App,
    error::{AppError, Result},
    outreach::{
        broadcasts::{self, Broadcast, BroadcastId, BroadcastState, Task, TaskState},
        moments::{self, Moment, MomentId, MomentState},
    },
    wecom::sim::{ContactVerb, CustomerVerb, SimHandle, Verb},
};

use super::{directory, manager, person, whole_region};

/// Which of the members do it, by their number among those who could.
type Who = fn(usize) -> bool;

/// Something that is still to happen.
pub(in crate::cli::demo) enum Scene {
    /// Members send these, one broadcast after the other, once all are with them.
    Send {
        /// The broadcasts.
        ids: Vec<BroadcastId>,
        /// Which members.
        who: Who,
        /// A customer deletes a member before the last is sent.
        loses: bool,
        /// It is stopped then.
        stops: bool,
    },
    /// Members publish a moment, and customers like it and comment on it.
    Publish(MomentId, Who),
    /// The manager sends to all of the region, once everything before is planned.
    WholeRegion,
}

impl Scene {
    pub(super) fn send(ids: Vec<BroadcastId>, who: Who) -> Self {
        Self::Send {
            ids,
            who,
            loses: false,
            stops: false,
        }
    }

    pub(super) fn losing_a_customer(mut self) -> Self {
        if let Self::Send { loses, .. } = &mut self {
            *loses = true;
        }
        self
    }

    pub(super) fn stopping(mut self) -> Self {
        if let Self::Send { stops, .. } = &mut self {
            *stops = true;
        }
        self
    }

    pub(super) fn publish(id: MomentId, who: Who) -> Self {
        Self::Publish(id, who)
    }
}

/// Plays it if its time has come; gives it back if it has not.
pub(super) async fn play(app: &Arc<App>, sim: &SimHandle, scene: Scene) -> Result<Option<Scene>> {
    let is_over = match &scene {
        Scene::Send {
            ids,
            who,
            loses,
            stops,
        } => match all_out(app, ids).await? {
            Some(tasks) => {
                send(app, sim, &tasks, (*who, *loses))?;
                if *stops {
                    stop(app, ids).await?;
                }
                true
            }
            None => false,
        },
        Scene::Publish(id, who) => publish(app, sim, *id, *who).await?,
        Scene::WholeRegion => match is_planning(app)? {
            true => false,
            false => {
                whole_region(app).await?;
                true
            }
        },
    };
    Ok((!is_over).then_some(scene))
}

fn deed(sim: &SimHandle, verb: impl Into<Verb>) {
    if let Err(refused) = sim.act(verb) {
        tracing::warn!(%refused, "somebody in the demo cannot do that");
    }
}

fn is_planning(app: &App) -> Result<bool> {
    app.read(|r| {
        for broadcast in r.all::<Broadcast>(None)? {
            if broadcast?.state == BroadcastState::Planning {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

/// The tasks of these broadcasts, each in its turn, once all of them are with members. One that
/// waits for a second person is let go.
async fn all_out(app: &App, ids: &[BroadcastId]) -> Result<Option<Vec<Vec<Task>>>> {
    let mut all = Vec::new();
    for id in ids {
        let found = app.read(|r| {
            let state = r.get::<Broadcast>(id)?.map(|broadcast| broadcast.state);
            Ok::<_, AppError>((state, broadcasts::queries::tasks(r, *id)?))
        })?;
        match found {
            (Some(BroadcastState::Waiting), _) => grant(app, *id).await?,
            (Some(BroadcastState::Running), tasks) if tasks.iter().all(is_told) => all.push(tasks),
            (None | Some(BroadcastState::Done | BroadcastState::Stopped), _) => {
                all.push(Vec::new());
            }
            _ => {}
        }
    }
    Ok((all.len() == ids.len()).then_some(all))
}

fn is_told(task: &Task) -> bool {
    task.state != TaskState::Queued
}

async fn grant(app: &App, id: BroadcastId) -> Result<()> {
    let command = broadcasts::actions::Decide {
        id,
        is_granted: true,
        note: "可以发，注意回复客户。".to_owned(),
        directory: directory(app)?,
    };
    let decide = broadcasts::actions::decide;
    app.carry_out(&person(app, "admin")?, "broadcast.decide", command, decide)
        .await?;
    app.outreach.broadcasts.wake.notify_one();
    Ok(())
}

fn send(app: &App, sim: &SimHandle, turns: &[Vec<Task>], (who, loses): (Who, bool)) -> Result<()> {
    let directory = directory(app)?;
    for (n, tasks) in turns.iter().enumerate() {
        let is_last = n + 1 == turns.len();
        let out = tasks.iter().filter(|task| task.state == TaskState::Out);
        let named = out.filter_map(|task| Some((task, directory.member(task.member)?)));
        for (n, (task, member)) in named.enumerate() {
            let userid = member.userid.clone();
            if loses && is_last && n == 0 {
                loses_one(sim, &userid);
            }
            if who(n) {
                let msgid = task.msgid.clone();
                deed(sim, ContactVerb::SendBroadcast { msgid, userid });
            }
        }
    }
    Ok(())
}

/// The last of a member's customers deletes them.
fn loses_one(sim: &SimHandle, userid: &str) {
    if let Some(external_userid) = sim.customers_of(userid).pop() {
        let userid = userid.to_owned();
        deed(
            sim,
            CustomerVerb::DeleteFollower {
                userid,
                external_userid,
            },
        );
    }
}

async fn stop(app: &App, ids: &[BroadcastId]) -> Result<()> {
    for id in ids {
        let command = broadcasts::actions::StopBroadcast {
            id: *id,
            directory: directory(app)?,
        };
        let stop = broadcasts::actions::stop;
        let stopped = app
            .carry_out(&manager(app)?, "broadcast.stop", command, stop)
            .await;
        if let Err(error) = stopped {
            tracing::warn!(%error, "a broadcast of the demo is not stopped");
        }
    }
    app.outreach.broadcasts.wake.notify_one();
    Ok(())
}

/// Whether it was published, or never will be.
async fn publish(app: &App, sim: &SimHandle, id: MomentId, who: Who) -> Result<bool> {
    let Some(moment) = app.read(|r| r.get::<Moment>(&id))? else {
        return Ok(true);
    };
    match moment.state {
        MomentState::Waiting => {
            let command = moments::actions::Decide {
                id,
                is_granted: true,
                note: String::new(),
                directory: directory(app)?,
            };
            let decide = moments::actions::decide;
            app.carry_out(&person(app, "admin")?, "moment.decide", command, decide)
                .await?;
            app.outreach.moments.wake.notify_one();
            return Ok(false);
        }
        MomentState::Running => {}
        state => return Ok(state.is_over()),
    }
    let directory = directory(app)?;
    let members = moment.senders.iter().filter_map(|id| directory.member(*id));
    for (n, member) in members.enumerate().filter(|(n, _)| who(*n)) {
        let of = (moment.moment_id.as_str(), member.userid.as_str());
        deed(
            sim,
            ContactVerb::PublishMoment {
                moment_id: of.0.to_owned(),
                userid: of.1.to_owned(),
            },
        );
        react(sim, of, n);
    }
    let command = moments::actions::AskNow { id, directory };
    let ask = moments::actions::ask_now;
    app.carry_out(&manager(app)?, "moment.ask", command, ask)
        .await?;
    app.outreach.moments.wake.notify_one();
    Ok(true)
}

/// Some of a member's customers like it, and every fourth of those has something to say.
fn react(sim: &SimHandle, (moment_id, userid): (&str, &str), n: usize) {
    let customers = sim.customers_of(userid);
    let some = customers.len().min(2 + n * 3 % 7);
    for (n, who) in customers.into_iter().take(some).enumerate() {
        let react = |likes| ContactVerb::ReactToMoment {
            moment_id: moment_id.to_owned(),
            userid: userid.to_owned(),
            who: who.clone(),
            likes,
        };
        deed(sim, react(true));
        if n % 4 == 0 {
            deed(sim, react(false));
        }
    }
}
