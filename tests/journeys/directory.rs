//! The directory is kept here: by hand, from spreadsheets, beside WeCom.

use qitai::{
    identity::Viewer,
    org::{self, Department, Member, MemberState, Origin, queries::DepartmentTree},
    work::{
        Job, JobState,
        effects::{Area, SaveWriteSettings, WriteMode, WriteSettings, save_write_settings},
    },
};

use crate::support::{Answer, TestApp, Visitor};

fn member(test: &TestApp, userid: &str) -> Option<Member> {
    test.app
        .read(|r| org::queries::member_by_userid(r, userid))
        .unwrap()
}

fn tree(test: &TestApp) -> DepartmentTree {
    test.app.read(DepartmentTree::load).unwrap()
}

fn root_name(test: &TestApp) -> String {
    tree(test).get(1).unwrap().name.clone()
}

/// The fields of a member's form; the last ones of a name win.
fn form<'f>(own: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let names = [
        "userid",
        "name",
        "alias",
        "position",
        "gender",
        "mobile",
        "email",
        "job_number",
        "direct_leader",
    ];
    let blank = names
        .into_iter()
        .filter(|n| !own.iter().any(|(o, _)| o == n));
    blank.map(|n| (n, "")).chain(own.iter().copied()).collect()
}

pub(super) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").to_owned()
}

/// What stands in a hidden field.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let rest = page.split(&mark).nth(1).expect(name);
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_member_made_here_survives_the_sync_and_becomes_wecoms_when_it_tells_of_it() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let root = root_name(&test);
    let made = admin.post(
        "/org/departments/new",
        &[
            ("name", "临时项目组"),
            ("name_en", ""),
            ("parent", &root),
            ("order", "5"),
        ],
    );
    let number = location(&made).rsplit('=').next().unwrap().parse().unwrap();
    assert!(org::standing::is_local(number));
    let path = format!("{root}/临时项目组");
    let fields = form(&[
        ("name", "新同事"),
        ("userid", "xintongshi"),
        ("mobile", "138 0000 4321"),
        ("dept", &path),
        ("leads", "0"),
        ("main", "0"),
    ]);
    location(&admin.post("/org/members/new", &fields));
    let here = member(&test, "xintongshi").unwrap();
    assert_eq!(
        (here.origin, here.mobile.as_str()),
        (Origin::Local, "13800004321")
    );
    assert_eq!(tree(&test).get(number).unwrap().leaders, ["xintongshi"]);

    test.sync();
    assert_eq!(member(&test, "XinTongShi"), Some(here.clone()));
    assert_eq!(tree(&test).get(number).unwrap().name, "临时项目组");

    let sim = test.sim.as_ref().unwrap();
    let told = sim.add_department("临时项目组", 1).unwrap();
    sim.member_joins("xintongshi", "新同事", told);
    test.sync();
    let met = member(&test, "xintongshi").unwrap();
    assert_eq!((met.id, met.origin), (here.id, Origin::Wecom));
    let places: Vec<u64> = met.posts.iter().map(|p| p.department).collect();
    assert_eq!(places, [told]);
    assert!(
        tree(&test).get(number).is_none(),
        "the two departments have met"
    );
    assert!(tree(&test).get(told).is_some());

    sim.member_leaves("xintongshi");
    test.sync();
    assert_eq!(
        member(&test, "xintongshi").unwrap().state,
        MemberState::Left
    );
}

#[test]
fn whoever_is_second_is_told_who_changed_what_and_keeps_what_was_typed() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let root = root_name(&test);
    let base = [
        ("name", "李明"),
        ("userid", "liming"),
        ("dept", root.as_str()),
    ];
    let page = location(&admin.post("/org/members/new", &form(&base)));
    let edit = format!("{page}/edit");
    let seen = hidden(&admin.get(&edit).body, "seen");

    let mut first = base.to_vec();
    first.extend([("position", "店员"), ("seen", &seen)]);
    location(&admin.post(&edit, &form(&first)));
    let mut second = base.to_vec();
    second.extend([("position", "店长"), ("seen", &seen)]);
    let refused = admin.post(&edit, &form(&second));
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("admin"), "{}", refused.body);
    assert!(refused.body.contains("现在是「店员」，你输入的是「店长」"));
    assert!(refused.body.contains("value=\"店长\""));

    let newest = hidden(&refused.body, "seen");
    let mut again = base.to_vec();
    again.extend([("position", "店长"), ("seen", &newest)]);
    location(&admin.post(&edit, &form(&again)));
    assert_eq!(member(&test, "liming").unwrap().position, "店长");
}

#[test]
fn what_is_wecoms_is_not_changed_here_but_the_job_number_is() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let userid = qitai::wecom::sim::firm::cast().store_staff;
    let known = member(&test, userid).unwrap();
    let edit = format!("/org/members/{}/edit", known.id);
    let page = admin.get(&edit).body;
    let seen = hidden(&page, "seen");
    let places = page.split("name=\"dept\" value=\"").skip(1);
    let places: Vec<String> = places
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let mut own = vec![
        ("userid", userid),
        ("name", known.name.as_str()),
        ("alias", known.alias.as_str()),
        ("position", known.position.as_str()),
        ("mobile", known.mobile.as_str()),
        ("email", known.email.as_str()),
        ("main", "0"),
        ("seen", &seen),
    ];
    own.extend(places.iter().map(|p| ("dept", p.as_str())));
    let leads = known.posts.iter().position(|p| p.is_leader);
    let leads = leads.map(|n| n.to_string());
    own.extend(leads.iter().map(|n| ("leads", n.as_str())));
    let mut renamed = own.clone();
    renamed.retain(|(n, _)| *n != "name");
    renamed.push(("name", "改名"));
    let refused = admin.post(&edit, &form(&renamed));
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("由企业微信管理，请在管理后台修改"));
    own.push(("job_number", "A0042"));
    location(&admin.post(&edit, &form(&own)));
    let now = member(&test, userid).unwrap();
    assert_eq!((now.job_number.as_str(), now.name), ("A0042", known.name));
    test.sync();
    assert_eq!(member(&test, userid).unwrap().job_number, "A0042");
}

#[test]
fn a_department_admin_changes_what_lies_below_and_nothing_else() {
    let test = TestApp::with_customers(20);
    let manager = test.sign_in("manager");
    let region = tree(&test)
        .get(qitai::wecom::sim::firm::cast().region)
        .unwrap()
        .clone();
    let inside = form(&[("name", "甲"), ("userid", "jia"), ("dept", &region.name)]);
    location(&manager.post("/org/members/new", &inside));
    let root = root_name(&test);
    let outside = form(&[("name", "乙"), ("userid", "yi"), ("dept", &root)]);
    let refused = manager.post("/org/members/new", &outside);
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(member(&test, "yi").is_none());
    let boss = member(&test, qitai::wecom::sim::firm::cast().super_admin).unwrap();
    let page = format!("/org/members/{}/edit", boss.id);
    assert_eq!(manager.get(&page).status, 404);
    assert_eq!(
        manager
            .post(&format!("{page}/state"), &[("state", "left")])
            .status,
        404
    );
    assert!(test.sign_in("staff").get("/org/members/new").status == 403);
}

fn bring(admin: &Visitor<'_>, file: &[u8], fields: &[&str], settings: &[&str]) -> String {
    bring_to(admin, "/org/import", file, fields, settings)
}

/// Uploads, takes the guessed columns with these settings, and gives the import's address.
pub(super) fn bring_to(
    admin: &Visitor<'_>,
    start: &str,
    file: &[u8],
    fields: &[&str],
    settings: &[&str],
) -> String {
    let columns = location(&admin.upload(start, "名单.csv", file));
    let page = admin.get(&columns);
    assert_eq!(page.status, 200);
    let guessed: Vec<String> = page
        .body
        .split("name=\"field\"")
        .skip(1)
        .map(|select| {
            let select = select.split("</select>").next().unwrap();
            let chosen = select.split("\" selected").next().unwrap();
            chosen.rsplit('"').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(guessed, fields);
    let mut sent: Vec<(&str, &str)> = fields.iter().map(|f| ("field", *f)).collect();
    sent.extend(settings.iter().map(|s| ("setting", *s)));
    let check = location(&admin.post(&columns, &sent));
    check.trim_end_matches("/check").to_owned()
}

/// Runs an import or its undoing to its end; gives the job.
pub(super) fn run(
    test: &TestApp,
    admin: &Visitor<'_>,
    import: &str,
    end: &str,
    fields: &[(&str, &str)],
) -> Job {
    let slice = import.split('/').nth(1).unwrap();
    let kind = match end {
        "undo" => format!("{slice}.import_undo"),
        _ => format!("{slice}.import"),
    };
    assert_eq!(
        location(&admin.post(&format!("{import}/{end}"), fields)),
        import
    );
    test.wait_for("the import ends", || {
        let job = test
            .app
            .read(|r| qitai::work::jobs::latest(r, &kind))
            .unwrap()?;
        job.state.is_final().then_some(job)
    })
}

pub(super) fn counts(job: &Job) -> Vec<(&str, u64)> {
    job.progress
        .counts
        .iter()
        .map(|(n, c)| (n.as_str(), *c))
        .collect()
}

const LIST: &str = "云岭员工名单（2026 年 11 月）\r\n\
    部门路径;*姓名（必填）;手机号码;帐号;工号;备注;是否部门负责人\r\n\
    新区/一店;钱一;138-0000-1001;qianyi;N1;x;是\r\n\
    新区/一店;孙二;13800001002;suner;N2;;否\r\n\
    新区/二店;李三;1380000;lisan;N3;;\r\n\
    新区/二店;周四;13800001004;zhousi;N4;=HYPERLINK(1);\r\n";

const COLUMNS: [&str; 7] = [
    "dept",
    "name",
    "mobile",
    "userid",
    "job_number",
    "",
    "leads",
];

#[test]
fn any_layout_is_taken_in_checked_first_and_taken_back() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let gbk = encoding_rs::GB18030.encode(LIST).0.into_owned();
    let settings = ["match=userid", "departments=1"];
    let import = bring(&admin, &gbk, &COLUMNS, &settings);

    let check = admin.get(&format!("{import}/check"));
    assert!(
        check.body.contains("3 行可导入，1 行有问题"),
        "{}",
        check.body
    );
    assert!(check.body.contains("手机号要 11 位数字，现在是 7 位"));
    assert!(
        member(&test, "qianyi").is_none(),
        "a dry run changes nothing"
    );
    let wrong = admin.get(&format!("{import}/errors?format=csv"));
    assert!(
        wrong.body.contains("李三") && !wrong.body.contains("钱一"),
        "{}",
        wrong.body
    );
    assert!(wrong.body.starts_with("\u{feff}原因,部门路径"));

    let job = run(&test, &admin, &import, "run", &[]);
    assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
    assert_eq!(
        counts(&job),
        [("rows_created", 3), ("departments", 3), ("rows_failed", 1)]
    );
    let first = member(&test, "qianyi").unwrap();
    assert_eq!(
        (first.mobile.as_str(), first.job_number.as_str()),
        ("13800001001", "N1")
    );
    assert!(first.posts[0].is_leader);
    let path = tree(&test).path(first.posts[0].department).len();
    assert_eq!(path, 3);
    let result = admin.get(&import).body;
    assert!(result.contains("1 行没有导入") && result.contains("撤销这次导入"));

    // The same file again changes nothing, and its columns are remembered.
    let again = bring(&admin, &gbk, &COLUMNS, &settings);
    let check = admin.get(&format!("{again}/check?show=same"));
    assert!(check.body.contains("0 行可导入"), "{}", check.body);

    // Somebody changes one of them before the import is taken back.
    let page = format!("/org/members/{}/edit/state", first.id);
    location(&admin.post(&page, &[("state", "disabled")]));
    let undone = run(&test, &admin, &import, "undo", &[]);
    assert_eq!(undone.state, JobState::Done);
    assert_eq!(undone.progress.counted("rows_kept"), 1);
    assert_eq!(
        member(&test, "qianyi").unwrap().state,
        MemberState::Disabled
    );
    for gone in ["suner", "zhousi"] {
        assert_eq!(member(&test, gone).unwrap().state, MemberState::Left);
    }
    let flat = tree(&test);
    let names: Vec<String> = flat.flat().iter().map(|(_, d)| d.name.clone()).collect();
    assert!(
        names.contains(&"一店".to_owned()),
        "somebody is still in it"
    );
    assert!(!names.contains(&"二店".to_owned()));
    assert_eq!(admin.post(&format!("{import}/undo"), &[]).status, 409);
}

#[test]
fn whoever_is_not_in_the_file_leaves_only_if_asked_and_confirmed() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let first = "账号,姓名\nzhaoyi,赵一\nzhaoer,赵二\n";
    let import = bring(
        &admin,
        first.as_bytes(),
        &["userid", "name"],
        &["match=userid"],
    );
    run(&test, &admin, &import, "run", &[]);
    let here = |userid: &str| member(&test, userid).unwrap().is_here();
    assert!(here("zhaoyi") && here("zhaoer"));

    let second = "账号,姓名\nzhaoyi,赵一一\n";
    let settings = ["match=userid", "leave=1"];
    let import = bring(&admin, second.as_bytes(), &["userid", "name"], &settings);
    let check = admin.get(&format!("{import}/check?show=missing")).body;
    // WeCom's own members are WeCom's; of those kept here one is missing.
    assert!(
        check.contains("赵二") && check.contains("确认把不在文件里的 1 位"),
        "{check}"
    );
    let refused = admin.post(&format!("{import}/run"), &[]);
    assert_eq!(refused.status, 422);
    assert!(here("zhaoer"));
    let job = run(&test, &admin, &import, "run", &[("confirm", "1")]);
    assert_eq!(counts(&job), [("rows_changed", 1), ("rows_left", 1)]);
    assert!(!here("zhaoer"));
    run(&test, &admin, &import, "undo", &[]);
    assert!(here("zhaoer"));
    assert_eq!(member(&test, "zhaoyi").unwrap().name, "赵一");
}

#[test]
fn an_import_is_its_owners_alone_and_a_bad_file_is_named() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let import = bring(
        &admin,
        b"userid,name\nx1,X\n",
        &["userid", "name"],
        &["match=userid"],
    );
    let manager = test.sign_in("manager");
    for end in ["", "/columns", "/check", "/errors"] {
        assert_eq!(manager.get(&format!("{import}{end}")).status, 404, "{end}");
    }
    let refused = admin.upload("/org/import", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("另存为不加密的 XLSX"));
    assert_eq!(
        test.sign_in("staff")
            .upload("/org/import", "a.csv", b"a,b\n")
            .status,
        403
    );
}

/// Lets the firm write its directory to WeCom.
fn allow_writing(test: &TestApp) {
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Directory, WriteMode::On);
    let act = viewer.change("settings.write");
    let saved = test.app.store.write_blocking(act, move |w| {
        let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
        save_write_settings(w, allowed)
    });
    saved.unwrap();
}

#[test]
fn what_is_changed_here_is_written_to_wecom_where_the_firm_allows_it() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let before = member(&test, "qianyi");
    assert!(before.is_none());
    allow_writing(&test);
    let settings = ["match=userid", "departments=1"];
    let import = bring(&admin, LIST.as_bytes(), &COLUMNS, &settings);
    let job = run(&test, &admin, &import, "run", &[]);
    assert_eq!(job.state, JobState::Done, "{:?}", job.failure);
    let told = |userid: &str| {
        test.wait_for("WeCom knows the member", || {
            let found = member(&test, userid)?;
            let known = found
                .posts
                .iter()
                .all(|p| !org::standing::is_local(p.department));
            (found.origin == Origin::Wecom && known).then_some(found)
        })
    };
    let (first, last) = (told("qianyi"), told("zhousi"));
    assert_ne!(first.posts[0].department, last.posts[0].department);

    // A sync finds everything as it is here: nothing was lost, nothing doubled.
    let departments = |test: &TestApp| -> Vec<Department> {
        tree(test)
            .flat()
            .into_iter()
            .map(|(_, d)| d.clone())
            .collect()
    };
    let (known, audited) = (departments(&test), test.audit_size());
    test.sync();
    assert_eq!(member(&test, "qianyi").unwrap(), first);
    assert_eq!(member(&test, "zhousi").unwrap(), last);
    assert_eq!(departments(&test), known);
    assert_eq!(test.audit_size(), audited);

    // WeCom's own is changed here too, and there.
    let userid = qitai::wecom::sim::firm::cast().store_staff;
    let known = member(&test, userid).unwrap();
    let page = format!("/org/members/{}/edit", known.id);
    location(&admin.post(&format!("{page}/state"), &[("state", "disabled")]));
    location(&admin.post(
        &format!("/org/members/{}/edit/state", first.id),
        &[("state", "left")],
    ));
    test.wait_for("WeCom has let the member go", || {
        test.sync();
        let client = test.app.wecom().unwrap();
        let there = test.block_on(async move { client.member("qianyi").await });
        there.unwrap().is_none().then_some(())
    });
    test.sync();
    assert_eq!(member(&test, userid).unwrap().state, MemberState::Disabled);
    assert_eq!(member(&test, "qianyi").unwrap().state, MemberState::Left);
}
