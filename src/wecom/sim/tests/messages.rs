//! What the app tells members.

use serde_json::{Value, json};

use super::{Client, code, start};

fn card() -> Value {
    json!({
        "card_type": "button_interaction", "task_id": "approve-42",
        "main_title": { "title": "群发待确认", "desc": "新茶到店" },
        "horizontal_content_list": [{ "keyname": "客户数", "value": "320" }],
        "button_list": [
            { "text": "确认", "style": 1, "key": "ok" },
            { "text": "退回", "style": 2, "key": "back" },
        ],
    })
}

#[actix_web::test]
async fn a_message_reaches_whom_it_names() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let body = json!({
        "touser": "zhoumin|Nobody|xiaoxue", "toparty": "4|999", "totag": "1", "agentid": 1_000_002,
        "msgtype": "textcard", "textcard": { "title": "客户待跟进", "url": "https://a.cn/42",
            "description": "<div class=\"gray\">3月2日</div>周女士 5 天未联系" },
        "enable_duplicate_check": 1,
    });
    let sent = client.post("message/send", body.clone()).await;
    assert_eq!(
        (
            code(&sent),
            &sent["invaliduser"],
            &sent["invalidparty"],
            &sent["invalidtag"]
        ),
        (0, &json!("nobody"), &json!("999"), &json!("")),
        "{sent}"
    );
    let got = |userid| sim.messages_of(userid).len();
    assert_eq!(
        (got("zhoumin"), got("zhouhang"), got("chenlifeng")),
        (1, 1, 1)
    );
    assert_eq!(
        (got("xiaoxue"), got("sunlili")),
        (0, 0),
        "not activated; not named"
    );
    let again = client.post("message/send", body).await;
    assert_eq!(
        (again["msgid"].clone(), got("zhoumin")),
        (sent["msgid"].clone(), 1)
    );
    let all = json!({ "touser": "@all", "agentid": 1_000_002, "msgtype": "text",
                      "text": { "content": "长".repeat(700) } });
    assert_eq!(code(&client.post("message/send", all).await), 0);
    let cut = sim.messages_of("sunlili")[0].content["content"]
        .as_str()
        .unwrap()
        .len();
    assert_eq!(cut, 2046, "cut between characters");
    let counts = client
        .post("message/get_statistics", json!({ "time_type": 0 }))
        .await;
    assert_eq!(counts["statistics"][0]["agentid"], 1_000_002);
    let recall = json!({ "msgid": sent["msgid"] });
    assert_eq!(
        code(&client.post("message/recall", recall.clone()).await),
        0
    );
    assert!(sim.messages_of("zhoumin").iter().any(|m| m.recalled));
    sim.clock().advance_ms(86_400_000);
    let mut client = client;
    let fresh = client.token(&sim.corpid, &sim.app_secret).await;
    client.token = fresh["access_token"].as_str().unwrap().to_owned();
    sim.clock().advance_ms(1000);
    assert_eq!(code(&client.post("message/recall", recall).await), 42052);
}

#[actix_web::test]
async fn every_part_of_a_message_has_its_errcode() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let text = || {
        json!({ "touser": "zhoumin", "agentid": 1_000_002, "msgtype": "text",
                          "text": { "content": "你好" } })
    };
    let long = |n| "长".repeat(n);
    let users = |n| json!(vec!["zhoumin"; n].join("|"));
    let article = json!({ "title": "a", "url": "https://a.cn" });
    for (change, expected) in [
        (json!({ "touser": null }), 82001),
        (json!({ "touser": "nobody" }), 81013),
        (json!({ "touser": users(1001) }), 40032),
        (json!({ "toparty": vec!["4"; 101].join("|") }), 82002),
        (json!({ "totag": vec!["1"; 101].join("|") }), 82003),
        (json!({ "agentid": null }), 41011),
        (json!({ "agentid": "x" }), 40056),
        (json!({ "agentid": 1_000_003 }), 301_002),
        (json!({ "msgtype": null }), 40008),
        (json!({ "msgtype": "smoke" }), 40008),
        (json!({ "text": null }), 82004),
        (json!({ "text": { "content": "" } }), 44004),
        (json!({ "safe": 3 }), 40058),
        (json!({ "safe": 2 }), 40058),
        (json!({ "duplicate_check_interval": 14_401 }), 40058),
        (
            json!({ "msgtype": "image", "image": { "media_id": "none" } }),
            40007,
        ),
        (json!({ "msgtype": "file", "file": {} }), 41006),
        (json!({ "msgtype": "textcard", "textcard": {} }), 41016),
        (
            json!({ "msgtype": "textcard", "textcard": { "title": "a" } }),
            41033,
        ),
        (
            json!({ "msgtype": "textcard", "textcard": { "title": "a", "description": "b" } }),
            41010,
        ),
        (
            json!({ "msgtype": "textcard",
                    "textcard": { "title": "a", "description": "b", "url": "a.cn" } }),
            45034,
        ),
        (
            json!({ "msgtype": "news", "news": { "articles": vec![article.clone(); 9] } }),
            45008,
        ),
        (
            json!({ "msgtype": "news", "safe": 1, "news": { "articles": [article] } }),
            40074,
        ),
        (
            json!({ "msgtype": "markdown", "markdown": { "content": long(700) } }),
            45002,
        ),
        (
            json!({ "msgtype": "miniprogram_notice",
                    "miniprogram_notice": { "appid": "wx1", "title": "会议室", "content_item": [] } }),
            40058,
        ),
        (
            json!({ "msgtype": "template_card", "template_card": { "card_type": "x" } }),
            42031,
        ),
        (
            json!({ "msgtype": "template_card", "template_card": card() }),
            43012,
        ),
    ] {
        let mut body = text();
        for (field, value) in change.as_object().unwrap() {
            body[field] = value.clone();
        }
        let answer = client.post("message/send", body).await;
        assert_eq!(code(&answer), expected, "{change}: {answer}");
    }
    let sync = Client::new(&sim, &sim.sync_secret).await;
    assert_eq!(code(&sync.post("message/send", text()).await), 48002);
}

#[actix_web::test]
async fn a_card_is_pressed_and_updated_once() {
    let sim = start(1, 10);
    sim.set_callback("http://127.0.0.1:1/nobody");
    let client = Client::app(&sim).await;
    let send = |card: Value| {
        json!({ "touser": "zhoumin|sunlili", "agentid": 1_000_002,
                                     "msgtype": "template_card", "template_card": card })
    };
    for (field, value, expected) in [
        ("task_id", json!(null), 42014),
        ("task_id", json!("a b"), 42014),
        ("main_title", json!({}), 40058),
        ("button_list", json!([]), 40058),
        ("button_list", json!([{ "key": "a" }]), 42038),
        ("button_list", json!([{ "text": "a" }]), 42039),
        (
            "button_list",
            json!([{ "text": "a", "key": "a" }, { "text": "b", "key": "a" }]),
            42039,
        ),
        (
            "horizontal_content_list",
            json!(vec![json!({ "keyname": "a" }); 7]),
            42035,
        ),
        ("horizontal_content_list", json!([{ "value": "a" }]), 42027),
        (
            "horizontal_content_list",
            json!([{ "keyname": "a", "type": 1 }]),
            42028,
        ),
        (
            "horizontal_content_list",
            json!([{ "keyname": "a", "type": 2 }]),
            42029,
        ),
        (
            "horizontal_content_list",
            json!([{ "keyname": "a", "type": 3, "userid": "x" }]),
            42050,
        ),
        (
            "vertical_content_list",
            json!(vec![json!({ "title": "a" }); 5]),
            42036,
        ),
        ("vertical_content_list", json!([{}]), 42033),
        ("jump_list", json!(vec![json!({ "title": "a" }); 4]), 42042),
        ("jump_list", json!([{ "title": "a", "type": 2 }]), 42030),
        ("action_menu", json!({ "action_list": [] }), 42051),
        ("card_type", json!("text_notice"), 42045),
        ("card_type", json!("news_notice"), 42044),
        ("card_type", json!("vote_interaction"), 42037),
        ("card_type", json!("multiple_interaction"), 42047),
    ] {
        let mut card = card();
        card[field] = value;
        let answer = client.post("message/send", send(card)).await;
        assert_eq!(code(&answer), expected, "{field}: {answer}");
    }
    let sent = client.post("message/send", send(card())).await;
    assert_eq!(code(&sent), 0, "{sent}");
    assert_eq!(
        code(&client.post("message/send", send(card())).await),
        42014,
        "task_id taken"
    );
    let press = |key: &str| crate::wecom::sim::AppVerb::PressCard {
        userid: "zhoumin".to_owned(),
        msgid: sent["msgid"].as_str().unwrap().to_owned(),
        key: key.to_owned(),
        chosen: String::new(),
    };
    assert!(sim.act(press("none")).is_err());
    assert!(sim.act(press("ok")).is_ok());
    let update = json!({ "userids": ["zhoumin", "chenlifeng"], "agentid": 1_000_002,
        "response_code": sent["response_code"], "button": { "replace_name": "已确认" } });
    let updated = client
        .post("message/update_template_card", update.clone())
        .await;
    assert_eq!(updated["invaliduser"], json!(["chenlifeng"]), "{updated}");
    let seen = &sim.messages_of("zhoumin")[0];
    assert_eq!(seen.updated["zhoumin"], "已确认");
    assert_eq!(
        code(&client.post("message/update_template_card", update).await),
        60140
    );
}

#[actix_web::test]
async fn one_member_sees_thirty_messages_a_minute() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    for _ in 0..31 {
        let body = json!({ "touser": "zhoumin", "agentid": 1_000_002, "msgtype": "text",
                           "text": { "content": "a" } });
        assert_eq!(
            code(&client.post("message/send", body).await),
            0,
            "nobody is told"
        );
    }
    assert_eq!(sim.messages_of("zhoumin").len(), 30);
}

#[actix_web::test]
async fn tickets_stay_the_same_and_are_few() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let corp = client.get("get_jsapi_ticket").await;
    let app = client.get("ticket/get?type=agent_config").await;
    assert_eq!((code(&corp), code(&app)), (0, 0));
    assert_ne!(corp["ticket"], app["ticket"]);
    assert_eq!(code(&client.get("ticket/get?type=wx_card").await), 91040);
    for _ in 0..99 {
        assert_eq!(
            client.get("get_jsapi_ticket").await["ticket"],
            corp["ticket"]
        );
    }
    assert_eq!(code(&client.get("get_jsapi_ticket").await), 45009);
}
