//! What an app writes about customers (`remark`, `mark_tag`), and whom members have served.
//!
//! Source: WeCom documentation, 修改客户备注信息, 编辑客户企业标签, 获取已服务的外部联系人.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    APPS, EMPTY, NO_EXTERNAL_USERID, NO_USERID, NOT_CONTACTS, UNKNOWN_CUSTOMER, parts::media, staff,
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::Relation,
    routes::{Route, Wrote},
    state::World,
};

const TAGS_MAX: usize = 3000;
const CURSOR_LIFE_S: i64 = 4 * 3600;
const UNKNOWN_TAG: Code = (40068, "invalid tag id");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/remark", APPS, remark),
    Route::write("externalcontact/mark_tag", APPS, mark_tag),
    Route::post("externalcontact/contact_list", APPS, contact_list)
        .empty(&["info_list"])
        .paged(),
];

/// A relation by its two ends, as the directory and WeCom spell them.
pub(super) struct Pair {
    pub userid: String,
    pub external_userid: String,
}

impl Pair {
    /// The two required fields.
    pub fn fields<'b>(fields: Fields<'b>) -> Result<(&'b str, &'b str), Fail> {
        let userid = fields.filled("userid", NO_USERID)?;
        let external_userid = fields.filled("external_userid", NO_EXTERNAL_USERID)?;
        Ok((userid, external_userid))
    }

    /// The relation behind the two fields, if the app may see it and the member has added the
    /// customer.
    pub fn find(
        world: &World,
        call: &Call<'_>,
        (userid, external_userid): (&str, &str),
    ) -> Result<(Self, Relation), Fail> {
        let member = staff(world, call, userid)?;
        let number = world.book.number(external_userid);
        let customer = number.and_then(|n| world.book.get(n));
        let customer = customer.ok_or(UNKNOWN_CUSTOMER)?;
        let mut relations = customer.relations.into_iter();
        let relation = relations.find(|r| r.userid == member.userid && !r.half);
        let relation = relation.ok_or(NOT_CONTACTS)?;
        let pair = Self {
            userid: relation.userid.clone(),
            external_userid: customer.external_userid,
        };
        Ok((pair, relation))
    }
}

fn remark(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let ids = Pair::fields(fields)?;
    let remark = fields.chars("remark", 20, PARAM)?;
    let description = fields.chars("description", 150, PARAM)?;
    let company = fields.chars("remark_company", 20, PARAM)?;
    let mobiles = fields.texts("remark_mobiles")?;
    let new_mobiles = fields.has("remark_mobiles");
    let picture = fields.text("remark_pic_mediaid")?;
    let any = remark.is_some() || description.is_some() || company.is_some();
    ensure(any || new_mobiles || picture.is_some(), EMPTY)?;
    if let Some(picture) = picture {
        media(world, call, picture, "image")?;
    }
    let (pair, _) = Pair::find(world, call, ids)?;
    // Only WeChat users have a remarked company.
    let of_wechat = pair.external_userid.starts_with("wm");
    world.edit_relation(&pair.userid, &pair.external_userid, |relation| {
        if let Some(remark) = remark {
            remark.clone_into(&mut relation.remark);
        }
        if let Some(description) = description {
            description.clone_into(&mut relation.description);
        }
        if let Some(company) = company.filter(|_| of_wechat) {
            company.clone_into(&mut relation.remark_corp_name);
        }
        if new_mobiles {
            let mobiles = mobiles.iter().filter(|mobile| !mobile.is_empty());
            relation.remark_mobiles = mobiles.map(|mobile| (*mobile).to_owned()).collect();
        }
    });
    Ok(Wrote::only("ok"))
}

fn mark_tag(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let ids = Pair::fields(fields)?;
    let add = fields.texts("add_tag")?;
    let remove = fields.texts("remove_tag")?;
    ensure(!add.is_empty() || !remove.is_empty(), EMPTY)?;
    let (pair, relation) = Pair::find(world, call, ids)?;
    for id in add.iter().chain(&remove) {
        let corp = world.live_tag(id).is_some();
        ensure(corp || world.may_mark(call, &pair.userid, id), UNKNOWN_TAG)?;
    }
    let mut tags: Vec<String> = relation.tags;
    tags.retain(|tag| !remove.contains(&tag.as_str()));
    for tag in add {
        if tags.iter().all(|known| known != tag) {
            tags.push(tag.to_owned());
        }
    }
    ensure(tags.len() <= TAGS_MAX, PARAM)?;
    world.edit_relation(&pair.userid, &pair.external_userid, |relation| {
        relation.tags = tags;
    });
    Ok(Wrote::only("ok"))
}

/// Where a page of `contact_list` ended, and when its listing began.
fn cursor(call: &Call<'_>) -> Result<(i64, usize), Fail> {
    let cursor = call.text("cursor")?;
    if cursor.is_empty() {
        return Ok((call.now_s, 0));
    }
    let parts = cursor
        .strip_prefix("QdC-")
        .and_then(|rest| rest.split_once('-'));
    let (began, start) = parts.ok_or_else(Fail::cursor)?;
    let began = i64::from_str_radix(began, 16).map_err(|_| Fail::cursor())?;
    let start = usize::from_str_radix(start, 16).map_err(|_| Fail::cursor())?;
    if call.now_s - began > CURSOR_LIFE_S {
        return Err(Fail::cursor());
    }
    Ok((began, start.saturating_sub(usize::from(call.shift_pages))))
}

fn contact_list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = call.limit(Some(1000), 1000)?;
    let (began, start) = cursor(call)?;
    let mut rows = Vec::new();
    let mut at = 0;
    for member in world
        .org
        .members
        .values()
        .filter(|m| world.sees(call.app, m))
    {
        let numbers = world.book.of_member(&member.userid);
        for number in numbers.into_iter().flatten() {
            if at >= start && rows.len() < limit {
                rows.extend(world.book.get(*number).and_then(|customer| {
                    let mut relations = customer.relations.iter();
                    let relation = relations.find(|r| r.userid == member.userid)?;
                    Some(json!({
                        "is_customer": true, "tmp_openid": tmp(&customer.external_userid),
                        "external_userid": customer.external_userid,
                        "follow_userid": member.userid, "add_time": relation.createtime,
                    }))
                }));
            }
            at += 1;
        }
    }
    for row in strangers(world, call) {
        if at >= start && rows.len() < limit {
            rows.push(row);
        }
        at += 1;
    }
    let end = start + rows.len();
    let next_cursor = if end < at {
        format!("QdC-{began:x}-{end:x}")
    } else {
        String::new()
    };
    Ok(json!({ "info_list": rows, "next_cursor": next_cursor }))
}

/// People in groups who are nobody's customers; their names come masked.
fn strangers(world: &World, call: &Call<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for group in world.groups.values() {
        let owner = world.member(&group.owner);
        if !owner.is_some_and(|owner| world.sees(call.app, owner)) {
            continue;
        }
        for person in group.members.iter().filter(|m| m.kind == 2) {
            let number = world.book.number(&person.userid);
            let known = number.and_then(|n| world.book.get(n));
            let customer = known.is_some_and(|c| !c.relations.is_empty());
            if customer || !seen.insert(&person.userid) {
                continue;
            }
            let last = person.name.chars().last().unwrap_or('*');
            rows.push(json!({
                "is_customer": false, "tmp_openid": tmp(&person.userid),
                "name": format!("***{last}"), "follow_userid": group.owner,
                "chat_id": group.chat_id, "chat_name": group.name,
                "add_time": person.join_time,
            }));
        }
    }
    rows
}

/// An id for this listing.
fn tmp(external_userid: &str) -> String {
    format!("tmp{}", external_userid.get(10..).unwrap_or_default())
}
