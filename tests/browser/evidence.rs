//! From a complaint to a package that somebody outside verifies, pressed in a real browser.

use qitai::audit::checkpoints;

use super::{driver::Browser, sign_in};
use crate::{
    journeys::evidence::{alter, complaint, verify_both},
    support::TestApp,
};

const REASON: &str = "核对退款投诉，工单 TS-1182";

/// Submits the form that a button belongs to, and waits for what the next page says.
fn press(browser: &Browser, button: &str, then: &str) {
    browser.find(button).click();
    browser.wait_for_text(then);
}

/// A second person says yes to what waits first in the list.
fn approve(approver: &Browser, test: &TestApp) {
    approver.goto(&format!("{}/archive/approvals", test.address));
    press(
        approver,
        "button[name=verdict][value=grant]",
        "没有待批准的请求",
    );
}

/// The package as the page's own link gives it, with the browser's own session.
fn download(browser: &Browser) -> Vec<u8> {
    let encoded = browser.run(
        "return (async () => { \
           const link = document.querySelector('a[download]').href; \
           const bytes = new Uint8Array(await (await fetch(link)).arrayBuffer()); \
           return [...bytes].map(b => b.toString(16).padStart(2, '0')).join(''); })()",
    );
    hex::decode(encoded.as_str().unwrap()).unwrap()
}

/// Name in pinyin and a word lead to the message that was taken back; it goes into a case,
/// a second person approves reading and sealing, and the package verifies offline until a
/// byte of it is another one.
#[test]
fn a_complaint_is_searched_approved_sealed_and_verified() {
    let test = TestApp::start();
    complaint(&test);
    let (officer, approver) = (Browser::start(1440, 900), Browser::start(1440, 900));
    sign_in(&approver, &test, "admin");
    sign_in(&officer, &test, "compliance");
    approver.goto(&format!("{}/settings/archive", test.address));
    for eyes in ["read", "evidence"] {
        let form = "form[action='/settings/archive/approval']";
        approver.find(&format!("{form} input[name={eyes}]")).click();
    }
    approver
        .find("form[action='/settings/archive/approval'] button")
        .click();
    approver.find(".toast");

    officer.goto(&format!("{}/archive", test.address));
    officer
        .find("main form[role=search] input[name=q]")
        .type_text("cfx 退款\u{e007}");
    officer.wait_for_text("内容要有第二人同意后才显示");
    assert!(!officer.text().contains("私下"), "found, and not shown");
    let hit = officer.run(
        "return [...document.querySelectorAll('#list a[href*=\"at=\"]')]\
           .find(a => a.innerText.includes('已撤回')).href",
    );
    let hit = hit.as_str().unwrap().to_owned();
    officer.goto(&hit);
    officer.find("textarea[name=reason]").type_text(REASON);
    press(&officer, "main form .btn--pri", "等待另一人批准");
    approve(&approver, &test);
    officer.goto(&hit);
    officer.wait_for_text("撤回，原文仍在存档中");

    press(&officer, "#m-3 a.msg__keep", "退款我私下转给您");
    officer.find("input[name=title]").type_text("TS-1182 退款");
    officer.find("textarea[name=why]").type_text(REASON);
    press(&officer, "main form .btn--pri", "TS-1182 退款");
    officer.find("form[action$='/ask'] button").click();
    officer.wait_for_text("等待批准");
    let case = officer.address();
    approve(&approver, &test);
    officer.goto(&case);
    officer.find("form[action$='/seal'] button").click();
    test.wait_for("the case is sealed", || {
        officer.goto(&case);
        officer.text().contains("已封存").then_some(())
    });

    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("evidence.zip");
    std::fs::write(&package, download(&officer)).unwrap();
    let key = checkpoints::verifier_key(test.app.store.vault()).text();
    for (code, said) in verify_both(&package, &key) {
        assert_eq!(code, 0, "{said}");
    }
    let altered = dir.path().join("altered.zip");
    alter(&package, &altered, "messages.jsonl", "我私下");
    for (code, said) in verify_both(&altered, &key) {
        assert!(
            code == 1 && said.contains("message 3 was altered"),
            "{said}"
        );
    }
    for browser in [&officer, &approver] {
        assert_eq!(browser.console(), Vec::<String>::new());
    }
}
