//! What happens is told: signed, in order, and with the faults that were asked for.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};

use super::{
    super::{
        AppVerb, CallbackFault, CustomerVerb, DirectoryVerb, GroupVerb, Outcome, SimHandle, Target,
        Unverified, Verb,
    },
    NOW, start,
};
use crate::wecom::{
    callback::{Keys, Query},
    event::{
        CustomerChange, CustomerEvent, DirectoryEvent, Event, GroupChange, Received, TagChange,
        TagObject,
    },
};

/// What came in, opened with the keys; `None` is what did not open.
type Heard = Arc<Mutex<Vec<Option<Received>>>>;

/// A little product: answers the echo, opens and keeps deliveries.
pub(super) struct Receiver {
    url: String,
    heard: Heard,
    server: ServerHandle,
}

struct Ears {
    keys: Keys,
    heard: Heard,
    /// Answers 500 so often first.
    broken: Mutex<u32>,
}

async fn echo(request: HttpRequest, ears: web::Data<Ears>) -> HttpResponse {
    let opened = Query::parse(request.query_string()).and_then(|query| ears.keys.echo(&query));
    opened.map_or_else(
        |_| HttpResponse::Forbidden().finish(),
        |body| HttpResponse::Ok().body(body),
    )
}

async fn hear(request: HttpRequest, body: web::Bytes, ears: web::Data<Ears>) -> HttpResponse {
    let mut broken = ears.broken.lock().unwrap();
    if *broken > 0 {
        *broken -= 1;
        return HttpResponse::InternalServerError().finish();
    }
    let query = Query::parse(request.query_string()).unwrap();
    let opened = ears.keys.open(&query, &body).ok();
    let received = opened.map(|xml| Received::parse(&xml).unwrap());
    let status = if received.is_some() { 200 } else { 403 };
    ears.heard.lock().unwrap().push(received);
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).finish()
}

impl Receiver {
    fn start(sim: &SimHandle, broken: u32) -> Self {
        let keys = Keys::new(&sim.token, &sim.encoding_aes_key, &sim.corpid).unwrap();
        let heard = Heard::default();
        let ears = web::Data::new(Ears {
            keys,
            heard: heard.clone(),
            broken: Mutex::new(broken),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/wecom/callback", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new().app_data(ears.clone()).service(
                web::resource("/wecom/callback")
                    .route(web::get().to(echo))
                    .route(web::post().to(hear)),
            )
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            url,
            heard,
            server: handle,
        }
    }

    /// A receiver that hears what happens in `sim`.
    pub(super) fn of(sim: &SimHandle) -> Self {
        let receiver = Self::start(sim, 0);
        sim.set_callback(&receiver.url);
        receiver
    }

    /// Everything heard until now, all of it opened.
    pub(super) async fn events(&self, sim: &SimHandle) -> Vec<Event> {
        sim.callbacks_settled().await;
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        heard
            .into_iter()
            .map(|received| received.expect("opens").event)
            .collect()
    }

    pub(super) async fn event(&self, sim: &SimHandle) -> Event {
        let mut events = self.events(sim).await;
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}

/// A URL at which nobody listens, as long as the socket is held: the port of a server that
/// has stopped may be another's a moment later.
fn nobody() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}/wecom/callback", socket.local_addr().unwrap());
    (socket, url)
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Userids of those whose joining was heard.
fn joined(events: &[Event]) -> Vec<&str> {
    let userid = |event| match event {
        &Event::Directory(DirectoryEvent::MemberCreated { ref userid, .. }) => userid.as_str(),
        other => panic!("{other:?}"),
    };
    events.iter().map(userid).collect()
}

#[actix_web::test]
async fn a_url_is_verified_as_the_console_does_it() {
    let sim = start(1, 20);
    let receiver = Receiver::start(&sim, 0);
    assert_eq!(sim.verify_callback(&receiver.url).await, Ok(()));
    let elsewhere = receiver.url.replace("/wecom/", "/elsewhere/");
    assert_eq!(
        sim.verify_callback(&elsewhere).await,
        Err(Unverified::Status(404))
    );
    let other = start(2, 20);
    assert_eq!(
        other.verify_callback(&receiver.url).await,
        Err(Unverified::Status(403))
    );
    receiver.stop().await;
    let (_nobody, url) = nobody();
    assert_eq!(sim.verify_callback(&url).await, Err(Unverified::Unanswered));
    let target = Target {
        url,
        token: text("t"),
        encoding_aes_key: text("too short"),
    };
    assert!(sim.set_callback_target(Some(target)).is_err());
}

#[actix_web::test]
async fn relations_are_told_from_their_beginning_to_their_end() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let userid = text("zhoumin");
    let added = sim.act(CustomerVerb::AddCustomer {
        userid: userid.clone(),
        name: text("新客"),
        state: text("qr-1"),
        half: false,
    });
    let external_userid = added.unwrap().unwrap();
    let told = |change| {
        Event::Customer(CustomerEvent {
            userid: userid.clone(),
            external_userid: external_userid.clone(),
            change,
        })
    };
    match receiver.event(&sim).await {
        Event::Customer(CustomerEvent {
            change:
                CustomerChange::Added {
                    half,
                    state,
                    welcome_code,
                },
            ..
        }) => assert!(!half && state == Some(text("qr-1")) && welcome_code.is_some()),
        other => panic!("{other:?}"),
    }
    assert!(sim.set_remark(&userid, &external_userid, "新备注"));
    assert_eq!(
        receiver.event(&sim).await,
        told(CustomerChange::Edited {
            state: Some(text("qr-1"))
        })
    );
    let tag = sim.add_tag("等级", "钻卡");
    receiver.event(&sim).await;
    assert!(sim.set_tags(&userid, &external_userid, &[tag]));
    assert_eq!(
        receiver.event(&sim).await,
        told(CustomerChange::Edited {
            state: Some(text("qr-1"))
        })
    );
    let ends = CustomerVerb::DeleteFollower {
        userid: userid.clone(),
        external_userid: external_userid.clone(),
    };
    assert!(sim.act(ends).is_ok());
    assert_eq!(
        receiver.event(&sim).await,
        told(CustomerChange::DeletedByCustomer)
    );
    assert!(
        sim.customers_of(&userid).contains(&external_userid),
        "WeCom goes on showing them"
    );
    assert!(sim.remove_relation(&userid, &external_userid));
    assert_eq!(
        receiver.event(&sim).await,
        told(CustomerChange::DeletedByMember { source: None })
    );
    assert!(!sim.customers_of(&userid).contains(&external_userid));
    // What changes nothing for the firm is told to nobody.
    assert!(sim.rename_customer(&external_userid, "改名"));
    assert!(!sim.remove_relation(&userid, &external_userid));
    assert_eq!(receiver.events(&sim).await, []);
    receiver.stop().await;
}

#[actix_web::test]
async fn a_half_friend_is_greeted_once() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let (userid, name) = (text("zhoumin"), text("半友"));
    let add = CustomerVerb::AddCustomer {
        userid: userid.clone(),
        name,
        state: text("s"),
        half: true,
    };
    let external_userid = sim.act(add).unwrap().unwrap();
    assert!(
        sim.act(CustomerVerb::AcceptCustomer {
            userid,
            external_userid
        })
        .is_ok()
    );
    let seen: Vec<_> = receiver
        .events(&sim)
        .await
        .into_iter()
        .map(|event| match event {
            Event::Customer(CustomerEvent {
                change:
                    CustomerChange::Added {
                        half, welcome_code, ..
                    },
                ..
            }) => (half, welcome_code.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, [(true, true), (false, false)]);
    receiver.stop().await;
}

#[actix_web::test]
async fn the_directory_is_told() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    assert!(sim.member_joins("xinren", "新人", 101));
    let created = DirectoryEvent::MemberCreated {
        userid: text("xinren"),
        departments: vec![101],
    };
    assert_eq!(receiver.event(&sim).await, Event::Directory(created));
    let moves = DirectoryVerb::MemberMoves {
        userid: text("xinren"),
        departments: vec![102, 103],
    };
    assert!(sim.act(moves).is_ok());
    let updated = DirectoryEvent::MemberUpdated {
        userid: text("xinren"),
        new_userid: None,
        departments: Some(vec![102, 103]),
    };
    assert_eq!(receiver.event(&sim).await, Event::Directory(updated));
    assert!(sim.member_leaves("xinren"));
    let deleted = DirectoryEvent::MemberDeleted {
        userid: text("xinren"),
    };
    assert_eq!(receiver.event(&sim).await, Event::Directory(deleted));
    let id = sim.add_department("新店", 10).unwrap();
    let made = DirectoryEvent::DepartmentCreated {
        id,
        parent: Some(10),
    };
    assert_eq!(receiver.event(&sim).await, Event::Directory(made));
    assert!(
        sim.act(DirectoryVerb::MoveDepartment { id, parent: 11 })
            .is_ok()
    );
    let moved = DirectoryEvent::DepartmentUpdated {
        id,
        parent: Some(11),
    };
    assert_eq!(receiver.event(&sim).await, Event::Directory(moved));
    assert!(
        sim.act(DirectoryVerb::MoveDepartment {
            id: 10,
            parent: 101
        })
        .is_err(),
        "a circle"
    );
    assert!(sim.remove_department(id));
    let gone = Event::Directory(DirectoryEvent::DepartmentDeleted { id });
    assert_eq!(receiver.event(&sim).await, gone);
    let message = AppVerb::SendMessage {
        userid: text("zhoumin"),
        text: text("你好 "),
    };
    assert!(sim.act(message).is_ok());
    match receiver.event(&sim).await {
        Event::Message(message) => assert_eq!(message.text, Some(text("你好 "))),
        other => panic!("{other:?}"),
    }
    receiver.stop().await;
}

#[actix_web::test]
async fn groups_and_tags_are_told() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let customer = sim.customers_of("zhoumin").remove(0);
    let create = GroupVerb::CreateGroup {
        userid: text("zhoumin"),
        name: text("新群"),
        external_userids: vec![],
    };
    let chat_id = sim.act(create).unwrap().unwrap();
    let join = GroupVerb::JoinGroup {
        chat_id: chat_id.clone(),
        who: customer.clone(),
        by_code: true,
    };
    assert!(
        sim.act(join.clone()).is_ok() && sim.act(join).is_err(),
        "joins once"
    );
    let quit = GroupVerb::QuitGroup {
        chat_id: chat_id.clone(),
        who: customer.clone(),
        removed: true,
    };
    assert!(sim.act(quit).is_ok());
    assert!(sim.rename_group(&chat_id, "群二") && sim.disband_group(&chat_id));
    let changes: Vec<GroupChange> = receiver
        .events(&sim)
        .await
        .into_iter()
        .map(|event| match event {
            Event::Group(event) => {
                assert_eq!(event.chat_id, chat_id);
                event.change
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let [
        GroupChange::Created,
        GroupChange::Joined(joined),
        GroupChange::Left(left),
        GroupChange::Renamed,
        GroupChange::Disbanded,
    ] = changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (joined.scene, joined.who.as_slice()),
        (Some(3), &[customer.clone()][..])
    );
    assert_eq!(
        (left.scene, left.who.as_slice()),
        (Some(1), &[customer][..])
    );
    assert_eq!(
        joined.version, left.version_before,
        "nothing was missed in between"
    );
    assert_ne!(joined.version, joined.version_before);

    let tag = sim.add_tag("新组", "新签");
    assert!(sim.remove_tag(&tag));
    let objects = receiver
        .events(&sim)
        .await
        .into_iter()
        .map(|event| match event {
            Event::Tag(event) => match event.change {
                TagChange::Created(object) => ("+", object),
                TagChange::Deleted(object) => ("-", object),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
    let objects: Vec<_> = objects.collect();
    let of_tag = TagObject::Tag(tag);
    let [
        ("+", TagObject::Group(made)),
        ("+", first),
        ("-", last),
        ("-", TagObject::Group(gone)),
    ] = objects.as_slice()
    else {
        panic!("{objects:?}")
    };
    assert_eq!((made, first, last), (gone, &of_tag, &of_tag));
    receiver.stop().await;
}

#[actix_web::test]
async fn changes_are_told_in_their_order() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let names: Vec<String> = (0..50).map(|n| format!("neu{n}")).collect();
    for name in &names {
        assert!(sim.member_joins(name, "新人", 101));
    }
    let events = receiver.events(&sim).await;
    assert_eq!(joined(&events), names);
    receiver.stop().await;
}

#[actix_web::test]
async fn a_delivery_is_tried_three_times_and_then_lost() {
    let sim = start(1, 20);
    let receiver = Receiver::start(&sim, 2);
    sim.set_callback(&receiver.url);
    assert!(sim.member_joins("a", "新人", 101));
    assert_eq!(joined(&receiver.events(&sim).await), ["a"]);
    assert_eq!(
        (sim.deliveries()[0].outcome, sim.deliveries()[0].tries),
        (Outcome::Acknowledged, 3)
    );
    receiver.stop().await;

    let broken = Receiver::start(&sim, 4);
    sim.set_callback(&broken.url);
    assert!(sim.member_joins("b", "新人", 101) && sim.member_joins("c", "新人", 101));
    assert_eq!(joined(&broken.events(&sim).await), ["c"]);
    let deliveries = sim.deliveries();
    assert_eq!(
        (deliveries[1].outcome, deliveries[1].tries),
        (Outcome::Refused(500), 3)
    );
    assert_eq!(
        (deliveries[0].outcome, deliveries[0].tries),
        (Outcome::Acknowledged, 2)
    );
    broken.stop().await;
    let (_nobody, url) = nobody();
    sim.set_callback(&url);
    assert!(sim.member_leaves("c"));
    sim.callbacks_settled().await;
    assert_eq!(sim.deliveries()[0].outcome, Outcome::Unanswered);
    sim.set_callback_target(None).unwrap();
    assert!(sim.member_leaves("b"));
    sim.callbacks_settled().await;
    assert_eq!(
        (sim.deliveries()[0].outcome, sim.deliveries()[0].at),
        (Outcome::NoReceiver, NOW)
    );
}

#[actix_web::test]
async fn the_dials_duplicate_reorder_lose_delay_and_spoil() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let go = |names: &[&str]| {
        for name in names {
            assert!(sim.member_joins(name, "新人", 101));
        }
    };
    sim.inject_callback(None, 2, CallbackFault::Duplicated);
    go(&["a", "b"]);
    assert_eq!(joined(&receiver.events(&sim).await), ["a", "b", "b"]);
    sim.clear_callback_faults();
    sim.inject_callback(Some("change_contact"), 2, CallbackFault::Lost);
    go(&["c", "d", "e"]);
    assert_eq!(joined(&receiver.events(&sim).await), ["c", "e"]);
    sim.clear_callback_faults();
    sim.inject_callback(None, 3, CallbackFault::Overtaken(1));
    go(&["f", "g", "h", "i"]);
    assert_eq!(joined(&receiver.events(&sim).await), ["f", "g", "i", "h"]);
    sim.clear_callback_faults();
    // Nothing overtakes the last one, and it is told all the same.
    sim.inject_callback(None, 1, CallbackFault::Overtaken(2));
    go(&["j"]);
    assert_eq!(joined(&receiver.events(&sim).await), ["j"]);
    sim.clear_callback_faults();
    sim.inject_callback(
        None,
        2,
        CallbackFault::Delayed(std::time::Duration::from_millis(50)),
    );
    go(&["k", "l"]);
    let events = receiver.events(&sim).await;
    let mut heard = joined(&events);
    heard.sort_unstable();
    assert_eq!(heard, ["k", "l"]);
    sim.clear_callback_faults();
    sim.inject_callback(None, 1, CallbackFault::WrongSignature);
    go(&["m"]);
    sim.callbacks_settled().await;
    assert_eq!(
        *receiver.heard.lock().unwrap(),
        [None, None, None],
        "three tries, none opens"
    );
    assert_eq!(sim.deliveries()[0].outcome, Outcome::Refused(403));
    receiver.stop().await;
}

#[test]
fn every_deed_is_read_as_json_and_as_a_form() {
    let read = |json: &str| serde_json::from_str::<Verb>(json).unwrap();
    let moves = Verb::from(DirectoryVerb::MemberMoves {
        userid: text("a"),
        departments: vec![2, 3],
    });
    assert_eq!(
        read(r#"{"do":"member_moves","userid":"a","departments":[2,3]}"#),
        moves
    );
    assert_eq!(
        read(r#"{"do":"member_moves","userid":"a","departments":"2, 3"}"#),
        moves
    );
    let join = Verb::from(GroupVerb::JoinGroup {
        chat_id: text("wr"),
        who: text("wm"),
        by_code: true,
    });
    assert_eq!(
        read(r#"{"do":"join_group","chat_id":"wr","who":"wm","by_code":"on"}"#),
        join
    );
    for deed in [moves, join] {
        let line = serde_json::to_string(&deed).unwrap();
        assert_eq!(serde_json::from_str::<Verb>(&line).unwrap(), deed);
    }
    for bad in [r#"{"do":"fly"}"#, r#"{"do":"member_leaves"}"#, "{}", "[]"] {
        assert!(serde_json::from_str::<Verb>(bad).is_err(), "{bad}");
    }
}
