//! `/welcome/groups`: what groups greet newcomers with.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    outreach::welcome::pages::{Writing, tabs},
    store::Read,
    view,
    web::{
        Cx, Shown as Answer, filters,
        parts::{Empty, EmptyKind, Link, Tab},
    },
    work::outbox,
};

use super::{
    super::{
        actions::decides,
        model::{GroupWelcome, TEMPLATES_MAX},
        queries,
    },
    HERE, Shown, asset_of,
};

/// One template.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) title: String,
    /// The asset's title and icon.
    pub(super) asset: Option<(String, &'static str)>,
    pub(super) shown: Shown,
    pub(super) written_at: Option<Timestamp>,
    pub(super) changed_at: Timestamp,
    pub(super) is_wanted: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/group_welcomes.html", blocks = ["title", "list"])]
pub(in crate::outreach::welcome) struct GroupWelcomesPage {
    pub(super) tabs: Vec<Tab>,
    pub(super) lines: Vec<Line>,
    pub(super) max: usize,
    pub(super) is_full: bool,
    pub(super) may_change: bool,
    /// Where a person settles what nobody can tell.
    pub(super) outbox: Option<&'static str>,
    pub(super) empty: Empty,
    pub(super) writing: Option<Writing>,
}
view!(GroupWelcomesPage, "list" => as_list);

/// Shows the templates: the firm's, so they are there for everybody who may open the page.
pub(in crate::outreach::welcome) async fn index(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Answer<GroupWelcomesPage>> {
    let page = app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachManage)?;
        let may_change = decides(&scope, &*app.directory.get(r)?);
        let found = queries::all(r)?;
        Ok::<_, AppError>(GroupWelcomesPage {
            tabs: tabs(&cx, HERE),
            max: TEMPLATES_MAX,
            is_full: found.len() >= TEMPLATES_MAX,
            lines: found
                .into_iter()
                .map(|template| line(r, &cx, &template))
                .collect::<Result<_>>()?,
            may_change,
            outbox: viewer.may(Permission::SyncRun).then_some(outbox::OUTBOX),
            empty: empty(&cx, may_change),
            writing: Writing::of(r, &viewer)?,
        })
    })?;
    Ok(Answer::of(page))
}

fn line(r: &Read<'_>, cx: &Cx, template: &GroupWelcome) -> Result<Line> {
    let standing = queries::standing(r, template)?;
    Ok(Line {
        id: template.id.to_string(),
        title: queries::title(r, template)?,
        asset: asset_of(r, template)?.map(|asset| {
            let icon = asset.kind().icon();
            (asset.title, icon)
        }),
        shown: Shown::of(cx, &standing),
        written_at: template.written.as_ref().map(|written| written.at),
        changed_at: template.changed_at,
        is_wanted: template.is_wanted,
    })
}

fn empty(cx: &Cx, may_change: bool) -> Empty {
    Empty {
        kind: EmptyKind::NothingYet,
        title: cx.t("groupwelcome.none").into_owned(),
        hint: cx.t("groupwelcome.none_hint").into_owned(),
        action: may_change.then(|| Link {
            label: cx.t("groupwelcome.new").into_owned(),
            href: format!("{HERE}/new"),
        }),
        other: None,
    }
}
