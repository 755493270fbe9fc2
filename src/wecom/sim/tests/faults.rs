//! Faults strike where and as they are told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{super::Fault, Client, code, start};

#[actix_web::test]
async fn errcodes_are_injected_where_and_as_often_as_told() {
    let sim = start(1, 50);
    let client = Client::app(&sim).await;
    sim.inject(Some("department/list"), 2, Fault::Errcode(45009));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(code(&client.get("department/list").await));
        assert_eq!(code(&client.get("department/simplelist").await), 0);
    }
    assert_eq!(codes, [0, 45009, 0, 45009]);
    sim.clear_faults();
    assert_eq!(code(&client.get("department/list").await), 0);
}

#[actix_web::test]
async fn answers_break_as_told() {
    let sim = start(1, 50);
    let client = Client::app(&sim).await;
    let url = client.url("department/list");
    sim.inject(None, 1, Fault::Status(502));
    assert_eq!(client.http.get(&url).send().await.unwrap().status(), 502);
    sim.clear_faults();
    sim.inject(None, 1, Fault::HalfBody);
    let response = client.http.get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the body breaks off");
    sim.clear_faults();
    sim.inject(None, 1, Fault::WrongTypes);
    let twisted = client.get("department/list").await;
    assert_eq!(code(&twisted), 0);
    assert!(twisted["department"][0]["name"].is_number());
    sim.clear_faults();
    sim.inject(None, 1, Fault::UnknownFields);
    let extended = client.get("department/list").await;
    assert!(extended["department"][0]["x_new_field"].is_object());
    assert_eq!(extended["department"][0]["name"], "云岭茶业");
}

#[actix_web::test]
async fn cursors_loop_and_pages_shift_as_told() {
    let sim = start(1, 200);
    let client = Client::app(&sim).await;
    let (plain, _) = client.batch(&["zhoumin"], 10).await;
    sim.inject(None, 1, Fault::ShiftingPages);
    let (shifted, pages) = client.batch(&["zhoumin"], 10).await;
    assert!(pages > 1 && shifted.len() > plain.len(), "rows come twice");
    let unique: BTreeSet<_> = shifted.into_iter().collect();
    assert_eq!(unique, plain.into_iter().collect());
    sim.clear_faults();

    sim.inject(None, 1, Fault::LoopingCursor);
    let mut firsts = Vec::new();
    let mut cursor = Value::from("");
    for _ in 0..12 {
        let body = json!({ "userid_list": ["zhoumin"], "limit": 50, "cursor": cursor });
        let page = client.post("externalcontact/batch/get_by_user", body).await;
        firsts
            .push(page["external_contact_list"][0]["external_contact"]["external_userid"].clone());
        cursor = page["next_cursor"].clone();
        assert_ne!(cursor, "");
    }
    assert!(
        firsts[1..].contains(&firsts[0]),
        "the first page comes again"
    );
}

#[actix_web::test]
async fn an_empty_page_in_between_loses_nothing() {
    let sim = start(1, 200);
    let client = Client::app(&sim).await;
    let (plain, pages) = client.batch(&["zhoumin"], 10).await;
    sim.inject(
        Some("externalcontact/batch/get_by_user"),
        1,
        Fault::EmptyPage,
    );
    let (rows, more_pages) = client.batch(&["zhoumin"], 10).await;
    assert_eq!((rows, more_pages), (plain, 2 * pages));
}

#[actix_web::test]
async fn shapes_change_as_told() {
    let sim = start(1, 50);
    let client = Client::app(&sim).await;
    sim.inject(None, 1, Fault::NumbersAsText);
    let answer = client.get("department/list").await;
    assert_eq!(
        (code(&answer), &answer["department"][0]["id"]),
        (0, &json!("1"))
    );
    sim.clear_faults();
    sim.inject(None, 1, Fault::MissingLists);
    assert_eq!(
        client.get("department/list").await,
        json!({ "errcode": 0, "errmsg": "ok" })
    );
    sim.clear_faults();
    sim.forget_tokens();
    assert_eq!(code(&client.get("department/list").await), 40014);
}
