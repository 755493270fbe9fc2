//! Buttons of `/settings/archive` that try a key or the library, and say in words what came of
//! it. What is tried is on record before it is.

use actix_web::web::Data;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        puller::remedy_code,
        trial::{self, Tried},
    },
    error::Result,
    identity::{Permission, Viewer},
    store::Act,
    web::{Cx, Form, Shown},
};

use super::settings::{HERE, SettingsPage};

/// Which key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct KeyFields {
    version: u32,
}

/// Tries the key of a version.
pub(in crate::archive) async fn key(
    viewer: Viewer,
    app: Data<App>,
    form: Form<KeyFields>,
) -> Result<Shown<SettingsPage>> {
    let version = form.values.version;
    let act = viewer.view("archive.key_test");
    note(
        &app,
        &viewer,
        act.system_detail("version", version.to_string()),
    )
    .await?;
    let tried = trial::key(&app, version).await?;
    let shown = Shown::go_to(HERE);
    let of = |seq: u64| (("version", version), ("seq", seq));
    Ok(match tried {
        Tried::Opens(seq) => shown.toast("archive_trial.opens", of(seq)),
        Tried::OpensKey(seq) => shown.toast("archive_trial.opens_key", of(seq)),
        Tried::Unreadable(seq) => shown.toast_failed("archive_trial.unreadable", of(seq)),
        Tried::Unfit(seq) => shown.toast_failed("archive_trial.unfit", of(seq)),
        Tried::Pair => shown.toast("archive_trial.pair", ("version", version)),
        Tried::NoPair => shown.toast_failed("archive_trial.no_pair", ("version", version)),
    })
}

/// Tries to load the library.
pub(in crate::archive) async fn library(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SettingsPage>> {
    note(&app, &viewer, viewer.view("archive.probe")).await?;
    let shown = Shown::go_to(HERE);
    Ok(match trial::library(&app).await? {
        None => shown.toast_failed("archive_trial.not_set_up", ()),
        Some(Ok(())) => shown.toast("archive_trial.loads", ()),
        Some(Err(error)) => {
            let code = remedy_code(error.remedy());
            let why = cx.t(&format!("archive_setup.remedy.{code}")).into_owned();
            shown.toast_failed("archive_trial.fails", ("why", why))
        }
    })
}

/// Puts it on record, and asks for the right to it there.
async fn note(app: &App, viewer: &Viewer, act: Act) -> Result<()> {
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking
            .scope(&w.read(), Permission::SettingsManage)
            .map(drop)
    })
    .await
}
