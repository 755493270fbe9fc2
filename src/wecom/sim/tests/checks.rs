//! What comes before the answer: tokens, rights, parameters.

use serde_json::json;

use super::{
    super::{App, Window},
    Client, code, start,
};

#[actix_web::test]
async fn gettoken_checks_in_the_documented_order() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    for (path, expected) in [
        ("gettoken".to_owned(), 41004),
        ("gettoken?corpsecret=x".to_owned(), 41002),
        ("gettoken?corpid=wwx&corpsecret=x".to_owned(), 40013),
        (
            format!("gettoken?corpid={}&corpsecret=x", sim.corpid),
            40001,
        ),
    ] {
        assert_eq!(code(&client.raw(&path).await), expected, "{path}");
    }
    let again = client.token(&sim.corpid, &sim.app_secret).await;
    assert_eq!(
        again["access_token"],
        client.token.as_str(),
        "the same token while it is good"
    );
    assert_eq!(again["expires_in"], 7200);
}

#[actix_web::test]
async fn token_and_right_come_before_parameters() {
    let sim = start(1, 10);
    let mut client = Client::app(&sim).await;
    assert_eq!(code(&client.raw("externalcontact/list").await), 41001);
    let answer = client.raw("externalcontact/list?access_token=x").await;
    assert_eq!(
        answer,
        json!({
            "errcode": 40014, "errmsg": "invalid access_token", "external_userid": []
        })
    );
    sim.expire_tokens();
    assert_eq!(code(&client.get("externalcontact/list").await), 42001);

    let fresh = client.token(&sim.corpid, &sim.app_secret).await;
    client.token = fresh["access_token"].as_str().unwrap().to_owned();
    sim.clock().advance_ms(7_200_000);
    assert_eq!(
        code(&client.get("externalcontact/list").await),
        42001,
        "expires by the clock"
    );

    let contact = Client::new(&sim, &sim.contact_secret).await;
    assert_eq!(code(&contact.get("department/list").await), 48002);
    assert_eq!(
        code(
            &contact
                .post("externalcontact/get_corp_tag_list", json!({}))
                .await
        ),
        0
    );
    let sync = Client::new(&sim, &sim.sync_secret).await;
    assert_eq!(code(&sync.get("user/get?userid=zhoumin").await), 48009);
    assert_eq!(
        code(&sync.get("externalcontact/get_follow_user_list").await),
        48002
    );
    assert_eq!(code(&sync.post("user/list_id", json!({})).await), 0);
}

#[actix_web::test]
async fn an_unknown_path_is_404_without_a_body() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let response = client.http.get(client.url("no/such")).send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

#[actix_web::test]
async fn bad_parameters_get_the_named_errcodes() {
    let sim = start(1, 200);
    let client = Client::app(&sim).await;
    for (path, expected) in [
        ("externalcontact/list", 41009),
        ("externalcontact/list?userid=nobody", 60111),
        ("externalcontact/list?userid=shenjiayi", 84074),
        ("externalcontact/get", 41035),
        ("externalcontact/get?external_userid=wmnobody", 40096),
        ("user/get", 41009),
        ("user/get?userid=nobody", 60111),
        ("user/list", 40058),
        ("user/list?department_id=999", 60003),
        ("department/list?id=999", 60003),
        ("department/get", 40058),
        // A GET where a POST is expected loses its body.
        ("externalcontact/get_corp_tag_list", 40058),
    ] {
        let answer = client.get(path).await;
        assert_eq!(code(&answer), expected, "{path}: {answer}");
        assert!(
            answer["errmsg"].as_str().unwrap().contains("hint: ["),
            "{answer}"
        );
    }
    let many: Vec<&str> = vec!["zhoumin"; 101];
    for (path, body, expected) in [
        ("externalcontact/batch/get_by_user", json!({}), 40058),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": many }),
            40058,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": "zhoumin" }),
            40058,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": ["zhoumin"], "cursor": "x" }),
            50100,
        ),
        (
            "externalcontact/batch/get_by_user",
            json!({ "userid_list": ["nobody"] }),
            60111,
        ),
        ("externalcontact/groupchat/list", json!({}), 40058),
        (
            "externalcontact/groupchat/list",
            json!({ "limit": 1001 }),
            40058,
        ),
        (
            "externalcontact/groupchat/get",
            json!({ "chat_id": "wrnone" }),
            90501,
        ),
        ("externalcontact/groupchat/get", json!([]), 40058),
    ] {
        let answer = client.post(path, body.clone()).await;
        assert_eq!(code(&answer), expected, "{path} {body}: {answer}");
    }
}

#[actix_web::test]
async fn addresses_rates_and_disabled_apps_come_before_rights() {
    let sim = start(1, 10);
    let mut client = Client::app(&sim).await;
    sim.set_rate(Some("department/list"), Window::Minute, 2);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(code(&client.get("department/list").await));
    }
    assert_eq!(codes, [0, 0, 45009]);
    sim.clock().advance_ms(60_000);
    assert_eq!(code(&client.get("department/list").await), 0);
    sim.set_trusted_ips(Some(&["203.0.113.7"]));
    assert_eq!(code(&client.get("user/get?userid=zhoumin").await), 0);
    sim.clock().advance_ms(60_000);
    let refused = client.get("user/get?userid=zhoumin").await;
    assert_eq!(code(&refused), 60020);
    let text = refused["errmsg"].as_str().unwrap();
    assert!(text.contains("from ip: 127.0.0.1"), "{text}");
    sim.set_trusted_ips(None);
    sim.clock().advance_ms(60_000);
    assert_eq!(code(&client.get("user/get?userid=zhoumin").await), 0);
    sim.set_enabled(App::Own, false);
    assert_eq!(code(&client.get("user/get?userid=zhoumin").await), 50003);
    assert_eq!(
        code(&client.token(&sim.corpid, &sim.app_secret).await),
        40001
    );
    sim.set_enabled(App::Own, true);
    let fresh = client.token(&sim.corpid, &sim.app_secret).await;
    client.token = fresh["access_token"].as_str().unwrap().to_owned();
    let large = json!({ "mobile": "1".repeat(1 << 20) });
    assert_eq!(code(&client.post("user/getuserid", large).await), 40206);
    // Those of the archive and of customer service have a token, and no right here.
    for secret in [&sim.archive_secret, &sim.service_secret] {
        let other = Client::new(&sim, secret).await;
        assert_eq!(code(&other.get("department/list").await), 48002);
    }
}
