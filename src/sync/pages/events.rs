//! `/settings/wecom/events`: what WeCom has told, how far it is dealt with, and another try.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    view,
    web::{
        Cx, Form, ListQuery, Shown, filters,
        parts::{Empty, EmptyKind, Tab},
        words,
    },
    work::outbox,
};

use super::super::{
    CALLBACK,
    inbox::{self, Signal, SignalState, Tally},
    refusals::Reason,
};

/// The page's address.
const HERE: &str = "/settings/wecom/events";
/// Events on the page.
const SHOWN: usize = 100;
/// Events put back in line by one click.
const REPLAYED_MAX: usize = 10_000;

/// One event.
struct Line {
    /// Digest, hex.
    id: String,
    /// What happened, in the reader's language.
    what: String,
    /// What is read again because of it; empty for nothing.
    about: String,
    /// Catalogue key and tone.
    state: (&'static str, &'static str),
    came_at: Timestamp,
    attempts: u32,
    /// Why the last attempt ended badly.
    trouble: String,
    may_replay: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "sync/events.html", blocks = ["title", "list"])]
pub(in crate::sync) struct EventsPage {
    nav: Vec<Tab>,
    tally: Tally,
    /// Since the start: stored, repeated.
    heard: (u64, u64),
    /// Refused within a day, by reason, and within the last hour.
    refused: Vec<(String, u64)>,
    refused_hour: u64,
    /// Whether callbacks can be opened at all.
    is_set_up: bool,
    callback: &'static str,
    tabs: Vec<Tab>,
    lines: Vec<Line>,
    empty: Empty,
}
view!(EventsPage, "list" => as_list);

/// Which events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct Which {
    state: Option<String>,
}

/// Shows the newest events.
pub(in crate::sync) async fn index(
    viewer: Viewer,
    query: Query<Which>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<EventsPage>> {
    let code = query.into_inner().state.unwrap_or_default();
    let state = SignalState::ALL.into_iter().find(|s| s.code() == code);
    let now = app.store.clock().now();
    let (tally, signals, day, hour) = app.read(|r| {
        viewer.scope(r, Permission::SyncRun)?;
        let refused = |ms: i64| app.sync.refusals.since(r, now.plus_ms(-ms));
        Ok::<_, AppError>((
            inbox::tally(r, now)?,
            inbox::newest(r, state, SHOWN)?,
            refused(86_400_000)?,
            refused(3_600_000)?,
        ))
    })?;
    let of_day = |reason: Reason| {
        let found = day.iter().find(|(known, _)| *known == reason);
        let code = reason.code();
        let name = cx.t(&format!("events.reason.{code}"));
        found.map(|(_, n)| (name.into_owned(), *n))
    };
    let heard = &app.sync.heard;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(Shown::of(EventsPage {
        nav: outbox::tabs(&cx, &viewer),
        tabs: tabs(&cx, state, &tally),
        tally,
        heard: (count(&heard.stored), count(&heard.repeated)),
        refused: Reason::ALL.into_iter().filter_map(of_day).collect(),
        refused_hour: hour.iter().map(|(_, n)| n).sum(),
        is_set_up: app.sync.link().is_some_and(|link| link.hears()),
        callback: CALLBACK,
        lines: signals.iter().map(|s| line(&cx, s)).collect(),
        empty: empty(&cx, state.is_some()),
    }))
}

fn tabs(cx: &Cx, current: Option<SignalState>, tally: &Tally) -> Vec<Tab> {
    let tab = |state: Option<SignalState>| {
        let code = state.map_or("all", SignalState::code);
        Tab {
            label: cx.t(&format!("events.state.{code}")).into_owned(),
            href: match state {
                Some(state) => ListQuery::new(HERE).with("state", state.code()).to_string(),
                None => HERE.to_owned(),
            },
            count: match state {
                Some(SignalState::Waiting) => Some(tally.waiting),
                Some(SignalState::Failed) => Some(tally.failed),
                _ => None,
            },
            is_current: state == current,
        }
    };
    let states = SignalState::ALL.into_iter().map(Some);
    std::iter::once(None).chain(states).map(tab).collect()
}

fn line(cx: &Cx, signal: &Signal) -> Line {
    let state = match signal.state {
        SignalState::Waiting => ("events.state.waiting", "info"),
        SignalState::Done => ("events.state.done", "ok"),
        SignalState::Failed => ("events.state.failed", "bad"),
        SignalState::Kept => ("events.state.kept", "muted"),
        SignalState::Outside => ("events.state.outside", "muted"),
    };
    let what = format!("events.what.{}", signal.event);
    let about = signal.target.as_ref();
    Line {
        id: hex::encode(signal.digest),
        what: match words::known(&what) {
            true => cx.t(&what).into_owned(),
            false => signal.event.clone(),
        },
        about: about.map_or(String::new(), |target| {
            cx.t(&format!("events.about.{}", target.code()))
                .into_owned()
        }),
        state,
        came_at: signal.received_at,
        attempts: signal.attempts,
        trouble: trouble(cx, signal),
        may_replay: about.is_some() && signal.state != SignalState::Waiting,
    }
}

fn trouble(cx: &Cx, signal: &Signal) -> String {
    let Some(failure) = signal
        .failure
        .as_ref()
        .filter(|_| signal.state != SignalState::Done)
    else {
        return String::new();
    };
    let key = format!("error.{}.title", failure.code);
    match words::known(&key) {
        true => cx.t(&key).into_owned(),
        false => cx.t("jobs.trouble.title").into_owned(),
    }
}

fn empty(cx: &Cx, is_filtered: bool) -> Empty {
    let (kind, word) = match is_filtered {
        true => (EmptyKind::NothingMatches, "events.empty.state"),
        false => (EmptyKind::NothingYet, "events.empty.none"),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: None,
        other: None,
    }
}

/// Which event, or all that were given up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct Replay {
    #[serde(default)]
    id: String,
}

/// Puts an event back in line.
pub(in crate::sync) async fn replay(
    viewer: Viewer,
    app: Data<App>,
    form: Form<Replay>,
) -> Result<Shown<EventsPage>> {
    let id = form.values.id;
    let one = match id.is_empty() {
        true => None,
        false => Some(digest(&id)?),
    };
    let act = viewer.view("event.replay").system_detail("event", id);
    let replayed = app
        .write(act, move |w| {
            viewer.scope(&w.read(), Permission::SyncRun)?;
            match one {
                Some(digest) if inbox::replay(w, digest)? => Ok(1),
                Some(_) => Err(AppError::NotFound { what: "event" }),
                None => Ok(inbox::replay_failed(w, REPLAYED_MAX)?),
            }
        })
        .await?;
    app.sync.arrived.notify_one();
    Ok(Shown::go_to(HERE).toast("events.replayed", ("n", replayed)))
}

fn digest(id: &str) -> Result<[u8; 32]> {
    let missing = || AppError::NotFound { what: "event" };
    let mut digest = [0; 32];
    hex::decode_to_slice(id, &mut digest).map_err(|_| missing())?;
    Ok(digest)
}
