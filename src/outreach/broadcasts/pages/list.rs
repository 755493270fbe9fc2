//! `/broadcasts`: all that are in sight, with what the ledger counts.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    outreach::broadcasts::{
        audience::Target,
        model::{Broadcast, State},
        queries::{self, Numbers},
    },
    outreach::{
        campaign::name_of,
        listed::{self, Belongs, Listed},
    },
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Empty, EmptyKind, Link, Pager, Tab},
    },
};

/// One line of the list.
struct Line {
    id: String,
    name: String,
    state: (&'static str, &'static str),
    is_to_groups: bool,
    by: String,
    at: Timestamp,
    senders: usize,
    numbers: Numbers,
}

/// The page.
#[derive(Template)]
#[template(path = "broadcasts/list.html", blocks = ["title", "list"])]
pub(in crate::outreach::broadcasts) struct ListPage {
    views: Vec<Tab>,
    lines: Vec<Line>,
    pager: Pager,
    empty: Empty,
    may_send: bool,
    may_limit: bool,
}
view!(ListPage, "list" => as_list);

/// A part of the list: code, word, and what belongs there.
type Part = (&'static str, &'static str, Belongs<Broadcast>);

/// The parts, in order.
const PARTS: [Part; 4] = [
    ("", "broadcasts.view.all", |_| true),
    ("active", "broadcasts.view.active", |b| b.state.is_active()),
    ("draft", "broadcasts.view.draft", |b| {
        b.state == State::Draft
    }),
    ("over", "broadcasts.view.over", |b| b.state.is_over()),
];

/// Shows the list. Nothing personal is on it.
pub(in crate::outreach::broadcasts) async fn show(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ListPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let view = query.get("view").unwrap_or("");
    let page = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::OutreachRead)?;
        let binding = viewer.name_for_binding();
        let request = web.cursors.page_request(&binding, &query);
        let shown = PARTS.iter().find(|(code, ..)| *code == view);
        let (.., shown) = *shown.unwrap_or(&PARTS[0]);
        let parts = PARTS.map(|(.., belongs)| belongs);
        let whose = (&sight, queries::own(&viewer));
        let Listed { page, counts } = listed::page(r, whose, (&parts, shown), &request)?;
        let views = PARTS.iter().enumerate().map(|(n, (code, word, _))| Tab {
            label: cx.t(word).into_owned(),
            href: query.only(&[]).with("view", code).to_string(),
            count: counts.as_ref().and_then(|counts| counts.get(n).copied()),
            is_current: *code == view,
        });
        let views = views.collect();
        let lines = page.items.iter().map(|b| line(r, b));
        Ok::<_, AppError>(ListPage {
            views,
            lines: lines.collect::<Result<_>>()?,
            pager: Pager::of(&page, &query, &binding, &web.cursors),
            empty: empty(&cx, &viewer, view.is_empty()),
            may_send: viewer.may(Permission::BroadcastSend),
            may_limit: viewer.may(Permission::SettingsManage),
        })
    })?;
    app.note(viewer.view("broadcast.list")).await?;
    Ok(Shown::of(page))
}

fn line(r: &Read<'_>, broadcast: &Broadcast) -> Result<Line> {
    Ok(Line {
        id: broadcast.id.to_string(),
        name: broadcast.name.clone(),
        state: broadcast.state.word(),
        is_to_groups: broadcast.target() == Target::Groups,
        by: name_of(r, broadcast.created_by)?,
        at: broadcast.begins_at.unwrap_or(broadcast.created_at),
        senders: broadcast.senders.len(),
        numbers: queries::account(r, broadcast.id)?.all,
    })
}

fn empty(cx: &Cx, viewer: &Viewer, is_all: bool) -> Empty {
    let may_send = viewer.may(Permission::BroadcastSend);
    let (kind, title) = match is_all {
        true => (EmptyKind::NothingYet, cx.t("broadcasts.empty")),
        false => (EmptyKind::NothingMatches, cx.t("broadcasts.empty_view")),
    };
    Empty {
        kind,
        title: title.into_owned(),
        hint: cx.t("broadcasts.empty_hint").into_owned(),
        action: may_send.then(|| Link {
            label: cx.t("broadcasts.new").into_owned(),
            href: "/broadcasts/new".to_owned(),
        }),
        other: None,
    }
}
