//! What people see and press, in a real browser.

mod driver;

use driver::Browser;

use crate::support::{PASSWORD, TestApp};

fn sign_in(browser: &Browser, test: &TestApp, login: &str) {
    browser.goto(&format!("{}/login", test.address));
    browser.find("input[name=login]").type_text(login);
    browser.find("input[name=password]").type_text(PASSWORD);
    browser.find("form[action='/login'] button").click();
    browser.until("the sign-in is done", || {
        (!browser.address().contains("/login")).then_some(())
    });
}

/// Three letters of pinyin in the palette, Enter, and the customer is on the screen; the
/// number is shown on request, and the officer sees that it was.
#[test]
fn a_customer_is_found_by_pinyin_and_the_look_is_on_record() {
    let test = TestApp::start();
    let sim = test.sim.as_ref().unwrap();
    let cast = qitai::wecom::sim::firm::cast();
    sim.add_customer(cast.store_staff, "单雄测");
    test.sync();
    test.settle();

    let browser = Browser::start(1440, 900);
    sign_in(&browser, &test, "staff");
    browser.wait_for_text("客户");
    browser.press("k", true);
    browser.find("#pal input[name=q]").type_text("sxc");
    browser.find("#pal-hits a.is-cursor");
    browser.wait_for_text("单雄测");
    browser.find("#pal input[name=q]").type_text("\u{e007}");
    browser.until("the profile opens", || {
        browser.address().contains("/customers/").then_some(())
    });
    browser.wait_for_text("单雄测");

    browser.goto(&format!("{}/customers", test.address));
    let with_phone = browser.run(
        "return (async () => { \
           for (const a of document.querySelectorAll('td.c-who a')) { \
             const page = await (await fetch(a.href)).text(); \
             if (page.includes('/phones/')) return a.href; \
           } return ''; })()",
    );
    let with_phone = with_phone.as_str().unwrap();
    assert!(
        !with_phone.is_empty(),
        "somebody on the first page has a phone"
    );
    browser.goto(with_phone);
    browser.find(".masked button").click();
    browser.find(".masked.is-open");
    assert!(
        !browser
            .run("return document.querySelector('.masked.is-open').innerText")
            .as_str()
            .unwrap()
            .contains('*')
    );

    let officer = Browser::start(390, 844);
    sign_in(&officer, &test, "compliance");
    officer.wait_for_text("审计日志");
    officer.wait_for_text("查看手机号");
}

/// A list follows what is typed, the address follows the list, and the box keeps the focus.
#[test]
fn lists_are_narrowed_while_typing_without_losing_the_address() {
    let test = TestApp::start();
    let browser = Browser::start(1440, 900);
    sign_in(&browser, &test, "admin");
    browser.goto(&format!("{}/customers", test.address));
    browser.find("main .field input[name=q]").type_text("wang");
    browser.until("the address follows", || {
        browser.address().contains("q=wang").then_some(())
    });
    browser.find("#list mark");
    let rows = browser.run("return document.querySelectorAll('[data-rows] tbody tr').length");
    assert!(rows.as_u64().unwrap() > 0);
    browser.press("j", false);
    assert_eq!(
        browser.run("return document.activeElement.name"),
        "q",
        "typing goes on in the box; single keys act only outside of it"
    );
}
