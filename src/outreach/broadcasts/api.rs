//! Broadcasts as JSON: the same queries as the pages.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, Paging},
    app::App,
    customers::customer_no,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::Sight,
    outreach::listed,
    store::{Read, StoreError},
    web::{ListQuery, Web},
};

use super::{
    model::{Broadcast, BroadcastId},
    pages::outcome_of,
    queries::{self, Recipient},
};

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BroadcastQuery {
    /// Broadcasts wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The query of the recipients.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipientQuery {
    /// `planned`, `sent`, or a reason such as `over_limit`; all without it.
    #[serde(default)]
    outcome: String,
    /// Recipients wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A broadcast.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct BroadcastItem {
    /// Id.
    id: String,
    /// What colleagues call it.
    name: String,
    /// `draft`, `planning`, `waiting`, `scheduled`, `running`, `stopping`, `stopped` or `done`.
    state: &'static str,
    /// `customers` or `groups`: what all numbers count.
    target: &'static str,
    /// When it was made.
    created_at: Timestamp,
    /// When it begins or began.
    begins_at: Option<Timestamp>,
    /// Members who are to confirm it.
    senders: usize,
    /// Customers or groups it is on its way to.
    planned: u64,
    /// Customers or groups that have it.
    sent: u64,
    /// Customers or groups that were to have it and do not.
    failed: u64,
    /// Customers or groups left out before anything was tried.
    skipped: u64,
}

/// A recipient.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct RecipientItem {
    /// Id of the customer; none of a broadcast to groups, and of one out of scope.
    customer: Option<String>,
    /// Id of the group, of a broadcast to groups; none of one out of scope.
    group: Option<String>,
    /// Running number of the customer; empty of a group.
    no: String,
    /// Name of the customer or group; empty out of scope.
    name: String,
    /// Id of the member who sends.
    member: Option<String>,
    /// `planned`, `sent` or `failed`.
    state: &'static str,
    /// Why not.
    why: Option<&'static str>,
    /// When sent or failed; while planned, from when it may be sent.
    at: Timestamp,
}

fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Sight> {
    app.sight(r, viewer, Permission::OutreachRead)
}

fn item(r: &Read<'_>, broadcast: &Broadcast) -> Result<BroadcastItem, StoreError> {
    let numbers = queries::account(r, broadcast.id)?.all;
    Ok(BroadcastItem {
        id: broadcast.id.to_string(),
        name: broadcast.name.clone(),
        state: broadcast.state.code(),
        target: broadcast.target().code(),
        created_at: broadcast.created_at,
        begins_at: broadcast.begins_at,
        senders: broadcast.senders.len(),
        planned: numbers.planned,
        sent: numbers.sent,
        failed: numbers.failed,
        skipped: numbers.skipped,
    })
}

pub(super) async fn list(
    viewer: Viewer,
    query: Query<BroadcastQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<BroadcastItem>>> {
    let bound = ListQuery::new("/api/v1/broadcasts");
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let whose = (&sight, queries::own(&viewer));
        let page = listed::page(r, whose, (&[], |_| true), &paging.request)?.page;
        Ok(Json(paging.answer(page.try_map(|b| item(r, &b))?)))
    })
}

fn id_of(text: &str) -> Result<BroadcastId> {
    let missing = |_| AppError::NotFound { what: "broadcast" };
    text.parse().map_err(missing)
}

pub(super) async fn one(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Json<BroadcastItem>> {
    let id = id_of(&id)?;
    app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let broadcast = queries::broadcast(r, &sight, queries::own(&viewer), id)?;
        Ok(Json(item(r, &broadcast)?))
    })
}

pub(super) async fn recipients(
    viewer: Viewer,
    id: Path<String>,
    query: Query<RecipientQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<RecipientItem>>> {
    let id = id_of(&id)?;
    let address = format!("/api/v1/broadcasts/{id}/recipients");
    let bound = ListQuery::new(&address).with("outcome", &query.outcome);
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let page = app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let broadcast = queries::broadcast(r, &sight, queries::own(&viewer), id)?;
        let eyes = queries::eyes(&app, r, &viewer, broadcast.target())?;
        let outcome = outcome_of(&query.outcome);
        Ok::<_, AppError>(queries::recipients(
            r,
            eyes.as_ref(),
            id,
            outcome,
            &paging.request,
        )?)
    })?;
    let seen = page.items.iter().filter(|row| row.is_seen());
    let ids = seen.map(|row| row.touch.customer.to_string());
    let act = viewer
        .view("broadcast.recipients")
        .about("broadcast", id)
        .system_detail("ids", ids.collect::<Vec<_>>().join(" "));
    app.write(act, |_| Ok(())).await?;
    Ok(Json(paging.answer(page.map(recipient))))
}

fn recipient(row: Recipient) -> RecipientItem {
    let (customer, group) = (row.customer.as_ref(), row.group.as_ref());
    let name = customer.map(|c| &c.name);
    let name = name.or(group.map(|g| &g.name));
    RecipientItem {
        customer: customer.map(|customer| customer.id.to_string()),
        group: group.map(|group| group.id.to_string()),
        no: customer.map_or(String::new(), |c| customer_no(c.no)),
        name: name.cloned().unwrap_or_default(),
        member: row.touch.member.map(|member| member.to_string()),
        state: row.touch.state.code(),
        why: row.touch.why.map(|why| why.code()),
        at: row.touch.at,
    }
}
