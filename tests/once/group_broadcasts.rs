//! Broadcasts to customer groups reach exactly those that are written down, once, from their
//! owners, whatever fails and whoever stops them.

use std::collections::{BTreeMap, BTreeSet};

use qitai::{
    customers::{self, Group, GroupId},
    identity::{Permission, Viewer},
    kit::PageRequest,
    org,
    outreach::{
        broadcasts::{
            Audience, BroadcastId, BroadcastState, GroupChoice, Preview, Task, TaskState, audience,
            groups::{self, GroupPick},
            queries,
        },
        touches::{Limits, TouchState, Why},
    },
    wecom::sim::{ContactVerb, Fault},
    work::effects::EffectId,
};

use super::{
    Firm,
    broadcasts::{Wish, allow, begin_to, free, handed_out, state, stop, there, until, write},
    effects::{Bench, everything},
};

fn of(listed: Option<Vec<GroupId>>) -> Audience {
    Audience {
        groups: Some(GroupChoice { listed }),
        ..Audience::default()
    }
}

fn picks(firm: &Firm, audience: &Audience) -> Vec<GroupPick> {
    let app = firm.app();
    app.read(|r| {
        let viewer = Viewer::system("test");
        let sight = app.sight(r, &viewer, Permission::BroadcastSend).unwrap();
        groups::pick(r, &sight, audience).unwrap()
    })
}

fn preview(firm: &Firm, audience: &Audience) -> Preview {
    let app = firm.app();
    app.read(|r| {
        let viewer = Viewer::system("test");
        let sight = app.sight(r, &viewer, Permission::BroadcastSend).unwrap();
        audience::preview(r, &app.people, &sight, audience, firm.clock.now()).unwrap()
    })
}

/// The groups of the owner who has most.
fn of_one_owner(firm: &Firm) -> Vec<GroupId> {
    let mut by_owner: BTreeMap<_, Vec<GroupId>> = BTreeMap::new();
    for pick in picks(firm, &of(None)) {
        if pick.why.is_none() {
            by_owner.entry(pick.owner).or_default().push(pick.group);
        }
    }
    by_owner.into_values().max_by_key(Vec::len).unwrap()
}

fn tasks(firm: &Firm, id: BroadcastId) -> Vec<Task> {
    firm.app().read(|r| queries::tasks(r, id)).unwrap()
}

fn all_out(firm: &Firm, id: BroadcastId) -> Vec<Task> {
    until(firm, "all tasks are out", || {
        let tasks = tasks(firm, id);
        let is_out = !tasks.is_empty() && tasks.iter().all(|t| t.state == TaskState::Out);
        is_out.then_some(tasks)
    })
}

fn userid(firm: &Firm, task: &Task) -> String {
    let member = firm.app().read(|r| r.get::<org::Member>(&task.member));
    member.unwrap().unwrap().userid
}

fn owner_sends(firm: &Firm, task: &Task) {
    let verb = ContactVerb::SendBroadcast {
        msgid: task.msgid.clone(),
        userid: userid(firm, task),
    };
    firm.sim.act(verb).unwrap();
}

fn over(firm: &Firm, id: BroadcastId) -> BroadcastState {
    until(firm, "everything is known", || {
        firm.clock.advance_ms(30_000);
        let state = state(firm, id);
        state.is_over().then_some(state)
    })
}

/// Who has it by the ledger and by WeCom's record, member by member.
fn the_ledger_is_wecoms(firm: &Firm, id: BroadcastId) {
    let all = PageRequest {
        limit: Some(200),
        ..PageRequest::default()
    };
    let sent = Some((TouchState::Sent, None));
    let rows = firm.app().read(|r| {
        let viewer = Viewer::system("test");
        let eyes = firm.app().sight(r, &viewer, Permission::GroupRead).unwrap();
        queries::recipients(r, Some(&eyes), id, sent, &all)
    });
    let here: BTreeSet<_> = rows
        .unwrap()
        .items
        .into_iter()
        .map(|row| (row.touch.member.unwrap(), row.group.unwrap().chat_id))
        .collect();
    let client = firm.app().wecom().unwrap();
    let mut told = BTreeSet::new();
    for task in tasks(firm, id).iter().filter(|task| !task.msgid.is_empty()) {
        let userid = userid(firm, task);
        let results = client.broadcast_results(&task.msgid, &userid).all();
        let results = firm.runtime().block_on(results).unwrap();
        let sent = results.into_iter().filter(|result| result.status == 1);
        told.extend(sent.map(|result| (task.member, result.chat_id)));
    }
    assert_eq!(here, told);
}

/// Plans a broadcast to one group. The same calls take it back and remind of it as one to
/// customers, and a group gets one a day of the month at most: those kinds have their cells there.
pub(super) fn plan(bench: &Bench) -> (EffectId, Wish) {
    let groups = of_one_owner(&bench.firm);
    let group = groups[bench.next % groups.len()];
    let text = format!("第{}次发群", bench.next);
    let id = begin_to(&bench.firm, of(Some(vec![group])), &text);
    (handed_out(&bench.firm, id), Wish::Made(id, text))
}

#[test]
fn tasks_for_groups_are_made_once_whatever_fails_and_wherever_it_ends() {
    let mut bench = Bench::start();
    allow(&bench.firm, free());
    bench.to_groups = true;
    everything(&mut bench, &["outreach.broadcast"]);
    assert_eq!(bench.firm.app().store.check().unwrap().found, []);
}

/// Stopped half-way: the groups whose owner sent it have it, no other gets it, and the account
/// says which; what was sent counts against the group's limits afterwards.
#[test]
fn stopped_half_way_the_groups_account_is_exact() {
    let firm = Firm::start(60);
    // Time passes while it is waited for, but never a month.
    let limits = Limits {
        per_month: Some(1),
        ..free()
    };
    allow(&firm, limits);
    let foreseen = preview(&firm, &of(None));
    assert!(foreseen.senders > 2 && foreseen.people > foreseen.reached);
    let id = begin_to(&firm, of(None), "发到所有群");
    let out = all_out(&firm, id);
    assert_eq!(out.len() as u64, foreseen.senders);
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    assert_eq!(account.all.planned, foreseen.reached);
    for (owner, (groups, _)) in &foreseen.owners {
        assert_eq!(account.by_member[owner].planned, *groups);
    }

    owner_sends(&firm, &out[0]);
    stop(&firm, id);
    assert_eq!(over(&firm, id), BroadcastState::Stopped);
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    let of_owner = foreseen.owners[&out[0].member].0;
    assert_eq!(account.all.sent, of_owner);
    assert_eq!(account.all.planned, 0);
    let stopped = foreseen.reached - of_owner;
    assert_eq!(account.why.get(&Why::Stopped), Some(&stopped));
    the_ledger_is_wecoms(&firm, id);

    let again = preview(&firm, &of(None));
    assert_eq!(again.skipped.get(&Why::OverLimit), Some(&of_owner));
    assert_eq!(again.reached, stopped, "what was stopped does not count");
    assert_eq!(firm.app().store.check().unwrap().found, []);
}

/// What the owner does not send into, WeCom does not tell; what WeCom itself holds back is told.
#[test]
fn groups_that_do_not_get_it_are_told() {
    let firm = Firm::start(60);
    allow(&firm, free());
    let cap = "month:1".to_owned();
    firm.sim.act(ContactVerb::SetBroadcastCap { cap }).unwrap();
    let groups = of_one_owner(&firm);
    assert!(groups.len() > 1);
    let id = begin_to(&firm, of(Some(groups.clone())), "先发一次");
    let out = all_out(&firm, id);
    let gone = firm.app().read(|r| r.get::<Group>(&groups[0])).unwrap();
    assert!(firm.sim.disband_group(&gone.unwrap().chat_id));
    owner_sends(&firm, &out[0]);
    assert_eq!(over(&firm, id), BroadcastState::Done);
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    assert_eq!(account.why, BTreeMap::from([(Why::NotSent, 1)]));
    assert_eq!(account.all.sent, groups.len() as u64 - 1);
    the_ledger_is_wecoms(&firm, id);

    let id = begin_to(&firm, of(Some(groups[1..].to_vec())), "再发一次");
    over(&firm, id);
    let account = firm.app().read(|r| queries::account(r, id)).unwrap();
    let all = groups.len() as u64 - 1;
    assert_eq!(account.why, BTreeMap::from([(Why::Unreachable, all)]));
    assert_eq!(there(&firm, "再发一次").len(), 0);
}

/// A group that is gone is meant only by name, and nothing is tried.
#[test]
fn gone_groups_and_those_without_an_owner_are_left_out() {
    let firm = Firm::start(60);
    allow(&firm, free());
    let group = of_one_owner(&firm)[0];
    let all = preview(&firm, &of(None)).reached;
    let chat_id = firm.app().read(|r| r.get::<Group>(&group)).unwrap();
    let chat_id = chat_id.unwrap().chat_id;
    write(&firm, move |w, _| {
        Ok(customers::sync::mark_group_gone(w, &chat_id)?)
    })
    .unwrap();
    assert_eq!(preview(&firm, &of(None)).reached, all - 1);
    let named = preview(&firm, &of(Some(vec![group])));
    assert_eq!(named.skipped, BTreeMap::from([(Why::GroupGone, 1)]));
    assert_eq!(named.left_out, [(group, Why::GroupGone)]);
    let id = begin_to(&firm, of(Some(vec![group])), "没有这个群");
    assert_eq!(over(&firm, id), BroadcastState::Done);
    let missed = firm.app().read(|r| queries::missed(r, id, 10)).unwrap();
    assert_eq!(missed, [], "there is nothing to try again");
}

/// Two broadcasts of the same words to two groups of one owner, one after the other, both answers
/// lost: each finds its own task.
#[test]
fn twins_whose_answers_are_lost_are_told_apart() {
    let firm = Firm::start(60);
    allow(&firm, free());
    let groups = of_one_owner(&firm);
    let call = "externalcontact/add_msg_template";
    let msgids = [groups[0], groups[1]].map(|group| {
        firm.sim.inject(Some(call), 1, Fault::StatusAfter(502));
        let id = begin_to(&firm, of(Some(vec![group])), "一样");
        until(&firm, "its task is out", || {
            let tasks = tasks(&firm, id);
            let is_out = |task: &&Task| task.state == TaskState::Out;
            tasks.iter().find(is_out).map(|task| task.msgid.clone())
        })
    });
    assert_ne!(msgids[0], msgids[1]);
    assert_eq!(there(&firm, "一样").len(), 2);
}
