//! New customers are greeted: by whom, with what, and what is left out.

use qitai::{
    customers,
    identity::Viewer,
    kit::Timestamp,
    livecodes::{self, CodeKind, CodeState, LiveCode},
    outreach::{Content, touches},
    wecom::sim::{CustomerVerb, Fault, Greeted, firm},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use super::assets::{PNG, make};
use crate::support::{TestApp, Visitor};

/// A firm that tells what happens and lets Qitai greet.
fn start(mode: WriteMode) -> TestApp {
    let test = TestApp::with_customers(20);
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Outreach, mode);
    test.app
        .store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
        .unwrap();
    test.hear_events();
    test
}

fn welcome(visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> String {
    let made = visitor.post("/welcome/new", fields);
    assert_eq!(made.status, 303, "{}", made.body);
    made.header("location").to_owned()
}

/// Somebody adds the store's member by a code; what greets them.
fn comes(test: &TestApp, state: &str) -> Greeted {
    let sim = test.sim.as_ref().unwrap();
    let known = sim.greeted().len();
    let add = CustomerVerb::AddCustomer {
        userid: firm::cast().store_staff.to_owned(),
        name: "新客".to_owned(),
        state: state.to_owned(),
        half: false,
    };
    sim.act(add).unwrap();
    test.wait_for("the customer is greeted", || {
        let greeted = sim.greeted();
        (greeted.len() > known).then(|| greeted[known].clone())
    })
}

#[test]
fn the_nearest_message_greets_by_name_and_the_ledger_knows() {
    let test = start(WriteMode::On);
    let admin = test.sign_in("admin");
    let asset = make(
        &admin,
        &[("kind", "image"), ("title", "茶样")],
        "a.png",
        PNG,
    );
    let asset_id = asset.trim_start_matches("/assets/").to_owned();
    let fields = [
        ("name", "全企业"),
        ("text", "{客户}您好，{企业}欢迎您"),
        ("attachment", asset_id.as_str()),
    ];
    let page = welcome(&admin, &fields);
    let greeted = comes(&test, "");
    assert!(greeted.text.starts_with("新客您好，"), "{}", greeted.text);
    assert!(!greeted.text.contains('{') && greeted.attachments == 1);
    let body = test.wait_for("the page knows", || {
        let body = admin.get(&page).body;
        body.contains("已送达").then_some(body)
    });
    assert!(body.contains("送达 1"));
    assert!(admin.get(&asset).body.contains("可发送"));
    // In use: it can be put away, not deleted.
    assert_eq!(admin.post(&format!("{asset}/delete"), &[]).status, 409);
    let away = admin.post(&format!("{asset}/archive"), &[("away", "true")]);
    assert_eq!(away.status, 303);
    assert_eq!(comes(&test, "").attachments, 1, "what uses it goes on");

    test.settle_events();
    let touch = test.wait_for("the ledger has it", || {
        test.app.read(|r| {
            let found = customers::sync::by_external_userid(r, &greeted.external_userid);
            let customer = found.unwrap()?;
            let touches = touches::queries::of_customer(r, customer.id, 10).unwrap();
            touches.into_iter().next()
        })
    });
    assert_eq!(touch.kind, touches::TouchKind::Welcome);

    // The member's own goes before the firm's, a live code's before both.
    let member = test.app.read(|r| {
        let found = qitai::org::queries::member_id_by_userid(r, firm::cast().store_staff);
        found.unwrap().unwrap().to_string()
    });
    let own = [
        ("name", "我的"),
        ("member", &*member),
        ("text", "我来接待您"),
    ];
    let own = welcome(&admin, &own);
    assert_eq!(comes(&test, "").text, "我来接待您");
    let code = live_code(&test, "扫码有礼");
    assert_eq!(comes(&test, &code).text, "扫码有礼");
    assert_eq!(
        admin
            .post(&format!("{own}/pause"), &[("paused", "true")])
            .status,
        303
    );
    assert!(comes(&test, "").text.starts_with("新客您好，"));
}

fn live_code(test: &TestApp, text: &str) -> String {
    let text = text.to_owned();
    let act = Viewer::system("test").change("live_code.save");
    let id = test.app.store.write_blocking(act, move |w| {
        let code = LiveCode {
            id: w.new_id()?,
            kind: CodeKind::Staff,
            name: "展会".to_owned(),
            state: CodeState::Active,
            unit: None,
            channel: None,
            tags: Vec::new(),
            remark_prefix: String::new(),
            welcome: Some(Content {
                text,
                attachments: Vec::new(),
            }),
            expires_at: None,
            created_at: Timestamp::from_s(0),
            created_by: None,
            seats: Vec::new(),
            skip_verify: true,
            schedule: Vec::new(),
            rooms: Vec::new(),
            auto_room: None,
        };
        w.put(&code)?;
        Ok(code.id)
    });
    livecodes::state_of(id.unwrap())
}

#[test]
fn what_cannot_come_along_is_left_out_and_the_words_still_greet() {
    let test = start(WriteMode::On);
    let admin = test.sign_in("admin");
    let sim = test.sim.as_ref().unwrap();
    sim.inject(Some("media/upload"), 1, Fault::Errcode(40006));
    let asset = make(
        &admin,
        &[("kind", "image"), ("title", "茶样")],
        "a.png",
        PNG,
    );
    let fields = [
        ("name", "全企业"),
        ("text", "您好"),
        ("attachment", asset.trim_start_matches("/assets/")),
    ];
    let page = welcome(&admin, &fields);
    let greeted = comes(&test, "");
    assert_eq!((&*greeted.text, greeted.attachments), ("您好", 0));
    test.wait_for("the page says what was left out", || {
        admin
            .get(&page)
            .body
            .contains("没有带上：茶样")
            .then_some(())
    });
    let body = admin.get(&asset).body;
    assert!(body.contains("上传失败") && body.contains("40006") && body.contains("文件太大"));
    // Once it is taken, it comes along again.
    sim.clear_faults();
    assert_eq!(admin.post(&format!("{asset}/retry"), &[]).status, 303);
    assert!(admin.get(&asset).body.contains("可发送"));
    assert_eq!(comes(&test, "").attachments, 1);
}

#[test]
fn a_firm_that_only_rehearses_greets_nobody() {
    let test = start(WriteMode::DryRun);
    let admin = test.sign_in("admin");
    let page = welcome(&admin, &[("name", "全企业"), ("text", "您好")]);
    assert!(admin.get("/welcome").body.contains("演练模式"));
    let sim = test.sim.as_ref().unwrap();
    sim.add_customer(firm::cast().store_staff, "新客");
    test.wait_for("it is recorded", || {
        admin.get(&page).body.contains("演练</span>").then_some(())
    });
    assert_eq!(sim.greeted().len(), 0);
}

#[test]
fn who_decides_in_a_region_greets_its_customers_only() {
    let test = TestApp::with_customers(20);
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let firms = welcome(&admin, &[("name", "全企业的"), ("text", "您好")]);
    let region = test.app.read(|r| {
        let tree = qitai::org::queries::DepartmentTree::load(r).unwrap();
        tree.get(firm::cast().region).unwrap().id.to_string()
    });
    let firm_wide = [("name", "x"), ("text", "您好")];
    assert_eq!(manager.post("/welcome/new", &firm_wide).status, 404);
    let own = [("name", "大区的"), ("text", "您好"), ("unit", &*region)];
    let own = welcome(&manager, &own);
    let list = manager.get("/welcome").body;
    assert!(list.contains("全企业的") && list.contains("大区的"));
    assert_eq!(manager.get(&format!("{firms}/edit")).status, 404);
    assert_eq!(manager.post(&format!("{firms}/delete"), &[]).status, 404);
    assert_eq!(manager.get(&format!("{own}/edit")).status, 200);
    // What is wrong stands at its field, and what was typed stays.
    let long = "茶".repeat(1_400);
    let wrong = [
        ("name", ""),
        ("text", long.as_str()),
        ("unit", &*region),
        ("day1", "0"),
        ("from1", "09:00"),
        ("until1", "18:00"),
    ];
    let refused = manager.post(&format!("{own}/edit"), &wrong);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("id=\"e-name\"") && refused.body.contains("id=\"e-text\""));
    assert!(refused.body.contains(&long) && refused.body.contains("value=\"09:00\""));
    let no_day = [
        ("name", "x"),
        ("text", "y"),
        ("unit", &*region),
        ("from1", "09:00"),
    ];
    let refused = manager.post(&format!("{own}/edit"), &no_day);
    assert!(refused.status == 422 && refused.body.contains("id=\"e-window\""));
}
