//! Both verifiers over the same packages.

use std::path::PathBuf;

use super::sample::signer;
use crate::audit::{
    python,
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
    let foreign = in_python(cases, &paths);
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

/// Reports of the verifier in Python.
pub(super) fn in_python(cases: &[Case], paths: &[PathBuf]) -> Vec<serde_json::Value> {
    let outsides = cases.iter().map(|case| &case.outside);
    python::reports(paths.iter().map(PathBuf::as_path).zip(outsides))
}

pub(super) fn vouched() -> Outside {
    Outside {
        key: Some(signer(0).verifier().clone()),
        anchors: vec![],
    }
}
