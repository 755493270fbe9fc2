//! Pages hold whatever people are called.

use super::*;
use crate::{
    identity::{
        AccessSettings, AccountState, Role,
        queries::{AccountView, SessionView},
    },
    kit::Timestamp,
    web::{
        FormState,
        parts::{Choice, Empty, EmptyKind, Pager},
        tests::{HOSTILE, check_page},
    },
};

fn choice() -> Vec<Choice> {
    vec![Choice {
        value: "v".to_owned(),
        label: HOSTILE.to_owned(),
        count: None,
        is_on: false,
    }]
}

fn empty() -> Empty {
    Empty {
        kind: EmptyKind::NothingYet,
        title: HOSTILE.to_owned(),
        hint: HOSTILE.to_owned(),
        action: None,
        other: None,
    }
}

fn refused() -> FormState {
    let invalid = crate::error::Invalid::default()
        .with("name", "form.required")
        .with("permissions", "token.permissions")
        .with("", "wecom_sign_in.state");
    FormState::with_values([("name", HOSTILE.to_owned()), ("member", HOSTILE.to_owned())])
        .refused(invalid)
}

fn line() -> choices::MemberLine {
    choices::MemberLine {
        id: "m".to_owned(),
        name: HOSTILE.to_owned(),
        userid: HOSTILE.to_owned(),
        department: HOSTILE.to_owned(),
        is_here: false,
    }
}

fn offers() -> account::Offers {
    account::Offers {
        roles: choice(),
        units: vec![choices::UnitChoice {
            value: "u".to_owned(),
            label: HOSTILE.to_owned(),
            depth: 2,
        }],
        text: HOSTILE.to_owned(),
        found: vec![line()],
        choose: "/x?member=".to_owned(),
        member: Some(line()),
    }
}

fn rights() -> Vec<choices::RightGroup> {
    vec![choices::RightGroup {
        label: HOSTILE.to_owned(),
        rights: vec![choices::Right {
            code: "customer.read",
            label: HOSTILE.to_owned(),
        }],
    }]
}

const AT: Timestamp = Timestamp::from_s(1_790_000_000);

#[test]
fn accounts_render_in_every_state() {
    for state in [
        AccountState::Invited,
        AccountState::Active,
        AccountState::Disabled,
    ] {
        let page = account::AccountPage {
            account: AccountView {
                id: Id::from_bits(1),
                login: "zhou".to_owned(),
                name: HOSTILE.to_owned(),
                role: Role::Staff,
                member: None,
                units: Vec::new(),
                state,
                password_set_at: Some(AT),
                created_at: AT,
                role_by_rule: true,
                shut_with_member: true,
            },
            id: "a".to_owned(),
            state: accounts::state(state),
            role: HOSTILE.to_owned(),
            form: refused(),
            offers: offers(),
            second_factor: Some((AT, 3)),
            sessions: vec![SessionView {
                id: Id::from_bits(2),
                created_at: AT,
                seen_at: AT,
                ends_at: AT,
                ip: Some("192.0.2.1".to_owned()),
                device: Some(HOSTILE.to_owned()),
                is_this: false,
            }],
            tokens: Vec::new(),
        };
        let body = check_page(&page);
        let shut = state == AccountState::Disabled;
        assert_eq!(body.contains("/enable\""), shut);
        assert_eq!(body.contains("/disable\""), !shut);
    }
    check_page(&account::NewPage {
        form: refused(),
        offers: offers(),
    });
    check_page(&account::CodePage {
        id: "a".to_owned(),
        name: HOSTILE.to_owned(),
        login: HOSTILE.to_owned(),
        code: "7K3QM".to_owned(),
        is_new: true,
        may_use_wecom: true,
    });
    check_page(&accounts::AccountsPage {
        text: HOSTILE.to_owned(),
        rows: vec![accounts::Row {
            id: "a".to_owned(),
            name: HOSTILE.to_owned(),
            login: HOSTILE.to_owned(),
            role: HOSTILE.to_owned(),
            member: HOSTILE.to_owned(),
            units: HOSTILE.to_owned(),
            has_second_factor: true,
            state: accounts::state(AccountState::Active),
            created_at: AT,
        }],
        total: 1,
        pager: Pager {
            from: Some(1),
            to: Some(1),
            total: 1,
            total_exact: true,
            rows: 1,
            prev: None,
            next: None,
        },
        empty: empty(),
    });
}

#[test]
fn roles_rules_and_tokens_render() {
    check_page(&roles::RolePage {
        id: Some("r".to_owned()),
        name: HOSTILE.to_owned(),
        form: refused(),
        breadths: choice(),
        groups: rights(),
        accounts: 0,
        staff_reach: HOSTILE.to_owned(),
    });
    check_page(&tokens::TokensPage {
        rows: vec![tokens::Row {
            id: "t".to_owned(),
            name: HOSTILE.to_owned(),
            account: HOSTILE.to_owned(),
            account_href: "/x".to_owned(),
            rights: vec![(HOSTILE.to_owned(), String::new())],
            created_at: AT,
            expires_at: AT,
            state: ("tokens.state.live", "ok"),
            is_live: true,
        }],
        empty: empty(),
    });
    check_page(&tokens::NewPage {
        form: refused(),
        accounts: choice(),
        days: choice(),
        groups: rights(),
    });
    check_page(&tokens::MadePage {
        name: HOSTILE.to_owned(),
        text: "qt_x".to_owned(),
        expires_at: AT,
    });
    check_page(&rules::RulesPage {
        lines: vec![rules::Line {
            id: "l".to_owned(),
            unit: HOSTILE.to_owned(),
            role: HOSTILE.to_owned(),
            units: HOSTILE.to_owned(),
            people: 3,
        }],
        default_role: None,
        others: 4,
        empty: empty(),
    });
    check_page(&rules::RulePage {
        id: None,
        form: refused(),
        departments: choice(),
        roles: choice(),
        units: Vec::new(),
        is_chosen: true,
        affected: vec![rules::Affected {
            id: "m".to_owned(),
            name: HOSTILE.to_owned(),
            department: HOSTILE.to_owned(),
            now: String::new(),
            then: HOSTILE.to_owned(),
            by_hand: true,
        }],
        total: 70,
    });
    check_page(&security::SecurityPage {
        access: AccessSettings::default(),
        second_factor: FormState::empty(),
        rules: choice(),
        missing: 2,
        wecom: refused(),
        roles: choice(),
        connected: false,
        domain: HOSTILE.to_owned(),
    });
}

#[test]
fn doors_and_second_factors_render() {
    check_page(&step_up::StepUpPage {
        action: "/x".to_owned(),
        field: "step_up_password",
        kept: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        login: HOSTILE.to_owned(),
        has_password: true,
        again: None,
        is_form: true,
        back: "/me".to_owned(),
        form: refused(),
    });
    check_page(&doors::CodePage {
        form: refused(),
        next: HOSTILE.to_owned(),
    });
    check_page(&wecom::RefusedPage {
        form: refused(),
        next: HOSTILE.to_owned(),
    });
    check_page(&second_factor::RecoveryPage {
        codes: vec!["7K3Q-M0ZR-9CXX".to_owned()],
        is_new: false,
    });
    let stages = [
        (Some((AT, 2, AT)), None),
        (
            None,
            Some(second_factor::Waiting {
                qr: second_factor::Qr {
                    side: 29,
                    path: "M4 4h7v1h-7z".to_owned(),
                },
                typed: "GEZD".to_owned(),
                login: HOSTILE.to_owned(),
                issuer: HOSTILE.to_owned(),
            }),
        ),
        (None, None),
    ];
    for (there, waiting) in stages {
        check_page(&second_factor::SecondFactorPage {
            there,
            waiting,
            is_asked: true,
            form: refused(),
        });
    }
    check_page(&me::ActivityPage {
        deeds: vec![me::Deed {
            seq: 1,
            at: AT,
            act: HOSTILE.to_owned(),
            objects: HOSTILE.to_owned(),
            was_denied: true,
        }],
        older: Some("/x".to_owned()),
    });
}

/// Whoever adds a right gives it words and an area, or the matrix shows a code.
#[test]
fn every_right_and_reach_has_words() {
    for permission in Permission::ALL {
        let code = permission.code();
        let area = code.split('.').next().unwrap();
        for key in [
            format!("permission.{code}"),
            format!("permission_area.{area}"),
        ] {
            assert!(crate::web::words::known(&key), "{key}");
        }
    }
    for breadth in crate::identity::Breadth::ALL {
        let key = format!("breadth.{}", breadth.code());
        assert!(crate::web::words::known(&key), "{key}");
    }
}
