//! The page behind a live code, at a rate of scans, beside a bare actix page.
//!
//! `QITAI_BENCH_SCANS` (1,000) scans a second for `QITAI_BENCH_SECONDS` (10): each is due at its
//! own time, and waits count as the page's, so a page that falls behind shows it. The bare page
//! is the product's answer from memory, kept nowhere; what the product takes longer is the row
//! of the scan and its turn, durable before the answer. The fsync of the same disk stands
//! beside.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "support/here.rs"]
mod here;
#[path = "support/mod.rs"]
mod support;

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, HttpServer, web};
use here::{open, simulator, sync_firm, wait};
use qitai::{
    app::App,
    identity::Viewer,
    livecodes::{
        CodeKind, LiveCodeId, Seat,
        actions::{self, SaveCode},
        draft::CodeDraft,
        queries,
    },
    serve,
};
use support::{quantile, size};

fn main() {
    if support::is_debug("landing") {
        return;
    }
    let rate = size("QITAI_BENCH_SCANS", 1_000);
    let seconds = size("QITAI_BENCH_SECONDS", 10);
    let dir = tempfile::tempdir().unwrap();
    let sim = simulator(100);
    let app = open(&sim, dir.path().join("data"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.spawn(app.clone().run());
    sync_firm(&app);
    let code = make_code(&app);
    let product = listen(app.clone());
    let page = runtime.block_on(get(product, code)).1;
    let bare = bare(page);
    report("bare", &runtime.block_on(load(bare, code, rate, seconds)));
    let before = scans(&app, code);
    report(
        "product",
        &runtime.block_on(load(product, code, rate, seconds)),
    );
    let counted = scans(&app, code) - before;
    assert_eq!(counted as usize, rate * seconds, "every scan is counted");
    println!("fsync p99: {:.2} ms", fsync_p99(dir.path()));
    app.stop();
}

/// A code with five members, ready to be scanned.
fn make_code(app: &Arc<App>) -> LiveCodeId {
    let viewer = Viewer::system("bench");
    let directory = app.read(|r| app.directory.get(r)).unwrap();
    let able = directory
        .members()
        .filter(|m| m.is_here() && m.serves_customers);
    let seat = |member: &qitai::org::Member| Seat {
        member: member.id,
        weight: 1,
        daily_cap: Some(1_000_000),
        is_spare: false,
    };
    let draft = CodeDraft {
        kind: CodeKind::Staff,
        name: "bench".to_owned(),
        unit: None,
        channel: None,
        tags: Vec::new(),
        remark_prefix: String::new(),
        welcome: None,
        expires_at: None,
        seats: able.take(5).map(seat).collect(),
        skip_verify: true,
        schedule: Vec::new(),
        rooms: Vec::new(),
        auto_room: None,
    };
    let command = SaveCode {
        code: None,
        seen: None,
        draft,
        directory,
    };
    let saved = app
        .store
        .write_blocking(viewer.change("live_code.create"), move |w| {
            let allowed = viewer.allow(w, command)?;
            actions::save(w, allowed)
        });
    let code = saved.unwrap().id;
    app.effects.notify_one();
    wait(|| {
        let ways = app.read(|r| queries::ways(r, code)).unwrap();
        ways.iter().any(|way| way.picture.is_some()).then_some(())
    });
    code
}

fn listen(app: Arc<App>) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        actix_web::rt::System::new()
            .block_on(serve::serve(app, socket))
            .unwrap();
    });
    address
}

/// The same page from memory.
fn bare(page: Vec<u8>) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let page = web::Bytes::from(page);
    std::thread::spawn(move || {
        let run = async move {
            let app = move || {
                let page = page.clone();
                let answer = move || {
                    let page = page.clone();
                    async move { HttpResponse::Ok().content_type("text/html").body(page) }
                };
                actix_web::App::new().default_service(web::to(answer))
            };
            let server = HttpServer::new(app).workers(2).disable_signals();
            server.listen(socket).unwrap().run().await.unwrap();
        };
        actix_web::rt::System::new().block_on(run);
    });
    address
}

async fn get(address: SocketAddr, code: LiveCodeId) -> (u16, Vec<u8>) {
    ask(&reqwest::Client::new(), address, code).await
}

async fn ask(http: &reqwest::Client, address: SocketAddr, code: LiveCodeId) -> (u16, Vec<u8>) {
    let answer = http.get(format!("http://{address}/c/{code}")).send().await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    (status, answer.bytes().await.unwrap().to_vec())
}

/// Scans at their times; what each waited from when it was due.
async fn load(address: SocketAddr, code: LiveCodeId, rate: usize, seconds: usize) -> Vec<Duration> {
    let http = reqwest::Client::new();
    let start = Instant::now();
    let mut asked = Vec::new();
    for n in 0..(rate * seconds) as u64 {
        let due = start + Duration::from_micros(n * 1_000_000 / rate as u64);
        tokio::time::sleep_until(due.into()).await;
        let http = http.clone();
        asked.push(tokio::spawn(async move {
            let (status, _) = ask(&http, address, code).await;
            assert_eq!(status, 200);
            due.elapsed()
        }));
    }
    let mut took = Vec::new();
    for one in asked {
        took.push(one.await.unwrap());
    }
    took.sort_unstable();
    took
}

fn scans(app: &App, code: LiveCodeId) -> u64 {
    let turn = app.read(|r| queries::turn(r, code)).unwrap();
    turn.map_or(0, |turn| turn.scans)
}

fn report(what: &str, took: &[Duration]) {
    let ms = |p| quantile(took, p);
    println!(
        "{what}: p50 {:.2} ms, p99 {:.2} ms, {} scans",
        ms(0.5),
        ms(0.99),
        took.len()
    );
}

fn fsync_p99(dir: &Path) -> f64 {
    let mut file = std::fs::File::create(dir.join("fsync")).unwrap();
    let mut took: Vec<Duration> = (0..200)
        .map(|_| {
            file.write_all(&[0; 4096]).unwrap();
            let began = Instant::now();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    quantile(&took, 0.99)
}
