//! A form that is sent twice is carried out once.

use crate::support::{TestApp, Visitor};

/// A rendering of a form: its token and its operation id.
fn form(visitor: &Visitor<'_>, page: &str) -> (String, String) {
    let body = visitor.get(page).body;
    let value = |name: &str| {
        let field = format!("name=\"{name}\" value=\"");
        let (_, rest) = body.split_once(&field).expect("the form is on the page");
        rest.split('"').next().unwrap().to_owned()
    };
    let op = value("op");
    (value("csrf"), op)
}

#[test]
fn the_same_form_at_the_same_time_and_after_a_restart_is_carried_out_once() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let (csrf, op) = form(&admin, "/org/sync");
    let fields = [("csrf", csrf.as_str()), ("op", op.as_str())];
    let before = test.audit_size();
    let answers = test.post_at_once(&admin, "/org/sync", &fields, 8);
    assert_eq!(answers[0].0, 303);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(test.audit_size() - before, 1);

    // The answers that were given are gone with the process; what was done is not.
    let cookies = admin.cookies();
    let test = test.stop().start();
    let admin = test.stranger().with_cookies(cookies);
    let before = test.audit_size();
    let again = admin.post_as_is("/org/sync", &fields);
    assert_eq!(
        (again.status, again.header("location")),
        (303, &*answers[0].1)
    );
    assert!(admin.get("/org/sync").body.contains("没有重复执行"));
    assert_eq!(test.audit_size() - before, 0);

    // Another rendering of the form is another wish.
    let (csrf, op) = form(&admin, "/me");
    let anew = [("csrf", csrf.as_str()), ("op", op.as_str())];
    assert_eq!(admin.post_as_is("/org/sync", &anew).status, 303);
    assert_eq!(test.audit_size() - before, 1);
}

#[test]
fn a_form_that_was_refused_may_be_sent_again() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let (csrf, op) = form(&admin, "/me");
    let post = |current: &str| {
        let fields = [
            ("csrf", csrf.as_str()),
            ("op", op.as_str()),
            ("password", current),
            ("new_password", "another long test password"),
        ];
        admin.post_as_is("/me/password", &fields).status
    };
    assert_eq!(post("wrong"), 422);
    assert_eq!(post(crate::support::PASSWORD), 303);
}
