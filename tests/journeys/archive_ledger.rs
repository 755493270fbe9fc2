//! How complete the archive is, who is told, and whether keys and library work.

use std::fs;

use qitai::{
    archive::{
        self, Cursor, Locked, Media, MediaState, Parked, Seat, SeatSpan, consent,
        ingest::{self, Arrival},
        key_ring,
    },
    identity::Viewer,
    kit::Timestamp,
    rollout::doctor::{self, Kind},
    store::{Act, SYSTEM_SUBJECT},
    wecom::{
        archive::{PrivateKey, library_digest},
        sim::firm,
    },
    work::{
        JobState,
        effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
        jobs,
    },
};

use super::chats;
use crate::support::TestApp;

fn write(test: &TestApp, row: Media) {
    let act = Act::by_system("archive.pull", "archive");
    let put = test
        .app
        .store
        .write_blocking(act, move |w| Ok(w.put(&row)?));
    put.unwrap();
}

/// A message that waits for a key; it came on 2026-01-01 at noon in Shanghai.
pub fn park(test: &TestApp, seq: u64) {
    let now = Timestamp::from_ms(1_767_240_000_000);
    let parked = Parked {
        seq,
        msgid: format!("m{seq}"),
        key_version: 9,
        key: String::new(),
        message: String::new(),
        why: Locked::NoKey,
        at: now,
        tried_at: now,
    };
    let arrival = Arrival {
        parked: vec![parked],
        ..Arrival::of(Vec::new(), test.app.zone())
    };
    let act = Act::by_system("archive.pull", "archive");
    let stored = test
        .app
        .store
        .write_blocking(act, |w| Ok(ingest::store(w, arrival)?));
    assert_eq!(stored.unwrap().parked, 1);
}

/// What nobody knows the members of is told only to those who see the whole firm.
#[test]
fn figures_of_the_whole_firm_are_for_those_who_see_it() {
    let test = TestApp::start();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let said = |n| chats::text(n, cast.store_staff, &[&customer], "您好");
    chats::archive(&test, 41, [said(1)]);
    chats::archive(&test, 45, [said(2)]);
    park(&test, 46);
    test.let_admins_read_chats();
    let firm_wide = [
        "待解密",
        "企业微信跳过的序号",
        "42 至 44，共 3 个",
        "缺少的序号",
    ];
    for login in ["staff", "manager"] {
        let visitor = test.sign_in(login);
        let ledger = visitor.get("/archive/ledger").body;
        assert!(ledger.contains("只统计你数据范围内的员工"), "{ledger}");
        for figure in firm_wide {
            assert!(!ledger.contains(figure), "{login} sees {figure}: {ledger}");
        }
        assert!(!visitor.get("/archive").body.contains("还没有解密"));
    }
    let officer = test.sign_in("compliance");
    let today = officer.get("/archive/ledger").body;
    for figure in firm_wide {
        assert!(today.contains(figure), "{figure}: {today}");
    }
    let list = officer.get("/api/v1/messages").json();
    let chat = list["items"][0]["conversation_id"].as_str().unwrap();
    let reason = [("reason", "核对完整性"), ("next", "")];
    assert_eq!(
        officer
            .post(&format!("/archive/{chat}/open"), &reason)
            .status,
        303
    );
    for page in ["/archive".to_owned(), format!("/archive/{chat}")] {
        let page = officer.get(&page).body;
        assert!(page.contains("有 1 条消息还没有解密"), "{page}");
    }
    let own = test.sign_in("staff").get(&format!("/archive/{chat}"));
    assert_eq!(own.status, 200);
    assert!(!own.body.contains("还没有解密"), "{}", own.body);
}

/// Notes that WeCom archives these parties' chats.
fn seat(test: &TestApp, parties: [u32; 2]) {
    let act = Act::by_system("archive.seats", "archive");
    let kept = test.app.store.write_blocking(act, move |w| {
        for party in parties {
            let span = SeatSpan {
                from: 20_250_901,
                to: None,
            };
            w.put(&Seat {
                party,
                spans: vec![span],
            })?;
        }
        Ok(())
    });
    kept.unwrap();
}

/// The address in a page's link by what the link is called.
fn link(page: &str, rel: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("rel=\"{rel}\" href=\""))?;
    Some(rest.split_once('"')?.0.replace("&#38;", "&"))
}

/// One can go back to the first day and return, and whoever is archived and was silent is told.
#[test]
fn the_ledger_leads_back_and_tells_of_whom_nothing_came() {
    let test = TestApp::start();
    let cast = firm::cast();
    let customer = test.sim.as_ref().unwrap().customers_of(cast.store_staff)[0].clone();
    let mut early = chats::text(1, cast.region_manager, &[cast.store_staff], "早");
    // 2025-10-01 12:00 in Shanghai.
    early["msgtime"] = 1_759_291_200_000_i64.into();
    let late = chats::text(2, cast.store_staff, &[&customer], "您好");
    chats::archive(&test, 1, [early, late]);
    test.let_admins_read_chats();
    let officer = test.sign_in("compliance");
    let newest = officer.get("/archive/ledger").body;
    assert!(newest.contains("还没有向企业微信问到存档范围"), "{newest}");
    assert!(!newest.contains("没有消息</small>"));
    seat(&test, [1, 2]);

    let newest = officer.get("/archive/ledger").body;
    assert!(newest.contains("2026-01-01 各员工"), "{newest}");
    assert!(
        newest.contains("1 位员工在企业微信的存档范围内"),
        "{newest}"
    );
    // Days without anything stand there too.
    assert!(newest.contains(">2025-12-02</a>") && !newest.contains(">2025-12-01</a>"));
    assert_eq!(link(&newest, "prev"), None);
    let older = link(&newest, "next").unwrap();
    let oldest = officer.get(&older).body;
    assert!(oldest.contains("2025-10-01 各员工"), "{older}: {oldest}");
    assert!(!oldest.contains("2025-09-30") && !oldest.contains("没有消息</small>"));
    assert_eq!(link(&oldest, "next"), None);
    let newer = link(&oldest, "prev").unwrap();
    assert_eq!(newer, "/archive/ledger");
    let silent = officer.get("/archive/ledger?day=2025-12-25").body;
    assert_eq!(silent.matches("没有消息</small>").count(), 2, "{silent}");
    // Of many, each stands on one page.
    let first = officer.get("/archive/ledger?day=2025-12-25&limit=1").body;
    let (_, rest) = first.split_once("after=").unwrap();
    let cursor = rest.split_once('"').unwrap().0;
    let second = format!("/archive/ledger?day=2025-12-25&limit=1&after={cursor}");
    let second = officer.get(&second);
    assert_eq!(first.matches("没有消息</small>").count(), 1);
    assert_eq!(second.body.matches("没有消息</small>").count(), 1);

    for odd in [
        "day=abc",
        "to=2026-13-01",
        "to=20260101x",
        "day=-000001-01-01",
    ] {
        let page = officer.get(&format!("/archive/ledger?{odd}"));
        assert_eq!(page.status, 200);
        let told = format!("看不懂这个日期，没有按它显示：{odd}");
        assert!(page.body.contains(&told), "{odd}: {}", page.body);
        assert!(page.body.contains("2026-01-01 各员工"), "{odd}");
    }
    // Nobody out of scope is told of.
    let own = test.sign_in("staff").get("/archive/ledger?day=2025-12-25");
    assert_eq!(
        own.body.matches("没有消息</small>").count(),
        1,
        "{}",
        own.body
    );
}

/// Whose chats are archived is asked for with the consents.
#[test]
fn whom_wecom_archives_is_noted_when_it_is_asked() {
    let test = TestApp::with_chats(20, 20);
    test.let_admins_read_chats();
    let officer = test.sign_in("compliance");
    let ask = || {
        assert_eq!(officer.post("/compliance/consents/ask", &[]).status, 303);
        let job = test.wait_for("WeCom was asked", || {
            let job = test.app.read(|r| jobs::latest(r, consent::KIND)).unwrap();
            job.filter(|job| job.state.is_final())
        });
        assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
        test.app.read(|r| {
            let seats = r.all::<Seat>(None).unwrap();
            seats.map(Result::unwrap).collect::<Vec<_>>()
        })
    };
    let seats = ask();
    assert!(
        seats.len() > 5 && seats.iter().all(Seat::is_held),
        "{seats:?}"
    );
    // Told again, nothing changes.
    assert_eq!(ask(), seats);
}

/// What is about to be lost meets the super admin where they begin, and the command line says so.
#[test]
fn what_is_about_to_be_lost_is_told_without_being_looked_for() {
    const TITLE: &str = "会话存档可能丢失消息";
    let test = TestApp::with_chats(20, 20);
    let key = PrivateKey::generate().unwrap();
    let sim = test.sim.as_ref().unwrap();
    sim.upload_archive_key(&key.public_pem()).unwrap();
    test.wait_for("the archive has answered", || {
        let cursor: Cursor = test.app.read(ingest::cursor).unwrap();
        cursor.caught_up_at
    });
    let kinds = || {
        let found = test.block_on(doctor::examine(&test.app, false)).unwrap();
        found.iter().map(|f| f.kind()).collect::<Vec<_>>()
    };
    let admin = test.sign_in("admin");
    assert!(!admin.get("/").body.contains(TITLE));
    assert!(kinds().contains(&Kind::ArchiveFine));
    let now = test.app.store.clock().now();
    write(
        &test,
        Media {
            seq: 9_000,
            place: 0,
            chat: 1,
            subject: SYSTEM_SUBJECT,
            fileid: "f".to_owned(),
            size: 0,
            md5: String::new(),
            state: MediaState::Waiting,
            sha256: None,
            length: 0,
            attempts: 3,
            next_at: now.plus_ms(3_600_000),
            sent_at: now.plus_ms(-100 * 3_600_000),
            staff: 1,
            differs: false,
        },
    );
    for path in ["/", "/settings/archive"] {
        let page = admin.get(path).body;
        assert!(page.contains("1 个会话文件还没有取回"), "{path}: {page}");
    }
    assert!(admin.get("/").body.contains(TITLE));

    // Whoever does not look is told in WeCom, once a day.
    let heard = || sim.messages_of(firm::cast().super_admin).len();
    let tell = || test.block_on(archive::tell_alarms(&test.app)).unwrap();
    tell();
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Messages, WriteMode::On);
    let act = viewer.change("settings.writing");
    let allowed = test.app.store.write_blocking(act, move |w| {
        let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
        effects::save_write_settings(w, allowed)
    });
    allowed.unwrap();
    tell();
    tell();
    test.wait_for("the super admin has heard", || (heard() > 0).then_some(()));
    let told = sim.messages_of(firm::cast().super_admin);
    let words = told[0].content.to_string();
    assert!(
        words.contains(TITLE) && words.contains("1 个会话文件还没有取回"),
        "{words}"
    );
    assert_eq!(told.len(), 1);
    for other in [firm::cast().region_manager, firm::cast().store_staff] {
        assert_eq!(sim.messages_of(other), []);
    }
    assert!(kinds().contains(&Kind::ArchiveFiles));
    for login in ["manager", "staff"] {
        assert!(!test.sign_in(login).get("/").body.contains(TITLE));
    }
}

/// The button beside a key says whether it opens what WeCom sends.
#[test]
fn a_key_and_the_library_can_be_tried() {
    let test = TestApp::with_chats(40, 60);
    let made = || PrivateKey::generate().unwrap();
    let (right, wrong, unused) = (made(), made(), made());
    let sim = test.sim.as_ref().unwrap();
    let first = sim.upload_archive_key(&right.public_pem()).unwrap();
    let admin = test.sign_in("admin");
    let tried = |version: u32| {
        let version = version.to_string();
        let before = test.audit_size();
        let answer = admin.post("/settings/archive/keys/test", &[("version", &version)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(test.audit_size() > before);
        admin.get("/settings/archive").body
    };
    key_ring::keep_for_test(&test.app, first, &wrong);
    test.wait_for("nothing opens", || {
        let cursor = test.app.read(ingest::cursor).unwrap();
        (cursor.parked == sim.archived()).then_some(())
    });
    let page = tried(first);
    assert!(
        page.contains(&format!("第 {first} 版私钥打不开消息")),
        "{page}"
    );
    key_ring::keep_for_test(&test.app, first + 7, &unused);
    assert!(tried(first + 7).contains("公钥和私钥成对"));
    let answer = admin.post("/settings/archive/keys/test", &[("version", "99")]);
    assert_eq!(answer.status, 404);
    // The console has another key meanwhile, which is here too: the newest message is opened.
    let test = TestApp::with_chats(40, 60);
    let sim = test.sim.as_ref().unwrap();
    let version = sim.upload_archive_key(&right.public_pem()).unwrap();
    key_ring::keep_for_test(&test.app, version, &right);
    test.wait_for("everything is here", || {
        let cursor = test.app.read(ingest::cursor).unwrap();
        (cursor.messages == sim.archived()).then_some(())
    });
    let admin = test.sign_in("admin");
    let fields = [("version", version.to_string())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(
        admin.post("/settings/archive/keys/test", &fields).status,
        303
    );
    let page = admin.get("/settings/archive").body;
    assert!(
        page.contains(&format!("第 {version} 版私钥可以用")),
        "{page}"
    );
    assert_eq!(admin.post("/settings/archive/probe", &[]).status, 303);
    assert!(
        admin
            .get("/settings/archive")
            .body
            .contains("官方库可以加载")
    );
}

/// A library that somebody has replaced is not loaded until an admin has accepted it.
#[test]
fn a_library_that_has_changed_is_not_loaded_until_it_is_accepted() {
    let test = TestApp::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libWeWorkFinanceSdk_C.so");
    fs::write(&path, "one").unwrap();
    let library = path.to_str().unwrap();
    let admin = test.sign_in("admin");
    let on = [("library", library), ("is_on", "on")];
    assert_eq!(admin.post("/settings/archive", &on).status, 303);
    let first = library_digest(&path).unwrap();
    let page = admin.get("/settings/archive").body;
    assert!(
        page.contains(&first) && !page.contains("没有加载"),
        "{page}"
    );
    fs::write(&path, "another").unwrap();
    test.wait_for("it is told", || {
        let cursor = test.app.read(ingest::cursor).unwrap();
        cursor.failure.filter(|(code, _)| code == "accept")
    });
    let second = library_digest(&path).unwrap();
    let page = admin.get("/settings/archive").body;
    assert!(page.contains(&first) && page.contains(&second), "{page}");
    assert!(page.contains("这个文件和确认时的不一样"), "{page}");
    // Whatever else is saved does not accept it, nor does a look at what it was before.
    assert_eq!(admin.post("/settings/archive", &on).status, 422);
    let stale = [on[0], on[1], ("accept", first.as_str())];
    assert_eq!(admin.post("/settings/archive", &stale).status, 422);
    let accept = [on[0], on[1], ("accept", second.as_str())];
    assert_eq!(admin.post("/settings/archive", &accept).status, 303);
    let page = admin.get("/settings/archive").body;
    assert!(!page.contains("这个文件和确认时的不一样"), "{page}");
    // It can be switched off whatever the file is.
    fs::write(&path, "third").unwrap();
    let off = [("library", library)];
    assert_eq!(admin.post("/settings/archive", &off).status, 303);
}
