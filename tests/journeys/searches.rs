//! Saved searches of the archive, their new matches, and what narrows a search to rooms.

use qitai::{
    archive::{Chat, Place, searches},
    identity::{
        Permission, Viewer,
        actions::{self, DisableAccount},
        queries,
    },
    store::Act,
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

/// A room is picked by its name, as it is written or in pinyin, from all that the viewer sees.
#[test]
fn a_room_is_found_by_its_name() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let cast = firm::cast();
    let names = (0..30u64).map(|no| (no, format!("闲聊群{no}")));
    let names: Vec<(u64, String)> = names.chain([(30, "星河售后群".into())]).collect();
    let id = |no: u64| format!("wrA{no:029}");
    // The one that is looked for has the oldest message; another is somebody else's.
    let of = |no: u64, from: &str, to: &str| {
        let mut message = text(31 - no, from, &[to], "开会");
        message["roomid"] = id(no).into();
        message
    };
    let mut messages: Vec<_> = names
        .iter()
        .rev()
        .map(|(no, _)| of(*no, cast.store_staff, cast.region_manager))
        .collect();
    messages.push(of(31, cast.region_manager, "nobody"));
    archive(&test, 1, messages);
    let chats: Vec<Chat> = test
        .app
        .read(|r| r.all(None)?.collect::<Result<_, _>>())
        .unwrap();
    let act = Act::by_system("archive.room", "test");
    let named = test.app.store.write_blocking(act, move |w| {
        for mut chat in chats {
            let Place::Room(room) = &chat.place else {
                continue;
            };
            let name = names.iter().find(|(no, _)| id(*no) == *room);
            chat.name = name.map_or("别人的售后群".into(), |(_, name)| name.clone());
            w.put(&chat)?;
        }
        Ok(())
    });
    named.unwrap();

    let staff = test.sign_in("staff");
    let page = staff.get("/archive").body;
    let field = page.split("<div id=\"group\"").nth(1).unwrap();
    let field = field.split("pop__foot").next().unwrap();
    assert!(
        field.contains("闲聊群0<") && !field.contains("售后群"),
        "{field}"
    );
    for typed in ["售后", "xhsh", "xinghe", "星河 群"] {
        let part = staff.part(&format!("/archive?group={typed}"), "group").body;
        assert!(part.contains("<div id=\"group\""), "{part}");
        assert!(part.contains(">星河售后群<"), "{typed}: {part}");
        for absent in ["闲聊群", "别人的", "开会"] {
            assert!(!part.contains(absent), "{typed}: {part}");
        }
    }
    // Without the script the whole page comes, with what was found to choose from.
    let before = test.audit_size();
    let page = staff.get("/archive?group=xhsh").body;
    assert!(test.audit_size() > before, "looking is a search");
    assert!(page.contains("<details class=\"dd\" open>"), "{page}");
    let chosen = page.split(">星河售后群<").next().unwrap();
    let chosen = chosen.rsplit("name=\"room\" value=\"").next().unwrap();
    let chosen = chosen.split('"').next().unwrap();
    let page = staff
        .get(&format!("/archive?group=xhsh&room={chosen}"))
        .body;
    assert_eq!(self::messages(&page), [1]);
    assert!(!page.contains("<details class=\"dd\" open>"), "{page}");
    let chip = "<em>群聊</em><span class=\"clip\">星河售后群</span><a href=\"/archive\"";
    assert!(page.contains(chip), "{page}");
    let none = staff.part("/archive?group=没有这样的", "group").body;
    assert!(none.contains("没有叫这个名字的群聊"), "{none}");
    // Somebody else's is as if not there.
    let officer = test.sign_in("compliance");
    let part = officer.part("/archive?group=别人的", "group").body;
    let foreign = part.rsplit("name=\"room\" value=\"").next().unwrap();
    let foreign = foreign.split('"').next().unwrap();
    let page = staff.get(&format!("/archive?room={foreign}")).body;
    assert!(page.contains("不在范围内的群聊"), "{page}");
    assert!(!page.contains("别人的售后群"), "{page}");
}
