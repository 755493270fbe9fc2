//! `tag/*`: tags of members and departments.
//!
//! Source: WeCom documentation, 标签管理.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ID_READERS;
use crate::wecom::sim::{
    callbacks::Notice,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const UNKNOWN: Code = (40068, "invalid tagid");
const NO_ID: Code = (41017, "missing tagid");
const NOT_OURS: Code = (81011, "no permission to operate the tag");
const BAD_LIST: Code = (40035, "invalid parameter");
const TAGS_MAX: usize = 3000;
const NODES_MAX: usize = 30_000;

pub const ROUTES: &[Route] = &[
    Route::write("tag/create", ID_READERS, create),
    Route::write("tag/update", ID_READERS, update),
    Route::get_write("tag/delete", ID_READERS, delete),
    Route::get("tag/get", ID_READERS, get).empty(&["userlist", "partylist"]),
    Route::write("tag/addtagusers", ID_READERS, add),
    Route::write("tag/deltagusers", ID_READERS, remove),
    Route::get("tag/list", ID_READERS, list).empty(&["taglist"]),
];

/// A directory tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Name, unique in the firm.
    pub name: String,
    /// Who made it; nobody if a super administrator did, in the console.
    pub owner: Option<App>,
    /// Userids.
    pub users: BTreeSet<String>,
    /// Department ids.
    pub parties: BTreeSet<u64>,
}

/// All directory tags by id.
#[derive(Debug, Clone)]
pub struct Tags(BTreeMap<u64, Tag>);

impl Default for Tags {
    /// The firm begins with one tag, made in the console.
    fn default() -> Self {
        let tag = Tag {
            name: "值班经理".to_owned(),
            owner: None,
            users: BTreeSet::from(["chenlifeng".to_owned(), "xumeiling".to_owned()]),
            parties: BTreeSet::from([4]),
        };
        Self(BTreeMap::from([(1, tag)]))
    }
}

impl Tags {
    /// The tag under this id.
    pub fn get(&self, id: u64) -> Option<&Tag> {
        self.0.get(&id)
    }

    /// A member is gone.
    pub fn forget_member(&mut self, userid: &str) {
        for tag in self.0.values_mut() {
            tag.users.remove(userid);
        }
    }

    /// A department is gone.
    pub fn forget_department(&mut self, id: u64) {
        for tag in self.0.values_mut() {
            tag.parties.remove(&id);
        }
    }

    fn named(&self, name: &str) -> Option<u64> {
        let mut all = self.0.iter();
        all.find(|(_, tag)| tag.name == name).map(|(id, _)| *id)
    }

    /// A tag that `app` may change.
    fn changeable(&mut self, id: u64, app: App) -> Result<&mut Tag, Fail> {
        let tag = self.0.get_mut(&id).ok_or(UNKNOWN)?;
        let ours = tag.owner == Some(app) || (tag.owner.is_none() && app == App::Sync);
        ensure(ours, NOT_OURS)?;
        Ok(tag)
    }
}

fn name<'b>(fields: Fields<'b>) -> Result<&'b str, Fail> {
    let name = fields.text("tagname")?;
    let name = name.ok_or((41018, "missing tagname"))?;
    let fits = (1..=32).contains(&name.chars().count());
    ensure(fits, (40072, "invalid tag name length"))?;
    Ok(name)
}

fn create(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let name = name(call.fields())?;
    let tags = &mut world.directory.tags;
    ensure(tags.named(name).is_none(), (40071, "tag name existed"))?;
    let wished = call.number("tagid")?;
    let free = wished.is_none_or(|id| id > 0 && !tags.0.contains_key(&id));
    ensure(free, UNKNOWN)?;
    ensure(tags.0.len() < TAGS_MAX, PARAM)?;
    let next = tags.0.keys().next_back().map_or(1, |last| last + 1);
    let id = wished.unwrap_or(next);
    let tag = Tag {
        name: name.to_owned(),
        owner: Some(call.app),
        users: BTreeSet::new(),
        parties: BTreeSet::new(),
    };
    tags.0.insert(id, tag);
    Ok(json!({ "errmsg": "created", "tagid": id }).into())
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let id = call.number("tagid")?.ok_or(NO_ID)?;
    let name = name(call.fields())?;
    let tags = &mut world.directory.tags;
    let twin = tags.named(name).is_some_and(|other| other != id);
    tags.changeable(id, call.app)?;
    ensure(!twin, (40071, "tag name existed"))?;
    name.clone_into(&mut tags.changeable(id, call.app)?.name);
    Ok(Wrote::only("updated"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let id = call.param_number("tagid")?.ok_or(NO_ID)?;
    let tags = &mut world.directory.tags;
    tags.changeable(id, call.app)?;
    tags.0.remove(&id);
    Ok(Wrote::only("deleted"))
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let id = call.param_number("tagid")?.ok_or(NO_ID)?;
    let tag = world.directory.tags.get(id).ok_or(UNKNOWN)?;
    let members = tag.users.iter().filter_map(|userid| world.member(userid));
    // The sync assistant gets ids, not names.
    let user = |userid: &str, name: &str| match call.app {
        App::Sync => json!({ "userid": userid }),
        _ => json!({ "userid": userid, "name": name }),
    };
    let users: Vec<Value> = members.map(|m| user(&m.userid, &m.name)).collect();
    Ok(json!({ "tagname": tag.name, "userlist": users, "partylist": tag.parties }))
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let ours = |tag: &Tag| call.app != App::Sync || tag.owner.is_none_or(|app| app == App::Sync);
    let tags = world.directory.tags.0.iter();
    let tags: Vec<Value> = tags
        .filter(|(_, tag)| ours(tag))
        .map(|(id, tag)| json!({ "tagid": id, "tagname": tag.name }))
        .collect();
    Ok(json!({ "taglist": tags }))
}

/// Who is to carry a tag or lose it, as asked for.
struct Nodes {
    users: Vec<String>,
    parties: Vec<u64>,
    bad_users: Vec<String>,
    bad_parties: Vec<u64>,
}

impl Nodes {
    fn read(world: &World, fields: Fields<'_>) -> Result<Self, Fail> {
        let wrong = |_| Fail::from(BAD_LIST);
        let asked = fields.texts("userlist").map_err(wrong)?;
        let parties = fields.numbers("partylist").map_err(wrong)?;
        let given = !asked.is_empty() || !parties.is_empty();
        ensure(
            given && asked.len() <= 1000 && parties.len() <= 100,
            BAD_LIST,
        )?;
        let (mut users, mut bad_users) = (Vec::new(), Vec::new());
        for userid in asked {
            match world.member(userid) {
                Some(member) => users.push(member.userid.clone()),
                None => bad_users.push(userid.to_owned()),
            }
        }
        let known = |id: &u64| world.org.departments.contains_key(id);
        let (parties, bad_parties): (Vec<u64>, Vec<u64>) = parties.into_iter().partition(known);
        let some = !users.is_empty() || !parties.is_empty();
        ensure(some, (40070, "all list invalid "))?;
        Ok(Self {
            users,
            parties,
            bad_users,
            bad_parties,
        })
    }

    /// The answer names those who were invalid.
    fn answer(&self, errmsg: &str) -> Wrote {
        let mut value = json!({ "errmsg": errmsg });
        if !self.bad_users.is_empty() {
            value["invalidlist"] = json!(self.bad_users.join("|"));
        }
        if !self.bad_parties.is_empty() {
            value["invalidparty"] = json!(self.bad_parties);
        }
        value.into()
    }
}

fn notice(id: u64, users: (&'static str, &[String]), parties: (&'static str, &[u64])) -> Notice {
    Notice::new("change_contact", "update_tag")
        .id("TagId", &id.to_string())
        .text(users.0, &users.1.join(","))
        .list(parties.0, parties.1)
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let id = call.number("tagid")?.ok_or(NO_ID)?;
    let nodes = Nodes::read(world, call.fields());
    let max = world.contact.limit("tag_nodes", NODES_MAX);
    let tag = world.directory.tags.changeable(id, call.app)?;
    let nodes = nodes?;
    let carried = tag.users.len() + tag.parties.len() + nodes.users.len() + nodes.parties.len();
    ensure(carried <= max, (81003, "too many members of the tag"))?;
    tag.users.extend(nodes.users.iter().cloned());
    tag.parties.extend(&nodes.parties);
    let told = notice(
        id,
        ("AddUserItems", &nodes.users),
        ("AddPartyItems", &nodes.parties),
    );
    Ok(nodes.answer("ok").echo(told))
}

fn remove(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let id = call.number("tagid")?.ok_or(NO_ID)?;
    let nodes = Nodes::read(world, call.fields());
    let tag = world.directory.tags.changeable(id, call.app)?;
    let nodes = nodes?;
    tag.users.retain(|u| !nodes.users.contains(u));
    tag.parties.retain(|p| !nodes.parties.contains(p));
    let told = notice(
        id,
        ("DelUserItems", &nodes.users),
        ("DelPartyItems", &nodes.parties),
    );
    Ok(nodes.answer("deleted").echo(told))
}
