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
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
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
    let page = Connection::open(product, code).scan().to_vec();
    let bare = bare(page);
    report("bare", &load(bare, code, rate, seconds));
    let before = scans(&app, code);
    report("product", &load(product, code, rate, seconds));
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

/// Connections that the scans come by.
const VISITORS: usize = 32;

/// Scans at their times; what each waited from when it was due. Threads that sleep, write and
/// read: whatever a client did beyond would be measured as the page's.
fn load(address: SocketAddr, code: LiveCodeId, rate: usize, seconds: usize) -> Vec<Duration> {
    let start = Instant::now() + Duration::from_millis(100);
    let scans = |visitor: usize| -> Vec<Duration> {
        let mut connection = Connection::open(address, code);
        let mut took = Vec::new();
        for n in (visitor..rate * seconds).step_by(VISITORS) {
            let due = start + Duration::from_micros(n as u64 * 1_000_000 / rate as u64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            connection.scan();
            took.push(due.elapsed());
        }
        took
    };
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..VISITORS)
            .map(|visitor| scope.spawn(move || scans(visitor)))
            .collect();
        all.into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    took.sort_unstable();
    took
}

/// A visitor's connection, kept open.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, code: LiveCodeId) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            request: format!("GET /c/{code} HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes(),
            answer: vec![0; 64 << 10],
        }
    }

    /// Asks for the page and reads it; gives the page.
    fn scan(&mut self) -> &[u8] {
        self.stream.write_all(&self.request).unwrap();
        let mut got = 0;
        loop {
            let n = self.stream.read(&mut self.answer[got..]).unwrap();
            assert!(n > 0, "the server hung up");
            got += n;
            let text = &self.answer[..got];
            let Some(head) = text.windows(4).position(|at| at == b"\r\n\r\n") else {
                continue;
            };
            let head = head + 4;
            if got == head + length(&text[..head]) {
                return &self.answer[head..got];
            }
        }
    }
}

/// How long the body of an answer is; the answer is good.
fn length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    length.unwrap().parse().unwrap()
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
