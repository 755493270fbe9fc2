//! Encrypted pages become messages that can be found.

use std::time::Instant;

use qitai::{
    app::App,
    archive::key_ring::{self, KeepKey},
    identity::Viewer,
    kit::Secret,
    wecom::{
        archive::{PrivateKey, PublicKey},
        sim::ArchiveOptions,
    },
};

use crate::{
    firm::{Firm, Product, wait},
    support::{family_cpu_s, process_cpu_s},
};

/// Random keys that each core opens for the yardstick.
const KEYS: usize = 2_000;

pub fn run(messages: usize) {
    pull("words alone", messages, true);
    pull("files fetched beside", messages, false);
}

fn pull(what: &str, messages: usize, words_only: bool) {
    let chats = ArchiveOptions {
        messages: messages as u64,
        words_only,
        ..ArchiveOptions::default()
    };
    let firm = Firm::with_chats(300, chats);
    let key = PrivateKey::generate().unwrap();
    let before = key_alone_s(&key);
    let version = firm.sim.upload_archive_key(&key.public_pem()).unwrap();
    keep(&firm, version, &key);
    firm.reads_chats.set(true);
    let start = Instant::now();
    let mut product = firm.serve();
    let first_cpu = family_cpu_s(product.pid());
    product.sign_in_as("compliance");
    let all = firm.sim.archived();
    wait(|| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        found(&product) >= all
    });
    let took = start.elapsed().as_secs_f64();
    let cpu = family_cpu_s(product.pid()) - first_cpu;
    product.kill();
    let alone = (before + key_alone_s(&key)) / 2.0;
    let each = cpu / all as f64;
    println!(
        "{what}: {all} messages pulled, stored and found in {took:.1} s ({:.0}/s); {:.0} µs CPU each, RSA-2048 alone {:.0}: {:.2} of that limit per CPU second",
        all as f64 / took,
        each * 1e6,
        alone * 1e6,
        alone / each
    );
}

/// CPU time of opening one random key while all cores do so, as they do during a pull, seconds:
/// two cores that are one underneath take longer for each key than one of them alone.
fn key_alone_s(key: &PrivateKey) -> f64 {
    let public = PublicKey::from_pem(&key.public_pem()).unwrap();
    let sealed = public.seal(&[7; 32]).unwrap();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let before = process_cpu_s(std::process::id());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| (0..KEYS).for_each(|_| drop(key.open(&sealed).unwrap())));
        }
    });
    (process_cpu_s(std::process::id()) - before) / (KEYS * cores) as f64
}

fn keep(firm: &Firm, version: u32, key: &PrivateKey) {
    let private = Secret::new((*key.to_pem().unwrap()).clone());
    let app = App::open(firm.config()).unwrap();
    let viewer = Viewer::system("bench");
    let act = viewer.change("archive.key");
    let kept = app.store.write_blocking(act, move |w| {
        let allowed = viewer.allow(w, KeepKey { version, private })?;
        key_ring::keep(w, allowed)
    });
    kept.unwrap();
    app.store.close();
}

/// Messages that can be found.
pub fn found(product: &Product) -> u64 {
    let answer = product.http().get("/api/v1/messages?limit=1").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    json["total"].as_u64().unwrap()
}
