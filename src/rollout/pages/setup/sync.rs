//! `/setup/pilot` and `/setup/sync`: who takes part, and the first sync.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    rollout::model::Step,
    sync, view,
    web::{Cx, Form, Shown, filters},
    work::{
        JobState, jobs,
        pages::{JobCard, Nothing},
    },
};

use super::{
    super::pilot::{self, PilotFields, PilotForm},
    Frame, passed,
};

/// Who takes part.
#[derive(Template)]
#[template(path = "rollout/setup_pilot.html", blocks = ["title"])]
pub(in crate::rollout) struct PilotPage {
    frame: Frame,
    it: PilotForm,
}
view!(PilotPage);

pub(super) async fn pilot(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<PilotPage>> {
    Ok(Shown::of(PilotPage {
        frame: Frame::of(&app, &cx, &viewer, Step::Pilot)?,
        it: pilot::as_it_is(&app, cx.lang()).await?,
    }))
}

pub(super) async fn save_pilot(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<PilotFields>,
) -> Result<Shown<PilotPage>> {
    let saved = match form.values.command() {
        // The sync is the next step, begun by hand.
        Ok(command) => pilot::store_only(&app, &viewer, command).await,
        Err(wrong) => Err(wrong),
    };
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(passed(&app, &viewer, Step::Pilot).await?),
        Err(state) => Shown::of(PilotPage {
            frame: Frame::of(&app, &cx, &viewer, Step::Pilot)?,
            it: pilot::refused(&app, cx.lang(), state, &form.values).await?,
        })
        .invalid(),
    })
}

/// The first sync.
#[derive(Template)]
#[template(path = "rollout/setup_sync.html", blocks = ["title", "sync"])]
pub(in crate::rollout) struct SyncPage {
    frame: Frame,
    job: Option<JobCard>,
    is_done: bool,
}
view!(SyncPage, "sync" => as_sync);

impl SyncPage {
    fn may_begin(&self) -> bool {
        self.job.as_ref().is_none_or(|job| job.is_final)
    }
}

pub(super) async fn show(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<SyncPage>> {
    let frame = Frame::of(&app, &cx, &viewer, Step::Sync)?;
    let (job, done) = app.read(|r| {
        let done = jobs::latest_in(r, sync::KIND, JobState::Done)?;
        Ok::<_, AppError>((jobs::latest(r, sync::KIND)?, done))
    })?;
    Ok(Shown::of(SyncPage {
        frame,
        job: job.map(|job| JobCard::of(&job, &cx)),
        is_done: done.is_some(),
    }))
}

pub(super) async fn start(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<SyncPage>> {
    app.start_sync(&viewer, None).await?;
    Ok(Shown::go_to(Step::Sync.href()))
}
