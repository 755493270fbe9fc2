//! 聊天敏感词: words that are warned of or blocked.
//!
//! Source: WeCom documentation, 管理聊天敏感词.

use serde_json::{Value, json};

use super::{APPS, EMPTY, UNKNOWN_DEPARTMENT, member, owns};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const RULES_MAX: usize = 100;
const WORDS_MAX: usize = 300;
const NODES_MAX: usize = 1000;
const PEOPLE_MAX: usize = 10_000;
const LONG_LIST: Code = (41068, "word list over limit");
const TOO_MANY: Code = (41069, "too many rules");
const UNKNOWN: Code = (41070, "invalid rule_id");
const BAD_RANGE: Code = (41076, "applicable range out of limit");
const TAKEN: Code = (41077, "rule name existed");
const BAD_WORD: Code = (41083, "invalid word");
const BAD_SEMANTICS: Code = (41084, "invalid semantics");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/add_intercept_rule", APPS, add),
    Route::get("externalcontact/get_intercept_rule_list", APPS, list).empty(&["rule_list"]),
    Route::post("externalcontact/get_intercept_rule", APPS, get),
    Route::write("externalcontact/update_intercept_rule", APPS, update),
    Route::write("externalcontact/del_intercept_rule", APPS, delete),
];

/// A rule; a deleted one keeps its place and is told apart from one that never was.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    maker: App,
    deleted: bool,
    name: String,
    created_at: i64,
    words: Vec<String>,
    semantics: Vec<u64>,
    kind: u64,
    users: Vec<String>,
    departments: Vec<u64>,
}

fn name(world: &World, fields: Fields<'_>, besides: &str) -> Result<Option<String>, Fail> {
    let Some(name) = fields.text("rule_name")? else {
        return Ok(None);
    };
    ensure((1..=20).contains(&name.chars().count()), PARAM)?;
    let mut others = world.contact.rules.iter();
    let taken = others.any(|(id, r)| !r.deleted && r.name == name && id != besides);
    ensure(!taken, TAKEN)?;
    Ok(Some(name.to_owned()))
}

fn words(fields: Fields<'_>) -> Result<Option<Vec<String>>, Fail> {
    if !fields.has("word_list") {
        return Ok(None);
    }
    let words = fields.texts("word_list")?;
    ensure(!words.is_empty(), BAD_WORD)?;
    ensure(words.len() <= WORDS_MAX, LONG_LIST)?;
    let good = |word: &&str| (1..=32).contains(&word.chars().count());
    ensure(words.iter().all(good), BAD_WORD)?;
    Ok(Some(words.into_iter().map(str::to_owned).collect()))
}

/// `semantics_list`, which stands at the top or in `extra_rule`.
fn semantics(fields: Fields<'_>) -> Result<Option<Vec<u64>>, Fail> {
    let inner = fields.object("extra_rule")?;
    let place = inner
        .filter(|inner| inner.has("semantics_list"))
        .unwrap_or(fields);
    if !place.has("semantics_list") {
        return Ok(None);
    }
    let list = place.numbers("semantics_list")?;
    ensure(list.iter().all(|n| (1..=3).contains(n)), BAD_SEMANTICS)?;
    Ok(Some(list))
}

fn range(
    world: &World,
    call: &Call<'_>,
    fields: Fields<'_>,
    field: &str,
) -> Result<(Vec<String>, Vec<u64>), Fail> {
    let Some(range) = fields.object(field)? else {
        return Ok((Vec::new(), Vec::new()));
    };
    let users = range.texts("user_list")?;
    let departments = range.numbers("department_list")?;
    let few = users.len() <= NODES_MAX && departments.len() <= NODES_MAX;
    ensure(few, BAD_RANGE)?;
    let users = users
        .iter()
        .map(|u| Ok(member(world, call, u)?.userid.clone()));
    let users = users.collect::<Result<Vec<String>, Fail>>()?;
    let known = |id: &u64| world.org.departments.contains_key(id);
    ensure(departments.iter().all(known), UNKNOWN_DEPARTMENT)?;
    Ok((users, departments))
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let name = name(world, fields, "")?.ok_or(EMPTY)?;
    let words = words(fields)?.ok_or(EMPTY)?;
    let semantics = semantics(fields)?.unwrap_or_default();
    let kind = fields
        .one_of("intercept_type", &[1, 2], PARAM)?
        .ok_or(EMPTY)?;
    let (users, departments) = range(world, call, fields, "applicable_range")?;
    ensure(!users.is_empty() || !departments.is_empty(), BAD_RANGE)?;
    let live = world.contact.rules.values().filter(|r| !r.deleted).count();
    let max = world.contact.limit("intercept_rules", RULES_MAX);
    ensure(live < max, TOO_MANY)?;
    let id = world.fresh().id("rule", 20);
    let rule = Rule {
        maker: call.app,
        deleted: false,
        name,
        created_at: call.now_s,
        words,
        semantics,
        kind,
        users,
        departments,
    };
    world.contact.rules.insert(id.clone(), rule);
    Ok(json!({ "rule_id": id }).into())
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let rules = world.contact.rules.iter();
    let mine = rules.filter(|(_, r)| !r.deleted && owns(call.app, Some(r.maker)));
    let row = |(id, r): (&String, &Rule)| json!({ "rule_id": id, "rule_name": r.name, "create_time": r.created_at });
    Ok(json!({ "rule_list": mine.map(row).collect::<Vec<Value>>() }))
}

/// The rule named by `rule_id`, if the app may touch it.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Rule), Fail> {
    let id = call.fields().filled("rule_id", UNKNOWN)?;
    let rule = world.contact.rules.get(id).ok_or(UNKNOWN)?;
    ensure(owns(call.app, Some(rule.maker)), UNKNOWN)?;
    ensure(!rule.deleted, (41071, "rule has been deleted"))?;
    Ok((id.to_owned(), rule))
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (id, rule) = find(world, call)?;
    Ok(json!({ "rule": {
        "rule_id": id, "rule_name": rule.name, "word_list": rule.words,
        "extra_rule": { "semantics_list": rule.semantics }, "intercept_type": rule.kind,
        "applicable_range": { "user_list": rule.users, "department_list": rule.departments },
    }}))
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let (id, rule) = find(world, call)?;
    let mut rule = rule.clone();
    rule.name = name(world, fields, &id)?.unwrap_or(rule.name);
    rule.words = words(fields)?.unwrap_or(rule.words);
    rule.semantics = semantics(fields)?.unwrap_or(rule.semantics);
    let kind = fields.one_of("intercept_type", &[1, 2], PARAM)?;
    rule.kind = kind.unwrap_or(rule.kind);
    let (users, departments) = range(world, call, fields, "add_applicable_range")?;
    let (no_users, no_departments) = range(world, call, fields, "remove_applicable_range")?;
    rule.users.extend(users);
    rule.users.retain(|user| !no_users.contains(user));
    rule.departments.extend(departments);
    rule.departments.retain(|id| !no_departments.contains(id));
    rule.users.dedup();
    rule.departments.dedup();
    let any = !rule.users.is_empty() || !rule.departments.is_empty();
    let people = world.people(&rule.users, &rule.departments).len();
    ensure(any && people <= PEOPLE_MAX, BAD_RANGE)?;
    world.contact.rules.insert(id, rule);
    Ok(Wrote::only("ok"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, _) = find(world, call)?;
    if let Some(rule) = world.contact.rules.get_mut(&id) {
        rule.deleted = true;
    }
    Ok(Wrote::only("ok"))
}
