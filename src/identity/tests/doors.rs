//! Signing in, codes, passwords, throttling.

use super::*;

fn redemption(code: &str, login: &str, password: &str) -> Redemption {
    Redemption {
        code: code.to_owned(),
        login: login.to_owned(),
        name: "林老板".to_owned(),
        password: secret(password),
    }
}

impl Firm {
    async fn redeem(&self, code: &str, login: &str, password: &str) -> Result<Ticket> {
        let typed = redemption(code, login, password);
        let entered = redeem(&self.store, &self.passwords, typed, from("192.0.2.7")).await;
        entered.map(all_the_way)
    }

    fn first_claim(&self) -> Option<String> {
        let act = Act::by_system("account.claim_code", "start");
        match self.store.write_blocking(act, renew_first_claim).unwrap() {
            FirstClaim::Given(ticket) => Some(ticket.text.expose().clone()),
            FirstClaim::NotNeeded | FirstClaim::Waiting => None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_super_admin_comes_by_a_code_that_opens_once() {
    let firm = Firm::new();
    let old = block(|| firm.first_claim()).unwrap();
    let code = block(|| firm.first_claim()).unwrap();
    assert_eq!(
        code_of(firm.redeem(&old, "lin", PASSWORD).await),
        "claim.code"
    );
    assert_eq!(
        code_of(firm.redeem(&code, "lin", "short").await),
        "password.short"
    );
    assert_eq!(
        code_of(firm.redeem(&code, "lin", "qitai-demo").await),
        "password.guessable"
    );
    assert_eq!(
        code_of(firm.redeem(&code, "林 ", PASSWORD).await),
        "login.shape"
    );

    let typed = code.to_lowercase();
    let ticket = firm.redeem(&typed, "Lin", PASSWORD).await.unwrap();
    let viewer = firm.visit(ticket.text.expose()).unwrap();
    assert_eq!(viewer.role(), "super_admin");
    let entry = firm.last();
    assert_eq!((entry.act.as_str(), entry.outcome), ("account.claim", "ok"));
    assert_eq!(entry.actor, viewer.actor().text());

    assert_eq!(
        code_of(firm.redeem(&code, "other", PASSWORD).await),
        "claim.code"
    );
    assert_eq!(block(|| firm.first_claim()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_start_keeps_the_code_that_somebody_is_about_to_type() {
    let firm = Firm::new();
    let start = || {
        let act = Act::by_system("account.claim_code", "start");
        firm.store.write_blocking(act, ensure_first_claim).unwrap()
    };
    let FirstClaim::Given(ticket) = block(start) else {
        panic!("a new folder gives a code");
    };
    assert!(matches!(block(start), FirstClaim::Waiting));
    let typed = ticket.text.expose();
    firm.redeem(typed, "lin", PASSWORD).await.unwrap();
    assert!(matches!(block(start), FirstClaim::NotNeeded));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_replaces_a_code_that_has_ended() {
    let firm = Firm::new();
    let start = || {
        let act = Act::by_system("account.claim_code", "start");
        firm.store.write_blocking(act, ensure_first_claim).unwrap()
    };
    assert!(matches!(block(start), FirstClaim::Given(_)));
    firm.clock.advance_ms(CODE_MS);
    assert!(matches!(block(start), FirstClaim::Given(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_given_out_before_somebody_became_super_admin_is_void() {
    let firm = Firm::new();
    let code = block(|| {
        let code = firm.first_claim().unwrap();
        firm.account("lin", Role::SuperAdmin);
        code
    });
    assert_eq!(
        code_of(firm.redeem(&code, "mallory", PASSWORD).await),
        "claim.code"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_end_after_a_day_also_when_the_clock_goes_back() {
    for jump in [CODE_MS, -CODE_MS] {
        let firm = Firm::new();
        let code = block(|| firm.first_claim()).unwrap();
        firm.clock.advance_ms(jump);
        assert_eq!(
            code_of(firm.redeem(&code, "lin", PASSWORD).await),
            "claim.code"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_folds_the_login_and_leaves_one_entry() {
    let firm = Firm::new();
    let account = block(|| firm.account("Zhou.Min", Role::Staff));
    let before = firm.entries("session.sign_in").len();
    let ticket = firm
        .try_sign_in(" ｚHOU.min", PASSWORD, "192.0.2.1")
        .await
        .unwrap();
    let viewer = firm.visit(ticket.text.expose()).unwrap();
    assert_eq!(viewer.account_id(), Some(account.id));
    let entries = firm.entries("session.sign_in");
    assert_eq!(entries.len(), before + 1);
    assert_eq!(entries[before].actor, format!("account:{}", account.id));
    let session = viewer.session().unwrap();
    assert_eq!(
        entries[before].objects,
        [format!("session:{}", session.id())]
    );
    assert_ne!(
        firm.visit(&hex::encode(session.token))
            .err()
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_sign_ins_look_the_same() {
    let firm = Firm::new();
    block(|| {
        firm.account("zhou", Role::Staff);
        let gone = firm.account("gone", Role::Staff);
        let command = DisableAccount { account: gone.id };
        firm.run(
            &Viewer::console(),
            "account.disable",
            command,
            disable_account,
        )
        .unwrap();
    });
    for (login, password) in [
        ("zhou", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("not a login", PASSWORD),
        ("", ""),
    ] {
        let refused = firm.try_sign_in(login, password, "192.0.2.1").await;
        assert_eq!(code_of(refused), "sign_in.refused", "{login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sign_in_ends_the_session_it_replaces() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (old, _) = firm.sign_in("zhou").await;
    let credentials = Credentials {
        login: "zhou".to_owned(),
        password: secret(PASSWORD),
    };
    let (store, passwords) = (&firm.store, &firm.passwords);
    let origin = from("192.0.2.1");
    let new = sign_in(store, passwords, credentials, origin, Some(old.clone()))
        .await
        .unwrap();
    assert_eq!(code_of(firm.visit(&old)), "unauthenticated");
    assert!(firm.visit(all_the_way(new).text.expose()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_wait_longer_and_longer_and_success_starts_afresh() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    for _ in 0..6 {
        let refused = firm.try_sign_in("ZHOU", "wrong horse", "192.0.2.9").await;
        assert_eq!(code_of(refused), "sign_in.refused");
    }
    // Not even the right password is looked at, from nowhere.
    let throttled = firm.try_sign_in("zhou", PASSWORD, "198.51.100.3").await;
    assert!(matches!(
        throttled,
        Err(AppError::TooMany { retry_after_s: 1 })
    ));
    assert_eq!(firm.entries("session.sign_in").len(), 0);

    firm.clock.advance_ms(1000);
    assert!(
        firm.try_sign_in("zhou", "wrong horse", "192.0.2.9")
            .await
            .is_err()
    );
    let throttled = firm.try_sign_in("zhou", PASSWORD, "192.0.2.9").await;
    assert!(matches!(
        throttled,
        Err(AppError::TooMany { retry_after_s: 2 })
    ));

    firm.clock.advance_ms(2000);
    assert!(
        firm.try_sign_in("zhou", PASSWORD, "192.0.2.9")
            .await
            .is_ok()
    );
    assert_eq!(
        code_of(firm.try_sign_in("zhou", "x", "192.0.2.9").await),
        "sign_in.refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_once_gain_nothing() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let tries = (0..40).map(|_| firm.try_sign_in("zhou", "wrong horse", "192.0.2.9"));
    let done = futures_util::future::join_all(tries).await;
    let looked_at = done
        .into_iter()
        .filter(|r| matches!(r, Err(AppError::Invalid(_))));
    assert_eq!(looked_at.count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_is_slowed_whatever_logins_it_tries() {
    let firm = Firm::new();
    let mut looked_at = 0;
    for i in 0..60 {
        let refused = firm
            .try_sign_in(&format!("user{i}"), "wrong horse", "2001:db8::1")
            .await;
        looked_at += usize::from(matches!(refused, Err(AppError::Invalid(_))));
    }
    assert_eq!(looked_at, 51);
    let neighbour = firm
        .try_sign_in("user99", "wrong horse", "2001:db8::2")
        .await;
    assert!(matches!(neighbour, Err(AppError::TooMany { .. })));
    let elsewhere = firm
        .try_sign_in("user99", "wrong horse", "2001:db8:1::2")
        .await;
    assert_eq!(code_of(elsewhere), "sign_in.refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_leave_one_entry_per_source_and_minute_and_none_is_uncounted() {
    let firm = Firm::new();
    let failures = |firm: &Firm| firm.entries("session.sign_in_failed");
    for i in 0..4 {
        let _ = firm
            .try_sign_in(&format!("user{i}"), "wrong horse", "192.0.2.9")
            .await;
    }
    assert_eq!(failures(&firm).len(), 1);
    assert!(
        failures(&firm)[0]
            .details
            .contains(&"attempts=1".to_owned())
    );
    assert_eq!(failures(&firm)[0].actor, "nobody");
    let _ = firm.try_sign_in("user", "wrong horse", "192.0.2.10").await;
    assert_eq!(failures(&firm).len(), 2);

    firm.clock.advance_ms(MINUTE);
    let _ = firm.try_sign_in("user5", "wrong horse", "192.0.2.9").await;
    assert_eq!(failures(&firm).len(), 3);
    assert!(
        failures(&firm)[2]
            .details
            .contains(&"attempts=4".to_owned())
    );

    let _ = firm.try_sign_in("user6", "wrong horse", "192.0.2.9").await;
    firm.clock.advance_ms(MINUTE);
    housekeeping(&firm.store).await.unwrap();
    housekeeping(&firm.store).await.unwrap();
    assert_eq!(failures(&firm).len(), 4);
    assert_eq!(failures(&firm)[3].details[0], failures(&firm)[0].details[0]);
    assert!(
        failures(&firm)[3]
            .details
            .contains(&"attempts=1".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_frees_a_login_that_must_wait() {
    let firm = Firm::new();
    let account = block(|| firm.account("lin", Role::SuperAdmin));
    for _ in 0..8 {
        let _ = firm.try_sign_in("lin", "wrong horse", "192.0.2.9").await;
    }
    assert!(matches!(
        firm.try_sign_in("lin", PASSWORD, "192.0.2.1").await,
        Err(AppError::TooMany { .. })
    ));
    let code = block(|| {
        let command = ResetPassword {
            account: account.id,
        };
        firm.run(
            &Viewer::console(),
            "account.reset_password",
            command,
            reset_password,
        )
        .unwrap()
    });
    let ticket = firm
        .redeem(code.text.expose(), "", "another good horse")
        .await
        .unwrap();
    assert_eq!(
        firm.visit(ticket.text.expose()).unwrap().account_id(),
        Some(account.id)
    );
    assert!(
        firm.try_sign_in("lin", "another good horse", "192.0.2.1")
            .await
            .is_ok()
    );
    assert_eq!(
        code_of(firm.try_sign_in("lin", PASSWORD, "192.0.2.1").await),
        "sign_in.refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_password_takes_the_current_one_and_ends_all_sessions() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (elsewhere, _) = firm.sign_in("zhou").await;
    let (token, viewer) = firm.sign_in("zhou").await;
    let change = async |current: &str, new: &str| {
        let (current, new) = (secret(current), secret(new));
        change_password(&firm.store, &firm.passwords, &viewer, current, new).await
    };
    assert_eq!(
        code_of(change("wrong horse", "another good horse").await),
        "password.wrong"
    );
    assert_eq!(
        code_of(change(PASSWORD, "zhou123456").await),
        "password.guessable"
    );
    assert!(firm.visit(&token).is_ok());
    let ticket = change(PASSWORD, "another good horse").await.unwrap();
    assert_eq!(firm.last().act, "account.change_password");
    for old in [&token, &elsewhere] {
        assert_eq!(code_of(firm.visit(old)), "unauthenticated");
    }
    assert!(firm.visit(ticket.text.expose()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_the_password_again_renews_the_token_but_not_the_age() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (token, viewer) = firm.sign_in("zhou").await;
    let began = viewer.session().unwrap().created_at;
    firm.clock.advance_ms(STEP_UP_MS);
    assert!(!viewer.session().unwrap().is_stepped_up(firm.now()));
    let again = step_up(&firm.store, &firm.passwords, &viewer, secret(PASSWORD))
        .await
        .unwrap();
    assert_eq!(code_of(firm.visit(&token)), "unauthenticated");
    let viewer = firm.visit(again.text.expose()).unwrap();
    let session = viewer.session().unwrap();
    assert_eq!(
        (session.created_at, session.is_stepped_up(firm.now())),
        (began, true)
    );
}
