//! Many messages: what they take on disk, and how long people wait.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use qitai::{
    app::App,
    archive::ingest::{self, Arrival, Opened},
    store::Act,
    wecom::archive::Message,
};
use serde_json::{Value, json};

use crate::{
    corpus::{Line, Rows},
    firm::{Firm, Product, wait},
    pull::found,
    support::{load, memory_mib, process_cpu_s, quantile},
};

/// Messages of one answer of the archive.
const PAGE: usize = 1_000;
/// The two whose conversation is long.
const LONG: (&str, &str) = ("longwinded", "wmLongLongAgo000000000000000000");

pub fn run(long: usize) {
    let rows = Rows::open();
    let firm = Firm::sync(300);
    let mut json_bytes = 0;
    store(&firm, &rows, long, &mut json_bytes);
    let file = firm.data().join("store.redb");
    let store = size_of(&file);
    let all = (rows.len + long) as u64;
    // What was stored past the index would come to it by the feed, as what is pulled does.
    fs::remove_dir_all(firm.data().join("index")).unwrap();
    let start = Instant::now();
    let mut product = firm.serve();
    product.sign_in_as("compliance");
    // Seldom: each look is a search that leaves an entry, while the index holds on to its state.
    wait(|| {
        std::thread::sleep(Duration::from_secs(1));
        found(&product) >= all
    });
    println!(
        "{all} messages can be found {:.1} s after the start (index from nothing), {:.1} s CPU",
        start.elapsed().as_secs_f64(),
        process_cpu_s(product.pid())
    );
    let words = words(&rows);
    waiting(&product, "before a restart, as JSON", &words);
    waiting(&product, "before a restart, as pages", &pages(&words));
    conversation(&product, "before a restart", long);
    let killed = product.kill();
    let mut product = firm.serve();
    let up = killed.elapsed();
    product.sign_in_as("compliance");
    found(&product);
    println!(
        "after SIGKILL: up after {:.0} ms, first search answered after {:.0} ms",
        up.as_secs_f64() * 1e3,
        killed.elapsed().as_secs_f64() * 1e3
    );
    let idle = memory_mib(product.pid());
    waiting(&product, "after it, as JSON", &words);
    waiting(&product, "after it, as pages", &pages(&words));
    conversation(&product, "after it", long);
    let (rate, times) = load(product.address, &product.cookie, &words, 4, 8);
    println!(
        "4 clients: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms; memory {} MiB anonymous before, {} after, {} of files mapped",
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        idle.0,
        memory_mib(product.pid()).0,
        memory_mib(product.pid()).1
    );
    product.kill();
    let index = size_of(&firm.data().join("index"));
    let mib = |bytes: u64| bytes as f64 / 1048576.0;
    println!(
        "on disk: store {:.0} MiB when all was stored ({:.0} with the room that writing beside the first index took), index {:.0} MiB, JSON {:.0} MiB: {:.2} of it",
        mib(store),
        mib(size_of(&file)),
        mib(index),
        mib(json_bytes),
        (store + index) as f64 / json_bytes as f64
    );
}

/// Stores all messages, the long conversation spread evenly among the others.
fn store(firm: &Firm, rows: &Rows, long: usize, json_bytes: &mut u64) {
    let app = App::open(firm.config()).unwrap();
    let every = (rows.len / long.max(1)).max(1);
    let (mut seq, mut said, mut page) = (0, 0, Vec::new());
    let mut at = 0;
    let (start, cpu) = (Instant::now(), process_cpu_s(std::process::id()));
    let mut keep = |message: Value, page: &mut Vec<Opened>| {
        seq += 1;
        let bytes = serde_json::to_vec(&message).unwrap();
        *json_bytes += bytes.len() as u64;
        let message = Message::parse(&bytes).unwrap();
        page.push(Opened { seq, message });
        if page.len() == PAGE {
            put(&app, std::mem::take(page));
        }
    };
    for (n, line) in rows.lines(rows.len).enumerate() {
        at = line.ts_ms;
        keep(wire(&line, n as u64), &mut page);
        if n % every == 0 && said < long {
            said += 1;
            keep(wire(&of_long(said, at), (n + rows.len) as u64), &mut page);
        }
    }
    while said < long {
        (said, at) = (said + 1, at + 1_000);
        let line = of_long(said, at);
        keep(wire(&line, (said + 2 * rows.len) as u64), &mut page);
    }
    put(&app, page);
    let all = (rows.len + long) as f64;
    println!(
        "{all} messages stored at {:.0}/s, {:.1} µs CPU each with making them",
        all / start.elapsed().as_secs_f64(),
        (process_cpu_s(std::process::id()) - cpu) * 1e6 / all
    );
    app.store.close();
}

fn put(app: &App, opened: Vec<Opened>) {
    let arrival = Arrival::of(opened, app.zone());
    let act = Act::by_system("archive.pull", "archive");
    let stored = app
        .store
        .write_blocking(act, |w| Ok(ingest::store(w, arrival)?));
    stored.unwrap();
}

fn of_long(no: usize, at: i64) -> Line {
    let (member, customer) = (LONG.0.to_owned(), LONG.1.to_owned());
    let (from, to) = match no % 2 {
        0 => (member, customer),
        _ => (customer, member),
    };
    Line {
        id: String::new(),
        seq: 0,
        from,
        to,
        room: String::new(),
        ts_ms: at,
        kind: "text".to_owned(),
        text: format!("第{no}次提醒：请确认合同，谢谢"),
    }
}

/// The message as WeCom gives it out.
fn wire(line: &Line, no: u64) -> Value {
    let id = match line.id.is_empty() {
        true => format!(
            "{:020}_{}_external",
            no ^ 0x9e37_79b9_7f4a_7c15,
            line.ts_ms / 1000
        ),
        false => line.id.clone(),
    };
    let mut message = json!({
        "msgid": id, "action": "send", "from": line.from, "tolist": [line.to],
        "roomid": line.room, "msgtime": line.ts_ms, "msgtype": line.kind,
    });
    let body = match line.kind.as_str() {
        "text" | "markdown" => json!({"content": line.text}),
        "revoke" => json!({"pre_msgid": line.text}),
        "file" => json!({"filename": line.text, "filesize": 20_480, "fileext": "pdf"}),
        _ => json!({"title": line.text}),
    };
    message[line.kind.as_str()] = body;
    message
}

/// Addresses of searches: every word that the questions name.
fn words(rows: &Rows) -> Vec<String> {
    let known = rows.folder().map(|folder| folder.join("queries.jsonl"));
    let words: Vec<String> = match known {
        Some(file) => {
            let lines = fs::read_to_string(file).unwrap();
            let questions = lines.lines().map(|l| serde_json::from_str(l).unwrap());
            let plain =
                questions.filter(|q: &Value| q["on"] == "messages" && q["employee"].is_null());
            plain
                .map(|q| q["q"].as_str().unwrap_or_default().to_owned())
                .collect()
        }
        None => [
            "",
            "发票",
            "报价单",
            "老白茶",
            "的",
            "OK",
            "WiFi",
            "1380",
            "没有这个词",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    let address =
        |word: &String| format!("/api/v1/messages?limit=20&q={}", qitai::web::encode(word));
    words.iter().map(address).collect()
}

/// The same searches as people make them in a browser.
fn pages(paths: &[String]) -> Vec<String> {
    let page = |path: &String| path.replace("/api/v1/messages?limit=20&", "/archive?");
    paths.iter().map(page).collect()
}

/// Each question three times, one after the other.
fn waiting(product: &Product, when: &str, paths: &[String]) {
    let mut http = product.http();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); 3];
    for times in &mut times {
        for path in paths {
            let start = Instant::now();
            let answer = http.get(path).unwrap();
            times.push(start.elapsed());
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    }
    let again = times[1..].concat();
    println!(
        "{when}: {} searches of a page with its total over HTTP: first try p50 {:.2} p99 {:.2} ms; again p50 {:.2} p99 {:.2} ms",
        paths.len(),
        quantile(&times[0], 0.5),
        quantile(&times[0], 0.99),
        quantile(&again, 0.5),
        quantile(&again, 0.99)
    );
}

/// The long conversation, opened at places all over it.
fn conversation(product: &Product, when: &str, long: usize) {
    let mut http = product.http();
    let answer = http
        .get("/api/v1/messages?limit=200&q=%E6%AC%A1%E6%8F%90%E9%86%92")
        .unwrap();
    let found: Value = serde_json::from_str(&answer.text()).unwrap();
    let one = &found["items"][0];
    let chat = one["conversation_id"].as_str().unwrap();
    let newest: u64 = one["id"].as_str().unwrap().parse().unwrap();
    product.post_with(&format!("/archive/{chat}/open"), "&reason=a+bench+of+it");
    let at = (1..=200u64).map(|n| 1 + newest.saturating_sub(1) * (n * 37 % 200) / 200);
    let mut bytes = 0;
    let times: Vec<Duration> = at
        .map(|seq| {
            let start = Instant::now();
            let answer = http.get(&format!("/archive/{chat}?at={seq}")).unwrap();
            let took = start.elapsed();
            assert_eq!(answer.status, 200, "{}", answer.head);
            bytes = answer.text().len();
            took
        })
        .collect();
    println!(
        "{when}: a conversation of {long} opened at 200 places: p50 {:.2} ms, p99 {:.2} ms, {bytes} bytes of page",
        quantile(&times, 0.5),
        quantile(&times, 0.99)
    );
}

/// Bytes that the file system keeps for a file, or for all files below a folder: a file may be
/// longer than what was ever written to it.
fn size_of(path: &Path) -> u64 {
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|e| size_of(&e.unwrap().path())).sum(),
        Err(_) => fs::metadata(path).map_or(0, |m| m.blocks() * 512),
    }
}
