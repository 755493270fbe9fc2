//! The whole product over a made-up firm: first full sync, lists and search over HTTP, events
//! under load, memory, and the first answer after a kill.
//!
//! The simulator runs in this process, the product in one of its own. `QITAI_BENCH_CUSTOMERS`
//! (20,000) is the firm's size; a second firm of a tenth shows what grows. `QITAI_BENCH_EVENTS`
//! (20,000) events are queued at once. Both sides of a ratio run in the same process tree on
//! the same machine with the same load generator.

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
use support::{load, quantile, size};

/// Connections that ask at the same time.
const CLIENTS: usize = 4;
const SECONDS: u64 = 8;

fn main() {
    if support::is_debug("product") {
        return;
    }
    let customers = size("QITAI_BENCH_CUSTOMERS", 20_000);
    let small = search(&Firm::sync(customers / 10));
    let firm = Firm::sync(customers);
    let large = search(&firm);
    for (p, name) in [(0.5, "p50"), (0.99, "p99")] {
        let growth = quantile(&large, p) / quantile(&small, p);
        println!(
            "search {name} grows {growth:.2}x from {} customers",
            customers / 10
        );
    }
    list(&firm);
    events::run(firm, size("QITAI_BENCH_EVENTS", 20_000));
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

/// `/customers` with 50 rows against a bare page with the same bytes.
fn list(firm: &Firm) {
    let product = firm.serve();
    let path = "/customers?limit=50".to_owned();
    let page = product.http().get(&path).unwrap();
    assert_eq!(page.status, 200, "{}", page.head);
    let bare = bare::serve(&page.text());
    let mut rates = [0.0; 2];
    // Turn by turn, so that both see the same machine.
    for _ in 0..3 {
        let paths = [path.clone()];
        rates[0] += load(product.address, &product.cookie, &paths, CLIENTS, SECONDS).0 / 3.0;
        rates[1] += load(bare, "", &paths, CLIENTS, SECONDS).0 / 3.0;
    }
    let [ours, theirs] = rates;
    println!(
        "list of 50, {} bytes: {ours:.0}/s; bare {theirs:.0}/s; ratio {:.2}",
        page.body.len(),
        ours / theirs
    );
}
