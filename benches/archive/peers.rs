//! SQLite with the same rows: a scan with `LIKE`, and its own index of three characters.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params_from_iter};

use super::{Measured, PAGE, questions::Asked, rows::Rows, support::quantile};

/// Asks a sample of the questions and prints ratios.
pub fn compare(rows: &mut Rows, asked: &[Asked], ours: &Measured, sample: usize, dir: &Path) {
    let file = dir.join("peer.sqlite");
    let start = Instant::now();
    let connection = load(rows, &file);
    println!(
        "SQLite loaded in {:.0} s, {:.0} bytes each with both",
        start.elapsed().as_secs_f64(),
        std::fs::metadata(&file).unwrap().len() as f64 / rows.len as f64
    );
    let step = (asked.len() / sample).max(1);
    let picked: Vec<usize> = (0..asked.len()).step_by(step).collect();
    let of_ours: Vec<Duration> = picked.iter().map(|n| ours.total[*n]).collect();
    for (name, index) in [("LIKE", false), ("FTS5 trigram", true)] {
        let mut right = 0;
        let times: Vec<Duration> = picked
            .iter()
            .map(|n| {
                let (time, total) = ask(&connection, &asked[*n], index);
                right += usize::from(total == asked[*n].total);
                time
            })
            .collect();
        let ratio = |p| quantile(&times, p) / quantile(&of_ours, p);
        println!(
            "SQLite {name}, page + total, {} of {} questions ({right} totals right): p50 {:.2} p99 {:.1} ms; ours is {:.0}x and {:.0}x as fast",
            picked.len(),
            asked.len(),
            quantile(&times, 0.5),
            quantile(&times, 0.99),
            ratio(0.5),
            ratio(0.99)
        );
    }
}

fn load(rows: &mut Rows, file: &Path) -> Connection {
    let mut connection = Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000;
             CREATE TABLE m (seq INTEGER PRIMARY KEY, at INTEGER, chat INTEGER, sender INTEGER,
               receiver INTEGER, text TEXT);
             CREATE VIRTUAL TABLE f USING fts5(text, content='m', content_rowid='seq', tokenize='trigram');",
        )
        .unwrap();
    let write = connection.transaction().unwrap();
    let mut insert = write
        .prepare("INSERT INTO m VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .unwrap();
    for doc in rows.docs(rows.len) {
        let (from, to) = (doc.parties[0], doc.parties[1]);
        let seq = doc.seq.cast_signed();
        insert
            .execute((seq, doc.at_ms, doc.chat, from, to, doc.text))
            .unwrap();
    }
    drop(insert);
    write
        .execute("INSERT INTO f (f) VALUES ('rebuild')", ())
        .unwrap();
    write.commit().unwrap();
    connection
}

/// How long the newest page and the total take, and the total. Numbers rise with time, so the
/// newest are found by number as in our index.
fn ask(connection: &Connection, asked: &Asked, index: bool) -> (Duration, u64) {
    let words = asked.words();
    // Fewer than three characters are no trigram: the table is scanned.
    let index = index && words.iter().all(|word| word.chars().count() >= 3);
    let mut conditions = asked.conditions();
    let (table, values) = if index {
        let quoted: Vec<String> = words
            .iter()
            .map(|w| format!("\"{}\"", w.replace('"', "\"\"")))
            .collect();
        conditions.push("f MATCH ?1".to_owned());
        let table = if conditions.len() > 1 {
            "f JOIN m ON m.seq = f.rowid"
        } else {
            "f"
        };
        (table, vec![quoted.join(" AND ")])
    } else {
        conditions.extend((1..=words.len()).map(|n| format!("m.text LIKE ?{n} ESCAPE '\\'")));
        let escaped = words.iter().map(|w| {
            w.replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_")
        });
        ("m", escaped.map(|w| format!("%{w}%")).collect())
    };
    let order = if index { "f.rowid" } else { "m.seq" };
    let conditions = conditions.join(" AND ");
    let run = |sql: String| {
        let mut statement = connection.prepare_cached(&sql).unwrap();
        let mut rows = statement.query(params_from_iter(&values)).unwrap();
        let mut last = 0i64;
        while let Some(row) = rows.next().unwrap() {
            last = row.get(0).unwrap();
        }
        last
    };
    let start = Instant::now();
    run(format!(
        "SELECT {order} FROM {table} WHERE {conditions} ORDER BY {order} DESC LIMIT {PAGE}"
    ));
    let total = run(format!("SELECT count(*) FROM {table} WHERE {conditions}"));
    (start.elapsed(), total.cast_unsigned())
}
