//! 获客助手: links by which strangers add members. Not for 客户联系, only for an own app.
//!
//! Source: WeCom documentation, 获客助手, 获客助手事件通知.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{EMPTY, UNKNOWN_DEPARTMENT, able, broadcasts::stretch, chars, paged};
use crate::wecom::sim::{
    callbacks::Notice,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const OWN: &[App] = &[App::Own];
const DAY_S: i64 = 86_400;
const PEOPLE_MAX: usize = 500;
const CHAT_KEY_S: i64 = 30 * 60;
/// Below so many the balance counts as low.
const LOW: u64 = 20;
/// A link that is not there; it has no errcode of its own.
const UNKNOWN: Code = PARAM;

pub(super) const ROUTES: &[Route] = &[
    Route::post("externalcontact/customer_acquisition/list_link", OWN, list)
        .empty(&["link_id_list"])
        .paged(),
    Route::post("externalcontact/customer_acquisition/get", OWN, get),
    Route::write(
        "externalcontact/customer_acquisition/create_link",
        OWN,
        create,
    ),
    Route::write(
        "externalcontact/customer_acquisition/update_link",
        OWN,
        update,
    ),
    Route::write(
        "externalcontact/customer_acquisition/delete_link",
        OWN,
        delete,
    ),
    Route::post(
        "externalcontact/customer_acquisition/customer",
        OWN,
        customers,
    )
    .empty(&["customer_list"])
    .paged(),
    Route::get("externalcontact/customer_acquisition_quota", OWN, quota).empty(&["quota_list"]),
    Route::post(
        "externalcontact/customer_acquisition/statistic",
        OWN,
        figures,
    ),
    Route::post(
        "externalcontact/customer_acquisition/get_chat_info",
        OWN,
        chat_info,
    ),
];

/// Links, and what they cost.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Links {
    pub by_id: BTreeMap<String, Link>,
    pub balance: u64,
    total: u64,
    /// Chats that began by a link: when, and which link and customer.
    chat_keys: BTreeMap<String, (i64, String, String)>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            balance: 1000,
            total: 1000,
            chat_keys: BTreeMap::new(),
        }
    }
}

/// A link.
#[derive(Debug, Clone, Default)]
pub(in crate::wecom::sim) struct Link {
    pub name: String,
    created_at: i64,
    skip_verify: bool,
    mark_source: bool,
    users: Vec<String>,
    departments: Vec<u64>,
    /// 1 all, 2 those listed; 0 nothing was said.
    priority: u64,
    priority_users: Vec<String>,
    /// When it was opened.
    clicks: Vec<i64>,
    customers: Vec<Came>,
}

/// A customer who came by a link.
#[derive(Debug, Clone)]
struct Came {
    external_userid: String,
    userid: String,
    state: String,
    at: i64,
    messages: u64,
}

impl Link {
    /// Takes over what is said; what is not said stays.
    fn take(&mut self, world: &World, call: &Call<'_>, fields: Fields<'_>) -> Result<(), Fail> {
        chars(fields, "link_name", 30, &mut self.name)?;
        ensure(!self.name.is_empty(), EMPTY)?;
        self.skip_verify = fields.flag("skip_verify")?.unwrap_or(self.skip_verify);
        self.mark_source = fields.flag("mark_source")?.unwrap_or(self.mark_source);
        if let Some(range) = fields.object("range")? {
            let users = range.texts("user_list")?;
            let users = users
                .iter()
                .map(|u| Ok(able(world, call, u)?.userid.clone()));
            self.users = users.collect::<Result<_, Fail>>()?;
            self.departments = range.numbers("department_list")?;
            let known = |id: &u64| world.org.departments.contains_key(id);
            ensure(self.departments.iter().all(known), UNKNOWN_DEPARTMENT)?;
        }
        let people = world.people(&self.users, &self.departments).len();
        ensure(people > 0, EMPTY)?;
        ensure(people <= PEOPLE_MAX, PARAM)?;
        if let Some(option) = fields.object("priority_option")? {
            let kind = option.one_of("priority_type", &[1, 2], PARAM)?;
            self.priority = kind.ok_or(PARAM)?;
            let users = option.texts("priority_userid_list")?;
            ensure(users.len() <= 1000, PARAM)?;
            self.priority_users = users.into_iter().map(str::to_owned).collect();
            ensure(self.priority != 2 || !self.priority_users.is_empty(), PARAM)?;
        }
        Ok(())
    }

    fn value(&self, link_id: &str) -> Value {
        json!({
            "link_id": link_id, "link_name": self.name, "url": url(link_id),
            "create_time": self.created_at,
        })
    }
}

fn url(link_id: &str) -> String {
    format!("https://work.weixin.qq.com/ca/{link_id}")
}

/// The link named by `link_id`.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Link), Fail> {
    let id = call.fields().filled("link_id", EMPTY)?;
    let link = world.contact.links.by_id.get(id).ok_or(UNKNOWN)?;
    Ok((id.to_owned(), link))
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = call.limit(Some(100), 100)?;
    let ids = world.contact.links.by_id.keys().map(|id| json!(id));
    paged(call, "link_id_list", ids.collect(), limit)
}

fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (id, link) = find(world, call)?;
    let mut value = link.value(&id);
    value["skip_verify"] = json!(link.skip_verify);
    value["mark_source"] = json!(link.mark_source);
    let mut answer = json!({
        "link": value,
        "range": { "user_list": link.users, "department_list": link.departments },
    });
    if link.priority != 0 {
        answer["priority_option"] = json!({
            "priority_type": link.priority, "priority_userid_list": link.priority_users,
        });
    }
    Ok(answer)
}

fn create(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let mut link = Link {
        created_at: call.now_s,
        skip_verify: true,
        mark_source: true,
        ..Link::default()
    };
    link.take(world, call, call.fields())?;
    let max = world.contact.limit("links", 3000);
    let room = world.contact.links.by_id.len() < max;
    ensure(room, (41095, "too many acquisition links"))?;
    let id = format!("cawcde{:012x}", world.fresh().bits() >> 16);
    let answer = json!({ "link": link.value(&id) });
    world.contact.links.by_id.insert(id, link);
    Ok(answer.into())
}

fn update(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, link) = find(world, call)?;
    let mut link = link.clone();
    link.take(world, call, call.fields())?;
    world.contact.links.by_id.insert(id, link);
    Ok(Wrote::only("ok"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, _) = find(world, call)?;
    world.contact.links.by_id.remove(&id);
    Ok(Wrote::only("ok"))
}

fn customers(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, link) = find(world, call)?;
    let limit = call.limit(Some(1000), 1000)?;
    let row = |came: &Came| {
        let id = &came.external_userid;
        let customer = world.book.number(id).and_then(|n| world.book.get(n));
        let mut relations = customer.into_iter().flat_map(|c| c.relations);
        let here = relations.any(|r| r.userid == came.userid);
        let status = match (here, came.messages) {
            (false, _) => 2,
            (true, 0) => 0,
            (true, _) => 1,
        };
        json!({
            "external_userid": id, "userid": came.userid, "chat_status": status,
            "state": came.state,
        })
    };
    let rows = link.customers.iter().map(row).collect();
    paged(call, "customer_list", rows, limit)
}

fn quota(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let links = &world.contact.links;
    let ends = call.now_s - call.now_s.rem_euclid(DAY_S) + 90 * DAY_S;
    Ok(json!({
        "total": links.total, "balance": links.balance,
        "quota_list": [{ "expire_date": ends, "balance": links.balance }],
    }))
}

fn figures(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, link) = find(world, call)?;
    let (start, end) = stretch(call.fields(), 30)?;
    ensure(start >= call.now_s - 180 * DAY_S, PARAM)?;
    // Whole days, the last one too.
    let inside = |at: i64| (start..end + DAY_S).contains(&at);
    let clicks = link.clicks.iter().filter(|at| inside(**at)).count();
    let came = link.customers.iter().filter(|came| inside(came.at)).count();
    Ok(json!({ "click_link_customer_cnt": clicks, "new_customer_cnt": came }))
}

fn chat_info(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let key = call.fields().filled("chat_key", EMPTY)?;
    let links = &world.contact.links;
    let (made_at, link_id, customer) = links.chat_keys.get(key).ok_or(PARAM)?;
    ensure(call.now_s - made_at <= CHAT_KEY_S, PARAM)?;
    let link = links.by_id.get(link_id).ok_or(UNKNOWN)?;
    let mut came = link.customers.iter();
    let came = came.find(|c| c.external_userid == *customer).ok_or(PARAM)?;
    Ok(json!({
        "userid": came.userid, "external_userid": customer,
        "chat_info": {
            "recv_msg_cnt": came.messages, "link_id": link_id, "state": came.state,
        },
    }))
}

/// An event of the links.
pub(in crate::wecom::sim) fn notice(change: &'static str) -> Notice {
    Notice::new("customer_acquisition", change)
}

impl World {
    /// Somebody opens a link: who is behind it and what is told, or nothing if there is no
    /// such link or nothing left to pay it with.
    pub(in crate::wecom::sim) fn open_link(
        &mut self,
        link_id: &str,
        state: &str,
        now_s: i64,
    ) -> Option<(String, Vec<Notice>)> {
        let link = self.contact.links.by_id.get(link_id)?;
        if self.contact.links.balance == 0 {
            return None;
        }
        let people = self.people(&link.users, &link.departments).into_iter();
        let serving = people.filter(|userid| self.seller(userid).is_some());
        let load = |userid: &String| self.book.of_member(userid).map_or(0, |c| c.len());
        let userid = serving.min_by_key(load)?;
        self.contact
            .links
            .by_id
            .get_mut(link_id)?
            .clicks
            .push(now_s);
        let told = |change| notice(change).id("LinkId", link_id).text("State", state);
        Some((userid, vec![told("open_profile"), told("friend_request")]))
    }

    /// A customer has come by a link: what it costs, and what is told of that.
    pub(in crate::wecom::sim) fn came_by_link(
        &mut self,
        link_id: &str,
        (userid, external_userid): (&str, &str),
        state: &str,
        now_s: i64,
    ) -> Vec<Notice> {
        if let Some(link) = self.contact.links.by_id.get_mut(link_id) {
            link.customers.push(Came {
                external_userid: external_userid.to_owned(),
                userid: userid.to_owned(),
                state: state.to_owned(),
                at: now_s,
                messages: 0,
            });
        }
        self.edit_relation(userid, external_userid, |relation| relation.add_way = 16);
        let balance = &mut self.contact.links.balance;
        *balance = balance.saturating_sub(1);
        match *balance {
            0 => vec![notice("balance_exhausted")],
            left if left == LOW - 1 => vec![notice("balance_low")],
            _ => Vec::new(),
        }
    }

    /// A customer who came by a link writes: what is told, or nothing if nobody came so.
    pub(in crate::wecom::sim) fn link_chat(
        &mut self,
        external_userid: &str,
        now_s: i64,
    ) -> Option<Vec<Notice>> {
        let key = self.fresh().id("CHATKEY", 40);
        let of_customer = |came: &&mut Came| came.external_userid == external_userid;
        let mut links = self.contact.links.by_id.iter_mut();
        let (link_id, came) = links.find_map(|(id, link)| {
            let came = link.customers.iter_mut().find(of_customer)?;
            Some((id.clone(), came))
        })?;
        came.messages += 1;
        let mut notices = Vec::new();
        if came.messages == 1 {
            let started = notice("customer_start_chat").id("UserID", &came.userid);
            notices.push(started.id("ExternalUserID", external_userid));
        }
        let wrote = notice("message_from_customer").id("LinkId", &link_id);
        let wrote = wrote.text("ChatKey", &key).number("ChatSeq", came.messages);
        notices.push(wrote.text("State", &came.state));
        let kept = (now_s, link_id, external_userid.to_owned());
        self.contact.links.chat_keys.insert(key, kept);
        Some(notices)
    }
}
