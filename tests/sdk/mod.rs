//! The process that holds the library of the chat archive, killed again and again: nothing is
//! lost, nothing comes twice.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use qitai::{
    kit::{Clock, Secret},
    wecom::{
        archive::{Backend, Host, HostError, PrivateKey, Settings},
        sim::{ArchiveOptions, SimHandle, SimOptions, Simulator},
    },
};
use rustix::process::{Pid, Signal, kill_process};

fn start() -> SimHandle {
    Simulator::start(SimOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        seed: 11,
        customers: 300,
        chats: ArchiveOptions {
            messages: 2_000,
            ..ArchiveOptions::default()
        },
        now: Clock::system().now(),
        dir: None,
    })
    .unwrap()
}

async fn kill(host: &Host) {
    if let Some(id) = host.process_id().await {
        let id = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        // It may be dead already.
        let _ = kill_process(id, Signal::KILL);
    }
}

#[tokio::test]
async fn a_process_that_dies_again_and_again_loses_nothing() {
    let sim = start();
    let key = PrivateKey::generate().unwrap();
    sim.upload_archive_key(&key.public_pem()).unwrap();
    let settings = Settings {
        backend: Backend::Http {
            base_url: sim.base_url.clone(),
        },
        corpid: sim.corpid.clone(),
        secret: Secret::new(sim.archive_secret.clone()),
        proxy: None,
        timeout: Duration::from_secs(120),
    };
    let host = Host::of_program(settings, PathBuf::from(env!("CARGO_BIN_EXE_qitai")));
    let (mut seq, mut kills, mut messages) = (0, 0, BTreeMap::new());
    loop {
        let page = match host.pull(seq, 130).await {
            Ok(page) => page,
            Err(HostError::Died) => continue,
            Err(error) => panic!("{error}"),
        };
        let Some(last) = page.last() else { break };
        let next = last.seq;
        if kills < 12 {
            kills += 1;
            kill(&host).await;
        }
        let closed = |row: &qitai::wecom::archive::Envelope| {
            (key.open(&row.key).unwrap(), row.message.clone())
        };
        let opened = host.open(page.iter().map(closed).collect()).await.unwrap();
        for (row, opened) in page.iter().zip(opened) {
            let opened: serde_json::Value = serde_json::from_slice(&opened.unwrap()).unwrap();
            assert!(messages.insert(row.seq, opened).is_none());
        }
        seq = next;
    }
    assert_eq!(kills, 12);
    assert!(messages.keys().copied().eq(1..=2_000));
    for (seq, message) in messages {
        assert_eq!(sim.archived_message(seq), Some(message));
    }
    host.stop().await;
    assert_eq!(host.process_id().await, None);
}
