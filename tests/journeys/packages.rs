//! Evidence packages at rest: sealed on disk, whole again when they are taken out, along in a
//! backup, and never sent when they were changed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use qitai::{
    app::App,
    archive::evidence::{Case, CaseState},
    audit::checkpoints,
    store::{Act, Folder, Store},
};

use super::evidence::{complaint, verify_both};
use crate::support::{TestApp, Visitor};

const REASON: &str = "核对退款投诉，工单 TS-1182";

/// Puts the message that was taken back into a case and seals it; gives the case's address.
fn seal_a_case(test: &TestApp, officer: &Visitor<'_>) -> String {
    let item = officer.get("/api/v1/messages/3").json();
    let chat = item["conversation_id"].as_str().unwrap().to_owned();
    let open = format!("/archive/{chat}/open");
    let opened = officer.post(&open, &[("reason", REASON), ("next", "")]);
    assert_eq!(opened.status, 303, "{}", opened.body);
    let fields = [
        ("chat", chat.as_str()),
        ("seq", "3"),
        ("case", "new"),
        ("span", "chat"),
        ("title", "TS-1182"),
        ("why", REASON),
    ];
    let added = officer.post("/compliance/evidence/add", &fields);
    assert_eq!(added.status, 303, "{}", added.body);
    let case = added.header("location").to_owned();
    let sealing = officer.post(&format!("{case}/seal"), &[]);
    assert_eq!(sealing.status, 303, "{}", sealing.body);
    test.wait_for("the case is sealed", || {
        let page = officer.get(&case).body;
        page.contains("已封存").then_some(())
    });
    case
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The one file in the folder of packages.
fn package_at_rest(data: &Path) -> PathBuf {
    let files = files_in(&Folder::at(data).evidence_dir());
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn has(bytes: &[u8], marker: &[u8]) -> bool {
    bytes.windows(marker.len()).any(|part| part == marker)
}

/// Runs a command on a folder that nobody serves; gives its exit code and what it says.
fn run(data: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_qitai"))
        .args(args)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap(), said)
}

/// The package as the folder's own keys open it.
fn opened(data: &Path) -> Vec<u8> {
    let store = Store::open(&Folder::at(data), App::store_options()).unwrap();
    let path = package_at_rest(data);
    let file = std::fs::File::open(&path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let sealed = store.read(|r| r.open_file(file, name)).unwrap();
    let mut content = vec![0; usize::try_from(sealed.length()).unwrap()];
    sealed.read_exact_at(&mut content, 0).unwrap();
    content
}

/// Makes the folder what it was before packages were sealed at rest.
fn lay_open(data: &Path, package: &[u8]) {
    let store = Store::open(&Folder::at(data), App::store_options()).unwrap();
    let sealed = package_at_rest(data);
    let open = sealed.with_extension("zip");
    std::fs::write(&open, package).unwrap();
    std::fs::remove_file(sealed).unwrap();
    let name = open.file_name().unwrap().to_str().unwrap().to_owned();
    let act = Act::by_system("evidence.sealed", "test");
    let changed = store.write_blocking(act, move |w| {
        let case = w.read().all::<Case>(None)?.next().transpose()?;
        let mut case = case.expect("there is a case");
        let CaseState::Sealed(seal) = &mut case.state else {
            panic!("it is sealed");
        };
        (seal.file, seal.at_rest) = (name, None);
        Ok(w.put(&case)?)
    });
    changed.unwrap();
}

#[test]
fn a_package_lies_sealed_and_travels_with_a_backup() {
    let test = TestApp::start();
    complaint(&test);
    let officer = test.sign_in("compliance");
    let case = seal_a_case(&test, &officer);
    let address = format!("{case}/package");

    // Nothing of it lies open, and it comes back whole or in part.
    let data = test.app.config.data.clone();
    let at_rest = std::fs::read(package_at_rest(&data)).unwrap();
    let package = officer.get(&address);
    assert_eq!(package.status, 200);
    assert_eq!(package.header("accept-ranges"), "bytes");
    let package = package.bytes;
    for marker in [&b"PK\x03\x04"[..], b"messages.jsonl", "退款".as_bytes()] {
        assert!(!has(&at_rest, marker), "{marker:?}");
    }
    assert!(has(&package, b"messages.jsonl"));
    let part = officer.get_range(&address, "bytes=10-99");
    assert_eq!(
        (part.status, part.bytes.as_slice()),
        (206, &package[10..100])
    );
    let range = format!("bytes 10-99/{}", package.len());
    assert_eq!(part.header("content-range"), range);
    let behind = format!("bytes={}-", package.len());
    assert_eq!(officer.get_range(&address, &behind).status, 416);
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("evidence.zip");
    std::fs::write(&outside, &package).unwrap();
    let key = checkpoints::verifier_key(test.app.store.vault()).text();
    for (code, said) in verify_both(&outside, &key) {
        assert_eq!(code, 0, "{said}");
    }
    let name = package_at_rest(&data);
    let name = name.file_name().unwrap().to_str().unwrap();
    assert!(officer.get(&case).body.contains(name), "the page names it");

    // One that was written before is sealed at the next start, and the same comes out.
    let stopped = test.stop();
    lay_open(&data, &package);
    let test = stopped.start();
    test.wait_for("the package is sealed", || {
        let files = files_in(&Folder::at(&data).evidence_dir());
        let is_sealed = |path: &PathBuf| path.extension().is_some_and(|end| end == "sealed");
        (files.len() == 1 && files.iter().all(is_sealed)).then_some(())
    });
    let officer = test.sign_in("compliance");
    assert_eq!(officer.get(&address).bytes, package);
    assert!(!has(
        &std::fs::read(package_at_rest(&data)).unwrap(),
        b"PK\x03\x04"
    ));
    assert!(test.app.store.check().unwrap().found.is_empty());

    // Along in a backup, also one that lies open, and back into a new folder.
    let stopped = test.stop();
    lay_open(&data, &package);
    let (backup, shelf) = (dir.path().join("backup"), dir.path().join("shelf"));
    let with_files = [
        "backup",
        backup.to_str().unwrap(),
        "--media",
        shelf.to_str().unwrap(),
    ];
    let (code, said) = run(&data, &with_files);
    assert_eq!(code, 0, "{said}");
    let back = dir.path().join("back");
    let key_file = format!("{}.key", data.display());
    let restore = [
        "restore",
        backup.to_str().unwrap(),
        "--key",
        &key_file,
        "--media",
        shelf.to_str().unwrap(),
    ];
    let (code, said) = run(&back, &restore);
    assert_eq!(code, 0, "{said}");
    assert_eq!(opened(&back), package);

    // What was changed is not sent, and named.
    let path = package_at_rest(&data);
    let mut changed = std::fs::read(&path).unwrap();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    let test = stopped.start();
    let officer = test.sign_in("compliance");
    let refused = officer.get(&address);
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("证据包的文件缺失或已损坏"));
    let _stopped = test.stop();
    std::fs::remove_dir_all(&shelf).unwrap();
    let again = dir.path().join("again");
    let with_files = [
        "backup",
        again.to_str().unwrap(),
        "--media",
        shelf.to_str().unwrap(),
    ];
    let (code, said) = run(&data, &with_files);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(path.to_str().unwrap()), "{said}");
}
