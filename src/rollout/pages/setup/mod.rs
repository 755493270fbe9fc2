//! `/setup/{step}`: from the claim code to a firm at work. Every step is an address of its
//! own and is saved before the next one opens, so the wizard can be left and taken up again.

mod connect;
mod firm;
mod people;
mod preset;
mod sync;

use actix_web::web::Data;

use crate::{
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    rollout::{
        actions::{self, PassStep},
        model::{Setup, Step},
        queries,
    },
    slice::{Access, Route},
    web::{
        Cx, Shown,
        parts::{self, StepState},
    },
};

/// The wizard's addresses.
pub(in crate::rollout) fn routes(manage: Access) -> Vec<Route> {
    use actix_web::web::{get, post};
    vec![
        Route::get("/setup", manage, || get().to(resume)),
        Route::get("/setup/firm", manage, || get().to(firm::show)),
        Route::post("/setup/firm", manage, || post().to(firm::save)),
        Route::get("/setup/preset", manage, || get().to(preset::show)),
        Route::post("/setup/preset", manage, || post().to(preset::apply)),
        Route::post("/setup/preset/undo", manage, || post().to(preset::undo)),
        Route::get("/setup/wecom", manage, || get().to(connect::account)),
        Route::post("/setup/wecom", manage, || post().to(connect::save_account)),
        Route::post("/setup/wecom/without", manage, || {
            post().to(connect::without)
        }),
        Route::get("/setup/callback", manage, || get().to(connect::callback)),
        Route::post("/setup/callback", manage, || {
            post().to(connect::save_callback)
        }),
        Route::get("/setup/pilot", manage, || get().to(sync::pilot)),
        Route::post("/setup/pilot", manage, || post().to(sync::save_pilot)),
        Route::get("/setup/sync", manage, || get().to(sync::show)),
        Route::post("/setup/sync", manage, || post().to(sync::start)),
        Route::get("/setup/roles", manage, || get().to(people::show)),
        Route::post("/setup/roles", manage, || post().to(people::give)),
        Route::get("/setup/done", manage, || get().to(people::review)),
        Route::post("/setup/done", manage, || post().to(people::finish)),
        Route::post("/setup/pass", manage, || post().to(pass)),
    ]
}

/// What stands around every step.
pub(in crate::rollout) struct Frame {
    pub(super) steps: Vec<parts::Step>,
    /// Catalogue key of the step's name.
    pub(super) title: String,
    /// Catalogue key of what the step is for and where its values are found.
    pub(super) why: String,
    /// The step before.
    pub(super) back: Option<String>,
    /// The step's code, for passing it over.
    pub(super) code: &'static str,
}

impl Frame {
    fn of(app: &App, cx: &Cx, viewer: &Viewer, step: Step) -> Result<Self> {
        let setup = app.read(|r| {
            viewer.scope(r, Permission::SettingsManage)?;
            Ok::<_, crate::error::AppError>(queries::setup(r)?)
        })?;
        let code = step.code();
        Ok(Self {
            steps: steps(cx, &setup, step),
            title: format!("setup.step.{code}"),
            why: format!("setup.why.{code}"),
            back: setup.before(step).map(Step::href),
            code,
        })
    }
}

fn steps(cx: &Cx, setup: &Setup, current: Step) -> Vec<parts::Step> {
    let step = |step: Step| {
        let is_done = setup.is_done(step);
        parts::Step {
            label: cx.t(&format!("setup.step.{}", step.code())).into_owned(),
            state: match (step == current, is_done) {
                (true, _) => StepState::Current,
                (false, true) => StepState::Done,
                (false, false) => StepState::Ahead,
            },
            href: (is_done && step != current).then(|| step.href()),
        }
    };
    setup.steps().into_iter().map(step).collect()
}

/// Takes the wizard up where it was left.
async fn resume(viewer: Viewer, app: Data<App>) -> Result<Shown<firm::FirmPage>> {
    let setup = app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        Ok::<_, crate::error::AppError>(queries::setup(r)?)
    })?;
    Ok(Shown::go_to(setup.resume().href()))
}

/// Notes that a step is behind us; gives the next one's address.
async fn passed(app: &App, viewer: &Viewer, step: Step) -> Result<String> {
    let viewer = viewer.clone();
    let next = app
        .write(viewer.change("setup.step"), move |w| {
            let allowed = viewer.allow(w, PassStep { step })?;
            actions::pass_step(w, allowed)?;
            Ok(queries::setup(&w.read())?.after(step))
        })
        .await?;
    Ok(next.href())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PassForm {
    step: String,
}

/// Goes on without doing anything in a step.
async fn pass(
    viewer: Viewer,
    app: Data<App>,
    form: crate::web::Form<PassForm>,
) -> Result<Shown<firm::FirmPage>> {
    let step = Step::ALL.into_iter().find(|s| s.code() == form.values.step);
    let step = step.ok_or(crate::error::AppError::NotFound { what: "page" })?;
    Ok(Shown::go_to(passed(&app, &viewer, step).await?))
}
