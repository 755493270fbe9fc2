//! Search of customers against SQLite's `LIKE '%…%'` on the same rows in the same run.
//!
//! `QITAI_BENCH_DATA` names a folder with `customers.jsonl`; without it the bench makes its own
//! rows. `QITAI_BENCH_CUSTOMERS` is how many are read (200,000). Figures are printed as
//! ratios; hits of queries for substrings are compared with brute force, and the bench fails
//! when they differ. Timings are engine in process, both sides.

// Figures of a bench may be rounded, and it may end at the first surprise.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs
)]

#[path = "search/peer.rs"]
mod peer;
#[path = "search/queries.rs"]
mod queries;
#[path = "search/rows.rs"]
mod rows;

use std::{path::Path, time::Instant};

use qitai::search::{Filters, From, Kind, People, PeopleQuery, ScopeFilter, SearchError, Sort};

use peer::Peer;
use queries::Asked;
use rows::Row;

/// Customers on a page.
const PAGE: usize = 20;
/// Runs of each query; the median counts.
const RUNS: usize = 5;

fn main() {
    // `cargo test --benches` would run it; figures of an unoptimized build tell nothing.
    if cfg!(debug_assertions) {
        println!("search bench: skipped, not a release build");
        return;
    }
    let wanted = std::env::var("QITAI_BENCH_CUSTOMERS");
    let wanted = wanted.map_or(200_000, |n| n.parse().unwrap());
    let rows = rows::load(wanted);
    let asked = queries::mixed(&rows);
    println!(
        "{} customers, {} queries, pages of {PAGE} with exact totals",
        rows.len(),
        asked.len()
    );
    let small = &rows[..rows.len() / 10];
    let folder = tempfile::tempdir().unwrap();
    let few = measure(&build(small, &folder.path().join("few")), &asked);
    let people = build(&rows, &folder.path().join("many"));
    let many = measure(&people, &asked);
    lists(&people, &rows);
    audience(&people, &rows);
    oracle(&people, &rows, &asked);
    println!(
        "memory: {} MiB anonymous with {} rows held by the bench",
        anonymous_mib(),
        rows.len()
    );
    let peer = Peer::new(&rows, folder.path());
    let like: Vec<f64> = asked.iter().map(|a| peer.ms(a, PAGE)).collect();
    report(&asked, &many, &like);
    let growth = |p| quantile(&many, p) / quantile(&few, p);
    println!(
        "growth from {} customers: p50 {:.2}x, p99 {:.2}x",
        small.len(),
        growth(0.5),
        growth(0.99)
    );
}

/// Builds an index, opens it again as a start would, and says what that cost.
fn build(rows: &[Row], dir: &Path) -> People {
    let before = anonymous_mib();
    let start = Instant::now();
    let people = People::open(dir, "bench", 0).unwrap();
    let docs = (1u32..)
        .zip(rows)
        .map(|(no, row)| Ok::<_, SearchError>(row.docs(no)));
    people.rebuild(docs, 1).unwrap();
    let built = start.elapsed().as_secs_f64();
    drop(people);
    let bytes: u64 = files(&dir.join("people-3"));
    let start = Instant::now();
    let people = People::open(dir, "bench", 1).unwrap();
    let opened = start.elapsed().as_secs_f64() * 1e3;
    assert_eq!(people.cursor(), 1, "the index just built was not accepted");
    let per_second = rows.len() as f64 / built;
    println!(
        "index of {}: built in {built:.1} s ({per_second:.0}/s), {} MiB ({} bytes each), opened in {opened:.0} ms, {} MiB anonymous",
        rows.len(),
        bytes >> 20,
        bytes / rows.len() as u64,
        anonymous_mib().saturating_sub(before),
    );
    people
}

fn files(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|e| e.unwrap().metadata().unwrap().len()).sum()
}

/// Anonymous memory of this process, MiB.
fn anonymous_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}

/// Milliseconds of each query: the median of its runs.
fn measure(people: &People, asked: &[Asked]) -> Vec<f64> {
    asked
        .iter()
        .map(|asked| median(|| drop(people.search(&asked.query, From::Start, PAGE).unwrap())))
        .collect()
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn quantile(times: &[f64], p: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    // The smallest time that at least the share `p` of all does not exceed.
    let below = times
        .iter()
        .enumerate()
        .take_while(|(i, _)| (*i as f64) < times.len() as f64 * p);
    below.last().map_or(0.0, |(_, time)| *time)
}

/// What a broadcast asks: three conditions on tags, first how many, then who and whose row.
/// Each is asked once with other tags, since answers about one state are kept.
fn audience(people: &People, rows: &[Row]) {
    let mut tags: Vec<u64> = rows.iter().flat_map(|r| r.tags.clone()).take(400).collect();
    tags.sort_unstable();
    tags.dedup();
    let asked: Vec<Filters> = tags
        .windows(5)
        .take(RUNS)
        .map(|tags| Filters {
            tag_sets: vec![tags[..2].to_vec(), tags[1..4].to_vec()],
            tags_none: vec![tags[4]],
            deleted: Some(false),
            ..Filters::default()
        })
        .collect();
    let (mut counted, mut chosen) = (Vec::new(), Vec::new());
    for filters in asked {
        let start = Instant::now();
        let scope = ScopeFilter::Everything;
        let counts = people.counts(Kind::Customer, &scope, std::slice::from_ref(&filters));
        counted.push(start.elapsed().as_secs_f64() * 1e3);
        let query = PeopleQuery {
            text: String::new(),
            kind: Kind::Customer,
            scope,
            filters,
            sort: Sort::NewestAdded,
            may_see_phones: false,
        };
        let start = Instant::now();
        let who = people.chosen(&query).unwrap();
        chosen.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(who.len() as u64, counts.unwrap()[0]);
    }
    println!(
        "audience by three conditions on tags: counted in {:.1} ms, chosen in {:.1} ms",
        quantile(&counted, 0.5),
        quantile(&chosen, 0.5)
    );
}

/// What list pages ask: no words, a saved view's conditions, counts for tabs.
fn lists(people: &People, rows: &[Row]) {
    let query = |scope: ScopeFilter, sort, filters| PeopleQuery {
        text: String::new(),
        kind: Kind::Customer,
        scope,
        filters,
        sort,
        may_see_phones: false,
    };
    let some = ScopeFilter::Members(rows.iter().take(12).map(|r| r.owner).collect());
    let tagged = Filters {
        tags: rows.iter().flat_map(|r| r.tags.clone()).take(1).collect(),
        ..Filters::default()
    };
    let asked = [
        (
            "newest",
            query(
                ScopeFilter::Everything,
                Sort::NewestAdded,
                Filters::default(),
            ),
        ),
        (
            "by name",
            query(ScopeFilter::Everything, Sort::Name, Filters::default()),
        ),
        (
            "of a tag",
            query(ScopeFilter::Everything, Sort::NewestAdded, tagged),
        ),
        (
            "of 12 members",
            query(some, Sort::NewestAdded, Filters::default()),
        ),
    ];
    for (what, query) in asked {
        let page = |from| people.search(&query, from, PAGE).unwrap();
        let start = Instant::now();
        let first = page(From::Start);
        let cold = start.elapsed().as_secs_f64() * 1e3;
        let warm = median(|| drop(page(From::Start)));
        let last = first.items.last().unwrap().place;
        let start = Instant::now();
        page(From::After(last));
        let next_cold = start.elapsed().as_secs_f64() * 1e3;
        let next = median(|| drop(page(From::After(last))));
        println!(
            "list {what} ({}): first page {cold:.2} ms, again {warm:.3} ms; second {next_cold:.2} ms, again {next:.3} ms",
            first.total
        );
    }
    let start = Instant::now();
    people.tag_counts(&ScopeFilter::Everything).unwrap();
    println!(
        "counts of all tags: {:.2} ms at first",
        start.elapsed().as_secs_f64() * 1e3
    );
}

/// Compares totals and pages with brute force over the folded rows.
fn oracle(people: &People, rows: &[Row], asked: &[Asked]) {
    let mut compared = 0;
    for asked in asked.iter().filter(|a| a.is_substring) {
        let want: std::collections::BTreeSet<u64> = rows
            .iter()
            .filter(|row| asked.selects(row))
            .map(|row| row.object)
            .collect();
        let hits = people
            .search(&asked.query, From::Start, want.len().max(1))
            .unwrap();
        let got: std::collections::BTreeSet<u64> = hits.items.iter().map(|h| h.object).collect();
        assert_eq!(
            hits.total,
            want.len() as u64,
            "total of {}",
            asked.query.text
        );
        assert_eq!(got, want, "hits of {}", asked.query.text);
        compared += 1;
    }
    println!(
        "oracle: {compared} of {compared} substring queries have exactly the hits of brute force"
    );
}

fn report(asked: &[Asked], ours: &[f64], like: &[f64]) {
    println!(
        "{:<10} {:>4} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "class", "n", "p50 ms", "p99 ms", "LIKE p50", "LIKE p99", "p50 x", "p99 x"
    );
    let mut classes: Vec<&str> = asked.iter().map(|a| a.class).collect();
    classes.dedup();
    for class in classes.into_iter().chain(["all"]) {
        let pick = |times: &[f64]| -> Vec<f64> {
            let of_class = asked
                .iter()
                .zip(times)
                .filter(|(a, _)| class == "all" || a.class == class);
            of_class.map(|(_, t)| *t).collect()
        };
        let (ours, like) = (pick(ours), pick(like));
        let [a, b] = [0.5, 0.99].map(|p| quantile(&ours, p));
        let [c, d] = [0.5, 0.99].map(|p| quantile(&like, p));
        println!(
            "{class:<10} {:>4} {a:>9.3} {b:>9.3} {c:>9.1} {d:>9.1} {:>8.0} {:>8.0}",
            ours.len(),
            c / a,
            d / b
        );
    }
}
