//! A complaint, from the search to a package that somebody outside verifies; and the eyes of a
//! second person.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::Command,
};

use qitai::{audit::checkpoints, wecom::sim::firm};
use serde_json::{Value, json};

use super::chats::{archive, keep_file, text};
use crate::support::{Answer, TestApp, Visitor};

const REASON: &str = "核对退款投诉，工单 TS-1182";
const HOSTILE: &str = "<script>alert(1)</script>\"'&退款";

/// A complaint about a refund: a promise that was taken back, with what stood around it.
pub fn complaint(test: &TestApp) -> String {
    let cast = firm::cast();
    let sim = test.sim.as_ref().unwrap();
    let customer = sim.customers_of(cast.store_staff)[0].clone();
    assert!(sim.rename_customer(&customer, "陈芳雪"));
    test.sync();
    let staff = cast.store_staff;
    let promise = text(3, staff, &[&customer], "退款我私下转给您");
    let mut recall = text(4, staff, &[&customer], "");
    recall.as_object_mut().unwrap().remove("text");
    recall["action"] = "recall".into();
    recall["msgtype"] = "revoke".into();
    recall["revoke"] = json!({ "pre_msgid": promise["msgid"] });
    let mut picture = text(5, &customer, &[staff], "");
    picture.as_object_mut().unwrap().remove("text");
    picture["msgtype"] = "image".into();
    picture["image"] = json!({ "md5sum": "", "filesize": 18, "sdkfileid": "RklYVFVSRQ==" });
    let mut lost = picture.clone();
    lost["msgid"] = "6_lost_external".into();
    archive(
        test,
        1,
        [
            text(1, &customer, &[staff], "我要退款"),
            text(2, staff, &[&customer], "好的，请稍等"),
            promise,
            recall,
            picture,
            lost,
            text(7, &customer, &[staff], HOSTILE),
            text(8, staff, &["ZhaoMin"], "别的会话里的退款"),
        ],
    );
    keep_file(test, 5, b"\x89PNG\r\n\x1a\n0123456789");
    customer
}

/// The part of a page behind `before` up to `end`.
pub fn between<'b>(body: &'b str, before: &str, end: char) -> &'b str {
    let rest = body.split(before).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no {before} in {body}"));
    rest.split(end).next().unwrap()
}

fn follow(visitor: &Visitor<'_>, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.body);
    visitor.get(answer.header("location"))
}

pub fn ask_for_a_second_person(test: &TestApp, what: &[(&str, &str)]) {
    let admin = test.sign_in("admin");
    let mut fields = what.to_vec();
    fields.push(("hours", "8"));
    let saved = admin.post("/settings/archive/approval", &fields);
    assert_eq!(saved.status, 303, "{}", saved.body);
}

/// Runs one of the verifiers; gives its exit code and what it says.
fn run(program: &str, before: &[&str], package: &Path, key: &str) -> (i32, String) {
    let output = Command::new(program)
        .args(before)
        .arg(package)
        .args(["--vkey", key])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), said)
}

pub fn verify_both(package: &Path, key: &str) -> [(i32, String); 2] {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/verify-audit.py");
    [
        run(
            env!("CARGO_BIN_EXE_qitai"),
            &["audit", "verify"],
            package,
            key,
        ),
        run("python3", &[script], package, key),
    ]
}

/// Copies a package with one byte of a file changed.
pub fn alter(from: &Path, to: &Path, path: &str, word: &str) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(from).unwrap()).unwrap();
    let mut out = zip::ZipWriter::new(std::fs::File::create(to).unwrap());
    let mut is_changed = false;
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        if name.starts_with(path) {
            let at = bytes.windows(word.len()).position(|w| w == word.as_bytes());
            bytes[at.unwrap()] ^= 1;
            is_changed = true;
        }
        let options = zip::write::SimpleFileOptions::default();
        out.start_file(name, options).unwrap();
        out.write_all(&bytes).unwrap();
    }
    assert!(is_changed, "{path}");
    out.finish().unwrap();
}

pub fn files_of(package: &Path) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(package).unwrap()).unwrap();
    (0..zip.len())
        .map(|i| {
            let mut file = zip.by_index(i).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            let name = file.name().unwrap().into_owned();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The compliance officer finds the message that was taken back, puts it into a case, a second
/// person approves, and the package verifies offline until a byte of it is changed.
#[test]
fn a_complaint_becomes_evidence_that_an_outsider_verifies() {
    let test = TestApp::start();
    complaint(&test);
    ask_for_a_second_person(&test, &[("evidence", "on")]);
    let officer = test.sign_in("compliance");

    // From the name in pinyin to the message that was recalled.
    let found = officer.get("/archive?q=cfx+%E9%80%80%E6%AC%BE").body;
    let hit = found
        .split("href=\"/archive/")
        .find(|rest| rest.contains("私下"));
    let hit = format!("/archive/{}", hit.unwrap().split('"').next().unwrap());
    let hit = hit.replace("&#38;", "&").replace("&amp;", "&");
    let chat = between(&hit, "/archive/", '?').to_owned();
    let asked = officer.get(&hit);
    assert_eq!(asked.status, 303);
    let opened = officer.post(
        &format!("/archive/{chat}/open"),
        &[("reason", REASON), ("next", &hit)],
    );
    let page = follow(&officer, &opened).body;
    assert!(
        page.contains("撤回，原文仍在存档中") && page.contains("<mark>退款</mark>我私下转给您")
    );

    // Into a new case, with what stands between the first message and that one.
    let keep = format!("/compliance/evidence/add?chat={chat}&seq=");
    let form = officer.get(&format!("{keep}3"));
    assert!(form.body.contains("退款我私下转给您") && form.body.contains("已撤回"));
    let fields = |seq: &'static str, case: &'static str, span: &'static str| {
        [("seq", seq), ("case", case), ("span", span)]
    };
    let with = |fields: &[(&'static str, &'static str)], more: &[(&'static str, &str)]| {
        let mut all: Vec<(&str, String)> =
            fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        all.extend(more.iter().map(|(n, v)| (*n, (*v).to_owned())));
        all.push(("chat", chat.clone()));
        all
    };
    let post = |fields: Vec<(&str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        officer.post("/compliance/evidence/add", &fields)
    };
    let nameless = post(with(&fields("3", "new", "this"), &[]));
    assert_eq!(nameless.status, 422, "{}", nameless.body);
    let before = test.audit_size();
    let added = post(with(
        &fields("3", "new", "this"),
        &[("title", "TS-1182 <b>退款</b>"), ("why", REASON)],
    ));
    assert_eq!(added.status, 303, "{}", added.body);
    assert_eq!(
        test.audit_size(),
        before + 1,
        "case and message are one entry"
    );
    let case = added.header("location").to_owned();
    let id = case.rsplit('/').next().unwrap().to_owned();
    let joined = with(&fields("5", "", "join"), &[]);
    let joined = joined.into_iter().map(|(n, v)| match n {
        "case" => (n, id.clone()),
        _ => (n, v),
    });
    assert_eq!(post(joined.collect()).status, 303);
    let page = officer.get(&case).body;
    assert!(page.contains("陈芳雪") && page.contains("退款我私下转给您"));
    assert!(!page.contains("<b>退款</b>"), "titles are text");

    // Nothing is sealed before a second person has said yes.
    let seal = format!("{case}/seal");
    assert_eq!(officer.post(&seal, &[]).status, 409);
    assert_eq!(officer.post(&format!("{case}/ask"), &[]).status, 303);
    let waits = officer.get(&case).body;
    assert!(
        waits.contains("等待批准") && waits.contains("admin"),
        "{waits}"
    );
    let admin = test.sign_in("admin");
    let list = admin.get("/archive/approvals").body;
    assert!(
        list.contains(REASON) && list.contains("1 项待批准"),
        "{list}"
    );
    let approval = between(&list, "/archive/approvals/", '/').to_owned();
    let decide = format!("/archive/approvals/{approval}/decide");
    let granted = admin.post(&decide, &[("verdict", "grant"), ("note", "")]);
    assert_eq!(granted.status, 303, "{}", granted.body);

    // What was gathered while it was open is sealed whole, though nobody reads it now.
    ask_for_a_second_person(&test, &[("evidence", "on"), ("read", "on")]);
    let closed = officer.get("/api/v1/messages/3").json();
    assert_eq!(closed["state"], "withheld");
    let sealing = officer.post(&seal, &[]);
    assert_eq!(sealing.status, 303, "{}", sealing.body);
    test.wait_for("the case is sealed", || {
        let page = officer.get(&case).body;
        page.contains("已封存").then_some(())
    });
    let changed = officer.post(&case, &[("title", "x"), ("why", REASON), ("context", "1")]);
    assert_eq!(changed.status, 409, "a sealed case does not change");

    let package = officer.get(&format!("{case}/package"));
    assert_eq!(
        (package.status, package.header("content-type")),
        (200, "application/zip")
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evidence.zip");
    std::fs::write(&path, &package.bytes).unwrap();
    look_inside(&path);
    let key = checkpoints::verifier_key(test.app.store.vault()).text();
    says_who(&path, &key);
    // What an outsider compares stands on the case's page.
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &package.bytes);
    let page = officer.get(&case).body;
    assert!(page.contains(&format!(
        "<code class=\"copy\">{}</code>",
        hex::encode(sha256)
    )));
    assert!(
        page.contains(&format!("<code class=\"copy\">{key}</code>")),
        "{page}"
    );

    // Outside: good as it is, and named as soon as a byte is another one.
    for (code, said) in verify_both(&path, &key) {
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("完好") && !said.contains("--vkey"), "{said}");
    }
    let altered = dir.path().join("altered.zip");
    for (file, word, named) in [
        ("messages.jsonl", "我私下", "message 3 was altered"),
        ("media/", "PNG", "media/"),
        ("MANIFEST.json", "qitai-evidence", "MANIFEST.json"),
        (
            "message-proofs.jsonl",
            "\",\"pull\"",
            "message-proofs.jsonl:1",
        ),
        ("entries.jsonl", "archive.pull", "entries.jsonl:1"),
        ("readers.jsonl", "everything", "readers.jsonl"),
    ] {
        alter(&path, &altered, file, word);
        for (code, said) in verify_both(&altered, &key) {
            assert_eq!(code, 1, "{file}: {said}");
            let first = said
                .lines()
                .find(|line| line.contains("first bad"))
                .unwrap();
            assert!(first.contains(named), "{file}: {first}");
        }
    }

    // Whoever has not asked does not get it; what was granted can be taken back.
    assert_eq!(
        test.sign_in("manager")
            .get(&format!("{case}/package"))
            .status,
        403
    );
    let list = admin.get("/archive/approvals").body;
    assert!(list.contains("/revoke"));
    let revoke = format!("/archive/approvals/{approval}/revoke");
    assert_eq!(admin.post(&revoke, &[]).status, 303);
    assert_eq!(officer.get(&format!("{case}/package")).status, 409);
    for act in [
        "evidence.begin",
        "evidence.seal",
        "evidence.sealed",
        "evidence.download",
    ] {
        let trail = officer.get(&format!("/compliance/audit?action={act}")).body;
        assert!(trail.contains(&id), "{act}");
    }
    assert!(test.app.store.check().unwrap().found.is_empty());
}

/// What must be in the package.
fn look_inside(path: &Path) {
    let files = files_of(path);
    let text = |name: &str| {
        let found = files.iter().find(|(n, _)| n == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.clone()
    };
    let proofs = lines(&text("message-proofs.jsonl"));
    let seqs: Vec<u64> = proofs.iter().map(|p| p["seq"].as_u64().unwrap()).collect();
    assert_eq!(
        seqs,
        [1, 2, 3, 4, 5, 6, 7],
        "chosen ones with context, of this conversation"
    );
    let roles: Vec<&str> = proofs.iter().map(|p| p["role"].as_str().unwrap()).collect();
    assert_eq!(
        roles,
        [
            "context", "context", "chosen", "chosen", "chosen", "context", "context"
        ]
    );
    assert_eq!(proofs[2]["recalled"], true);
    assert!(
        proofs.iter().all(|p| p["pull"] == 1),
        "each leads to its pull"
    );
    let messages = lines(&text("messages.jsonl"));
    assert_eq!(messages[2]["text"]["content"], "退款我私下转给您");
    let media = lines(&text("media.jsonl"));
    let states: Vec<&str> = media.iter().map(|m| m["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["here", "waiting"]);
    let path = media[0]["path"].as_str().unwrap();
    assert!(path.starts_with("media/") && path.ends_with(".png"));
    assert!(text(path).contains("0123456789"));
    let readers = lines(&text("readers.jsonl"));
    let logins: Vec<&str> = readers
        .iter()
        .map(|r| r["login"].as_str().unwrap())
        .collect();
    assert_eq!(logins, ["compliance", "staff"]);
    assert!(text("consents.jsonl").contains("\"answer\":\"none\""));
    assert!(text("case.json").contains(REASON));
    let page = text("index.html");
    assert!(page.contains("已撤回，以下为原文 / Recalled; this is the original"));
    assert!(!page.contains("<script") && !page.contains("<b>退款") && page.contains("&lt;script"));
    assert!(!text("messages.jsonl").contains("别的会话"));
}

/// Who opened, sealed and approved the case stands in its file and on its page.
fn says_who(path: &Path, key: &str) {
    let files = files_of(path);
    let text = |name: &str| &files.iter().find(|(n, _)| n == name).unwrap().1;
    let case: Value = serde_json::from_str(text("case.json")).unwrap();
    let said = |field: &str| case[field].as_str().unwrap().to_owned();
    let page = text("index.html");
    for (label, who) in [
        ("建立案件 / Case opened by", "made_by"),
        ("封存 / Sealed by", "sealed_by"),
        ("第二人批准 / Approved by a second person", "approved_by"),
    ] {
        let (name, account) = (said(&format!("{who}_name")), said(who));
        assert!(
            !name.is_empty() && account.starts_with("account:"),
            "{case}"
        );
        let row = format!("<th>{label}</th><td>{name} · {account} · 20");
        assert!(page.contains(&row), "{row}: {page}");
    }
    assert_eq!(said("made_by"), said("sealed_by"));
    assert_ne!(said("approved_by"), said("sealed_by"));
    assert!(said("approved_at") <= said("sealed_at"));
    assert!(page.contains("<td>qitai-evidence-package 1</td>"));
    assert!(page.contains(&format!("<td>{key}</td>")) && page.contains("--vkey"));
}

/// Where the firm wants it, a conversation of others opens only after a second person's yes,
/// for that person and that conversation, until it is taken back.
#[test]
fn a_second_person_lets_somebody_read() {
    let test = TestApp::start();
    complaint(&test);
    let officer = test.sign_in("compliance");
    let item = officer.get("/api/v1/messages/3").json();
    let chat = item["conversation_id"].as_str().unwrap().to_owned();
    let (address, open) = (format!("/archive/{chat}"), format!("/archive/{chat}/open"));
    let opened = officer.post(&open, &[("reason", REASON), ("next", "")]);
    assert_eq!(
        follow(&officer, &opened).status,
        200,
        "a reason is enough so far"
    );
    ask_for_a_second_person(&test, &[("read", "on")]);
    assert_eq!(officer.get(&address).status, 303, "and is not any more");

    let asked = officer.post(&open, &[("reason", REASON), ("next", &address)]);
    let waiting = follow(&officer, &asked);
    assert!(waiting.body.contains("等待另一人批准") && waiting.body.contains("admin"));
    assert_eq!(officer.get(&address).status, 303);
    let mine = officer.get("/archive/approvals").body;
    assert!(mine.contains("我的请求") && mine.contains("待批准") && !mine.contains("/decide"));

    let admin = test.sign_in("admin");
    let list = admin.get("/archive/approvals").body;
    let approval = between(&list, "/archive/approvals/", '/').to_owned();
    let decide = format!("/archive/approvals/{approval}/decide");
    let yes = [("verdict", "grant"), ("note", "")];
    assert_eq!(
        officer.post(&decide, &yes).status,
        409,
        "nobody decides alone"
    );
    for login in ["manager", "staff"] {
        assert_eq!(
            test.sign_in(login).post(&decide, &yes).status,
            403,
            "{login}"
        );
    }
    let before = test.audit_size();
    assert_eq!(admin.post(&decide, &yes).status, 303);
    assert_eq!(test.audit_size(), before + 1);
    assert_eq!(admin.post(&decide, &yes).status, 409, "once");

    let mine = officer.get("/archive/approvals").body;
    assert!(mine.contains(&format!("href=\"{address}\"")), "found again");
    assert!(officer.get(&address).body.contains("退款我私下转给您"));
    assert_eq!(officer.get("/archive/approvals").status, 200);
    assert_eq!(admin.get(&address).status, 403, "approving is not reading");

    let revoke = format!("/archive/approvals/{approval}/revoke");
    assert_eq!(admin.post(&revoke, &[]).status, 303);
    assert_eq!(officer.get(&address).status, 303, "from the next look on");
    // A refusal says so on the form.
    officer.post(&open, &[("reason", REASON), ("next", "")]);
    let list = admin.get("/archive/approvals").body;
    let again = between(&list, "/archive/approvals/", '/').to_owned();
    let no = [("verdict", "refuse"), ("note", "先联系法务")];
    assert_eq!(
        admin
            .post(&format!("/archive/approvals/{again}/decide"), &no)
            .status,
        303
    );
    assert!(officer.get(&open).body.contains("先联系法务"));
    let own = test.sign_in("staff").get(&address);
    assert_eq!(own.status, 200, "one's own conversations need nobody");
}

/// What the pages and the API say of the conversation, for somebody who is no part of it.
fn shown(visitor: &Visitor<'_>, chat: &str) -> Vec<String> {
    let places = [
        "/api/v1/messages?q=退款",
        "/api/v1/messages/3",
        "/archive?q=退款",
        "/archive?q=退款&view=list",
        "/archive?type=text",
        "/search?q=退款",
    ];
    let pages = places.map(|place| visitor.get(place));
    pages
        .into_iter()
        .zip(places)
        .map(|(page, place)| {
            assert_eq!(page.status, 200, "{place}: {}", page.body);
            assert!(
                page.body.contains(chat) || page.body.contains("\"3\""),
                "{place} finds it: {}",
                page.body
            );
            // The words one has typed stand on the page anyway.
            page.body.replace("<mark>", "").replace("</mark>", "")
        })
        .collect()
}

/// What a second person has not agreed to is found, and not shown: by no page and by no API.
#[test]
fn what_nobody_has_agreed_to_is_found_and_not_shown() {
    const SAID: &str = "退款我私下转给您";
    let test = TestApp::start();
    complaint(&test);
    let officer = test.sign_in("compliance");
    let item = officer.get("/api/v1/messages/3").json();
    let chat = item["conversation_id"].as_str().unwrap().to_owned();
    let whole = format!("/api/v1/messages?conversation={chat}&limit=200");
    for page in shown(&officer, &chat) {
        assert!(page.contains(SAID), "{page}");
    }
    ask_for_a_second_person(&test, &[("read", "on")]);
    let withheld = || {
        assert_eq!(officer.get(&whole).status, 403);
        for page in shown(&officer, &chat) {
            assert!(!page.contains("私下"), "{page}");
            let says = ["内容要有第二人同意后才显示", "\"state\":\"withheld\""];
            assert!(says.iter().any(|said| page.contains(said)), "{page}");
        }
        let file = officer.get("/archive/files/5/0");
        assert_eq!(file.status, 303, "a reason first: {}", file.body);
        assert!(file.header("location").contains("/open?next="));
    };
    withheld();
    let own = test.sign_in("staff").get("/api/v1/messages/3").json();
    assert_eq!(own["text"], SAID, "one's own conversations need nobody");

    let open = format!("/archive/{chat}/open");
    officer.post(&open, &[("reason", REASON), ("next", "")]);
    withheld();
    let admin = test.sign_in("admin");
    let list = admin.get("/archive/approvals").body;
    let approval = between(&list, "/archive/approvals/", '/').to_owned();
    let at = format!("/archive/approvals/{approval}");
    let yes = [("verdict", "grant"), ("note", "")];
    assert_eq!(admin.post(&format!("{at}/decide"), &yes).status, 303);
    for page in shown(&officer, &chat) {
        assert!(page.contains(SAID), "{page}");
    }
    assert!(officer.get(&whole).body.contains(SAID));
    assert_eq!(officer.get("/archive/files/5/0").status, 200);
    let other = officer.get("/api/v1/messages/8").json();
    assert_eq!(other["state"], "withheld", "for that conversation only");
    assert_eq!(admin.post(&format!("{at}/revoke"), &[]).status, 303);
    withheld();
}

/// Asking again does not take away what was agreed to.
#[test]
fn who_asks_again_keeps_what_holds() {
    let test = TestApp::start();
    complaint(&test);
    ask_for_a_second_person(&test, &[("read", "on")]);
    let officer = test.sign_in("compliance");
    let item = officer.get("/api/v1/messages/3").json();
    let chat = item["conversation_id"].as_str().unwrap().to_owned();
    let (address, open) = (format!("/archive/{chat}"), format!("/archive/{chat}/open"));
    officer.post(&open, &[("reason", REASON), ("next", "")]);
    let admin = test.sign_in("admin");
    let list = admin.get("/archive/approvals").body;
    let approval = between(&list, "/archive/approvals/", '/').to_owned();
    let decide = format!("/archive/approvals/{approval}/decide");
    let yes = [("verdict", "grant"), ("note", "")];
    assert_eq!(admin.post(&decide, &yes).status, 303);
    officer.post(&open, &[("reason", REASON), ("next", "")]);
    assert_eq!(officer.get(&address).status, 200);
}
