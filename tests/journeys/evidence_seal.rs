//! What a package says of messages and people, and what becomes of it when a second person's yes
//! is taken back.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use qitai::{
    archive::{
        Answer, Chat, Consent, Heard, Party, Towards,
        approval::{Approval, ApprovalId, ApprovalState},
        retention,
    },
    audit::checkpoints,
    kit::Timestamp,
    store::{Act, Folder, SYSTEM_SUBJECT},
    wecom::sim::firm,
    work::JobState,
};
use serde_json::json;

use super::{
    chats::{archive, keep_file, text},
    evidence::{ask_for_a_second_person, between, complaint, files_of, lines, verify_both},
    retention::{count_anew, ended, old},
};
use crate::support::{TestApp, Visitor};

const REASON: &str = "核对退款投诉，工单 TS-1182";
const ROOM: &str = "wrT7kQCAAAqL5sD8fG1hJ3kZ7xC9vB2n";
/// Somebody outside who never writes.
const READER: &str = "wmT7kQCAAAReaderReaderReaderReader";

/// Begins a case with the whole conversation of a message; gives its address.
fn begin(officer: &Visitor<'_>, seq: &str) -> String {
    let item = officer.get(&format!("/api/v1/messages/{seq}")).json();
    let chat = item["conversation_id"].as_str().unwrap();
    let open = format!("/archive/{chat}/open");
    officer.post(&open, &[("reason", REASON), ("next", "")]);
    let fields = [
        ("seq", seq),
        ("case", "new"),
        ("span", "chat"),
        ("title", "TS-1182"),
        ("why", REASON),
        ("chat", chat),
    ];
    let added = officer.post("/compliance/evidence/add", &fields);
    assert_eq!(added.status, 303, "{}", added.body);
    added.header("location").to_owned()
}

/// Has a second person say yes to a case; gives the approval's id.
fn approve(test: &TestApp, officer: &Visitor<'_>, case: &str) -> String {
    assert_eq!(officer.post(&format!("{case}/ask"), &[]).status, 303);
    let admin = test.sign_in("admin");
    let list = admin.get("/archive/approvals").body;
    let approval = between(&list, "/archive/approvals/", '/').to_owned();
    let yes = [("verdict", "grant"), ("note", "")];
    let decide = format!("/archive/approvals/{approval}/decide");
    assert_eq!(admin.post(&decide, &yes).status, 303);
    approval
}

/// Seals a case and waits until it is.
fn seal(test: &TestApp, officer: &Visitor<'_>, case: &str) {
    let sealing = officer.post(&format!("{case}/seal"), &[]);
    assert_eq!(sealing.status, 303, "{}", sealing.body);
    test.wait_for("the case is sealed", || {
        officer.get(case).body.contains("已封存").then_some(())
    });
}

/// What lies in the folder of packages.
fn packages(test: &TestApp) -> Vec<PathBuf> {
    let folder = Folder::at(&test.app.config.data).evidence_dir();
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn is_whole(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "sealed")
}

/// Takes a yes back at the latest moment: the package is whole on the disk, and its case does
/// not name it yet.
fn take_back_at_the_end(test: &TestApp, approval: &str) {
    let id: ApprovalId = approval.parse().unwrap();
    let begun = Instant::now();
    let folder = Folder::at(&test.app.config.data).evidence_dir();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(60));
        let folder = folder.clone();
        let act = Act::by_system("approval.revoke", "test");
        // While this verb runs nothing else is written: what the job writes last waits for it.
        let taken = test.app.store.write_blocking(act, move |w| {
            let until = Instant::now() + Duration::from_millis(300);
            loop {
                let entries = std::fs::read_dir(&folder).into_iter().flatten();
                let mut paths = entries.map(|entry| entry.unwrap().path());
                if paths.any(|path| is_whole(&path)) {
                    break;
                }
                if Instant::now() > until {
                    return Ok(false);
                }
                std::thread::park_timeout(Duration::from_millis(2));
            }
            let mut approval = w.get::<Approval>(&id)?.unwrap();
            approval.state = ApprovalState::Revoked(SYSTEM_SUBJECT, w.now());
            w.put(&approval)?;
            Ok(true)
        });
        if taken.unwrap() {
            return;
        }
    }
}

/// A yes that is taken back while the package is written: nothing is sealed, nothing is left on
/// the disk, and the page says why and what to do.
#[test]
fn a_yes_taken_back_while_it_is_sealed_leaves_nothing() {
    let test = TestApp::start();
    complaint(&test);
    ask_for_a_second_person(&test, &[("evidence", "on")]);
    let officer = test.sign_in("compliance");
    let case = begin(&officer, "3");
    let approval = approve(&test, &officer, &case);
    let sealing = officer.post(&format!("{case}/seal"), &[]);
    assert_eq!(sealing.status, 303, "{}", sealing.body);
    take_back_at_the_end(&test, &approval);

    let page = test.wait_for("the sealing has failed", || {
        let page = officer.get(&case).body;
        page.contains("上次封存没有完成").then_some(page)
    });
    assert!(page.contains("要求批准后才能封存或下载"), "{page}");
    assert!(page.contains("在案件页请求批准"), "{page}");
    assert!(!page.contains("已封存") && page.contains(&format!("{case}/ask")));
    assert_eq!(packages(&test), Vec::<PathBuf>::new());
    assert_eq!(officer.get(&format!("{case}/package")).status, 404);
    let id = case.rsplit('/').next().unwrap();
    let trail = officer.get("/compliance/audit?action=evidence.sealed").body;
    assert!(!trail.contains(id), "{trail}");

    // It is as open as before.
    approve(&test, &officer, &case);
    seal(&test, &officer, &case);
    let left = packages(&test);
    assert!(
        left.len() == 1 && left.iter().all(|path| is_whole(path)),
        "{left:?}"
    );
    assert_eq!(officer.get(&format!("{case}/package")).status, 200);
    assert!(test.app.store.check().unwrap().found.is_empty());
}

/// Bytes in which nothing repeats.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length / 8).flatten().collect()
}

/// Whoever takes a package out gets no more of it once the yes is taken back.
#[test]
fn a_yes_taken_back_ends_the_download() {
    let test = TestApp::start();
    complaint(&test);
    // More than lies between two programs on one machine.
    keep_file(&test, 5, &noise(32 << 20));
    ask_for_a_second_person(&test, &[("evidence", "on")]);
    let officer = test.sign_in("compliance");
    let case = begin(&officer, "3");
    let approval = approve(&test, &officer, &case);
    seal(&test, &officer, &case);
    let package = format!("{case}/package");
    let mut answer = officer.begin(&package);
    assert_eq!(answer.status(), 200);
    let length = answer.content_length().unwrap();
    let first = test.block_on(answer.chunk()).unwrap().unwrap();
    let admin = test.sign_in("admin");
    let revoke = format!("/archive/approvals/{approval}/revoke");
    assert_eq!(admin.post(&revoke, &[]).status, 303);
    let (got, ended) = test.block_on(async {
        let mut got = first.len() as u64;
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => got += chunk.len() as u64,
                Ok(None) => return (got, Ok(())),
                Err(error) => return (got, Err(error)),
            }
        }
    });
    assert!(ended.is_err() && got < length, "{got} of {length}");
    let again = officer.get_range(&package, "bytes=100-");
    assert_eq!(again.status, 409, "nor the rest of it");
}

/// A package prints every field of a message, and tells of everybody outside how they stood on
/// being archived, also of who only read.
#[test]
fn a_package_prints_every_field_and_names_who_only_read() {
    let test = TestApp::start();
    let cast = firm::cast();
    let staff = cast.store_staff;
    let customer = test.sim.as_ref().unwrap().customers_of(staff)[0].clone();
    let in_room = |n: u64, from: &str, to: &[&str], words: &str| {
        let mut message = text(n, from, to, words);
        message["roomid"] = ROOM.into();
        message
    };
    let other = |n: u64, to: &[&str], msgtype: &str, key: &str, body: serde_json::Value| {
        let mut message = in_room(n, staff, to, "");
        message.as_object_mut().unwrap().remove("text");
        message["msgtype"] = msgtype.into();
        message[key] = body;
        message
    };
    let everybody = [customer.as_str(), READER];
    let nested = json!({ "link_url": "https://example.com/t/1001", "title": "物流查询" });
    let record = json!({ "title": "聊天记录", "item": [
        { "type": "ChatRecordLink", "msgtime": 1_767_232_230, "content": nested.to_string() } ] });
    let packet = json!({ "type": 2, "wish": "新年快乐", "totalcnt": 3, "totalamount": 1_800 });
    let call = json!({ "callduration": 63, "invitetype": 2 });
    archive(
        &test,
        1,
        [
            in_room(1, &customer, &[staff], "只有两个人"),
            in_room(2, staff, &everybody, "大家好"),
            other(3, &everybody, "external_redpacket", "redpacket", packet),
            other(4, &everybody, "chatrecord", "chatrecord", record),
            other(5, &[customer.as_str()], "voiptext", "info", call),
        ],
    );
    let answered_at = Timestamp::from_ms(1_767_239_000_000);
    let act = Act::by_system("archive.consent", "test");
    let put = test.app.store.write_blocking(act, move |w| {
        let parties = w
            .read()
            .all::<Party>(None)?
            .collect::<Result<Vec<_>, _>>()?;
        let party = parties.into_iter().find(|party| party.wecom_id == READER);
        let room = w.read().all::<Chat>(None)?.collect::<Result<Vec<_>, _>>()?;
        let room = room.into_iter().find(Chat::is_room).unwrap();
        let party = party.unwrap();
        Ok(w.put(&Consent {
            party: party.no,
            towards: Towards::Room(room.no),
            answer: Answer::Refused,
            at: answered_at,
            heard: Heard::Asked,
            subject: party.subject,
            earlier: Vec::new(),
        })?)
    });
    put.unwrap();
    let officer = test.sign_in("compliance");
    let case = begin(&officer, "2");
    seal(&test, &officer, &case);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evidence.zip");
    let package = officer.get(&format!("{case}/package"));
    std::fs::write(&path, &package.bytes).unwrap();
    let key = checkpoints::verifier_key(test.app.store.vault()).text();
    for (code, said) in verify_both(&path, &key) {
        assert_eq!(code, 0, "{said}");
    }

    let files = files_of(&path);
    let file = |name: &str| &files.iter().find(|(n, _)| n == name).unwrap().1;
    let consents = lines(file("consents.jsonl"));
    let of = |person: &str| {
        let own = consents.iter().filter(|line| line["person"] == person);
        let said = own.map(|line| {
            let range = (line["first_seq"].as_u64(), line["last_seq"].as_u64());
            (line["answer"].as_str().unwrap(), range)
        });
        said.collect::<Vec<_>>()
    };
    assert_eq!(of(READER), [("refused", (Some(2), Some(4)))]);
    assert_eq!(of(&customer), [("none", (Some(1), Some(5)))]);
    let room = &lines(file("conversations.jsonl"))[0];
    assert!(room["people"].as_array().unwrap().contains(&READER.into()));
    let page = file("index.html");
    for said in [
        "<b>总金额（分） / Total, in fen</b> <bdi>1800</bdi> <small><bdi>¥18.00</bdi></small>",
        "<b>红包个数 / Red packets</b> <bdi>3</bdi>",
        "<p class=\"l d1\"><b>链接地址 / Address of the link</b> <bdi>https://example.com/t/1001</bdi>",
        "<b>通话时长（秒） / Length of the call, seconds</b> <bdi>63</bdi>",
        "<p class=\"d0\" dir=\"auto\">大家好</p>",
        "<td>refused 2026-01-01T03:43:20",
        "<td>#2–#4</td>",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }

    // The same for programs.
    let item = officer.get("/api/v1/messages/3").json();
    let said = "新年快乐\ntype: 2\ntotalcnt: 3\ntotalamount: 1800";
    assert_eq!(
        (&item["text"], &item["type"]),
        (&said.into(), &"external_redpacket".into())
    );
    let item = officer.get("/api/v1/messages/2").json();
    assert_eq!(item["text"], "大家好");
}

/// Of a message that a rule took before anybody gathered it, the package says when it went and
/// under which rule, and proves the entry that tells of it.
#[test]
fn what_was_deleted_before_is_told_with_its_rule() {
    let test = TestApp::start();
    let staff = firm::cast().store_staff;
    let customer = test.sim.as_ref().unwrap().customers_of(staff)[0].clone();
    let texts = [(40, "四十天前"), (2, "前天")];
    let messages = texts.map(|(days, says)| old(&test, days, &customer, staff, says));
    archive(&test, 1, messages);
    let (admin, officer) = (test.sign_in("admin"), test.sign_in("compliance"));
    let rule = [("unit", ""), ("sort", ""), ("days", "30")];
    assert_eq!(admin.post("/compliance/retention/rules", &rule).status, 303);
    count_anew(&test, &officer);
    let begun = admin.post("/compliance/retention/purge", &[("sure", "on")]);
    assert_eq!(begun.status, 303, "{}", begun.body);
    assert_eq!(ended(&test, retention::PURGE).state, JobState::Done);

    let case = begin(&officer, "2");
    seal(&test, &officer, &case);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evidence.zip");
    let package = officer.get(&format!("{case}/package"));
    std::fs::write(&path, &package.bytes).unwrap();
    let files = files_of(&path);
    let text = |name: &str| &files.iter().find(|(n, _)| n == name).unwrap().1;
    let proofs = lines(text("message-proofs.jsonl"));
    let states: Vec<&str> = proofs
        .iter()
        .map(|p| p["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["deleted", "shown"]);
    let deletions = lines(text("deletions.jsonl"));
    let [deletion] = deletions.as_slice() else {
        panic!("one message is gone: {deletions:?}");
    };
    for (field, value) in [
        ("seq", json!(1)),
        ("unit", json!("")),
        ("unit_name", json!("")),
        ("type", json!("")),
        ("days", json!(30)),
        ("purge", json!(1)),
    ] {
        assert_eq!(deletion[field], value, "{field}");
    }
    let entries = lines(text("entries.jsonl"));
    let at = entries.iter().position(|e| e["seq"] == deletion["entry"]);
    let at = at.expect("the entry is there");
    assert_eq!(entries[at]["act"], "archive.purge");
    let proof = &lines(text("entry-proofs.jsonl"))[at];
    assert_eq!(proof["openings"][0]["f"], "archive_purge:1");
    let page = text("index.html");
    let said = format!(
        "到期清理（全公司，全部类型，30 天），清理批次 1，日志条目 #{}，只留哈希",
        deletion["entry"]
    );
    assert!(
        page.contains(&said) && page.contains("30 days); purge 1, entry #"),
        "{page}"
    );
    let key = checkpoints::verifier_key(test.app.store.vault()).text();
    for (code, said) in verify_both(&path, &key) {
        assert_eq!(code, 0, "{said}");
    }
}
