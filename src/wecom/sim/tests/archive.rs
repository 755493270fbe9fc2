//! The chat archive: through the process that would hold WeCom's library, and by the calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use md5::{Digest, Md5};

use super::{
    super::{ArchiveOptions, ArchiveVerb, CodeVerb, SimHandle, SimOptions, Simulator, Verb},
    NOW,
};
use crate::{
    kit::{Clock, Secret, Timestamp},
    wecom::{
        Client, Consent, Edition, Patience, Settings,
        archive::{
            self, Action, Backend, Body, Host, HostError, Kind, Message, PrivateKey, Remedy,
        },
        quota::Governor,
    },
};

fn start(chats: ArchiveOptions) -> SimHandle {
    start_in(chats, None, NOW)
}

fn start_in(chats: ArchiveOptions, dir: Option<&std::path::Path>, now: Timestamp) -> SimHandle {
    Simulator::start(SimOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        seed: 5,
        customers: 400,
        chats,
        now,
        dir: dir.map(Into::into),
    })
    .unwrap()
}

fn chats(messages: u64) -> ArchiveOptions {
    ArchiveOptions {
        messages,
        ..ArchiveOptions::default()
    }
}

fn host(sim: &SimHandle) -> Host {
    Host::start(archive::Settings {
        backend: Backend::Http {
            base_url: sim.base_url.clone(),
        },
        corpid: sim.corpid.clone(),
        secret: Secret::new(sim.archive_secret.clone()),
        proxy: None,
        timeout: Duration::from_secs(120),
    })
}

fn client(sim: &SimHandle) -> Client {
    let settings = Settings {
        base_url: sim.base_url.clone(),
        corpid: sim.corpid.clone(),
        app_secret: Secret::new(sim.app_secret.clone()),
        contact_secret: None,
        sync_secret: None,
        archive_secret: Some(Secret::new(sim.archive_secret.clone())),
        proxy: None,
    };
    let patience = Patience {
        waits: vec![],
        timeout: Duration::from_secs(60),
    };
    let clock = Clock::system();
    Client::new(settings, patience, clock.clone(), Governor::new(clock)).unwrap()
}

/// A key whose public half the console knows.
fn key(sim: &SimHandle) -> PrivateKey {
    let key = PrivateKey::generate().unwrap();
    sim.upload_archive_key(&key.public_pem()).unwrap();
    key
}

/// Everything behind `seq`, open.
async fn pull(host: &Host, keys: &[&PrivateKey], mut seq: u64) -> Vec<(u64, Message)> {
    let mut all = Vec::new();
    loop {
        let page = host.pull(seq, 500).await.unwrap();
        let Some(last) = page.last() else { return all };
        seq = last.seq;
        let open = |version: u32, text: &str| keys[version as usize - 1].open(text).unwrap();
        let closed = page
            .iter()
            .map(|row| (open(row.key_version, &row.key), row.message.clone()));
        let opened = host.open(closed.collect()).await.unwrap();
        for (row, opened) in page.iter().zip(opened) {
            let message = Message::parse(&opened.unwrap()).unwrap();
            assert_eq!(message.msgid, row.msgid);
            all.push((row.seq, message));
        }
    }
}

fn text(message: &Message) -> String {
    Body::decode(message.kind, &message.rest).text_to_index()
}

fn write(from: &str, to: &str, text: &str) -> Verb {
    ArchiveVerb::WriteInChat {
        from: from.to_owned(),
        to: to.to_owned(),
        kind: String::new(),
        text: text.to_owned(),
    }
    .into()
}

/// Somebody with a customer who agrees, and the customer.
fn pair(sim: &SimHandle) -> (String, String) {
    let userid = "zhoumin".to_owned();
    let customer = sim.add_customer(&userid, "新客户");
    let agreed = CodeVerb::AgreeToArchive {
        userid: userid.clone(),
        external_userid: customer.clone(),
    };
    sim.act(agreed).unwrap();
    (userid, customer)
}

#[tokio::test]
async fn nobody_sends_files_where_words_alone_are_wanted() {
    let sim = start(ArchiveOptions {
        words_only: true,
        ..chats(2_000)
    });
    let key = key(&sim);
    let all = pull(&host(&sim), &[&key], 0).await;
    assert_eq!(all.len(), 2_000);
    let files = |message: &Message| Body::decode(message.kind, &message.rest).media();
    assert!(all.iter().all(|(_, message)| files(message).is_empty()));
    assert!(all.iter().any(|(_, message)| message.kind == Kind::Revoke));
}

#[tokio::test]
async fn the_history_comes_whole_and_the_same_twice() {
    let sim = start(chats(3_000));
    let key = key(&sim);
    let host = host(&sim);
    let all = pull(&host, &[&key], 0).await;
    let seqs: Vec<u64> = all.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=3_000).collect::<Vec<_>>());
    assert!(pull(&host, &[&key], 2_900).await == all[2_900..]);
    for (seq, message) in &all {
        assert_eq!(message.to_json(), sim.archived_message(*seq).unwrap());
    }
    let ids: BTreeSet<&str> = all.iter().map(|(_, m)| m.msgid.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    // It ends now and begins half a year ago.
    let days = |m: &Message| NOW.since_ms(Timestamp::from_ms(m.at_ms)) / 86_400_000;
    assert!(
        (179..=181).contains(&days(&all[0].1)),
        "{}",
        days(&all[0].1)
    );
    assert!((0..=1).contains(&days(&all[2_999].1)));
}

#[test]
fn people_say_everything_there_is_to_say() {
    let sim = start(chats(60_000));
    let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
    let (mut recalled, mut known, mut words) = (0, BTreeSet::new(), String::new());
    let (mut external, mut rooms) = (0, 0);
    for seq in 1..=60_000 {
        let json = sim.archived_message(seq).unwrap();
        let message = Message::parse(json.to_string().as_bytes()).unwrap();
        *kinds.entry(message.kind).or_default() += 1;
        let body = Body::decode(message.kind, &message.rest);
        assert!(!matches!(body, Body::Unknown(_)), "{json}");
        if let Body::Revoke { msgid } = &body {
            assert!(known.contains(msgid), "{json}");
            assert_eq!(message.action, Action::Recall);
            recalled += 1;
        }
        if message.kind != Kind::Switch {
            assert!(
                !message.to.is_empty() && !message.to.contains(&message.from),
                "{json}"
            );
        }
        external += u64::from(message.is_external());
        rooms += u64::from(message.room.is_some());
        known.insert(message.msgid);
        words.push_str(&body.text_to_index());
    }
    let missing: Vec<_> = Kind::ALL
        .iter()
        .filter(|k| !kinds.contains_key(k))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(recalled > 100);
    assert!((30_000..58_000).contains(&external), "{external}");
    assert!((5_000..25_000).contains(&rooms), "{rooms}");
    for word in ["私下转账", "飞单", "回扣", "1390000", "YL"] {
        assert!(words.contains(word), "{word}");
    }
    assert!(!words.contains('{'), "something is not filled in");
}

#[tokio::test]
async fn nobody_is_archived_before_agreeing_or_after_refusing() {
    let sim = start(chats(30_000));
    let mut changed: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    let mut spoken: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for seq in 1..=30_000 {
        let json = sim.archived_message(seq).unwrap();
        let message = Message::parse(json.to_string().as_bytes()).unwrap();
        if let Body::Consent {
            external_userid,
            agreed,
            ..
        } = Body::decode(message.kind, &message.rest)
        {
            changed.insert(external_userid, (seq, agreed));
        } else if message.room.is_none() {
            for id in message.to.iter().chain([&message.from]) {
                let span = spoken.entry(id.clone()).or_insert((seq, seq));
                span.1 = seq;
            }
        }
    }
    let (mut agreed, mut refused) = (0, 0);
    for (customer, (seq, agrees)) in &changed {
        *if *agrees { &mut agreed } else { &mut refused } += 1;
        if let Some((first, last)) = spoken.get(customer) {
            assert!(if *agrees { first > seq } else { last < seq }, "{customer}");
        }
    }
    assert!(agreed > 20 && refused > 3, "{agreed} {refused}");
    // The calls say the same.
    let client = client(&sim);
    let customers = sim.customers_of("zhoumin");
    let pairs: Vec<_> = customers
        .iter()
        .map(|c| ("zhoumin".to_owned(), c.clone()))
        .collect();
    let consents = client.single_consents(&pairs).await.unwrap();
    assert_eq!(consents.len(), pairs.len());
    for consent in consents {
        let expected = match changed.get(&consent.external_userid) {
            Some((_, true)) => [Consent::Agree; 2],
            Some((_, false)) => [Consent::Disagree; 2],
            None => [Consent::Agree, Consent::DefaultAgree],
        };
        // Two turns may fall on one message; then only one is told.
        let is_untold = !changed.contains_key(&consent.external_userid);
        assert!(
            expected.contains(&consent.consent) || is_untold,
            "{consent:?}"
        );
    }
}

#[tokio::test]
async fn keys_change_in_the_middle() {
    let sim = start(chats(40));
    let host = host(&sim);
    let error = host.pull(0, 10).await.unwrap_err();
    assert_eq!(
        (error.remedy(), error),
        (Remedy::SwitchOn, HostError::Refused(301_053))
    );
    let first = key(&sim);
    assert_eq!(sim.upload_archive_key(&first.public_pem()), Ok(1));
    let (userid, customer) = pair(&sim);
    sim.clock().advance_ms(600_000);
    let second = key(&sim);
    assert_eq!(
        sim.archive_keys(),
        [first.fingerprint(), second.fingerprint()]
    );
    for n in 0..6 {
        sim.act(write(&customer, &userid, &format!("第 {n} 条")))
            .unwrap();
    }
    sim.clock().advance_ms(600_000);
    sim.act(write(&customer, &userid, "之后")).unwrap();
    let page = host.pull(40, 100).await.unwrap();
    let versions: Vec<u32> = page.iter().map(|row| row.key_version).collect();
    assert_eq!(versions[0], 1);
    assert!(
        versions[1..7].contains(&1) && versions[1..7].contains(&2),
        "{versions:?}"
    );
    assert_eq!(versions.last(), Some(&2));
    let all = pull(&host, &[&first, &second], 0).await;
    assert_eq!(text(&all.last().unwrap().1), "之后");
    // The wrong key opens nothing.
    let row = page.last().unwrap();
    let opened = match first.open(&row.key) {
        Ok(random) => host
            .open(vec![(random, row.message.clone())])
            .await
            .unwrap(),
        Err(_) => return,
    };
    assert!(opened[0].as_ref().unwrap_err().is_wrong_key());
    assert!(sim.upload_archive_key("nonsense").is_err());
}

#[tokio::test]
async fn what_people_do_on_the_stage_is_archived() {
    let sim = start(chats(10));
    let key = key(&sim);
    let host = host(&sim);
    let (userid, customer) = pair(&sim);
    sim.act(write(&customer, &userid, "这个怎么卖")).unwrap();
    let sent = sim
        .act(write(&userid, &customer, "发错了"))
        .unwrap()
        .unwrap();
    let recall = ArchiveVerb::RecallInChat {
        from: userid.clone(),
        to: customer.clone(),
    };
    sim.act(recall.clone()).unwrap();
    let refused = CodeVerb::RefuseArchive {
        external_userid: customer.clone(),
    };
    sim.act(refused).unwrap();
    assert_eq!(sim.act(write(&customer, &userid, "没人听见")), Ok(None));
    assert!(sim.act(write(&customer, "nobody", "?")).is_err());
    assert!(sim.act(write(&customer, &userid, "")).is_err());
    let all = pull(&host, &[&key], 10).await;
    let kinds: Vec<Kind> = all.iter().map(|(_, m)| m.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Agree,
            Kind::Text,
            Kind::Text,
            Kind::Revoke,
            Kind::Disagree
        ]
    );
    assert_eq!(text(&all[1].1), "这个怎么卖");
    assert!(all[1].1.is_external());
    let taken = Body::decode(Kind::Revoke, &all[3].1.rest);
    assert_eq!(taken, Body::Revoke { msgid: sent });
    let client = client(&sim);
    let consent = client.single_consents(&[(userid, customer)]).await.unwrap();
    assert_eq!(consent[0].consent, Consent::Disagree);
}

#[tokio::test]
async fn files_come_in_stretches_with_their_digest() {
    let sim = start(chats(4_000));
    let key = key(&sim);
    let host = host(&sim);
    let mut seen: BTreeSet<Option<String>> = BTreeSet::new();
    let mut largest = 0;
    for (_, message) in pull(&host, &[&key], 0).await {
        for media in Body::decode(message.kind, &message.rest).media() {
            if !seen.insert(media.md5.clone()) {
                continue;
            }
            let (mut bytes, mut index) = (Vec::new(), String::new());
            loop {
                let chunk = host.media(&media.fileid, &index).await.unwrap();
                assert!(chunk.data.len() <= 512 << 10);
                bytes.extend_from_slice(&chunk.data);
                match chunk.next {
                    Some(next) => index = next,
                    None => break,
                }
            }
            if let Some(size) = media.size {
                assert_eq!(bytes.len() as u64, size);
                assert_eq!(media.md5, Some(hex::encode(Md5::digest(&bytes))));
            }
            largest = largest.max(bytes.len());
        }
    }
    assert!(seen.len() > 30, "{}", seen.len());
    assert!(largest > 1 << 20);
    let gone = host.media("bm90aGluZw==", "").await.unwrap_err();
    assert_eq!(gone.remedy(), Remedy::Gone);
}

#[tokio::test]
async fn old_messages_go_after_five_days_if_so_set() {
    let sim = start(chats(20_000));
    let key = key(&sim);
    let host = host(&sim);
    assert_eq!(host.pull(0, 1).await.unwrap()[0].seq, 1);
    sim.act(ArchiveVerb::SetArchiveWindow { five_days: true })
        .unwrap();
    let first = host.pull(0, 1).await.unwrap()[0].seq;
    assert!((19_300..19_600).contains(&first), "{first}");
    assert_eq!(pull(&host, &[&key], 0).await.len() as u64, 20_001 - first);
    let old = (1..2_000)
        .filter_map(|seq| sim.archived_message(seq))
        .find_map(|m| m["image"]["sdkfileid"].as_str().map(str::to_owned));
    let error = host.media(&old.unwrap(), "").await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Expired);
}

#[tokio::test]
async fn the_archive_refuses_as_wecom_does() {
    let sim = start(chats(2_000));
    key(&sim);
    let host = host(&sim);
    for (errcode, remedy) in [
        (301_042, Remedy::TrustAddress),
        (301_052, Remedy::Renew),
        (301_053, Remedy::SwitchOn),
        (301_058, Remedy::Smaller),
        (10009, Remedy::TrustAddress),
        (10010, Remedy::Expired),
    ] {
        sim.act(ArchiveVerb::RefuseArchiveCalls { errcode })
            .unwrap();
        assert_eq!(host.pull(0, 1000).await.unwrap_err().remedy(), remedy);
    }
    sim.act(ArchiveVerb::RefuseArchiveCalls { errcode: 301_058 })
        .unwrap();
    assert_eq!(host.pull(0, 50).await.unwrap().len(), 50);
    sim.act(ArchiveVerb::RefuseArchiveCalls { errcode: 0 })
        .unwrap();
    sim.expire_tokens();
    assert_eq!(host.pull(0, 1000).await.unwrap().len(), 1000);
    sim.forget_tokens();
    assert_eq!(host.pull(1_999, 1000).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_calls_tell_who_is_archived_and_who_is_who() {
    let sim = start(chats(20_000));
    let client = client(&sim);
    let all = client.archived_members(None).await.unwrap();
    let service = client
        .archived_members(Some(Edition::Service))
        .await
        .unwrap();
    assert!(all.len() > service.len() && service.contains(&"zhoumin".to_owned()));
    let (mut groups, mut internal, mut robots) = (0, 0, 0);
    let mut asked = BTreeSet::new();
    for seq in 1..=20_000 {
        let json = sim.archived_message(seq).unwrap();
        let message = Message::parse(json.to_string().as_bytes()).unwrap();
        let is_robot = message.from.starts_with("wb");
        if is_robot && asked.insert(message.from.clone()) {
            let robot = client.robot(&message.from).await.unwrap().unwrap();
            assert!(robot.name.ends_with("助手"));
            robots += 1;
        }
        let Some(room) = message.room.filter(|room| asked.insert(room.clone())) else {
            continue;
        };
        match client.internal_room(&room).await.unwrap() {
            Some(found) => {
                internal += 1;
                assert!(!message.msgid.ends_with("_external"));
                let inside = |id: &String| found.members.iter().any(|m| m.userid == *id);
                assert!(message.to.iter().all(inside));
                assert_eq!(client.room_consents(&room).await.unwrap(), None);
            }
            None => {
                groups += 1;
                assert!(message.msgid.ends_with("_external"));
                let consents = client.room_consents(&room).await.unwrap().unwrap();
                assert!(!consents.is_empty());
            }
        }
    }
    assert!(
        groups > 10 && internal > 5 && robots == 2,
        "{groups} {internal} {robots}"
    );
    assert_eq!(client.robot("wbnobody").await.unwrap(), None);
    let unknown = ("zhoumin".to_owned(), "wmnobody".to_owned());
    let known = ("zhoumin".to_owned(), sim.customers_of("zhoumin").remove(0));
    let consents = client.single_consents(&[unknown, known]).await.unwrap();
    assert_eq!(consents.len(), 1);
}

#[tokio::test]
async fn messages_come_by_themselves_and_stay_after_a_second_start() {
    let dir = tempfile::tempdir().unwrap();
    let options = ArchiveOptions {
        messages: 500,
        arrivals_s: 10,
        ..ArchiveOptions::default()
    };
    let sim = start_in(options, Some(dir.path()), NOW);
    let key = key(&sim);
    let (userid, customer) = pair(&sim);
    sim.clock().advance_ms(600_000);
    sim.act(write(&customer, &userid, "在吗")).unwrap();
    sim.clock().advance_ms(300_000);
    sim.pass_time();
    let count = sim.archived();
    assert!((560..640).contains(&count), "{count}");
    let before = pull(&host(&sim), &[&key], 490).await;
    assert!(before.iter().any(|(_, m)| text(m) == "在吗"));
    let late = before.last().unwrap().1.at_ms;
    assert!(late > NOW.plus_ms(800_000).ms() && late < NOW.plus_ms(902_000).ms());
    sim.stop();

    // Asked for other chats: those there were go on.
    let sim = start_in(chats(9), Some(dir.path()), NOW.plus_ms(900_000));
    sim.pass_time();
    assert_eq!(sim.archived(), count);
    assert_eq!(sim.archive_keys(), [key.fingerprint()]);
    assert!(pull(&host(&sim), &[&key], 490).await == before);
    sim.clock().advance_ms(60_000);
    sim.pass_time();
    assert!(sim.archived() > count);
}

#[test]
fn ten_million_messages_take_no_room() {
    let sim = start(chats(10_000_000));
    let last = sim.archived_message(10_000_000).unwrap();
    let middle = sim.archived_message(5_000_000).unwrap();
    assert_ne!(last["msgid"], middle["msgid"]);
    assert_eq!(sim.archived_message(10_000_001), None);
    assert_eq!(sim.archived_message(0), None);
}

#[tokio::test]
async fn a_pull_after_a_pause_is_answered() {
    let sim = start(chats(10));
    key(&sim);
    let host = host(&sim);
    assert_eq!(host.pull(0, 500).await.unwrap().len(), 10);
    // Longer than a server keeps an idle connection (five seconds).
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(host.pull(10, 500).await.unwrap().is_empty());
}
