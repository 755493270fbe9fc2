//! Looks for a task that may have been made although its answer was lost.
//!
//! What was made since with the same words, for this member alone and nobody but these
//! recipients, is it (WeCom documentation, 获取企业的全部群发记录). Where another task could be
//! taken for it, a person decides: one with the same words and member to some of the same
//! customers, or to any groups, of which WeCom tells only those it was sent to.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::App,
    customers::CustomerId,
    error::{AppError, Result},
    outreach::campaign::{bytes, client},
    store::Read,
    wecom::{self, Broadcast as AtWecom, BroadcastQuery, Client},
    work::effects::{Effect, EffectState, LookFuture, Seen},
};

use super::{
    audience::Target,
    model::{Broadcast, Task},
    outbound::{DISPATCH_S, DISPATCHING, Made, Wanted, input, task_of, wanted},
    queries,
};

/// Clocks may differ by so much, seconds.
const CLOCKS_S: i64 = 120;
/// The list of broadcasts takes no longer stretch of time (documentation, 获取群发记录列表), ms.
const LISTED_MS: i64 = 30 * 86_400_000;

/// Looks for what was made since this effect was sent.
pub(super) fn look(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let wanted = wanted(&app, &effect)?;
        let client = client(&app, &effect)?;
        let now = app.store.clock().now();
        let since = effect.created_at.max(now.plus_ms(-LISTED_MS));
        let query = BroadcastQuery {
            chat_type: wanted.target.chat_type(),
            start_time: since.ms().div_euclid(1_000) - CLOCKS_S,
            end_time: now.ms().div_euclid(1_000) + CLOCKS_S,
            filter_type: 0,
            ..BroadcastQuery::default()
        };
        let known = app.read(queries::msgids)?;
        let is_alike = |there: &AtWecom| {
            let words = there.text.as_ref().map_or("", |text| text.content.as_str());
            words == wanted.text && !known.contains(&there.msgid)
        };
        let there = client.broadcasts(&query).all().await?;
        let mut found = Vec::new();
        for there in there.into_iter().filter(is_alike) {
            match is_ours(&client, &there, &wanted).await {
                Ok(Some(reached)) => found.push((there.msgid, reached)),
                Ok(None) => {}
                Err(wecom::Error::Refused {
                    errcode: DISPATCHING,
                    ..
                }) => {
                    return Err(AppError::Later {
                        why: "quota",
                        retry_after_s: DISPATCH_S,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        let (msgid, reached) = match found.len() {
            0 => return Ok(Seen::NotThere),
            1 => found.remove(0),
            _ => return Ok(Seen::CannotTell),
        };
        if app.read(|r| has_double(r, &effect))? {
            return Ok(Seen::CannotTell);
        }
        let failed = match wanted.target {
            Target::Customers => {
                let is_missing = |name: &String| !reached.contains(name);
                wanted.to.into_iter().filter(is_missing).collect()
            }
            // Which of them cannot be reached is told once the owner has sent it.
            Target::Groups => Vec::new(),
        };
        Ok(Seen::Happened(bytes(&Made { msgid, failed })?))
    })
}

/// Whom a broadcast in the list is known to reach, if this member alone sends it and to nobody
/// else than wanted.
async fn is_ours(
    client: &Client,
    there: &AtWecom,
    wanted: &Wanted,
) -> Result<Option<BTreeSet<String>>, wecom::Error> {
    let tasks = client.broadcast_tasks(&there.msgid).all().await?;
    let userid = &wanted.member.userid;
    if tasks.is_empty() || tasks.iter().any(|t| !t.userid.eq_ignore_ascii_case(userid)) {
        return Ok(None);
    }
    let results = client.broadcast_results(&there.msgid, userid).all().await?;
    let names = results.into_iter().map(|result| match wanted.target {
        Target::Customers => result.external_userid,
        Target::Groups => result.chat_id,
    });
    let reached: BTreeSet<String> = names.collect();
    let is_within = reached.iter().all(|name| wanted.to.contains(name));
    // Customers are told as soon as the task is there; of groups none may be.
    let is_told = wanted.target == Target::Groups || !reached.is_empty();
    Ok((is_within && is_told).then_some(reached))
}

/// Whether another task may have been made without our knowing its msgid that looks like this
/// one: with the same words and member, to groups or to some of the same customers.
fn has_double(r: &Read<'_>, effect: &Effect) -> Result<bool> {
    let own = task_of(r, effect)?;
    let text = input(effect)?.text;
    let target = target_of(r, &own)?;
    let mut recipients = None;
    for task in r.all::<Task>(None)? {
        let task = task?;
        let is_other = (task.broadcast, task.no) != (own.broadcast, own.no);
        if !is_other || task.member != own.member || !task.msgid.is_empty() {
            continue;
        }
        if !may_be_out(r, &task, &text)? || target_of(r, &task)? != target {
            continue;
        }
        let recipients = match &recipients {
            Some(known) => known,
            None => recipients.insert(recipients_of(r, &own)?),
        };
        if target == Some(Target::Groups) || !recipients.is_disjoint(&recipients_of(r, &task)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn target_of(r: &Read<'_>, task: &Task) -> Result<Option<Target>> {
    Ok(r.get::<Broadcast>(&task.broadcast)?.map(|b| b.target()))
}

fn recipients_of(r: &Read<'_>, task: &Task) -> Result<BTreeSet<CustomerId>> {
    let planned = queries::planned(r, task)?;
    Ok(planned.into_iter().map(|touch| touch.customer).collect())
}

/// Whether WeCom may have been told of a task, in these words.
fn may_be_out(r: &Read<'_>, task: &Task, text: &str) -> Result<bool> {
    let effect = match &task.effect {
        Some(id) => r.get::<Effect>(id)?,
        None => None,
    };
    Ok(match effect {
        Some(effect) => {
            let states = [
                EffectState::Sending,
                EffectState::Unknown,
                EffectState::Done,
            ];
            states.contains(&effect.state) && input(&effect)?.text == text
        }
        None => false,
    })
}
