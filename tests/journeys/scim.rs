//! HR systems keep the directory in step.

use qitai::{
    identity::{Permission, Viewer, actions, queries},
    org::{self, MemberState},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{independent::python, support::TestApp};

/// A token of the admin's account with these rights.
fn token(test: &TestApp, permission: Permission) -> String {
    let viewer = Viewer::system("test");
    let account = test.app.read(|r| {
        let scope = viewer.scope(r, Permission::AccountManage).unwrap();
        queries::account_by_login(r, &scope, "admin").unwrap()
    });
    let expires_at = test.app.store.clock().now().plus_ms(86_400_000);
    let create = actions::CreateToken {
        account: account.id,
        name: "HR".into(),
        permissions: [permission].into(),
        expires_at,
    };
    let act = viewer.change("account.token");
    let made = test.app.store.write_blocking(act, move |w| {
        let allowed = viewer.allow(w, create)?;
        actions::create_token(w, allowed)
    });
    made.unwrap().1.text.expose().to_owned()
}

struct Hr<'t> {
    test: &'t TestApp,
    token: String,
}

impl Hr<'_> {
    fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask_with(method, path, body, &[])
    }

    fn ask_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = self
            .test
            .stranger()
            .ask(method, &format!("/scim/v2{path}"), &all, body);
        let json = serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null);
        (answer.status, json)
    }
}

#[test]
fn an_independent_client_finds_nothing_wrong() {
    let test = TestApp::with_customers(20);
    let token = token(&test, Permission::Scim);
    let mut checks = python("scim.py");
    let done = checks.arg(format!("{}/scim/v2", test.address)).arg(&token);
    let done = done.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&done.stdout);
    assert!(done.status.success(), "{said}{}", text(&done.stderr));
    assert!(
        !said.contains("ERROR") && !said.contains("CRITICAL"),
        "{said}"
    );
    let passed = said.lines().last().unwrap_or("");
    assert!(
        passed.starts_with("passed ") && !passed.starts_with("passed 0"),
        "{said}"
    );
}

#[test]
fn a_users_life_from_the_first_day_to_the_last() {
    let test = TestApp::with_customers(20);
    let hr = Hr {
        test: &test,
        token: token(&test, Permission::Scim),
    };
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "wangfang", "externalId": "E-7", "title": "店员",
        "name": {"familyName": "王", "givenName": "芳"},
        "phoneNumbers": [{"value": "+86 138 0000 7777", "type": "mobile"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "A7"},
    });
    let (status, made) = hr.ask(Method::POST, "/Users", Some(user.clone()));
    assert_eq!(
        (status, &made["displayName"]),
        (201, &json!("王芳")),
        "{made}"
    );
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    let member = || {
        test.app
            .read(|r| org::queries::member_by_userid(r, "wangfang"))
            .unwrap()
            .unwrap()
    };
    assert_eq!(
        (member().mobile.as_str(), member().job_number.as_str()),
        ("13800007777", "A7")
    );
    let (status, refused) = hr.ask(Method::POST, "/Users", Some(user.clone()));
    assert_eq!((status, &refused["scimType"]), (409, &json!("uniqueness")));

    let filter =
        "/Users?filter=externalId%20eq%20%22E-7%22%20and%20active%20eq%20true&attributes=userName";
    let (_, found) = hr.ask(Method::GET, filter, None);
    assert_eq!(found["totalResults"], 1, "{found}");
    assert_eq!(found["Resources"][0]["userName"], "wangfang");
    assert!(found["Resources"][0]["title"].is_null());
    let (status, refused) = hr.ask(Method::GET, "/Users?filter=userName%20xx", None);
    assert_eq!(
        (status, &refused["scimType"]),
        (400, &json!("invalidFilter"))
    );
    let (_, page) = hr.ask(
        Method::GET,
        "/Users?sortBy=userName&startIndex=3&count=2",
        None,
    );
    assert_eq!(
        (&page["startIndex"], &page["itemsPerPage"]),
        (&json!(3), &json!(2))
    );

    let department = json!({"displayName": "筹备组", "members": [{"value": made["id"]}]});
    let (status, group) = hr.ask(Method::POST, "/Groups", Some(department));
    assert_eq!(status, 201, "{group}");
    assert_eq!(member().posts.len(), 1);
    let (_, seen) = hr.ask(Method::GET, &path, None);
    assert_eq!(seen["groups"][0]["display"], "筹备组");

    let version = seen["meta"]["version"].as_str().unwrap();
    let change = json!({"Operations": [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "path": "title", "value": "店长"},
    ]});
    let old = [("if-match", "W/\"1\"")];
    let (status, _) = hr.ask_with(Method::PATCH, &path, Some(change.clone()), &old);
    assert_eq!(status, 412);
    let (status, changed) =
        hr.ask_with(Method::PATCH, &path, Some(change), &[("if-match", version)]);
    assert_eq!(
        (status, &changed["active"]),
        (200, &json!(false)),
        "{changed}"
    );
    assert_eq!(member().state, MemberState::Disabled);

    let before = test.audit_size();
    assert_eq!(hr.ask(Method::DELETE, &path, None).0, 204);
    assert_eq!(test.audit_size() - before, 1);
    assert_eq!(member().state, MemberState::Left);
    assert_eq!(hr.ask(Method::GET, &path, None).0, 404);
    // Somebody who comes back is the same person.
    let (status, again) = hr.ask(Method::POST, "/Users", Some(user));
    assert_eq!((status, &again["id"]), (201, &made["id"]));
    test.sync();
    assert!(member().is_here());
}

#[test]
fn what_is_wecoms_and_what_the_token_may_not_are_refused_in_the_protocols_words() {
    let test = TestApp::with_customers(20);
    let hr = Hr {
        test: &test,
        token: token(&test, Permission::Scim),
    };
    let userid = qitai::wecom::sim::firm::cast().store_staff;
    let filter = format!("/Users?filter=userName%20eq%20%22{userid}%22");
    let (_, found) = hr.ask(Method::GET, &filter, None);
    let path = format!("/Users/{}", found["Resources"][0]["id"].as_str().unwrap());
    let rename = json!({"Operations": [{"op": "replace", "path": "displayName", "value": "X"}]});
    let (status, refused) = hr.ask(Method::PATCH, &path, Some(rename));
    assert_eq!(
        (status, &refused["status"]),
        (400, &json!("400")),
        "{refused}"
    );
    assert!(refused["detail"].as_str().unwrap().contains("WeCom"));

    let error = "urn:ietf:params:scim:api:messages:2.0:Error";
    let stranger = Hr {
        test: &test,
        token: "nothing".into(),
    };
    let other = Hr {
        test: &test,
        token: token(&test, Permission::OrgRead),
    };
    for (hr, status) in [(&stranger, 401), (&other, 403)] {
        for method in [Method::GET, Method::POST] {
            let (is, refused) = hr.ask(method, "/Users", Some(json!({})));
            assert_eq!((is, &refused["schemas"][0]), (status, &json!(error)));
        }
    }
    let big = json!({"userName": "x".repeat(2 << 20)});
    assert_eq!(hr.ask(Method::POST, "/Users", Some(big)).0, 413);
}
