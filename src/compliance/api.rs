//! The audit trail as JSON, and the package for outsiders.

use std::io::BufWriter;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Query},
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, odd_cursor},
    app::App,
    audit::{
        Objects,
        export::{self, Wanted},
        query::{self, Filter},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::limits,
    store::Act,
};

use super::spool::{SpoolWriter, spool};

/// Bytes of a package that are written at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    /// `account:<id>`, `system:<reason>` or `nobody`.
    actor: Option<String>,
    /// The act's code.
    action: Option<String>,
    /// `kind:id`.
    object: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An entry.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct AuditItem {
    /// Position in the log.
    id: u64,
    /// RFC 3339, UTC.
    at: String,
    /// Who.
    actor: String,
    /// In which role.
    role: String,
    /// What.
    action: String,
    /// To which things, as `kind:id`; empty if only counted.
    objects: Vec<String>,
    /// `ok` or `denied`.
    outcome: String,
    /// The request's number.
    request: String,
}

pub(super) async fn list(
    viewer: Viewer,
    query: Query<AuditQuery>,
    app: Data<App>,
) -> Result<Json<List<AuditItem>>> {
    let query = query.into_inner();
    let cursor = query.cursor.as_deref().filter(|text| !text.is_empty());
    let before = cursor.map(|text| text.parse().map_err(|_| odd_cursor()));
    let before = before.transpose()?;
    let asking = viewer.clone();
    let act = viewer.view("audit.list");
    app.write(act, move |w| {
        asking.scope(&w.read(), Permission::AuditRead).map(drop)
    })
    .await?;
    let limit = query
        .limit
        .unwrap_or(limits::PAGE_ROWS)
        .clamp(1, limits::PAGE_ROWS_MAX);
    let filter = Filter {
        actor: query.actor,
        act: query.action,
        object: query.object,
        ..Filter::default()
    };
    let found = app.read(|r| {
        let mut items = Vec::new();
        for entry in query::find(r, &filter, before)?.take(limit) {
            items.push(item(entry?.leaf));
        }
        let total = query::count(r, &filter, u64::MAX)?;
        Ok::<_, AppError>((items, total))
    });
    let (items, total) = found?;
    let full = items.len() == limit;
    let next_cursor = items
        .last()
        .filter(|i| full && i.id > 0)
        .map(|i| i.id.to_string());
    Ok(Json(List {
        items,
        total,
        total_exact: true,
        next_cursor,
    }))
}

fn item(leaf: crate::audit::Leaf) -> AuditItem {
    AuditItem {
        id: leaf.seq,
        at: leaf.t,
        actor: leaf.actor,
        role: leaf.role,
        action: leaf.act,
        objects: match leaf.obj {
            Objects::Listed(all) => all,
            Objects::Counted { .. } => Vec::new(),
        },
        outcome: leaf.outcome,
        request: leaf.req,
    }
}

/// A package of the whole trail, sent while it is being made: the time to the first byte does
/// not depend on the size of the trail.
pub(super) async fn export(viewer: Viewer, app: Data<App>) -> Result<HttpResponse> {
    app.read(|r| viewer.scope(r, Permission::AuditExport).map(drop))?;
    let (writer, mut spool) = spool(&app.config.data).map_err(AppError::internal)?;
    let who = viewer.view("audit.export.begin");
    let app = app.into_inner();
    let (reading, asking) = (app.clone(), viewer);
    let made = tokio::task::spawn_blocking(move || {
        let made = make(&app, &who, writer);
        if let Err(error) = &made {
            // Once bytes have left, the client only sees that the file breaks off.
            tracing::warn!(%error, "an audit package was not finished");
        }
        made
    });
    if !spool.has_begun().await {
        made.await.map_err(AppError::internal)??;
    }
    // Whoever is signed out half way gets no more of it.
    let chunks = spool.stream().map(move |chunk| {
        let now = reading.store.clock().now();
        match reading.read(|r| asking.still_may(r, Permission::AuditExport, now)) {
            true => chunk,
            false => Err(std::io::ErrorKind::PermissionDenied.into()),
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"qitai-audit.zip\"",
        ))
        .streaming(Box::pin(chunks)))
}

fn make(app: &App, who: &Act, out: SpoolWriter) -> Result<()> {
    let out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let (out, _) = export::export(&app.store, who, &Wanted::default(), out)?;
    let out = out
        .into_inner()
        .map_err(|e| AppError::internal(e.error()))?;
    out.finish();
    Ok(())
}
