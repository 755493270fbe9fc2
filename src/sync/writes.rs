//! What members know of customers, on its way to WeCom: sent, looked after, and applied here
//! once WeCom has carried it out. Afterwards the customer is read again: an answer is the truth.

use std::sync::Arc;

use crate::{
    app::App,
    customers::{
        self,
        effects::{MARK_TAG, MarkTag, Pair, REMARK, Remark, input, tell_remark, tell_tags},
    },
    error::{AppError, Result},
    store::Write,
    wecom::{Client, FollowInfo, RemarkChange},
    work::effects::{Effect, EffectFuture, EffectKind, LookFuture, Refusal, Seen},
};

use super::{Target, inbox};

/// The kinds.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(MARK_TAG, send_tags)
            .looking(look_for_tags)
            .arriving(tags_arrived)
            .telling(tell_tags),
        EffectKind::new(REMARK, send_remark)
            .looking(look_for_remark)
            .arriving(remark_arrived)
            .telling(tell_remark),
    ]
}

fn client(app: &App, effect: &Effect) -> Result<Client> {
    let client = app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    Ok(client.at(effect.priority.into()))
}

fn send_tags(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let mark: MarkTag = input(&effect).map_err(Refusal::Refused)?;
        let MarkTag { pair, add, remove } = &mark;
        client(&app, &effect)?
            .mark_tags(&pair.userid, &pair.external_userid, add, remove)
            .await?;
        Ok(Vec::new())
    })
}

/// What WeCom says now of this relation; none if there is none.
async fn relation_now(app: &App, effect: &Effect, pair: &Pair) -> Result<Option<FollowInfo>> {
    let found = client(app, effect)?.customer(&pair.external_userid).await?;
    let followers = found.map(|found| found.follow_user).unwrap_or_default();
    Ok(followers
        .into_iter()
        .find(|f| f.userid.eq_ignore_ascii_case(&pair.userid)))
}

fn look_for_tags(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let mark: MarkTag = input(&effect)?;
        let Some(now) = relation_now(&app, &effect, &mark.pair).await? else {
            return Ok(Seen::NotThere);
        };
        let tags = now.tags.unwrap_or_default();
        let has = |id: &String| tags.iter().any(|tag| tag.tag_id == *id);
        let is_done = mark.add.iter().all(has) && !mark.remove.iter().any(has);
        Ok(seen(is_done))
    })
}

fn seen(is_done: bool) -> Seen {
    match is_done {
        true => Seen::Happened(Vec::new()),
        false => Seen::NotThere,
    }
}

fn tags_arrived(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    let mark: MarkTag = input(effect)?;
    customers::sync::apply_marked(w, &mark)?;
    read_again(w, effect, &mark.pair)
}

fn send_remark(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let wish: Remark = input(&effect).map_err(Refusal::Refused)?;
        client(&app, &effect)?
            .set_remark(&RemarkChange {
                userid: wish.pair.userid,
                external_userid: wish.pair.external_userid,
                remark: wish.remark,
                description: wish.description,
                remark_company: wish.company,
                // An empty list would leave them as they are.
                remark_mobiles: wish.phones.map(|phones| match phones.is_empty() {
                    true => vec![String::new()],
                    false => phones,
                }),
                remark_pic_mediaid: None,
            })
            .await?;
        Ok(Vec::new())
    })
}

fn look_for_remark(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let wish: Remark = input(&effect)?;
        let Some(now) = relation_now(&app, &effect, &wish.pair).await? else {
            return Ok(Seen::NotThere);
        };
        let is = |wish: &Option<String>, now: &str| wish.as_ref().is_none_or(|w| w == now);
        let phones: Vec<&String> = now
            .remark_mobiles
            .iter()
            .filter(|p| !p.is_empty())
            .collect();
        let has_phones = |wish: &Vec<String>| wish.iter().collect::<Vec<_>>() == phones;
        Ok(seen(
            is(&wish.remark, &now.remark)
                && is(&wish.description, &now.description)
                && is(&wish.company, &now.remark_corp_name)
                && wish.phones.as_ref().is_none_or(has_phones),
        ))
    })
}

fn remark_arrived(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    let wish: Remark = input(effect)?;
    customers::sync::apply_noted(w, &wish)?;
    read_again(w, effect, &wish.pair)
}

/// No event tells of what was written through the API, so the customer is put in line to be
/// read again.
fn read_again(w: &mut Write<'_>, effect: &Effect, pair: &Pair) -> Result<()> {
    let target = Target::Customer(pair.external_userid.clone());
    let body = format!("effect {} {}", effect.id, effect.attempts);
    inbox::receive(w, body.into_bytes(), "written".to_owned(), Some(target))?;
    Ok(())
}
