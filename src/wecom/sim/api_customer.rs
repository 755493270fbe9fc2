//! `externalcontact/*`: staff and customers.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::{
    check::{Call, Fail},
    contact::staff,
    firm::{CorpTag, Customer, Relation, TagGroup},
    routes::Route,
    state::World,
    tokens::App,
};

const READERS: &[App] = &[App::Own, App::Contact];

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "externalcontact/get_follow_user_list",
        READERS,
        follow_users,
    )
    .empty(&["follow_user"]),
    Route::get("externalcontact/list", READERS, list).empty(&["external_userid"]),
    Route::get("externalcontact/get", READERS, get).empty(&["follow_user"]),
    Route::post("externalcontact/batch/get_by_user", READERS, batch)
        .empty(&["external_contact_list"])
        .paged(),
];

const FOLLOWERS_PER_PAGE: usize = 500;

/// `get_follow_user_list`
fn follow_users(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let users: Vec<&str> = world
        .org
        .members
        .values()
        .filter(|m| m.serves_customers && world.sees(call.app, m))
        .map(|m| m.userid.as_str())
        .collect();
    Ok(json!({ "follow_user": users }))
}

/// `list`
fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let userid = call
        .param("userid")
        .ok_or_else(|| Fail::new(41009, "missing userid"))?;
    let member = staff(world, call, userid)?;
    let numbers = world
        .book
        .of_member(&member.userid)
        .ok_or_else(|| Fail::new(84061, "not external contact"))?;
    let ids: Vec<String> = numbers
        .iter()
        .filter_map(|n| world.book.get(*n))
        .map(|c| c.external_userid)
        .collect();
    Ok(json!({ "external_userid": ids }))
}

/// `get`
fn get(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let id = call
        .param("external_userid")
        .ok_or_else(|| Fail::new(41035, "missing external userid"))?;
    let mut customer = world
        .book
        .number(id)
        .and_then(|number| world.book.get(number))
        .ok_or_else(|| Fail::new(40096, "invalid external userid"))?;
    if customer.relations.is_empty() {
        return Err(Fail::new(84061, "not external contact"));
    }
    let seen = |relation: &Relation| world.sees_userid(call.app, &relation.userid);
    customer.relations.retain(seen);
    if customer.relations.is_empty() {
        return Err(Fail::new(40096, "invalid external userid"));
    }
    let start = match call.param("cursor") {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("QdF-")
            .and_then(|n| n.parse::<usize>().ok())
            .ok_or_else(Fail::cursor)?,
    };
    let end = (start + FOLLOWERS_PER_PAGE).min(customer.relations.len());
    let followers: Vec<Value> = customer
        .relations
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|relation| follower(world, &customer, relation))
        .collect();
    let mut answer = json!({
        "external_contact": contact(&customer), "follow_user": followers,
    });
    if end < customer.relations.len() {
        answer["next_cursor"] = json!(format!("QdF-{end}"));
    }
    Ok(answer)
}

fn contact(c: &Customer) -> Value {
    let mut contact = json!({
        "external_userid": c.external_userid, "name": c.name, "type": c.kind,
        "avatar": format!("https://wx.qlogo.cn/mmhead/{}/0", &c.external_userid[10..]),
        "gender": c.gender,
    });
    let optional = [
        ("unionid", &c.unionid),
        ("corp_name", &c.corp_name),
        ("corp_full_name", &c.corp_name),
        ("position", &c.position),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            contact[field] = json!(value);
        }
    }
    if c.kind == 2 {
        contact["external_profile"] = json!({ "external_attr": [] });
    }
    contact
}

/// What `get` and `batch/get_by_user` have in common.
fn relation_fields(c: &Customer, r: &Relation) -> Map<String, Value> {
    // A customer who scanned a code or searched began the relation.
    let oper = match r.add_way {
        _ if !r.oper_userid.is_empty() => &r.oper_userid,
        1 | 16 => &c.external_userid,
        _ => &r.userid,
    };
    let mut fields = Map::new();
    for (name, value) in [
        ("userid", json!(r.userid)),
        ("remark", json!(r.remark)),
        ("description", json!(r.description)),
        ("createtime", json!(r.createtime)),
        ("remark_mobiles", json!(r.remark_mobiles)),
        ("oper_userid", json!(oper)),
        ("add_way", json!(r.add_way)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    if c.kind == 1 {
        fields.insert("remark_corp_name".to_owned(), json!(r.remark_corp_name));
    }
    if !r.state.is_empty() {
        fields.insert("state".to_owned(), json!(r.state));
    }
    if r.add_way == 10 {
        let channels = json!({ "nickname": "云岭茶业", "source": 1 });
        fields.insert("wechat_channels".to_owned(), channels);
    }
    fields
}

fn follower(world: &World, c: &Customer, r: &Relation) -> Value {
    let told = |(group, tag): (&TagGroup, &CorpTag), kind: u8| {
        json!({
            "group_name": group.name, "tag_name": tag.name, "tag_id": tag.id, "type": kind,
        })
    };
    let corp = r.tags.iter().filter_map(|id| world.live_tag(id));
    let mut tags: Vec<Value> = corp.map(|found| told(found, 1)).collect();
    let of_rule_groups = r.tags.iter().filter_map(|id| world.live_strategy_tag(id));
    tags.extend(of_rule_groups.map(|found| told(found, 3)));
    for name in &r.personal_tags {
        tags.push(json!({ "group_name": "", "tag_name": name, "type": 2 }));
    }
    let mut fields = relation_fields(c, r);
    fields.insert("tags".to_owned(), json!(tags));
    Value::Object(fields)
}

fn follow_info(world: &World, c: &Customer, r: &Relation) -> Value {
    let tags: Vec<&String> = r
        .tags
        .iter()
        .filter(|id| {
            world
                .live_tag(id)
                .or_else(|| world.live_strategy_tag(id))
                .is_some()
        })
        .collect();
    let mut fields = relation_fields(c, r);
    fields.insert("tag_id".to_owned(), json!(tags));
    Value::Object(fields)
}

/// `batch/get_by_user`
fn batch(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let userids = call.fields().texts("userid_list")?;
    if userids.is_empty() || userids.len() > 100 {
        return Err(Fail::param("userid_list"));
    }
    // More than the maximum counts as the maximum, for this call only.
    let limit = call.limit(Some(50), usize::MAX)?.min(100);
    let from = BatchCursor::read(call)?;
    for userid in &userids {
        staff(world, call, userid)?;
    }
    let mut rows = Vec::with_capacity(limit);
    let mut last = from;
    let next_cursor = loop {
        let Some(userid) = userids.get(last.user) else {
            break String::new();
        };
        let member = staff(world, call, userid)?;
        let bound = last.after.map_or(Bound::Unbounded, Bound::Excluded);
        let numbers = world.book.of_member(&member.userid);
        for number in numbers
            .into_iter()
            .flat_map(|n| n.range((bound, Bound::Unbounded)))
        {
            if rows.len() == limit {
                break;
            }
            last.after = Some(*number);
            rows.extend(
                world
                    .book
                    .get(*number)
                    .and_then(|c| row(world, &member.userid, &c)),
            );
        }
        if rows.len() == limit && last.has_more(world, &userids) {
            break last.write();
        }
        last = BatchCursor {
            user: last.user + 1,
            after: None,
        };
    };
    Ok(json!({
        "external_contact_list": rows, "next_cursor": next_cursor,
        "fail_info": { "unlicensed_userid_list": [] },
    }))
}

fn row(world: &World, userid: &str, customer: &Customer) -> Option<Value> {
    let relation = customer.relations.iter().find(|r| r.userid == userid)?;
    Some(json!({
        "external_contact": contact(customer),
        "follow_info": follow_info(world, customer, relation),
    }))
}

/// Where a page of `batch/get_by_user` ended. It names a customer, not a row, so that
/// customers who come and go don't move the rows of the pages to come.
#[derive(Debug, Clone, Copy)]
struct BatchCursor {
    user: usize,
    after: Option<u32>,
}

impl BatchCursor {
    fn read(call: &Call<'_>) -> Result<Self, Fail> {
        let cursor = call.text("cursor")?;
        if cursor.is_empty() {
            return Ok(Self {
                user: 0,
                after: None,
            });
        }
        let parts = cursor
            .strip_prefix("QdB-")
            .and_then(|rest| rest.split_once('-'));
        let (user, after) = parts.ok_or_else(Fail::cursor)?;
        let wrong = |_| Fail::cursor();
        let user = usize::from_str_radix(user, 16).map_err(wrong)?;
        let after = u32::from_str_radix(after, 16).map_err(wrong)?;
        let after = if call.shift_pages {
            after.checked_sub(1)
        } else {
            Some(after)
        };
        Ok(Self { user, after })
    }

    fn write(self) -> String {
        format!("QdB-{:02x}-{:08x}", self.user, self.after.unwrap_or(0))
    }

    fn has_more(self, world: &World, userids: &[&str]) -> bool {
        let rest = |i: usize, after: Option<u32>| {
            let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
            userids
                .get(i)
                .and_then(|u| world.member(u))
                .and_then(|m| world.book.of_member(&m.userid))
                .is_some_and(|list| list.range((bound, Bound::Unbounded)).next().is_some())
        };
        rest(self.user, self.after) || (self.user + 1..userids.len()).any(|i| rest(i, None))
    }
}
