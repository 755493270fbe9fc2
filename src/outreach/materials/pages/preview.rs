//! `/assets/preview`: a message that is being written, as WeChat will show it.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::Result,
    identity::Viewer,
    outreach::{content::Variables, form::ContentPart, materials::Material},
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
    let query = ListQuery::parse(&cx.path, &cx.query);
    let variables = match query.get("as") {
        Some("moment") => Variables::Firm,
        Some("broadcast") => Variables::Member,
        _ => Variables::All,
    };
    let all = (variables, |_: &Material| true);
    let mut part =
        app.read(|r| ContentPart::load_where(&app, r, &viewer, &cx, &form.state, all))?;
    if variables == Variables::Firm {
        part.preview = part.preview.into_moment();
    }
    Ok(Shown::of(PreviewPage { part }))
}
