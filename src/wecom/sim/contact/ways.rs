//! 联系我: codes by which customers add members, and temporary chats.
//!
//! Source: WeCom documentation, 客户联系「联系我」管理.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    APPS, BAD_CONFIG, EMPTY, NO_CONFIG, NOT_CONTACTS, TOO_MANY_WAYS, UNKNOWN_DEPARTMENT, able,
    chars, owns, paged,
    parts::{OF_CONCLUSIONS, material},
    relations::Pair,
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const DAY_S: i64 = 86_400;
const PEOPLE_MAX: usize = 100;
const TEMPORARY_S_MAX: u64 = 14 * 86_400;
const TOO_MANY_PEOPLE: Code = (41041, "contact way users over limit");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/add_contact_way", APPS, add),
    Route::post("externalcontact/get_contact_way", APPS, get),
    Route::post("externalcontact/list_contact_way", APPS, list)
        .empty(&["contact_way"])
        .paged(),
    Route::write("externalcontact/update_contact_way", APPS, update),
    Route::write("externalcontact/del_contact_way", APPS, delete),
    Route::write("externalcontact/close_temp_chat", APPS, close_temp_chat),
];

/// A contact way.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Way {
    pub maker: App,
    pub created_at: i64,
    pub kind: u64,
    pub scene: u64,
    pub style: u64,
    pub remark: String,
    pub skip_verify: bool,
    pub state: String,
    pub users: Vec<String>,
    pub parties: Vec<u64>,
    pub is_temp: bool,
    pub expires_in: u64,
    pub chat_expires_in: u64,
    pub unionid: String,
    pub is_exclusive: bool,
    pub mark_source: bool,
    pub conclusions: Map<String, Value>,
    /// Which member customers of another firm go to, by the firm's name.
    pub chosen: BTreeMap<String, String>,
}

/// Contact ways, and what came of them.
#[derive(Debug, Clone, Default)]
pub(in crate::wecom::sim) struct Ways {
    pub by_id: BTreeMap<String, Way>,
    /// When temporary chats end, by member and customer.
    pub temp_chats: BTreeMap<(String, String), i64>,
    /// How many temporary ones were made, by day.
    temporary: BTreeMap<i64, usize>,
}

impl Way {
    fn new(app: App, now_s: i64) -> Self {
        Self {
            maker: app,
            created_at: now_s,
            kind: 0,
            scene: 0,
            style: 0,
            remark: String::new(),
            skip_verify: true,
            state: String::new(),
            users: Vec::new(),
            parties: Vec::new(),
            is_temp: false,
            expires_in: 7 * 86_400,
            chat_expires_in: 86_400,
            unionid: String::new(),
            is_exclusive: false,
            mark_source: true,
            conclusions: Map::new(),
            chosen: BTreeMap::new(),
        }
    }

    /// Whether a temporary one is over.
    pub fn is_expired(&self, now_s: i64) -> bool {
        let life_s = i64::try_from(self.expires_in).unwrap_or(i64::MAX);
        self.is_temp && now_s > self.created_at.saturating_add(life_s)
    }

    fn value(&self, config_id: &str) -> Value {
        let mut value = json!({
            "config_id": config_id, "type": self.kind, "scene": self.scene, "style": self.style,
            "remark": self.remark, "skip_verify": self.skip_verify, "state": self.state,
            "user": self.users, "party": self.parties, "is_temp": self.is_temp,
            "is_exclusive": self.is_exclusive, "mark_source": self.mark_source,
        });
        if self.scene == 2 {
            value["qr_code"] = json!(qr_code(config_id));
        }
        if self.is_temp {
            value["expires_in"] = json!(self.expires_in);
            value["chat_expires_in"] = json!(self.chat_expires_in);
            value["unionid"] = json!(self.unionid);
            value["conclusions"] = json!(self.conclusions);
        }
        value
    }

    /// Takes over what is said about settings; what is not said stays.
    fn take(&mut self, world: &World, call: &Call<'_>, fields: Fields<'_>) -> Result<(), Fail> {
        let style = fields.one_of("style", &[0, 1, 2, 3], (41042, "invalid contact way style"))?;
        self.style = style.unwrap_or(self.style);
        chars(fields, "remark", 30, &mut self.remark)?;
        chars(fields, "state", 30, &mut self.state)?;
        chars(fields, "unionid", 64, &mut self.unionid)?;
        self.skip_verify = fields.flag("skip_verify")?.unwrap_or(self.skip_verify);
        self.mark_source = fields.flag("mark_source")?.unwrap_or(self.mark_source);
        for (name, life) in [
            ("expires_in", &mut self.expires_in),
            ("chat_expires_in", &mut self.chat_expires_in),
        ] {
            let given = fields.number(name)?.filter(|n| *n != 0);
            ensure(given.is_none_or(|n| n <= TEMPORARY_S_MAX), PARAM)?;
            *life = given.unwrap_or(*life);
        }
        if let Some(conclusions) = fields.object("conclusions")? {
            self.conclusions = material(world, call, conclusions, OF_CONCLUSIONS, 4000)?;
        }
        if fields.has("user") {
            let users = fields.texts("user")?;
            let able = users
                .iter()
                .map(|u| Ok(able(world, call, u)?.userid.clone()));
            self.users = able.collect::<Result<_, Fail>>()?;
        }
        if fields.has("party") {
            self.parties = fields.numbers("party")?;
            let known = |id: &u64| world.org.departments.contains_key(id);
            ensure(self.parties.iter().all(known), UNKNOWN_DEPARTMENT)?;
        }
        if self.kind == 1 {
            ensure(self.users.len() == 1 && self.parties.is_empty(), PARAM)?;
        }
        ensure(!self.users.is_empty() || !self.parties.is_empty(), EMPTY)?;
        let people = world.people(&self.users, &self.parties).len();
        ensure(people <= PEOPLE_MAX, TOO_MANY_PEOPLE)
    }
}

/// Address of the picture of a code, as WeCom would give it; whoever asks over HTTP gets one
/// that leads to this server.
pub(in crate::wecom::sim) fn qr_code(config_id: &str) -> String {
    format!("https://wework.qpic.cn/wwpic/{config_id}/0")
}

/// 32 hex digits.
pub(super) fn config_id(world: &mut World) -> String {
    let mut rng = world.fresh();
    format!("{:016x}{:016x}", rng.bits(), rng.bits())
}

impl World {
    /// Members behind userids and departments with all below them.
    pub(in crate::wecom::sim) fn people(
        &self,
        users: &[String],
        parties: &[u64],
    ) -> BTreeSet<String> {
        let below: BTreeSet<u64> = parties
            .iter()
            .filter_map(|id| self.subtree(*id))
            .flatten()
            .collect();
        let inside = self
            .org
            .members
            .values()
            .filter(|m| m.departments.iter().any(|d| below.contains(d)));
        let mut people: BTreeSet<String> = inside.map(|m| m.userid.clone()).collect();
        people.extend(users.iter().cloned());
        people
    }

    /// How many codes there are, temporary ones not counted.
    pub(super) fn codes(&self) -> usize {
        let ways = self.contact.ways.by_id.values().filter(|w| !w.is_temp);
        ways.count() + self.contact.join_ways.len()
    }
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let no_kind = (41037, "missing contact way type");
    let no_scene = (41038, "missing contact way scene");
    let mut way = Way::new(call.app, call.now_s);
    let kind = fields.one_of("type", &[1, 2], (41039, "invalid contact way type"))?;
    way.kind = kind.ok_or(no_kind)?;
    let scene = fields.one_of("scene", &[1, 2], (41040, "invalid contact way scene"))?;
    way.scene = scene.ok_or(no_scene)?;
    way.is_temp = fields.flag("is_temp")?.unwrap_or(false);
    ensure(!way.is_temp || way.kind == 1, PARAM)?;
    way.is_exclusive = fields.flag("is_exclusive")?.unwrap_or(false);
    way.take(world, call, fields)?;
    let day = call.now_s.div_euclid(DAY_S);
    if way.is_temp {
        let today = world.contact.ways.temporary.entry(day).or_default();
        ensure(*today < 100_000, TOO_MANY_WAYS)?;
        *today += 1;
    } else {
        let room = world.codes() < world.contact.limit("contact_ways", 500_000);
        ensure(room, TOO_MANY_WAYS)?;
    }
    let config_id = config_id(world);
    let mut answer = json!({ "config_id": config_id });
    if way.scene == 2 {
        answer["qr_code"] = json!(qr_code(&config_id));
    }
    world.contact.ways.by_id.insert(config_id, way);
    Ok(answer.into())
}

/// The way named by `config_id`, if the app may touch it.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Way), Fail> {
    let config_id = call.fields().filled("config_id", NO_CONFIG)?;
    let way = world.contact.ways.by_id.get(config_id).ok_or(BAD_CONFIG)?;
    ensure(owns(call.app, Some(way.maker)), BAD_CONFIG)?;
    Ok((config_id.to_owned(), way))
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (config_id, way) = find(world, call)?;
    Ok(json!({ "contact_way": way.value(&config_id) }))
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let time = |name: &str, default: i64| {
        let given = call.number(name)?.filter(|n| *n != 0);
        Ok::<i64, Fail>(given.map_or(default, |n| i64::try_from(n).unwrap_or(i64::MAX)))
    };
    let start = time("start_time", call.now_s - 90 * DAY_S)?;
    let end = time("end_time", call.now_s)?;
    ensure(start <= end, PARAM)?;
    let limit = call.limit(Some(100), 1000)?;
    let ways = world.contact.ways.by_id.iter();
    let mut ways: Vec<_> = ways
        .filter(|(_, w)| !w.is_temp && owns(call.app, Some(w.maker)))
        .filter(|(_, w)| (start..=end).contains(&w.created_at))
        .collect();
    ways.sort_by_key(|(_, w)| w.created_at);
    let rows = ways.iter().map(|(id, _)| json!({ "config_id": id }));
    paged(call, "contact_way", rows.collect(), limit)
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (config_id, way) = find(world, call)?;
    ensure(!way.is_expired(call.now_s), PARAM)?;
    let mut way = way.clone();
    way.take(world, call, call.fields())?;
    world.contact.ways.by_id.insert(config_id, way);
    Ok(Wrote::only("ok"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (config_id, _) = find(world, call)?;
    world.contact.ways.by_id.remove(&config_id);
    Ok(Wrote::only("ok"))
}

fn close_temp_chat(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (userid, external_userid) = Pair::fields(call.fields())?;
    let member = able(world, call, userid)?;
    let key = (member.userid.clone(), external_userid.to_owned());
    let ends_at = world.contact.ways.temp_chats.get(&key).copied();
    ensure(ends_at.is_some_and(|at| call.now_s <= at), NOT_CONTACTS)?;
    world.contact.ways.temp_chats.remove(&key);
    Ok(Wrote::only("ok"))
}
