//! `/org/sync`: the last sync, the one that runs, and the button that begins one.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    view,
    web::{
        Cx, Form, Shown, filters,
        parts::{Empty, EmptyKind},
    },
    work::{
        JobState, jobs,
        pages::{JobCard, Nothing},
    },
};

use super::super::KIND;

/// The page.
#[derive(Template)]
#[template(path = "sync/index.html", blocks = ["title", "sync"])]
pub(in crate::sync) struct SyncPage {
    connected: bool,
    /// The newest one, unless it is the last good one.
    current: Option<JobCard>,
    /// The last that went through.
    last: Option<JobCard>,
    empty: Empty,
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
    let (newest, last) = app.read(|r| {
        viewer.scope(r, Permission::SyncRun)?;
        let last = jobs::latest_in(r, KIND, JobState::Done)?;
        Ok::<_, AppError>((jobs::latest(r, KIND)?, last))
    })?;
    let current = newest.filter(|job| job.state != JobState::Done);
    let connected = app.wecom().is_some();
    Ok(Shown::of(SyncPage {
        connected,
        current: current.map(|job| JobCard::of(&job, &cx)),
        last: last.map(|job| JobCard::of(&job, &cx)),
        empty: empty(&cx, connected),
    }))
}

/// Begins a sync, unless one is under way, and leads to its progress.
pub(in crate::sync) async fn start(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<SyncPage>> {
    let job = app.start_sync(&viewer).await?;
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
        };
        let begins = |page: &SyncPage| check_page(page).contains("action=\"/org/sync\"");
        assert!(!begins(&page(false, None, false)));
        assert!(begins(&page(true, None, false)));
        assert!(begins(&page(true, Some(JobState::Failed), true)));
        assert!(!begins(&page(true, Some(JobState::Running), true)));
    }
}
