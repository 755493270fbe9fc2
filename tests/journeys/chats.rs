//! What people find and read of archived conversations, and what they do not.

use qitai::{
    archive::{
        Media, MediaState,
        ingest::{self, Arrival, Opened},
    },
    store::Act,
    wecom::{archive::Message, sim::firm},
};
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

/// One message of every type, as WeCom gives them out.
const FIXTURES: &str = include_str!("../../src/wecom/archive/fixtures/messages.jsonl");
/// 2026-01-01 12:00 in Shanghai.
const NOON_MS: i64 = 1_767_240_000_000;
/// Somebody outside whom only the archive knows.
const STRANGER: &str = "wmT7kQCAAAStrangerStrangerStranger";
const REASON: &str = "核对报价投诉，工单 TS-1182";

/// Brings messages into the archive as the library gives them out, numbered from `first` on.
pub fn archive(test: &TestApp, first: u64, messages: impl IntoIterator<Item = Value>) {
    let opened = (first..).zip(messages).map(|(seq, message)| Opened {
        seq,
        message: Message::parse(message.to_string().as_bytes()).unwrap(),
    });
    let arrival = Arrival::of(opened.collect(), test.app.zone());
    let act = Act::by_system("archive.pull", "archive");
    let stored = test
        .app
        .store
        .write_blocking(act, |w| Ok(ingest::store(w, arrival)?));
    assert!(stored.unwrap().messages > 0);
    test.settle();
}

/// A text from somebody to others.
pub fn text(number: u64, from: &str, to: &[&str], content: &str) -> Value {
    let at_ms = NOON_MS + i64::try_from(number).unwrap() * 60_000;
    json!({
        "msgid": format!("{number}_{at_ms}_external"), "action": "send", "from": from,
        "tolist": to, "roomid": "", "msgtime": at_ms, "msgtype": "text",
        "text": { "content": content },
    })
}

/// The fixtures with people of the made-up firm in them.
pub fn fixtures(staff: &str, colleague: &str, customer: &str) -> Vec<Value> {
    let text = FIXTURES
        .replace("LinXiaoyu", staff)
        .replace("ChenDawei", colleague)
        .replace("wmT7kQCAAAx3Yb9nQZr5LwUe1VhJdPgA", customer);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn ids(visitor: &Visitor<'_>, query: &str) -> Vec<String> {
    let page = visitor.get(&format!("/api/v1/messages?{query}"));
    assert_eq!(page.status, 200, "{query}: {}", page.body);
    let page = page.json();
    assert_eq!(
        page["total"].as_u64(),
        Some(page["items"].as_array().unwrap().len() as u64)
    );
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The conversation of a message.
fn chat_of(visitor: &Visitor<'_>, id: u64) -> String {
    let item = visitor.get(&format!("/api/v1/messages/{id}"));
    assert_eq!(item.status, 200, "{}", item.body);
    item.json()["conversation_id"].as_str().unwrap().to_owned()
}

/// Every type of message is shown in its conversation, found, and paged in both directions.
#[test]
fn a_member_reads_the_own_conversations() {
    let test = TestApp::start();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let messages = fixtures(cast.store_staff, cast.region_manager, &customer);
    let count = messages.len();
    archive(&test, 1, messages);
    let staff = test.sign_in("staff");

    let all = ids(&staff, "limit=200");
    assert_eq!(all.len(), count);
    let mut chats: Vec<String> = Vec::new();
    for id in &all {
        let chat = chat_of(&staff, id.parse().unwrap());
        if !chats.contains(&chat) {
            chats.push(chat);
        }
    }
    for chat in &chats {
        let page = staff.get(&format!("/archive/{chat}"));
        assert_eq!(page.status, 200, "{}", page.body);
    }
    let own = chat_of(&staff, 1);
    let page = staff.get(&format!("/archive/{own}?at=1")).body;
    for shown in [
        "王总您好，报价单今天下午发您。",
        "撤回，原文仍在存档中",
        "同意存档会话内容",
        "报价单-2026.xlsx",
        "示例园区 3 号楼",
        "example.com",
    ] {
        assert!(page.contains(shown), "{shown}");
    }

    // The search finds words, with the message in the middle of its conversation.
    let found = staff.get("/archive?q=%E6%8A%A5%E4%BB%B7").body;
    assert!(found.contains("<mark>报价</mark>"));
    assert!(found.contains(&format!("/archive/{own}?q=%E6%8A%A5%E4%BB%B7&#38;at=1#m-1")));
    let recalled = staff.get("/archive?flag=recalled").body;
    assert!(recalled.contains("王总您好") && !recalled.contains("收到，谢谢"));
    // One of WeCom's types is named where it narrows, in a group or alone.
    let named = [
        ("markdown", "Markdown"),
        ("vote", "投票"),
        ("form", "待办、投票、填表与接龙"),
    ];
    for (code, name) in named {
        let page = staff.get(&format!("/archive?type={code}")).body;
        let chip = format!("<em>类型</em><span class=\"clip\">{name}</span>");
        assert!(page.contains(&chip), "{code}: {page}");
        let ticked = format!("name=\"type\" value=\"{code}\" checked");
        assert!(page.contains(&ticked), "{code}: {page}");
        assert!(!ids(&staff, &format!("type={code}&limit=200")).is_empty());
    }
    let by_chat = staff.get("/archive?by=chat").body;
    assert_eq!(by_chat.matches("hits__grp").count(), chats.len());

    // Earlier and later messages come as parts of the same page.
    let whole = test.app.store.snapshot().feed_head();
    let later = staff.get(&format!("/archive/{own}?after=1"));
    assert!(later.body.contains("id=\"m-2\"") && !later.body.contains("id=\"m-1\""));
    let earlier = staff.get(&format!("/archive/{own}?before=2")).body;
    assert!(earlier.contains("id=\"m-1\"") && !earlier.contains("id=\"m-2\""));
    assert_eq!(
        test.app.store.snapshot().feed_head(),
        whole,
        "reading changes nothing"
    );
}

/// A name, also in pinyin, stands for the person: «cfx 退款» is 退款 in the chats with 陈芳雪.
#[test]
fn names_are_found_in_any_spelling() {
    let test = TestApp::start();
    let cast = firm::cast();
    let sim = test.sim.as_ref().unwrap();
    let all = sim.customers_of(cast.store_staff);
    assert!(sim.rename_customer(&all[0], "陈芳雪"));
    test.sync();
    let own = cast.store_staff;
    archive(
        &test,
        1,
        [
            text(1, &all[0], &[own], "上次的退款到了吗"),
            text(2, own, &[&all[1]], "退款三天内到账"),
            text(3, &all[0], &[own], "收到了，谢谢"),
            text(4, &all[1], &[own], "陈芳雪介绍我来的"),
        ],
    );
    let staff = test.sign_in("staff");
    assert_eq!(ids(&staff, "q=cfx+退款"), ["1"]);
    assert_eq!(ids(&staff, "q=陈芳雪"), ["4", "3", "1"]);
    assert_eq!(ids(&staff, "q=chenfangxue"), ["3", "1"]);
    assert_eq!(ids(&staff, "q=退款"), ["2", "1"]);
    assert_eq!(ids(&staff, "q=退款&from=2026-01-02"), [""; 0]);
    assert_eq!(ids(&staff, "type=text&to=2026-01-01&q=谢谢"), ["3"]);
    let customers = staff.get("/api/v1/customers?q=chenfangxue").json();
    let customer = customers["items"][0]["id"].as_str().unwrap();
    assert_eq!(ids(&staff, &format!("customer={customer}")), ["3", "1"]);
    let with_her = chat_of(&staff, 1);
    assert_eq!(ids(&staff, &format!("conversation={with_her}")), ["3", "1"]);
    let narrowed = format!("conversation={with_her}&q=退款");
    assert_eq!(ids(&staff, &narrowed), ["1"]);
    for nonsense in [
        "staff=x",
        "conversation=x",
        "from=yesterday",
        "type=nonsense",
        "surprise=1",
    ] {
        let answer = staff.get(&format!("/api/v1/messages?{nonsense}"));
        assert_eq!(answer.status, 400, "{nonsense}");
    }
    // The customer's page leads to the conversation.
    let profile = staff.get(&format!("/customers/{customer}")).body;
    assert!(profile.contains(&format!("/archive/{}", chat_of(&staff, 1))));
}

/// What others wrote is nowhere for a member: not in lists, counts, conversations, files, API.
#[test]
fn nobody_meets_the_conversations_of_others() {
    let test = TestApp::start();
    let cast = firm::cast();
    let own = cast.store_staff;
    let other = cast.region_manager;
    let room = |number: u64, from: &str, to: &[&str], content: &str| {
        let mut message = text(number, from, to, content);
        message["roomid"] = "wrT7kQCAAAiN7nE4rG2oR6uP1aA8bB3c".into();
        message
    };
    let mut picture = text(5, STRANGER, &[other], "");
    picture["msgtype"] = "image".into();
    picture["image"] = json!({ "md5sum": "", "filesize": 8, "sdkfileid": "RklYVFVSRQ==" });
    picture.as_object_mut().unwrap().remove("text");
    archive(
        &test,
        1,
        [
            text(1, own, &[STRANGER], "自己的暗号一"),
            text(2, STRANGER, &[other], "别人的暗号二"),
            room(3, other, &["ZhaoMin"], "进群以前的暗号三"),
            room(4, other, &["ZhaoMin", own], "进群以后的暗号四"),
            picture,
        ],
    );
    let (staff, officer) = (test.sign_in("staff"), test.sign_in("compliance"));
    assert_eq!(ids(&officer, "limit=200").len(), 5);
    assert_eq!(ids(&staff, "limit=200"), ["4", "1"]);
    assert_eq!(ids(&staff, "q=暗号"), ["4", "1"]);

    let (foreign, shared) = (chat_of(&officer, 2), chat_of(&officer, 4));
    for page in [
        "/archive",
        "/archive?q=暗号",
        "/archive?by=chat",
        "/search?q=暗号",
    ] {
        let body = staff.get(page).body;
        assert!(
            body.contains("自己的暗号一") || body.contains("自己的"),
            "{page}"
        );
        assert!(
            !body.contains("暗号二") && !body.contains("暗号三"),
            "{page}"
        );
        assert!(!body.contains(&foreign), "{page}");
    }
    let page = staff.get(&format!("/archive/{shared}?at=3")).body;
    assert!(page.contains("进群以后的") && !page.contains("进群以前的"));
    assert!(
        page.contains("<dd class=\"num\">1 条</dd>"),
        "one message is counted"
    );
    assert!(
        !staff
            .get(&format!("/archive/{shared}?before=4"))
            .body
            .contains("进群以前的")
    );

    keep_file(&test, 5, b"\x89PNG\r\n\x1a\n");
    for path in [
        format!("/archive/{foreign}"),
        format!("/archive/{foreign}/open"),
        "/archive/files/5/0".to_owned(),
        "/api/v1/messages/2".to_owned(),
        "/api/v1/messages/3".to_owned(),
        "/api/v1/messages/999".to_owned(),
        "/archive/0000000000001".to_owned(),
    ] {
        assert_eq!(staff.get(&path).status, 404, "{path}");
    }
    let before = test.audit_size();
    let open = format!("/archive/{foreign}/open");
    let refused = staff.post(&open, &[("reason", REASON), ("next", "")]);
    assert_eq!(refused.status, 404);
    assert_eq!(test.audit_size(), before);
}

/// A conversation of others opens for a reason, which is in the trail, as is every look.
#[test]
fn conversations_of_others_open_for_a_reason() {
    let test = TestApp::start();
    let cast = firm::cast();
    archive(
        &test,
        1,
        [
            text(1, cast.store_staff, &[STRANGER], "一句话"),
            text(2, STRANGER, &[cast.store_staff], "另一句"),
        ],
    );
    let officer = test.sign_in("compliance");
    let chat = chat_of(&officer, 1);
    let address = format!("/archive/{chat}?at=2");

    let asked = officer.get(&address);
    assert_eq!(asked.status, 303);
    let form = asked.header("location").to_owned();
    assert!(
        form.starts_with(&format!("/archive/{chat}/open?next=")),
        "{form}"
    );
    assert!(officer.get(&form).body.contains("查看事由"));

    let open = format!("/archive/{chat}/open");
    let before = test.audit_size();
    let short = officer.post(&open, &[("reason", "看看"), ("next", &address)]);
    assert_eq!(short.status, 422);
    assert!(
        short.body.contains("5 到 200 个字，现在是 2 个"),
        "{}",
        short.body
    );
    assert_eq!(test.audit_size(), before);
    let opened = officer.post(&open, &[("reason", REASON), ("next", &address)]);
    assert_eq!(
        (opened.status, opened.header("location")),
        (303, address.as_str())
    );
    assert_eq!(test.audit_size(), before + 1);
    let elsewhere = officer.post(
        &open,
        &[("reason", REASON), ("next", "https://evil.example")],
    );
    assert_eq!(elsewhere.header("location"), format!("/archive/{chat}"));

    let before = test.audit_size();
    let page = officer.get(&address);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("另一句") && page.body.contains(REASON));
    assert_eq!(test.audit_size(), before + 1);
    for act in ["archive.open", "archive.view", "archive.search"] {
        officer.get("/archive");
        let trail = officer.get(&format!("/compliance/audit?action={act}")).body;
        assert!(trail.contains("<tr"), "{act}");
    }
}

/// Admins read conversations only if the firm lets them, and then within their scope.
#[test]
fn admins_read_by_grant_and_within_scope() {
    let test = TestApp::start();
    let cast = firm::cast();
    archive(
        &test,
        1,
        [
            text(1, cast.store_staff, &[STRANGER], "门店里的话"),
            text(2, cast.super_admin, &[STRANGER], "总部里的话"),
        ],
    );
    for login in ["admin", "manager"] {
        assert_eq!(test.sign_in(login).get("/archive").status, 403, "{login}");
    }
    test.let_admins_read_chats();
    assert_eq!(ids(&test.sign_in("admin"), "limit=9"), ["2", "1"]);
    assert_eq!(ids(&test.sign_in("manager"), "limit=9"), ["1"]);
    // Staff see their department's customers, but their own conversations only.
    assert_eq!(ids(&test.sign_in("staff"), "limit=9"), ["1"]);
}

/// A file goes to whoever sees its message, as what its first bytes say, whole or in part.
#[test]
fn files_are_sent_as_what_they_are() {
    let test = TestApp::start();
    let cast = firm::cast();
    let file = |number: u64, name: &str| {
        let mut message = text(number, cast.store_staff, &[STRANGER], "");
        message.as_object_mut().unwrap().remove("text");
        message["msgtype"] = "file".into();
        message["file"] = json!({
            "md5sum": "", "filename": name, "fileext": "", "filesize": 9, "sdkfileid": "RklYVFVSRQ==",
        });
        message
    };
    archive(
        &test,
        1,
        [
            file(1, "图.png"),
            file(2, "坏\".html"),
            file(3, "还没有.pdf"),
        ],
    );
    keep_file(&test, 1, b"\x89PNG\r\n\x1a\n0123456789");
    keep_file(&test, 2, b"<script>alert(1)</script>");
    let staff = test.sign_in("staff");

    let before = test.audit_size();
    let picture = staff.get("/archive/files/1/0");
    assert_eq!(
        (picture.status, picture.header("content-type")),
        (200, "image/png")
    );
    assert_eq!(picture.bytes, b"\x89PNG\r\n\x1a\n0123456789");
    assert!(picture.header("content-disposition").starts_with("inline;"));
    assert!(
        picture
            .header("content-security-policy")
            .ends_with("sandbox")
    );
    assert_eq!(test.audit_size(), before + 1);
    let part = staff.get_range("/archive/files/1/0", "bytes=8-10");
    assert_eq!((part.status, part.bytes.as_slice()), (206, &b"012"[..]));
    assert_eq!(part.header("content-range"), "bytes 8-10/18");
    assert_eq!(
        staff.get_range("/archive/files/1/0", "bytes=99-").status,
        416
    );

    let page = staff.get("/archive/files/2/0");
    assert_eq!(page.header("content-type"), "application/octet-stream");
    assert!(
        page.header("content-disposition")
            .starts_with("attachment;")
    );
    assert!(
        page.header("content-disposition")
            .contains("UTF-8''%E5%9D%8F%22.html")
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    for missing in [
        "/archive/files/3/0",
        "/archive/files/1/1",
        "/archive/files/9/0",
    ] {
        assert_eq!(staff.get(missing).status, 404, "{missing}");
    }
    let officer = test.sign_in("compliance");
    let first = officer.get("/archive/files/1/0");
    assert_eq!(first.status, 303, "a reason comes first");
}

/// A voice message is played in the browser, and downloaded as it was sent.
#[test]
fn voice_messages_are_played() {
    let test = TestApp::start();
    let cast = firm::cast();
    let voice = |number: u64| {
        let mut message = text(number, cast.store_staff, &[STRANGER], "");
        message.as_object_mut().unwrap().remove("text");
        message["msgtype"] = "voice".into();
        message["voice"] = json!({
            "md5sum": "", "voice_size": 1_606, "play_length": 1, "sdkfileid": "RklYVFVSRQ==",
        });
        message
    };
    archive(&test, 1, [voice(1), voice(2)]);
    // A second of silence at 12.2 kbit/s.
    let frame = [&[0x3c][..], &[0; 31]].concat();
    let amr = [&b"#!AMR\n"[..], &frame.repeat(50)].concat();
    keep_file(&test, 1, &amr);
    keep_file(&test, 2, b"#!AMR-WB\nsomething else");
    let staff = test.sign_in("staff");

    let chat = chat_of(&staff, 1);
    let viewer = staff.get(&format!("/archive/{chat}")).body;
    assert!(viewer.contains("<audio"));
    assert!(viewer.contains("src=\"/archive/files/1/0/play\""));
    assert!(
        !viewer.contains("/archive/files/2/0/play"),
        "nobody can play it"
    );
    assert!(viewer.contains("href=\"/archive/files/2/0\""));

    let before = test.audit_size();
    let played = staff.get("/archive/files/1/0/play");
    assert_eq!(
        (played.status, played.header("content-type")),
        (200, "audio/wav")
    );
    assert_eq!(played.bytes.len(), 44 + 16_000);
    assert_eq!(test.audit_size(), before + 1);
    let part = staff.get_range("/archive/files/1/0/play", "bytes=8-11");
    assert_eq!((part.status, part.bytes.as_slice()), (206, &b"WAVE"[..]));
    let sent = staff.get("/archive/files/1/0");
    assert_eq!(sent.header("content-type"), "audio/amr");
    assert_eq!(sent.bytes, amr);
    assert_eq!(staff.get("/archive/files/2/0/play").status, 404);
    let officer = test.sign_in("compliance");
    let first = officer.get("/archive/files/1/0/play");
    assert_eq!(first.status, 303, "a reason comes first");
}

/// Puts the first file of a message on the shelf.
pub fn keep_file(test: &TestApp, seq: u64, content: &[u8]) {
    let sha256 = qitai::archive::keep_for_test(&test.app, content);
    let length = content.len() as u64;
    let act = Act::by_system("archive.files", "archive");
    let kept = test.app.store.write_blocking(act, move |w| {
        let mut media = w.get::<Media>(&(seq, 0))?.expect("the message has a file");
        media.state = MediaState::Here;
        media.sha256 = Some(sha256);
        media.length = length;
        Ok(w.put(&media)?)
    });
    kept.unwrap();
}
