//! Accounts, roles, tokens, and what housekeeping leaves.

use super::*;

#[test]
fn built_in_roles_have_the_rights_they_should() {
    let firm = Firm::new();
    let has = |role: Role| firm.store.read(|r| role.grant(r)).unwrap().permissions;
    // What people wrote is for the compliance officer, unless the firm decides otherwise.
    let chats = [
        Permission::ArchiveRead,
        Permission::AlertHandle,
        Permission::EvidenceManage,
    ];
    let all = Permission::ALL.into_iter().filter(|p| !chats.contains(p));
    assert_eq!(has(Role::SuperAdmin), all.collect());
    assert!(chats.iter().all(|p| has(Role::Compliance).contains(p)));
    let customers = [
        Permission::CustomerRead,
        Permission::CustomerReveal,
        Permission::CustomerExport,
        Permission::GroupRead,
    ];
    assert!(customers.iter().all(|p| !has(Role::Compliance).contains(p)));
    for role in [Role::DepartmentAdmin, Role::Staff] {
        assert!(has(role).contains(&Permission::CustomerRead));
        assert!(!has(role).contains(&Permission::AuditRead));
    }
    for role in Role::BUILT_IN {
        let manages = has(role).iter().any(|p| !p.is_delegable());
        assert_eq!(manages, role == Role::SuperAdmin);
        assert_eq!(Role::of_code(&role.code()), Some(role));
    }
}

#[test]
fn the_last_super_admin_stays() {
    let firm = Firm::new();
    let lin = firm.account("lin", Role::SuperAdmin);
    let console = Viewer::console();
    let disable = |account: &Account| {
        let command = DisableAccount {
            account: account.id,
        };
        firm.run(&console, "account.disable", command, disable_account)
    };
    let demote = |account: &Account| {
        let command = UpdateAccount {
            account: account.id,
            name: "林".to_owned(),
            role: Role::Staff,
            member: None,
            units: Vec::new(),
        };
        firm.run(&console, "account.update", command, update_account)
    };
    let last = "conflict.last_super_admin";
    assert_eq!(
        (code_of(disable(&lin)), code_of(demote(&lin))),
        (last.into(), last.into())
    );
    // One who was only invited cannot sign in and does not count.
    let invited = CreateAccount {
        login: "wang".to_owned(),
        name: "王".to_owned(),
        role: Role::SuperAdmin,
        member: None,
        units: Vec::new(),
        password: None,
    };
    firm.run(&console, "account.create", invited, create_account)
        .unwrap();
    assert_eq!(code_of(disable(&lin)), last);
    let second = firm.account("chen", Role::SuperAdmin);
    disable(&lin).unwrap();
    assert_eq!(
        (code_of(disable(&second)), code_of(demote(&second))),
        (last.into(), last.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_does_what_it_says_and_no_more() {
    let firm = Firm::new();
    let (zhou, lin) = block(|| {
        (
            firm.account("zhou", Role::Staff),
            firm.account("lin", Role::SuperAdmin),
        )
    });
    // Neither more than the account has, nor what decides about others, nor nothing.
    for (account, permission) in [
        (&zhou, &[Permission::AuditRead][..]),
        (&lin, &[Permission::AccountManage]),
        (&lin, &[]),
    ] {
        assert_eq!(
            code_of(block(|| firm.api_token(account, permission))),
            "token.permissions"
        );
    }
    let text = block(|| firm.api_token(&lin, &[Permission::CustomerRead])).unwrap();
    let program = firm.call(&text).unwrap();
    assert!(
        firm.scope(&program, Permission::CustomerRead)
            .unwrap()
            .is_everything()
    );
    assert_eq!(
        code_of(firm.scope(&program, Permission::AuditRead)),
        "forbidden"
    );
    // Not its owner's password, name or sessions.
    let profile = UpdateProfile {
        name: "x".to_owned(),
    };
    let refused = block(|| firm.run(&program, "account.update_profile", profile, update_profile));
    assert_eq!(code_of(refused), "forbidden");
    // A token is no session and a session no token.
    let (session, _) = firm.sign_in("lin").await;
    assert_eq!(
        (code_of(firm.visit(&text)), code_of(firm.call(&session))),
        (ENDED.into(), ENDED.into())
    );

    firm.clock.advance_ms(60 * MINUTE);
    assert_eq!(code_of(firm.call(&text)), ENDED);
    firm.clock.advance_ms(-MINUTE);
    let token = firm.store.read(|r| {
        let scope = Viewer::console()
            .scope(r, Permission::AccountManage)
            .unwrap();
        queries::tokens(r, &scope, lin.id).unwrap().remove(0).id
    });
    assert!(firm.call(&text).is_ok());
    let command = RevokeToken { token };
    block(|| firm.run(&Viewer::console(), "token.revoke", command, revoke_token)).unwrap();
    assert_eq!(code_of(firm.call(&text)), ENDED);
    assert_eq!(
        code_of(firm.scope(&program, Permission::CustomerRead)),
        ENDED
    );
}

#[test]
fn logins_members_and_roles_are_unique_and_say_so_at_their_field() {
    let firm = Firm::new();
    let member = Some(SubjectId::from_bits(3));
    firm.account_as("zhou", Role::Staff, member, Vec::new())
        .unwrap();
    let again = |login, member| firm.account_as(login, Role::Staff, member, Vec::new());
    assert_eq!(code_of(again("ＺＨＯＵ", None)), "login.taken");
    assert_eq!(code_of(again("wang", member)), "member.taken");
    assert_eq!(code_of(again("w", None)), "login.shape");
    let unknown = Role::Custom(Id::from_bits(8));
    assert_eq!(
        code_of(firm.account_as("wang", unknown, None, Vec::new())),
        "role.unknown"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_role_gives_what_it_says_and_never_the_keys() {
    let firm = Firm::new();
    let console = Viewer::console();
    let save = |role, permissions: &[Permission], breadth| {
        let command = SaveRole {
            role,
            name: "区域督导".to_owned(),
            permissions: permissions.iter().copied().collect(),
            breadth,
        };
        block(|| firm.run(&console, "role.save", command, save_role))
    };
    let keys = save(None, &[Permission::AccountManage], Breadth::Everything);
    assert_eq!(code_of(keys), "role.not_delegable");
    let role = save(None, &[Permission::CustomerRead], Breadth::Everything).unwrap();
    assert_eq!(
        code_of(save(None, &[Permission::TagRead], Breadth::Own)),
        "role.taken"
    );
    block(|| firm.account("dudao", Role::Custom(role.id)));
    let (_, viewer) = firm.sign_in("dudao").await;
    assert!(
        firm.scope(&viewer, Permission::CustomerRead)
            .unwrap()
            .is_everything()
    );
    assert_eq!(
        code_of(firm.scope(&viewer, Permission::TagRead)),
        "forbidden"
    );
    save(Some(role.id), &[Permission::TagRead], Breadth::Own).unwrap();
    assert_eq!(
        code_of(firm.scope(&viewer, Permission::CustomerRead)),
        "forbidden"
    );
    assert_eq!(
        firm.scope(&viewer, Permission::TagRead).unwrap().reach(),
        &Reach::Own
    );
    let delete = DeleteRole { role: role.id };
    let in_use = block(|| firm.run(&console, "role.delete", delete, delete_role));
    assert_eq!(code_of(in_use), "conflict.role_in_use");
}

#[tokio::test(flavor = "multi_thread")]
async fn housekeeping_removes_only_what_is_over() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    firm.sign_in("zhou").await;
    firm.clock.advance_ms(SESSION_IDLE_MS);
    let (living, _) = firm.sign_in("zhou").await;
    housekeeping(&firm.store).await.unwrap();
    assert!(firm.visit(&living).is_ok());
    let left = firm.store.read(|r| r.all::<Session>(None).unwrap().count());
    assert_eq!(left, 1);
    assert!(firm.entries("session.sweep").is_empty());
    assert_eq!(firm.store.check().unwrap().found, []);
}

#[test]
fn secrets_stay_out_of_the_audit_view() {
    let firm = Firm::new();
    let account = firm.account("zhou", Role::Staff);
    let view = crate::store::Entity::audit_view(&account);
    let password = view.iter().find(|(field, _)| *field == "password").unwrap();
    assert_eq!(password.1, "set");
    assert!(!format!("{account:?}").contains("salt"));
}

#[test]
fn accounts_page_forwards_and_back() {
    let firm = Firm::new();
    for login in ["e5", "a1", "c3", "b2", "d4"] {
        firm.account(login, Role::Staff);
    }
    firm.store.read(|r| {
        let scope = Viewer::console()
            .scope(r, Permission::AccountManage)
            .unwrap();
        let page = |after, before| {
            let ask = crate::kit::PageRequest {
                after,
                before,
                limit: Some(2),
            };
            queries::accounts(r, &scope, "", &ask).unwrap()
        };
        let logins = |p: &crate::kit::Page<queries::AccountView>| {
            p.items.iter().map(|a| a.login.clone()).collect::<Vec<_>>()
        };
        let first = page(None, None);
        assert_eq!(
            (logins(&first), first.total, first.prev.is_none()),
            (vec!["a1".into(), "b2".into()], 5, true)
        );
        let second = page(first.next.clone(), None);
        assert_eq!(logins(&second), ["c3", "d4"]);
        let third = page(second.next.clone(), None);
        assert_eq!(
            (logins(&third), third.next.is_none()),
            (vec!["e5".to_owned()], true)
        );
        assert_eq!(logins(&page(None, third.prev)), ["c3", "d4"]);
        assert_eq!(logins(&page(None, second.prev)), ["a1", "b2"]);
        let found = queries::accounts(r, &scope, "C3", &Default::default()).unwrap();
        assert_eq!(logins(&found), ["c3"]);
    });
}
