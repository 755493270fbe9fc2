//! Loops over the one list of slices: nothing is left out because somebody forgot it.

use qitai::{
    slice::{Access, Route},
    slices,
};

use crate::support::TestApp;

fn routes() -> Vec<Route> {
    slices::all()
        .into_iter()
        .flat_map(|slice| slice.routes)
        .collect()
}

/// A concrete address for a pattern: ids that name nothing.
fn address(route: &Route) -> String {
    let mut path = String::new();
    for part in route.path.split('/').skip(1) {
        path.push('/');
        match part {
            "{place}" | "{seq}" => path.push('0'),
            part if part.starts_with('{') => path.push_str("0000000000001"),
            part => path.push_str(part),
        }
    }
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

/// Nobody gets in without signing in; pages lead to the sign-in, the API says 401.
#[test]
fn strangers_get_nothing_but_the_doors() {
    let test = TestApp::with_customers(20);
    let stranger = test.stranger();
    for route in routes()
        .iter()
        .filter(|r| r.access != Access::Public && !r.is_unsafe())
    {
        let answer = stranger.get(&address(route));
        if ["/api/", "/scim/"]
            .iter()
            .any(|p| route.path.starts_with(p))
        {
            assert_eq!(answer.status, 401, "{}", route.path);
        } else {
            assert_eq!(answer.status, 303, "{}", route.path);
            assert!(
                answer.header("location").starts_with("/login"),
                "{}",
                route.path
            );
        }
    }
}

/// A route that needs a permission refuses whoever lacks it, and the refusal is one entry.
#[test]
fn the_wrong_role_is_refused_and_the_refusal_is_audited() {
    let test = TestApp::with_customers(20);
    for login in ["admin", "manager", "staff", "compliance"] {
        let visitor = test.sign_in(login);
        let permissions = test.app.read(|r| {
            let scope = qitai::identity::Viewer::system("test")
                .scope(r, qitai::identity::Permission::AccountManage)
                .unwrap();
            let account = qitai::identity::queries::account_by_login(r, &scope, login).unwrap();
            account.role.grant(r).unwrap().permissions
        });
        for route in routes() {
            let Access::Needs(needed) = route.access else {
                continue;
            };
            if permissions.contains(&needed) {
                continue;
            }
            let path = address(&route);
            visitor.get("/me");
            let before = test.audit_size();
            let answer = if route.is_unsafe() {
                visitor.send_as(route.method.as_str(), &path)
            } else {
                visitor.get(&path)
            };
            assert_eq!(answer.status, 403, "{login} {} {path}", route.method);
            assert_eq!(
                test.audit_size() - before,
                1,
                "{login} {} {path}",
                route.method
            );
        }
    }
}

/// Forms without our token, with a stale one or from elsewhere change nothing.
#[test]
fn forged_forms_are_refused() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    for route in routes()
        .iter()
        .filter(|r| r.is_unsafe() && r.access != Access::Public)
    {
        let path = address(route);
        let before = test.audit_size();
        for fields in [&[][..], &[("csrf", "AAAA")][..]] {
            assert_eq!(admin.post_as_is(&path, fields).status, 403, "{path}");
        }
        assert_eq!(test.audit_size(), before, "{path}");
    }
}

/// Whoever has the permission gets an answer, never a fault of ours.
#[test]
fn no_page_fails_for_those_who_may_see_it() {
    let test = TestApp::start();
    for login in ["admin", "manager", "staff", "compliance"] {
        let visitor = test.sign_in(login);
        for route in routes().iter().filter(|r| !r.is_unsafe()) {
            let answer = visitor.get(&address(route));
            assert!(
                answer.status < 500,
                "{login} {} {}",
                route.path,
                answer.body
            );
        }
    }
}

/// Every answer carries the headers that keep pages to themselves.
#[test]
fn every_answer_has_its_headers() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    for route in routes().iter().filter(|r| !r.is_unsafe()) {
        let answer = admin.get(&address(route));
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'"),
            "{}",
            route.path
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{}",
            route.path
        );
        assert!(!answer.header("x-request-id").is_empty(), "{}", route.path);
        assert_eq!(answer.header("cache-control"), "no-store", "{}", route.path);
    }
}

/// The description names every documented route and every route of the API is documented.
#[test]
fn the_api_describes_itself() {
    let test = TestApp::with_customers(20);
    let document = test.stranger().get("/api/v1/openapi.json").json();
    for route in routes().iter().filter(|r| r.path.starts_with("/api/")) {
        let method = route.method.as_str().to_ascii_lowercase();
        assert!(
            document["paths"][route.path][method].is_object(),
            "{}",
            route.path
        );
    }
}
