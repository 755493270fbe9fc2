//! Retention on a real store: what has had its time goes for good, and nothing else does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::Value;

use super::{
    super::{
        ingest::{self, Forgotten},
        model::*,
        queries::{self, Message},
        sensitive,
        stretch::{Content, Stretch},
        tests::{Archive, CUSTOMER, NOON, OTHER, ROOM, fixtures, text},
    },
    job::{self, Progress},
    *,
};
use crate::{
    app::App,
    archive::evidence::{self, Item},
    audit::merkle,
    customers::{Customer, CustomerKind},
    kit::{Clock, Id, Timestamp},
    org::{self, Directory, Gender},
    store::{Act, StoreOptions, SubjectId, Write},
};

const DAY: i64 = 24 * 3_600_000;

/// A store on which it is so many days after the first message.
fn options(days: i64) -> StoreOptions {
    StoreOptions {
        clock: Clock::manual(Timestamp::from_ms(NOON + days * DAY)),
        ..App::store_options()
    }
}

fn rule(sort: Option<Sort>, days: Option<u32>) -> RetentionRule {
    RetentionRule {
        id: Id::from_bits(900 + sort.map_or(0, |sort| sort as u64 + 1)),
        unit: None,
        sort,
        days,
        changed_at: Timestamp::from_ms(NOON),
    }
}

fn hold(on: HoldOn, from: Option<i64>, until: Option<i64>) -> Hold {
    Hold {
        id: Id::from_bits(7_000),
        title: "TS-1182".to_owned(),
        on,
        from: from.map(Timestamp::from_ms),
        until: until.map(Timestamp::from_ms),
        reason: "客户投诉".to_owned(),
        set_by: None,
        set_at: Timestamp::from_ms(NOON),
        lifted: None,
    }
}

fn act() -> Act {
    Act::by_system("archive.purge", "archive")
}

impl Archive {
    fn put<E: crate::store::Entity>(&self, entity: E) {
        let put = self
            .store
            .write_blocking(act(), move |w| Ok(w.put(&entity)?));
        put.unwrap();
    }

    /// One step of a purge; `None` when nothing is left.
    fn step(&self, progress: Progress) -> Option<Progress> {
        let now = self.store.clock().now();
        let found = self
            .read(|r| job::look(r, Arc::default(), now, progress.last))
            .unwrap();
        let is_last = found.last.is_none();
        let done = self.store.write_blocking(act(), move |w| {
            let zone = jiff::tz::TimeZone::UTC;
            let progress = job::delete(w, Arc::default(), &zone, progress, &found)?;
            if is_last {
                job::end(w, &progress, None)?;
            }
            Ok(progress)
        });
        let done = done.unwrap();
        (!is_last).then_some(done)
    }

    fn purge(&self) -> PurgeRun {
        let mut progress = Progress::default();
        while let Some(next) = self.step(progress.clone()) {
            progress = next;
        }
        self.read(|r| runs(r, 1)).unwrap()[0].clone()
    }

    fn messages(&self) -> BTreeMap<u64, Message> {
        self.read(|r| {
            let all = queries::all_messages(r, (0, 0)).unwrap();
            let all = all.flat_map(|stretch| stretch.unwrap());
            all.map(|message| (message.seq, message)).collect()
        })
    }

    fn gone(&self) -> BTreeSet<u64> {
        let all = self.messages().into_values();
        let gone = all.filter(|message| message.content == Content::Deleted);
        gone.map(|message| message.seq).collect()
    }

    /// The roots of all pulls, made again from what is left.
    fn prove_all(&self) {
        for pull in self.pulls() {
            let root = self.read(|r| {
                let mut messages = queries::messages_of_pull(r, &pull).unwrap();
                messages.sort_by_key(|message| message.seq);
                assert_eq!(messages.len(), pull.messages as usize);
                let mut tree = merkle::Frontier::default();
                for message in messages {
                    let chat = r.get::<Chat>(&message.chat).unwrap().unwrap();
                    tree.push(message.leaf(r, &chat).unwrap().unwrap());
                }
                tree.root()
            });
            assert_eq!(root, pull.root, "pull {}", pull.no);
        }
    }

    /// Whether a text lies anywhere among the bodies.
    fn holds_text(&self, text: &str) -> bool {
        self.read(|r| {
            let stretches = r.all::<Stretch>(None).unwrap();
            let mut bodies = stretches.flat_map(|stretch| {
                let open = stretch.unwrap().open(r).unwrap();
                open.bodies_for_test()
            });
            bodies.any(|body| String::from_utf8_lossy(&body).contains(text))
        })
    }

    fn subject_of(&self, wecom_id: &str) -> crate::store::SubjectId {
        self.read(|r| {
            let mut parties = r.all::<Party>(None).unwrap().map(Result::unwrap);
            let party = parties.find(|party| party.wecom_id == wecom_id);
            party.unwrap().subject
        })
    }
}

#[test]
fn what_has_had_its_time_goes_and_says_that_it_was_there() {
    let archive = Archive::at(options(40));
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu"], "", "我的身份证号码"),
        text(2, "LinXiaoyu", &[CUSTOMER], "", "收到了"),
        text(3, "LinXiaoyu", &[OTHER], "", "留着的话"),
    ]);
    archive.pull(vec![
        // Two months later.
        text(60 * 86_400, CUSTOMER, &["LinXiaoyu"], "", "新的话"),
    ]);
    archive.put(rule(None, Some(30)));
    archive.put(hold(HoldOn::Person(archive.subject_of(OTHER)), None, None));

    let run = archive.purge();
    assert_eq!((run.messages, run.held, run.seen), (2, 1, 4));
    assert_eq!(archive.gone(), BTreeSet::from([1, 2]));
    assert!(!archive.holds_text("身份证") && !archive.holds_text("收到了"));
    assert!(archive.holds_text("留着的话") && archive.holds_text("新的话"));
    let first = archive.one(1);
    assert_eq!((first.purge, first.body()), (Some(1), None));
    assert_eq!(first.text_to_index(), "");
    let purge = archive.read(|r| r.get::<Purge>(&1).unwrap().unwrap());
    assert_eq!((purge.messages, purge.under.days), (2, 30));
    assert_eq!(purge.chats, [(1, vec![1, 2])]);
    let rules = vec![RunRule {
        under: purge.under.clone(),
        messages: 2,
    }];
    assert_eq!((run.purges, &run.rules), (Some((1, 1)), &rules));
    let purges = |run: &PurgeRun| archive.read(|r| purges_of(r, run, 9).unwrap());
    assert_eq!(purges(&run), [purge]);
    archive.prove_all();
    archive.check();

    // Nothing more goes, and nothing comes back.
    let head = archive.store.snapshot().feed_head();
    let again = archive.pull(vec![text(
        1,
        CUSTOMER,
        &["LinXiaoyu"],
        "",
        "我的身份证号码",
    )]);
    assert_eq!(again.messages, 0);
    assert_eq!(archive.store.snapshot().feed_head(), head);
    assert_eq!(archive.purge().messages, 0);
    assert!(!archive.holds_text("身份证"));

    // What is written into the same stretch later is proved like everything else.
    archive.pull(vec![text(4, CUSTOMER, &["LinXiaoyu"], "", "补来的话")]);
    archive.prove_all();
    let run = archive.purge();
    assert_eq!((run.messages, archive.gone().len()), (1, 3));
    assert_eq!(run.purges, Some((2, 2)));
    assert_eq!(purges(&run).len(), 1);
    archive.prove_all();
    archive.check();
    let chat = archive.read(|r| r.get::<Chat>(&1).unwrap().unwrap());
    assert_eq!((chat.messages, chat.deleted), (4, 3));
    let tallies = archive.read(|r| {
        let all = r.all::<Tally>(None).unwrap().map(Result::unwrap);
        // What nobody is a member of are the numbers that never came.
        let known = all.filter(|tally| tally.staff != Tally::UNKNOWN);
        known
            .map(|tally| (tally.opened, tally.deleted))
            .collect::<Vec<_>>()
    });
    assert_eq!(tallies, [(4, 3), (1, 0)]);
}

#[test]
fn the_nearest_rule_counts_and_a_rule_that_keeps_for_ever_wins() {
    let archive = Archive::at(options(400));
    archive.pull(fixtures());
    let kinds: BTreeMap<u64, Sort> = archive
        .messages()
        .into_iter()
        .map(|(seq, message)| (seq, Sort::of(message.kind)))
        .collect();
    archive.put(rule(None, Some(30)));
    archive.put(rule(Some(Sort::Text), None));
    archive.put(rule(Some(Sort::File), Some(3_000)));
    archive.purge();
    let expected = kinds
        .iter()
        .filter(|(_, sort)| !matches!(sort, Sort::Text | Sort::File))
        .map(|(seq, _)| *seq);
    assert_eq!(archive.gone(), expected.collect());
    archive.prove_all();
    archive.check();
}

#[test]
fn the_files_and_the_words_of_alerts_go_with_their_message() {
    use sensitive::{Cause, WordList};
    let archive = Archive::at(options(40));
    archive.pull(fixtures());
    archive.pull(vec![text(
        900,
        CUSTOMER,
        &["LinXiaoyu"],
        "",
        "私下转账给我",
    )]);
    assert_eq!(archive.raise(WordList::for_test(&["私下转账"])), 1);
    // One file is here, the others are still waited for.
    let (files, sha256) = archive.read(|r| {
        let files: Vec<Media> = r.all(None).unwrap().map(Result::unwrap).collect();
        (files, [7; 32])
    });
    assert!(files.len() > 5);
    let mut here = files[0].clone();
    (here.state, here.sha256) = (MediaState::Here, Some(sha256));
    archive.put(here);
    archive.put(rule(None, Some(30)));
    let run = archive.purge();
    assert_eq!(run.files as usize, files.len());
    archive.read(|r| {
        assert_eq!(r.all::<Media>(None).unwrap().count(), 0);
        let left: Vec<Leftover> = r.all(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(left.iter().map(|l| l.sha256).collect::<Vec<_>>(), [sha256]);
        let alerts = r.all::<sensitive::Alert>(None).unwrap();
        let causes: Vec<Cause> = alerts.map(|alert| alert.unwrap().cause).collect();
        assert_eq!(causes, [Cause::Words(Vec::new())]);
        // Nothing is waited for that never comes.
        for tally in r.all::<Tally>(None).unwrap() {
            let tally = tally.unwrap();
            let missing = tally.media - tally.media_here - tally.media_lost;
            assert!(missing <= 1, "{tally:?}");
        }
    });
    archive.check();
}

#[test]
fn a_run_that_is_killed_anywhere_goes_on_and_ends_the_same() {
    let messages: Vec<(u64, Value)> = (1..=700)
        .map(|seq| {
            let other = if seq % 3 == 0 { OTHER } else { CUSTOMER };
            text(seq, other, &["LinXiaoyu"], "", &format!("第{seq}条"))
        })
        .collect();
    let mut archive = Archive::at(options(40));
    // Small answers make many stretches.
    for piece in messages.chunks(40) {
        archive.pull(piece.to_vec());
    }
    let mut at = 0;
    archive.put(rule(None, Some(30)));
    archive.put(hold(HoldOn::Person(archive.subject_of(OTHER)), None, None));
    let mut progress = Progress::default();
    loop {
        // What was looked for is forgotten with the process.
        let found = archive
            .read(|r| {
                job::look(
                    r,
                    Arc::default(),
                    archive.store.clock().now(),
                    progress.last,
                )
            })
            .unwrap();
        drop(found);
        archive = archive.again(options(40 + at));
        archive.check();
        archive.prove_all();
        match archive.step(progress.clone()) {
            Some(next) => progress = next,
            None => break,
        }
        at += 1;
    }
    assert_eq!(archive.gone().len(), 700 - 700 / 3);
    assert!(archive.gone().iter().all(|seq| seq % 3 != 0));
    archive.prove_all();
    archive.check();
}

#[test]
fn a_hold_is_about_its_time_and_its_people_until_it_is_lifted() {
    let archive = Archive::at(options(40));
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu", OTHER], ROOM, "群里一"),
        text(100_000, CUSTOMER, &["LinXiaoyu"], "", "第二天"),
        text(200_000, "LinXiaoyu", &[CUSTOMER], "", "第三天"),
        text(200_001, "ChenDawei", &[OTHER], "", "别人的"),
    ]);
    archive.put(rule(None, Some(10)));
    let seconds = |n: i64| Some(NOON + n * 1_000);
    let mut held = hold(
        HoldOn::Person(archive.subject_of("LinXiaoyu")),
        seconds(100_000),
        seconds(200_000),
    );
    archive.put(held.clone());
    let preview = |archive: &Archive| {
        let now = archive.store.clock().now();
        let zone = jiff::tz::TimeZone::UTC;
        let counted =
            archive.read(|r| job::count(r, Arc::default(), now, &zone, Preview::default()));
        let (preview, is_last) = counted.unwrap();
        assert!(is_last);
        preview
    };
    let counted = preview(&archive);
    assert_eq!((counted.messages(), counted.held()), (3, 1));
    assert_eq!(counted.held, [(Some(held.id), 1)]);
    let run = archive.purge();
    assert_eq!((run.messages, run.held), (3, 1));
    assert_eq!(archive.gone(), BTreeSet::from([1, 200_000, 200_001]));
    held.lifted = Some(Lifted {
        by: None,
        at: Timestamp::from_ms(NOON),
        why: "结案".to_owned(),
    });
    archive.put(held);
    assert_eq!(preview(&archive).messages(), 1);
    assert_eq!(archive.purge().messages, 1);
    archive.check();
}

#[test]
fn a_run_ends_where_rules_change_or_a_hold_is_lifted() {
    let archive = Archive::at(options(40));
    let asked_at = Timestamp::from_ms(NOON + DAY);
    let is_overtaken = || archive.read(|r| super::counted::is_overtaken(r, asked_at).unwrap());
    archive.put(rule(None, Some(30)));
    let mut held = hold(HoldOn::Everything, None, None);
    held.set_at = asked_at;
    archive.put(held.clone());
    assert!(!is_overtaken(), "a hold that is set keeps something more");
    held.lifted = Some(Lifted {
        by: None,
        at: asked_at.plus_ms(1),
        why: "结案".to_owned(),
    });
    archive.put(held.clone());
    assert!(is_overtaken());
    held.lifted = None;
    archive.put(held);
    archive.put(RetentionRule {
        changed_at: asked_at.plus_ms(1),
        ..rule(Some(Sort::Text), Some(1))
    });
    assert!(is_overtaken());
}

#[test]
fn messages_that_a_case_has_gathered_stay() {
    let archive = Archive::at(options(40));
    archive.pull(
        (1..=9)
            .map(|n| text(n, CUSTOMER, &["LinXiaoyu"], "", "话"))
            .collect(),
    );
    let at = Timestamp::from_ms(NOON);
    for (n, (chat, first, last)) in (1..).zip([(1, 4, 6), (2, 1, 9), (1, 9, 9)]) {
        archive.put(Item {
            id: Id::from_bits(n),
            case: Id::from_bits(1),
            chat,
            first,
            last,
            by: Id::from_bits(1),
            at,
        });
    }
    let kept = archive.read(|r| {
        let holds = Holds::load(r).unwrap();
        let held = |seq: &u64| {
            holds
                .on_message(r, *seq, 1, std::iter::empty(), at)
                .unwrap()
        };
        (1..=9)
            .filter(|seq| held(seq).is_some())
            .collect::<Vec<_>>()
    });
    assert_eq!(kept, [4, 5, 6, 9]);
}

#[test]
fn the_context_of_an_open_case_stays_until_it_is_sealed() {
    let archive = Archive::at(options(40));
    // Long enough for several stretches, with another conversation between.
    let said = |n: u64| match n % 3 {
        0 => text(n, OTHER, &["LinXiaoyu"], "", "别的话"),
        _ => text(n, CUSTOMER, &["LinXiaoyu"], "", "话"),
    };
    archive.pull((1..=900).map(said).collect());
    archive.put(rule(None, Some(30)));
    let chat = archive.messages()[&1].chat;
    let at = Timestamp::from_ms(NOON);
    let case = |no: u64, context, state| evidence::Case {
        id: Id::from_bits(no),
        title: "TS-1182".to_owned(),
        why: "核对退款投诉".to_owned(),
        state,
        by: Id::from_bits(1),
        at,
        context,
        chats: vec![chat],
        revision: 1,
    };
    let item = |no: u64, of: u64, first, last| Item {
        id: Id::from_bits(no),
        case: Id::from_bits(of),
        chat,
        first,
        last,
        by: Id::from_bits(1),
        at,
    };
    // Of one case two places that lie apart, one of them at the beginning; of another, which is
    // being sealed, one with other context; of a sealed one what it has and no more.
    let sealing = evidence::CaseState::Sealing(Id::from_bits(9), Id::from_bits(1));
    archive.put(case(1, 100, evidence::CaseState::Open));
    archive.put(case(2, 2, sealing));
    for (no, of, first, last) in [(1, 1, 4, 7), (2, 1, 400, 400), (3, 2, 802, 805)] {
        archive.put(item(no, of, first, last));
    }
    let own: Vec<u64> = (1..=900).filter(|n| n % 3 != 0).collect();
    let place = |seq: u64| own.iter().position(|n| *n == seq).unwrap();
    let around = |first, last, context: usize| {
        let from = place(first).saturating_sub(context);
        own[from..=place(last) + context].iter().copied()
    };
    let mut kept: BTreeSet<u64> = around(4, 7, 100).collect();
    kept.extend(around(400, 400, 100));
    kept.extend(around(802, 805, 2));
    let all: BTreeSet<u64> = (1..=900).collect();
    let gone: BTreeSet<u64> = all.difference(&kept).copied().collect();
    let run = archive.purge();
    assert_eq!(archive.gone(), gone);
    assert_eq!(run.held, kept.len() as u64);
    archive.prove_all();

    // Once it is sealed, its package has the context.
    let seal = evidence::Seal::for_test();
    for (no, context) in [(1, 100), (2, 2)] {
        archive.put(case(no, context, evidence::CaseState::Sealed(seal.clone())));
    }
    archive.purge();
    let left: BTreeSet<u64> = all.difference(&archive.gone()).copied().collect();
    assert_eq!(left, BTreeSet::from([4, 5, 7, 400, 802, 803, 805]));
    archive.check();
}

/// Tries to erase somebody; gives what came of it, and the objects and details of the entry.
fn erase(archive: &Archive, subject: SubjectId) -> (Forgotten, Vec<String>, Vec<String>) {
    let act = Act::by_system("customer.erase", "test").recorded();
    let done = archive.store.write_blocking(act, move |w| {
        let done = ingest::forget(w, subject, |_| Ok(()))?;
        let act = w.act_mut();
        let objects = act.objects.iter().map(|o| format!("{}:{}", o.kind, o.id));
        let details = act
            .details
            .iter()
            .map(|d| format!("{}={}", d.field, d.value));
        Ok((done, objects.collect(), details.collect()))
    });
    done.unwrap()
}

#[test]
fn nobody_is_erased_of_whom_something_is_held() {
    let archive = Archive::new();
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu"], "", "我的地址"),
        text(2, "LinXiaoyu", &[CUSTOMER], "", "您好"),
        text(3, CUSTOMER, &["LinXiaoyu", OTHER], ROOM, "群里的话"),
        text(4, OTHER, &["LinXiaoyu"], "", "别人的话"),
    ]);
    let (subject, other) = (archive.subject_of(CUSTOMER), archive.subject_of(OTHER));
    let said = |archive: &Archive| -> BTreeMap<u64, Content> {
        let all = archive.messages().into_values();
        all.map(|message| (message.seq, message.content)).collect()
    };
    let (whole, messages) = (said(&archive), archive.messages());
    let kept = |holds: &[u64], messages, gathered| Kept {
        holds: holds.iter().map(|id| Id::from_bits(*id)).collect(),
        messages,
        gathered,
    };
    // A hold on them, on somebody they wrote to, on a conversation, on everything.
    let chat = archive.read(|r| r.get::<Chat>(&messages[&1].chat).unwrap().unwrap());
    for (on, messages) in [
        (HoldOn::Person(subject), 3),
        (HoldOn::Person(other), 1),
        (HoldOn::Chat(chat.id), 2),
        (HoldOn::Everything, 3),
    ] {
        let mut held = hold(on, None, None);
        archive.put(held.clone());
        let (done, objects, details) = erase(&archive, subject);
        assert_eq!(done, Forgotten::Held(kept(&[7_000], messages, 0)), "{on:?}");
        assert_eq!(objects, [format!("retention_hold:{}", held.id)]);
        assert_eq!(
            details,
            [format!("held={messages}"), "gathered=0".to_owned()]
        );
        assert_eq!(said(&archive), whole, "nothing is erased in part");
        held.lifted = Some(Lifted {
            by: None,
            at: Timestamp::from_ms(NOON),
            why: "结案了".to_owned(),
        });
        archive.put(held);
    }
    // One about another time keeps nothing of a conversation.
    archive.put(hold(HoldOn::Chat(chat.id), Some(1), Some(2)));
    // What was gathered into a case stays.
    let item = Item {
        id: Id::from_bits(1),
        case: Id::from_bits(1),
        chat: messages[&3].chat,
        first: 3,
        last: 3,
        by: Id::from_bits(1),
        at: Timestamp::from_ms(NOON),
    };
    archive.put(item.clone());
    let (done, ..) = erase(&archive, subject);
    assert_eq!(done, Forgotten::Held(kept(&[], 0, 1)));
    let taken_out = archive
        .store
        .write_blocking(act(), move |w| Ok(w.delete::<Item>(&item.id)?));
    taken_out.unwrap();

    // Nothing is held any more: the same is asked for again and done, and of nobody else.
    let (done, objects, details) = erase(&archive, subject);
    assert_eq!(
        (done, objects.len(), details.len()),
        (Forgotten::Whole, 0, 0)
    );
    let left = said(&archive);
    for seq in 1..=3 {
        assert_eq!(left[&seq], Content::Erased, "{seq}");
    }
    assert_eq!(left[&4], whole[&4]);
    archive.prove_all();
    archive.check();
}

#[test]
fn whom_the_archive_met_first_is_held_and_erased_as_the_customer_they_are() {
    let archive = Archive::new();
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu"], "", "我的地址"),
        text(2, "LinXiaoyu", &[CUSTOMER], "", "您好"),
        text(3, OTHER, &["LinXiaoyu"], "", "别人的话"),
    ]);
    let customer = Customer {
        id: Id::from_bits(77),
        no: 1,
        external_userid: CUSTOMER.to_owned(),
        kind: CustomerKind::Wechat,
        name: "王女士".to_owned(),
        gender: Gender::Unknown,
        avatar: String::new(),
        unionid: String::new(),
        position: String::new(),
        corp_name: String::new(),
        corp_full_name: String::new(),
        known_since: Timestamp::from_ms(NOON),
    };
    let id: SubjectId = customer.id.cast();
    archive.put(customer);
    let met_as = archive.subject_of(CUSTOMER);
    assert_ne!(id, met_as);
    for name in [id, met_as] {
        let mut held = hold(HoldOn::Person(name), Some(1), Some(2));
        archive.put(held.clone());
        for asked in [id, met_as] {
            let (done, objects, _) = erase(&archive, asked);
            let Forgotten::Held(kept) = done else {
                panic!("{name} is held");
            };
            assert_eq!(kept.holds, BTreeSet::from([held.id]));
            assert_eq!(objects, [format!("retention_hold:{}", held.id)]);
        }
        held.lifted = Some(Lifted {
            by: None,
            at: Timestamp::from_ms(NOON),
            why: "结案了".to_owned(),
        });
        archive.put(held);
    }
    let done = archive.store.write_blocking(act(), move |w| {
        let rows = |w: &mut Write<'_>| w.delete::<Customer>(&id.cast()).map(drop);
        Ok(ingest::forget(w, id, rows)?)
    });
    assert_eq!(done.unwrap(), Forgotten::Whole);
    let messages = archive.messages();
    for seq in [1, 2] {
        assert_eq!(messages[&seq].content, Content::Erased, "{seq}");
    }
    assert_eq!(messages[&3].content, Content::Text("别人的话".to_owned()));
    archive.prove_all();
    archive.check();
}

fn department(wecom_id: u64, parent_wecom_id: u64) -> org::Department {
    org::Department {
        id: Id::from_bits(500 + wecom_id),
        wecom_id,
        parent_wecom_id,
        name: format!("部门{wecom_id}"),
        name_en: String::new(),
        order: 0,
        leaders: Vec::new(),
        removed_at: None,
        external_id: String::new(),
        told_at: None,
    }
}

fn member(no: u32, userid: &str, department: u64) -> org::Member {
    org::Member {
        id: Id::from_bits(600 + u64::from(no)),
        userid: userid.to_owned(),
        name: userid.to_owned(),
        alias: String::new(),
        position: String::new(),
        posts: vec![org::Post {
            department,
            order: 0,
            is_leader: false,
        }],
        main_department: department,
        gender: org::Gender::Unknown,
        mobile: String::new(),
        email: String::new(),
        state: org::MemberState::Active,
        left_at: None,
        serves_customers: true,
        no,
        origin: org::Origin::default(),
        job_number: String::new(),
        direct_leader: String::new(),
        external_id: String::new(),
        told_at: None,
    }
}

#[test]
fn the_nearest_department_is_asked_first_and_the_longest_term_counts() {
    let archive = Archive::at(options(40));
    for (wecom_id, parent) in [(1, 0), (2, 1), (3, 1)] {
        archive.put(department(wecom_id, parent));
    }
    archive.put(member(1, "LinXiaoyu", 2));
    archive.put(member(2, "ChenDawei", 3));
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu"], "", "一"),
        text(2, CUSTOMER, &["ChenDawei"], "", "二"),
        text(3, CUSTOMER, &["LinXiaoyu", "ChenDawei"], ROOM, "三"),
    ]);
    let directory = Arc::new(archive.read(|r| Directory::load(r).unwrap()));
    let unit = |wecom_id: u64| Some(directory.tree.get(wecom_id).unwrap().id);
    let on = |n: u64, unit, days| RetentionRule {
        id: Id::from_bits(n),
        unit,
        ..rule(None, days)
    };
    let goes = |rules: &[RetentionRule]| {
        for known in archive.read(super::rules).unwrap() {
            let deleted = archive
                .store
                .write_blocking(act(), move |w| Ok(w.delete::<RetentionRule>(&known.id)?));
            deleted.unwrap();
        }
        for rule in rules {
            archive.put(rule.clone());
        }
        archive.read(|r| {
            let policy = Policy::load(r, directory.clone()).unwrap();
            let now = archive.store.clock().now();
            let over = |message: &Message| {
                let people = std::iter::once(message.from).chain(message.to.iter().copied());
                let sort = Sort::of(message.kind);
                let over = policy.over(r, people, sort, message.at, now);
                over.unwrap().is_some()
            };
            let all = archive.messages().into_values();
            all.filter(over).map(|m| m.seq).collect::<Vec<_>>()
        })
    };
    assert_eq!(goes(&[]), [] as [u64; 0]);
    assert_eq!(goes(&[on(1, None, Some(30))]), [1, 2, 3]);
    let kept = [on(1, None, Some(30)), on(2, unit(2), None)];
    assert_eq!(goes(&kept), [2]);
    let above = [on(1, None, None), on(2, unit(1), Some(30))];
    assert_eq!(goes(&above), [1, 2, 3]);
    assert_eq!(goes(&[on(2, unit(2), Some(30))]), [1]);
    let longer = [on(1, unit(2), Some(30)), on(2, unit(3), Some(50))];
    assert_eq!(goes(&longer), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn whatever_goes_the_rest_is_as_it_was(
        made in prop::collection::vec((0..3usize, 0..3usize, "[a-z退款好]{1,12}", 0..90i64), 1..200),
        days in 1..90u32,
        piece in 1..60usize,
    ) {
        let people = [CUSTOMER, "LinXiaoyu", "ChenDawei"];
        let mut messages = Vec::new();
        for (seq, (from, place, words, age)) in (1u64..).zip(made) {
            let others: Vec<&str> = people.iter().copied().filter(|p| *p != people[from]).collect();
            let (seq, mut message) = match place {
                0 => text(seq, people[from], &others, ROOM, &words),
                place => text(seq, people[from], &[others[place - 1]], "", &words),
            };
            message["msgtime"] = (NOON + age * DAY).into();
            messages.push((seq, message));
        }
        let archive = Archive::at(options(90));
        for piece in messages.chunks(piece) {
            archive.pull(piece.to_vec());
        }
        let before = archive.all();
        archive.put(rule(None, Some(days)));
        let run = archive.purge();
        let over = |message: &Value| {
            message["msgtime"].as_i64().unwrap() + i64::from(days) * DAY <= NOON + 90 * DAY
        };
        let gone = archive.gone();
        for (seq, message) in &before {
            prop_assert_eq!(gone.contains(seq), over(message));
        }
        prop_assert_eq!(run.messages as usize, gone.len());
        for (seq, message) in archive.all() {
            let expected = if gone.contains(&seq) { &Value::Null } else { &before[&seq] };
            prop_assert_eq!(&message, expected);
        }
        archive.prove_all();
        // All of it once more: nothing comes back, nothing comes twice.
        let again = archive.pull(messages);
        prop_assert_eq!(again.messages, 0);
        prop_assert_eq!(archive.gone(), gone);
        archive.check();
    }
}
