//! What a viewer may do, and how soon a change bites.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_idle_admins_sooner() {
    let firm = Firm::new();
    block(|| {
        firm.account("zhou", Role::Staff);
        firm.account("lin", Role::SuperAdmin);
    });
    let (staff, _) = firm.sign_in("zhou").await;
    let (admin, _) = firm.sign_in("lin").await;
    firm.clock.advance_ms(ADMIN_IDLE_MS - 1);
    assert!(firm.visit(&admin).is_ok());
    firm.clock.advance_ms(1);
    assert_eq!(code_of(firm.visit(&admin)), ENDED);
    firm.clock.advance_ms(SESSION_IDLE_MS - ADMIN_IDLE_MS - 1);
    assert!(firm.visit(&staff).is_ok());
    firm.clock.advance_ms(1);
    assert_eq!(code_of(firm.visit(&staff)), ENDED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_use_ends_after_twelve_hours() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (token, _) = firm.sign_in("zhou").await;
    let mut lived = 0;
    while let Ok(viewer) = firm.visit(&token) {
        assert!(lived < SESSION_MS_MAX);
        if viewer.is_touch_due() {
            let act = Act::by_system("session.touch", "session");
            block(|| firm.store.write_blocking(act, move |w| touch(w, &viewer))).unwrap();
        }
        firm.clock.advance_ms(10 * MINUTE);
        lived += 10 * MINUTE;
    }
    assert_eq!(lived, SESSION_MS_MAX);
    assert!(firm.entries("session.touch").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ends_sessions_rather_than_prolonging_them() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let day = 24 * 60 * MINUTE;
    for jump in [day, -day, 400 * day, -400 * day] {
        let (token, _) = firm.sign_in("zhou").await;
        firm.clock.advance_ms(jump);
        assert_eq!(code_of(firm.visit(&token)), ENDED, "after {jump}");
    }
    let (token, _) = firm.sign_in("zhou").await;
    for step in [-1000, 1000, -2000, 1500] {
        firm.clock.advance_ms(step);
        assert!(
            firm.visit(&token).is_ok(),
            "a second more or less is nothing"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_and_revoking_end_sessions_at_once() {
    let firm = Firm::new();
    block(|| {
        firm.account("zhou", Role::Staff);
        firm.account("wang", Role::Staff);
    });
    let (first, _) = firm.sign_in("zhou").await;
    let (second, viewer) = firm.sign_in("zhou").await;
    let (third, _) = firm.sign_in("zhou").await;
    let (foreign, other) = firm.sign_in("wang").await;

    let own = firm
        .store
        .read(|r| queries::own_sessions(r, &viewer, firm.now()))
        .unwrap();
    assert_eq!(own.len(), 3);
    assert!(own[0].is_this && !own[1].is_this);

    let theirs = RevokeSession {
        session: other.session().unwrap().id(),
    };
    let refused = block(|| firm.run(&viewer, "session.revoke", theirs, revoke_session));
    assert_eq!(code_of(refused), "not_found.session");
    assert!(firm.visit(&foreign).is_ok());

    let first_id = firm.visit(&first).unwrap().session().unwrap().id();
    let command = RevokeSession { session: first_id };
    block(|| firm.run(&viewer, "session.revoke", command, revoke_session)).unwrap();
    assert_eq!(firm.last().objects, [format!("session:{first_id}")]);
    assert_eq!(code_of(firm.visit(&first)), ENDED);

    let ended = block(|| {
        firm.run(
            &viewer,
            "session.revoke",
            RevokeOtherSessions,
            revoke_other_sessions,
        )
    });
    assert_eq!(
        (ended.unwrap(), code_of(firm.visit(&third))),
        (1, ENDED.to_owned())
    );

    block(|| firm.run(&viewer, "session.sign_out", SignOut, sign_out)).unwrap();
    assert_eq!(firm.last().act, "session.sign_out");
    assert_eq!(code_of(firm.visit(&second)), ENDED);
    // What was authenticated before the end can do nothing more either.
    let late = block(|| firm.run(&viewer, "session.sign_out", SignOut, sign_out));
    assert_eq!(code_of(late), ENDED);
    assert_eq!(
        code_of(firm.scope(&viewer, Permission::CustomerRead)),
        ENDED
    );
    assert!(firm.visit(&foreign).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_stops_in_the_middle() {
    let firm = Firm::new();
    let zhou = block(|| firm.account("zhou", Role::Staff));
    let (session, viewer) = firm.sign_in("zhou").await;
    let token = block(|| firm.api_token(&zhou, &[Permission::CustomerRead])).unwrap();
    let program = firm.call(&token).unwrap();
    let console = Viewer::console();
    let command = DisableAccount { account: zhou.id };
    block(|| firm.run(&console, "account.disable", command, disable_account)).unwrap();
    for viewer in [&viewer, &program] {
        assert_eq!(code_of(firm.scope(viewer, Permission::CustomerRead)), ENDED);
    }
    let profile = UpdateProfile {
        name: "x".to_owned(),
    };
    let late = block(|| firm.run(&viewer, "account.update_profile", profile, update_profile));
    assert_eq!(code_of(late), ENDED);
    let enable = EnableAccount { account: zhou.id };
    block(|| firm.run(&console, "account.enable", enable, enable_account)).unwrap();
    assert_eq!(
        (code_of(firm.visit(&session)), code_of(firm.call(&token))),
        (ENDED.into(), ENDED.into())
    );
    firm.sign_in("zhou").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_role_bites_at_the_next_use() {
    let firm = Firm::new();
    let zhou = block(|| firm.account("zhou", Role::SuperAdmin));
    block(|| firm.account("lin", Role::SuperAdmin));
    let (_, viewer) = firm.sign_in("zhou").await;
    assert!(
        firm.scope(&viewer, Permission::AuditRead)
            .unwrap()
            .is_everything()
    );
    let command = UpdateAccount {
        account: zhou.id,
        name: "周敏".to_owned(),
        role: Role::Staff,
        member: Some(SubjectId::from_bits(77)),
        units: Vec::new(),
    };
    block(|| {
        firm.run(
            &Viewer::console(),
            "account.update",
            command,
            update_account,
        )
    })
    .unwrap();
    assert_eq!(
        code_of(firm.scope(&viewer, Permission::AuditRead)),
        "forbidden"
    );
    let scope = firm.scope(&viewer, Permission::CustomerRead).unwrap();
    assert_eq!(
        (scope.reach(), scope.member()),
        (&Reach::Own, Some(SubjectId::from_bits(77)))
    );
    let settings = SaveAccessSettings {
        settings: AccessSettings::default(),
    };
    let refused = block(|| firm.run(&viewer, "settings.access", settings, save_access_settings));
    assert_eq!(code_of(refused), "forbidden");
    let entry = firm.last();
    assert_eq!(
        (entry.act.as_str(), entry.outcome),
        ("settings.access", "denied")
    );
    assert_eq!(entry.actor, format!("account:{}", zhou.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_widen_what_staff_see_and_nobody_else() {
    let firm = Firm::new();
    let unit = Id::from_bits(5);
    block(|| {
        firm.account("zhou", Role::Staff);
        firm.account_as("chen", Role::DepartmentAdmin, None, vec![unit])
            .unwrap();
    });
    let (_, staff) = firm.sign_in("zhou").await;
    let (_, manager) = firm.sign_in("chen").await;
    let mut settings = AccessSettings::default();
    let mut expect = |cross: bool, department: bool, reach: Reach| {
        settings.cross_department = cross;
        settings.staff_sees_department = department;
        let command = SaveAccessSettings { settings };
        let console = Viewer::console();
        block(|| firm.run(&console, "settings.access", command, save_access_settings)).unwrap();
        let scope = firm.scope(&staff, Permission::CustomerRead).unwrap();
        assert_eq!(scope.reach(), &reach);
        let scope = firm.scope(&manager, Permission::CustomerRead).unwrap();
        assert_eq!(scope.reach(), &Reach::Units(vec![unit]));
    };
    expect(false, false, Reach::Own);
    expect(false, true, Reach::OwnUnits);
    expect(true, false, Reach::Everything);
    expect(true, true, Reach::Everything);
    assert_eq!(firm.entries("settings.access").len(), 4);
    expect(false, false, Reach::Own);
    let book = firm.scope(&staff, Permission::OrgRead).unwrap();
    assert_eq!(book.reach(), &Reach::OwnUnits);
}

#[test]
fn what_is_absent_is_not_found_and_what_is_not_allowed_is_forbidden() {
    let firm = Firm::new();
    let nowhere = DisableAccount {
        account: Id::from_bits(9),
    };
    let console = Viewer::console();
    let absent = firm.run(
        &console,
        "account.disable",
        nowhere.clone(),
        disable_account,
    );
    assert_eq!(code_of(absent), "not_found.account");
    let zhou = firm.account("zhou", Role::Staff);
    let now = firm.now();
    let job = firm
        .store
        .read(|r| Viewer::on_behalf(r, zhou.id, "export", now))
        .unwrap();
    let refused = firm.run(&job, "account.disable", nowhere, disable_account);
    assert_eq!(code_of(refused), "forbidden");
    assert_eq!(
        (firm.last().actor.as_str(), firm.last().outcome),
        ("system:export", "denied")
    );
}

/// A thing of one member, to try scopes on.
struct Touch {
    owner: SubjectId,
}

impl Command for Touch {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerRead);
    const WHAT: &'static str = "customer";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() || scope.member() == Some(self.owner))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_out_of_scope_is_not_found_and_leaves_no_entry() {
    let firm = Firm::new();
    let own = SubjectId::from_bits(41);
    block(|| firm.account_as("zhou", Role::Staff, Some(own), Vec::new())).unwrap();
    let (_, viewer) = firm.sign_in("zhou").await;
    let entries = firm.log.0.lock().unwrap().len();
    let touch = |_: &mut Write<'_>, _: Allowed<Touch>| Ok(());
    block(|| firm.run(&viewer, "customer.touch", Touch { owner: own }, touch)).unwrap();
    let foreign = Touch {
        owner: SubjectId::from_bits(42),
    };
    let refused = block(|| firm.run(&viewer, "customer.touch", foreign, touch));
    assert_eq!(code_of(refused), "not_found.customer");
    assert_eq!(firm.log.0.lock().unwrap().len(), entries);
}

#[test]
fn a_command_cannot_be_carried_out_in_anothers_name() {
    let firm = Firm::new();
    let zhou = firm.account("zhou", Role::SuperAdmin);
    let now = firm.now();
    let job = firm
        .store
        .read(|r| Viewer::on_behalf(r, zhou.id, "export", now))
        .unwrap();
    let refused: Result<()> = firm
        .store
        .write_blocking(job.change("account.disable"), |w| {
            let allowed = Viewer::console().allow(
                w,
                EnableAccount {
                    account: Id::from_bits(1),
                },
            )?;
            enable_account(w, allowed)
        });
    assert_eq!(code_of(refused), "internal");
}
