//! Errcodes that no other story meets, each provoked once; and what the client makes of those
//! that only a busy or broken WeCom answers.

use serde_json::{Value, json};

use super::{super::Fault, Client, client, code, start};
use crate::{error::AppError, wecom::Class};

async fn expect(client: &Client<'_>, path: &str, cases: Vec<(Value, i64)>) {
    for (body, expected) in cases {
        let answer = client.post(path, body.clone()).await;
        assert_eq!(code(&answer), expected, "{path} {body}: {answer}");
    }
}

fn message(kind: &str, content: Value) -> Value {
    json!({ "touser": "zhoumin|sunlili", "agentid": 1_000_002, "msgtype": kind, kind: content })
}

#[actix_web::test]
async fn parts_of_messages() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10";
    let thumb = client.upload("media/upload?type=image", "a.png", png).await;
    let thumb = thumb["media_id"].as_str().unwrap();
    let notice = |items: Value, appid: &str| {
        let content = json!({ "appid": appid, "title": "会议室预订", "content_item": items });
        message("miniprogram_notice", content)
    };
    let item = json!({ "key": "时间", "value": "十点" });
    expect(
        &client,
        "message/send",
        vec![
            (
                message(
                    "textcard",
                    json!({ "title": "a", "description": "b", "url": "x".repeat(2049) }),
                ),
                40039,
            ),
            (
                message(
                    "mpnews",
                    json!({ "articles": [{ "title": "a", "thumb_media_id": thumb,
                        "content": "b", "author": "x".repeat(65) }] }),
                ),
                45032,
            ),
            (notice(json!([]), ""), 90200),
            (notice(json!(vec![item; 11]), "wx1"), 90201),
            (notice(json!([{ "key": "", "value": "a" }]), "wx1"), 90202),
            (notice(json!([{ "key": "a", "value": "" }]), "wx1"), 90203),
        ],
    )
    .await;
}

#[actix_web::test]
async fn parts_of_cards_and_their_updates() {
    let sim = start(1, 10);
    sim.set_callback("http://127.0.0.1:1/nobody");
    let client = Client::app(&sim).await;
    let vote = |checkbox: Value, submit: Value| {
        message(
            "template_card",
            json!({ "card_type": "vote_interaction", "task_id": "vote-1",
                    "main_title": { "title": "去哪里" },
                    "checkbox": checkbox, "submit_button": submit }),
        )
    };
    let option = json!([{ "id": "a", "text": "大理" }]);
    let checkbox = json!({ "question_key": "q", "option_list": option });
    expect(
        &client,
        "message/send",
        vec![
            (
                vote(
                    json!({ "question_key": "q", "option_list": [{ "text": "a" }] }),
                    json!(null),
                ),
                42040,
            ),
            (
                vote(
                    json!({ "question_key": "q", "option_list": [{ "id": "a" }] }),
                    json!(null),
                ),
                42041,
            ),
            (vote(json!({ "option_list": option }), json!(null)), 42043),
            (vote(checkbox.clone(), json!(null)), 42046),
            (vote(checkbox.clone(), json!({ "text": "投" })), 42049),
        ],
    )
    .await;
    let sent = client
        .post(
            "message/send",
            vote(checkbox, json!({ "text": "投", "key": "k" })),
        )
        .await;
    assert_eq!(code(&sent), 0, "{sent}");
    let update = |users: Value, button: Value| {
        json!({ "userids": users, "agentid": 1_000_002, "button": button,
                "response_code": sent["response_code"] })
    };
    expect(
        &client,
        "message/update_template_card",
        vec![
            (update(json!([]), json!({ "replace_name": "已投" })), 82101),
            (update(json!(["zhoumin"]), json!({})), 42020),
            (
                update(json!(["chenlifeng"]), json!({ "replace_name": "已投" })),
                82102,
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn files_that_are_too_large() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    for (path, bytes, expected) in [
        ("media/uploadimg", vec![0; (2 << 20) + 1], 40009),
        (
            "media/upload_attachment?media_type=image&attachment_type=1",
            vec![0; (10 << 20) + 1],
            41080,
        ),
    ] {
        let answer = client.upload(path, "a.png", &bytes).await;
        assert_eq!(code(&answer), expected, "{path}: {answer}");
    }
}

#[actix_web::test]
async fn people_who_are_not_ready_or_not_the_same() {
    let sim = start(1, 60);
    let client = Client::app(&sim).await;
    let customer = sim.customers_of("zhoumin").remove(0);
    // Takes over before the first sign-in.
    let transfer = json!({ "handover_userid": "zhoumin", "takeover_userid": "xiaoxue",
                           "external_userid": [customer] });
    expect(
        &client,
        "externalcontact/transfer_customer",
        vec![(transfer, 41054)],
    )
    .await;
    let convert = |unionid: &str, openid: &str| json!({ "unionid": unionid, "openid": openid });
    let mut unionid = String::new();
    for id in sim.customers_of("zhoumin") {
        let path = format!("externalcontact/get?external_userid={id}");
        let told = client.get(&path).await;
        if let Some(known) = told["external_contact"]["unionid"].as_str() {
            known.clone_into(&mut unionid);
            break;
        }
    }
    assert!(!unionid.is_empty(), "some customer has a unionid");
    expect(
        &client,
        "idconvert/unionid_to_external_userid",
        vec![
            (convert("x1", "oMp1"), 610_014),
            (convert("oABC", "x1"), 845_002),
            (convert(&unionid, "oMpOfSomebodyElse"), 610_018),
        ],
    )
    .await;
}

/// What no state of the firm brings about: WeCom is busy, somebody else is at it, or a right
/// was withdrawn. The client sorts each by what can be done about it.
#[actix_web::test]
async fn what_only_wecom_itself_can_answer_is_sorted_by_its_remedy() {
    let sim = start(1, 10);
    for (errcode, class) in [
        (6000, Class::RetryLater),
        (45033, Class::RetryLater),
        (45035, Class::RetryLater),
        (41063, Class::RetryLater),
        (41079, Class::RetryLater),
        (90507, Class::RetryLater),
        (302_008, Class::RetryLater),
        (40096, Class::Gone),
        (60136, Class::Gone),
        (40050, Class::Gone),
        (40091, Class::Credentials),
        (41024, Class::Credentials),
        (48001, Class::NotPermitted),
        (48004, Class::NotPermitted),
        (48006, Class::NotPermitted),
        (50002, Class::NotPermitted),
        (60021, Class::NotPermitted),
        (60031, Class::NotPermitted),
        (301_007, Class::OurFault),
        (45029, Class::OurFault),
        (41064, Class::OurFault),
        (90503, Class::OurFault),
        (84084, Class::OurFault),
        (99_999, Class::OurFault),
    ] {
        // A client of its own: a refusal holds the calls of one back for a while.
        let client = client::client(&sim);
        let path = "externalcontact/get_follow_user_list";
        sim.inject(Some(path), 1, Fault::Errcode(errcode));
        let refused = client.follow_users().await.unwrap_err();
        sim.clear_faults();
        assert_eq!((refused.errcode(), Class::of(errcode)), (errcode, class));
        assert_eq!(refused.may_pass(), class == Class::RetryLater, "{errcode}");
        let remedy = match class {
            Class::RetryLater => "wecom.busy",
            Class::Gone => "wecom.gone",
            Class::TokenInvalid | Class::Credentials => "wecom.credentials",
            Class::IpNotTrusted => "wecom.ip_not_trusted",
            Class::NotPermitted => "wecom.not_permitted",
            Class::OurFault => "wecom.refused",
        };
        match AppError::from(refused) {
            AppError::Wecom { remedy: told, .. } => assert_eq!(told, remedy, "{errcode}"),
            // Too many at once: the rest of the tries was held back here.
            AppError::Later { .. } => assert_eq!(errcode, 45033),
            other => panic!("{errcode}: {other:?}"),
        }
    }
}
