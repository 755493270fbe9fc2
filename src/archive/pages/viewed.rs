//! `/me/conversations`: who opened one's conversations, and why.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        model::Chat,
        names::Names,
        viewed::{self, MarkSeen, Viewed},
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    store::Read,
    view,
    web::{
        Cx, Form, Shown, filters,
        parts::{Empty, EmptyKind},
    },
};

/// One opening.
struct Line {
    no: u64,
    is_new: bool,
    by: String,
    at: Timestamp,
    title: String,
    href: Option<String>,
    reason: String,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/viewed.html", blocks = ["title"])]
pub(in crate::archive) struct ViewedPage {
    lines: Vec<Line>,
    /// The newest opening, if one has not been seen.
    up_to: Option<u64>,
    empty: Empty,
}
view!(ViewedPage);

/// Shows it: about oneself alone, so it takes no right.
pub(in crate::archive) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ViewedPage>> {
    let (lines, is_on) = app.read(|r| {
        let is_on = viewed::is_on(r)?;
        let lines = match is_on {
            true => lines(r, &app, &viewer, &cx)?,
            false => Vec::new(),
        };
        Ok::<_, AppError>((lines, is_on))
    })?;
    let word = if is_on { "viewed.nobody" } else { "viewed.off" };
    let is_new = lines.iter().any(|line| line.is_new);
    Ok(Shown::of(ViewedPage {
        up_to: lines.first().filter(|_| is_new).map(|line| line.no),
        lines,
        empty: Empty {
            kind: EmptyKind::NothingYet,
            title: cx.t(&format!("{word}.title")).into_owned(),
            hint: cx.t(&format!("{word}.hint")).into_owned(),
            action: None,
            other: None,
        },
    }))
}

fn lines(r: &Read<'_>, app: &App, viewer: &Viewer, cx: &Cx) -> Result<Vec<Line>> {
    let account = viewer.account_id().ok_or(AppError::Unauthenticated)?;
    let Some(own) = viewed::party(r, account)? else {
        return Ok(Vec::new());
    };
    // Names of those who take part in one's own conversations: the sight of one's own.
    let sight = app.sight(r, viewer, Permission::ArchiveRead).ok();
    let names = sight.as_ref().map(|sight| Names::new(r, sight, cx));
    let line = |viewed: Viewed| {
        let chat = r.get::<Chat>(&viewed.chat)?;
        let title = match (&names, &chat) {
            (Some(names), Some(chat)) => names.title(chat)?,
            _ => cx.t("retention.on.chat").into_owned(),
        };
        let by = identity::queries::account_name(r, viewed.account.cast())?;
        Ok(Line {
            no: viewed.no,
            is_new: viewed.seen_at.is_none(),
            by: by.unwrap_or_default(),
            at: viewed.at,
            title,
            href: chat
                .filter(|_| names.is_some())
                .map(|chat| format!("/archive/{}", chat.id)),
            reason: viewed.reason,
        })
    };
    let found = viewed::of_member(r, own, viewed::SHOWN_MAX)?;
    found.into_iter().map(line).collect()
}

/// Up to which opening one has seen them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct SeenForm {
    #[serde(default)]
    up_to: u64,
}

/// Notes that what was shown has been seen.
pub(in crate::archive) async fn seen(
    viewer: Viewer,
    app: Data<App>,
    form: Form<SeenForm>,
) -> Result<Shown<ViewedPage>> {
    let command = MarkSeen {
        up_to: form.values.up_to,
    };
    // The openings are machinery; that they were seen is kept all the same.
    let act = viewer.change("archive.viewed_seen").recorded();
    app.write(act, move |w| {
        let allowed = viewer.allow(w, command)?;
        viewed::mark_seen(w, allowed)
    })
    .await?;
    Ok(Shown::go_to("/me/conversations").toast("viewed.is_seen", ()))
}
