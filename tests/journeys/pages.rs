//! Lists, records and their addresses, as each role meets them in pages and API.

use std::collections::BTreeSet;

use crate::support::{TestApp, Visitor};

const ROLES: [&str; 4] = ["admin", "manager", "staff", "compliance"];

/// The lists of the API with the permission that each takes.
const LISTS: [(&str, &str); 5] = [
    ("/api/v1/customers", "customer.read"),
    ("/api/v1/groups", "group.read"),
    ("/api/v1/members", "org.read"),
    ("/api/v1/departments", "org.read"),
    ("/api/v1/tags", "tag.read"),
];

fn permissions(test: &TestApp, login: &str) -> BTreeSet<&'static str> {
    test.app.read(|r| {
        let scope = qitai::identity::Viewer::system("test")
            .scope(r, qitai::identity::Permission::AccountManage)
            .unwrap();
        let account = qitai::identity::queries::account_by_login(r, &scope, login).unwrap();
        let grant = account.role.grant(r).unwrap();
        grant.permissions.iter().map(|p| p.code()).collect()
    })
}

/// Walks a list by its cursors; gives the ids in order.
fn walk(visitor: &Visitor<'_>, list: &str, limit: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = visitor.get(&format!("{list}?limit={limit}{cursor}")).json();
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        assert_eq!(page["total_exact"], true, "{list}");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["total"].as_u64(), Some(ids.len() as u64), "{list}");
                return ids;
            }
        }
    }
}

/// Every list has the same shape, gives each thing once, and each of its things alone as
/// well; whoever lacks the permission gets nothing, and what is out of scope is not there.
#[test]
fn lists_of_the_api_agree_with_their_items_for_every_role() {
    let test = TestApp::start();
    let admin = test.sign_in("admin");
    for (list, needed) in LISTS {
        let all = walk(&admin, list, 200);
        assert!(!all.is_empty(), "{list}");
        for login in ROLES {
            let visitor = test.sign_in(login);
            if !permissions(&test, login).contains(needed) {
                assert_eq!(visitor.get(list).status, 403, "{login} {list}");
                let one = format!("{list}/{}", all[0]);
                assert_eq!(visitor.get(&one).status, 403, "{login} {one}");
                continue;
            }
            let own = walk(&visitor, list, 7);
            let unique: BTreeSet<&String> = own.iter().collect();
            assert_eq!(unique.len(), own.len(), "{login} {list}: each once");
            assert!(own.iter().all(|id| all.contains(id)), "{login} {list}");
            for id in own.iter().take(3) {
                let one = visitor.get(&format!("{list}/{id}"));
                assert_eq!(one.status, 200, "{login} {list}/{id}: {}", one.body);
                assert_eq!(one.json()["id"].as_str(), Some(id.as_str()));
            }
            for foreign in all.iter().filter(|id| !own.contains(id)).take(3) {
                let one = visitor.get(&format!("{list}/{foreign}"));
                assert_eq!(one.status, 404, "{login} {list}/{foreign}");
            }
            for nonsense in ["?surprise=1", "?limit=7&limit=8", "?limit=x"] {
                let answer = visitor.get(&format!("{list}{nonsense}"));
                assert_eq!(answer.status, 400, "{login} {list}{nonsense}");
            }
            assert_eq!(visitor.get(&format!("{list}?cursor=AAAA")).status, 200);
            assert_eq!(visitor.get(&format!("{list}/nonsense")).status, 404);
        }
    }
}

/// People in a group are counted, paged and narrowed; their ids lead on only within scope.
#[test]
fn the_people_of_a_group_are_paged_in_page_and_api() {
    let test = TestApp::start();
    let admin = test.sign_in("admin");
    let groups = admin.get("/api/v1/groups?limit=200").json();
    let groups = groups["items"].as_array().unwrap();
    let people =
        |g: &&serde_json::Value| g["members"].as_u64().unwrap() + g["outside"].as_u64().unwrap();
    let group = groups.iter().max_by_key(people).unwrap();
    let (id, expected) = (group["id"].as_str().unwrap(), people(&group));
    let all = walk(&admin, &format!("/api/v1/groups/{id}/people"), 4);
    assert_eq!(all.len() as u64, expected);
    let outside = admin
        .get(&format!("/api/v1/groups/{id}/people?outside=true"))
        .json();
    assert_eq!(outside["total"], group["outside"]);
    let page = admin.get(&format!("/groups/{id}?limit=4")).body;
    assert_eq!(page.matches("class=\"c-who\"").count(), 4);
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    assert!(
        next.starts_with(&format!("/groups/{id}?limit=4&after=")),
        "{next}"
    );
    assert_eq!(admin.get(&next).status, 200);
    let nobody = admin
        .get(&format!("/groups/{id}?q=nobody-has-this-name"))
        .body;
    assert!(nobody.contains("没有符合条件的群成员"));
}

/// A profile leads on through exactly the list it was opened from.
#[test]
fn a_profile_walks_the_list_it_was_opened_from() {
    let test = TestApp::start();
    let staff = test.sign_in("staff");
    for list in [
        "/customers?view=mine&sort=name",
        "/customers?q=li",
        "/customers?sort=-added",
    ] {
        let page = staff.get(list).body;
        let addresses: Vec<String> = page
            .split("<a class=\"clip\" href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        assert!(addresses.len() > 2, "{list}");
        let id = |address: &str| address.split(['?', '#']).next().unwrap().to_owned();
        let mut at = addresses[0].clone();
        for (i, expected) in addresses.iter().enumerate() {
            assert_eq!(id(&at), id(expected), "{list}");
            let profile = staff.get(&at).body;
            assert_eq!(profile.contains("rel=\"prev\""), i > 0, "{list} {i}");
            let Some(next) = profile.split("rel=\"next\" href=\"").nth(1) else {
                assert_eq!(i + 1, addresses.len());
                break;
            };
            at = next.split('"').next().unwrap().replace("&#38;", "&");
        }
    }
}

/// Looks and columns belong to the account: another browser shows them too, and nobody else's.
#[test]
fn looks_and_columns_are_remembered_with_the_account() {
    let test = TestApp::with_customers(40);
    let first = test.sign_in("staff");
    let before = test.audit_size();
    let fields = [
        ("list", "customers"),
        ("column", "company"),
        ("column", "number"),
        ("density", "compact"),
        ("back", "/customers?view=mine"),
    ];
    let saved = first.post("/me/preferences", &fields);
    assert_eq!(
        (saved.status, saved.header("location")),
        (303, "/customers?view=mine")
    );
    assert_eq!(test.audit_size() - before, 1);
    let second = test.sign_in("staff");
    let page = second.get("/customers").body;
    assert!(page.contains("data-density=\"compact\""));
    assert!(page.contains("KH-0000") && page.contains(">公司</th>"));
    assert!(!page.contains(">添加方式</th>"));
    let other = test.sign_in("manager").get("/customers").body;
    assert!(other.contains(">添加方式</th>") && !other.contains("data-density=\"compact\""));
    let odd = [("list", "../x"), ("column", "a")];
    assert_eq!(first.post("/me/preferences", &odd).status, 422);
}

/// Pages take what they know of an address and leave out the rest.
#[test]
fn odd_addresses_are_no_faults() {
    let test = TestApp::with_customers(40);
    let admin = test.sign_in("admin");
    let group = walk(&admin, "/api/v1/groups", 50).remove(0);
    let customer = walk(&admin, "/api/v1/customers", 50).remove(0);
    let group = format!("/groups/{group}");
    let customer = format!("/customers/{customer}");
    for path in [
        "/",
        "/customers",
        "/groups",
        "/tags",
        "/search",
        "/org",
        "/compliance/audit",
        "/me",
        &group,
        &customer,
    ] {
        for query in [
            "?surprise=1&surprise=2",
            "?q=a&q=b&tab=x&tab=y&from=a&from=b",
            "?after=AAAA&before=%00&limit=-1&sort=--&view=zzz&tag=no&owner=no&via=x",
            "?range=x&actor=&object=%F0%9F%8D%B5&ip=999&from=2026-99-99",
            "?&&=&==&%",
        ] {
            let answer = admin.get(&format!("{path}{query}"));
            assert!(answer.status < 400, "{path}{query}: {}", answer.status);
        }
    }
}
