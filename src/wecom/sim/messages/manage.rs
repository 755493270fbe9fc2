//! What can be done to a message that was sent, and how many there were.

use serde_json::{Value, json};

use super::{
    SENDERS,
    send::{agent, day_of},
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
};

pub const ROUTES: &[Route] = &[
    Route::write("message/update_template_card", SENDERS, update_card).empty(&["invaliduser"]),
    Route::write("message/recall", SENDERS, recall),
    Route::post("message/get_statistics", SENDERS, statistics).empty(&["statistics"]),
];

const BAD_CODE: Code = (60140, "invalid response_code");

fn update_card(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    agent(call)?;
    let code = fields.filled("response_code", BAD_CODE)?;
    let right = world.messages.codes.get(code).ok_or(BAD_CODE)?;
    let fresh = call.now_s < right.made_at + 72 * 3600;
    ensure(fresh && !right.used, BAD_CODE)?;
    let msgid = right.msgid.clone();
    let all = fields.flag("atall")?.unwrap_or(false);
    let users = fields.texts("userids")?;
    let parties = fields.numbers("partyids")?;
    let tags = fields.numbers("tagids")?;
    ensure(users.len() <= 1000, (40032, "invalid userid list size"))?;
    ensure(parties.len() <= 100, (82002, "too many parties"))?;
    ensure(tags.len() <= 100, (82003, "too many tags"))?;
    let given = all || !users.is_empty() || !parties.is_empty() || !tags.is_empty();
    ensure(given, (82101, "update target empty"))?;
    let becomes = match (fields.object("button")?, fields.object("template_card")?) {
        (Some(button), _) => button.filled("replace_name", (42020, "missing replace_name"))?,
        (None, Some(card)) => card.text("replace_text")?.unwrap_or_default(),
        (None, None) => return Err(PARAM.into()),
    };
    let sent = world.messages.find(&msgid).ok_or(BAD_CODE)?;
    let mut found: Vec<String> = Vec::new();
    let mut bad: Vec<&str> = Vec::new();
    for userid in users {
        match world
            .member(userid)
            .filter(|m| sent.users.contains(&m.userid))
        {
            Some(member) => found.push(member.userid.clone()),
            None => bad.push(userid),
        }
    }
    let of_lists = |userid: &&String| {
        let member = world.member(userid);
        let inside = |id: &u64| {
            let below = world.subtree(*id).unwrap_or_default();
            member.is_some_and(|m| m.departments.iter().any(|d| below.contains(d)))
        };
        let carries = |id: &u64| {
            let tag = world.directory.tags.get(*id);
            tag.is_some_and(|tag| tag.users.contains(*userid))
        };
        all || parties.iter().any(inside) || tags.iter().any(carries)
    };
    found.extend(sent.users.iter().filter(of_lists).cloned());
    ensure(
        !found.is_empty(),
        (82102, "not in the receivers of the message"),
    )?;
    let answer = json!({ "invaliduser": bad });
    let becomes = becomes.to_owned();
    if let Some(right) = world.messages.codes.get_mut(code) {
        right.used = true;
    }
    let mut sent = world.messages.sent.iter_mut();
    if let Some(sent) = sent.find(|sent| sent.msgid == msgid) {
        for userid in found {
            sent.updated.insert(userid, becomes.clone());
        }
    }
    Ok(answer.into())
}

fn recall(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let msgid = call.fields().filled("msgid", PARAM)?;
    let mut sent = world.messages.sent.iter_mut();
    let sent = sent.find(|sent| sent.msgid == msgid).ok_or(PARAM)?;
    let young = call.now_s <= sent.at + 86_400;
    ensure(young, (42052, "msgid expired"))?;
    sent.recalled = true;
    Ok(json!({}).into())
}

fn statistics(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let back = fields.one_of("time_type", &[0, 1], PARAM)?.unwrap_or(0);
    let today = day_of(call.now_s);
    let messages = &world.messages;
    let count = match back {
        0 => messages.persons_since(today),
        _ => messages.persons_since(today - 86_400) - messages.persons_since(today),
    };
    let line = json!({ "agentid": call.agentid, "app_name": "企台", "count": count });
    let lines = if count == 0 { Vec::new() } else { vec![line] };
    Ok(json!({ "statistics": lines }))
}
