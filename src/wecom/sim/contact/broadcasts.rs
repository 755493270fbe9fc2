//! 企业群发: messages that members send to customers and groups when they have confirmed.
//!
//! Source: WeCom documentation, 创建企业群发, 获取企业的全部群发记录.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    APPS, Due, EMPTY, NO_USERID, able, lenient_limit, owns, paged,
    parts::{self, attachments},
    staff,
    when::Cap,
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::{Customer, Relation},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const DAY_S: i64 = 86_400;
const CUSTOMERS_MAX: usize = 10_000;
const GROUPS_MAX: usize = 2_000;
const TAGS_MAX: usize = 100;
const REMINDERS_MAX: usize = 3;
const NO_MSGID: Code = (41046, "missing msgid");
const BAD_MSGID: Code = (41047, "invalid msgid");
const NOBODY: Code = (41048, "no customer to send to");
const DISPATCHING: Code = (41063, "message is being dispatched");
const CANCELLED: Code = (41093, "message has been cancelled");
const TOO_OFTEN: Code = (41094, "reminded too often");
const BAD_TAG: Code = (40068, "invalid tag id");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/add_msg_template", APPS, add),
    Route::write("externalcontact/remind_groupmsg_send", APPS, remind),
    Route::write("externalcontact/cancel_groupmsg_send", APPS, cancel),
    Route::post("externalcontact/get_groupmsg_list_v2", APPS, list)
        .empty(&["group_msg_list"])
        .paged(),
    Route::post("externalcontact/get_groupmsg_task", APPS, tasks)
        .empty(&["task_list"])
        .paged(),
    Route::post("externalcontact/get_groupmsg_send_result", APPS, results)
        .empty(&["send_list"])
        .paged(),
];

/// What members do about broadcasts of the firm by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Habit {
    /// Nothing; somebody plays them on the stage.
    #[default]
    Never,
    /// They send at once.
    Now,
    /// They send after so many seconds.
    Later(i64),
}

/// `never`, `now`, `later:3600`
impl std::str::FromStr for Habit {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            None if text == "never" => Ok(Self::Never),
            None if text == "now" => Ok(Self::Now),
            Some(("later", seconds)) => seconds.parse().map(Self::Later).map_err(drop),
            _ => Err(()),
        }
    }
}

impl Habit {
    /// When something that begins at `from_s` is done, if ever.
    pub(super) fn done_at(self, from_s: i64) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::Now => Some(from_s),
            Self::Later(seconds) => Some(from_s + seconds),
        }
    }
}

/// Broadcasts, and how they go.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Broadcasts {
    pub by_id: BTreeMap<String, Broadcast>,
    pub habit: Habit,
    pub cap: Cap,
    /// Seconds until WeCom has told all members.
    pub dispatch_s: i64,
    /// When a customer or group received broadcasts of the firm, seconds.
    received: BTreeMap<String, Vec<i64>>,
}

impl Default for Broadcasts {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            habit: Habit::Never,
            cap: Cap::PerDay(1),
            dispatch_s: 3,
            received: BTreeMap::new(),
        }
    }
}

/// A broadcast.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Broadcast {
    maker: Option<App>,
    /// The member who made it; nobody when an app did.
    creator: Option<String>,
    pub create_time: i64,
    to_groups: bool,
    pub text: String,
    attachments: Vec<Value>,
    pub tasks: BTreeMap<String, Task>,
    pub cancelled: bool,
    reminders: Vec<i64>,
    dispatching_until: i64,
}

/// A member's part of a broadcast.
#[derive(Debug, Clone, Default)]
pub(in crate::wecom::sim) struct Task {
    pub targets: Vec<Target>,
    pub sent_at: Option<i64>,
}

/// A customer or group.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Target {
    pub id: String,
    /// 0 unsent, 1 sent, 2 no longer a contact, 3 has had enough.
    pub status: u8,
}

/// The fields of `tag_filter`: all of these, by any of their tags.
fn tag_filter(world: &World, fields: Fields<'_>) -> Result<Vec<BTreeSet<String>>, Fail> {
    let Some(filter) = fields.object("tag_filter")? else {
        return Ok(Vec::new());
    };
    let group = |group: Fields<'_>| {
        let tags = group.texts("tag_list")?;
        ensure((1..=TAGS_MAX).contains(&tags.len()), PARAM)?;
        let known = |tag: &&str| world.live_tag(tag).is_some();
        ensure(tags.iter().all(known), BAD_TAG)?;
        Ok(tags.into_iter().map(str::to_owned).collect())
    };
    filter
        .objects("group_list")?
        .into_iter()
        .map(group)
        .collect()
}

/// Who is to get it from whom, and who cannot be reached.
#[derive(Default)]
struct Plan {
    tasks: BTreeMap<String, Task>,
    failed: Vec<String>,
}

impl Plan {
    fn give(&mut self, userid: &str, id: String) {
        let task = self.tasks.entry(userid.to_owned()).or_default();
        task.targets.push(Target { id, status: 0 });
    }
}

impl World {
    fn at_cap(&self, id: &str, now_s: i64) -> bool {
        let broadcasts = &self.contact.broadcasts;
        let received = broadcasts.received.get(id);
        received.is_some_and(|times| broadcasts.cap.is_reached(times, now_s))
    }

    /// The one of a customer's members who is to send: the sender, else the last.
    fn sender_of<'c>(
        &self,
        call: &Call<'_>,
        customer: &'c Customer,
        sender: Option<&str>,
        fits: impl Fn(&Relation) -> bool,
    ) -> Option<&'c Relation> {
        let relations = customer.relations.iter();
        let may = relations.filter(|r| {
            let serving = self.seller(&r.userid);
            serving.is_some_and(|m| self.sees(call.app, m)) && fits(r)
        });
        let wanted = may.filter(|r| sender.is_none_or(|sender| r.userid == sender));
        wanted.max_by_key(|r| r.createtime)
    }

    fn plan_customers(&self, call: &Call<'_>, ids: &[&str], sender: Option<&str>) -> Plan {
        let mut plan = Plan::default();
        let mut seen = BTreeSet::new();
        for id in ids.iter().filter(|id| seen.insert(**id)) {
            let number = self.book.number(id);
            let customer = number.and_then(|n| self.book.get(n));
            let relation = customer
                .as_ref()
                .filter(|_| !self.at_cap(id, call.now_s))
                .and_then(|c| self.sender_of(call, c, sender, |_| true));
            match relation {
                Some(relation) => plan.give(&relation.userid, (*id).to_owned()),
                None => plan.failed.push((*id).to_owned()),
            }
        }
        plan
    }

    /// All customers of the sender or the firm who have the tags.
    fn plan_by_tags(
        &self,
        call: &Call<'_>,
        sender: Option<&str>,
        filter: &[BTreeSet<String>],
    ) -> Plan {
        let has = |r: &Relation| {
            let any = |group: &BTreeSet<String>| r.tags.iter().any(|tag| group.contains(tag));
            filter.iter().all(any)
        };
        let of_sender = |userid: &str| self.book.of_member(userid).into_iter().flatten().copied();
        let numbers: BTreeSet<u32> = match sender {
            Some(userid) => of_sender(userid).collect(),
            None => self.org.members.keys().flat_map(|u| of_sender(u)).collect(),
        };
        let mut plan = Plan::default();
        for customer in numbers.into_iter().filter_map(|n| self.book.get(n)) {
            let id = &customer.external_userid;
            if let Some(relation) = self.sender_of(call, &customer, sender, has) {
                if self.at_cap(id, call.now_s) {
                    plan.failed.push(id.clone());
                } else {
                    plan.give(&relation.userid, id.clone());
                }
            }
        }
        plan
    }

    fn plan_groups(&self, call: &Call<'_>, chats: &[&str], sender: &str) -> Plan {
        let mut plan = Plan::default();
        let owned = self.groups.values().filter(|g| g.owner == sender);
        let all: Vec<&str> = owned.map(|g| g.chat_id.as_str()).collect();
        for chat in if chats.is_empty() { &all[..] } else { chats } {
            if all.contains(chat) && !self.at_cap(chat, call.now_s) {
                plan.give(sender, (*chat).to_owned());
            } else {
                plan.failed.push((*chat).to_owned());
            }
        }
        plan
    }

    /// A member sends a broadcast; false if there is nothing to send.
    pub(in crate::wecom::sim) fn send_broadcast(
        &mut self,
        msgid: &str,
        userid: &str,
        now_s: i64,
    ) -> bool {
        let Some(broadcast) = self.contact.broadcasts.by_id.get(msgid) else {
            return false;
        };
        let of_firm = broadcast.creator.is_none();
        let task = broadcast.tasks.get(userid);
        let open = task.filter(|task| task.sent_at.is_none() && !broadcast.cancelled);
        let Some(mut task) = open.cloned() else {
            return false;
        };
        for target in &mut task.targets {
            target.status = if !self.still_reaches(userid, &target.id) {
                2
            } else if of_firm && self.at_cap(&target.id, now_s) {
                3
            } else {
                1
            };
            if of_firm && target.status == 1 {
                let received = &mut self.contact.broadcasts.received;
                received.entry(target.id.clone()).or_default().push(now_s);
            }
        }
        task.sent_at = Some(now_s);
        if let Some(broadcast) = self.contact.broadcasts.by_id.get_mut(msgid) {
            broadcast.tasks.insert(userid.to_owned(), task);
        }
        true
    }

    fn still_reaches(&self, userid: &str, id: &str) -> bool {
        if let Some(group) = self.groups.get(id) {
            return group.owner == userid;
        }
        let customer = self.book.number(id).and_then(|n| self.book.get(n));
        let relations = customer.into_iter().flat_map(|c| c.relations);
        let mut mine = relations.filter(|r| r.userid == userid);
        mine.any(|relation| !relation.deleted_by_customer)
    }

    /// A member's own broadcast, which is sent as it is made.
    pub(in crate::wecom::sim) fn member_broadcast(
        &mut self,
        userid: &str,
        text: &str,
        ids: &[String],
        now_s: i64,
    ) -> String {
        let msgid = self.fresh().id("msgQd7hCgAA", 24);
        let targets = ids.iter().cloned();
        let targets = targets.map(|id| Target { id, status: 0 }).collect();
        let task = Task {
            targets,
            sent_at: None,
        };
        let broadcast = Broadcast {
            maker: None,
            creator: Some(userid.to_owned()),
            create_time: now_s,
            to_groups: ids.iter().any(|id| self.groups.contains_key(id)),
            text: text.to_owned(),
            attachments: Vec::new(),
            tasks: BTreeMap::from([(userid.to_owned(), task)]),
            cancelled: false,
            reminders: Vec::new(),
            dispatching_until: now_s,
        };
        let broadcasts = &mut self.contact.broadcasts;
        broadcasts.by_id.insert(msgid.clone(), broadcast);
        self.send_broadcast(&msgid, userid, now_s);
        msgid
    }
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let to_groups = match fields.text("chat_type")? {
        None | Some("" | "single") => false,
        Some("group") => true,
        Some(_) => return Err(PARAM.into()),
    };
    let ids = fields.texts("external_userid")?;
    ensure(ids.len() <= CUSTOMERS_MAX, PARAM)?;
    let chats = fields.texts("chat_id_list")?;
    ensure(chats.len() <= GROUPS_MAX, PARAM)?;
    fields.flag("allow_select")?;
    let sender = fields.text("sender")?.filter(|s| !s.is_empty());
    let text = parts::text(fields, 4000)?.unwrap_or_default().to_owned();
    let attachments = attachments(world, call, fields)?;
    ensure(!text.is_empty() || !attachments.is_empty(), EMPTY)?;
    let filter = tag_filter(world, fields)?;
    let any = sender.is_some() || (!to_groups && (!ids.is_empty() || !filter.is_empty()));
    ensure(any, EMPTY)?;
    let sender = sender
        .map(|userid| Ok::<_, Fail>(able(world, call, userid)?.userid.clone()))
        .transpose()?;
    let plan = match &sender {
        Some(sender) if to_groups => world.plan_groups(call, &chats, sender),
        sender if !ids.is_empty() => world.plan_customers(call, &ids, sender.as_deref()),
        sender => world.plan_by_tags(call, sender.as_deref(), &filter),
    };
    ensure(!plan.tasks.is_empty(), NOBODY)?;
    let msgid = world.fresh().id("msgQd7hCgAA", 24);
    let dispatching_until = call.now_s + world.contact.broadcasts.dispatch_s;
    if let Some(at) = world.contact.broadcasts.habit.done_at(dispatching_until) {
        for userid in plan.tasks.keys().cloned().collect::<Vec<_>>() {
            let msgid = msgid.clone();
            world.later(at, Due::Send { msgid, userid });
        }
    }
    let broadcast = Broadcast {
        maker: Some(call.app),
        creator: None,
        create_time: call.now_s,
        to_groups,
        text,
        attachments,
        tasks: plan.tasks,
        cancelled: false,
        reminders: Vec::new(),
        dispatching_until,
    };
    let broadcasts = &mut world.contact.broadcasts;
    broadcasts.by_id.insert(msgid.clone(), broadcast);
    Ok(json!({ "fail_list": plan.failed, "msgid": msgid }).into())
}

/// The broadcast named by `msgid`, if the app may see it.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Broadcast), Fail> {
    let msgid = call.fields().filled("msgid", NO_MSGID)?;
    let broadcast = world.contact.broadcasts.by_id.get(msgid);
    let broadcast = broadcast.ok_or(BAD_MSGID)?;
    ensure(seen(world, call, broadcast), BAD_MSGID)?;
    Ok((msgid.to_owned(), broadcast))
}

/// Records of all members in range may be read.
fn seen(world: &World, call: &Call<'_>, broadcast: &Broadcast) -> bool {
    let mut members = broadcast.tasks.keys();
    members.any(|userid| world.sees_userid(call.app, userid))
}

fn remind(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (msgid, broadcast) = find(world, call)?;
    ensure(owns(call.app, broadcast.maker), BAD_MSGID)?;
    ensure(!broadcast.cancelled, CANCELLED)?;
    let lately = broadcast.reminders.iter();
    let lately = lately.filter(|at| call.now_s - **at < DAY_S).count();
    ensure(lately < REMINDERS_MAX, TOO_OFTEN)?;
    if let Some(broadcast) = world.contact.broadcasts.by_id.get_mut(&msgid) {
        broadcast.reminders.push(call.now_s);
    }
    Ok(Wrote::only("ok"))
}

fn cancel(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (msgid, broadcast) = find(world, call)?;
    ensure(owns(call.app, broadcast.maker), BAD_MSGID)?;
    ensure(!broadcast.cancelled, CANCELLED)?;
    if let Some(broadcast) = world.contact.broadcasts.by_id.get_mut(&msgid) {
        broadcast.cancelled = true;
    }
    Ok(Wrote::only("ok"))
}

/// A required stretch of time of at most `days`, in seconds.
pub(super) fn stretch(fields: Fields<'_>, days: i64) -> Result<(i64, i64), Fail> {
    let time = |name: &str| {
        let given = fields.number(name)?.filter(|n| *n != 0);
        let given = given.and_then(|n| i64::try_from(n).ok());
        given.ok_or_else(|| Fail::param(name))
    };
    let (start, end) = (time("start_time")?, time("end_time")?);
    ensure(start <= end && end - start <= days * DAY_S, PARAM)?;
    Ok((start, end))
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let to_groups = match fields.text("chat_type")? {
        Some("single") => false,
        Some("group") => true,
        _ => return Err(Fail::param("chat_type")),
    };
    let (start, end) = stretch(fields, 31)?;
    let kind = fields
        .one_of("filter_type", &[0, 1, 2], PARAM)?
        .unwrap_or(2);
    let creator = fields.text("creator")?.filter(|c| !c.is_empty());
    let limit = lenient_limit(call, 50, 100)?;
    let mut found: Vec<_> = world
        .contact
        .broadcasts
        .by_id
        .iter()
        .filter(|(_, b)| b.to_groups == to_groups && seen(world, call, b))
        .filter(|(_, b)| (start..=end).contains(&b.create_time))
        .filter(|(_, b)| kind == 2 || (kind == 1) == b.creator.is_some())
        .filter(|(_, b)| creator.is_none() || b.creator.as_deref() == creator)
        .collect();
    found.sort_by_key(|(_, b)| std::cmp::Reverse(b.create_time));
    let row = |(msgid, b): (&String, &Broadcast)| {
        let mut row = Map::new();
        row.insert("msgid".to_owned(), json!(msgid));
        if let Some(creator) = &b.creator {
            row.insert("creator".to_owned(), json!(creator));
        }
        row.insert("create_time".to_owned(), json!(b.create_time));
        row.insert(
            "create_type".to_owned(),
            json!(u8::from(b.creator.is_some())),
        );
        if !b.text.is_empty() {
            row.insert("text".to_owned(), json!({ "content": b.text }));
        }
        row.insert("attachments".to_owned(), json!(b.attachments));
        Value::Object(row)
    };
    let rows = found.into_iter().map(row).collect();
    paged(call, "group_msg_list", rows, limit)
}

fn tasks(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, broadcast) = find(world, call)?;
    let limit = lenient_limit(call, 500, 1000)?;
    ensure(call.now_s >= broadcast.dispatching_until, DISPATCHING)?;
    let seen = broadcast
        .tasks
        .iter()
        .filter(|(userid, _)| world.sees_userid(call.app, userid));
    let row = |(userid, task): (&String, &Task)| match task.sent_at {
        Some(at) => json!({ "userid": userid, "status": 2, "send_time": at }),
        None => json!({ "userid": userid, "status": 0 }),
    };
    paged(call, "task_list", seen.map(row).collect(), limit)
}

fn results(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, broadcast) = find(world, call)?;
    let userid = call.fields().filled("userid", NO_USERID)?;
    let userid = &staff(world, call, userid)?.userid;
    let limit = lenient_limit(call, 500, 1000)?;
    ensure(call.now_s >= broadcast.dispatching_until, DISPATCHING)?;
    let task = broadcast.tasks.get(userid).cloned().unwrap_or_default();
    let field = if broadcast.to_groups {
        "chat_id"
    } else {
        "external_userid"
    };
    // For groups only those it was sent to are told.
    let told = |target: &&Target| !broadcast.to_groups || target.status == 1;
    let row = |target: &Target| {
        let mut row = json!({ field: target.id, "userid": userid, "status": target.status });
        if target.status == 1 {
            row["send_time"] = json!(task.sent_at);
        }
        row
    };
    let rows = task.targets.iter().filter(told).map(row).collect();
    paged(call, "send_list", rows, limit)
}
