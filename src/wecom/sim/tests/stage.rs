//! The stage over HTTP, and a firm that outlives its process.

use std::{fs, io::Write, net::SocketAddr, path::Path};

use serde_json::{Value, json};

use super::{
    super::{ArchiveOptions, SimHandle, SimOptions, Simulator},
    Client, NOW, code, start,
};

async fn post(client: &Client<'_>, path: &str, body: Value) -> Value {
    let url = format!("{}{path}", client.sim.stage_url());
    client
        .http
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[actix_web::test]
async fn programs_act_by_json() {
    let sim = start(1, 20);
    let client = Client::app(&sim).await;
    let deed = json!({ "do": "add_customer", "userid": "zhoumin", "name": "新客" });
    let done = post(&client, "/do", deed).await;
    let id = done["id"].as_str().unwrap().to_owned();
    assert!(
        done["ok"] == true && sim.customers_of("zhoumin").contains(&id),
        "{done}"
    );
    let refused = post(
        &client,
        "/do",
        json!({ "do": "member_leaves", "userid": "nobody" }),
    )
    .await;
    assert_eq!(refused, json!({ "ok": false, "refused": "unknown_member" }));
    let bad = post(&client, "/do", json!({ "do": "fly" })).await;
    assert_eq!(bad["refused"], "bad_value");
    let dial = json!({ "on": "api", "fault": "errcode:45009", "place": "department/list" });
    assert_eq!(post(&client, "/faults", dial).await["ok"], true);
    assert_eq!(code(&client.get("department/list").await), 45009);
    let off = json!({ "on": "api", "fault": "" });
    assert_eq!(post(&client, "/faults", off).await["ok"], true);
    assert_eq!(code(&client.get("department/list").await), 0);
    let unverified = post(
        &client,
        "/callback",
        json!({ "url": "http://127.0.0.1:1/x" }),
    )
    .await;
    assert_eq!(unverified["ok"], false, "{unverified}");
    let url = format!("{}/state", sim.stage_url());
    let state: Value = client
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&state["callback_url"], &state["faults"]),
        (&Value::Null, &json!([]))
    );
}

#[actix_web::test]
async fn people_act_by_forms_without_script() {
    let sim = start(1, 20);
    let client = Client::app(&sim).await;
    let form = [
        ("do", "member_joins"),
        ("userid", "xinren"),
        ("name", "新人"),
        ("department", "101"),
    ];
    let to = format!("{}/do", sim.stage_url());
    let shown = client.http.post(&to).form(&form).send().await.unwrap();
    assert_eq!(
        shown.url().query(),
        Some("note=done"),
        "sent back to the page"
    );
    let page = shown.text().await.unwrap();
    assert!(page.contains("新人 · xinren") && page.contains("完成"));
    assert!(!page.contains("<script") && !page.contains(" style="));
    let english = client
        .http
        .get(format!("{}?lang=en&note=unknown_tag", sim.stage_url()));
    let english = english.send().await.unwrap().text().await.unwrap();
    assert!(english.contains("There is no such tag") && english.contains("lang=\"en\""));
    let other = client
        .http
        .post(&to)
        .form(&form)
        .header("sec-fetch-site", "cross-site");
    let other = other.send().await.unwrap();
    assert_eq!(other.url().query(), Some("note=another_site"));
    let evil = client.http.get(format!("{}?note=%3Cb%3E", sim.stage_url()));
    assert!(
        !evil
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("<b>")
    );
}

fn run(dir: &Path) -> SimHandle {
    Simulator::start(SimOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        seed: 9,
        customers: 40,
        chats: ArchiveOptions::default(),
        now: NOW,
        dir: Some(dir.to_owned()),
    })
    .unwrap()
}

#[actix_web::test]
async fn a_restart_goes_on_where_the_firm_was() {
    let dir = tempfile::tempdir().unwrap();
    let first = run(dir.path());
    let added = first.add_customer("zhoumin", "新客");
    let tag = first.add_tag("新组", "新签");
    assert!(first.set_tags("zhoumin", &added, std::slice::from_ref(&tag)));
    first.clock().advance_ms(60_000);
    assert!(first.member_leaves("sunlili") && first.member_joins("xinren", "新人", 101));
    let (time, customers) = (first.clock().now(), first.customers_of("zhoumin"));
    // As when killed: no goodbye, and half a line at the end.
    drop(first);
    let journal = dir.path().join("journal.jsonl");
    let whole = fs::read(&journal).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&journal).unwrap();
    file.write_all(br#"{"at":1795000060000,"deed":{"do":"member_lea"#)
        .unwrap();

    let second = run(dir.path());
    assert_eq!(second.clock().now(), time, "time does not go back");
    assert_eq!(second.customers_of("zhoumin"), customers);
    let client = Client::app(&second).await;
    let card = client
        .get(&format!("externalcontact/get?external_userid={added}"))
        .await;
    assert_eq!(card["follow_user"][0]["tags"][0]["tag_id"], json!(tag));
    assert_eq!(code(&client.get("user/get?userid=sunlili").await), 60111);
    assert_eq!(code(&client.get("user/get?userid=xinren").await), 0);
    assert_eq!(fs::read(&journal).unwrap(), whole, "half a deed is gone");
    assert!(second.member_leaves("xinren"));
    drop(second);
    let third = run(dir.path());
    assert!(!third.member_leaves("xinren"), "left already");
}

#[actix_web::test]
async fn a_token_dies_in_the_middle_as_told() {
    let sim = start(1, 20);
    let client = Client::app(&sim).await;
    let dial = json!({ "on": "api", "fault": "expired_token", "every": "2" });
    assert_eq!(post(&client, "/faults", dial).await["ok"], true);
    assert_eq!(code(&client.get("department/list").await), 0);
    assert_eq!(code(&client.get("department/list").await), 42001);
    sim.clear_faults();
    assert_eq!(
        code(&client.get("department/list").await),
        42001,
        "dead for good"
    );
}

/// What apps have begun stands on the page, and people go on with it.
#[actix_web::test]
async fn people_play_customer_contact_by_forms() {
    let sim = start(1, 20);
    let client = Client::app(&sim).await;
    let way = json!({
        "type": 2, "scene": 2, "remark": "三月展会", "skip_verify": false, "user": ["zhoumin"],
    });
    let way = client.post("externalcontact/add_contact_way", way).await;
    let broadcast = json!({ "sender": "zhoumin", "text": { "content": "春茶到店" } });
    let made = client
        .post("externalcontact/add_msg_template", broadcast)
        .await;
    assert_eq!((code(&way), code(&made)), (0, 0));
    let page = async || {
        let shown = client.http.get(sim.stage_url()).send().await.unwrap();
        shown.text().await.unwrap()
    };
    let act = async |form: &[(&str, &str)]| {
        let to = format!("{}/do", sim.stage_url());
        let shown = client.http.post(to).form(form).send().await.unwrap();
        shown.url().query().unwrap().to_owned()
    };
    let config_id = way["config_id"].as_str().unwrap();
    // The page that a scan opens leaves the stage usable behind it.
    for (code, deed) in [(config_id, "scan_contact_way"), ("nothing", "已失效")] {
        let opens = format!("{}/scan?code={code}", sim.stage_url());
        let opened = client.http.get(opens).send().await.unwrap();
        assert!(opened.text().await.unwrap().contains(deed), "{code}");
    }
    let shown = page().await;
    assert!(shown.contains("三月展会 · zhoumin") && shown.contains("春茶到店"));
    let scan = [
        ("do", "scan_contact_way"),
        ("config_id", config_id),
        ("name", "来客"),
        ("external_userid", ""),
    ];
    let done = act(&scan).await;
    let request = done.rsplit('=').next().unwrap();
    let shown = page().await;
    assert!(shown.contains("来客 → zhoumin") && shown.contains(request));
    let accept = [("do", "accept_request"), ("request", request)];
    assert!(act(&accept).await.starts_with("note=done"));
    assert!(!page().await.contains("来客 → zhoumin"));
    let msgid = made["msgid"].as_str().unwrap();
    let send = [
        ("do", "send_broadcast"),
        ("msgid", msgid),
        ("userid", "zhoumin"),
    ];
    assert_eq!(act(&send).await, "note=done");
    assert_eq!(act(&send).await, "note=unknown_object");
    for form in [
        [("do", "set_habit"), ("of", "moments"), ("habit", "now")],
        [("do", "set_trait"), ("userid", "zhoumin"), ("what", "full")],
        [("do", "set_broadcast_cap"), ("cap", "month"), ("x", "")],
    ] {
        assert_eq!(act(&form).await, "note=done", "{form:?}");
    }
}
