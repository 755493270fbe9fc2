//! `msgaudit/…`, and the calls that stand for WeCom's library, whose own protocol is not
//! published: `message/getchatdata` and `message/getmediadata`.
//!
//! Source: WeCom documentation, 获取会话内容, 获取会话同意情况, 获取机器人信息 and others.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use super::{State, cast::Standing, media};
use crate::wecom::{
    archive::close,
    sim::{
        check::{Call, Fail},
        firm::Rng,
        routes::Route,
        state::World,
        tokens::App,
    },
};

const ARCHIVE: &[App] = &[App::Archive];
const ROWS_MAX: u64 = 1000;
/// Bytes of one page.
const PAGE_BYTES_MAX: usize = 8 << 20;
const PAIRS_MAX: usize = 100;
const RANDOM_KEY: u64 = 69;

pub(super) const ROUTES: &[Route] = &[
    Route::post("message/getchatdata", ARCHIVE, chat_data),
    Route::post("message/getmediadata", ARCHIVE, media_data),
    Route::post("msgaudit/get_permit_user_list", ARCHIVE, permitted),
    Route::post("msgaudit/check_single_agree", ARCHIVE, single_agree),
    Route::post("msgaudit/check_room_agree", ARCHIVE, room_agree),
    Route::post("msgaudit/groupchat/get", ARCHIVE, internal_room),
    Route::get("msgaudit/get_robot_info", ARCHIVE, robot),
];

/// Whether the archive serves at all.
fn serves(state: &State) -> Result<(), Fail> {
    let text = match state.refusal {
        None => return Ok(()),
        Some(301_042) => "not allow to access from your ip",
        Some(301_052) => "msgaudit service expired",
        Some(301_053) => "corp is not open msgaudit",
        Some(301_058) => "request size limit exceeded",
        Some(_) => "refused",
    };
    Err(Fail::new(state.refusal.unwrap_or(0), text))
}

/// GetChatData.
fn chat_data(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let state = &world.archive;
    let limit = call.number("limit")?.unwrap_or(0);
    let seq = call.number("seq")?.unwrap_or(0);
    if limit == 0 || limit > ROWS_MAX {
        return Err(Fail::new(10000, "invalid limit"));
    }
    // Too large only for large questions, so that asking for less helps.
    if !(state.refusal == Some(301_058) && limit <= 50) {
        serves(state)?;
    }
    if state.keys.is_empty() {
        return Err(Fail::new(301_053, "corp is not open msgaudit"));
    }
    let after = seq.max(state.gone(call.now_s * 1000));
    let last = state.len().min(after.saturating_add(limit));
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for seq in after + 1..=last {
        let Some(row) = closed(world, seq) else {
            return Err(Fail::new(-1, "system error"));
        };
        bytes += row["encrypt_chat_msg"].as_str().map_or(0, str::len);
        if bytes > PAGE_BYTES_MAX && !rows.is_empty() {
            return Err(Fail::new(301_058, "request size limit exceeded"));
        }
        rows.push(row);
    }
    Ok(json!({ "chatdata": rows }))
}

/// A message as the archive keeps it.
fn closed(world: &World, seq: u64) -> Option<Value> {
    let state = &world.archive;
    let message = state.message(seq, &world.book)?;
    let random_key = Rng::of(state.story.seed, RANDOM_KEY, seq).id("", 32);
    let (version, key) = state.key(seq, state.at_ms(seq))?;
    let msgid = message.get("msgid").cloned();
    let text = serde_json::to_vec(&message).ok()?;
    Some(json!({
        "seq": seq, "msgid": msgid, "publickey_ver": version,
        "encrypt_random_key": key.seal(random_key.as_bytes()).ok()?,
        "encrypt_chat_msg": close(random_key.as_bytes(), &text)?,
    }))
}

/// GetMediaData.
fn media_data(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let state = &world.archive;
    serves(state)?;
    let unknown = || Fail::new(10005, "fileid error");
    let (bytes, number) = state
        .story
        .library
        .open(call.text("sdkfileid")?)
        .ok_or_else(unknown)?;
    if number < state.gone(call.now_s * 1000) {
        return Err(Fail::new(10010, "data expired"));
    }
    let stretch = media::stretch(bytes, call.text("indexbuf")?)
        .ok_or_else(|| Fail::new(10000, "invalid indexbuf"))?;
    Ok(json!({
        "data": BASE64.encode(stretch.bytes), "outindexbuf": stretch.next,
        "is_finish": u8::from(stretch.next.is_empty()),
    }))
}

/// `get_permit_user_list`: 1 for colleagues only, 2 for those with customers, 3 with calls.
fn permitted(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    serves(&world.archive)?;
    let edition = call.number("type")?;
    let active = world.org.members.values().filter(|m| m.status == 1);
    let ids: Vec<&str> = active
        .filter(|m| match edition {
            None => true,
            Some(1) => !m.serves_customers,
            Some(2) => m.serves_customers,
            Some(3) => m.serves_customers && m.leads.contains(&true),
            Some(_) => false,
        })
        .map(|m| m.userid.as_str())
        .collect();
    Ok(json!({ "ids": ids }))
}

impl State {
    /// Status and since when (seconds) of a customer.
    fn consent(&self, external_userid: &str, number: u32, known_s: i64) -> (&'static str, i64) {
        if let Some((agrees, since_s)) = self.consents.get(external_userid) {
            return (if *agrees { "Agree" } else { "Disagree" }, *since_s);
        }
        match self.story.cast.standing(number) {
            Standing::Agreed => ("Agree", known_s + 300),
            Standing::NeverAsked => ("Default_Agree", known_s),
            Standing::AgreedAt(index) => ("Agree", self.story.at_ms(index) / 1000),
            Standing::RefusedAt(index) => ("Disagree", self.story.at_ms(index) / 1000),
        }
    }
}

/// `check_single_agree`
fn single_agree(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    serves(&world.archive)?;
    let pairs = call.body["info"].as_array();
    let pairs = pairs.ok_or_else(|| Fail::param("info"))?;
    if pairs.len() > PAIRS_MAX {
        return Err(Fail::new(301_060, "too many pairs"));
    }
    let unknown = || Fail::new(301_061, "invalid userid or exteranalopenid");
    let mut found = Vec::new();
    for pair in pairs {
        let userid = pair["userid"].as_str().unwrap_or_default();
        let external = pair["exteranalopenid"].as_str().unwrap_or_default();
        let number = world.book.number(external).ok_or_else(unknown)?;
        let customer = world.book.get(number).ok_or_else(unknown)?;
        let relation = customer.relations.iter().find(|r| r.userid == userid);
        let known_s = relation.ok_or_else(unknown)?.createtime;
        let (status, since_s) = world.archive.consent(external, number, known_s);
        found.push(json!({ "status_change_time": since_s, "userid": userid,
                           "exteranalopenid": external, "agree_status": status }));
    }
    Ok(json!({ "agreeinfo": found }))
}

/// `check_room_agree`
fn room_agree(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    serves(&world.archive)?;
    let unknown = || Fail::new(301_061, "invalid roomid");
    let group = world.groups.get(call.text("roomid")?).ok_or_else(unknown)?;
    let customers = group.members.iter().filter(|m| m.kind != 1);
    let found: Vec<Value> = customers
        .filter_map(|m| {
            let number = world.book.number(&m.userid)?;
            let (status, since_s) = world.archive.consent(&m.userid, number, m.join_time);
            Some(
                json!({ "status_change_time": since_s, "exteranalopenid": m.userid,
                         "agree_status": status }),
            )
        })
        .collect();
    Ok(json!({ "agreeinfo": found }))
}

/// `msgaudit/groupchat/get`
fn internal_room(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    serves(&world.archive)?;
    let id = call.text("roomid")?;
    if world.groups.contains_key(id) {
        return Err(Fail::new(301_059, "not an internal group"));
    }
    let rooms = &world.archive.story.cast.rooms;
    let room = rooms.iter().find(|room| room.id == id);
    let room = room.ok_or_else(|| Fail::new(301_061, "invalid roomid"))?;
    let members: Vec<Value> = (0..)
        .zip(&room.people)
        .map(|(at, p)| json!({ "memberid": p.id, "jointime": room.made_s + at * 5 }))
        .collect();
    Ok(json!({
        "roomname": room.name, "creator": room.people[0].id, "room_create_time": room.made_s,
        "notice": "", "members": members,
    }))
}

/// `get_robot_info`
fn robot(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    serves(&world.archive)?;
    let id = call.param("robot_id").unwrap_or_default();
    let robot = world.archive.story.cast.robots.iter().find(|r| r.id == id);
    let robot = robot.ok_or_else(|| Fail::new(301_061, "invalid robot_id"))?;
    let creator = world.org.members.keys().next();
    Ok(json!({ "data": {
        "robot_id": robot.id, "name": robot.name, "creator_userid": creator } }))
}
