//! From a draft that was sent to a task at WeCom: who publishes it is settled, a second person
//! asked where there have to be two, and WeCom told when it is time.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::App,
    error::{AppError, Result},
    org::MemberId,
    outreach::{
        broadcasts::Approval,
        campaign::{self, sight_of_maker},
        touches::queries::limits,
    },
    rollout,
    store::{Act, Write},
};

use super::{
    actions::{end as end_now, stop_now},
    audience::{self, Plan},
    model::{Moment, Part, PartState, State, Stop, StopReason},
    outbound, queries,
};

fn act(code: &'static str, moment: &Moment) -> Act {
    Act {
        code,
        ..Act::by_system("moment.plan", "moment")
    }
    .about("moment", moment.id)
}

/// Settles who publishes it, and what comes next.
pub(super) async fn plan(app: &Arc<App>, moment: Moment) -> Result<()> {
    let (reading, of) = (app.clone(), moment.clone());
    let planned = tokio::task::spawn_blocking(move || {
        reading.read(|r| {
            let sight = sight_of_maker(&reading, r, &of)?;
            audience::plan(r, &reading.people, &sight, &of.range)
        })
    });
    let planned = match planned.await.map_err(AppError::internal)? {
        Ok(planned) => planned,
        // The account is gone, or its right: nothing is sent in its name any more.
        Err(AppError::Unauthenticated | AppError::Forbidden { .. }) => {
            return end(app, moment, StopReason::NoRight).await;
        }
        Err(error) => return Err(error),
    };
    let id = moment.id;
    app.write(act("moment.plan", &moment), move |w| {
        let found = w.get::<Moment>(&id)?;
        match found.filter(|m| m.state == State::Planning) {
            Some(moment) => settle(w, moment, planned),
            None => Ok(()),
        }
    })
    .await?;
    // It may begin at once.
    app.outreach.moments.wake.notify_one();
    Ok(())
}

fn settle(w: &mut Write<'_>, mut moment: Moment, planned: Plan) -> Result<()> {
    let now = w.now();
    if planned.audience == 0 {
        moment.stopped = Some(Stop {
            by: None,
            at: now,
            why: StopReason::Nobody,
        });
        return end_now(w, moment);
    }
    for member in &planned.senders {
        w.put(&Part::new(moment.id, *member))?;
    }
    moment.senders = planned.senders;
    moment.audience = planned.audience;
    let threshold = limits(&w.read())?.approve_above;
    moment.state = if threshold.is_some_and(|most| moment.audience > u64::from(most)) {
        moment.approval = Some(Approval::asked(moment.audience, now));
        State::Waiting
    } else {
        State::Scheduled
    };
    Ok(w.put(&moment)?)
}

/// Has WeCom told, if it is time.
pub(super) async fn launch(app: &Arc<App>, moment: Moment) -> Result<()> {
    let now = app.store.clock().now();
    if moment.send_at.is_some_and(|at| at > now) {
        return Ok(());
    }
    // Who may publish it is asked again: between then and now somebody may have moved.
    let able = app.read(|r| {
        let sight = sight_of_maker(app, r, &moment)?;
        let is_able = |id: &MemberId| {
            let member = sight.directory.member(*id);
            sight.sees(*id) && member.is_some_and(audience::can_publish)
        };
        Ok::<_, AppError>(moment.senders.iter().copied().filter(is_able).collect())
    });
    let able: BTreeSet<MemberId> = match able {
        Ok(able) => able,
        Err(AppError::Unauthenticated | AppError::Forbidden { .. }) => {
            return end(app, moment, StopReason::NoRight).await;
        }
        Err(error) => return Err(error),
    };
    if able.is_empty() {
        return end(app, moment, StopReason::Nobody).await;
    }
    let id = moment.id;
    let firm = app.read(|r| rollout::queries::name(app, r))?;
    let launched = app
        .write(act("moment.begin", &moment), move |w| {
            let found = w.get::<Moment>(&id)?;
            match found.filter(|m| m.state == State::Scheduled) {
                Some(moment) => hand_out(w, moment, &able, &firm),
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
    mut moment: Moment,
    able: &BTreeSet<MemberId>,
    firm: &str,
) -> Result<()> {
    for mut part in queries::parts(&w.read(), moment.id)? {
        if !able.contains(&part.member) {
            part.state = PartState::Over;
            w.put(&part)?;
        }
    }
    moment.senders.retain(|member| able.contains(member));
    moment.effect = Some(outbound::hand_out(w, &moment, firm)?);
    moment.state = State::Making;
    moment.begun_at = Some(w.now());
    Ok(w.put(&moment)?)
}

/// Stops a moment by itself.
pub(super) async fn end(app: &Arc<App>, moment: Moment, why: StopReason) -> Result<()> {
    let act = act("moment.end", &moment);
    let stop = move |w: &mut Write<'_>, found| stop_now(w, found, None, why);
    campaign::end(app, act, moment.id, stop).await
}
