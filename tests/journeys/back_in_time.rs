//! The data folder is replaced by an older copy of itself.

use std::path::Path;

use qitai::audit::seen::Why;

use crate::support::TestApp;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn an_older_copy_is_read_but_not_written_to_until_a_super_admin_accepts_it() {
    let stopped = TestApp::with_customers(20).stop();
    let (data, older) = (stopped.data(), stopped.dir.path().join("older"));
    copy(&data, &older);
    let test = stopped.start();
    assert!(test.app.doubt().is_none());
    assert_eq!(test.sign_in("staff").get("/customers").status, 200);
    let stopped = test.stop();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&older, &data).unwrap();

    let test = stopped.start();
    assert_eq!(test.app.doubt().unwrap().why, Why::Behind);
    let staff = test.sign_in("staff");
    let list = staff.get("/customers");
    assert_eq!(list.status, 200);
    assert!(list.body.contains("请联系超级管理员"));
    assert_eq!(staff.get("/settings/backup/resume").status, 403);

    let admin = test.sign_in("admin");
    let refused = admin.post("/org/sync", &[]);
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("现在只能查看"), "{}", refused.body);
    let page = admin.get("/settings/backup/resume");
    assert!(page.body.contains("数据目录回到了过去"));
    let decide = |reason| admin.post("/settings/backup/resume", &[("reason", reason)]);
    assert_eq!(decide(" ").status, 422);
    assert_eq!(decide("restored by hand").status, 303);

    assert!(test.app.doubt().is_none());
    let trail = admin.get("/compliance/audit?action=store.resume").body;
    assert!(trail.contains("store.resume"), "{trail}");
    assert_eq!(admin.post("/org/sync", &[]).status, 303);
    test.sync();
    let test = test.stop().start();
    assert!(test.app.doubt().is_none());
}
