//! The audit trail as JSON, and the package for outsiders.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Query},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use crate::{
    api::List,
    app::App,
    audit::{
        Objects,
        export::{self, Wanted},
        log,
        query::{self, Filter},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::limits,
    store::Act,
};

/// Bytes that leave at once.
const CHUNK_BYTES: usize = 64 * 1024;

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
    let before = query.cursor.as_deref().and_then(|c| c.parse().ok());
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

/// A package of the whole trail. It is written to a file first, so that what leaves is whole;
/// the file goes when it has been sent.
pub(super) async fn export(viewer: Viewer, app: Data<App>) -> Result<HttpResponse> {
    let act = viewer.view("audit.export.begin");
    app.read(|r| viewer.scope(r, Permission::AuditExport).map(drop))?;
    let dir = app.config.data.join("exports");
    let (app, who) = (app.into_inner(), act);
    let path = tokio::task::spawn_blocking(move || make(&app, &who, &dir))
        .await
        .map_err(AppError::internal)??;
    let file = tokio::fs::File::open(&path)
        .await
        .map_err(AppError::internal)?;
    let size = file.metadata().await.map_err(AppError::internal)?.len();
    // The open file stays readable; its name is not needed any more.
    tokio::fs::remove_file(&path)
        .await
        .map_err(AppError::internal)?;
    let chunks = stream::unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(n) => {
                chunk.truncate(n);
                Some((Ok(bytes::Bytes::from(chunk)), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"qitai-audit.zip\"",
        ))
        .no_chunking(size)
        .streaming(Box::pin(chunks)))
}

fn make(app: &App, who: &Act, dir: &std::path::Path) -> Result<std::path::PathBuf> {
    std::fs::create_dir_all(dir).map_err(AppError::internal)?;
    let name = format!("audit-{:016x}.zip", app.store.random().u64());
    let path = dir.join(name);
    let to = app.read(log::size)?;
    let wanted = Wanted {
        from: 0,
        to: Some(to),
        filter: Filter::default(),
    };
    export::export_to_file(&app.store, who, &wanted, &path)?;
    Ok(path)
}
