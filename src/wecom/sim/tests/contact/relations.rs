//! `remark`, `mark_tag`, `contact_list`.

use serde_json::json;

use super::{
    super::super::{AppVerb, CustomerVerb},
    FOR_MOMENTS, PNG, Raw, UPLOAD, client, expect, refused, start, texts, uploaded,
};
use crate::wecom::{NewTag, NewTags, RemarkChange};

const PATH: &str = "externalcontact/remark";
const MARK: &str = "externalcontact/mark_tag";

#[actix_web::test]
async fn remarks_are_written_and_told_to_nobody() {
    let sim = start(1, 60);
    let client = client(&sim);
    let customer = sim.add_customer("zhoumin", "新客");
    sim.callbacks_settled().await;
    let told = sim.deliveries().len();
    let change = RemarkChange {
        userid: "ZhouMin".to_owned(),
        external_userid: customer.clone(),
        remark: Some("周敏".to_owned()),
        description: Some("要发票".to_owned()),
        remark_company: Some("海风茶庄".to_owned()),
        remark_mobiles: Some(texts(&["13900000001", ""])),
        remark_pic_mediaid: None,
    };
    client.set_remark(&change).await.unwrap();
    let detail = client.customer(&customer).await.unwrap().unwrap();
    let info = &detail.follow_user[0];
    assert_eq!(
        (&*info.remark, &*info.description, &info.remark_mobiles[..]),
        ("周敏", "要发票", &texts(&["13900000001"])[..])
    );
    let of_wechat = customer.starts_with("wm");
    assert_eq!(info.remark_corp_name == "海风茶庄", of_wechat);
    // What is not said stays, phones are replaced as a whole.
    let change = RemarkChange {
        userid: "zhoumin".to_owned(),
        external_userid: customer.clone(),
        remark_mobiles: Some(texts(&[""])),
        ..RemarkChange::default()
    };
    client.set_remark(&change).await.unwrap();
    let detail = client.customer(&customer).await.unwrap().unwrap();
    let info = &detail.follow_user[0];
    assert_eq!((&*info.remark, info.remark_mobiles.len()), ("周敏", 0));
    sim.callbacks_settled().await;
    assert_eq!(
        sim.deliveries().len(),
        told,
        "no event of an app's own doing"
    );
}

#[actix_web::test]
async fn bad_remarks_get_the_named_errcodes() {
    let sim = start(1, 60);
    let raw = Raw::app(&sim).await;
    let picture = uploaded(&raw, UPLOAD, PNG).await;
    let of_moments = uploaded(&raw, FOR_MOMENTS, PNG).await;
    let mine = sim.customers_of("zhoumin").remove(0);
    let others = sim.add_customer("sunlili", "别人的客户");
    let half = sim.act(CustomerVerb::AddCustomer {
        userid: "zhoumin".to_owned(),
        name: "半友".to_owned(),
        state: String::new(),
        half: true,
    });
    let half = half.unwrap().unwrap();
    let ids = |id: &str| json!({ "userid": "zhoumin", "external_userid": id, "remark": "x" });
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "userid": "zhoumin", "external_userid": mine });
        body[field] = value;
        body
    };
    let cases = vec![
        (json!({ "external_userid": mine, "remark": "x" }), 41009),
        (json!({ "userid": "zhoumin", "remark": "x" }), 41035),
        (with("nothing", json!(1)), 40063),
        (with("remark", json!("长".repeat(21))), 40058),
        (with("description", json!("长".repeat(151))), 40058),
        (with("remark_company", json!("长".repeat(21))), 40058),
        (with("remark_mobiles", json!("139")), 40058),
        (with("remark", json!(7)), 40058),
        (with("remark_pic_mediaid", json!("none")), 40007),
        (with("remark_pic_mediaid", json!(picture)), 0),
        (with("remark_pic_mediaid", json!(of_moments)), 40007),
        (
            json!({ "userid": "no body", "external_userid": mine, "remark": "x" }),
            40003,
        ),
        (
            json!({ "userid": "nobody", "external_userid": mine, "remark": "x" }),
            60111,
        ),
        (
            json!({ "userid": "shenjiayi", "external_userid": mine, "remark": "x" }),
            84074,
        ),
        (ids("wmnobody"), 40096),
        (ids(&others), 84061),
        (ids(&half), 84061),
        (with("remark", json!("长".repeat(20))), 0),
        (with("remark", json!("")), 0),
    ];
    expect(&raw, PATH, cases).await;
    // The customer deleted the member: calls still work. The member deleted: they don't.
    sim.act(CustomerVerb::DeleteFollower {
        userid: "zhoumin".to_owned(),
        external_userid: mine.clone(),
    })
    .unwrap();
    expect(&raw, PATH, vec![(ids(&mine), 0)]).await;
    assert!(sim.remove_relation("zhoumin", &mine));
    expect(&raw, PATH, vec![(ids(&mine), 84061)]).await;
}

#[actix_web::test]
async fn tags_are_put_on_one_relation_alone() {
    let sim = start(1, 60);
    let client = client(&sim);
    let customer = sim.add_customer("zhoumin", "新客");
    let shared = CustomerVerb::AddRelation {
        userid: "sunlili".to_owned(),
        external_userid: customer.clone(),
        state: String::new(),
    };
    sim.act(shared).unwrap();
    let made = client
        .add_corp_tags(&NewTags {
            group_name: Some("测试".to_owned()),
            tag: ["甲", "乙"]
                .map(|name| NewTag {
                    name: name.to_owned(),
                    order: None,
                })
                .to_vec(),
            ..NewTags::default()
        })
        .await
        .unwrap();
    let tags: Vec<String> = made.tag.iter().map(|tag| tag.id.clone()).collect();
    client
        .mark_tags("zhoumin", &customer, &tags, &[])
        .await
        .unwrap();
    client
        .mark_tags("zhoumin", &customer, &tags[..1], &tags[1..])
        .await
        .unwrap();
    let detail = client.customer(&customer).await.unwrap().unwrap();
    for info in detail.follow_user {
        let told = info.tags.unwrap();
        let ids: Vec<&str> = told.iter().map(|tag| &*tag.tag_id).collect();
        let expected = if info.userid == "zhoumin" {
            vec![&*tags[0]]
        } else {
            vec![]
        };
        assert_eq!(ids, expected, "{}", info.userid);
        assert!(
            told.iter()
                .all(|tag| tag.group_name == "测试" && tag.kind == 1)
        );
    }
    let answer = client.mark_tags("zhoumin", &customer, &[], &[]).await;
    assert_eq!(refused(answer), 40063);
    let unknown = texts(&["etnone"]);
    let answer = client.mark_tags("zhoumin", &customer, &unknown, &[]).await;
    assert_eq!(refused(answer), 40068);
    let answer = client.mark_tags("zhoumin", &customer, &[], &unknown).await;
    assert_eq!(refused(answer), 40068);
    let answer = client.mark_tags("renjie", &customer, &tags, &[]).await;
    assert_eq!(refused(answer), 84061);
    let raw = Raw::app(&sim).await;
    let cases = vec![
        (
            json!({ "external_userid": customer, "add_tag": tags }),
            41009,
        ),
        (json!({ "userid": "zhoumin", "add_tag": tags }), 41035),
        (
            json!({ "userid": "zhoumin", "external_userid": customer, "add_tag": tags[0] }),
            40058,
        ),
    ];
    expect(&raw, MARK, cases).await;
}

#[actix_web::test]
async fn all_who_were_served_are_listed_for_four_hours() {
    let sim = start(1, 300);
    let client = client(&sim);
    let leaver = sim.customers_of("zhoumin").remove(0);
    let all = client.served_contacts().all().await.unwrap();
    let relations: usize = client
        .follow_users()
        .await
        .unwrap()
        .iter()
        .map(|u| sim.customers_of(u).len())
        .sum();
    assert_eq!(all.iter().filter(|c| c.is_customer).count(), relations);
    assert!(
        all.iter()
            .all(|c| c.is_customer != c.external_userid.is_empty())
    );
    // Still in a group, nobody's customer any more: masked.
    let detail = client.customer(&leaver).await.unwrap().unwrap();
    for info in detail.follow_user {
        assert!(sim.remove_relation(&info.userid, &leaver));
    }
    let strangers = client.served_contacts().all().await.unwrap();
    let strangers: Vec<_> = strangers.iter().filter(|c| !c.is_customer).collect();
    assert!(
        strangers
            .iter()
            .all(|c| c.name.starts_with("***") && !c.chat_id.is_empty())
    );
    let raw = Raw::app(&sim).await;
    let path = "externalcontact/contact_list";
    let first = raw.post(path, json!({ "limit": 10 })).await;
    let next = json!({ "limit": 10, "cursor": first["next_cursor"] });
    expect(&raw, path, vec![(next.clone(), 0)]).await;
    sim.clock().advance_ms(4 * 3_600_000 + 1000);
    let raw = Raw::app(&sim).await;
    let cases = vec![
        (next, 50100),
        (json!({ "cursor": "x" }), 50100),
        (json!({ "limit": 1001 }), 40058),
    ];
    expect(&raw, path, cases).await;
}

/// An own app sees the members in its visible range; 客户联系 sees the firm.
#[actix_web::test]
async fn an_own_app_sees_its_range_alone() {
    let sim = start(1, 200);
    let shared = sim.add_customer("zhoumin", "两人的客户");
    sim.act(CustomerVerb::AddRelation {
        userid: "luojianhua".to_owned(),
        external_userid: shared.clone(),
        state: String::new(),
    })
    .unwrap();
    let elsewhere = sim.add_customer("luojianhua", "华南客户");
    let range = AppVerb::SetAppRange {
        departments: vec![10],
    };
    sim.act(range).unwrap();
    let raw = Raw::app(&sim).await;
    let staff = raw.get("externalcontact/get_follow_user_list").await;
    let staff = staff["follow_user"].as_array().unwrap().clone();
    assert!(staff.contains(&json!("zhoumin")) && !staff.contains(&json!("luojianhua")));
    let card = format!("externalcontact/get?external_userid={shared}");
    let card = raw.get(&card).await;
    assert_eq!(card["follow_user"].as_array().unwrap().len(), 1, "{card}");
    for (path, expected) in [
        (
            format!("externalcontact/get?external_userid={elsewhere}"),
            40096,
        ),
        ("externalcontact/list?userid=luojianhua".to_owned(), 60011),
        ("externalcontact/list?userid=zhoumin".to_owned(), 0),
    ] {
        assert_eq!(raw.get(&path).await["errcode"], expected, "{path}");
    }
    let theirs = json!({ "userid": "luojianhua", "external_userid": elsewhere, "remark": "x" });
    expect(&raw, PATH, vec![(theirs.clone(), 60011)]).await;
    let chats = raw
        .post("externalcontact/groupchat/list", json!({ "limit": 1000 }))
        .await;
    let seen = chats["group_chat_list"].as_array().unwrap().len();
    assert!(seen > 0 && seen < sim.chat_ids().len());
    let contact = Raw::new(&sim, &sim.contact_secret).await;
    expect(&contact, PATH, vec![(theirs, 0)]).await;
    let answer = sim.act(AppVerb::SetAppRange {
        departments: vec![999],
    });
    assert!(answer.is_err());
    // An app that is not listed has no right at all.
    sim.act(AppVerb::ListApp { listed: false }).unwrap();
    let mine = json!({ "userid": "zhoumin", "external_userid": shared, "remark": "x" });
    expect(&raw, PATH, vec![(mine.clone(), 48002)]).await;
    expect(&contact, PATH, vec![(mine.clone(), 0)]).await;
    assert_eq!(raw.get("department/list").await["errcode"], 0);
    sim.act(AppVerb::ListApp { listed: true }).unwrap();
    expect(&raw, PATH, vec![(mine, 0)]).await;
}
