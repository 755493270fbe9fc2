//! Both verifiers over the same packages.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::sample::signer;
use crate::audit::{
    note::{Checkpoint, VerifierKey},
    verify::{Fault, Outside, Report, Verdict, verify},
};

/// A package to be verified and what must come out.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) outside: Outside,
    pub(super) expected: Expected,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    Good,
    /// Anything but good.
    Bad,
    Unreadable,
    /// Altered, with this first entry.
    At(u64, Option<Fault>),
    /// Altered; the first change is somewhere around this entry.
    Around(u64),
}

/// Runs both verifiers over all cases.
pub(super) fn judge(cases: &[Case]) {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let path = dir.path().join(format!("{index}.zip"));
        std::fs::write(&path, &case.bytes).unwrap();
        paths.push(path);
    }
    let foreign = python(cases, &paths);
    for ((case, path), foreign) in cases.iter().zip(&paths).zip(foreign) {
        let report = verify(path, &case.outside);
        let own = serde_json::to_value(&report).unwrap();
        check(case, &report);
        for field in ["verdict", "first_bad", "key_vouched", "anchors"] {
            assert_eq!(
                own[field], foreign[field],
                "{}: {own:#} {foreign:#}",
                case.name
            );
        }
        if report.verdict != Verdict::Unreadable {
            for field in ["facts", "problems"] {
                assert_eq!(own[field], foreign[field], "{}", case.name);
            }
        }
    }
}

pub(super) fn check(case: &Case, report: &Report) {
    let seen = format!("{}: expected {:?}, {report:#?}", case.name, case.expected);
    match case.expected {
        Expected::Good => assert_eq!(report.verdict, Verdict::Good, "{seen}"),
        Expected::Bad => assert_ne!(report.verdict, Verdict::Good, "{seen}"),
        Expected::Unreadable => assert_eq!(report.verdict, Verdict::Unreadable, "{seen}"),
        Expected::At(seq, fault) => {
            assert_eq!(report.verdict, Verdict::Altered, "{seen}");
            let first = report.first_bad.expect(&seen);
            assert_eq!(first.seq, seq, "{seen}");
            assert!(fault.is_none_or(|fault| fault == first.fault), "{seen}");
        }
        Expected::Around(seq) => {
            assert_eq!(report.verdict, Verdict::Altered, "{seen}");
            let first = report.first_bad.expect(&seen);
            assert!((first.from..=first.to).contains(&seq), "{seen}");
        }
    }
}

/// Reports of the verifier in Python, one process for all.
pub(super) fn python(cases: &[Case], paths: &[PathBuf]) -> Vec<serde_json::Value> {
    const DRIVER: &str = "
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location('verify_audit', sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(module)
for line in sys.stdin:
    case = json.loads(line)
    key = module.Key.parse(case['key']) if case['key'] else None
    anchors = [module.Checkpoint.parse_body(text) for text in case['anchors']]
    print(json.dumps(module.verify(case['path'], key, anchors)))
";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/verify-audit.py");
    let mut child = Command::new("python3")
        .args(["-c", DRIVER])
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests need python3");
    let input: String = cases
        .iter()
        .zip(paths)
        .map(|(case, path)| {
            let anchors: Vec<String> = case.outside.anchors.iter().map(Checkpoint::body).collect();
            let key = case.outside.key.as_ref().map(VerifierKey::text);
            let case = serde_json::json!({"path": path, "key": key, "anchors": anchors});
            format!("{case}\n")
        })
        .collect();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    let reports: Vec<serde_json::Value> = output
        .stdout
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(
        reports.len(),
        cases.len(),
        "the verifier in Python has stopped"
    );
    reports
}

pub(super) fn vouched() -> Outside {
    Outside {
        key: Some(signer(0).verifier().clone()),
        anchors: vec![],
    }
}
