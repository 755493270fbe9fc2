//! From an empty folder to a synced pilot department, and what can be wrong on the way.

use qitai::{
    customers, org,
    sync::pilot::Pilot,
    wecom::sim::{Fault, SimHandle, firm},
};

use crate::support::{TestApp, Visitor};

fn account<'a>(sim: &'a SimHandle, agentid: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("corpid", &sim.corpid),
        ("agentid", agentid),
        ("app_secret", &sim.app_secret),
    ]
}

/// The same form with one value replaced.
fn with<'a>(
    mut fields: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    fields.retain(|(n, _)| *n != name);
    fields.push((name, value));
    fields
}

fn step(admin: &Visitor<'_>, path: &str, fields: &[(&str, &str)], next: &str) {
    let answer = admin.post(path, fields);
    assert_eq!(answer.status, 303, "{path}: {}", answer.body);
    assert_eq!(answer.header("location"), next, "{path}");
}

/// How many relations are stored, by whether their member takes part.
fn stored(test: &TestApp) -> (usize, usize) {
    test.app.read(|r| {
        let pilot = Pilot::load(r).unwrap();
        let (mut inside, mut outside) = (0, 0);
        for relation in r.all::<customers::Relation>(None).unwrap() {
            match pilot.has_member(r, relation.unwrap().member).unwrap() {
                true => inside += 1,
                false => outside += 1,
            }
        }
        (inside, outside)
    })
}

#[test]
fn from_nothing_to_a_synced_pilot_department() {
    let test = TestApp::unconnected(60);
    let sim = test.sim.as_ref().unwrap();
    let admin = test.sign_in("admin");
    assert_eq!(admin.get("/setup").header("location"), "/setup/firm");
    step(
        &admin,
        "/setup/firm",
        &[("name", "云岭茶业"), ("address", &test.address)],
        "/setup/preset",
    );
    assert!(admin.get("/setup/preset").body.contains("店长"));
    step(
        &admin,
        "/setup/preset",
        &[("industry", "retail")],
        "/setup/preset",
    );
    let tags = admin.get("/tags").body;
    assert!(tags.contains("会员等级") && tags.contains("仅在企台"));
    step(&admin, "/setup/preset/undo", &[], "/setup/preset");
    assert!(!admin.get("/tags").body.contains("会员等级"));
    step(&admin, "/setup/pass", &[("step", "preset")], "/setup/wecom");
    // Left, and taken up where it was.
    assert_eq!(admin.get("/setup").header("location"), "/setup/wecom");

    let agentid = sim.agentid.to_string();
    let right = account(sim, &agentid);
    let other = "x".repeat(43);
    for (name, value, says) in [
        ("corpid", "ww0123", "企业ID 以 ww 或 wx 开头"),
        ("corpid", "ww0123456789abcdef", "不认识这个企业ID"),
        ("app_secret", other.as_str(), "应用密钥不对"),
        (
            "app_secret",
            sim.contact_secret.as_str(),
            "这是另一个应用（例如客户联系）的密钥",
        ),
        (
            "app_secret",
            sim.sync_secret.as_str(),
            "这是通讯录同步助手的密钥",
        ),
        ("agentid", "1000099", "AgentId 不是这个密钥的应用"),
        ("agentid", "abc", "AgentId 是一串数字"),
    ] {
        let answer = admin.post("/setup/wecom", &with(right.clone(), name, value));
        assert_eq!(answer.status, 422, "{name} {value}");
        assert!(answer.body.contains(says), "{says}: {}", answer.body);
        assert!(!answer.body.contains(&other), "a secret came back");
    }
    assert!(test.app.wecom().is_none(), "nothing wrong was kept");
    step(&admin, "/setup/wecom", &right, "/setup/callback");

    // WeCom checks the address, first with another key.
    let page = admin.get("/setup/callback").body;
    assert!(page.contains("等待企业微信验证"), "{page}");
    let keys = shown_keys(&page);
    let url = format!("{}/wecom/callback", test.address);
    let other_key = "A".repeat(43);
    assert!(test.verify_callback(&url, &keys.0, &other_key).is_err());
    let page = admin.get("/setup/callback").body;
    assert!(page.contains("EncodingAESKey 和这里的不同"), "{page}");
    assert!(test.verify_callback(&url, "othertoken", &keys.1).is_err());
    let page = admin.get("/setup/callback").body;
    assert!(page.contains("Token 和这里的不同"), "{page}");
    test.verify_callback(&url, &keys.0, &keys.1).unwrap();
    let page = admin.get("/setup/callback").body;
    assert!(page.contains("验证通过"), "{page}");
    let form = [
        ("address", test.address.as_str()),
        ("token", keys.0.as_str()),
        ("aes_key", keys.1.as_str()),
    ];
    let short = with(form.to_vec(), "aes_key", "abc");
    let answer = admin.post("/setup/callback", &short);
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("要 43 位，现在是 3 位"),
        "{}",
        answer.body
    );
    step(&admin, "/setup/callback", &form, "/setup/pilot");

    // One region takes part.
    let cast = firm::cast();
    let region = cast.region.to_string();
    assert!(admin.get("/setup/pilot").body.contains("华东区"));
    let answer = admin.post("/setup/pilot", &[("who", "some")]);
    assert_eq!(answer.status, 422);
    step(
        &admin,
        "/setup/pilot",
        &[("who", "some"), ("department", &region)],
        "/setup/sync",
    );
    step(&admin, "/setup/sync", &[], "/setup/sync");
    test.end_latest_sync();
    let (inside, outside) = stored(&test);
    assert!(inside > 0, "the pilot has customers");
    assert_eq!(outside, 0, "nobody outside the pilot has any");
    let everybody = test
        .app
        .read(|r| r.all::<org::Member>(None).unwrap().count());
    assert!(everybody > 20, "the directory is whole: {everybody}");
    step(&admin, "/setup/pass", &[("step", "sync")], "/setup/roles");
    assert!(admin.get("/setup/roles").body.contains("部门负责人"));
    step(&admin, "/setup/pass", &[("step", "roles")], "/setup/done");
    step(&admin, "/setup/done", &[], "/");
    assert!(admin.get("/settings/company").body.contains("云岭茶业"));
}

/// Token and EncodingAESKey as the page shows them.
fn shown_keys(page: &str) -> (String, String) {
    let code = |label: &str| {
        let (_, rest) = page
            .split_once(&format!("<span class=\"t13 ink2\">{label}</span>"))
            .unwrap();
        let (_, rest) = rest.split_once("<code class=\"code wrap\">").unwrap();
        rest.split_once("</code>").unwrap().0.to_owned()
    };
    (code("Token"), code("EncodingAESKey"))
}

#[test]
fn what_happens_outside_the_pilot_is_not_read_until_it_is_widened() {
    let test = TestApp::with_customers(60);
    let sim = test.sim.as_ref().unwrap();
    let admin = test.sign_in("admin");
    let cast = firm::cast();
    let region = cast.region.to_string();
    let narrow = [("who", "some"), ("department", region.as_str())];
    let before = stored(&test).0;

    // A smaller pilot asks what becomes of the rest, and deletes nothing.
    let answer = admin.post("/settings/pilot", &narrow);
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("不会删除"), "{}", answer.body);
    let agreed = [narrow[0], narrow[1], ("agreed", "true")];
    step(&admin, "/settings/pilot", &agreed, "/settings/pilot");
    let (inside, outside) = stored(&test);
    assert!(inside > 0 && outside > 0);
    assert_eq!(inside + outside, before);

    // Somebody outside gets a customer: heard, kept, not read.
    test.hear_events();
    let stranger = outsider(&test);
    let id = sim.add_customer(&stranger, "圈外客户");
    test.settle_events();
    let page = admin.get("/settings/wecom/events?state=outside").body;
    assert!(page.contains("试点外"), "{page}");
    let known = |id: &str| {
        test.app
            .read(|r| customers::sync::by_external_userid(r, id))
            .unwrap()
            .is_some()
    };
    assert!(!known(&id));
    test.sync();
    assert!(!known(&id), "a sync does not read it either");
    assert_eq!(
        stored(&test),
        (inside, outside),
        "what was there is untouched"
    );

    // Somebody inside: read as ever, without the followers outside.
    let shared = sim.add_customer(cast.store_staff, "圈内客户");
    assert!(sim.add_relation(&stranger, &shared));
    test.settle_events();
    assert!(known(&shared));
    assert_eq!(stored(&test), (inside + 1, outside));

    // Widening is one click, and reads what was left out.
    step(&admin, "/settings/pilot", &[("who", "all")], "/org/sync");
    test.end_latest_sync();
    assert!(known(&id));
}

/// Somebody with customers who is not in the region.
fn outsider(test: &TestApp) -> String {
    test.app.read(|r| {
        let pilot = Pilot::load(r).unwrap();
        let mut members = r.all::<org::Member>(None).unwrap().map(Result::unwrap);
        let found = members.find(|m| m.serves_customers && !pilot.has(r, m).unwrap());
        found.expect("somebody outside serves customers").userid
    })
}

#[test]
fn settings_show_secrets_by_their_tail_and_reconnect_at_once() {
    let test = TestApp::unconnected(20);
    let sim = test.sim.as_ref().unwrap();
    let admin = test.sign_in("admin");
    let agentid = sim.agentid.to_string();
    let before = test.audit_size();
    step(
        &admin,
        "/settings/wecom",
        &account(sim, &agentid),
        "/settings/wecom",
    );
    assert_eq!(test.audit_size() - before, 1, "one entry for one change");
    assert!(test.app.wecom().is_some(), "connected without a restart");
    let page = admin.get("/settings/wecom").body;
    let tail = &sim.app_secret[sim.app_secret.len() - 4..];
    assert!(page.contains(&format!("••••{tail}")), "{page}");
    assert!(!page.contains(&sim.app_secret));

    // New keys are good beside the old ones until WeCom uses them.
    step(
        &admin,
        "/settings/wecom",
        &with(account(sim, &agentid), "app_secret", ""),
        "/settings/wecom",
    );
    let old = test
        .app
        .sync
        .link()
        .unwrap()
        .connection
        .callback
        .clone()
        .unwrap();
    step(&admin, "/settings/wecom/rotate", &[], "/settings/wecom");
    let new = test
        .app
        .sync
        .link()
        .unwrap()
        .connection
        .next_callback
        .clone()
        .unwrap();
    let url = format!("{}/wecom/callback", test.address);
    let verify = |keys: &qitai::sync::connection::CallbackKeys| {
        test.verify_callback(&url, keys.token.expose(), keys.aes_key.expose())
    };
    verify(&old).unwrap();
    verify(&new).unwrap();
    assert!(
        verify(&old).is_err(),
        "the old keys ended with the first use of the new"
    );
    verify(&new).unwrap();
    let page = admin.get("/settings/wecom").body;
    assert!(!page.contains(new.aes_key.expose()), "shown no longer");

    // An untrusted address does not keep from saving: it is named, with the address.
    sim.inject(None, 1, Fault::Errcode(60020));
    let answer = admin.post("/settings/wecom/check", &account(sim, &agentid));
    assert_eq!(answer.status, 200);
    sim.clear_faults();
    // Even asking for a token is refused here, so nothing else is known.
    assert!(
        answer.body.contains("127.0.0.1 不在企业可信IP里"),
        "{}",
        answer.body
    );
}

#[test]
fn a_connection_in_the_file_wins_and_says_so() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let page = admin.get("/settings/wecom").body;
    assert!(page.contains("写在配置文件"), "{page}");
    let sim = test.sim.as_ref().unwrap();
    let agentid = sim.agentid.to_string();
    let before = test.audit_size();
    let answer = admin.post("/settings/wecom", &account(sim, &agentid));
    assert_eq!(answer.status, 409);
    assert_eq!(test.audit_size(), before);
}

#[test]
fn a_logo_is_a_picture_and_everybody_sees_it() {
    let test = TestApp::unconnected(20);
    let admin = test.sign_in("admin");
    let here = "/settings/company/logo";
    assert_eq!(admin.get(here).status, 404);
    let script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let refused = admin.upload(here, "logo.png", script);
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("要用 PNG 或 JPEG 图片"),
        "{}",
        refused.body
    );
    let before = test.audit_size();
    let done = admin.upload(here, "logo.png", PIXEL);
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(test.audit_size() - before, 1);
    assert!(test.stranger().get("/login").body.contains(here));
    let logo = test.stranger().get(here);
    assert_eq!(logo.header("content-type"), "image/png");
    assert_eq!(logo.bytes, PIXEL);
    step(
        &admin,
        "/settings/company/logo/remove",
        &[],
        "/settings/company",
    );
    assert_eq!(admin.get(here).status, 404);
}

/// A PNG of one pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x90, 0x0f, 0xd8, 0xf2,
    0x1f, 0x00, 0x03, 0xd8, 0x02, 0x23, 0xc9, 0x16, 0xb7, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
