//! Broadcasts and the members who send them.

use serde_json::json;

use super::{
    super::super::{ContactVerb, CustomerVerb, SimHandle},
    NOW_S, Raw, client, expect, refused, start, texts,
};
use crate::wecom::{
    AnyTag, Attachment, BroadcastQuery, BroadcastResult, ChatType, Link, NewBroadcast, TagFilter,
    Text,
};

const ADD: &str = "externalcontact/add_msg_template";

fn to(ids: &[&str]) -> NewBroadcast {
    NewBroadcast {
        external_userid: texts(ids),
        text: Some(Text::new("新茶到店，欢迎来坐")),
        attachments: vec![Attachment::Link {
            link: Link {
                title: "春茶单".to_owned(),
                url: "https://scrm.example.cn/l/8".to_owned(),
                ..Link::default()
            },
        }],
        ..NewBroadcast::default()
    }
}

fn send(sim: &SimHandle, msgid: &str, userid: &str) -> bool {
    sim.act(ContactVerb::SendBroadcast {
        msgid: msgid.to_owned(),
        userid: userid.to_owned(),
    })
    .is_ok()
}

fn statuses(results: &[BroadcastResult]) -> Vec<(&str, i64)> {
    let pair = |r: &'_ BroadcastResult| r.status;
    results
        .iter()
        .map(|r| (&*r.external_userid, pair(r)))
        .collect()
}

#[actix_web::test]
async fn members_send_and_each_recipient_has_a_result() {
    let sim = start(1, 60);
    let client = client(&sim);
    let names = ["甲", "乙", "丙"];
    let ids = names.map(|name| sim.add_customer("zhoumin", name));
    let [a, b, c] = [0, 1, 2].map(|i| ids[i].as_str());
    let shared = CustomerVerb::AddRelation {
        userid: "sunlili".to_owned(),
        external_userid: c.to_owned(),
        state: String::new(),
    };
    sim.clock().advance_ms(1000);
    sim.act(shared).unwrap();
    let made = client
        .add_broadcast(&to(&[a, b, c, "wmnone", a]))
        .await
        .unwrap();
    assert_eq!(made.fail_list, texts(&["wmnone"]));
    let early = client.broadcast_tasks(&made.msgid).all().await;
    assert_eq!(refused(early), 41063, "being handed out");
    let early = client.broadcast_results(&made.msgid, "zhoumin").all().await;
    assert_eq!(refused(early), 41063);
    sim.clock().advance_ms(3000);
    let tasks = client.broadcast_tasks(&made.msgid).all().await.unwrap();
    let users: Vec<(&str, bool)> = tasks.iter().map(|t| (&*t.userid, t.is_sent())).collect();
    assert_eq!(
        users,
        [("sunlili", false), ("zhoumin", false)],
        "the last one sends"
    );
    let before = client
        .broadcast_results(&made.msgid, "zhoumin")
        .all()
        .await
        .unwrap();
    assert_eq!(statuses(&before), [(a, 0), (b, 0)]);

    sim.act(CustomerVerb::DeleteFollower {
        userid: "zhoumin".to_owned(),
        external_userid: b.to_owned(),
    })
    .unwrap();
    assert!(send(&sim, &made.msgid, "zhoumin") && !send(&sim, &made.msgid, "zhoumin"));
    let tasks = client.broadcast_tasks(&made.msgid).all().await.unwrap();
    let sent = tasks.iter().find(|t| t.is_sent()).unwrap();
    assert_eq!((&*sent.userid, sent.send_time), ("zhoumin", NOW_S + 4));
    let after = client
        .broadcast_results(&made.msgid, "zhoumin")
        .all()
        .await
        .unwrap();
    assert_eq!(statuses(&after), [(a, 1), (b, 2)]);

    // One a day: the second one does not come through, or is not even taken.
    let nobody = client.add_broadcast(&to(&[a])).await;
    assert_eq!(refused(nobody), 41048);
    sim.clock().advance_ms(86_400_000);
    let first = client.add_broadcast(&to(&[a])).await.unwrap();
    let second = client.add_broadcast(&to(&[a])).await.unwrap();
    assert!(send(&sim, &first.msgid, "zhoumin") && send(&sim, &second.msgid, "zhoumin"));
    sim.clock().advance_ms(3000);
    for (msgid, status) in [(&first.msgid, 1), (&second.msgid, 3)] {
        let results = client
            .broadcast_results(msgid, "zhoumin")
            .all()
            .await
            .unwrap();
        assert_eq!(statuses(&results), [(a, status)]);
    }
    // As many a month as it has days.
    let cap = ContactVerb::SetBroadcastCap {
        cap: "month".to_owned(),
    };
    sim.act(cap).unwrap();
    assert!(client.add_broadcast(&to(&[a])).await.is_ok());
}

#[actix_web::test]
async fn recipients_come_by_sender_tags_and_groups() {
    let sim = start(1, 200);
    let client = client(&sim);
    let text = Some(Text::new("hi"));
    let all = NewBroadcast {
        sender: "zhoumin".to_owned(),
        text: text.clone(),
        ..NewBroadcast::default()
    };
    let made = client.add_broadcast(&all).await.unwrap();
    sim.clock().advance_ms(3000);
    let results = client
        .broadcast_results(&made.msgid, "zhoumin")
        .all()
        .await
        .unwrap();
    assert_eq!(results.len(), sim.customers_of("zhoumin").len());

    let (x, y) = (sim.add_tag("甲组", "x"), sim.add_tag("乙组", "y"));
    let [one, both] = ["一", "二"].map(|name| sim.add_customer("sunlili", name));
    assert!(sim.set_tags("sunlili", &one, std::slice::from_ref(&x)));
    assert!(sim.set_tags("sunlili", &both, &[x.clone(), y.clone()]));
    let any = |tags: &[&String]| AnyTag {
        tag_list: tags.iter().map(|tag| (*tag).clone()).collect(),
    };
    for (groups, expected) in [
        (vec![any(&[&x, &y])], vec![&one, &both]),
        (vec![any(&[&x]), any(&[&y])], vec![&both]),
    ] {
        let tagged = NewBroadcast {
            tag_filter: Some(TagFilter { group_list: groups }),
            text: text.clone(),
            ..NewBroadcast::default()
        };
        let made = client.add_broadcast(&tagged).await.unwrap();
        sim.clock().advance_ms(3000);
        let results = client
            .broadcast_results(&made.msgid, "sunlili")
            .all()
            .await
            .unwrap();
        let mut ids: Vec<&String> = results.iter().map(|r| &r.external_userid).collect();
        let mut expected = expected;
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected);
    }

    let mut owned = Vec::new();
    for chat in sim.chat_ids() {
        if client.group(&chat).await.unwrap().unwrap().owner == "zhoumin" {
            owned.push(chat);
        }
    }
    let groups = NewBroadcast {
        chat_type: ChatType::Group,
        sender: "zhoumin".to_owned(),
        text,
        ..NewBroadcast::default()
    };
    let made = client.add_broadcast(&groups).await.unwrap();
    sim.clock().advance_ms(3000);
    let of = || client.broadcast_results(&made.msgid, "zhoumin").all();
    assert!(of().await.unwrap().is_empty(), "only sent rows are told");
    assert!(send(&sim, &made.msgid, "zhoumin"));
    let sent: Vec<String> = of().await.unwrap().into_iter().map(|r| r.chat_id).collect();
    assert_eq!(sent, owned);
    let foreign = NewBroadcast {
        chat_id_list: texts(&["wrnone"]),
        ..groups
    };
    assert_eq!(refused(client.add_broadcast(&foreign).await), 41048);
}

#[actix_web::test]
async fn broadcasts_are_reminded_of_cancelled_and_listed() {
    let sim = start(1, 60);
    let client = client(&sim);
    let id = sim.add_customer("zhoumin", "甲");
    let made = client.add_broadcast(&to(&[&id])).await.unwrap();
    for _ in 0..3 {
        client.remind_broadcast(&made.msgid).await.unwrap();
    }
    assert_eq!(refused(client.remind_broadcast(&made.msgid).await), 41094);
    sim.clock().advance_ms(86_400_000);
    client.remind_broadcast(&made.msgid).await.unwrap();
    client.cancel_broadcast(&made.msgid).await.unwrap();
    client.cancel_broadcast(&made.msgid).await.unwrap();
    assert_eq!(refused(client.remind_broadcast(&made.msgid).await), 41093);
    assert!(!send(&sim, &made.msgid, "zhoumin"), "stopped");
    let own = ContactVerb::MemberBroadcast {
        userid: "zhoumin".to_owned(),
        text: "我自己发的".to_owned(),
        to: vec![id.clone()],
    };
    let own = sim.act(own).unwrap().unwrap();
    let query = |filter_type, creator: &str| BroadcastQuery {
        chat_type: ChatType::Single,
        start_time: NOW_S - 1,
        end_time: NOW_S + 90_000,
        creator: creator.to_owned(),
        filter_type,
    };
    for (filter, creator, expected) in [
        (2, "", vec![&own, &made.msgid]),
        (0, "", vec![&made.msgid]),
        (1, "", vec![&own]),
        (2, "zhoumin", vec![&own]),
        (2, "sunlili", vec![]),
    ] {
        let found = client
            .broadcasts(&query(filter, creator))
            .all()
            .await
            .unwrap();
        let ids: Vec<&String> = found.iter().map(|b| &b.msgid).collect();
        assert_eq!(ids, expected, "{filter} {creator}");
    }
    let found = client.broadcasts(&query(0, "")).all().await.unwrap();
    assert!(matches!(found[0].attachments[0], Attachment::Link { .. }));
    assert_eq!((found[0].create_type, &*found[0].creator), (0, ""));

    // Members who send by themselves after an hour.
    let habit = |habit: &str| ContactVerb::SetHabit {
        of: "broadcasts".to_owned(),
        habit: habit.to_owned(),
    };
    assert!(sim.act(habit("sometimes")).is_err());
    sim.act(habit("later:3600")).unwrap();
    let made = client.add_broadcast(&to(&[&id])).await.unwrap();
    sim.clock().advance_ms(3_602_000);
    let sent = || async {
        let tasks = client.broadcast_tasks(&made.msgid).all().await.unwrap();
        tasks[0].send_time
    };
    assert_eq!(sent().await, 0);
    sim.clock().advance_ms(60_000);
    assert_eq!(
        sent().await,
        NOW_S + 86_400 + 3603,
        "at its time, not when looked at"
    );
}

#[actix_web::test]
async fn bad_broadcasts_get_the_named_errcodes() {
    let sim = start(1, 60);
    let raw = Raw::app(&sim).await;
    let client = client(&sim);
    let id = sim.add_customer("zhoumin", "甲");
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "external_userid": [id], "text": { "content": "x" } });
        body[field] = value;
        body
    };
    let many = |n: usize| vec!["wmnone"; n];
    let cases = vec![
        (json!({ "text": { "content": "x" } }), 40063),
        (json!({ "external_userid": [id] }), 40063),
        (with("chat_type", json!("both")), 40058),
        (
            json!({ "chat_type": "group", "text": { "content": "x" } }),
            40063,
        ),
        (with("external_userid", json!(many(10_001))), 40058),
        (with("chat_id_list", json!(many(2001))), 40058),
        (with("text", json!({ "content": "x".repeat(4001) })), 40058),
        (with("attachments", json!([{ "msgtype": "voice" }])), 41065),
        (with("sender", json!("nobody")), 60111),
        (with("sender", json!("shenjiayi")), 84083),
        (with("sender", json!("sunlili")), 41048),
        (with("external_userid", json!(["wmnone"])), 41048),
        (
            with(
                "tag_filter",
                json!({ "group_list": [{ "tag_list": ["etnone"] }] }),
            ),
            40068,
        ),
        (
            with(
                "tag_filter",
                json!({ "group_list": [{ "tag_list": many(101) }] }),
            ),
            40058,
        ),
        (with("allow_select", json!(true)), 0),
    ];
    expect(&raw, ADD, cases).await;
    let theirs = client.add_broadcast(&to(&[&id])).await.unwrap().msgid;
    for (call, code) in [
        ("remind_groupmsg_send", 41047),
        ("cancel_groupmsg_send", 41047),
        ("get_groupmsg_task", 41063),
    ] {
        let cases = vec![
            (json!({}), 41046),
            (json!({ "msgid": "msgnone" }), 41047),
            (json!({ "msgid": theirs }), code),
        ];
        expect(&raw, &format!("externalcontact/{call}"), cases).await;
    }
    sim.clock().advance_ms(3000);
    let cases = vec![
        (json!({ "userid": "zhoumin" }), 41046),
        (json!({ "msgid": theirs }), 41009),
        (json!({ "msgid": theirs, "userid": "nobody" }), 60111),
        (
            json!({ "msgid": theirs, "userid": "zhoumin", "cursor": "x" }),
            50100,
        ),
        (
            json!({ "msgid": theirs, "userid": "zhoumin", "limit": 5000 }),
            0,
        ),
    ];
    expect(&raw, "externalcontact/get_groupmsg_send_result", cases).await;
    let stretch = |start: i64, end: i64| json!({ "chat_type": "single", "start_time": start, "end_time": end });
    let cases = vec![
        (json!({ "start_time": 1, "end_time": 2 }), 40058),
        (json!({ "chat_type": "single", "end_time": 2 }), 40058),
        (stretch(2, 1), 40058),
        (stretch(1, 32 * 86_400), 40058),
        (stretch(1, 31 * 86_400), 0),
    ];
    expect(&raw, "externalcontact/get_groupmsg_list_v2", cases).await;
}
