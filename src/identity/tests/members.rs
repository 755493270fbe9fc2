//! Members whom WeCom vouches for, and members who leave.

use std::collections::BTreeSet;

use super::*;

const HQ: Id<Unit> = Id::from_bits(1);
const SHOP: Id<Unit> = Id::from_bits(2);
const TEA: Id<Unit> = Id::from_bits(3);

fn proven(member: u64, inside: &[Id<Unit>]) -> ProvenMember {
    ProvenMember {
        member: SubjectId::from_bits(member),
        userid: format!("User{member}"),
        name: "周敏".to_owned(),
        inside: inside.iter().copied().collect::<BTreeSet<_>>(),
    }
}

impl Firm {
    fn come(&self, proven: &ProvenMember) -> Result<Viewer> {
        let proven = proven.clone();
        let act = wecom_act(from("192.0.2.1"));
        let entered = self
            .store
            .write_blocking(act, move |w| enter_member(w, &proven, None))?;
        self.visit(all_the_way(entered).text.expose())
    }

    fn rule(&self, unit: Id<Unit>, role: Role, units: &[Id<Unit>]) -> RoleRule {
        let command = SaveRule {
            rule: None,
            unit,
            role,
            units: units.to_vec(),
        };
        let console = Viewer::console();
        self.run(&console, "role_rule.save", command, save_rule)
            .unwrap()
    }

    fn default_role(&self, default_role: Option<Role>) {
        let settings = SecuritySettings {
            default_role,
            ..SecuritySettings::default()
        };
        let console = Viewer::console();
        let act = "settings.security";
        self.run(&console, act, SaveSecurity { settings }, save_security)
            .unwrap();
    }

    /// What the directory does when a member's state changes.
    fn directory(
        &self,
        change: fn(&mut Write<'_>, SubjectId) -> Result<(), StoreError>,
        bits: u64,
    ) {
        let act = Act::by_system("sync.departures", "sync");
        let member = SubjectId::from_bits(bits);
        self.store
            .write_blocking(act, move |w| Ok(change(w, member)?))
            .unwrap();
    }
}

#[test]
fn nobody_gets_in_whom_nobody_let_in_and_the_first_rule_counts() {
    let firm = Firm::new();
    let clerk = proven(7, &[HQ, SHOP]);
    let nobody = "wecom_sign_in.no_account";
    assert_eq!(code_of(firm.come(&clerk)), nobody);
    firm.rule(SHOP, Role::DepartmentAdmin, &[SHOP]);
    let all = firm.rule(HQ, Role::Compliance, &[]);
    let viewer = firm.come(&clerk).unwrap();
    assert_eq!(viewer.role(), "department_admin");
    let account = viewer.account().unwrap();
    assert_eq!(
        (account.login.as_str(), account.name.as_str()),
        ("user7", "周敏")
    );
    assert_eq!(account.units, [SHOP]);
    assert_eq!(firm.last().details, ["by=wecom"]);

    // Asked again at the next sign-in, in the order as it is then.
    let earlier = MoveRule {
        rule: all.id,
        earlier: true,
    };
    let console = Viewer::console();
    firm.run(&console, "role_rule.move", earlier, move_rule)
        .unwrap();
    assert_eq!(firm.come(&clerk).unwrap().role(), "compliance");
    let moved = ProvenMember {
        inside: BTreeSet::from([TEA]),
        ..clerk.clone()
    };
    assert_eq!(code_of(firm.come(&moved)), nobody);
    firm.default_role(Some(Role::Staff));
    assert_eq!(firm.come(&moved).unwrap().role(), "staff");

    // Until a super admin decides.
    let account = firm.come(&clerk).unwrap().account().unwrap().clone();
    let update = UpdateAccount {
        account: account.id,
        name: account.name,
        role: Role::Staff,
        member: account.member,
        units: Vec::new(),
    };
    firm.run(&console, "account.update", update, update_account)
        .unwrap();
    assert_eq!(firm.come(&clerk).unwrap().role(), "staff");
}

#[test]
fn rules_never_make_super_admins_and_name_a_department_once() {
    let firm = Firm::new();
    let console = Viewer::console();
    let save = |unit, role| SaveRule {
        rule: None,
        unit,
        role,
        units: Vec::new(),
    };
    let act = "role_rule.save";
    let super_admin = save(SHOP, Role::SuperAdmin);
    let refused = firm.run(&console, act, super_admin, save_rule);
    assert_eq!(code_of(refused), "role_rule.super_admin");
    firm.rule(SHOP, Role::Staff, &[]);
    let twice = firm.run(&console, act, save(SHOP, Role::Compliance), save_rule);
    assert_eq!(code_of(twice), "role_rule.taken");
    let gone = save(TEA, Role::Custom(Id::from_bits(9)));
    assert_eq!(
        code_of(firm.run(&console, act, gone, save_rule)),
        "role.unknown"
    );
}

#[test]
fn an_invited_account_is_opened_by_wecom_and_a_shut_one_is_not() {
    let firm = Firm::new();
    let member = SubjectId::from_bits(7);
    let command = CreateAccount {
        login: "zhou".to_owned(),
        name: "周".to_owned(),
        role: Role::Staff,
        member: Some(member),
        units: Vec::new(),
        password: None,
    };
    let console = Viewer::console();
    let made = firm.run(&console, "account.create", command, create_account);
    let account = made.unwrap().account.id;
    let viewer = firm.come(&proven(7, &[])).unwrap();
    assert_eq!(viewer.account_id(), Some(account));
    let shut = DisableAccount { account };
    firm.run(&console, "account.disable", shut, disable_account)
        .unwrap();
    let refused = firm.come(&proven(7, &[]));
    assert_eq!(code_of(refused), "wecom_sign_in.disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_out_at_once_and_whoever_comes_back_is_in_again() {
    let firm = Firm::new();
    let zhou = block(|| {
        firm.account_as("zhou", Role::Staff, Some(SubjectId::from_bits(7)), vec![])
            .unwrap()
    });
    let (session, viewer) = firm.sign_in("zhou").await;
    let token = block(|| firm.api_token(&zhou, &[Permission::CustomerRead])).unwrap();
    let now = firm.now();
    assert!(
        firm.store
            .read(|r| viewer.still_may(r, Permission::CustomerRead, now))
    );
    block(|| firm.directory(member_gone, 7));
    assert_eq!(code_of(firm.visit(&session)), ENDED);
    assert_eq!(code_of(firm.call(&token)), ENDED);
    // So is what was authenticated before and still runs: a page, a stream.
    let (read, now) = (Permission::CustomerRead, firm.now());
    assert!(!firm.store.read(|r| viewer.still_may(r, read, now)));
    assert_eq!(
        code_of(firm.scope(&viewer, Permission::CustomerRead)),
        ENDED
    );
    let refused = firm.try_sign_in("zhou", PASSWORD, "192.0.2.1").await;
    assert_eq!(code_of(refused), "sign_in.refused");
    block(|| firm.directory(member_back, 7));
    firm.sign_in("zhou").await;
    assert_eq!(
        code_of(firm.visit(&session)),
        ENDED,
        "old sessions stay ended"
    );
    assert_eq!(code_of(firm.call(&token)), ENDED, "and so do tokens");

    // What a super admin has shut does not open with the member.
    let shut = DisableAccount { account: zhou.id };
    let console = Viewer::console();
    block(|| firm.run(&console, "account.disable", shut, disable_account)).unwrap();
    block(|| firm.directory(member_gone, 7));
    block(|| firm.directory(member_back, 7));
    assert!(
        firm.try_sign_in("zhou", PASSWORD, "192.0.2.1")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_super_admin_who_leaves_is_signed_out_but_not_locked_out() {
    let firm = Firm::new();
    let member = SubjectId::from_bits(7);
    block(|| firm.account_as("lin", Role::SuperAdmin, Some(member), vec![])).unwrap();
    let (session, _) = firm.sign_in("lin").await;
    block(|| firm.directory(member_gone, 7));
    assert_eq!(code_of(firm.visit(&session)), ENDED);
    firm.sign_in("lin").await;
    block(|| firm.account("chen", Role::SuperAdmin));
    block(|| firm.directory(member_gone, 7));
    assert!(
        firm.try_sign_in("lin", PASSWORD, "192.0.2.1")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_comes_back_once() {
    let firm = Firm::new();
    let origin = from("192.0.2.1");
    use_state(&firm.store, "abc", &origin).await.unwrap();
    let again = use_state(&firm.store, "abc", &origin).await;
    assert_eq!(code_of(again), "wecom_sign_in.state");
    use_state(&firm.store, "abd", &origin).await.unwrap();
    // Housekeeping forgets what cannot come any more.
    firm.clock.advance_ms(2 * oauth::STATE_MS);
    housekeeping(&firm.store).await.unwrap();
    use_state(&firm.store, "abc", &origin).await.unwrap();
}
