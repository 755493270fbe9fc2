//! Tests hold the verifier in Python against ours.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    note::{Checkpoint, VerifierKey},
    verify::Outside,
};

/// Its reports of these packages, with what is known from elsewhere: one process for all.
pub(super) fn reports<'a>(
    packages: impl Iterator<Item = (&'a Path, &'a Outside)>,
) -> Vec<serde_json::Value> {
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
    let lines: Vec<String> = packages
        .map(|(path, outside)| {
            let anchors: Vec<String> = outside.anchors.iter().map(Checkpoint::body).collect();
            let key = outside.key.as_ref().map(VerifierKey::text);
            let case = serde_json::json!({"path": path, "key": key, "anchors": anchors});
            format!("{case}\n")
        })
        .collect();
    let (asked, input) = (lines.len(), lines.concat());
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
    assert_eq!(reports.len(), asked, "the verifier in Python has stopped");
    reports
}
