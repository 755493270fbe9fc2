//! The asset library: what is taken in, who sees it, and what stays as it was.

use crate::support::{Answer, TestApp, Visitor};

/// A whole PNG of one pixel.
pub(super) const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b,
    0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x60, 0x00, 0x00, 0x00,
    0x02, 0x00, 0x01, 0x48, 0xaf, 0xa4, 0x71, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae,
    0x42, 0x60, 0x82,
];

/// Makes an asset; the address it leads to.
pub(super) fn make(
    visitor: &Visitor<'_>,
    fields: &[(&str, &str)],
    file: &str,
    content: &[u8],
) -> String {
    let made = visitor.upload_with("/assets/new", fields, file, content);
    assert_eq!(made.status, 303, "{}", made.body);
    made.header("location").to_owned()
}

fn folder(visitor: &Visitor<'_>, test: &TestApp, name: &str, unit: &str) -> String {
    let made = visitor.post("/assets/folders", &[("name", name), ("unit", unit)]);
    assert_eq!(made.status, 303, "{}", made.body);
    let found = test.app.read(|r| {
        let folders = qitai::outreach::materials::queries::Folders::load(r).unwrap();
        let flat = folders.flat();
        let found = flat.iter().find(|(_, folder)| folder.name == name);
        found.unwrap().1.id
    });
    found.to_string()
}

#[test]
fn an_asset_keeps_its_versions_and_is_served_as_what_it_is() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let fields = [("kind", "image"), ("title", "茶样")];
    let page = make(&admin, &fields, "../茶\u{202e}gnp.exe", PNG);
    let file = admin.get(&format!("{page}/file"));
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-type"), "image/png");
    assert!(file.header("content-security-policy").contains("sandbox"));
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    let disposition = file.header("content-disposition");
    assert!(disposition.starts_with("inline") && disposition.ends_with("gnp.png"));

    let change = [("kind", "image"), ("title", "新茶样"), ("seen", "1")];
    let changed = admin.upload_with(&format!("{page}/edit"), &change, "", b"");
    assert_eq!(changed.status, 303, "{}", changed.body);
    let body = admin.get(&page).body;
    assert!(body.contains("第 2 版") && body.contains("第 1 版"));
    assert!(
        admin
            .get(&format!("{page}?version=1"))
            .body
            .contains("<h1 class=\"clip\">茶样</h1>")
    );
    // Somebody else has changed it meanwhile.
    let late = admin.upload_with(&format!("{page}/edit"), &change, "", b"");
    assert_eq!(late.status, 409);
    assert_eq!(admin.get(&format!("{page}?version=3")).status, 404);

    let deleted = admin.post(&format!("{page}/delete"), &[]);
    assert_eq!(deleted.status, 303);
    assert_eq!(admin.get(&page).status, 404);
}

#[test]
fn hostile_files_are_refused_at_the_form_and_leave_nothing() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let attempt = |kind: &str, file: &str, content: &[u8]| -> Answer {
        let fields = [("kind", kind), ("title", "x")];
        admin.upload_with("/assets/new", &fields, file, content)
    };
    let html = b"<html><script>alert(1)</script></html>";
    for (kind, file, content) in [
        ("image", "a.png", &html[..]),
        ("image", "a.png", &[PNG, html].concat()),
        ("image", "a.png", b""),
        ("image", "a.png", &PNG[..PNG.len() - 1]),
        ("video", "a.mp4", html),
        ("file", "a.pdf", b"12345"),
        ("link", "a.png", html),
    ] {
        let answer = attempt(kind, file, content);
        assert_eq!(answer.status, 422, "{kind} {}", answer.body);
        assert!(answer.body.contains("id=\"e-file\"") || kind == "link");
    }
    let mut large = PNG.to_vec();
    large.resize((10 << 20) + 1, 0);
    let answer = attempt("image", "a.png", &large);
    assert!(answer.status == 422 && answer.body.contains("最多收 10 MB"));
    assert!(admin.get("/assets").body.contains("还没有素材"));
    let shelf = test.app.config.data.join("assets");
    assert!(!shelf.exists(), "nothing was put on the shelf");
    // What a file calls itself changes nothing: it is saved and not shown.
    let fields = [("kind", "file"), ("title", "报价")];
    let page = make(&admin, &fields, "x.html", html);
    let file = admin.get(&format!("{page}/file"));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert!(file.header("content-disposition").starts_with("attachment"));
}

#[test]
fn a_departments_folder_is_for_that_department_and_those_below() {
    let test = TestApp::with_customers(20);
    let (admin, manager, staff) = (
        test.sign_in("admin"),
        test.sign_in("manager"),
        test.sign_in("staff"),
    );
    let cast = qitai::wecom::sim::firm::cast();
    let (region, elsewhere) = test.app.read(|r| {
        let tree = qitai::org::queries::DepartmentTree::load(r).unwrap();
        let region = tree.get(cast.region).unwrap();
        let below = tree.subtree(cast.region);
        let above: Vec<u64> = tree.path(cast.region).iter().map(|d| d.wecom_id).collect();
        let other = tree.flat().into_iter().map(|(_, unit)| unit);
        let mut other =
            other.filter(|u| !below.contains(&u.wecom_id) && !above.contains(&u.wecom_id));
        (region.id.to_string(), other.next().unwrap().id.to_string())
    });
    let ours = folder(&admin, &test, "大区素材", &region);
    let theirs = folder(&admin, &test, "别处素材", &elsewhere);
    let text = |visitor: &Visitor<'_>, title: &str, folder: &str| {
        let fields = [
            ("kind", "text"),
            ("title", title),
            ("text", "您好"),
            ("folder", folder),
        ];
        make(visitor, &fields, "", b"")
    };
    let own = text(&admin, "大区话术", &ours);
    let foreign = text(&admin, "别处话术", &theirs);
    let common = text(&admin, "通用话术", "");
    for visitor in [&manager, &staff] {
        let body = visitor.get("/assets").body;
        assert!(body.contains("大区话术") && body.contains("通用话术"));
        assert!(!body.contains("别处话术"));
        assert_eq!(visitor.get(&foreign).status, 404);
        assert_eq!(visitor.get(&own).status, 200);
    }
    let items = manager.get("/api/v1/assets?q=话术").json();
    assert_eq!(items["total"], 2);
    // Who decides in a region decides neither about the firm's nor about others'.
    assert_eq!(manager.get(&format!("{own}/edit")).status, 200);
    assert_eq!(manager.get(&format!("{common}/edit")).status, 404);
    assert_eq!(manager.post(&format!("{foreign}/delete"), &[]).status, 404);
    let fields = [
        ("kind", "text"),
        ("title", "x"),
        ("text", "y"),
        ("folder", ""),
    ];
    let refused = manager.upload_with("/assets/new", &fields, "", b"");
    assert_eq!(
        refused.status, 404,
        "the whole firm's is not theirs to fill"
    );
    assert_eq!(staff.get("/assets/new").status, 403);
    // A folder within a region's is never wider.
    let wider = [("name", "更宽"), ("parent", &*ours), ("unit", &*elsewhere)];
    assert_eq!(admin.post("/assets/folders", &wider).status, 422);
    let full = admin.post(&format!("/assets/folders/{ours}/delete"), &[]);
    assert_eq!(full.status, 409);
}

#[test]
fn a_backup_takes_the_files_along() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    let fields = [("kind", "image"), ("title", "茶样")];
    make(&admin, &fields, "a.png", PNG);
    let named = test.app.read(qitai::outreach::materials::named).unwrap();
    assert_eq!(named.len(), 1);
    let dir = tempfile::tempdir().unwrap();
    let shelf = qitai::store::Folder::at(&test.app.config.data).assets_dir();
    let carried = qitai::archive::carry::carry(&named, &shelf, dir.path()).unwrap();
    assert!(carried.is_whole() && carried.copied == 1);
}
