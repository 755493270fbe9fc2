//! Several things in one write, and what a refused one leaves.

use super::*;

/// Has two unique indexes, one of them with many keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Team {
    #[n(0)]
    id: Id<Team>,
    #[n(1)]
    names: Vec<String>,
    #[n(2)]
    badge: u64,
}

const BY_ANY_NAME: Index<Team> = Index::unique("teams-1.by_any_name", |team, _| {
    let names = team.names.iter();
    names.map(|name| Key::new().with(name.as_str())).collect()
});
const BY_BADGE: Index<Team> = Index::unique("teams-1.by_badge", |team, _| {
    vec![Key::new().with(team.badge)]
});

impl Entity for Team {
    const KIND: &'static str = "team";
    const TABLE: &'static str = "teams-1";
    const CLASS: Class = Class::Record;
    type Key = Id<Team>;
    fn key(&self) -> Id<Team> {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_ANY_NAME, BY_BADGE]
    }
}

fn team(id: u64, names: &[&str], badge: u64) -> Team {
    Team {
        id: Id::from_bits(id),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        badge,
    }
}

fn open_teams(dir: &tempfile::TempDir) -> Store {
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::system()).unwrap();
    let tables = vec![TableSpec::of::<Team>()];
    Store::open(
        &folder,
        StoreOptions {
            tables,
            ..options()
        },
    )
    .unwrap()
}

fn teams(store: &Store) -> Vec<Team> {
    store.read(|r| r.all::<Team>(None).unwrap().map(|t| t.unwrap()).collect())
}

fn named(store: &Store, name: &str) -> Option<u64> {
    let key = Key::new().with(name);
    store.read(|r| {
        r.find(&BY_ANY_NAME, key)
            .unwrap()
            .map(|team| team.id.bits())
    })
}

#[test]
fn a_verb_may_go_on_after_a_duplicate_and_nothing_of_it_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_teams(&dir);
    let refused = store.write_blocking(act(), |w| {
        w.put(&team(1, &["甲"], 1))?;
        // The first index would take it, the second does not.
        Ok(w.put(&team(2, &["乙"], 1)).is_err())
    });
    assert!(refused.unwrap());
    assert_eq!(teams(&store), [team(1, &["甲"], 1)]);
    assert_eq!(named(&store, "乙"), None);
    assert_eq!(store.check().unwrap().found, []);
    assert_eq!(store.read(|r| r.feed_head().unwrap()), 1);
}

#[test]
fn a_record_may_give_one_unique_key_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_teams(&dir);
    for names in [&["甲", "甲"][..], &["甲"], &["甲", "乙", "甲"], &["乙"]] {
        let team = team(1, names, 1);
        store
            .write_blocking(act(), move |w| Ok(w.put(&team)?))
            .unwrap();
        assert_eq!(store.check().unwrap().found, []);
    }
    assert_eq!((named(&store, "甲"), named(&store, "乙")), (None, Some(1)));
}

#[test]
fn unique_values_move_within_one_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_teams(&dir);
    let put_all = |teams: Vec<Team>| {
        store.write_blocking(act(), move |w| {
            teams.iter().try_for_each(|team| Ok(w.put(team)?))
        })
    };
    put_all(vec![team(1, &["甲"], 1), team(2, &["乙"], 2)]).unwrap();
    let direct = put_all(vec![team(1, &["乙"], 1), team(2, &["甲"], 2)]);
    assert!(matches!(
        direct,
        Err(AppError::Conflict { why: "duplicate" })
    ));
    assert_eq!(
        (named(&store, "甲"), named(&store, "乙")),
        (Some(1), Some(2))
    );
    put_all(vec![
        team(1, &["丙"], 1),
        team(2, &["甲"], 2),
        team(1, &["乙"], 1),
    ])
    .unwrap();
    assert_eq!(
        (named(&store, "甲"), named(&store, "乙")),
        (Some(2), Some(1))
    );
    assert_eq!(named(&store, "丙"), None);
    assert_eq!(store.check().unwrap().found, []);
}

#[test]
fn many_changes_of_one_record_in_one_write_are_one_change() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_teams(&dir);
    store
        .write_blocking(act(), |w| {
            w.put(&team(1, &["甲"], 1))?;
            w.put(&team(1, &["乙"], 1))?;
            w.delete::<Team>(&Id::from_bits(1))?;
            w.put(&team(1, &["丙"], 9))?;
            w.put(&team(2, &["丁"], 1))?;
            w.delete::<Team>(&Id::from_bits(2))?;
            assert_eq!(w.changed(), 2);
            Ok(())
        })
        .unwrap();
    assert_eq!(teams(&store), [team(1, &["丙"], 9)]);
    let feed: Vec<(u64, Op)> = store.read(|r| {
        let entries = r.feed(0).unwrap().map(|e| e.unwrap());
        entries.map(|e| (e.n, e.op())).collect()
    });
    assert_eq!(feed, [(1, Op::Put), (2, Op::Delete)]);
    assert_eq!(entries(&store), 1);
    assert_eq!(store.check().unwrap().found, []);
}

proptest! {
    /// Whatever place a walk is told to go on from, it stays within its prefix and finds
    /// exactly what lies behind that place.
    #[test]
    fn a_walk_never_leaves_its_prefix(
        names in prop::collection::btree_set("[a-c]{0,3}", 0..12),
        prefix in prop::collection::vec(prop_oneof![Just(0u8), 0x61u8..0x64], 0..3),
        place in prop::option::of(prop::collection::vec(prop_oneof![Just(0u8), 0x60u8..0x65], 0..4)),
        backwards: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open_teams(&dir);
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let one = team(1, &all, 1);
        store.write_blocking(act(), move |w| Ok(w.put(&one)?)).unwrap();
        let mut want: Vec<Vec<u8>> = names.iter()
            .map(|name| Key::new().with(name.as_str()).into_bytes())
            .filter(|key| key.starts_with(&prefix))
            .filter(|key| match &place {
                Some(place) if backwards => key < place,
                Some(place) => key > place,
                None => true,
            })
            .collect();
        want.sort();
        if backwards {
            want.reverse();
        }
        let prefix = prefix.iter().fold(Key::new(), |key, byte| key.with(*byte));
        let walk = Walk { prefix, after: place, backwards };
        let got: Vec<Vec<u8>> = store.read(|r| {
            r.walk(&BY_ANY_NAME, &walk).unwrap().map(|hit| hit.unwrap().place).collect()
        });
        prop_assert_eq!(got, want);
    }
}
