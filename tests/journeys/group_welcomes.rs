//! Templates that groups greet with: written to WeCom by whoever decides about the whole firm.

use qitai::{
    identity::Viewer,
    outreach::welcome::groups::queries,
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use crate::support::TestApp;

const LIST: &str = "/welcome/groups";

fn allow(test: &TestApp, mode: WriteMode) {
    let viewer = Viewer::system("test");
    let settings = WriteSettings::default().with(Area::Outreach, mode);
    test.app
        .store
        .write_blocking(viewer.change("settings.writing"), move |w| {
            let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
            effects::save_write_settings(w, allowed)
        })
        .unwrap();
}

#[test]
fn a_template_is_written_to_wecom_seen_by_all_and_changed_by_those_who_decide() {
    let test = TestApp::with_customers(20);
    let admin = test.sign_in("admin");
    assert!(admin.get("/welcome").body.contains(LIST));
    let new = format!("{LIST}/new");
    let refused = admin.post(&new, &[("text", ""), ("asset", "")]);
    assert_eq!(refused.status, 422);
    let long = "茶".repeat(1_001);
    let refused = admin.post(&new, &[("text", &*long)]);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains(&long) && refused.body.contains("还要减少 3 字节"));

    // Nothing leaves as long as the firm does not let it; then it is told when somebody asks.
    let text = "%NICKNAME%，欢迎进群";
    let before = test.audit_size();
    let made = admin.post(&new, &[("text", text), ("notify", "on")]);
    assert_eq!((made.status, test.audit_size() - before), (303, 1));
    let page = admin.get(LIST).body;
    assert!(page.contains(text) && page.contains("未写入"));
    let id = test.app.read(queries::all).unwrap()[0].id;
    let retry = format!("{LIST}/{id}/retry");
    assert_eq!(admin.post(&retry, &[]).status, 409);
    allow(&test, WriteMode::On);
    assert_eq!(admin.post(&retry, &[]).status, 303);
    test.wait_for("it is at WeCom", || {
        admin.get(LIST).body.contains("可选用").then_some(())
    });
    let template_id = test.app.read(queries::all).unwrap()[0].template_id.clone();
    let client = test.app.wecom().unwrap();
    let there = test.block_on(client.group_welcome(&template_id)).unwrap();
    assert_eq!(there.text.unwrap().content, text);

    // It is the firm's: others see it, and decide nothing.
    let edit = format!("{LIST}/{id}/edit");
    let manager = test.sign_in("manager");
    let page = manager.get(LIST).body;
    assert!(page.contains(text) && !page.contains(&edit));
    assert_eq!(manager.get(&edit).status, 404);
    assert_eq!(manager.post(&edit, &[("text", "x")]).status, 404);
    let refused = manager.get(&new);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("请超级管理员来做"));
    let refused = test.sign_in("staff").get(LIST);
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .body
            .contains("没有「维护素材、欢迎语和自动规则」权限")
    );

    let preview = admin.post(&format!("{LIST}/preview"), &[("text", text)]);
    assert!(preview.body.contains("王芳，欢迎进群"));
    let page = admin.get(&edit).body;
    assert!(page.contains(text) && page.contains("可选用"));
    let delete = format!("{LIST}/{id}/delete");
    assert_eq!(admin.post(&delete, &[]).status, 303);
    test.wait_for("it is gone here and at WeCom", || {
        test.app
            .read(queries::all)
            .unwrap()
            .is_empty()
            .then_some(())
    });
    assert!(test.block_on(client.group_welcome(&template_id)).is_err());
    assert_eq!(admin.get(&edit).status, 404);
    assert_eq!(test.app.store.check().unwrap().found, []);
}
