//! 客户联系.

use serde_json::json;

use super::{Wire, texts};
use crate::wecom::{
    AnyTag, Attachment, BroadcastQuery, ChatType, ContactWaySettings, ExtraRule, Greeting,
    GroupWelcome, Image, InterceptChange, JoinWay, Link, LinkSettings, Material, MomentAttachment,
    MomentMedia, MomentQuery, MomentRange, NewBroadcast, NewContactWay, NewInterceptRule,
    NewMoment, NewStrategy, NewTag, NewTags, Priority, Privileges, ProductPicture, ProductSettings,
    RangeNode, RemarkChange, Senders, Service, StrategyKind, TagChange, TagFilter, TaggedCustomers,
    Text, Transfer,
};

#[actix_web::test]
async fn staff_and_customers() {
    let wire = Wire::start();
    let staff = json!({ "follow_user": ["anna", "bruno"] });
    assert_eq!(wire.answering(staff).follow_users().await.unwrap().len(), 2);
    wire.asked("get_follow_user_list", "");
    let ids = json!({ "external_userid": ["wmE1", "woE2"] });
    let ids = wire.answering(ids).customer_ids_of("anna").await.unwrap();
    wire.asked("list", "userid=anna");
    assert_eq!(ids, texts(&["wmE1", "woE2"]));
    let card = json!({
        "external_contact": {
            "external_userid": "woE2", "name": "李强", "type": 2, "gender": 1, "position": "采购",
            "corp_name": "晨星", "corp_full_name": "晨星贸易有限公司",
            "external_profile": { "external_attr": [{ "type": 0, "name": "工号", "text": { "value": "7" } }] },
        },
        "follow_user": [{
            "userid": "anna", "remark": "李强-采购", "description": "", "createtime": "1771200000",
            "tags": [
                { "group_name": "等级", "tag_name": "金卡", "tag_id": "etT1", "type": 1 },
                { "group_name": "", "tag_name": "爱喝茶", "type": 2 },
                { "group_name": "区域", "tag_name": "华东", "tag_id": "stT1", "type": 3 },
            ],
            "remark_mobiles": null, "oper_userid": "woE2", "add_way": 10, "state": "expo",
            "wechat_channels": { "nickname": "晨星茶", "source": 2 },
        }],
    });
    let card = wire
        .answering(card)
        .customer("woE2")
        .await
        .unwrap()
        .unwrap();
    wire.asked("get", "external_userid=woE2&cursor=");
    let follower = &card.follow_user[0];
    let kinds: Vec<i64> = follower
        .tags
        .as_ref()
        .unwrap()
        .iter()
        .map(|t| t.kind)
        .collect();
    assert_eq!((kinds, follower.createtime), (vec![1, 2, 3], 1_771_200_000));
    assert_eq!(follower.wechat_channels.as_ref().unwrap().source, 2);
    assert_eq!(card.external_contact.corp_full_name, "晨星贸易有限公司");

    let change = RemarkChange {
        userid: "anna".to_owned(),
        external_userid: "wmE1".to_owned(),
        remark: Some("老李".to_owned()),
        remark_mobiles: Some(texts(&["13900000001"])),
        ..RemarkChange::default()
    };
    wire.answering(json!({})).set_remark(&change).await.unwrap();
    wire.posted(
        "remark",
        json!({
            "userid": "anna", "external_userid": "wmE1", "remark": "老李",
            "remark_mobiles": ["13900000001"],
        }),
    );
    let served = json!({
        "info_list": [
            { "is_customer": true, "tmp_openid": "t1", "external_userid": "wmE1",
              "follow_userid": "anna", "add_time": 1_771_200_000 },
            { "is_customer": false, "tmp_openid": "t2", "name": "***阳", "follow_userid": "anna",
              "chat_id": "wrE1", "chat_name": "茶友群1", "add_time": 1_771_300_000 },
        ],
        "next_cursor": "",
    });
    let served = wire
        .answering(served)
        .served_contacts()
        .all()
        .await
        .unwrap();
    wire.posted("contact_list", json!({ "limit": 1000 }));
    assert!(served[0].is_customer && served[1].chat_id == "wrE1");
    wire.stop().await;
}

#[actix_web::test]
async fn tags_and_rule_groups() {
    let wire = Wire::start();
    let group = json!({ "tag_group": {
        "group_id": "etG1", "group_name": "等级", "create_time": 1, "order": 10,
        "tag": [{ "id": "etT1", "name": "金卡", "create_time": 1, "order": "2" }],
    }});
    let new = NewTags {
        group_name: Some("等级".to_owned()),
        order: Some(10),
        tag: vec![NewTag {
            name: "金卡".to_owned(),
            order: Some(2),
        }],
        ..NewTags::default()
    };
    let made = wire
        .answering(group.clone())
        .add_corp_tags(&new)
        .await
        .unwrap();
    let body =
        json!({ "group_name": "等级", "order": 10, "tag": [{ "name": "金卡", "order": 2 }] });
    wire.posted("add_corp_tag", body);
    assert_eq!((made.tag[0].order, made.deleted), (2, false));
    let change = TagChange {
        name: Some("白金".to_owned()),
        order: None,
    };
    wire.answering(json!({}))
        .edit_corp_tag("etT1", &change)
        .await
        .unwrap();
    wire.posted("edit_corp_tag", json!({ "id": "etT1", "name": "白金" }));
    let ids = texts(&["etT1"]);
    wire.answering(json!({}))
        .delete_corp_tags(&ids, &[])
        .await
        .unwrap();
    wire.posted(
        "del_corp_tag",
        json!({ "tag_id": ["etT1"], "group_id": [] }),
    );
    wire.answering(json!({}))
        .mark_tags("anna", "wmE1", &ids, &[])
        .await
        .unwrap();
    wire.posted(
        "mark_tag",
        json!({
            "userid": "anna", "external_userid": "wmE1", "add_tag": ["etT1"], "remove_tag": [],
        }),
    );
    let mut of_rule_group = group["tag_group"].clone();
    of_rule_group["strategy_id"] = json!(7);
    let answer = json!({ "tag_group": [of_rule_group] });
    let told = wire.answering(answer).strategy_tags(Some(7)).await.unwrap();
    wire.posted("get_strategy_tag_list", json!({ "strategy_id": 7 }));
    assert_eq!((told[0].strategy_id, &*told[0].group.group_id), (7, "etG1"));
    let strategy = NewStrategy {
        strategy_name: "华东".to_owned(),
        admin_list: texts(&["bruno"]),
        privilege: Privileges::from([("export_customer_list".to_owned(), false)]),
        range: vec![RangeNode::department(5), RangeNode::member("anna")],
        ..NewStrategy::default()
    };
    let answer = json!({ "strategy_id": 7 });
    let kind = StrategyKind::Customers;
    let id = wire
        .answering(answer)
        .create_strategy(kind, &strategy)
        .await
        .unwrap();
    wire.posted(
        "customer_strategy/create",
        json!({
            "parent_id": 0, "strategy_name": "华东", "admin_list": ["bruno"],
            "privilege": { "export_customer_list": false },
            "range": [{ "type": 2, "partyid": 5 }, { "type": 1, "userid": "anna" }],
        }),
    );
    assert_eq!(id, 7);
    wire.stop().await;
}

#[actix_web::test]
async fn codes_and_greetings() {
    let wire = Wire::start();
    let way = NewContactWay {
        kind: 2,
        scene: 2,
        settings: ContactWaySettings {
            remark: Some("展会".to_owned()),
            skip_verify: Some(true),
            state: Some("expo".to_owned()),
            user: Some(texts(&["anna"])),
            ..ContactWaySettings::default()
        },
        ..NewContactWay::default()
    };
    let made = json!({ "config_id": "c1", "qr_code": "https://wework.qpic.cn/q/0" });
    wire.answering(made).add_contact_way(&way).await.unwrap();
    wire.posted(
        "add_contact_way",
        json!({
            "type": 2, "scene": 2, "remark": "展会", "skip_verify": true, "state": "expo",
            "user": ["anna"],
        }),
    );
    let kept = json!({ "contact_way": {
        "config_id": "c1", "type": 1, "scene": 2, "style": 1, "skip_verify": 1,
        "qr_code": "https://wework.qpic.cn/q/0", "user": ["anna"], "party": ["5"],
        "is_temp": true, "expires_in": 86400, "chat_expires_in": 86400,
        "conclusions": { "text": { "content": "再见" }, "image": { "pic_url": "https://wework.qpic.cn/p/0" } },
    }});
    let kept = wire
        .answering(kept)
        .contact_way("c1")
        .await
        .unwrap()
        .unwrap();
    wire.posted("get_contact_way", json!({ "config_id": "c1" }));
    assert!(kept.skip_verify && kept.party == [5] && kept.conclusions.unwrap().image.is_some());
    let join = JoinWay {
        scene: 2,
        remark: "台卡".to_owned(),
        auto_create_room: 1,
        room_base_name: "茶友群".to_owned(),
        room_base_id: 2,
        chat_id_list: texts(&["wrE1"]),
        state: "tea".to_owned(),
        mark_source: false,
    };
    let body = json!({
        "scene": 2, "remark": "台卡", "auto_create_room": 1, "room_base_name": "茶友群",
        "room_base_id": 2, "chat_id_list": ["wrE1"], "state": "tea",
    });
    let id = wire
        .answering(json!({ "config_id": "j1" }))
        .add_join_way(&join)
        .await
        .unwrap();
    wire.posted("groupchat/add_join_way", body.clone());
    let mut kept = body;
    kept["config_id"] = json!(id);
    kept["qr_code"] = json!("https://wework.qpic.cn/g/0");
    let kept = wire
        .answering(json!({ "join_way": kept }))
        .join_way("j1")
        .await
        .unwrap();
    assert_eq!(kept.unwrap().way, join);

    let text = Text::new("您好");
    let picture = Attachment::Image {
        image: Image {
            media_id: "m1".to_owned(),
            ..Image::default()
        },
    };
    let client = wire.answering(json!({}));
    let sent = client
        .send_welcome("w1", Some(&text), std::slice::from_ref(&picture))
        .await;
    assert_eq!(sent, Ok(Greeting::Sent));
    wire.posted(
        "send_welcome_msg",
        json!({
            "welcome_code": "w1", "text": { "content": "您好" },
            "attachments": [{ "msgtype": "image", "image": { "media_id": "m1" } }],
        }),
    );
    let template = GroupWelcome {
        material: Material {
            text: Some(Text::new("%NICKNAME% 欢迎")),
            link: Some(Link {
                title: "群规".to_owned(),
                url: "https://scrm.example.cn/r".to_owned(),
                ..Link::default()
            }),
            ..Material::default()
        },
        notify: false,
    };
    let made = json!({ "template_id": "msgW1" });
    wire.answering(made)
        .add_group_welcome(&template)
        .await
        .unwrap();
    wire.posted(
        "group_welcome_template/add",
        json!({
            "text": { "content": "%NICKNAME% 欢迎" },
            "link": { "title": "群规", "url": "https://scrm.example.cn/r" }, "notify": 0,
        }),
    );
    wire.stop().await;
}

#[actix_web::test]
async fn broadcasts_and_moments() {
    let wire = Wire::start();
    let new = NewBroadcast {
        external_userid: texts(&["wmE1", "wmE2"]),
        tag_filter: Some(TagFilter {
            group_list: vec![AnyTag {
                tag_list: texts(&["etT1"]),
            }],
        }),
        sender: "anna".to_owned(),
        text: Some(Text::new("新茶")),
        ..NewBroadcast::default()
    };
    let made = json!({ "fail_list": ["wmE2"], "msgid": "msgE1" });
    let made = wire.answering(made).add_broadcast(&new).await.unwrap();
    wire.posted(
        "add_msg_template",
        json!({
            "chat_type": "single", "external_userid": ["wmE1", "wmE2"], "sender": "anna",
            "tag_filter": { "group_list": [{ "tag_list": ["etT1"] }] }, "allow_select": false,
            "text": { "content": "新茶" },
        }),
    );
    assert_eq!(made.fail_list, texts(&["wmE2"]));
    let list = json!({ "next_cursor": "", "group_msg_list": [{
        "msgid": "msgE1", "creator": "bruno", "create_time": 1_772_000_000, "create_type": 0,
        "text": { "content": "新茶" },
        "attachments": [
            { "msgtype": "image", "image": { "media_id": "m1", "pic_url": "https://wework.qpic.cn/p/0" } },
            { "msgtype": "hologram", "hologram": { "n": 1 } },
        ],
    }]});
    let query = BroadcastQuery {
        chat_type: ChatType::Single,
        start_time: 1_769_900_000,
        end_time: 1_772_330_400,
        filter_type: 2,
        ..BroadcastQuery::default()
    };
    let list = wire.answering(list).broadcasts(&query).all().await.unwrap();
    wire.posted(
        "get_groupmsg_list_v2",
        json!({
            "chat_type": "single", "start_time": 1_769_900_000, "end_time": 1_772_330_400,
            "filter_type": 2, "limit": 100,
        }),
    );
    assert_eq!(list[0].attachments[1], Attachment::Unknown);
    // The table says 2 for sent, a sample 1.
    let tasks = json!({ "task_list": [
        { "userid": "anna", "status": 2, "send_time": 1_772_003_600 },
        { "userid": "bruno", "status": 1 }, { "userid": "clara", "status": 0 },
    ]});
    let tasks = wire
        .answering(tasks)
        .broadcast_tasks("msgE1")
        .all()
        .await
        .unwrap();
    let sent: Vec<bool> = tasks.iter().map(|task| task.is_sent()).collect();
    assert_eq!(sent, [true, true, false]);
    let results = json!({ "next_cursor": "", "send_list": [
        { "external_userid": "wmE1", "userid": "anna", "status": 1, "send_time": 1_772_003_600 },
        { "chat_id": "wrE1", "userid": "anna", "status": 1 },
        { "external_userid": "wmE2", "userid": "anna", "status": 3 },
    ]});
    let results = wire
        .answering(results)
        .broadcast_results("msgE1", "anna")
        .all()
        .await
        .unwrap();
    let body = json!({ "msgid": "msgE1", "userid": "anna", "limit": 1000 });
    wire.posted("get_groupmsg_send_result", body);
    assert_eq!(
        (results[1].chat_id.as_str(), results[2].status),
        ("wrE1", 3)
    );

    let moment = NewMoment {
        text: Some(Text::new("春茶")),
        attachments: vec![MomentAttachment::Image {
            image: MomentMedia {
                media_id: "a1".to_owned(),
            },
        }],
        visible_range: MomentRange {
            sender_list: Some(Senders {
                user_list: texts(&["anna"]),
                department_list: vec![5],
            }),
            external_contact_list: Some(TaggedCustomers {
                tag_list: texts(&["etT1"]),
            }),
        },
    };
    let job = wire
        .answering(json!({ "jobid": "job1" }))
        .add_moment(&moment)
        .await
        .unwrap();
    wire.posted(
        "add_moment_task",
        json!({
            "text": { "content": "春茶" },
            "attachments": [{ "msgtype": "image", "image": { "media_id": "a1" } }],
            "visible_range": {
                "sender_list": { "user_list": ["anna"], "department_list": [5] },
                "external_contact_list": { "tag_list": ["etT1"] },
            },
        }),
    );
    let done = json!({ "status": 3, "type": "add_moment_task", "result": {
        "errcode": 0, "errmsg": "ok", "moment_id": "momE1",
        "invalid_sender_list": { "user_list": ["zoe"], "department_list": [] },
        "invalid_external_contact_list": { "tag_list": [] },
    }});
    let done = wire.answering(done).moment_job(&job).await.unwrap();
    wire.asked("get_moment_task_result", "jobid=job1");
    assert_eq!(
        done.result.unwrap().invalid_sender_list.user_list,
        texts(&["zoe"])
    );
    let list = json!({ "moment_list": [{
        "moment_id": "momE1", "creator": "anna", "create_time": "1772100000", "create_type": 1,
        "visible_type": 1, "text": { "content": "春茶" }, "image": [{ "media_id": "x" }],
        "video": { "media_id": "v", "thumb_media_id": "t" }, "link": { "title": "a", "url": "b" },
        "location": { "latitude": "36.06", "longitude": "120.38", "name": "青岛" },
    }]});
    let query = MomentQuery {
        start_time: 1,
        end_time: 2,
        filter_type: 2,
        ..MomentQuery::default()
    };
    let list = wire.answering(list).moments(&query).all().await.unwrap();
    let body = json!({ "start_time": 1, "end_time": 2, "filter_type": 2, "limit": 20 });
    wire.posted("get_moment_list", body);
    assert_eq!(list[0].location.as_ref().unwrap().latitude, "36.06");
    wire.stop().await;
}

#[actix_web::test]
async fn inheritance_figures_links_rules_and_products() {
    let wire = Wire::start();
    let transfer = Transfer {
        handover_userid: "anna".to_owned(),
        takeover_userid: "bruno".to_owned(),
        external_userid: texts(&["wmE1"]),
        transfer_success_msg: Some("今后由我服务".to_owned()),
    };
    let started = json!({ "customer": [{ "external_userid": "wmE1", "errcode": 40100 }] });
    let client = wire.answering(started);
    let started = client
        .transfer_customers(Service::Active, &transfer)
        .await
        .unwrap();
    wire.posted(
        "transfer_customer",
        json!({
            "handover_userid": "anna", "takeover_userid": "bruno", "external_userid": ["wmE1"],
            "transfer_success_msg": "今后由我服务",
        }),
    );
    assert_eq!(started[0].errcode, 40100);
    let failed = json!({ "failed_chat_list": [
        { "chat_id": "wrE9", "errcode": 90501, "errmsg": "chat is not external group chat" },
    ]});
    let chats = texts(&["wrE1", "wrE9"]);
    let client = wire.answering(failed);
    let failed = client
        .transfer_groups(Service::Active, &chats, "bruno")
        .await
        .unwrap();
    let body = json!({ "chat_id_list": ["wrE1", "wrE9"], "new_owner": "bruno" });
    wire.posted("groupchat/onjob_transfer", body);
    assert_eq!(failed[0].errcode, 90501);
    let client = wire.answering(json!({}));
    let failed = client
        .transfer_groups(Service::Resigned, &chats, "bruno")
        .await
        .unwrap();
    assert!(failed.is_empty(), "absent when all went well");

    let days = json!({ "behavior_data": [
        { "stat_time": 1_771_862_400, "chat_cnt": 18, "message_cnt": "96",
          "reply_percentage": 83.33, "avg_reply_time": "4", "new_contact_cnt": 2 },
        { "stat_time": 1_771_948_800, "chat_cnt": 0, "message_cnt": 0 },
    ]});
    let days = wire
        .answering(days)
        .member_days(&texts(&["anna"]), 1, 2)
        .await
        .unwrap();
    let body = json!({ "userid": ["anna"], "start_time": 1, "end_time": 2 });
    wire.posted("get_user_behavior_data", body);
    assert_eq!(
        (days[0].reply_percentage, days[1].avg_reply_time),
        (Some(83.33), None)
    );
    let owners = json!({ "total": 1, "next_offset": 1, "items": [
        { "owner": "anna", "data": { "chat_total": 4, "member_total": 160 } },
    ]});
    let owners = wire
        .answering(owners)
        .groups_by_owner(&texts(&["anna"]), 1, 2)
        .await
        .unwrap();
    wire.posted(
        "groupchat/statistic",
        json!({
            "day_begin_time": 1, "day_end_time": 2, "owner_filter": { "userid_list": ["anna"] },
            "order_by": 2, "order_asc": 0, "offset": 0, "limit": 1000,
        }),
    );
    assert_eq!(owners[0].data.member_total, 160);

    let link = LinkSettings {
        link_name: Some("短信".to_owned()),
        range: Some(Senders {
            user_list: texts(&["anna"]),
            department_list: vec![],
        }),
        priority_option: Some(Priority {
            priority_type: 1,
            priority_userid_list: vec![],
        }),
        ..LinkSettings::default()
    };
    let made = json!({ "link": {
        "link_id": "ca1", "link_name": "短信", "url": "https://work.weixin.qq.com/ca/ca1",
        "create_time": 1_772_330_400,
    }});
    wire.answering(made)
        .create_acquisition_link(&link)
        .await
        .unwrap();
    wire.posted(
        "customer_acquisition/create_link",
        json!({
            "link_name": "短信", "range": { "user_list": ["anna"], "department_list": [] },
            "priority_option": { "priority_type": 1 },
        }),
    );
    let quota = json!({
        "total": 1000, "balance": 640,
        "quota_list": [{ "expire_date": 1_780_243_200, "balance": 640 }],
    });
    let quota = wire.answering(quota).acquisition_quota().await.unwrap();
    wire.asked("customer_acquisition_quota", "");
    assert_eq!(quota.quota_list[0].balance, 640);

    let rule = NewInterceptRule {
        rule_name: "收款".to_owned(),
        word_list: texts(&["私下付"]),
        semantics_list: vec![3],
        intercept_type: 1,
        applicable_range: Senders {
            user_list: vec![],
            department_list: vec![1],
        },
    };
    let odd = wire
        .answering(json!({ "rule_id": 9 }))
        .add_intercept_rule(&rule)
        .await;
    assert!(odd.is_err(), "the list of rules tells which one it is");
    let id = wire
        .answering(json!({ "rule_id": "9" }))
        .add_intercept_rule(&rule)
        .await
        .unwrap();
    wire.posted(
        "add_intercept_rule",
        json!({
            "rule_name": "收款", "word_list": ["私下付"], "semantics_list": [3],
            "intercept_type": 1, "applicable_range": { "user_list": [], "department_list": [1] },
        }),
    );
    assert_eq!(id, "9");
    for place in [
        json!({ "rule_id": "9", "semantics_list": [3] }),
        json!({ "rule_id": "9", "extra_rule": { "semantics_list": [3] } }),
    ] {
        let kept = wire
            .answering(json!({ "rule": place }))
            .intercept_rule("9")
            .await
            .unwrap();
        assert_eq!(kept.semantics(), [3]);
    }
    let change = InterceptChange {
        extra_rule: Some(ExtraRule {
            semantics_list: vec![1],
        }),
        ..InterceptChange::default()
    };
    wire.answering(json!({}))
        .update_intercept_rule("9", &change)
        .await
        .unwrap();
    let body = json!({ "rule_id": "9", "extra_rule": { "semantics_list": [1] } });
    wire.posted("update_intercept_rule", body);

    let tea = ProductSettings {
        description: Some("龙井".to_owned()),
        price: Some(26_800),
        product_sn: None,
        attachments: Some(vec![ProductPicture::new("a2")]),
    };
    let client = wire.answering(json!({ "product_id": "p1" }));
    assert_eq!(client.add_product(&tea).await.unwrap(), "p1");
    wire.posted(
        "add_product_album",
        json!({
            "description": "龙井", "price": 26_800,
            "attachments": [{ "type": "image", "image": { "media_id": "a2" } }],
        }),
    );
    let known = json!({ "external_userid": "", "pending_id": "pd1" });
    let known = wire.answering(known).known_as("oU1", "oP1").await.unwrap();
    assert_eq!((&*known.external_userid, &*known.pending_id), ("", "pd1"));
    wire.stop().await;
}

/// A page may be empty or shorter with another behind it; the same values go with each page.
#[actix_web::test]
async fn pages_are_followed_by_their_cursor_alone() {
    let wire = Wire::start();
    let answer = json!({ "task_list": [], "next_cursor": "c2" });
    let client = wire.answering(answer);
    let mut pages = client.broadcast_tasks("msgE1");
    assert!(pages.next().await.unwrap().unwrap().is_empty());
    wire.answering(json!({ "task_list": null }));
    assert!(pages.next().await.unwrap().unwrap().is_empty());
    let body = json!({ "msgid": "msgE1", "limit": 1000, "cursor": "c2" });
    wire.posted("get_groupmsg_task", body);
    assert!(
        pages.next().await.unwrap().is_none(),
        "the last one has no cursor"
    );
    // A list that is not there is no empty list.
    let client = wire.answering(json!({ "next_cursor": "" }));
    assert!(client.broadcast_tasks("msgE1").all().await.is_err());
    let client = wire.answering(json!({ "task_list": [], "next_cursor": "same" }));
    assert!(
        client.broadcast_tasks("msgE1").all().await.is_err(),
        "in a circle"
    );
    wire.stop().await;
}
