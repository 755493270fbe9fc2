//! Conditions of the archive's search, and who may ask by which.

use qitai::{org::Member, wecom::sim::firm};

use super::chats::{archive, text};
use crate::support::{TestApp, Visitor};

fn ids(visitor: &Visitor<'_>, query: &str) -> Vec<String> {
    let page = visitor.get(&format!("/api/v1/messages?{query}"));
    assert_eq!(page.status, 200, "{query}: {}", page.body);
    let page = page.json();
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Which messages there are alerts about is found by whoever handles alerts, and by nobody else.
#[test]
fn messages_with_alerts_are_found_by_whoever_handles_alerts() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let admin = test.sign_in("admin");
    assert_eq!(ids(&admin, "flag=sensitive"), Vec::<String>::new());
    let list = [
        ("name", "飞单"),
        ("words", "转我微信"),
        ("severity", "high"),
        ("is_on", "on"),
    ];
    assert_eq!(admin.post("/sensitive/words/new", &list).status, 303);
    let said = |number, words| text(number, cast.store_staff, &[&customer], words);
    archive(&test, 1, [said(1, "钱转我微信吧"), said(2, "好的，收到")]);
    // The answer of before is not kept: the alert was raised since.
    test.wait_for("the alert is raised", || {
        (ids(&admin, "flag=sensitive") == ["1"]).then_some(())
    });
    assert_eq!(ids(&admin, "flag=recalled"), Vec::<String>::new());
    let page = admin.get("/archive?flag=sensitive").body;
    assert!(page.contains("钱转我微信吧") && !page.contains("好的，收到"));
    assert!(page.contains("命中敏感词"), "the condition is named");
    let both = admin.get("/archive?flag=sensitive&flag=recalled").body;
    assert!(!both.contains("钱转我微信吧"), "both have to hold");

    let staff = test.sign_in("staff");
    assert_eq!(ids(&staff, ""), ["2", "1"]);
    for refused in [
        "/api/v1/messages?flag=sensitive",
        "/archive?flag=sensitive",
        "/archive?flag=sensitive&q=%E6%94%B6%E5%88%B0",
        "/archive?flag=sensitive&by=chat",
    ] {
        assert_eq!(staff.get(refused).status, 403, "{refused}");
    }
    assert!(!staff.get("/archive").body.contains("命中敏感词"));
    assert_eq!(staff.get("/api/v1/messages?flag=odd").status, 400);
}

/// A department stands for the members in it and below whom one sees.
#[test]
fn messages_are_found_by_department() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let directory = test.app.read(|r| test.app.directory.get(r)).unwrap();
    let staff = directory.by_userid(cast.store_staff).unwrap();
    let home = directory.department_of(staff).unwrap().wecom_id;
    let under_home = directory.member_ids_under(home);
    let abroad = |member: &&Member| {
        let department = directory.department_of(member);
        department.is_some_and(|d| !directory.member_ids_under(d.wecom_id).contains(&staff.id))
            && !under_home.contains(&member.id)
            && member.is_here()
    };
    let other = directory.members().find(abroad).unwrap();
    let away = directory.department_of(other).unwrap().wecom_id;
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let messages = [
        text(1, cast.store_staff, &[&customer], "您好"),
        text(2, &other.userid, &[cast.store_staff], "报表发我"),
    ];
    archive(&test, 1, messages);

    let admin = test.sign_in("admin");
    assert_eq!(ids(&admin, "department=1"), ["2", "1"], "all of the firm");
    assert_eq!(ids(&admin, &format!("department={home}")), ["2", "1"]);
    assert_eq!(ids(&admin, &format!("department={away}")), ["2"]);
    let both = format!("department={away}&staff={}", staff.id);
    assert_eq!(ids(&admin, &both), ["2"], "both took part");
    assert!(ids(&admin, "department=4000000000").is_empty());
    let page = admin.get(&format!("/archive?dept={away}")).body;
    assert!(page.contains("报表发我") && !page.contains("您好"));

    // Whoever does not see its members asks by it in vain.
    let visitor = test.sign_in("staff");
    assert_eq!(ids(&visitor, ""), ["2", "1"]);
    assert!(ids(&visitor, &format!("department={away}")).is_empty());
    let page = visitor.get(&format!("/archive?dept={away}")).body;
    assert!(!page.contains("报表发我"));
    let odd = visitor.get("/api/v1/messages?department=x");
    assert_eq!(odd.status, 400);
}
