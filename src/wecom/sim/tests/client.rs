//! What the product's own client makes of this server, on good days and bad ones.

use std::{collections::BTreeSet, time::Duration};

use super::{
    super::{Fault, SimHandle},
    start,
};
use crate::{
    kit::Secret,
    wecom::{
        Client, DepartmentChange, Error, NewDepartment, Patience, Settings,
        quota::{Governor, Urgency},
    },
};

pub(super) fn client(sim: &SimHandle) -> Client {
    let settings = Settings {
        base_url: sim.base_url.clone(),
        corpid: sim.corpid.clone(),
        app_secret: Secret::new(sim.app_secret.clone()),
        contact_secret: Some(Secret::new(sim.contact_secret.clone())),
        sync_secret: Some(Secret::new(sim.sync_secret.clone())),
        archive_secret: None,
        proxy: None,
    };
    let patience = Patience {
        waits: vec![Duration::ZERO; 3],
        timeout: Duration::from_secs(20),
    };
    let quota = Governor::new(sim.clock());
    Client::new(settings, patience, sim.clock(), quota).unwrap()
}

/// All external userids of all who serve customers.
async fn customers(client: &Client) -> Result<BTreeSet<String>, Error> {
    let staff = client.follow_users().await?;
    let mut found = BTreeSet::new();
    for userids in staff.chunks(100) {
        let mut pages = client.customers_of(userids);
        while let Some(rows) = pages.next().await? {
            found.extend(rows.into_iter().map(|r| r.external_contact.external_userid));
        }
    }
    Ok(found)
}

#[actix_web::test]
async fn the_whole_firm_is_read() {
    let sim = start(2, 400);
    let client = client(&sim);
    let departments = client.departments().await.unwrap();
    assert_eq!(departments.len(), 25);
    let mut members = BTreeSet::new();
    for department in &departments {
        let here = client.members(department.id).await.unwrap();
        members.extend(here.into_iter().map(|m| m.userid));
    }
    assert_eq!(members.len(), 60);
    assert_eq!(customers(&client).await.unwrap().len(), 400);
    assert_eq!(client.corp_tags().await.unwrap().len(), 4);
    let groups = client.groups().await.unwrap();
    let ids: Vec<String> = groups.into_iter().map(|g| g.chat_id).collect();
    assert_eq!(ids, sim.chat_ids());
    let group = client.group(&ids[0]).await.unwrap().unwrap();
    assert!(group.member_list.iter().all(|m| !m.name.is_empty()));
    assert!(client.member("nobody").await.unwrap().is_none());
    assert!(client.group("wrnone").await.unwrap().is_none());
    assert!(client.customer("wmnone").await.unwrap().is_none());
}

/// Somebody who has left in between hides nobody else's customers.
#[actix_web::test]
async fn one_unknown_member_hides_nobody() {
    let sim = start(2, 400);
    let client = client(&sim);
    let mut staff = client.follow_users().await.unwrap();
    let expected = customers(&client).await.unwrap();
    staff.insert(staff.len() / 2, "nobody".to_owned());
    let mut found = BTreeSet::new();
    let mut pages = client.customers_of(&staff);
    while let Some(rows) = pages.next().await.unwrap() {
        found.extend(rows.into_iter().map(|r| r.external_contact.external_userid));
    }
    assert_eq!(found, expected);
}

#[actix_web::test]
async fn passing_faults_lose_no_customer() {
    let sim = start(2, 400);
    let expected = customers(&client(&sim)).await.unwrap();
    for (every, fault) in [
        (2, Fault::Errcode(-1)),
        (3, Fault::Errcode(42001)),
        (3, Fault::Errcode(40014)),
        (2, Fault::Status(502)),
        (1, Fault::ShiftingPages),
        (2, Fault::EmptyPage),
        (1, Fault::UnknownFields),
        (1, Fault::NumbersAsText),
    ] {
        sim.inject(None, every, fault);
        let read = customers(&client(&sim)).await;
        assert_eq!(read.as_ref(), Ok(&expected), "{fault:?}");
        sim.clear_faults();
    }
    let client = client(&sim);
    assert_eq!(customers(&client).await.as_ref(), Ok(&expected));
    sim.expire_tokens();
    assert_eq!(
        customers(&client).await.as_ref(),
        Ok(&expected),
        "expired tokens"
    );
    sim.forget_tokens();
    assert_eq!(
        customers(&client).await.as_ref(),
        Ok(&expected),
        "tokens that died early"
    );
}

/// After a refusal for calling too often nothing of that API leaves before the time is over.
#[actix_web::test]
async fn no_call_is_made_within_a_penalty() {
    let sim = start(2, 50);
    let client = client(&sim);
    for (errcode, after_ms) in [(45009, 60_000), (45033, 5_000)] {
        sim.inject(
            Some("externalcontact/get_follow_user_list"),
            1,
            Fault::Errcode(errcode),
        );
        assert!(client.follow_users().await.is_err());
        sim.clear_faults();
        let calls = sim.calls();
        for urgency in [Urgency::Urgent, Urgency::Awaited, Urgency::Bulk] {
            let held = client.at(urgency).follow_users().await;
            assert!(matches!(held, Err(Error::Held { .. })), "{held:?}");
        }
        assert_eq!(sim.calls(), calls, "{errcode}");
        sim.clock().advance_ms(after_ms);
        assert!(client.follow_users().await.is_ok(), "{errcode}");
    }
}

/// An answer taken for "no customers" would let every customer vanish.
#[actix_web::test]
async fn lasting_faults_are_errors_and_never_an_empty_firm() {
    let sim = start(2, 400);
    for fault in [
        Fault::Errcode(-1),
        Fault::Errcode(60020),
        Fault::Errcode(48002),
        Fault::Status(502),
        Fault::HalfBody,
        Fault::WrongTypes,
        Fault::MissingLists,
        Fault::LoopingCursor,
    ] {
        sim.inject(None, 1, fault);
        assert!(customers(&client(&sim)).await.is_err(), "{fault:?}");
        sim.clear_faults();
    }
}

/// The sync ends the relations of a member whom the answer does not name.
#[actix_web::test]
async fn an_answer_without_followers_ends_no_relation() {
    let sim = start(2, 50);
    let mine = sim.customers_of("zhoumin");
    let client = client(&sim);
    let followers = client
        .customer(&mine[0])
        .await
        .unwrap()
        .unwrap()
        .follow_user;
    assert!(followers.iter().any(|f| f.userid == "zhoumin"));
    sim.inject(Some("externalcontact/get"), 1, Fault::MissingLists);
    let answer = client.customer(&mine[0]).await;
    assert!(matches!(answer, Err(Error::BadAnswer { .. })), "{answer:?}");
    sim.clear_faults();
    sim.inject(
        Some("externalcontact/groupchat/list"),
        1,
        Fault::MissingLists,
    );
    let answer = client.groups().await;
    assert!(matches!(answer, Err(Error::BadAnswer { .. })), "{answer:?}");
    sim.clear_faults();
    sim.inject(
        Some("externalcontact/batch/get_by_user"),
        1,
        Fault::MissingLists,
    );
    let answer = client.customers_of(&["zhoumin".to_owned()]).next().await;
    assert!(answer.is_err());
}

#[actix_web::test]
async fn departments_are_written_once_and_only_by_the_sync_assistant() {
    let sim = start(2, 20);
    let client = client(&sim);
    let department = NewDepartment {
        name: "华东销售".to_owned(),
        name_en: Some("East Sales".to_owned()),
        parentid: 10,
        order: Some(40),
        id: None,
    };
    let id = client.create_department(&department).await.unwrap();
    let change = DepartmentChange {
        id,
        name: Some("华东销售一部".to_owned()),
        ..DepartmentChange::default()
    };
    client.update_department(&change).await.unwrap();
    let read = client.departments().await.unwrap();
    let found = read.iter().find(|d| d.id == id).unwrap();
    assert_eq!(
        (found.name.as_str(), found.name_en.as_str(), found.order),
        ("华东销售一部", "East Sales", 40)
    );
    // An answer that was cut off is not asked for a second time.
    let calls = sim.calls();
    sim.inject(Some("department/delete"), 1, Fault::HalfBody);
    let cut = client.delete_department(id).await;
    assert!(matches!(cut, Err(Error::Transport { .. })), "{cut:?}");
    assert_eq!(sim.calls(), calls + 1);
    sim.clear_faults();
    assert_eq!(
        client.delete_department(id).await,
        Ok(false),
        "gone already"
    );
    sim.expire_tokens();
    let again = client.create_department(&department).await;
    assert!(again.is_ok(), "a new token is fetched: {again:?}");
}
