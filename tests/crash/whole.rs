//! Whether store, index, audit trail and files have exactly what the source has.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::Read as _,
    path::Path,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use qitai::{
    app::App,
    archive::{self, Brought, Chat, Media, MediaState, Pull, ingest, queries},
    audit,
    search::{MessagePage, MessageQuery, MessageScope},
    store::Folder,
    wecom::sim::SimHandle,
};
use serde_json::{Value, json};

/// What the firm's archive has, in its own words.
pub(super) struct Source {
    messages: BTreeMap<u64, Value>,
    /// Files by the id under which a message names them.
    files: HashMap<String, Vec<u8>>,
}

impl Source {
    /// Everything, files included, asked for past the product.
    pub(super) fn of(sim: &SimHandle, runtime: &tokio::runtime::Runtime) -> Self {
        let numbers = 1..=sim.archived();
        let messages: BTreeMap<u64, Value> = numbers
            .map(|seq| (seq, sim.archived_message(seq).unwrap()))
            .collect();
        let ids: BTreeSet<String> = messages.values().flat_map(file_ids).collect();
        let files = runtime.block_on(files(sim, ids));
        Self { messages, files }
    }
}

/// The ids of all files that a message names, wherever in it.
fn file_ids(message: &Value) -> Vec<String> {
    match message {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(id) if name == "sdkfileid" => vec![id.clone()],
                value => file_ids(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(file_ids).collect(),
        // A part of a mixed or forwarded message is JSON in a text.
        Value::String(text) if text.starts_with('{') => {
            let inner = serde_json::from_str(text);
            inner.map_or_else(|_| Vec::new(), |inner| file_ids(&inner))
        }
        _ => Vec::new(),
    }
}

async fn files(sim: &SimHandle, ids: BTreeSet<String>) -> HashMap<String, Vec<u8>> {
    let http = super::http();
    let address = format!(
        "{}gettoken?corpid={}&corpsecret={}",
        sim.base_url, sim.corpid, sim.archive_secret
    );
    let answer: Value = http
        .get(address)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let address = format!("{}message/getmediadata?access_token={token}", sim.base_url);
    let mut files = HashMap::new();
    for id in ids {
        let (mut content, mut index) = (Vec::new(), String::new());
        loop {
            let ask = json!({ "sdkfileid": id, "indexbuf": index });
            let answer = http.post(&address).json(&ask).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            content.extend(BASE64.decode(answer["data"].as_str().unwrap()).unwrap());
            if answer["is_finish"] == 1 {
                break;
            }
            index = answer["outindexbuf"].as_str().unwrap().to_owned();
        }
        files.insert(id, content);
    }
    files
}

/// A message as the store has it.
struct Kept {
    json: Value,
    salt: [u8; 16],
    is_recalled: bool,
}

/// What was compared: a comparison of nothing proves nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Messages.
    pub(super) messages: usize,
    /// Of them, those that were taken back.
    pub(super) recalled: usize,
    /// Of them, those that came before their key.
    pub(super) late: usize,
    /// Files with a content of their own.
    pub(super) files: usize,
}

/// Compares; the first thing that is wrong.
pub(super) fn compare(app: &App, source: &Source) -> Result<Whole, String> {
    let kept = store(app, source)?;
    index(app, source)?;
    let late = trail(app, source, &kept)?;
    let files = shelf(app, source)?;
    let checked = app.store.check().unwrap();
    if !checked.is_clean() {
        return Err(format!("check finds {:?}", checked.found));
    }
    Ok(Whole {
        messages: kept.len(),
        recalled: kept.values().filter(|one| one.is_recalled).count(),
        late,
        files,
    })
}

fn store(app: &App, source: &Source) -> Result<BTreeMap<u64, Kept>, String> {
    let mut kept = BTreeMap::new();
    app.read(|r| {
        for stretch in queries::all_messages(r, (0, 0)).unwrap() {
            for message in stretch.unwrap() {
                let chat = r.get::<Chat>(&message.chat).unwrap().unwrap();
                let one = Kept {
                    json: message.to_json(r, &chat).unwrap().unwrap(),
                    salt: message.salt.unwrap(),
                    is_recalled: message.is_recalled,
                };
                if kept.insert(message.seq, one).is_some() {
                    return Err(format!("message {} is stored twice", message.seq));
                }
            }
        }
        Ok(())
    })?;
    same_numbers("store", kept.keys(), source)?;
    let ids: BTreeSet<String> = kept.values().map(|one| text(&one.json, "msgid")).collect();
    if ids.len() != kept.len() {
        return Err(format!("{} ids for {} messages", ids.len(), kept.len()));
    }
    let taken_back: BTreeSet<String> = source
        .messages
        .values()
        .map(|message| text(&message["revoke"], "pre_msgid"))
        .collect();
    for (seq, one) in &kept {
        if one.json != source.messages[seq] {
            return Err(format!("message {seq} has another content"));
        }
        if one.is_recalled != taken_back.contains(&text(&one.json, "msgid")) {
            return Err(format!("recalled or not: {seq} says the opposite"));
        }
    }
    let cursor = app.read(ingest::cursor).unwrap();
    let counted = (cursor.seq, cursor.parked, cursor.skipped);
    match counted == (source.messages.len() as u64, 0, 0) {
        true => Ok(kept),
        false => Err(format!("the place is {cursor:?}")),
    }
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

fn same_numbers<'a>(
    what: &str,
    has: impl Iterator<Item = &'a u64>,
    source: &Source,
) -> Result<(), String> {
    let has: BTreeSet<u64> = has.copied().collect();
    let all: BTreeSet<u64> = source.messages.keys().copied().collect();
    let first = |missing: Vec<&u64>| format!("{:?} of {}", missing.first(), missing.len());
    let lacks: Vec<_> = all.difference(&has).collect();
    if !lacks.is_empty() {
        return Err(format!("the {what} lacks {}", first(lacks)));
    }
    let more: Vec<_> = has.difference(&all).collect();
    match more.is_empty() {
        true => Ok(()),
        false => Err(format!("the {what} has besides {}", first(more))),
    }
}

/// Everything that search finds, message by message.
fn index(app: &App, source: &Source) -> Result<(), String> {
    let mut query = MessageQuery::new(MessageScope::All, 200);
    let mut found = BTreeMap::new();
    loop {
        let hits = app.messages.search(&query).unwrap();
        for hit in hits.items {
            if found.insert(hit.seq, hit.at_ms).is_some() {
                return Err(format!("the index has {} twice", hit.seq));
            }
        }
        let Some(next) = hits.next else { break };
        query.page = MessagePage::After(next);
    }
    same_numbers("index", found.keys(), source)?;
    for (seq, at_ms) in found {
        let message = &source.messages[&seq];
        let sent = message["msgtime"].as_i64().or(message["time"].as_i64());
        if sent != Some(at_ms) {
            return Err(format!("the index has {seq} at {at_ms}, not at {sent:?}"));
        }
    }
    Ok(())
}

/// What an entry of the audit trail says of one answer, by field.
type Told = BTreeMap<String, Value>;

/// The entries about answers of the archive; each opening is what its entry commits to.
fn told(app: &App) -> Result<BTreeMap<u64, Told>, String> {
    let mut all = BTreeMap::new();
    app.read(|r| {
        for seq in 0..audit::log::size(r).unwrap() {
            let line = audit::log::line(r, seq).unwrap().unwrap();
            let leaf: audit::Leaf = serde_json::from_slice(&line).unwrap();
            if leaf.act != "archive.pull" {
                continue;
            }
            for opening in audit::log::openings(r, seq).unwrap() {
                let Some(no) = opening.f.strip_prefix("archive_pull:") else {
                    continue;
                };
                if opening.commitment().as_ref() != leaf.c.get(&opening.f) {
                    return Err(format!("entry {seq} commits to something else"));
                }
                let changes: BTreeMap<String, [Value; 2]> =
                    serde_json::from_str(&opening.v).unwrap();
                let after = changes.into_iter().map(|(name, [_, after])| (name, after));
                if all.insert(no.parse().unwrap(), after.collect()).is_some() {
                    return Err(format!("two entries about answer {no}"));
                }
            }
        }
        Ok(all)
    })
}

/// What the entries say adds up to what is there, and each commits to its messages as the source
/// has them. Gives the number of messages that came late.
fn trail(app: &App, source: &Source, kept: &BTreeMap<u64, Kept>) -> Result<usize, String> {
    if !app.read(audit::checkpoints::verify).unwrap().is_intact() {
        return Err("the audit trail is not intact".to_owned());
    }
    let told = told(app)?;
    let pulls: BTreeMap<u64, Pull> = app.read(|r| {
        let pulls = r.all::<Pull>(None).unwrap().map(Result::unwrap);
        pulls.map(|pull| (pull.no, pull)).collect()
    });
    if !told.keys().eq(pulls.keys()) {
        return Err("entries and answers are not the same".to_owned());
    }
    let number = |fields: &Told, name: &str| fields[name].as_u64().unwrap();
    let sum = |name: &str| {
        told.values()
            .map(|fields| number(fields, name))
            .sum::<u64>()
    };
    if sum("messages") != kept.len() as u64 {
        let (sum, kept) = (sum("messages"), kept.len());
        return Err(format!(
            "the audit trail speaks of {sum} messages, not {kept}"
        ));
    }
    let is_unlocked = |pull: &&Pull| pull.why == Brought::Unlocked;
    let late: BTreeSet<u64> = pulls
        .values()
        .filter(is_unlocked)
        .flat_map(|pull| pull.numbers.iter().copied())
        .collect();
    if sum("parked") != late.len() as u64 {
        let (sum, late) = (sum("parked"), late.len());
        return Err(format!("{sum} messages were parked, {late} came later"));
    }
    for (no, fields) in &told {
        let pull = &pulls[no];
        let range = number(fields, "first_seq")..=number(fields, "last_seq");
        let mut these: Vec<u64> = match pull.why {
            Brought::Unlocked => pull.numbers.clone(),
            Brought::Pulled => range.filter(|seq| !late.contains(seq)).collect(),
        };
        these.sort_unstable();
        let leaves: Vec<_> = these
            .iter()
            .map(|seq| leaf(*seq, &kept[seq].salt, &source.messages[seq]))
            .collect();
        if number(fields, "messages") != these.len() as u64 {
            return Err(format!("answer {no} brought {} messages", these.len()));
        }
        if fields["root"] != json!(hex::encode(root(&leaves))) {
            return Err(format!("answer {no} commits to other messages"));
        }
    }
    Ok(late.len())
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let hash = digest(&SHA256, &parts.concat());
    hash.as_ref().try_into().unwrap()
}

/// The leaf of a message (RFC 9162): salt, number, and the message in order of keys. Its numbers
/// have gone through two readings of JSON.
fn leaf(seq: u64, salt: &[u8; 16], message: &Value) -> [u8; 32] {
    let again = |value: Value| serde_json::from_str::<Value>(&value.to_string()).unwrap();
    let text = again(again(message.clone())).to_string();
    sha256(&[&[0], salt, &seq.to_be_bytes(), text.as_bytes()])
}

/// The root over leaves (RFC 9162, 2.1.1).
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        more => {
            let left = more.len().next_power_of_two() / 2;
            let (left, right) = more.split_at(left);
            sha256(&[&[1], &root(left), &root(right)])
        }
    }
}

/// The files: each is there, sealed, with the source's content, and nothing else is. Gives how
/// many there are.
fn shelf(app: &App, source: &Source) -> Result<usize, String> {
    let rows = app.read(|r| {
        let rows = r.all::<Media>(None).unwrap().map(Result::unwrap);
        let mut by_message: BTreeMap<u64, Vec<Media>> = BTreeMap::new();
        for row in rows {
            by_message.entry(row.seq).or_default().push(row);
        }
        by_message
    });
    let media = Folder::at(&app.config.data).media_dir();
    let mut names = BTreeSet::from(["sealed".to_owned()]);
    for (seq, message) in &source.messages {
        let mut wanted = file_ids(message);
        let rows = rows.get(seq).map_or(&[][..], Vec::as_slice);
        let mut has: Vec<String> = rows.iter().map(|row| row.fileid.clone()).collect();
        wanted.sort();
        has.sort();
        if wanted != has {
            let (has, wanted) = (has.len(), wanted.len());
            return Err(format!("{has} of {wanted} files of message {seq}"));
        }
        for row in rows {
            names.insert(file(app, &media, row, &source.files[&row.fileid])?);
        }
    }
    if rows.keys().any(|seq| !source.messages.contains_key(seq)) {
        return Err("files of a message that there is not".to_owned());
    }
    let mut lie = BTreeSet::new();
    all_below(&media, "", &mut lie);
    // Says that nothing lies open from before; written at a start at which files were there.
    lie.insert("sealed".to_owned());
    match lie == names {
        true => Ok(names.len() - 1),
        false => Err(format!(
            "in the folder of files lies {:?}",
            lie.symmetric_difference(&names).collect::<Vec<_>>()
        )),
    }
}

/// One file; gives its place in the folder.
fn file(app: &App, media: &Path, row: &Media, wanted: &[u8]) -> Result<String, String> {
    let name = format!("file {}.{}", row.seq, row.place);
    let sha256 = sha256(&[wanted]);
    let is_here = row.state == MediaState::Here && row.sha256 == Some(sha256);
    if !is_here || row.length != wanted.len() as u64 || row.differs {
        return Err(format!("{name} is noted as {:?}", row.state));
    }
    let mut content = Vec::new();
    let opened = archive::open_file(app, row).map_err(|error| error.to_string());
    let read = opened.and_then(|file| {
        let read = file.content().read_to_end(&mut content);
        read.map_err(|error| error.to_string())
    });
    if let Err(error) = read {
        return Err(format!("{name} cannot be opened: {error}"));
    }
    let hex = hex::encode(sha256);
    let place = format!("{}/{hex}", &hex[..2]);
    let raw = fs::read(media.join(&place)).unwrap();
    let lies_open = raw
        .windows(wanted.len().clamp(1, 64))
        .any(|w| wanted.starts_with(w));
    match content == wanted && !lies_open {
        true => Ok(place),
        false => Err(format!("{name} has another content, or lies open")),
    }
}

fn all_below(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = match prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        match path.is_dir() {
            true => all_below(&path, &name, found),
            false => drop(found.insert(name)),
        }
    }
}
