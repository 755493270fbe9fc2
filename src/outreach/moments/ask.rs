//! What WeCom says of a moment: whether it is made, who has published it, whom it reached and
//! what they make of it.

use std::sync::Arc;

use crate::{
    app::App,
    customers,
    error::{AppError, Result},
    kit::Timestamp,
    org::{Member, MemberId},
    outreach::{
        campaign::pause,
        touches::{NewTouch, TouchKind, TouchState, note_all},
    },
    store::{Act, Write},
    wecom::{self, Class, Client, MomentMade},
    work::{Failure, effects::Effect},
};

use super::{
    actions::{end as end_now, note_uses},
    find::{DISPATCH_S, DISPATCHING, Found},
    follow::stop_for,
    model::{Asked, Look, Moment, MomentId, Part, PartState, State, StopReason, cause},
    outbound, queries,
};

/// Pause before a job that is under way is asked about again, ms.
const JOB_MS: i64 = 2_000;
/// WeCom has forgotten a job, which it does after 24 hours.
const NO_JOB: i64 = 40088;
/// Pause before a moment is looked for again, ms.
const SEEK_MS: i64 = 900_000;
/// A moment that is not found for so long is given up, ms.
const GIVEN_UP_MS: i64 = 2 * 86_400_000;
/// Touches noted in one write.
const STRETCH: usize = 2_000;

/// When WeCom is next asked.
enum Next {
    /// After this pause, ms.
    After(i64),
    /// After a pause that grows.
    Pause,
    /// Never: everything is known.
    Never,
}

fn act(id: MomentId) -> Act {
    Act::by_system("moment.follow", "moment").about("moment", id)
}

/// Asks WeCom about one moment, and keeps what it says.
pub(super) async fn ask(app: &Arc<App>, client: &Client, look: Look) -> Result<()> {
    let id = look.moment;
    let said = match app.read(|r| r.get::<Moment>(&id))? {
        None => Ok(Next::Never),
        Some(moment) if moment.moment_id.is_empty() => making(app, client, &moment).await,
        Some(moment) => published(app, client, &moment, look.wants_all).await,
    };
    let next = match said {
        Ok(next) => next,
        Err(AppError::Later { retry_after_s, .. }) => {
            Next::After(i64::try_from(retry_after_s).unwrap_or(3_600) * 1_000)
        }
        Err(error) => {
            tracing::info!(moment = %id, %error, "asked in vain");
            Next::Pause
        }
    };
    let pause = match next {
        Next::After(ms) => Some(ms),
        Next::Pause => Some(pause(look.looks)),
        Next::Never => None,
    };
    app.write(act(id), move |w| {
        // Somebody wants it asked at another time meanwhile: that holds.
        if w.get::<Look>(&id)?.as_ref() != Some(&look) {
            return Ok(());
        }
        match pause {
            Some(pause) => Ok(w.put(&Look {
                next_at: w.now().plus_ms(pause),
                looks: look.looks.saturating_add(1),
                wants_all: false,
                ..look
            })?),
            None => w.delete::<Look>(&id).map(drop).map_err(AppError::from),
        }
    })
    .await
}

/// Asks whether the moment is made.
async fn making(app: &Arc<App>, client: &Client, moment: &Moment) -> Result<Next> {
    if moment.state.is_over() {
        return Ok(Next::Never);
    }
    if !moment.jobid.is_empty() {
        match client.moment_job(&moment.jobid).await {
            Ok(job) => {
                return match job.result.filter(|_| job.status == 3) {
                    None => Ok(Next::After(JOB_MS)),
                    Some(made) => arrived(app, moment.id, made).await,
                };
            }
            Err(wecom::Error::Refused {
                errcode: NO_JOB, ..
            }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let effect = match moment.effect {
        Some(effect) => app.read(|r| r.get::<Effect>(&effect))?,
        None => None,
    };
    let found = match &effect {
        Some(effect) => outbound::seek(app, client, effect).await?,
        None => Found::None,
    };
    if let Found::One(moment_id) = found {
        let made = MomentMade {
            errcode: 0,
            moment_id,
            invalid_sender_list: wecom::Senders::default(),
            invalid_external_contact_list: wecom::TaggedCustomers::default(),
        };
        return arrived(app, moment.id, made).await;
    }
    let now = app.store.clock().now();
    let age = moment.begun_at.map_or(0, |at| now.since_ms(at));
    if age < GIVEN_UP_MS {
        return Ok(Next::After(SEEK_MS));
    }
    end(app, moment.id, StopReason::Lost, None).await?;
    Ok(Next::Never)
}

/// Keeps what came of the job.
async fn arrived(app: &Arc<App>, id: MomentId, made: MomentMade) -> Result<Next> {
    if made.errcode != 0 || made.moment_id.is_empty() {
        let errcode = made.errcode;
        let remedy = outbound::remedy(errcode).unwrap_or("wecom.refused");
        end(app, id, StopReason::NotTaken, Some((errcode, remedy))).await?;
        return Ok(Next::Never);
    }
    app.write(act(id), move |w| {
        let found = w.get::<Moment>(&id)?;
        let Some(moment) = found.filter(|m| m.moment_id.is_empty()) else {
            return Ok(());
        };
        for mut part in queries::parts(&w.read(), id)? {
            let member = w.get::<Member>(&part.member)?;
            let is_refused = |userid: &String| {
                let mut member = member.iter();
                member.any(|member| member.userid.eq_ignore_ascii_case(userid))
            };
            if made.invalid_sender_list.user_list.iter().any(is_refused) {
                part.state = PartState::NotAdmitted;
                w.put(&part)?;
            }
        }
        outbound::is_there(w, moment, made.moment_id)
    })
    .await?;
    app.effects.notify_one();
    app.outreach.moments.wake.notify_one();
    Ok(Next::After(0))
}

async fn end(
    app: &App,
    id: MomentId,
    why: StopReason,
    said: Option<(i64, &'static str)>,
) -> Result<()> {
    app.write(act(id), move |w| {
        let found = w.get::<Moment>(&id)?;
        // What is there by now was not lost, and was taken.
        let is_there = |m: &Moment| !m.moment_id.is_empty() && why != StopReason::Deleted;
        let Some(mut moment) = found.filter(|m| m.state.is_active() && !is_there(m)) else {
            return Ok(());
        };
        let now = w.now();
        moment.failure =
            said.map(|(errcode, remedy)| Failure::of(&AppError::Wecom { errcode, remedy }, now));
        stop_for(&mut moment, why, now);
        end_now(w, moment)
    })
    .await
}

/// Asks who has published it, whom it reached and what they make of it.
async fn published(
    app: &Arc<App>,
    client: &Client,
    moment: &Moment,
    wants_all: bool,
) -> Result<Next> {
    let id = moment.id;
    let members = app.read(|r| with_userids(r, id))?;
    let is_open = |(part, _): &(Part, String)| part.state == PartState::Waiting;
    if members.iter().any(is_open) {
        let tasks = match client.moment_tasks(&moment.moment_id).all().await {
            Ok(tasks) => tasks,
            Err(wecom::Error::Refused {
                errcode: outbound::NO_MOMENT,
                ..
            }) => {
                end(app, id, StopReason::Deleted, None).await?;
                return Ok(Next::Never);
            }
            Err(wecom::Error::Refused {
                errcode: DISPATCHING,
                ..
            }) => return Ok(Next::After(DISPATCH_S.cast_signed() * 1_000)),
            Err(error) => return Err(error.into()),
        };
        let status = |userid: &str| {
            let mut tasks = tasks.iter();
            tasks.find(|task| task.userid.eq_ignore_ascii_case(userid))
        };
        let mut changed = Vec::new();
        for (part, userid) in members.iter().filter(|found| is_open(found)) {
            match status(userid).map(|task| task.publish_status) {
                Some(1) => changed.push((part.member, PartState::Published)),
                Some(_) => {}
                None => changed.push((part.member, PartState::NotAdmitted)),
            }
        }
        keep_states(app, id, changed).await?;
    }
    let now = app.store.clock().now();
    for (part, userid) in app.read(|r| with_userids(r, id))? {
        if app.is_stopping() {
            break;
        }
        of_member(
            app,
            client,
            &moment.moment_id,
            (&part, &userid),
            (now, wants_all),
        )
        .await?;
    }
    conclude(app, id, moment.cancelled_at).await
}

/// The parts of a moment with the members' userids.
fn with_userids(r: &crate::store::Read<'_>, id: MomentId) -> Result<Vec<(Part, String)>> {
    let mut found = Vec::new();
    for part in queries::parts(r, id)? {
        let member = r.get::<Member>(&part.member)?;
        found.push((part, member.map_or(String::new(), |member| member.userid)));
    }
    Ok(found)
}

async fn keep_states(app: &App, id: MomentId, changed: Vec<(MemberId, PartState)>) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    app.write(act(id), move |w| {
        let now = w.now();
        for (member, state) in changed {
            let found = w.get::<Part>(&(id, member))?;
            let Some(mut part) = found.filter(|p| p.state != PartState::Published) else {
                continue;
            };
            part.state = state;
            part.published_at = (state == PartState::Published).then_some(now);
            w.put(&part)?;
        }
        Ok(())
    })
    .await
}

/// What WeCom says of one member's part.
#[derive(Default)]
struct Told {
    visible: Option<u64>,
    reached: Vec<String>,
    /// Comments and likes.
    made_of_it: Option<(u64, u64)>,
}

/// Asks about one member's part, if it is due.
async fn of_member(
    app: &Arc<App>,
    client: &Client,
    moment_id: &str,
    (part, userid): (&Part, &str),
    (now, wants_all): (Timestamp, bool),
) -> Result<()> {
    let key = (part.moment, part.member);
    let takes_part = matches!(part.state, PartState::Waiting | PartState::Published);
    let asked_at = app.read(|r| r.get::<Asked>(&key))?.map(|asked| asked.at);
    let is_due = part.is_due(asked_at, now) || (wants_all && part.published_at.is_some());
    if !takes_part || (part.visible.is_some() && !is_due) {
        return Ok(());
    }
    let mut told = Told::default();
    if part.visible.is_none() {
        let seen = client.moment_customers(moment_id, userid).all().await;
        told.visible = known(seen)?.map(|seen| seen.len() as u64);
    }
    if is_due {
        let reached = client.moment_results(moment_id, userid).all().await;
        let reached = known(reached)?.unwrap_or_default();
        told.reached = reached.into_iter().map(|c| c.external_userid).collect();
        let reactions = known(client.moment_reactions(moment_id, userid).await)?;
        told.made_of_it =
            reactions.map(|r| (r.comment_list.len() as u64, r.like_list.len() as u64));
    }
    let reached = std::mem::take(&mut told.reached);
    for stretch in reached.chunks(STRETCH) {
        let stretch = stretch.to_vec();
        app.write(act(key.0), move |w| note(w, key, &stretch))
            .await?;
    }
    app.write(act(key.0), move |w| keep(w, key, &told, is_due))
        .await
}

/// What WeCom says; nothing where it has nothing to say of this member, which must not keep
/// the others waiting.
fn known<T>(said: Result<T, wecom::Error>) -> Result<Option<T>> {
    match said {
        Ok(said) => Ok(Some(said)),
        Err(error) if matches!(error.class(), Some(Class::OurFault | Class::Gone)) => {
            tracing::info!(%error, "nothing to be had of a member's moment");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Notes a touch for each customer who was not reached through this member before.
fn note(w: &mut Write<'_>, (id, member): (MomentId, MemberId), reached: &[String]) -> Result<()> {
    let Some(part) = w.get::<Part>(&(id, member))? else {
        return Ok(());
    };
    let at = part.published_at.unwrap_or_else(|| w.now());
    let mut known = queries::reached_by(&w.read(), id, member)?;
    let mut new = Vec::new();
    for external in reached {
        let customer = customers::sync::by_external_userid(&w.read(), external)?;
        // Whom Qitai does not know yet is noted when it does, and this is asked again.
        let Some(customer) = customer else { continue };
        if known.insert(customer.id) {
            new.push(NewTouch {
                customer: customer.id,
                member: Some(member),
                kind: TouchKind::Moment,
                at,
                state: TouchState::Sent,
                of: cause(id),
                why: None,
            });
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    note_all(w, new).map(drop)
}

fn keep(
    w: &mut Write<'_>,
    (moment, member): (MomentId, MemberId),
    told: &Told,
    was_due: bool,
) -> Result<()> {
    let at = w.now();
    if was_due {
        w.put(&Asked { moment, member, at })?;
    }
    let Some(part) = w.get::<Part>(&(moment, member))? else {
        return Ok(());
    };
    let mut after = part.clone();
    after.visible = after.visible.or(told.visible);
    if let Some((comments, likes)) = told.made_of_it {
        (after.comments, after.likes) = (comments, likes);
    }
    match after == part {
        true => Ok(()),
        false => Ok(w.put(&after)?),
    }
}

/// Ends the moment when everybody has published it, or nobody can any more.
async fn conclude(app: &Arc<App>, id: MomentId, cancelled_at: Option<Timestamp>) -> Result<Next> {
    let now = app.store.clock().now();
    let (found, parts) =
        app.read(|r| Ok::<_, AppError>((r.get::<Moment>(&id)?, queries::parts(r, id)?)))?;
    let Some(moment) = found else {
        return Ok(Next::Never);
    };
    let is_waiting = parts.iter().any(|part| part.state == PartState::Waiting);
    // Asked after WeCom had confirmed that it is stopped: who has not published will not.
    let is_stopped = moment.state == State::Stopping && cancelled_at.is_some();
    let is_done = moment.state == State::Running && !is_waiting;
    if is_stopped || is_done {
        app.write(act(id), move |w| {
            let Some(mut moment) = w.get::<Moment>(&id)? else {
                return Ok(());
            };
            if is_stopped {
                return end_now(w, moment);
            }
            if moment.state == State::Running {
                moment.state = State::Done;
                w.put(&moment)?;
                note_uses(w, &moment)?;
            }
            Ok(())
        })
        .await?;
    }
    let is_over = is_stopped || is_done || moment.state.is_over();
    let is_followed = parts.iter().any(|part| part.is_followed(now));
    Ok(match is_over && !is_followed {
        true => Next::Never,
        false => Next::Pause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wecom_does_not_say_of_a_member_holds_nobody_up_and_busy_is_no_answer() {
        let refused = |errcode| {
            Err::<(), _>(wecom::Error::Refused {
                call: "externalcontact/get_moment_comments",
                errcode,
                hint: String::new(),
                seen_ip: None,
            })
        };
        assert!(matches!(known(refused(41061)), Ok(None)));
        assert!(known(refused(45009)).is_err() && known(refused(41079)).is_err());
        assert!(known(refused(48002)).is_err(), "a right may come back");
        assert!(matches!(known(Ok(())), Ok(Some(()))));
    }
}
