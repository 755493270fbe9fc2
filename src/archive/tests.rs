//! The archive on a real store: what goes in comes out, in whatever order it came.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    ingest::{self, Arrival, Opened, Stored},
    model::*,
    queries::{self, ArchiveSight, Message, Side},
    stretch::{self, Content, Stretch},
};
use crate::{
    app::App,
    audit::merkle,
    kit::{PageRequest, Random, Timestamp},
    store::{Act, Findings, Folder, Read, Store, StoreOptions},
    wecom::archive::Message as Wire,
};

pub(super) const CUSTOMER: &str = "wmT7kQCAAAx3Yb9nQZr5LwUe1VhJdPgA";
pub(super) const OTHER: &str = "wmT7kQCAAAyyyyyyyyyyyyyyyyyyyyyy";
pub(super) const ROOM: &str = "wrT7kQCAAAiN7nE4rG2oR6uP1aA8bB3c";
pub(super) const NOON: i64 = 1_767_232_860_000;

pub(super) struct Archive {
    pub(super) store: Store,
    dir: tempfile::TempDir,
}

impl Archive {
    pub(super) fn new() -> Self {
        Self::at(App::store_options())
    }

    pub(super) fn at(options: StoreOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path().join("data"));
        folder.create(&Random::seeded(1)).unwrap();
        let store = Store::open(&folder, options).unwrap();
        Self { store, dir }
    }

    /// Looks through everything with one list; gives the number of new alerts.
    pub(super) fn raise(&self, list: super::sensitive::WordList) -> usize {
        let act = Act::by_system("alert.raise", "test");
        let raised = self
            .store
            .write_blocking(act, move |w| super::sensitive::raise_all_for_test(w, list));
        raised.unwrap()
    }

    /// One in which files can be sealed for the firm: openings of an entry about it are.
    pub(super) fn sealing() -> Self {
        let archive = Self::new();
        let act = Act::by_system("test.look", "test").recorded();
        let act = act.system_detail("q", "x");
        archive.store.write_blocking(act, |_| Ok(())).unwrap();
        archive
    }

    /// The same folder, opened anew.
    pub(super) fn again(self, options: StoreOptions) -> Self {
        let Self { store, dir } = self;
        drop(store);
        let folder = Folder::at(dir.path().join("data"));
        let store = Store::open(&folder, options).unwrap();
        Self { store, dir }
    }

    pub(super) fn store(&self, why: Brought, opened: Vec<Opened>, parked: Vec<Parked>) -> Stored {
        let arrival = Arrival {
            why,
            parked,
            ..Arrival::of(opened, jiff::tz::TimeZone::UTC)
        };
        let act = Act::by_system("archive.pull", "archive");
        let stored = self
            .store
            .write_blocking(act, move |w| Ok(ingest::store(w, arrival)?));
        stored.unwrap()
    }

    pub(super) fn pull(&self, messages: Vec<(u64, Value)>) -> Stored {
        let opened = messages.into_iter().map(opened).collect();
        self.store(Brought::Pulled, opened, Vec::new())
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&Read<'_>) -> T) -> T {
        self.store.read(f)
    }

    /// Everything kept, as WeCom gave it out.
    pub(super) fn all(&self) -> BTreeMap<u64, Value> {
        self.read(|r| {
            let messages = queries::all_messages(r, (0, 0)).unwrap();
            let messages = messages.flat_map(|stretch| stretch.unwrap());
            let json = |m: &Message| {
                let chat = r.get::<Chat>(&m.chat).unwrap().unwrap();
                m.to_json(r, &chat).unwrap().unwrap_or_default()
            };
            messages.map(|m| (m.seq, json(&m))).collect()
        })
    }

    pub(super) fn one(&self, seq: u64) -> Message {
        let all = self.read(|r| {
            let messages = queries::all_messages(r, (0, 0)).unwrap();
            messages.flat_map(|s| s.unwrap()).collect::<Vec<_>>()
        });
        all.into_iter().find(|m| m.seq == seq).unwrap()
    }

    pub(super) fn pulls(&self) -> Vec<Pull> {
        self.read(|r| r.all::<Pull>(None).unwrap().map(Result::unwrap).collect())
    }

    /// Rows, indexes, feed and audit trail agree.
    pub(super) fn check(&self) {
        let findings: Findings = self.store.check().unwrap();
        assert!(findings.found.is_empty(), "{:?}", findings.found);
    }
}

pub(super) fn opened((seq, json): (u64, Value)) -> Opened {
    let Value::Object(fields) = json else {
        panic!("no object")
    };
    let message = Wire::from_fields(fields).unwrap();
    Opened { seq, message }
}

pub(super) fn text(seq: u64, from: &str, to: &[&str], room: &str, words: &str) -> (u64, Value) {
    let at = NOON + i64::try_from(seq).unwrap() * 1_000;
    let message = json!({
        "msgid": format!("{}_{at}_external", 7_000_000 + seq), "action": "send", "from": from,
        "tolist": to, "roomid": room, "msgtime": at, "msgtype": "text",
        "text": {"content": words},
    });
    (seq, message)
}

fn recall(seq: u64, of: &Value) -> (u64, Value) {
    let mut message = of.clone();
    message["msgid"] = format!("recall-{seq}").into();
    message["action"] = "recall".into();
    message["msgtype"] = "revoke".into();
    message["msgtime"] = (NOON + i64::try_from(seq).unwrap() * 1_000).into();
    message.as_object_mut().unwrap().remove("text");
    message["revoke"] = json!({"pre_msgid": of["msgid"]});
    (seq, message)
}

pub(super) fn fixtures() -> Vec<(u64, Value)> {
    let lines = [
        include_str!("../wecom/archive/fixtures/messages.jsonl"),
        include_str!("../wecom/archive/fixtures/odd.jsonl"),
    ];
    let lines = lines.iter().flat_map(|file| file.lines());
    (1..)
        .zip(lines.map(|line| serde_json::from_str(line).unwrap()))
        .collect()
}

#[test]
fn every_type_of_message_comes_out_as_it_went_in() {
    let archive = Archive::new();
    let messages = fixtures();
    assert!(messages.len() > 40);
    let stored = archive.pull(messages.clone());
    assert_eq!(stored.messages as usize, messages.len());
    assert!(stored.files > 5);
    assert_eq!(archive.all(), messages.into_iter().collect());
    archive.check();
}

#[test]
fn the_same_answer_again_leaves_no_trace() {
    let archive = Archive::new();
    archive.pull(fixtures());
    let head = archive.store.snapshot().feed_head();
    let again = archive.pull(fixtures());
    assert_eq!(again, Stored::default());
    assert_eq!(archive.store.snapshot().feed_head(), head);
    assert_eq!(archive.pulls().len(), 1);
}

#[test]
fn a_pull_commits_to_exactly_its_messages() {
    let archive = Archive::new();
    archive.pull(fixtures());
    archive.pull(vec![text(1_000, CUSTOMER, &["LinXiaoyu"], "", "退款")]);
    let pulls = archive.pulls();
    for pull in &pulls {
        let root = archive.read(|r| {
            let mut messages = queries::messages_of_pull(r, pull).unwrap();
            messages.sort_by_key(|m| m.seq);
            assert_eq!(messages.len(), pull.messages as usize);
            let mut tree = merkle::Frontier::default();
            for message in messages {
                let chat = r.get::<Chat>(&message.chat).unwrap().unwrap();
                let json = message.to_json(r, &chat).unwrap().unwrap();
                let bytes = stretch::json_bytes(&json).unwrap();
                tree.push(stretch::leaf(&message.salt.unwrap(), message.seq, &bytes));
            }
            tree.root()
        });
        assert_eq!(root, pull.root);
    }
    assert_eq!(pulls[1].skipped, 1_000 - 1 - fixtures().len() as u64);
}

#[test]
fn numbers_that_never_came_are_kept_by_day() {
    let archive = Archive::new();
    let said = |seq| text(seq, CUSTOMER, &["LinXiaoyu"], "", "收到");
    archive.pull([7, 8, 11].map(said).into());
    archive.pull([12, 13, 20].map(said).into());
    let gaps: Vec<Gap> = archive.read(|r| {
        let gaps = r.all::<Gap>(None).unwrap();
        gaps.map(Result::unwrap).collect()
    });
    let ranges: Vec<_> = gaps.iter().map(|gap| (gap.first, gap.last)).collect();
    // WeCom's window begins where it begins.
    assert_eq!(ranges, [(9, 10), (14, 19)]);
    let skipped: Vec<u64> = archive.pulls().iter().map(|pull| pull.skipped).collect();
    assert_eq!(skipped, [2, 6]);
    let sight = ArchiveSight::everything_for_test();
    let days = archive.read(|r| super::standing::days(r, &sight, (0, 99_999_999)).unwrap());
    let day = days.iter().find(|day| day.day == gaps[0].day).unwrap();
    assert_eq!(day.skipped, 8);
    let shown = archive.read(|r| super::standing::gaps(r, &sight, day.day, 1).unwrap());
    assert_eq!(shown, gaps[..1]);
    // Nobody is a member of what is missing.
    let unknown = archive.read(|r| super::standing::members(r, &sight, day.day).unwrap());
    assert!(unknown.iter().all(|tally| tally.staff != Tally::UNKNOWN));
    archive.check();
}

#[test]
fn what_was_unlocked_later_hides_nothing_of_the_pull_around_it() {
    let archive = Archive::new();
    let said = |seq| text(seq, CUSTOMER, &["LinXiaoyu"], "", "收到");
    // A full stretch and one message behind it; the second one waits for its key.
    let last = stretch::FULL as u64 + 2;
    let messages = (1..=last).filter(|seq| *seq != 2).map(said);
    archive.pull(messages.collect());
    archive.store(Brought::Unlocked, vec![opened(said(2))], Vec::new());
    let pulls = archive.pulls();
    let numbers = |pull: &Pull| -> Vec<u64> {
        let messages = archive.read(|r| queries::messages_of_pull(r, pull).unwrap());
        messages.iter().map(|message| message.seq).collect()
    };
    assert_eq!(numbers(&pulls[0]), (1..=last).collect::<Vec<_>>());
    assert_eq!(numbers(&pulls[1]), [2]);
    archive.check();
}

#[test]
fn a_recalled_message_stays_and_is_marked_in_whatever_order_they_come() {
    let first = text(1, CUSTOMER, &["LinXiaoyu"], "", "我要退款");
    let taken_back = recall(2, &first.1);
    let archive = Archive::new();
    archive.pull(vec![first.clone(), taken_back.clone()]);
    assert!(archive.one(1).is_recalled);
    assert_eq!(archive.one(1).content, Content::Text("我要退款".to_owned()));

    let other = Archive::new();
    other.pull(vec![taken_back]);
    let parked = Parked {
        seq: 1,
        msgid: "m".to_owned(),
        key_version: 3,
        key: String::new(),
        message: String::new(),
        why: Locked::NoKey,
        at: Timestamp::from_ms(NOON),
        tried_at: Timestamp::from_ms(NOON),
    };
    other.store(Brought::Unlocked, Vec::new(), vec![parked]);
    let waiting = other.read(|r| ingest::waiting_for(r, 3, 0, 10).unwrap());
    assert_eq!(waiting.len(), 1);
    other.store(Brought::Unlocked, vec![opened(first)], Vec::new());
    assert!(other.one(1).is_recalled);
    assert!(
        other
            .read(|r| ingest::waiting_for(r, 3, 0, 10).unwrap())
            .is_empty()
    );
    let chat = other.read(|r| r.get::<Chat>(&1).unwrap().unwrap());
    assert_eq!((chat.messages, chat.recalled, chat.dangling), (2, 1, 0));
    other.check();
}

#[test]
fn who_is_erased_is_unreadable_and_nobody_else() {
    let archive = Archive::new();
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu", OTHER], ROOM, "我的地址"),
        text(2, OTHER, &["LinXiaoyu", CUSTOMER], ROOM, "别人的话"),
        text(3, "LinXiaoyu", &[CUSTOMER], "", "您好"),
    ]);
    let subject = archive.read(|r| {
        let parties = r.all::<Party>(None).unwrap().map(Result::unwrap);
        let mut parties = parties.filter(|p| p.wecom_id == CUSTOMER);
        parties.next().unwrap().subject
    });
    let act = Act::by_system("customer.erase", "test").recorded();
    let erased = archive
        .store
        .write_blocking(act, move |w| Ok(ingest::forget(w, subject, |_| Ok(()))?));
    assert_eq!(erased.unwrap(), ingest::Forgotten::Whole);
    assert_eq!(archive.one(1).content, Content::Erased);
    assert_eq!(archive.one(2).content, Content::Text("别人的话".to_owned()));
    assert_eq!(archive.one(3).content, Content::Erased);
    // The conversation goes on, with whoever has that id from now on.
    archive.pull(vec![text(4, CUSTOMER, &["LinXiaoyu", OTHER], ROOM, "新的")]);
    assert_eq!(archive.one(1).content, Content::Erased);
    assert_eq!(archive.one(4).content, Content::Text("新的".to_owned()));
}

#[test]
fn words_and_behaviour_raise_one_alert_each_however_often_they_are_looked_for() {
    use super::sensitive::{Behaviour, Cause, WordList, queue};
    let archive = Archive::new();
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu"], "", "可以私下轉賬吗"),
        text(
            2,
            "LinXiaoyu",
            &[CUSTOMER],
            "",
            "打我１３８ ００１３ ８０００",
        ),
        text(3, "LinXiaoyu", &[CUSTOMER], "", "好的"),
    ]);
    let list = WordList {
        behaviours: vec![Behaviour::Phone, Behaviour::Card],
        ..WordList::for_test(&["私下转账", "转账", "回扣"])
    };
    for round in 0..2 {
        let raised = archive.raise(list.clone());
        assert_eq!(raised, if round == 0 { 2 } else { 0 });
    }
    let alerts = archive.read(|r| {
        let sight = ArchiveSight::everything_for_test();
        let asked = queue::Asked::part(queue::Part::ToDo);
        let page = queue::page(r, (&sight, None), &asked, &PageRequest::default());
        page.unwrap().items
    });
    let causes: Vec<_> = alerts
        .iter()
        .map(|a| (a.seq.unwrap(), a.cause.clone()))
        .collect();
    let words = vec!["私下转账".to_owned(), "转账".to_owned()];
    let expected = [
        (2, Cause::Behaviour(Behaviour::Phone)),
        (1, Cause::Words(words)),
    ];
    assert_eq!(causes, expected);
    archive.check();
}

/// Words that a list has only later: a message is looked at with them too.
#[test]
fn words_that_are_new_in_a_list_join_an_alert_and_open_one_that_was_judged_without_them() {
    use super::sensitive::{Alert, AlertState, Cause, Severity, Verdict, WordList};
    use crate::{
        audit::{Dimension, log},
        kit::Id,
    };
    let archive = Archive::new();
    archive.pull(vec![text(
        1,
        CUSTOMER,
        &["LinXiaoyu"],
        "",
        "私下轉賬有回扣",
    )]);
    let look = |words: &[&str], severity| {
        archive.raise(WordList {
            severity,
            ..WordList::for_test(words)
        })
    };
    let alert = || {
        let all: Vec<Alert> = archive.read(|r| r.all(None).unwrap().map(Result::unwrap).collect());
        assert_eq!(all.len(), 1);
        all.into_iter().next().unwrap()
    };
    let put = |state: AlertState| {
        let alert = Alert { state, ..alert() };
        let act = Act::by_system("alert.close", "test");
        let kept = archive
            .store
            .write_blocking(act, move |w| Ok(w.put(&alert)?));
        kept.unwrap();
    };
    let is = |words: &[&str], severity| {
        let alert = alert();
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(
            (alert.cause, alert.severity),
            (Cause::Words(words), severity)
        );
        alert.state
    };
    assert_eq!(look(&["转账"], Severity::Low), 1);
    assert_eq!(is(&["转账"], Severity::Low), AlertState::Open);
    // What somebody is looking at grows, and stays with whoever has it.
    let given = AlertState::Assigned(Id::from_bits(9));
    put(given.clone());
    assert_eq!(look(&["私下", "转账"], Severity::Medium), 0);
    assert_eq!(is(&["转账", "私下"], Severity::Medium), given);
    // Judged, it stays so where nothing new is found: words gone, or written otherwise.
    let note = "客户自己说的".to_owned();
    let at = Timestamp::from_ms(NOON);
    put(AlertState::Closed(Verdict::Harmless, note, None, at));
    let judged = alert();
    for words in [&["转账", "私下"][..], &["轉賬"], &["不在"]] {
        assert_eq!(look(words, Severity::High), 0);
        assert_eq!(alert(), judged);
    }
    // A word that nobody has judged opens it, once.
    assert_eq!(look(&["转账", "回扣"], Severity::High), 1);
    let all = ["转账", "私下", "回扣"];
    assert_eq!(is(&all, Severity::High), AlertState::Open);
    assert_eq!(look(&["转账", "回扣"], Severity::Low), 0);
    assert_eq!(is(&all, Severity::High), AlertState::Open);
    // What was judged is in the trail of the entry that opened it.
    archive.read(|r| {
        let name = format!("alert:{}", judged.id);
        let entries = log::found_by(r, Dimension::Object, &name, None).unwrap();
        let entries: Vec<u64> = entries.map(Result::unwrap).collect();
        assert_eq!(entries.len(), 5, "raised, given, grown, judged, opened");
        let told = log::openings(r, entries[0]).unwrap();
        let told = told.iter().find(|told| told.f == name).unwrap();
        for before in ["客户自己说的", "harmless", "[\"closed\",\"open\"]"] {
            assert!(told.v.contains(before), "{before}: {}", told.v);
        }
    });
    archive.check();
}

#[test]
fn no_two_neighbouring_rows_of_what_came_in_order_would_fit_one() {
    let random = Random::seeded(3);
    let words = |seq: u64| match seq % 20 {
        0 => hex::encode(random.bytes::<1_200>()),
        _ => format!("{seq}号订单发货了吗"),
    };
    let said = |seq| text(seq, CUSTOMER, &["LinXiaoyu"], "", &words(seq));
    let messages: Vec<_> = (1..=600).map(said).collect();
    let archive = Archive::new();
    for piece in messages.chunks(7) {
        archive.pull(piece.to_vec());
    }
    archive.read(|r| {
        let rows = r.all::<Stretch>(None).unwrap().map(|stretch| {
            let stretch = stretch.unwrap();
            let bytes = minicbor::to_vec(&stretch).unwrap().len();
            (stretch.heads.len(), bytes)
        });
        let rows: Vec<(usize, usize)> = rows.collect();
        assert!(rows.len() > 9, "{rows:?}");
        for pair in rows.windows(2) {
            let (messages, bytes) = (pair[0].0 + pair[1].0, pair[0].1 + pair[1].1);
            assert!(
                messages > stretch::FULL || bytes > 3_900,
                "{pair:?} of {rows:?}"
            );
        }
    });
    archive.check();
}

/// Messages of a few people in a few places.
fn some_message() -> impl Strategy<Value = (usize, usize, String)> {
    let words = prop_oneof![
        4 => "[a-z退款好]{0,12}",
        // So long that a row is full before it has many messages.
        1 => "[a-z0-9退款好]{100,600}",
    ];
    (0..3usize, 0..3usize, words)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn in_whatever_pieces_and_order_messages_come_the_archive_is_the_same(
        made in prop::collection::vec(some_message(), 1..400),
        order in any::<u64>(),
        piece in 1..90usize,
    ) {
        let people = [CUSTOMER, "LinXiaoyu", "ChenDawei"];
        let mut messages = Vec::new();
        for (seq, (from, place, words)) in (1u64..).zip(made) {
            let others: Vec<&str> = people.iter().copied().filter(|p| *p != people[from]).collect();
            messages.push(match place {
                0 => text(seq, people[from], &others, ROOM, &words),
                place => text(seq, people[from], &[others[place - 1]], "", &words),
            });
        }
        let expected: BTreeMap<u64, Value> = messages.iter().cloned().collect();
        let random = Random::seeded(order);
        for i in (1..messages.len()).rev() {
            let j = usize::try_from(random.u64() % (i as u64 + 1)).unwrap();
            messages.swap(i, j);
        }
        let archive = Archive::new();
        for piece in messages.chunks(piece) {
            archive.pull(piece.to_vec());
        }
        prop_assert_eq!(archive.all(), expected);
        // A row with more than one message fits a page of the store, with its key.
        archive.read(|r| {
            for stretch in r.all::<Stretch>(None).unwrap() {
                let stretch = stretch.unwrap();
                let bytes = minicbor::to_vec(&stretch).unwrap().len();
                assert!(stretch.heads.len() == 1 || bytes <= 4_000, "{bytes}");
            }
        });
        // Conversations read in order from both ends, in pages of any size.
        archive.read(|r| {
            let sight = ArchiveSight::everything_for_test();
            for chat in r.all::<Chat>(None).unwrap() {
                let chat = chat.unwrap();
                let forward = walk(r, &sight, &chat, 7, true);
                let backward = walk(r, &sight, &chat, 5, false);
                assert_eq!(forward.len() as u64, chat.messages);
                assert!(forward.is_sorted());
                assert_eq!(forward, backward);
            }
        });
        archive.check();
    }
}

/// The numbers of a conversation, page by page.
fn walk(r: &Read<'_>, sight: &ArchiveSight, chat: &Chat, page: usize, forward: bool) -> Vec<u64> {
    let mut all: Vec<u64> = Vec::new();
    loop {
        let side = match forward {
            true => Side::After(all.last().copied().unwrap_or(0)),
            false => Side::Before(all.first().copied().unwrap_or(u64::MAX)),
        };
        let (found, more) = queries::messages(r, sight, chat, side, page).unwrap();
        let numbers: Vec<u64> = found.iter().map(|m| m.seq).collect();
        match forward {
            true => all.extend(numbers),
            false => {
                all.splice(..0, numbers);
            }
        }
        if !more {
            return all;
        }
    }
}
