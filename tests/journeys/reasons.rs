//! Why and with whose consent the conversations of others are read, and who is told of it.

use qitai::{
    identity::{Permission, Role, Viewer, queries},
    wecom::sim::firm,
};

use super::chats::{archive, text};
use crate::support::{TestApp, Visitor};

const REASON: &str = "核对退款投诉，工单 TS-1182";

/// The part of a page behind `before` up to `end`.
fn between<'b>(body: &'b str, before: &str, end: char) -> &'b str {
    let rest = body.split(before).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no {before} in {body}"));
    rest.split(end).next().unwrap()
}

/// The conversation of a message.
fn chat_of(visitor: &Visitor<'_>, seq: u64) -> String {
    let item = visitor.get(&format!("/api/v1/messages/{seq}")).json();
    item["conversation_id"].as_str().unwrap().to_owned()
}

/// A token with the right to read the archive in the name of an account.
fn token(test: &TestApp, login: &str) -> String {
    let id = test.app.read(|r| {
        let scope = Viewer::system("test").scope(r, Permission::AccountManage);
        let account = queries::account_by_login(r, &scope.unwrap(), login);
        account.unwrap().id.to_string()
    });
    let form = [
        ("name", "质检系统"),
        ("account", id.as_str()),
        ("days", "30"),
        ("permission", "archive.read"),
    ];
    let made = test.sign_in("admin").post("/apps/tokens/new", &form);
    assert_eq!(made.status, 200, "{}", made.body);
    between(&made.body, "<p class=\"once\"><code>", '<').to_owned()
}

/// A person's session gets excerpts of what it finds, and a conversation of others whole only
/// while that is open for a reason; to a program the grant of its token is the reason.
#[test]
fn whole_conversations_of_others_take_a_reason_at_the_api_too() {
    let test = TestApp::start();
    let own = firm::cast().store_staff;
    let customer = test.sim.as_ref().unwrap().customers_of(own)[0].clone();
    let long = format!("{}退款{}", "前".repeat(100), "后".repeat(200));
    archive(
        &test,
        1,
        [
            text(1, own, &[&customer], &long),
            text(2, &customer, &[own], "好的"),
        ],
    );
    let officer = test.sign_in("compliance");
    let chat = chat_of(&officer, 1);
    let whole = format!("/api/v1/messages?conversation={chat}&limit=200");
    let places = ["/api/v1/messages?q=退款", "/api/v1/messages?type=text"];
    for place in places {
        let page = officer.get(place).json();
        let items = page["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["id"] == "1").unwrap();
        assert_eq!(item["shortened"], true, "{place}");
        assert!(item["text"].as_str().unwrap().chars().count() < 125);
    }
    assert_eq!(officer.get("/api/v1/messages/1").json()["shortened"], true);
    assert_eq!(officer.get("/api/v1/messages/2").json()["text"], "好的");
    let refused = officer.get(&whole);
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(refused.json()["code"], "forbidden.reason");

    // One's own needs none, and what is out of scope looks like what is not there.
    let mine = test.sign_in("staff").get(&whole);
    assert!(mine.body.contains(&long), "{}", mine.body);
    let nowhere = officer.get("/api/v1/messages?conversation=0000000000001");
    assert_eq!(nowhere.json()["total"], 0);

    let open = format!("/archive/{chat}/open");
    assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    let before = test.audit_size();
    let page = officer.get(&whole).json();
    assert_eq!(page["items"][1]["text"], long);
    assert_eq!(page["items"][1]["shortened"], false);
    assert_eq!(test.audit_size(), before + 1);
    let trail = officer.get("/api/v1/audit?action=archive.view&limit=1");
    assert!(trail.body.contains(&chat), "{}", trail.body);
    assert_eq!(officer.get("/api/v1/messages/1").json()["text"], long);

    // Who may read gives a reason in person, and none to a program.
    test.let_admins_read_chats();
    assert_eq!(test.sign_in("admin").get(&whole).status, 403);
    let program = token(&test, "admin");
    let given = test.stranger().get_with(&whole, &program);
    assert!(given.body.contains(&long), "{}", given.body);
}

/// Where the firm asks for a second person.
fn ask_for_a_second_person(admin: &Visitor<'_>) {
    let fields = [("read", "on"), ("evidence", "on"), ("hours", "8")];
    let saved = admin.post("/settings/archive/approval", &fields);
    assert_eq!(saved.status, 303, "{}", saved.body);
}

/// The addresses of the requests on somebody's page that wait for a decision.
fn waiting(visitor: &Visitor<'_>) -> Vec<String> {
    let page = visitor.get("/archive/approvals").body;
    let forms = page.split("action=\"").skip(1);
    let addresses = forms.map(|form| form.split('"').next().unwrap().to_owned());
    addresses.filter(|at| at.ends_with("/decide")).collect()
}

/// Asking again with another reason is another request: a yes to the one on an open page does not
/// count for it.
#[test]
fn a_yes_counts_for_the_reason_that_was_shown() {
    const OTHER: &str = "看看他在聊什么";
    let test = TestApp::start();
    let own = firm::cast().store_staff;
    let customer = test.sim.as_ref().unwrap().customers_of(own)[0].clone();
    archive(&test, 1, [text(1, own, &[&customer], "退款我私下转给您")]);
    let (admin, officer) = (test.sign_in("admin"), test.sign_in("compliance"));
    ask_for_a_second_person(&admin);
    let chat = chat_of(&officer, 1);
    let (address, open) = (format!("/archive/{chat}"), format!("/archive/{chat}/open"));
    let ask = |reason| assert_eq!(officer.post(&open, &[("reason", reason)]).status, 303);
    ask(REASON);
    let seen = waiting(&admin);
    ask(REASON);
    assert_eq!(waiting(&admin), seen, "the same question waits once");

    ask(OTHER);
    let now = waiting(&admin);
    assert!(now.len() == 1 && now != seen, "{now:?}");
    let yes = [("verdict", "grant"), ("note", "")];
    let refused = admin.post(&seen[0], &yes);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("这项请求已经处理、撤销或过期"));
    assert_eq!(officer.get(&address).status, 303, "nobody has agreed");
    assert!(admin.get("/archive/approvals").body.contains(OTHER));
    assert_eq!(admin.post(&now[0], &yes).status, 303);
    assert_eq!(officer.get(&address).status, 200);
}

/// Whoever takes part in a conversation does not decide who looks into it, nor learns that
/// somebody wants to; and where nobody is left, the form says so.
#[test]
fn whoever_is_looked_into_does_not_decide_about_it() {
    let test = TestApp::start();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    archive(
        &test,
        1,
        [
            text(1, cast.super_admin, &[&customer], "我私下给您优惠"),
            text(2, cast.store_staff, &[&customer], "好的"),
        ],
    );
    let (admin, officer) = (test.sign_in("admin"), test.sign_in("compliance"));
    ask_for_a_second_person(&admin);
    let (his, other) = (chat_of(&officer, 1), chat_of(&officer, 2));
    let open = format!("/archive/{his}/open");
    let form = officer.get(&open).body;
    assert!(form.contains("目前没有人可以批准"), "{form}");
    assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    assert!(officer.get(&open).body.contains("目前没有人可以批准"));
    assert_eq!(waiting(&admin), [""; 0]);
    assert!(!admin.get("/archive/approvals").body.contains(REASON));
    assert!(!admin.get("/").body.contains("等待批准的查看和导出"));

    // Somebody else with the right decides, and then the one looked into takes nothing back.
    test.make_account("second", Role::SuperAdmin, None, None);
    assert!(officer.get(&open).body.contains("可以批准的人：second"));
    let second = test.sign_in("second");
    let [decide] = &waiting(&second)[..] else {
        panic!("{}", second.get("/archive/approvals").body);
    };
    let yes = [("verdict", "grant"), ("note", "")];
    assert_eq!(admin.post(decide, &yes).status, 404);
    assert_eq!(second.post(decide, &yes).status, 303);
    let revoke = decide.replace("/decide", "/revoke");
    assert_eq!(admin.post(&revoke, &[]).status, 404);
    let page = officer.get(&format!("/archive/{his}"));
    assert!(page.body.contains("我私下给您优惠"), "{}", page.body);

    // In the conversations of others the same person decides as ever.
    let open = format!("/archive/{other}/open");
    assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    assert_eq!(waiting(&admin).len(), 1);
    assert_eq!(admin.post(&waiting(&admin)[0], &yes).status, 303);
}

/// With a second person asked for, the queue of alerts is no way around: of a message that nobody
/// has agreed to it shows the word found with a little around it, and no list looks for one letter.
#[test]
fn alerts_show_no_more_than_the_words_until_somebody_agrees() {
    let test = TestApp::start();
    let own = firm::cast().store_staff;
    let customer = test.sim.as_ref().unwrap().customers_of(own)[0].clone();
    let (admin, officer) = (test.sign_in("admin"), test.sign_in("compliance"));
    let list = |words| {
        let fields = [
            ("name", "飞单"),
            ("words", words),
            ("severity", "high"),
            ("is_on", "on"),
            ("behaviour", "phone"),
        ];
        admin.post("/sensitive/words/new", &fields)
    };
    let single = list("转我微信\n的");
    assert_eq!(single.status, 422);
    assert!(single.body.contains("每个 2 到 40 个字"), "{}", single.body);
    assert_eq!(list("转我微信").status, 303);
    let (before, behind) = ("甲乙".repeat(20), "丙丁".repeat(20));
    let said = format!("{before}转我微信{behind}13800138000");
    archive(&test, 1, [text(1, own, &[&customer], &said)]);
    let queue = || {
        let page = officer.get("/sensitive/alerts").body;
        page.replace("<mark>", "").replace("</mark>", "")
    };
    test.wait_for("both are raised", || {
        (queue().matches("id=\"a-").count() == 2).then_some(())
    });
    let whole = format!("{}转我微信{behind}", "甲乙".repeat(20));
    assert!(queue().contains(&whole), "{}", queue());

    ask_for_a_second_person(&admin);
    let page = queue();
    let near = format!("…乙{}转我微信{}丙…", "甲乙".repeat(7), "丙丁".repeat(7));
    assert!(page.contains(&near), "{page}");
    for more in ["甲乙".repeat(8), "丙丁".repeat(8), "13800138000".to_owned()] {
        assert!(!page.contains(&more), "{more}");
    }
    assert!(page.contains("内容要有第二人同意后才显示"), "{page}");
    let settings = admin.get("/settings/archive").body;
    assert!(settings.contains("前后各最多 15 个字"), "{settings}");

    let chat = chat_of(&officer, 1);
    let open = format!("/archive/{chat}/open");
    assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    assert!(!queue().contains(&whole), "asked for is not agreed to");
    let yes = [("verdict", "grant"), ("note", "")];
    assert_eq!(admin.post(&waiting(&admin)[0], &yes).status, 303);
    assert!(queue().contains(&whole), "{}", queue());
}

/// Where the firm tells members, the workspace says that a conversation was opened, until it was
/// seen who has.
#[test]
fn the_workspace_says_that_ones_conversation_was_opened() {
    const LINE: &str = "有人打开过我的会话";
    let test = TestApp::start();
    let own = firm::cast().store_staff;
    let customer = test.sim.as_ref().unwrap().customers_of(own)[0].clone();
    archive(&test, 1, [text(1, own, &[&customer], "您好")]);
    let (staff, officer) = (test.sign_in("staff"), test.sign_in("compliance"));
    let open = format!("/archive/{}/open", chat_of(&officer, 1));
    let look = || assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    look();
    assert!(
        !staff.get("/").body.contains(LINE),
        "the firm does not tell"
    );

    let tells = [("library", ""), ("tells", "on")];
    let saved = test.sign_in("admin").post("/settings/archive", &tells);
    assert_eq!(saved.status, 303);
    assert!(!staff.get("/").body.contains(LINE));
    look();
    let workspace = staff.get("/").body;
    assert!(workspace.contains(LINE), "{workspace}");
    assert!(workspace.contains("href=\"/me/conversations\""));
    assert!(!officer.get("/").body.contains(LINE));

    let page = staff.get("/me/conversations").body;
    let up_to = between(&page, "name=\"up_to\" value=\"", '"').to_owned();
    look();
    let seen = [("up_to", up_to.as_str())];
    assert_eq!(staff.post("/me/conversations/seen", &seen).status, 303);
    assert!(staff.get("/").body.contains(LINE), "one came meanwhile");
    let seen = [("up_to", "18446744073709551615")];
    assert_eq!(staff.post("/me/conversations/seen", &seen).status, 303);
    assert!(!staff.get("/").body.contains(LINE));
    let page = staff.get("/me/conversations").body;
    assert!(page.contains(REASON) && !page.contains("name=\"up_to\""));

    // What was seen while the firm told stays seen; where it does not, nothing is said.
    look();
    let silent = [("library", "")];
    let saved = test.sign_in("admin").post("/settings/archive", &silent);
    assert_eq!(saved.status, 303);
    assert!(!staff.get("/").body.contains(LINE));
}
