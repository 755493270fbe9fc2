//! Figures of members and groups.

use serde_json::json;

use super::{super::super::CodeVerb, NOW_S, Raw, client, expect, start, texts};

const DAY_S: i64 = 86_400;
const YESTERDAY: i64 = NOW_S - DAY_S;

#[actix_web::test]
async fn members_have_a_row_for_each_day() {
    let sim = start(1, 300);
    let client = client(&sim);
    let names = texts(&["zhoumin", "sunlili"]);
    let start = NOW_S - 30 * DAY_S;
    let both = client.member_days(&names, start, YESTERDAY).await.unwrap();
    assert_eq!(both.len(), 30);
    assert!(
        both.windows(2)
            .all(|w| w[1].stat_time - w[0].stat_time == DAY_S)
    );
    assert_eq!((both[0].stat_time + 8 * 3600) % DAY_S, 0, "days of Beijing");
    let one = client
        .member_days(&names[..1], start, YESTERDAY)
        .await
        .unwrap();
    let two = client
        .member_days(&names[1..], start, YESTERDAY)
        .await
        .unwrap();
    for ((sum, a), b) in both.iter().zip(&one).zip(&two) {
        assert_eq!(sum.message_cnt, a.message_cnt + b.message_cnt);
        assert_eq!(sum.new_contact_cnt, a.new_contact_cnt + b.new_contact_cnt);
        assert_eq!(a.reply_percentage.is_none(), a.chat_cnt == 0);
    }
    let again = client.member_days(&names, start, YESTERDAY).await.unwrap();
    assert_eq!(again, both, "the same figures whenever asked");
    // What members add is what the figures say.
    sim.add_customer("zhoumin", "今天的");
    sim.clock().advance_ms(DAY_S * 1000);
    let today = client.member_days(&names[..1], NOW_S, NOW_S).await.unwrap();
    assert_eq!(today[0].new_contact_cnt, 1);

    let raw = Raw::app(&sim).await;
    let body = |start: i64, end: i64| json!({ "userid": ["zhoumin"], "start_time": start, "end_time": end });
    let cases = vec![
        (
            json!({ "start_time": YESTERDAY, "end_time": YESTERDAY }),
            40063,
        ),
        (
            json!({ "userid": vec!["zhoumin"; 101], "start_time": 1, "end_time": 1 }),
            40058,
        ),
        (
            json!({ "userid": ["zhoumin"], "end_time": YESTERDAY }),
            40058,
        ),
        (body(YESTERDAY, YESTERDAY - DAY_S), 40058),
        (body(YESTERDAY - 31 * DAY_S, YESTERDAY), 40058),
        (body(NOW_S - 200 * DAY_S, NOW_S - 199 * DAY_S), 40058),
        (body(NOW_S + DAY_S, NOW_S + DAY_S), 40058),
        (
            json!({ "userid": ["nobody"], "start_time": YESTERDAY, "end_time": YESTERDAY }),
            60111,
        ),
        (
            json!({ "partyid": [999], "start_time": YESTERDAY, "end_time": YESTERDAY }),
            60003,
        ),
        (
            json!({ "partyid": [101], "start_time": YESTERDAY, "end_time": YESTERDAY }),
            0,
        ),
    ];
    expect(&raw, "externalcontact/get_user_behavior_data", cases).await;
}

#[actix_web::test]
async fn groups_are_counted_by_owner_and_by_day() {
    let sim = start(1, 300);
    let client = client(&sim);
    let owners = client
        .groups_by_owner(&[], YESTERDAY - DAY_S, YESTERDAY)
        .await
        .unwrap();
    let total: i64 = owners.iter().map(|o| o.data.chat_total).sum();
    let made = sim.chat_ids().len();
    assert!(total > 0 && usize::try_from(total).unwrap() <= made);
    assert!(
        owners
            .windows(2)
            .all(|w| w[0].data.chat_total >= w[1].data.chat_total)
    );
    let names = texts(&[&owners[0].owner]);
    let days = client
        .groups_by_day(&names, YESTERDAY - 3 * DAY_S, YESTERDAY)
        .await
        .unwrap();
    assert_eq!(days.len(), 4);
    assert_eq!(days[3].data.chat_total, owners[0].data.chat_total);
    assert_eq!(days[3].data.member_total, owners[0].data.member_total);
    let raw = Raw::app(&sim).await;
    let body = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "day_begin_time": YESTERDAY });
        body[field] = value;
        body
    };
    let path = "externalcontact/groupchat/statistic";
    let cases = vec![
        (json!({}), 40058),
        (body("day_end_time", json!(NOW_S)), 40058),
        (body("order_by", json!(5)), 40058),
        (body("order_asc", json!(2)), 40058),
        (body("limit", json!(1001)), 40058),
        (
            body("owner_filter", json!({ "userid_list": ["nobody"] })),
            60111,
        ),
        (
            body(
                "owner_filter",
                json!({ "userid_list": vec!["zhoumin"; 101] }),
            ),
            40058,
        ),
        (body("order_by", json!(4)), 0),
    ];
    expect(&raw, path, cases).await;
    let page = raw
        .post(
            path,
            json!({ "day_begin_time": YESTERDAY, "limit": 2, "offset": 1 }),
        )
        .await;
    assert_eq!(
        (
            &page["next_offset"],
            page["items"].as_array().unwrap().len()
        ),
        (&json!(3), 2)
    );
    let limit = CodeVerb::SetLimit {
        name: "owners".to_owned(),
        max: 3,
    };
    sim.act(limit).unwrap();
    expect(&raw, path, vec![(body("limit", json!(9)), 81017)]).await;
    let list = "externalcontact/groupchat/list";
    let named = json!({ "limit": 9, "owner_filter": { "userid_list": ["zhoumin"] } });
    expect(&raw, list, vec![(json!({ "limit": 9 }), 81017), (named, 0)]).await;
    let path = "externalcontact/groupchat/statistic_group_by_day";
    let named = body("owner_filter", json!({ "userid_list": ["zhoumin"] }));
    expect(&raw, path, vec![(json!({}), 40058), (named, 0)]).await;
}
