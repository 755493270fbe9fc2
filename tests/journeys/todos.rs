//! A rule makes a to-do and tells the member; it is done, opened again and handed on, and other
//! departments see nothing of it.

use qitai::{
    identity::{Permission, Viewer},
    livecodes::{CodeKind, CodeState, LiveCode, LiveCodeId, Seat, state_of},
    org::{self, Member},
    outreach::rules::Came,
    store::Act,
    wecom::sim::{CustomerVerb, firm},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};
use serde_json::Value;

use super::rules::firings;
use crate::support::{TestApp, Visitor};

const CODE: LiveCodeId = LiveCodeId::from_bits(0x70d0);

fn allow_messages(test: &TestApp) {
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Messages, WriteMode::On);
    test.app
        .store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
        .unwrap();
}

/// A code of this member.
fn make_code(test: &TestApp, userid: &str) {
    let member = test
        .app
        .read(|r| org::queries::member_id_by_userid(r, userid));
    let code = LiveCode {
        id: CODE,
        kind: CodeKind::Staff,
        name: "茶博会".to_owned(),
        state: CodeState::Active,
        unit: None,
        channel: None,
        tags: Vec::new(),
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        created_at: test.sim.as_ref().unwrap().clock().now(),
        created_by: None,
        seats: vec![Seat {
            member: member.unwrap().unwrap(),
            weight: 1,
            daily_cap: None,
            is_spare: false,
        }],
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    };
    let act = Act::by_system("test.code", "test");
    test.app
        .store
        .write_blocking(act, move |w| Ok(w.put(&code)?))
        .unwrap();
}

fn todos(visitor: &Visitor<'_>, query: &str) -> Vec<Value> {
    let answer = visitor.get(&format!("/api/v1/todos?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["items"].as_array().unwrap().clone()
}

/// Somebody of another store.
fn foreigner(test: &TestApp) -> Member {
    test.app.read(|r| {
        let directory = test.app.directory.get(r).unwrap();
        let store = directory.member_ids_under(firm::cast().store);
        let found = directory
            .members()
            .find(|m| m.is_here() && m.serves_customers && !store.contains(&m.id));
        found.unwrap().clone()
    })
}

#[test]
fn a_scan_makes_a_todo_and_tells_the_member_once() {
    let test = TestApp::with_customers(40);
    allow_messages(&test);
    let cast = firm::cast();
    make_code(&test, cast.store_staff);
    let admin = test.sign_in("admin");
    let code = CODE.to_string();
    let fields = [
        ("name", "茶博会来客"),
        ("trigger", "live"),
        ("live", code.as_str()),
        ("todo", "给{客户}寄茶样"),
        ("todo_days", "3"),
        ("message", "{客户}刚从{活码}来"),
        ("is_on", "on"),
    ];
    let kept = admin.post("/outreach/rules/new", &fields);
    assert_eq!(kept.status, 303, "{}", kept.body);
    let sim = test.sim.as_ref().unwrap();
    test.hear_events();
    let before = sim.messages_of(cast.store_staff).len();
    // WeCom's clock stands still in tests: the customer comes after the rule was kept.
    sim.clock().advance_ms(600_000);
    sim.act(CustomerVerb::AddCustomer {
        userid: cast.store_staff.to_owned(),
        name: "单来客".to_owned(),
        state: state_of(CODE),
        half: false,
    })
    .unwrap();

    let fired = test.wait_for("the rule fires", || firings(&test).pop());
    assert!(matches!(fired.todo, Some(Came::Made(_))), "{fired:?}");
    let staff = test.sign_in("staff");
    let todo = test.wait_for("the to-do is there", || {
        todos(&staff, "").into_iter().next()
    });
    assert_eq!(todo["words"], "给单来客寄茶样");
    assert_eq!(todo["source"], "rule");
    assert_eq!(todo["customer_name"], "单来客");
    let message = test.wait_for("the member is told", || {
        sim.messages_of(cast.store_staff).into_iter().next()
    });
    let text = message.content["content"].as_str().unwrap();
    assert!(text.contains("单来客刚从茶博会来"), "{text}");

    // Read again by a pass and after a restart, it makes nothing new.
    test.sync();
    test.settle_events();
    drop((admin, staff));
    let test = test.kill().start();
    test.hear_events();
    test.sync();
    let sim = test.sim.as_ref().unwrap();
    assert_eq!(sim.messages_of(cast.store_staff).len(), before + 1);
    let (admin, staff) = (test.sign_in("admin"), test.sign_in("staff"));
    assert_eq!(todos(&admin, "who=all").len(), 1);

    // Both pages show it, and the history says what came of it.
    let id = todo["id"].as_str().unwrap();
    let customer = todo["customer"].as_str().unwrap();
    assert!(staff.get("/todo").body.contains("给单来客寄茶样"));
    let profile = staff.get(&format!("/customers/{customer}")).body;
    assert!(profile.contains("给单来客寄茶样"), "{profile}");
    assert!(profile.contains("· 茶博会"), "the code's name: {profile}");
    let history = admin.get("/outreach/rules/history").body;
    assert!(history.contains("已建待办") && history.contains("已通知员工"));

    // Done and opened again: one entry each.
    let audited = |path: String| {
        let before = test.audit_size();
        assert_eq!(staff.post(&path, &[]).status, 303);
        assert_eq!(test.audit_size() - before, 1, "{path}");
    };
    audited(format!("/todo/{id}/finish"));
    assert!(todos(&staff, "").is_empty());
    assert_eq!(todos(&staff, "state=done").len(), 1);
    audited(format!("/todo/{id}/reopen"));
    assert_eq!(todos(&staff, "").len(), 1);

    // A super admin hands it to another store: it is gone from this one, and with it the name.
    let other = foreigner(&test).id.to_string();
    let member = [("member", other.as_str())];
    let here = format!("/todo/{id}");
    assert_eq!(staff.post(&format!("{here}/hand"), &member).status, 404);
    assert_eq!(admin.post(&format!("{here}/hand"), &member).status, 303);
    assert!(todos(&staff, "who=all").is_empty());
    assert_eq!(staff.get(&here).status, 404);
    assert_eq!(staff.post(&format!("{here}/finish"), &[]).status, 404);
    let officer = test.sign_in("compliance");
    assert_eq!(officer.get("/todo").status, 403);
    assert_eq!(test.app.store.check().unwrap().found, []);
}

#[test]
fn a_todo_is_made_by_hand_and_a_refused_form_keeps_what_was_typed() {
    let test = TestApp::start();
    let staff = test.sign_in("staff");
    assert!(staff.get("/todo").body.contains("没有待办"));
    let own = test.app.read(|r| {
        let found = org::queries::member_id_by_userid(r, firm::cast().store_staff);
        found.unwrap().unwrap().to_string()
    });
    let list = staff.get("/api/v1/customers?limit=1").json();
    let (customer, number) = (
        list["items"][0]["id"].as_str().unwrap().to_owned(),
        list["items"][0]["no"].as_str().unwrap().to_owned(),
    );
    let back = format!("/customers/{customer}");
    let mut fields = vec![
        ("words", "周五回电话"),
        ("due", "2020-01-01"),
        ("member", own.as_str()),
        ("customer", number.as_str()),
        ("back", back.as_str()),
    ];
    let refused = staff.post("/todo", &fields);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("今天或以后"), "{}", refused.body);
    assert!(refused.body.contains("周五回电话"), "what was typed stays");
    fields[1].1 = "";
    let made = staff.post("/todo", &fields);
    assert_eq!((made.status, made.header("location")), (303, back.as_str()));
    assert!(staff.get(&back).body.contains("周五回电话"));
    // Whose it is and whom it is about lie in scope, or it is not made.
    let other = foreigner(&test).id.to_string();
    fields[2].1 = &other;
    let foreign = staff.post("/todo", &fields);
    assert_eq!(foreign.status, 422);
    assert!(
        foreign.body.contains("可见范围内的成员"),
        "{}",
        foreign.body
    );
    fields[2].1 = &own;
    fields[3].1 = "KH-999999";
    assert_eq!(staff.post("/todo", &fields).status, 422);
    let viewer = Viewer::system("test");
    let all = test.app.read(|r| {
        let sight = test.app.sight(r, &viewer, Permission::CustomerRead);
        let asked = qitai::todos::queries::Asked {
            of: None,
            is_done: false,
        };
        qitai::todos::queries::count(r, &sight.unwrap(), &asked).unwrap()
    });
    assert_eq!(all, 1);
}
