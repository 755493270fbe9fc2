//! Contact ways, and people who scan them.

use serde_json::json;

use super::{
    super::super::{CodeVerb, DirectoryVerb, Trait},
    NOW_S, PNG, Raw, Receiver, UPLOAD, client, code, expect, refused, relations, start, texts,
    uploaded,
};
use crate::wecom::{
    ContactWaySettings, Image, Material, NewContactWay, Text, event::CustomerChange,
};

const ADD: &str = "externalcontact/add_contact_way";

fn multi(state: &str) -> NewContactWay {
    NewContactWay {
        kind: 2,
        scene: 2,
        settings: ContactWaySettings {
            remark: Some("三月展会".to_owned()),
            state: Some(state.to_owned()),
            user: Some(texts(&["zhoumin", "sunlili"])),
            ..ContactWaySettings::default()
        },
        ..NewContactWay::default()
    }
}

fn scan(config_id: &str, name: &str, external_userid: &str) -> CodeVerb {
    CodeVerb::ScanContactWay {
        config_id: config_id.to_owned(),
        name: name.to_owned(),
        external_userid: external_userid.to_owned(),
        half: false,
    }
}

#[actix_web::test]
async fn ways_are_made_read_changed_and_deleted() {
    let sim = start(1, 20);
    let client = client(&sim);
    let made = client.add_contact_way(&multi("qr-1")).await.unwrap();
    assert!(made.config_id.len() == 32 && made.qr_code.starts_with("http://127.0.0.1"));
    let (kind, bytes) = client.picture(&made.qr_code, 1 << 18).await.unwrap();
    assert!(kind == "image/svg+xml" && bytes.starts_with(b"<svg"));
    assert!(
        client.picture(&made.qr_code, 100).await.is_err(),
        "too large"
    );
    assert!(client.picture("http://203.0.113.7/x", 100).await.is_err());
    let told = client.contact_way(&made.config_id).await.unwrap().unwrap();
    assert_eq!((told.kind, told.scene, &*told.state), (2, 2, "qr-1"));
    assert!(
        told.skip_verify && told.mark_source && !told.is_temp,
        "defaults"
    );
    let change = ContactWaySettings {
        user: Some(texts(&["sunlili"])),
        party: Some(vec![103]),
        state: Some("qr-2".to_owned()),
        skip_verify: Some(false),
        ..ContactWaySettings::default()
    };
    client
        .update_contact_way(&made.config_id, &change)
        .await
        .unwrap();
    let told = client.contact_way(&made.config_id).await.unwrap().unwrap();
    assert_eq!(
        (&told.user, &told.party),
        (&texts(&["sunlili"]), &vec![103])
    );
    assert_eq!(
        (&*told.remark, &*told.state, told.skip_verify),
        ("三月展会", "qr-2", false)
    );
    assert_eq!(told.qr_code, made.qr_code, "the picture stays");
    let all = client
        .contact_ways(NOW_S - 10, NOW_S + 10)
        .all()
        .await
        .unwrap();
    assert_eq!(all[0].config_id, made.config_id);
    assert!(
        client
            .contact_ways(NOW_S + 5, NOW_S + 9)
            .all()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(client.delete_contact_way(&made.config_id).await.unwrap());
    assert!(!client.delete_contact_way(&made.config_id).await.unwrap());
    assert!(client.contact_way(&made.config_id).await.unwrap().is_none());
    assert!(
        sim.act(scan(&made.config_id, "来客", "")).is_err(),
        "stops working"
    );
}

#[actix_web::test]
async fn bad_ways_get_the_named_errcodes() {
    let sim = start(1, 20);
    let raw = Raw::app(&sim).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "type": 2, "scene": 2, "user": ["zhoumin"] });
        body[field] = value;
        body
    };
    let unproved = CodeVerb::SetTrait {
        userid: "sunlili".to_owned(),
        what: Trait::NotRealNamed,
        on: true,
    };
    sim.act(unproved).unwrap();
    let cases = vec![
        (json!({ "scene": 2, "user": ["zhoumin"] }), 41037),
        (json!({ "type": 2, "user": ["zhoumin"] }), 41038),
        (with("type", json!(3)), 41039),
        (with("scene", json!(3)), 41040),
        (with("style", json!(9)), 41042),
        (with("party", json!([1])), 0),
        (with("remark", json!("长".repeat(31))), 40058),
        (with("state", json!("长".repeat(31))), 40058),
        (with("user", json!([])), 40063),
        (with("user", json!(["no body"])), 40003),
        (with("user", json!(["nobody"])), 60111),
        (with("user", json!(["sunlili"])), 40098),
        (with("user", json!(["shenjiayi"])), 84083),
        (with("party", json!([999])), 60003),
        (with("is_temp", json!(true)), 40058),
        (with("expires_in", json!(1_209_601)), 40058),
        (
            with(
                "conclusions",
                json!({ "text": { "content": "长".repeat(1334) } }),
            ),
            40058,
        ),
        (with("conclusions", json!({ "image": {} })), 40007),
        (
            with("conclusions", json!({ "link": { "title": "x" } })),
            40058,
        ),
        (
            with(
                "conclusions",
                json!({ "miniprogram": {
                    "title": "x", "pic_media_id": "m", "appid": "nope", "page": "p",
                }}),
            ),
            90207,
        ),
        (
            json!({ "type": 1, "scene": 2, "user": ["zhoumin", "renjie"] }),
            40058,
        ),
        (json!({ "type": 1, "scene": 2, "party": [101] }), 40058),
        (
            json!({ "type": 1, "scene": 1, "style": 1, "user": ["zhoumin"] }),
            0,
        ),
    ];
    expect(&raw, ADD, cases).await;
    for number in 0..60 {
        assert!(sim.member_joins(&format!("neu{number}"), "新人", 101));
    }
    expect(&raw, ADD, vec![(with("party", json!([1])), 41041)]).await;
    let limit = CodeVerb::SetLimit {
        name: "contact_ways".to_owned(),
        max: 2,
    };
    sim.act(limit).unwrap();
    expect(&raw, ADD, vec![(with("remark", json!("x")), 41045)]).await;
    let list = "externalcontact/list_contact_way";
    let cases = vec![
        (json!({ "start_time": 9, "end_time": 8 }), 40058),
        (json!({ "limit": 1001 }), 40058),
        (json!({ "cursor": "x" }), 50100),
        (json!({}), 0),
    ];
    expect(&raw, list, cases).await;
    let contact = Raw::new(&sim, &sim.contact_secret).await;
    sim.act(CodeVerb::SetLimit {
        name: "contact_ways".to_owned(),
        max: 9,
    })
    .unwrap();
    let theirs = contact.post(ADD, with("remark", json!("x"))).await["config_id"].clone();
    for call in ["get", "update", "del"] {
        let path = format!("externalcontact/{call}_contact_way");
        let cases = vec![
            (json!({}), 41043),
            (json!({ "config_id": "0".repeat(32) }), 41044),
            (json!({ "config_id": theirs }), 41044),
        ];
        expect(&raw, &path, cases).await;
    }
    sim.act(DirectoryVerb::MemberLeaves {
        userid: "renjie".to_owned(),
    })
    .unwrap();
    assert_eq!(
        code(&contact.post(ADD, with("user", json!(["renjie"]))).await),
        60111
    );
}

#[actix_web::test]
async fn whoever_scans_is_told_with_state_and_code() {
    let sim = start(1, 40);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let way = client.add_contact_way(&multi("qr-expo")).await.unwrap();
    // The one with fewer customers.
    let serving = if sim.customers_of("sunlili").len() <= sim.customers_of("zhoumin").len() {
        "sunlili"
    } else {
        "zhoumin"
    };
    let id = sim.act(scan(&way.config_id, "来客", "")).unwrap().unwrap();
    let events = relations(receiver.events(&sim).await);
    let [
        (
            userid,
            external_userid,
            CustomerChange::Added {
                half,
                state,
                welcome_code,
            },
        ),
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((&**userid, external_userid, half), (serving, &id, &false));
    assert!(state.as_deref() == Some("qr-expo") && welcome_code.is_some());
    let detail = client.customer(&id).await.unwrap().unwrap();
    let info = &detail.follow_user[0];
    assert_eq!(
        (info.add_way, &*info.state, &info.oper_userid),
        (1, "qr-expo", &id)
    );

    // With consent: nothing happens before it is given.
    let change = ContactWaySettings {
        skip_verify: Some(false),
        user: Some(texts(&["renjie"])),
        ..ContactWaySettings::default()
    };
    client
        .update_contact_way(&way.config_id, &change)
        .await
        .unwrap();
    let request = sim.act(scan(&way.config_id, "", &id)).unwrap().unwrap();
    let refused = sim
        .act(scan(&way.config_id, "第二位", ""))
        .unwrap()
        .unwrap();
    assert_eq!(receiver.events(&sim).await, []);
    sim.act(CodeVerb::RefuseRequest { request: refused })
        .unwrap();
    sim.act(CodeVerb::AcceptRequest {
        request: request.clone(),
    })
    .unwrap();
    let events = relations(receiver.events(&sim).await);
    assert_eq!(
        (events.len(), &*events[0].0, &events[0].1),
        (1, "renjie", &id)
    );
    assert!(sim.act(CodeVerb::AcceptRequest { request }).is_err());

    // The administrator has set up a message for the member: no code.
    let console = CodeVerb::SetTrait {
        userid: "panxiuying".to_owned(),
        what: Trait::ConsoleWelcome,
        on: true,
    };
    sim.act(console).unwrap();
    let change = ContactWaySettings {
        skip_verify: Some(true),
        user: Some(texts(&["panxiuying"])),
        ..ContactWaySettings::default()
    };
    client
        .update_contact_way(&way.config_id, &change)
        .await
        .unwrap();
    let half = CodeVerb::ScanContactWay {
        config_id: way.config_id.clone(),
        name: "半友".to_owned(),
        external_userid: String::new(),
        half: true,
    };
    sim.act(half).unwrap();
    let events = relations(receiver.events(&sim).await);
    let CustomerChange::Added {
        half: true,
        welcome_code: None,
        ..
    } = &events[0].2
    else {
        panic!("{events:?}")
    };
    receiver.stop().await;
}

#[actix_web::test]
async fn one_firm_goes_to_one_member_when_it_shall() {
    let sim = start(1, 400);
    let client = client(&sim);
    let exclusive = NewContactWay {
        is_exclusive: Some(true),
        ..multi("x")
    };
    let way = client.add_contact_way(&exclusive).await.unwrap();
    let told = client.contact_way(&way.config_id).await.unwrap().unwrap();
    assert!(told.is_exclusive);
    let mut of_firm: Vec<(String, String)> = Vec::new();
    for userid in client.follow_users().await.unwrap() {
        for id in sim
            .customers_of(&userid)
            .iter()
            .filter(|id| id.starts_with("wo"))
        {
            let detail = client.customer(id).await.unwrap().unwrap();
            of_firm.push((detail.external_contact.corp_name, id.clone()));
        }
    }
    of_firm.sort();
    of_firm.dedup();
    let twins = of_firm
        .windows(2)
        .find(|w| w[0].0 == w[1].0)
        .expect("two of one firm");
    let mut served = Vec::new();
    for (_, id) in twins {
        if sim.act(scan(&way.config_id, "", id)).is_ok() {
            let detail = client.customer(id).await.unwrap().unwrap();
            let newest = detail
                .follow_user
                .iter()
                .max_by_key(|f| f.createtime)
                .unwrap();
            served.push(newest.userid.clone());
        }
    }
    served.dedup();
    assert_eq!(served.len(), 1);
}

#[actix_web::test]
async fn a_temporary_chat_is_closed_once() {
    let sim = start(1, 20);
    let client = client(&sim);
    let raw = Raw::app(&sim).await;
    let temporary = NewContactWay {
        kind: 1,
        scene: 2,
        is_temp: Some(true),
        settings: ContactWaySettings {
            user: Some(texts(&["zhoumin"])),
            expires_in: Some(600),
            chat_expires_in: Some(60),
            conclusions: Some(Material {
                text: Some(Text::new("再见")),
                image: Some(Image {
                    media_id: uploaded(&raw, UPLOAD, PNG).await,
                    ..Image::default()
                }),
                ..Material::default()
            }),
            ..ContactWaySettings::default()
        },
        ..NewContactWay::default()
    };
    let Ok(way) = client.add_contact_way(&temporary).await else {
        panic!("refused")
    };
    let told = client.contact_way(&way.config_id).await.unwrap().unwrap();
    let closing = told.conclusions.unwrap();
    assert!(told.is_temp && closing.image.unwrap().pic_url.starts_with("http"));
    assert_eq!(closing.text, Some(Text::new("再见")));
    let all = client.contact_ways(0, NOW_S + 9).all().await.unwrap();
    assert!(all.is_empty(), "temporary ones are not listed");
    let id = sim.act(scan(&way.config_id, "病人", "")).unwrap().unwrap();
    client.close_temp_chat("zhoumin", &id).await.unwrap();
    assert_eq!(refused(client.close_temp_chat("zhoumin", &id).await), 84061);
    let id = sim.act(scan(&way.config_id, "病人", "")).unwrap().unwrap();
    sim.clock().advance_ms(61_000);
    assert_eq!(
        refused(client.close_temp_chat("zhoumin", &id).await),
        84061,
        "over"
    );
    sim.clock().advance_ms(600_000);
    assert!(
        sim.act(scan(&way.config_id, "病人", "")).is_err(),
        "expired"
    );
    let change = ContactWaySettings::default();
    let answer = client.update_contact_way(&way.config_id, &change).await;
    assert_eq!(refused(answer), 40058);
}
