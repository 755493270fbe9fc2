//! The profile with little, much, too long and hostile words.

use super::{
    super::{
        ledger::{Line, Out},
        origin::Origin,
        todos,
    },
    *,
};
use crate::{
    kit::Id,
    org::Gender,
    outreach::touches::OptOutKind,
    web::tests::{HOSTILE, check_page},
};

fn profile(n: usize, tab: &'static str, text: &str) -> ProfilePage {
    let at = Timestamp::from_ms(0);
    let event = |icon: &'static str, word: &'static str| Event {
        at,
        icon,
        word,
        who: text.into(),
        detail: if n == 1 { String::new() } else { text.into() },
    };
    ProfilePage {
        customer: Customer {
            id: Id::from_bits(7),
            no: 7,
            external_userid: text.into(),
            kind: CustomerKind::Wecom,
            name: text.into(),
            gender: Gender::Unknown,
            avatar: text.into(),
            unionid: String::new(),
            position: text.into(),
            corp_name: text.into(),
            corp_full_name: text.into(),
            known_since: at,
        },
        number: customer_no(7),
        remarks: (0..n)
            .map(|_| Remarks {
                by: text.into(),
                remark: text.into(),
                description: text.into(),
                company: text.into(),
            })
            .collect(),
        followers: (0..n)
            .map(|i| Follower {
                id: "m1".into(),
                name: text.into(),
                department: text.into(),
                has_left: i == 1,
                is_active: i != 2,
                is_deleted: i == 3,
                added_at: at,
            })
            .collect(),
        hidden: n,
        phones: (0..n)
            .map(|i| masked(Id::from_bits(9), i, "13800136021", text))
            .collect(),
        may_reveal: n != 1,
        tag_lines: vec![(text.into(), vec![(text.into(), "warn"); n]); n],
        chats: (n != 1).then(|| {
            let chat = |i: usize| Conversation {
                href: "/archive/a".into(),
                title: text.into(),
                icon: if i == 0 { "user" } else { "group" },
                known: (i == 0).then_some((7, at)),
            };
            (0..n).map(chat).collect()
        }),
        personal_tags: vec![text.into(); n],
        groups: vec![("g1".into(), text.into(), at, 3); n],
        tabs: Vec::new(),
        tab,
        days: (0..n)
            .map(|_| Day {
                name: "1970-01-01".into(),
                events: vec![
                    event("plus", "customers.event.added"),
                    event("x", "customers.event.deleted"),
                ],
            })
            .collect(),
        changes: (0..n)
            .map(|_| Change {
                at,
                seq: 3,
                actor: text.into(),
                fields: vec![(text.into(), text.into(), String::new()); n],
            })
            .collect(),
        touches: (tab == "touches").then(|| ledger(n, text)),
        back: "/customers?q=x".into(),
        place: (n > 0).then(|| Place {
            number: 2,
            total: 3,
            prev: Some("/customers/a?from=%2Fcustomers".into()),
            next: (n > 1).then(|| "/customers/b".into()),
        }),
        is_lost: n == 0,
        pending: (0..n)
            .map(|i| Pending {
                sentence: text.into(),
                state: ("effects.state.queued", "warn"),
                trouble: if i == 0 { String::new() } else { text.into() },
            })
            .collect(),
        editable: (0..n)
            .map(|_| Editable {
                by: text.into(),
                tags_href: "/customers/a/tags".into(),
                remark_href: "/customers/a/remark".into(),
            })
            .collect(),
        todos: todo_card(n, text),
    }
}

fn todo_card(n: usize, text: &str) -> TodoCard {
    let line = |i: usize| todos::Line {
        href: "/todo/a".into(),
        words: text.into(),
        member: text.into(),
        due: (i != 1).then_some(Timestamp::from_ms(0)),
        is_overdue: i == 0,
    };
    let choice = |i: usize| crate::web::parts::Choice {
        value: i.to_string(),
        label: text.into(),
        count: None,
        is_on: false,
    };
    TodoCard {
        lines: (0..n).map(line).collect(),
        has_more: n > 1,
        members: (0..n).map(choice).collect(),
    }
}

fn ledger(n: usize, text: &str) -> Ledger {
    let at = Timestamp::from_ms(0);
    let touch = |i: usize| Line {
        at,
        kind: "touches.kind.broadcast",
        origin: (i > 0).then(|| Origin {
            name: if i == 1 { String::new() } else { text.into() },
            href: (i > 2).then(|| "/broadcasts/a".to_owned()),
        }),
        by: text.into(),
        outcome: ("touches.state.planned", "info"),
        why: (i == 0).then_some("touches.why.not_contact"),
    };
    Ledger {
        lines: (0..n).map(touch).collect(),
        out: (n == 1).then(|| Out {
            kind: OptOutKind::ALL[0].word(),
            reason: text.into(),
            by: text.into(),
            at,
        }),
        kinds: match n {
            12 => OptOutKind::ALL
                .map(|kind| (kind.code(), kind.word()))
                .to_vec(),
            _ => Vec::new(),
        },
    }
}

#[test]
fn the_profile_renders_with_little_much_too_long_and_hostile_words() {
    let long = "很长的备注".repeat(60);
    for n in [0, 1, 12] {
        for tab in ["activity", "groups", "touches", "changes"] {
            for text in ["", "王海燕", HOSTILE, &long] {
                let body = check_page(&profile(n, tab, text));
                assert!(!body.contains("13800136021"), "numbers are masked");
            }
        }
    }
}

#[test]
fn a_number_is_on_the_page_only_when_it_was_asked_for() {
    let page = |value: Option<&str>| PhonePage {
        phone: masked(Id::from_bits(9), 0, "13800136021", HOSTILE),
        value: value.map(str::to_owned),
        back: "/customers/a".into(),
        element: "phone-x-0".into(),
    };
    assert!(!check_page(&page(None)).contains("0013 6021"));
    assert!(check_page(&page(Some("138 0013 6021"))).contains("138 0013 6021"));
}

#[test]
fn a_tab_keeps_the_list_one_came_from() {
    let id = Id::from_bits(7);
    let address = tab_address(id, "changes", "/customers?q=王&sort=-added");
    let (path, query) = address.split_once('?').unwrap();
    assert_eq!(path, format!("/customers/{id}"));
    let query = ListQuery::parse(path, query);
    assert_eq!(query.get("tab"), Some("changes"));
    assert_eq!(query.get("from"), Some("/customers?q=王&sort=-added"));
}
