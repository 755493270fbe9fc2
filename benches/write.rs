//! Commands through the store against the same bytes put bare into redb.
//!
//! 64 writers change the remark of one relation each, over and over: entity, audit leaf,
//! openings, audit index and feed rows. Then the rows that this left are put into a copy of
//! the file from before, one transaction for each 64 commands, with the same durability. What
//! commands overwrite (heads, counters) is put only once, which favours the bare side.
//! `QITAI_BENCH_RELATIONS` (20,000) rows are there beforehand; `QITAI_BENCH_COMMANDS` (19,200)
//! are timed.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    missing_docs
)]

#[path = "support/mod.rs"]
mod support;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::Instant,
};

use qitai::{
    app::App,
    customers::{AddWay, Relation, RelationState},
    error::AppError,
    identity::Viewer,
    kit::{Id, Random, Timestamp},
    store::{Folder, Store, Write},
};
use redb::{ReadableDatabase, ReadableTable, TableDefinition, TableHandle};

const WRITERS: usize = 64;
const CACHE_BYTES: usize = 64 << 20;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn main() {
    if support::is_debug("write") {
        return;
    }
    let relations = support::size("QITAI_BENCH_RELATIONS", 20_000) as u64;
    let commands = support::size("QITAI_BENCH_COMMANDS", 19_200);
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join("data"));
    folder.create(&Random::system()).unwrap();
    fill(&folder, relations);
    let bare = dir.path().join("bare.redb");
    std::fs::copy(folder.store_file(), &bare).unwrap();
    let before = all_rows(&bare);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let store = Arc::new(Store::open(&folder, App::store_options()).unwrap());
    let start = Instant::now();
    runtime.block_on(write(&store, relations, commands));
    let ours = commands as f64 / start.elapsed().as_secs_f64();
    store.close();
    drop((runtime, store));

    let batches = batches(
        before,
        all_rows(&folder.store_file()),
        commands.div_ceil(WRITERS),
    );
    let rows: usize = batches
        .iter()
        .flat_map(|batch| batch.values().map(Vec::len))
        .sum();
    let bytes: usize = batches
        .iter()
        .flat_map(HashMap::values)
        .flatten()
        .map(|(k, v)| k.len() + v.len())
        .sum();
    let start = Instant::now();
    put_bare(&bare, &batches);
    let theirs = commands as f64 / start.elapsed().as_secs_f64();
    println!("{commands} commands by {WRITERS} writers over {relations} relations");
    println!(
        "each leaves {:.1} rows, {} bytes",
        rows as f64 / commands as f64,
        bytes / commands
    );
    println!("store   {ours:>8.0} commands/s");
    println!("bare    {theirs:>8.0} commands/s");
    println!("ratio   {:.2}", ours / theirs);
}

fn relation(i: u64, remark: String) -> Relation {
    Relation {
        id: Id::from_bits(spread(i)),
        customer: Id::from_bits(spread(i) ^ 1),
        member: Id::from_bits(1 + i % 60),
        remark,
        description: "喜欢老白茶，月底回访".to_owned(),
        company: "厦门市同安区明达茶业有限公司".to_owned(),
        phones: vec!["13800001234".to_owned()],
        tags: vec![Id::from_bits(7)],
        personal_tags: Vec::new(),
        add_way: AddWay(1),
        channel: String::new(),
        added_at: Timestamp::from_s(1_700_000_000),
        state: RelationState::Active,
        last_word: None,
    }
}

/// Ids as random as real ones.
fn spread(i: u64) -> u64 {
    (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn fill(folder: &Folder, relations: u64) {
    let store = Store::open(folder, App::store_options()).unwrap();
    let viewer = Viewer::system("bench");
    for from in (0..relations).step_by(500) {
        let put = move |w: &mut Write<'_>| {
            for i in from..relations.min(from + 500) {
                w.put(&relation(i, format!("王女士 {i}")))?;
            }
            Ok::<_, AppError>(())
        };
        store
            .write_blocking(viewer.change("relation.add"), put)
            .unwrap();
    }
    store.close();
}

async fn write(store: &Arc<Store>, relations: u64, commands: usize) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let viewer = Viewer::system("bench");
            for no in (writer..commands).step_by(WRITERS) {
                let id = spread(spread(no as u64) % relations);
                let verb = move |w: &mut Write<'_>| {
                    let mut relation: Relation = w.get(&Id::from_bits(id))?.unwrap();
                    relation.remark = format!("王女士 第{no}次");
                    w.put(&relation)?;
                    Ok::<_, AppError>(())
                };
                store
                    .write(viewer.change("relation.remark"), verb)
                    .await
                    .unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

fn open(path: &Path) -> redb::Database {
    redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .unwrap()
}

fn all_rows(path: &Path) -> BTreeMap<String, Rows> {
    let db = open(path);
    let tx = db.begin_read().unwrap();
    let names: Vec<String> = tx
        .list_tables()
        .unwrap()
        .map(|t| t.name().to_owned())
        .collect();
    let rows = |name: &String| {
        let table = tx.open_table(definition(name)).unwrap();
        let rows = table.iter().unwrap().map(|row| {
            let (key, value) = row.unwrap();
            (key.value().to_vec(), value.value().to_vec())
        });
        (name.clone(), rows.collect())
    };
    names.iter().map(rows).collect()
}

fn definition(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

type Batch = HashMap<String, Vec<(Vec<u8>, Vec<u8>)>>;

/// What is new or changed, spread over transactions as the commands spread it: at the end of a
/// table in order, anywhere else in none.
fn batches(before: BTreeMap<String, Rows>, after: BTreeMap<String, Rows>, n: usize) -> Vec<Batch> {
    let random = Random::seeded(3);
    let mut batches: Vec<Batch> = (0..n).map(|_| Batch::new()).collect();
    for (table, rows) in after {
        let old = &before[&table];
        let last = old.last_key_value().map(|(key, _)| key.clone());
        let mut new: Vec<_> = rows
            .into_iter()
            .filter(|(key, value)| old.get(key) != Some(value))
            .collect();
        if new.first().map(|(key, _)| key) <= last.as_ref() {
            new.sort_by_cached_key(|_| random.u64());
        }
        let each = new.len().div_ceil(n).max(1);
        for (batch, rows) in batches.iter_mut().zip(new.chunks(each)) {
            batch.insert(table.clone(), rows.to_vec());
        }
    }
    batches
}

fn put_bare(path: &Path, batches: &[Batch]) {
    let db = open(path);
    for batch in batches {
        let mut tx = db.begin_write().unwrap();
        tx.set_durability(redb::Durability::Immediate).unwrap();
        tx.set_two_phase_commit(true);
        tx.set_quick_repair(true);
        for (name, rows) in batch {
            let mut table = tx.open_table(definition(name)).unwrap();
            for (key, value) in rows {
                table.insert(key.as_slice(), value.as_slice()).unwrap();
            }
        }
        tx.commit().unwrap();
    }
}
