//! Clients and libraries that others have written, against our simulator and our callback
//! address: what we and they agree on is not only our own reading of the documentation.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::TestApp;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Something that `tests/run` installs.
fn installed(path: &str) -> PathBuf {
    let path = root().join("tests/.cache").join(path);
    assert!(
        path.exists(),
        "{} is missing: run tests/run once, which installs it",
        path.display()
    );
    path
}

/// A script of this folder in Python, with the clients that others have written.
pub fn python(script: &str) -> Command {
    let mut python = Command::new(installed("python/bin/python"));
    python.arg(root().join("tests/independent").join(script));
    python
}

fn node(mode: &str) -> Command {
    let modules = installed("node/node_modules/@wecom/crypto");
    let mut node = Command::new("node");
    node.env("NODE_PATH", modules.parent().unwrap().parent().unwrap())
        .arg(root().join("tests/independent/callback.cjs"))
        .arg(mode);
    node
}

/// The outcome of a program that says `done` at its end.
fn must_be_done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be run ({error}): run tests/run once, which installs it")
    });
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.trim() == "done",
        "{said}\n{complained}"
    );
}

/// `qitai simulator` in a process of its own, as anybody would start it.
struct Simulator {
    child: Child,
    first_line: String,
}

impl Simulator {
    fn start(callback: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qitai"));
        command.args(["simulator", "--listen", "127.0.0.1:0", "--customers", "50"]);
        if let Some(url) = callback {
            command.args(["--callback", url]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut first_line).unwrap();
        Self { child, first_line }
    }

    fn says(&self) -> Value {
        serde_json::from_str(&self.first_line).unwrap()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_simulator_says_in_one_line_how_to_reach_it() {
    let sim = Simulator::start(None);
    let says = sim.says();
    let fields: Vec<&String> = says.as_object().unwrap().keys().collect();
    let expected = [
        "agentid",
        "base_url",
        "corpid",
        "encoding_aes_key",
        "secrets",
        "token",
    ];
    assert_eq!(fields, expected);
    let secrets: Vec<&String> = says["secrets"].as_object().unwrap().keys().collect();
    assert_eq!(
        secrets,
        ["app", "archive", "contact", "customer", "service"]
    );
    assert!(says["base_url"].as_str().unwrap().ends_with("/cgi-bin/"));
    assert_eq!(says["encoding_aes_key"].as_str().unwrap().len(), 43);
}

#[test]
fn a_client_from_elsewhere_works_with_the_simulator() {
    let sim = Simulator::start(None);
    must_be_done(python("firm.py").arg(sim.first_line.trim()));
}

#[test]
fn the_official_library_opens_the_simulators_callbacks() {
    let keys = Simulator::start(None);
    // The same seed has the same keys.
    let line = keys.first_line.trim().to_owned();
    let mut receiver = node("receive")
        .arg(&line)
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is missing: run tests/run once, which installs it");
    let mut out = BufReader::new(receiver.stdout.take().unwrap());
    let mut port = String::new();
    out.read_line(&mut port).unwrap();
    let sim = Simulator::start(Some(&format!("http://127.0.0.1:{}/", port.trim())));
    let stage = sim.says()["base_url"]
        .as_str()
        .unwrap()
        .replace("/cgi-bin/", "/stage/do");
    let deed = json!({ "do": "member_leaves", "userid": "sunlili" });
    post(&stage, &deed);
    let mut heard = String::new();
    out.read_line(&mut heard).unwrap();
    for part in ["change_contact", "delete_user", "sunlili"] {
        assert!(heard.contains(part), "{heard}");
    }
    assert!(receiver.wait().unwrap().success());
}

/// Plain HTTP by hand, so that no client of ours stands in between.
fn post(url: &str, body: &Value) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let body = body.to_string();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.contains(" 200 "), "{status}");
}

#[test]
fn our_callback_address_opens_what_the_official_library_seals() {
    let test = TestApp::start();
    let sim = test.sim.as_ref().unwrap();
    let keys = json!({
        "corpid": sim.corpid, "token": sim.token, "encoding_aes_key": sim.encoding_aes_key,
    });
    let address = format!("{}{}", test.address, qitai::sync::CALLBACK);
    must_be_done(node("send").arg(keys.to_string()).arg(address));
}
