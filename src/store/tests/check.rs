//! The check finds every single row that is lost, added, changed or out of place.

use super::*;
use crate::store::{feed::FEED, vault::SUBJECT_KEYS};

/// A folder with a bit of everything, closed, its rows to be spoiled one at a time.
struct Spoilt {
    dir: tempfile::TempDir,
}

impl Spoilt {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let notes: Vec<Note> = (0..6)
            .map(|i| add(&store, i % 2, &format!("名{i}"), i % 2 == 0).unwrap())
            .collect();
        let (gone, changed) = (
            notes[5].id,
            Note {
                owner: 9,
                ..notes[0].clone()
            },
        );
        store
            .write_blocking(act(), move |w| {
                w.delete::<Note>(&gone)?;
                Ok(w.put(&changed)?)
            })
            .unwrap();
        assert_eq!(store.check().unwrap().found, []);
        Self { dir }
    }

    fn folder(&self) -> Folder {
        Folder::at(self.dir.path().join("data"))
    }

    fn rows(&self, table: &'static str) -> Vec<(Vec<u8>, Vec<u8>)> {
        faults::rows(&open(&self.dir), table)
    }

    fn set(&self, table: &'static str, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        faults::spoil(&self.folder(), &options(), table, rows).unwrap();
    }

    /// Where the check finds something, after these rows were written past all rules.
    fn found_with(
        &self,
        table: &'static str,
        rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Vec<Finding> {
        let before = self.rows(table);
        let keys: Vec<Vec<u8>> = rows.iter().map(|(key, _)| key.clone()).collect();
        self.set(table, rows);
        let found = open(&self.dir).check().unwrap().found;
        let undo = keys.into_iter().map(|key| {
            let old = before.iter().find(|(k, _)| *k == key);
            (key.clone(), old.map(|(_, value)| value.clone()))
        });
        self.set(table, undo.collect());
        assert_eq!(open(&self.dir).check().unwrap().found, []);
        found
    }
}

const TABLES: [&str; 5] = [
    Note::TABLE,
    BY_OWNER.table,
    BY_NAME.table,
    FEED,
    SUBJECT_KEYS,
];

#[test]
fn every_lost_row_is_found() {
    let spoilt = Spoilt::new();
    for table in TABLES {
        for (key, _) in spoilt.rows(table) {
            // Nothing of the deleted person is left but the key, and the feed's sealed copy.
            let found = spoilt.found_with(table, vec![(key.clone(), None)]);
            assert!(!found.is_empty(), "{table} {}", hex::encode(key));
        }
    }
}

#[test]
fn every_damaged_row_is_found() {
    let spoilt = Spoilt::new();
    for table in TABLES {
        for (key, value) in spoilt.rows(table) {
            let mut flipped = value.clone();
            *flipped.last_mut().unwrap() ^= 1;
            let found = spoilt.found_with(table, vec![(key.clone(), Some(flipped))]);
            let named = found
                .iter()
                .any(|f| f.table == table && f.key == hex::encode(&key));
            assert!(named, "{table} {} {found:?}", hex::encode(&key));
        }
    }
}

#[test]
fn every_row_under_another_key_is_found() {
    let spoilt = Spoilt::new();
    for table in TABLES {
        let rows = spoilt.rows(table);
        for pair in rows.windows(2) {
            let swapped = vec![
                (pair[0].0.clone(), Some(pair[1].1.clone())),
                (pair[1].0.clone(), Some(pair[0].1.clone())),
            ];
            assert!(
                !spoilt.found_with(table, swapped).is_empty(),
                "swapped in {table}"
            );
        }
        let (key, value) = rows[0].clone();
        let moved: Vec<u8> = key.iter().map(|byte| byte ^ 0x55).collect();
        let added = vec![(moved, Some(value))];
        assert!(
            !spoilt.found_with(table, added).is_empty(),
            "added to {table}"
        );
    }
}

/// Rows that are well formed, but not what they should be now.
#[test]
fn every_stale_row_is_found() {
    let spoilt = Spoilt::new();
    let feed: Vec<FeedEntry> = {
        let store = open(&spoilt.dir);
        store.read(|r| r.feed(0).unwrap().map(|e| e.unwrap()).collect())
    };
    let of_first = feed.iter().filter(|e| e.key == feed[0].key);
    assert_eq!(of_first.count(), 2);
    let stale = vec![(feed[0].key.clone(), feed[0].row.clone())];
    assert!(!spoilt.found_with(Note::TABLE, stale).is_empty());
    // A record that was deleted is back.
    let deleted = feed.iter().find(|e| e.row.is_none()).unwrap();
    let back = feed.iter().find(|e| e.key == deleted.key).unwrap();
    let back = vec![(back.key.clone(), back.row.clone())];
    assert!(!spoilt.found_with(Note::TABLE, back).is_empty());
    // An index row nobody gives, and a unique one that names somebody else.
    let extra = Key::new().with(77u64).with(u64::MAX).into_bytes();
    let value = row::encode_index(BY_OWNER.table, &extra, &[]);
    assert!(
        !spoilt
            .found_with(BY_OWNER.table, vec![(extra, Some(value))])
            .is_empty()
    );
    let (name, _) = spoilt.rows(BY_NAME.table).remove(0);
    for target in [&feed[0].key, &feed[1].key] {
        let value = row::encode_index(BY_NAME.table, &name, target);
        let old = spoilt.rows(BY_NAME.table).remove(0).1;
        if value != old {
            let found = spoilt.found_with(BY_NAME.table, vec![(name.clone(), Some(value))]);
            assert!(!found.is_empty());
        }
    }
}

#[test]
fn a_change_without_its_audit_entry_is_found() {
    let spoilt = Spoilt::new();
    let value = row::encode_index(COUNT, b"n", &6u64.to_be_bytes());
    let found = spoilt.found_with(COUNT, vec![(b"n".to_vec(), Some(value))]);
    assert!(
        found.iter().all(|f| f.table == FEED) && !found.is_empty(),
        "{found:?}"
    );
}
