//! The page of the stage, for people: plain forms, no script.

use std::{collections::HashMap, fmt::Debug};

use askama::Template;

use super::{archive_page::ArchiveView, contact_page::ContactView};
use crate::kit::Timestamp;
use crate::wecom::sim::{
    callbacks::{Delivery, Outcome},
    faults::Dials,
    firm::Customer,
    server::Shared,
    state::World,
};

/// Customers of one member that are shown.
const CUSTOMERS_SHOWN: usize = 20;
/// Messages to one member that are shown.
const MESSAGES_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "stage/index.html")]
struct Page {
    zh: bool,
    firm: String,
    note: Option<String>,
    userid: String,
    members: Vec<(String, String)>,
    departments: Vec<(u64, String)>,
    groups: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    customers: Vec<Row>,
    login_domain: String,
    messages: Vec<Told>,
    trusted: String,
    contact: ContactView,
    callback_url: String,
    token: String,
    encoding_aes_key: String,
    waiting: u64,
    deliveries: Vec<Shown>,
    dials: Vec<String>,
    archive: ArchiveView,
}

/// A customer of the member looked at.
struct Row {
    id: String,
    name: String,
    remark: String,
    half: bool,
    gone: bool,
    /// The last welcome message.
    greeting: String,
}

/// A message of the app to the member looked at.
struct Told {
    time: String,
    kind: String,
    line: String,
    msgid: String,
    recalled: bool,
    became: Option<String>,
    /// Text and key.
    buttons: Vec<(String, String)>,
}

/// A callback in the list.
struct Shown {
    time: String,
    what: String,
    about: String,
    tries: u32,
    outcome: &'static str,
    good: bool,
}

impl Page {
    /// One of two languages.
    fn t<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        if self.zh { zh } else { en }
    }

    fn is_here(&self, userid: &str) -> bool {
        self.userid == userid
    }
}

/// The page for this query; `accepted` is the browser's Accept-Language.
pub(super) fn render(
    shared: &Shared,
    query: &HashMap<String, String>,
    accepted: &str,
) -> askama::Result<String> {
    let zh = match query.get("lang") {
        Some(lang) => lang != "en",
        None => !accepted.starts_with("en"),
    };
    let world = shared.world();
    let asked = query.get("userid").and_then(|id| world.member(id));
    let busiest = world.org.sellers.first().and_then(|id| world.member(id));
    let userid = asked.or(busiest).map(|m| m.userid.clone());
    let userid = userid.unwrap_or_default();
    let mut page = Page {
        zh,
        firm: name_of_firm(&world),
        note: query
            .get("note")
            .map(|note| note_text(note, query.get("id"), zh)),
        members: members(&world),
        departments: departments(&world),
        groups: groups(&world),
        tags: tags(&world),
        customers: customers(&world, &userid),
        messages: messages(&world, &userid),
        trusted: shared.limits.trusted().unwrap_or_default().join(", "),
        contact: ContactView::of(&world),
        archive: ArchiveView::of(&world),
        userid,
        login_domain: world.login.domain.clone().unwrap_or_default(),
        callback_url: String::new(),
        token: shared.identity.token.clone(),
        encoding_aes_key: shared.identity.encoding_aes_key.clone(),
        waiting: shared.callbacks.waiting(),
        deliveries: Vec::new(),
        dials: dials(&shared.faults),
    };
    drop(world);
    page.dials.extend(dials(shared.callbacks.faults()));
    page.callback_url = shared.callbacks.target().map(|t| t.url).unwrap_or_default();
    let recent = shared.callbacks.recent();
    page.deliveries = recent.iter().take(30).map(|d| shown(d, zh)).collect();
    page.render()
}

fn messages(world: &World, userid: &str) -> Vec<Told> {
    let sent = world.messages.of_member(userid).take(MESSAGES_SHOWN);
    sent.map(|sent| Told {
        time: local_time(Timestamp::from_s(sent.at)),
        kind: sent.kind.clone(),
        line: sent.line(),
        msgid: sent.msgid.clone(),
        recalled: sent.recalled,
        became: sent.updated.get(userid).cloned(),
        buttons: sent.buttons(),
    })
    .collect()
}

/// The made-up firm is in China.
fn local_time(at: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    at.to_jiff().to_zoned(zone).strftime("%H:%M:%S").to_string()
}

/// The dials as text: what, where, how often.
pub(super) fn dials<F: Copy + Debug>(dials: &Dials<F>) -> Vec<String> {
    let list = dials.list();
    let text = |dial: &crate::wecom::sim::Dial<F>| {
        let place = dial.place.as_deref().unwrap_or("*");
        format!("{:?} · {place} · 1/{}", dial.fault, dial.every)
    };
    list.iter().map(text).collect()
}

/// How a callback ended, as a word for programs.
pub(super) fn outcome(delivery: &Delivery) -> String {
    match delivery.outcome {
        Outcome::Acknowledged => "acknowledged".to_owned(),
        Outcome::Refused(status) => format!("refused:{status}"),
        Outcome::Unanswered => "unanswered".to_owned(),
        Outcome::Lost => "lost".to_owned(),
        Outcome::NoReceiver => "no_receiver".to_owned(),
    }
}

/// `a=b&c=d` with everything unusual escaped.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"_.-".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub(super) fn local_day(at: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    at.to_jiff()
        .to_zoned(zone)
        .strftime("%m-%d %H:%M:%S")
        .to_string()
}

pub(super) fn name_of_firm(world: &World) -> String {
    let root = world.org.departments.get(&1);
    root.map(|d| d.name.clone()).unwrap_or_default()
}

fn members(world: &World) -> Vec<(String, String)> {
    let members = world.org.members.values();
    members
        .map(|m| (m.userid.clone(), m.name.clone()))
        .collect()
}

fn departments(world: &World) -> Vec<(u64, String)> {
    let departments = world.org.departments.values();
    departments.map(|d| (d.id, d.name.clone())).collect()
}

fn groups(world: &World) -> Vec<(String, String)> {
    let text = |g: &crate::wecom::sim::firm::GroupChat| {
        let name = if g.name.is_empty() { "—" } else { &g.name };
        format!("{name} · {} · {}", g.owner, g.members.len())
    };
    let groups = world.groups.values();
    groups.map(|g| (g.chat_id.clone(), text(g))).collect()
}

fn tags(world: &World) -> Vec<(String, String)> {
    let live = world.tags.iter().filter(|group| !group.deleted);
    live.flat_map(|group| {
        let tags = group.tags.iter().filter(|tag| !tag.deleted);
        tags.map(|tag| (tag.id.clone(), format!("{} / {}", group.name, tag.name)))
    })
    .collect()
}

/// The newest customers of a member.
fn customers(world: &World, userid: &str) -> Vec<Row> {
    let numbers = world.book.of_member(userid).into_iter().flatten().rev();
    let known = numbers
        .take(CUSTOMERS_SHOWN)
        .filter_map(|n| world.book.get(*n));
    let mut rows: Vec<Row> = known.filter_map(|customer| row(customer, userid)).collect();
    for row in &mut rows {
        let mut greeted = world.contact.greeted.iter().rev();
        let last = greeted.find(|g| g.userid == userid && g.external_userid == row.id);
        row.greeting = last.map(|g| g.text.clone()).unwrap_or_default();
    }
    rows
}

fn row(customer: Customer, userid: &str) -> Option<Row> {
    let relation = customer
        .relations
        .into_iter()
        .find(|r| r.userid == userid)?;
    Some(Row {
        id: customer.external_userid,
        name: customer.name,
        remark: relation.remark,
        half: relation.half,
        gone: relation.deleted_by_customer,
        greeting: String::new(),
    })
}

fn shown(delivery: &Delivery, zh: bool) -> Shown {
    let (in_zh, in_en) = match delivery.outcome {
        Outcome::Acknowledged => ("已收到", "received"),
        Outcome::Refused(_) => ("被拒绝", "refused"),
        Outcome::Unanswered => ("无应答", "no answer"),
        Outcome::Lost => ("已丢弃", "lost"),
        Outcome::NoReceiver => ("未设置地址", "no URL set"),
    };
    Shown {
        time: local_time(delivery.at),
        what: match delivery.change {
            "" => delivery.event.to_owned(),
            change => format!("{} / {change}", delivery.event),
        },
        about: delivery.about.clone(),
        tries: delivery.tries,
        outcome: if zh { in_zh } else { in_en },
        good: delivery.outcome == Outcome::Acknowledged,
    }
}

/// What the last form came to.
fn note_text(note: &str, id: Option<&String>, zh: bool) -> String {
    let (in_zh, in_en) = match note {
        "done" => ("完成", "Done"),
        "unknown_member" => ("没有这个成员", "There is no such member"),
        "unknown_customer" => ("没有这个客户", "There is no such customer"),
        "no_relation" => ("两人不是好友", "These two are no contacts"),
        "unknown_department" => ("没有这个部门", "There is no such department"),
        "unknown_group" => (
            "没有这个群，或群里没有这个人",
            "No such group, or not in it",
        ),
        "unknown_tag" => ("没有这个标签", "There is no such tag"),
        "unknown_object" => (
            "没有这个对象，或已经处理过",
            "There is no such thing, or nothing is left to do",
        ),
        "no_room" => ("群都满了", "All groups are full"),
        "already_there" => ("已经是这样了", "It is so already"),
        "not_empty" => ("里面还有内容，不能删除", "It is not empty"),
        "bad_value" => ("填写的内容不对", "A value is not acceptable"),
        "another_site" => ("请求来自其他网站", "The request comes from another site"),
        // Words of the callback check, which name what the other end answered.
        other => (other, other),
    };
    let text = if zh { in_zh } else { in_en };
    match id {
        Some(id) => format!("{text} · {id}"),
        None => text.to_owned(),
    }
}
