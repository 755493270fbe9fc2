//! Broadcasts reach exactly those who are written down, once, at most as often as the firm
//! allows, whatever fails, whoever stops them and wherever the process ends.

use std::collections::{BTreeMap, BTreeSet};

use qitai::{
    customers::{self, CustomerId},
    identity::{Permission, Viewer},
    kit::{Id, PageRequest},
    org::{self, MemberId},
    outreach::{
        Content,
        broadcasts::{
            Audience, Broadcast, BroadcastId, BroadcastState, Preview, Task, TaskState,
            actions::{self, Remind, SaveDraft, Send, StopBroadcast},
            audience, queries,
        },
        touches::{self, Limits, SaveLimits, Touch, TouchState, Why},
    },
    store::Write,
    wecom::{
        ChatType,
        sim::{ContactVerb, Fault, firm},
    },
    work::effects::{self as outbox, Effect, EffectId},
};

use super::{
    Firm,
    effects::{Bench, CELLS, everything},
    wait_for,
};

pub(super) const KINDS: [&str; 3] = [
    "outreach.broadcast",
    "outreach.broadcast_cancel",
    "outreach.broadcast_remind",
];

/// What a cell wants of a broadcast.
#[derive(Debug)]
pub(super) enum Wish {
    /// One task at WeCom with these words, for this customer alone.
    Made(BroadcastId, String),
    /// Its task is taken back.
    TakenBack(BroadcastId),
    /// The member is reminded.
    Reminded(BroadcastId),
}

pub(super) fn write<T: std::marker::Send + 'static>(
    firm: &Firm,
    verb: impl FnOnce(&mut Write<'_>, &Viewer) -> qitai::error::Result<T> + std::marker::Send + 'static,
) -> qitai::error::Result<T> {
    let viewer = Viewer::system("test");
    let act = viewer.change("test.broadcasts");
    firm.app()
        .store
        .write_blocking(act, move |w| verb(w, &viewer))
}

pub(super) fn allow(firm: &Firm, limits: Limits) {
    write(firm, |w, viewer| {
        let allowed = viewer.allow(w, SaveLimits { limits })?;
        touches::save_limits(w, allowed)
    })
    .unwrap();
}

/// No limits at all.
pub(super) fn free() -> Limits {
    Limits {
        per_day: None,
        per_week: None,
        per_month: None,
        quiet: None,
        approve_above: None,
    }
}

/// Makes a broadcast to these customers and sends it.
fn begin(firm: &Firm, listed: Vec<CustomerId>, text: &str) -> BroadcastId {
    let audience = Audience {
        listed: Some(listed),
        ..Audience::default()
    };
    begin_to(firm, audience, text)
}

/// Makes a broadcast and sends it.
pub(super) fn begin_to(firm: &Firm, audience: Audience, text: &str) -> BroadcastId {
    let command = SaveDraft {
        id: None,
        name: text.to_owned(),
        content: Content {
            text: text.to_owned(),
            attachments: Vec::new(),
        },
        audience,
    };
    let id = write(firm, move |w, viewer| {
        let allowed = viewer.allow(w, command)?;
        let id = actions::save_draft(w, allowed)?;
        let allowed = viewer.allow(w, Send { id, at: None })?;
        actions::send(w, allowed)?;
        Ok(id)
    });
    firm.app().outreach.broadcasts.wake.notify_one();
    id.unwrap()
}

pub(super) fn stop(firm: &Firm, id: BroadcastId) {
    let directory = firm.app().read(|r| firm.app().directory.get(r)).unwrap();
    // One that has ended meanwhile cannot be stopped, which is as good.
    let _ = write(firm, move |w, viewer| {
        let allowed = viewer.allow(w, StopBroadcast { id, directory })?;
        actions::stop(w, allowed)
    });
}

pub(super) fn state(firm: &Firm, id: BroadcastId) -> BroadcastState {
    let found = firm.app().read(|r| r.get::<Broadcast>(&id));
    found.unwrap().unwrap().state
}

/// Lets time pass and everything work until it is so.
pub(super) fn until<T>(firm: &Firm, what: &str, mut so: impl FnMut() -> Option<T>) -> T {
    wait_for(what, || {
        firm.app().effects.notify_one();
        firm.app().outreach.broadcasts.wake.notify_one();
        firm.clock.advance_ms(500);
        firm.sim.pass_time();
        so()
    })
}

/// The customers of the member whom the cells work with.
pub(super) fn mine(firm: &Firm) -> Vec<CustomerId> {
    let external = firm.sim.customers_of(firm::cast().store_staff);
    let found = external.iter().filter_map(|external| {
        let found = firm
            .app()
            .read(|r| customers::sync::by_external_userid(r, external));
        found.unwrap().map(|customer| customer.id)
    });
    found.collect()
}

/// Customers for whom that member sends: nobody else had them before.
fn sent_by_member(firm: &Firm) -> Vec<CustomerId> {
    let listed = mine(firm);
    let member = firm.app().read(|r| {
        org::queries::member_id_by_userid(r, firm::cast().store_staff)
            .unwrap()
            .unwrap()
    });
    let picks = picks(firm, listed);
    let own = picks
        .iter()
        .filter(|p| p.member == member && p.why.is_none());
    own.map(|pick| pick.customer).collect()
}

/// The member who sends to most customers, and those.
fn crowd(firm: &Firm) -> (String, Vec<CustomerId>) {
    let all: Vec<CustomerId> = firm.app().read(|r| {
        let all = r.all::<customers::Customer>(None).unwrap();
        all.map(|c| c.unwrap().id).collect()
    });
    let mut by_member: BTreeMap<MemberId, Vec<CustomerId>> = BTreeMap::new();
    for pick in picks(firm, all) {
        if pick.why.is_none() {
            by_member
                .entry(pick.member)
                .or_default()
                .push(pick.customer);
        }
    }
    let most = by_member.into_iter().max_by_key(|(_, own)| own.len());
    let (member, own) = most.unwrap();
    let member = firm.app().read(|r| r.get::<org::Member>(&member));
    (member.unwrap().unwrap().userid, own)
}

fn picks(firm: &Firm, listed: Vec<CustomerId>) -> Vec<audience::Pick> {
    let app = firm.app();
    wait_for("everything can be found", || {
        app.is_caught_up().then_some(())
    });
    let audience = Audience {
        listed: Some(listed),
        ..Audience::default()
    };
    app.read(|r| {
        let sight = app
            .sight(r, &Viewer::system("test"), Permission::BroadcastSend)
            .unwrap();
        audience::pick(r, &app.people, &sight, &audience).unwrap()
    })
}

fn preview(firm: &Firm, listed: Vec<CustomerId>) -> Preview {
    let app = firm.app();
    let audience = Audience {
        listed: Some(listed),
        ..Audience::default()
    };
    app.read(|r| {
        let sight = app
            .sight(r, &Viewer::system("test"), Permission::BroadcastSend)
            .unwrap();
        let now = firm.clock.now();
        audience::preview(r, &app.people, &sight, &audience, now).unwrap()
    })
}

/// The effect that hands out the only task of a broadcast.
pub(super) fn handed_out(firm: &Firm, id: BroadcastId) -> EffectId {
    until(firm, "the broadcast is handed out", || {
        let tasks = firm.app().read(|r| queries::tasks(r, id)).unwrap();
        tasks.first().and_then(|task| task.effect)
    })
}

/// Broadcasts of these names whose tasks are out, made before any cell.
fn prepare(bench: &Bench) {
    let customers = sent_by_member(&bench.firm);
    let mut ids = Vec::new();
    for n in 0..CELLS {
        for what in ["撤", "催"] {
            let customer = customers[n % customers.len()];
            ids.push(begin(&bench.firm, vec![customer], &format!("{what}{n}")));
        }
    }
    until(&bench.firm, "all tasks are out", || {
        let is_out = |id: &BroadcastId| {
            let tasks = bench.firm.app().read(|r| queries::tasks(r, *id)).unwrap();
            !tasks.is_empty() && tasks.iter().all(|task| task.state == TaskState::Out)
        };
        ids.iter().all(is_out).then_some(())
    });
}

fn named(bench: &Bench, name: &str) -> BroadcastId {
    let app = bench.firm.app();
    app.read(|r| {
        let mut all = r.all::<Broadcast>(None).unwrap().map(Result::unwrap);
        all.find(|b| b.name == name).unwrap().id
    })
}

/// The newest effect of this kind for a broadcast.
fn newest(bench: &Bench, id: BroadcastId, kind: &str) -> EffectId {
    until(&bench.firm, "something is planned", || {
        let app = bench.firm.app();
        let all = app.read(|r| outbox::of_batch(r, &id.to_string(), 50));
        let mut all = all.unwrap().into_iter();
        all.find(|effect| effect.kind == kind).map(|e| e.id)
    })
}

/// Plans the effect of a cell.
pub(super) fn plan(bench: &mut Bench, kind: &'static str) -> (EffectId, Wish) {
    match kind {
        "outreach.broadcast" => {
            let customers = sent_by_member(&bench.firm);
            let customer = customers[bench.next % customers.len()];
            let text = format!("第{}次群发", bench.next);
            let id = begin(&bench.firm, vec![customer], &text);
            (handed_out(&bench.firm, id), Wish::Made(id, text))
        }
        "outreach.broadcast_cancel" => {
            let id = named(bench, &format!("撤{}", bench.next % CELLS));
            stop(&bench.firm, id);
            (newest(bench, id, kind), Wish::TakenBack(id))
        }
        _ => {
            let id = named(bench, &format!("催{}", bench.next % CELLS));
            let app = bench.firm.app();
            let directory = app.read(|r| app.directory.get(r)).unwrap();
            write(&bench.firm, move |w, viewer| {
                let allowed = viewer.allow(w, Remind { id, directory })?;
                actions::remind(w, allowed)
            })
            .unwrap();
            (newest(bench, id, kind), Wish::Reminded(id))
        }
    }
}

/// Broadcasts of the firm at WeCom with these words, to customers or groups.
pub(super) fn there(firm: &Firm, text: &str) -> Vec<String> {
    let client = firm.app().wecom().unwrap();
    let now = firm.clock.now().ms() / 1_000;
    let mut found = Vec::new();
    for chat_type in [ChatType::Single, ChatType::Group] {
        let query = qitai::wecom::BroadcastQuery {
            chat_type,
            start_time: now - 25 * 86_400,
            end_time: now + 3_600,
            ..Default::default()
        };
        let made = firm.runtime().block_on(client.broadcasts(&query).all());
        found.extend(made.unwrap());
    }
    let words = |b: &qitai::wecom::Broadcast| b.text.as_ref().map_or("", |t| &t.content).to_owned();
    let alike = found.iter().filter(|b| words(b) == text);
    alike.map(|b| b.msgid.clone()).collect()
}

/// Here and at WeCom it is what was wanted.
pub(super) fn same_everywhere(bench: &Bench, wish: &Wish) -> Result<(), String> {
    let firm = &bench.firm;
    let task = |id: &BroadcastId| {
        let tasks = firm.app().read(|r| queries::tasks(r, *id)).unwrap();
        tasks.into_iter().next().unwrap()
    };
    let is_right = match wish {
        Wish::Made(id, text) => {
            let there = there(firm, text);
            there.len() == 1 && task(id).msgid == there[0]
        }
        Wish::TakenBack(id) => {
            let task = task(id);
            let client = firm.app().wecom().unwrap();
            let again = firm
                .runtime()
                .block_on(client.remind_broadcast(&task.msgid));
            let is_cancelled = matches!(
                again,
                Err(qitai::wecom::Error::Refused { errcode: 41093, .. })
            );
            task.cancelled_at.is_some() && is_cancelled
        }
        Wish::Reminded(id) => {
            let msgid = task(id).msgid;
            let client = firm.app().wecom().unwrap();
            let again = || firm.runtime().block_on(client.remind_broadcast(&msgid));
            // WeCom takes three within a day.
            (0..3).filter(|_| again().is_ok()).count() < 3
        }
    };
    match is_right {
        true => Ok(()),
        false => Err(format!("another here or there: {wish:?}")),
    }
}

#[test]
fn tasks_are_made_taken_back_and_reminded_of_once_whatever_fails() {
    let mut bench = Bench::start();
    allow(&bench.firm, free());
    prepare(&bench);
    everything(&mut bench, &KINDS);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

/// Numbers from a seed: the same story every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// All that the ledger says, by customer.
fn ledger(firm: &Firm) -> BTreeMap<CustomerId, Vec<Touch>> {
    let mut all: BTreeMap<CustomerId, Vec<Touch>> = BTreeMap::new();
    firm.app().read(|r| {
        for touch in r.all::<Touch>(None).unwrap() {
            let touch = touch.unwrap();
            all.entry(touch.customer).or_default().push(touch);
        }
    });
    all
}

/// Nobody has more than the firm allows, planned ones counted.
fn nobody_is_over(firm: &Firm, limits: &Limits) {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    for (customer, touches) in ledger(firm) {
        let mut days: BTreeMap<jiff::civil::Date, u32> = BTreeMap::new();
        let mut weeks: BTreeMap<(i16, i8), u32> = BTreeMap::new();
        let mut months: BTreeMap<(i16, i8), u32> = BTreeMap::new();
        let mut planned = 0;
        for touch in &touches {
            let date = touch.at.to_jiff().to_zoned(zone.clone()).date();
            match touch.state {
                TouchState::Sent => {
                    let week = date.iso_week_date();
                    *days.entry(date).or_default() += 1;
                    *weeks.entry((week.year(), week.week())).or_default() += 1;
                    *months.entry((date.year(), date.month())).or_default() += 1;
                }
                TouchState::Planned => planned += 1,
                TouchState::Failed => {}
            }
        }
        let over = |most: Option<u32>, n: u32| most.is_some_and(|most| n > most);
        assert!(
            !over(limits.per_day, planned)
                && days.values().all(|n| !over(limits.per_day, *n))
                && weeks.values().all(|n| !over(limits.per_week, *n))
                && months.values().all(|n| !over(limits.per_month, *n)),
            "{customer}: {touches:#?}"
        );
    }
}

/// For every task that WeCom knows of: who has received it by its record and by the ledger.
fn the_ledger_is_wecoms(firm: &Firm, ids: &[BroadcastId]) {
    let client = firm.app().wecom().unwrap();
    let mut known = BTreeSet::new();
    for id in ids {
        let tasks = firm.app().read(|r| queries::tasks(r, *id)).unwrap();
        let mut here = BTreeSet::new();
        let all = PageRequest {
            limit: Some(200),
            ..PageRequest::default()
        };
        let sent = Some((TouchState::Sent, None));
        let rows = firm
            .app()
            .read(|r| queries::recipients(r, None, *id, sent, &all).unwrap());
        for row in rows.items {
            here.insert((row.touch.member.unwrap(), row.touch.customer));
        }
        let mut there: BTreeSet<(MemberId, CustomerId)> = BTreeSet::new();
        for task in tasks.iter().filter(|task| !task.msgid.is_empty()) {
            known.insert(task.msgid.clone());
            let userid = firm.app().read(|r| {
                let member = r.get::<org::Member>(&task.member).unwrap();
                member.unwrap().userid
            });
            let told = client.broadcast_results(&task.msgid, &userid).all();
            let told = firm.runtime().block_on(told).unwrap();
            for result in told.iter().filter(|result| result.status == 1) {
                let customer = firm.app().read(|r| {
                    customers::sync::by_external_userid(r, &result.external_userid).unwrap()
                });
                there.insert((task.member, customer.unwrap().id));
            }
        }
        assert_eq!(here, there, "{id}");
    }
    let now = firm.clock.now().ms() / 1_000;
    let query = qitai::wecom::BroadcastQuery {
        start_time: now - 30 * 86_400,
        end_time: now + 3_600,
        ..Default::default()
    };
    let made = firm.runtime().block_on(client.broadcasts(&query).all());
    let made: BTreeSet<String> = made.unwrap().into_iter().map(|b| b.msgid).collect();
    assert_eq!(made, known, "WeCom has others than we know of");
}

/// Members press send, where anything is out.
fn some_member_sends(firm: &Firm, dice: &mut Dice, ids: &[BroadcastId]) {
    let mut out = Vec::new();
    for id in ids {
        for task in firm.app().read(|r| queries::tasks(r, *id)).unwrap() {
            if task.state == TaskState::Out {
                let userid = firm.app().read(|r| {
                    let member = r.get::<org::Member>(&task.member).unwrap();
                    member.unwrap().userid
                });
                out.push((task.msgid.clone(), userid));
            }
        }
    }
    if !out.is_empty() {
        let (msgid, userid) = out[dice.roll(out.len())].clone();
        let verb = ContactVerb::SendBroadcast { msgid, userid };
        // Sent already, but not heard of yet.
        let _ = firm.sim.act(verb);
    }
}

fn any_story(seed: u64) {
    let mut firm = Firm::start(40);
    let mut dice = Dice(seed);
    let limits = Limits {
        per_day: Some(1),
        per_week: Some(2),
        per_month: Some(3),
        ..free()
    };
    allow(&firm, limits.clone());
    let all: Vec<CustomerId> = firm.app().read(|r| {
        let all = r.all::<customers::Customer>(None).unwrap();
        all.map(|c| c.unwrap().id).collect()
    });
    wait_for("everything can be found", || {
        firm.app().is_caught_up().then_some(())
    });
    let mut ids = Vec::new();
    for n in 0..36 {
        match dice.roll(9) {
            0..=2 => {
                let size = 1 + dice.roll(12);
                let some: BTreeSet<_> = (0..size).map(|_| all[dice.roll(all.len())]).collect();
                ids.push(begin(
                    &firm,
                    some.into_iter().collect(),
                    &format!("第{n}条"),
                ));
            }
            3 | 4 => some_member_sends(&firm, &mut dice, &ids),
            5 if !ids.is_empty() => stop(&firm, ids[dice.roll(ids.len())]),
            6 => {
                firm.kill();
                firm.open();
            }
            7 => {
                let faults = [
                    Fault::StatusAfter(502),
                    Fault::HalfBody,
                    Fault::Errcode(-1),
                    Fault::Errcode(45033),
                    Fault::Errcode(40096),
                ];
                let fault = faults[dice.roll(faults.len())];
                let calls = [
                    "add_msg_template",
                    "cancel_groupmsg_send",
                    "get_groupmsg_send_result",
                ];
                // What is refused for good when it is taken back waits for a person.
                let call = match fault {
                    Fault::Errcode(40096) => calls[0],
                    _ => calls[dice.roll(calls.len())],
                };
                let call = format!("externalcontact/{call}");
                firm.sim.inject(Some(&call), 2, fault);
            }
            _ => firm
                .clock
                .advance_ms(i64::try_from(dice.roll(20)).unwrap() * 3_600_000),
        }
        let pause = dice.roll(6);
        for _ in 0..pause {
            firm.app().effects.notify_one();
            firm.app().outreach.broadcasts.wake.notify_one();
            firm.clock.advance_ms(700);
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        nobody_is_over(&firm, &limits);
    }
    firm.sim.clear_faults();
    until(&firm, "all broadcasts are over", || {
        for id in &ids {
            if state(&firm, *id).can_stop() {
                stop(&firm, *id);
            }
        }
        firm.clock.advance_ms(30_000);
        ids.iter()
            .all(|id| state(&firm, *id).is_over())
            .then_some(())
    });
    nobody_is_over(&firm, &limits);
    the_ledger_is_wecoms(&firm, &ids);
    let open = ledger(&firm).into_values().flatten();
    assert_eq!(open.filter(|t| t.state == TouchState::Planned).count(), 0);
    assert_eq!(firm.app().store.check().unwrap().found, []);
}

#[test]
fn no_story_sends_too_often_or_tells_another_than_wecom() {
    for seed in [3, 0x5eed, 77_777] {
        any_story(seed);
    }
}

/// What was previewed is what is planned, and a customer who is gone meanwhile is told so.
#[test]
fn planned_is_what_was_previewed_and_who_left_is_told() {
    let firm = Firm::start(60);
    let limits = Limits {
        per_day: Some(1),
        ..free()
    };
    allow(&firm, limits);
    let (userid, customers) = crowd(&firm);
    assert!(customers.len() > 4);
    let first = begin(&firm, customers[..2].to_vec(), "先两位");
    let effect = handed_out(&firm, first);
    until(&firm, "the first task is out", || {
        let effect = firm
            .app()
            .read(|r| r.get::<Effect>(&effect))
            .unwrap()
            .unwrap();
        (effect.state == outbox::EffectState::Done).then_some(())
    });
    let foreseen = preview(&firm, customers.clone());
    assert_eq!(foreseen.skipped.get(&Why::OverLimit), Some(&2));
    let id = begin(&firm, customers.clone(), "给所有人");
    handed_out(&firm, id);
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    assert_eq!(account.all.planned, foreseen.reached);
    assert_eq!(account.why, foreseen.skipped);
    assert_eq!(account.by_member.len() as u64, foreseen.senders);

    let task = until(&firm, "its task is out", || {
        let tasks = firm.app().read(|r| queries::tasks(r, id)).unwrap();
        tasks.into_iter().find(|task| task.state == TaskState::Out)
    });
    let gone = firm.app().read(|r| {
        let gone = r.get::<customers::Customer>(&customers[3]).unwrap();
        gone.unwrap().external_userid
    });
    let verb = qitai::wecom::sim::CustomerVerb::DeleteFollower {
        userid: userid.clone(),
        external_userid: gone,
    };
    firm.sim.act(verb).unwrap();
    let msgid = task.msgid.clone();
    firm.sim
        .act(ContactVerb::SendBroadcast { msgid, userid })
        .unwrap();
    until(&firm, "the outcome is known", || {
        firm.clock.advance_ms(10_000);
        (state(&firm, id) == BroadcastState::Done).then_some(())
    });
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    assert_eq!(account.why.get(&Why::NotContact), Some(&1));
    assert_eq!(account.all.sent, foreseen.reached - 1);
    assert_eq!(account.all.planned, 0);
    the_ledger_is_wecoms(&firm, &[first, id]);
}

/// What WeCom refuses is said, and releases the customers.
#[test]
fn refusals_release_the_customers() {
    let firm = Firm::start(40);
    let limits = Limits {
        per_day: Some(1),
        ..free()
    };
    allow(&firm, limits);
    let customers = sent_by_member(&firm);
    let cases = [
        (41048, Some(Why::Unreachable)),
        (40096, Some(Why::Refused)),
        (41064, Some(Why::Refused)),
        (41054, Some(Why::Refused)),
        (45033, None),
    ];
    for (errcode, why) in cases {
        let call = "externalcontact/add_msg_template";
        firm.sim.inject(Some(call), 1, Fault::Errcode(errcode));
        let id = begin(&firm, customers[..1].to_vec(), &format!("{errcode}"));
        let since = firm.sim.answered().len();
        until(&firm, "WeCom has refused it", || {
            let answered = firm.sim.answered();
            let calls = answered[since..].iter().filter(|a| a.path == call);
            (calls.count() > 0).then_some(())
        });
        firm.sim.clear_faults();
        until(&firm, "it ends, or is out", || {
            let tasks = firm.app().read(|r| queries::tasks(r, id)).unwrap();
            let is_out = tasks.iter().any(|task| task.state == TaskState::Out);
            (state(&firm, id).is_over() || is_out).then_some(())
        });
        let account = firm.app().read(|r| queries::account(r, id)).unwrap();
        match why {
            Some(why) => assert_eq!(account.why, BTreeMap::from([(why, 1)]), "{errcode}"),
            None => assert_eq!(account.all.planned, 1, "{errcode}"),
        }
    }
}

/// Stopped half-way: who had it has it, nobody else gets it, and the account says which.
#[test]
fn stopped_half_way_the_account_is_exact() {
    let firm = Firm::start(60);
    allow(&firm, free());
    let all: Vec<CustomerId> = firm.app().read(|r| {
        let all = r.all::<customers::Customer>(None).unwrap();
        all.map(|c| c.unwrap().id).collect()
    });
    let reached = picks(&firm, all.clone());
    let reached = reached.iter().filter(|pick| pick.why.is_none()).count() as u64;
    let id = begin(&firm, all, "半路停下");
    let tasks = until(&firm, "all tasks are out", || {
        let tasks = firm.app().read(|r| queries::tasks(r, id)).unwrap();
        let is_out = !tasks.is_empty() && tasks.iter().all(|t| t.state == TaskState::Out);
        is_out.then_some(tasks)
    });
    assert!(tasks.len() > 1);
    let task = &tasks[0];
    let userid = firm.app().read(|r| {
        let member = r.get::<org::Member>(&task.member).unwrap();
        member.unwrap().userid
    });
    let msgid = task.msgid.clone();
    firm.sim
        .act(ContactVerb::SendBroadcast { msgid, userid })
        .unwrap();
    // Nobody has asked about it yet: the last question has to find out.
    stop(&firm, id);
    until(&firm, "everything is known", || {
        firm.clock.advance_ms(10_000);
        state(&firm, id).is_over().then_some(())
    });
    assert_eq!(state(&firm, id), BroadcastState::Stopped);
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    let of_member = account.by_member[&task.member];
    assert_eq!(account.all.sent, of_member.sent);
    assert!(account.all.sent > 0);
    assert_eq!(account.all.meant(), reached);
    assert_eq!(
        account.why.get(&Why::Stopped),
        Some(&(reached - account.all.sent))
    );
    the_ledger_is_wecoms(&firm, &[id]);
    let nobody = Id::from_bits(1);
    assert_eq!(
        firm.app().read(|r| queries::account(r, nobody)).unwrap(),
        queries::Account::default()
    );
}

/// Stopped, and the process ends between two writes that release a few: in the end each is
/// released once, nobody is forgotten, and who had it has it.
#[test]
fn a_stop_that_is_cut_off_between_writes_ends_with_the_exact_account() {
    let mut firm = Firm::start(60);
    let all: Vec<CustomerId> = firm.app().read(|r| {
        let all = r.all::<customers::Customer>(None).unwrap();
        all.map(|c| c.unwrap().id).collect()
    });
    let cap = "day:100".to_owned();
    firm.sim.act(ContactVerb::SetBroadcastCap { cap }).unwrap();
    let at_once = ContactVerb::SetDispatchTime { seconds: 0 };
    firm.sim.act(at_once).unwrap();
    let mut ids = Vec::new();
    // Some wait for a second person, so that WeCom was not told; others are out, and are cut off
    // while they are taken back, or while what members have sent is kept.
    for (is_out, writes) in [(false, 1), (false, 4), (true, 2), (true, 20), (true, 30)] {
        let limits = Limits {
            approve_above: (!is_out).then_some(1),
            ..free()
        };
        allow(&firm, limits);
        let id = begin(&firm, all.clone(), &format!("停在第{writes}次写入后"));
        let wanted = match is_out {
            true => BroadcastState::Running,
            false => BroadcastState::Waiting,
        };
        let tasks = until(&firm, "it can be stopped", || {
            let tasks = firm.app().read(|r| queries::tasks(r, id)).unwrap();
            let told = tasks.iter().filter(|task| task.state == TaskState::Out);
            let is_there = !is_out || told.count() == tasks.len();
            (state(&firm, id) == wanted && is_there).then_some(tasks)
        });
        let meant = account(&firm, id).all.planned;
        let sent = match is_out {
            true => one_sends(&firm, &tasks),
            false => 0,
        };
        firm.app().outreach.broadcasts.pace.cut_behind(writes, 1);
        stop(&firm, id);
        until(&firm, "it is cut off", || {
            firm.clock.advance_ms(10_000);
            let is_cut = firm.app().outreach.broadcasts.pace.is_cut();
            is_cut.then_some(())
        });
        assert_eq!(state(&firm, id), BroadcastState::Stopping);
        let left = account(&firm, id).all.planned;
        assert!(left > 0, "there is something to be cut off");
        if !is_out {
            assert_eq!(left, meant - writes as u64);
        }
        firm.kill();
        firm.open();
        until(&firm, "everything is known", || {
            firm.clock.advance_ms(10_000);
            state(&firm, id).is_over().then_some(())
        });
        let account = account(&firm, id);
        assert_eq!(state(&firm, id), BroadcastState::Stopped);
        assert_eq!((account.all.planned, account.all.sent), (0, sent));
        assert_eq!(account.why.get(&Why::Stopped), Some(&(meant - sent)));
        ids.push(id);
    }
    the_ledger_is_wecoms(&firm, &ids);
    assert_eq!(firm.app().store.check().unwrap().found, []);
}

/// The first of these members sends their part; to how many.
fn one_sends(firm: &Firm, tasks: &[Task]) -> u64 {
    let task = &tasks[0];
    let userid = firm.app().read(|r| {
        let member = r.get::<org::Member>(&task.member).unwrap();
        member.unwrap().userid
    });
    let msgid = task.msgid.clone();
    let verb = ContactVerb::SendBroadcast {
        msgid: msgid.clone(),
        userid: userid.clone(),
    };
    firm.sim.act(verb).unwrap();
    let client = firm.app().wecom().unwrap();
    let told = client.broadcast_results(&msgid, &userid).all();
    let told = firm.runtime().block_on(told).unwrap();
    told.iter().filter(|result| result.status == 1).count() as u64
}

fn account(firm: &Firm, id: BroadcastId) -> queries::Account {
    firm.app().read(|r| queries::account(r, id)).unwrap()
}
