//! `/assets/preview`: a message that is being written, as WeChat will show it.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::Result,
    identity::Viewer,
    outreach::form::ContentPart,
    view,
    web::{Cx, Form, ListQuery, Shown, filters},
};

/// What the form has so far.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Fields {
    #[serde(default)]
    #[allow(dead_code, reason = "the preview reads the form's state")]
    text: String,
    #[serde(default)]
    #[allow(dead_code, reason = "the preview reads the form's state")]
    attachment: Vec<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/preview.html", blocks = ["title", "preview"])]
pub(in crate::outreach) struct PreviewPage {
    pub(super) part: ContentPart,
}
view!(PreviewPage, "preview" => as_preview);

/// Shows it. Nothing is kept.
pub(in crate::outreach) async fn preview(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<PreviewPage>> {
    let mut part = app.read(|r| ContentPart::load(&app, r, &viewer, &cx, &form.state))?;
    if ListQuery::parse(&cx.path, &cx.query).get("as") == Some("moment") {
        part.preview = part.preview.into_moment();
    }
    Ok(Shown::of(PreviewPage { part }))
}
