//! P13: thousands of callbacks, doubled, shuffled, damaged and late, with ends in between.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
};

use qitai::{
    kit::Random,
    serve,
    sync::Planted,
    wecom::{
        callback::Keys,
        sim::{CustomerVerb, DirectoryVerb, GroupVerb, SimHandle, TagVerb, Verb, firm},
    },
};

use super::{Firm, wait_for};

/// Deeds of the firm, each told at least once.
const DEEDS: usize = 800;
/// Ends of the process in between.
const KILLS: usize = 3;
/// Posts at the same time.
const AT_ONCE: usize = 8;

/// A callback as it is sent.
#[derive(Clone)]
struct Post {
    path: String,
    body: String,
    /// Damaged on the way: has to be refused.
    is_damaged: bool,
}

/// The server of a running product.
pub(super) struct Server {
    pub(super) address: String,
    pub(super) thread: std::thread::JoinHandle<()>,
}

pub(super) fn serve_on(firm: &Firm) -> Server {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let app = firm.app().clone();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new()
            .block_on(serve::serve(app, socket))
            .unwrap();
    });
    Server { address, thread }
}

fn event(kind: &str, change: &str, at: usize, fields: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[corp]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>\
         <CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[{kind}]]></Event><ChangeType><![CDATA[{change}]]></ChangeType>{fields}</xml>"
    )
}

fn customer_event(change: &str, at: usize, userid: &str, external: &str) -> String {
    let fields = format!("<UserID>{userid}</UserID><ExternalUserID>{external}</ExternalUserID>");
    event("change_external_contact", change, at, &fields)
}

/// Does something in the firm and says what WeCom tells of it. Ten deeds share a second and a
/// sender.
fn deed(sim: &SimHandle, n: usize) -> Option<String> {
    let userid = firm::cast().store_staff.to_owned();
    let at = 1_772_330_400 + n / 10;
    let mine = sim.customers_of(&userid);
    let customer = mine[n % mine.len()].clone();
    let chats = sim.chat_ids();
    let chat = chats[n % chats.len()].clone();
    let act = |verb: Verb| sim.act(verb).ok();
    match n % 7 {
        0 | 1 => {
            let added = act(CustomerVerb::AddCustomer {
                userid: userid.clone(),
                name: format!("新客{n}"),
                state: "storm".to_owned(),
                half: false,
            }
            .into())??;
            Some(customer_event("add_external_contact", at, &userid, &added))
        }
        2 | 3 => {
            let verb = CustomerVerb::SetRemark {
                userid: userid.clone(),
                external_userid: customer.clone(),
                remark: format!("备注{n}"),
            };
            act(verb.into())?;
            Some(customer_event(
                "edit_external_contact",
                at,
                &userid,
                &customer,
            ))
        }
        4 => {
            let name = format!("群{n}");
            act(GroupVerb::RenameGroup {
                chat_id: chat.clone(),
                name,
            }
            .into())?;
            let fields = format!("<ChatId>{chat}</ChatId><UpdateDetail>change_name</UpdateDetail>");
            Some(event("change_external_chat", "update", at, &fields))
        }
        5 => {
            let verb = TagVerb::AddTag {
                group: "风暴".to_owned(),
                name: format!("标签{n}"),
            };
            let id = act(verb.into())??;
            let fields = format!("<Id>{id}</Id><TagType>tag</TagType>");
            Some(event("change_external_tag", "create", at, &fields))
        }
        _ => {
            let joined = format!("storm{n}");
            let verb = DirectoryVerb::MemberJoins {
                userid: joined.clone(),
                name: format!("新人{n}"),
                department: 1,
            };
            act(verb.into())?;
            let fields = format!("<UserID>{joined}</UserID>");
            Some(event("change_contact", "create_user", at, &fields))
        }
    }
}

/// Everything on its way to the product.
struct Storm {
    keys: Keys,
    random: Random,
}

impl Storm {
    fn seal(&self, xml: &str) -> Post {
        let sealed = self
            .keys
            .seal(xml.as_bytes(), 1_772_330_400, "n0nce", self.random.bytes());
        Post {
            path: format!(
                "/wecom/callback?msg_signature={}&timestamp=1772330400&nonce=n0nce",
                sealed.signature
            ),
            body: format!(
                "<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>",
                sealed.encrypt
            ),
            is_damaged: false,
        }
    }

    fn damaged(&self, xml: &str) -> Post {
        let mut post = self.seal(xml);
        match self.random.u64() % 3 {
            0 => post.path = post.path.replacen("msg_signature=", "msg_signature=0", 1),
            1 => post.body.truncate(post.body.len() / 2),
            _ => {
                post.body = post
                    .body
                    .replacen("<xml>", "<!DOCTYPE x [<!ENTITY a 'b'>]><xml>", 1)
            }
        }
        post.is_damaged = true;
        post
    }

    /// Each event one to five times in envelopes of its own, damaged ones between, shuffled.
    fn posts(&self, events: &[String]) -> Vec<Post> {
        let mut posts = Vec::new();
        for xml in events {
            for _ in 0..1 + self.random.u64() % 5 {
                posts.push(self.seal(xml));
            }
            if self.random.u64().is_multiple_of(10) {
                posts.push(self.damaged(xml));
            }
        }
        for n in (1..posts.len()).rev() {
            let other = usize::try_from(self.random.u64() % (n as u64 + 1)).unwrap();
            posts.swap(n, other);
        }
        posts
    }
}

/// Posts everything; what was not answered as it should be.
fn deliver(runtime: &tokio::runtime::Runtime, address: &str, posts: &[Post]) -> Vec<Post> {
    let http = support_client();
    let next = AtomicUsize::new(0);
    let again = std::sync::Mutex::new(Vec::new());
    runtime.block_on(async {
        let one = || async {
            while let Some(post) = posts.get(next.fetch_add(1, Ordering::SeqCst)) {
                let request = http.post(format!("{address}{}", post.path));
                let answer = request.body(post.body.clone()).send().await;
                let status = answer.map(|a| a.status().as_u16());
                match (post.is_damaged, &status) {
                    (false, Ok(200)) | (true, Ok(403)) => {}
                    (true, Ok(status)) => panic!("a damaged callback was answered {status}"),
                    _ => again.lock().unwrap().push(post.clone()),
                }
            }
        };
        futures_util::future::join_all((0..AT_ONCE).map(|_| one())).await;
    });
    again.into_inner().unwrap()
}

fn support_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The whole storm; what is wrong at its end.
fn storm(seed: u64, planted: Option<Planted>, deeds: usize, kills: usize) -> Result<(), String> {
    let mut firm = Firm::start(60);
    let sender = tokio::runtime::Runtime::new().unwrap();
    let sim = &firm.sim;
    let storm = Storm {
        keys: Keys::new(&sim.token, &sim.encoding_aes_key, &sim.corpid).unwrap(),
        random: Random::seeded(seed),
    };
    let events: Vec<String> = (0..deeds).filter_map(|n| deed(sim, n)).collect();
    let posts = storm.posts(&events);
    if deeds == DEEDS {
        assert!(posts.len() >= 2_000, "{} callbacks", posts.len());
    }
    firm.app().sync.plant(planted);
    let mut server = serve_on(&firm);
    let mut unheard = Vec::new();
    for part in posts.chunks(posts.len().div_ceil(kills + 1)) {
        unheard.extend(deliver(&sender, &server.address, part));
        // The end comes while what was heard is being dealt with.
        firm.kill_with(|| server.thread.join().unwrap());
        firm.open();
        firm.app().sync.plant(planted);
        server = serve_on(&firm);
    }
    for _ in 0..5 {
        unheard = deliver(&sender, &server.address, &unheard);
    }
    if !unheard.is_empty() {
        return Err(format!("{} were never heard", unheard.len()));
    }
    settle(&firm);
    let calls = firm.sim.calls();
    let late: Vec<Post> = events.iter().take(200).map(|xml| storm.seal(xml)).collect();
    deliver(&sender, &server.address, &late);
    settle(&firm);
    let replayed = firm.sim.calls() - calls;
    let head = firm.app().store.snapshot().feed_head();
    firm.sync();
    let repaired = firm.app().store.snapshot().feed_head() - head;
    let found = firm.app().store.check().unwrap().found;
    firm.app().stop();
    server.thread.join().unwrap();
    if replayed > 0 {
        return Err(format!("late repetitions caused {replayed} calls"));
    }
    if repaired > 0 {
        return Err(format!("{repaired} changes had not been heard"));
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("{found:?}")),
    }
}

fn settle(firm: &Firm) {
    wait_for("everything heard is dealt with", || {
        firm.clock.advance_ms(1_000);
        let waiting = firm.app().read(qitai::sync::waiting).unwrap();
        (waiting == 0).then_some(())
    });
}

#[test]
fn a_storm_with_ends_in_between_leaves_exactly_what_wecom_has() {
    assert_eq!(storm(1, None, DEEDS, KILLS), Ok(()));
}

/// The same storm, smaller, sees software that is wrong.
#[test]
fn an_inbox_that_is_wrong_is_caught() {
    for planted in [
        Planted::ForgetDedupe,
        Planted::MergeBySender,
        Planted::AnswerBeforeStored,
    ] {
        let ended = storm(2, Some(planted), 70, 1);
        assert!(ended.is_err(), "{planted:?} was not seen");
    }
}
