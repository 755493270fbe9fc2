//! The log over a real store.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::*;
use crate::{
    error::AppError,
    kit::{Clock, Id, Random, Timestamp},
    store::*,
};

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Person {
    #[n(0)]
    id: Id<Person>,
    #[n(1)]
    name: String,
}

impl Entity for Person {
    const KIND: &'static str = "person";
    const TABLE: &'static str = "persons-1";
    const CLASS: Class = Class::Record;
    type Key = Id<Person>;
    fn key(&self) -> Id<Person> {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.id.cast())
    }
    fn audit_view(&self) -> AuditView {
        vec![("name", self.name.as_str().into())]
    }
}

struct Bench {
    store: Store,
    clock: Clock,
    _dir: tempfile::TempDir,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::system()).unwrap();
    let mut tables = vec![TableSpec::of::<Person>()];
    tables.extend(checkpoints::TABLES);
    let clock = Clock::manual(Timestamp::from_s(1_800_000_000));
    let options = StoreOptions {
        clock: clock.clone(),
        ..StoreOptions::new(tables, Arc::new(Log))
    };
    Bench {
        store: Store::open(&folder, options).unwrap(),
        clock,
        _dir: dir,
    }
}

/// Lost, damaged, swapped and added rows of every table of the log, one at a time.
#[test]
fn the_check_finds_every_spoilt_row() {
    let Bench { store, clock, _dir } = bench();
    let folder = Folder::at(_dir.path().join("data"));
    let options = || StoreOptions {
        clock: clock.clone(),
        ..StoreOptions::new(vec![TableSpec::of::<Person>()], Arc::new(Log))
    };
    let put = |i: u64| {
        let person = Person {
            id: Id::from_bits(1 + i % 3),
            name: i.to_string(),
        };
        let act = Act::by_system("person.change", "test").system_detail("reason", i.to_string());
        store.write_blocking(act, move |w| Ok(w.put(&person)?))
    };
    (0..258).for_each(|i| put(i).unwrap());
    let good: Vec<_> = Log
        .tables()
        .into_iter()
        .map(|t| (t, faults::rows(&store, t)))
        .collect();
    drop(store);
    let found = |table, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>| {
        faults::spoil(&folder, &options(), table, rows).unwrap();
        match Store::open(&folder, options()).unwrap().check() {
            Ok(findings) => !findings.found.is_empty(),
            Err(StoreError::Damaged { .. }) => true,
            Err(error) => panic!("{error}"),
        }
    };
    for (table, rows) in &good {
        for (i, (key, value)) in rows.iter().enumerate().step_by(rows.len() / 4 + 1) {
            let (other, foreign) = &rows[(i + 1) % rows.len()];
            let mut flipped = value.clone();
            flipped[0] ^= 1;
            let moved: Vec<u8> = key.iter().map(|byte| byte ^ 0x55).collect();
            let spoilt = [
                (key, None),
                (key, Some(flipped)),
                (&moved, Some(value.clone())),
                (key, Some(foreign.clone()).filter(|f| f != value)),
            ];
            for (at, new) in spoilt {
                assert!(
                    found(*table, vec![(at.clone(), new)]),
                    "{table} {}",
                    hex::encode(at)
                );
                let old = rows
                    .iter()
                    .find(|(k, _)| k == at)
                    .map(|(_, value)| value.clone());
                assert!(
                    !found(*table, vec![(at.clone(), old)]),
                    "{table} {}",
                    hex::encode(other)
                );
            }
        }
    }
}

impl Bench {
    fn put(&self, id: u64, name: &str) {
        let person = Person {
            id: Id::from_bits(id),
            name: name.to_owned(),
        };
        let mut act = Act::by_system("person.change", "test");
        act.actor = Actor::Account(Id::from_bits(77));
        act.origin.ip = Some([203, 0, 113, 8].into());
        self.store
            .write_blocking(act, move |w| Ok(w.put(&person)?))
            .unwrap();
    }

    fn leaf(&self, seq: u64) -> Leaf {
        let line = self.store.read(|r| log::line(r, seq)).unwrap().unwrap();
        Leaf::parse(&line).unwrap()
    }

    fn openings(&self, seq: u64) -> Vec<Opening> {
        self.store.read(|r| log::openings(r, seq)).unwrap()
    }
}

#[test]
fn a_change_leaves_one_entry_that_names_ids_and_opens_to_the_rest() {
    let bench = bench();
    bench.put(5, "王海燕");
    bench.put(5, "王海雁");
    let leaf = bench.leaf(1);
    let field = format!("person:{}", Id::<Person>::from_bits(5));
    assert_eq!(leaf.obj, Objects::Listed(vec![field.clone()]));
    assert_eq!(
        leaf.actor,
        format!("account:{}", Id::<Person>::from_bits(77))
    );
    let line = String::from_utf8(leaf.to_bytes()).unwrap();
    assert!(
        !line.contains('王') && !line.contains("203.0.113.8"),
        "{line}"
    );
    let openings = bench.openings(1);
    assert!(openings.iter().all(|o| o.opens(&leaf)));
    let value = |f: &str| openings.iter().find(|o| o.f == f).unwrap().v.clone();
    assert_eq!(value(&field), r#"{"name":["王海燕","王海雁"]}"#);
    assert_eq!(value("ip"), "203.0.113.8");
}

#[test]
fn erasing_a_person_closes_the_openings_and_keeps_the_proof() {
    let bench = bench();
    bench.put(5, "王海燕");
    let act = Act::by_system("pii.erase", "test");
    bench
        .store
        .write_blocking(act, |w| {
            w.delete::<Person>(&Id::from_bits(5))?;
            w.forget_subject(Id::from_bits(5));
            Ok(())
        })
        .unwrap();
    for seq in 0..2 {
        let text = format!("{:?}", bench.openings(seq));
        assert!(!text.contains('王'), "{text}");
    }
    assert_eq!(bench.store.check().unwrap().found, []);
    let verdict = bench.store.read(checkpoints::verify).unwrap();
    assert!(verdict.is_intact() && verdict.entries == 2, "{verdict:?}");
}

#[test]
fn a_refusal_is_an_entry_of_its_own() {
    let bench = bench();
    let act = Act::by_system("person.change", "test");
    let refused: crate::error::Result<()> = bench
        .store
        .write_blocking(act, |_| Err(AppError::Forbidden { permission: "test" }));
    assert!(refused.is_err());
    assert_eq!(bench.leaf(0).outcome, "denied");
}

#[test]
fn time_never_runs_backwards_in_the_log() {
    let bench = bench();
    bench.put(1, "a");
    bench.clock.advance_ms(-86_400_000);
    bench.put(2, "b");
    bench.clock.advance_ms(86_400_000 * 2);
    bench.put(3, "c");
    assert_eq!(bench.leaf(0).t, bench.leaf(1).t);
    assert!(bench.leaf(1).t < bench.leaf(2).t);
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn more_than_a_tile_of_entries_proves_each_of_them() {
    let bench = bench();
    for i in 0..600u64 {
        bench.put(i % 9 + 1, &i.to_string());
    }
    let stored = checkpoints::sign_head(&bench.store).unwrap().unwrap();
    let signed = note::SignedCheckpoint::parse(&stored.note).unwrap();
    assert!(signed.is_signed_by(&checkpoints::verifier_key(bench.store.vault())));
    bench.store.read(|r| {
        for seq in [0, 1, 255, 256, 511, 512, 599] {
            let path = log::inclusion(r, seq, stored.size).unwrap();
            let leaf = merkle::leaf_hash(&log::line(r, seq).unwrap().unwrap());
            let root = merkle::inclusion_root(leaf, seq, stored.size, &path);
            assert_eq!(root, Some(signed.checkpoint.root), "{seq}");
        }
    });
    assert_eq!(bench.store.check().unwrap().found, []);
}

#[test]
fn entries_are_found_by_who_what_and_which() {
    let bench = bench();
    for i in 0..20u64 {
        bench.put(i % 2 + 1, &i.to_string());
    }
    let found = |dimension, text: &str, before| {
        bench.store.read(|r| {
            log::found_by(r, dimension, text, before)
                .unwrap()
                .collect::<Result<Vec<u64>, _>>()
                .unwrap()
        })
    };
    let person = format!("person:{}", Id::<Person>::from_bits(1));
    assert_eq!(
        found(Dimension::Object, &person, None),
        [18, 16, 14, 12, 10, 8, 6, 4, 2, 0]
    );
    assert_eq!(found(Dimension::Object, &person, Some(4)), [2, 0]);
    assert_eq!(found(Dimension::Act, "person.change", None).len(), 20);
    assert_eq!(found(Dimension::Act, "person", None).len(), 0);
}

#[test]
fn signing_twice_gives_the_same_checkpoint_and_a_new_entry_a_new_one() {
    let bench = bench();
    assert_eq!(checkpoints::sign_head(&bench.store).unwrap(), None);
    bench.put(1, "a");
    let first = checkpoints::sign_head(&bench.store).unwrap();
    assert_eq!(checkpoints::sign_head(&bench.store).unwrap(), first);
    bench.put(1, "b");
    assert_ne!(checkpoints::sign_head(&bench.store).unwrap(), first);
    let due = |b: &Bench| {
        b.store
            .read(|r| checkpoints::is_due(r, b.clock.now()))
            .unwrap()
    };
    assert!(!due(&bench));
    bench.put(1, "c");
    assert!(!due(&bench));
    bench.clock.advance_ms(checkpoints::AGE_MAX_MS);
    assert!(due(&bench));
}

fn officer() -> Act {
    let mut act = Act::by_system("", "test");
    act.actor = Actor::Account(Id::from_bits(88));
    act
}

fn outside(bench: &Bench) -> verify::Outside {
    verify::Outside {
        key: Some(checkpoints::verifier_key(bench.store.vault())),
        anchors: vec![],
    }
}

#[test]
fn an_export_verifies_and_shows_who_took_it() {
    let bench = bench();
    for i in 0..600u64 {
        bench.put(i % 9 + 1, &i.to_string());
        if i % 100 == 0 {
            checkpoints::sign_head(&bench.store).unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.zip");
    let wanted = export::Wanted::default();
    let exported = export::export_to_file(&bench.store, &officer(), &wanted, &path).unwrap();
    let report = verify::verify(&path, &outside(&bench));
    assert_eq!(report.verdict, verify::Verdict::Good, "{report:#?}");
    assert_eq!((report.facts.entries, report.facts.clear), (601, 601));
    assert_eq!(report.facts.opened, report.facts.commitments);
    assert_eq!(report.facts.manifest_sha256, exported.manifest_sha256);
    assert_eq!(bench.leaf(600).act, "audit.export.begin");
    assert_eq!(bench.leaf(601).act, "audit.export.done");
    let package = format!("package:{}", exported.manifest_sha256);
    assert_eq!(bench.leaf(601).obj, Objects::Listed(vec![package]));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_filtered_export_shows_only_what_was_asked_for() {
    let bench = bench();
    for i in 0..300u64 {
        bench.put(i % 3 + 1, &i.to_string());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.zip");
    let object = format!("person:{}", Id::<Person>::from_bits(2));
    let wanted = export::Wanted {
        from: 100,
        to: Some(200),
        filter: query::Filter {
            object: Some(object.clone()),
            ..query::Filter::default()
        },
    };
    let exported = export::export_to_file(&bench.store, &officer(), &wanted, &path).unwrap();
    assert_eq!(exported.manifest.filters, [format!("object: {object}")]);
    assert_eq!(exported.manifest.clear, 34);
    let report = verify::verify(&path, &outside(&bench));
    assert_eq!(report.verdict, verify::Verdict::Good, "{report:#?}");
}

#[test]
fn erased_people_stay_erased_in_an_export() {
    let bench = bench();
    bench.put(5, "王海燕");
    let act = Act::by_system("pii.erase", "test");
    bench
        .store
        .write_blocking(act, |w| {
            w.delete::<Person>(&Id::from_bits(5))?;
            w.forget_subject(Id::from_bits(5));
            Ok(())
        })
        .unwrap();
    let wanted = export::Wanted::default();
    let out = export::export(&bench.store, &officer(), &wanted, Vec::new()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.zip");
    std::fs::write(&path, out.0).unwrap();
    let report = verify::verify(&path, &outside(&bench));
    assert_eq!(report.verdict, verify::Verdict::Good, "{report:#?}");
    assert!(report.facts.opened < report.facts.commitments);
}

#[test]
fn filters_find_what_a_look_at_every_entry_finds() {
    let bench = bench();
    for i in 0..60u64 {
        bench.clock.advance_ms(1000);
        bench.put(i % 3 + 1, &i.to_string());
    }
    let at = |s: i64| Some(Timestamp::from_s(1_800_000_000 + s));
    let object = |n| Some(format!("person:{}", Id::<Person>::from_bits(n)));
    let everything = query::Filter::default();
    for filter in [
        everything.clone(),
        query::Filter {
            since: at(10),
            until: at(20),
            ..everything.clone()
        },
        query::Filter {
            object: object(2),
            since: at(31),
            ..everything.clone()
        },
        query::Filter {
            object: object(2),
            act: Some("person.look".into()),
            ..everything.clone()
        },
        query::Filter {
            act: Some("person.change".into()),
            until: at(7),
            ..everything.clone()
        },
        query::Filter {
            ip: Some([203, 0, 113, 8].into()),
            until: at(9),
            ..everything.clone()
        },
        query::Filter {
            ip: Some([203, 0, 113, 9].into()),
            ..everything.clone()
        },
        query::Filter {
            outcome: Some("denied".into()),
            ..everything.clone()
        },
    ] {
        bench.store.read(|r| {
            let found: Vec<u64> = query::find(r, &filter, Some(50))
                .unwrap()
                .map(|entry| entry.unwrap().leaf.seq)
                .collect();
            let looked: Vec<u64> = (0..50)
                .rev()
                .filter(|seq| filter.matches(r, &query::entry(r, *seq).unwrap()).unwrap())
                .collect();
            assert_eq!(found, looked, "{filter:?}");
            let all = query::find(r, &filter, None).unwrap().count() as u64;
            assert_eq!(query::count(r, &filter, 1000).unwrap(), all, "{filter:?}");
        });
    }
}

#[test]
fn the_filter_box_reads_back_what_it_writes() {
    let text = "actor:沈佳怡 action:customer.view 王 海燕";
    let query = query::TextQuery::parse(text);
    assert_eq!(query.actor.as_deref(), Some("沈佳怡"));
    assert_eq!(query.rest, "王 海燕");
    assert_eq!(query.to_string(), text);
    let chinese = query::TextQuery::parse("操作人：沈佳怡 动作:customer.view 王 海燕");
    assert_eq!(chinese, query);
    assert_eq!(query::TextQuery::parse("actor: 10:30").rest, "actor: 10:30");
    for text in [
        "actor:\"Lin Wei\" range:7d",
        "ip:::1 outcome:denied from:2026-11-01 to:2026-11-20",
        "object:customer:0000000000001 王",
    ] {
        assert_eq!(query::TextQuery::parse(text).to_string(), text);
    }
    let open = query::TextQuery::parse("actor:\"Lin Wei range:7d");
    assert_eq!(open.actor.as_deref(), Some("Lin Wei range:7d"));
}

#[test]
fn consistency_between_any_two_heads_is_proved() {
    let bench = bench();
    let mut roots = vec![merkle::empty_root()];
    for i in 0..300u64 {
        bench.put(i % 9 + 1, &i.to_string());
        roots.push(bench.store.read(log::size_and_root).unwrap().1);
    }
    bench.store.read(|r| {
        for old in [1, 2, 255, 256, 257, 299, 300u64] {
            let path = log::consistency(r, old, 300).unwrap();
            let old_root = &roots[usize::try_from(old).unwrap()];
            assert!(
                merkle::consistent(old, old_root, 300, &roots[300], &path),
                "{old}"
            );
        }
    });
}

/// What was seen last against folders that do not fit it.
#[test]
fn a_folder_that_is_not_the_one_seen_last_is_in_doubt() {
    use seen::{Seen, Why};
    let Bench { store, _dir, .. } = bench();
    let folder = Folder::at(_dir.path().join("data"));
    let put = |i: u64| {
        let person = Person {
            id: Id::from_bits(i),
            name: "林".to_owned(),
        };
        let act = Act::by_system("person.add", "test");
        store
            .write_blocking(act, move |w| Ok(w.put(&person)?))
            .unwrap();
    };
    let doubt = || seen::examine(&folder, &store).unwrap();
    assert_eq!(doubt(), None);
    put(1);
    seen::note(&folder, &store).unwrap();
    put(2);
    assert_eq!(doubt(), None, "it may have gone on");
    let seen: Seen = serde_json::from_str(&folder.read_seen().unwrap().unwrap()).unwrap();
    let with = |changed: Seen| {
        let text = serde_json::to_string(&changed).unwrap();
        folder.write_seen(&text).unwrap();
        doubt().map(|d| d.why)
    };
    let mut other = seen.clone();
    other.size = 3;
    assert_eq!(with(other), Some(Why::Behind));
    let mut other = seen.clone();
    other.root = "00".repeat(32);
    assert_eq!(with(other), Some(Why::Differs));
    let mut other = seen.clone();
    other.folder = "00".repeat(16);
    assert_eq!(with(other), Some(Why::OtherFolder));
    assert_eq!(with(seen), None);
    folder.write_seen("half").unwrap();
    assert_eq!(doubt().unwrap().why, Why::Unreadable);
}

/// While writes are held, records stay as they are and what is only noted is noted.
#[test]
fn a_held_store_takes_entries_but_no_changes() {
    let Bench { store, _dir, .. } = bench();
    store.hold();
    let person = Person {
        id: Id::from_bits(1),
        name: "林".to_owned(),
    };
    let add = Act::by_system("person.add", "test");
    let held = store.write_blocking(add.clone(), {
        let person = person.clone();
        move |w| Ok(w.put(&person)?)
    });
    assert!(matches!(held, Err(AppError::Unavailable { why: "held" })));
    let look = Act::by_system("person.view", "test").recorded();
    store.write_blocking(look, |_| Ok(())).unwrap();
    assert_eq!(store.read(log::size).unwrap(), 1);
    store.release();
    store
        .write_blocking(add, move |w| Ok(w.put(&person)?))
        .unwrap();
    assert_eq!(store.read(log::size).unwrap(), 2);
}
