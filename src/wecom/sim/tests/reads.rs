//! Reading everything, and reading again after something moved.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{super::AppVerb, Client, code, start};

#[actix_web::test]
async fn the_directory_is_whole() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let list = client.get("department/list").await;
    let departments = list["department"].as_array().unwrap();
    assert_eq!(departments[0]["parentid"], 0);
    let ids: BTreeSet<u64> = departments
        .iter()
        .map(|d| d["id"].as_u64().unwrap())
        .collect();
    let mut direct = BTreeSet::new();
    for id in &ids {
        let users = client
            .get(&format!("user/simplelist?department_id={id}"))
            .await;
        for user in users["userlist"].as_array().unwrap() {
            direct.insert(user["userid"].as_str().unwrap().to_owned());
        }
    }
    let all = client.get("user/list?department_id=1&fetch_child=1").await;
    assert_eq!(all["userlist"].as_array().unwrap().len(), direct.len());
    assert_eq!(direct.len(), 60);
    let region = client.get("department/simplelist?id=10").await;
    assert_eq!(region["department_id"].as_array().unwrap().len(), 7);
    let user = client.get("user/get?userid=ZhouMin").await;
    assert_eq!(
        (user["name"].as_str(), user["department"][0].as_u64()),
        (Some("周敏"), Some(101))
    );
}

#[actix_web::test]
async fn pages_together_are_the_list_without_pages() {
    let sim = start(5, 700);
    let client = Client::app(&sim).await;
    let follow = client.get("externalcontact/get_follow_user_list").await;
    let staff: Vec<&str> = follow["follow_user"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u.as_str().unwrap())
        .collect();
    let mut expected = BTreeSet::new();
    for userid in &staff {
        let list = client
            .get(&format!("externalcontact/list?userid={userid}"))
            .await;
        if code(&list) == 84061 {
            continue;
        }
        for id in list["external_userid"].as_array().unwrap() {
            expected.insert(((*userid).to_owned(), id.as_str().unwrap().to_owned()));
        }
    }
    let (rows, pages) = client.batch(&staff, 100).await;
    assert_eq!(pages, rows.len().div_ceil(100));
    assert_eq!(rows.len(), expected.len(), "no row twice");
    assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), expected);
    let customers: BTreeSet<&String> = expected.iter().map(|(_, c)| c).collect();
    assert_eq!(customers.len(), 700, "every customer is somebody's");
}

#[actix_web::test]
async fn a_customer_reads_the_same_from_both_calls() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let body = json!({ "userid_list": ["zhoumin"], "limit": 5 });
    let answer = client.post("externalcontact/batch/get_by_user", body).await;
    for row in answer["external_contact_list"].as_array().unwrap() {
        let id = row["external_contact"]["external_userid"].as_str().unwrap();
        let one = client
            .get(&format!("externalcontact/get?external_userid={id}"))
            .await;
        assert_eq!(one["external_contact"], row["external_contact"]);
        let followers = one["follow_user"].as_array().unwrap();
        let mine = followers.iter().find(|f| f["userid"] == "zhoumin").unwrap();
        assert_eq!(mine["remark"], row["follow_info"]["remark"]);
        let tags: Vec<&Value> = mine["tags"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|t| t["type"] == 1)
            .map(|t| &t["tag_id"])
            .collect();
        assert_eq!(json!(tags), row["follow_info"]["tag_id"]);
    }
}

#[actix_web::test]
async fn groups_page_and_name_their_members() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let mut ids = Vec::new();
    let mut cursor = Value::from("");
    while cursor.is_string() {
        let body = json!({ "limit": 3, "cursor": cursor });
        let page = client.post("externalcontact/groupchat/list", body).await;
        for group in page["group_chat_list"].as_array().unwrap() {
            ids.push(group["chat_id"].as_str().unwrap().to_owned());
        }
        cursor = page["next_cursor"].clone();
    }
    assert_eq!(ids, sim.chat_ids());
    let body = json!({ "chat_id": ids[0], "need_name": 1 });
    let named = client.post("externalcontact/groupchat/get", body).await;
    let bare = client
        .post(
            "externalcontact/groupchat/get",
            json!({ "chat_id": ids[0] }),
        )
        .await;
    let members = named["group_chat"]["member_list"].as_array().unwrap();
    assert!(members.iter().all(|m| m["name"].is_string()));
    assert!(members.iter().any(|m| m["type"] == 2));
    assert!(bare["group_chat"]["member_list"][0].get("name").is_none());
}

#[actix_web::test]
async fn the_world_moves() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let get = async |id: &str| {
        client
            .get(&format!("externalcontact/get?external_userid={id}"))
            .await
    };

    let new = sim.add_customer("zhoumin", "尉迟敬德");
    assert_eq!(get(&new).await["external_contact"]["name"], "尉迟敬德");
    assert!(sim.rename_customer(&new, "momo"));
    assert!(sim.set_remark("zhoumin", &new, "尉迟-普洱"));
    let tag = sim.add_tag("等级", "钻石");
    assert!(sim.set_tags("zhoumin", &new, std::slice::from_ref(&tag)));
    let answer = get(&new).await;
    assert_eq!(answer["external_contact"]["name"], "momo");
    assert_eq!(answer["follow_user"][0]["remark"], "尉迟-普洱");
    assert_eq!(answer["follow_user"][0]["tags"][0]["tag_name"], "钻石");
    assert!(sim.remove_tag(&tag));
    assert_eq!(get(&new).await["follow_user"][0]["tags"], json!([]));
    let body = json!({ "tag_id": [tag] });
    let deleted = client.post("externalcontact/get_corp_tag_list", body).await;
    assert_eq!(deleted["tag_group"][0]["tag"][0]["deleted"], true);

    assert!(sim.add_relation("chenlifeng", &new));
    assert!(sim.remove_relation("zhoumin", &new));
    assert!(!sim.customers_of("zhoumin").contains(&new));
    assert!(sim.remove_relation("chenlifeng", &new));
    assert_eq!(code(&get(&new).await), 84061);

    assert!(sim.member_leaves("zhoumin"));
    assert_eq!(code(&client.get("user/get?userid=zhoumin").await), 60111);
    assert!(sim.customers_of("zhoumin").is_empty());
    let store = sim.add_department("无锡恒隆店", 10).unwrap();
    assert!(sim.member_joins("xinren", "新人", store));
    assert_eq!(
        code(&client.get("externalcontact/list?userid=xinren").await),
        84061
    );
    assert!(!sim.remove_department(store), "not while somebody is in it");
    assert!(sim.member_leaves("xinren"));
    assert!(sim.remove_department(store));

    let chat = sim.chat_ids().remove(0);
    assert!(sim.rename_group(&chat, "新茶友"));
    let answer = client
        .post("externalcontact/groupchat/get", json!({ "chat_id": chat }))
        .await;
    assert_eq!(answer["group_chat"]["name"], "新茶友");
    assert!(sim.disband_group(&chat));
    let answer = client
        .post("externalcontact/groupchat/get", json!({ "chat_id": chat }))
        .await;
    assert_eq!(code(&answer), 90501);
}

#[actix_web::test]
async fn customers_who_leave_while_paging_hide_no_others() {
    let sim = start(5, 300);
    let client = Client::app(&sim).await;
    let mine = sim.customers_of("zhoumin");
    let body = json!({ "userid_list": ["zhoumin"], "limit": 10 });
    let page = client.post("externalcontact/batch/get_by_user", body).await;
    assert!(sim.remove_relation("zhoumin", &mine[0]));
    let body = json!({ "userid_list": ["zhoumin"], "limit": 10, "cursor": page["next_cursor"] });
    let page = client.post("externalcontact/batch/get_by_user", body).await;
    let first = &page["external_contact_list"][0]["external_contact"]["external_userid"];
    assert_eq!(first, mine[10].as_str());
}

#[actix_web::test]
async fn an_app_reads_its_visible_range_only() {
    let sim = start(1, 20);
    let app = Client::app(&sim).await;
    let departments = vec![10];
    sim.act(AppVerb::SetAppRange { departments }).unwrap();
    let list = app.get("department/list").await;
    assert_eq!(list["department"].as_array().unwrap().len(), 7, "{list}");
    for (path, expected) in [
        ("department/get?id=101", 0),
        ("department/get?id=4", 60011),
        ("user/get?userid=zhoumin", 0),
        ("user/get?userid=shenjiayi", 60011),
        ("user/get?userid=nobody", 60111),
    ] {
        assert_eq!(code(&app.get(path).await), expected, "{path}");
    }
    let users = app.get("user/list?department_id=1&fetch_child=1").await;
    let users = users["userlist"].as_array().unwrap().len();
    assert!((1..60).contains(&users), "{users}");
}
