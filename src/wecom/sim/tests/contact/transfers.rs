//! Inheritance in service and after leaving.

use std::net::SocketAddr;

use serde_json::json;

use super::{
    super::super::{
        ArchiveOptions, CodeVerb, ContactVerb, SimHandle, SimOptions, Simulator, Trait,
    },
    NOW, NOW_S, Raw, Receiver, client, expect, refused, relations, start, texts,
};
use crate::wecom::{Client, Service, Transfer, event::CustomerChange};

const DAY_MS: i64 = 86_400_000;

fn transfer(from: &str, to: &str, ids: &[&str]) -> Transfer {
    Transfer {
        handover_userid: from.to_owned(),
        takeover_userid: to.to_owned(),
        external_userid: texts(ids),
        transfer_success_msg: None,
    }
}

fn set(sim: &SimHandle, userid: &str, what: Trait, on: bool) {
    let userid = userid.to_owned();
    sim.act(CodeVerb::SetTrait { userid, what, on }).unwrap();
}

async fn codes(client: &Client, transfer: &Transfer) -> Vec<i64> {
    let started = client.transfer_customers(Service::Active, transfer).await;
    started.unwrap().iter().map(|s| s.errcode).collect()
}

#[actix_web::test]
async fn a_customer_passes_on_after_a_day_unless_refused() {
    let sim = start(1, 60);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let [stays, goes, full] = ["甲", "乙", "丙"].map(|name| sim.add_customer("zhoumin", name));
    assert!(sim.set_remark("zhoumin", &goes, "老客户"));
    receiver.events(&sim).await;
    let ids = [stays.as_str(), goes.as_str(), full.as_str(), "wmnone"];
    let to = transfer("zhoumin", "sunlili", &ids);
    assert_eq!(codes(&client, &to).await, [0, 0, 0, 40096]);
    assert_eq!(
        codes(&client, &to).await,
        [40100, 40100, 40100, 40096],
        "waits already"
    );
    let elsewhere = transfer("zhoumin", "renjie", &ids[..1]);
    assert_eq!(codes(&client, &elsewhere).await, [40129]);
    let states = || {
        client
            .transfer_states(Service::Active, "zhoumin", "sunlili")
            .all()
    };
    let waiting = states().await.unwrap();
    assert!(
        waiting
            .iter()
            .all(|s| s.status == 2 && s.takeover_time == NOW_S + 86_400)
    );
    assert_eq!(receiver.events(&sim).await, []);

    sim.act(ContactVerb::RefuseTransfer {
        external_userid: stays.clone(),
    })
    .unwrap();
    let failed = relations(receiver.events(&sim).await);
    let reason = |reason: &str| CustomerChange::TransferFailed {
        reason: reason.to_owned(),
    };
    assert_eq!(
        failed,
        [(
            "sunlili".to_owned(),
            stays.clone(),
            reason("customer_refused")
        )]
    );
    sim.act(ContactVerb::AcceptTransfer {
        external_userid: goes.clone(),
    })
    .unwrap();
    let moved = relations(receiver.events(&sim).await);
    let source = Some("DELETE_BY_TRANSFER".to_owned());
    assert_eq!(
        moved[0],
        (
            "zhoumin".to_owned(),
            goes.clone(),
            CustomerChange::DeletedByMember { source }
        )
    );
    assert_eq!((&*moved[1].0, &moved[1].1), ("sunlili", &goes));
    set(&sim, "sunlili", Trait::Full, true);
    sim.clock().advance_ms(DAY_MS);
    sim.pass_time();
    let failed = relations(receiver.events(&sim).await);
    assert_eq!(failed[0].2, reason("customer_limit_exceed"));
    let mut status: Vec<(String, i64)> = states()
        .await
        .unwrap()
        .into_iter()
        .map(|s| (s.external_userid, s.status))
        .collect();
    status.sort();
    let mut expected = vec![(stays.clone(), 3), (goes.clone(), 1), (full.clone(), 4)];
    expected.sort();
    assert_eq!(status, expected);
    let detail = client.customer(&goes).await.unwrap().unwrap();
    let info = &detail.follow_user[0];
    assert_eq!((&*info.userid, &*info.remark), ("sunlili", "老客户"));
    assert_eq!((info.add_way, &*info.oper_userid), (201, "zhoumin"));
    receiver.stop().await;
}

#[actix_web::test]
async fn bad_transfers_get_the_named_errcodes() {
    let sim = start(1, 60);
    let client = client(&sim);
    let id = sim.add_customer("zhoumin", "甲");
    let id = id.as_str();
    for (what, expected) in [(Trait::Full, 40099), (Trait::Banned, 40143)] {
        set(&sim, "renjie", what, true);
        assert_eq!(
            codes(&client, &transfer("zhoumin", "renjie", &[id])).await,
            [expected]
        );
        set(&sim, "renjie", what, false);
    }
    assert_eq!(
        codes(&client, &transfer("sunlili", "renjie", &[id])).await,
        [40131]
    );
    // Passed on twice within ninety days, and no third time.
    for (from, to) in [("zhoumin", "renjie"), ("renjie", "sunlili")] {
        assert_eq!(codes(&client, &transfer(from, to, &[id])).await, [0]);
        sim.clock().advance_ms(DAY_MS);
    }
    assert_eq!(
        codes(&client, &transfer("sunlili", "zhoumin", &[id])).await,
        [40128]
    );
    sim.clock().advance_ms(90 * DAY_MS);
    assert_eq!(
        codes(&client, &transfer("sunlili", "zhoumin", &[id])).await,
        [0]
    );
    assert!(sim.remove_relation("sunlili", id));
    sim.clock().advance_ms(DAY_MS);
    let gone = client
        .transfer_states(Service::Active, "sunlili", "zhoumin")
        .all()
        .await;
    assert_eq!(
        gone.unwrap()[0].status,
        5,
        "the relation was gone before its time"
    );
    assert_eq!(
        codes(&client, &transfer("sunlili", "zhoumin", &[id])).await,
        [84061]
    );

    let raw = Raw::app(&sim).await;
    set(&sim, "renjie", Trait::NotRealNamed, true);
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({
            "handover_userid": "zhoumin", "takeover_userid": "sunlili", "external_userid": [id],
        });
        body[field] = value;
        body
    };
    let cases = vec![
        (with("handover_userid", json!("")), 41009),
        (with("takeover_userid", json!("")), 41009),
        (with("takeover_userid", json!("zhoumin")), 40130),
        (with("external_userid", json!([])), 40058),
        (with("external_userid", json!(vec![id; 101])), 40058),
        (with("transfer_success_msg", json!("长".repeat(201))), 40058),
        (with("handover_userid", json!("nobody")), 60111),
        (with("takeover_userid", json!("renjie")), 40098),
        (with("takeover_userid", json!("shenjiayi")), 84083),
    ];
    expect(&raw, "externalcontact/transfer_customer", cases).await;
    let cases = vec![(with("handover_userid", json!("zhoumin")), 40097)];
    expect(&raw, "externalcontact/resigned/transfer_customer", cases).await;
}

#[actix_web::test]
async fn customers_of_whoever_left_wait_for_an_heir() {
    let sim = start(1, 60);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let mine = sim.customers_of("zhoumin");
    sim.clock().advance_ms(5000);
    assert!(sim.member_leaves("zhoumin"));
    receiver.events(&sim).await;
    let waiting = client.unassigned_customers().all().await.unwrap();
    assert_eq!(waiting.len(), mine.len());
    assert!(
        waiting
            .iter()
            .all(|u| u.handover_userid == "zhoumin" && u.dimission_time == NOW_S + 5)
    );
    let raw = Raw::app(&sim).await;
    let path = "externalcontact/get_unassigned_list";
    let old = raw
        .post(path, json!({ "page_id": 1, "page_size": 2 }))
        .await;
    let new = raw.post(path, json!({ "page_size": 2 })).await;
    let next = json!({ "page_size": 2, "cursor": new["next_cursor"], "page_id": 7 });
    assert_eq!(
        raw.post(path, next).await["info"],
        old["info"],
        "the cursor wins"
    );
    assert_eq!(new["is_last"], mine.len() <= 2);
    let cases = vec![
        (json!({ "page_size": 1001 }), 40058),
        (json!({ "page_id": 50, "page_size": 1000 }), 40058),
    ];
    expect(&raw, path, cases).await;

    let ids: Vec<&str> = mine.iter().map(String::as_str).take(2).collect();
    let to = transfer("zhoumin", "sunlili", &ids);
    let started = client
        .transfer_customers(Service::Resigned, &to)
        .await
        .unwrap();
    assert!(started.iter().all(|s| s.errcode == 0));
    sim.clock().advance_ms(DAY_MS);
    sim.pass_time();
    let told = relations(receiver.events(&sim).await);
    assert!(
        told.iter()
            .all(|t| t.0 == "sunlili" && matches!(t.2, CustomerChange::Added { .. }))
    );
    let states = client
        .transfer_states(Service::Resigned, "zhoumin", "sunlili")
        .all()
        .await;
    assert!(states.unwrap().iter().all(|s| s.status == 1));
    let waiting = client.unassigned_customers().all().await.unwrap();
    assert_eq!(waiting.len(), mine.len() - ids.len());
    let detail = client.customer(ids[0]).await.unwrap().unwrap();
    let heir = detail
        .follow_user
        .iter()
        .find(|f| f.userid == "sunlili")
        .unwrap();
    assert_eq!((heir.add_way, &*heir.oper_userid), (202, "zhoumin"));
    let again = client
        .transfer_customers(Service::Resigned, &to)
        .await
        .unwrap();
    assert!(
        again.iter().all(|s| s.errcode == 40131),
        "passed on already"
    );
    let unknown = transfer("nobody", "sunlili", &ids);
    let answer = client.transfer_customers(Service::Resigned, &unknown).await;
    assert_eq!(refused(answer), 60111);
    set(&sim, "renjie", Trait::Dormant, true);
    assert!(sim.member_leaves("renjie"));
    let dormant = transfer("renjie", "sunlili", &ids);
    let answer = client.transfer_customers(Service::Resigned, &dormant).await;
    assert_eq!(refused(answer), 40205);
    receiver.stop().await;
}

#[actix_web::test]
async fn groups_pass_on_at_once_in_service_and_soon_after_leaving() {
    let sim = start(1, 60);
    let client = client(&sim);
    let mut owned = Vec::new();
    for chat in sim.chat_ids() {
        if client.group(&chat).await.unwrap().unwrap().owner == "zhoumin" {
            owned.push(chat);
        }
    }
    let chat = texts(&[&owned[0], "wrnone"]);
    let codes = |failed: Vec<crate::wecom::FailedGroup>| -> Vec<i64> {
        failed.iter().map(|f| f.errcode).collect()
    };
    let active = Service::Active;
    let failed = client
        .transfer_groups(active, &chat, "sunlili")
        .await
        .unwrap();
    assert_eq!(codes(failed), [90501]);
    let group = client.group(&chat[0]).await.unwrap().unwrap();
    assert_eq!(group.owner, "sunlili");
    let one = &chat[..1];
    let failed = client
        .transfer_groups(active, one, "sunlili")
        .await
        .unwrap();
    assert_eq!(codes(failed), [90504]);
    let failed = client
        .transfer_groups(Service::Resigned, one, "renjie")
        .await
        .unwrap();
    assert_eq!(codes(failed), [90500]);
    assert!(
        client
            .transfer_groups(active, one, "zhoumin")
            .await
            .unwrap()
            .is_empty()
    );
    let failed = client
        .transfer_groups(active, one, "sunlili")
        .await
        .unwrap();
    assert_eq!(codes(failed), [40128], "twice in ninety days");
    assert!(sim.member_leaves("zhoumin"));
    let failed = client
        .transfer_groups(active, one, "sunlili")
        .await
        .unwrap();
    assert_eq!(codes(failed), [90502]);
    set(&sim, "renjie", Trait::Dormant, true);
    let failed = client
        .transfer_groups(Service::Resigned, one, "renjie")
        .await
        .unwrap();
    assert_eq!(codes(failed), [90510]);
    assert!(
        client
            .transfer_groups(Service::Resigned, one, "sunlili")
            .await
            .unwrap()
            .is_empty()
    );
    let again = || client.transfer_groups(Service::Resigned, one, "panxiuying");
    assert_eq!(codes(again().await.unwrap()), [90507], "on its way");
    sim.clock().advance_ms(2000);
    assert_eq!(codes(again().await.unwrap()), [90508]);
    let raw = Raw::app(&sim).await;
    for path in ["transfer", "onjob_transfer"] {
        let cases = vec![
            (json!({ "chat_id_list": [], "new_owner": "sunlili" }), 40058),
            (
                json!({ "chat_id_list": vec!["wr"; 101], "new_owner": "sunlili" }),
                40058,
            ),
            (json!({ "chat_id_list": one }), 41009),
            (json!({ "chat_id_list": one, "new_owner": "nobody" }), 60111),
            (
                json!({ "chat_id_list": one, "new_owner": "shenjiayi" }),
                84083,
            ),
        ];
        expect(&raw, &format!("externalcontact/groupchat/{path}"), cases).await;
    }
}

#[actix_web::test]
async fn a_group_full_of_wechat_members_takes_no_owner_from_outside() {
    let sim = start(1, 60);
    let client = client(&sim);
    sim.act(CodeVerb::SetLimit {
        name: "group_wechat_members".to_owned(),
        max: 1,
    })
    .unwrap();
    for chat in sim.chat_ids() {
        let group = client.group(&chat).await.unwrap().unwrap();
        if group.owner != "zhoumin" {
            continue;
        }
        let one = [chat];
        let failed = client
            .transfer_groups(Service::Active, &one, "renjie")
            .await
            .unwrap();
        assert_eq!(failed[0].errcode, 90503);
        return;
    }
    panic!("no group");
}

/// What was begun, and what time has made of it, outlives the process.
#[actix_web::test]
async fn transfers_outlive_the_process() {
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
    let ids = ["甲", "乙"].map(|name| first.add_customer("zhoumin", name));
    let early = client(&first);
    assert_eq!(
        codes(&early, &transfer("zhoumin", "sunlili", &[&ids[0]])).await,
        [0]
    );
    first.clock().advance_ms(DAY_MS / 2);
    assert_eq!(
        codes(&early, &transfer("zhoumin", "sunlili", &[&ids[1]])).await,
        [0]
    );
    first.clock().advance_ms(DAY_MS / 2);
    assert!(first.set_remark("zhoumin", &ids[1], "还没走"));
    drop(early);
    drop(first);
    let second = run();
    let late = client(&second);
    let states = || {
        late.transfer_states(Service::Active, "zhoumin", "sunlili")
            .all()
    };
    let of = |states: Vec<crate::wecom::TransferState>, id: &str| {
        states
            .into_iter()
            .find(|s| s.external_userid == id)
            .unwrap()
            .status
    };
    assert_eq!(of(states().await.unwrap(), &ids[0]), 1);
    assert_eq!(of(states().await.unwrap(), &ids[1]), 2);
    second.clock().advance_ms(DAY_MS / 2);
    assert_eq!(of(states().await.unwrap(), &ids[1]), 1);
    assert!(second.customers_of("sunlili").contains(&ids[1]));
}
