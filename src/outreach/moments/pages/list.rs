//! `/moments`: all that are in sight, with whom they reached.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    outreach::moments::{
        model::{Moment, State},
        queries::{self, Account},
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
pub(super) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: (&'static str, &'static str),
    pub(super) by: String,
    pub(super) at: Timestamp,
    pub(super) senders: usize,
    pub(super) account: Account,
}

/// The page.
#[derive(Template)]
#[template(path = "moments/list.html", blocks = ["title", "list"])]
pub(in crate::outreach::moments) struct ListPage {
    pub(super) views: Vec<Tab>,
    pub(super) lines: Vec<Line>,
    pub(super) pager: Pager,
    pub(super) empty: Empty,
    pub(super) may_send: bool,
}
view!(ListPage, "list" => as_list);

/// A part of the list: code, word, and what belongs there.
type Part = (&'static str, &'static str, Belongs<Moment>);

/// The parts, in order.
const PARTS: [Part; 4] = [
    ("", "broadcasts.view.all", |_| true),
    ("active", "broadcasts.view.active", |m| m.state.is_active()),
    ("draft", "broadcasts.view.draft", |m| {
        m.state == State::Draft
    }),
    ("over", "broadcasts.view.over", |m| m.state.is_over()),
];

/// Shows the list. Nothing personal is on it.
pub(in crate::outreach::moments) async fn show(
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
        let lines = page.items.iter().map(|m| line(r, m));
        Ok::<_, AppError>(ListPage {
            views,
            lines: lines.collect::<Result<_>>()?,
            pager: Pager::of(&page, &query, &binding, &web.cursors),
            empty: empty(&cx, &viewer, view.is_empty()),
            may_send: viewer.may(Permission::BroadcastSend),
        })
    })?;
    app.note(viewer.view("moment.list")).await?;
    Ok(Shown::of(page))
}

fn line(r: &Read<'_>, moment: &Moment) -> Result<Line> {
    Ok(Line {
        id: moment.id.to_string(),
        name: moment.name.clone(),
        state: moment.state.word(),
        by: name_of(r, moment.created_by)?,
        at: moment
            .begun_at
            .or(moment.send_at)
            .unwrap_or(moment.created_at),
        senders: moment.senders.len(),
        account: queries::account(r, moment.id)?,
    })
}

fn empty(cx: &Cx, viewer: &Viewer, is_all: bool) -> Empty {
    let may_send = viewer.may(Permission::BroadcastSend);
    let (kind, title) = match is_all {
        true => (EmptyKind::NothingYet, cx.t("moments.empty")),
        false => (EmptyKind::NothingMatches, cx.t("moments.empty_view")),
    };
    Empty {
        kind,
        title: title.into_owned(),
        hint: cx.t("moments.empty_hint").into_owned(),
        action: may_send.then(|| Link {
            label: cx.t("moments.new").into_owned(),
            href: "/moments/new".to_owned(),
        }),
        other: None,
    }
}
