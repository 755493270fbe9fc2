//! `/org/sync`: the last sync, the one that runs, and the button that begins one.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    view,
    web::{
        Cx, Form, Shown, filters,
        parts::{Empty, EmptyKind, Tab},
    },
    work::{Job, JobState, jobs, outbox, pages::JobCard},
};

use super::super::{
    KIND, Part,
    nightly::{self, NightlySettings, SaveNightly},
    part, repairs,
};

/// Passes in the history.
const HISTORY: usize = 12;

/// A pass that was made.
struct PastPass {
    href: String,
    what: String,
    state: (&'static str, &'static str),
    at: Timestamp,
    repaired: u64,
}

/// The page.
#[derive(Template)]
#[template(path = "sync/index.html", blocks = ["title", "sync"])]
pub(in crate::sync) struct SyncPage {
    nav: Vec<Tab>,
    connected: bool,
    /// The newest one, unless it is the last good one.
    current: Option<JobCard>,
    /// The last that went through.
    last: Option<JobCard>,
    empty: Empty,
    /// The passes before, newest first: what, job, state, repaired records.
    history: Vec<PastPass>,
    nightly: NightlySettings,
    next: Option<Timestamp>,
    may_change: bool,
    /// The parts that can run alone: form value and name.
    parts: Vec<(&'static str, String)>,
}
view!(SyncPage, "sync" => as_sync);

impl SyncPage {
    /// One sync at a time.
    fn may_begin(&self) -> bool {
        self.connected && self.current.as_ref().is_none_or(|job| job.is_final)
    }
}

/// Shows how the sync stands.
pub(in crate::sync) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SyncPage>> {
    let (newest, last, history, nightly) = app.read(|r| {
        viewer.scope(r, Permission::SyncRun)?;
        let last = jobs::latest_in(r, KIND, JobState::Done)?;
        let history = part::history(r, HISTORY)?;
        let nightly = NightlySettings::load(r)?;
        Ok::<_, AppError>((jobs::latest(r, KIND)?, last, history, nightly))
    })?;
    let delay = nightly::delay_ms(&app);
    let times = nightly.times(cx.now, &cx.zone, delay);
    let next = times.map(|(_, next)| next).filter(|_| nightly.is_on);
    let current = newest.filter(|job| job.state != JobState::Done);
    let connected = app.wecom().is_some();
    Ok(Shown::of(SyncPage {
        nav: outbox::tabs(&cx, &viewer),
        connected,
        current: current.map(|job| JobCard::of(&job, &cx)),
        last: last.map(|job| JobCard::of(&job, &cx)),
        empty: empty(&cx, connected),
        history: history.iter().map(|job| past(&cx, job)).collect(),
        nightly,
        next,
        may_change: viewer.may(Permission::SettingsManage),
        parts: Part::ALL.into_iter().map(|p| part_name(&cx, p)).collect(),
    }))
}

fn part_name(cx: &Cx, part: Part) -> (&'static str, String) {
    let code = part.code();
    (code, cx.t(&format!("sync.part.{code}")).into_owned())
}

fn past(cx: &Cx, job: &Job) -> PastPass {
    PastPass {
        href: format!("/org/sync/{}", job.id),
        what: JobCard::of(job, cx).kind,
        state: JobCard::of(job, cx).state,
        at: job.created_at,
        repaired: job.progress.counted(repairs::COUNT),
    }
}

/// When the pass of the night begins.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct NightlyForm {
    #[serde(default)]
    is_on: bool,
    time: String,
}

/// Keeps when the pass of the night begins.
pub(in crate::sync) async fn save_nightly(
    viewer: Viewer,
    app: Data<App>,
    form: Form<NightlyForm>,
) -> Result<Shown<SyncPage>> {
    let minute = NightlySettings::parse(&form.values.time)
        .ok_or_else(|| AppError::field("time", "sync.wrong_time"))?;
    let settings = NightlySettings {
        is_on: form.values.is_on,
        minute,
    };
    app.write(viewer.change("settings.nightly"), move |w| {
        let allowed = viewer.allow(w, SaveNightly { settings })?;
        nightly::save(w, allowed)
    })
    .await?;
    Ok(Shown::go_to("/org/sync").toast("sync.nightly_saved", ()))
}

/// Which part; empty for all.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct StartForm {
    #[serde(default)]
    part: String,
}

/// Begins a sync, unless one is under way, and leads to its progress.
pub(in crate::sync) async fn start(
    viewer: Viewer,
    app: Data<App>,
    form: Form<StartForm>,
) -> Result<Shown<SyncPage>> {
    let part = Part::of_code(&form.values.part);
    let job = app.start_sync(&viewer, part).await?;
    Ok(Shown::go_to(format_args!("/jobs/{job}")))
}

fn empty(cx: &Cx, connected: bool) -> Empty {
    let (kind, word) = match connected {
        true => (EmptyKind::NothingYet, "sync.empty.none"),
        false => (EmptyKind::NotConnected, "sync.empty.connect"),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: None,
        other: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        web::tests::{HOSTILE, check_page},
        work::pages::tests::card,
    };

    #[test]
    fn the_sync_renders_at_every_stage_and_can_begin_only_when_none_runs() {
        let page = |connected, current: Option<JobState>, last: bool| SyncPage {
            nav: Vec::new(),
            connected,
            current: current.map(|state| card(state, HOSTILE)),
            last: last.then(|| card(JobState::Done, HOSTILE)),
            empty: Empty {
                kind: EmptyKind::NotConnected,
                title: HOSTILE.into(),
                hint: HOSTILE.into(),
                action: None,
                other: None,
            },
            history: vec![PastPass {
                href: "/org/sync/x".into(),
                what: HOSTILE.into(),
                state: ("jobs.state.done", "ok"),
                at: Timestamp::from_ms(0),
                repaired: 3,
            }],
            nightly: NightlySettings::default(),
            next: Some(Timestamp::from_ms(0)),
            may_change: connected,
            parts: vec![("tags", HOSTILE.into())],
        };
        let begins = |page: &SyncPage| check_page(page).contains("action=\"/org/sync\"");
        assert!(!begins(&page(false, None, false)));
        assert!(begins(&page(true, None, false)));
        assert!(begins(&page(true, Some(JobState::Failed), true)));
        assert!(!begins(&page(true, Some(JobState::Running), true)));
    }
}
