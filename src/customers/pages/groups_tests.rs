//! The pages of groups with nobody, one, many and hostile names.

use super::*;
use crate::web::tests::{HOSTILE, check_page};

#[test]
fn the_list_of_groups_renders_with_none_one_many_and_hostile_names() {
    let at = Timestamp::from_ms(0);
    for n in [0u32, 1, 12] {
        for name in ["", "品鉴群", HOSTILE] {
            let row = |i: u32| Row {
                id: format!("g{i}"),
                name: name.into(),
                owner: name.into(),
                owner_id: name.into(),
                members: i,
                outside: i,
                created_at: at,
                state: state(GroupState::from_wecom(i64::from(i % 4))),
            };
            check_page(&GroupsPage {
                broadcast: (n > 0).then(|| "/broadcasts/new?to=groups".to_owned()),
                text: name.into(),
                filters: Vec::new(),
                chips: vec![Chip {
                    label: name.into(),
                    value: name.into(),
                    remove: "/groups".into(),
                }],
                rows: (0..n).map(row).collect(),
                total: n.into(),
                outside: 1,
                pager: Pager {
                    from: Some(1),
                    to: Some(1),
                    total: 1,
                    total_exact: true,
                    rows: 1,
                    prev: None,
                    next: None,
                },
                empty: Empty {
                    kind: EmptyKind::NothingMatches,
                    title: name.into(),
                    hint: name.into(),
                    action: None,
                    other: None,
                },
            });
        }
    }
}
