//! WeCom tells that something has happened, in every order and number.

use qitai::{
    customers, org,
    wecom::{
        callback::Keys,
        sim::{
            CallbackFault, CustomerVerb, DirectoryVerb, Fault, GroupVerb, SimHandle, TagVerb, Verb,
            firm,
        },
    },
};

use crate::support::TestApp;

/// WeCom's end of the callback.
struct Caller<'t> {
    test: &'t TestApp,
    keys: Keys,
}

impl<'t> Caller<'t> {
    fn of(test: &'t TestApp) -> Self {
        let sim = test.sim.as_ref().unwrap();
        Self {
            test,
            keys: Keys::new(&sim.token, &sim.encoding_aes_key, &sim.corpid).unwrap(),
        }
    }

    /// Tells an event; `salt` makes the envelope another each time.
    fn tell(&self, xml: &str, salt: u8) -> u16 {
        let sealed = self
            .keys
            .seal(xml.as_bytes(), 1_772_330_400, "n0nce", [salt; 16]);
        let body = format!(
            "<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>",
            sealed.encrypt
        );
        self.post(&sealed.signature, &body)
    }

    fn post(&self, signature: &str, body: &str) -> u16 {
        let path =
            format!("/wecom/callback?msg_signature={signature}&timestamp=1772330400&nonce=n0nce");
        self.test.post_raw(&path, body.as_bytes())
    }
}

fn event(kind: &str, change: &str, at: u32, fields: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[corp]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>\
         <CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[{kind}]]></Event><ChangeType><![CDATA[{change}]]></ChangeType>{fields}</xml>"
    )
}

fn customer_event(change: &str, at: u32, userid: &str, external_userid: &str) -> String {
    let fields =
        format!("<UserID>{userid}</UserID><ExternalUserID>{external_userid}</ExternalUserID>");
    event("change_external_contact", change, at, &fields)
}

/// What is stored of a customer: name, and for each active relation its remark.
fn stored(test: &TestApp, external_userid: &str) -> Option<(String, Vec<String>)> {
    test.app.read(|r| {
        let customer = customers::sync::by_external_userid(r, external_userid).unwrap()?;
        let relations = customers::sync::relations_of(r, customer.id).unwrap();
        let active = relations.into_iter().filter(customers::Relation::is_active);
        Some((customer.name, active.map(|r| r.remark).collect()))
    })
}

#[test]
fn two_customers_of_one_second_are_two_and_each_is_heard_once() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    let caller = Caller::of(&test);
    let userid = firm::cast().store_staff;
    let ids = [
        sim.add_customer(userid, "甲一"),
        sim.add_customer(userid, "甲二"),
    ];
    for salt in 0..5 {
        for id in &ids {
            assert_eq!(
                caller.tell(&customer_event("add_external_contact", 7, userid, id), salt),
                200
            );
        }
    }
    for (id, name) in ids.iter().zip(["甲一", "甲二"]) {
        let found = test.wait_for("the customer is there", || stored(&test, id));
        assert_eq!((found.0.as_str(), found.1.len()), (name, 1));
    }
    let page = test.sign_in("admin").get("/settings/wecom/events");
    assert!(page.body.contains("收到 2，重复 8"), "{}", page.body);
}

#[test]
fn what_events_say_in_any_order_ends_in_what_wecom_has() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    let caller = Caller::of(&test);
    let userid = firm::cast().store_staff;
    let mine = sim.customers_of(userid);
    let (edited, deleted) = (&mine[0], &mine[1]);
    sim.set_remark(userid, edited, "最后的备注");
    sim.remove_relation(userid, deleted);
    // The edit is told before the customer was even added, and the deletion twice.
    for (salt, (change, id)) in (0..).zip([
        ("del_external_contact", deleted),
        ("edit_external_contact", edited),
        ("add_external_contact", edited),
        ("del_external_contact", deleted),
        ("add_external_contact", deleted),
    ]) {
        let at = 100 + u32::from(salt);
        assert_eq!(
            caller.tell(&customer_event(change, at, userid, id), salt),
            200
        );
    }
    test.wait_for("the remark is there", || {
        let (_, remarks) = stored(&test, edited)?;
        remarks.contains(&"最后的备注".to_owned()).then_some(())
    });
    test.wait_for("the relation has ended", || {
        (!follows(&test, userid, deleted)).then_some(())
    });
}

/// Whether a relation is stored as active.
fn follows(test: &TestApp, userid: &str, external_userid: &str) -> bool {
    test.app.read(|r| {
        let customer = customers::sync::by_external_userid(r, external_userid)
            .unwrap()
            .unwrap();
        let member = org::queries::member_id_by_userid(r, userid)
            .unwrap()
            .unwrap();
        let relation = customers::sync::relation_of(r, member, customer.id).unwrap();
        relation.is_some_and(|r| r.is_active())
    })
}

#[test]
fn a_new_member_and_her_first_customer_may_come_in_either_order() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    let caller = Caller::of(&test);
    assert!(sim.member_joins("newcomer", "新来的", 1));
    let id = sim.add_customer("newcomer", "乙方");
    // Her own event never comes.
    caller.tell(
        &customer_event("add_external_contact", 8, "newcomer", &id),
        1,
    );
    let found = test.wait_for("the customer is there", || stored(&test, &id));
    assert_eq!(found.1.len(), 1);
    assert!(sim.member_leaves("newcomer"));
    let left = event(
        "change_contact",
        "delete_user",
        9,
        "<UserID>newcomer</UserID>",
    );
    caller.tell(&left, 2);
    test.wait_for("she is marked as left", || {
        let member = test
            .app
            .read(|r| org::queries::member_by_userid(r, "newcomer"))
            .unwrap();
        member.filter(|m| !m.is_here())
    });
}

#[test]
fn what_wecom_cannot_tell_at_the_moment_waits_and_is_lost_never() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    let caller = Caller::of(&test);
    let userid = firm::cast().store_staff;
    let mine = sim.customers_of(userid);
    sim.set_remark(userid, &mine[0], "停电之后");
    sim.inject(Some("externalcontact/get"), 1, Fault::Errcode(-1));
    caller.tell(
        &customer_event("edit_external_contact", 5, userid, &mine[0]),
        1,
    );
    let admin = test.sign_in("admin");
    let waiting = "/settings/wecom/events?state=waiting";
    assert!(admin.get(waiting).body.contains("编辑客户"));
    sim.clear_faults();
    test.wait_for("the remark is there", || {
        let (_, remarks) = stored(&test, &mine[0])?;
        remarks.contains(&"停电之后".to_owned()).then_some(())
    });
}

#[test]
fn strangers_and_damaged_calls_are_refused_and_leave_nothing() {
    let test = TestApp::with_customers(20);
    let caller = Caller::of(&test);
    let xml = customer_event("edit_external_contact", 5, "a", "wm1");
    let sealed = caller
        .keys
        .seal(xml.as_bytes(), 1_772_330_400, "n0nce", [1; 16]);
    let body = format!(
        "<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>",
        sealed.encrypt
    );
    assert_eq!(
        caller.post("0000000000000000000000000000000000000000", &body),
        403
    );
    assert_eq!(test.post_raw("/wecom/callback", body.as_bytes()), 403);
    assert_eq!(caller.post(&sealed.signature, "<xml>"), 403);
    assert_eq!(
        caller.post(
            &sealed.signature,
            "<!DOCTYPE x [<!ENTITY a 'b'>]><xml>&a;</xml>"
        ),
        403
    );
    assert!(caller.post(&sealed.signature, &"x".repeat(70_000)) >= 400);
    let sim = test.sim.as_ref().unwrap();
    let other = Keys::new(&sim.token, &sim.encoding_aes_key, "wwanother").unwrap();
    let sealed = other.seal(xml.as_bytes(), 1_772_330_400, "n0nce", [1; 16]);
    let body = format!(
        "<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>",
        sealed.encrypt
    );
    assert_eq!(caller.post(&sealed.signature, &body), 403);
    // Signed, but not what anybody understands: answered like the rest and kept.
    assert_eq!(caller.tell("not xml at all", 3), 200);
    assert_eq!(caller.tell(&event("brand_new", "thing", 6, ""), 4), 200);
    let page = test
        .sign_in("admin")
        .get("/settings/wecom/events?state=kept")
        .body;
    assert!(
        page.contains("无法解读的事件") && page.contains("brand_new.thing"),
        "{page}"
    );
}

/// A customer who deletes a member is still listed by WeCom; only the event tells.
#[test]
fn a_customer_who_deleted_the_member_is_known_as_lost_until_adding_again() {
    let test = TestApp::with_customers(30);
    let sim = test.sim.as_ref().unwrap();
    test.hear_events();
    let userid = firm::cast().store_staff.to_owned();
    let external_userid = sim.customers_of(&userid)[0].clone();
    let is_lost = || {
        test.app.read(|r| {
            let customer = customers::sync::by_external_userid(r, &external_userid)
                .unwrap()
                .unwrap();
            let member = org::queries::member_id_by_userid(r, &userid)
                .unwrap()
                .unwrap();
            let relation = customers::sync::relation_of(r, member, customer.id).unwrap();
            relation.unwrap().is_deleted_by_customer()
        })
    };
    sim.act(CustomerVerb::DeleteFollower {
        userid: userid.clone(),
        external_userid: external_userid.clone(),
    })
    .unwrap();
    test.settle_events();
    assert!(is_lost());
    test.sync();
    assert!(is_lost(), "a full sync knows nothing of it");
    sim.clock().advance_ms(2_000);
    sim.act(CustomerVerb::AddRelation {
        userid: userid.clone(),
        external_userid: external_userid.clone(),
        state: String::new(),
    })
    .unwrap();
    test.settle_events();
    assert!(!is_lost());
}

/// Duplicated and reordered, while a full sync reads the same things: the end is what WeCom
/// has, so another full sync finds nothing to change.
#[test]
fn a_storm_of_events_ends_in_exactly_what_wecom_has() {
    let test = TestApp::with_customers(120);
    let sim = test.sim.as_ref().unwrap();
    test.hear_events();
    sim.inject_callback(None, 3, CallbackFault::Duplicated);
    sim.inject_callback(None, 4, CallbackFault::Overtaken(5));
    let job = test.begin_sync();
    for round in 0..20 {
        deeds(sim, round);
    }
    test.end_sync(job);
    test.settle_events();
    assert_nothing_to_repair(&test);
}

/// Events that never arrive are repaired by the next full sync.
#[test]
fn lost_events_are_repaired_by_the_next_sync() {
    let test = TestApp::with_customers(60);
    let sim = test.sim.as_ref().unwrap();
    test.hear_events();
    sim.inject_callback(None, 2, CallbackFault::Lost);
    sim.inject_callback(None, 3, CallbackFault::WrongSignature);
    for round in 0..6 {
        deeds(sim, round);
    }
    test.settle_events();
    let head = test.app.store.snapshot().feed_head();
    test.sync();
    assert!(test.app.store.snapshot().feed_head() > head);
    assert_nothing_to_repair(&test);
}

fn assert_nothing_to_repair(test: &TestApp) {
    let head = test.app.store.snapshot().feed_head();
    let job = test.sync();
    assert_eq!(
        test.app.store.snapshot().feed_head(),
        head,
        "{:?}",
        job.progress
    );
    assert_eq!(test.app.store.check().unwrap().found, []);
}

/// What happens in a firm within a moment.
fn deeds(sim: &SimHandle, round: usize) {
    let cast = firm::cast();
    let userid = cast.store_staff.to_owned();
    let mine = sim.customers_of(&userid);
    let chats = sim.chat_ids();
    let customer = mine[round % mine.len()].clone();
    let verbs: Vec<Verb> = vec![
        CustomerVerb::AddCustomer {
            userid: userid.clone(),
            name: format!("新客{round}"),
            state: "storm".to_owned(),
            half: false,
        }
        .into(),
        CustomerVerb::SetRemark {
            userid: userid.clone(),
            external_userid: customer.clone(),
            remark: format!("备注{round}"),
        }
        .into(),
        CustomerVerb::SetRemark {
            userid: userid.clone(),
            external_userid: customer.clone(),
            remark: format!("再改{round}"),
        }
        .into(),
        CustomerVerb::DeleteCustomer {
            userid: userid.clone(),
            external_userid: mine[(round + 1) % mine.len()].clone(),
        }
        .into(),
        GroupVerb::RenameGroup {
            chat_id: chats[round % chats.len()].clone(),
            name: format!("群{round}"),
        }
        .into(),
        GroupVerb::JoinGroup {
            chat_id: chats[round % chats.len()].clone(),
            who: customer,
            by_code: true,
        }
        .into(),
        TagVerb::AddTag {
            group: "风暴".to_owned(),
            name: format!("标签{round}"),
        }
        .into(),
        DirectoryVerb::MemberJoins {
            userid: format!("storm{round}"),
            name: format!("新人{round}"),
            department: 1,
        }
        .into(),
    ];
    for verb in verbs {
        // Some are impossible at times (already in the group); then nothing happens.
        drop(sim.act(verb));
    }
}
