//! A broadcast to customer groups from the form to the account of it: the owners' groups in
//! scope, the second person, a stop half-way, and the ledger beside WeCom's own record.

use std::collections::BTreeSet;

use qitai::{
    identity::Viewer,
    outreach::broadcasts::{BroadcastId, Task, TaskState, queries},
    wecom::sim::ContactVerb,
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};
use serde_json::Value;

use crate::support::{TestApp, Visitor};

fn allow(test: &TestApp) {
    let sim = test.sim.as_ref().unwrap();
    // Its clock stands still.
    sim.act(ContactVerb::SetDispatchTime { seconds: 0 })
        .unwrap();
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Outreach, WriteMode::On);
    test.app
        .store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
        .unwrap();
}

fn in_state(test: &TestApp, visitor: &Visitor<'_>, page: &str, state: &str) -> Value {
    test.wait_for(state, || {
        test.app.outreach.broadcasts.wake.notify_one();
        test.app.effects.notify_one();
        let json = visitor.get(&format!("/api/v1{page}")).json();
        (json["state"] == state).then_some(json)
    })
}

fn items(visitor: &Visitor<'_>, address: &str) -> Vec<Value> {
    let answer = visitor.get(address);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["items"].as_array().unwrap().clone()
}

fn texts(items: &[Value], field: &str) -> BTreeSet<String> {
    let texts = items.iter().map(|item| item[field].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

fn tasks(test: &TestApp, id: BroadcastId) -> Vec<Task> {
    test.app.read(|r| queries::tasks(r, id)).unwrap()
}

fn userid(test: &TestApp, task: &Task) -> String {
    let member = test
        .app
        .read(|r| r.get::<qitai::org::Member>(&task.member))
        .unwrap();
    member.unwrap().userid
}

/// The chat_ids that have it by WeCom's record.
fn told_by_wecom(test: &TestApp, id: BroadcastId) -> BTreeSet<String> {
    let client = test.app.wecom().unwrap();
    let mut told = BTreeSet::new();
    for task in tasks(test, id) {
        let userid = userid(test, &task);
        let results = client.broadcast_results(&task.msgid, &userid).all();
        let results = test.block_on(results).unwrap();
        let sent = results.into_iter().filter(|result| result.status == 1);
        told.extend(sent.map(|result| result.chat_id));
    }
    told
}

fn chat_ids(test: &TestApp, groups: &BTreeSet<String>) -> BTreeSet<String> {
    let chat_id = |id: &String| {
        let id = id.parse().unwrap();
        let group = test.app.read(|r| r.get::<qitai::customers::Group>(&id));
        group.unwrap().unwrap().chat_id
    };
    groups.iter().map(chat_id).collect()
}

#[test]
fn owners_send_to_their_groups_and_a_stop_half_way_is_told_exactly() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let saved = admin.post(
        "/broadcasts/limits",
        &[("per_day", "1"), ("approve_above", "1")],
    );
    assert_eq!(saved.status, 303, "{}", saved.body);
    let form = manager.get("/broadcasts/new?to=groups").body;
    assert!(form.contains("value=\"groups\" checked"), "{form}");

    // All groups in the manager's scope, and no others.
    let mine = items(&manager, "/api/v1/groups?limit=200");
    let all = items(&admin, "/api/v1/groups?limit=200");
    assert!(mine.len() < all.len() && mine.len() > 1);
    let fields = [
        ("to", "groups"),
        ("name", "周末茶会"),
        ("text", "周六下午三点开始，欢迎来坐"),
    ];
    let made = manager.post("/broadcasts/new", &fields);
    assert_eq!(made.status, 303, "{}", made.body);
    let page = made.header("location").to_owned();
    let id: BroadcastId = page.rsplit('/').next().unwrap().parse().unwrap();
    let preview = manager.get(&page).body;
    assert!(preview.contains("名群主确认发送"), "{preview}");
    assert!(preview.contains("可以批准的同事"), "people inside count");

    assert_eq!(manager.post(&format!("{page}/send"), &[]).status, 303);
    let waiting = in_state(&test, &manager, &page, "waiting");
    assert_eq!(waiting["target"], "groups");
    let planned = waiting["planned"].as_u64().unwrap();
    assert!(preview.contains(&format!("发送到 {planned} 个群")));
    let recipients = format!("/api/v1{page}/recipients?limit=200");
    let reached = items(&manager, &format!("{recipients}&outcome=planned"));
    assert_eq!(reached.len() as u64, planned);
    assert!(texts(&reached, "group").is_subset(&texts(&mine, "id")));
    assert!(reached.iter().all(|row| row["customer"].is_null()));
    let own = manager.post(&format!("{page}/decide"), &[("verdict", "grant")]);
    assert_eq!(own.status, 409, "nobody approves their own");
    let granted = admin.post(&format!("{page}/decide"), &[("verdict", "grant")]);
    assert_eq!(granted.status, 303);
    in_state(&test, &manager, &page, "running");
    let out = test.wait_for("every owner has the task", || {
        test.app.effects.notify_one();
        let tasks = tasks(&test, id);
        tasks
            .iter()
            .all(|task| task.state == TaskState::Out)
            .then_some(tasks)
    });
    assert_eq!(waiting["senders"].as_u64(), Some(out.len() as u64));
    assert!(out.len() > 1);

    // One owner sends; the others are reminded, and then it is stopped.
    let sim = test.sim.as_ref().unwrap();
    let verb = ContactVerb::SendBroadcast {
        msgid: out[0].msgid.clone(),
        userid: userid(&test, &out[0]),
    };
    sim.act(verb).unwrap();
    assert_eq!(manager.post(&format!("{page}/remind"), &[]).status, 303);
    assert_eq!(manager.post(&format!("{page}/stop"), &[]).status, 303);
    let stopped = in_state(&test, &manager, &page, "stopped");
    assert_eq!(stopped["planned"], 0);
    let (sent, failed) = (&stopped["sent"], &stopped["failed"]);
    let (sent, failed) = (sent.as_u64().unwrap(), failed.as_u64().unwrap());
    assert!(sent > 0 && failed > 0 && sent + failed == planned);

    // The ledger is WeCom's record, row by row.
    let received = items(&manager, &format!("{recipients}&outcome=sent"));
    assert_eq!(received.len() as u64, sent);
    let member = out[0].member.to_string();
    assert!(received.iter().all(|row| row["member"] == member.as_str()));
    let here = chat_ids(&test, &texts(&received, "group"));
    assert_eq!(here, told_by_wecom(&test, id));
    let lost = items(&manager, &format!("{recipients}&outcome=stopped"));
    assert_eq!(lost.len() as u64, failed);
    let shown = manager.get(&page).body;
    assert!(shown.contains("发出前已停止") && shown.contains(&format!("{sent} 个群")));

    let file = admin.post(&format!("{page}/export"), &[("format", "csv")]);
    assert_eq!(file.status, 200);
    let lines = file.body.lines().count() as u64;
    let skipped = stopped["skipped"].as_u64().unwrap();
    assert_eq!(lines, 1 + planned + skipped);
    assert!(file.body.contains(received[0]["name"].as_str().unwrap()));

    // The group's own page tells of it, and another to the same groups leaves out who had it.
    let group = received[0]["group"].as_str().unwrap();
    let of_group = manager.get(&format!("/groups/{group}")).body;
    assert!(of_group.contains("客户群群发") && of_group.contains("已收到"));
    let second = manager.post("/broadcasts/new", &fields);
    let second = manager.get(second.header("location")).body;
    assert!(second.contains("超过频率限制"), "{second}");
    assert!(second.contains(&format!("发送到 {failed} 个群")));

    // For those that did not get it there is a new draft.
    let again = manager.post(&format!("{page}/again"), &[]);
    let again = manager.get(again.header("location")).body;
    assert!(again.contains(&format!("发送到 {failed} 个群")), "{again}");
}

#[test]
fn groups_are_chosen_by_name_owner_tick_and_list() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let all = items(&admin, "/api/v1/groups?limit=200");
    let able: Vec<&Value> = all.iter().filter(|g| g["state"] == "normal").collect();
    let reached = |fields: &[(&str, &str)]| {
        let mut whole = vec![("to", "groups"), ("text", "您好")];
        whole.extend_from_slice(fields);
        let made = admin.post("/broadcasts/new", &whole);
        assert_eq!(made.status, 303, "{}", made.body);
        let page = made.header("location").to_owned();
        let body = admin.get(&page).body;
        let (_, behind) = body.split_once("将发到 ").expect("a preview");
        let n = behind.split_once(' ').unwrap().0.replace(',', "");
        (n.parse::<usize>().unwrap(), page)
    };
    let name = able[0]["name"].as_str().unwrap();
    let named = |g: &&&Value| g["name"].as_str().unwrap().contains(name);
    let (n, _) = reached(&[("group_name", name)]);
    assert_eq!(n, able.iter().filter(named).count());
    let owner = able[0]["owner"].as_str().unwrap();
    let owned = |g: &&&Value| g["owner"] == owner;
    let (n, _) = reached(&[("owner", owner)]);
    assert_eq!(n, able.iter().filter(owned).count());

    let ticked = able[0]["id"].as_str().unwrap();
    let other = able[1]["id"].as_str().unwrap();
    let chat_id = chat_ids(&test, &BTreeSet::from([other.to_owned()]));
    let chat_id = chat_id.into_iter().next().unwrap();
    let (n, page) = reached(&[("group", ticked), ("groups", &chat_id)]);
    assert_eq!(n, 2);
    let form = admin.get(&format!("{page}/edit")).body;
    for id in [ticked, other] {
        assert!(form.contains(&format!("value=\"{id}\" checked")), "{id}");
    }

    let odd = [("to", "groups"), ("text", "您好"), ("groups", "没有这个群")];
    let refused = admin.post("/broadcasts/new", &odd);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("「没有这个群」"), "what is wrong");
    assert!(refused.body.contains("value=\"groups\" checked"));

    // A group of somebody else is not there for whoever sees one department alone.
    let own = items(&manager, "/api/v1/groups?limit=200");
    let foreign = texts(&all, "id");
    let foreign = foreign.difference(&texts(&own, "id")).next().cloned();
    let foreign = foreign.unwrap();
    let fields = [("to", "groups"), ("text", "您好"), ("group", &foreign)];
    let made = manager.post("/broadcasts/new", &fields);
    let shown = manager.get(made.header("location")).body;
    assert!(shown.contains("将发到 0 个群"), "{shown}");
}
