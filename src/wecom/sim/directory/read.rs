//! `department/*` and `user/*`, reading.

use serde_json::{Value, json};

use super::{ID_READERS, READERS};
use crate::wecom::sim::{
    check::{Call, Fail, next_offset},
    fields::{Code, ensure},
    firm::{Department, Member},
    routes::Route,
    state::World,
    tokens::App,
};

const SYNC: &[App] = &[App::Sync];
const USER_LISTS: &[&str] = &["department", "order", "is_leader_in_dept", "direct_leader"];

pub const ROUTES: &[Route] = &[
    Route::get("department/list", READERS, department_list)
        .empty(&["department"])
        .details(),
    Route::get("department/simplelist", ID_READERS, department_simplelist)
        .empty(&["department_id"]),
    Route::get("department/get", READERS, department_get).details(),
    Route::get("user/list", READERS, user_list)
        .empty(&["userlist"])
        .details(),
    Route::get("user/simplelist", READERS, user_simplelist)
        .empty(&["userlist"])
        .details(),
    Route::get("user/get", READERS, user_get)
        .empty(USER_LISTS)
        .details(),
    Route::post("user/list_id", SYNC, user_list_id)
        .empty(&["dept_user"])
        .paged(),
];

const OUT_OF_RANGE: Code = (60011, "no privilege to access/modify contact/party/agent ");

fn unknown_department() -> Fail {
    Fail::new(60003, "department not found")
}

/// The department named by parameter `name`, with all below it; all of them when absent.
fn departments<'w>(world: &'w World, call: &Call<'_>) -> Result<Vec<&'w Department>, Fail> {
    let root = call.param_number("id")?.unwrap_or(1);
    let wanted = world.subtree(root).ok_or_else(unknown_department)?;
    Ok(world
        .org
        .departments
        .values()
        .filter(|d| wanted.contains(&d.id) && world.sees_department(call.app, d.id))
        .collect())
}

fn department(d: &Department) -> Value {
    json!({
        "id": d.id, "name": d.name, "name_en": d.name_en, "department_leader": d.leaders,
        "parentid": d.parent, "order": d.order,
    })
}

/// `department/list`
fn department_list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let list: Vec<Value> = departments(world, call)?
        .into_iter()
        .map(department)
        .collect();
    Ok(json!({ "department": list }))
}

/// `department/simplelist`
fn department_simplelist(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let list: Vec<Value> = departments(world, call)?
        .into_iter()
        .map(|d| json!({ "id": d.id, "parentid": d.parent, "order": d.order }))
        .collect();
    Ok(json!({ "department_id": list }))
}

/// `department/get`
fn department_get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let id = call.param_number("id")?.ok_or_else(|| Fail::param("id"))?;
    let found = world
        .org
        .departments
        .get(&id)
        .ok_or_else(unknown_department)?;
    ensure(world.sees_department(call.app, id), OUT_OF_RANGE)?;
    Ok(json!({ "department": department(found) }))
}

/// Members of `department_id`, with `fetch_child=1` also those of the departments below.
fn members<'w>(world: &'w World, call: &Call<'_>) -> Result<Vec<&'w Member>, Fail> {
    let id = call
        .param_number("department_id")?
        .ok_or_else(|| Fail::param("department_id"))?;
    let mut wanted = world.subtree(id).ok_or_else(unknown_department)?;
    if call.param("fetch_child") != Some("1") {
        wanted.retain(|d| *d == id);
    }
    let inside =
        |m: &&Member| m.departments.iter().any(|d| wanted.contains(d)) && world.sees(call.app, m);
    Ok(world.org.members.values().filter(inside).collect())
}

fn member(m: &Member) -> Value {
    let leads: Vec<u8> = m.leads.iter().map(|l| u8::from(*l)).collect();
    let extattr = match &m.extattr {
        Value::Null => json!({ "attrs": [] }),
        given => given.clone(),
    };
    let mut profile = match &m.external_profile {
        Value::Null => json!({ "external_attr": [] }),
        given => given.clone(),
    };
    profile["external_corp_name"] = json!("云岭茶业");
    json!({
        "userid": m.userid, "name": m.name, "department": m.departments,
        "order": m.orders, "position": m.position,
        "is_leader_in_dept": leads, "direct_leader": m.superior.iter().collect::<Vec<_>>(),
        "telephone": m.telephone, "alias": m.alias, "status": m.status,
        "main_department": m.main(), "extattr": extattr,
        "external_position": m.external_position, "external_profile": profile,
    })
}

/// `user/list`
fn user_list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let list: Vec<Value> = members(world, call)?.into_iter().map(member).collect();
    Ok(json!({ "userlist": list }))
}

/// `user/simplelist`
fn user_simplelist(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let list: Vec<Value> = members(world, call)?
        .into_iter()
        .map(|m| json!({ "userid": m.userid, "name": m.name, "department": m.departments }))
        .collect();
    Ok(json!({ "userlist": list }))
}

/// `user/get`
fn user_get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let userid = call
        .param("userid")
        .ok_or_else(|| Fail::new(41009, "missing userid"))?;
    let found = world
        .member(userid)
        .ok_or_else(|| Fail::new(60111, "userid not found"))?;
    ensure(world.sees(call.app, found), OUT_OF_RANGE)?;
    Ok(member(found))
}

/// `user/list_id`
fn user_list_id(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = call.limit(Some(10_000), 10_000)?;
    let start = call.offset()?;
    let rows: Vec<Value> = world
        .org
        .members
        .values()
        .flat_map(|m| m.departments.iter().map(move |d| (m, d)))
        .map(|(m, d)| json!({ "userid": m.userid, "department": d }))
        .collect();
    let page: Vec<&Value> = rows.iter().skip(start).take(limit).collect();
    Ok(json!({ "dept_user": page, "next_cursor": next_offset(start + page.len(), rows.len()) }))
}
