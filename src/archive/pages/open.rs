//! `/archive/{chat}/open`: why somebody opens a conversation that is not their own.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        model::ChatId,
        names::Names,
        opening::{self, OpenChat},
        queries::{self, ArchiveSight},
    },
    error::{AppError, Result},
    identity::Viewer,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, local},
};

/// The form.
#[derive(Template)]
#[template(path = "archive/open.html", blocks = ["title"])]
pub(in crate::archive) struct OpenPage {
    pub(super) title: String,
    pub(super) sort: &'static str,
    pub(super) action: String,
    pub(super) back: String,
    pub(super) form: FormState,
}
view!(OpenPage);

/// What the form posts.
#[derive(Deserialize)]
pub(in crate::archive) struct Reason {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    next: String,
}

/// Asks for the reason.
pub(in crate::archive) async fn reason(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<OpenPage>> {
    let id = parse(&id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let next = query.get("next").unwrap_or_default().to_owned();
    let form = FormState::with_values([("next", next)]);
    Ok(Shown::of(page(&app, &viewer, &cx, id, form)?))
}

/// Keeps the reason and leads on.
pub(in crate::archive) async fn open(
    viewer: Viewer,
    id: Path<String>,
    form: Form<Reason>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<OpenPage>> {
    let id = parse(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = OpenChat {
        chat: id,
        reason: form.values.reason.clone(),
        directory,
    };
    let act = viewer
        .view("archive.open")
        .about("archive_chat", id)
        .detail("reason", form.values.reason.trim());
    let asking = viewer.clone();
    let opened = app
        .write(act, move |w| {
            let allowed = asking.allow(w, command)?;
            opening::open(w, allowed)
        })
        .await;
    Ok(match form.state.catch(opened)? {
        Ok(()) => {
            let own = format!("/archive/{id}");
            // Only to the conversation that was opened, or to one of its files.
            let next = local(&form.values.next);
            let next = next.filter(|n| n.starts_with(&own) || n.starts_with("/archive/files/"));
            Shown::go_to(next.unwrap_or(&own))
        }
        Err(state) => Shown::of(page(&app, &viewer, &cx, id, state)?).invalid(),
    })
}

fn parse(id: &str) -> Result<ChatId> {
    id.parse().map_err(|_| AppError::NotFound { what: "chat" })
}

fn page(app: &App, viewer: &Viewer, cx: &Cx, id: ChatId, form: FormState) -> Result<OpenPage> {
    app.read(|r| {
        let sight = ArchiveSight::of(app, r, viewer)?;
        let chat = queries::chat(r, &sight, id)?;
        let names = Names::new(r, &sight.sight, cx);
        Ok(OpenPage {
            title: names.title(&chat)?,
            sort: Names::sort_of(&chat),
            action: format!("/archive/{id}/open"),
            back: "/archive".to_owned(),
            form,
        })
    })
}
