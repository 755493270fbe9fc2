//! What reads remember is never older than the records.

use std::cell::Cell;

use super::*;

/// The note as it is remembered, and how often it was read.
struct Looking<'a> {
    store: &'a Store,
    note: Note,
    read: Cell<u32>,
}

impl Looking<'_> {
    fn name(&self) -> Option<String> {
        self.store.read(|r| {
            let kept = r.remembered(7, || {
                self.read.set(self.read.get() + 1);
                r.get::<Note>(&self.note.id)
            });
            kept.unwrap().as_ref().clone().map(|note| note.name)
        })
    }
}

#[test]
fn what_was_made_from_records_is_kept_until_one_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 1, "甲", true).unwrap();
    let looking = Looking {
        store: &store,
        note: note.clone(),
        read: Cell::new(0),
    };
    assert_eq!(looking.name().unwrap(), "甲");
    store.write_blocking(act().recorded(), |_| Ok(())).unwrap();
    assert_eq!(looking.name().unwrap(), "甲");
    assert_eq!(looking.read.get(), 1, "an audit entry changes no record");
    let renamed = Note {
        name: "乙".to_owned(),
        ..note
    };
    let put = store.write_blocking(act(), move |w| Ok(w.put(&renamed)?));
    put.unwrap();
    assert_eq!(looking.name().unwrap(), "乙");
}

#[test]
fn an_erased_person_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 1, "甲", true).unwrap();
    let subject = note.id.cast();
    let looking = Looking {
        store: &store,
        note,
        read: Cell::new(0),
    };
    assert!(looking.name().is_some());
    let forgotten = store.write_blocking(act().recorded(), move |w| {
        w.forget_subject(subject);
        Ok(())
    });
    forgotten.unwrap();
    assert_eq!(looking.name(), None);
}

#[test]
fn a_write_remembers_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let note = add(&store, 1, "甲", false).unwrap();
    let seen = store.write_blocking(act(), move |w| {
        let name = |w: &Write<'_>| {
            let r = w.read();
            let kept = r.remembered(7, || r.get::<Note>(&note.id))?;
            Ok::<_, StoreError>(kept.as_ref().clone().map(|note| note.name))
        };
        let before = name(w)?;
        w.put(&Note {
            name: "乙".to_owned(),
            ..note.clone()
        })?;
        Ok((before, name(w)?))
    });
    let (before, after) = seen.unwrap();
    assert_eq!(before.as_deref(), Some("甲"));
    assert_eq!(after.as_deref(), Some("乙"));
}
