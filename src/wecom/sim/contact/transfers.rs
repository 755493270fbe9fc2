//! 在职继承 and 离职继承: customers and groups pass to another member.
//!
//! Source: WeCom documentation, 在职继承, 离职继承.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    APPS, Due, NO_USERID, OUT_OF_RANGE, Trait, UNKNOWN_USER, able, paged, staff, when::day,
};
use crate::wecom::sim::{
    callbacks::Notice,
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::{GroupMember, Relation},
    routes::{Route, Wrote},
    state::World,
};

const DAY_S: i64 = 86_400;
const PER_CALL: usize = 100;
const PAGE: usize = 1000;
/// Days in which a customer or group is passed on at most twice.
const QUIET_S: i64 = 90 * DAY_S;
const GROUPS_PER_DAY: usize = 300;
/// WeChat users in a group that nobody more can be added to.
const WECHAT_MEMBERS_MAX: usize = 99;
/// How long a group is on its way to the heir of an owner who left, in seconds.
const INHERITED_AFTER_S: i64 = 2;
/// `status` of a group on its way, and of one that has arrived.
const INHERITING: u8 = 2;
const INHERITED: u8 = 3;
const SAME: Code = (40130, "takeover user is the handover user");
const STILL_HERE: Code = (40097, "user has not left");
const DORMANT: Code = (40205, "user has not logged in for a year");

pub(super) const ROUTES: &[Route] = &[
    Route::write("externalcontact/transfer_customer", APPS, transfer),
    Route::post("externalcontact/transfer_result", APPS, result::<false>)
        .empty(&["customer"])
        .paged(),
    Route::post("externalcontact/get_unassigned_list", APPS, unassigned)
        .empty(&["info"])
        .paged(),
    Route::write(
        "externalcontact/resigned/transfer_customer",
        APPS,
        transfer_resigned,
    ),
    Route::post(
        "externalcontact/resigned/transfer_result",
        APPS,
        result::<true>,
    )
    .empty(&["customer"])
    .paged(),
    Route::write("externalcontact/groupchat/transfer", APPS, groups::<true>),
    Route::write(
        "externalcontact/groupchat/onjob_transfer",
        APPS,
        groups::<false>,
    ),
];

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wecom::sim) enum Progress {
    Done,
    Waiting,
    Refused,
    Full,
    /// The relation was gone before its time.
    Void,
}

impl Progress {
    fn status(self) -> u8 {
        match self {
            Self::Done => 1,
            Self::Waiting => 2,
            Self::Refused => 3,
            Self::Full => 4,
            Self::Void => 5,
        }
    }
}

/// A customer passes from one member to another.
#[derive(Debug, Clone)]
pub(in crate::wecom::sim) struct Transfer {
    pub handover: String,
    pub takeover: String,
    pub external_userid: String,
    resigned: bool,
    due_at: i64,
    pub progress: Progress,
}

/// A customer whose member left.
#[derive(Debug, Clone)]
pub(super) struct Unassigned {
    external_userid: String,
    left_at: i64,
    relation: Relation,
}

/// Everything about inheritance.
#[derive(Debug, Clone, Default)]
pub(in crate::wecom::sim) struct Transfers {
    pub all: Vec<Transfer>,
    /// By the member who left.
    left: BTreeMap<String, Vec<Unassigned>>,
    /// When groups were passed on in service.
    groups: BTreeMap<String, Vec<i64>>,
    /// How many groups a member was given, by day.
    given: BTreeMap<(String, i64), usize>,
}

impl World {
    /// Keeps what a leaving member knew of the customers, for whoever takes over.
    pub(in crate::wecom::sim) fn keep_for_heirs(&mut self, userid: &str) {
        if !self.org.members.contains_key(userid) {
            return;
        }
        let numbers = self.book.of_member(userid).into_iter().flatten();
        let customers = numbers.filter_map(|n| self.book.get(*n));
        let left_at = self.contact.now_s;
        let kept = customers.filter_map(|customer| {
            let mut relations = customer.relations.into_iter();
            let relation = relations.find(|r| r.userid == userid)?;
            Some(Unassigned {
                external_userid: customer.external_userid,
                left_at,
                relation,
            })
        });
        let kept: Vec<Unassigned> = kept.collect();
        let left = &mut self.contact.transfers.left;
        left.insert(userid.to_owned(), kept);
    }

    fn has_left(&self, userid: &str) -> bool {
        self.member(userid).is_none() && self.contact.transfers.left.contains_key(userid)
    }

    fn is_full(&self, userid: &str) -> bool {
        let customers = self.book.of_member(userid).map_or(0, |c| c.len());
        let max = self.contact.limit("customers", 50_000);
        self.is(userid, Trait::Full) || customers >= max
    }

    /// Why a customer cannot be passed on, as an errcode; 0 if it can.
    fn obstacle(&self, handover: &str, takeover: &str, id: &str, now_s: i64) -> i64 {
        let customer = self.book.number(id).and_then(|n| self.book.get(n));
        let Some(customer) = customer else {
            return 40096;
        };
        let resigned = self.has_left(handover);
        let held = if resigned {
            let kept = self.contact.transfers.left.get(handover);
            let mut kept = kept.into_iter().flatten();
            kept.any(|u| u.external_userid == id)
        } else {
            let mut relations = customer.relations.iter();
            relations.any(|r| r.userid == handover && !r.half)
        };
        let of_customer = || {
            let all = self.contact.transfers.all.iter();
            all.filter(|t| t.external_userid == id)
        };
        let waiting =
            of_customer().find(|t| t.progress == Progress::Waiting && t.handover == handover);
        let lately = of_customer()
            .filter(|t| t.progress == Progress::Done && !t.resigned && now_s - t.due_at < QUIET_S);
        match waiting {
            _ if customer.relations.is_empty() && !held => 84061,
            _ if !held => 40131,
            Some(waiting) if waiting.takeover == takeover => 40100,
            Some(_) => 40129,
            None if !resigned && lately.count() >= 2 => 40128,
            None if self.is(takeover, Trait::Banned) => 40143,
            None if self.is_full(takeover) => 40099,
            None => 0,
        }
    }

    /// The customer has not refused in time.
    pub(super) fn take_over(&mut self, index: usize, now_s: i64) -> Vec<Notice> {
        let waiting = self.contact.transfers.all.get(index).cloned();
        let Some(transfer) = waiting.filter(|t| t.progress == Progress::Waiting) else {
            return Vec::new();
        };
        let takeover = &transfer.takeover;
        let gone = self.member(takeover).is_none();
        let (progress, notices) = if !gone && self.is_full(takeover) {
            let failed = fail_notice(&transfer, "customer_limit_exceed");
            (Progress::Full, vec![failed])
        } else {
            match self.old_relation(&transfer).filter(|_| !gone) {
                Some(old) => (Progress::Done, self.hand_over(&transfer, old, now_s)),
                None => (Progress::Void, Vec::new()),
            }
        };
        if let Some(transfer) = self.contact.transfers.all.get_mut(index) {
            transfer.progress = progress;
            transfer.due_at = now_s;
        }
        notices
    }

    /// What the one who hands over knew of the customer.
    fn old_relation(&self, transfer: &Transfer) -> Option<Relation> {
        if transfer.resigned {
            let kept = self.contact.transfers.left.get(&transfer.handover)?;
            let mut kept = kept.iter();
            let found = kept.find(|u| u.external_userid == transfer.external_userid)?;
            return Some(found.relation.clone());
        }
        let number = self.book.number(&transfer.external_userid)?;
        let mut relations = self.book.get(number)?.relations.into_iter();
        relations.find(|r| r.userid == transfer.handover)
    }

    fn hand_over(&mut self, transfer: &Transfer, old: Relation, now_s: i64) -> Vec<Notice> {
        let Transfer {
            handover,
            takeover,
            external_userid: id,
            resigned,
            ..
        } = transfer;
        let mut notices = Vec::new();
        if *resigned {
            if let Some(kept) = self.contact.transfers.left.get_mut(handover) {
                kept.retain(|u| u.external_userid != *id);
            }
        } else {
            self.remove_relation(handover, id);
            let deleted = notice("del_external_contact", handover, id);
            notices.push(deleted.text("Source", "DELETE_BY_TRANSFER"));
        }
        self.add_relation(takeover, id, now_s);
        let state = old.state.clone();
        self.edit_relation(takeover, id, |relation| {
            *relation = Relation {
                userid: takeover.clone(),
                createtime: now_s,
                add_way: if *resigned { 202 } else { 201 },
                oper_userid: handover.clone(),
                half: false,
                ..old
            };
        });
        notices.push(notice("add_external_contact", takeover, id).text("State", &state));
        notices
    }

    /// A customer does not want to be passed on; what is told of it, or nothing if no
    /// transfer waits.
    pub(in crate::wecom::sim) fn refuse_transfer(&mut self, id: &str) -> Option<Notice> {
        let mut all = self.contact.transfers.all.iter_mut();
        let waiting =
            |t: &&mut Transfer| t.external_userid == id && t.progress == Progress::Waiting;
        let transfer = all.find(waiting)?;
        transfer.progress = Progress::Refused;
        Some(fail_notice(transfer, "customer_refused"))
    }

    /// A group has arrived, unless something else became of it meanwhile.
    pub(super) fn end_inheritance(&mut self, chat_id: &str) {
        let group = self.groups.get_mut(chat_id);
        if let Some(group) = group.filter(|group| group.status == INHERITING) {
            group.status = INHERITED;
        }
    }

    /// A customer agrees before the time is over.
    pub(in crate::wecom::sim) fn accept_transfer(
        &mut self,
        id: &str,
        now_s: i64,
    ) -> Option<Vec<Notice>> {
        let mut all = self.contact.transfers.all.iter();
        let waiting = |t: &Transfer| t.external_userid == id && t.progress == Progress::Waiting;
        let index = all.position(waiting)?;
        Some(self.take_over(index, now_s))
    }
}

fn notice(change: &'static str, userid: &str, external_userid: &str) -> Notice {
    Notice::new("change_external_contact", change)
        .id("UserID", userid)
        .id("ExternalUserID", external_userid)
}

fn fail_notice(transfer: &Transfer, reason: &str) -> Notice {
    let notice = notice(
        "transfer_fail",
        &transfer.takeover,
        &transfer.external_userid,
    );
    notice.text("FailReason", reason)
}

/// Handover and takeover as the directory spells them.
struct Ends {
    handover: String,
    takeover: String,
}

fn begin(world: &mut World, call: &Call<'_>, ends: &Ends, resigned: bool) -> Result<Wrote, Fail> {
    let ids = call.fields().texts("external_userid")?;
    ensure((1..=PER_CALL).contains(&ids.len()), PARAM)?;
    let mut rows = Vec::new();
    for id in ids {
        let errcode = world.obstacle(&ends.handover, &ends.takeover, id, call.now_s);
        rows.push(json!({ "external_userid": id, "errcode": errcode }));
        if errcode != 0 {
            continue;
        }
        let due_at = call.now_s + DAY_S;
        let transfer = world.contact.transfers.all.len();
        world.contact.transfers.all.push(Transfer {
            handover: ends.handover.clone(),
            takeover: ends.takeover.clone(),
            external_userid: id.to_owned(),
            resigned,
            due_at,
            progress: Progress::Waiting,
        });
        world.later(due_at, Due::TakeOver { transfer });
    }
    Ok(json!({ "customer": rows }).into())
}

fn two<'b>(fields: Fields<'b>) -> Result<(&'b str, &'b str), Fail> {
    let handover = fields.filled("handover_userid", NO_USERID)?;
    let takeover = fields.filled("takeover_userid", NO_USERID)?;
    Ok((handover, takeover))
}

fn transfer(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let (handover, takeover) = two(fields)?;
    fields.chars("transfer_success_msg", 200, PARAM)?;
    let handover = staff(world, call, handover)?.userid.clone();
    let takeover = able(world, call, takeover)?.userid.clone();
    ensure(handover != takeover, SAME)?;
    begin(world, call, &Ends { handover, takeover }, false)
}

fn transfer_resigned(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let (handover, takeover) = two(call.fields())?;
    ensure(world.member(handover).is_none(), STILL_HERE)?;
    ensure(world.has_left(handover), UNKNOWN_USER)?;
    ensure(!world.is(handover, Trait::Dormant), DORMANT)?;
    let ends = Ends {
        handover: handover.to_owned(),
        takeover: able(world, call, takeover)?.userid.clone(),
    };
    begin(world, call, &ends, true)
}

fn result<const RESIGNED: bool>(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (handover, takeover) = two(call.fields())?;
    let takeover = &staff(world, call, takeover)?.userid;
    let handover = match world.member(handover) {
        Some(member) => &member.userid,
        None => {
            ensure(world.has_left(handover), UNKNOWN_USER)?;
            handover
        }
    };
    // The last word about each customer.
    let mut last: BTreeMap<&str, &Transfer> = BTreeMap::new();
    for transfer in &world.contact.transfers.all {
        let of_pair = transfer.handover == handover && transfer.takeover == *takeover;
        if of_pair && transfer.resigned == RESIGNED {
            last.insert(&transfer.external_userid, transfer);
        }
    }
    let row = |(id, transfer): (&&str, &&Transfer)| {
        let told = matches!(transfer.progress, Progress::Waiting | Progress::Done);
        json!({
            "external_userid": id, "status": transfer.progress.status(),
            "takeover_time": if told { transfer.due_at } else { 0 },
        })
    };
    paged(call, "customer", last.iter().map(row).collect(), PAGE)
}

fn unassigned(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let size = fields.number("page_size")?.filter(|n| *n != 0);
    let size = usize::try_from(size.unwrap_or(1000)).unwrap_or(usize::MAX);
    ensure((1..=PAGE).contains(&size), PARAM)?;
    let mut all: Vec<(&String, &Unassigned)> = Vec::new();
    for (userid, kept) in &world.contact.transfers.left {
        all.extend(kept.iter().map(|u| (userid, u)));
    }
    all.sort_by_key(|(_, u)| std::cmp::Reverse(u.left_at));
    let row = |(userid, u): &(&String, &Unassigned)| {
        json!({
            "handover_userid": userid, "external_userid": u.external_userid,
            "dimission_time": u.left_at,
        })
    };
    let rows: Vec<Value> = all.iter().map(row).collect();
    let by_cursor = !call.text("cursor")?.is_empty();
    let mut answer = if let Some(page) = fields.number("page_id")?.filter(|_| !by_cursor) {
        // The old form, by number of the page.
        let skip = usize::try_from(page)
            .unwrap_or(usize::MAX)
            .saturating_mul(size);
        ensure(skip < 50_000, PARAM)?;
        let page: Vec<&Value> = rows.iter().skip(skip).take(size).collect();
        let end = skip + page.len();
        let next = crate::wecom::sim::check::next_offset(end, rows.len());
        json!({ "info": page, "next_cursor": next })
    } else {
        paged(call, "info", rows, size)?
    };
    answer["is_last"] = json!(answer["next_cursor"] == "");
    Ok(answer)
}

fn groups<const RESIGNED: bool>(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    let chats = fields.texts("chat_id_list")?;
    ensure((1..=PER_CALL).contains(&chats.len()), PARAM)?;
    let owner = fields.filled("new_owner", NO_USERID)?;
    let owner = able(world, call, owner)?.userid.clone();
    let mut failed = Vec::new();
    for chat in chats {
        if let Err(fail) = pass_group::<RESIGNED>(world, call, chat, &owner) {
            failed.push(json!({ "chat_id": chat, "errcode": fail.code, "errmsg": fail.text }));
        }
    }
    if failed.is_empty() {
        return Ok(Wrote::only("ok"));
    }
    Ok(json!({ "failed_chat_list": failed }).into())
}

fn pass_group<const RESIGNED: bool>(
    world: &mut World,
    call: &Call<'_>,
    chat: &str,
    owner: &str,
) -> Result<(), Fail> {
    let group = world.groups.get(chat);
    let group = group.ok_or((90501, "chat is not external group chat"))?;
    let here = world.member(&group.owner).is_some();
    if RESIGNED {
        ensure(
            group.status != INHERITING,
            (90507, "chat is being inherited"),
        )?;
        ensure(
            group.status != INHERITED,
            (90508, "chat has been inherited"),
        )?;
        ensure(!here, (90500, "the owner of this chat is not resigned"))?;
    } else {
        ensure(here, (90502, "the owner of this chat is resigned"))?;
        ensure(world.sees_userid(call.app, &group.owner), OUT_OF_RANGE)?;
    }
    ensure(group.owner != owner, (90504, "the owner is unchanged"))?;
    ensure(
        !world.is(owner, Trait::Dormant),
        (90510, "no active user within a year"),
    )?;
    let joins = group.members.iter().all(|m| m.userid != owner);
    let external = group.members.iter().filter(|m| m.kind == 2);
    let wechat = external.filter(|m| m.userid.starts_with("wm")).count();
    let max = world
        .contact
        .limit("group_wechat_members", WECHAT_MEMBERS_MAX);
    ensure(
        !joins || wechat < max,
        (90503, "chat is full of wechat members"),
    )?;
    let transfers = &mut world.contact.transfers;
    let passed = transfers.groups.entry(chat.to_owned()).or_default();
    passed.retain(|at| call.now_s - at < QUIET_S);
    ensure(
        RESIGNED || passed.len() < 2,
        (40128, "transferred twice within 90 days"),
    )?;
    let today = (owner.to_owned(), day(call.now_s));
    let given = transfers.given.entry(today).or_default();
    ensure(*given < GROUPS_PER_DAY, (45009, "api freq out of limit"))?;
    *given += 1;
    if !RESIGNED {
        passed.push(call.now_s);
    }
    let name = world.member(owner).map(|m| m.name.clone());
    if let Some(group) = world.groups.get_mut(chat) {
        owner.clone_into(&mut group.owner);
        group.admins.retain(|admin| admin != owner);
        group.status = if RESIGNED { INHERITING } else { 0 };
        if joins {
            group.version += 1;
            group.members.push(GroupMember {
                userid: owner.to_owned(),
                kind: 1,
                name: name.unwrap_or_default(),
                nickname: String::new(),
                join_time: call.now_s,
                join_scene: 1,
                state: String::new(),
            });
        }
    }
    if RESIGNED {
        let chat_id = chat.to_owned();
        world.later(call.now_s + INHERITED_AFTER_S, Due::Inherited { chat_id });
    }
    Ok(())
}
