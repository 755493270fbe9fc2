//! Search of archived messages against SQLite with the same rows in the same run.
//!
//! `QITAI_BENCH_DATA` names a folder with `messages.jsonl` (one message a line: `seq`, `from`,
//! `to`, `room`, `ts_ms`, `type`, `text`) and `queries.jsonl` (questions); without it the bench
//! makes its own. What is right, brute force says over texts that were folded as the index folds
//! them: a traditional character is found by its simplified form. Sizes:
//! `QITAI_BENCH_MESSAGES` (all there are, or 100,000), `QITAI_BENCH_PEER_QUERIES` (40; 0 leaves
//! the peers out). Figures are printed as ratios; the bench fails when an answer is not that of
//! brute force. Timings are engine in process, both sides.

// Figures of a bench may be rounded, and it may end at the first surprise.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    missing_docs
)]

#[path = "archive/peers.rs"]
mod peers;
#[path = "archive/questions.rs"]
mod questions;
#[path = "archive/rows.rs"]
mod rows;
#[path = "support/mod.rs"]
mod support;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use qitai::search::{
    MessageOrder, MessagePage, MessageQuery, MessageScope, MessageTotal, Messages, SearchError,
};

use questions::Asked;
use rows::Rows;
use support::{memory_mib, quantile, size};

/// Messages on a page.
const PAGE: usize = 20;
/// Repetitions of each query; the median counts, the first try is told apart.
const RUNS: usize = 5;
/// Documents applied between two commits when catching up.
const BATCH: usize = 10_000;

fn main() {
    if support::is_debug("archive") {
        return;
    }
    let mut rows = Rows::open();
    let mut asked = questions::load(&mut rows);
    questions::answer(&mut rows, &mut asked);
    let len = rows.len;
    println!("{len} messages, {} questions, pages of {PAGE}", asked.len());
    let folder = tempfile::tempdir().unwrap();
    let few = Measured::of(&mut rows, len / 10, &folder.path().join("few"), &asked);
    catching_up(&mut rows, len.min(200_000), &folder.path().join("live"));
    let many = Measured::of(&mut rows, len, &folder.path().join("many"), &asked);
    for (what, few, many) in [
        ("page", &few.page, &many.page),
        ("page + total", &few.total, &many.total),
    ] {
        let exponent = |p| (quantile(many, p) / quantile(few, p)).log10();
        println!(
            "growth of {what} from a tenth: exponent p50 {:.2}, p99 {:.2}",
            exponent(0.5),
            exponent(0.99)
        );
    }
    oracle(&many.messages, &asked);
    scopes(&many.messages, &asked, &rows.staff());
    let (anonymous, mapped) = memory_mib(std::process::id());
    println!("memory: {anonymous} MiB anonymous, {mapped} MiB of files mapped");
    let sample = size("QITAI_BENCH_PEER_QUERIES", 40);
    if sample > 0 {
        peers::compare(&mut rows, &asked, &many, sample, folder.path());
    }
}

/// An index and what it costs.
pub struct Measured {
    messages: Messages,
    /// The newest page of each question.
    pub page: Vec<Duration>,
    /// The same with its total, exact unless it is narrowed.
    pub total: Vec<Duration>,
}

impl Measured {
    fn of(rows: &mut Rows, len: usize, dir: &Path, asked: &[Asked]) -> Self {
        let messages = build(rows, len, dir);
        let with = |total| {
            move |query: &MessageQuery| MessageQuery {
                total,
                ..query.clone()
            }
        };
        let page = measure(&messages, asked, with(MessageTotal::Skip));
        let total = measure(&messages, asked, with(MessageTotal::Quick));
        let best = measure(&messages, asked, |query| MessageQuery {
            order: MessageOrder::Relevance,
            total: MessageTotal::Skip,
            ..query.clone()
        });
        for (what, (first, again)) in [
            ("page", &page),
            ("page + total", &total),
            ("best first", &best),
        ] {
            println!(
                "{len}: {what}: p50 {:.4} p99 {:.3} ms; first try p50 {:.4} p99 {:.3} ms",
                quantile(again, 0.5),
                quantile(again, 0.99),
                quantile(first, 0.5),
                quantile(first, 0.99)
            );
        }
        Self {
            messages,
            page: page.1,
            total: total.1,
        }
    }
}

/// Builds an index, opens it again as a start would, and says what that cost.
fn build(rows: &mut Rows, len: usize, dir: &Path) -> Messages {
    let (start, cpu) = (Instant::now(), cpu_ms());
    let messages = Messages::open(dir, "bench", 0).unwrap();
    let docs = rows.docs(len).map(Ok::<_, SearchError>);
    assert_eq!(messages.rebuild(docs, 1).unwrap(), len as u64);
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_ms() - cpu);
    drop(messages);
    let bytes = files(&dir.join("messages-2"));
    let start = Instant::now();
    let messages = Messages::open(dir, "bench", 1).unwrap();
    let opened = start.elapsed().as_secs_f64() * 1e3;
    assert_eq!(messages.place(), 1, "the index just built was not accepted");
    let each = bytes as f64 / len as f64;
    println!(
        "{len}: rebuilt at {:.0}/s ({:.0} per CPU second with reading), {each:.1} bytes each, {:.2}x the JSON, opened in {opened:.0} ms",
        len as f64 / wall,
        len as f64 / cpu * 1e3,
        each / rows.json_bytes,
    );
    messages
}

/// Commits every ten thousand, with all merges, as when messages of days are fetched.
fn catching_up(rows: &mut Rows, len: usize, dir: &Path) {
    let messages = Messages::open(dir, "bench", 0).unwrap();
    let cpu = cpu_ms();
    let docs: Vec<_> = rows.docs(len).collect();
    let reading = cpu_ms() - cpu;
    let (start, cpu) = (Instant::now(), cpu_ms());
    for (n, docs) in (0u64..).zip(docs.chunks(BATCH)) {
        assert!(messages.apply(&[], docs, n, n + 1).unwrap());
        messages.commit().unwrap();
    }
    let wall = start.elapsed().as_secs_f64();
    println!(
        "{len}: caught up at {:.0}/s with commits every {BATCH}: {:.1} µs CPU each with merges (making a document besides: {:.1} µs)",
        len as f64 / wall,
        (cpu_ms() - cpu) * 1e3 / len as f64,
        reading * 1e3 / len as f64
    );
    let bytes = files(&dir.join("messages-1"));
    println!("{len}: {:.1} bytes each then", bytes as f64 / len as f64);
}

fn files(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|e| e.unwrap().metadata().unwrap().len()).sum()
}

/// CPU time of all threads of this process, ms.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() * 10.0
}

/// The first try and the median of the next ones of each question.
fn measure(
    messages: &Messages,
    asked: &[Asked],
    how: impl Fn(&MessageQuery) -> MessageQuery,
) -> (Vec<Duration>, Vec<Duration>) {
    let one = |asked: &Asked| {
        let query = how(&asked.query);
        let run = || {
            let start = Instant::now();
            messages.search(&query).unwrap();
            start.elapsed()
        };
        let first = run();
        let mut again: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
        again.sort();
        (first, again[RUNS / 2])
    };
    asked.iter().map(one).unzip()
}

/// Totals and first pages against what brute force found.
fn oracle(messages: &Messages, asked: &[Asked]) {
    let wrong = asked.iter().filter(|asked| {
        let query = MessageQuery {
            total: MessageTotal::Exact,
            ..asked.query.clone()
        };
        let hits = messages.search(&query).unwrap();
        let first: Vec<u64> = hits.items.iter().map(|hit| hit.seq).collect();
        let fits = hits.total == asked.total && first == asked.first;
        if !fits {
            let (got, want) = (hits.total, asked.total);
            println!("WRONG: {} {:?}: {got}, not {want}", asked.class, asked.text);
        }
        !fits
    });
    let wrong = wrong.count();
    let all = asked.len();
    println!(
        "oracle: {} of {all} totals and first pages are those of brute force",
        all - wrong
    );
    assert_eq!(wrong, 0);
}

/// What leaders of 1, 5, 50 and 250 people see: totals up to a thousand.
fn scopes(messages: &Messages, asked: &[Asked], staff: &[u32]) {
    let plain: Vec<Asked> = asked
        .iter()
        .filter(|a| a.class != "filter")
        .cloned()
        .collect();
    for many in [1, 5, 50, 250] {
        // Spread over the busy and the quiet.
        let step = (staff.len() / many).max(1);
        let mut team: Vec<u32> = staff
            .iter()
            .skip(step / 2)
            .step_by(step)
            .take(many)
            .copied()
            .collect();
        team.sort_unstable();
        let scope = MessageScope::Staff(Arc::from(team));
        let start = Instant::now();
        let list = messages
            .search(&MessageQuery::new(scope.clone(), PAGE))
            .unwrap();
        let cold = start.elapsed().as_secs_f64() * 1e3;
        let scoped = |query: &MessageQuery| MessageQuery {
            scope: scope.clone(),
            page: MessagePage::Start,
            ..query.clone()
        };
        let (first, again) = measure(messages, &plain, scoped);
        println!(
            "scope of {many}: {} messages, first list {cold:.2} ms; page + total up to 1,000: p50 {:.4} p99 {:.3} ms; first try p50 {:.4} p99 {:.3} ms",
            list.total,
            quantile(&again, 0.5),
            quantile(&again, 0.99),
            quantile(&first, 0.5),
            quantile(&first, 0.99)
        );
    }
    let cpu = cpu_ms();
    let start = Instant::now();
    let mut done = 0u32;
    while start.elapsed() < Duration::from_secs(2) {
        for asked in asked {
            messages.search(&asked.query).unwrap();
            done += 1;
        }
    }
    println!(
        "searches per CPU second (page + total): {:.0}",
        f64::from(done) / (cpu_ms() - cpu) * 1e3
    );
}
