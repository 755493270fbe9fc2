//! `/sensitive/alerts`: what sensitive words have found, and who deals with it.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        model::{Chat, Place},
        names::Names,
        queries::{self, ArchiveSight},
        sensitive::{
            self, Alert, AlertId, AlertState, AssignAlert, Cause, CloseAlert, ReopenAlert, Verdict,
            WordList, WordListId,
        },
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    search::{Piece, highlight},
    store::{Read, StoreError},
    view,
    web::{
        Cx, Form, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind, Tab},
    },
    work::pages::Nothing,
};

use super::words::{behaviour, severity, tabs};

/// The page's address.
const HERE: &str = "/sensitive/alerts";
/// Alerts of a page.
const SHOWN: usize = 50;
/// Characters of a message that are shown.
const EXCERPT: usize = 120;

/// One alert.
struct Line {
    id: String,
    severity: (&'static str, &'static str),
    list: String,
    cause: String,
    excerpt: Vec<Piece>,
    from: String,
    with: String,
    sent_at: Timestamp,
    href: String,
    state: (&'static str, &'static str),
    assignee: String,
    is_mine: bool,
    closed: Option<(&'static str, String, String, Timestamp)>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/alerts.html", blocks = ["title", "list"])]
pub(in crate::archive) struct AlertsPage {
    nav: Vec<Tab>,
    states: Vec<Tab>,
    lines: Vec<Line>,
    /// There are more than are shown.
    more: bool,
    empty: Empty,
}
view!(AlertsPage, "list" => as_list);

/// Shows the queue. Words of messages are on it, so its entry is durable before.
pub(in crate::archive) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<AlertsPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let closed = query.get("state") == Some("closed");
    let found = app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let alerts = sensitive::alerts(r, &sight, closed)?;
        let alerts: Vec<Alert> = alerts.take(SHOWN + 1).collect::<Result<_, _>>()?;
        Ok::<_, AppError>(alerts)
    })?;
    let more = found.len() > SHOWN;
    let ids: Vec<String> = found.iter().take(SHOWN).map(|a| a.id.to_string()).collect();
    let act = viewer
        .view("alert.list")
        .system_detail("ids", ids.join(" "));
    app.write(act, |_| Ok(())).await?;
    let lines = app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let lists: BTreeMap<WordListId, WordList> = sensitive::lists(r)?
            .into_iter()
            .map(|list| (list.id, list))
            .collect();
        let lines = found.iter().take(SHOWN);
        let names = Names::new(r, &sight.sight, &cx);
        let lines = lines.map(|alert| line(r, &cx, &viewer, &sight, &names, &lists, alert));
        lines.collect::<Result<Vec<_>>>()
    })?;
    let state = |word: &str, value: &str, is_current| Tab {
        label: cx.t(word).into_owned(),
        href: query.only(&[]).with("state", value).to_string(),
        count: None,
        is_current,
    };
    Ok(Shown::of(AlertsPage {
        nav: tabs(&cx, &viewer, HERE),
        states: vec![
            state("sensitive.to_do", "", !closed),
            state("sensitive.state.closed", "closed", closed),
        ],
        lines,
        more,
        empty: Empty {
            kind: EmptyKind::NothingMatches,
            title: cx.t("sensitive.no_alerts").into_owned(),
            hint: cx.t("sensitive.no_alerts_hint").into_owned(),
            action: None,
            other: None,
        },
    }))
}

/// What somebody who judges sees: both rights are needed.
fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<ArchiveSight> {
    viewer.scope(r, Permission::AlertHandle)?;
    ArchiveSight::of_judge(app, r, viewer)
}

/// Whom somebody wrote to: the other, or the room.
fn with(names: &Names<'_>, chat: &Chat, from: u32) -> Result<String, StoreError> {
    match chat.place {
        Place::OneToOne(a, b) => Ok(names.who(if a == from { b } else { a })?.name.clone()),
        _ => names.title(chat),
    }
}

fn line(
    r: &Read<'_>,
    cx: &Cx,
    viewer: &Viewer,
    sight: &ArchiveSight,
    names: &Names<'_>,
    lists: &BTreeMap<WordListId, WordList>,
    alert: &Alert,
) -> Result<Line> {
    let message = queries::message(r, sight, alert.chat, alert.seq)?;
    let text = message.map(|m| m.text_to_index()).unwrap_or_default();
    let (cause, words) = match &alert.cause {
        Cause::Words(words) if words.is_empty() => {
            (cx.t("sensitive.words_deleted").into_owned(), String::new())
        }
        Cause::Words(words) => (words.join("、"), words.join(" ")),
        Cause::Behaviour(b) => (cx.t(behaviour(*b)).into_owned(), String::new()),
    };
    let chat = r.get::<Chat>(&alert.chat)?;
    let account = |id: Option<crate::store::SubjectId>| match id {
        Some(id) => identity::queries::account_name(r, id.cast()).map(Option::unwrap_or_default),
        None => Ok(String::new()),
    };
    let (assignee, closed) = match &alert.state {
        AlertState::Open => (String::new(), None),
        AlertState::Assigned(to) => (account(Some(*to))?, None),
        AlertState::Closed(verdict, note, by, at) => {
            let word = match verdict {
                Verdict::Violation => "sensitive.verdict.violation",
                Verdict::Harmless => "sensitive.verdict.harmless",
            };
            (
                String::new(),
                Some((word, note.clone(), account(*by)?, *at)),
            )
        }
    };
    let own = viewer.account().map(|account| account.subject_id());
    Ok(Line {
        id: alert.id.to_string(),
        severity: severity(alert.severity),
        list: match lists.get(&alert.list) {
            Some(list) => list.name.clone(),
            None => cx.t("sensitive.list_gone").into_owned(),
        },
        cause,
        excerpt: highlight(&excerpt(&text, &words), &words),
        from: names.who(alert.from)?.name.clone(),
        with: match &chat {
            Some(chat) => with(names, chat, alert.from)?,
            None => String::new(),
        },
        sent_at: alert.sent_at,
        href: match chat {
            Some(chat) => format!("/archive/{}?at={}", chat.id, alert.seq),
            None => HERE.to_owned(),
        },
        state: match &alert.state {
            AlertState::Open => ("sensitive.state.open", "bad"),
            AlertState::Assigned(_) => ("sensitive.state.assigned", "warn"),
            AlertState::Closed(..) => ("sensitive.state.closed", "muted"),
        },
        is_mine: matches!(&alert.state, AlertState::Assigned(to) if Some(*to) == own),
        assignee,
        closed,
    })
}

/// The part of a text around the first word.
fn excerpt(text: &str, words: &str) -> String {
    let folded = crate::search::fold(text);
    let first = words.split(' ').filter(|w| !w.is_empty());
    let at = first
        .filter_map(|word| folded.find(&crate::search::fold(word)))
        .min()
        .unwrap_or(0);
    let before = folded[..at].chars().count().saturating_sub(EXCERPT / 3);
    text.chars().skip(before).take(EXCERPT).collect()
}

fn parse(id: &str) -> Result<AlertId> {
    id.parse().map_err(|_| AppError::NotFound { what: "alert" })
}

/// Takes an alert on oneself.
pub(in crate::archive) async fn take(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<AlertsPage>> {
    let own = viewer.account_id().ok_or(AppError::Unauthenticated)?;
    let command = AssignAlert {
        alert: parse(&id)?,
        to: own,
        sight: app.read(|r| sight(&app, r, &viewer))?,
    };
    app.carry_out(&viewer, "alert.assign", command, sensitive::assign)
        .await?;
    Ok(Shown::go_to(HERE).toast("sensitive.taken", ()))
}

/// A judgement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Judgement {
    verdict: String,
    #[serde(default)]
    note: String,
}

/// Judges an alert.
pub(in crate::archive) async fn close(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Judgement>,
) -> Result<Shown<AlertsPage>> {
    let verdict = Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.code() == form.values.verdict);
    let command = CloseAlert {
        alert: parse(&id)?,
        verdict: verdict.ok_or(AppError::BadRequest { why: "field_type" })?,
        note: form.values.note.clone(),
        sight: app.read(|r| sight(&app, r, &viewer))?,
    };
    app.carry_out(&viewer, "alert.close", command, sensitive::close)
        .await?;
    Ok(Shown::go_to(HERE).toast("sensitive.judged", ()))
}

/// Opens a closed alert again.
pub(in crate::archive) async fn reopen(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<AlertsPage>> {
    let command = ReopenAlert {
        alert: parse(&id)?,
        sight: app.read(|r| sight(&app, r, &viewer))?,
    };
    app.carry_out(&viewer, "alert.reopen", command, sensitive::reopen)
        .await?;
    Ok(Shown::go_to(HERE).toast("sensitive.reopened", ()))
}
