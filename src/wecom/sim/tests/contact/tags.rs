//! Corp tags and tags of rule groups.

use std::time::Duration;

use serde_json::json;

use super::{
    super::super::{Fault, TagVerb},
    Raw, Receiver, client, code, expect, refused, start, texts,
};
use crate::wecom::{
    NewStrategy, NewTag, NewTags, RangeNode, StrategyKind, TagChange, TagGroup,
    event::{Event, TagChange as TagChangeTold, TagObject},
};

const ADD: &str = "externalcontact/add_corp_tag";
const EDIT: &str = "externalcontact/edit_corp_tag";
const DEL: &str = "externalcontact/del_corp_tag";

fn new(group: &str, names: &[&str]) -> NewTags {
    let tag = |name: &&str| NewTag {
        name: (*name).to_owned(),
        order: Some(2),
    };
    NewTags {
        group_name: Some(group.to_owned()),
        order: Some(10),
        tag: names.iter().map(tag).collect(),
        ..NewTags::default()
    }
}

#[actix_web::test]
async fn corp_tags_are_made_changed_and_deleted() {
    let sim = start(1, 20);
    let client = client(&sim);
    let made = client
        .add_corp_tags(&new("客户等级", &["A级", "B级", "A级"]))
        .await
        .unwrap();
    let names: Vec<&str> = made.tag.iter().map(|t| &*t.name).collect();
    assert_eq!((names, made.order), (vec!["A级", "B级"], 10), "each once");
    // The same name leads to the same group, and so does its id.
    let more = client
        .add_corp_tags(&new("客户等级", &["C级"]))
        .await
        .unwrap();
    assert_eq!((&more.group_id, more.tag.len()), (&made.group_id, 1));
    let by_id = NewTags {
        group_id: Some(made.group_id.clone()),
        group_name: Some("不看".to_owned()),
        ..new("", &["D级"])
    };
    client.add_corp_tags(&by_id).await.unwrap();
    let groups = texts(&[&made.group_id]);
    let told = client.corp_tags_by_id(&[], &groups).await.unwrap();
    assert_eq!(told[0].tag.len(), 4);
    assert_eq!(refused(client.add_corp_tags(&by_id).await), 40071, "taken");

    let change = TagChange {
        name: Some("A+级".to_owned()),
        order: Some(30),
    };
    client
        .edit_corp_tag(&made.tag[0].id, &change)
        .await
        .unwrap();
    let rename = TagChange {
        name: Some("等级".to_owned()),
        order: None,
    };
    let answer = client.edit_corp_tag(&made.group_id, &rename).await;
    assert_eq!(
        refused(answer),
        40071,
        "the console has a group of this name"
    );
    let told = client.corp_tags_by_id(&[], &groups).await.unwrap();
    assert_eq!((&*told[0].tag[0].name, told[0].tag[0].order), ("A+级", 30));

    let first = texts(&[&made.tag[0].id]);
    assert!(client.delete_corp_tags(&first, &[]).await.unwrap());
    assert!(!client.delete_corp_tags(&first, &[]).await.unwrap(), "gone");
    let told = client.corp_tags_by_id(&first, &[]).await.unwrap();
    assert!(told[0].tag[0].deleted, "still told by id");
    assert!(client.delete_corp_tags(&[], &groups).await.unwrap());
    let all = client.corp_tags().await.unwrap();
    assert!(all.iter().all(|g| g.group_id != made.group_id));
}

#[actix_web::test]
async fn bad_corp_tags_get_the_named_errcodes() {
    let sim = start(1, 20);
    let raw = Raw::app(&sim).await;
    let long = "长".repeat(31);
    let cases = vec![
        (json!({ "tag": [{ "name": "x" }] }), 40063),
        (json!({ "group_name": "g", "tag": [] }), 40063),
        (json!({ "group_name": "g" }), 40063),
        (json!({ "group_name": "g", "tag": [{ "order": 1 }] }), 40072),
        (
            json!({ "group_name": "g", "tag": [{ "name": long }] }),
            40072,
        ),
        (
            json!({ "group_name": long, "tag": [{ "name": "x" }] }),
            40072,
        ),
        (
            json!({ "group_id": "etnone", "tag": [{ "name": "x" }] }),
            40068,
        ),
        (
            json!({ "group_name": "g", "tag": [{ "name": "x", "order": 1_u64 << 32 }] }),
            40058,
        ),
        (
            json!({ "group_name": "等级", "tag": [{ "name": "金卡" }] }),
            40071,
        ),
    ];
    expect(&raw, ADD, cases).await;
    let many = |n: usize| {
        (0..n)
            .map(|n| json!({ "name": n.to_string() }))
            .collect::<Vec<_>>()
    };
    let cases = vec![
        (json!({ "group_name": "g", "tag": many(10_001) }), 40126),
        (json!({ "group_name": "g", "tag": many(100) }), 0),
    ];
    expect(&raw, ADD, cases).await;
    let console = sim.add_tag("控制台", "控制台标签");
    let cases = vec![
        (json!({ "name": "x" }), 40068),
        (json!({ "id": "etnone", "name": "x" }), 40068),
        (json!({ "id": console, "name": "长".repeat(31) }), 40072),
        (json!({ "id": console, "name": "" }), 40072),
        (json!({ "id": console, "name": "x" }), 60011),
    ];
    expect(&raw, EDIT, cases).await;
    let cases = vec![
        (json!({ "tag_id": [], "group_id": [] }), 40063),
        (json!({ "tag_id": ["etnone"] }), 40068),
        (json!({ "tag_id": [console] }), 60011),
    ];
    expect(&raw, DEL, cases).await;
    // The system app may touch everything, an own app only its own.
    let contact = Raw::new(&sim, &sim.contact_secret).await;
    let made = json!({ "group_name": "c", "tag": [{ "name": "x" }] });
    let made = contact.post(ADD, made).await;
    let id = &made["tag_group"]["tag"][0]["id"];
    expect(&raw, EDIT, vec![(json!({ "id": id, "name": "y" }), 60011)]).await;
    expect(
        &contact,
        EDIT,
        vec![(json!({ "id": console, "name": "y" }), 0)],
    )
    .await;
    expect(&contact, DEL, vec![(json!({ "tag_id": [console, id] }), 0)]).await;
    let sync = Raw::new(&sim, &sim.sync_secret).await;
    assert_eq!(code(&sync.post(ADD, json!({})).await), 48002);
}

#[actix_web::test]
async fn the_console_renames_and_shuffles() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let names = |groups: &[TagGroup]| -> Vec<String> {
        groups[0].tag.iter().map(|tag| tag.name.clone()).collect()
    };
    let before = client.corp_tags().await.unwrap();
    let group_id = before[0].group_id.clone();
    sim.act(TagVerb::ShuffleTags {
        group_id: group_id.clone(),
    })
    .unwrap();
    let mut turned = names(&client.corp_tags().await.unwrap());
    turned.reverse();
    assert_eq!(turned, names(&before));
    let name = "会员等级".to_owned();
    let rename = TagVerb::RenameTagGroup {
        group_id: group_id.clone(),
        name,
    };
    sim.act(rename).unwrap();
    sim.act(TagVerb::ShuffleTags {
        group_id: String::new(),
    })
    .unwrap();
    let after = client.corp_tags().await.unwrap();
    assert_eq!(after.last().unwrap().group_name, "会员等级");
    let told: Vec<_> = receiver.events(&sim).await;
    let told: Vec<TagChangeTold> = told
        .into_iter()
        .map(|event| match event {
            Event::Tag(event) => event.change,
            other => panic!("{other:?}"),
        })
        .collect();
    let shuffled = |group| TagChangeTold::Shuffled { group };
    let renamed = TagChangeTold::Updated(TagObject::Group(group_id.clone()));
    assert_eq!(told, [shuffled(Some(group_id)), renamed, shuffled(None)]);
    receiver.stop().await;
}

/// A busy or cut answer says nothing about what was done: making is not repeated blindly.
#[actix_web::test]
async fn what_makes_something_is_not_repeated_after_an_unclear_answer() {
    let sim = start(1, 20);
    let client = client(&sim);
    client.corp_tags().await.unwrap();
    let before = sim.calls();
    for (fault, tries) in [
        (Fault::HalfBody, 1),
        (Fault::Status(502), 0),
        (Fault::Errcode(-1), 1),
        (Fault::Errcode(45033), 1),
    ] {
        sim.inject(Some(ADD), 1, fault);
        let calls = sim.calls();
        let answer = client.add_corp_tags(&new("重复", &["一"])).await;
        assert!(answer.is_err(), "{fault:?}");
        assert_eq!(sim.calls() - calls, tries, "{fault:?}");
        sim.clear_faults();
    }
    assert!(sim.calls() > before);
    let made = client.corp_tags().await.unwrap();
    let twice = made.iter().filter(|g| g.group_name == "重复").count();
    assert_eq!(twice, 1, "the answer was cut, the work was done");
    // While looking is.
    sim.inject(
        Some("externalcontact/get_corp_tag_list"),
        2,
        Fault::Latency(Duration::ZERO),
    );
    sim.inject(
        Some("externalcontact/get_corp_tag_list"),
        2,
        Fault::Errcode(-1),
    );
    assert!(client.corp_tags().await.is_ok() && client.corp_tags().await.is_ok());
}

#[actix_web::test]
async fn tags_of_rule_groups_are_for_their_range_alone() {
    let sim = start(1, 60);
    let client = client(&sim);
    let kind = StrategyKind::Customers;
    let top = NewStrategy {
        strategy_name: "华东".to_owned(),
        admin_list: texts(&["chenguoliang"]),
        range: vec![RangeNode::department(10)],
        ..NewStrategy::default()
    };
    let id = client.create_strategy(kind, &top).await.unwrap();
    let made = client
        .add_strategy_tags(id, &new("区域", &["静安", "徐汇"]))
        .await
        .unwrap();
    let tag = made.tag[0].id.clone();
    assert!(tag.starts_with("st"), "{tag}");
    let inside = sim.customers_of("zhoumin").remove(0);
    let tags = [tag.clone()];
    client
        .mark_tags("zhoumin", &inside, &tags, &[])
        .await
        .unwrap();
    let detail = client.customer(&inside).await.unwrap().unwrap();
    let info = detail.follow_user.iter().find(|f| f.userid == "zhoumin");
    let told = info.unwrap().tags.as_ref().unwrap();
    assert!(told.iter().any(|t| t.tag_id == tag && t.kind == 3));
    let outside = sim.add_customer("luojianhua", "华南客户");
    let answer = client.mark_tags("luojianhua", &outside, &tags, &[]).await;
    assert_eq!(refused(answer), 40068);
    let below = NewStrategy {
        parent_id: id,
        range: vec![RangeNode::member("zhoumin")],
        ..top
    };
    let below = client.create_strategy(kind, &below).await.unwrap();
    let answer = client.add_strategy_tags(below, &new("x", &["y"])).await;
    assert_eq!(refused(answer), 40058, "only at the top");

    let change = TagChange {
        name: Some("静安区".to_owned()),
        order: Some(9),
    };
    client.edit_strategy_tag(&tag, &change).await.unwrap();
    let told = client.strategy_tags(Some(id)).await.unwrap();
    assert_eq!(
        (told[0].strategy_id, &*told[0].group.tag[0].name),
        (id, "静安区")
    );
    let own = Raw::app(&sim).await;
    let of = |body| own.post("externalcontact/get_strategy_tag_list", body);
    assert_eq!(
        of(json!({})).await["tag_group"],
        json!([]),
        "of another app"
    );
    assert_eq!(code(&of(json!({ "strategy_id": id })).await), 40058);
    for (path, body, expected) in [
        (
            "edit_strategy_tag",
            json!({ "id": tag, "name": "x" }),
            40068,
        ),
        (
            "edit_strategy_tag",
            json!({ "id": "stnone", "name": "x" }),
            40068,
        ),
        ("del_strategy_tag", json!({ "tag_id": [tag] }), 40068),
        ("del_strategy_tag", json!({}), 40063),
        (
            "add_strategy_tag",
            json!({ "group_name": "x", "tag": [{ "name": "y" }] }),
            40058,
        ),
        (
            "add_strategy_tag",
            json!({ "strategy_id": id, "group_name": "x", "tag": [{ "name": "y" }] }),
            40058,
        ),
        (
            "mark_tag",
            json!({ "userid": "zhoumin", "external_userid": inside, "remove_tag": [tag] }),
            40068,
        ),
    ] {
        expect(
            &own,
            &format!("externalcontact/{path}"),
            vec![(body, expected)],
        )
        .await;
    }
    assert!(client.delete_strategy_tags(&tags, &[]).await.unwrap());
    assert!(!client.delete_strategy_tags(&tags, &[]).await.unwrap());
    let detail = client.customer(&inside).await.unwrap().unwrap();
    let tags = detail.follow_user.into_iter().flat_map(|f| f.tags.unwrap());
    assert!(
        tags.into_iter().all(|t| t.tag_id != tag),
        "customers lose it"
    );
}
