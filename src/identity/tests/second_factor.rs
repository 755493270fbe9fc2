//! The second factor: setting up, signing in, losing it.

use super::*;

impl Firm {
    /// Sets up a second factor for the viewer's account; gives its secret and recovery codes.
    fn enrol(&self, viewer: &Viewer) -> (TotpSecret, Vec<String>) {
        let act = "second_factor.begin";
        self.run(viewer, act, BeginEnrolment, begin_enrolment)
            .unwrap();
        let account = viewer.account_id().unwrap();
        let waiting = self.store.read(|r| r.get::<Enrolment>(&account)).unwrap();
        let secret = waiting.unwrap().secret;
        let codes = self.confirm(viewer, &secret.code_at(self.now())).unwrap();
        (secret, codes)
    }

    fn confirm(&self, viewer: &Viewer, code: &str) -> Result<Vec<String>> {
        let code = secret(code);
        let command = ConfirmEnrolment { code };
        let act = "second_factor.enable";
        let codes = self.run(viewer, act, command, confirm_enrolment)?;
        Ok(codes.iter().map(|code| code.expose().clone()).collect())
    }

    /// The first step; gives the token of the half sign-in.
    async fn first_step(&self, login: &str) -> String {
        match self.enter(login, PASSWORD, "192.0.2.1").await.unwrap() {
            Entered::HalfWay(ticket) => ticket.text.expose().clone(),
            Entered::In(_) => panic!("no second factor was asked for"),
        }
    }

    async fn second(&self, half: &str, code: &str) -> Result<Ticket> {
        let origin = from("192.0.2.1");
        second_step(&self.store, half, secret(code), origin, None).await
    }

    fn require(&self, rule: SecondFactorRule) {
        let settings = SecuritySettings {
            second_factor: rule,
            ..SecuritySettings::default()
        };
        let console = Viewer::console();
        let act = "settings.security";
        self.run(&console, act, SaveSecurity { settings }, save_security)
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_once_and_only_with_the_password() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (_, viewer) = firm.sign_in("zhou").await;
    // A wrong first code leaves everything as it was.
    let begin = BeginEnrolment;
    block(|| firm.run(&viewer, "second_factor.begin", begin, begin_enrolment)).unwrap();
    assert_eq!(
        code_of(block(|| firm.confirm(&viewer, "000000"))),
        "second_factor.wrong"
    );
    assert!(firm.sign_in("zhou").await.1.account_id().is_some());
    let (secret, codes) = block(|| firm.enrol(&viewer));
    assert_eq!(codes.len(), RECOVERY_CODES);
    assert_eq!(firm.last().act, "second_factor.enable");

    let half = firm.first_step("zhou").await;
    assert_eq!(firm.last().act, "session.first_step");
    assert_eq!(code_of(firm.visit(&half)), ENDED, "half a sign-in is none");
    // The code that confirmed was used.
    let used = secret.code_at(firm.now());
    let wrong = "second_step.wrong";
    assert_eq!(code_of(firm.second(&half, &used).await), wrong);
    firm.clock.advance_ms(30_000);
    let code = secret.code_at(firm.now());
    let ticket = firm.second(&half, &code).await.unwrap();
    assert!(firm.visit(ticket.text.expose()).is_ok());
    let entry = firm.last();
    assert_eq!(entry.act, "session.sign_in");
    assert_eq!(entry.details, ["second_factor=totp"]);
    // Neither the half sign-in nor the code opens again.
    let expired = "second_step.expired";
    assert_eq!(code_of(firm.second(&half, &code).await), expired);
    let half = firm.first_step("zhou").await;
    assert_eq!(code_of(firm.second(&half, &code).await), wrong);
    firm.clock.advance_ms(SECOND_STEP_MS);
    let late = secret.code_at(firm.now());
    assert_eq!(code_of(firm.second(&half, &late).await), expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_open_once_each_and_renewing_voids_them() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (_, viewer) = firm.sign_in("zhou").await;
    let (_, codes) = block(|| firm.enrol(&viewer));
    let half = firm.first_step("zhou").await;
    let typed = codes[3].to_lowercase().replace('-', " ");
    firm.second(&half, &typed).await.unwrap();
    assert_eq!(firm.last().details, ["second_factor=recovery_code"]);
    let half = firm.first_step("zhou").await;
    let wrong = "second_step.wrong";
    assert_eq!(code_of(firm.second(&half, &typed).await), wrong);
    let left = firm
        .store
        .read(|r| SecondFactor::of(r, viewer.account_id().unwrap()));
    assert_eq!(left.unwrap().unwrap().recovery_left(), RECOVERY_CODES - 1);

    let renew = RenewRecoveryCodes;
    let act = "second_factor.renew_codes";
    let fresh = block(|| firm.run(&viewer, act, renew, renew_recovery_codes)).unwrap();
    assert_eq!(code_of(firm.second(&half, &codes[5]).await), wrong);
    firm.second(&half, fresh[5].expose()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_slowed_down_and_noted() {
    let firm = Firm::new();
    block(|| firm.account("zhou", Role::Staff));
    let (_, viewer) = firm.sign_in("zhou").await;
    let (secret, _) = block(|| firm.enrol(&viewer));
    firm.clock.advance_ms(30_000);
    let half = firm.first_step("zhou").await;
    for _ in 0..6 {
        let wrong = firm.second(&half, "000000").await;
        assert_eq!(code_of(wrong), "second_step.wrong");
    }
    let right = secret.code_at(firm.now());
    assert_eq!(code_of(firm.second(&half, &right).await), "too_many");
    assert_eq!(firm.entries("session.sign_in_failed").len(), 1);
    firm.clock.advance_ms(2_000);
    assert!(firm.second(&half, &right).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_have_one_can_do_nothing_else_before() {
    let firm = Firm::new();
    block(|| firm.account("lin", Role::SuperAdmin));
    let (token, before) = firm.sign_in("lin").await;
    assert!(firm.scope(&before, Permission::AuditRead).is_ok());
    block(|| firm.require(SecondFactorRule::SuperAdmins));
    // It bites in what was authenticated before, too.
    let refused = firm.scope(&before, Permission::AuditRead);
    assert_eq!(code_of(refused), "forbidden");
    let viewer = firm.visit(&token).unwrap();
    assert!(viewer.must_enrol() && !viewer.may(Permission::AuditRead));
    block(|| firm.enrol(&viewer));
    let viewer = firm.visit(&token).unwrap();
    assert!(!viewer.must_enrol());
    assert!(firm.scope(&viewer, Permission::AuditRead).is_ok());
    let drop = DropSecondFactor;
    let act = "second_factor.remove";
    let kept = block(|| firm.run(&viewer, act, drop, drop_second_factor));
    assert_eq!(code_of(kept), "conflict.second_factor_asked");
    block(|| firm.require(SecondFactorRule::Optional));
    block(|| firm.run(&viewer, act, drop, drop_second_factor)).unwrap();
    firm.sign_in("lin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_super_admin_can_remove_it_and_a_reset_password_does_not_go_around_it() {
    let firm = Firm::new();
    let zhou = block(|| firm.account("zhou", Role::Staff));
    block(|| firm.account("lin", Role::SuperAdmin));
    let (_, viewer) = firm.sign_in("zhou").await;
    let (_, admin) = firm.sign_in("lin").await;
    block(|| firm.enrol(&viewer));
    let account = zhou.id;
    let reset = ResetPassword { account };
    let act = "account.reset_password";
    let code = block(|| firm.run(&admin, act, reset, reset_password)).unwrap();
    let typed = Redemption {
        code: code.text.expose().clone(),
        login: String::new(),
        name: String::new(),
        password: secret("another good horse"),
    };
    let entered = redeem(&firm.store, &firm.passwords, typed, from("192.0.2.1")).await;
    assert!(matches!(entered.unwrap(), Entered::HalfWay(_)));

    let command = RemoveSecondFactor { account };
    let act = "second_factor.reset";
    // Not by just anybody, and not with a password typed long ago.
    let by_staff = firm.sign_in("lin").await.1;
    firm.clock.advance_ms(STEP_UP_MS);
    let stale = block(|| firm.run(&by_staff, act, command, remove_second_factor));
    assert_eq!(code_of(stale), "conflict.step_up");
    let (_, admin) = firm.sign_in("lin").await;
    block(|| firm.run(&admin, act, command, remove_second_factor)).unwrap();
    let entry = firm.last();
    assert_eq!(entry.act, "second_factor.reset");
    assert!(entry.objects.contains(&format!("account:{account}")));
    let entered = firm.enter("zhou", "another good horse", "192.0.2.1").await;
    assert!(matches!(entered.unwrap(), Entered::In(_)));
}
