//! The archive while it is pulled, and whoever pulls it killed at random moments: the whole
//! process, its group, or the process with WeCom's library alone. In the end the folder has what
//! the source has.
//!
//! `QITAI_ARCHIVE_KILLS` sets the number of kills of the product, `QITAI_KILL_SEED` what is
//! random about them.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use qitai::{
    app::App,
    archive::{Media, MediaState, ingest, key_ring},
    kit::{Clock, Random},
    store::Folder,
    wecom::{
        archive::PrivateKey,
        sim::{ArchiveOptions, ArchiveVerb, SimHandle, SimOptions, Simulator, firm},
    },
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{
    env,
    whole::{self, Whole},
};
use crate::support::{self, Link};

/// Messages before the first start: more than one answer of the archive has.
const HISTORY: u64 = 1_300;
/// How long the product may take to ask for the first time, and to come to the same end.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long a round goes on when nothing more is asked: a large answer may take its time.
const QUIET: Duration = Duration::from_secs(25);

/// A firm whose people write to each other, and the folder of its product.
pub(super) struct Firm {
    pub(super) sim: SimHandle,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    random: Random,
    customers: Vec<String>,
}

impl Firm {
    fn new(seed: u64, history: u64) -> Self {
        let sim = Simulator::start(SimOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            seed: 5,
            customers: 40,
            chats: ArchiveOptions {
                messages: history,
                ..ArchiveOptions::default()
            },
            now: Clock::system().now(),
            dir: None,
        })
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "wecom_base_url = \"{0}\"\narchive = {{ url = \"{0}\" }}\n[wecom]\ncorpid = \"{1}\"\n\
             agentid = {2}\napp_secret = \"{3}\"\narchive_secret = \"{4}\"\n",
            sim.base_url, sim.corpid, sim.agentid, sim.app_secret, sim.archive_secret
        );
        fs::write(dir.path().join("qitai.toml"), config).unwrap();
        Self {
            customers: sim.customers_of(firm::cast().store_staff),
            sim,
            dir,
            runtime: tokio::runtime::Runtime::new().unwrap(),
            random: Random::seeded(seed),
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The folder in this process, while no other one has it.
    fn open(&self, clock: Clock) -> Arc<App> {
        Folder::at(self.data()).create(&Random::system()).unwrap();
        let config = support::config(&self.sim, self.data(), Link::Chats);
        let app = App::open_at(config, clock).unwrap();
        let program = env!("CARGO_BIN_EXE_qitai");
        app.archive.run_library_in(program.into());
        app
    }

    /// A number below `end`.
    fn below(&self, end: u32) -> u32 {
        u32::from_be_bytes(self.random.bytes()) % end
    }

    fn any<'a, T>(&self, among: &'a [T]) -> &'a T {
        let end = u32::try_from(among.len()).unwrap();
        &among[usize::try_from(self.below(end)).unwrap()]
    }

    /// The firm's console gets another public key.
    fn upload(&self) -> (u32, PrivateKey) {
        let key = PrivateKey::generate().unwrap();
        let version = self.sim.upload_archive_key(&key.public_pem()).unwrap();
        (version, key)
    }

    /// The folder gets the private half.
    fn keep(&self, (version, key): &(u32, PrivateKey)) {
        let app = self.open(Clock::system());
        key_ring::keep_for_test(&app, *version, key);
        app.store.close();
    }

    /// Runs the product until messages wait for their key.
    fn lets_wait(&self) {
        for seconds in [0, 2, 4, 8, 16, 32, 64] {
            let app = self.open(Clock::system());
            let waiting = app.read(ingest::cursor).unwrap().parked;
            app.store.close();
            if waiting > 0 {
                return;
            }
            let process = Serving::start(self, None);
            self.live(1, Duration::from_secs(seconds));
            process.kill(true);
        }
        panic!("no message waits for its key");
    }

    /// Calls of the archive that were answered.
    fn calls(&self) -> u32 {
        let answered = self.sim.answered();
        let is_of_archive = |path: &str| path.starts_with("message/get");
        let count = answered.iter().filter(|a| is_of_archive(&a.path)).count();
        u32::try_from(count).unwrap()
    }

    /// Somebody writes, sends a file, or takes back what they wrote last.
    fn write_one(&self) {
        let staff = firm::cast().store_staff.to_owned();
        let customer = self.any(&self.customers);
        let (from, to) = match self.below(3) {
            0 => (staff, customer.clone()),
            1 => (customer.clone(), staff),
            _ => (staff, firm::cast().region_manager.to_owned()),
        };
        let number = self.sim.archived();
        let kind = *self.any(&["text", "text", "text", "image", "file", "voice"]);
        let text = match kind {
            "text" => format!("第 {number} 条消息"),
            _ => String::new(),
        };
        let recalls = self.below(8) == 0;
        let write = ArchiveVerb::WriteInChat {
            from: from.clone(),
            to: to.clone(),
            kind: kind.to_owned(),
            text,
        };
        self.sim.act(write).unwrap();
        self.sim.clock().advance_ms(40);
        if recalls {
            // Whoever does not agree to be archived has written nothing here.
            let _ = self.sim.act(ArchiveVerb::RecallInChat { from, to });
            self.sim.clock().advance_ms(40);
        }
    }

    fn tick(&self) {
        if self.below(3) == 0 {
            self.write_one();
        }
        let pause = async { tokio::time::sleep(Duration::from_millis(10)).await };
        self.runtime.block_on(pause);
    }

    /// Life goes on until so many more calls are answered, and a moment longer; whether anything
    /// was asked at all.
    fn live(&self, calls: u32, moment: Duration) -> bool {
        let (before, mut more, mut since) = (self.calls(), 0, Instant::now());
        while more < calls {
            let now = self.calls() - before;
            if now > more {
                (more, since) = (now, Instant::now());
            }
            let patience = if more == 0 { PATIENCE } else { QUIET };
            if since.elapsed() > patience {
                break;
            }
            self.tick();
        }
        let begin = Instant::now();
        while begin.elapsed() < moment {
            self.tick();
        }
        more > 0
    }

    /// Lets the product end what it was doing, and compares.
    fn ends_whole(&self) -> Result<Whole, String> {
        // Files whose turn was put off are due.
        let now = Clock::system().now().plus_ms(7_200_000);
        let app = self.open(Clock::manual(now));
        let running = self.runtime.spawn(app.clone().run());
        let begin = Instant::now();
        let mut is_over = false;
        while !is_over && begin.elapsed() < PATIENCE {
            app.archive.wake.notify_one();
            let pause = async { tokio::time::sleep(Duration::from_millis(50)).await };
            self.runtime.block_on(pause);
            is_over = self.is_at_the_end(&app);
        }
        let compared = match is_over {
            true => {
                let source = whole::Source::of(&self.sim, &self.runtime);
                whole::compare(&app, &source)
            }
            false => {
                let cursor = app.read(ingest::cursor).unwrap();
                Err(format!("the archive does not catch up: {cursor:?}"))
            }
        };
        app.stop();
        self.runtime.block_on(running).unwrap().unwrap();
        compared
    }

    /// Whether nothing is left to be done, as the product sees it.
    fn is_at_the_end(&self, app: &App) -> bool {
        let is_pulled = app.read(|r| {
            let cursor = ingest::cursor(r).unwrap();
            let mut files = r.all::<Media>(None).unwrap();
            let is_waiting = |file: Media| file.state == MediaState::Waiting;
            cursor.seq == self.sim.archived()
                && cursor.parked == 0
                && !files.any(|file| is_waiting(file.unwrap()))
        });
        is_pulled && app.is_caught_up()
    }
}

/// The product as a process of its own, which leads a group of processes.
struct Serving(Child);

impl Serving {
    fn start(firm: &Firm, planted: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qitai"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(firm.dir.path().join("qitai.toml"))
            .arg("--data")
            .arg(firm.data())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        if let Some(bug) = planted {
            command.env("QITAI_PLANTED", bug);
        }
        Self(command.spawn().unwrap())
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap()
    }

    /// The other process of the group: the one with WeCom's library.
    fn library(&self) -> Option<Pid> {
        let own = self.id();
        let entries = fs::read_dir("/proc").unwrap();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let ids = names.filter_map(|name| Pid::from_raw(name.parse().ok()?));
        ids.into_iter()
            .find(|id| *id != own && group_of(*id) == Some(own.as_raw_nonzero().get()))
    }

    /// SIGKILL to the library's process, if there is one.
    fn kill_library(&self) -> bool {
        let found = self.library();
        found.is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
    }

    /// SIGKILL to all of them, or to the product alone.
    fn kill(mut self, all: bool) {
        match all {
            true => kill_process_group(self.id(), Signal::KILL).unwrap(),
            false => self.0.kill().unwrap(),
        }
        let status = self.0.wait().unwrap();
        assert_eq!(status.code(), None, "the product ended by itself");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail if it is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The group of a process, from its line in `/proc`; its name may hold anything but is in
/// brackets.
fn group_of(id: Pid) -> Option<i32> {
    let line = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())).ok()?;
    let (_, behind) = line.rsplit_once(')')?;
    behind.split_whitespace().nth(2)?.parse().ok()
}

/// What was killed.
#[derive(Debug, Default)]
struct Kills {
    /// The product, while it had asked for something.
    product: u64,
    /// The process with the library.
    library: u64,
}

/// Kills one process after the other over the same folder; then what is wrong with it.
fn kills(seed: u64, number: u64) -> (Kills, Result<Whole, String>) {
    let firm = Firm::new(seed, HISTORY);
    firm.keep(&firm.upload());
    let (mut kills, mut second) = (Kills::default(), None);
    for kill in 1..=number {
        // The second key closes messages before the folder has it.
        if kill == number.div_ceil(3) {
            second = Some(firm.upload());
        }
        if kill == number.div_ceil(3) * 2 {
            firm.lets_wait();
            firm.keep(second.as_ref().unwrap());
        }
        // What was written while nobody asked comes at once.
        for _ in 0..firm.below(150) {
            firm.write_one();
        }
        let process = Serving::start(&firm, None);
        for _ in 0..firm.below(3) {
            firm.live(1 + firm.below(4), moment(&firm));
            kills.library += u64::from(process.kill_library());
        }
        let asked = firm.live(1 + firm.below(6), moment(&firm));
        kills.product += u64::from(asked);
        process.kill(firm.below(2) == 0);
    }
    if number.div_ceil(3) * 2 > number {
        firm.keep(second.as_ref().unwrap());
    }
    let whole = firm.ends_whole();
    (kills, whole)
}

/// Mostly right away: an answer was just given. Sometimes while it is being stored.
fn moment(firm: &Firm) -> Duration {
    let most = *firm.any(&[30, 30, 300, 1_200]);
    Duration::from_millis(firm.below(most).into())
}

#[test]
fn whoever_is_killed_the_archive_ends_as_the_source_has_it() {
    let (seed, number) = (env("QITAI_KILL_SEED", 1), env("QITAI_ARCHIVE_KILLS", 24));
    let (kills, whole) = kills(seed, number);
    let again = format!("QITAI_KILL_SEED={seed} QITAI_ARCHIVE_KILLS={number}: {kills:?}");
    let whole = whole.unwrap_or_else(|wrong| panic!("{again}: {wrong}"));
    // Otherwise there was nothing to be lost.
    let has_all = whole.recalled > 0 && whole.late > 0 && whole.files > 20;
    assert!(has_all && whole.messages > 1_300, "{again}: {whole:?}");
    assert!(kills.product * 2 > number, "{again}: nothing was going on");
    assert!(number < 12 || kills.library > 0, "{again}");
}

/// A product with a bug, killed again and again; what is found in the end. Where the bug has done
/// no harm yet, each process may live longer.
fn found_with(bug: &str) -> String {
    let firm = Firm::new(env("QITAI_KILL_SEED", 1), 250);
    firm.keep(&firm.upload());
    for moment in [700, 2_800, 11_200, 44_800] {
        for kill in 0..3 {
            for _ in 0..30 {
                firm.write_one();
            }
            let process = Serving::start(&firm, Some(bug));
            firm.live(1, Duration::from_millis(moment));
            process.kill(kill == 1);
        }
        if let Err(found) = firm.ends_whole() {
            return found;
        }
    }
    panic!("{bug} was not seen");
}

#[test]
fn planted_bugs_are_complained_about() {
    for (bug, complaint) in [
        ("cursor_first", "the store lacks"),
        ("stored_twice", "is stored twice"),
        ("file_noted_first", "cannot be opened"),
        ("index_ahead", "the index lacks"),
        ("audited_less", "the audit trail speaks of"),
    ] {
        let found = found_with(bug);
        assert!(found.contains(complaint), "{bug}: {found}");
    }
}

/// The files of messages below a folder; neither marker nor what is on its way.
fn files_below(media: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let folders = below(media).into_iter();
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with("part"));
    let mut files: Vec<PathBuf> = folders.flat_map(|folder| below(&folder)).collect();
    files.sort();
    files
}

#[test]
fn what_is_wrong_with_the_files_alone_is_complained_about() {
    let firm = Firm::new(env("QITAI_KILL_SEED", 1), 250);
    firm.keep(&firm.upload());
    assert!(firm.ends_whole().is_ok());
    let media = Folder::at(firm.data()).media_dir();
    let files = files_below(&media);
    let [first, second, ..] = &files[..] else {
        panic!("only {files:?}");
    };
    let (one, other) = (fs::read(first).unwrap(), fs::read(second).unwrap());
    let complaint = || firm.ends_whole().unwrap_err();
    // One too many.
    let stray = media.join("stray");
    fs::write(&stray, "").unwrap();
    assert!(complaint().contains("lies [\"stray\"]"));
    fs::remove_file(&stray).unwrap();
    // One in place of another, one with another bit, and one too few.
    fs::write(first, &other).unwrap();
    assert!(complaint().contains("cannot be opened"));
    let mut bent = one.clone();
    *bent.last_mut().unwrap() ^= 1;
    fs::write(first, &bent).unwrap();
    assert!(complaint().contains("cannot be opened"));
    fs::remove_file(first).unwrap();
    assert!(complaint().contains("cannot be opened"));
    fs::write(first, &one).unwrap();
    assert!(firm.ends_whole().is_ok());
}
