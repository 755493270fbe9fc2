//! The wizard in a browser: values are tested as they are typed, and the callback turns green.

use super::{driver::Browser, sign_in};

use crate::support::TestApp;

fn fill(browser: &Browser, name: &str, text: &str) {
    browser.run(&format!(
        "const f = document.querySelector('[name={name}]'); f.value = {text:?}; \
         f.dispatchEvent(new Event('change', {{ bubbles: true }}));"
    ));
}

fn next(browser: &Browser, to: &str) {
    browser.find("form .btn--pri").click();
    browser.until(&format!("the step {to} opens"), || {
        browser.address().ends_with(to).then_some(())
    });
}

#[test]
fn the_wizard_names_every_wrong_value_as_it_is_typed_and_ends_in_a_synced_pilot() {
    let test = TestApp::unconnected(40);
    let sim = test.sim.as_ref().unwrap();
    let browser = Browser::start(1440, 900);
    sign_in(&browser, &test, "admin");
    browser.goto(&format!("{}/setup", test.address));
    browser.find("input[name=name]").type_text("云岭茶业");
    next(&browser, "/setup/preset");
    browser.find("#preview a:nth-of-type(2)").click();
    browser.wait_for_text("客服主管");
    browser.find("form[action='/setup/pass'] button").click();
    browser.wait_for_text("AgentId");

    let checks = |text: &str| {
        browser.until(&format!("the test says {text}"), || {
            let said = browser.run("return document.querySelector('#checks').innerText");
            said.as_str()?.contains(text).then_some(())
        });
    };
    fill(&browser, "agentid", &sim.agentid.to_string());
    fill(&browser, "app_secret", &sim.app_secret);
    fill(&browser, "corpid", "ww12");
    checks("企业ID 以 ww 或 wx 开头");
    fill(&browser, "corpid", "ww0123456789abcdef");
    checks("不认识这个企业ID");
    fill(&browser, "corpid", &sim.corpid);
    checks("企业ID 和应用密钥正确");
    fill(&browser, "app_secret", &"y".repeat(43));
    checks("应用密钥不对");
    fill(&browser, "app_secret", &sim.contact_secret);
    checks("这是另一个应用");
    fill(&browser, "app_secret", &sim.sync_secret);
    checks("通讯录同步助手的密钥");
    sim.inject(
        Some("department/list"),
        1,
        qitai::wecom::sim::Fault::Errcode(60020),
    );
    fill(&browser, "app_secret", &sim.app_secret);
    checks("127.0.0.1 不在企业可信IP里");
    sim.clear_faults();
    sim.inject(
        Some("externalcontact/get_follow_user_list"),
        1,
        qitai::wecom::sim::Fault::Errcode(48002),
    );
    browser
        .find("button[formaction='/settings/wecom/check']")
        .click();
    checks("可调用接口的应用");
    sim.clear_faults();
    browser
        .find("button[formaction='/settings/wecom/check']")
        .click();
    checks("可以读取客户");
    next(&browser, "/setup/callback");

    // WeCom's console asks with other keys, then with these; the page follows by itself.
    browser.wait_for_text("等待企业微信验证");
    let keys = browser
        .run("return [...document.querySelectorAll('code.code')].slice(1).map(c => c.textContent)");
    let (token, aes_key) = (keys[0].as_str().unwrap(), keys[1].as_str().unwrap());
    let url = format!("{}/wecom/callback", test.address);
    test.verify_callback(&url, token, &"B".repeat(43))
        .unwrap_err();
    browser.wait_for_text("EncodingAESKey 和这里的不同");
    test.verify_callback(&url, token, aes_key).unwrap();
    browser.find("#status .note--ok");
    next(&browser, "/setup/pilot");

    browser.find("input[value=some]").click();
    browser.run(
        "for (const l of document.querySelectorAll('.picks label')) \
           if (l.textContent.includes('华东区')) l.querySelector('input').checked = true",
    );
    next(&browser, "/setup/sync");
    browser.find("form[action='/setup/sync'] button").click();
    browser.wait_for_text("已完成");
    browser.find("form[action='/setup/pass'] .btn--pri").click();
    browser.wait_for_text("部门负责人");
    browser.find("form[action='/setup/pass'] .btn--pri").click();
    browser.wait_for_text("1 个部门及其下级");
    browser.find("form[action='/setup/done'] .btn--pri").click();
    browser.wait_for_text("设置完成");
    assert_eq!(browser.console(), Vec::<String>::new());
}
