//! Word lists that WeCom itself intercepts.

use qitai::wecom::sim::firm;
use serde_json::json;

use super::chats::{archive, text};
use crate::support::{TestApp, Visitor};

/// The address of the list of this name.
pub fn list(visitor: &Visitor<'_>, name: &str) -> String {
    let page = visitor.get("/sensitive/words").body;
    let (before, _) = page
        .split_once(&format!(">{name}</a>"))
        .unwrap_or_else(|| panic!("{name} is not there: {page}"));
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    href.split('"').next().unwrap().to_owned()
}

fn keep(visitor: &Visitor<'_>, at: &str, words: &str) {
    let fields = [
        ("name", "飞单"),
        ("words", words),
        ("severity", "high"),
        ("is_on", "on"),
    ];
    assert_eq!(visitor.post(at, &fields).status, 303);
}

/// The words of WeCom's rules by name.
fn rules(test: &TestApp) -> Vec<(String, Vec<String>)> {
    let client = test.app.wecom().unwrap();
    let rules = test.block_on(client.intercept_rules()).unwrap();
    let rule = |id: &str| test.block_on(client.intercept_rule(id)).unwrap();
    rules
        .iter()
        .map(|entry| (entry.rule_name.clone(), rule(&entry.rule_id).word_list))
        .collect()
}

#[test]
fn wecom_intercepts_the_words_of_a_list_as_long_as_it_is_wanted() {
    let test = TestApp::with_customers(20);
    test.let_admins_read_chats();
    let admin = test.sign_in("admin");
    let page = admin.get("/sensitive/words").body;
    assert!(
        page.contains("<a href=\"/sensitive/alerts\" aria-current=\"page\">"),
        "the entry of the rail"
    );
    keep(&admin, "/sensitive/words/new", "转我微信\n私下付");
    let list = list(&admin, "飞单");
    let rule = format!("{list}/rule");
    let page = admin.get(&rule).body;
    assert!(page.contains("没有打开「聊天敏感词拦截」"));
    let selected = page.split("<option value=\"").find_map(|option| {
        let (value, rest) = option.split_once('"')?;
        (rest.starts_with(" selected") && value.len() == 13).then(|| value.to_owned())
    });
    let unit = selected.expect("the whole firm is chosen");
    let fields = [("action", "block"), ("unit", unit.as_str())];
    // Nothing is written before the firm allows it.
    assert_ne!(admin.post(&rule, &fields).status, 303);
    let on = [("words", "on")];
    assert_eq!(admin.post("/settings/wecom/writing", &on).status, 303);
    let nobody = [("action", "block"), ("unit", "none")];
    assert_eq!(admin.post(&rule, &nobody).status, 422);
    assert_eq!(admin.post(&rule, &fields).status, 303);
    let is = |words: &[&str]| {
        let there = rules(&test);
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        (there == [("飞单".to_owned(), words)]).then_some(())
    };
    test.wait_for("the rule is made", || is(&["转我微信", "私下付"]));
    test.wait_for("the page says so", || {
        admin
            .get("/sensitive/words")
            .body
            .contains("警告并拦截")
            .then_some(())
    });
    keep(&admin, &list, "转我微信");
    test.wait_for("the rule follows", || is(&["转我微信"]));
    // WeCom takes less than a list may hold.
    let fields = [
        ("name", "飞单"),
        ("words", &"字".repeat(33)),
        ("severity", "high"),
        ("is_on", "on"),
    ];
    assert_eq!(admin.post(&list, &fields).status, 422);
    assert_eq!(admin.post(&format!("{rule}/delete"), &[]).status, 303);
    let client = test.app.wecom().unwrap();
    test.wait_for("the rule is gone", || {
        let rules = test.block_on(client.intercept_rules()).unwrap();
        rules.is_empty().then_some(())
    });
    test.wait_for("the page says so", || {
        admin.get(&rule).body.contains("未拦截").then_some(())
    });
}

#[test]
fn alerts_say_who_wrote_to_whom_even_without_a_name() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let admin = test.sign_in("admin");
    keep(&admin, "/sensitive/words/new", "转我微信");
    let staff = firm::cast().store_staff;
    let stranger = "wmT7kQCAAAnobodyknowsme000000000";
    let mut in_room = text(2, staff, &[stranger], "群里也转我微信");
    in_room["roomid"] = json!("wrT7kQCAAAnobodyknowsit000000000");
    let apart = text(3, staff, &[stranger], "钱转 我.微 信，谢谢");
    archive(
        &test,
        1,
        [text(1, staff, &[stranger], "转我微信"), in_room, apart],
    );
    let page = test.wait_for("all are raised", || {
        let page = admin.get("/sensitive/alerts").body;
        (page.matches("信</mark>").count() == 3).then_some(page)
    });
    // Written apart, it is marked as it stands there.
    assert!(page.contains(">转 我.微 信</mark>"), "{page}");
    // A room without a name is called by its people.
    for with in ["→ 微信用户</a>", "、微信用户 (2)</a>"] {
        assert!(page.contains(with), "{with}: {page}");
    }
}
