//! The puller with a library that does what it is told.

use std::time::Instant;

use super::{rest::PACE, *};
use crate::{
    archive::{key_ring::RenumberKey, model::Tally},
    config::{ArchiveSource, Config, Overrides, WecomConfig},
    identity::Viewer,
    kit::{Clock, Random, Secret},
    store::Folder,
    wecom::archive::{PrivateKey, PublicKey, stand::Stand},
};

/// 2026-11-18, noon in UTC.
const NOON: i64 = 1_795_003_200_000;
const DAY_MS: i64 = 24 * 3_600_000;

struct Bench {
    stand: Stand,
    key: PrivateKey,
    app: Arc<App>,
    runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let (stand, dir) = (Stand::new(), tempfile::tempdir().unwrap());
        let data = dir.path().join("data");
        Folder::at(&data).create(&Random::seeded(1)).unwrap();
        let mut config = Config::load(&Overrides {
            data: Some(data),
            ..Overrides::default()
        })
        .unwrap();
        let secret = || Secret::new("secret".to_owned());
        config.wecom = Some(WecomConfig {
            corpid: "ww0123456789abcdef".to_owned(),
            agentid: 1,
            app_secret: secret(),
            contact_secret: None,
            sync_secret: None,
            archive_secret: Some(secret()),
            callback_token: None,
            callback_aes_key: None,
        });
        config.archive = Some(ArchiveSource::Library(stand.dir.path().join("library.so")));
        let clock = Clock::manual(Timestamp::from_ms(NOON));
        Self {
            stand,
            key: PrivateKey::generate().unwrap(),
            app: App::open_at(config, clock).unwrap(),
            runtime: tokio::runtime::Runtime::new().unwrap(),
            _dir: dir,
        }
    }

    /// So many messages at WeCom; the library dies of some.
    fn chat(&self, count: u64, lethal: &[u64]) {
        let public = PublicKey::from_pem(&self.key.public_pem()).unwrap();
        self.stand.chat_with(count, lethal, &public);
    }

    fn keep(&self, version: u32, key: &PrivateKey) {
        key_ring::keep_for_test(&self.app, version, key);
    }

    /// Moves a key to another version.
    fn renumber(&self, from: u32, to: u32) {
        let viewer = Viewer::system("test");
        let act = viewer.change("archive.key");
        let moved = self.app.store.write_blocking(act, move |w| {
            let allowed = viewer.allow(w, RenumberKey { from, to })?;
            key_ring::renumber(w, allowed)
        });
        moved.unwrap();
    }

    /// As after a start.
    fn puller(&self) -> Puller {
        let settings = link::in_use(&self.app).unwrap().unwrap();
        let host = Host::start(settings.clone());
        Puller {
            host,
            ..Puller::new(self.app.clone(), settings).unwrap()
        }
    }

    fn turn(&self, puller: &mut Puller) -> Pause {
        self.runtime.block_on(puller.turn()).unwrap()
    }

    fn cursor(&self) -> Cursor {
        self.app.read(ingest::cursor).unwrap()
    }

    fn parked(&self) -> Vec<Parked> {
        self.app.read(|r| {
            let rows = r.all::<Parked>(None).unwrap();
            rows.map(Result::unwrap).collect()
        })
    }

    fn is(&self, why: Locked) -> Vec<u64> {
        let parked = self.parked().into_iter();
        let such = parked.filter(|row| row.why == why);
        such.map(|row| row.seq).collect()
    }

    fn tally(&self, day: u32) -> u32 {
        let tally = self.app.read(|r| r.get::<Tally>(&(day, Tally::UNKNOWN)));
        tally.unwrap().map_or(0, |tally| tally.parked)
    }
}

#[test]
fn more_lethal_messages_than_a_page_may_have_stop_nothing() {
    let bench = Bench::new();
    bench.keep(3, &bench.key);
    bench.chat(12, &[2, 3, 4, 5, 6, 7]);
    let mut puller = bench.puller();
    // The whole page is here, what could not be tried as it came.
    assert_eq!(bench.turn(&mut puller), Pause::Pace);
    assert_eq!((bench.cursor().seq, bench.cursor().failure), (12, None));
    assert_eq!(bench.is(Locked::Damaged), [2, 3, 4]);
    assert_eq!(bench.is(Locked::Untried), [5, 6, 7, 8, 9, 10, 11, 12]);
    // It starts anew: what is new comes first, and nothing that the library may die of is tried
    // before it.
    bench.chat(13, &[2, 3, 4, 5, 6, 7]);
    let mut puller = bench.puller();
    assert_eq!(bench.turn(&mut puller), Pause::Pace);
    assert_eq!(bench.cursor().seq, 13);
    assert_eq!(bench.parked().len(), 11, "none of them was tried");
    // Then the rest, some at a time.
    for _ in 0..4 {
        bench.turn(&mut puller);
    }
    assert_eq!(bench.is(Locked::Damaged), [2, 3, 4, 5, 6, 7]);
    assert_eq!(bench.parked().len(), 6, "everything else is open");
    assert_eq!(bench.cursor().failure, None);
    // Later one is tried again at a time.
    let tried = |since: i64| {
        let tried_at = Timestamp::from_ms(NOON + since);
        let rows = bench.parked().into_iter();
        rows.filter(|row| row.tried_at == tried_at).count()
    };
    bench.app.store.clock().advance_ms(DAY_MS);
    assert_eq!(bench.turn(&mut puller), Pause::Idle);
    assert_eq!(tried(DAY_MS), 1);
    assert_eq!(bench.turn(&mut puller), Pause::Idle);
    assert_eq!(tried(DAY_MS), 2);
}

#[test]
fn a_library_that_cannot_open_anything_is_told_and_tried_again() {
    let bench = Bench::new();
    bench.keep(3, &bench.key);
    bench.chat(2, &[]);
    let mut puller = bench.puller();
    // It dies at the first message, and the next process does not even start.
    bench.stand.say("open", "once abort");
    let host = puller.host.clone();
    bench.runtime.block_on(host.probe()).unwrap();
    bench.stand.say("load", "abort");
    assert!(matches!(bench.turn(&mut puller), Pause::BackOff(_)));
    let told = Some(("library".to_owned(), 0));
    assert_eq!((bench.cursor().seq, bench.cursor().failure), (0, told));
    std::fs::remove_file(bench.stand.dir.path().join("say.load")).unwrap();
    assert_eq!(bench.turn(&mut puller), Pause::Pace);
    assert_eq!((bench.cursor().seq, bench.cursor().failure), (2, None));
    assert_eq!(bench.parked(), []);
}

#[test]
fn a_message_that_opens_on_a_later_day_is_taken_off_the_day_on_which_it_came() {
    let bench = Bench::new();
    bench.keep(3, &PrivateKey::generate().unwrap());
    bench.chat(2, &[]);
    let mut puller = bench.puller();
    bench.turn(&mut puller);
    assert_eq!(bench.is(Locked::WrongKey), [1, 2]);
    assert_eq!(bench.tally(20_261_118), 2);
    // Tried in vain on the second day, opened on the third.
    bench.app.store.clock().advance_ms(DAY_MS);
    let mut puller = bench.puller();
    bench.turn(&mut puller);
    let parked = bench.parked();
    let day = Timestamp::from_ms(NOON + DAY_MS);
    assert!(parked.iter().all(|row| row.tried_at == day && row.at < day));
    bench.app.store.clock().advance_ms(DAY_MS);
    bench.renumber(3, 4);
    bench.keep(3, &bench.key);
    bench.turn(&mut puller);
    assert_eq!(bench.parked(), []);
    for day in [20_261_118, 20_261_119, 20_261_120] {
        assert_eq!(bench.tally(day), 0, "{day}");
    }
}

#[test]
fn what_came_while_a_key_had_another_version_opens_when_it_is_back() {
    let bench = Bench::new();
    bench.keep(3, &bench.key);
    let mut puller = bench.puller();
    assert_eq!(bench.turn(&mut puller), Pause::Idle);
    bench.renumber(3, 4);
    assert_eq!(bench.turn(&mut puller), Pause::Idle);
    bench.chat(2, &[]);
    bench.turn(&mut puller);
    assert_eq!(bench.is(Locked::NoKey), [1, 2]);
    bench.renumber(4, 3);
    bench.turn(&mut puller);
    assert_eq!(bench.parked(), []);
    // With another key in its place as well.
    bench.renumber(3, 4);
    bench.keep(3, &PrivateKey::generate().unwrap());
    bench.turn(&mut puller);
    bench.chat(4, &[]);
    bench.turn(&mut puller);
    assert_eq!(bench.is(Locked::WrongKey), [3, 4]);
    bench.renumber(3, 5);
    bench.renumber(4, 3);
    bench.turn(&mut puller);
    assert_eq!(bench.parked(), []);
    // Nothing is tried for ever.
    while bench.turn(&mut puller) != Pause::Idle {}
}

/// Wakes the puller as often as it can be while something runs.
async fn stormed<T>(app: &App, work: impl Future<Output = T>) -> T {
    let storm = async {
        loop {
            app.archive.wake.notify_one();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = work => done,
        () = storm => unreachable!(),
    }
}

#[test]
fn no_storm_of_events_makes_more_calls_than_are_allowed() {
    let bench = Bench::new();
    let mut puller = bench.puller();
    let began = Instant::now();
    let turns = 8;
    bench.runtime.block_on(stormed(&bench.app, async {
        for _ in 0..turns {
            let pause = puller.turn().await.unwrap();
            assert_eq!(pause, Pause::Idle);
            puller.rest(pause).await.unwrap();
        }
    }));
    assert_eq!(bench.stand.pulls(), turns);
    assert!(began.elapsed() >= PACE * u32::try_from(turns).unwrap());
}

#[test]
fn events_do_not_cut_a_back_off_short_but_other_keys_do() {
    let bench = Bench::new();
    bench.stand.say("pull", "code 10009");
    let mut puller = bench.puller();
    let pause = bench.turn(&mut puller);
    assert_eq!(pause, Pause::BackOff(RETRY));
    let began = Instant::now();
    let rest = stormed(&bench.app, puller.rest(pause));
    bench.runtime.block_on(rest).unwrap();
    assert!(began.elapsed() >= RETRY);
    assert_eq!(bench.stand.pulls(), 1);
    // This one would take an hour.
    bench.keep(3, &bench.key);
    bench.app.archive.wake.notify_one();
    let hour = Pause::BackOff(Duration::from_secs(3_600));
    bench.runtime.block_on(puller.rest(hour)).unwrap();
}
