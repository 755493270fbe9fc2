//! What people see and press, in a real browser.

mod archive;
mod driver;
mod evidence;
mod setup;

use driver::Browser;

use qitai::{slice::Access, slices};
use serde_json::json;

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

    let officer = Browser::phone();
    sign_in(&officer, &test, "compliance");
    officer.goto(&format!("{}/compliance/audit", test.address));
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

/// A sort chosen in the list and words typed above it do not undo each other, a closed filter
/// says what is chosen in it, and going back shows the list as it was.
#[test]
fn conditions_of_a_list_add_up_and_back_takes_the_last_away() {
    let test = TestApp::start();
    let browser = Browser::start(1440, 900);
    sign_in(&browser, &test, "admin");
    browser.goto(&format!("{}/customers", test.address));
    let reach = |part: &str| {
        browser.until(&format!("the address has {part}"), || {
            browser.address().contains(part).then_some(())
        });
    };
    browser.find("th a.sort").click();
    reach("sort=name");
    browser.find("main .field input[name=q]").type_text("li");
    reach("q=li");
    reach("sort=name");
    browser
        .find(".filters details:nth-of-type(4) summary")
        .click();
    let choice = ".filters details:nth-of-type(4) li:nth-child(2) label";
    browser.find(choice).click();
    reach("via=");
    reach("q=li");
    reach("sort=name");
    browser.find(".filters details.is-on:nth-of-type(4) summary b");
    browser.back();
    browser.until("the condition is gone", || {
        (!browser.address().contains("via=")).then_some(())
    });
    browser.find(".filters details:nth-of-type(4):not(.is-on)");
    reach("q=li");
}

/// Letters that an input method is still composing are no search; what it gives in the end is.
#[test]
fn composing_is_not_searching() {
    let test = TestApp::start();
    let browser = Browser::start(1440, 900);
    sign_in(&browser, &test, "admin");
    browser.goto(&format!("{}/customers", test.address));
    // Without the pause after a key, every letter that counts is asked for at once.
    browser.run(
        "window.asked = []; const ask = fetch; \
         window.setTimeout = now => { now(); return 0; }; \
         window.fetch = (url, options) => { asked.push(url); return ask(url, options); };",
    );
    browser.find("main .field input[name=q]").click();
    for letters in ["w", "wa", "wang"] {
        browser.devtools(
            "Input.imeSetComposition",
            &json!({ "text": letters, "selectionStart": letters.len(), "selectionEnd": letters.len() }),
        );
    }
    browser.devtools("Input.insertText", &json!({ "text": "王" }));
    browser.find("#list mark");
    browser.until("the address follows", || {
        browser.address().contains("q=%E7%8E%8B").then_some(())
    });
    assert_eq!(
        browser.run("return asked"),
        json!(["/customers?q=%E7%8E%8B"]),
        "one request, for the word"
    );
}

/// No page is wider than a phone, in either language; none has an error in its console, such
/// as code or style that the content security policy refuses.
#[test]
fn pages_fit_a_phone_and_the_console_stays_silent() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let browser = Browser::phone();
    sign_in(&browser, &test, "admin");
    let mut pages: Vec<String> = slices::all()
        .iter()
        .flat_map(|slice| &slice.routes)
        .filter(|r| !r.is_unsafe() && !r.path.contains('{'))
        .filter(|r| !r.path.starts_with("/api/") && !r.path.starts_with("/scim/"))
        .filter(|r| r.access != Access::Public)
        // Files are no pages.
        .filter(|r| !r.path.contains('.'))
        .map(|r| r.path.to_owned())
        .collect();
    pages.push("/customers?q=li&via=1".to_owned());
    pages.push("/customers?q=zzzz".to_owned());
    pages.push("/search?q=wang".to_owned());
    browser.goto(&format!("{}/customers", test.address));
    let profile = browser.run("return document.querySelector('td.c-who a').getAttribute('href')");
    pages.push(profile.as_str().unwrap().to_owned());
    assert!(pages.len() > 10, "{pages:?}");
    browser.console();
    for lang in ["zh-CN", "en"] {
        browser.goto(&format!("{}/me", test.address));
        browser.run(&format!(
            "document.querySelector('#f-lang').value = '{lang}'; \
             document.querySelector('main form[action=\"/me/preferences\"] button').click()"
        ));
        browser.find(&format!("html[lang={lang}]"));
        for page in &pages {
            browser.goto(&format!("{}{page}", test.address));
            browser.find("main h1");
            let wide = browser.run("return document.documentElement.scrollWidth - screen.width");
            assert!(
                wide.as_i64().unwrap() <= 0,
                "{lang} {page}: {wide} px too wide"
            );
            assert_eq!(browser.console(), Vec::<String>::new(), "{lang} {page}");
        }
    }
    browser.find("a[href='#rail']").click();
    browser.find(".rail:target a[href='/org']").click();
    browser.until("the menu leads on", || {
        browser.address().ends_with("/org").then_some(())
    });
}
