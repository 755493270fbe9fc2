//! Departments as groups: their JSON, and what a JSON makes of a department.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::org::{Department, Directory, Member, MemberId};

use super::{
    answer::Refused,
    path::{GROUP, member as field},
};

/// A department's resource with those directly in it.
pub(super) fn resource(
    directory: &Directory,
    department: &Department,
    version: u32,
    base: &str,
) -> Value {
    let mut group = Map::new();
    group.insert("schemas".into(), json!([GROUP]));
    group.insert("id".into(), department.id.to_string().into());
    group.insert("displayName".into(), department.name.as_str().into());
    if !department.external_id.is_empty() {
        group.insert("externalId".into(), department.external_id.as_str().into());
    }
    let members = directory.members_of(department.wecom_id);
    let members: Vec<Value> = members
        .filter(|member| member.is_here())
        .map(|member| {
            json!({
                "value": member.id.to_string(),
                "$ref": format!("{base}/Users/{}", member.id),
                "type": "User",
            })
        })
        .collect();
    if !members.is_empty() {
        group.insert("members".into(), members.into());
    }
    group.insert(
        "meta".into(),
        json!({
            "resourceType": "Group",
            "location": format!("{base}/Groups/{}", department.id),
            "version": format!("W/\"{version}\""),
        }),
    );
    Value::Object(group)
}

/// What a JSON wants a department to be.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) external_id: String,
    /// Those directly in it.
    pub(super) members: BTreeSet<MemberId>,
}

/// Reads a group's JSON.
pub(super) fn wanted(directory: &Directory, group: &Value) -> Result<Wanted, Refused> {
    let text = |name: &str| match field(group, name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(_) => Err(Refused::invalid(format!("{name}: a text."))),
    };
    let mut members = BTreeSet::new();
    let listed = match field(group, "members") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    for each in listed {
        let id = field(each, "value").and_then(Value::as_str);
        let id: Option<MemberId> = id.and_then(|id| id.parse().ok());
        let member = id.and_then(|id| directory.member(id));
        let member = member.filter(|m| m.is_here());
        let member =
            member.ok_or_else(|| Refused::invalid("members: a value is the id of a user."))?;
        members.insert(member.id);
    }
    Ok(Wanted {
        name: text("displayName")?,
        external_id: text("externalId")?,
        members,
    })
}

/// Those who are directly in a department.
pub(super) fn members(directory: &Directory, number: u64) -> impl Iterator<Item = &Member> {
    directory.members_of(number).filter(|m| m.is_here())
}
