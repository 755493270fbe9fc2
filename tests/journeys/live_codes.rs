//! Live codes, from the form to the customer who scans.

use std::collections::BTreeMap;

use qitai::{
    customers::{self, queries::GroupFilter},
    identity::{Permission, Viewer},
    kit::Timestamp,
    livecodes::{self, Given, LiveCode, LiveCodeId, Scan, Target, Way},
    wecom::sim::{CodeVerb, firm},
};

use crate::support::{TestApp, Visitor};

fn start() -> TestApp {
    let test = TestApp::with_customers(60);
    let admin = test.sign_in("admin");
    let on = [("outreach", "on")];
    assert_eq!(admin.post("/settings/wecom/writing", &on).status, 303);
    test
}

/// Names of members who can be put on a code.
fn names(test: &TestApp, userids: &[&str]) -> Vec<String> {
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let name = |userid: &&str| directory.by_userid(userid).unwrap().name.clone();
    userids.iter().map(name).collect()
}

/// Members with customers: WeCom lets them have codes.
fn sellers(test: &TestApp) -> Vec<String> {
    let sim = test.sim.as_ref().unwrap();
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let able = |m: &&qitai::org::Member| {
        let is_alone = directory.named(&m.name).count() == 1;
        m.is_here() && m.serves_customers && is_alone && !sim.customers_of(&m.userid).is_empty()
    };
    let mut members: Vec<_> = directory.members().filter(able).collect();
    members.sort_by_key(|m| m.no);
    members.iter().map(|m| m.name.clone()).collect()
}

/// Posts the form of a staff code; where it led.
fn make(visitor: &Visitor<'_>, name: &str, rows: &[(&str, &str, &str, &str)]) -> String {
    let mut fields = vec![("kind", "staff"), ("name", name), ("skip_verify", "on")];
    for (staff, weight, cap, role) in rows {
        fields.extend([
            ("staff", *staff),
            ("weight", *weight),
            ("cap", *cap),
            ("role", *role),
        ]);
    }
    let answer = visitor.post("/live-codes/new", &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").to_owned()
}

fn id_of(href: &str) -> LiveCodeId {
    href.rsplit('/').next().unwrap().parse().unwrap()
}

/// Waits until all pictures of a code are here; gives its ways.
fn ready(test: &TestApp, code: LiveCodeId) -> Vec<Way> {
    test.wait_for("the pictures are here", || {
        let ways = test
            .app
            .read(|r| livecodes::queries::ways(r, code))
            .unwrap();
        let all = !ways.is_empty() && ways.iter().all(|way| way.picture.is_some());
        all.then_some(ways)
    })
}

fn scans(test: &TestApp, code: LiveCodeId) -> Vec<Scan> {
    test.app.read(|r| {
        let (from, to) = (Timestamp::from_s(0), Timestamp::from_s(1 << 33));
        let scans = livecodes::scans(r, code, from, to).unwrap();
        scans.map(|scan| scan.unwrap()).collect()
    })
}

/// The whole way: a form, WeCom's codes, scans by turns, a new customer with the code's
/// channel, and what remains of a restart.
#[test]
fn a_code_leads_each_scan_to_the_member_whose_turn_it_is() {
    let test = start();
    test.hear_events();
    let admin = test.sign_in("admin");
    let sellers = sellers(&test);
    let rows = [
        (sellers[0].as_str(), "2", "", ""),
        (sellers[1].as_str(), "1", "", ""),
        (sellers[2].as_str(), "1", "", "spare"),
    ];
    let href = make(&admin, "静安店收银台", &rows);
    let code = id_of(&href);
    let stranger = test.stranger();
    let page = stranger.get(&format!("/c/{code}"));
    assert_eq!(page.status, 200, "before WeCom has made anything");
    let ways = ready(&test, code);
    assert_eq!(ways.len(), 4, "three members and the direct one");

    let before = scans(&test, code).len();
    for _ in 0..9 {
        let page = stranger.get(&format!("/c/{code}"));
        assert_eq!(page.status, 200);
        assert!(page.body.contains("长按识别二维码") && !page.body.contains("<script"));
        assert!(page.header("set-cookie").is_empty());
        let src = page.body.split("class=\"code\" src=\"").nth(1).unwrap();
        let src = src.split('"').next().unwrap();
        let picture = stranger.get(src);
        assert!(picture.header("cache-control").contains("immutable"));
        let (plain, _) = src.split_once("?v=").unwrap();
        for other in [plain.to_owned(), format!("{plain}?v=0")] {
            let picture = stranger.get(&other);
            assert_eq!(picture.header("cache-control"), "no-cache");
        }
        assert_eq!(picture.header("content-type"), "image/svg+xml");
        assert!(
            picture
                .header("content-security-policy")
                .contains("sandbox")
        );
    }
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    for scan in &scans(&test, code)[before..] {
        let Some(Given::Member(member)) = scan.given else {
            panic!("{scan:?}");
        };
        let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
        *given.entry(directory.name(member).to_owned()).or_default() += 1;
    }
    let shares = [(sellers[0].clone(), 6), (sellers[1].clone(), 3)];
    assert_eq!(given, shares.into());

    // A preview counts as one, and takes nobody's turn.
    let bot = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(format!("{}/c/{code}", test.address))
        .header("user-agent", "Slackbot-LinkExpanding 1.0");
    assert_eq!(test.block_on(bot.send()).unwrap().status(), 200);
    let head = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .head(format!("{}/c/{code}", test.address));
    assert_eq!(test.block_on(head.send()).unwrap().status(), 200);
    let last = scans(&test, code);
    assert!(
        last[last.len() - 2..]
            .iter()
            .all(|scan| scan.is_bot && scan.given.is_none())
    );

    // The picture leads to the stage; whoever scans it becomes a customer of this channel.
    let way = ways
        .iter()
        .find(|way| matches!(way.target, Target::Member(_)));
    let config_id = way.unwrap().config_id.clone();
    let scan = CodeVerb::ScanContactWay {
        config_id,
        name: "扫码来的人".to_owned(),
        external_userid: String::new(),
        half: false,
    };
    test.sim.as_ref().unwrap().act(scan).unwrap();
    test.settle_events();
    test.settle();
    let found = admin.get("/api/v1/customers?q=扫码来的人").json();
    assert_eq!(found["total"], 1, "{found}");
    let turn = test
        .app
        .read(|r| livecodes::queries::turn(r, code))
        .unwrap();
    assert_eq!(turn.unwrap().shares.iter().map(|s| s.added).sum::<u32>(), 1);

    let direct = admin.get(&format!("{href}/direct"));
    assert_eq!(direct.header("cache-control"), "private, no-store");
    let detail = admin.get(&href).body;
    assert!(detail.contains("静安店收银台") && detail.contains(&sellers[2]));
    let item = admin.get(&format!("/api/v1/live-codes/{code}")).json();
    assert_eq!(item["kind"], "staff");
    assert_eq!(item["landing_url"], format!("{}/c/{code}", test.address));

    let n = scans(&test, code).len();
    let test = test.kill().start();
    assert_eq!(scans(&test, code).len(), n, "every answered scan is there");
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// What a code says when it leads nowhere, and that nobody's cap is passed.
#[test]
fn a_code_that_leads_nowhere_says_why() {
    let test = start();
    let admin = test.sign_in("admin");
    let sellers = sellers(&test);
    let href = make(&admin, "限量", &[(&sellers[0], "1", "2", "")]);
    let code = id_of(&href);
    ready(&test, code);
    let stranger = test.stranger();
    let says = |words: &str| {
        let page = stranger.get(&format!("/c/{code}"));
        assert!(
            page.status == 200 && page.body.contains(words),
            "{}",
            page.body
        );
    };
    let state = format!("{href}/state");
    says("长按识别二维码");
    assert_eq!(admin.post(&state, &[("do", "pause")]).status, 303);
    says("活码已停用");
    assert_eq!(admin.post(&state, &[("do", "resume")]).status, 303);
    says("长按识别二维码");
    for _ in 0..2 {
        says("现在没有人可以接待");
    }
    let given: Vec<_> = scans(&test, code).iter().map(|scan| scan.given).collect();
    let to_member = given.iter().filter(|g| matches!(g, Some(Given::Member(_))));
    assert_eq!(to_member.count(), 2, "the cap");
    assert_eq!(given.last(), Some(&None), "nor does WeCom choose");
    assert_eq!(admin.post(&state, &[("do", "archive")]).status, 303);
    says("活码已结束使用");
    assert_eq!(admin.post(&state, &[("do", "resume")]).status, 409);
    test.wait_for("WeCom has nothing of it any more", || {
        let ways = test
            .app
            .read(|r| livecodes::queries::ways(r, code))
            .unwrap();
        ways.is_empty().then_some(())
    });
    for odd in ["0000000000001", "x", "..%2f..%2fetc", "zzzzzzzzzzzzz"] {
        let page = stranger.get(&format!("/c/{odd}"));
        assert_eq!(page.status, 404, "{odd}");
        assert!(page.header("location").is_empty());
    }
    let page = stranger.get("/c/0000000000001");
    assert!(page.body.contains("没有这个活码"), "{}", page.body);
}

/// Forms that cannot be accepted say so at the field; scripts stay text.
#[test]
fn bad_forms_are_told_field_by_field() {
    let test = start();
    let admin = test.sign_in("admin");
    let post = |fields: &[(&str, &str)]| admin.post("/live-codes/new", fields);
    let long = "长".repeat(31);
    let refused = post(&[
        ("kind", "staff"),
        ("name", &long),
        ("staff", "没有这个人"),
        ("weight", "x"),
        ("expires", "2020-01-01"),
        ("remark_prefix", "<script>alert(1)</script>"),
    ]);
    assert_eq!(refused.status, 422);
    for words in [
        "名称最多 30 个字",
        "备注前缀最多 10 个字",
        "找不到成员「没有这个人」",
        "「没有这个人」的权重和上限要填写数字",
        "有效期要在今天或以后",
    ] {
        assert!(refused.body.contains(words), "{words}");
    }
    assert!(!refused.body.contains("<script>alert"));
    assert_eq!(post(&[("kind", "staff"), ("name", "空")]).status, 422);
    assert_eq!(post(&[("kind", "group"), ("name", "空")]).status, 422);
    assert_eq!(post(&[("kind", "x"), ("name", "空")]).status, 400);
    let seller = &sellers(&test)[0];
    let past = post(&[
        ("kind", "staff"),
        ("name", "过去"),
        ("staff", seller),
        ("weight", "1"),
        ("expires", "2020-01-01"),
    ]);
    assert_eq!(past.status, 422);
    assert!(past.body.contains("有效期要在今天或以后"));
    let script = "<script>alert(1)</script>";
    let href = make(&admin, script, &[(seller, "1", "", "")]);
    for page in [
        admin.get(&href),
        admin.get("/live-codes"),
        admin.get(&format!("{href}/edit")),
    ] {
        assert!(page.status == 200 && !page.body.contains(script));
    }
}

/// Codes of others are not there; who is out of scope cannot be put on one.
#[test]
fn codes_stay_within_their_scope() {
    let test = start();
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let own = names(&test, &[firm::cast().store_staff]);
    let sellers = sellers(&test);
    let href = make(&admin, "总部码", &[(&sellers[0], "1", "", "")]);
    let code = id_of(&href);
    assert_eq!(manager.get(&href).status, 404);
    let list = |visitor: &Visitor<'_>| visitor.get("/api/v1/live-codes").json()["total"].clone();
    assert_eq!((list(&admin), list(&manager)), (1.into(), 0.into()));
    assert_eq!(
        manager
            .post(&format!("{href}/state"), &[("do", "pause")])
            .status,
        404
    );

    // The manager's own, for the region: with people of the region, and nobody else.
    let form = manager.get("/live-codes/new?kind=staff").body;
    let units = form.split("id=\"f-unit\"").nth(1).unwrap();
    let unit = units.split("<option value=\"").nth(1).unwrap();
    let unit = unit.split('"').next().unwrap();
    assert_eq!(unit.len(), 13, "there is no whole firm to choose");
    let with = |staff: &str, unit: &str| {
        let fields = [
            ("kind", "staff"),
            ("name", "区域码"),
            ("unit", unit),
            ("staff", staff),
            ("weight", "1"),
        ];
        manager.post("/live-codes/new", &fields)
    };
    let visible = test.app.read(|r| {
        let viewer = Viewer::system("test");
        let sight = test
            .app
            .sight(r, &viewer, Permission::LiveCodeManage)
            .unwrap();
        let region = sight.directory.tree.get(firm::cast().region).unwrap();
        sight.directory.member_ids_under(region.wecom_id)
    });
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let outsider = sellers.iter().find(|name| {
        let member = directory.named(name).next().unwrap();
        !visible.contains(&member.id)
    });
    let outsider = outsider.expect("somebody sells outside the region");
    assert_eq!(with(outsider, unit).status, 422, "out of sight");
    assert_eq!(with(&own[0], "").status, 422, "the firm's own");
    let made = with(&own[0], unit);
    assert_eq!(made.status, 303, "{}", made.body);
    // Whoever is on a code sees it, but changes nothing.
    let staff = test.sign_in("staff");
    let mine = made.header("location").to_owned();
    assert_eq!(staff.get(&mine).status, 200);
    assert_eq!(staff.get(&format!("{mine}/edit")).status, 403);
    let known = test
        .app
        .read(|r| livecodes::queries::by_id(r, code))
        .unwrap();
    assert!(known.is_some_and(|code: LiveCode| code.unit.is_none()));
}

/// The first group with room is shown, then the next, then a clear word.
#[test]
fn a_group_code_fills_one_group_after_the_other() {
    let test = start();
    let admin = test.sign_in("admin");
    let groups = test.app.read(|r| {
        let viewer = Viewer::system("test");
        let sight = test
            .app
            .sight(r, &viewer, Permission::LiveCodeManage)
            .unwrap();
        customers::queries::groups(r, &sight, &GroupFilter::default()).unwrap()
    });
    let owned: Vec<_> = groups
        .iter()
        .filter(|group| group.owner.is_some())
        .collect();
    let label = |at: usize| format!("#{} x", owned[at].no);
    let people = |at: usize| (owned[at].member_count + owned[at].external_count).to_string();
    let (first, second) = (label(0), label(1));
    let (full, room) = (
        people(0),
        (owned[1].member_count + owned[1].external_count + 1).to_string(),
    );
    let fields = [
        ("kind", "group"),
        ("name", "福利群"),
        ("group", first.as_str()),
        ("threshold", full.as_str()),
        ("group", second.as_str()),
        ("threshold", room.as_str()),
    ];
    let answer = admin.post("/live-codes/new", &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let href = answer.header("location").to_owned();
    let code = id_of(&href);
    let ways = ready(&test, code);
    let stranger = test.stranger();
    let page = stranger.get(&format!("/c/{code}"));
    assert!(page.body.contains("长按识别二维码"), "{}", page.body);
    let given = scans(&test, code)[0].given;
    assert_eq!(given, Some(Given::Group(owned[1].id)), "the first is full");
    assert!(admin.get(&href).body.contains("只剩最后一个群"));
    // One more comes in: both are full.
    let way = ways
        .iter()
        .find(|way| way.target == Target::Group(owned[1].id));
    test.hear_events();
    let scan = CodeVerb::ScanJoinWay {
        config_id: way.unwrap().config_id.clone(),
        name: "进群的人".to_owned(),
        external_userid: String::new(),
    };
    test.sim.as_ref().unwrap().act(scan).unwrap();
    test.settle_events();
    let page = stranger.get(&format!("/c/{code}"));
    assert!(page.body.contains("群已满"), "{}", page.body);
    assert!(admin.get(&href).body.contains("所有群都满了"));
}

/// Channels: a tree of four levels, without circles, deleted only when nothing hangs there.
#[test]
fn channels_are_kept_as_a_tree() {
    let test = start();
    let admin = test.sign_in("admin");
    let at = "/live-codes/channels";
    let ids = |name: &str| {
        let page = admin.get(at).body;
        let (before, _) = page.split_once(&format!("<b>{name}</b>")).unwrap();
        let (_, href) = before.rsplit_once("channel=").unwrap();
        href.split('"').next().unwrap().to_owned()
    };
    let mut parent = String::new();
    for name in ["线下", "门店", "静安", "收银台"] {
        let fields = [("name", name), ("parent", parent.as_str())];
        assert_eq!(admin.post(at, &fields).status, 303, "{name}");
        parent = ids(name);
    }
    let deep = [("name", "第五层"), ("parent", parent.as_str())];
    assert_eq!(admin.post(at, &deep).status, 422);
    assert_eq!(admin.post(at, &[("name", "线下")]).status, 422, "twice");
    let top = ids("线下");
    let change = |id: &str, name: &str, parent: &str| {
        let fields = [("name", name), ("parent", parent)];
        admin.post(&format!("{at}/{id}"), &fields).status
    };
    assert_eq!(change(&top, "线下", &parent), 422, "a circle");
    assert_eq!(change(&top, "线下渠道", ""), 303);
    let delete = |id: &str| admin.post(&format!("{at}/{id}/delete"), &[]).status;
    assert_eq!(delete(&top), 422, "something hangs there");
    assert_eq!(delete(&parent), 303);
}
