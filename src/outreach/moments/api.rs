//! Moments as JSON: the same queries as the pages.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, Paging},
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org::Sight,
    outreach::listed,
    store::{Read, StoreError},
    web::{ListQuery, Web},
};

use super::{
    model::{Moment, Part},
    pages::id_of,
    queries::{self, Account},
};

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MomentQuery {
    /// Moments wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The query of the members.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberQuery {
    /// Members wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A moment.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct MomentItem {
    /// Id.
    id: String,
    /// What colleagues call it.
    name: String,
    /// `draft`, `planning`, `waiting`, `scheduled`, `making`, `running`, `stopping`, `stopped`
    /// or `done`.
    state: &'static str,
    /// When it was made.
    created_at: Timestamp,
    /// When WeCom was told.
    begun_at: Option<Timestamp>,
    /// Why it did not run to its end, e.g. `by_hand` or `not_taken`.
    stopped: Option<&'static str>,
    /// WeCom's moment_id.
    moment_id: Option<String>,
    /// Customers who might see it when it was planned.
    audience: u64,
    /// Members who are to publish it.
    senders: usize,
    /// Members who have published it.
    published: u64,
    /// Customers reached, each once.
    reached: u64,
    /// Likes.
    likes: u64,
    /// Comments.
    comments: u64,
}

/// One member's part.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct MemberItem {
    /// Id of the member.
    member: String,
    /// Name.
    name: String,
    /// `waiting`, `published`, `over` or `not_admitted`.
    state: &'static str,
    /// When WeCom first said that it is published.
    published_at: Option<Timestamp>,
    /// Customers of the member who may see it, as WeCom counts.
    visible: Option<u64>,
    /// Customers reached through the member.
    reached: u64,
    /// Likes.
    likes: u64,
    /// Comments.
    comments: u64,
}

fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Sight> {
    app.sight(r, viewer, Permission::OutreachRead)
}

fn item(r: &Read<'_>, moment: &Moment) -> Result<MomentItem, StoreError> {
    let account = queries::account(r, moment.id)?;
    Ok(MomentItem {
        id: moment.id.to_string(),
        name: moment.name.clone(),
        state: moment.state.code(),
        created_at: moment.created_at,
        begun_at: moment.begun_at,
        stopped: moment.stopped.as_ref().map(|stop| stop.why.code()),
        moment_id: Some(moment.moment_id.clone()).filter(|id| !id.is_empty()),
        audience: moment.audience,
        senders: moment.senders.len(),
        published: account.published,
        reached: account.reached,
        likes: account.likes,
        comments: account.comments,
    })
}

pub(super) async fn list(
    viewer: Viewer,
    query: Query<MomentQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<MomentItem>>> {
    let bound = ListQuery::new("/api/v1/moments");
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let whose = (&sight, queries::own(&viewer));
        let page = listed::page(r, whose, (&[], |_| true), &paging.request)?.page;
        Ok(Json(paging.answer(page.try_map(|m| item(r, &m))?)))
    })
}

pub(super) async fn one(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Json<MomentItem>> {
    let id = id_of(&id)?;
    app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        let moment = queries::moment(r, &sight, queries::own(&viewer), id)?;
        Ok(Json(item(r, &moment)?))
    })
}

pub(super) async fn members(
    viewer: Viewer,
    id: Path<String>,
    query: Query<MemberQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<MemberItem>>> {
    let id = id_of(&id)?;
    let address = format!("/api/v1/moments/{id}/members");
    let bound = ListQuery::new(&address);
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    app.read(|r| {
        let sight = sight(&app, r, &viewer)?;
        queries::moment(r, &sight, queries::own(&viewer), id)?;
        let account = queries::account(r, id)?;
        let page = Page::of_whole(queries::parts(r, id)?, &paging.request);
        let page = page.map(|part| member(&sight, &account, &part));
        Ok(Json(paging.answer(page)))
    })
}

fn member(sight: &Sight, account: &Account, part: &Part) -> MemberItem {
    MemberItem {
        member: part.member.to_string(),
        name: sight.name(part.member).to_owned(),
        state: part.state.code(),
        published_at: part.published_at,
        visible: part.visible,
        reached: account.by_member.get(&part.member).copied().unwrap_or(0),
        likes: part.likes,
        comments: part.comments,
    }
}
