//! What has had its time leaves the archive; who agreed and who looked is known.

use qitai::{
    archive::{
        Chat, Consent, Media, MediaState, Party,
        retention::{self, PurgeRun},
    },
    store::{Act, Folder},
    wecom::sim::firm,
    work::{Job, JobState, jobs},
};
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

use super::chats;

const DAY_MS: i64 = 24 * 3_600_000;
const REASON: &str = "核对报价投诉，工单 TS-1182";

/// A message of so many days ago.
pub fn old(test: &TestApp, days: i64, from: &str, to: &str, content: &str) -> Value {
    let at_ms = test.app.store.clock().now().ms() - days * DAY_MS;
    let mut message = chats::text(1, from, &[to], content);
    message["msgid"] = format!("{}_{at_ms}_external", content.len() + from.len()).into();
    message["msgtime"] = at_ms.into();
    message
}

fn picture(test: &TestApp, days: i64, from: &str, to: &str) -> Value {
    let mut message = old(test, days, from, to, "");
    message["msgtype"] = "image".into();
    message.as_object_mut().unwrap().remove("text");
    message["image"] = json!({"md5sum": "", "filesize": 9, "sdkfileid": "ZmlsZQ=="});
    message
}

/// The file of a message, as if it had come.
fn keep_file(test: &TestApp, seq: u64) -> std::path::PathBuf {
    let sha256 = qitai::archive::keep_for_test(&test.app, b"a picture");
    let name = hex::encode(sha256);
    let shelf = Folder::at(&test.app.config.data).media_dir();
    let path = shelf.join(&name[..2]).join(name);
    assert!(path.exists());
    let act = Act::by_system("archive.files", "archive");
    let kept = test.app.store.write_blocking(act, move |w| {
        let mut media = w.get::<Media>(&(seq, 0))?.expect("the message has a file");
        media.state = MediaState::Here;
        media.sha256 = Some(sha256);
        Ok(w.put(&media)?)
    });
    kept.unwrap();
    path
}

fn found(visitor: &Visitor<'_>, word: &str) -> u64 {
    let page = visitor.get(&format!("/api/v1/messages?q={word}"));
    assert_eq!(page.status, 200, "{}", page.body);
    page.json()["total"].as_u64().unwrap()
}

pub fn ended(test: &TestApp, kind: &str) -> Job {
    test.wait_for("the job ends", || {
        let job = test.app.read(|r| jobs::latest(r, kind)).unwrap()?;
        job.state.is_final().then_some(job)
    })
}

fn last_run(test: &TestApp) -> Option<PurgeRun> {
    let runs = test.app.read(|r| retention::runs(r, 1)).unwrap();
    runs.into_iter().next()
}

pub fn count_anew(test: &TestApp, visitor: &Visitor<'_>) {
    let counting = visitor.post("/compliance/retention/preview", &[]);
    assert_eq!(counting.status, 303, "{}", counting.body);
    assert_eq!(ended(test, retention::PREVIEW).state, JobState::Done);
}

/// Only what was counted is deleted by hand: a preview of another rule, or of before a hold,
/// is none.
#[test]
fn nothing_is_deleted_that_nobody_has_looked_at() {
    let test = TestApp::start();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let texts = [(40, "四十天前"), (10, "十天前"), (2, "前天")];
    let messages = texts.map(|(days, says)| old(&test, days, &customer, cast.store_staff, says));
    chats::archive(&test, 1, messages);
    let admin = test.sign_in("admin");
    let officer = test.sign_in("compliance");
    let rule = |days: &str| {
        let rule = [("unit", ""), ("sort", ""), ("days", days)];
        let saved = admin.post("/compliance/retention/rules", &rule);
        assert_eq!(saved.status, 303, "{}", saved.body);
    };
    let refused = |why: &str| {
        let page = admin.get("/compliance/retention").body;
        assert!(page.contains(why), "{why}: {page}");
        let purge = admin.post("/compliance/retention/purge", &[("sure", "on")]);
        assert_eq!(purge.status, 422, "{}", purge.body);
        assert!(purge.body.contains(why), "{why}: {}", purge.body);
        let begun = test.app.read(|r| jobs::latest(r, retention::PURGE));
        begun.unwrap()
    };
    rule("30");
    let page = officer.get("/compliance/retention").body;
    assert!(page.contains("还没有统计过"), "{page}");
    assert_eq!(refused("还没有统计过到期的消息"), None);

    // Another rule than the one that was looked at.
    const CHANGED: &str = "预览之后，规则、冻结或案件有变动";
    count_anew(&test, &officer);
    let page = admin.get("/compliance/retention").body;
    assert!(
        page.contains("1 条消息到期") && !page.contains(CHANGED),
        "{page}"
    );
    rule("5");
    assert_eq!(refused(CHANGED), None);

    // A hold that was lifted, whatever it kept.
    let hold = [("on", "everything"), ("title", "TS-1"), ("reason", REASON)];
    assert_eq!(
        officer.post("/compliance/retention/holds", &hold).status,
        303
    );
    count_anew(&test, &officer);
    let hold = test.app.read(retention::holds).unwrap()[0].id;
    let lift = format!("/compliance/retention/holds/{hold}/lift");
    assert_eq!(
        officer.post(&lift, &[("reason", "案件已经结束")]).status,
        303
    );
    assert_eq!(refused(CHANGED), None);

    count_anew(&test, &officer);
    let sure = admin.post("/compliance/retention/purge", &[("sure", "on")]);
    assert_eq!(sure.status, 303, "{}", sure.body);
    assert_eq!(ended(&test, retention::PURGE).state, JobState::Done);
    assert_eq!(last_run(&test).unwrap().messages, 2);

    // Who began it, the rule, what went, and where that is proved.
    let page = officer.get("/compliance/retention").body;
    let root = test
        .app
        .read(|r| r.get::<retention::Purge>(&1).unwrap().unwrap().root);
    for part in [
        "admin",
        "全公司，全部类型，5 天 <b class=\"num\">2</b>",
        "第 1 批：2 条消息，0 个文件",
        &hex::encode(root),
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let entry = "/compliance/audit?object=archive_purge:1";
    let escaped = entry.replace(':', "%3A");
    assert!(page.contains(entry) || page.contains(&escaped), "{page}");
    let trail = officer.get(entry).body;
    assert!(trail.contains("清理到期消息"), "{trail}");

    // What it counted is gone, and with it the count.
    const PURGED: &str = "预览之后已经清理过";
    let page = officer.get("/compliance/retention").body;
    assert!(!page.contains("条消息到期"), "{page}");
    let last = refused(PURGED).unwrap();
    count_anew(&test, &officer);
    let page = officer.get("/compliance/retention").body;
    assert!(
        page.contains("0 条消息到期") && !page.contains(PURGED),
        "{page}"
    );
    let sure = admin.post("/compliance/retention/purge", &[("sure", "on")]);
    assert_eq!(sure.status, 303, "{}", sure.body);
    assert_ne!(ended(&test, retention::PURGE).id, last.id);
}

/// A rule ends what is older; a hold keeps it; what goes is gone from store, index, files,
/// pages and API, and says that it was there.
#[test]
fn what_has_had_its_time_goes_and_what_is_held_stays() {
    let mut test = TestApp::start();
    let cast = firm::cast();
    let customers = test.sim.as_ref().unwrap().customers_of(cast.store_staff);
    let (gone, held) = (customers[0].clone(), customers[1].clone());
    let messages = vec![
        old(&test, 40, &gone, cast.store_staff, "龘龘到期的话"),
        picture(&test, 39, &gone, cast.store_staff),
        old(&test, 38, &held, cast.store_staff, "龘龘冻结的话"),
        old(&test, 2, &gone, cast.store_staff, "龘龘新的话"),
    ];
    chats::archive(&test, 1, messages.clone());
    let file = keep_file(&test, 2);
    {
        let admin = test.sign_in("admin");
        let officer = test.sign_in("compliance");
        let staff = test.sign_in("staff");
        assert_eq!(found(&staff, "龘龘"), 3);

        // Whoever looks after cases holds; whoever runs the system decides about rules.
        let rule = [("unit", ""), ("sort", ""), ("days", "30")];
        assert_eq!(
            officer.post("/compliance/retention/rules", &rule).status,
            403
        );
        assert_eq!(staff.get("/compliance/retention").status, 403);
        let wrong = [("unit", ""), ("sort", ""), ("days", "0")];
        let refused = admin.post("/compliance/retention/rules", &wrong);
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains("保留天数是 1 到 36,500 的整数"));
        assert_eq!(admin.post("/compliance/retention/rules", &rule).status, 303);

        let search = officer.get("/compliance/retention/holds/new?q=none");
        assert_eq!(search.status, 200);
        let person = test.app.read(|r| {
            let mut parties = r.all::<Party>(None).unwrap().map(Result::unwrap);
            parties.find(|p| p.wecom_id == held).unwrap().subject
        });
        let on = format!("person:{person}");
        let hold = [
            ("on", on.as_str()),
            ("title", "TS-1182"),
            ("reason", REASON),
        ];
        let short = [("on", on.as_str()), ("title", "TS-1182"), ("reason", "短")];
        assert_eq!(
            officer.post("/compliance/retention/holds", &short).status,
            422
        );
        assert_eq!(
            officer.post("/compliance/retention/holds", &hold).status,
            303
        );

        // First it is counted, and nothing goes by that.
        assert_eq!(
            officer.post("/compliance/retention/preview", &[]).status,
            303
        );
        assert_eq!(ended(&test, retention::PREVIEW).state, JobState::Done);
        let page = officer.get("/compliance/retention").body;
        assert!(page.contains("2 条消息到期，另有 1 条因冻结保留"), "{page}");
        assert!(page.contains("TS-1182") && page.contains("正保留 1 条到期消息"));
        assert_eq!(found(&staff, "龘龘"), 3);

        let unsure = admin.post("/compliance/retention/purge", &[]);
        assert_eq!(unsure.status, 422);
        let sure = admin.post("/compliance/retention/purge", &[("sure", "on")]);
        assert_eq!(sure.status, 303);
        assert_eq!(ended(&test, retention::PURGE).state, JobState::Done);
        let run = last_run(&test).unwrap();
        assert_eq!((run.messages, run.files, run.held), (2, 1, 1));
        test.settle();
        test.wait_for("the file leaves the shelf", || {
            (!file.exists()).then_some(())
        });

        assert_eq!(found(&staff, "龘龘"), 2);
        assert_eq!(found(&staff, "到期的话"), 0);
        assert_eq!(found(&staff, "冻结的话"), 1);
        let one = staff.get("/api/v1/messages/1").json();
        assert_eq!(
            (&one["state"], &one["text"]),
            (&json!("deleted"), &json!(""))
        );
        let chat = one["conversation_id"].as_str().unwrap().to_owned();
        let shown = staff.get(&format!("/archive/{chat}?at=1")).body;
        assert!(
            shown.contains("到期清理（全公司，全部类型，30 天）"),
            "{shown}"
        );
        assert!(!shown.contains("到期的话") && shown.contains("新的话"));
        assert_eq!(staff.get("/archive/files/2/0").status, 404);
        let trail = officer.get("/compliance/audit?action=archive.purge").body;
        assert!(trail.contains("清理批次"), "{trail}");
    }
    assert_eq!(test.app.store.check().unwrap().found, []);

    // The same after a crash, with a new index, and when the archive tells it again.
    test = test.kill().start();
    test.app.reindex().unwrap();
    qitai::archive::index::reindex(&test.app).unwrap();
    let again = old(&test, 1, &gone, cast.store_staff, "龘龘后来的话");
    chats::archive(&test, 1, messages.into_iter().chain([again]));
    let staff = test.sign_in("staff");
    assert_eq!(found(&staff, "龘龘"), 3);
    assert_eq!(found(&staff, "到期的话"), 0);
    assert_eq!(test.app.store.check().unwrap().found, []);

    // A hold that is lifted keeps nothing any more.
    let officer = test.sign_in("compliance");
    let hold = test.app.read(retention::holds).unwrap()[0].id;
    let lift = format!("/compliance/retention/holds/{hold}/lift");
    assert_eq!(officer.post(&lift, &[("reason", "")]).status, 422);
    assert_eq!(
        officer.post(&lift, &[("reason", "案件已经结束")]).status,
        303
    );
    assert_eq!(
        officer.post(&lift, &[("reason", "案件已经结束")]).status,
        409
    );
    let admin = test.sign_in("admin");
    count_anew(&test, &admin);
    admin.post("/compliance/retention/purge", &[("sure", "on")]);
    test.wait_for("the second run ends", || {
        last_run(&test).filter(|run| run.no == 2)
    });
    test.settle();
    assert_eq!(found(&staff, "冻结的话"), 0);
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// What WeCom knows of consent is asked for and shown to whoever has the members in scope.
#[test]
fn who_has_not_agreed_is_known() {
    let test = TestApp::with_chats(60, 400);
    let officer = test.sign_in("compliance");
    let staff = test.sign_in("staff");
    assert_eq!(staff.post("/compliance/consents/ask", &[]).status, 404);
    assert_eq!(officer.post("/compliance/consents/ask", &[]).status, 303);
    let job = ended(&test, qitai::archive::consent::KIND);
    assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
    assert!(job.progress.counted("consents_asked") > 60);

    let rows = test.app.read(|r| {
        let all = r.all::<Consent>(None).unwrap();
        all.map(Result::unwrap).collect::<Vec<_>>()
    });
    let cast = firm::cast();
    let own = test.sim.as_ref().unwrap().customers_of(cast.store_staff);
    let count = |visitor: &Visitor<'_>| {
        let mut lines = 0;
        for answer in ["refused", "none", "agreed", "by_default", "unknown"] {
            let page = visitor.get(&format!("/compliance/consents?answer={answer}&limit=200"));
            assert_eq!(page.status, 200);
            lines += page
                .body
                .matches("<tr role=\"row\">")
                .count()
                .saturating_sub(1);
        }
        lines
    };
    assert_eq!(count(&officer), rows.len());
    let (staff_sees, all) = (count(&staff), rows.len());
    assert!(
        staff_sees >= own.len() && staff_sees < all,
        "{staff_sees} {all}"
    );
    let page = officer
        .get("/compliance/consents?q=%E4%B8%8D%E5%AD%98%E5%9C%A8")
        .body;
    assert!(page.contains("没有找到"));

    // Asking again changes nothing.
    let head = test.app.store.snapshot().feed_head();
    officer.post("/compliance/consents/ask", &[]);
    let again = test.wait_for("asked again", || {
        let again = ended(&test, qitai::archive::consent::KIND);
        (again.id != job.id).then_some(again)
    });
    assert_eq!(again.progress.counted("consents_changed"), 0);
    assert_eq!(test.app.store.snapshot().feed_head(), head);
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// Where the firm wants it so, members see who opened their conversations.
#[test]
fn members_see_who_opened_their_conversations() {
    let test = TestApp::start();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let text = chats::text(1, cast.store_staff, &[&customer], "您好");
    chats::archive(&test, 1, [text]);
    let chat = test.app.read(|r| r.get::<Chat>(&1).unwrap().unwrap().id);
    let staff = test.sign_in("staff");
    let officer = test.sign_in("compliance");
    let open = format!("/archive/{chat}/open");
    assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    assert!(
        staff
            .get("/me/conversations")
            .body
            .contains("公司没有开启告知")
    );

    let admin = test.sign_in("admin");
    let settings = [("library", ""), ("tells", "on")];
    assert_eq!(admin.post("/settings/archive", &settings).status, 303);
    assert!(staff.get("/me/conversations").body.contains("没有记录"));
    assert_eq!(officer.post(&open, &[("reason", REASON)]).status, 303);
    let page = staff.get("/me/conversations").body;
    assert!(
        page.contains(REASON) && page.contains(&chat.to_string()),
        "{page}"
    );
    assert!(!officer.get("/me/conversations").body.contains(REASON));
}
