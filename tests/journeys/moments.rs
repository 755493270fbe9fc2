//! A moment from the form to the account of it: preview, the second person, the members who
//! publish, whom it reached and what they make of it, the stop; and nobody outside the scope.

use std::collections::BTreeSet;

use qitai::{
    identity::Viewer,
    org::{Member, MemberId},
    wecom::sim::{ContactVerb, firm},
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};
use serde_json::Value;

use crate::support::{TestApp, Visitor};

pub(super) fn allow(test: &TestApp) {
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
pub(super) fn limits(admin: &Visitor<'_>, approve_above: &str) {
    let saved = admin.post("/broadcasts/limits", &[("approve_above", approve_above)]);
    assert_eq!(saved.status, 303, "{}", saved.body);
}

/// Writes a draft; its address.
pub(super) fn draft(visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> String {
    let made = visitor.post("/moments/new", fields);
    assert_eq!(made.status, 303, "{}", made.body);
    made.header("location").to_owned()
}

fn api(page: &str) -> String {
    format!("/api/v1{page}")
}

/// Lets time pass at WeCom until the moment is as wanted.
pub(super) fn once(
    test: &TestApp,
    visitor: &Visitor<'_>,
    page: &str,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let sim = test.sim.as_ref().unwrap();
    test.wait_for(what, || {
        sim.clock().advance_ms(500);
        sim.pass_time();
        test.app.outreach.moments.wake.notify_one();
        test.app.effects.notify_one();
        let json = visitor.get(&api(page)).json();
        is_so(&json).then_some(json)
    })
}

pub(super) fn in_state(test: &TestApp, visitor: &Visitor<'_>, page: &str, state: &str) -> Value {
    once(test, visitor, page, state, |json| json["state"] == state)
}

pub(super) fn members(visitor: &Visitor<'_>, page: &str) -> Vec<Value> {
    let json = visitor
        .get(&format!("{}/members?limit=200", api(page)))
        .json();
    json["items"].as_array().unwrap().clone()
}

pub(super) fn userid(test: &TestApp, member: &Value) -> String {
    let id: MemberId = member["member"].as_str().unwrap().parse().unwrap();
    let member = test.app.read(|r| r.get::<Member>(&id).unwrap());
    member.unwrap().userid
}

fn member_of(test: &TestApp, userid: &str) -> String {
    let found = test
        .app
        .read(|r| qitai::org::queries::member_id_by_userid(r, userid));
    found.unwrap().unwrap().to_string()
}

#[test]
fn a_member_publishes_and_progress_and_touches_arrive() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    limits(&admin, "1");
    let page = draft(&manager, &[("name", "秋茶"), ("text", "{企业}秋茶到店")]);
    let preview = manager.get(&page).body;
    assert!(preview.contains("秋茶到店") && preview.contains("可以批准的同事"));
    assert_eq!(manager.post(&format!("{page}/send"), &[]).status, 303);
    let waiting = in_state(&test, &manager, &page, "waiting");
    let (audience, senders) = (waiting["audience"].as_u64().unwrap(), &waiting["senders"]);
    let said = format!("由 {senders} 名员工发表，最多 {audience} 位客户可见");
    assert!(preview.contains(&said), "{said}: {preview}");

    // All of them are in the sender's scope.
    let all = test.app.read(|r| {
        let all = r.all::<Member>(None).unwrap().map(Result::unwrap);
        all.filter(|m| m.is_here() && m.serves_customers).count()
    });
    assert!(members(&manager, &page).len() < all);

    let own = manager.post(&format!("{page}/decide"), &[("verdict", "grant")]);
    assert_eq!(own.status, 409, "nobody approves their own");
    let granted = [("verdict", "grant"), ("note", "可以")];
    assert_eq!(admin.post(&format!("{page}/decide"), &granted).status, 303);
    let running = in_state(&test, &manager, &page, "running");
    let moment_id = running["moment_id"].as_str().unwrap().to_owned();
    assert_eq!(running["published"], 0);
    assert_eq!(running["reached"], 0);

    // One of them publishes; one of those who see it likes it, another comments.
    let sim = test.sim.as_ref().unwrap();
    let store_staff = firm::cast().store_staff;
    let seen = once(&test, &manager, &page, "WeCom says who may see it", |_| {
        let known = |m: &Value| m["visible"].is_u64();
        members(&manager, &page).iter().all(known)
    });
    assert_eq!(seen["published"], 0);
    sim.act(ContactVerb::PublishMoment {
        moment_id: moment_id.clone(),
        userid: store_staff.to_owned(),
    })
    .unwrap();
    let customers = sim.customers_of(store_staff);
    for (who, likes) in [(&customers[0], true), (&customers[1], false)] {
        sim.act(ContactVerb::ReactToMoment {
            moment_id: moment_id.clone(),
            userid: store_staff.to_owned(),
            who: who.clone(),
            likes,
        })
        .unwrap();
    }
    assert_eq!(manager.post(&format!("{page}/ask"), &[]).status, 303);
    let told = once(&test, &manager, &page, "it is known", |json| {
        json["likes"] == 1 && json["comments"] == 1
    });
    assert_eq!(told["published"], 1);
    let all = members(&manager, &page);
    let own = all
        .iter()
        .find(|m| userid(&test, m) == store_staff)
        .unwrap();
    assert_eq!(own["state"], "published");
    assert_eq!(own["reached"], told["reached"]);
    assert_eq!(own["visible"], told["reached"]);
    assert_eq!(told["reached"].as_u64(), Some(customers.len() as u64));
    let others = all.iter().filter(|m| m["state"] == "waiting").count();
    assert_eq!(others, all.len() - 1);
    let body = manager.get(&page).body;
    assert!(body.contains("可以") && body.contains("1 个赞，1 条评论"));

    // It stands in the ledger of those whom it reached.
    let customer = test.app.read(|r| {
        let found = qitai::customers::sync::by_external_userid(r, &customers[0]);
        found.unwrap().unwrap()
    });
    let ledger = manager.get(&format!("/customers/{}?tab=touches", customer.id));
    assert!(ledger.body.contains("客户朋友圈"));
    assert!(ledger.body.contains(&format!("href=\"{page}\"")));
    let number = qitai::customers::customer_no(customer.no);
    for (of, wanted) in [("customers", number.as_str()), ("members", "已发表")] {
        let fields = [("of", of), ("format", "csv")];
        let file = manager.post(&format!("{page}/export"), &fields);
        assert_eq!(file.status, 200);
        assert!(file.body.contains(wanted), "{}", file.body);
    }

    // The others cannot publish it any more; who has stays.
    assert_eq!(manager.post(&format!("{page}/stop"), &[]).status, 303);
    let stopped = in_state(&test, &manager, &page, "stopped");
    assert_eq!(stopped["stopped"], "by_hand");
    assert_eq!(stopped["published"], 1);
    let states: BTreeSet<String> = members(&manager, &page)
        .iter()
        .map(|m| m["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["over", "published"].map(str::to_owned).into());
    let late = ContactVerb::PublishMoment {
        moment_id,
        userid: userid(&test, all.iter().find(|m| m["state"] == "waiting").unwrap()),
    };
    assert!(sim.act(late).is_err());
    let again = manager.post(&format!("{page}/stop"), &[]);
    assert_eq!(again.status, 409);
}

#[test]
fn nobody_sees_what_others_publish_and_nobody_names_members_outside_their_scope() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    limits(&admin, "");
    let (store_staff, region) = (firm::cast().store_staff, firm::cast().region);
    // Somebody who serves customers outside the manager's region.
    let outside = test.app.read(|r| {
        let directory = test.app.directory.get(r).unwrap();
        let inside = directory.member_ids_under(region);
        let sim = test.sim.as_ref().unwrap();
        let members: Vec<Member> = directory.members().cloned().collect();
        let is_meant = |m: &&Member| {
            let has_customers = !sim.customers_of(&m.userid).is_empty();
            m.serves_customers && m.is_here() && has_customers && !inside.contains(&m.id)
        };
        members.iter().find(is_meant).unwrap().id.to_string()
    });
    let named = manager.post("/moments/new", &[("text", "上新"), ("owner", &outside)]);
    assert_eq!(named.status, 422);
    assert!(named.body.contains("不在你的数据范围内"));

    let page = draft(&admin, &[("text", "别的地区上新"), ("owner", &outside)]);
    assert_eq!(manager.get(&page).status, 404, "a draft is its maker's");
    assert_eq!(admin.post(&format!("{page}/send"), &[]).status, 303);
    in_state(&test, &admin, &page, "running");
    assert_eq!(manager.get(&page).status, 404);
    assert_eq!(manager.get(&api(&page)).status, 404);
    assert!(!manager.get("/moments").body.contains("别的地区上新"));
    for deed in ["stop", "ask"] {
        let done = manager.post(&format!("{page}/{deed}"), &[]);
        assert_eq!(done.status, 404, "{deed}");
    }
    // Who may read only does nothing, and who may not read sees nothing.
    let staff = test.sign_in("staff");
    assert_eq!(staff.get("/moments").status, 200);
    assert_eq!(staff.get("/moments/new").status, 403);
    assert_eq!(staff.get(&page).status, 404);
    let compliance = test.sign_in("compliance");
    assert_eq!(compliance.get("/moments").status, 403);
    assert_eq!(compliance.get(&page).status, 403);

    // Of a colleague in the same department staff see it.
    let own = member_of(&test, store_staff);
    let near = draft(&admin, &[("text", "本店上新"), ("owner", &own)]);
    assert_eq!(admin.post(&format!("{near}/send"), &[]).status, 303);
    in_state(&test, &admin, &near, "running");
    assert_eq!(staff.get(&near).status, 200);
    assert!(staff.get("/moments").body.contains("本店上新"));
    assert_eq!(staff.post(&format!("{near}/stop"), &[]).status, 403);
}

#[test]
fn what_wecom_refuses_is_said_and_tags_never_fall_away() {
    let test = TestApp::with_customers(60);
    allow(&test);
    let admin = test.sign_in("admin");
    limits(&admin, "");
    let sim = test.sim.as_ref().unwrap();
    let tag = sim.add_tag("朋友圈", "可见");
    let store_staff = firm::cast().store_staff;
    let seen = sim.customers_of(store_staff)[0].clone();
    assert!(sim.set_tags(store_staff, &seen, std::slice::from_ref(&tag)));
    test.sync();
    test.settle();
    let ours = test
        .app
        .read(|r| qitai::tags::sync::tag_by_wecom_id(r, &tag));
    let ours = ours.unwrap().unwrap().to_string();

    let odd = [("text", "您好 {员工}"), ("tag", "没有")];
    let refused = admin.post("/moments/new", &odd);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("您好 {员工}"), "what was typed stays");

    // One of one: only the customer with the tag may see it.
    let page = draft(&admin, &[("text", "只给你看"), ("tag", &ours)]);
    assert!(admin.get(&page).body.contains("最多 1 位客户可见"));
    assert_eq!(admin.post(&format!("{page}/send"), &[]).status, 303);
    in_state(&test, &admin, &page, "running");
    once(&test, &admin, &page, "WeCom says who may see it", |_| {
        let all = members(&admin, &page);
        let sum: Option<u64> = all.iter().map(|m| m["visible"].as_u64()).sum();
        sum == Some(1)
    });

    // Somebody takes the tag away before the moment is told: nobody is shown it instead.
    let later = draft(&admin, &[("text", "还是只给你看"), ("tag", &ours)]);
    assert!(sim.remove_tag(&tag));
    assert_eq!(admin.post(&format!("{later}/send"), &[]).status, 303);
    let stopped = in_state(&test, &admin, &later, "stopped");
    assert_eq!(stopped["moment_id"], Value::Null);
    let body = admin.get(&later).body;
    // Whether WeCom says it or Qitai has heard of it before.
    let reasons = [
        "企业微信里都无效（40070）",
        "选中的标签有的已删除",
        "没有客户可见",
    ];
    assert!(reasons.iter().any(|why| body.contains(why)), "{body}");
}
