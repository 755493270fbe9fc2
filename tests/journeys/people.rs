//! Accounts, roles, second factors, and people who leave.

use qitai::{
    identity::{Enrolment, Permission, Session, Viewer, queries},
    kit::Id,
    org::MemberState,
    wecom::sim::firm,
};

use crate::support::{Answer, PASSWORD, TestApp, Visitor};

const ACCOUNTS: &str = "/settings/security/accounts";

/// What stands between two texts of a page.
fn between<'a>(body: &'a str, before: &str, after: &str) -> &'a str {
    let rest = body.split(before).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no {before} in {body}"));
    rest.split(after).next().unwrap()
}

/// The id of an account.
fn account_id(test: &TestApp, login: &str) -> String {
    test.app.read(|r| {
        let scope = Viewer::system("test")
            .scope(r, Permission::AccountManage)
            .unwrap();
        let account = queries::account_by_login(r, &scope, login).unwrap();
        account.id.to_string()
    })
}

/// Makes it as if every password had been typed long ago.
fn age_step_ups(test: &TestApp) {
    let act = Viewer::system("test").change("test.age");
    test.app
        .store
        .write_blocking(act, |w| {
            let sessions: Vec<Session> = w.read().all(None)?.collect::<Result<_, _>>()?;
            for mut session in sessions {
                session.step_up_at = session.step_up_at.plus_ms(-3_600_000);
                w.put(&session)?;
            }
            Ok(())
        })
        .unwrap();
}

/// An account is made for a member, its owner sets a password, its role changes at the next
/// request, and once it is shut nothing of it works.
#[test]
fn the_life_of_an_account() {
    let test = TestApp::with_customers(30);
    let admin = test.sign_in("admin");
    let found = admin.get(&format!("{ACCOUNTS}/new?q=zhou"));
    assert_eq!(found.status, 200);
    let member = between(&found.body, "/new?member=", "\"");
    let chosen = admin.get(&format!("{ACCOUNTS}/new?member={member}"));
    assert!(
        chosen
            .body
            .contains(&format!("name=\"member\" value=\"{member}\""))
    );

    let form = [
        ("name", "新同事"),
        ("login", "newcomer"),
        ("role", "staff"),
        ("member", member),
    ];
    let without_login = [form[0], ("login", ""), form[2]];
    let refused = admin.post(&format!("{ACCOUNTS}/new"), &without_login);
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("value=\"新同事\""),
        "the form is kept"
    );
    let made = admin.post(&format!("{ACCOUNTS}/new"), &form);
    assert_eq!(made.status, 200, "{}", made.body);
    let code = between(&made.body, "<p class=\"once\"><code>", "<").to_owned();

    let newcomer = test.stranger();
    let set = [("code", code.as_str()), ("password", "slow river stone")];
    assert_eq!(newcomer.post("/claim", &set).status, 303);
    assert_eq!(newcomer.get("/customers").status, 200);
    assert_eq!(newcomer.get("/compliance/audit").status, 403);

    let id = account_id(&test, "newcomer");
    let update = [
        ("name", "新同事"),
        ("role", "compliance"),
        ("member", member),
    ];
    let saved = admin.post(&format!("{ACCOUNTS}/{id}"), &update);
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(newcomer.get("/customers").status, 403);
    assert_eq!(newcomer.get("/compliance/audit").status, 200);

    let before = test.audit_size();
    let ended = admin.post(&format!("{ACCOUNTS}/{id}/end-sessions"), &[]);
    assert_eq!(ended.status, 303);
    assert_eq!(test.audit_size() - before, 1);
    assert_eq!(newcomer.get("/me").status, 303);
    let again = [("login", "newcomer"), ("password", "slow river stone")];
    let newcomer = test.stranger();
    assert_eq!(newcomer.post("/login", &again).status, 303);
    assert_eq!(newcomer.get("/me").status, 200);
    let shut = admin.post(&format!("{ACCOUNTS}/{id}/disable"), &[]);
    assert_eq!(shut.status, 303);
    assert_eq!(newcomer.get("/me").status, 303);
    assert_eq!(test.stranger().post("/login", &again).status, 422);

    // The last super admin shuts nobody out.
    let own = account_id(&test, "admin");
    let refused = admin.post(&format!("{ACCOUNTS}/{own}/disable"), &[]);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("最后一位"), "{}", refused.body);
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// A custom role is made, given and changed; each change bites at the next request.
#[test]
fn a_changed_role_bites_at_the_next_request() {
    let test = TestApp::with_customers(60);
    let admin = test.sign_in("admin");
    let staff = test.sign_in("staff");
    let total = || staff.get("/api/v1/customers").json()["total"].clone();
    let own_store = total();

    let form = [
        ("name", "收银"),
        ("breadth", "everything"),
        ("permission", "customer.read"),
        ("permission", "org.read"),
    ];
    let made = admin.post("/org/roles/new", &form);
    assert_eq!(made.status, 303, "{}", made.body);
    let matrix = admin.get("/org/roles").body;
    assert!(matrix.contains("收银"));
    let role = between(&matrix, "href=\"/org/roles/", "\"");
    let role = match role {
        "new" => matrix.split("href=\"/org/roles/").nth(2).unwrap(),
        role => role,
    };
    let role = role.split('"').next().unwrap().to_owned();

    let id = account_id(&test, "staff");
    let page = admin.get(&format!("{ACCOUNTS}/{id}")).body;
    let member = between(&page, "name=\"member\" value=\"", "\"").to_owned();
    let custom = format!("custom:{role}");
    let give = [
        ("name", "周敏"),
        ("role", custom.as_str()),
        ("member", &member),
    ];
    assert_eq!(admin.post(&format!("{ACCOUNTS}/{id}"), &give).status, 303);
    assert_ne!(total(), own_store);
    assert_eq!(staff.get("/groups").status, 403);

    // As far as staff see, and as the firm's setting lets them.
    let narrow = [
        ("name", "收银"),
        ("breadth", "as_staff"),
        ("permission", "customer.read"),
    ];
    let path = format!("/org/roles/{role}");
    assert_eq!(admin.post(&path, &narrow).status, 303);
    assert_eq!(total(), own_store);
    let open = [("staff_sees_department", "on"), ("cross_department", "on")];
    let saved = admin.post("/settings/security/access", &open);
    assert_eq!(saved.status, 303);
    assert_ne!(total(), own_store, "across departments");

    // In use it stays; without a user it goes.
    let remove = format!("{path}/remove");
    assert_eq!(admin.post(&remove, &[]).status, 409);
    let back = [("name", "周敏"), ("role", "staff"), ("member", &member)];
    assert_eq!(admin.post(&format!("{ACCOUNTS}/{id}"), &back).status, 303);
    assert_eq!(admin.post(&remove, &[]).status, 303);
    assert_eq!(staff.get("/groups").status, 200);
}

/// A token is shown once, does what it says, and is refused once revoked.
#[test]
fn the_life_of_a_token() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let id = account_id(&test, "admin");
    let form = [
        ("name", "收银系统"),
        ("account", id.as_str()),
        ("days", "30"),
        ("permission", "customer.read"),
    ];
    let made = admin.post("/apps/tokens/new", &form);
    assert_eq!(made.status, 200, "{}", made.body);
    let token = between(&made.body, "<p class=\"once\"><code>", "<").to_owned();
    let call = |path: &str| test.stranger().get_with(path, &token).status;
    assert_eq!(call("/api/v1/customers"), 200);
    assert_eq!(call("/api/v1/audit"), 403);
    let list = admin.get("/apps/tokens").body;
    assert!(list.contains("收银系统") && !list.contains(&token));
    let revoke = between(&list, "action=\"/apps/tokens/", "\"").to_owned();
    let revoke = format!("/apps/tokens/{revoke}");
    assert_eq!(admin.post(&revoke, &[]).status, 303);
    assert_eq!(call("/api/v1/customers"), 401);
    let none = [form[0], form[1], form[2]];
    assert_eq!(admin.post("/apps/tokens/new", &none).status, 422);
}

/// What lets people in or further asks for the password again, and keeps the form meanwhile.
#[test]
fn a_stale_password_is_asked_for_without_losing_the_form() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    age_step_ups(&test);
    let before = test.audit_size();
    let form = [
        ("name", "仓库"),
        ("breadth", "own"),
        ("permission", "customer.read"),
        ("permission", "tag.read"),
    ];
    let asked = admin.post("/org/roles/new", &form);
    assert_eq!(asked.status, 403);
    assert!(asked.body.contains("name=\"step_up_password\""));
    assert!(asked.body.contains("action=\"/org/roles/new\""));
    for (name, value) in form {
        let kept = format!("name=\"{name}\" value=\"{value}\"");
        assert!(asked.body.contains(&kept), "{kept}");
    }
    assert_eq!(test.audit_size(), before);
    let with = |password: &'static str| {
        let mut fields = form.to_vec();
        fields.push(("step_up_password", password));
        admin.post("/org/roles/new", &fields)
    };
    let wrong = with("not the password");
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("name=\"name\" value=\"仓库\""));
    assert!(!wrong.body.contains("not the password"));
    assert_eq!(with(PASSWORD).status, 303);
    let matrix = admin.get("/org/roles");
    assert!(matrix.body.contains("仓库"));
    // Typed a moment ago: not asked again.
    let another = [("name", "前台"), ("breadth", "own")];
    assert_eq!(admin.post("/org/roles/new", &another).status, 303);

    // Shutting somebody out never waits for a password.
    age_step_ups(&test);
    let id = account_id(&test, "staff");
    let shut = admin.post(&format!("{ACCOUNTS}/{id}/disable"), &[]);
    assert_eq!(shut.status, 303);
    let open = admin.post(&format!("{ACCOUNTS}/{id}/enable"), &[]);
    assert_eq!(open.status, 403);
}

/// What is secret in a form that waits for the password is in no page; the form goes through
/// with it all the same.
#[test]
fn secrets_of_a_form_that_waits_stand_in_no_page() {
    let test = TestApp::unconnected(5);
    let sim = test.sim.as_ref().unwrap();
    let admin = test.sign_in("admin");
    age_step_ups(&test);
    let agentid = sim.agentid.to_string();
    let form = [
        ("corpid", sim.corpid.as_str()),
        ("agentid", &agentid),
        ("app_secret", &sim.app_secret),
    ];
    let asked = admin.post("/settings/wecom", &form);
    assert_eq!(asked.status, 403, "{}", asked.body);
    assert!(asked.body.contains(&sim.corpid) && !asked.body.contains(&sim.app_secret));
    let sealed = between(&asked.body, "name=\"step_up_sealed\" value=\"", "\"").to_owned();
    let again = |sealed: &str, password: &str| {
        let fields = [
            form[0],
            form[1],
            ("step_up_sealed", sealed),
            ("step_up_password", password),
        ];
        admin.post("/settings/wecom", &fields)
    };
    let wrong = again(&sealed, "not the password");
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains(&sealed) && !wrong.body.contains(&sim.app_secret));
    assert!(test.app.wecom().is_none());
    let done = again(&sealed, PASSWORD);
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(test.app.wecom().is_some());
}

/// The code that the account's authenticator app shows, `steps` of 30 seconds from now.
fn app_code(test: &TestApp, secret: &qitai::identity::TotpSecret, steps: i64) -> String {
    secret.code_at(test.app.store.clock().now().plus_ms(30_000 * steps))
}

/// Sets up a second factor through the pages; gives its secret and the recovery codes.
fn enrol(
    test: &TestApp,
    visitor: &Visitor<'_>,
    login: &str,
) -> (qitai::identity::TotpSecret, Vec<String>) {
    let begun = visitor.post("/me/second-factor/begin", &[]);
    assert_eq!(begun.status, 303);
    let page = visitor.get("/me/second-factor").body;
    assert!(page.contains("<svg class=\"qr\""), "{page}");
    let id: Id<qitai::identity::Account> = account_id(test, login).parse().unwrap();
    let waiting = test.app.read(|r| r.get::<Enrolment>(&id)).unwrap().unwrap();
    let typed = waiting.secret.typed().expose().clone();
    assert!(page.contains(&typed), "the secret can be typed in");
    let wrong = visitor.post("/me/second-factor/confirm", &[("code", "000000")]);
    assert_eq!(wrong.status, 422);
    let code = app_code(test, &waiting.secret, -1);
    let shown = visitor.post("/me/second-factor/confirm", &[("code", &code)]);
    assert_eq!(shown.status, 200, "{}", shown.body);
    let codes = shown.body.split("<li><code>").skip(1);
    let codes = codes.map(|rest| rest.split('<').next().unwrap().to_owned());
    (waiting.secret, codes.collect())
}

fn first_step<'t>(test: &'t TestApp, login: &str) -> (Visitor<'t>, Answer) {
    let visitor = test.stranger();
    let form = [
        ("login", login),
        ("password", PASSWORD),
        ("next", "/groups"),
    ];
    let answer = visitor.post("/login", &form);
    assert_eq!(answer.status, 303);
    (visitor, answer)
}

/// Enrol, sign in with a code once, with a recovery code once, and be helped when all is lost.
#[test]
fn signing_in_with_a_second_factor() {
    let test = TestApp::with_customers(20);
    let staff = test.sign_in("staff");
    let (secret, codes) = enrol(&test, &staff, "staff");
    assert_eq!(codes.len(), 10);

    let (visitor, answer) = first_step(&test, "staff");
    assert_eq!(answer.header("location"), "/login/code?next=%2Fgroups");
    assert_eq!(visitor.get("/groups").status, 303, "half a sign-in is none");
    assert_eq!(visitor.get("/login/code").status, 200);
    let wrong = visitor.post("/login/code", &[("code", "123456"), ("next", "/groups")]);
    assert_eq!(wrong.status, 422);
    let code = app_code(&test, &secret, 0);
    let form = [("code", code.as_str()), ("next", "/groups")];
    let done = visitor.post("/login/code", &form);
    assert_eq!((done.status, done.header("location")), (303, "/groups"));
    assert_eq!(visitor.get("/groups").status, 200);

    // The same code, in another browser a moment later.
    let (other, _) = first_step(&test, "staff");
    assert_eq!(other.post("/login/code", &form).status, 422);
    let recovery = [("code", codes[0].as_str()), ("next", "//evil.example")];
    let done = other.post("/login/code", &recovery);
    assert_eq!((done.status, done.header("location")), (303, "/"));
    let (third, _) = first_step(&test, "staff");
    assert_eq!(third.post("/login/code", &recovery).status, 422);

    // Phone and codes are gone: a super admin removes it, and that is on record.
    let admin = test.sign_in("admin");
    let id = account_id(&test, "staff");
    let removed = admin.post(&format!("{ACCOUNTS}/{id}/remove-second-factor"), &[]);
    assert_eq!(removed.status, 303);
    let officer = test.sign_in("compliance");
    let trail = officer.get("/compliance/audit?action=second_factor.reset");
    assert!(trail.body.contains(&id), "{}", trail.body);
    test.sign_in("staff");
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// Whoever must have a second factor is led to setting one up, and to nothing else.
#[test]
fn a_required_second_factor_comes_first() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let rule = [("rule", "super_admins")];
    let saved = admin.post("/settings/security/second-factor", &rule);
    assert_eq!(saved.status, 303);
    for path in ["/customers", "/settings/security", "/"] {
        let led = admin.get(path);
        let to = led.header("location");
        assert_eq!((led.status, to), (303, "/me/second-factor"), "{path}");
    }
    assert_eq!(test.sign_in("staff").get("/customers").status, 200);
    enrol(&test, &admin, "admin");
    assert_eq!(admin.get("/customers").status, 200);
    let kept = admin.post("/me/second-factor/remove", &[]);
    assert_eq!(kept.status, 409);
}

/// Somebody leaves at WeCom; the event alone ends what they have open here.
#[test]
fn leaving_the_firm_ends_every_session() {
    let test = TestApp::with_customers(30);
    test.hear_events();
    let sim = test.sim.as_ref().unwrap();
    let cast = firm::cast();
    let staff = test.sign_in("staff");
    assert_eq!(staff.get("/me").status, 200);
    assert!(sim.member_leaves(cast.store_staff));
    test.wait_for("the session ends", || {
        (staff.get("/me").status == 303).then_some(())
    });
    let form = [("login", "staff"), ("password", PASSWORD)];
    assert_eq!(test.stranger().post("/login", &form).status, 422);
    // A super admin who leaves as the last one is signed out, but not locked out.
    let admin = test.sign_in("admin");
    assert!(sim.member_leaves(cast.super_admin));
    test.wait_for("the session ends", || {
        (admin.get("/me").status == 303).then_some(())
    });
    assert_eq!(test.sign_in("admin").get("/me").status, 200);
    let page = test
        .sign_in("admin")
        .get(&format!("{ACCOUNTS}/{}", account_id(&test, "staff")));
    assert!(page.body.contains("离职"), "{}", page.body);
}

/// `/me` shows what was done in one's name.
#[test]
fn people_see_what_was_done_in_their_name() {
    let test = TestApp::start();
    let staff = test.sign_in("staff");
    let list = staff.get("/api/v1/customers").json();
    let id = list["items"][0]["id"].as_str().unwrap();
    staff.get(&format!("/customers/{id}"));
    let mine = staff.get("/me/activity");
    assert_eq!(mine.status, 200);
    assert!(mine.body.contains(id) && mine.body.contains("查看客户"));
    let theirs = test.sign_in("manager").get("/me/activity");
    assert!(!theirs.body.contains(id));
}

/// A browser that goes to WeCom: `agent` says whether it is the one inside the app.
struct Traveller<'t> {
    test: &'t TestApp,
    visitor: Visitor<'t>,
}

const INSIDE: &str = "Mozilla/5.0 (iPhone) wxwork/4.1.0 MicroMessenger/7.0.1";
const OUTSIDE: &str = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0";

impl<'t> Traveller<'t> {
    fn new(test: &'t TestApp) -> Self {
        let visitor = test.stranger();
        Self { test, visitor }
    }

    /// Sets out; gives WeCom's page and its address.
    fn set_out(&self, next: &str, agent: &str) -> (String, Answer) {
        let path = format!("/login/wecom?next={next}");
        let out = self.visitor.get_as(&path, agent);
        assert_eq!(out.status, 303, "{}", out.body);
        let address = out.header("location").to_owned();
        let root = self.test.sim.as_ref().unwrap().login_url();
        assert!(address.starts_with(&root), "{address}");
        let page = self.test.fetch(&address);
        (address.split('#').next().unwrap().to_owned(), page)
    }

    /// Chooses who it is; gives the path and query that WeCom sends the browser back to.
    fn choose(&self, address: &str, userid: &str) -> String {
        let sent = self.test.fetch(&format!("{address}&as={userid}"));
        assert_eq!(sent.status, 302, "{}", sent.body);
        let back = sent.header("location").to_owned();
        back.strip_prefix(&self.test.address).unwrap().to_owned()
    }

    fn sign_in(&self, userid: &str, agent: &str) -> Answer {
        let (address, page) = self.set_out("/groups", agent);
        assert_eq!(page.status, 200, "{}", page.body);
        self.visitor.get(&self.choose(&address, userid))
    }
}

fn allow_everybody(test: &TestApp, fields: &[(&str, &str)]) {
    let admin = test.sign_in("admin");
    let mut form = vec![("wecom_sign_in", "on")];
    form.extend_from_slice(fields);
    let saved = admin.post("/settings/security/wecom", &form);
    assert_eq!(saved.status, 303, "{}", saved.body);
}

/// At a desktop and inside WeCom, members come in as themselves; who has no account gets one as
/// the rules say, and nobody else gets in.
#[test]
fn members_sign_in_with_wecom() {
    let test = TestApp::with_customers(20);
    let cast = firm::cast();
    let desk = Traveller::new(&test);
    let login = desk.visitor.get("/login?next=%2Fgroups").body;
    assert!(
        login.contains("href=\"/login/wecom?next=%2Fgroups\""),
        "{login}"
    );
    let done = desk.sign_in(cast.store_staff, OUTSIDE);
    assert_eq!((done.status, done.header("location")), (303, "/groups"));
    assert_eq!(desk.visitor.get("/groups").status, 200);
    assert!(desk.visitor.get("/me").body.contains("staff"));

    // Inside WeCom the sign-in page leads on by itself, and passes silently.
    let inside = Traveller::new(&test);
    let led = inside.visitor.get_as("/login?next=%2Fgroups", INSIDE);
    assert_eq!(led.header("location"), "/login/wecom?next=%2Fgroups");
    let (address, _) = inside.set_out("/groups", INSIDE);
    assert!(address.contains("scope=snsapi_base"), "{address}");
    let done = inside
        .visitor
        .get(&inside.choose(&address, cast.store_staff));
    assert_eq!(done.header("location"), "/groups");

    // A member without an account: refused, then let in as staff, then as the rule says.
    let colleague = colleague(&test);
    let refused = Traveller::new(&test).sign_in(&colleague, OUTSIDE);
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("还没有为所在部门开通账号"),
        "{}",
        refused.body
    );
    allow_everybody(&test, &[("role", "staff")]);
    let newcomer = Traveller::new(&test);
    assert_eq!(newcomer.sign_in(&colleague, OUTSIDE).status, 303);
    assert_eq!(newcomer.visitor.get("/tags").status, 403);
    let admin = test.sign_in("admin");
    let form = admin.get("/settings/security/rules/new").body;
    let unit = between(&form, "id=\"f-unit_of\"", "</select>");
    let unit = between(unit, "<option value=\"", "\"").to_owned();
    let rule = [
        ("unit_of", unit.as_str()),
        ("role", "department_admin"),
        ("unit", &unit),
    ];
    let query = format!("unit_of={unit}&role=department_admin&unit={unit}");
    let dry = admin
        .get(&format!("/settings/security/rules/new?{query}"))
        .body;
    assert!(
        dry.contains("部门管理员") && dry.contains("手工指定"),
        "{dry}"
    );
    let saved = admin.post("/settings/security/rules/new", &rule);
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(
        newcomer.visitor.get("/tags").status,
        403,
        "not before the next sign-in"
    );
    assert_eq!(newcomer.sign_in(&colleague, OUTSIDE).status, 303);
    assert_eq!(newcomer.visitor.get("/tags").status, 200);
    // Whoever a super admin has placed stays there.
    let placed = Traveller::new(&test);
    assert_eq!(placed.sign_in(cast.store_staff, OUTSIDE).status, 303);
    assert_eq!(placed.visitor.get("/tags").status, 403);

    allow_everybody(&test, &[]);
    let off = [("role", "staff")];
    assert_eq!(admin.post("/settings/security/wecom", &off).status, 303);
    assert_eq!(
        Traveller::new(&test).visitor.get("/login/wecom").status,
        403
    );
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// Somebody of the firm who has no account yet, and whom WeCom lets in.
fn colleague(test: &TestApp) -> String {
    test.app.read(|r| {
        let directory = test.app.directory.get(r).unwrap();
        let free = directory.members().find(|member| {
            let account = queries::account_of_member(r, member.id.cast()).unwrap();
            account.is_none() && member.state == MemberState::Active
        });
        free.unwrap().userid.clone()
    })
}

/// A way back that did not begin in this browser, came before, or carries a code that is no
/// good, lets nobody in and leads nowhere else.
#[test]
fn a_forged_or_repeated_way_back_opens_nothing() {
    let test = TestApp::with_customers(20);
    let cast = firm::cast();
    let staff = cast.store_staff;
    let refused = |answer: &Answer, word: &str| {
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(word), "{word}: {}", answer.body);
    };

    // Another browser brings the address: login CSRF.
    let mine = Traveller::new(&test);
    let (address, _) = mine.set_out("/groups", OUTSIDE);
    let back = mine.choose(&address, staff);
    let victim = Traveller::new(&test);
    refused(&victim.visitor.get(&back), "不是从本浏览器发起");
    victim.set_out("/groups", OUTSIDE);
    refused(&victim.visitor.get(&back), "不是从本浏览器发起");
    // The right browser still gets in, once.
    let kept = mine.visitor.cookie("qitai-wecom");
    assert_eq!(mine.visitor.get(&back).status, 303);
    mine.visitor.set_cookie("qitai-wecom", &kept);
    refused(&mine.visitor.get(&back), "已经用过");

    // A fresh way with an old code, and with one that is too old.
    let old_code = between(&back, "code=", "&").to_owned();
    let other = Traveller::new(&test);
    let (address, _) = other.set_out("/groups", OUTSIDE);
    let back = other.choose(&address, staff);
    let code = between(&back, "code=", "&").to_owned();
    refused(
        &other.visitor.get(&back.replace(&code, &old_code)),
        "已过期或已用过",
    );
    let late = Traveller::new(&test);
    let (address, _) = late.set_out("/groups", OUTSIDE);
    let back = late.choose(&address, staff);
    test.sim.as_ref().unwrap().clock().advance_ms(300_000);
    refused(&late.visitor.get(&back), "已过期或已用过");
    // Declined, or without a state at all.
    let (address, _) = late.set_out("/groups", OUTSIDE);
    refused(&late.visitor.get(&late.choose(&address, "")), "取消了授权");
    refused(
        &late.visitor.get("/login/wecom/back?code=x"),
        "不是从本浏览器发起",
    );
    refused(
        &late.visitor.get("/login/wecom/back?userid=admin"),
        "不是从本浏览器发起",
    );

    // Nowhere but home from an address of somebody else.
    for next in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
    ] {
        let lost = Traveller::new(&test);
        let (address, _) = lost.set_out(next, OUTSIDE);
        let done = lost.visitor.get(&lost.choose(&address, staff));
        assert_eq!((done.status, done.header("location")), (303, "/"), "{next}");
    }
    // A domain that the firm has not registered gets no code from WeCom.
    test.sim.as_ref().unwrap().set_login_domain("qitai.example");
    let (_, page) = Traveller::new(&test).set_out("/", OUTSIDE);
    assert_eq!(page.status, 403);
    assert!(page.body.contains("50001"), "{}", page.body);
}

/// Members who left or were disabled get a sentence; what a member agrees to show is kept; a
/// second factor is asked for here as well.
#[test]
fn wecom_opens_only_to_those_who_work_here() {
    let test = TestApp::with_customers(20);
    let cast = firm::cast();
    allow_everybody(&test, &[("role", "staff"), ("ask_private_info", "on")]);
    let colleague = colleague(&test);
    let inside = Traveller::new(&test);
    let (address, page) = inside.set_out("/groups", INSIDE);
    assert!(address.contains("scope=snsapi_privateinfo"), "{address}");
    assert!(page.body.contains("手机号"));
    assert_eq!(
        inside
            .visitor
            .get(&inside.choose(&address, &colleague))
            .status,
        303
    );
    let mobile = test.app.read(|r| {
        let member = qitai::org::queries::member_by_userid(r, &colleague).unwrap();
        member.unwrap().mobile
    });
    assert!(mobile.starts_with("199"), "{mobile}");

    let staff = test.sign_in("staff");
    let (secret, _) = enrol(&test, &staff, "staff");
    let half = Traveller::new(&test);
    let asked = half.sign_in(cast.store_staff, OUTSIDE);
    assert_eq!(asked.header("location"), "/login/code?next=%2Fgroups");
    assert_eq!(half.visitor.get("/groups").status, 303);
    let code = app_code(&test, &secret, 0);
    let done = half.visitor.post("/login/code", &[("code", &code)]);
    assert_eq!(done.status, 303);
    assert_eq!(half.visitor.get("/groups").status, 200);

    // Known to WeCom, not to us: joined after the last sync.
    let sim = test.sim.as_ref().unwrap();
    sim.member_joins("newhand", "新手", cast.region);
    let unknown = Traveller::new(&test).sign_in("newhand", OUTSIDE);
    assert_eq!(unknown.status, 403);
    assert!(unknown.body.contains("可见范围"), "{}", unknown.body);
    // Left here, though WeCom's page still knew the face.
    let gone = Traveller::new(&test);
    let (address, _) = gone.set_out("/", OUTSIDE);
    let back = gone.choose(&address, &colleague);
    assert!(sim.member_leaves(&colleague));
    test.sync();
    let refused = gone.visitor.get(&back);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("离职"), "{}", refused.body);
}
