//! Looks for a task that may have been made although its answer was lost.
//!
//! What was made since with the same words, for this member alone and nobody but these
//! recipients, is it (WeCom documentation, 获取企业的全部群发记录). Of groups WeCom tells only
//! those it was sent to, so before that two tasks with the same words and owner look alike:
//! then a person decides.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::App,
    error::{AppError, Result},
    store::Read,
    wecom::{self, Broadcast as AtWecom, BroadcastQuery, Client},
    work::effects::{Effect, EffectState, LookFuture, Seen},
};

use super::{
    audience::Target,
    model::{Broadcast, Task},
    outbound::{DISPATCH_S, DISPATCHING, Made, Wanted, bytes, client, input, task_of, wanted},
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
        let failed = match wanted.target {
            Target::Customers => {
                let is_missing = |name: &String| !reached.contains(name);
                wanted.to.into_iter().filter(is_missing).collect()
            }
            Target::Groups if app.read(|r| has_double(r, &effect))? => {
                return Ok(Seen::CannotTell);
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

/// Whether another task to groups of the same owner with the same words may have been made
/// without our knowing its msgid.
fn has_double(r: &Read<'_>, effect: &Effect) -> Result<bool> {
    let own = task_of(r, effect)?;
    let text = input(effect)?.text;
    for task in r.all::<Task>(None)? {
        let task = task?;
        let is_other = (task.broadcast, task.no) != (own.broadcast, own.no);
        if !is_other || task.member != own.member || !task.msgid.is_empty() {
            continue;
        }
        let other = match &task.effect {
            Some(id) => r.get::<Effect>(id)?,
            None => None,
        };
        let may_be_out = |other: &Effect| {
            let states = [
                EffectState::Sending,
                EffectState::Unknown,
                EffectState::Done,
            ];
            states.contains(&other.state)
        };
        if let Some(other) = other.filter(may_be_out)
            && input(&other)?.text == text
        {
            let broadcast = r.get::<Broadcast>(&task.broadcast)?;
            if broadcast.is_some_and(|b| b.target() == Target::Groups) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
