//! Every message leads to the root that its pull committed to, whatever happened since.

use super::{
    super::{
        ingest,
        model::{Brought, Chat, Locked, Parked, Party, Pull},
        queries::{self, Message},
        tests::{Archive, CUSTOMER, OTHER, ROOM, fixtures, opened, text},
    },
    proof::{Trees, text_and_leaf},
};
use crate::{audit::merkle, kit::Timestamp, store::Act};

/// Numbers of the messages that lead to their pull's root, and of those that do not.
fn proved(archive: &Archive) -> (Vec<u64>, Vec<u64>) {
    archive.read(|r| {
        let mut trees = Trees::new(r).unwrap();
        let all = queries::all_messages(r, (0, 0)).unwrap();
        let mut all: Vec<Message> = all.flat_map(|stretch| stretch.unwrap()).collect();
        all.sort_by_key(|message| message.seq);
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for message in all {
            let chat = r.get::<Chat>(&message.chat).unwrap().unwrap();
            let (_, leaf) = text_and_leaf(r, &chat, &message).unwrap();
            let Some(place) = trees.place(message.seq).unwrap() else {
                bad.push(message.seq);
                continue;
            };
            let pull = r.get::<Pull>(&place.pull).unwrap().unwrap();
            let size = u64::from(pull.messages);
            let root = merkle::inclusion_root(leaf.unwrap(), place.index, size, &place.path);
            assert_eq!(root, Some(pull.root), "{}", message.seq);
            good.push(message.seq);
        }
        (good, bad)
    })
}

fn parked(seq: u64) -> Parked {
    Parked {
        seq,
        msgid: "m".to_owned(),
        key_version: 3,
        key: String::new(),
        message: String::new(),
        why: Locked::NoKey,
        at: Timestamp::from_ms(0),
        tried_at: Timestamp::from_ms(0),
    }
}

#[test]
fn every_message_leads_to_the_root_of_its_pull() {
    let archive = Archive::new();
    let count = fixtures().len() as u64;
    archive.pull(fixtures());
    let next = |n: u64| text(count + n, CUSTOMER, &["LinXiaoyu"], "", "退款");
    // Of the second pull two are closed, and opened by two later ones.
    let arrived = vec![opened(next(1)), opened(next(4))];
    let closed = vec![parked(count + 2), parked(count + 3)];
    archive.store(Brought::Pulled, arrived, closed);
    archive.pull(vec![next(5)]);
    archive.store(Brought::Unlocked, vec![opened(next(3))], Vec::new());
    archive.store(Brought::Unlocked, vec![opened(next(2))], Vec::new());
    let (good, bad) = proved(&archive);
    assert_eq!((good.len() as u64, bad), (count + 5, Vec::new()));
}

#[test]
fn who_is_erased_takes_no_proof_along() {
    let archive = Archive::new();
    archive.pull(vec![
        text(1, CUSTOMER, &["LinXiaoyu", OTHER], ROOM, "我的地址"),
        text(2, OTHER, &["LinXiaoyu", CUSTOMER], ROOM, "别人的话"),
        text(3, "LinXiaoyu", &[CUSTOMER], "", "您好"),
        text(4, "LinXiaoyu", &[OTHER], "", "另一位"),
    ]);
    let subject = archive.read(|r| {
        let mut parties = r.all::<Party>(None).unwrap().map(Result::unwrap);
        parties.find(|p| p.wecom_id == CUSTOMER).unwrap().subject
    });
    let act = Act::by_system("customer.erase", "test").recorded();
    let erased = archive
        .store
        .write_blocking(act, move |w| Ok(ingest::forget(w, subject, |_| Ok(()))?));
    assert_eq!(erased.unwrap(), ingest::Forgotten::Whole);
    assert_eq!(proved(&archive), (vec![1, 2, 3, 4], Vec::new()));
    archive.check();
}
