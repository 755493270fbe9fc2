//! What broadcasts do at WeCom: tasks are made, taken back, and members reminded.
//!
//! Making one again after an unclear answer would reach everybody twice, so what WeCom has is
//! looked at before (`seen`). Taking back twice is as good as once; a reminder too many harms
//! little, and WeCom counts them.

use std::{collections::BTreeSet, sync::Arc};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    customers::{Customer, Group},
    error::{AppError, Result},
    kit::Timestamp,
    org::Member,
    outreach::campaign::{bytes, client, is_writing_off},
    outreach::content::{Content, Names, fill},
    outreach::materials,
    outreach::touches::{TouchId, TouchState, Why, settle},
    store::{Read, StoreError, SubjectId, Write},
    wecom::{self, Client, NewBroadcast, Text},
    work::effects::{
        self, Area, Effect, EffectFuture, EffectId, EffectKind, EffectSpec, NewEffect, Priority,
        Refusal, Told,
    },
};

use super::{
    audience::Target,
    model::{Broadcast, BroadcastId, Look, State, Task, TaskState},
    queries, seen,
};

const SEND: EffectSpec = EffectSpec::post(
    "outreach.broadcast",
    Area::Outreach,
    "externalcontact/add_msg_template",
);
const CANCEL: EffectSpec = EffectSpec::post(
    "outreach.broadcast_cancel",
    Area::Outreach,
    "externalcontact/cancel_groupmsg_send",
);
const REMIND: EffectSpec = EffectSpec::post(
    "outreach.broadcast_remind",
    Area::Outreach,
    "externalcontact/remind_groupmsg_send",
);
/// What the effects are about, as the outbox calls it.
const TASK: &str = "broadcast_task";
/// WeCom found nobody it could send to.
const NOBODY: i64 = 41048;
/// WeCom does not know a media id.
const BAD_MEDIA: i64 = 40007;
/// WeCom is still telling the members.
pub(super) const DISPATCHING: i64 = 41063;
/// Seconds after which a task that is being dispatched is asked about again.
pub(super) const DISPATCH_S: u64 = 5;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(SEND, make)
            .looking(seen::look)
            .arriving(made)
            .telling(|r, effect| tell(r, effect, "effects.told.broadcast")),
        EffectKind::new(CANCEL, cancel)
            .arriving(cancelled)
            .telling(|r, effect| tell(r, effect, "effects.told.broadcast_cancel")),
        EffectKind::new(REMIND, send_reminder)
            .telling(|r, effect| tell(r, effect, "effects.told.broadcast_remind")),
    ]
}

#[derive(Encode, Decode)]
pub(super) struct Input {
    #[n(0)]
    broadcast: BroadcastId,
    #[n(1)]
    task: u32,
    /// The words as this member sends them, kept as they were: looking compares them.
    #[n(2)]
    pub(super) text: String,
}

/// What WeCom said of a broadcast.
#[derive(Encode, Decode)]
pub(super) struct Made {
    /// Empty if none was made, because nobody could be reached.
    #[n(0)]
    pub(super) msgid: String,
    /// External userids or chat_ids that cannot be reached.
    #[n(1)]
    pub(super) failed: Vec<String>,
}

fn plan(
    w: &mut Write<'_>,
    kind: EffectSpec,
    task: &Task,
    text: String,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    let input = Input {
        broadcast: task.broadcast,
        task: task.no,
        text,
    };
    let new = NewEffect {
        kind,
        priority: Priority::Bulk,
        input: bytes(&input)?,
        about: (TASK, task.name()),
        batch: Some(task.broadcast.to_string()),
        created_by: by,
        expires_at: None,
    };
    effects::plan(w, new)
}

/// Plans that WeCom is told of a task.
pub(super) fn hand_out(
    w: &mut Write<'_>,
    broadcast: &Broadcast,
    task: &Task,
    firm: &str,
) -> Result<EffectId> {
    let member = w.get::<Member>(&task.member)?;
    let member = member.map(|member| member.name).unwrap_or_default();
    let names = Names {
        member: &member,
        firm,
        ..Names::default()
    };
    let text = fill(&broadcast.content.text, &names);
    plan(w, SEND, task, text, broadcast.created_by)
}

/// Plans that a task is taken back.
pub(super) fn take_back(w: &mut Write<'_>, task: &Task, by: Option<SubjectId>) -> Result<EffectId> {
    plan(w, CANCEL, task, String::new(), by)
}

/// Plans a reminder.
pub(super) fn remind(w: &mut Write<'_>, task: &Task, by: Option<SubjectId>) -> Result<()> {
    plan(w, REMIND, task, String::new(), by).map(drop)
}

pub(super) fn input(effect: &Effect) -> Result<Input> {
    minicbor::decode(&effect.input).map_err(AppError::internal)
}

pub(super) fn task_of(r: &Read<'_>, effect: &Effect) -> Result<Task> {
    let input = input(effect)?;
    let task = r.get::<Task>(&(input.broadcast, input.task))?;
    task.ok_or(AppError::NotFound { what: "broadcast" })
}

/// A task as it is told to WeCom.
pub(super) struct Wanted {
    is_running: bool,
    pub(super) target: Target,
    pub(super) text: String,
    content: Content,
    pub(super) member: Member,
    /// External userids or chat_ids.
    pub(super) to: Vec<String>,
}

pub(super) fn wanted(app: &App, effect: &Effect) -> Result<Wanted> {
    app.read(|r| {
        let task = task_of(r, effect)?;
        let missing = || AppError::NotFound { what: "broadcast" };
        let broadcast = r.get::<Broadcast>(&task.broadcast)?.ok_or_else(missing)?;
        let member = r.get::<Member>(&task.member)?;
        let mut to = Vec::new();
        for touch in queries::planned(r, &task)? {
            to.extend(match touch.group() {
                Some(group) => r.get::<Group>(&group)?.map(|group| group.chat_id),
                None => {
                    let customer = r.get::<Customer>(&touch.customer)?;
                    customer.map(|customer| customer.external_userid)
                }
            });
        }
        Ok(Wanted {
            is_running: broadcast.state == State::Running,
            target: broadcast.target(),
            text: input(effect)?.text,
            content: broadcast.content,
            member: member.ok_or(AppError::NotFound { what: "member" })?,
            to,
        })
    })
}

/// A broadcast as WeCom takes it. Without names it would go to all customers or groups of the
/// sender, so nobody makes it then.
fn new(wanted: &Wanted, attachments: Vec<wecom::Attachment>) -> NewBroadcast {
    let text = Some(&wanted.text).filter(|text| !text.trim().is_empty());
    let (external_userid, chat_id_list) = match wanted.target {
        Target::Customers => (wanted.to.clone(), Vec::new()),
        Target::Groups => (Vec::new(), wanted.to.clone()),
    };
    NewBroadcast {
        chat_type: wanted.target.chat_type(),
        external_userid,
        chat_id_list,
        sender: wanted.member.userid.clone(),
        text: text.map(|text| Text::new(text)),
        attachments,
        ..NewBroadcast::default()
    }
}

/// What comes along. A broadcast goes out whole or not at all: what cannot be had now is waited
/// for.
async fn attachments(
    app: &App,
    client: &Client,
    content: &Content,
) -> Result<Vec<wecom::Attachment>, Refusal> {
    let found = materials::attachments(app, client, &content.attachments).await?;
    match found.left_out.iter().find(|left| !left.may_pass) {
        Some(_) => Err(Refusal::Refused(AppError::NotFound { what: "material" })),
        None if found.left_out.is_empty() => Ok(found.attachments),
        None => Err(Refusal::NotDone(AppError::Unavailable {
            why: "asset_late",
        })),
    }
}

fn make(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let wanted = wanted(&app, &effect).map_err(Refusal::Refused)?;
        // Whatever somebody decides about the effect: what was stopped is not sent any more.
        if !wanted.is_running || wanted.to.is_empty() {
            return Ok(bytes(&Made {
                msgid: String::new(),
                failed: Vec::new(),
            })?);
        }
        let client = client(&app, &effect)?;
        let attachments = attachments(&app, &client, &wanted.content).await?;
        let made = match client.add_broadcast(&new(&wanted, attachments)).await {
            Ok(made) => Made {
                msgid: made.msgid,
                failed: made.fail_list,
            },
            Err(wecom::Error::Refused {
                errcode: NOBODY, ..
            }) => Made {
                msgid: String::new(),
                failed: wanted.to,
            },
            Err(error) => {
                if matches!(
                    error,
                    wecom::Error::Refused {
                        errcode: BAD_MEDIA,
                        ..
                    }
                ) {
                    // What was uploaded has expired before its time: it is uploaded anew.
                    materials::forget(&app, &wanted.content.attachments).await?;
                    return Err(Refusal::NotDone(error.into()));
                }
                return Err(error.into());
            }
        };
        Ok(bytes(&made)?)
    })
}

fn made(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let made: Made = minicbor::decode(answer).map_err(AppError::internal)?;
    let mut task = task_of(&w.read(), effect)?;
    let now = w.now();
    if !made.msgid.is_empty() && queries::msgids(&w.read())?.contains(&made.msgid) {
        // Found twice: only a person can tell whose it is.
        return Err(AppError::Conflict {
            why: "broadcast_known",
        });
    }
    let planned = queries::planned_ids(&w.read(), &task, usize::MAX)?;
    let broadcast = w.get::<Broadcast>(&task.broadcast)?;
    let broadcast = broadcast.ok_or(AppError::NotFound { what: "broadcast" })?;
    let mut failed = BTreeSet::new();
    for name in &made.failed {
        failed.extend(queries::recipient_of(&w.read(), broadcast.target(), name)?);
    }
    let is_failed = |id: &&TouchId| failed.contains(&id.0);
    let ends = planned
        .iter()
        .filter(is_failed)
        .map(|id| (*id, TouchState::Failed, now, Some(Why::Unreachable)));
    let unreachable = settle(w, ends.collect::<Vec<_>>())?;
    if unreachable == planned.len() {
        task.state = TaskState::Over;
    } else if !made.msgid.is_empty() {
        task.state = TaskState::Out;
        w.put(&Look {
            broadcast: task.broadcast,
            no: task.no,
            next_at: now.plus_ms(DISPATCH_S.cast_signed() * 1_000),
            looks: 0,
        })?;
    }
    task.msgid = made.msgid;
    // While nothing may be written it is taken back later: what WeCom said is kept now.
    let is_unwanted = broadcast.state == State::Stopping && task.state == TaskState::Out;
    if is_unwanted && !is_writing_off(w)? {
        task.cancel = Some(take_back(w, &task, effect.created_by)?);
    }
    Ok(w.put(&task)?)
}

fn cancel(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let task = app
            .read(|r| task_of(r, &effect))
            .map_err(Refusal::Refused)?;
        client(&app, &effect)?.cancel_broadcast(&task.msgid).await?;
        Ok(Vec::new())
    })
}

/// Nobody gets it any more; who has got it is asked at once.
fn cancelled(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    let mut task = task_of(&w.read(), effect)?;
    let now = w.now();
    task.cancelled_at = Some(now);
    w.put(&task)?;
    if task.state == TaskState::Out {
        w.put(&Look {
            broadcast: task.broadcast,
            no: task.no,
            next_at: now,
            looks: 0,
        })?;
    }
    Ok(())
}

fn send_reminder(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let task = app
            .read(|r| task_of(r, &effect))
            .map_err(Refusal::Refused)?;
        client(&app, &effect)?.remind_broadcast(&task.msgid).await?;
        Ok(Vec::new())
    })
}

/// When a message was sent, if WeCom says so.
pub(super) fn sent_at(seconds: i64, or: Timestamp) -> Timestamp {
    match seconds {
        0 => or,
        seconds => Timestamp::from_s(seconds),
    }
}

fn tell(r: &Read<'_>, effect: &Effect, key: &'static str) -> Result<Told, StoreError> {
    let broadcast = match input(effect) {
        Ok(input) => r.get::<Broadcast>(&input.broadcast)?,
        Err(_) => None,
    };
    Ok(Told {
        key,
        args: Vec::new(),
        href: broadcast.as_ref().map(|b| format!("/broadcasts/{}", b.id)),
        about: broadcast.map_or(String::new(), |b| b.name),
    })
}
