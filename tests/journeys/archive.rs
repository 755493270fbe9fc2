//! Archived chats, from the other end of the wire to whoever looks for them.

use std::collections::BTreeMap;

use qitai::{
    archive::{Chat, MediaState, Party, PartyKind, faults::Bug, ingest, key_ring, queries},
    audit::checkpoints,
    search::{MessageQuery, MessageScope},
    wecom::archive::PrivateKey,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::TestApp;

/// A key pair whose public half the firm's console has; gives its version and the private half.
fn upload(test: &TestApp) -> (u32, PrivateKey) {
    let key = PrivateKey::generate().unwrap();
    let sim = test.sim.as_ref().unwrap();
    let version = sim.upload_archive_key(&key.public_pem()).unwrap();
    (version, key)
}

fn keep(test: &TestApp, (version, key): &(u32, PrivateKey)) {
    key_ring::keep_for_test(&test.app, *version, key);
}

/// Everything that is kept, as WeCom gave it out.
pub fn kept(test: &TestApp) -> BTreeMap<u64, Value> {
    test.app.read(|r| {
        let mut all = BTreeMap::new();
        for stretch in queries::all_messages(r, (0, 0)).unwrap() {
            for message in stretch.unwrap() {
                let chat = r.get::<Chat>(&message.chat).unwrap().unwrap();
                let json = message.to_json(r, &chat).unwrap().unwrap();
                assert!(all.insert(message.seq, json).is_none(), "kept twice");
            }
        }
        all
    })
}

/// Everything that the firm's archive has.
fn at_the_source(test: &TestApp) -> BTreeMap<u64, Value> {
    let sim = test.sim.as_ref().unwrap();
    let all = 1..=sim.archived();
    all.map(|seq| (seq, sim.archived_message(seq).unwrap()))
        .collect()
}

fn is_complete(test: &TestApp) -> Option<()> {
    let cursor = test.app.read(ingest::cursor).unwrap();
    let all = test.sim.as_ref().unwrap().archived();
    (cursor.messages == all && cursor.parked == 0).then_some(())
}

fn is_found(test: &TestApp) -> Option<()> {
    test.app.is_caught_up().then_some(())
}

/// Whatever is killed on the way, the archive ends as the source has it, each message once,
/// in store, index and audit trail.
#[test]
fn nothing_is_missed_and_nothing_comes_twice_whoever_dies() {
    let mut test = TestApp::with_chats(60, 1_500);
    keep(&test, &upload(&test));
    for round in 0..6u64 {
        test.wait_for("more messages", || {
            let seq = test.app.read(ingest::cursor).unwrap().seq;
            (seq > round * 200).then_some(())
        });
        if let Some(host) = test.app.archive.library()
            && let Some(id) = test.block_on(host.process_id())
        {
            // It may be dead already.
            let id = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
            let _ = kill_process(id, Signal::KILL);
        }
        if round % 2 == 1 {
            test = test.stop().start();
        }
    }
    test.wait_for("everything is here", || is_complete(&test));
    test.wait_for("everything is found", || is_found(&test));
    assert_eq!(is_whole(&test), Ok(()));
    let checked = test.app.store.check().unwrap();
    assert!(checked.found.is_empty(), "{:?}", checked.found);
    assert!(test.app.read(checkpoints::verify).unwrap().is_intact());
}

/// Whether store and index have what the source has.
fn is_whole(test: &TestApp) -> Result<(), String> {
    let (kept, source) = (kept(test), at_the_source(test));
    if kept != source {
        let missing: Vec<_> = source
            .keys()
            .filter(|seq| !kept.contains_key(seq))
            .collect();
        return Err(format!(
            "the store lacks {missing:?}, or has another content"
        ));
    }
    let query = MessageQuery::new(MessageScope::All, 1);
    let found = test.app.messages.search(&query).unwrap().total;
    match found == source.len() as u64 {
        true => Ok(()),
        false => Err(format!("{found} of {} are found", source.len())),
    }
}

/// The same comparison sees software that is wrong.
#[test]
fn planted_bugs_of_the_archive_are_caught() {
    for bug in [
        Bug::CursorFirst,
        Bug::LostBetweenStretches,
        Bug::ParkedNowhere,
        Bug::IndexAhead,
    ] {
        let mut test = TestApp::with_chats(60, 1_500);
        let key = upload(&test);
        test.app.archive.faults.plant(bug);
        if bug != Bug::ParkedNowhere {
            keep(&test, &key);
        }
        test.wait_for("the bug does harm", || {
            test.app.archive.wake.notify_one();
            test.app.archive.faults.has_struck().then_some(())
        });
        if bug == Bug::CursorFirst {
            // It harms only whoever ends between the two.
            test = test.kill().start();
        }
        keep(&test, &key);
        test.wait_for("nothing more comes", || {
            let cursor = test.app.read(ingest::cursor).unwrap();
            let all = test.sim.as_ref().unwrap().archived();
            test.app.archive.wake.notify_one();
            (cursor.seq == all && cursor.parked == 0).then_some(())
        });
        test.wait_for("everything is found", || is_found(&test));
        assert!(is_whole(&test).is_err(), "{bug:?} was not seen");
    }
}

/// A message whose key is not here waits for it, and nothing behind it does.
#[test]
fn a_message_waits_for_its_key_and_comes_when_the_key_does() {
    let test = TestApp::with_chats(60, 300);
    let first = upload(&test);
    let late = {
        let sim = test.sim.as_ref().unwrap();
        test.wait_for("the history waits", || {
            let cursor = test.app.read(ingest::cursor).unwrap();
            (cursor.parked == sim.archived()).then_some(())
        });
        first
    };
    assert!(kept(&test).is_empty());
    keep(&test, &late);
    test.wait_for("everything is open", || is_complete(&test));
    assert_eq!(kept(&test), at_the_source(&test));
}

/// The files of messages are fetched, whole, under the name of their content.
#[test]
fn files_of_messages_are_fetched_once_each() {
    let test = TestApp::with_chats(60, 1_000);
    keep(&test, &upload(&test));
    test.wait_for("everything is here", || is_complete(&test));
    let files = || {
        test.app.read(|r| {
            let files = r.all::<qitai::archive::Media>(None).unwrap();
            files.map(Result::unwrap).collect::<Vec<_>>()
        })
    };
    test.wait_for("no file is to be fetched", || {
        let is_waiting = |f: &qitai::archive::Media| f.state == MediaState::Waiting;
        (!files().iter().any(is_waiting)).then_some(())
    });
    let files = files();
    let here: Vec<_> = files
        .iter()
        .filter(|f| f.state == MediaState::Here)
        .collect();
    assert!(here.len() > 10, "{} of {} files", here.len(), files.len());
    for file in here {
        let mut content = Vec::new();
        let open = qitai::archive::open_file(&test.app, file).unwrap();
        std::io::Read::read_to_end(&mut open.content(), &mut content).unwrap();
        assert_eq!(content.len() as u64, file.length);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &content);
        assert_eq!(digest.as_ref(), file.sha256.unwrap());
        assert!(!file.differs, "{}.{}", file.seq, file.place);
    }
}

/// Robots are called as WeCom calls them, who is asked about each once.
#[test]
fn robots_are_shown_by_the_name_that_wecom_tells() {
    let test = TestApp::with_chats(60, 1_500);
    keep(&test, &upload(&test));
    test.wait_for("everything is here", || is_complete(&test));
    let robots = |test: &TestApp| {
        let all = test.app.read(|r| {
            let all = r.all::<Party>(None).unwrap().map(Result::unwrap);
            all.collect::<Vec<_>>()
        });
        let robots = all.into_iter().filter(|p| p.kind == PartyKind::Robot);
        robots.collect::<Vec<_>>()
    };
    // Whoever starts looks at once.
    let test = test.stop().start();
    let named = test.wait_for("the robots have names", || {
        let robots = robots(&test);
        let is_named = |robot: &Party| !robot.name.is_empty();
        (!robots.is_empty() && robots.iter().all(is_named)).then_some(robots)
    });
    for robot in &named {
        assert!(["库存助手", "工单助手"].contains(&robot.name.as_str()));
    }
    let test = test.stop().start();
    test.wait_for("everything is found", || is_found(&test));
    let officer = test.sign_in("compliance");
    let page = officer.get("/api/v1/messages?type=markdown&limit=200");
    let page = page.json();
    let items = page["items"].as_array().unwrap();
    assert!(!items.is_empty());
    for item in items {
        let name = item["from"]["name"].as_str().unwrap();
        assert!(named.iter().any(|robot| robot.name == name), "{item}");
    }
    let page = officer.get("/archive?type=markdown").body;
    assert!(page.contains(&named[0].name), "{page}");
    let asked = test.sim.as_ref().unwrap().answered();
    let asked = asked.iter().filter(|a| a.path.ends_with("get_robot_info"));
    assert_eq!(asked.count(), named.len());
}
