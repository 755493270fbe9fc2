//! `/compliance/evidence/{case}/package`: the package of a sealed case, as it was written.

use std::fs::File;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use futures_util::StreamExt;

use crate::{
    app::App,
    archive::{
        approval::{self, Wanted},
        evidence::{self, CaseId, Seal, queries},
    },
    error::{AppError, Result},
    identity::{Account, Permission, Viewer},
    store::Read,
};

use super::{super::file::stream_of, parse};

/// Sends the package. Its entry is durable before the first byte leaves.
pub(super) async fn download(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse> {
    let id = parse(&id)?;
    let seal = app.read(|r| wanted(&app, r, &viewer, id))?;
    let act = viewer
        .view("evidence.download")
        .about("evidence_case", id)
        .about("package", &seal.manifest);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let now = w.now();
        let r = w.read();
        let by = asking.account().map(Account::subject_id);
        let case = r.get::<evidence::Case>(&id)?.ok_or_else(missing)?;
        let wanted = Wanted::Evidence(id, case.revision);
        approval::must_hold(&r, by.ok_or(AppError::Unauthenticated)?, &wanted, now)?;
        self::wanted(&checking, &r, &asking, id).map(drop)
    })
    .await?;
    let file = File::open(evidence::folder(&app).join(&seal.file)).map_err(|_| missing())?;
    let bytes = file.metadata().map_err(AppError::internal)?.len();
    // Whoever loses the right half way gets no more of it.
    let reading = app.into_inner();
    let chunks = stream_of(file, 0, bytes).map(move |chunk| {
        let now = reading.store.clock().now();
        match reading.read(|r| viewer.still_may(r, Permission::EvidenceManage, now)) {
            true => chunk,
            false => Err(std::io::ErrorKind::PermissionDenied.into()),
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"evidence-{id}.zip\""),
        ))
        .no_chunking(bytes)
        .streaming(Box::pin(chunks)))
}

fn missing() -> AppError {
    AppError::NotFound {
        what: "evidence_case",
    }
}

fn wanted(app: &App, r: &Read<'_>, viewer: &Viewer, id: CaseId) -> Result<Seal> {
    let sight = queries::sight(app, r, viewer)?;
    let case = queries::case(r, &sight, id)?;
    case.sealed().cloned().ok_or_else(missing)
}
