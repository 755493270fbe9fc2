//! The real process, killed at random moments under load: whatever it has answered is there
//! afterwards, whole and once.
//!
//! `QITAI_KILLS` sets the number of kills, `QITAI_KILL_SEED` what is random about them.

#[cfg(feature = "faults")]
mod archive;
#[cfg(feature = "faults")]
mod library;
#[cfg(feature = "faults")]
mod whole;

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
};

use qitai::{app::App, audit, config::Config, kit::Random};

/// Clients that ask at the same time.
const CLIENTS: usize = 6;
/// Answers that a round must have seen to count, and as many more at random.
const ANSWERS_MIN: usize = 60;
/// Customers of the firm: the first sync is under way during the first kills.
const CUSTOMERS: u64 = 120;

/// What was answered: the number of the request, which its audit entry names as well.
type Ledger = HashSet<String>;

/// The product with the WeCom server beside it, as a process of its own.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(data: &Path, planted: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qitai"));
        command
            .args(["demo", "--listen", "127.0.0.1:0", "--seed", "3"])
            .args(["--customers", &CUSTOMERS.to_string(), "--data"])
            .arg(data)
            .stdout(Stdio::piped());
        if let Some(bug) = planted {
            command.env("QITAI_PLANTED", bug);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("ready http://").unwrap();
        let address = address.trim_end_matches('/').to_owned();
        Self { child, address }
    }

    /// SIGKILL: nothing in the process gets to say another word.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail if it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A token for the API, made at the console of the running server.
fn token(data: &Path) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_qitai"))
        .args(["account", "token", "admin", "--name", "crash", "--json"])
        .args(["--permission", "customer.read", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let answer: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    answer["token"]["token"].as_str().unwrap().to_owned()
}

/// Clients ask until the server is gone. Gives the numbers of what it has answered; the
/// server is killed as soon as there are `enough` of them.
fn load(process: Process, token: &str, enough: usize) -> Ledger {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let http = http();
    let (answered, answers) = mpsc::channel();
    for client in 0..CLIENTS {
        let (http, answered) = (http.clone(), answered.clone());
        let address = format!(
            "http://{}/api/v1/customers?q={}",
            process.address,
            ["wang", "li", "%E5%BC%A0", "1", "chen", "zh"][client]
        );
        let token = token.to_owned();
        runtime.spawn(async move {
            while let Ok(answer) = http.get(&address).bearer_auth(&token).send().await {
                let id = answer.headers()["x-request-id"]
                    .to_str()
                    .unwrap()
                    .to_owned();
                let whole = answer.status() == 200 && answer.bytes().await.is_ok();
                if whole && answered.send(id).is_err() {
                    return;
                }
            }
        });
    }
    drop(answered);
    let mut ledger: Ledger = answers.iter().take(enough).collect();
    assert_eq!(ledger.len(), enough, "the server went by itself");
    process.kill();
    // What was answered before the kill and is heard of after it counts as well.
    ledger.extend(answers.iter());
    ledger
}

fn open(data: &Path) -> Arc<App> {
    let listen: SocketAddr = ([127, 0, 0, 1], 0).into();
    App::open(Config {
        data: data.to_owned(),
        listen,
        firm: None,
        wecom: None,
        archive: None,
        wecom_base_url: qitai::wecom::BASE_URL.to_owned(),
        proxy: None,
        wecom_login_url: None,
        public_url: None,
        behind_proxy: false,
        tls: None,
    })
    .unwrap()
}

/// What is wrong with the folder after a kill, if anything.
fn complaint(data: &Path, ledger: &Ledger) -> Option<String> {
    let app = open(data);
    let findings = app.store.check().unwrap();
    if !findings.is_clean() {
        return Some(format!("check finds {:?}", findings.found));
    }
    let (intact, found) = app.read(|r| {
        let intact = audit::checkpoints::verify(r).unwrap().is_intact();
        let mut found: HashMap<String, u32> = HashMap::new();
        for seq in 0..audit::log::size(r).unwrap() {
            let line = audit::log::line(r, seq).unwrap().unwrap();
            let leaf: audit::Leaf = serde_json::from_slice(&line).unwrap();
            if leaf.act == "customer.list" {
                *found.entry(leaf.req).or_default() += 1;
            }
        }
        (intact, found)
    });
    let head = app.store.snapshot().feed_head();
    if app.people.cursor() > head {
        return Some(format!(
            "the index is ahead of the feed, which ends at {head}"
        ));
    }
    app.store.close();
    if !intact {
        return Some("the audit trail is not intact".to_owned());
    }
    if let Some((id, n)) = found.iter().find(|(_, n)| **n > 1) {
        return Some(format!("{n} entries for request {id}"));
    }
    let lost = ledger.iter().filter(|id| !found.contains_key(*id)).count();
    (lost > 0).then(|| format!("{lost} of {} answered requests are lost", ledger.len()))
}

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Kills one process after the other over the same folder; the first complaint.
fn kills(data: &Path, number: u64, planted: Option<&str>) -> Option<String> {
    let seed = env("QITAI_KILL_SEED", 1);
    let random = Random::seeded(seed);
    let mut ledger = Ledger::new();
    let mut made = None;
    for kill in 1..=number {
        let process = Process::start(data, planted);
        let token = made.get_or_insert_with(|| token(data));
        let enough = ANSWERS_MIN + usize::from(random.bytes::<1>()[0]) % ANSWERS_MIN;
        ledger.extend(load(process, token, enough));
        if let Some(wrong) = complaint(data, &ledger) {
            return Some(format!("QITAI_KILL_SEED={seed}, kill {kill}: {wrong}"));
        }
    }
    None
}

fn http() -> reqwest::Client {
    qitai::wecom::install_crypto_provider();
    reqwest::Client::builder().build().unwrap()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    (dir, data)
}

#[test]
fn a_killed_process_has_lost_nothing_it_answered() {
    let (_dir, data) = folder();
    assert_eq!(kills(&data, env("QITAI_KILLS", 6), None), None);
    // The first sync goes on where the kills have left it, to the same end.
    let process = Process::start(&data, None);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let http = http();
    let total = runtime.block_on(async {
        let ready = format!("http://{}/readyz", process.address);
        while http.get(&ready).send().await.unwrap().status() != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let list = format!("http://{}/api/v1/customers?limit=1", process.address);
        let answer = http.get(&list).bearer_auth(token(&data)).send().await;
        let bytes = answer.unwrap().bytes().await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["total"].as_u64()
    });
    assert_eq!(total, Some(CUSTOMERS));
    process.kill();
    assert_eq!(complaint(&data, &Ledger::new()), None);
}

#[cfg(feature = "faults")]
#[test]
fn the_kills_catch_an_answer_before_the_commit() {
    let (_dir, data) = folder();
    let found = kills(&data, 12, Some("answer_before_commit"));
    assert!(
        found.as_ref().is_some_and(|f| f.contains("lost")),
        "{found:?}"
    );
}
