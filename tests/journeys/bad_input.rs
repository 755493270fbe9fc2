//! Malformed and hostile input: from WeCom, from browsers, from the disk. Each is refused with
//! a reason, and nothing is lost.

use qitai::{
    customers::Relation,
    identity::Viewer,
    sync,
    wecom::sim::Fault,
    work::{Job, jobs},
};

use crate::support::TestApp;

/// The calls of a full sync whose answers are lists.
const PATHS: [&str; 5] = [
    "department/list",
    "externalcontact/get_corp_tag_list",
    "externalcontact/get_follow_user_list",
    "externalcontact/batch/get_by_user",
    "externalcontact/groupchat/list",
];

/// Begins a sync and waits until its first attempt has ended, well or not.
fn attempt(test: &TestApp) -> Job {
    let act = Viewer::system("test").change("sync.start");
    let begun = test
        .app
        .store
        .write_blocking(act, |w| Ok(sync::enqueue(w)?));
    let id = begun.unwrap();
    test.app.jobs.notify_one();
    test.wait_for("the attempt ends", || {
        let job = test.app.read(|r| r.get::<Job>(&id)).unwrap().unwrap();
        (job.failure.is_some() || job.state.is_final()).then_some(job)
    })
}

/// What cannot be believed changes nothing and ends with a reason.
#[test]
fn an_unbelievable_answer_marks_nobody_and_is_named() {
    let test = TestApp::with_customers(30);
    let head = test.app.store.snapshot().feed_head();
    let sim = test.sim.as_ref().unwrap();
    for path in PATHS {
        for fault in [Fault::HalfBody, Fault::WrongTypes, Fault::Status(502)] {
            sim.inject(Some(path), 1, fault);
            let job = attempt(&test);
            let failure = job.failure.as_ref().expect(path);
            assert!(failure.code.starts_with("wecom"), "{path}: {failure:?}");
            sim.clear_faults();
            // It would be tried again; the next fault gets a job of its own.
            let cancel = Viewer::system("test").change("job.cancel");
            let cancelled = test
                .app
                .store
                .write_blocking(cancel, move |w| Ok(jobs::ask_to_cancel(w, job.id)?));
            assert!(cancelled.unwrap());
            let now = test.app.store.snapshot().feed_head();
            assert_eq!(now, head, "{path} {fault:?}");
        }
    }
    test.sync();
    assert_eq!(test.app.store.snapshot().feed_head(), head);
}

/// Oddities that change nothing of what was meant are taken.
#[test]
fn unknown_fields_empty_and_shifting_pages_are_taken_as_meant() {
    let test = TestApp::with_customers(30);
    let head = test.app.store.snapshot().feed_head();
    let sim = test.sim.as_ref().unwrap();
    for fault in [
        Fault::UnknownFields,
        Fault::NumbersAsText,
        Fault::ShiftingPages,
        Fault::EmptyPage,
    ] {
        sim.inject(None, 1, fault);
        test.sync();
        sim.clear_faults();
        let now = test.app.store.snapshot().feed_head();
        assert_eq!(now, head, "{fault:?}");
    }
}

/// Pages that never end do not hold the sync for ever and mark nobody as gone.
#[test]
fn pages_that_lead_in_a_circle_come_to_an_end() {
    let test = TestApp::with_customers(30);
    let head = test.app.store.snapshot().feed_head();
    let sim = test.sim.as_ref().unwrap();
    sim.inject(None, 1, Fault::LoopingCursor);
    attempt(&test);
    assert_eq!(test.app.store.snapshot().feed_head(), head);
}

/// A token of a session that has ended opens nothing in the next one.
#[test]
fn a_stale_token_is_refused_and_changes_nothing() {
    let test = TestApp::with_customers(20);
    let token = |page: String| {
        let (_, rest) = page.split_once("name=\"csrf\" content=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let before = test.sign_in("admin");
    let stale = token(before.get("/me").body);
    before.post("/logout", &[]);
    let admin = test.sign_in("admin");
    let fresh = token(admin.get("/me").body);
    let size = test.audit_size();
    let refused = admin.post_as_is("/org/sync", &[("csrf", &stale)]);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("没有执行"));
    assert_eq!(test.audit_size(), size);
    let taken = admin.post_as_is("/org/sync", &[("csrf", &fresh)]);
    assert_eq!(taken.status, 303);
}

/// Too large, too many, not UTF-8, twice the same: each is told apart from a fault of ours.
#[test]
fn forms_that_our_pages_never_send_are_refused() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let large = "x".repeat(66_000);
    assert_eq!(admin.post("/org/sync", &[("note", &large)]).status, 413);
    let odd = [("login", "a"), ("login", "b"), ("password", "c")];
    let stranger = test.stranger();
    assert_eq!(stranger.post("/login", &odd).status, 400);
    let unknown = [("login", "a"), ("password", "c"), ("role", "super_admin")];
    assert_eq!(test.stranger().post("/login", &unknown).status, 400);
    assert_eq!(test.post_raw("/login", b"login=%ff&password=\xff\xfe"), 403);
}

/// What belongs to another department cannot be changed or shown by its id, and looks absent.
#[test]
fn ids_of_other_departments_do_nothing() {
    let test = TestApp::start();
    let ids = |login: &str| {
        let list = test.sign_in(login).get("/api/v1/customers?limit=200");
        let list = list.json();
        let items = list["items"].as_array().unwrap().clone();
        let id = |item: &serde_json::Value| item["id"].as_str().unwrap().to_owned();
        items
            .iter()
            .map(id)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (all, own) = (ids("admin"), ids("staff"));
    let foreign = all.difference(&own).next().unwrap();
    let relation = test.app.read(|r| {
        let mut relations = r.all::<Relation>(None).unwrap().map(|r| r.unwrap());
        relations.find(|r| r.customer.to_string() == *foreign)
    });
    let relation = relation.unwrap().id.to_string();
    let staff = test.sign_in("staff");
    let absent = "0000000000001".to_owned();
    for (customer, relation) in [(foreign, &relation), (&absent, &absent)] {
        let page = staff.get(&format!("/customers/{customer}"));
        let phone = format!("/customers/relations/{relation}/phones/0");
        assert_eq!((page.status, staff.post(&phone, &[]).status), (404, 404));
    }
}

/// A program that pages with a cursor which is not whole, or not of this list, is told so: the
/// first page again would be read twice, or for ever.
#[test]
fn a_cursor_that_does_not_belong_to_the_list_is_refused() {
    let test = TestApp::with_customers(20);
    test.let_admins_read_chats();
    let (admin, officer) = (test.sign_in("admin"), test.sign_in("compliance"));
    for list in [
        "assets",
        "broadcasts",
        "customers",
        "departments",
        "groups",
        "live-codes",
        "members",
        "messages",
        "moments",
        "tags",
        "todos",
    ] {
        let refused = admin.get(&format!("/api/v1/{list}?cursor=zzz"));
        assert_eq!(refused.status, 400, "{list}: {}", refused.body);
        assert_eq!(refused.json()["code"], "bad_request.cursor", "{list}");
        assert_eq!(admin.get(&format!("/api/v1/{list}?cursor=")).status, 200);
    }
    let refused = officer.get("/api/v1/audit?cursor=zzz");
    assert_eq!(refused.json()["code"], "bad_request.cursor");

    // Of another list, of other conditions, of somebody else, or cut short.
    let list = "/api/v1/customers?limit=2";
    let first = admin.get(list).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = admin.get(&format!("{list}&cursor={cursor}")).json();
    assert_ne!(next["items"][0]["id"], first["items"][0]["id"]);
    let short = &cursor[..cursor.len() - 1];
    for (visitor, address) in [
        (&admin, format!("/api/v1/members?cursor={cursor}")),
        (&admin, format!("{list}&q=a&cursor={cursor}")),
        (&test.sign_in("manager"), format!("{list}&cursor={cursor}")),
        (&admin, format!("{list}&cursor={short}")),
    ] {
        assert_eq!(visitor.get(&address).status, 400, "{address}");
    }
    // A page that is looked at begins anew.
    assert_eq!(admin.get("/customers?after=zzz").status, 200);
}
