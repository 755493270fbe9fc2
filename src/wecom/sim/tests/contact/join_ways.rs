//! Join ways, people who scan them, and opengids.

use serde_json::json;

use super::{
    super::super::{CodeVerb, GroupVerb},
    Raw, Receiver, client, expect, refused, start, texts,
};
use crate::wecom::{
    JoinWay,
    event::{Event, GroupChange},
};

const ADD: &str = "externalcontact/groupchat/add_join_way";

fn way(chats: &[&str]) -> JoinWay {
    JoinWay {
        scene: 2,
        remark: "门店台卡".to_owned(),
        auto_create_room: 1,
        room_base_name: "茶友群".to_owned(),
        room_base_id: 10,
        chat_id_list: texts(chats),
        state: "tea-group".to_owned(),
        mark_source: true,
    }
}

fn scan(config_id: &str, name: &str, external_userid: &str) -> CodeVerb {
    CodeVerb::ScanJoinWay {
        config_id: config_id.to_owned(),
        name: name.to_owned(),
        external_userid: external_userid.to_owned(),
    }
}

#[actix_web::test]
async fn join_ways_are_made_read_replaced_and_deleted() {
    let sim = start(1, 60);
    let client = client(&sim);
    let chats = sim.chat_ids();
    let id = client.add_join_way(&way(&[&chats[0]])).await.unwrap();
    let told = client.join_way(&id).await.unwrap().unwrap();
    assert_eq!(told.way, way(&[&chats[0]]));
    assert!(told.qr_code.starts_with("http://127.0.0.1"));
    let other = JoinWay {
        auto_create_room: 0,
        ..way(&[&chats[1], &chats[2]])
    };
    client.update_join_way(&id, &other).await.unwrap();
    assert_eq!(client.join_way(&id).await.unwrap().unwrap().way, other);
    assert!(client.delete_join_way(&id).await.unwrap());
    assert!(!client.delete_join_way(&id).await.unwrap());
    assert!(client.join_way(&id).await.unwrap().is_none());
    assert!(sim.act(scan(&id, "来客", "")).is_err());

    let raw = Raw::app(&sim).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "scene": 2, "chat_id_list": [chats[0]] });
        body[field] = value;
        body
    };
    let cases = vec![
        (json!({ "chat_id_list": [chats[0]] }), 40058),
        (with("scene", json!(3)), 40058),
        (with("chat_id_list", json!([])), 40063),
        (
            with("chat_id_list", json!(vec![chats[0].clone(); 6])),
            41091,
        ),
        (with("chat_id_list", json!(["wrnone"])), 90501),
        (with("room_base_name", json!("长".repeat(41))), 40058),
        (with("state", json!("长".repeat(31))), 40058),
        (with("auto_create_room", json!(2)), 40058),
        (with("remark", json!("长".repeat(60))), 0),
    ];
    expect(&raw, ADD, cases).await;
    let theirs = client.add_join_way(&way(&[&chats[0]])).await.unwrap();
    for call in ["get", "update", "del"] {
        let path = format!("externalcontact/groupchat/{call}_join_way");
        let cases = vec![
            (json!({}), 41043),
            (json!({ "config_id": "0" }), 41044),
            (
                json!({ "config_id": theirs, "scene": 2, "chat_id_list": [chats[0]] }),
                41044,
            ),
        ];
        expect(&raw, &path, cases).await;
    }
    let cut = raw.post(ADD, with("remark", json!("长".repeat(60)))).await;
    let cut = client
        .join_way(cut["config_id"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(cut.unwrap().way.remark, "长".repeat(30), "longer is cut");
    let limit = CodeVerb::SetLimit {
        name: "contact_ways".to_owned(),
        max: 1,
    };
    sim.act(limit).unwrap();
    assert_eq!(
        refused(client.add_join_way(&way(&[&chats[0]])).await),
        41045
    );
}

#[actix_web::test]
async fn a_full_group_gives_way_to_a_new_one() {
    let sim = start(1, 400);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let make = GroupVerb::CreateGroup {
        userid: "zhoumin".to_owned(),
        name: "满员群".to_owned(),
        external_userids: vec![],
    };
    let chat = sim.act(make).unwrap().unwrap();
    let id = client.add_join_way(&way(&[&chat])).await.unwrap();
    let first = sim.customers_of("zhoumin").remove(0);
    assert_eq!(sim.act(scan(&id, "", &first)), Ok(Some(chat.clone())));
    assert!(sim.act(scan(&id, "", &first)).is_err(), "is in it already");
    let told = client.group(&chat).await.unwrap().unwrap();
    let member = told.member_list.iter().find(|m| m.userid == first).unwrap();
    assert_eq!((member.join_scene, &*member.state), (3, "tea-group"));
    while client
        .group(&chat)
        .await
        .unwrap()
        .unwrap()
        .member_list
        .len()
        < 200
    {
        sim.act(scan(&id, "路人", "")).unwrap();
    }
    receiver.events(&sim).await;
    let next = sim.act(scan(&id, "第二百零一位", "")).unwrap().unwrap();
    assert_ne!(next, chat);
    let told = client.group(&next).await.unwrap().unwrap();
    assert_eq!((&*told.name, &*told.owner), ("茶友群10", "zhoumin"));
    let changes = receiver
        .events(&sim)
        .await
        .into_iter()
        .map(|event| match event {
            Event::Group(event) => (event.chat_id, event.change),
            other => panic!("{other:?}"),
        });
    let changes: Vec<_> = changes.collect();
    let [
        (made, GroupChange::Created),
        (joined, GroupChange::Joined(moves)),
    ] = changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert_eq!((made, joined, moves.scene), (&next, &next, Some(3)));
    let kept = client.join_way(&id).await.unwrap().unwrap().way;
    assert_eq!(
        (kept.chat_id_list, kept.room_base_id),
        (vec![chat.clone(), next], 11)
    );
    let closed = JoinWay {
        auto_create_room: 0,
        ..way(&[&chat])
    };
    client.update_join_way(&id, &closed).await.unwrap();
    assert!(sim.act(scan(&id, "无处可去", "")).is_err());
    receiver.stop().await;
}

#[actix_web::test]
async fn an_opengid_names_a_customer_group() {
    let sim = start(1, 60);
    let client = client(&sim);
    let chats = sim.chat_ids();
    let opengid = sim.opengid(&chats[0]).unwrap();
    assert_eq!(client.chat_id_of(&opengid).await.unwrap(), chats[0]);
    assert_eq!(refused(client.chat_id_of("oGidnone").await), 90511);
    assert_eq!(refused(client.chat_id_of("").await), 90511);
    let make = GroupVerb::CreateGroup {
        userid: "zhoumin".to_owned(),
        name: "内部".to_owned(),
        external_userids: vec![],
    };
    let inner = sim.act(make).unwrap().unwrap();
    let opengid = sim.opengid(&inner).unwrap();
    assert_eq!(refused(client.chat_id_of(&opengid).await), 90509);
}
