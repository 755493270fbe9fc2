//! Messages that arrive while somebody reads.

use qitai::{archive::Opening, identity::Session, store::Act, wecom::sim::firm};

use super::chats::{archive, text};
use crate::support::{Answer, TestApp, Visitor};

/// Somebody outside whom only the archive knows.
const STRANGER: &str = "wmT7kQCAAAStrangerStrangerStranger";
const REASON: [(&str, &str); 2] = [("reason", "核对报价投诉"), ("next", "")];

/// The conversation of a message.
fn chat_of(visitor: &Visitor<'_>, id: u64) -> String {
    let item = visitor.get(&format!("/api/v1/messages/{id}")).json();
    item["conversation_id"].as_str().unwrap().to_owned()
}

/// Where the end on a page asks.
fn asks(page: &str) -> String {
    let (_, rest) = page.split_once("/news?").expect("the end is watched");
    let (before, _) = page.split_once("/news?").unwrap();
    let from = before.rsplit_once('"').unwrap().1;
    let to = rest.split('"').next().unwrap();
    format!("{from}/news?{to}").replace("&#38;", "&")
}

fn look(visitor: &Visitor<'_>, address: &str) -> Answer {
    visitor.get_part(address, "later")
}

/// The way to what has come.
fn way(part: &str) -> String {
    let (_, rest) = part.split_once("id=\"news\" href=\"").expect(part);
    rest.split('"').next().unwrap().replace("&#38;", "&")
}

#[test]
fn what_arrives_at_the_end_of_a_conversation_is_told_and_loaded() {
    let test = TestApp::start();
    let own = firm::cast().store_staff;
    let say = |n: u64| text(n, STRANGER, &[own], &format!("第{n}句"));
    archive(&test, 1, (1..=30).map(say));
    let staff = test.sign_in("staff");
    let chat = chat_of(&staff, 1);
    let middle = staff.get(&format!("/archive/{chat}?at=5")).body;
    assert!(!middle.contains("/news?"), "there is more to read first");
    let page = staff.get(&format!("/archive/{chat}?q=句")).body;
    let first = asks(&page);

    // Nothing has come: nothing is said. A message elsewhere is none.
    let elsewhere = text(31, own, &["wmT7kQCAAAsomebodyelse0000000000"], "别处");
    archive(&test, 31, [elsewhere]);
    let nothing = look(&staff, &first);
    assert_eq!((nothing.status, nothing.body.as_str()), (204, ""));
    archive(&test, 32, [say(32), say(33)]);
    let before = test.audit_size();
    let told = look(&staff, &first);
    assert_eq!(told.status, 200);
    assert!(told.body.contains("2 条新消息"), "{}", told.body);
    assert!(!told.body.contains("第32"), "{}", told.body);
    // The same number is not said twice; another one is.
    let second = asks(&told.body);
    assert_eq!(look(&staff, &second).status, 204);
    assert_eq!(test.audit_size(), before, "looking leaves no entry");
    archive(&test, 34, [say(34)]);
    let told = look(&staff, &second).body;
    assert!(told.contains("3 条新消息"), "{told}");

    // Loading does, as paging does; the conditions of the page go along.
    let before = test.audit_size();
    let loaded = look(&staff, &way(&told)).body;
    for shown in ["id=\"m-32\"", "id=\"m-34\"", "<mark>句</mark>"] {
        assert!(loaded.contains(shown), "{shown}: {loaded}");
    }
    assert!(!loaded.contains("id=\"m-30\""));
    assert_eq!(test.audit_size(), before + 1);
    assert_eq!(look(&staff, &asks(&loaded)).status, 204);
    // By hand the address leads to the conversation.
    let by_hand = staff.get(&first);
    assert_eq!(
        (by_hand.status, by_hand.header("location")),
        (303, &*format!("/archive/{chat}"))
    );
    let whole = staff.get(&way(&told)).body;
    assert!(whole.contains("<h1>") && whole.contains("第34"));
    // Many are not counted one by one.
    archive(&test, 35, (35..=140).map(say));
    let told = look(&staff, &asks(&loaded)).body;
    assert!(told.contains("超过 99 条新消息"), "{told}");
}

#[test]
fn nobody_is_told_of_messages_they_may_not_read() {
    let test = TestApp::start();
    let cast = firm::cast();
    let (own, other) = (cast.store_staff, cast.region_manager);
    let room = |n: u64, to: &[&str]| {
        let mut message = text(n, other, to, "群里的话");
        message["roomid"] = "wrT7kQCAAAiN7nE4rG2oR6uP1aA8bB3c".into();
        message
    };
    archive(&test, 1, [room(1, &["ZhaoMin", own])]);
    let (staff, officer) = (test.sign_in("staff"), test.sign_in("compliance"));
    let chat = chat_of(&officer, 1);
    let page = staff.get(&format!("/archive/{chat}")).body;
    let mine = asks(&page);
    // After having left, what others write there is nobody's business.
    archive(&test, 2, [room(2, &["ZhaoMin"])]);
    assert_eq!(look(&staff, &mine).status, 204);
    archive(&test, 3, [room(3, &["ZhaoMin", own])]);
    assert!(look(&staff, &mine).body.contains("1 条新消息"));

    // Without a reason, or when it has run out, there is only the way to give one.
    let lapsed = look(&officer, &mine);
    assert!(
        lapsed.status == 200 && lapsed.body.contains("重新填写"),
        "{}",
        lapsed.body
    );
    assert!(!lapsed.body.contains("新消息"), "{}", lapsed.body);
    let open = format!("/archive/{chat}/open");
    assert_eq!(officer.post(&open, &REASON).status, 303);
    assert!(look(&officer, &mine).body.contains("2 条新消息"));
    let act = Act::by_system("test.age", "test");
    let aged = test.app.store.write_blocking(act, |w| {
        let all: Vec<Opening> = w.read().all(None)?.collect::<Result<_, _>>()?;
        for mut opening in all {
            opening.until = w.now().plus_ms(-1);
            w.put(&opening)?;
        }
        Ok(())
    });
    aged.unwrap();
    assert!(look(&officer, &mine).body.contains("重新填写"));
    // Nor without the conversation in scope, or the right to the archive.
    assert_eq!(
        look(&staff, "/archive/0000000000001/news?end=1&last=1").status,
        404
    );
    assert_eq!(look(&test.sign_in("admin"), &mine).status, 403);
}

#[test]
fn watching_keeps_no_session_alive() {
    let test = TestApp::start();
    let own = firm::cast().store_staff;
    archive(&test, 1, [text(1, STRANGER, &[own], "在吗")]);
    let staff = test.sign_in("staff");
    let chat = chat_of(&staff, 1);
    let ask = asks(&staff.get(&format!("/archive/{chat}")).body);
    let act = Act::by_system("test.age", "test");
    let aged = test.app.store.write_blocking(act, |w| {
        let all: Vec<Session> = w.read().all(None)?.collect::<Result<_, _>>()?;
        for mut session in all {
            session.seen_at = w.now().plus_ms(-20 * 60_000);
            w.put(&session)?;
        }
        Ok(())
    });
    aged.unwrap();
    let seen = || {
        // Behind whatever was to be written without anybody waiting for it.
        let act = Act::by_system("test.wait", "test");
        test.app.store.write_blocking(act, |_| Ok(())).unwrap();
        test.app.read(|r| {
            let all = r.all::<Session>(None).unwrap();
            all.map(|session| session.unwrap().seen_at).max().unwrap()
        })
    };
    let before = seen();
    assert_eq!(look(&staff, &ask).status, 204);
    assert_eq!(seen(), before);
    staff.get("/me");
    assert!(seen() > before, "a page does");
}
