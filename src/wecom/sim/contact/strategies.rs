//! Rule groups (规则组) of customer contact and of moments.
//!
//! Source: WeCom documentation, 客户联系规则组管理, 朋友圈规则组管理.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{APPS, BAD_USERID, EMPTY, UNKNOWN_DEPARTMENT, member, owns, paged};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::{self, TagGroup},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const LEVELS_MAX: usize = 5;
const ADMINS_MAX: usize = 20;
const NODES_PER_CALL: usize = 100;
const NODES_MAX: usize = 3000;
/// A rule group that is not there, or of another app; it has no errcode of its own.
const UNKNOWN: Code = PARAM;

/// What administrators of customer contact may do, and whether they may when nothing is said.
const PRIVILEGES: &[(&str, bool)] = &[
    ("view_customer_list", true),
    ("view_customer_data", true),
    ("view_room_list", true),
    ("contact_me", true),
    ("join_room", true),
    ("share_customer", false),
    ("oper_resign_customer", true),
    ("oper_resign_group", true),
    ("send_customer_msg", true),
    ("edit_welcome_msg", true),
    ("view_behavior_data", true),
    ("view_room_data", true),
    ("send_group_msg", true),
    ("room_deduplication", true),
    ("rapid_reply", true),
    ("onjob_customer_transfer", true),
    ("edit_anti_spam_rule", true),
    ("export_customer_list", false),
    ("export_customer_data", false),
    ("export_customer_group_list", false),
    ("manage_customer_tag", true),
];

/// The same for moments.
const MOMENT_PRIVILEGES: &[(&str, bool)] = &[
    ("send_moment", true),
    ("view_moment_list", true),
    ("manage_moment_cover_and_sign", true),
];

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "externalcontact/customer_strategy/list",
        APPS,
        list::<false>,
    )
    .empty(&["strategy"])
    .paged(),
    Route::post("externalcontact/customer_strategy/get", APPS, get::<false>),
    Route::post(
        "externalcontact/customer_strategy/get_range",
        APPS,
        get_range::<false>,
    )
    .empty(&["range"])
    .paged(),
    Route::write(
        "externalcontact/customer_strategy/create",
        APPS,
        create::<false>,
    ),
    Route::write(
        "externalcontact/customer_strategy/edit",
        APPS,
        edit::<false>,
    ),
    Route::write(
        "externalcontact/customer_strategy/del",
        APPS,
        delete::<false>,
    ),
    Route::post("externalcontact/moment_strategy/list", APPS, list::<true>)
        .empty(&["strategy"])
        .paged(),
    Route::post("externalcontact/moment_strategy/get", APPS, get::<true>),
    Route::post(
        "externalcontact/moment_strategy/get_range",
        APPS,
        get_range::<true>,
    )
    .empty(&["range"])
    .paged(),
    Route::write(
        "externalcontact/moment_strategy/create",
        APPS,
        create::<true>,
    ),
    Route::write("externalcontact/moment_strategy/edit", APPS, edit::<true>),
    Route::write("externalcontact/moment_strategy/del", APPS, delete::<true>),
];

/// Tag groups by rule group.
pub type StrategyTags = BTreeMap<u64, Vec<TagGroup>>;

/// Rule groups of one kind, by id.
#[derive(Debug, Clone, Default)]
pub struct Strategies(BTreeMap<u64, Strategy>);

#[derive(Debug, Clone)]
struct Strategy {
    maker: App,
    /// 0 at the top.
    parent: u64,
    name: String,
    create_time: i64,
    admins: Vec<String>,
    privilege: Map<String, Value>,
    range: BTreeSet<Node>,
}

/// A member or department in a range.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Member(String),
    Department(u64),
}

impl Node {
    fn value(&self) -> Value {
        match self {
            Self::Member(userid) => json!({ "type": 1, "userid": userid }),
            Self::Department(id) => json!({ "type": 2, "partyid": id }),
        }
    }
}

impl Strategies {
    /// Whether the app may see and change this one.
    pub(super) fn allows(&self, call: &Call<'_>, id: u64) -> bool {
        let known = self.0.get(&id);
        known.is_some_and(|strategy| owns(call.app, Some(strategy.maker)))
    }

    /// Whether it stands at the top.
    pub(super) fn at_top(&self, id: u64) -> bool {
        self.0.get(&id).is_some_and(|strategy| strategy.parent == 0)
    }

    fn find(&self, call: &Call<'_>) -> Result<(u64, &Strategy), Fail> {
        let id = call.number("strategy_id")?;
        let id = id.filter(|id| *id != 0).ok_or(EMPTY)?;
        ensure(self.allows(call, id), UNKNOWN)?;
        Ok((id, self.0.get(&id).ok_or(UNKNOWN)?))
    }

    fn level(&self, id: u64) -> usize {
        let above = |id: &u64| self.0.get(id).map(|s| s.parent);
        std::iter::successors(Some(id), above)
            .take_while(|id| *id != 0)
            .count()
    }
}

impl World {
    fn strategies_of<const MOMENTS: bool>(&mut self) -> &mut Strategies {
        if MOMENTS {
            &mut self.contact.moment_strategies
        } else {
            &mut self.contact.strategies
        }
    }

    /// Whether a member stands in the range of a rule group of customer contact.
    pub(super) fn in_strategy(&self, id: u64, userid: &str) -> bool {
        let strategy = self.contact.strategies.0.get(&id);
        let node = Node::Member(userid.to_owned());
        strategy.is_some_and(|strategy| self.covers(&strategy.range, &node))
    }

    /// Whether a range has this node in it, by itself or by a department above.
    fn covers(&self, range: &BTreeSet<Node>, node: &Node) -> bool {
        let departments = match node {
            Node::Member(userid) => self.member(userid).map(|m| m.departments.clone()),
            Node::Department(id) => Some(vec![*id]),
        };
        let departments = departments.unwrap_or_default();
        range.contains(node)
            || range.iter().any(|outer| match outer {
                Node::Member(_) => false,
                Node::Department(id) => {
                    let below = self.subtree(*id).unwrap_or_default();
                    departments.iter().any(|d| below.contains(d))
                }
            })
    }
}

fn strategies<const MOMENTS: bool>(world: &World) -> &Strategies {
    if MOMENTS {
        &world.contact.moment_strategies
    } else {
        &world.contact.strategies
    }
}

fn list<const MOMENTS: bool>(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = call.limit(Some(1000), 1000)?;
    let all = strategies::<MOMENTS>(world);
    let ids = all.0.keys().filter(|id| all.allows(call, **id));
    let rows = ids.map(|id| json!({ "strategy_id": id })).collect();
    paged(call, "strategy", rows, limit)
}

fn get<const MOMENTS: bool>(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (id, strategy) = strategies::<MOMENTS>(world).find(call)?;
    Ok(json!({ "strategy": {
        "strategy_id": id, "parent_id": strategy.parent, "strategy_name": strategy.name,
        "create_time": strategy.create_time, "admin_list": strategy.admins,
        "privilege": strategy.privilege,
    }}))
}

fn get_range<const MOMENTS: bool>(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, strategy) = strategies::<MOMENTS>(world).find(call)?;
    let limit = call.limit(Some(1000), 1000)?;
    let rows = strategy.range.iter().map(Node::value).collect();
    paged(call, "range", rows, limit)
}

fn admins(world: &World, call: &Call<'_>, fields: Fields<'_>) -> Result<Vec<String>, Fail> {
    let admins = fields.texts("admin_list")?;
    ensure((1..=ADMINS_MAX).contains(&admins.len()), PARAM)?;
    let named = admins.iter().map(|userid| {
        let admin = member(world, call, userid)?;
        // Super administrators may do everything anyway.
        ensure(admin.userid != firm::cast().super_admin, PARAM)?;
        Ok(admin.userid.clone())
    });
    named.collect()
}

/// What is said about privileges, with the defaults for the rest.
fn privilege<const MOMENTS: bool>(fields: Fields<'_>) -> Result<Map<String, Value>, Fail> {
    let given = fields.object("privilege")?;
    let known = if MOMENTS {
        MOMENT_PRIVILEGES
    } else {
        PRIVILEGES
    };
    let one = |(name, default): &(&str, bool)| {
        let flag = given.map(|given| given.flag(name)).transpose()?.flatten();
        Ok(((*name).to_owned(), json!(flag.unwrap_or(*default))))
    };
    known.iter().map(one).collect()
}

/// Nodes of a range that are there.
fn nodes(
    world: &World,
    call: &Call<'_>,
    fields: Fields<'_>,
    name: &str,
) -> Result<BTreeSet<Node>, Fail> {
    let nodes = fields.objects(name)?;
    ensure(nodes.len() <= NODES_PER_CALL, PARAM)?;
    let node = |node: Fields<'_>| match node.number("type")? {
        Some(1) => {
            let userid = node.filled("userid", BAD_USERID)?;
            Ok(Node::Member(member(world, call, userid)?.userid.clone()))
        }
        Some(2) => {
            let id = node.number("partyid")?.ok_or(UNKNOWN_DEPARTMENT)?;
            let known = world.org.departments.contains_key(&id);
            ensure(known, UNKNOWN_DEPARTMENT)?;
            Ok(Node::Department(id))
        }
        _ => Err(PARAM.into()),
    };
    nodes.into_iter().map(node).collect()
}

fn create<const MOMENTS: bool>(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let parent = fields.number("parent_id")?.unwrap_or(0);
    let name = fields.filled("strategy_name", EMPTY)?.to_owned();
    let mut privilege = privilege::<MOMENTS>(fields)?;
    let admins = admins(world, call, fields)?;
    let range = nodes(world, call, fields, "range")?;
    ensure(!range.is_empty(), EMPTY)?;
    let all = strategies::<MOMENTS>(world);
    if parent != 0 {
        ensure(all.allows(call, parent), UNKNOWN)?;
        ensure(all.level(parent) < LEVELS_MAX, PARAM)?;
        let above = all.0.get(&parent).ok_or(UNKNOWN)?;
        let inside = range.iter().all(|node| world.covers(&above.range, node));
        ensure(inside, PARAM)?;
        // Inherited; its own are not looked at.
        privilege.clone_from(&above.privilege);
    }
    let id = all.0.keys().next_back().map_or(1, |last| last + 1);
    let strategy = Strategy {
        maker: call.app,
        parent,
        name,
        create_time: call.now_s,
        admins,
        privilege,
        range,
    };
    world.strategies_of::<MOMENTS>().0.insert(id, strategy);
    Ok(json!({ "strategy_id": id }).into())
}

fn edit<const MOMENTS: bool>(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let all = strategies::<MOMENTS>(world);
    let (id, before) = all.find(call)?;
    let name = fields.text("strategy_name")?.map(str::to_owned);
    ensure(name.as_ref().is_none_or(|name| !name.is_empty()), EMPTY)?;
    let has_admins = fields.has("admin_list");
    let admins = has_admins
        .then(|| admins(world, call, fields))
        .transpose()?;
    let has_privilege = fields.has("privilege") && before.parent == 0;
    let privilege = has_privilege
        .then(|| privilege::<MOMENTS>(fields))
        .transpose()?;
    let more = nodes(world, call, fields, "range_add")?;
    let less = nodes(world, call, fields, "range_del")?;
    if let Some(above) = all.0.get(&before.parent) {
        let inside = more.iter().all(|node| world.covers(&above.range, node));
        ensure(inside, PARAM)?;
    }
    let mut range = before.range.clone();
    range.extend(more);
    range.retain(|node| !less.contains(node));
    ensure((1..=NODES_MAX).contains(&range.len()), PARAM)?;
    let strategies = world.strategies_of::<MOMENTS>();
    if let Some(strategy) = strategies.0.get_mut(&id) {
        strategy.range = range;
        if let Some(name) = name {
            strategy.name = name;
        }
        if let Some(admins) = admins {
            strategy.admins = admins;
        }
        if let Some(privilege) = privilege {
            strategy.privilege = privilege;
        }
    }
    Ok(Wrote::only("ok"))
}

fn delete<const MOMENTS: bool>(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let all = strategies::<MOMENTS>(world);
    let (id, _) = all.find(call)?;
    // One with others below it stays.
    ensure(all.0.values().all(|s| s.parent != id), PARAM)?;
    world.strategies_of::<MOMENTS>().0.remove(&id);
    if !MOMENTS {
        world.contact.strategy_tags.remove(&id);
    }
    Ok(Wrote::only("ok"))
}
