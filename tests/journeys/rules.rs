//! Whoever comes by a code is tagged, once; everybody sees the numbers of their own.

use qitai::{
    customers::Relation,
    identity::{Permission, Viewer},
    kit::Id,
    livecodes::{CodeKind, CodeState, LiveCode, LiveCodeId, Seat, state_of},
    org::{self, MemberId},
    outreach::rules::{self, Firing},
    store::Act,
    tags,
    wecom::sim::{CustomerVerb, firm},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use crate::support::{TestApp, Visitor};

const CODE: LiveCodeId = LiveCodeId::from_bits(0x1234_5678);

fn allow(test: &TestApp, mode: WriteMode) {
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Customers, mode);
    test.app
        .store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
        .unwrap();
}

fn member(test: &TestApp, userid: &str) -> MemberId {
    let found = test
        .app
        .read(|r| org::queries::member_id_by_userid(r, userid));
    found.unwrap().unwrap()
}

/// Keeps a code of these members that asks for the first tag; gives the tag's name and id.
fn make_code(test: &TestApp, userids: &[&str]) -> (String, String) {
    let groups = test.app.read(tags::queries::groups).unwrap();
    let tag = groups[0].tags[0].clone();
    let seats = userids.iter().map(|userid| Seat {
        member: member(test, userid),
        weight: 1,
        daily_cap: None,
        is_spare: false,
    });
    let code = LiveCode {
        id: CODE,
        kind: CodeKind::Staff,
        name: "收银台".to_owned(),
        state: CodeState::Active,
        unit: None,
        channel: None,
        tags: vec![tag.id],
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        // The firm's clock stands still in tests.
        created_at: test.sim.as_ref().unwrap().clock().now(),
        created_by: None,
        seats: seats.collect(),
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
    (tag.name, tag.wecom_id)
}

/// Somebody new adds the member by the code.
fn comes(test: &TestApp, userid: &str, name: &str) {
    let sim = test.sim.as_ref().unwrap();
    sim.act(CustomerVerb::AddCustomer {
        userid: userid.to_owned(),
        name: name.to_owned(),
        state: state_of(CODE),
        half: false,
    })
    .unwrap();
}

/// What has fired, newest first.
pub(super) fn firings(test: &TestApp) -> Vec<Firing> {
    test.app.read(|r| {
        let viewer = Viewer::system("test");
        let sight = test
            .app
            .sight(r, &viewer, Permission::CustomerRead)
            .unwrap();
        let all = rules::firings(r, &sight, None).unwrap();
        all.map(Result::unwrap).collect()
    })
}

fn marked(test: &TestApp) -> usize {
    let answered = test.sim.as_ref().unwrap().answered();
    let is_marking = |path: &str| path.ends_with("externalcontact/mark_tag");
    answered.iter().filter(|a| is_marking(&a.path)).count()
}

#[test]
fn a_first_sync_fires_nothing_and_a_scan_tags_once_whatever_is_killed() {
    let test = TestApp::with_customers(40);
    allow(&test, WriteMode::On);
    let cast = firm::cast();
    let (tag, _) = make_code(&test, &[cast.store_staff]);
    test.sync();
    assert_eq!(firings(&test), []);
    test.hear_events();
    for n in 0..12 {
        comes(&test, cast.store_staff, &format!("扫码客{n}"));
    }
    test.wait_for("some have been tagged", || {
        (!firings(&test).is_empty()).then_some(())
    });
    let test = test.kill().start();
    test.hear_events();
    test.settle_events();
    // What came while nobody listened is found by a pass.
    test.sync();
    test.wait_after_crash("everybody is tagged", || {
        let viewer = Viewer::system("test");
        let tagged = test.app.read(|r| {
            let sight = test
                .app
                .sight(r, &viewer, Permission::CustomerRead)
                .unwrap();
            let groups = tags::queries::groups(r).unwrap();
            let tag = groups[0].tags[0].id;
            let relations = r.all::<Relation>(None).unwrap().map(Result::unwrap);
            let own = relations.filter(|x| x.channel == state_of(CODE) && sight.sees(x.member));
            own.filter(|x| x.tags.contains(&tag)).count()
        });
        (tagged == 12).then_some(())
    });
    assert_eq!(firings(&test).len(), 12);
    assert_eq!(marked(&test), 12, "each once");
    let admin = test.sign_in("admin");
    let history = admin.get("/outreach/rules/history").body;
    assert!(history.contains("扫码客3") && history.contains("收银台"));
    assert!(history.contains("已打标签"), "{history}");
    assert!(admin.get("/customers?q=扫码客3").body.contains(&tag));
    // Nothing that is read again fires again.
    test.sync();
    assert_eq!(firings(&test).len(), 12);
    assert_eq!(test.app.store.check().unwrap().found, []);
}

#[test]
fn where_writing_is_off_the_history_says_so_and_nothing_leaves() {
    let test = TestApp::with_customers(20);
    let cast = firm::cast();
    make_code(&test, &[cast.store_staff]);
    test.hear_events();
    comes(&test, cast.store_staff, "单扫码");
    test.wait_for("it is noted", || (!firings(&test).is_empty()).then_some(()));
    let admin = test.sign_in("admin");
    let history = admin.get("/outreach/rules/history").body;
    assert!(history.contains("企业没有允许写入客户资料"), "{history}");
    assert!(admin.get("/outreach/rules").body.contains("规则只会记录"));
    assert_eq!(marked(&test), 0);
}

/// The address of the rule of this name.
fn rule(visitor: &Visitor<'_>, name: &str) -> String {
    let page = visitor.get("/outreach/rules").body;
    let (before, _) = page
        .split_once(&format!(">{name}</a>"))
        .unwrap_or_else(|| panic!("{name} is not there: {page}"));
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    href.split('"').next().unwrap().to_owned()
}

#[test]
fn a_rule_is_made_tried_paused_and_taken_away() {
    let test = TestApp::with_customers(30);
    let cast = firm::cast();
    make_code(&test, &[cast.store_staff]);
    let admin = test.sign_in("admin");
    let page = admin.get("/outreach/rules").body;
    assert!(page.contains("还没有自动规则"), "{page}");
    let tag = test.app.read(tags::queries::groups).unwrap()[0].tags[1].id;
    let (live, tag) = (CODE.to_string(), tag.to_string());
    let mut fields = vec![
        ("name", "收银台来客"),
        ("trigger", "live"),
        ("live", live.as_str()),
        ("is_on", "on"),
    ];
    let refused = admin.post("/outreach/rules/new", &fields);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("至少选一个标签"), "{}", refused.body);
    assert!(refused.body.contains("收银台来客"), "what was typed stays");
    fields.push(("tag", tag.as_str()));
    assert_eq!(admin.post("/outreach/rules/new", &fields).status, 303);
    let here = rule(&admin, "收银台来客");
    assert_eq!(admin.get(&here).status, 200);
    let trial = admin.get(&format!("{here}/trial"));
    assert!(trial.body.contains("没有客户会触发"), "{}", trial.body);
    let before = test.audit_size();
    assert_eq!(
        admin
            .post(&format!("{here}/switch"), &[("to", "off")])
            .status,
        303
    );
    assert_eq!(test.audit_size() - before, 1);
    assert!(admin.get("/outreach/rules").body.contains("已停用"));
    test.hear_events();
    comes(&test, cast.store_staff, "单停用");
    test.wait_for("the code itself fires", || {
        (firings(&test).len() == 1).then_some(())
    });
    test.wait_for("the trial knows", || {
        let page = admin.get(&format!("{here}/trial")).body;
        page.contains("单停用").then_some(())
    });
    assert_eq!(admin.post(&format!("{here}/delete"), &[]).status, 303);
    assert_eq!(admin.get(&here).status, 404);
    let staff = test.sign_in("staff");
    assert_eq!(staff.get("/outreach/rules").status, 403);
}

#[test]
fn a_store_sees_the_numbers_of_its_own_people() {
    let test = TestApp::start();
    let cast = firm::cast();
    let sim = test.sim.as_ref().unwrap();
    let staff_member = member(&test, cast.store_staff);
    // Somebody of another store serves customers too.
    let viewer = Viewer::system("test");
    let (own, foreign) = test.app.read(|r| {
        let directory = test.app.directory.get(r).unwrap();
        let store = directory.member_ids_under(cast.store);
        let foreign = directory
            .members()
            .find(|m| m.serves_customers && m.is_here() && !store.contains(&m.id));
        let _ = viewer.scope(r, Permission::CustomerRead).unwrap();
        (store, foreign.unwrap().userid.clone())
    });
    assert!(own.contains(&staff_member));
    make_code(&test, &[cast.store_staff, &foreign]);
    let before = sim.customers_of(cast.store_staff).len();
    assert!(before > 0);
    test.hear_events();
    for n in 0..3 {
        comes(&test, cast.store_staff, &format!("本店客{n}"));
    }
    for n in 0..2 {
        comes(&test, &foreign, &format!("他店客{n}"));
    }
    let path = format!("/api/v1/live-codes/{CODE}/statistics?range=7d");
    let (admin, staff) = (test.sign_in("admin"), test.sign_in("staff"));
    test.wait_for("all are counted", || {
        let all = admin.get(&path).json();
        (all["total"]["adds"] == 5).then_some(())
    });
    let seen = staff.get(&path).json();
    assert_eq!(seen["total"]["adds"], 3, "{seen}");
    assert_eq!(seen["is_whole"], false);
    assert_eq!(seen["members"].as_array().unwrap().len(), 1);
    let people = format!("/live-codes/{CODE}/people?range=7d");
    assert!(admin.get(&people).body.contains("他店客1"));
    let own = staff.get(&people).body;
    assert!(own.contains("本店客1") && !own.contains("他店客1"), "{own}");
    // A customer who goes is a loss of that day.
    let gone = sim.customers_of(cast.store_staff).last().unwrap().clone();
    sim.act(CustomerVerb::DeleteFollower {
        userid: cast.store_staff.to_owned(),
        external_userid: gone,
    })
    .unwrap();
    let page = admin.get(&format!("/live-codes/{CODE}/statistics?range=7d"));
    assert!(page.body.contains("添加成功") && page.body.contains("数据表"));
    let csv = admin.get(&format!("/live-codes/{CODE}/statistics/export?range=7d"));
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.body.lines().count(), 8, "{}", csv.body);
    let absent: Id<LiveCode> = Id::from_bits(9);
    let path = format!("/api/v1/live-codes/{absent}/statistics");
    assert_eq!(admin.get(&path).status, 404);
    assert_eq!(test.sign_in("compliance").get(&path).status, 403);
}
