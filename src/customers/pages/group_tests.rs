//! The page of a group with nobody, one, many and hostile names.

use super::{super::origin::Origin, *};
use crate::{
    kit::Id,
    web::tests::{HOSTILE, check_page},
};

#[test]
fn a_group_renders_with_nobody_and_with_hostile_names() {
    let at = Timestamp::from_ms(0);
    for n in [0, 1, 12] {
        let person = |i: usize| Person {
            key: format!("p{i}"),
            name: if i == 1 {
                String::new()
            } else {
                HOSTILE.into()
            },
            nickname: HOSTILE.into(),
            href: i.is_multiple_of(2).then(|| "/customers/a".to_owned()),
            is_external: i > 2,
            is_owner: i == 0,
            joined_at: at,
            scene: scene(JoinScene::from_wecom([0, 1, 2, 3][i % 4])),
        };
        let touch = |i: usize| ledger::Line {
            at,
            kind: "touches.kind.group_broadcast",
            origin: (i > 0).then(|| Origin {
                name: HOSTILE.into(),
                href: (i > 1).then(|| "/broadcasts/a".to_owned()),
            }),
            by: if i == 1 {
                String::new()
            } else {
                HOSTILE.into()
            },
            outcome: ("touches.state.failed", "bad"),
            why: (i > 1).then_some("touches.why.not_sent"),
        };
        check_page(&GroupPage {
            name: HOSTILE.into(),
            group: Group {
                id: Id::from_bits(1),
                no: 1,
                chat_id: HOSTILE.into(),
                name: HOSTILE.into(),
                owner: None,
                notice: HOSTILE.into(),
                created_at: at,
                state: GroupState::Gone { at },
                member_count: 1,
                external_count: 2,
                member_version: String::new(),
            },
            owner: if n == 1 {
                String::new()
            } else {
                HOSTILE.into()
            },
            owner_href: None,
            state: state(GroupState::Gone { at }),
            people: (0..n).map(person).collect(),
            touches: (0..n).map(touch).collect(),
            may_broadcast: n != 1,
            here: "/groups/a".into(),
            text: HOSTILE.into(),
            filters: Vec::new(),
            chips: vec![Chip {
                label: HOSTILE.into(),
                value: HOSTILE.into(),
                remove: "/groups/a".into(),
            }],
            pager: Pager {
                from: None,
                to: None,
                total: 0,
                total_exact: true,
                rows: 0,
                prev: None,
                next: None,
            },
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: HOSTILE.into(),
                hint: HOSTILE.into(),
                action: None,
                other: None,
            },
        });
    }
}
