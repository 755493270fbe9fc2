//! What people do, from the first click to the proof.

mod alerts;
pub mod archive;
mod archive_ledger;
mod assets;
mod back_in_time;
mod bad_input;
mod broadcasts;
pub mod chats;
mod consents;
mod directory;
mod doctor;
mod events;
pub mod evidence;
mod evidence_seal;
mod found;
mod group_broadcasts;
mod group_welcomes;
mod live_codes;
pub mod moment_media;
mod moments;
mod news;
mod once;
mod own_customers;
mod packages;
mod pages;
mod people;
mod printing;
mod reasons;
mod retention;
mod rollout;
mod rules;
mod scim;
mod searches;
mod tls;
mod todos;
mod welcome;
mod words;
mod writing;

use std::io::Write;

use qitai::{
    audit::{
        checkpoints,
        verify::{Outside, Verdict, verify},
    },
    wecom::sim::firm,
};

use crate::support::TestApp;

/// The compliance officer's proof: search, profile and phone of a customer are in the
/// exported trail, the package verifies, and a changed line is named.
#[test]
fn what_staff_did_is_proved_to_an_outsider() {
    let test = TestApp::start();
    let staff = test.sign_in("staff");

    let list = staff.get("/api/v1/customers?limit=200").json();
    let with_phone = list["items"].as_array().unwrap().iter().find(|item| {
        let relations = item["relations"].as_array().unwrap();
        relations
            .iter()
            .any(|r| !r["phones"].as_array().unwrap().is_empty())
    });
    let customer = with_phone.expect("some customer in scope has a phone");
    let id = customer["id"].as_str().unwrap();
    let name = customer["name"].as_str().unwrap();

    let page = staff.get(&format!("/customers/{id}"));
    assert_eq!(page.status, 200);
    assert!(page.body.contains(name));
    let phone_path = page.body.split("action=\"").find_map(|rest| {
        let path = rest.split('"').next()?;
        path.contains("/phones/").then(|| path.to_owned())
    });
    let phone_path = phone_path.expect("the profile offers the number");
    assert!(page.body.contains(" **** "), "the number is masked");
    let shown = staff.post(&phone_path, &[]);
    assert_eq!(shown.status, 200);
    assert!(!shown.body.contains(" **** "), "the number is shown");

    let officer = test.sign_in("compliance");
    let trail = officer.get("/compliance/audit?action=customer.reveal_phone");
    assert_eq!(trail.status, 200);
    assert!(trail.body.contains(id), "the trail names the customer");

    let export = officer.get("/api/v1/audit/export");
    assert_eq!(
        (export.status, export.header("content-type")),
        (200, "application/zip")
    );
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("audit.zip");
    std::fs::write(&package, &export.bytes).unwrap();
    let key = checkpoints::verifier_key(test.app.store.vault());
    let outside = Outside {
        key: Some(key),
        ..Outside::default()
    };
    let report = verify(&package, &outside);
    assert_eq!(report.verdict, Verdict::Good, "{report:?}");

    let altered = dir.path().join("altered.zip");
    alter(&package, &altered, "customer.reveal_phone");
    let report = verify(&altered, &outside);
    assert_eq!(report.verdict, Verdict::Altered, "{report:?}");
}

/// Copies a package with one letter changed in the first line that has `word`.
fn alter(from: &std::path::Path, to: &std::path::Path, word: &str) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(from).unwrap()).unwrap();
    let mut out = zip::ZipWriter::new(std::fs::File::create(to).unwrap());
    let mut changed = false;
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        if !changed && name.starts_with("entries/") {
            let text = String::from_utf8(bytes).unwrap();
            changed = text.contains(word);
            bytes = text.replacen(word, "customer.reveal_phane", 1).into_bytes();
        }
        let options = zip::write::SimpleFileOptions::default();
        out.start_file(name, options).unwrap();
        out.write_all(&bytes).unwrap();
    }
    assert!(changed);
    out.finish().unwrap();
}

/// A second sync over an unchanged firm leaves no record, no entry and no feed row.
#[test]
fn syncing_again_writes_nothing() {
    let test = TestApp::start();
    let before = (test.audit_size(), test.app.store.snapshot().feed_head());
    test.sync();
    assert_eq!(
        (test.audit_size(), test.app.store.snapshot().feed_head()),
        before
    );
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// What changes at WeCom is found after the next sync; who left there is marked, not lost.
#[test]
fn a_sync_follows_the_firm() {
    let test = TestApp::start();
    let sim = test.sim.as_ref().unwrap();
    let cast = firm::cast();
    let all = sim.customers_of(cast.store_staff);
    assert!(sim.rename_customer(&all[0], "欧阳测试甲"));
    assert!(sim.remove_relation(cast.store_staff, &all[1]));
    sim.add_customer(cast.store_staff, "单新客");
    test.sync();
    test.settle();
    let staff = test.sign_in("staff");
    let found = |q: &str| staff.get(&format!("/api/v1/customers?q={q}")).json();
    assert_eq!(found("ouyangceshi")["total"], 1);
    assert_eq!(found("shanxin")["items"][0]["name"], "单新客");
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// A page that fails means unknown: nothing is marked as gone, and the job ends with a reason.
#[test]
fn a_failed_page_marks_nobody_as_gone() {
    use qitai::wecom::sim::Fault;
    let test = TestApp::start();
    let head = test.app.store.snapshot().feed_head();
    let sim = test.sim.as_ref().unwrap();
    sim.inject(
        Some("externalcontact/batch/get_by_user"),
        1,
        Fault::HalfBody,
    );
    let act = qitai::identity::Viewer::system("test").change("sync.start");
    let id = test
        .app
        .store
        .write_blocking(act, |w| Ok(qitai::sync::enqueue(w)?))
        .unwrap();
    test.app.jobs.notify_one();
    let job = test.wait_for("the attempt fails", || {
        let job = test
            .app
            .read(|r| r.get::<qitai::work::Job>(&id))
            .unwrap()
            .unwrap();
        job.failure.is_some().then_some(job)
    });
    assert!(job.failure.unwrap().code.starts_with("wecom."));
    assert_eq!(test.app.store.snapshot().feed_head(), head);
}

/// Staff see their store, the manager the region, the super admin all; totals say so.
#[test]
fn everybody_sees_their_own_scope() {
    let test = TestApp::start();
    let total = |login: &str| {
        let answer = test.sign_in(login).get("/api/v1/customers");
        assert_eq!(answer.status, 200);
        answer.json()["total"].as_u64().unwrap()
    };
    let (staff, manager, admin) = (total("staff"), total("manager"), total("admin"));
    assert!(
        staff > 0 && staff < manager && manager < admin,
        "{staff} {manager} {admin}"
    );
    assert_eq!(
        test.sign_in("compliance").get("/api/v1/customers").status,
        403
    );
}

/// What is outside scope and what is not there look the same.
#[test]
fn foreign_and_absent_look_the_same() {
    let test = TestApp::start();
    let ids = |login: &str| -> std::collections::BTreeSet<String> {
        let list = test
            .sign_in(login)
            .get("/api/v1/customers?limit=200")
            .json();
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|i| i["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let (all, own) = (ids("admin"), ids("staff"));
    let foreign = all
        .difference(&own)
        .next()
        .expect("somebody is out of scope");
    let staff = test.sign_in("staff");
    let foreign = staff.get(&format!("/api/v1/customers/{foreign}"));
    let absent = staff.get("/api/v1/customers/0000000000001");
    assert_eq!((foreign.status, absent.status), (404, 404));
    let plain = |answer: &crate::support::Answer| {
        let mut problem = answer.json();
        problem["request_id"] = "".into();
        problem
            .to_string()
            .replace(answer.header("x-request-id"), "")
    };
    assert_eq!(plain(&foreign), plain(&absent));
}
