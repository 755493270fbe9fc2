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
    store::Read,
    view, visit,
    web::{
        Cx, Form, ListQuery, Shown, filters,
        parts::{Choice, Empty, EmptyKind, Filter as Dropdown, Link},
        words,
    },
};

/// Entries of a page.
const PAGE_ENTRIES: usize = 50;
/// Entries that are looked at for one page when a condition has no index.
const LOOKED_AT_MAX: u64 = 20_000;
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
    verdict: Option<(Timestamp, bool)>,
    checkpoint: Option<(u64, Timestamp)>,
    may_verify: bool,
    may_export: bool,
    empty: Empty,
}
view!(AuditPage, "list" => as_list);

pub(super) async fn home() -> Shown<AuditPage> {
    Shown::go_to("/compliance/audit")
}

/// Shows a page of the trail; looking is an entry, durable before anything is shown.
pub(super) async fn list(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<AuditPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let act = viewer.view("audit.list").detail("filter", query.identity());
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking.scope(&w.read(), Permission::AuditRead).map(drop)
    })
    .await?;
    let page = app.read(|r| {
        viewer.scope(r, Permission::AuditRead)?;
        audit_page(r, &app, &viewer, &cx, query)
    })?;
    Ok(Shown::of(page))
}

fn audit_page(
    r: &Read<'_>,
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    query: ListQuery,
) -> Result<AuditPage> {
    let filter = filter(&query, cx);
    let before = query.get("before").and_then(|b| b.parse().ok());
    let size = log::size(r)?;
    let floor = before.unwrap_or(size).saturating_sub(LOOKED_AT_MAX);
    let mut lines = Vec::new();
    for entry in query::find(r, &filter, before)? {
        let entry = entry?;
        if filter.ip.is_some() && entry.leaf.seq < floor {
            break;
        }
        lines.push(line(r, cx, &entry)?);
        if lines.len() == PAGE_ENTRIES {
            break;
        }
    }
    let total = query::count(r, &filter, COUNTED_MAX)?;
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
        older: older.map(|q| q.to_string()),
        newest: before.map(|_| base.to_string()),
        lines,
        total,
        total_exact: total < COUNTED_MAX,
        size,
        verdict: app.last_verdict(),
        checkpoint,
        may_verify: viewer.may(Permission::AuditVerify),
        may_export: viewer.may(Permission::AuditExport),
        empty: Empty {
            kind: EmptyKind::NothingMatches,
            title: cx.t("compliance.empty").into_owned(),
            hint: cx.t("compliance.empty_hint").into_owned(),
            action: Some(Link {
                label: cx.t("list.clear_all").into_owned(),
                href: "/compliance/audit".to_owned(),
            }),
            other: None,
        },
    })
}

/// The conditions of the address; those that mean nothing are left out.
pub(super) fn filter(query: &ListQuery, cx: &Cx) -> Filter {
    let text = |name: &str| query.get(name).map(str::trim).filter(|t| !t.is_empty());
    let days = match text("range") {
        Some("1d") => Some(1),
        Some("7d") => Some(7),
        Some("30d") => Some(30),
        _ => None,
    };
    Filter {
        actor: text("actor").map(str::to_owned),
        act: text("action").map(str::to_owned),
        object: text("object").map(str::to_owned),
        since: days.map(|days| cx.now.plus_ms(-days * 86_400_000)),
        until: None,
        ip: text("ip").and_then(|ip| ip.parse().ok()),
        outcome: text("outcome").map(str::to_owned),
    }
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
fn actor_name(r: &Read<'_>, cx: &Cx, actor: &str) -> Result<String> {
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
    for reason in ["sync", "jobs", "console"] {
        let label = cx.tf("compliance.system", ("reason", reason)).into_owned();
        actors.push(choice("actor", format!("system:{reason}"), label));
    }
    let acts = words::keys().filter_map(|key| key.strip_prefix("act."));
    let mut acts: Vec<Choice> = acts
        .map(|code| choice("action", code.to_owned(), act_name(cx, code)))
        .collect();
    acts.sort_by(|a, b| a.value.cmp(&b.value));
    let ranges = ["1d", "7d", "30d"].map(|range| {
        let label = cx.t(&format!("compliance.range.{range}")).into_owned();
        choice("range", range.to_owned(), label)
    });
    let outcomes = ["ok", "denied"].map(|outcome| {
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

/// One entry with everything that proves it.
#[derive(Template)]
#[template(path = "compliance/entry.html", blocks = ["title"])]
pub(super) struct EntryPage {
    line: Line,
    text: String,
    openings: Vec<Opening>,
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
    let page = app.read(|r| entry_page(r, &cx, seq))?;
    Ok(Shown::of(page))
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
        openings,
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
    let shown = Shown::go_to("/compliance/audit");
    Ok(match (verdict.is_intact(), verdict.first_bad) {
        (true, _) => shown.toast("compliance.intact", ("n", verdict.entries)),
        (false, Some(seq)) => shown.toast("compliance.damaged_at", ("seq", seq.to_string())),
        (false, None) => shown.toast("compliance.damaged", ("n", verdict.problems.len())),
    })
}
