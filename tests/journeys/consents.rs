//! The ledger of consent goes out as a file, and who has not agreed is told of archiving: in a
//! broadcast that a person looks at first.

use std::collections::BTreeSet;

use qitai::{
    archive::{Answer, Consent, Heard, Party, Towards, consent},
    customers::{self, CustomerId},
    identity::{Permission, Viewer},
    outreach::broadcasts::Broadcast,
    store::Act,
    web::{Lang, words},
    wecom::sim::{CallbackFault, CodeVerb, firm},
    work::{JobState, jobs},
};
use serde_json::json;

use super::chats::archive;
use crate::support::{TestApp, Visitor};

fn ask(test: &TestApp, officer: &Visitor<'_>) {
    assert_eq!(officer.post("/compliance/consents/ask", &[]).status, 303);
    let job = test.wait_for("WeCom was asked", || {
        let job = test.app.read(|r| jobs::latest(r, consent::KIND)).unwrap();
        job.filter(|job| job.state.is_final())
    });
    assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
}

/// Some of those who agreed have said nothing: the made-up firm has nobody like that.
fn silence(test: &TestApp) {
    let rows = rows(test);
    let agreed = rows.into_iter().filter(|row| row.answer == Answer::Agreed);
    let some: Vec<Consent> = agreed.take(5).collect();
    assert!(!some.is_empty());
    let act = Act::by_system("test.silence", "test");
    let kept = test.app.store.write_blocking(act, move |w| {
        for row in some {
            w.put(&Consent {
                answer: Answer::None,
                ..row
            })?;
        }
        Ok(())
    });
    kept.unwrap();
}

fn rows(test: &TestApp) -> Vec<Consent> {
    test.app.read(|r| {
        let all = r.all::<Consent>(None).unwrap();
        all.map(Result::unwrap).collect()
    })
}

/// The customers without an answer towards somebody, each once: those who are anybody's.
fn silent(test: &TestApp) -> BTreeSet<CustomerId> {
    let rows = rows(test);
    let silent = rows.iter().filter(|row| row.answer == Answer::None);
    let viewer = Viewer::system("test");
    test.app.read(|r| {
        let sight = test.app.sight(r, &viewer, Permission::BroadcastSend);
        let sight = sight.unwrap();
        let customer = |row: &Consent| {
            let party = r.get::<Party>(&row.party).unwrap()?;
            let known = customers::sync::by_external_userid(r, &party.wecom_id);
            let known = known.unwrap()?.id;
            let seen = customers::queries::customer(r, &sight, known).unwrap();
            seen.map(|_| known)
        };
        silent.filter_map(customer).collect()
    })
}

/// What stands in a field of several lines.
fn lines(page: &str, field: &str) -> Vec<String> {
    let (_, rest) = page.split_once(&format!("name=\"{field}\"")).unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let (text, _) = rest.split_once("</textarea>").unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Customer number, place and answer.
type Told = [String; 3];

/// What a file of the ledger says, in order.
fn listed(csv: &str) -> Vec<Told> {
    let csv = csv.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head = reader.headers().unwrap().clone();
    let columns = [
        "consents.column.no",
        "consents.column.place",
        "consents.answer",
    ];
    let columns = columns.map(|key| {
        let word = words::text(Lang::Zh, key);
        head.iter().position(|column| column == word).unwrap()
    });
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        columns.map(|column| row[column].to_owned())
    });
    let mut rows: Vec<Told> = rows.collect();
    rows.sort();
    rows
}

/// What the file of somebody who sees everything has to say, in order.
fn expected(test: &TestApp) -> Vec<Told> {
    let told = |row: &Consent| {
        let party = test.app.read(|r| r.get::<Party>(&row.party)).unwrap();
        let wecom_id = party.unwrap().wecom_id;
        let customer = test
            .app
            .read(|r| customers::sync::by_external_userid(r, &wecom_id));
        let no = customer.unwrap().map(|c| customers::customer_no(c.no));
        let place = match row.towards {
            Towards::Member(_) => "consents.place.member",
            Towards::Room(_) => "consents.place.room",
        };
        [
            no.unwrap_or_default(),
            words::text(Lang::Zh, place).into_owned(),
            words::text(Lang::Zh, consent::answer_word(row.answer)).into_owned(),
        ]
    };
    let mut rows: Vec<Told> = rows(test).iter().map(told).collect();
    rows.sort();
    rows
}

#[test]
fn the_ledger_is_taken_out_and_who_has_not_agreed_is_asked_to() {
    let test = TestApp::with_chats(60, 400);
    test.let_admins_read_chats();
    let officer = test.sign_in("compliance");
    ask(&test, &officer);
    silence(&test);

    let export = |visitor: &Visitor<'_>| {
        let fields = [("format", "csv")];
        visitor.post("/compliance/consents/export", &fields)
    };
    let before = test.audit_size();
    let file = export(&officer);
    assert_eq!((file.status, test.audit_size() - before), (200, 1));
    assert!(file.header("content-type").starts_with("text/csv"));
    let all = expected(&test);
    assert_eq!(listed(&file.body), all);
    let answers: BTreeSet<&str> = all.iter().map(|[_, _, answer]| answer.as_str()).collect();
    assert!(answers.len() > 1, "{answers:?}");
    let of_manager = export(&test.sign_in("manager"));
    assert_eq!(of_manager.status, 200);
    let seen = listed(&of_manager.body);
    assert!(!seen.is_empty() && seen.len() < all.len(), "{}", seen.len());
    let mut all = all.iter();
    assert!(seen.iter().all(|row| all.any(|other| other == row)));
    let staff = test.sign_in("staff");
    assert_eq!(export(&staff).status, 403);
    assert!(!staff.get("/compliance/consents").body.contains("/export"));

    // A draft to exactly those without an answer; nobody gets anything by it.
    let admin = test.sign_in("admin");
    let page = admin.get("/compliance/consents?answer=none").body;
    assert!(page.contains("/broadcasts/new?notice=none"));
    assert!(
        !officer
            .get("/compliance/consents?answer=none")
            .body
            .contains("notice=none")
    );
    let form = admin.get("/broadcasts/new?notice=none");
    assert_eq!(form.status, 200);
    let listed = lines(&form.body, "listed");
    let silent = silent(&test);
    assert!(!silent.is_empty());
    assert_eq!(listed.len(), silent.len());
    let text = lines(&form.body, "text").join("\n");
    assert!(text.contains("存档") && text.contains("{企业}"), "{text}");
    let listed = listed.join("\n");
    let fields = [("name", "存档告知"), ("text", &*text), ("listed", &*listed)];
    let made = admin.post("/broadcasts/new", &fields);
    assert_eq!(made.status, 303, "{}", made.body);
    let drafts: Vec<Broadcast> = test.app.read(|r| {
        let all = r.all::<Broadcast>(None).unwrap();
        all.map(Result::unwrap).collect()
    });
    let [draft] = &drafts[..] else {
        panic!("one draft: {drafts:?}");
    };
    let to: BTreeSet<_> = draft.audience.listed.clone().unwrap().into_iter().collect();
    assert_eq!(to, silent);
    assert_eq!(draft.state.code(), "draft");
    for visitor in [&officer, &staff] {
        assert_eq!(visitor.get("/broadcasts/new?notice=none").status, 403);
    }
}

/// WeCom tells of an agreement before its message comes: it counts at once, and once.
#[test]
fn an_agreement_counts_the_moment_wecom_tells_of_it() {
    let test = TestApp::with_customers(30);
    let officer = test.sign_in("compliance");
    let sim = test.sim.as_ref().unwrap();
    test.hear_events();
    let own = firm::cast().store_staff;
    let customer = sim.customers_of(own)[0].clone();
    sim.inject_callback(None, 1, CallbackFault::Duplicated);
    let deed = CodeVerb::AgreeToArchive {
        userid: own.to_owned(),
        external_userid: customer.clone(),
    };
    sim.act(deed).unwrap();
    test.settle_events();
    let one = || {
        let [row] = &rows(&test)[..] else {
            panic!("{:?}", rows(&test));
        };
        row.clone()
    };
    let told = one();
    assert_eq!((told.answer, told.heard), (Answer::Agreed, Heard::Event));
    assert!(told.earlier.is_empty());
    let party = |no: u32| test.app.read(|r| r.get::<Party>(&no)).unwrap().unwrap();
    assert_eq!(party(told.party).wecom_id, customer);
    let Towards::Member(member) = told.towards else {
        panic!("{:?}", told.towards);
    };
    assert_eq!(party(member).wecom_id, own);
    let known = test
        .app
        .read(|r| customers::sync::by_external_userid(r, &customer));
    let name = known.unwrap().unwrap().name;
    let agreed = "/compliance/consents?answer=agreed";
    let page = officer.get(agreed).body;
    assert!(page.contains(&name) && page.contains("事件通知"), "{page}");
    let file = officer.post("/compliance/consents/export", &[("format", "csv")]);
    assert!(file.body.contains("事件通知"), "{}", file.body);

    // The message is the same word, with its own time.
    let at_ms = told.at.ms() - 2_000;
    let message = json!({
        "msgid": format!("1_{at_ms}_external"), "action": "send", "from": customer,
        "tolist": [own], "roomid": "", "msgtime": at_ms, "msgtype": "agree",
        "agree": { "userid": customer, "agree_time": at_ms },
    });
    archive(&test, 1, [message]);
    let said = one();
    assert_eq!((said.answer, said.heard), (Answer::Agreed, Heard::Message));
    assert_eq!((said.at.ms(), said.earlier.len()), (at_ms, 0));
    assert!(!officer.get(agreed).body.contains("事件通知"));
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// Whoever refused stands first beside a room, and nobody is left out without a word.
#[test]
fn a_room_shows_who_refused_first_and_counts_the_rest() {
    let test = TestApp::start();
    test.let_admins_read_chats();
    let own = firm::cast().store_staff;
    let customer = |no: u64| format!("wmA{no:029}");
    let at_ms = 1_767_240_000_000_u64;
    let said = |no: u64, kind: &str| {
        let mut message = json!({
            "msgid": format!("{no}_{at_ms}_external"), "action": "send", "from": customer(no),
            "tolist": [own], "roomid": "wrA00000000000000000000000000001",
            "msgtime": at_ms + no, "msgtype": kind,
        });
        message[kind] = match kind {
            "text" => json!({ "content": "在的" }),
            _ => json!({ "userid": customer(no), format!("{kind}_time"): at_ms + no }),
        };
        message
    };
    let kinds = (1..=15).map(|no| match no {
        1..=12 => (no, "agree"),
        15 => (no, "disagree"),
        _ => (no, "text"),
    });
    archive(&test, 1, kinds.map(|(no, kind)| said(no, kind)));
    let staff = test.sign_in("staff");
    let chat = staff.get("/api/v1/messages/15").json();
    let chat = chat["conversation_id"].as_str().unwrap();
    let page = staff.get(&format!("/archive/{chat}")).body;
    let (_, list) = page.split_once("存档与授权").unwrap();
    let (list, _) = list.split_once("</ul>").unwrap();
    let lines: Vec<&str> = list.split("<li>").skip(1).collect();
    let words = ["不同意", "没有记录", "没有记录"];
    for (line, word) in lines.iter().zip(words) {
        assert!(line.contains(word), "{word}: {line}");
    }
    // Nine of those who agreed are named, the other three counted.
    assert_eq!(lines.len(), 13, "{list}");
    assert!(
        lines[3..].iter().all(|line| line.contains("已同意")),
        "{list}"
    );
    assert!(lines[12].contains("另有 3 人"), "{}", lines[12]);
}
