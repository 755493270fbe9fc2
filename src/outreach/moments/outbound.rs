//! What moments do at WeCom: a task is made, and stopped.
//!
//! Making one again after an unclear answer would have everybody publish twice, so the list of
//! moments is looked at first. It may show a moment only once the job that makes it is done:
//! what is not there right after is not there yet. Stopping twice is as good as once.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Timestamp,
    org::Member,
    outreach::{
        campaign::{bytes, client, is_writing_off},
        materials::{self, MaterialId},
    },
    store::{Read, StoreError, SubjectId, Write},
    tags::{Tag, TagId},
    wecom::{self, Class, Client, MomentRange, NewMoment, Senders, TaggedCustomers, Text},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, LookFuture, NewEffect,
        Priority, Refusal, Seen, Told,
    },
};

use super::{
    content,
    find::{self, Found, Shape, Sought},
    model::{Look, Moment, MomentId, RUNS_MS, State},
};

const SEND: EffectSpec = EffectSpec::post(
    "outreach.moment",
    Area::Outreach,
    "externalcontact/add_moment_task",
);
const CANCEL: EffectSpec = EffectSpec::post(
    "outreach.moment_cancel",
    Area::Outreach,
    "externalcontact/cancel_moment_task",
);
/// What the effects are about, as the outbox calls it.
const MOMENT: &str = "moment";
/// WeCom does not know a media id, or knows it for another use.
const BAD_MEDIA: [i64; 2] = [40007, 41072];
/// WeCom makes too many moments just now.
const TOO_MANY_JOBS: i64 = 41078;
/// WeCom does not know the moment (any more).
pub(super) const NO_MOMENT: i64 = 41060;
/// What is not in WeCom's list so long after it was sent was not made, ms.
const LISTED_AFTER_MS: i64 = 30_000;
/// A job is first asked about so long after it has begun, ms.
const FIRST_LOOK_MS: i64 = 2_000;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(SEND, make)
            .looking(look)
            .arriving(made)
            .telling(|r, effect| tell(r, effect, "effects.told.moment")),
        EffectKind::new(CANCEL, stop)
            .arriving(stopped)
            .telling(|r, effect| tell(r, effect, "effects.told.moment_cancel")),
    ]
}

#[derive(Encode, Decode)]
struct Input {
    #[n(0)]
    moment: MomentId,
    /// The words as they are published, kept as they were: looking compares them.
    #[n(1)]
    text: String,
}

/// What WeCom said of a moment; both empty if it was not told, because the moment was stopped.
#[derive(Encode, Decode)]
struct Made {
    /// The job that makes it.
    #[n(0)]
    jobid: String,
    /// The moment, where it was found without its job.
    #[n(1)]
    moment_id: String,
}

fn plan(
    w: &mut Write<'_>,
    kind: EffectSpec,
    id: MomentId,
    text: String,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    let new = NewEffect {
        kind,
        priority: Priority::Bulk,
        input: bytes(&Input { moment: id, text })?,
        about: (MOMENT, id.to_string()),
        batch: None,
        created_by: by,
        expires_at: None,
    };
    effects::plan(w, new)
}

/// Plans that WeCom is told of a moment.
pub(super) fn hand_out(w: &mut Write<'_>, moment: &Moment, firm: &str) -> Result<EffectId> {
    let text = content::words(&moment.content, firm);
    plan(w, SEND, moment.id, text, moment.created_by)
}

/// Plans that a moment is stopped at WeCom.
pub(super) fn cancel(
    w: &mut Write<'_>,
    moment: &Moment,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    plan(w, CANCEL, moment.id, String::new(), by)
}

fn input(effect: &Effect) -> Result<Input> {
    minicbor::decode(&effect.input).map_err(AppError::internal)
}

fn moment_of(r: &Read<'_>, effect: &Effect) -> Result<Moment> {
    let moment = r.get::<Moment>(&input(effect)?.moment)?;
    moment.ok_or(AppError::NotFound { what: "moment" })
}

/// Whether WeCom knows each of these tags. One that it does not know must never be left out:
/// without tags everybody sees the moment.
pub(super) fn are_known(r: &Read<'_>, tags: &[TagId]) -> Result<bool, StoreError> {
    Ok(wecom_ids(r, tags)?.is_some())
}

fn wecom_ids(r: &Read<'_>, tags: &[TagId]) -> Result<Option<Vec<String>>, StoreError> {
    let mut ids = Vec::with_capacity(tags.len());
    for tag in tags {
        match r.get::<Tag>(tag)? {
            Some(tag) if !tag.deleted && !tag.is_local() => ids.push(tag.wecom_id),
            _ => return Ok(None),
        }
    }
    Ok(Some(ids))
}

/// A moment as it is told to WeCom.
struct Wanted {
    is_making: bool,
    text: String,
    assets: Vec<MaterialId>,
    shape: Shape,
    userids: Vec<String>,
    tags: Option<Vec<String>>,
}

fn wanted(app: &App, effect: &Effect) -> Result<Wanted> {
    app.read(|r| {
        let moment = moment_of(r, effect)?;
        Ok(Wanted {
            is_making: moment.state == State::Making,
            text: input(effect)?.text,
            shape: Shape::of(r, &moment.content.attachments)?,
            userids: userids(r, &moment)?,
            tags: wecom_ids(r, &moment.range.tags)?,
            assets: moment.content.attachments,
        })
    })
}

fn userids(r: &Read<'_>, moment: &Moment) -> Result<Vec<String>, StoreError> {
    let mut userids = Vec::with_capacity(moment.senders.len());
    for id in &moment.senders {
        userids.extend(r.get::<Member>(id)?.map(|member| member.userid));
    }
    Ok(userids)
}

fn make(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let wanted = wanted(&app, &effect).map_err(Refusal::Refused)?;
        // Whatever somebody decides about the effect: what was stopped is not sent any more.
        if !wanted.is_making {
            return Ok(bytes(&Made {
                jobid: String::new(),
                moment_id: String::new(),
            })?);
        }
        let conflict = |why| Refusal::Refused(AppError::Conflict { why });
        // Nobody named is everybody at WeCom, and so is no tag.
        if wanted.userids.is_empty() {
            return Err(conflict("moment_nobody"));
        }
        let tags = wanted.tags.ok_or_else(|| conflict("moment_tags"))?;
        let client = client(&app, &effect)?;
        let attachments = materials::moment_attachments(&app, &client, &wanted.assets)
            .await
            .map_err(of_asset)?;
        let text = Some(&wanted.text).filter(|text| !text.trim().is_empty());
        let new = NewMoment {
            text: text.map(|text| Text::new(text)),
            attachments,
            visible_range: MomentRange {
                sender_list: Some(Senders {
                    user_list: wanted.userids,
                    department_list: Vec::new(),
                }),
                external_contact_list: (!tags.is_empty())
                    .then_some(TaggedCustomers { tag_list: tags }),
            },
        };
        match client.add_moment(&new).await {
            Ok(jobid) => Ok(bytes(&Made {
                jobid,
                moment_id: String::new(),
            })?),
            Err(error) => {
                if BAD_MEDIA.contains(&error.errcode()) {
                    // What was uploaded has expired before its time: it is uploaded anew.
                    materials::forget(&app, &wanted.assets).await?;
                    return Err(Refusal::NotDone(error.into()));
                }
                Err(refusal(error))
            }
        }
    })
}

/// Why an asset cannot come along.
fn of_asset(error: AppError) -> Refusal {
    match error {
        AppError::Wecom { errcode, .. }
            if matches!(Class::of(errcode), Class::OurFault | Class::Gone) && errcode != 0 =>
        {
            let remedy = "wecom.moment_media";
            Refusal::Refused(AppError::Wecom { errcode, remedy })
        }
        AppError::NotFound { .. } => Refusal::Refused(error),
        error => Refusal::NotDone(error),
    }
}

/// WeCom's errcodes of moments, in words (documentation, 全局错误码).
pub(super) fn remedy(errcode: i64) -> Option<&'static str> {
    Some(match errcode {
        40058 => "wecom.moment_text",
        41064 | 41065 | 41089 => "wecom.moment_parts",
        41080 | 41081 | 41082 | 41090 => "wecom.moment_media",
        TOO_MANY_JOBS => "wecom.moment_jobs",
        40070 => "wecom.moment_nobody",
        41067 => "wecom.moment_not_ours",
        NO_MOMENT => "wecom.moment_gone",
        _ => return None,
    })
}

fn refusal(error: wecom::Error) -> Refusal {
    let errcode = error.errcode();
    let is_refused = matches!(error, wecom::Error::Refused { .. });
    match remedy(errcode).filter(|_| is_refused) {
        Some(remedy) => {
            let said = AppError::Wecom { errcode, remedy };
            match errcode == TOO_MANY_JOBS {
                true => Refusal::NotDone(said),
                false => Refusal::Refused(said),
            }
        }
        None => error.into(),
    }
}

fn sought(wanted: Wanted, since: Timestamp) -> Sought {
    Sought {
        text: wanted.text,
        shape: wanted.shape,
        senders: wanted.userids,
        since,
    }
}

/// What an effect without a clear answer may have made.
pub(super) async fn seek(app: &App, client: &Client, effect: &Effect) -> Result<Found> {
    let wanted = wanted(app, effect)?;
    find::find(app, client, &sought(wanted, effect.created_at)).await
}

fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let client = client(&app, &effect)?;
        let made = match seek(&app, &client, &effect).await? {
            Found::None => {
                let now = app.store.clock().now();
                let sent_at = effect.sent_at.unwrap_or(effect.created_at);
                let left_ms = sent_at.plus_ms(LISTED_AFTER_MS).since_ms(now);
                if left_ms > 0 {
                    return Err(AppError::Later {
                        why: "quota",
                        retry_after_s: left_ms.div_euclid(1_000).unsigned_abs() + 1,
                    });
                }
                return Ok(Seen::NotThere);
            }
            Found::One(moment_id) => Made {
                jobid: String::new(),
                moment_id,
            },
            Found::Several => return Ok(Seen::CannotTell),
        };
        Ok(Seen::Happened(bytes(&made)?))
    })
}

fn made(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let made: Made = minicbor::decode(answer).map_err(AppError::internal)?;
    let mut moment = moment_of(&w.read(), effect)?;
    if !made.moment_id.is_empty() {
        return is_there(w, moment, made.moment_id);
    }
    if made.jobid.is_empty() {
        return Ok(());
    }
    moment.jobid = made.jobid;
    let next_at = w.now().plus_ms(FIRST_LOOK_MS);
    w.put(&moment)?;
    ask_at(w, moment.id, next_at)
}

/// WeCom is asked about a moment at this time.
pub(super) fn ask_at(w: &mut Write<'_>, id: MomentId, next_at: Timestamp) -> Result<()> {
    Ok(w.put(&Look {
        moment: id,
        next_at,
        looks: 0,
        wants_all: false,
    })?)
}

/// The moment is there: members can publish it now. One that was stopped meanwhile is
/// cancelled.
pub(super) fn is_there(w: &mut Write<'_>, mut moment: Moment, moment_id: String) -> Result<()> {
    let now = w.now();
    moment.moment_id = moment_id;
    match moment.state {
        State::Making => {
            moment.state = State::Running;
            moment.ends_at = Some(now.plus_ms(RUNS_MS));
        }
        // While nothing may be written it cannot be stopped, and goes on.
        State::Stopping if !is_writing_off(w)? => {
            let by = moment.stopped.as_ref().and_then(|stop| stop.by);
            moment.cancel = Some(cancel(w, &moment, by)?);
        }
        _ => {}
    }
    w.put(&moment)?;
    super::actions::note_uses(w, &moment)?;
    ask_at(w, moment.id, now)
}

fn stop(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let moment = app
            .read(|r| moment_of(r, &effect))
            .map_err(Refusal::Refused)?;
        match client(&app, &effect)?
            .cancel_moment(&moment.moment_id)
            .await
        {
            Ok(()) => Ok(Vec::new()),
            // Somebody deleted it there: nobody can publish it any more.
            Err(wecom::Error::Refused {
                errcode: NO_MOMENT, ..
            }) => Ok(Vec::new()),
            Err(error) => Err(refusal(error)),
        }
    })
}

/// Nobody can publish it any more; who has is asked at once.
fn stopped(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    let mut moment = moment_of(&w.read(), effect)?;
    let now = w.now();
    moment.cancelled_at = Some(now);
    w.put(&moment)?;
    ask_at(w, moment.id, now)
}

fn tell(r: &Read<'_>, effect: &Effect, key: &'static str) -> Result<Told, StoreError> {
    let moment = match input(effect) {
        Ok(input) => r.get::<Moment>(&input.moment)?,
        Err(_) => None,
    };
    Ok(Told {
        key,
        args: Vec::new(),
        href: moment
            .as_ref()
            .map(|moment| format!("/moments/{}", moment.id)),
        about: moment.map_or(String::new(), |moment| moment.name),
    })
}
