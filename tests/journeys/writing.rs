//! Tags and remarks from the page to WeCom and back.

use qitai::{
    identity::Viewer,
    wecom::sim::{Fault, firm},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use crate::support::{TestApp, Visitor};

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

/// The customer's page and the address of one of its forms.
fn form_of(
    visitor: &Visitor<'_>,
    external_userid: &str,
    test: &TestApp,
    end: &str,
) -> (String, String) {
    let id = test.app.read(|r| {
        let found = qitai::customers::sync::by_external_userid(r, external_userid);
        found.unwrap().unwrap().id
    });
    let page = format!("/customers/{id}");
    let body = visitor.get(&page).body;
    let form = body.split("href=\"").find_map(|rest| {
        let href = rest.split('"').next()?;
        (href.starts_with("/customers/relations/") && href.ends_with(end)).then(|| href.to_owned())
    });
    (page, form.expect("the profile offers the form"))
}

#[test]
fn a_remark_goes_to_wecom_and_shows_here_once_wecom_has_it() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    let mine = sim.customers_of(firm::cast().store_staff)[0].clone();
    let staff = test.sign_in("staff");
    let (page, form) = form_of(&staff, &mine, &test, "/remark");
    assert!(
        staff.get(&form).body.contains("没有允许企台"),
        "off says so"
    );
    allow(&test, WriteMode::DryRun);
    let fields = [("remark", "周五回访"), ("description", "喜欢白茶")];
    assert_eq!(staff.post(&form, &fields).status, 303);
    let admin = test.sign_in("admin");
    let outbox = "/settings/wecom/effects";
    let rehearsed = admin.get(&format!("{outbox}?state=rehearsed")).body;
    assert!(
        rehearsed.contains("将会发送") && rehearsed.contains("修改 2 项备注资料"),
        "{rehearsed}"
    );
    let calls = |sim: &qitai::wecom::sim::SimHandle| {
        let answered = sim.answered();
        answered
            .iter()
            .filter(|a| a.path == "externalcontact/remark")
            .count()
    };
    assert_eq!(calls(sim), 0, "a rehearsal sends nothing");
    allow(&test, WriteMode::On);
    let preview = [("remark", "周五回访"), ("preview", "true")];
    let plan = staff.post(&form, &preview);
    assert_eq!(plan.status, 200);
    assert!(plan.body.contains("将会调用企业微信 1 次"), "{}", plan.body);
    assert!(
        plan.body.contains("externalcontact/remark"),
        "{}",
        plan.body
    );
    let long = [("remark", "一二三四五六七八九十一二三四五六七八九十一")];
    let refused = staff.post(&form, &long);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("最多 20 个字"), "{}", refused.body);
    // WeCom is busy: the page shows what is on its way.
    sim.inject(Some("externalcontact/remark"), 1, Fault::Errcode(-1));
    assert_eq!(staff.post(&form, &fields).status, 303);
    test.wait_for("it is refused once", || (calls(sim) > 0).then_some(()));
    let shown = staff.get(&page).body;
    assert!(shown.contains("正在写入企业微信"), "{shown}");
    assert!(!shown.contains("备注 周五回访"), "not before WeCom has it");
    sim.clear_faults();
    test.wait_for("the page shows it", || {
        let shown = staff.get(&page).body;
        (shown.contains("周五回访") && !shown.contains("正在写入企业微信")).then_some(())
    });
    assert!(
        admin
            .get(&format!("{outbox}?state=done"))
            .body
            .contains("修改 2 项备注资料")
    );
}

#[test]
fn a_relation_out_of_scope_cannot_be_written() {
    let test = TestApp::with_customers(60);
    allow(&test, WriteMode::On);
    let sim = test.sim.as_ref().unwrap();
    let admin = test.sign_in("admin");
    // Somebody far from the store: the super admin's own customers, if any; else any other.
    let staff = test.sign_in("staff");
    let listed = staff.get("/api/v1/customers?limit=200").json();
    let seen: Vec<String> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    let all = admin.get("/api/v1/customers?limit=200").json();
    let foreign = all["items"].as_array().unwrap().iter().find_map(|item| {
        let id = item["id"].as_str()?.to_owned();
        (!seen.contains(&id)).then_some(id)
    });
    let foreign = foreign.expect("staff does not see everybody");
    let body = admin.get(&format!("/customers/{foreign}")).body;
    let form = body.split("href=\"").find_map(|rest| {
        let href = rest.split('"').next()?;
        (href.starts_with("/customers/relations/") && href.ends_with("/tags"))
            .then(|| href.to_owned())
    });
    let form = form.expect("an admin may");
    assert_eq!(staff.get(&form).status, 404);
    assert_eq!(staff.post(&form, &[]).status, 404);
    assert_eq!(
        sim.answered()
            .iter()
            .filter(|a| a.path.ends_with("mark_tag"))
            .count(),
        0
    );
}

#[test]
fn one_part_is_reconciled_alone_and_says_what_it_repaired() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    let userid = firm::cast().store_staff;
    let mine = sim.customers_of(userid)[0].clone();
    // No events are heard: only a pass can find it.
    assert!(sim.set_remark(userid, &mine, "夜里改的"));
    sim.add_tag("新组", "新标签");
    let admin = test.sign_in("admin");
    let begun = admin.post("/org/sync", &[("part", "customers")]);
    assert_eq!(begun.status, 303);
    let job = begun
        .header("location")
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let result = format!("/org/sync/{job}");
    let page = test.wait_for("the pass ends", || {
        let page = admin.get(&result).body;
        page.contains("已完成").then_some(page)
    });
    assert!(page.contains("与企业微信不一致，已更新"), "{page}");
    assert!(page.contains("备注"), "{page}");
    assert!(!page.contains("标签组"), "tags were not looked at: {page}");
    assert!(admin.get("/org/sync").body.contains("更正 1 条"));
}
