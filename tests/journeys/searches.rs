//! Saved searches of the archive, their new matches, and what narrows a search to rooms.

use qitai::{
    archive::searches,
    identity::{
        Permission, Viewer,
        actions::{self, DisableAccount},
        queries,
    },
    wecom::sim::firm,
};

use super::chats::{archive, text};
use crate::support::{TestApp, Visitor};

/// The addresses of all messages on a page.
fn messages(page: &str) -> Vec<u64> {
    let links = page.split("#m-").skip(1);
    let numbers = links.map(|rest| rest.split('"').next().unwrap().parse().unwrap());
    numbers.collect()
}

/// The id of the search of this name, from its owner's page.
fn search(visitor: &Visitor<'_>, name: &str) -> String {
    let page = visitor.get("/archive/searches").body;
    let (_, line) = page
        .split_once(&format!(">{name}</a>"))
        .unwrap_or_else(|| panic!("{name} is not there: {page}"));
    let (_, rest) = line.split_once("/archive/searches?edit=").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn save(visitor: &Visitor<'_>, name: &str, from: &str, more: &[(&str, &str)]) {
    let fields = [&[("name", name), ("from", from)], more].concat();
    let saved = visitor.post("/archive/searches", &fields);
    assert_eq!(saved.status, 303, "{}", saved.body);
}

/// The number beside the archive in the menu.
fn badge(visitor: &Visitor<'_>) -> Option<String> {
    let page = visitor.get("/customers").body;
    let (_, menu) = page.split_once("<nav class=\"nav\"").unwrap();
    let (_, entry) = menu.split_once("<a href=\"/archive\"").unwrap();
    let (entry, _) = entry.split_once("</a>").unwrap();
    let (_, number) = entry.split_once("class=\"badge\">")?;
    number.split('<').next().map(str::to_owned)
}

fn is_told(test: &TestApp, visitor: &Visitor<'_>, id: &str, numbers: &[u64]) {
    test.wait_for("the search tells", || {
        let page = visitor.get(&format!("/archive/searches/{id}"));
        assert_eq!(page.status, 200);
        (messages(&page.body) == numbers).then_some(())
    });
}

#[test]
fn a_saved_search_tells_of_new_matches_within_the_scope_of_its_owner() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let own = cast.store_staff;
    let other = cast.region_manager;
    let customers = test.sim.as_ref().unwrap().customers_of(own);
    archive(&test, 1, [text(1, &customers[0], &[own], "要退款")]);
    let admin = test.sign_in("admin");
    let staff = test.sign_in("staff");
    let page = staff.get("/archive?q=%E9%80%80%E6%AC%BE").body;
    assert!(page.contains("/archive/searches?from="));
    for visitor in [&admin, &staff] {
        save(
            visitor,
            "退款",
            "/archive?q=%E9%80%80%E6%AC%BE",
            &[("tells", "on")],
        );
    }
    save(
        &admin,
        "安静",
        "/archive?q=%E9%80%80%E6%AC%BE",
        &[("share", "on")],
    );
    let again = [("name", "退款"), ("from", "/archive?q=a")];
    assert_eq!(staff.post("/archive/searches", &again).status, 422);

    let (of_admin, of_staff) = (search(&admin, "退款"), search(&staff, "退款"));
    // What was there before is no news.
    assert!(messages(&staff.get(&format!("/archive/searches/{of_staff}")).body).is_empty());
    archive(
        &test,
        2,
        [
            text(2, &customers[0], &[own], "退款到了"),
            text(3, &customers[1], &[own], "你好"),
            text(4, "wmStranger", &[other], "我也要退款"),
        ],
    );
    is_told(&test, &admin, &of_admin, &[4, 2]);
    is_told(&test, &staff, &of_staff, &[2]);
    assert!(staff.get("/archive").body.contains("1 条新命中"));
    assert_eq!(badge(&admin).as_deref(), Some("2"));
    assert_eq!(badge(&staff).as_deref(), Some("1"));
    // Nobody else opens it, and its owner's look is in the trail with its words committed to.
    assert_eq!(
        staff.get(&format!("/archive/searches/{of_admin}")).status,
        404
    );
    let quiet = search(&admin, "安静");
    assert!(messages(&admin.get(&format!("/archive/searches/{quiet}")).body).is_empty());

    // Those of another role do not see what is shared; matches that were seen are gone.
    assert!(!staff.get("/archive/searches").body.contains("安静"));
    let before = test.audit_size();
    let seen = format!("/archive/searches/{of_staff}/seen");
    assert_eq!(staff.post(&seen, &[("up_to", "2")]).status, 303);
    assert_eq!(test.audit_size() - before, 1);
    assert_eq!(badge(&staff), None);
    assert!(messages(&staff.get(&format!("/archive/searches/{of_staff}")).body).is_empty());
    archive(&test, 5, [text(5, &customers[1], &[own], "退款")]);
    is_told(&test, &staff, &of_staff, &[5]);
    let delete = format!("/archive/searches/{of_staff}/delete");
    assert_eq!(staff.post(&delete, &[]).status, 303);
    assert_eq!(
        staff.get(&format!("/archive/searches/{of_staff}")).status,
        404
    );
}

/// An account that is shut is told nothing, and what it had saved harms nobody else.
#[test]
fn the_searches_of_a_shut_account_stop() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let own = firm::cast().store_staff;
    let customers = test.sim.as_ref().unwrap().customers_of(own);
    archive(&test, 1, [text(1, &customers[0], &[own], "你好")]);
    let admin = test.sign_in("admin");
    let staff = test.sign_in("staff");
    for visitor in [&admin, &staff] {
        let from = "/archive?q=%E9%80%80%E6%AC%BE";
        save(visitor, "退款", from, &[("tells", "on")]);
    }
    let (of_admin, of_staff) = (search(&admin, "退款"), search(&staff, "退款"));
    let viewer = Viewer::system("test");
    let done = test
        .app
        .store
        .write_blocking(viewer.change("test.shut"), move |w| {
            let scope = viewer.scope(&w.read(), Permission::AccountManage)?;
            let account = queries::account_by_login(&w.read(), &scope, "staff")?;
            let command = DisableAccount {
                account: account.id,
            };
            let allowed = viewer.allow(w, command)?;
            actions::disable_account(w, allowed)
        });
    done.unwrap();
    archive(&test, 2, [text(2, &customers[0], &[own], "退款")]);
    is_told(&test, &admin, &of_admin, &[2]);
    let id = of_staff.parse().unwrap();
    let found = test.app.read(|r| searches::found(r, id));
    assert_eq!(found.unwrap(), []);
}

#[test]
fn a_search_is_narrowed_to_rooms_or_to_one_of_them() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let own = cast.store_staff;
    let customers = test.sim.as_ref().unwrap().customers_of(own);
    let room = |number: u64, id: &str| {
        let mut message = text(number, own, &[cast.region_manager], "开会");
        message["roomid"] = id.into();
        message
    };
    archive(
        &test,
        1,
        [
            text(1, &customers[0], &[own], "开会"),
            room(2, "wrA0000000000000000000000000000001"),
            room(3, "wrA0000000000000000000000000000002"),
        ],
    );
    let staff = test.sign_in("staff");
    let found = |query: &str| messages(&staff.get(&format!("/archive?{query}")).body);
    assert_eq!(found("q=%E5%BC%80%E4%BC%9A"), [3, 2, 1]);
    assert_eq!(found("sort=room"), [3, 2]);
    assert_eq!(found("sort=one&q=%E5%BC%80%E4%BC%9A"), [1]);
    assert_eq!(found("sort=room&by=chat"), [3, 2]);
    let one = staff.get("/api/v1/messages/2").json();
    let chat = one["conversation_id"].as_str().unwrap();
    assert_eq!(found(&format!("room={chat}")), [2]);
    assert_eq!(found("room=0000000000001"), [0; 0]);
}
