//! Assets as JSON: the same queries as the pages.

use actix_web::web::{Data, Json, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, Paging},
    app::App,
    error::Result,
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org::Sight,
    store::Read,
    web::{ListQuery, Web},
};

use super::{
    Kind, Material,
    pages::Sought,
    queries::{self, Folders},
};

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AssetQuery {
    /// Words of the title.
    #[serde(default)]
    q: String,
    /// `text`, `image`, `link`, `miniprogram`, `video` or `file`; all without it.
    #[serde(default)]
    kind: String,
    /// Id of a folder; those below are included.
    #[serde(default)]
    folder: String,
    /// Those that were put away instead of the others.
    #[serde(default)]
    archived: bool,
    /// Assets wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An asset.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct AssetItem {
    /// Id.
    id: String,
    /// Title.
    title: String,
    /// Kind.
    kind: &'static str,
    /// Id of its folder.
    folder: Option<String>,
    /// Number of its newest version.
    version: u32,
    /// When that was made, milliseconds since 1970.
    changed_at: Timestamp,
    /// Whether it was put away.
    archived: bool,
    /// How many messages send it.
    uses: usize,
    /// Size of its file in bytes.
    bytes: Option<u64>,
    /// Where its file, or the picture of its card, can be fetched.
    file: Option<String>,
}

fn item(r: &Read<'_>, m: &Material) -> Result<AssetItem> {
    let stored = m.body.stored();
    Ok(AssetItem {
        id: m.id.to_string(),
        title: m.title.clone(),
        kind: m.kind().code(),
        folder: m.folder.map(|id| id.to_string()),
        version: m.version,
        changed_at: m.changed_at,
        archived: m.is_archived(),
        uses: queries::use_count(r, m.id)?,
        bytes: stored.map(|stored| stored.bytes),
        file: stored.map(|_| format!("/assets/{}/file", m.id)),
    })
}

/// The assets that are offered to the caller.
pub(super) async fn list(
    viewer: Viewer,
    query: Query<AssetQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<AssetItem>>> {
    let query = query.into_inner();
    let sought = Sought {
        text: query.q.trim().to_owned(),
        kind: Kind::of_code(&query.kind),
        folder: query.folder.parse().ok(),
        is_archived: query.archived,
    };
    let bound = ListQuery::new("/api/v1/assets")
        .with("q", &query.q)
        .with("kind", &query.kind)
        .with("folder", &query.folder)
        .with("archived", query.archived);
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let page = app.read(|r| {
        let scope = viewer.scope(r, Permission::OutreachRead)?;
        let sight = Sight::new(app.directory.get(r)?, &scope);
        let mut found = queries::offered(r, &scope, &sight.directory)?;
        sought.keep(&Folders::load(r)?, &mut found);
        Page::of_whole(found, &paging.request).try_map(|m| item(r, &m))
    })?;
    Ok(Json(paging.answer(page)))
}
