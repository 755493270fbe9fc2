//! Customers of the firm's own: by hand, from spreadsheets, without WeCom and beside it.

use std::collections::HashSet;

use qitai::{
    audit::query,
    customers::{Customer, CustomerId, Relation, sync::relations_of},
    org, tags,
    wecom::sim::firm,
    work::{JobState, effects::Effect},
};

use super::directory::{bring_to, counts, hidden, location, run};
use crate::support::{TestApp, Visitor};

const IMPORT: &str = "/customers/import";

fn customer(test: &TestApp, page: &str) -> Option<(Customer, Relation)> {
    let id: CustomerId = page.rsplit('/').next().unwrap().parse().unwrap();
    test.app.read(|r| {
        let customer = r.get::<Customer>(&id).unwrap()?;
        let relation = relations_of(r, id).unwrap().pop()?;
        Some((customer, relation))
    })
}

fn own(test: &TestApp) -> Vec<Customer> {
    test.app.read(|r| {
        let all = r.all::<Customer>(None).unwrap().map(Result::unwrap);
        all.filter(Customer::is_own).collect()
    })
}

fn member(test: &TestApp, userid: &str) -> org::MemberId {
    let found = test
        .app
        .read(|r| org::queries::member_id_by_userid(r, userid));
    found.unwrap().unwrap()
}

fn entries(test: &TestApp, act: &str) -> usize {
    let filter = query::Filter {
        act: Some(act.to_owned()),
        ..query::Filter::default()
    };
    test.audit_size();
    test.app
        .read(|r| query::find(r, &filter, None).unwrap().count())
}

/// What a list finds for these words.
fn found(test: &TestApp, visitor: &Visitor<'_>, words: &str) -> String {
    test.settle();
    visitor.get(&format!("/customers?q={words}")).body
}

#[test]
fn a_firm_without_wecom_keeps_its_customers_by_hand() {
    let test = TestApp::unconnected(5);
    let admin = test.sign_in("admin");
    let root = [
        ("name", "海川"),
        ("name_en", ""),
        ("parent", ""),
        ("order", ""),
    ];
    location(&admin.post("/org/departments/new", &root));
    let blank = [
        "alias",
        "position",
        "gender",
        "mobile",
        "email",
        "job_number",
        "direct_leader",
    ];
    let mut fields: Vec<(&str, &str)> = blank.iter().map(|name| (*name, "")).collect();
    fields.extend([("name", "周敏"), ("userid", "zhoumin"), ("dept", "海川")]);
    location(&admin.post("/org/members/new", &fields));
    let owner = member(&test, "zhoumin").to_string();

    let empty = admin.get("/customers").body;
    assert!(empty.contains("href=\"/customers/new\"") && empty.contains(IMPORT));
    let typed = [
        ("name", "赵晓雯"),
        ("owner", owner.as_str()),
        ("company", "滇红贸易"),
        ("add_phone", "138 0000 1234；0532-5550100"),
        ("remark", "赵姐"),
        ("description", "每月五日后下单"),
    ];
    let page = location(&admin.post("/customers/new", &typed));
    assert_eq!(entries(&test, "customer.create"), 1);
    let (made, relation) = customer(&test, &page).unwrap();
    assert!(made.is_own() && made.external_userid.is_empty());
    assert_eq!(relation.phones, ["13800001234", "0532-5550100"]);
    let profile = admin.get(&page).body;
    for shown in ["赵晓雯", "企业自建", "138 **** 1234", "滇红贸易", "周敏"] {
        assert!(profile.contains(shown), "{shown}");
    }
    for words in ["dianhong", "8000012", "赵姐"] {
        assert!(found(&test, &admin, words).contains("赵晓雯"), "{words}");
    }

    // What is wrong is named at its field, and what was typed stays.
    let wrong = [
        ("name", ""),
        ("owner", ""),
        ("add_phone", "无"),
        ("remark", "留着"),
    ];
    let refused = admin.post("/customers/new", &wrong);
    assert_eq!(refused.status, 422);
    for shown in [
        "填写姓名",
        "选择跟进人",
        "「无」不是电话号码",
        "value=\"留着\"",
    ] {
        assert!(refused.body.contains(shown), "{shown}: {}", refused.body);
    }

    // Two change it at once: the second is told, and decides.
    let edit = format!("{page}/edit");
    let seen = hidden(&admin.get(&edit).body, "seen");
    let with = |remark: &'static str, seen: &str| {
        let mut fields = vec![("name", "赵晓雯"), ("owner", owner.as_str())];
        fields.extend([("remark", remark), ("drop_phone", "1"), ("seen", seen)]);
        admin.post(&edit, &fields)
    };
    location(&with("第一个", &seen));
    let second = with("第二个", &seen);
    assert_eq!(second.status, 409, "{}", second.body);
    assert!(
        second
            .body
            .contains("现在是「第一个」，你输入的是「第二个」")
    );
    location(&with("第二个", &hidden(&second.body, "seen")));
    let (_, now) = customer(&test, &page).unwrap();
    assert_eq!((now.remark.as_str(), now.phones.len()), ("第二个", 1));

    let remove = format!("{page}/remove");
    assert_eq!(admin.post(&remove, &[]).status, 422);
    assert!(customer(&test, &page).is_some());
    location(&admin.post(&remove, &[("sure", "on")]));
    assert_eq!(entries(&test, "customer.remove"), 1);
    assert!(customer(&test, &page).is_none());
    assert_eq!(admin.get(&page).status, 404);
    assert!(!found(&test, &admin, "dianhong").contains("赵晓雯"));
    assert_eq!(test.app.store.check().unwrap().found, []);
}

#[test]
fn what_the_firm_keeps_itself_stands_beside_wecom_and_in_scope() {
    let test = TestApp::with_customers(20);
    let tag = test.sim.as_ref().unwrap().add_tag("自建", "老客");
    test.sync();
    let tag = test
        .app
        .read(|r| tags::sync::tag_by_wecom_id(r, &tag))
        .unwrap()
        .unwrap();
    let cast = firm::cast();
    let (staff, admin) = (test.sign_in("staff"), test.sign_in("admin"));
    let mine = member(&test, cast.store_staff).to_string();
    let boss = member(&test, cast.super_admin).to_string();

    let reaching = staff.post("/customers/new", &[("name", "甲"), ("owner", &boss)]);
    assert_eq!(reaching.status, 422);
    assert!(reaching.body.contains("成员不在你的数据范围内"));
    let hers = location(&staff.post("/customers/new", &[("name", "乙"), ("owner", &mine)]));
    let others = location(&admin.post("/customers/new", &[("name", "丙"), ("owner", &boss)]));
    assert_eq!(staff.get(&hers).status, 200);
    for path in [others.clone(), format!("{others}/edit")] {
        assert_eq!(staff.get(&path).status, 404, "{path}");
    }
    let theft = staff.post(&format!("{others}/remove"), &[("sure", "on")]);
    assert_eq!(theft.status, 404);
    assert_eq!(test.sign_in("compliance").get("/customers/new").status, 403);

    // A tag and a remark are here at once, and nothing is on its way to WeCom.
    let (_, relation) = customer(&test, &hers).unwrap();
    let relation = format!("/customers/relations/{}", relation.id);
    let form = staff.get(&format!("{relation}/tags"));
    assert!(form.body.contains(&tag.to_string()) && !form.body.contains("name=\"preview\""));
    let tags = [("tag", tag.to_string())];
    let tags: Vec<(&str, &str)> = tags.iter().map(|(n, v)| (*n, v.as_str())).collect();
    location(&staff.post(&format!("{relation}/tags"), &tags));
    location(&staff.post(&format!("{relation}/remark"), &[("remark", "老乙")]));
    let before = customer(&test, &hers).unwrap();
    assert_eq!(
        (before.1.tags.as_slice(), before.1.remark.as_str()),
        (&[tag][..], "老乙")
    );
    let planned = test.app.read(|r| r.all::<Effect>(None).unwrap().count());
    assert_eq!(planned, 0);

    // No sync touches it, not even one that finds a member's customers gone.
    let audited = test.audit_size();
    test.sync();
    assert_eq!(test.audit_size(), audited);
    assert_eq!(customer(&test, &hers), Some(before));
    let handed = [("name", "乙"), ("owner", boss.as_str())];
    let seen = hidden(&admin.get(&format!("{hers}/edit")).body, "seen");
    let mut fields = handed.to_vec();
    fields.push(("seen", &seen));
    location(&admin.post(&format!("{hers}/edit"), &fields));
    assert_eq!(staff.get(&hers).status, 404);
    let changes = admin.get(&format!("{hers}?tab=changes")).body;
    assert!(changes.contains("跟进人"), "{changes}");
}

const LIST: &str = "客户名单（2026 年）\r\n\
    *客户名称（必填）;联系电话;所在公司;销售;标签;职务;不导入\r\n\
    钱一;138-0000-1001;滇红贸易;zhoumin;重点;采购;x\r\n\
    孙二;13800001002;;;;;\r\n\
    李三;电话不详;;;;;\r\n\
    周四;13800001004、0871-5550100;;没有此人;;;\r\n\
    吴五;138 0000 1001;;;;;\r\n";

const COLUMNS: [&str; 7] = ["name", "phone", "company", "owner", "tags", "position", ""];

#[test]
fn any_list_of_customers_is_taken_in_updated_and_taken_back() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let gbk = encoding_rs::GB18030.encode(LIST).0.into_owned();
    let settings = ["match=phone"];
    let import = bring_to(&admin, IMPORT, &gbk, &COLUMNS, &settings);
    let check = admin.get(&format!("{import}/check")).body;
    for shown in [
        "2 行可导入，3 行有问题",
        "「电话不详」不是电话号码",
        "没有成员「没有此人」",
        "手机号与第 3 行重复",
        "没有标签「重点」",
    ] {
        assert!(check.contains(shown), "{shown}: {check}");
    }
    assert_eq!(own(&test).len(), 0, "a dry run changes nothing");
    let wrong = admin.get(&format!("{import}/errors?format=csv")).body;
    assert!(wrong.contains("李三") && !wrong.contains("钱一"));

    let job = run(&test, &admin, &import, "run", &[]);
    assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
    assert_eq!(counts(&job), [("rows_created", 2), ("rows_failed", 3)]);
    assert!(found(&test, &admin, "dianhong").contains("钱一"));

    // The same phone again is the same customer; who is WeCom's is left to WeCom.
    let theirs = test.app.read(|r| {
        let all = r.all::<Relation>(None).unwrap().map(Result::unwrap);
        let mut phones = all.filter_map(|relation| {
            let customer = r.get::<Customer>(&relation.customer).unwrap()?;
            let phone = relation.phones.first()?.clone();
            (!customer.is_own()).then_some(phone)
        });
        phones.next().unwrap()
    });
    let file = format!("姓名,手机,备注\n钱一一,13800001001,老钱\n某某,{theirs},新备注\n");
    let fields = ["name", "phone", "remark"];
    let again = bring_to(&admin, IMPORT, file.as_bytes(), &fields, &settings);
    let check = admin.get(&format!("{again}/check?show=same")).body;
    assert!(check.contains("已是企业微信客户"), "{check}");
    let job = run(&test, &admin, &again, "run", &[]);
    assert_eq!(counts(&job), [("rows_changed", 1), ("rows_same", 1)]);
    let names: HashSet<String> = own(&test).into_iter().map(|c| c.name).collect();
    assert_eq!(
        names,
        HashSet::from(["钱一一".to_owned(), "孙二".to_owned()])
    );

    // The second import goes, then the first: what was made is gone, trail and all the same.
    run(&test, &admin, &again, "undo", &[]);
    let undone = run(&test, &admin, &import, "undo", &[]);
    assert_eq!(undone.progress.counted("rows_undone"), 2);
    assert_eq!(own(&test).len(), 0);
    assert!(!found(&test, &admin, "dianhong").contains("钱一"));
    assert_eq!(test.sign_in("compliance").get(IMPORT).status, 403);
}

/// Rows of the list below.
const ROWS: usize = 10_000;

#[test]
fn ten_thousand_rows_are_each_taken_in_once_however_often_it_is_killed() {
    let test = TestApp::unconnected(5);
    let admin = test.sign_in("admin");
    let root = [
        ("name", "海川"),
        ("name_en", ""),
        ("parent", ""),
        ("order", ""),
    ];
    location(&admin.post("/org/departments/new", &root));
    let blank = [
        "alias",
        "position",
        "gender",
        "mobile",
        "email",
        "job_number",
        "direct_leader",
    ];
    let mut fields: Vec<(&str, &str)> = blank.iter().map(|name| (*name, "")).collect();
    fields.extend([("name", "周敏"), ("userid", "zhoumin"), ("dept", "海川")]);
    location(&admin.post("/org/members/new", &fields));
    let mut list = "姓名,手机号,跟进人,公司\n".to_owned();
    for n in 0..ROWS {
        list.push_str(&format!("客户{n},139{n:08},zhoumin,公司{}\n", n % 97));
    }
    let columns = ["name", "phone", "owner", "company"];
    let import = bring_to(&admin, IMPORT, list.as_bytes(), &columns, &["match=phone"]);
    assert_eq!(location(&admin.post(&format!("{import}/run"), &[])), import);
    drop(admin);

    let latest = |test: &TestApp| {
        let job = test
            .app
            .read(|r| qitai::work::jobs::latest(r, "customers.import"));
        job.unwrap().unwrap()
    };
    let mut test = test;
    for rows in [1_000, 4_000, 9_000] {
        test.wait_for("it is under way", || {
            let job = latest(&test);
            assert!(!job.state.is_final(), "{rows}: {:?}", job.state);
            (job.progress.done >= rows).then_some(())
        });
        test = test.kill().start();
    }
    let job = test.wait_for("it ends", || {
        let job = latest(&test);
        job.state.is_final().then_some(job)
    });
    assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
    assert_eq!(counts(&job), [("rows_created", ROWS as u64)]);
    let made = own(&test);
    let names: HashSet<&str> = made.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((made.len(), names.len()), (ROWS, ROWS));
    assert_eq!(
        entries(&test, "import.rows"),
        ROWS / 100,
        "one for each batch"
    );
    assert_eq!(test.app.store.check().unwrap().found, []);
}
