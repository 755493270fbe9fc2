//! The whole product over a made-up firm: first full sync, lists and search over HTTP, events
//! under load, memory, and the first answer after a kill.
//!
//! The simulator runs in this process, the product in one of its own. `QITAI_BENCH_CUSTOMERS`
//! (20,000) is the firm's size; a second firm of a tenth shows what grows. `QITAI_BENCH_EVENTS`
//! (20,000) events are queued at once. `QITAI_BENCH_PARTS` (`search,list,events`) names the
//! parts to run. Both sides of a ratio run in the same process tree on the same machine with
//! the same load generator; on a busy machine the CPU time of the server tells more than the
//! clock.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "product/bare.rs"]
mod bare;
#[path = "product/events.rs"]
mod events;
#[path = "product/firm.rs"]
mod firm;
#[allow(
    dead_code,
    reason = "the rows come from the firm, not from brute force"
)]
#[path = "search/queries.rs"]
mod queries;
#[allow(dead_code, reason = "the rows come from the firm")]
#[path = "search/rows.rs"]
mod rows;
#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use firm::Firm;
use qitai::customers::CustomerId;
use support::{Http, load, process_cpu_s, quantile, size, workers_cpu_s};

/// Connections that ask at the same time.
const CLIENTS: usize = 4;
const SECONDS: u64 = 8;

fn main() {
    if support::is_debug("product") {
        return;
    }
    let parts = std::env::var("QITAI_BENCH_PARTS");
    let parts = parts.unwrap_or_else(|_| "search,list,events".to_owned());
    let has = |part: &str| parts.split(',').any(|p| p == part);
    let customers = size("QITAI_BENCH_CUSTOMERS", 20_000);
    let small = has("search").then(|| search(&Firm::sync(customers / 10)));
    let firm = Firm::sync(customers);
    if let Some(small) = small {
        grown(&small, &search(&firm), customers / 10);
    }
    if has("list") {
        list(&firm);
    }
    if has("events") {
        events::run(firm, size("QITAI_BENCH_EVENTS", 20_000));
    }
}

fn grown(small: &[Duration], large: &[Duration], from: usize) {
    for (p, name) in [(0.5, "p50"), (0.99, "p99")] {
        let growth = quantile(large, p) / quantile(small, p);
        println!("search {name} grows {growth:.2}x from {from} customers");
    }
}

/// 300 mixed questions to the API, one after the other, each three times.
fn search(firm: &Firm) -> Vec<Duration> {
    let product = firm.serve();
    let (anonymous, mapped) = support::memory_mib(product.pid());
    println!("memory idle: {anonymous} MiB anonymous, {mapped} mapped");
    let asked = queries::mixed(&firm.rows());
    let paths: Vec<String> = asked
        .iter()
        .map(|a| {
            format!(
                "/api/v1/customers?limit=20&q={}",
                qitai::web::encode(&a.query.text)
            )
        })
        .collect();
    let mut http = product.http();
    let mut times = Vec::new();
    for path in paths.iter().cycle().take(3 * paths.len()) {
        let start = std::time::Instant::now();
        assert_eq!(http.get(path).unwrap().status, 200);
        times.push(start.elapsed());
    }
    println!(
        "search over HTTP at {} customers: p50 {:.2} ms, p99 {:.2} ms",
        firm.customers,
        quantile(&times, 0.5),
        quantile(&times, 0.99)
    );
    let (rate, under_load) = load(product.address, &product.cookie, &paths, CLIENTS, SECONDS);
    let (anonymous, mapped) = support::memory_mib(product.pid());
    println!(
        "under load of {CLIENTS}: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms; memory {anonymous} MiB anonymous, {mapped} mapped",
        quantile(&under_load, 0.5),
        quantile(&under_load, 0.99)
    );
    let start = product.kill();
    let product = firm.serve();
    let answered = start.elapsed();
    println!(
        "first answer after SIGKILL: {:.0} ms",
        answered.as_secs_f64() * 1e3
    );
    drop(product);
    times
}

/// `/customers` with 50 rows against a bare page with the same rows through the same template,
/// and against the product's own answer pasted together.
fn list(firm: &Firm) {
    let path = "/customers?limit=50".to_owned();
    let product = firm.serve();
    let page = product.http().get(&path).unwrap();
    assert_eq!(page.status, 200, "{}", page.head);
    let page = page.text();
    let (yardstick, rows) = firm.bare(product, &shown_in(&page));
    let servers = [bare::serve(yardstick, rows), bare::serve_pasted(&page)];
    let product = firm.serve();
    let bare = Http::connect(servers[0], "").unwrap().get(&path).unwrap();
    assert_eq!(table_in(&bare.text()), table_in(&page), "the same rows");
    let mut sides = [Side::default(); 3];
    let paths = [path];
    // Turn by turn, so that all see the same machine.
    for _ in 0..3 {
        let pid = product.pid();
        sides[0].ask(product.address, &product.cookie, &paths, || {
            process_cpu_s(pid)
        });
        for (side, server) in sides[1..].iter_mut().zip(servers) {
            side.ask(server, "", &paths, workers_cpu_s);
        }
    }
    let [ours, bare, pasted] = sides;
    println!("list of 50, {} bytes: ours {ours}", page.len());
    for (name, theirs) in [("bare", bare), ("pasted", pasted)] {
        println!(
            "list of 50 {name}: {theirs}; ratio {:.2} by the clock, {:.2} per CPU second",
            ours.per_s() / theirs.per_s(),
            ours.per_cpu_s() / theirs.per_cpu_s()
        );
    }
}

/// What one side has answered.
#[derive(Default, Clone, Copy)]
struct Side {
    answers: usize,
    seconds: u64,
    cpu_s: f64,
}

impl Side {
    fn ask(
        &mut self,
        to: std::net::SocketAddr,
        cookie: &str,
        paths: &[String],
        cpu_s: impl Fn() -> f64,
    ) {
        let before = cpu_s();
        self.answers += load(to, cookie, paths, CLIENTS, SECONDS).1.len();
        self.cpu_s += cpu_s() - before;
        self.seconds += SECONDS;
    }

    fn per_s(&self) -> f64 {
        self.answers as f64 / self.seconds as f64
    }

    fn per_cpu_s(&self) -> f64 {
        self.answers as f64 / self.cpu_s
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (by_clock, by_cpu) = (self.per_s(), self.per_cpu_s());
        write!(
            f,
            "{by_clock:.0}/s, {by_cpu:.0} per CPU second of the server"
        )
    }
}

/// The table on a page.
fn table_in(page: &str) -> &str {
    let (_, rest) = page.split_once("<tbody").unwrap();
    rest.split_once("</tbody>").unwrap().0
}

/// The ids of the customers on a page.
fn shown_in(page: &str) -> Vec<u64> {
    let boxes = table_in(page).split("name=\"id\" value=\"").skip(1);
    let ids = boxes.map(|rest| rest.split('"').next().unwrap());
    ids.map(|id| id.parse::<CustomerId>().unwrap().bits())
        .collect()
}
