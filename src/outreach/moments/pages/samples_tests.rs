//! The pages of moments with nothing, one, many and hostile words.

use super::{
    edit::{EditPage, steps},
    list::{Line, ListPage},
    show::{DraftCard, May, Reached, Row, ShowPage},
};
use crate::{
    error::Invalid,
    kit::Timestamp,
    org::MemberId,
    outreach::{
        Content,
        approval::Asked,
        broadcasts::{Choices, TagGroup},
        content::Variables,
        form::{ContentPart, Preview},
        moments::{
            model::{Moment, MomentId, PartState, Range, State, StopReason},
            queries::Account,
        },
    },
    web::{
        FormState, Lang,
        parts::{Choice, Empty, EmptyKind, Pager, Tab},
        tests::{HOSTILE, check_page, cx},
    },
};

const AT: Timestamp = Timestamp::from_ms(0);

fn pager(n: usize) -> Pager {
    let n = n as u64;
    Pager {
        from: (n > 0).then_some(1),
        to: (n > 0).then_some(n),
        total: n,
        total_exact: true,
        rows: n,
        prev: None,
        next: (n > 1).then(|| "/moments?after=abc".to_owned()),
    }
}

fn account(n: u64) -> Account {
    Account {
        published: n,
        waiting: n,
        reached: 1_000 * n,
        likes: n,
        comments: n,
        ..Account::default()
    }
}

#[test]
fn moments_render_with_none_one_and_many() {
    for n in [0, 1, 9] {
        let line = |i: usize| Line {
            id: "a".to_owned(),
            name: if i == 1 {
                String::new()
            } else {
                HOSTILE.to_owned()
            },
            state: State::Running.word(),
            by: HOSTILE.to_owned(),
            at: AT,
            senders: i,
            account: account(i as u64),
        };
        check_page(&ListPage {
            views: vec![Tab {
                label: HOSTILE.to_owned(),
                href: "/moments".to_owned(),
                count: Some(n as u64),
                is_current: true,
            }],
            lines: (0..n).map(line).collect(),
            pager: pager(n),
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: HOSTILE.to_owned(),
                hint: HOSTILE.to_owned(),
                action: None,
                other: None,
            },
            may_send: n > 0,
        });
    }
}

#[test]
fn the_form_renders_empty_and_refused() {
    for is_new in [true, false] {
        let form = FormState::with_values([
            ("name", HOSTILE.to_owned()),
            ("text", HOSTILE.to_owned()),
            ("tag", "t".to_owned()),
            ("owner", "o".to_owned()),
        ]);
        let form = match is_new {
            true => FormState::empty(),
            false => form.refused(
                Invalid::default()
                    .with("text", "moments.no_names")
                    .with("attachment", "moments.mixed")
                    .with("owner", "moments.member_unknown")
                    .with("tag", "moments.tag_unknown"),
            ),
        };
        let choice = |value: &str| Choice {
            value: value.to_owned(),
            label: HOSTILE.to_owned(),
            count: None,
            is_on: false,
        };
        let mut content = ContentPart::of(Vec::new(), &cx(Lang::Zh), &form, Variables::All);
        content.preview = content.preview.into_moment();
        let page = check_page(&EditPage {
            action: "/moments/new".to_owned(),
            back: "/moments".to_owned(),
            is_new,
            steps: steps(&cx(Lang::Zh), None),
            content,
            choices: Choices {
                tags: vec![TagGroup {
                    name: HOSTILE.to_owned(),
                    tags: vec![("t".to_owned(), HOSTILE.to_owned())],
                }],
                departments: vec![choice("1")],
                owners: vec![choice("o")],
            },
            form,
        });
        for chosen in ["name=\"tag\" value=\"t\"", "name=\"owner\" value=\"o\""] {
            let checked = format!("{chosen} checked");
            assert_eq!(page.contains(&checked), !is_new, "{chosen}");
        }
    }
}

fn moment(state: State, name: &str) -> Moment {
    Moment {
        id: MomentId::from_bits(1),
        name: name.to_owned(),
        content: Content {
            text: HOSTILE.to_owned(),
            attachments: Vec::new(),
        },
        range: Range::default(),
        state,
        created_by: None,
        created_at: AT,
        send_at: Some(AT),
        begun_at: (state == State::Running).then_some(AT),
        ends_at: Some(AT),
        senders: vec![MemberId::from_bits(1); 3],
        audience: 12,
        approval: None,
        stopped: None,
        effect: None,
        jobid: String::new(),
        moment_id: String::new(),
        cancel: None,
        cancelled_at: None,
        failure: None,
    }
}

fn shown(state: State, n: usize) -> ShowPage {
    let parts = [
        PartState::Waiting,
        PartState::Published,
        PartState::Over,
        PartState::NotAdmitted,
    ];
    let row = |(i, part): (usize, &PartState)| Row {
        member: HOSTILE.to_owned(),
        member_id: "m".to_owned(),
        state: part.word(),
        published_at: (i % 2 == 1).then_some(AT),
        visible: (i % 2 == 1).then_some(7),
        reached: i as u64,
        likes: 1,
        comments: 0,
    };
    let reached = |_| Reached {
        customer: HOSTILE.to_owned(),
        no: "KH-00000001".to_owned(),
        href: "/customers/a?tab=touches".to_owned(),
        member: HOSTILE.to_owned(),
        at: AT,
    };
    let is_draft = state == State::Draft;
    let name = if n == 0 { "" } else { HOSTILE };
    ShowPage {
        moment: moment(state, name),
        state: state.word(),
        by: name.to_owned(),
        look: Preview::of(&cx(Lang::Zh), HOSTILE, &[], Variables::All).into_moment(),
        tags: vec![HOSTILE.to_owned(); n],
        steps: steps(&cx(Lang::Zh), Some("/moments/a/edit".to_owned())),
        draft: is_draft.then(|| DraftCard {
            audience: n as u64,
            senders: n,
            left_out: vec![("touches.why.no_sender", 2)],
            samples: vec![HOSTILE.to_owned(); n],
            needs_approval: n > 0,
            approvers: vec![HOSTILE.to_owned(); if n > 1 { 7 } else { 0 }],
        }),
        account: account(n as u64),
        rows: parts.iter().enumerate().take(n).map(row).collect(),
        asked: (state == State::Waiting).then(|| Asked {
            asked_at: AT,
            until: AT,
            customers: 5_000,
            decided: (n > 1).then(|| (HOSTILE.to_owned(), AT, false, HOSTILE.to_owned())),
        }),
        stopped: (state == State::Stopped).then(|| {
            let why = if n > 0 {
                StopReason::NotTaken
            } else {
                StopReason::ByHand
            };
            (HOSTILE.to_owned(), AT, why.word())
        }),
        failure: (state == State::Stopped && n > 0)
            .then(|| (HOSTILE.to_owned(), HOSTILE.to_owned())),
        reached: (0..n).map(reached).collect(),
        pager: (!is_draft).then(|| pager(n)),
        may: May {
            edit: is_draft,
            stop: state.can_stop(),
            ask: state == State::Running,
            decide: state == State::Waiting && n < 2,
            export: !is_draft,
        },
        form: FormState::empty(),
    }
}

#[test]
fn a_moment_renders_in_every_state_with_none_one_and_many() {
    let all = [
        State::Draft,
        State::Planning,
        State::Waiting,
        State::Scheduled,
        State::Making,
        State::Running,
        State::Stopping,
        State::Stopped,
        State::Done,
    ];
    for state in all {
        for n in [0, 1, 4] {
            check_page(&shown(state, n));
        }
    }
}
