//! Live codes as JSON: the same queries as the pages.

use actix_web::{
    HttpRequest,
    web::{Data, Json, Path, Query},
};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, NoQuery, Paging},
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    slice::{Access, ApiOperation, Route},
    store::Read,
    web::{Cx, ListQuery, Web},
};

use super::{
    CodeKind, LiveCode,
    board::{self, CodeFilter, STANDINGS},
    pages::public_origin,
};

/// The routes, with their descriptions.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::get;
    let read = Access::Needs(Permission::LiveCodeRead);
    let codes = ApiOperation::json::<CodeQuery, List<CodeItem>>(
        "listLiveCodes",
        "Live codes in scope, newest first.",
    );
    let code = ApiOperation::json::<NoQuery, CodeItem>("getLiveCode", "One live code in scope.");
    vec![
        Route::get("/api/v1/live-codes", read, || get().to(list)).documented(codes),
        Route::get("/api/v1/live-codes/{id}", read, || get().to(one)).documented(code),
    ]
}

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct CodeQuery {
    /// A part of the name.
    #[serde(default)]
    q: String,
    /// `staff` or `group`.
    #[serde(default)]
    kind: String,
    /// `active`, `paused`, `expired` or `archived`; without it all but archived ones.
    #[serde(default)]
    status: String,
    /// Id of a channel: codes on it or below.
    #[serde(default)]
    channel: String,
    /// Codes wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A live code.
#[derive(Serialize, schemars::JsonSchema)]
struct CodeItem {
    /// Id.
    id: String,
    /// `staff` or `group`.
    kind: &'static str,
    /// Name.
    name: String,
    /// `active`, `paused`, `expired` or `archived`.
    status: &'static str,
    /// Id of the channel, if any.
    channel: Option<String>,
    /// The address printed in the code.
    landing_url: String,
    /// Address of the printable code as SVG.
    qr_svg: String,
    /// Address of the printable code as PNG.
    qr_png: String,
    /// How often it was scanned, previews and crawlers not counted.
    scans: u64,
    /// When it was made, milliseconds since 1970.
    created_at: Timestamp,
}

async fn list(
    viewer: Viewer,
    query: Query<CodeQuery>,
    req: HttpRequest,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Json<List<CodeItem>>> {
    let query = query.into_inner();
    let bound = ListQuery::new("/api/v1/live-codes")
        .with("q", &query.q)
        .with("kind", &query.kind)
        .with("status", &query.status)
        .with("channel", &query.channel);
    let paging = Paging::of(
        &web.cursors,
        &viewer,
        bound,
        query.cursor.as_deref(),
        query.limit,
    )?;
    let filter = filter(&query)?;
    let origin = public_origin(&app, &req)?;
    let page = app.read(|r| {
        let eyes = board::eyes(&app, r, &viewer, Permission::LiveCodeRead)?;
        let found = board::codes(r, &eyes, &filter, cx.now)?;
        let page = Page::of_whole(found, &paging.request);
        page.try_map(|code| item(r, &cx, &origin, code))
    })?;
    app.note(viewer.view("live_code.list")).await?;
    Ok(Json(paging.answer(page)))
}

fn filter(query: &CodeQuery) -> Result<CodeFilter> {
    let nonsense = || AppError::BadRequest { why: "field" };
    let given = |text: &str| !text.is_empty();
    let kind = CodeKind::of_code(&query.kind);
    let state = STANDINGS.into_iter().find(|known| *known == query.status);
    let channel = query.channel.parse().ok();
    let is_nonsense = (given(&query.kind) && kind.is_none())
        || (given(&query.status) && state.is_none())
        || (given(&query.channel) && channel.is_none());
    if is_nonsense {
        return Err(nonsense());
    }
    Ok(CodeFilter {
        kind,
        channel,
        state,
        name: query.q.trim().to_owned(),
    })
}

async fn one(
    viewer: Viewer,
    id: Path<String>,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Json<CodeItem>> {
    let id = board::parse(&id)?;
    let origin = public_origin(&app, &req)?;
    let found = app.read(|r| {
        let eyes = board::eyes(&app, r, &viewer, Permission::LiveCodeRead)?;
        let code = board::visible(r, &eyes, id)?;
        item(r, &cx, &origin, code)
    })?;
    app.note(viewer.view("live_code.view").about("live_code", id))
        .await?;
    Ok(Json(found))
}

fn item(r: &Read<'_>, cx: &Cx, origin: &str, code: LiveCode) -> Result<CodeItem> {
    Ok(CodeItem {
        id: code.id.to_string(),
        kind: code.kind.code(),
        status: code.standing(cx.now),
        channel: code.channel.map(|id| id.to_string()),
        landing_url: board::landing_url(origin, code.id),
        qr_svg: format!("/live-codes/{}/qr.svg", code.id),
        qr_png: format!("/live-codes/{}/qr.png", code.id),
        scans: board::scans_of(r, code.id)?,
        created_at: code.created_at,
        name: code.name,
    })
}
