//! A real child with a library that does what it is told: also abort, hang, leak and babble.

use std::{fs, os::fd::AsFd, path::PathBuf, time::Duration};

use zeroize::Zeroizing;

use super::{close_for_test, stand::Stand};
use crate::{
    kit::Secret,
    wecom::archive::{
        Backend, Host, HostError, Message, OpenError, PrivateKey, PublicKey, Remedy, Settings,
        library_digest,
    },
};

/// No test of its own: it is how this program becomes the child, with a socket as its input.
#[test]
fn child() {
    let is_child = std::env::args().any(|argument| argument == "--exact");
    let input = std::io::stdin();
    if is_child && rustix::net::sockopt::socket_type(input.as_fd()).is_ok() {
        super::run().unwrap();
    }
}

fn sealed(key: &str, text: &str) -> (Zeroizing<Vec<u8>>, String) {
    let closed = close_for_test(key.as_bytes(), text.as_bytes());
    (Zeroizing::new(key.as_bytes().to_vec()), closed)
}

#[tokio::test]
async fn messages_are_pulled_page_by_page_and_opened() {
    let stand = Stand::new();
    let key = PrivateKey::generate().unwrap();
    stand.chat(7, &PublicKey::from_pem(&key.public_pem()).unwrap());
    let (mut last, mut texts) = (0, Vec::new());
    loop {
        let page = stand.host.pull(last, 3).await.unwrap();
        let Some(newest) = page.last() else { break };
        last = newest.seq;
        assert!(page.iter().all(|row| row.key_version == 3));
        let open = |key: &PrivateKey, text: &str| key.open(text).unwrap();
        let closed = page
            .iter()
            .map(|row| (open(&key, &row.key), row.message.clone()));
        for opened in stand.host.open(closed.collect()).await.unwrap() {
            let message = Message::parse(&opened.unwrap()).unwrap();
            texts.push((message.msgid, message.at_ms));
        }
    }
    let all: Vec<_> = (1..=7).map(|seq| (format!("m{seq}"), seq)).collect();
    assert_eq!((last, texts), (7, all));
}

#[tokio::test]
async fn what_the_library_and_wecom_say_is_told_apart() {
    let stand = Stand::new();
    stand.say("pull", "json {\"errcode\":301052,\"errmsg\":\"expired\"}");
    let error = stand.host.pull(0, 10).await.unwrap_err();
    assert_eq!(
        (error.remedy(), error),
        (Remedy::Renew, HostError::Refused(301_052))
    );
    stand.say("pull", "code 10009");
    let error = stand.host.pull(0, 10).await.unwrap_err();
    assert_eq!(
        (error.remedy(), error),
        (Remedy::TrustAddress, HostError::Code(10009))
    );
    stand.say("pull", "json not a page");
    let error = stand.host.pull(0, 10).await.unwrap_err();
    assert!(matches!(error, HostError::BadAnswer(_)));
    // None of this is the child's fault.
    stand.say("pull", "print");
    let before = stand.host.process_id().await;
    assert_eq!(stand.host.pull(0, 10).await.unwrap(), []);
    assert_eq!(stand.host.process_id().await, before);
}

#[tokio::test]
async fn the_proxy_comes_in_two_parts() {
    let through = Stand::with(
        Duration::from_secs(60),
        Some("http://user:word@127.0.0.1:9"),
    );
    assert_eq!(through.host.pull(0, 1).await.unwrap(), []);
    let other = Stand::with(Duration::from_secs(60), Some("http://127.0.0.1:9"));
    assert_eq!(other.host.pull(0, 1).await, Err(HostError::Code(10001)));
}

#[tokio::test]
async fn short_messages_and_wrong_keys_do_no_harm() {
    let stand = Stand::new();
    let (good, mut wrong) = (sealed("key", "好"), sealed("key", "坏"));
    wrong.0 = Zeroizing::new(b"kez".to_vec());
    let mut short = good.clone();
    short.1 = "abcdef".to_owned();
    let mut empty = good.clone();
    empty.0 = Zeroizing::new(Vec::new());
    stand.host.probe().await.unwrap();
    let before = stand.host.process_id().await;
    let asked = vec![good.clone(), short, wrong, empty, good];
    let opened = stand.host.open(asked).await.unwrap();
    assert_eq!(
        opened,
        [
            Ok("好".into()),
            Err(OpenError::TooShort),
            Err(OpenError::Code(10008)),
            Err(OpenError::TooShort),
            Ok("好".into())
        ]
    );
    assert!(opened[2].as_ref().unwrap_err().is_wrong_key());
    assert_eq!(stand.host.process_id().await, before);
}

#[tokio::test]
async fn a_message_the_library_dies_of_costs_only_itself() {
    let stand = Stand::new();
    let mut poison = sealed("key", "x");
    poison.1 = "POISON POISON POISON".to_owned();
    let asked = vec![
        sealed("key", "一"),
        poison.clone(),
        sealed("key", "二"),
        poison,
    ];
    let opened = stand.host.open(asked).await.unwrap();
    assert_eq!(
        opened,
        [
            Ok("一".into()),
            Err(OpenError::Crashed),
            Ok("二".into()),
            Err(OpenError::Crashed)
        ]
    );
    // Once may be chance.
    stand.say("open", "once abort");
    let opened = stand.host.open(vec![sealed("key", "三")]).await.unwrap();
    assert_eq!(opened, [Ok("三".into())]);
    // A library that dies of everything is not asked for ever, and every message is answered.
    stand.say("open", "abort");
    let many = vec![sealed("key", "四"); 40];
    let opened = stand.host.open(many).await.unwrap();
    let died = opened.iter().filter(|o| **o == Err(OpenError::Crashed));
    assert_eq!((opened.len(), died.count()), (40, 3));
    assert!(opened[3..].iter().all(|o| *o == Err(OpenError::Untried)));
}

#[tokio::test]
async fn a_child_that_fails_is_followed_by_another() {
    let stand = Stand::with(Duration::from_secs(8), None);
    stand.chat(
        2,
        &PublicKey::from_pem(&PrivateKey::generate().unwrap().public_pem()).unwrap(),
    );
    for (what, error) in [
        ("once abort", HostError::Died),
        ("once exit", HostError::Died),
        ("once leak", HostError::Died),
        ("once hang", HostError::Hung),
        ("once babble", HostError::Babbled("not a frame")),
    ] {
        stand.say("pull", what);
        assert_eq!(stand.host.pull(0, 10).await, Err(error.clone()), "{what}");
        assert_eq!(error.remedy(), Remedy::Retry);
        assert_eq!(stand.host.pull(0, 10).await.unwrap().len(), 2, "{what}");
    }
    stand.kill().await;
    assert_eq!(stand.host.pull(0, 10).await, Err(HostError::Died));
    assert_eq!(stand.host.pull(1, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_nobody_waited_for_is_not_taken_for_another() {
    let stand = Stand::new();
    stand.chat(
        3,
        &PublicKey::from_pem(&PrivateKey::generate().unwrap().public_pem()).unwrap(),
    );
    stand.host.probe().await.unwrap();
    for _ in 0..5 {
        // Polled once and dropped: the question may have been sent.
        let asked = stand.host.pull(0, 3);
        let given_up = tokio::time::timeout(Duration::ZERO, asked).await;
        let page = stand.host.pull(2, 1).await.unwrap();
        assert_eq!(page.len(), 1);
        assert_eq!(page[0].seq, 3);
        drop(given_up);
    }
}

#[tokio::test]
async fn files_come_in_stretches_and_go_on_where_a_child_died() {
    let stand = Stand::new();
    let file: Vec<u8> = (0..1_300_000_u32)
        .map(|n| (n / 7).to_le_bytes()[0])
        .collect();
    stand.write("media.a1", &file);
    let (mut got, mut index, mut count) = (Vec::new(), String::new(), 0);
    loop {
        if count == 1 {
            stand.kill().await;
            assert_eq!(stand.host.media("a1", &index).await, Err(HostError::Died));
        }
        let chunk = stand.host.media("a1", &index).await.unwrap();
        // The same may be asked again.
        assert!(stand.host.media("a1", &index).await.unwrap() == chunk);
        got.extend_from_slice(&chunk.data);
        count += 1;
        match chunk.next {
            Some(next) => index = next,
            None => break,
        }
    }
    assert_eq!(count, 3);
    assert!(got == file);
    let refused = |error: HostError| error.remedy();
    let of = |id: &'static str| stand.host.media(id, "");
    assert_eq!(refused(of("nothing").await.unwrap_err()), Remedy::Gone);
    assert_eq!(refused(of("expired").await.unwrap_err()), Remedy::Expired);
    assert_eq!(refused(of("").await.unwrap_err()), Remedy::Gone);
    assert_eq!(refused(of("a\0b").await.unwrap_err()), Remedy::Gone);
}

#[tokio::test]
async fn what_cannot_be_loaded_says_why() {
    let stand = Stand::new();
    let at = |path: PathBuf| {
        Host::start(Settings {
            backend: Backend::Library { path, digest: None },
            corpid: "ww".to_owned(),
            secret: Secret::new("s".to_owned()),
            proxy: None,
            timeout: Duration::from_secs(60),
        })
    };
    let why = |path: PathBuf| async { at(path).probe().await.unwrap_err() };
    let missing = why(stand.dir.path().join("nothing.so")).await;
    assert!(missing.to_string().contains("nothing.so"), "{missing}");
    stand.write("text.so", "no library");
    let text = why(stand.dir.path().join("text.so")).await;
    assert_eq!(text.remedy(), Remedy::Library);
    let other = why(PathBuf::from("libc.so.6")).await;
    assert!(other.to_string().contains("NewSdk"), "{other}");
    stand.say("load", "abort");
    assert_eq!(
        stand.host.probe().await.unwrap_err().remedy(),
        Remedy::Library
    );
    fs::remove_file(stand.dir.path().join("say.load")).unwrap();
    stand.say("init", "code 10000");
    assert_eq!(stand.host.probe().await, Err(HostError::Code(10000)));
}

#[tokio::test]
async fn a_library_that_is_not_the_accepted_one_is_not_loaded() {
    let stand = Stand::new();
    let path = stand.dir.path().join("library.so");
    let host = |digest: String| {
        Host::start(Settings {
            backend: Backend::Library {
                path: path.clone(),
                digest: Some(digest),
            },
            corpid: "ww".to_owned(),
            secret: Secret::new("s".to_owned()),
            proxy: None,
            timeout: Duration::from_secs(60),
        })
    };
    let accepted = host(library_digest(&path).unwrap());
    assert_eq!(accepted.probe().await, Ok(()));
    // What runs goes on; what is started anew is looked at again.
    let mut other = fs::read(&path).unwrap();
    other.push(0);
    fs::remove_file(&path).unwrap();
    fs::write(&path, other).unwrap();
    assert_eq!(accepted.pull(0, 1).await, Ok(vec![]));
    accepted.stop().await;
    let error = accepted.pull(0, 1).await.unwrap_err();
    assert_eq!(
        (error.remedy(), error),
        (Remedy::Accept, HostError::Changed)
    );
    let again = host(library_digest(&path).unwrap());
    assert_eq!(again.probe().await, Ok(()));
}
