//! A broadcast from the form to the account of it: preview, the second person, the members,
//! the stop; and nobody outside the sender's scope.

use std::collections::BTreeSet;

use qitai::{
    identity::Viewer,
    wecom::sim::{ContactVerb, firm},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use crate::support::{Answer, TestApp, Visitor};

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

/// No limits but this threshold.
fn limits(admin: &Visitor<'_>, approve_above: &str) {
    let fields = [("approve_above", approve_above)];
    let saved = admin.post("/broadcasts/limits", &fields);
    assert_eq!(saved.status, 303, "{}", saved.body);
}

/// Writes a draft; its address.
fn draft(visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> String {
    let made = visitor.post("/broadcasts/new", fields);
    assert_eq!(made.status, 303, "{}", made.body);
    made.header("location").to_owned()
}

fn api(page: &str) -> String {
    format!("/api/v1{page}")
}

fn in_state(test: &TestApp, visitor: &Visitor<'_>, page: &str, state: &str) -> serde_json::Value {
    test.wait_for(state, || {
        test.app.outreach.broadcasts.wake.notify_one();
        test.app.effects.notify_one();
        let json = visitor.get(&api(page)).json();
        (json["state"] == state).then_some(json)
    })
}

fn ids(answer: &Answer, field: &str) -> BTreeSet<String> {
    let json = answer.json();
    let items = json["items"].as_array().unwrap().iter();
    items
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_department_admin_reaches_their_own_and_a_second_person_lets_it_go() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    limits(&admin, "1");
    let page = draft(
        &manager,
        &[("name", "秋茶到店"), ("text", "秋茶到店，欢迎来坐")],
    );
    let preview = manager.get(&page).body;
    assert!(preview.contains("秋茶到店，欢迎来坐"));
    assert!(preview.contains("可以批准的同事"));
    assert_eq!(admin.get(&page).status, 200);
    assert_eq!(
        test.sign_in("staff").get(&page).status,
        404,
        "a draft is its maker's"
    );
    assert_eq!(manager.post(&format!("{page}/send"), &[]).status, 303);

    let waiting = in_state(&test, &manager, &page, "waiting");
    let planned = waiting["planned"].as_u64().unwrap();
    assert!(
        preview.contains(&format!("发送给 {planned} 位客户")),
        "{preview}"
    );
    let reached = manager.get(&format!("{}/recipients?limit=200", api(&page)));
    let mine = manager.get("/api/v1/customers?limit=200");
    assert!(ids(&reached, "customer").is_subset(&ids(&mine, "id")));
    let all = admin.get("/api/v1/customers?limit=200");
    assert!(ids(&reached, "customer").len() < ids(&all, "id").len());

    let asked = "href=\"/broadcasts?view=active\"";
    assert!(admin.get("/").body.contains(asked) && !manager.get("/").body.contains(asked));
    let own = manager.post(&format!("{page}/decide"), &[("verdict", "grant")]);
    assert_eq!(own.status, 409, "nobody approves their own");
    assert_eq!(
        admin
            .post(
                &format!("{page}/decide"),
                &[("verdict", "grant"), ("note", "可以")]
            )
            .status,
        303
    );
    in_state(&test, &manager, &page, "running");
    assert!(!admin.get("/").body.contains(asked));
    let body = manager.get(&page).body;
    assert!(body.contains("可以"));
    assert_eq!(manager.post(&format!("{page}/stop"), &[]).status, 303);
    let stopped = in_state(&test, &manager, &page, "stopped");
    assert_eq!(stopped["planned"], 0);
    assert_eq!(stopped["failed"].as_u64(), Some(planned));
    assert!(manager.get(&page).body.contains("发出前已停止"));

    // For those who did not get it there is a new draft.
    let again = manager.post(&format!("{page}/again"), &[]);
    let again = again.header("location").to_owned();
    assert!(
        manager
            .get(&again)
            .body
            .contains(&format!("发送给 {planned} 位客户"))
    );
}

#[test]
fn who_confirms_is_seen_and_who_opted_out_is_left_out() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let (admin, staff) = (test.sign_in("admin"), test.sign_in("staff"));
    limits(&admin, "");
    let sim = test.sim.as_ref().unwrap();
    sim.act(ContactVerb::SetDispatchTime { seconds: 0 })
        .unwrap();
    let external = sim.customers_of(firm::cast().store_staff)[0].clone();
    let customer = test.app.read(|r| {
        let found = qitai::customers::sync::by_external_userid(r, &external);
        found.unwrap().unwrap()
    });
    let ledger = format!("/customers/{}?tab=touches", customer.id);
    let out = format!("/broadcasts/opt-outs/{}", customer.id);
    assert_eq!(staff.post(&out, &[("kind", "complaint")]).status, 303);
    assert!(
        !staff.get(&ledger).body.contains("客户投诉："),
        "a reason is wanted"
    );
    let fields = [("kind", "complaint"), ("reason", "说太多了")];
    assert_eq!(staff.post(&out, &fields).status, 303);
    assert!(staff.get(&ledger).body.contains("说太多了"));

    let number = qitai::customers::customer_no(customer.no);
    let fields = [("text", "您好"), ("listed", number.as_str())];
    let page = draft(&admin, &fields);
    assert!(admin.get(&page).body.contains("客户已拒收"));
    assert_eq!(admin.post(&format!("{page}/discard"), &[]).status, 303);
    assert_eq!(admin.get(&page).status, 404);
    assert_eq!(staff.post(&format!("{out}/lift"), &[]).status, 303);

    let page = draft(&admin, &fields);
    assert_eq!(admin.post(&format!("{page}/send"), &[]).status, 303);
    in_state(&test, &admin, &page, "running");
    test.wait_for("the member has it", || {
        let id = page.rsplit('/').next().unwrap().parse().unwrap();
        let tasks = test
            .app
            .read(|r| qitai::outreach::broadcasts::queries::tasks(r, id));
        let task = tasks.unwrap().into_iter().next()?;
        let userid = test.app.read(|r| {
            let member = r.get::<qitai::org::Member>(&task.member).unwrap();
            member.unwrap().userid
        });
        let msgid = task.msgid.clone();
        let verb = ContactVerb::SendBroadcast { msgid, userid };
        sim.act(verb).ok()
    });
    let done = in_state(&test, &admin, &page, "done");
    assert_eq!(
        (done["sent"].as_u64(), done["failed"].as_u64()),
        (Some(1), Some(0))
    );
    let link = format!("href=\"{page}\"");
    assert!(staff.get(&ledger).body.contains("已收到"));
    let body = admin.get(&ledger).body;
    assert!(body.contains("已收到") && body.contains(&link), "{body}");
    let file = admin.post(&format!("{page}/export"), &[("format", "csv")]);
    assert_eq!(file.status, 200);
    assert!(file.body.contains(&number) && file.body.contains("已收到"));

    let form = admin.get("/broadcasts/new").body;
    assert!(
        form.contains("可用变量：{员工} {企业}") && form.contains("/assets/preview?as=broadcast")
    );
    let text = [("text", "{客户}，我是{员工}，{不存在}")];
    let shown = admin.post("/assets/preview?as=broadcast", &text).body;
    assert!(shown.contains("{客户}，我是陈雨，{不存在}"), "{shown}");
    assert!(shown.contains("{客户} {不存在} 不是这里可用的变量"));
    let odd = [("text", "您好 {客户}"), ("listed", "没有这个人")];
    let refused = admin.post("/broadcasts/new", &odd);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("您好 {客户}"), "what was typed stays");
}
