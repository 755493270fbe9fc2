//! `/compliance/audit`: the trail, one entry with its proof, the check.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    audit::{
        Leaf, Objects, Opening, checkpoints, log, merkle,
        query::{self, Entry, Filter},
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::{Id, Timestamp},
    store::{Read, StoreError},
    view, visit,
    web::{
        Cx, Form, ListQuery, Shown, filters,
        parts::{Choice, Empty, EmptyKind, Filter as Dropdown, Link},
        words,
    },
};

use super::filter::{self, OUTCOMES, RANGES, TRAIL};

/// Entries of a page.
const PAGE_ENTRIES: usize = 50;
/// Entries that are looked at for one page when a condition has no index.
const LOOKED_AT_MAX: u64 = 20_000;
/// Qitai itself, by the reasons for which it acts.
pub(super) const SYSTEMS: [&str; 6] = ["sync", "callback", "outbox", "jobs", "audit", "console"];
/// Counting stops here.
const COUNTED_MAX: u64 = 10_000;

/// One line of the trail.
struct Line {
    seq: u64,
    at: Timestamp,
    actor: String,
    role: String,
    act: String,
    code: String,
    objects: Vec<String>,
    denied: bool,
    ip: String,
    /// The entry cannot be read as it was written.
    is_damaged: bool,
}

impl Line {
    fn damaged(seq: u64) -> Self {
        Self {
            seq,
            at: Timestamp::from_ms(0),
            actor: String::new(),
            role: String::new(),
            act: String::new(),
            code: String::new(),
            objects: Vec::new(),
            denied: false,
            ip: String::new(),
            is_damaged: true,
        }
    }
}

/// What is wrong with the trail itself.
struct Broken {
    /// The first entry that is not as it was written, if one can be named.
    seq: Option<u64>,
    /// How many things are wrong.
    problems: usize,
}

/// The filter box. Controls that change make it stale, so it travels with the list.
#[derive(Template, Clone)]
#[template(path = "compliance/text.html")]
struct TextBox {
    text: String,
    /// What was not understood.
    problems: Vec<String>,
    /// Sent beside the list rather than in the page.
    is_aside: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "compliance/audit.html", blocks = ["title", "list"])]
pub(super) struct AuditPage {
    lines: Vec<Line>,
    total: u64,
    total_exact: bool,
    size: u64,
    older: Option<String>,
    newest: Option<String>,
    dropdowns: Vec<Dropdown>,
    object: String,
    ip: String,
    from: String,
    to: String,
    text: TextBox,
    verdict: Option<(Timestamp, bool)>,
    broken: Option<Broken>,
    checkpoint: Option<(u64, Timestamp)>,
    may_verify: bool,
    may_export: bool,
    empty: Empty,
}
view!(AuditPage, "list" => as_list);

impl AuditPage {
    /// Whether an entry is the one that is not as it was written.
    fn broken_at(&self, seq: &u64) -> bool {
        self.broken.as_ref().is_some_and(|b| b.seq == Some(*seq))
    }
}

pub(super) async fn home() -> Shown<AuditPage> {
    Shown::go_to(TRAIL)
}

/// Shows a page of the trail; looking is an entry, durable before anything is shown.
pub(super) async fn list(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<AuditPage>> {
    let mut query = ListQuery::parse(&cx.path, &cx.query);
    let mut problems = Vec::new();
    let typed = query.get("q").map(str::to_owned);
    if let Some(typed) = &typed {
        let (understood, wrong) = app.read(|r| {
            viewer.scope(r, Permission::AuditRead)?;
            filter::of_text(r, &cx, typed)
        })?;
        if wrong.is_empty() {
            return Ok(Shown::go_to(understood));
        }
        (query, problems) = (understood, wrong);
    }
    let act = viewer.view("audit.list").detail("filter", query.identity());
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking.scope(&w.read(), Permission::AuditRead).map(drop)
    })
    .await?;
    let page = app.read(|r| {
        viewer.scope(r, Permission::AuditRead)?;
        let text = TextBox {
            text: match typed {
                Some(typed) => typed,
                None => filter::text_of(r, &cx, &query)?,
            },
            problems,
            is_aside: false,
        };
        audit_page(r, &app, &viewer, &cx, query, text)
    })?;
    let aside = TextBox {
        is_aside: true,
        ..page.text.clone()
    };
    let is_wrong = !page.text.problems.is_empty();
    let shown = Shown::of(page).with(aside);
    Ok(if is_wrong { shown.invalid() } else { shown })
}

/// The entries of a page. What is damaged is shown as such and hides nothing else.
fn lines(r: &Read<'_>, cx: &Cx, filter: &Filter, before: Option<u64>) -> Result<Vec<Line>> {
    let size = log::size(r)?;
    let floor = before.unwrap_or(size).saturating_sub(LOOKED_AT_MAX);
    let mut lines = Vec::new();
    let found = match query::find(r, filter, before) {
        Err(StoreError::Damaged { .. }) => return Ok(lines),
        found => found?,
    };
    for entry in found {
        let entry = match entry {
            Err(StoreError::Damaged { key, .. }) => {
                lines.extend(seq_of(&key).map(Line::damaged));
                continue;
            }
            entry => entry?,
        };
        if filter.ip.is_some() && entry.leaf.seq < floor {
            break;
        }
        lines.push(line(r, cx, &entry)?);
        if lines.len() == PAGE_ENTRIES {
            break;
        }
    }
    Ok(lines)
}

/// The number of an entry in the key of its row.
fn seq_of(key: &str) -> Option<u64> {
    let bytes = hex::decode(key).ok()?;
    bytes.first_chunk().map(|first| u64::from_be_bytes(*first))
}

fn audit_page(
    r: &Read<'_>,
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    query: ListQuery,
    text: TextBox,
) -> Result<AuditPage> {
    let filter = filter::filter(&query, cx);
    let before = query.get("before").and_then(|b| b.parse().ok());
    let size = log::size(r)?;
    let lines = lines(r, cx, &filter, before)?;
    let (total, total_exact) = match query::count(r, &filter, COUNTED_MAX) {
        Err(StoreError::Damaged { .. }) => (lines.len() as u64, false),
        counted => counted.map(|n| (n, n < COUNTED_MAX))?,
    };
    let base = query.without("before");
    let more = lines.len() == PAGE_ENTRIES;
    let older = lines
        .last()
        .filter(|l| more && l.seq > 0)
        .map(|l| base.before(&l.seq.to_string()));
    let checkpoint = checkpoints::newest(r)?.map(|c| (c.size, c.signed_at));
    Ok(AuditPage {
        dropdowns: dropdowns(r, cx, &query)?,
        object: query.get("object").unwrap_or("").to_owned(),
        ip: query.get("ip").unwrap_or("").to_owned(),
        from: query.get("from").unwrap_or("").to_owned(),
        to: query.get("to").unwrap_or("").to_owned(),
        text,
        older: older.map(|q| q.to_string()),
        newest: before.map(|_| base.to_string()),
        lines,
        total,
        total_exact,
        size,
        verdict: app.last_verdict(),
        broken: app.last_examination().and_then(|found| {
            let verdict = &found.1;
            (!verdict.is_intact()).then_some(Broken {
                seq: verdict.first_bad,
                problems: verdict.problems.len(),
            })
        }),
        checkpoint,
        may_verify: viewer.may(Permission::AuditVerify),
        may_export: viewer.may(Permission::AuditExport),
        empty: Empty {
            kind: EmptyKind::NothingMatches,
            title: cx.t("compliance.empty").into_owned(),
            hint: cx.t("compliance.empty_hint").into_owned(),
            action: Some(Link {
                label: cx.t("list.clear_all").into_owned(),
                href: TRAIL.to_owned(),
            }),
            other: None,
        },
    })
}

fn line(r: &Read<'_>, cx: &Cx, entry: &Entry) -> Result<Line> {
    let leaf = &entry.leaf;
    let openings = log::openings(r, leaf.seq)?;
    let ip = openings.iter().find(|o| o.f == "ip").map(|o| o.v.clone());
    Ok(Line {
        seq: leaf.seq,
        at: time_of(leaf),
        actor: actor_name(r, cx, &leaf.actor)?,
        role: role_name(cx, &leaf.role),
        act: act_name(cx, &leaf.act),
        code: leaf.act.clone(),
        objects: object_names(cx, &leaf.obj),
        denied: leaf.outcome == "denied",
        ip: ip.unwrap_or_default(),
        is_damaged: false,
    })
}

fn time_of(leaf: &Leaf) -> Timestamp {
    Timestamp::from_ms(
        leaf.t
            .parse::<jiff::Timestamp>()
            .map_or(0, |t| t.as_millisecond()),
    )
}

/// The name behind `account:<id>`; the system's reasons and strangers by their words.
pub(super) fn actor_name(r: &Read<'_>, cx: &Cx, actor: &str) -> Result<String> {
    if let Some(id) = actor.strip_prefix("account:") {
        let id: Option<Id<identity::Account>> = id.parse().ok();
        let name = match id {
            Some(id) => identity::queries::account_name(r, id)?,
            None => None,
        };
        return Ok(name.unwrap_or_else(|| actor.to_owned()));
    }
    if let Some(reason) = actor.strip_prefix("system:") {
        return Ok(cx.tf("compliance.system", ("reason", reason)).into_owned());
    }
    Ok(cx.t("compliance.nobody").into_owned())
}

fn role_name(cx: &Cx, role: &str) -> String {
    match role {
        "" | "system" | "console" => String::new(),
        role => cx.t(visit::role_key(role)).into_owned(),
    }
}

/// The act in words; a code without words shows itself.
fn act_name(cx: &Cx, code: &str) -> String {
    let key = format!("act.{code}");
    if words::known(&key) {
        cx.t(&key).into_owned()
    } else {
        code.to_owned()
    }
}

fn object_names(cx: &Cx, objects: &Objects) -> Vec<String> {
    match objects {
        Objects::Counted { n } => vec![cx.tf("compliance.many", ("n", *n)).into_owned()],
        Objects::Listed(all) => all.iter().map(|object| object_name(cx, object)).collect(),
    }
}

fn object_name(cx: &Cx, object: &str) -> String {
    let (kind, id) = object.split_once(':').unwrap_or((object, ""));
    let key = format!("object.{kind}");
    if words::known(&key) {
        format!("{} {id}", cx.t(&key))
    } else {
        object.to_owned()
    }
}

/// Actor, action, time and outcome as filters that open.
fn dropdowns(r: &Read<'_>, cx: &Cx, query: &ListQuery) -> Result<Vec<Dropdown>> {
    let choice = |name: &str, value: String, label: String| Choice {
        is_on: query.has(name, &value),
        value,
        label,
        count: None,
    };
    let mut actors = Vec::new();
    for account in r.all::<identity::Account>(None)? {
        let account = account?;
        actors.push(choice(
            "actor",
            format!("account:{}", account.id),
            account.name,
        ));
    }
    for reason in SYSTEMS {
        let label = cx.tf("compliance.system", ("reason", reason)).into_owned();
        actors.push(choice("actor", format!("system:{reason}"), label));
    }
    let acts = words::keys().filter_map(|key| key.strip_prefix("act."));
    let mut acts: Vec<Choice> = acts
        .map(|code| choice("action", code.to_owned(), act_name(cx, code)))
        .collect();
    acts.sort_by(|a, b| a.value.cmp(&b.value));
    let ranges = RANGES.map(|(range, _)| {
        let label = cx.t(&format!("compliance.range.{range}")).into_owned();
        choice("range", range.to_owned(), label)
    });
    let outcomes = OUTCOMES.map(|outcome| {
        let label = cx.t(&format!("compliance.outcome.{outcome}")).into_owned();
        choice("outcome", outcome.to_owned(), label)
    });
    let dropdown = |name, word: &str, choices: Vec<Choice>| Dropdown {
        name,
        label: cx.t(word).into_owned(),
        choices,
        many: false,
    };
    Ok(vec![
        dropdown("actor", "compliance.actor", actors),
        dropdown("action", "compliance.action", acts),
        dropdown("range", "compliance.time", ranges.to_vec()),
        dropdown("outcome", "compliance.outcome_label", outcomes.to_vec()),
    ])
}

/// Something an entry tells besides its line: a value, or what was changed on one thing.
struct Detail {
    /// The detail's name, or the thing.
    name: String,
    value: String,
    /// Field, before, after.
    changes: Vec<(String, String, String)>,
}

impl Detail {
    fn of(cx: &Cx, opening: Opening) -> Self {
        let changes = changes(&opening.v);
        let key = format!("opening.{}", opening.f);
        Self {
            name: match words::known(&key) {
                true => cx.t(&key).into_owned(),
                false => object_name(cx, &opening.f),
            },
            value: match changes.is_empty() {
                true => opening.v,
                false => String::new(),
            },
            changes,
        }
    }
}

/// The fields of a difference as the trail keeps it; none if the text is none.
fn changes(text: &str) -> Vec<(String, String, String)> {
    use serde_json::Value;
    type Fields = std::collections::BTreeMap<String, [Value; 2]>;
    let plain = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Object(items) if items.is_empty() => String::new(),
        other => other.to_string(),
    };
    let fields: Fields = serde_json::from_str(text).unwrap_or_default();
    fields
        .into_iter()
        .map(|(name, [before, after])| (name, plain(&before), plain(&after)))
        .filter(|(_, before, after)| !(before.is_empty() && after.is_empty()))
        .collect()
}

/// One entry with everything that proves it.
#[derive(Template)]
#[template(path = "compliance/entry.html", blocks = ["title"])]
pub(super) struct EntryPage {
    line: Line,
    text: String,
    openings: Vec<Detail>,
    closed: usize,
    request: String,
    hash: String,
    proof: Vec<String>,
    checkpoint: Option<String>,
    size: u64,
}
view!(EntryPage);

/// Shows an entry. Its openings may be personal, so looking is durable first.
pub(super) async fn entry(
    viewer: Viewer,
    seq: Path<u64>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EntryPage>> {
    let seq = *seq;
    let missing = || AppError::NotFound { what: "entry" };
    let act = viewer.view("audit.view").about("entry", seq);
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking.scope(&w.read(), Permission::AuditRead)?;
        if seq < log::size(&w.read())? {
            Ok(())
        } else {
            Err(missing())
        }
    })
    .await?;
    if let Err(StoreError::Damaged { .. }) = app.read(|r| query::entry(r, seq)) {
        return Err(AppError::Conflict {
            why: "audit_damaged",
        });
    }
    app.read(|r| entry_page(r, &cx, seq)).map(Shown::of)
}

fn entry_page(r: &Read<'_>, cx: &Cx, seq: u64) -> Result<EntryPage> {
    let entry = query::entry(r, seq)?;
    let openings = log::openings(r, seq)?;
    // The newest checkpoint that covers the entry; a fresh one is covered within a minute.
    let checkpoint = checkpoints::newest(r)?.filter(|c| c.size > seq);
    let proof = match &checkpoint {
        Some(checkpoint) => log::inclusion(r, seq, checkpoint.size)?,
        None => Vec::new(),
    };
    let leaf = merkle::leaf_hash(&entry.line);
    Ok(EntryPage {
        line: line(r, cx, &entry)?,
        closed: entry.leaf.c.len().saturating_sub(openings.len()),
        request: entry.leaf.req.clone(),
        text: String::from_utf8_lossy(&entry.line).into_owned(),
        openings: openings.into_iter().map(|o| Detail::of(cx, o)).collect(),
        hash: hex::encode(leaf),
        proof: proof.iter().map(hex::encode).collect(),
        size: checkpoint.as_ref().map_or(0, |c| c.size),
        checkpoint: checkpoint.map(|c| c.note),
    })
}

/// The form that asks for a check has no fields of its own.
#[derive(serde::Deserialize)]
pub(super) struct NoFields {}

/// Examines the whole trail and says what was found.
pub(super) async fn verify(
    viewer: Viewer,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<AuditPage>> {
    let act = viewer.view("audit.verify");
    app.write(act, move |w| {
        viewer.scope(&w.read(), Permission::AuditVerify).map(drop)
    })
    .await?;
    let working = app.into_inner();
    let verdict = tokio::task::spawn_blocking(move || working.verify_audit())
        .await
        .map_err(AppError::internal)??;
    let shown = Shown::go_to(TRAIL);
    Ok(match (verdict.is_intact(), verdict.first_bad) {
        (true, _) => shown.toast("compliance.intact", ("n", verdict.entries)),
        (false, Some(seq)) => shown.toast_failed("compliance.damaged_at", ("seq", seq.to_string())),
        (false, None) => shown.toast_failed("compliance.damaged", ("n", verdict.problems.len())),
    })
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
