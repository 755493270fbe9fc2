//! The archive's pages that have an address of their own, with every type of message, on a
//! phone and a desktop, in light and dark.

use qitai::wecom::sim::firm;

use super::{driver::Browser, sign_in};
use crate::{
    journeys::{
        chats::{archive, fixtures},
        evidence::complaint,
    },
    support::{TestApp, Visitor},
};

const REASON: (&str, &str) = ("reason", "核对退款投诉");

/// The conversations that somebody sees.
fn chats(visitor: &Visitor<'_>) -> Vec<String> {
    let list = visitor.get("/api/v1/messages?limit=200").json();
    let items = list["items"].as_array().unwrap();
    let mut chats: Vec<String> = items
        .iter()
        .map(|item| item["conversation_id"].as_str().unwrap().to_owned())
        .collect();
    chats.sort_unstable();
    chats.dedup();
    chats
}

/// The addresses: every conversation but one, opened; the one whose reason is asked for; a case;
/// a saved search.
fn pages(officer: &Visitor<'_>) -> Vec<String> {
    let mut chats = chats(officer);
    let closed = chats.pop().unwrap();
    assert!(chats.len() > 2, "{chats:?}");
    for chat in &chats {
        let opened = officer.post(&format!("/archive/{chat}/open"), &[REASON, ("next", "")]);
        assert_eq!(opened.status, 303, "{}", opened.body);
    }
    let about = officer.get("/api/v1/messages/3").json();
    let chat = about["conversation_id"].as_str().unwrap();
    let open = format!("/archive/{chat}/open");
    officer.post(&open, &[REASON, ("next", "")]);
    let fields = [
        ("seq", "3"),
        ("case", "new"),
        ("span", "this"),
        ("title", "TS-1182 退款"),
        ("why", "核对退款投诉"),
        ("chat", chat),
    ];
    let added = officer.post("/compliance/evidence/add", &fields);
    assert_eq!(added.status, 303, "{}", added.body);
    let search = [
        ("name", "退款"),
        ("from", "/archive?q=退款"),
        ("tells", "on"),
    ];
    assert_eq!(officer.post("/archive/searches", &search).status, 303);
    let mut pages: Vec<String> = chats.iter().map(|c| format!("/archive/{c}")).collect();
    pages.extend([
        format!("/archive/{closed}/open"),
        format!("/archive/{chat}?q=退款&at=3"),
        added.header("location").to_owned(),
        "/archive?q=退款".to_owned(),
        "/archive?by=chat".to_owned(),
        "/archive/searches".to_owned(),
        "/sensitive/alerts".to_owned(),
    ]);
    pages
}

/// No page of the archive is wider than its screen, writes to the console, or is left light
/// where somebody wants it dark.
#[test]
fn the_archive_fits_its_screen_in_both_themes() {
    let test = TestApp::start();
    let cast = firm::cast();
    complaint(&test);
    let customers = test.sim.as_ref().unwrap().customers_of(cast.store_staff);
    let all = fixtures(cast.store_staff, cast.region_manager, &customers[1]);
    archive(&test, 9, all);
    let officer = test.sign_in("compliance");
    let pages = pages(&officer);
    for (browser, width) in [(Browser::phone(), 390), (Browser::start(1440, 900), 1440)] {
        sign_in(&browser, &test, "compliance");
        for theme in ["dark", "light"] {
            browser.goto(&format!("{}/me", test.address));
            browser.run(&format!(
                "document.querySelector('#f-theme').value = '{theme}'; \
                 document.querySelector('main form[action=\"/me/preferences\"] button').click()"
            ));
            browser.find(&format!("html[data-theme={theme}]"));
            for page in &pages {
                browser.goto(&format!("{}{page}", test.address));
                browser.find("main h1");
                let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
                let at = format!("{width} {theme} {page}");
                assert!(wide.as_i64().unwrap() <= 0, "{at}: {wide} px too wide");
                let bright = browser.run(
                    "const c = getComputedStyle(document.documentElement).backgroundColor.match(/[\\d.]+/g); \
                     return c.slice(0, 3).reduce((a, b) => a + Number(b), 0) > 384",
                );
                assert_eq!(bright, theme == "light", "{at}");
                assert_eq!(browser.console(), Vec::<String>::new(), "{at}");
            }
        }
    }
}
