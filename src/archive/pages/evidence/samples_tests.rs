//! The pages with nothing, one, many, too long and hostile words, in every state.

use super::{
    super::approvals::{ApprovalsPage, Line as Request},
    add::AddPage,
    case::{CasePage, ItemLine, Sealed, Second},
    list::{CasesPage, Line, NewPage},
};
use crate::{
    kit::Timestamp,
    search::Piece,
    web::{
        FormState,
        parts::{Choice, Empty, EmptyKind},
        tests::{HOSTILE, check_page},
    },
};

fn at() -> Timestamp {
    Timestamp::from_ms(1_795_000_000_000)
}

fn words() -> [String; 3] {
    ["退款投诉".to_owned(), HOSTILE.to_owned(), "长".repeat(60)]
}

fn pieces(text: &str) -> Vec<Piece> {
    vec![Piece {
        text: text.to_owned(),
        marked: false,
    }]
}

fn empty(text: &str) -> Empty {
    Empty {
        kind: EmptyKind::NothingYet,
        title: text.to_owned(),
        hint: text.to_owned(),
        action: None,
        other: None,
    }
}

fn choices(text: &str) -> Vec<Choice> {
    let choice = |value: &str| Choice {
        value: value.to_owned(),
        label: text.to_owned(),
        count: None,
        is_on: value == "a",
    };
    vec![choice("a"), choice("b")]
}

#[test]
fn cases_and_their_forms_are_whole() {
    for text in words() {
        for n in [0, 1, 3] {
            let line = |i: usize| Line {
                id: format!("{i}"),
                title: text.clone(),
                why: text.clone(),
                by: text.clone(),
                at: at(),
                chats: i,
                state: ("evidence.state.open", "info"),
            };
            check_page(&CasesPage {
                lines: (0..n).map(line).collect(),
                empty: empty(&text),
            });
        }
        let form = FormState::with_values([("title", text.clone()), ("why", text.clone())]);
        check_page(&NewPage { form: form.clone() });
        check_page(&AddPage {
            chat: "a".into(),
            title: text.clone(),
            seq: "1".into(),
            from: text.clone(),
            at: at(),
            text: pieces(&text),
            is_recalled: true,
            cases: choices(&text),
            spans: choices(&text),
            form,
        });
    }
}

#[test]
fn a_case_is_whole_in_every_state() {
    for text in words() {
        for second in [
            Second::NotAsked,
            Second::ToAsk,
            Second::Waits(text.clone(), at()),
            Second::Waits(String::new(), at()),
            Second::Holds(at()),
            Second::Refused(text.clone()),
        ] {
            let is_sealed = matches!(second, Second::NotAsked | Second::Waits(..));
            let item = |i: u64| ItemLine {
                id: format!("{i}"),
                href: "/archive/a?at=1#m-1".into(),
                chat: text.clone(),
                from: text.clone(),
                at: (i > 0).then(at),
                text: pieces(&text),
                is_recalled: i == 1,
                until: (i > 1).then(at),
                by: text.clone(),
            };
            check_page(&CasePage {
                id: "a".into(),
                title: text.clone(),
                why: text.clone(),
                context: 10,
                by: text.clone(),
                at: at(),
                state: ("evidence.state.sealed", "ok"),
                is_open: !is_sealed,
                job: (!is_sealed).then(|| "/jobs/a".to_owned()),
                may_retry: matches!(second, Second::ToAsk | Second::Refused(_)),
                trouble: matches!(second, Second::Refused(_)).then(|| text.clone()),
                items: (0..3).map(item).collect(),
                more: usize::from(is_sealed),
                sealed: is_sealed.then(|| Sealed {
                    at: at(),
                    by: text.clone(),
                    bytes: 1_258_291,
                    file: format!("{}.sealed", "5k".repeat(13)),
                    manifest: "3f9c".repeat(16),
                    sha256: matches!(second, Second::NotAsked).then(|| "a07e".repeat(16)),
                    key: format!("{text}+0a1b2c3d+{}", "Q".repeat(44)),
                    messages: 86,
                    chosen: 3,
                    media: 2,
                    missing: 1,
                    unproven: 1,
                }),
                second,
                form: FormState::with_values([("title", text.clone())]),
            });
        }
    }
}

#[test]
fn requests_are_whole() {
    for text in words() {
        for n in [0, 1, 3] {
            let line = |i: usize| Request {
                id: format!("{i}"),
                who: text.clone(),
                wanted: "approval.wanted.read",
                what: text.clone(),
                href: (i == 1).then(|| "/archive/a".to_owned()),
                reason: text.clone(),
                asked_at: at(),
                until: at(),
                state: ("approval.state.pending", "warn"),
                by: if i > 0 { text.clone() } else { String::new() },
                note: if i > 1 { text.clone() } else { String::new() },
                is_live: i < 2,
            };
            check_page(&ApprovalsPage {
                may_decide: n != 1,
                waiting: (0..n).map(line).collect(),
                granted: (0..n).map(line).collect(),
                own: (0..n).map(line).collect(),
                is_off: n == 0,
                hours: 8,
                empty: empty(&text),
            });
        }
    }
}
