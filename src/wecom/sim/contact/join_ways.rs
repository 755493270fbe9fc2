//! 加入群聊: codes by which customers join groups; and groups by their opengid.
//!
//! Source: WeCom documentation, 客户群「加入群聊」管理, 客户群opengid转换.

use serde_json::{Value, json};

use super::{
    APPS, BAD_CONFIG, EMPTY, NO_CONFIG, OUT_OF_RANGE, TOO_MANY_WAYS, chars, owns,
    ways::{config_id, qr_code},
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, PARAM, ensure},
    firm::GroupChat,
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const TOO_MANY_GROUPS: Code = (41091, "too many groups");
const NOT_A_GROUP: Code = (90501, "chat is not external group chat");
const BAD_OPENGID: Code = (90511, "invalid opengid");
const NOT_CUSTOMERS: Code = (90509, "not a customer group");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/groupchat/add_join_way", APPS, add),
    Route::post("externalcontact/groupchat/get_join_way", APPS, get),
    Route::write("externalcontact/groupchat/update_join_way", APPS, update),
    Route::write("externalcontact/groupchat/del_join_way", APPS, delete),
    Route::post("externalcontact/opengid_to_chatid", APPS, chat_of),
];

/// A join way.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct JoinWay {
    pub maker: App,
    pub scene: u64,
    pub remark: String,
    pub auto_create: bool,
    pub base_name: String,
    /// Number of the next new group.
    pub base_id: u64,
    pub chats: Vec<String>,
    pub state: String,
    pub mark_source: bool,
}

fn read(world: &World, call: &Call<'_>) -> Result<JoinWay, Fail> {
    let fields = call.fields();
    let scene = fields.one_of("scene", &[1, 2], PARAM)?.ok_or(PARAM)?;
    let remark = fields.text("remark")?.unwrap_or_default();
    let auto = fields.one_of("auto_create_room", &[0, 1], PARAM)?;
    let mut base_name = String::new();
    chars(fields, "room_base_name", 40, &mut base_name)?;
    let mut state = String::new();
    chars(fields, "state", 30, &mut state)?;
    let base_id = fields.number("room_base_id")?.unwrap_or(1);
    let chats = fields.texts("chat_id_list")?;
    ensure(!chats.is_empty(), EMPTY)?;
    ensure(chats.len() <= 5, TOO_MANY_GROUPS)?;
    for chat_id in &chats {
        let group = world.groups.get(*chat_id).ok_or(NOT_A_GROUP)?;
        ensure(world.sees_userid(call.app, &group.owner), OUT_OF_RANGE)?;
    }
    Ok(JoinWay {
        maker: call.app,
        scene,
        // Longer ones are cut.
        remark: remark.chars().take(30).collect(),
        auto_create: auto.unwrap_or(1) == 1,
        base_name,
        base_id,
        chats: chats.into_iter().map(str::to_owned).collect(),
        state,
        mark_source: fields.flag("mark_source")?.unwrap_or(true),
    })
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let way = read(world, call)?;
    let room = world.codes() < world.contact.limit("contact_ways", 500_000);
    ensure(room, TOO_MANY_WAYS)?;
    let config_id = config_id(world);
    world.contact.join_ways.insert(config_id.clone(), way);
    Ok(json!({ "config_id": config_id }).into())
}

/// The way named by `config_id`, if the app may touch it.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w JoinWay), Fail> {
    let config_id = call.fields().filled("config_id", NO_CONFIG)?;
    let way = world.contact.join_ways.get(config_id).ok_or(BAD_CONFIG)?;
    ensure(owns(call.app, Some(way.maker)), BAD_CONFIG)?;
    Ok((config_id.to_owned(), way))
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (config_id, way) = find(world, call)?;
    Ok(json!({ "join_way": {
        "config_id": config_id, "scene": way.scene, "remark": way.remark,
        "auto_create_room": u8::from(way.auto_create), "room_base_name": way.base_name,
        "room_base_id": way.base_id, "chat_id_list": way.chats, "qr_code": qr_code(&config_id),
        "state": way.state, "mark_source": way.mark_source,
    }}))
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (config_id, before) = find(world, call)?;
    let maker = before.maker;
    let way = read(world, call)?;
    let way = JoinWay { maker, ..way };
    world.contact.join_ways.insert(config_id, way);
    Ok(Wrote::only("ok"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (config_id, _) = find(world, call)?;
    world.contact.join_ways.remove(&config_id);
    Ok(Wrote::only("ok"))
}

/// The opengid by which mini programs know a group.
pub(in crate::wecom::sim) fn opengid(group: &GroupChat) -> String {
    format!("oGid{}", group.chat_id.get(10..).unwrap_or_default())
}

fn chat_of(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let wanted = call.fields().filled("opengid", BAD_OPENGID)?;
    let mut groups = world.groups.values();
    let group = groups.find(|group| opengid(group) == wanted);
    let group = group.ok_or(BAD_OPENGID)?;
    // A group is a customer group once somebody from outside is in it.
    let outside = group.members.iter().any(|m| m.kind == 2);
    ensure(outside, NOT_CUSTOMERS)?;
    ensure(world.sees_userid(call.app, &group.owner), OUT_OF_RANGE)?;
    Ok(json!({ "chat_id": group.chat_id }))
}
