//! Corp tags as JSON: what the page shows.

use std::collections::HashMap;

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, Paging},
    app::{App, scope_filter},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Page,
    store::Read,
    web::{ListQuery, Web},
};

use super::{TagId, queries};

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TagQuery {
    /// Id of a tag group.
    #[serde(default)]
    group: String,
    /// Tags wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A corp tag.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct TagItem {
    /// Id.
    id: String,
    /// Name.
    name: String,
    /// Id of its group.
    group: String,
    /// Name of its group.
    group_name: String,
    /// Customers in scope who have it.
    customers: u64,
}

pub(super) async fn list(
    viewer: Viewer,
    query: Query<TagQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<TagItem>>> {
    let bound = ListQuery::new("/api/v1/tags").with("group", &query.group);
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let mut tags = app.read(|r| items(&app, r, &viewer))?;
    tags.retain(|tag| query.group.is_empty() || tag.group == query.group);
    app.note(viewer.view("tag.list")).await?;
    let page = Page::of_whole(tags, &paging.request);
    Ok(Json(paging.answer(page)))
}

pub(super) async fn one(viewer: Viewer, id: Path<String>, app: Data<App>) -> Result<Json<TagItem>> {
    let missing = || AppError::NotFound { what: "tag" };
    let id: TagId = id.parse().map_err(|_| missing())?;
    let wanted = id.to_string();
    let tags = app.read(|r| items(&app, r, &viewer))?;
    let tag = tags.into_iter().find(|tag| tag.id == wanted);
    let tag = tag.ok_or_else(missing)?;
    app.note(viewer.view("tag.list")).await?;
    Ok(Json(tag))
}

/// All living tags in the page's order.
fn items(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Vec<TagItem>> {
    let sight = app.sight(r, viewer, Permission::TagRead)?;
    let counts: &HashMap<u64, u64> = &*app.people.tag_counts(&scope_filter(&sight))?;
    let mut items = Vec::new();
    for group in queries::groups(r)? {
        items.extend(group.tags.iter().map(|tag| TagItem {
            id: tag.id.to_string(),
            name: tag.name.clone(),
            group: group.group.id.to_string(),
            group_name: group.group.name.clone(),
            customers: counts.get(&tag.id.bits()).copied().unwrap_or(0),
        }));
    }
    Ok(items)
}
