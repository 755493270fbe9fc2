//! `externalcontact/groupchat/*`.

use serde_json::{Value, json};

use super::{
    check::{Call, Fail, next_offset},
    fields::Fields,
    firm::{GroupChat, GroupMember},
    routes::Route,
    state::World,
    tokens::App,
};

const READERS: &[App] = &[App::Own, App::Contact];

pub(super) const ROUTES: &[Route] = &[
    Route::post("externalcontact/groupchat/list", READERS, list)
        .empty(&["group_chat_list"])
        .paged(),
    Route::post("externalcontact/groupchat/get", READERS, get),
];

/// `groupchat/list`
fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let status = call.number("status_filter")?.unwrap_or(0);
    if status > 3 {
        return Err(Fail::param("status_filter"));
    }
    let filter = call.body.get("owner_filter").cloned().unwrap_or_default();
    let owners = Fields::of(&filter).texts("userid_list")?;
    if owners.len() > 100 {
        return Err(Fail::param("owner_filter"));
    }
    let limit = call.limit(None, 1000)?;
    if owners.is_empty() {
        world.may_name_no_owner(call)?;
    }
    let start = call.offset()?;
    for owner in &owners {
        let left = world.groups.values().any(|g| g.owner == **owner);
        if !left && world.seller(owner).is_none() {
            return Err(Fail::new(60111, "userid not found"));
        }
        if !world.sees_userid(call.app, owner) {
            return Err(Fail::new(
                60011,
                "no privilege to access/modify contact/party/agent ",
            ));
        }
    }
    let wanted = |group: &&GroupChat| {
        let named = owners.contains(&group.owner.as_str());
        // Groups of owners who left come only when the owner is named.
        let owner_fits = if owners.is_empty() {
            group.status != 1
        } else {
            named
        };
        let seen = world.sees_userid(call.app, &group.owner);
        owner_fits && seen && (status == 0 || u64::from(group.status) == status)
    };
    let all: Vec<&GroupChat> = world.groups.values().filter(wanted).collect();
    let page: Vec<Value> = all
        .iter()
        .skip(start)
        .take(limit)
        .map(|g| json!({ "chat_id": g.chat_id, "status": g.status }))
        .collect();
    let mut answer = json!({ "group_chat_list": page });
    let next = next_offset(start + page.len(), all.len());
    if !next.is_empty() {
        answer["next_cursor"] = json!(next);
    }
    Ok(answer)
}

/// `groupchat/get`
fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let chat_id = call.text("chat_id")?;
    if chat_id.is_empty() {
        return Err(Fail::param("chat_id"));
    }
    let need_name = match call.number("need_name")? {
        None | Some(0) => false,
        Some(1) => true,
        Some(_) => return Err(Fail::param("need_name")),
    };
    let group = world
        .groups
        .get(chat_id)
        .ok_or_else(|| Fail::new(90501, "chat is not external group chat"))?;
    if !world.sees_userid(call.app, &group.owner) {
        return Err(Fail::new(
            60011,
            "no privilege to access/modify contact/party/agent ",
        ));
    }
    let members: Vec<Value> = group
        .members
        .iter()
        .map(|m| member(world, group, m, need_name))
        .collect();
    let admins: Vec<Value> = group
        .admins
        .iter()
        .map(|a| json!({ "userid": a }))
        .collect();
    Ok(json!({ "group_chat": {
        "chat_id": group.chat_id, "name": group.name, "owner": group.owner,
        "create_time": group.create_time, "notice": group.notice,
        "member_list": members, "admin_list": admins,
        "member_version": group.member_version(),
    }}))
}

fn member(world: &World, group: &GroupChat, m: &GroupMember, need_name: bool) -> Value {
    let mut value = json!({
        "userid": m.userid, "type": m.kind, "join_time": m.join_time,
        "join_scene": m.join_scene, "group_nickname": m.nickname,
    });
    if m.join_scene == 1 {
        value["invitor"] = json!({ "userid": group.owner });
    }
    let number = world.book.number(&m.userid).filter(|_| m.kind == 2);
    let unionid = number
        .and_then(|n| world.book.get(n))
        .and_then(|c| c.unionid);
    if let Some(unionid) = unionid {
        value["unionid"] = json!(unionid);
    }
    if !m.state.is_empty() {
        value["state"] = json!(m.state);
    }
    if need_name {
        value["name"] = json!(m.name);
    }
    value
}
