//! `/settings/about`: what runs here.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    view,
    web::{Shown, filters},
};

/// The page.
#[derive(Template)]
#[template(path = "rollout/about.html", blocks = ["title"])]
pub(in crate::rollout) struct AboutPage {
    version: &'static str,
    folder: String,
    listen: String,
    records: u64,
    audit_entries: u64,
}
view!(AboutPage);

pub(in crate::rollout) async fn show(viewer: Viewer, app: Data<App>) -> Result<Shown<AboutPage>> {
    let audit_entries = app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        Ok::<_, crate::error::AppError>(crate::audit::log::size(r))
    })?;
    Ok(Shown::of(AboutPage {
        version: env!("CARGO_PKG_VERSION"),
        folder: app.config.data.display().to_string(),
        listen: app.config.listen.to_string(),
        records: app.store.snapshot().feed_head(),
        audit_entries: audit_entries?,
    }))
}
