//! The archive's calls.

use serde_json::{Value, json};

use super::{Came, Wire};
use crate::wecom::{Consent, Edition, RoomConsent, SingleConsent};

impl Wire {
    fn came(&self, method: &str, path: &str, query: &str, body: Value) {
        let came = self.script.lock().unwrap().came.clone();
        let expected = Came {
            method: method.to_owned(),
            path: format!("msgaudit/{path}"),
            query: query.to_owned(),
            body,
        };
        assert_eq!(came, expected);
    }
}

#[actix_web::test]
async fn the_archive_is_asked_as_documented() {
    let wire = Wire::start();
    let client = wire.answering(json!({ "ids": ["a", "b"] }));
    assert_eq!(client.archived_members(None).await.unwrap(), ["a", "b"]);
    wire.came("POST", "get_permit_user_list", "", json!({}));
    client
        .archived_members(Some(Edition::Service))
        .await
        .unwrap();
    wire.came("POST", "get_permit_user_list", "", json!({ "type": 2 }));

    let answer = json!({ "agreeinfo": [ { "status_change_time": "1767233200",
        "userid": "LinXiaoyu", "exteranalopenid": "wmA", "agree_status": "Default_Agree" } ] });
    let pair = ("LinXiaoyu".to_owned(), "wmA".to_owned());
    let consents = wire.answering(answer).single_consents(&[pair]).await;
    let expected = SingleConsent {
        userid: "LinXiaoyu".to_owned(),
        external_userid: "wmA".to_owned(),
        consent: Consent::DefaultAgree,
        since_s: 1_767_233_200,
    };
    assert_eq!(consents.unwrap(), [expected]);
    let asked = json!({ "info": [{ "userid": "LinXiaoyu", "exteranalopenid": "wmA" }] });
    wire.came("POST", "check_single_agree", "", asked);

    let answer = json!({ "agreeinfo": [ { "exteranalopenid": "wmA", "agree_status": "New" } ] });
    let consents = wire.answering(answer).room_consents("wrA").await.unwrap();
    let expected = RoomConsent {
        external_userid: "wmA".to_owned(),
        consent: Consent::Other,
        since_s: 0,
    };
    assert_eq!(consents, Some(vec![expected]));
    wire.came("POST", "check_room_agree", "", json!({ "roomid": "wrA" }));

    let answer = json!({ "roomname": "一月盘点群", "creator": "LinXiaoyu",
        "room_create_time": 1_767_230_000, "notice": "",
        "members": [{ "memberid": "LinXiaoyu", "jointime": 1_767_230_000 }] });
    let room = wire
        .answering(answer)
        .internal_room("wrA")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (room.made_s, room.members[0].joined_s),
        (1_767_230_000, 1_767_230_000)
    );
    wire.came("POST", "groupchat/get", "", json!({ "roomid": "wrA" }));

    let answer =
        json!({ "data": { "robot_id": "wbA", "name": "工单助手", "creator_userid": "Z" } });
    let robot = wire.answering(answer).robot("wbA").await.unwrap().unwrap();
    assert_eq!(
        (robot.name.as_str(), robot.creator_userid.as_str()),
        ("工单助手", "Z")
    );
    wire.came("GET", "get_robot_info", "robot_id=wbA", Value::Null);

    for errcode in [301_059, 301_061] {
        let client = wire.answering(json!({ "errcode": errcode }));
        assert_eq!(client.internal_room("wrA").await.unwrap(), None);
    }
    wire.stop().await;
}
