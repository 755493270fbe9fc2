//! One person under several ids.

use serde_json::json;

use super::{super::super::CodeVerb, Raw, client, expect, refused, start, texts};
use crate::wecom::NewContactWay;

#[actix_web::test]
async fn a_person_is_met_again_by_the_pending_id() {
    let sim = start(1, 60);
    let client = client(&sim);
    // Somebody orders in the mini program before being a customer.
    let unknown = client.known_as("oUxNeverSeenBefore", "oMpX").await.unwrap();
    assert!(unknown.external_userid.is_empty() && !unknown.pending_id.is_empty());
    let again = client.known_as("oUxNeverSeenBefore", "oMpX").await.unwrap();
    assert_eq!(again, unknown, "the same id for the same person");
    let mut way = NewContactWay {
        kind: 1,
        scene: 2,
        ..NewContactWay::default()
    };
    way.settings.user = Some(texts(&["zhoumin"]));
    let way = client.add_contact_way(&way).await.unwrap();
    let mut made = None;
    while made.is_none() {
        // Every customer made by name has a unionid of its own when from WeChat.
        let scan = CodeVerb::ScanContactWay {
            config_id: way.config_id.clone(),
            name: "下单的人".to_owned(),
            external_userid: String::new(),
            half: false,
        };
        let id = sim.act(scan).unwrap().unwrap();
        made = Some(id).filter(|id| id.starts_with("wm"));
    }
    let id = made.unwrap();
    let unionid = client
        .customer(&id)
        .await
        .unwrap()
        .unwrap()
        .external_contact
        .unionid;
    let known = client.known_as(&unionid, "oOther").await.unwrap();
    assert_eq!((&known.external_userid, &*known.pending_id), (&id, ""));
    // No longer a customer: pending, and found again by the customer's id.
    assert!(sim.remove_relation("zhoumin", &id));
    let pending = client
        .known_as(&unionid, "oOther")
        .await
        .unwrap()
        .pending_id;
    let ids = [id.clone()];
    let were = client.were_pending(None, &ids).await.unwrap();
    assert_eq!(
        (&were[0].external_userid, &were[0].pending_id),
        (&id, &pending)
    );
    let chat = sim.chat_ids().remove(0);
    let elsewhere = client.were_pending(Some(&chat), &ids).await.unwrap();
    assert!(elsewhere.is_empty(), "not in that group");
    sim.clock().advance_ms(91 * 86_400_000);
    assert!(
        client.were_pending(None, &ids).await.unwrap().is_empty(),
        "for 90 days"
    );
}

#[actix_web::test]
async fn ids_that_cannot_be_converted_get_the_named_errcodes() {
    let sim = start(1, 300);
    let client = client(&sim);
    let mine = sim.customers_of("zhoumin");
    let of_wechat = mine.iter().find(|id| id.starts_with("wm")).unwrap();
    let of_wecom = (0..).map(|n| sim.add_customer("zhoumin", &n.to_string()));
    let of_wecom = of_wecom.take(200).find(|id| id.starts_with("wo")).unwrap();
    let openid = client.openid_of(of_wechat).await.unwrap();
    assert!(openid.starts_with('o'));
    assert_eq!(refused(client.openid_of(&of_wecom).await), 41056);
    assert_eq!(refused(client.openid_of("wmnone").await), 40096);
    sim.act(CodeVerb::SetLimit {
        name: "developer_accounts".to_owned(),
        max: 0,
    })
    .unwrap();
    assert_eq!(refused(client.openid_of(of_wechat).await), 41057);
    let detail = client.customer(of_wechat).await.unwrap().unwrap();
    let unionid = detail.external_contact.unionid;
    assert_eq!(
        client
            .known_as(&unionid, &openid)
            .await
            .unwrap()
            .external_userid,
        *of_wechat
    );
    assert_eq!(
        refused(client.known_as(&unionid, "oMpSomebodyElse").await),
        610_018
    );
    assert_eq!(refused(client.known_as("unshaped", &openid).await), 610_014);
    assert_eq!(
        refused(client.known_as(&unionid, "unshaped").await),
        845_002
    );
    let raw = Raw::app(&sim).await;
    let older = "externalcontact/unionid_to_external_userid";
    let cases = vec![
        (json!({ "unionid": unionid, "openid": openid }), 0),
        (json!({ "openid": openid }), 610_014),
        (json!({ "unionid": "oUxNobody", "openid": "oX" }), 40096),
    ];
    expect(&raw, older, cases).await;
    let cases = vec![
        (json!({ "external_userid": [] }), 40058),
        (
            json!({ "external_userid": ["x"], "chat_id": "wrnone" }),
            90501,
        ),
        (json!({ "external_userid": ["x"] }), 0),
    ];
    expect(&raw, "idconvert/batch/external_userid_to_pending_id", cases).await;
    let cases = vec![
        (json!({ "tmp_external_userid_list": ["t"] }), 40058),
        (json!({ "business_type": 1, "user_type": 1 }), 40058),
    ];
    expect(&raw, "idconvert/convert_tmp_external_userid", cases).await;
    let none = client
        .resolve_temporary(1, 1, &texts(&["t"]))
        .await
        .unwrap();
    assert!(none.is_empty());
    assert_eq!(
        refused(client.from_service(of_wechat, 1_000_002).await),
        40096
    );
    // For providers only.
    for path in [
        "idconvert/external_tagid",
        "externalcontact/to_service_external_userid",
        "externalcontact/get_new_external_userid",
        "batch/userid_to_openuserid",
    ] {
        expect(&raw, path, vec![(json!({}), 48002)]).await;
    }
}
