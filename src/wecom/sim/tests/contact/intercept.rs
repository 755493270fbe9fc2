//! Rules about words.

use serde_json::json;

use super::{Raw, client, expect, refused, start, texts};
use crate::wecom::{ExtraRule, InterceptChange, NewInterceptRule, Senders};

const ADD: &str = "externalcontact/add_intercept_rule";

fn rule(name: &str) -> NewInterceptRule {
    NewInterceptRule {
        rule_name: name.to_owned(),
        word_list: texts(&["转我微信", "私下付"]),
        semantics_list: vec![3],
        intercept_type: 1,
        applicable_range: Senders {
            user_list: vec![],
            department_list: vec![1],
        },
    }
}

#[actix_web::test]
async fn rules_are_made_read_changed_and_deleted() {
    let sim = start(1, 20);
    let client = client(&sim);
    let id = client.add_intercept_rule(&rule("私下收款")).await.unwrap();
    let told = client.intercept_rule(&id).await.unwrap();
    assert_eq!((told.semantics(), told.word_list.len()), (&[3_u64][..], 2));
    let change = InterceptChange {
        word_list: Some(texts(&["转我微信"])),
        extra_rule: Some(ExtraRule {
            semantics_list: vec![1, 2],
        }),
        intercept_type: Some(2),
        add_applicable_range: Some(Senders {
            user_list: texts(&["zhoumin"]),
            department_list: vec![],
        }),
        remove_applicable_range: Some(Senders {
            user_list: vec![],
            department_list: vec![1],
        }),
        ..InterceptChange::default()
    };
    client.update_intercept_rule(&id, &change).await.unwrap();
    let told = client.intercept_rule(&id).await.unwrap();
    assert_eq!(
        (told.semantics(), told.intercept_type),
        (&[1_u64, 2][..], 2)
    );
    assert_eq!(told.applicable_range, change.add_applicable_range.unwrap());
    let all = client.intercept_rules().await.unwrap();
    assert_eq!((all.len(), &*all[0].rule_name), (1, "私下收款"));
    assert!(client.delete_intercept_rule(&id).await.unwrap());
    assert!(!client.delete_intercept_rule(&id).await.unwrap());
    assert_eq!(refused(client.intercept_rule(&id).await), 41071, "deleted");
    assert_eq!(refused(client.intercept_rule("none").await), 41070);
    assert!(client.intercept_rules().await.unwrap().is_empty());
}

#[actix_web::test]
async fn bad_rules_get_the_named_errcodes() {
    let sim = start(1, 20);
    let client = client(&sim);
    let raw = Raw::app(&sim).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({
            "rule_name": "x", "word_list": ["y"], "intercept_type": 1,
            "applicable_range": { "department_list": [1] },
        });
        body[field] = value;
        body
    };
    let theirs = client.add_intercept_rule(&rule("别的应用")).await.unwrap();
    let cases = vec![
        (with("rule_name", json!(null)), 40063),
        (with("rule_name", json!("长".repeat(21))), 40058),
        (with("rule_name", json!("别的应用")), 41077),
        (with("word_list", json!(null)), 40063),
        (with("word_list", json!([])), 41083),
        (with("word_list", json!(["长".repeat(33)])), 41083),
        (with("word_list", json!(vec!["x"; 301])), 41068),
        (with("semantics_list", json!([4])), 41084),
        (with("intercept_type", json!(3)), 40058),
        (with("applicable_range", json!({})), 41076),
        (
            with(
                "applicable_range",
                json!({ "user_list": vec!["zhoumin"; 1001] }),
            ),
            41076,
        ),
        (
            with("applicable_range", json!({ "user_list": ["nobody"] })),
            60111,
        ),
        (
            with("applicable_range", json!({ "department_list": [999] })),
            60003,
        ),
        (with("rule_name", json!("好")), 0),
    ];
    expect(&raw, ADD, cases).await;
    for call in [
        "get_intercept_rule",
        "update_intercept_rule",
        "del_intercept_rule",
    ] {
        let cases = vec![(json!({}), 41070), (json!({ "rule_id": theirs }), 41070)];
        expect(&raw, &format!("externalcontact/{call}"), cases).await;
    }
    let change = InterceptChange {
        remove_applicable_range: Some(Senders {
            user_list: vec![],
            department_list: vec![1],
        }),
        ..InterceptChange::default()
    };
    let answer = client.update_intercept_rule(&theirs, &change).await;
    assert_eq!(refused(answer), 41076, "for nobody at all");
    for number in 0..98 {
        client
            .add_intercept_rule(&rule(&number.to_string()))
            .await
            .unwrap();
    }
    assert_eq!(
        refused(client.add_intercept_rule(&rule("一百零一")).await),
        41069
    );
}
