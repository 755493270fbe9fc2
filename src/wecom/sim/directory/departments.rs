//! `department/*`, writing: for the sync assistant only.
//!
//! Source: WeCom documentation, 部门管理.

use serde_json::json;

use super::WRITERS;
use crate::wecom::sim::{
    callbacks::Notice,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::Department,
    routes::{Route, Wrote},
    state::World,
};

const UNKNOWN: Code = (60003, "department not found");
const NO_PARENT: Code = (60004, "parent department not found");
const BAD_LENGTH: Code = (60001, "department name length out of range");
const BAD_NAME: Code = (60009, "invalid character in department name");
const TAKEN: Code = (60008, "department existed");
const ROOT: Code = (60007, "root department can not be deleted");
const LEVELS_MAX: usize = 15;
const DEPARTMENTS_MAX: usize = 30_000;
/// Members and departments right below one department.
const NODES_MAX: usize = 30_000;
const NUMBER_END: u64 = 1 << 32;

pub const ROUTES: &[Route] = &[
    Route::write("department/create", WRITERS, create),
    Route::write("department/update", WRITERS, update),
    Route::get_write("department/delete", WRITERS, delete),
];

/// A name, Chinese or English, that a department may have.
fn name<'b>(fields: Fields<'b>, field: &str) -> Result<Option<&'b str>, Fail> {
    let Some(name) = fields.text(field)? else {
        return Ok(None);
    };
    ensure((1..=64).contains(&name.chars().count()), BAD_LENGTH)?;
    ensure(
        !name.contains(['\\', ':', '*', '?', '"', '<', '>', '｜', '|']),
        BAD_NAME,
    )?;
    Ok(Some(name))
}

/// A position or an id: 32 bits.
fn number(fields: Fields<'_>, field: &str) -> Result<Option<u64>, Fail> {
    let number = fields.number(field)?;
    ensure(number.is_none_or(|n| n < NUMBER_END), PARAM)?;
    Ok(number)
}

fn create(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let name_zh = name(fields, "name")?.ok_or(BAD_LENGTH)?;
    let name_en = name(fields, "name_en")?.unwrap_or_default();
    let parent = number(fields, "parentid")?.ok_or_else(|| Fail::param("parentid"))?;
    let order = number(fields, "order")?.unwrap_or(0);
    let wanted = number(fields, "id")?.filter(|id| *id != 0);
    ensure(wanted != Some(1), TAKEN)?;
    world.may_hold(parent, name_zh, None)?;
    let departments = &world.org.departments;
    ensure(
        wanted.is_none_or(|id| !departments.contains_key(&id)),
        TAKEN,
    )?;
    ensure(
        departments.len() < world.contact.limit("departments", DEPARTMENTS_MAX)
            && world.nodes(parent) < world.contact.limit("department_nodes", NODES_MAX),
        (81001, "too many nodes of a department"),
    )?;
    ensure(
        world.level(parent) < LEVELS_MAX,
        (81002, "too many levels of departments"),
    )?;
    let next = departments.keys().next_back().map_or(2, |last| last + 1);
    let id = wanted.unwrap_or(next);
    let department = Department {
        id,
        name: name_zh.to_owned(),
        name_en: name_en.to_owned(),
        parent,
        order,
        leaders: Vec::new(),
    };
    world.org.departments.insert(id, department);
    let notice = Notice::new("change_contact", "create_party")
        .department(id)
        .number("ParentId", parent);
    Ok(Wrote::from(json!({ "errmsg": "created", "id": id })).echo(notice))
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let id = number(fields, "id")?.ok_or(UNKNOWN)?;
    let name_zh = name(fields, "name")?;
    let name_en = name(fields, "name_en")?;
    let parent = number(fields, "parentid")?;
    let order = number(fields, "order")?;
    let before = world.org.departments.get(&id).ok_or(UNKNOWN)?;
    let goes_to = parent.unwrap_or(before.parent);
    let moves = goes_to != before.parent;
    if moves || name_zh.is_some() {
        ensure(!(moves && id == 1), ROOT)?;
        let known = name_zh.unwrap_or(&before.name).to_owned();
        if id != 1 {
            world.may_hold(goes_to, &known, Some(id))?;
        }
    }
    if moves {
        let below = world.subtree(id).unwrap_or_default();
        ensure(!below.contains(&goes_to), (60010, "department circle"))?;
        let depth = below.iter().map(|d| world.level(*d)).max().unwrap_or(1) - world.level(id);
        let levels = world.level(goes_to) + 1 + depth;
        ensure(
            levels <= LEVELS_MAX,
            (81002, "too many levels of departments"),
        )?;
    }
    if let Some(department) = world.org.departments.get_mut(&id) {
        department.parent = goes_to;
        department.order = order.unwrap_or(department.order);
        if let Some(name) = name_zh {
            name.clone_into(&mut department.name);
        }
        if let Some(name) = name_en {
            name.clone_into(&mut department.name_en);
        }
    }
    let wrote = Wrote::only("updated");
    if !moves {
        return Ok(wrote);
    }
    let notice = Notice::new("change_contact", "update_party")
        .department(id)
        .number("ParentId", goes_to);
    Ok(wrote.echo(notice))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let id = call.param_number("id")?.ok_or_else(|| Fail::param("id"))?;
    ensure(id != 1, ROOT)?;
    ensure(world.org.departments.contains_key(&id), UNKNOWN)?;
    let members = &world.org.members;
    let staffed = members.values().any(|m| m.departments.contains(&id));
    ensure(!staffed, (60005, "department has members"))?;
    let parent = world.org.departments.values().any(|d| d.parent == id);
    ensure(!parent, (60006, "department has sub departments"))?;
    world.org.departments.remove(&id);
    world.directory.tags.forget_department(id);
    let notice = Notice::new("change_contact", "delete_party").department(id);
    Ok(Wrote::only("deleted").echo(notice))
}

impl World {
    /// Checks that `parent` is there and has no other department of this name.
    fn may_hold(&self, parent: u64, name: &str, besides: Option<u64>) -> Result<(), Fail> {
        let departments = &self.org.departments;
        ensure(departments.contains_key(&parent), NO_PARENT)?;
        let mut siblings = departments.values().filter(|d| d.parent == parent);
        let twin = siblings.any(|d| d.name == name && Some(d.id) != besides);
        ensure(!twin, TAKEN)
    }

    /// Members and departments right below a department.
    fn nodes(&self, id: u64) -> usize {
        let departments = self.org.departments.values();
        let members = self.org.members.values();
        departments.filter(|d| d.parent == id).count()
            + members.filter(|m| m.departments.contains(&id)).count()
    }

    /// How deep a department stands; the root is 1.
    fn level(&self, id: u64) -> usize {
        let above = |d: &u64| self.org.departments.get(d).map(|d| d.parent);
        std::iter::successors(Some(id), above)
            .take_while(|d| *d != 0)
            .count()
    }
}
