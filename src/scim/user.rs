//! Members as users: their JSON, and what a JSON makes of a member.

use serde_json::{Map, Value, json};

use crate::org::{Directory, Member, MemberDraft, MemberId, MemberState, mobile};

use super::{
    answer::Refused,
    path::{ENTERPRISE, USER, member as field},
};

/// A member's resource.
pub(super) fn resource(directory: &Directory, member: &Member, version: u32, base: &str) -> Value {
    let mut user = Map::new();
    let mut put = |name: &str, value: Value| {
        user.insert(name.to_owned(), value);
    };
    put("schemas", json!([USER, ENTERPRISE]));
    put("id", member.id.to_string().into());
    put("userName", member.userid.as_str().into());
    put("displayName", member.name.as_str().into());
    put("name", json!({ "formatted": member.name }));
    put("active", (member.state != MemberState::Disabled).into());
    for (name, value) in [
        ("externalId", &member.external_id),
        ("nickName", &member.alias),
        ("title", &member.position),
    ] {
        if !value.is_empty() {
            put(name, value.as_str().into());
        }
    }
    for (name, kind, value) in [
        ("emails", "work", &member.email),
        ("phoneNumbers", "mobile", &member.mobile),
    ] {
        if !value.is_empty() {
            put(name, json!([{ "value": value, "type": kind }]));
        }
    }
    let departments = member.posts.iter();
    let departments = departments.filter_map(|p| directory.tree.get(p.department));
    let groups: Vec<Value> = departments
        .map(|d| {
            json!({
                "value": d.id.to_string(),
                "$ref": format!("{base}/Groups/{}", d.id),
                "display": d.name,
            })
        })
        .collect();
    if !groups.is_empty() {
        put("groups", groups.into());
    }
    let enterprise = enterprise(directory, member, base);
    if !enterprise.is_empty() {
        put(ENTERPRISE, enterprise.into());
    }
    put(
        "meta",
        json!({
            "resourceType": "User",
            "location": format!("{base}/Users/{}", member.id),
            "version": format!("W/\"{version}\""),
        }),
    );
    Value::Object(user)
}

fn enterprise(directory: &Directory, member: &Member, base: &str) -> Map<String, Value> {
    let mut enterprise = Map::new();
    if !member.job_number.is_empty() {
        enterprise.insert("employeeNumber".into(), member.job_number.as_str().into());
    }
    if let Some(department) = directory.department_of(member) {
        enterprise.insert("department".into(), department.name.as_str().into());
    }
    let leader = Some(&member.direct_leader).filter(|userid| !userid.is_empty());
    if let Some(leader) = leader.and_then(|userid| directory.by_userid(userid)) {
        let id = leader.id.to_string();
        let place = format!("{base}/Users/{id}");
        enterprise.insert("manager".into(), json!({ "value": id, "$ref": place }));
    }
    enterprise
}

/// What a JSON wants a member to be.
pub(super) struct Wanted {
    pub(super) draft: MemberDraft,
    pub(super) is_active: bool,
}

/// Reads a user's JSON over what only we know of the member.
pub(super) fn wanted(
    directory: &Directory,
    user: &Value,
    known: Option<&Member>,
) -> Result<Wanted, Refused> {
    let text = |name: &str| text_of(user, name);
    let base = known.map(MemberDraft::of).unwrap_or_default();
    let userid = text("userName")?;
    if userid.is_empty() {
        return Err(Refused::invalid("userName: a userName is required."));
    }
    let mut draft = MemberDraft {
        name: name_of(user, &userid)?,
        userid,
        alias: text("nickName")?,
        position: text("title")?,
        external_id: text("externalId")?,
        email: value_of(user, "emails", &["work", "home", "other", ""])?,
        mobile: value_of(user, "phoneNumbers", &["mobile", ""])?,
        job_number: String::new(),
        direct_leader: String::new(),
        ..base
    };
    if let Some(kept) = mobile(&draft.mobile) {
        draft.mobile = kept;
    }
    if let Some(enterprise) = field(user, ENTERPRISE) {
        draft.job_number = text_of(enterprise, "employeeNumber")?;
        if let Some(manager) = field(enterprise, "manager").filter(|m| !m.is_null()) {
            draft.direct_leader = leader(directory, manager)?;
        }
    }
    let is_active = match field(user, "active") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(active)) => *active,
        // Some clients send text.
        Some(Value::String(text)) => !text.eq_ignore_ascii_case("false"),
        Some(_) => return Err(Refused::invalid("active: true or false.")),
    };
    Ok(Wanted { draft, is_active })
}

fn text_of(object: &Value, name: &str) -> Result<String, Refused> {
    match field(object, name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(_) => Err(Refused::invalid(format!("{name}: a text."))),
    }
}

/// The displayName, else the parts of the name, else the userName.
fn name_of(user: &Value, userid: &str) -> Result<String, Refused> {
    let display = text_of(user, "displayName")?;
    if !display.is_empty() {
        return Ok(display);
    }
    let empty = Value::Null;
    let name = field(user, "name").unwrap_or(&empty);
    let formatted = text_of(name, "formatted")?;
    if !formatted.is_empty() {
        return Ok(formatted);
    }
    let (family, given) = (text_of(name, "familyName")?, text_of(name, "givenName")?);
    let is_latin = family.is_ascii() && given.is_ascii();
    Ok(match (family.is_empty(), given.is_empty(), is_latin) {
        (true, true, _) => userid.to_owned(),
        (_, _, true) => format!("{given} {family}").trim().to_owned(),
        // A Chinese family name stands first and without a blank.
        (_, _, false) => format!("{family}{given}"),
    })
}

/// The value of a list that is kept: the primary one of the first kind there is.
fn value_of(user: &Value, name: &str, kinds: &[&str]) -> Result<String, Refused> {
    let all = match field(user, name) {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    for kind in kinds {
        let mut found: Vec<&Value> = Vec::new();
        for each in all {
            if text_of(each, "type")?.eq_ignore_ascii_case(kind) {
                found.push(each);
            }
        }
        let is_primary = |v: &&&Value| field(v, "primary") == Some(&Value::Bool(true));
        if let Some(value) = found.iter().find(is_primary).or(found.first()) {
            return text_of(value, "value");
        }
    }
    Ok(String::new())
}

fn leader(directory: &Directory, manager: &Value) -> Result<String, Refused> {
    let id = match manager {
        Value::String(id) => id.clone(),
        other => text_of(other, "value")?,
    };
    if id.is_empty() {
        return Ok(String::new());
    }
    let found: Option<MemberId> = id.parse().ok();
    let found = found.and_then(|id| directory.member(id));
    match found.filter(|leader| leader.is_here()) {
        Some(leader) => Ok(leader.userid.clone()),
        None => Err(Refused::invalid("manager: the value is the id of a user.")),
    }
}
