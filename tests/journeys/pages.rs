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
            assert_eq!(visitor.get(&format!("{list}?cursor=AAAA")).status, 400);
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
            // A box that says what it does not understand is an answer.
            assert!(
                answer.status < 400 || answer.status == 422,
                "{path}{query}: {}",
                answer.status
            );
        }
    }
}

/// The count beside a view in the row of views.
fn count_of(page: &str, view: &str) -> Option<String> {
    let rest = page
        .split(&format!(">{view} <span class=\"num\">"))
        .nth(1)?;
    rest.split('<').next().map(str::to_owned)
}

/// A view is conditions under a name: it counts what the list holds, colleagues of the
/// department it is shared with see it with their own numbers, and only its owner changes it.
#[test]
fn a_view_is_saved_shared_renamed_ordered_and_deleted() {
    let test = TestApp::start();
    let manager = test.sign_in("manager");
    let list = "/customers?via=1&sort=name";
    let page = manager.get(list).body;
    let save = page.split("href=\"/customers/views?from=").nth(1);
    let save = save
        .expect("the list offers to save it")
        .split('"')
        .next()
        .unwrap();
    let form = manager.get(&format!("/customers/views?from={save}")).body;
    assert!(form.contains("扫描二维码"), "the form says what is saved");

    let department = departments_of(&form)
        .pop()
        .expect("some store may be shared with");
    let before = test.audit_size();
    let fields = [
        ("name", "扫码来的"),
        ("share", department.as_str()),
        ("from", list),
    ];
    let saved = manager.post("/customers/views", &fields);
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(test.audit_size() - before, 1);
    let shown = manager.get(saved.header("location")).body;
    let total = manager.get("/api/v1/customers").json()["total"].clone();
    let count = count_of(&shown, "扫码来的").expect("the view stands above the list");
    assert!(
        shown.contains(&format!("<b class=\"num\">{count}</b> 位客户")),
        "{count} of {total}"
    );
    assert!(
        !shown.contains("/customers/views?from="),
        "it is saved already"
    );

    // The form keeps what was typed and says what is wrong.
    for (name, share, sentence) in [
        ("", "", "必填"),
        ("扫码来的", "", "已有同名的视图"),
        (
            "二十个字以上的名字太长太长太长太长太长太长",
            "",
            "1 到 20 个字",
        ),
        ("全公司", "1", "只能共享给"),
    ] {
        let fields = [
            ("name", name),
            ("share", share),
            ("from", "/customers?via=3"),
        ];
        let again = manager.post("/customers/views", &fields);
        assert_eq!(again.status, 422, "{name}");
        assert!(again.body.contains(sentence), "{name}: {sentence}");
        assert!(again.body.contains(&format!("value=\"{name}\"")), "{name}");
    }
    let nothing = [
        ("name", "空"),
        ("share", ""),
        ("from", "https://elsewhere.example"),
    ];
    assert_eq!(manager.post("/customers/views", &nothing).status, 422);

    let page = manager.get("/customers/views").body;
    let id = page.split("/customers/views?edit=").nth(1).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    let one = format!("/customers/views/{id}");
    let staff = test.sign_in("staff");
    for path in ["", "/move", "/delete"] {
        let fields: &[(&str, &str)] = if path.is_empty() {
            &[("name", "x")]
        } else {
            &[]
        };
        assert_eq!(
            staff.post(&format!("{one}{path}"), fields).status,
            404,
            "{path}"
        );
    }
    assert_eq!(
        staff.get(&format!("/customers/views?edit={id}")).status,
        404
    );

    // Shared with the store of the staff: they see it, with the customers they see.
    let own_store = staff_store(&test);
    let fields = [("name", "扫码客户"), ("share", own_store.as_str())];
    assert_eq!(manager.post(&one, &fields).status, 303);
    let seen = staff.get("/customers").body;
    let theirs = count_of(&seen, "扫码客户").expect("the shared view is there");
    let own = staff.get("/customers?via=1").body;
    assert!(own.contains(&format!("<b class=\"num\">{theirs}</b> 位客户")));
    assert!(
        !test
            .sign_in("admin")
            .get("/customers")
            .body
            .contains("扫码客户")
    );

    let fields = [
        ("name", "第二个"),
        ("share", ""),
        ("from", "/customers?view=new&via=1"),
    ];
    assert_eq!(manager.post("/customers/views", &fields).status, 303);
    let order = |page: &str| page.find("扫码客户").unwrap() < page.find("第二个").unwrap();
    assert!(order(&manager.get("/customers").body));
    manager.post(&format!("{one}/move"), &[]);
    assert!(!order(&manager.get("/customers").body));
    let before = test.audit_size();
    manager.post(&format!("{one}/move"), &[]);
    assert_eq!(test.audit_size(), before, "the last one stays where it is");

    assert_eq!(manager.post(&format!("{one}/delete"), &[]).status, 303);
    assert!(count_of(&manager.get("/customers").body, "扫码客户").is_none());
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// The departments that the form offers, by WeCom's number.
fn departments_of(form: &str) -> Vec<String> {
    let select = form.split("name=\"share\"").nth(1).unwrap_or("");
    let select = select.split("</select>").next().unwrap_or("");
    let values = select.split("<option value=\"").skip(1);
    let values = values.filter_map(|rest| rest.split('"').next());
    values
        .filter(|v| !v.is_empty())
        .map(str::to_owned)
        .collect()
}

/// WeCom's number of the department the staff account works in.
fn staff_store(test: &TestApp) -> String {
    let cast = qitai::wecom::sim::firm::cast();
    test.app.read(|r| {
        let member = qitai::org::queries::member_by_userid(r, cast.store_staff).unwrap();
        member.unwrap().main_department.to_string()
    })
}

/// A role may begin with a view of its own; the whole list stays one click away.
#[test]
fn a_role_begins_with_its_view() {
    let test = TestApp::with_customers(60);
    let (admin, staff) = (test.sign_in("admin"), test.sign_in("staff"));
    assert_eq!(staff.get("/customers").status, 200);
    let fields = [("role", "staff"), ("query", "view=mine")];
    assert_eq!(staff.post("/customers/views/defaults", &fields).status, 403);
    assert_eq!(admin.post("/customers/views/defaults", &fields).status, 303);
    let begin = staff.get("/customers");
    assert_eq!(
        (begin.status, begin.header("location")),
        (303, "/customers?view=mine")
    );
    assert!(
        staff
            .get("/customers?view=mine")
            .body
            .contains("href=\"/customers?view=all\"")
    );
    assert_eq!(staff.get("/customers?view=all").status, 200);
    assert_eq!(
        admin.get("/customers").status,
        200,
        "other roles begin as before"
    );
    let odd = [("role", "nobody"), ("query", "view=mine")];
    assert_eq!(admin.post("/customers/views/defaults", &odd).status, 404);
    let back = [("role", "staff"), ("query", "")];
    assert_eq!(admin.post("/customers/views/defaults", &back).status, 303);
    assert_eq!(staff.get("/customers").status, 200);
}

/// The filter box of the trail and the controls beside it write each other.
#[test]
fn the_filter_box_and_the_controls_write_each_other() {
    let test = TestApp::with_customers(40);
    let staff = test.sign_in("staff");
    staff.get("/customers?q=wang");
    let officer = test.sign_in("compliance");
    let ask = |text: &str| {
        let query = qitai::web::ListQuery::new("/compliance/audit").with("q", text);
        officer.get(&query.to_string())
    };
    let text = "actor:staff action:customer.list outcome:ok range:7d";
    let found = ask(text);
    assert_eq!(found.status, 303);
    let address = found.header("location").to_owned();
    assert!(
        address.contains("actor=account:") && address.contains("range=7d"),
        "{address}"
    );
    let page = officer.get(&address).body;
    assert!(
        page.contains(&format!("name=\"q\" value=\"{text}\"")),
        "the box says the same"
    );
    assert_eq!(
        page.matches("class=\"link\" href=\"/compliance/audit/")
            .count(),
        1
    );

    let by_name = ask("动作:查看客户列表 from:2020-01-01 to:2020-12-31");
    let address = by_name.header("location");
    assert_eq!(
        address,
        "/compliance/audit?action=customer.list&from=2020-01-01&to=2020-12-31"
    );
    assert!(officer.get(address).body.contains("没有符合条件的记录"));

    for (text, sentence) in [
        ("actor:没有这个人", "没有叫「没有这个人」的操作人"),
        ("action:dance", "没有「dance」这个动作"),
        ("object:x", "类型加编号"),
        ("ip:999.1.1.1", "不是 IP 地址"),
        ("from:yesterday", "2026-11-20 这样"),
        ("王海燕", "看不懂「王海燕」"),
    ] {
        let refused = ask(text);
        assert_eq!(refused.status, 422, "{text}");
        assert!(refused.body.contains(sentence), "{text}");
        assert!(
            refused
                .body
                .contains(&format!("name=\"q\" value=\"{text}\"")),
            "{text}"
        );
    }
}
