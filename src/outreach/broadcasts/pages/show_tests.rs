//! The page of a broadcast with nobody, one, many and hostile names, to customers and to groups.

use super::*;
use crate::{
    kit::Id,
    outreach::{
        Content,
        broadcasts::{
            Audience, GroupChoice,
            pages::groups_card::{LeftOut, Owner},
        },
        content::Variables,
    },
    web::{
        Lang,
        tests::{HOSTILE, check_page, cx},
    },
};

fn broadcast(to_groups: bool, state: State) -> Broadcast {
    let at = Timestamp::from_ms(0);
    Broadcast {
        id: Id::from_bits(1),
        name: HOSTILE.to_owned(),
        content: Content {
            text: HOSTILE.to_owned(),
            attachments: Vec::new(),
        },
        audience: Audience {
            groups: to_groups.then(GroupChoice::default),
            ..Audience::default()
        },
        state,
        created_by: None,
        created_at: at,
        send_at: None,
        begins_at: Some(at),
        ends_at: Some(at),
        senders: Vec::new(),
        approval: None,
        stopped: None,
        tasks: 0,
    }
}

fn draft_card(n: u64) -> DraftCard {
    let owner = |i: u64| Owner {
        name: HOSTILE.to_owned(),
        id: format!("m{i}"),
        groups: i,
        people: i * 40,
    };
    let left_out = |i: u64| LeftOut {
        name: HOSTILE.to_owned(),
        href: format!("/groups/{i}"),
        why: Why::OverLimit.word(),
    };
    DraftCard {
        reached: n,
        senders: n,
        groups: GroupsCard {
            people: n,
            owners: (0..n).map(owner).collect(),
            more_owners: usize::from(n > 1),
            left_out: (0..n).map(left_out).collect(),
        },
        skipped: Why::ALL.iter().map(|why| (why.word(), n)).collect(),
        moved_to: (n > 1).then_some(Timestamp::from_ms(0)),
        samples: vec![HOSTILE.to_owned()],
        needs_approval: n > 0,
        approvers: vec![HOSTILE.to_owned(); if n > 1 { 7 } else { 0 }],
    }
}

#[test]
fn a_broadcast_renders_as_draft_and_as_account_to_customers_and_groups() {
    for to_groups in [false, true] {
        for n in [0u64, 1, 12] {
            for state in [State::Draft, State::Running, State::Stopped] {
                let is_draft = state == State::Draft;
                let row = |i: u64| Row {
                    name: HOSTILE.to_owned(),
                    no: if to_groups {
                        String::new()
                    } else {
                        HOSTILE.to_owned()
                    },
                    href: format!("/groups/{i}"),
                    member: HOSTILE.to_owned(),
                    outcome: ("touches.state.failed", "bad"),
                    why: Some(Why::NotSent.word()),
                    at: Timestamp::from_ms(0),
                };
                let part = |i: u64| Part {
                    member: HOSTILE.to_owned(),
                    member_id: format!("m{i}"),
                    numbers: Numbers::default(),
                    state: ("broadcasts.part.waiting", "warn"),
                    sent_at: None,
                };
                let all = Numbers {
                    planned: n,
                    sent: n,
                    failed: n,
                    skipped: n,
                };
                check_page(&ShowPage {
                    broadcast: broadcast(to_groups, state),
                    state: state.word(),
                    by: HOSTILE.to_owned(),
                    look: Look::of(&cx(Lang::Zh), HOSTILE, &[], Variables::All),
                    steps: Vec::new(),
                    draft: is_draft.then(|| draft_card(n)),
                    account: Account {
                        all,
                        ..Account::default()
                    },
                    parts: (0..n).map(part).collect(),
                    asked: None,
                    stopped: None,
                    outcomes: Vec::new(),
                    rows: (0..n).map(row).collect(),
                    pager: None,
                    may: May {
                        edit: is_draft,
                        stop: n > 0,
                        remind: n > 0,
                        decide: false,
                        again: n > 1,
                        export: n > 0,
                    },
                    remind_from: (n > 1).then_some(Timestamp::from_ms(0)),
                    form: FormState::empty(),
                });
            }
        }
    }
}

#[test]
fn a_fourth_reminder_waits_a_day_from_the_first_of_three() {
    let hour = |n: i64| Timestamp::from_ms(n * 3_600_000);
    let mut task = Task {
        broadcast: Id::from_bits(1),
        no: 1,
        member: Id::from_bits(1),
        from: 1,
        to: 1,
        state: TaskState::Out,
        effect: None,
        msgid: String::new(),
        sent_at: None,
        cancelled_at: None,
        reminded_at: vec![hour(1), hour(0)],
        cancel: None,
    };
    assert!(task.can_remind(hour(2)));
    task.reminded_at.push(hour(2));
    assert_eq!(task.remind_from(), Some(hour(24)));
    assert!(!task.can_remind(hour(23)) && task.can_remind(hour(24)));
    task.sent_at = Some(hour(3));
    assert_eq!(task.remind_from(), None);
}
