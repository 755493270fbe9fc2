//! The queue of alerts: who sees which, from hand to hand, judged, and found again.

use std::collections::BTreeSet;

use qitai::{
    archive::sensitive,
    customers,
    identity::{Role, Unit},
    kit::Id,
    org::queries::DepartmentTree,
    wecom::sim::{CallbackFault, CustomerVerb, firm},
    work::{Job, JobState, jobs},
};

use super::chats::{archive, text};
use crate::support::{TestApp, Visitor};

/// Department of 华南区.
const SOUTH: u64 = 11;
const QUEUE: &str = "/sensitive/alerts";

fn unit(test: &TestApp, number: u64) -> Id<Unit> {
    let tree = test.app.read(DepartmentTree::load).unwrap();
    tree.get(number).unwrap().id.cast()
}

fn keep(visitor: &Visitor<'_>, words: &str, more: &[(&str, &str)]) {
    let fields = [
        ("name", "飞单"),
        ("words", words),
        ("severity", "high"),
        ("is_on", "on"),
    ];
    let kept = visitor.post("/sensitive/words/new", &[&fields[..], more].concat());
    assert_eq!(kept.status, 303, "{}", kept.body);
}

/// The alerts on a page.
fn ids(page: &str) -> Vec<String> {
    let cards = page.split("id=\"a-").skip(1);
    cards
        .map(|card| card.split('"').next().unwrap().to_owned())
        .collect()
}

/// The number beside the queue in the menu.
fn badge(visitor: &Visitor<'_>) -> Option<String> {
    let page = visitor.get("/me").body;
    let (_, menu) = page.split_once("<nav class=\"nav\"").unwrap();
    let (_, entry) = menu.split_once("<a href=\"/sensitive/alerts\"").unwrap();
    let (entry, _) = entry.split_once("</a>").unwrap();
    let (_, number) = entry.split_once("class=\"badge\">")?;
    number.split('<').next().map(str::to_owned)
}

/// All alerts of a list, page by page.
fn walked(visitor: &Visitor<'_>, address: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), Some(address.to_owned()));
    while let Some(address) = next {
        let page = visitor.get(&address);
        assert_eq!(page.status, 200, "{}", page.body);
        found.extend(ids(&page.body));
        let link = page.body.split_once("rel=\"next\" href=\"");
        let href = link.map(|(_, rest)| rest.split('"').next().unwrap());
        next = href.map(|href| href.replace("&amp;", "&").replace("&#38;", "&"));
    }
    found
}

/// The firm, with an admin of a department that has nothing to do with the member of the cast.
fn with_an_admin_of_the_south() -> TestApp {
    let test = TestApp::start();
    test.let_admins_read_chats();
    test.make_account(
        "south",
        Role::DepartmentAdmin,
        None,
        Some(unit(&test, SOUTH)),
    );
    test
}

#[test]
fn an_alert_is_seen_given_and_judged_only_within_its_departments() {
    let test = with_an_admin_of_the_south();
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let (officer, south) = (test.sign_in("compliance"), test.sign_in("south"));
    keep(&admin, "转我微信", &[]);
    let own = firm::cast().store_staff;
    let customers = test.sim.as_ref().unwrap().customers_of(own);
    archive(&test, 1, [text(1, own, &[&customers[0]], "转我微信")]);
    for visitor in [&manager, &admin, &officer] {
        test.wait_for("the menu says so", || {
            (badge(visitor).as_deref() == Some("1")).then_some(())
        });
    }
    assert!(manager.get("/").body.contains("<b>待处理的告警</b>"));
    assert!(manager.get(QUEUE).body.contains("转我微信</mark>"));
    let all = ids(&manager.get(QUEUE).body);
    let [alert] = &all[..] else {
        panic!("{all:?}");
    };
    let at = |verb: &str| format!("{QUEUE}/{alert}/{verb}");

    // Another department's admin has neither line, number nor a word of it.
    let page = south.get(QUEUE).body;
    assert!(page.contains("没有告警") && ids(&page).is_empty(), "{page}");
    assert!(
        page.contains("待处理 <span class=\"num\">0</span>"),
        "{page}"
    );
    assert_eq!(badge(&south), None);
    assert!(!south.get("/").body.contains("<b>待处理的告警</b>"));
    let judged = [("verdict", "harmless"), ("note", "看过")];
    assert_eq!(south.post(&at("take"), &[]).status, 404);
    assert_eq!(south.post(&at("assign"), &[("to", "")]).status, 404);
    assert_eq!(south.post(&at("close"), &judged).status, 404);
    assert_eq!(south.post(&at("reopen"), &[]).status, 404);
    assert_eq!(test.sign_in("staff").get(QUEUE).status, 403);

    // It goes to whoever could deal with it, and to nobody else.
    let page = manager.get(QUEUE).body;
    assert!(!page.contains(">south</option>"), "{page}");
    let (before, _) = page.split_once("\">compliance</option>").unwrap();
    let (_, to) = before.rsplit_once('"').unwrap();
    let nobody = test.app.read(|r| {
        let held = qitai::identity::queries::holders(r, qitai::identity::Permission::WordManage);
        let mut held = held.unwrap().into_iter();
        held.find(|(account, _)| account.login == "south")
    });
    let nobody = nobody.unwrap().0.id.to_string();
    assert_eq!(manager.post(&at("assign"), &[("to", &nobody)]).status, 422);
    assert_eq!(manager.post(&at("assign"), &[("to", "x")]).status, 422);
    assert_eq!(manager.post(&at("assign"), &[("to", to)]).status, 303);
    assert_eq!(badge(&manager), None);
    assert_eq!(badge(&officer).as_deref(), Some("1"));
    assert!(officer.get("/").body.contains("<b>分配给我的告警</b>"));
    assert!(!manager.get("/").body.contains("<b>待处理的告警</b>"));
    let mine = format!("{QUEUE}?state=mine");
    assert_eq!(ids(&officer.get(&mine).body), all);
    assert!(ids(&manager.get(&mine).body).is_empty());
    assert_eq!(ids(&manager.get(QUEUE).body), all);
    let back = [("to", ""), ("back", "/sensitive/alerts?state=mine")];
    let given_back = officer.post(&at("assign"), &back);
    assert_eq!(given_back.header("location"), mine);
    assert!(ids(&officer.get(&mine).body).is_empty());
    assert_eq!(manager.post(&at("take"), &[]).status, 303);
    assert_eq!(ids(&manager.get(&mine).body), all);

    // Judged with a note, once; opened again, once.
    let bare = [("verdict", "violation"), ("note", " ")];
    assert_eq!(manager.post(&at("close"), &bare).status, 422);
    assert_eq!(manager.post(&at("reopen"), &[]).status, 409);
    assert_eq!(manager.post(&at("close"), &judged).status, 303);
    assert_eq!(officer.post(&at("close"), &judged).status, 409);
    assert_eq!(officer.post(&at("take"), &[]).status, 409);
    assert!(ids(&manager.get(QUEUE).body).is_empty());
    let closed = format!("{QUEUE}?state=closed");
    let page = officer.get(&closed).body;
    assert!(page.contains("无问题") && page.contains("看过"), "{page}");
    assert!(ids(&south.get(&closed).body).is_empty());
    assert_eq!(badge(&officer), None);
    assert_eq!(officer.post(&at("reopen"), &[]).status, 303);
    assert_eq!(ids(&manager.get(QUEUE).body), all);
}

/// The address behind the first link on a page that begins so.
fn link(page: &str, begins: &str) -> String {
    let found = page.split_once(&format!("href=\"{begins}"));
    let (_, rest) = found.expect("a link that begins so");
    let href = format!("{begins}{}", rest.split('"').next().unwrap());
    href.replace("&#38;", "&")
}

#[test]
fn whoever_handles_alerts_meets_them_in_the_conversation_and_nobody_else_does() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let admin = test.sign_in("admin");
    keep(&admin, "转我微信", &[("behaviour", "recall")]);
    let cast = firm::cast();
    let own = cast.store_staff;
    let customers = test.sim.as_ref().unwrap().customers_of(own);
    let mut recall = text(5, own, &[&customers[0]], "");
    recall.as_object_mut().unwrap().remove("text");
    recall["action"] = "recall".into();
    recall["msgtype"] = "revoke".into();
    recall["revoke"] = serde_json::json!({ "pre_msgid": "4_1767240240000_external" });
    archive(
        &test,
        1,
        [
            text(1, own, &[&customers[0]], "转我微信"),
            text(2, own, &[&customers[1]], "也转我微信"),
            text(3, own, &[&customers[0]], "好的"),
            text(4, own, &[&customers[0]], "说错了"),
            recall,
        ],
    );
    test.wait_for("three are raised", || {
        (ids(&admin.get(QUEUE).body).len() == 3).then_some(())
    });
    let chat = |seq: u64| {
        let message = admin.get(&format!("/api/v1/messages/{seq}")).json();
        message["conversation_id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (chat(1), chat(2));
    for id in [&first, &second] {
        let open = format!("/archive/{id}/open");
        let fields = [("reason", "核对退款投诉"), ("next", "")];
        assert_eq!(admin.post(&open, &fields).status, 303);
    }

    // At the message and at the line of the recall, each with its place in the queue.
    let page = admin.get(&format!("/archive/{first}")).body;
    assert_eq!(page.matches("class=\"msg__f\"").count(), 2, "{page}");
    assert!(page.contains("飞单 · 高 · 待处理"), "{page}");
    assert!(page.contains("撤回消息 · 高 · 待处理"), "{page}");
    let of_message = format!("{QUEUE}?chat={first}&#38;message=1");
    let href = link(&page, &of_message);
    let (queue, alert) = href.split_once("#a-").unwrap();
    assert_eq!(ids(&admin.get(queue).body), [alert]);
    let other = admin.get(&format!("/archive/{second}")).body;
    assert_eq!(other.matches("class=\"msg__f\"").count(), 1);

    // Beside the conversation is how many, and the way to them: removable conditions.
    let of_chat = format!("{QUEUE}?chat={first}");
    assert!(page.contains("待处理的告警<span class=\"push num muted\">2</span>"));
    assert!(!page.contains("已处理的告警"));
    let narrowed = admin.get(&of_chat).body;
    assert_eq!(ids(&narrowed).len(), 2);
    assert!(ids(&narrowed).contains(&alert.to_owned()));
    assert!(narrowed.contains(&format!("name=\"chat\" value=\"{first}\"")));
    assert!(narrowed.contains("<em>会话</em>"));
    let low = format!("{of_chat}&severity=low");
    assert!(
        ids(&admin.get(&low).body).is_empty(),
        "other conditions hold too"
    );
    let nowhere = format!("{QUEUE}?chat=0000000000001");
    assert!(ids(&admin.get(&nowhere).body).is_empty());

    // Judged, it stands among what is judged, here and there.
    let judged = [("verdict", "harmless"), ("note", "看过"), ("back", queue)];
    let closed = admin.post(&format!("{QUEUE}/{alert}/close"), &judged);
    assert_eq!((closed.status, closed.header("location")), (303, queue));
    let page = admin.get(&format!("/archive/{first}")).body;
    assert!(page.contains("飞单 · 高 · 已处理"), "{page}");
    assert!(page.contains("待处理的告警<span class=\"push num muted\">1</span>"));
    assert!(page.contains("已处理的告警<span class=\"push num muted\">1</span>"));
    let closed = format!("{of_message}&#38;state=closed");
    let href = link(&page, &closed);
    assert_eq!(ids(&admin.get(&href).body), [alert]);

    // Whoever took part, without the right to judge, sees a conversation like any other.
    let page = test.sign_in("staff").get(&format!("/archive/{first}")).body;
    assert!(page.contains("转我微信"), "{page}");
    for told in ["msg__f", "告警", "飞单", QUEUE] {
        assert!(!page.contains(told), "{told}");
    }
    // Nor does the queue say whose a conversation is to whom it does not concern.
    test.make_account(
        "south",
        Role::DepartmentAdmin,
        None,
        Some(unit(&test, SOUTH)),
    );
    let south = test.sign_in("south").get(&of_chat).body;
    assert!(ids(&south).is_empty() && south.contains("没有找到，或不在范围内"));
}

#[test]
fn every_alert_of_a_long_queue_is_reached_judged_or_not() {
    const MANY: u64 = 52;
    let test = TestApp::start();
    test.let_admins_read_chats();
    let admin = test.sign_in("admin");
    keep(&admin, "转我微信", &[]);
    let cast = firm::cast();
    let own = cast.store_staff;
    let customers = test.sim.as_ref().unwrap().customers_of(own);
    let messages = (1..=MANY).map(|n| text(n, own, &[&customers[0]], "转我微信"));
    archive(&test, 1, messages);
    let all = test.wait_for("all are raised", || {
        let all = walked(&admin, QUEUE);
        (all.len() as u64 == MANY).then_some(all)
    });
    let once: BTreeSet<&String> = all.iter().collect();
    assert_eq!(once.len(), all.len());
    let page = admin.get(QUEUE).body;
    assert!(page.contains("待处理 <span class=\"num\">52</span>"));

    // Conditions narrow it; a department is that of whoever took part.
    let n = |query: &str| walked(&admin, &format!("{QUEUE}?{query}")).len();
    assert_eq!((n("severity=high"), n("severity=low")), (all.len(), 0));
    assert_eq!((n("behaviour=card"), n("list=0000000000001")), (0, 0));
    let (store, south) = (unit(&test, cast.store), unit(&test, SOUTH));
    let of = |unit: Id<Unit>| n(&format!("unit={unit}"));
    assert_eq!((of(store), of(south)), (all.len(), 0));
    let none = admin.get(&format!("{QUEUE}?severity=low")).body;
    assert!(none.contains("没有符合条件的告警"), "{none}");
    // The numbers are those under the conditions.
    for (query, number) in [
        ("severity=low".to_owned(), 0),
        ("behaviour=card".to_owned(), 0),
        ("list=0000000000001".to_owned(), 0),
        (format!("unit={south}"), 0),
        (format!("unit={store}"), MANY),
        (format!("severity=high&state=closed&unit={store}"), MANY),
    ] {
        let page = admin.get(&format!("{QUEUE}?{query}")).body;
        let told = format!("待处理 <span class=\"num\">{number}</span>");
        assert!(page.contains(&told), "{query}: {page}");
    }

    for alert in &all {
        let fields = [("verdict", "violation"), ("note", "已约谈")];
        let judged = admin.post(&format!("{QUEUE}/{alert}/close"), &fields);
        assert_eq!(judged.status, 303);
    }
    assert!(walked(&admin, QUEUE).is_empty());
    assert_eq!(walked(&admin, &format!("{QUEUE}?state=closed")), all);
}

/// Waits until a look back has ended other than the one before; gives it.
fn looked_back(test: &TestApp, before: Option<&Job>) -> Job {
    test.wait_for("the look back ends", || {
        let job = test.app.read(|r| jobs::latest(r, sensitive::KIND)).unwrap();
        let job = job.filter(|job| Some(job.id) != before.map(|job| job.id))?;
        (job.state == JobState::Done).then_some(job)
    })
}

#[test]
fn the_list_of_a_department_looks_back_at_its_own_messages_and_raises_each_once() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let cast = firm::cast();
    let customers = test.sim.as_ref().unwrap().customers_of(cast.store_staff);
    let elsewhere = "wmT7kQCAAAelsewhereelsewhere0000";
    archive(
        &test,
        1,
        [
            text(1, cast.store_staff, &[&customers[0]], "私下付款"),
            text(2, "luojianhua", &[elsewhere], "私下付款"),
            text(3, cast.store_staff, &[&customers[0]], "好的"),
        ],
    );
    // Without looking back, what is there stays as it is.
    let region = unit(&test, cast.region).to_string();
    let whole_firm = manager.post(
        "/sensitive/words/new",
        &[("name", "全公司"), ("words", "付款"), ("severity", "low")],
    );
    assert_eq!(whole_firm.status, 404, "that is the firm's to decide");
    keep(&manager, "私下付", &[("unit", &region)]);
    archive(
        &test,
        4,
        [text(4, cast.store_staff, &[&customers[0]], "私下付吧")],
    );
    let one = test.wait_for("what came since is raised", || {
        let found = ids(&admin.get(QUEUE).body);
        (!found.is_empty()).then_some(found)
    });
    assert_eq!(one.len(), 1);

    let list = super::words::list(&manager, "飞单");
    // Whoever changes a list looks back, unless the tick is taken away.
    let page = manager.get(&list).body;
    let (_, tick) = page.split_once("name=\"looks_back\"").unwrap();
    let (tick, _) = tick.split_once('>').unwrap();
    assert!(tick.contains(" checked"), "{tick}");
    let fields = [
        ("name", "飞单"),
        ("words", "私下付"),
        ("severity", "high"),
        ("is_on", "on"),
        ("unit", region.as_str()),
        ("looks_back", "on"),
    ];
    assert_eq!(manager.post(&list, &fields).status, 303);
    let first = looked_back(&test, None);
    assert_eq!(first.progress.counted("alerts"), 1);
    let both = ids(&admin.get(QUEUE).body);
    assert_eq!(both.len(), 2, "the other department's is not its own");
    assert_eq!(ids(&manager.get(QUEUE).body), both);
    // Looking again makes nothing twice.
    assert_eq!(manager.post(&list, &fields).status, 303);
    let again = looked_back(&test, Some(&first));
    assert_eq!(again.progress.counted("alerts"), 0);
    assert_eq!(ids(&admin.get(QUEUE).body), both);
}

/// A member deletes a customer: there is no message, and the conversation is the one they had.
#[test]
fn a_member_who_deletes_a_customer_raises_one_alert_in_the_own_departments() {
    let test = with_an_admin_of_the_south();
    let (admin, manager) = (test.sign_in("admin"), test.sign_in("manager"));
    let south = test.sign_in("south");
    let sim = test.sim.as_ref().unwrap();
    test.hear_events();
    let own = firm::cast().store_staff;
    let theirs = sim.customers_of(own);
    let of = |n: usize| (own.to_owned(), theirs[n].clone());
    let name = |n: usize| {
        let known = test
            .app
            .read(|r| customers::sync::by_external_userid(r, &theirs[n]));
        known.unwrap().unwrap().name
    };
    let delete = |n: usize| {
        let (userid, external_userid) = of(n);
        let deed = CustomerVerb::DeleteCustomer {
            userid,
            external_userid,
        };
        sim.act(deed).unwrap();
        test.settle_events();
    };
    let others = |verb: fn(String, String) -> CustomerVerb, n: usize| {
        let (userid, external_userid) = of(n);
        sim.act(verb(userid, external_userid)).unwrap();
        test.settle_events();
    };
    // Before anybody looks for it, nothing comes of it; nor does it later.
    delete(0);
    let region = unit(&test, firm::cast().region).to_string();
    let behaviour = ("behaviour", "delete_customer");
    keep(
        &manager,
        "",
        &[("unit", &region), behaviour, ("looks_back", "on")],
    );
    archive(&test, 1, [text(1, own, &[&theirs[1]], "您好")]);
    looked_back(&test, None);
    test.sync();
    assert!(ids(&admin.get(QUEUE).body).is_empty());
    // Nor of the customer who deletes the member.
    let deleted_by_customer = |userid, external_userid| CustomerVerb::DeleteFollower {
        userid,
        external_userid,
    };
    others(deleted_by_customer, 3);
    assert!(ids(&admin.get(QUEUE).body).is_empty());

    // Told twice, and read again by a sync: it is one.
    sim.inject_callback(None, 1, CallbackFault::Duplicated);
    delete(1);
    sim.clear_callback_faults();
    test.sync();
    let all = ids(&manager.get(QUEUE).body);
    assert_eq!(all.len(), 1, "{all:?}");
    for visitor in [&manager, &admin] {
        let page = visitor.get(QUEUE).body;
        assert_eq!(ids(&page), all);
        for shown in ["删除客户", "没有对应的消息", name(1).as_str()] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let (_, link) = page.split_once("class=\"link\" href=\"/archive/").unwrap();
        let chat = link.split('"').next().unwrap();
        assert!(!chat.contains("at="), "{chat}");
        // It is others' conversation: a reason is asked for first.
        let opened = visitor.get(&format!("/archive/{chat}"));
        assert_eq!(opened.status, 303, "{}", opened.body);
        let asked = visitor.get(opened.header("location"));
        assert_eq!(asked.status, 200, "{}", asked.body);
    }
    test.wait_for("the menu says so", || {
        (badge(&manager).as_deref() == Some("1")).then_some(())
    });
    // Another department's admin learns nothing of it.
    assert!(ids(&south.get(QUEUE).body).is_empty());
    assert_eq!(badge(&south), None);
    let close = format!("{QUEUE}/{}/close", all[0]);
    let judged = [("verdict", "violation"), ("note", "已约谈")];
    assert_eq!(south.post(&close, &judged).status, 404);
    let n = |query: &str| walked(&admin, &format!("{QUEUE}?{query}")).len();
    assert_eq!(
        (n("behaviour=delete_customer"), n("behaviour=card")),
        (1, 0)
    );
    let (inside, outside) = (unit(&test, firm::cast().store), unit(&test, SOUTH));
    let units = [inside, outside].map(|unit| n(&format!("unit={unit}")));
    assert_eq!(units, [1, 0]);

    // Without a conversation it leads nowhere. Searches among messages with alerts go on.
    delete(2);
    let both = ids(&manager.get(QUEUE).body);
    assert_eq!(both.len(), 2);
    let page = manager.get(QUEUE).body;
    let alone = page.split("<section class=\"card\" id=\"a-");
    let alone = alone.into_iter().find(|card| card.contains(&name(2)));
    assert!(!alone.unwrap().contains("href=\"/archive/"), "{page}");
    let found = admin.get("/archive?flag=sensitive");
    assert_eq!(found.status, 200, "{}", found.body);

    // Judged like any other; added and deleted again, it is another.
    assert_eq!(manager.post(&close, &judged).status, 303);
    assert_eq!(ids(&manager.get(QUEUE).body).len(), 1);
    sim.clock().advance_ms(2_000);
    let added = |userid, external_userid| CustomerVerb::AddRelation {
        userid,
        external_userid,
        state: String::new(),
    };
    others(added, 1);
    sim.clock().advance_ms(2_000);
    delete(1);
    assert_eq!(ids(&manager.get(QUEUE).body).len(), 2);
    let closed = ids(&manager.get(&format!("{QUEUE}?state=closed")).body);
    assert_eq!(closed, all);
    assert_eq!(test.app.store.check().unwrap().found, []);
}
