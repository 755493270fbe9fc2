//! `/me/conversations`: who opened one's conversations, and why.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    archive::{
        model::Chat,
        names::Names,
        queries,
        viewed::{self, Viewed},
    },
    error::{AppError, Result},
    identity::{self, Permission, Viewer},
    kit::Timestamp,
    store::Read,
    view,
    web::{
        Cx, Shown, filters,
        parts::{Empty, EmptyKind},
    },
};

/// Lines of the page.
const SHOWN: usize = 100;

/// One opening.
struct Line {
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
    Ok(Shown::of(ViewedPage {
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
    let account = viewer.account().ok_or(AppError::Unauthenticated)?;
    let Some(member) = account.member else {
        return Ok(Vec::new());
    };
    let Some(own) = queries::party_of(r, member)? else {
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
            by: by.unwrap_or_default(),
            at: viewed.at,
            title,
            href: chat
                .filter(|_| names.is_some())
                .map(|chat| format!("/archive/{}", chat.id)),
            reason: viewed.reason,
        })
    };
    let found = viewed::of_member(r, own, SHOWN)?;
    found.into_iter().map(line).collect()
}
