//! The pages with nobody, one, many and hostile names, in both languages.

use super::{index::*, member::*, state};
use crate::{
    kit::{Id, Timestamp},
    org::{Gender, Member, MemberState},
    web::{
        parts::{Empty, EmptyKind, Link, Pager},
        tests::{HOSTILE, check_page},
    },
};

fn node(name: &str, opens: bool, closes: usize) -> Node {
    Node {
        name: name.into(),
        href: "/org?dept=1".into(),
        people: 3,
        is_current: closes == 2,
        opens,
        closes,
    }
}

fn org_page(rows: usize, name: &str) -> OrgPage {
    let row = |i: usize| Row {
        id: format!("m{i}"),
        name: name.into(),
        alias: name.into(),
        position: if i == 0 { String::new() } else { name.into() },
        department: name.into(),
        is_leader: i == 0,
        serves_customers: i.is_multiple_of(2),
        state: state(MemberState::from_wecom([1, 2, 4, 5][i % 4])),
    };
    let link = || Link {
        label: name.into(),
        href: "/org?dept=1".into(),
    };
    OrgPage {
        heading: name.into(),
        path: vec![link(), link()],
        tree: vec![
            node(name, true, 0),
            node(name, true, 0),
            node(name, false, 1),
            node(name, true, 0),
            node(name, false, 2),
        ],
        below: vec![node(name, false, 0)],
        rows: (0..rows).map(row).collect(),
        people: rows,
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
            kind: EmptyKind::NothingYet,
            title: name.into(),
            hint: name.into(),
            action: None,
            other: None,
        },
        may_sync: true,
    }
}

#[test]
fn the_directory_renders_with_nobody_one_many_and_hostile_names() {
    for rows in [0, 1, 12] {
        for name in ["华东区", HOSTILE] {
            check_page(&org_page(rows, name));
        }
    }
    let nothing = OrgPage {
        tree: Vec::new(),
        path: Vec::new(),
        heading: String::new(),
        ..org_page(0, "x")
    };
    check_page(&nothing);
}

fn member(name: &str, left: bool) -> MemberPage {
    let state_of = if left {
        MemberState::Left
    } else {
        MemberState::Active
    };
    MemberPage {
        member: Member {
            id: Id::from_bits(7),
            userid: name.into(),
            name: name.into(),
            alias: name.into(),
            position: name.into(),
            posts: Vec::new(),
            main_department: 1,
            gender: Gender::Female,
            mobile: "13800136021".into(),
            email: name.into(),
            state: state_of,
            left_at: left.then(|| Timestamp::from_ms(0)),
            serves_customers: false,
            no: 1,
        },
        state: state(state_of),
        places: if left {
            Vec::new()
        } else {
            vec![Place {
                path: vec![Link {
                    label: name.into(),
                    href: "/org?dept=1".into(),
                }],
                is_main: true,
                is_leader: true,
            }]
        },
        customers: Some(3),
        groups: None,
    }
}

#[test]
fn a_member_renders_and_the_mobile_is_masked() {
    for left in [false, true] {
        let body = check_page(&member(HOSTILE, left));
        assert!(!body.contains("13800136021"));
    }
}
