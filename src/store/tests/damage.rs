//! Every stored value proves itself: no flipped bit is served, none makes a person look erased.

use super::*;
use crate::store::{engine::EngineError, engine::Rows, engine::Span, source::Source, vault};

/// One row that stands for a whole table, and the subject keys.
struct Rowwise<'a> {
    keys: &'a [(Vec<u8>, Vec<u8>)],
}

impl Source for Rowwise<'_> {
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        assert_eq!(table, vault::SUBJECT_KEYS);
        let found = self.keys.iter().find(|(k, _)| k == key);
        Ok(found.map(|(_, value)| value.clone()))
    }
    fn range(&self, _: &'static str, _: Span, _: bool) -> Result<Rows<'_>, EngineError> {
        unreachable!("values are decoded one by one")
    }
}

fn flips(value: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..value.len() * 8).map(|bit| {
        let mut flipped = value.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn no_flipped_bit_of_a_value_passes() {
    for personal in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        add(&store, 7, "甲", personal).unwrap();
        let keys = faults::rows(&store, vault::SUBJECT_KEYS);
        let source = Rowwise { keys: &keys };
        let (key, value) = faults::rows(&store, Note::TABLE).remove(0);
        let decode = |value: &[u8]| row::decode(&source, store.vault(), Note::TABLE, &key, value);
        assert!(matches!(decode(&value), Ok(Some(_))));
        for flipped in flips(&value) {
            assert!(matches!(decode(&flipped), Err(StoreError::Damaged { .. })));
        }
        for cut in 0..value.len() {
            assert!(matches!(
                decode(&value[..cut]),
                Err(StoreError::Damaged { .. })
            ));
        }
    }
}

#[test]
fn no_flipped_bit_of_a_subject_key_makes_the_person_look_erased() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    add(&store, 7, "甲", true).unwrap();
    let (row_key, row) = faults::rows(&store, vault::SUBJECT_KEYS).remove(0);
    let (key, value) = faults::rows(&store, Note::TABLE).remove(0);
    for flipped in flips(&row) {
        let keys = [(row_key.clone(), flipped)];
        let source = Rowwise { keys: &keys };
        let decoded = row::decode(&source, store.vault(), Note::TABLE, &key, &value);
        assert!(matches!(decoded, Err(StoreError::Damaged { .. })));
    }
}
