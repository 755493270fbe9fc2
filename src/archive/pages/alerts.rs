//! `/sensitive/alerts`: what sensitive words have found, and who deals with it.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        names::Names,
        queries::ArchiveSight,
        sensitive::{
            self, Alert, AlertId, AssignAlert, CloseAlert, ReopenAlert, Verdict, WordList,
            WordListId,
            queue::{self, Asked},
        },
    },
    error::{AppError, Result},
    identity::{self, Account, Allowed, Command, Viewer},
    kit::{Id, Page},
    store::{Read, Write},
    view,
    web::{
        Cx, Form, ListQuery, Shown, Web, filters, local,
        parts::{Chip, Empty, Filter, Pager, Tab},
    },
};

use super::{
    alert_filters as narrowed,
    alert_lines::{Line, line, others},
    words::tabs,
};

/// The page's address.
pub(super) const HERE: &str = "/sensitive/alerts";

/// The page.
#[derive(Template)]
#[template(path = "archive/alerts.html", blocks = ["title", "list"])]
pub(in crate::archive) struct AlertsPage {
    nav: Vec<Tab>,
    states: Vec<Tab>,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    /// The same state without conditions.
    cleared: String,
    /// What the filters keep.
    kept: Vec<(String, String)>,
    lines: Vec<Line>,
    pager: Pager,
    empty: Empty,
    /// Where a form leads back to.
    here: String,
}
view!(AlertsPage, "list" => as_list);

/// Shows the queue. Words of messages are on it, so its entry is durable before, and what is in
/// scope is asked again within that write and behind it.
pub(in crate::archive) async fn index(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<AlertsPage>> {
    let query = ListQuery::parse(HERE, &cx.query);
    let binding = viewer.name_for_binding();
    let request = web.cursors.page_request(&binding, &query);
    let own = viewer.account_id().map(|account| account.cast());
    let (found, asked, directory, chat) = app.read(|r| {
        let directory = app.directory.get(r)?;
        let sight = queue::sight(r, &directory, &viewer)?;
        let named = narrowed::Named::of(r, &sight, &query)?;
        let asked = narrowed::asked((&app, r), &sight, &query, named.as_ref())?;
        let page = queue::page(r, (&sight, own), &asked, &request)?;
        let chat = named.and_then(|named| named.chat());
        Ok::<_, AppError>((page, asked, directory, chat))
    })?;
    let shown: Vec<AlertId> = found.items.iter().map(|alert| alert.id).collect();
    let ids: Vec<String> = shown.iter().map(ToString::to_string).collect();
    let mut act = viewer
        .view("alert.list")
        .system_detail("ids", ids.join(" "));
    if let Some(chat) = chat {
        act = act.about("archive_chat", chat);
    }
    let looking = viewer.clone();
    app.write(act, move |w| {
        let sight = queue::sight(&w.read(), &directory, &looking)?;
        for id in shown {
            let alert = w.get::<Alert>(&id)?;
            if !alert.is_some_and(|alert| queue::sees(&sight, &alert)) {
                return Err(AppError::NotFound { what: "alert" });
            }
        }
        Ok(())
    })
    .await?;
    app.read(|r| {
        let pager = Pager::of(&found, &query, &binding, &web.cursors);
        let sight = queue::sight(r, &app.directory.get(r)?, &viewer)?;
        let sight = sight.withholding(r, &viewer, cx.now)?;
        let maker = Maker {
            r,
            cx: &cx,
            viewer: &viewer,
            sight: &sight,
        };
        maker.page((&query, &asked), found, pager).map(Shown::of)
    })
}

/// Puts the page together.
struct Maker<'a> {
    r: &'a Read<'a>,
    cx: &'a Cx,
    viewer: &'a Viewer,
    sight: &'a ArchiveSight,
}

impl Maker<'_> {
    fn page(
        &self,
        (query, asked): (&ListQuery, &Asked),
        found: Page<Alert>,
        pager: Pager,
    ) -> Result<AlertsPage> {
        let (r, cx, viewer, sight) = (self.r, self.cx, self.viewer, self.sight);
        let own = viewer.account_id().map(|account| account.cast());
        let all = sensitive::lists(r)?;
        let filters = narrowed::filters(
            r,
            cx,
            viewer,
            sight,
            (query, &all.iter().collect::<Vec<_>>()),
        )?;
        let lists: BTreeMap<WordListId, WordList> =
            all.into_iter().map(|list| (list.id, list)).collect();
        let handlers = queue::handlers(r, sight)?;
        let names = Names::new(r, &sight.sight, cx);
        let seen = found.items.iter().filter(|a| queue::sees(sight, a));
        let lines = seen.map(|alert| {
            let line = line(r, cx, viewer, sight, &names, &lists, alert)?;
            Ok(Line {
                others: others(&handlers, viewer, alert),
                ..line
            })
        });
        Ok(AlertsPage {
            nav: tabs(cx, viewer, HERE),
            states: narrowed::states(cx, query, queue::counts_under(r, (sight, own), asked)?),
            chips: narrowed::chips((r, cx), sight, query, &filters)?,
            filters,
            cleared: narrowed::cleared(query),
            kept: narrowed::kept(query),
            lines: lines.collect::<Result<_>>()?,
            pager,
            empty: narrowed::empty(cx, query),
            here: query.to_string(),
        })
    }
}

fn parse(id: &str) -> Result<AlertId> {
    id.parse().map_err(|_| AppError::NotFound { what: "alert" })
}

/// Carries out what is about an alert, by what the viewer sees at that moment.
async fn carry_out<C: Command + Send + 'static>(
    app: &App,
    viewer: Viewer,
    change: &'static str,
    command: impl FnOnce(ArchiveSight) -> C + Send + 'static,
    action: fn(&mut Write<'_>, Allowed<C>) -> Result<()>,
) -> Result<()> {
    let directory = app.read(|r| app.directory.get(r))?;
    app.write(viewer.change(change), move |w| {
        let sight = queue::sight(&w.read(), &directory, &viewer)?;
        let allowed = viewer.allow(w, command(sight))?;
        action(w, allowed)
    })
    .await?;
    app.archive.alerts.forget();
    Ok(())
}

/// The list from which a form came.
fn back(address: &str) -> String {
    local(address).unwrap_or(HERE).to_owned()
}

/// A form without fields of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Back {
    #[serde(default)]
    back: String,
}

/// Takes an alert on oneself.
pub(in crate::archive) async fn take(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Back>,
) -> Result<Shown<AlertsPage>> {
    let own = viewer.account_id().ok_or(AppError::Unauthenticated)?;
    give(&app, viewer, parse(&id)?, Some(own)).await?;
    Ok(Shown::go_to(back(&form.values.back)).toast("sensitive.taken", ()))
}

async fn give(app: &App, viewer: Viewer, alert: AlertId, to: Option<Id<Account>>) -> Result<()> {
    let command = move |sight| AssignAlert { alert, to, sight };
    carry_out(app, viewer, "alert.assign", command, sensitive::assign).await
}

/// Whom an alert is given to: an account, or nobody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Given {
    to: String,
    #[serde(default)]
    back: String,
}

/// Gives an alert to somebody, or back to all.
pub(in crate::archive) async fn assign(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Given>,
) -> Result<Shown<AlertsPage>> {
    let unknown = |_| AppError::field("to", "sensitive.not_a_handler");
    let to: Option<Id<Account>> = match form.values.to.as_str() {
        "" => None,
        to => Some(to.parse().map_err(unknown)?),
    };
    let name = match to {
        Some(to) => app.read(|r| identity::queries::account_name(r, to))?,
        None => None,
    };
    give(&app, viewer, parse(&id)?, to).await?;
    let page = Shown::go_to(back(&form.values.back));
    Ok(match to {
        Some(_) => page.toast("sensitive.assigned_to", ("name", name.unwrap_or_default())),
        None => page.toast("sensitive.given_back", ()),
    })
}

/// A judgement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct Judgement {
    verdict: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    back: String,
}

/// Judges an alert.
pub(in crate::archive) async fn close(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Judgement>,
) -> Result<Shown<AlertsPage>> {
    let mut all = Verdict::ALL.into_iter();
    let verdict = all.find(|verdict| verdict.code() == form.values.verdict);
    let verdict = verdict.ok_or(AppError::BadRequest { why: "field_type" })?;
    let (alert, note) = (parse(&id)?, form.values.note.clone());
    let command = move |sight| CloseAlert {
        alert,
        verdict,
        note,
        sight,
    };
    carry_out(&app, viewer, "alert.close", command, sensitive::close).await?;
    Ok(Shown::go_to(back(&form.values.back)).toast("sensitive.judged", ()))
}

/// Opens a closed alert again.
pub(in crate::archive) async fn reopen(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<Back>,
) -> Result<Shown<AlertsPage>> {
    let alert = parse(&id)?;
    let command = move |sight| ReopenAlert { alert, sight };
    carry_out(&app, viewer, "alert.reopen", command, sensitive::reopen).await?;
    Ok(Shown::go_to(back(&form.values.back)).toast("sensitive.reopened", ()))
}
