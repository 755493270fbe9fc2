//! What a person asks for once changes something once.

use crate::kit::OperationId;

use super::{super::operation, *};

const DAY_MS: i64 = 24 * 3_600_000;

fn asked(account: u64, id: u64, request: &str) -> Act {
    let origin = Origin::local(Channel::Web, request);
    origin.operation.get_or_init(|| OperationId::from_bits(id));
    Act {
        actor: Actor::Account(Id::from_bits(account)),
        origin,
        ..act()
    }
}

#[test]
fn an_operation_is_carried_out_once_and_remembered_for_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::system()).unwrap();
    let clock = Clock::manual(Timestamp::from_s(1_700_000_000));
    let mut options = StoreOptions {
        clock: clock.clone(),
        ..options()
    };
    options.tables.extend(operation::TABLES);
    let store = Store::open(&folder, options).unwrap();
    let put = |act: Act, id: u64| {
        let note = Note {
            id: Id::from_bits(id),
            owner: 1,
            name: id.to_string(),
            personal: false,
        };
        store.write_blocking(act, move |w| Ok(w.put(&note)?))
    };
    let changes = || store.snapshot().feed_head();

    put(asked(1, 7, "a"), 1).unwrap();
    put(asked(1, 7, "a"), 2).unwrap();
    assert_eq!(changes(), 2, "one request may write twice");
    let again = put(asked(1, 7, "b"), 3);
    let done_before = |r| matches!(r, Err(AppError::Conflict { why: "done_before" }));
    assert!(done_before(again));
    put(asked(2, 7, "b"), 3).unwrap();
    put(asked(1, 8, "b"), 4).unwrap();
    assert_eq!(changes(), 4, "others and other wishes are not held up");

    put(asked(1, 9, "c"), 4).unwrap();
    put(asked(1, 9, "d"), 5).unwrap();
    assert_eq!(changes(), 5, "what changed nothing was not carried out");

    let (whose, id) = (Id::from_bits(1), OperationId::from_bits(7));
    let found = || store.read(|r| operation::find(r, whose, id)).unwrap();
    operation::note_answer(&store, whose, id, "/notes/1").unwrap();
    put(act(), 6).unwrap();
    assert_eq!(found().unwrap().led_to.as_deref(), Some("/notes/1"));
    let sweep = || store.write_blocking(act(), operation::sweep).unwrap();
    sweep();
    assert!(found().is_some());
    clock.advance_ms(DAY_MS);
    sweep();
    assert_eq!(found(), None);
    assert_eq!(store.check().unwrap().found, []);
}
