//! The pages with nobody, one, many and hostile names, in both languages.

use super::{department::*, edit::*, index::*, member::*, state};
use crate::{
    kit::{Id, Timestamp},
    org::{Department, Gender, Member, MemberState, Origin},
    web::{
        FormState,
        parts::{Choice, Empty, EmptyKind, Link, Pager},
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
        may_edit: true,
        may_edit_department: true,
        department: Some((name.into(), "1".into())),
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
            origin: Origin::Local,
            job_number: name.into(),
            direct_leader: name.into(),
            external_id: name.into(),
            told_at: None,
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
        leader: Some(Link {
            label: name.into(),
            href: "/org/members/m1".into(),
        }),
        may_edit: !left,
    }
}

#[test]
fn a_member_renders_and_the_mobile_is_masked() {
    for left in [false, true] {
        let body = check_page(&member(HOSTILE, left));
        assert!(!body.contains("13800136021"));
    }
}

#[test]
fn the_forms_render_new_old_refused_and_overtaken() {
    let place = |text: &str| PlaceRow {
        text: text.into(),
        leads: true,
        is_main: true,
    };
    let gender = Choice {
        value: "1".into(),
        label: "x".into(),
        count: None,
        is_on: true,
    };
    for known in [false, true] {
        for is_wecoms in [false, true] {
            let member = member(HOSTILE, is_wecoms).member;
            check_page(&EditPage {
                clash: known.then(|| Clash {
                    who: HOSTILE.into(),
                    at: Timestamp::from_ms(0),
                    fields: vec![Differs {
                        label: HOSTILE.into(),
                        stored: HOSTILE.into(),
                        typed: String::new(),
                    }],
                }),
                member: known.then_some(member),
                form: FormState::with_values([("name", HOSTILE.to_owned())])
                    .refused(crate::error::Invalid::default().with("dept", "org.problem.reach")),
                genders: vec![gender.clone()],
                places: vec![place(HOSTILE), place("")],
                departments: vec![HOSTILE.into()],
                is_wecoms,
                seen: "3".into(),
                back: "/org".into(),
            });
            let department = Department {
                id: Id::from_bits(9),
                wecom_id: 2,
                parent_wecom_id: 1,
                name: HOSTILE.into(),
                name_en: String::new(),
                order: 0,
                leaders: Vec::new(),
                removed_at: None,
                external_id: String::new(),
                told_at: None,
            };
            check_page(&DepartmentPage {
                department: known.then_some(department),
                form: FormState::with_values([("parent", HOSTILE.to_owned())]),
                departments: vec![HOSTILE.into()],
                is_root: !known,
                is_wecoms,
                seen: "1".into(),
                back: "/org".into(),
            });
        }
    }
}
