//! 统计: what members and groups did, by day of Beijing time.
//!
//! Source: WeCom documentation, 联系客户统计, 群聊数据统计.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    APPS, EMPTY, UNKNOWN_DEPARTMENT,
    broadcasts::stretch,
    staff,
    when::{day, day_start},
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{PARAM, ensure},
    firm::{GroupChat, Rng, mix},
    routes::Route,
    state::World,
};

const NAMED_MAX: usize = 100;
/// How far back figures are kept, in days.
const KEPT: i64 = 180;
const SPAN: i64 = 30;

pub(super) const ROUTES: &[Route] = &[
    Route::post("externalcontact/get_user_behavior_data", APPS, behavior).empty(&["behavior_data"]),
    Route::post("externalcontact/groupchat/statistic", APPS, by_owner).empty(&["items"]),
    Route::post(
        "externalcontact/groupchat/statistic_group_by_day",
        APPS,
        by_day,
    )
    .empty(&["items"]),
];

/// Chance for somebody or something on a day, the same whenever it is asked for.
fn dice(who: &str, day: i64) -> Rng {
    let hash = who
        .bytes()
        .fold(7, |hash, byte| mix(hash ^ u64::from(byte)));
    Rng::of(hash, 60, day.unsigned_abs())
}

/// Days from a beginning to an end (seconds), of those that figures are kept of.
fn days(call: &Call<'_>, start: i64, end: i64) -> Result<Vec<i64>, Fail> {
    let today = day(call.now_s);
    let (first, last) = (day(start), day(end));
    ensure(first <= last && last - first <= SPAN, PARAM)?;
    ensure(first >= today - KEPT && last < today, PARAM)?;
    Ok((first..=last).collect())
}

fn behavior(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let userids = fields.texts("userid")?;
    let parties = fields.numbers("partyid")?;
    ensure(!userids.is_empty() || !parties.is_empty(), EMPTY)?;
    ensure(
        userids.len() <= NAMED_MAX && parties.len() <= NAMED_MAX,
        PARAM,
    )?;
    let (start, end) = stretch(fields, SPAN)?;
    let days = days(call, start, end)?;
    let known = |id: &u64| world.org.departments.contains_key(id);
    ensure(parties.iter().all(known), UNKNOWN_DEPARTMENT)?;
    let named = userids
        .iter()
        .map(|u| Ok(staff(world, call, u)?.userid.clone()));
    let named = named.collect::<Result<Vec<String>, Fail>>()?;
    let people = world.people(&named, &parties).into_iter();
    let people: BTreeSet<String> = people.filter(|u| world.seller(u).is_some()).collect();
    let mut new_contacts: BTreeMap<i64, u64> = BTreeMap::new();
    for userid in &people {
        let numbers = world.book.of_member(userid).into_iter().flatten();
        for customer in numbers.filter_map(|n| world.book.get(*n)) {
            let mine = customer.relations.iter().filter(|r| r.userid == *userid);
            for relation in mine {
                *new_contacts.entry(day(relation.createtime)).or_default() += 1;
            }
        }
    }
    let rows = days.into_iter().map(|day| {
        let new = new_contacts.get(&day).copied().unwrap_or(0);
        member_day(&people, day, new)
    });
    Ok(json!({ "behavior_data": rows.collect::<Vec<Value>>() }))
}

/// One day of some members, added up.
fn member_day(people: &BTreeSet<String>, day: i64, new_contacts: u64) -> Value {
    let (mut chats, mut messages, mut replied, mut minutes) = (0, 0, 0, 0);
    let (mut negative, mut applied) = (0, 0);
    for userid in people {
        let mut rng = dice(userid, day);
        let mine = rng.below(25);
        chats += mine;
        messages += mine * (1 + rng.below(6));
        replied += mine * (60 + rng.below(40));
        minutes += mine * (1 + rng.below(20));
        negative += usize::from(rng.chance(6));
        applied += rng.below(4);
    }
    let mut row = json!({
        "stat_time": day_start(day), "chat_cnt": chats, "message_cnt": messages,
        "negative_feedback_cnt": negative, "new_apply_cnt": applied,
        "new_contact_cnt": new_contacts,
    });
    // Absent when there was nothing to reply to.
    if let (Some(percent), Some(average)) = (replied.checked_div(chats), minutes.checked_div(chats))
    {
        row["reply_percentage"] = json!(percent);
        row["avg_reply_time"] = json!(average);
    }
    row
}

/// Owners and days that were asked about.
fn asked(world: &World, call: &Call<'_>) -> Result<(BTreeSet<String>, Vec<i64>), Fail> {
    let fields = call.fields();
    let time = |name: &str| {
        let given = fields.number(name)?.filter(|n| *n != 0);
        Ok::<_, Fail>(given.and_then(|n| i64::try_from(n).ok()))
    };
    let begin = time("day_begin_time")?.ok_or_else(|| Fail::param("day_begin_time"))?;
    let end = time("day_end_time")?.unwrap_or(begin);
    let days = days(call, begin, end)?;
    let filter = fields.object("owner_filter")?;
    let named = filter.map(|f| f.texts("userid_list")).transpose()?;
    let named = named.unwrap_or_default();
    ensure(named.len() <= NAMED_MAX, PARAM)?;
    let mut owners = BTreeSet::new();
    for userid in &named {
        owners.insert(staff(world, call, userid)?.userid.clone());
    }
    if named.is_empty() {
        let sees = |u: &&String| world.sees_userid(call.app, u);
        owners = world.org.sellers.iter().filter(sees).cloned().collect();
        world.may_name_no_owner(call)?;
    }
    Ok((owners, days))
}

impl World {
    /// Checks that the range is small enough to be asked about without naming owners.
    pub(in crate::wecom::sim) fn may_name_no_owner(&self, call: &Call<'_>) -> Result<(), Fail> {
        let members = self.org.members.values();
        let seen = members.filter(|m| m.serves_customers && self.sees(call.app, m));
        let max = self.contact.limit("owners", 1000);
        ensure(seen.count() <= max, (81017, "too many owners"))
    }
}

/// Figures of some groups over some days.
#[derive(Default)]
struct Figures {
    new_chats: usize,
    chats: usize,
    talking: usize,
    new_members: usize,
    members: usize,
    writing: usize,
    messages: usize,
}

impl Figures {
    fn add(&mut self, group: &GroupChat, days: &[i64]) {
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return;
        };
        let made = day(group.create_time);
        if made > *last {
            return;
        }
        self.chats += 1;
        self.new_chats += usize::from(made >= *first);
        let joined = group.members.iter().map(|m| day(m.join_time));
        let present = joined.filter(|at| at <= last);
        for at in present {
            self.members += 1;
            self.new_members += usize::from(at >= *first);
        }
        let mut talked = false;
        for day in days.iter().filter(|day| made <= **day) {
            let mut rng = dice(&group.chat_id, *day);
            if rng.chance(60) {
                talked = true;
                self.writing += 1 + rng.below(group.members.len().max(1));
                self.messages += 1 + rng.below(80);
            }
        }
        self.talking += usize::from(talked);
    }

    fn value(&self) -> Value {
        json!({
            "new_chat_cnt": self.new_chats, "chat_total": self.chats,
            "chat_has_msg": self.talking, "new_member_cnt": self.new_members,
            "member_total": self.members, "member_has_msg": self.writing,
            "msg_total": self.messages, "migrate_trainee_chat_cnt": 0,
        })
    }
}

fn by_owner(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let order = fields
        .one_of("order_by", &[1, 2, 3, 4], PARAM)?
        .unwrap_or(1);
    let ascending = fields.one_of("order_asc", &[0, 1], PARAM)? == Some(1);
    let limit = call.limit(Some(500), 1000)?;
    let offset = fields.number("offset")?.unwrap_or(0);
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let (owners, days) = asked(world, call)?;
    let mut of_owner: BTreeMap<&str, Figures> = BTreeMap::new();
    for group in world.groups.values().filter(|g| owners.contains(&g.owner)) {
        of_owner.entry(&group.owner).or_default().add(group, &days);
    }
    let mut all: Vec<_> = of_owner.into_iter().collect();
    all.sort_by_key(|(_, f)| match order {
        1 => f.new_chats,
        2 => f.chats,
        3 => f.new_members,
        _ => f.members,
    });
    if !ascending {
        all.reverse();
    }
    let total = all.len();
    let rows = all.iter().skip(offset).take(limit);
    let rows: Vec<Value> = rows
        .map(|(owner, figures)| json!({ "owner": owner, "data": figures.value() }))
        .collect();
    let next_offset = (offset + rows.len()).min(total);
    Ok(json!({ "total": total, "next_offset": next_offset, "items": rows }))
}

fn by_day(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (owners, days) = asked(world, call)?;
    let rows = days.into_iter().map(|day| {
        let mut figures = Figures::default();
        for group in world.groups.values().filter(|g| owners.contains(&g.owner)) {
            figures.add(group, &[day]);
        }
        json!({ "stat_time": day_start(day), "data": figures.value() })
    });
    Ok(json!({ "items": rows.collect::<Vec<Value>>() }))
}
