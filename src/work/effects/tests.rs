//! The courier against an other end that fails in every way.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    error::{AppError, Result},
    kit::{Clock, Random, Timestamp},
    store::{Act, Findings, Folder, Read, Seal, Sealing, Store, StoreError, StoreOptions, Write},
};

struct NoLog;

impl Seal for NoLog {
    fn seal(&self, _: &mut Sealing<'_, '_>) -> Result<u64, StoreError> {
        Ok(0)
    }
    fn tables(&self) -> Vec<&'static str> {
        Vec::new()
    }
    fn check(&self, _: &Read<'_>, _: &mut Findings) -> Result<(), StoreError> {
        Ok(())
    }
}

/// How the other end behaves at one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Busy,
    Refuses,
    /// Carries it out; the answer is cut off.
    CutAfter,
    /// The connection breaks before anything is carried out.
    CutBefore,
    Panics,
}

/// The other end: what was carried out, in order.
struct World {
    moods: Mutex<Vec<Mood>>,
    done: Mutex<Vec<Vec<u8>>>,
    can_tell: bool,
    looks: AtomicU32,
}

fn send(world: Arc<World>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let mut moods = world.moods.lock().unwrap_or_else(PoisonError::into_inner);
        let mood = moods.pop().unwrap_or(Mood::Well);
        drop(moods);
        let unclear = || Refusal::Unclear(AppError::Unavailable { why: "unclear" });
        if matches!(mood, Mood::Well | Mood::CutAfter) {
            world.done.lock().unwrap().push(effect.input.clone());
        }
        match mood {
            Mood::Well => Ok(b"ok".to_vec()),
            Mood::Busy => Err(Refusal::NotDone(AppError::Unavailable { why: "busy" })),
            Mood::Refuses => Err(Refusal::NotDone(AppError::Conflict { why: "refused" })),
            Mood::CutAfter | Mood::CutBefore => Err(unclear()),
            Mood::Panics => panic!("planned"),
        }
    })
}

fn look(world: Arc<World>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        world.looks.fetch_add(1, Ordering::SeqCst);
        if !world.can_tell {
            return Ok(Seen::CannotTell);
        }
        let happened = world.done.lock().unwrap().contains(&effect.input);
        Ok(match happened {
            true => Seen::Happened(b"seen".to_vec()),
            false => Seen::NotThere,
        })
    })
}

const SEND: EffectSpec = EffectSpec::post("test.send", Area::Customers, "test/send");

impl Outside for World {
    fn not_before(&self, _: &EffectSpec, _: Priority) -> Option<Timestamp> {
        None
    }
    fn keep(&self, _: &mut Write<'_>) -> Result<()> {
        Ok(())
    }
}

struct Bench {
    store: Arc<Store>,
    clock: Clock,
    world: Arc<World>,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// The moods of the first attempts, in order.
    fn new(moods: &[Mood], can_tell: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::system()).unwrap();
        let clock = Clock::manual(Timestamp::from_s(1_000_000));
        let mut options = StoreOptions::new(TABLES.to_vec(), Arc::new(NoLog));
        options.clock = clock.clone();
        let store = Arc::new(Store::open(&folder, options).unwrap());
        let settings = WriteSettings::default().with(Area::Customers, WriteMode::On);
        let act = Act::by_system("test", "test");
        store
            .write_blocking(act, move |w| Ok(w.put(&settings)?))
            .unwrap();
        Self {
            store,
            clock,
            world: Arc::new(World {
                moods: Mutex::new(moods.iter().rev().copied().collect()),
                done: Mutex::default(),
                can_tell,
                looks: AtomicU32::new(0),
            }),
            _dir: dir,
        }
    }

    fn plan(&self, input: &str, expires_at: Option<Timestamp>) -> EffectId {
        let new = NewEffect {
            kind: SEND,
            priority: Priority::Awaited,
            input: input.as_bytes().to_vec(),
            about: ("test", input.to_owned()),
            batch: None,
            created_by: None,
            expires_at,
        };
        self.write(move |w| plan(w, new))
    }

    fn write<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    ) -> T {
        let act = Act::by_system("test", "test");
        self.store.write_blocking(act, verb).unwrap()
    }

    fn effect(&self, id: EffectId) -> Effect {
        self.store.read(|r| r.get::<Effect>(&id)).unwrap().unwrap()
    }

    /// Runs the courier until the effect is in one of these states; time flies meanwhile.
    fn run_until(&self, id: EffectId, states: &[EffectState]) -> Effect {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let stop = CancellationToken::new();
            let wake = Arc::new(Notify::new());
            let kinds = vec![EffectKind::new(SEND, send).looking(look)];
            let courier = Courier::new(self.store.clone(), kinds, wake.clone(), stop.clone());
            let task = tokio::spawn(courier.run(self.world.clone()));
            let effect = loop {
                let effect = self.effect(id);
                if states.contains(&effect.state) {
                    break effect;
                }
                self.clock.advance_ms(1_000);
                wake.notify_one();
                tokio::task::yield_now().await;
            };
            stop.cancel();
            task.await.unwrap().unwrap();
            effect
        })
    }

    fn done(&self) -> Vec<Vec<u8>> {
        self.world.done.lock().unwrap().clone()
    }
}

const FINAL: [EffectState; 3] = [EffectState::Done, EffectState::Failed, EffectState::Unknown];

#[test]
fn whatever_goes_wrong_first_it_happens_once() {
    use Mood::*;
    let moods: [&[Mood]; 7] = [
        &[],
        &[Busy, Busy],
        &[CutAfter],
        &[CutBefore, CutBefore],
        &[Panics],
        &[Busy, CutAfter],
        &[CutBefore, Busy, Panics, CutAfter],
    ];
    for moods in moods {
        let bench = Bench::new(moods, true);
        let id = bench.plan("a", None);
        let effect = bench.run_until(id, &FINAL);
        assert_eq!(
            effect.state,
            EffectState::Done,
            "{moods:?} {:?}",
            effect.failure
        );
        assert_eq!(bench.done(), [b"a".to_vec()], "{moods:?}");
    }
}

#[test]
fn where_nobody_can_tell_a_person_decides_and_nothing_is_sent_twice() {
    let bench = Bench::new(&[Mood::CutAfter], false);
    let id = bench.plan("a", None);
    let effect = bench.run_until(id, &FINAL);
    assert_eq!(effect.state, EffectState::Unknown);
    assert_eq!(effect.failure.unwrap().code, "unavailable.unclear");
    assert_eq!(bench.done().len(), 1);
    assert!(bench.write(move |w| Ok(decide(w, id, Decision::Happened)?)));
    assert_eq!(bench.effect(id).state, EffectState::Done);
    assert!(!bench.write(move |w| Ok(decide(w, id, Decision::SendAgain)?)));

    let bench = Bench::new(&[Mood::CutBefore], false);
    let id = bench.plan("a", None);
    bench.run_until(id, &FINAL);
    assert!(bench.write(move |w| Ok(decide(w, id, Decision::SendAgain)?)));
    assert_eq!(bench.run_until(id, &FINAL).state, EffectState::Done);
    assert_eq!(bench.done().len(), 1);
}

/// The process ended between marking and answer: whether it was sent is looked up first.
#[test]
fn what_was_on_its_way_at_a_kill_is_looked_up_before_it_is_sent_again() {
    for was_sent in [true, false] {
        let bench = Bench::new(&[], true);
        let id = bench.plan("a", None);
        if was_sent {
            bench.world.done.lock().unwrap().push(b"a".to_vec());
        }
        bench.write(move |w| {
            let mut effect = w.get::<Effect>(&id)?.unwrap();
            effect.state = EffectState::Sending;
            effect.attempts = 1;
            Ok(w.put(&effect)?)
        });
        assert_eq!(bench.run_until(id, &FINAL).state, EffectState::Done);
        assert_eq!(bench.done().len(), 1);
        assert_eq!(bench.world.looks.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn what_is_refused_fails_with_its_reason_and_can_be_tried_again() {
    let bench = Bench::new(&[Mood::Refuses], true);
    let id = bench.plan("a", None);
    let effect = bench.run_until(id, &FINAL);
    assert_eq!(effect.state, EffectState::Failed);
    assert_eq!(
        (effect.attempts, effect.failure.unwrap().code.as_str()),
        (1, "conflict.refused")
    );
    assert!(bench.write(move |w| Ok(retry(w, id)?)));
    assert_eq!(
        bench.run_until(id, &[EffectState::Done]).state,
        EffectState::Done
    );
}

#[test]
fn what_is_late_is_not_sent_at_all() {
    let bench = Bench::new(&[], true);
    let id = bench.plan("a", Some(Timestamp::from_s(1_000_020)));
    bench.clock.advance_ms(20_000);
    let effect = bench.run_until(id, &FINAL);
    assert_eq!(effect.state, EffectState::Failed);
    assert_eq!(effect.failure.unwrap().code, "conflict.expired");
    assert!(bench.done().is_empty());
}

#[test]
fn what_is_stopped_in_time_is_not_sent() {
    let bench = Bench::new(&[], true);
    let (stopped, sent) = (bench.plan("a", None), bench.plan("b", None));
    assert!(bench.write(move |w| Ok(cancel(w, stopped)?)));
    bench.run_until(sent, &FINAL);
    assert_eq!(bench.done(), [b"b".to_vec()]);
    assert_eq!(bench.effect(stopped).state, EffectState::Cancelled);
    assert!(!bench.write(move |w| Ok(cancel(w, sent)?)), "too late");
    let tally = bench.store.read(|r| tally(r, None)).unwrap();
    assert_eq!(
        (
            tally.of(EffectState::Done),
            tally.of(EffectState::Cancelled)
        ),
        (1, 1)
    );
}

/// A backup may be older than what was done since.
#[test]
fn in_a_restored_folder_a_person_decides_about_everything_unfinished() {
    let bench = Bench::new(&[], true);
    let first = bench.plan("a", None);
    bench.run_until(first, &FINAL);
    let unfinished = bench.plan("b", None);
    bench.write(|w| {
        w.put(&effect::Home::of_another())?;
        Ok(())
    });
    let effect = bench.run_until(unfinished, &FINAL);
    assert_eq!(effect.state, EffectState::Unknown);
    assert_eq!(effect.failure.unwrap().code, "unavailable.restored");
    assert_eq!(bench.done(), [b"a".to_vec()]);
    assert!(bench.write(move |w| Ok(decide(w, unfinished, Decision::SendAgain)?)));
    assert_eq!(bench.run_until(unfinished, &FINAL).state, EffectState::Done);
}

/// What is for one record keeps its order, also when the first has to wait.
#[test]
fn what_is_for_one_record_leaves_in_the_order_planned() {
    let bench = Bench::new(&[Mood::Busy, Mood::Busy, Mood::Busy], true);
    let about = |input: &str, about: &str| NewEffect {
        kind: SEND,
        priority: Priority::Awaited,
        input: input.as_bytes().to_vec(),
        about: ("test", about.to_owned()),
        batch: None,
        created_by: None,
        expires_at: None,
    };
    let ids: Vec<EffectId> = ["1", "2", "3"]
        .map(|input| bench.write(move |w| plan(w, about(input, "same"))))
        .to_vec();
    bench.run_until(ids[2], &FINAL);
    let expected: Vec<Vec<u8>> = ["1", "2", "3"].map(|n| n.as_bytes().to_vec()).to_vec();
    assert_eq!(bench.done(), expected);
}

#[test]
fn where_the_firm_rehearses_nothing_is_sent_and_where_it_is_off_nothing_is_planned() {
    let bench = Bench::new(&[], true);
    let set = |mode| {
        let settings = WriteSettings::default().with(Area::Customers, mode);
        bench.write(move |w| Ok(w.put(&settings)?));
    };
    set(WriteMode::DryRun);
    let rehearsed = bench.plan("a", None);
    assert_eq!(bench.effect(rehearsed).state, EffectState::Rehearsed);
    set(WriteMode::On);
    let sent = bench.plan("b", None);
    bench.run_until(sent, &FINAL);
    assert_eq!(bench.done(), [b"b".to_vec()]);
    set(WriteMode::Off);
    let new = NewEffect {
        kind: SEND,
        priority: Priority::Bulk,
        input: Vec::new(),
        about: ("test", "c".to_owned()),
        batch: None,
        created_by: None,
        expires_at: None,
    };
    let act = Act::by_system("test", "test");
    let refused = bench.store.write_blocking(act, move |w| plan(w, new));
    assert_eq!(refused.unwrap_err().code(), "conflict.writing_off");
}

#[test]
fn a_rehearsal_tells_what_would_be_sent_and_sends_nothing() {
    let bench = Bench::new(&[], true);
    let planned = bench.store.rehearse(Act::by_system("test", "test"), |w| {
        for n in 0..37 {
            let new = NewEffect {
                kind: SEND,
                priority: Priority::Bulk,
                input: vec![n],
                about: ("test", n.to_string()),
                batch: Some("b".to_owned()),
                created_by: None,
                expires_at: None,
            };
            plan(w, new)?;
        }
        Ok(of_batch(&w.read(), "b", 100)?.len())
    });
    assert_eq!(planned.unwrap(), 37);
    assert_eq!(bench.store.read(|r| of_batch(r, "b", 100)).unwrap(), []);
}
