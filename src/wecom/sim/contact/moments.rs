//! 客户朋友圈: moments that members publish for customers when they have confirmed.
//!
//! Source: WeCom documentation, 客户朋友圈.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    APPS, Due, EMPTY, NO_USERID,
    broadcasts::{Habit, stretch},
    lenient_limit, member, owns, paged,
    parts::{self, moment_media},
};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const DAY_S: i64 = 86_400;
/// A job is done after so many seconds.
const JOB_S: i64 = 2;
const RUNNING_MAX: usize = 10;
const SENDERS_MAX: usize = 100_000;
const NO_MOMENT: Code = (41059, "missing moment_id");
const BAD_MOMENT: Code = (41060, "invalid moment_id");
const NOT_THEIRS: Code = (41061, "moment not published by this user");
const UNPUBLISHED: Code = (41062, "moment not published");
const NOT_OF_FIRM: Code = (41067, "invalid moment type");
const DISPATCHING: Code = (41079, "moment is being dispatched");
const TOO_MANY_JOBS: Code = (41078, "too many async tasks");
const NOTHING: Code = (41089, "attachments and text are empty");
const TOO_MANY: Code = (41064, "too many attachments");
const BAD_TYPE: Code = (41065, "invalid attachment type");
const NO_JOB: Code = (40088, "jobid not found");
const BAD_TEXT: Code = (40058, "invalid text size");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/add_moment_task", APPS, add),
    Route::get("externalcontact/get_moment_task_result", APPS, job),
    Route::write("externalcontact/cancel_moment_task", APPS, cancel),
    Route::post("externalcontact/get_moment_list", APPS, list)
        .empty(&["moment_list"])
        .paged(),
    Route::post("externalcontact/get_moment_task", APPS, tasks)
        .empty(&["task_list"])
        .paged(),
    Route::post("externalcontact/get_moment_customer_list", APPS, customers)
        .empty(&["customer_list"])
        .paged(),
    Route::post("externalcontact/get_moment_send_result", APPS, results)
        .empty(&["customer_list"])
        .paged(),
    Route::post("externalcontact/get_moment_comments", APPS, comments)
        .empty(&["comment_list", "like_list"]),
];

/// Moments, and how they go.
#[derive(Debug, Clone, Default)]
pub(in crate::wecom::sim) struct Moments {
    pub by_id: BTreeMap<String, Moment>,
    jobs: BTreeMap<String, Job>,
    pub habit: Habit,
}

#[derive(Debug, Clone)]
struct Job {
    begun_at: i64,
    result: Value,
}

/// A moment.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Moment {
    maker: Option<App>,
    /// The member who made it; nobody when an app did.
    creator: Option<String>,
    pub create_time: i64,
    public: bool,
    pub text: String,
    /// `image`, `video`, `link` as the list tells them.
    parts: Map<String, Value>,
    pub tasks: BTreeMap<String, Task>,
    pub cancelled: bool,
    dispatching_until: i64,
}

/// A member's part of a moment.
#[derive(Debug, Clone, Default)]
pub(in crate::wecom::sim) struct Task {
    customers: Vec<String>,
    pub published_at: Option<i64>,
    /// Who and when.
    comments: Vec<(String, i64)>,
    likes: Vec<(String, i64)>,
}

/// What a moment carries, as the list tells it.
fn attachments(
    world: &World,
    call: &Call<'_>,
    fields: Fields<'_>,
) -> Result<Map<String, Value>, Fail> {
    let all = fields.objects("attachments")?;
    let mut parts = Map::new();
    let kind = match all.first() {
        None => return Ok(parts),
        Some(first) => first.text("msgtype")?.unwrap_or_default(),
    };
    let max = match kind {
        "image" => 9,
        "video" | "link" => 1,
        _ => return Err(BAD_TYPE.into()),
    };
    for attachment in &all {
        // Not mixed.
        ensure(attachment.text("msgtype")? == Some(kind), BAD_TYPE)?;
    }
    ensure(all.len() <= max, TOO_MANY)?;
    let mut images = Vec::new();
    for attachment in &all {
        let inner = attachment.object(kind)?.ok_or(PARAM)?;
        let media_id = inner.text("media_id")?.unwrap_or_default();
        let of = if kind == "link" { "image" } else { kind };
        moment_media(world, call, media_id, of)?;
        match kind {
            "image" => images.push(json!({ "media_id": media_id })),
            "video" => {
                let thumb = format!("{media_id}-thumb");
                let video = json!({ "media_id": media_id, "thumb_media_id": thumb });
                parts.insert("video".to_owned(), video);
            }
            _ => {
                let title = inner.bytes("title", 128, PARAM)?.unwrap_or_default();
                ensure(title.chars().count() <= 64, PARAM)?;
                let url = inner.filled("url", PARAM)?;
                parts.insert("link".to_owned(), json!({ "title": title, "url": url }));
            }
        }
    }
    if !images.is_empty() {
        parts.insert("image".to_owned(), json!(images));
    }
    Ok(parts)
}

/// Who publishes, and what of it was not good.
struct Senders {
    userids: BTreeSet<String>,
    bad_users: Vec<String>,
    bad_departments: Vec<u64>,
}

fn senders(world: &World, call: &Call<'_>, range: Option<Fields<'_>>) -> Result<Senders, Fail> {
    let list = range
        .map(|r| r.object("sender_list"))
        .transpose()?
        .flatten();
    let serving = |userid: &str| {
        let member = world.seller(userid).filter(|m| m.status == 1);
        member.filter(|m| world.sees(call.app, m)).cloned()
    };
    let users = list
        .map(|l| l.texts("user_list"))
        .transpose()?
        .unwrap_or_default();
    let departments = list.map(|l| l.numbers("department_list")).transpose()?;
    let departments = departments.unwrap_or_default();
    ensure(users.len() <= SENDERS_MAX, PARAM)?;
    let mut senders = Senders {
        userids: BTreeSet::new(),
        bad_users: Vec::new(),
        bad_departments: Vec::new(),
    };
    for userid in &users {
        match serving(userid) {
            Some(member) => drop(senders.userids.insert(member.userid)),
            None => senders.bad_users.push((*userid).to_owned()),
        }
    }
    for id in &departments {
        if world.org.departments.contains_key(id) {
            let people = world.people(&[], &[*id]);
            let good = people
                .into_iter()
                .filter(|userid| serving(userid).is_some());
            senders.userids.extend(good);
        } else {
            senders.bad_departments.push(*id);
        }
    }
    if users.is_empty() && departments.is_empty() {
        let all = world.org.sellers.iter();
        senders.userids = all.filter(|u| serving(u).is_some()).cloned().collect();
    }
    Ok(senders)
}

/// Customers of a member who see it: all, or those with one of the tags.
fn audience(world: &World, userid: &str, tags: &[&str]) -> Vec<String> {
    let numbers = world.book.of_member(userid).into_iter().flatten();
    let customers = numbers.filter_map(|n| world.book.get(*n));
    let sees = |customer: &crate::wecom::sim::firm::Customer| {
        let mut mine = customer.relations.iter().filter(|r| r.userid == userid);
        let tagged = |tag: &String| tags.contains(&tag.as_str());
        tags.is_empty() || mine.any(|r| r.tags.iter().any(tagged))
    };
    customers.filter(sees).map(|c| c.external_userid).collect()
}

fn add(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let text = parts::text(fields, 4000)?.unwrap_or_default().to_owned();
    ensure(text.chars().count() <= 2000, BAD_TEXT)?;
    let parts = attachments(world, call, fields)?;
    ensure(!text.is_empty() || !parts.is_empty(), NOTHING)?;
    let range = fields.object("visible_range")?;
    let senders = senders(world, call, range)?;
    let contacts = range
        .map(|r| r.object("external_contact_list"))
        .transpose()?;
    let tags = contacts
        .flatten()
        .map(|l| l.texts("tag_list"))
        .transpose()?;
    let tags = tags.unwrap_or_default();
    let (good, bad): (Vec<&str>, Vec<&str>) =
        tags.iter().partition(|tag| world.live_tag(tag).is_some());
    let running = world.contact.moments.jobs.values();
    let running = running
        .filter(|job| call.now_s < job.begun_at + JOB_S)
        .count();
    ensure(running < RUNNING_MAX, TOO_MANY_JOBS)?;
    let jobid = world.fresh().id("mjob", 28);
    let moment_id = world.fresh().id("momQd7hCgAA", 22);
    let mut result = json!({
        "errcode": 0, "errmsg": "ok", "moment_id": moment_id,
        "invalid_sender_list": {
            "user_list": senders.bad_users, "department_list": senders.bad_departments,
        },
        "invalid_external_contact_list": { "tag_list": bad },
    });
    // Nobody is left to publish it, or nobody to see it.
    if senders.userids.is_empty() || (good.is_empty() && !tags.is_empty()) {
        result["errcode"] = json!(40070);
        result["errmsg"] = json!("all list invalid");
        result["moment_id"] = json!("");
    } else {
        let dispatching_until = call.now_s + JOB_S;
        let habit = world.contact.moments.habit;
        let mut tasks = BTreeMap::new();
        for userid in senders.userids {
            if let Some(at) = habit.done_at(dispatching_until) {
                let (moment_id, userid) = (moment_id.clone(), userid.clone());
                world.later(at, Due::Publish { moment_id, userid });
            }
            let customers = audience(world, &userid, &good);
            let task = Task {
                customers,
                ..Task::default()
            };
            tasks.insert(userid, task);
        }
        let moment = Moment {
            maker: Some(call.app),
            creator: None,
            create_time: call.now_s,
            public: tags.is_empty(),
            text,
            parts,
            tasks,
            cancelled: false,
            dispatching_until,
        };
        world.contact.moments.by_id.insert(moment_id, moment);
    }
    let job = Job {
        begun_at: call.now_s,
        result,
    };
    world.contact.moments.jobs.insert(jobid.clone(), job);
    Ok(json!({ "jobid": jobid }).into())
}

fn job(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let jobid = call.param("jobid").ok_or(EMPTY)?;
    let job = world.contact.moments.jobs.get(jobid).ok_or(NO_JOB)?;
    let age_s = call.now_s - job.begun_at;
    ensure(age_s <= DAY_S, NO_JOB)?;
    let status = if age_s < JOB_S { age_s.clamp(1, 2) } else { 3 };
    let mut answer = json!({ "status": status, "type": "add_moment_task" });
    if status == 3 {
        answer["result"] = job.result.clone();
    }
    Ok(answer)
}

/// The moment named by `moment_id`, if the app may see it.
fn find<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Moment), Fail> {
    let id = call.fields().filled("moment_id", NO_MOMENT)?;
    let moment = world.contact.moments.by_id.get(id).ok_or(BAD_MOMENT)?;
    ensure(seen(world, call, moment), BAD_MOMENT)?;
    Ok((id.to_owned(), moment))
}

fn seen(world: &World, call: &Call<'_>, moment: &Moment) -> bool {
    let mut members = moment.tasks.keys();
    members.any(|userid| world.sees_userid(call.app, userid))
}

fn cancel(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (id, moment) = find(world, call)?;
    ensure(moment.creator.is_none(), NOT_OF_FIRM)?;
    ensure(owns(call.app, moment.maker), BAD_MOMENT)?;
    if let Some(moment) = world.contact.moments.by_id.get_mut(&id) {
        moment.cancelled = true;
    }
    Ok(Wrote::only("ok"))
}

fn list(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let (start, end) = stretch(fields, 30)?;
    let kind = fields
        .one_of("filter_type", &[0, 1, 2], PARAM)?
        .unwrap_or(2);
    let creator = fields.text("creator")?.filter(|c| !c.is_empty());
    let limit = lenient_limit(call, 20, 100)?;
    let mut found: Vec<_> = world
        .contact
        .moments
        .by_id
        .iter()
        // The interval is open at both ends.
        .filter(|(_, m)| start < m.create_time && m.create_time < end)
        .filter(|(_, m)| seen(world, call, m))
        .filter(|(_, m)| kind == 2 || (kind == 1) == m.creator.is_some())
        .filter(|(_, m)| creator.is_none() || m.creator.as_deref() == creator)
        .collect();
    found.sort_by_key(|(_, m)| std::cmp::Reverse(m.create_time));
    let row = |(id, m): (&String, &Moment)| {
        let mut row = m.parts.clone();
        row.insert("moment_id".to_owned(), json!(id));
        if let Some(creator) = &m.creator {
            row.insert("creator".to_owned(), json!(creator));
        }
        row.insert("create_time".to_owned(), json!(m.create_time));
        row.insert(
            "create_type".to_owned(),
            json!(u8::from(m.creator.is_some())),
        );
        row.insert("visible_type".to_owned(), json!(u8::from(m.public)));
        if !m.text.is_empty() {
            row.insert("text".to_owned(), json!({ "content": m.text }));
        }
        Value::Object(row)
    };
    let rows = found.into_iter().map(row).collect();
    paged(call, "moment_list", rows, limit)
}

fn tasks(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, moment) = find(world, call)?;
    let limit = lenient_limit(call, 500, 1000)?;
    ensure(moment.creator.is_none(), NOT_OF_FIRM)?;
    ensure(call.now_s >= moment.dispatching_until, DISPATCHING)?;
    let row = |(userid, task): (&String, &Task)| {
        let status = u8::from(task.published_at.is_some());
        json!({ "userid": userid, "publish_status": status })
    };
    let rows = moment.tasks.iter().map(row).collect();
    paged(call, "task_list", rows, limit)
}

/// A member's part of the moment that was asked about.
fn part<'w>(world: &'w World, call: &Call<'_>) -> Result<(String, &'w Task), Fail> {
    let userid = call.fields().filled("userid", NO_USERID)?;
    let (_, moment) = find(world, call)?;
    let userid = member(world, call, userid)?.userid.clone();
    let task = moment.tasks.get(&userid).ok_or(NOT_THEIRS)?;
    ensure(call.now_s >= moment.dispatching_until, DISPATCHING)?;
    Ok((userid, task))
}

fn customers(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = lenient_limit(call, 500, 1000)?;
    let (userid, task) = part(world, call)?;
    let row = |id: &String| json!({ "userid": userid, "external_userid": id });
    let rows = task.customers.iter().map(row).collect();
    paged(call, "customer_list", rows, limit)
}

fn results(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let limit = lenient_limit(call, 3000, 5000)?;
    let (_, task) = part(world, call)?;
    ensure(task.published_at.is_some(), UNPUBLISHED)?;
    let row = |id: &String| json!({ "external_userid": id });
    let rows = task.customers.iter().map(row).collect();
    paged(call, "customer_list", rows, limit)
}

fn comments(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, task) = part(world, call)?;
    ensure(task.published_at.is_some(), UNPUBLISHED)?;
    let row = |(who, at): &(String, i64)| {
        let kind = if world.member(who).is_some() {
            "userid"
        } else {
            "external_userid"
        };
        json!({ kind: who, "create_time": at })
    };
    let rows = |list: &[(String, i64)]| list.iter().map(row).collect::<Vec<Value>>();
    Ok(json!({ "comment_list": rows(&task.comments), "like_list": rows(&task.likes) }))
}

impl World {
    /// A member publishes a moment of the firm; false if there is nothing to publish.
    pub(in crate::wecom::sim) fn publish_moment(
        &mut self,
        moment_id: &str,
        userid: &str,
        now_s: i64,
    ) -> bool {
        let moment = self.contact.moments.by_id.get_mut(moment_id);
        let Some(moment) = moment.filter(|moment| !moment.cancelled) else {
            return false;
        };
        let task = moment.tasks.get_mut(userid);
        let Some(task) = task.filter(|task| task.published_at.is_none()) else {
            return false;
        };
        task.published_at = Some(now_s);
        true
    }

    /// A member publishes a moment of their own. Its id.
    pub(in crate::wecom::sim) fn member_moment(
        &mut self,
        userid: &str,
        text: &str,
        now_s: i64,
    ) -> String {
        let moment_id = self.fresh().id("momQd7hCgAA", 22);
        let task = Task {
            customers: audience(self, userid, &[]),
            published_at: Some(now_s),
            ..Task::default()
        };
        let moment = Moment {
            maker: None,
            creator: Some(userid.to_owned()),
            create_time: now_s,
            public: true,
            text: text.to_owned(),
            parts: Map::new(),
            tasks: BTreeMap::from([(userid.to_owned(), task)]),
            cancelled: false,
            dispatching_until: now_s,
        };
        self.contact.moments.by_id.insert(moment_id.clone(), moment);
        moment_id
    }

    /// Somebody comments on or likes a member's moment; false if it is not published.
    pub(in crate::wecom::sim) fn react(
        &mut self,
        (moment_id, userid): (&str, &str),
        who: &str,
        likes: bool,
        now_s: i64,
    ) -> bool {
        let moment = self.contact.moments.by_id.get_mut(moment_id);
        let task = moment.and_then(|moment| moment.tasks.get_mut(userid));
        let Some(task) = task.filter(|task| task.published_at.is_some()) else {
            return false;
        };
        let list = if likes {
            &mut task.likes
        } else {
            &mut task.comments
        };
        list.push((who.to_owned(), now_s));
        true
    }
}
