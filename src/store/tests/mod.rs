//! The store's own rules, on a small entity and a log that only counts.

mod check;
mod damage;
mod folder;
mod memo;
mod operation;
mod write;

use std::sync::Arc;

use minicbor::{Decode, Encode};
use proptest::prelude::*;

use super::*;
use crate::{
    error::AppError,
    kit::{Clock, Id, Random, Timestamp},
};

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Note {
    #[n(0)]
    pub(super) id: Id<Note>,
    #[n(1)]
    pub(super) owner: u64,
    #[n(2)]
    pub(super) name: String,
    #[n(3)]
    pub(super) personal: bool,
}

pub(super) const BY_OWNER: Index<Note> = Index::new("notes-1.by_owner", |note, _| {
    vec![Key::new().with(note.owner)]
});
pub(super) const BY_NAME: Index<Note> = Index::unique("notes-1.by_name", |note, vault| {
    vec![Key::new().with(vault.blind("notes-1.by_name", note.name.as_bytes()))]
});

impl Entity for Note {
    const KIND: &'static str = "note";
    const TABLE: &'static str = "notes-1";
    const CLASS: Class = Class::Record;
    type Key = Id<Note>;
    fn key(&self) -> Id<Note> {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        self.personal.then(|| self.id.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_OWNER, BY_NAME]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("owner", self.owner.into()),
            ("name", self.name.as_str().into()),
        ]
    }
}

/// Counts entries; enough for the store's own rules.
pub(super) struct Counting;

pub(super) const COUNT: &str = "count-1";

impl Seal for Counting {
    fn seal(&self, sealing: &mut Sealing<'_, '_>) -> Result<u64, StoreError> {
        let key = b"n".to_vec();
        let old = sealing.read().raw(COUNT, &key)?;
        let n = old.map_or(0, |v| {
            u64::from_be_bytes(v.try_into().expect("eight bytes"))
        });
        sealing.put_raw(COUNT, key, &(n + 1).to_be_bytes());
        Ok(n)
    }
    fn tables(&self) -> Vec<&'static str> {
        vec![COUNT]
    }
    fn size(&self, read: &Read<'_>) -> Result<Option<u64>, StoreError> {
        let size = read.raw(COUNT, b"n")?;
        Ok(Some(size.map_or(0, |v| {
            u64::from_be_bytes(v.try_into().expect("eight bytes"))
        })))
    }
    fn check(&self, _: &Read<'_>, _: &mut Findings) -> Result<(), StoreError> {
        Ok(())
    }
}

pub(super) fn options() -> StoreOptions {
    StoreOptions {
        clock: Clock::manual(Timestamp::from_s(1_700_000_000)),
        ..StoreOptions::new(vec![TableSpec::of::<Note>()], Arc::new(Counting))
    }
}

fn open(dir: &tempfile::TempDir) -> Store {
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::system()).unwrap();
    Store::open(&folder, options()).unwrap()
}

pub(super) fn act() -> Act {
    Act::by_system("note.change", "test")
}

fn entries(store: &Store) -> u64 {
    store.read(|r| {
        let value = r.raw(COUNT, b"n").unwrap();
        value.map_or(0, |v| u64::from_be_bytes(v.try_into().unwrap()))
    })
}

fn add(store: &Store, owner: u64, name: &str, personal: bool) -> crate::error::Result<Note> {
    let name = name.to_owned();
    store.write_blocking(act(), move |w| {
        let note = Note {
            id: w.new_id::<Note>()?,
            owner,
            name,
            personal,
        };
        w.put(&note)?;
        Ok(note)
    })
}

#[test]
fn a_write_leaves_record_indexes_entry_and_feed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 7, "甲", true).unwrap();
    store.read(|r| {
        assert_eq!(r.get::<Note>(&note.id).unwrap(), Some(note.clone()));
        let by_owner: Vec<Note> = r
            .list(&BY_OWNER, &Walk::prefix(Key::new().with(7u64)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(by_owner, std::slice::from_ref(&note));
        let name = r.vault().blind(BY_NAME.table, "甲".as_bytes());
        assert_eq!(
            r.find(&BY_NAME, Key::new().with(name)).unwrap(),
            Some(note.clone())
        );
        let feed: Vec<FeedEntry> = r.feed(0).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(feed.len(), 1);
        assert_eq!((feed[0].n, feed[0].op(), feed[0].version), (1, Op::Put, 1));
    });
    assert_eq!(entries(&store), 1);
    assert_eq!(store.check().unwrap().found, []);
}

#[test]
fn writing_what_is_there_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 7, "甲", false).unwrap();
    store
        .write_blocking(act(), move |w| Ok(w.put(&note)?))
        .unwrap();
    assert_eq!(
        (entries(&store), store.read(|r| r.feed_head().unwrap())),
        (1, 1)
    );
}

#[test]
fn a_failed_verb_leaves_nothing_and_a_denied_one_only_its_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for (error, left) in [
        (AppError::Conflict { why: "test" }, 0),
        (AppError::Forbidden { permission: "test" }, 1),
    ] {
        let code = error.code();
        let result: crate::error::Result<()> = store.write_blocking(act(), move |w| {
            w.put(&Note {
                id: Id::from_bits(5),
                owner: 1,
                name: "乙".into(),
                personal: true,
            })?;
            Err(error)
        });
        assert_eq!(result.unwrap_err().code(), code);
        assert!(
            store
                .read(|r| r.get::<Note>(&Id::from_bits(5)).unwrap())
                .is_none()
        );
        assert_eq!(
            (entries(&store), store.read(|r| r.feed_head().unwrap())),
            (left, 0)
        );
    }
}

#[test]
fn a_unique_index_refuses_a_second_record() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    add(&store, 1, "甲", false).unwrap();
    assert!(matches!(
        add(&store, 2, "甲", false),
        Err(AppError::Conflict { why: "duplicate" })
    ));
    assert_eq!(store.check().unwrap().found, []);
}

#[test]
fn a_recorded_act_leaves_an_entry_without_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.write_blocking(act().recorded(), |_| Ok(())).unwrap();
    store.write_blocking(act(), |_| Ok(())).unwrap();
    assert_eq!(entries(&store), 1);
}

#[test]
fn a_forgotten_person_is_unreadable_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 1, "甲", true).unwrap();
    store
        .write_blocking(act(), move |w| {
            w.delete::<Note>(&note.id)?;
            w.forget_subject(note.id.cast());
            Ok(())
        })
        .unwrap();
    store.read(|r| {
        assert!(r.get::<Note>(&note.id).unwrap().is_none());
        assert!(
            r.raw_get(vault::SUBJECT_KEYS, Key::new().with(note.id).as_bytes())
                .unwrap()
                .is_none()
        );
        let first = r.feed(0).unwrap().next().unwrap().unwrap();
        assert!(
            r.decode::<Note>(&first.key, &first.row.unwrap())
                .unwrap()
                .is_none()
        );
    });
}

#[test]
fn what_an_erased_person_left_stays_erased_when_the_person_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 1, "甲", true).unwrap();
    let back = note.clone();
    let both = store.write_blocking(act(), {
        let note = note.clone();
        move |w| {
            w.delete::<Note>(&note.id)?;
            w.forget_subject(note.id.cast());
            Ok(w.put(&note)?)
        }
    });
    assert!(both.is_err(), "nobody could ever read it");
    store
        .write_blocking(act(), move |w| {
            w.delete::<Note>(&note.id)?;
            w.forget_subject(note.id.cast());
            Ok(())
        })
        .unwrap();
    let again = back.clone();
    store
        .write_blocking(act(), move |w| Ok(w.put(&again)?))
        .unwrap();
    store.read(|r| {
        assert_eq!(r.get::<Note>(&back.id).unwrap(), Some(back.clone()));
        let first = r.feed(0).unwrap().next().unwrap().unwrap();
        let row = r.decode::<Note>(&first.key, &first.row.unwrap());
        assert_eq!(row.unwrap(), None);
    });
    assert_eq!(store.check().unwrap().found, []);
}

#[test]
fn many_writers_share_commits_and_all_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    std::thread::scope(|scope| {
        for writer in 0..16u64 {
            let store = &store;
            scope.spawn(move || {
                for i in 0..8 {
                    add(store, writer, &format!("{writer}-{i}"), i % 2 == 0).unwrap();
                }
            });
        }
    });
    drop(store);
    let store = open(&dir);
    assert_eq!(store.read(|r| r.all::<Note>(None).unwrap().count()), 128);
    assert_eq!(
        (entries(&store), store.read(|r| r.feed_head().unwrap())),
        (128, 128)
    );
    assert_eq!(store.check().unwrap().found, []);
}

#[test]
fn a_folder_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(&dir);
    let again = Store::open(&Folder::at(dir.path().join("data")), options());
    assert!(matches!(again, Err(StoreError::Engine(EngineError::InUse))));
}

#[test]
fn a_newer_folder_is_refused_untouched_and_an_older_one_is_backed_up_first() {
    let dir = tempfile::tempdir().unwrap();
    let step = Migration {
        to: FORMAT + 1,
        old_tables: &[],
        step: |_| Ok(Default::default()),
    };
    let newer = || StoreOptions {
        migrations: vec![step],
        ..options()
    };
    add(&open(&dir), 1, "甲", true).unwrap();
    let folder = Folder::at(dir.path().join("data"));
    drop(Store::open(&folder, newer()).unwrap());
    let backup = dir
        .path()
        .join(format!("data.before-format-{}.qtb", FORMAT + 1));
    assert_eq!(backup::verify(&backup).unwrap().tables["notes-1"].rows, 1);
    let before = std::fs::read(folder.store_file()).unwrap();
    assert!(matches!(
        Store::open(&folder, options()),
        Err(StoreError::Newer { .. })
    ));
    assert_eq!(
        std::fs::metadata(folder.store_file()).unwrap().len(),
        before.len() as u64
    );
    drop(Store::open(&folder, newer()).unwrap());
}

#[test]
fn a_backup_restores_to_the_same_rows_and_a_damaged_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for i in 0..300 {
        add(&store, i % 7, &format!("名字{i}"), i % 3 == 0).unwrap();
    }
    let file = dir.path().join("a.qtb");
    store.backup(&file).unwrap();
    let dump = |store: &Store| {
        store.read(|r| {
            r.all::<Note>(None)
                .unwrap()
                .map(|n| n.unwrap())
                .map(|n| (n.id, n))
                .collect::<Vec<_>>()
        })
    };
    let want = dump(&store);
    let key = dir.path().join("data.key");
    let copy = Folder::at(dir.path().join("copy"));
    backup::restore(&file, &key, &copy, &options()).unwrap();
    let restored = Store::open(&copy, options()).unwrap();
    assert_eq!(dump(&restored), want);
    assert_eq!(restored.check().unwrap().found, []);
    assert_ne!(restored.vault().folder_id(), store.vault().folder_id());
    assert_eq!(restored.vault().log_id(), store.vault().log_id());

    let good = std::fs::read(&file).unwrap();
    let bad = dir.path().join("bad.qtb");
    for at in (0..good.len()).step_by(good.len() / 97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&bad, &bytes).unwrap();
        assert!(
            backup::verify(&bad).is_err(),
            "a flipped byte at {at} passes"
        );
        std::fs::write(&bad, &good[..at]).unwrap();
        assert!(backup::verify(&bad).is_err(), "a file cut at {at} passes");
    }
    let other = Folder::at(dir.path().join("other"));
    assert!(backup::restore(&bad, &key, &other, &options()).is_err());
    assert!(!other.path().exists());
}

/// A backup taken while somebody writes holds one state, and exactly that of its feed number.
#[test]
fn a_backup_while_writing_holds_exactly_one_state() {
    use std::{collections::BTreeMap, sync::atomic::AtomicBool};

    const BACKUPS: usize = 8;
    const BACKUPS_MAX: usize = 100;
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let done = AtomicBool::new(false);
    let taken = std::sync::Mutex::new(Vec::new());
    // The state after each feed number, as the writer knows it.
    let mut states = vec![BTreeMap::<u64, Note>::new()];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut met_a_writer = false;
            for n in 0..BACKUPS_MAX {
                if n >= BACKUPS && met_a_writer {
                    break;
                }
                let file = dir.path().join(format!("{n}.qtb"));
                let manifest = store.backup(&file).unwrap();
                let after = store.snapshot().feed_head();
                met_a_writer |= manifest.feed_head < after;
                taken
                    .lock()
                    .unwrap()
                    .push((file, manifest.feed_head, after));
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut n = 0u64;
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let mut state = states.last().unwrap().clone();
            let id = n * 7 % 40 + 1;
            if n % 5 == 4 && state.remove(&id).is_some() {
                let deleted = store.write_blocking(act(), move |w| {
                    w.delete::<Note>(&Id::from_bits(id)).map_err(AppError::from)
                });
                deleted.unwrap();
            } else {
                let note = Note {
                    id: Id::from_bits(id),
                    owner: n % 3,
                    name: format!("甲{n}"),
                    personal: n.is_multiple_of(2),
                };
                state.insert(id, note.clone());
                store
                    .write_blocking(act(), move |w| Ok(w.put(&note)?))
                    .unwrap();
            }
            states.push(state);
            n += 1;
        }
    });
    let taken = taken.into_inner().unwrap();
    assert!(
        taken.iter().any(|(_, head, after)| head < after),
        "nobody wrote meanwhile"
    );
    for (n, (file, head, _)) in taken.into_iter().enumerate() {
        let copy = Folder::at(dir.path().join(format!("copy-{n}")));
        backup::restore(&file, &dir.path().join("data.key"), &copy, &options()).unwrap();
        let restored = Store::open(&copy, options()).unwrap();
        let notes: BTreeMap<u64, Note> = restored.read(|r| {
            let notes = r.all::<Note>(None).unwrap().map(|note| note.unwrap());
            notes.map(|note| (note.id.bits(), note)).collect()
        });
        assert_eq!(notes, states[usize::try_from(head).unwrap()]);
        assert_eq!(restored.check().unwrap().found, []);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put {
        id: u64,
        owner: u64,
        name: u8,
        personal: bool,
    },
    Delete {
        id: u64,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1u64..9, 0u64..3, 0u8..5, any::<bool>())
            .prop_map(|(id, owner, name, personal)| Step::Put { id, owner, name, personal }),
        2 => (1u64..9).prop_map(|id| Step::Delete { id }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The store equals a map, whatever is done to it.
    #[test]
    fn the_store_equals_its_model(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Some(open(&dir));
        let mut model = std::collections::BTreeMap::<u64, Note>::new();
        for step in steps {
            match step {
                Step::Put { id, owner, name, personal } => {
                    let note = Note {
                        id: Id::from_bits(id), owner, name: name.to_string(), personal,
                    };
                    let taken = model.values().any(|n| n.name == note.name && n.id != note.id);
                    let new = note.clone();
                    let result = store.as_ref().unwrap()
                        .write_blocking(act(), move |w| Ok(w.put(&new)?));
                    prop_assert_eq!(result.is_err(), taken);
                    if !taken {
                        model.insert(id, note);
                    }
                }
                Step::Delete { id } => {
                    let there = store.as_ref().unwrap()
                        .write_blocking(act(), move |w| {
                            Ok(w.delete::<Note>(&Id::from_bits(id))?)
                        }).unwrap();
                    prop_assert_eq!(there, model.remove(&id).is_some());
                }
                Step::Reopen => {
                    drop(store.take());
                    store = Some(open(&dir));
                }
            }
        }
        let store = store.unwrap();
        let all: Vec<Note> =
            store.read(|r| r.all::<Note>(None).unwrap().map(|n| n.unwrap()).collect());
        prop_assert_eq!(all, model.into_values().collect::<Vec<_>>());
        prop_assert_eq!(store.check().unwrap().found, vec![]);
    }
}
