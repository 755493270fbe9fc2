//! Acquisition links, and strangers who come by them.

use serde_json::json;

use super::{
    super::super::{CodeVerb, ContactVerb},
    NOW_S, Raw, Receiver, client, code, expect, refused, start, texts,
};
use crate::wecom::{
    LinkSettings, Priority, Senders,
    event::{AcquisitionEvent, CustomerChange, Event},
};

const CREATE: &str = "externalcontact/customer_acquisition/create_link";

fn link(users: &[&str]) -> LinkSettings {
    LinkSettings {
        link_name: Some("短信拉新".to_owned()),
        range: Some(Senders {
            user_list: texts(users),
            department_list: vec![],
        }),
        ..LinkSettings::default()
    }
}

fn open(link_id: &str, channel: &str) -> ContactVerb {
    ContactVerb::OpenLink {
        link_id: link_id.to_owned(),
        name: "路人".to_owned(),
        channel: channel.to_owned(),
    }
}

#[actix_web::test]
async fn links_are_made_read_changed_and_deleted() {
    let sim = start(1, 40);
    let client = client(&sim);
    let made = client
        .create_acquisition_link(&link(&["zhoumin"]))
        .await
        .unwrap();
    assert!(made.link_id.starts_with("ca") && made.url.ends_with(&made.link_id));
    let told = client.acquisition_link(&made.link_id).await.unwrap();
    assert_eq!(
        (&*told.link.link_name, told.link.skip_verify),
        ("短信拉新", true)
    );
    let change = LinkSettings {
        range: Some(Senders {
            user_list: vec![],
            department_list: vec![103],
        }),
        skip_verify: Some(false),
        priority_option: Some(Priority {
            priority_type: 2,
            priority_userid_list: texts(&["zhoumin"]),
        }),
        ..LinkSettings::default()
    };
    client
        .update_acquisition_link(&made.link_id, &change)
        .await
        .unwrap();
    let told = client.acquisition_link(&made.link_id).await.unwrap();
    assert!(told.range == change.range.unwrap() && !told.link.skip_verify);
    assert_eq!(told.priority_option, change.priority_option);
    let all = client.acquisition_links().all().await.unwrap();
    assert_eq!(all, texts(&[&made.link_id]));
    assert!(client.delete_acquisition_link(&made.link_id).await.unwrap());
    assert!(!client.delete_acquisition_link(&made.link_id).await.unwrap());

    let raw = Raw::app(&sim).await;
    let range = json!({ "user_list": ["zhoumin"] });
    let cases = vec![
        (json!({ "range": range }), 40063),
        (
            json!({ "link_name": "长".repeat(31), "range": range }),
            40058,
        ),
        (json!({ "link_name": "x" }), 40063),
        (
            json!({ "link_name": "x", "range": { "user_list": ["nobody"] } }),
            60111,
        ),
        (
            json!({ "link_name": "x", "range": { "user_list": ["shenjiayi"] } }),
            84083,
        ),
        (
            json!({ "link_name": "x", "range": { "department_list": [999] } }),
            60003,
        ),
        (
            json!({ "link_name": "x", "range": range, "priority_option": { "priority_type": 3 } }),
            40058,
        ),
        (
            json!({ "link_name": "x", "range": range, "priority_option": { "priority_type": 2 } }),
            40058,
        ),
        (
            json!({ "link_name": "x", "range": range, "priority_option": { "priority_type": 1 } }),
            0,
        ),
    ];
    expect(&raw, CREATE, cases).await;
    let limit = CodeVerb::SetLimit {
        name: "links".to_owned(),
        max: 1,
    };
    sim.act(limit).unwrap();
    assert_eq!(
        refused(client.create_acquisition_link(&link(&["zhoumin"])).await),
        41095
    );
    let contact = Raw::new(&sim, &sim.contact_secret).await;
    assert_eq!(
        code(&contact.post(CREATE, json!({})).await),
        48002,
        "not with this secret"
    );
    for call in ["get", "update_link", "delete_link", "customer", "statistic"] {
        let path = format!("externalcontact/customer_acquisition/{call}");
        let cases = vec![(json!({}), 40063), (json!({ "link_id": "canone" }), 40058)];
        expect(&raw, &path, cases).await;
    }
}

#[actix_web::test]
async fn strangers_come_by_links_and_cost_the_firm() {
    let sim = start(1, 40);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let id = client
        .create_acquisition_link(&link(&["zhoumin"]))
        .await
        .unwrap()
        .link_id;
    let who = sim.act(open(&id, "sms-03")).unwrap().unwrap();
    let events = receiver.events(&sim).await;
    let state = Some("sms-03".to_owned());
    let (link_id, told) = (id.clone(), state.clone());
    let opened = AcquisitionEvent::ProfileOpened {
        link_id: link_id.clone(),
        state: told.clone(),
    };
    let asked = AcquisitionEvent::FriendRequested {
        link_id: link_id.clone(),
        state: told,
    };
    assert_eq!(
        events[..2],
        [Event::Acquisition(opened), Event::Acquisition(asked)]
    );
    let Event::Customer(added) = &events[2] else {
        panic!("{events:?}")
    };
    assert!(matches!(&added.change, CustomerChange::Added { state: s, .. } if *s == state));
    let detail = client.customer(&who).await.unwrap().unwrap();
    assert_eq!(
        (detail.follow_user[0].add_way, &*detail.follow_user[0].state),
        (16, "sms-03")
    );
    let quota = client.acquisition_quota().await.unwrap();
    assert_eq!(
        (quota.total, quota.balance, quota.quota_list.len()),
        (1000, 999, 1)
    );

    let customers = || client.acquisition_customers(&id).all();
    assert_eq!(customers().await.unwrap()[0].chat_status, 0);
    let write = ContactVerb::WriteByLink {
        external_userid: who.clone(),
    };
    sim.act(write.clone()).unwrap();
    sim.act(write).unwrap();
    let events = receiver.events(&sim).await;
    let [
        Event::Acquisition(AcquisitionEvent::ChatStarted {
            userid,
            external_userid,
        }),
        Event::Acquisition(AcquisitionEvent::MessageFromCustomer { .. }),
        Event::Acquisition(AcquisitionEvent::MessageFromCustomer {
            chat_key, chat_seq, ..
        }),
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (&**userid, external_userid, chat_seq),
        ("zhoumin", &who, &Some(2))
    );
    let chat_key = chat_key.clone().unwrap();
    let chat = client.acquisition_chat(&chat_key).await.unwrap();
    assert_eq!(
        (&chat.external_userid, chat.chat_info.recv_msg_cnt),
        (&who, 2)
    );
    assert_eq!(
        (&chat.chat_info.link_id, &*chat.chat_info.state),
        (&id, "sms-03")
    );
    let row = customers().await.unwrap().remove(0);
    assert_eq!((row.chat_status, &*row.state), (1, "sms-03"));
    sim.clock().advance_ms(31 * 60_000);
    assert_eq!(
        refused(client.acquisition_chat(&chat_key).await),
        40058,
        "for half an hour"
    );
    let figures = client.acquisition_figures(&id, NOW_S, NOW_S).await.unwrap();
    assert_eq!(
        (figures.click_link_customer_cnt, figures.new_customer_cnt),
        (1, 1)
    );
    let long = client
        .acquisition_figures(&id, NOW_S - 31 * 86_400, NOW_S)
        .await;
    assert_eq!(refused(long), 40058);
    assert!(sim.remove_relation("zhoumin", &who));
    assert_eq!(customers().await.unwrap()[0].chat_status, 2, "gone");
    receiver.events(&sim).await;

    for (balance, event) in [
        (20, AcquisitionEvent::BalanceLow),
        (1, AcquisitionEvent::BalanceExhausted),
    ] {
        sim.act(ContactVerb::SetLinkBalance { balance }).unwrap();
        sim.act(open(&id, "")).unwrap();
        assert_eq!(
            receiver.events(&sim).await.pop(),
            Some(Event::Acquisition(event))
        );
    }
    sim.act(ContactVerb::LinkQuotaEnds { quota: 64 }).unwrap();
    let soon = AcquisitionEvent::QuotaExpiresSoon {
        expires_at: Some(sim.clock().now().ms() / 1000 + 7 * 86_400),
        quota: Some(64),
    };
    assert_eq!(receiver.event(&sim).await, Event::Acquisition(soon));
    assert!(sim.act(open(&id, "")).is_err(), "nothing left to pay with");
    for (deleted, event) in [
        (
            false,
            AcquisitionEvent::LinkUnavailable {
                link_id: id.clone(),
            },
        ),
        (
            true,
            AcquisitionEvent::LinkDeleted {
                link_id: id.clone(),
            },
        ),
    ] {
        let link_id = id.clone();
        sim.act(ContactVerb::BreakLink { link_id, deleted })
            .unwrap();
        assert_eq!(receiver.event(&sim).await, Event::Acquisition(event));
    }
    receiver.stop().await;
}
