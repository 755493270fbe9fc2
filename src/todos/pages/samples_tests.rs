//! Sample pages: empty, one, many, refused, hostile.

use super::{Line, list::ListPage, show::ShowPage};
use crate::{
    error::Invalid,
    kit::Timestamp,
    web::{
        FormState,
        parts::{Choice, Empty, EmptyKind, Pager},
        tests::{HOSTILE, check_page},
    },
};

const AT: Timestamp = Timestamp::from_ms(1_795_141_920_000);

fn line(at: usize, is_done: bool) -> Line {
    Line {
        id: "a".into(),
        words: HOSTILE.into(),
        customer: if at == 2 {
            String::new()
        } else {
            HOSTILE.into()
        },
        href: at.is_multiple_of(3).then(|| "/customers/a".into()),
        member: HOSTILE.into(),
        due: (at != 1).then_some(AT),
        is_overdue: at == 0,
        source: HOSTILE.into(),
        source_href: at.is_multiple_of(2).then(|| "/outreach/rules/a".into()),
        is_rule: at.is_multiple_of(2),
        created_at: AT,
        done_at: is_done.then_some(AT),
        done_by: HOSTILE.into(),
    }
}

fn choices(n: usize) -> Vec<Choice> {
    let choice = |at: usize| Choice {
        value: at.to_string(),
        label: HOSTILE.into(),
        count: None,
        is_on: at == 1,
    };
    (0..n).map(choice).collect()
}

fn form(is_refused: bool) -> FormState {
    let form = FormState::with_values([("words", HOSTILE.to_owned())]);
    let wrong = Invalid::default()
        .with("words", "todos.words_length")
        .with("member", "todos.member_gone");
    match is_refused {
        true => form.refused(wrong),
        false => FormState::empty(),
    }
}

#[test]
fn the_list_renders_with_none_one_many_and_hostile_words() {
    for n in [0, 1, 9] {
        for is_done in [false, true] {
            check_page(&ListPage {
                views: Vec::new(),
                lines: (0..n).map(|at| line(at, is_done)).collect(),
                pager: Pager {
                    from: None,
                    to: None,
                    total: n as u64,
                    total_exact: n != 9,
                    rows: n as u64,
                    prev: None,
                    next: (n == 9).then(|| "/todo?after=a".into()),
                },
                empty: Empty {
                    kind: EmptyKind::NothingYet,
                    title: "x".into(),
                    hint: "x".into(),
                    action: None,
                    other: None,
                },
                is_done,
                is_all: n != 1,
                may_edit: n != 9,
                form: form(n == 1),
                members: choices(n),
                here: "/todo?who=all".into(),
            });
        }
    }
}

#[test]
fn a_todo_renders_open_done_and_refused() {
    for n in [0, 1, 2, 3] {
        check_page(&ShowPage {
            line: line(n, n == 3),
            may_edit: n != 2,
            form: form(n == 1),
            members: choices(n),
        });
    }
}
