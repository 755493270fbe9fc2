//! Writing to the directory by the sync assistant.

use std::net::SocketAddr;

use serde_json::json;

use super::{
    super::{ArchiveOptions, SimOptions, Simulator},
    Client, NOW, code, start,
};

#[actix_web::test]
async fn departments_are_made_moved_and_removed() {
    let sim = start(1, 20);
    let sync = Client::new(&sim, &sim.sync_secret).await;
    let app = Client::app(&sim).await;
    let body = json!({ "name": "华东销售", "name_en": "East Sales", "parentid": 10, "order": 40 });
    assert_eq!(
        code(&app.post("department/create", body.clone()).await),
        48002
    );
    let made = sync.post("department/create", body).await;
    assert_eq!(
        (code(&made), &made["errmsg"]),
        (0, &json!("created")),
        "{made}"
    );
    let id = made["id"].as_u64().unwrap();
    for (body, expected) in [
        (json!({}), 60001),
        (json!({ "name": "", "parentid": 1 }), 60001),
        (json!({ "name": "长".repeat(65), "parentid": 1 }), 60001),
        (json!({ "name": "a:b", "parentid": 1 }), 60009),
        (json!({ "name": "x" }), 40058),
        (json!({ "name": "x", "parentid": 999 }), 60004),
        (json!({ "name": "华东销售", "parentid": 10 }), 60008),
        (json!({ "name": "x", "parentid": 1, "id": 10 }), 60008),
        (
            json!({ "name": "x", "parentid": 1, "order": 4_294_967_296_u64 }),
            40058,
        ),
    ] {
        let answer = sync.post("department/create", body.clone()).await;
        assert_eq!(code(&answer), expected, "{body}: {answer}");
    }
    let sub = json!({ "name": "一部", "parentid": id });
    let sub = sync.post("department/create", sub).await["id"].clone();
    for (body, expected) in [
        (json!({}), 60003),
        (json!({ "id": 999 }), 60003),
        (json!({ "id": id, "parentid": sub }), 60010),
        (json!({ "id": 1, "parentid": 2 }), 60007),
        (json!({ "id": id, "name": "华东销售一部", "order": 7 }), 0),
    ] {
        let answer = sync.post("department/update", body.clone()).await;
        assert_eq!(code(&answer), expected, "{body}: {answer}");
    }
    let told = app.get(&format!("department/get?id={id}")).await;
    assert_eq!(
        told["department"],
        json!({
            "id": id, "name": "华东销售一部", "name_en": "East Sales", "department_leader": [],
            "parentid": 10, "order": 7,
        })
    );
    for (path, expected) in [
        ("department/delete".to_owned(), 40058),
        ("department/delete?id=1".to_owned(), 60007),
        ("department/delete?id=10".to_owned(), 60005),
        (format!("department/delete?id={id}"), 60006),
        (format!("department/delete?id={sub}"), 0),
        (format!("department/delete?id={sub}"), 60003),
    ] {
        let answer = sync.get(&path).await;
        assert_eq!(code(&answer), expected, "{path}: {answer}");
    }
}

#[actix_web::test]
async fn no_more_than_fifteen_levels_of_departments() {
    let sim = start(1, 20);
    let sync = Client::new(&sim, &sim.sync_secret).await;
    let mut parent = json!(1);
    for level in 2..=16 {
        let body = json!({ "name": "下级", "parentid": parent });
        let made = sync.post("department/create", body).await;
        assert_eq!(code(&made), if level <= 15 { 0 } else { 81002 }, "{level}");
        parent = made["id"].clone();
    }
}

#[actix_web::test]
async fn what_calls_changed_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        Simulator::start(SimOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 9,
            customers: 40,
            chats: ArchiveOptions::default(),
            now: NOW,
            dir: Some(dir.path().to_owned()),
        })
        .unwrap()
    };
    let first = run();
    let sync = Client::new(&first, &first.sync_secret).await;
    let made = sync
        .post(
            "department/create",
            json!({ "name": "甲", "parentid": 1, "id": 77 }),
        )
        .await;
    assert_eq!(code(&made), 0);
    assert!(first.member_joins("xinren", "新人", 77));
    assert_eq!(code(&sync.get("department/delete?id=106").await), 60005);
    let moved = json!({ "id": 77, "parentid": 2 });
    assert_eq!(code(&sync.post("department/update", moved).await), 0);
    drop(sync);
    drop(first);
    let second = run();
    let app = Client::app(&second).await;
    let told = app.get("department/get?id=77").await;
    assert_eq!(told["department"]["parentid"], 2);
    assert_eq!(
        app.get("user/get?userid=xinren").await["department"],
        json!([77])
    );
}
