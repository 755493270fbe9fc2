//! Rule groups.

use serde_json::json;

use super::{Raw, client, expect, refused, start, texts};
use crate::wecom::{NewStrategy, Privileges, RangeNode, StrategyChange, StrategyKind};

const CREATE: &str = "externalcontact/customer_strategy/create";

fn east() -> NewStrategy {
    NewStrategy {
        strategy_name: "华东".to_owned(),
        admin_list: texts(&["chenguoliang"]),
        privilege: Privileges::from([("view_customer_list".to_owned(), false)]),
        range: vec![RangeNode::department(10), RangeNode::member("luojianhua")],
        ..NewStrategy::default()
    }
}

#[actix_web::test]
async fn rule_groups_are_made_read_changed_and_deleted() {
    let sim = start(1, 20);
    let client = client(&sim);
    for kind in [StrategyKind::Customers, StrategyKind::Moments] {
        let id = client.create_strategy(kind, &east()).await.unwrap();
        let told = client.strategy(kind, id).await.unwrap();
        assert_eq!((told.parent_id, &*told.strategy_name), (0, "华东"));
        let said = |name: &str| told.privilege.get(name).copied();
        if kind == StrategyKind::Customers {
            assert_eq!(said("view_customer_list"), Some(false));
            assert_eq!(said("send_group_msg"), Some(true), "when nothing is said");
            assert_eq!(said("export_customer_list"), Some(false));
        } else {
            assert_eq!(said("send_moment"), Some(true));
        }
        let below = NewStrategy {
            parent_id: id,
            privilege: Privileges::new(),
            range: vec![RangeNode::member("zhoumin"), RangeNode::department(102)],
            ..east()
        };
        let child = client.create_strategy(kind, &below).await.unwrap();
        let inherited = client.strategy(kind, child).await.unwrap().privilege;
        assert_eq!(inherited, told.privilege);
        let outside = NewStrategy {
            range: vec![RangeNode::department(112)],
            ..below
        };
        let answer = client.create_strategy(kind, &outside).await;
        assert_eq!(refused(answer), 40058, "outside the one above");

        let change = StrategyChange {
            strategy_name: Some("华东区".to_owned()),
            range_add: vec![RangeNode::department(11)],
            range_del: vec![RangeNode::member("luojianhua")],
            ..StrategyChange::default()
        };
        client.edit_strategy(kind, id, &change).await.unwrap();
        let range = client.strategy_range(kind, id).all().await.unwrap();
        assert_eq!(
            range,
            [RangeNode::department(10), RangeNode::department(11)]
        );
        let all = client.strategies(kind).all().await.unwrap();
        let ids: Vec<u64> = all.iter().map(|s| s.strategy_id).collect();
        assert_eq!(ids, [id, child]);
        assert_eq!(refused(client.delete_strategy(kind, id).await), 40058);
        client.delete_strategy(kind, child).await.unwrap();
        client.delete_strategy(kind, id).await.unwrap();
        assert_eq!(refused(client.strategy(kind, id).await), 40058);
    }
}

#[actix_web::test]
async fn bad_rule_groups_are_refused() {
    let sim = start(1, 20);
    let raw = Raw::app(&sim).await;
    let body = |field: &str, value| {
        let mut body = json!({
            "parent_id": 0, "strategy_name": "x", "admin_list": ["chenguoliang"],
            "range": [{ "type": 2, "partyid": 10 }],
        });
        body[field] = value;
        body
    };
    let cases = vec![
        (body("strategy_name", json!("")), 40063),
        (body("admin_list", json!([])), 40058),
        (body("admin_list", json!(vec!["zhoumin"; 21])), 40058),
        (body("admin_list", json!(["shenjiayi"])), 40058),
        (body("admin_list", json!(["nobody"])), 60111),
        (body("range", json!([])), 40063),
        (
            body(
                "range",
                json!(vec![json!({ "type": 1, "userid": "zhoumin" }); 101]),
            ),
            40058,
        ),
        (body("range", json!([{ "type": 3 }])), 40058),
        (body("range", json!([{ "type": 1 }])), 40003),
        (body("range", json!([{ "type": 2, "partyid": 999 }])), 60003),
        (body("parent_id", json!(9)), 40058),
        (body("privilege", json!({ "contact_me": "maybe" })), 40058),
    ];
    expect(&raw, CREATE, cases).await;
    let mut parent = json!(0);
    for level in 1..=6 {
        let made = raw.post(CREATE, body("parent_id", parent)).await;
        let expected = if level <= 5 { 0 } else { 40058 };
        assert_eq!(made["errcode"], expected, "level {level}");
        parent = made["strategy_id"].clone();
    }
    let contact = Raw::new(&sim, &sim.contact_secret).await;
    let made = contact.post(CREATE, body("parent_id", json!(0))).await;
    let theirs = json!({ "strategy_id": made["strategy_id"] });
    for path in ["get", "get_range", "edit", "del"] {
        let path = format!("externalcontact/customer_strategy/{path}");
        expect(
            &raw,
            &path,
            vec![(theirs.clone(), 40058), (json!({}), 40063)],
        )
        .await;
    }
}
