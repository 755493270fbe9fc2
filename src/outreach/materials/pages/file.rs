//! `/assets/{id}/file`: the file of an asset, or the picture of its card.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path, Query},
};
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    web::encode,
};

use super::{
    super::{Stored, Version, queries, shelf},
    material_id,
};

/// A file brings no page of its own along.
const CSP: &str = "default-src 'none'; sandbox";

/// Which version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Asked {
    version: Option<u32>,
}

/// Sends it. What the browser may show was judged when it came; all else is saved.
pub(in crate::outreach) async fn file(
    viewer: Viewer,
    id: Path<String>,
    asked: Query<Asked>,
    app: Data<App>,
) -> Result<HttpResponse> {
    let id = material_id(&id)?;
    let missing = || AppError::NotFound { what: "material" };
    let stored = app.read(|r| {
        let (scope, sight) = super::reach(&app, r, &viewer, Permission::OutreachRead)?;
        let material = queries::material(r, &scope, &sight.directory, id)?.ok_or_else(missing)?;
        let version = asked.version.unwrap_or(material.version);
        let version = r.get::<Version>(&(id.bits(), version))?;
        let stored = version.and_then(|version| version.body.stored().cloned());
        stored.ok_or_else(missing)
    })?;
    let bytes = tokio::fs::read(shelf::path_of(&app, &stored.sha256)).await;
    let bytes = bytes.map_err(|error| {
        tracing::error!(%error, "a file of the asset library cannot be read");
        AppError::Unavailable { why: "asset_file" }
    })?;
    Ok(HttpResponse::Ok()
        .content_type(stored.media_type.as_str())
        .insert_header((header::CONTENT_SECURITY_POLICY, CSP))
        .insert_header((header::CONTENT_DISPOSITION, disposition(&stored)))
        .body(bytes))
}

/// Shown or saved, and under which name.
fn disposition(stored: &Stored) -> String {
    let is_shown = ["image/png", "image/jpeg", "video/mp4"].contains(&&*stored.media_type);
    let way = if is_shown { "inline" } else { "attachment" };
    let encoded = encode(&stored.name).replace('+', "%20");
    format!("{way}; filename=\"file\"; filename*=UTF-8''{encoded}")
}
