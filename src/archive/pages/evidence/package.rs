//! `/compliance/evidence/{case}/package`: the package of a sealed case, as it was written.
//! What was changed on disk is not sent.

use std::io;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use futures_util::StreamExt;

use crate::{
    app::App,
    archive::{
        approval::{self, Wanted},
        evidence::{CaseId, Package, Seal, queries},
    },
    error::{AppError, Result},
    identity::{Account, Permission, Viewer},
    kit::Timestamp,
    store::Read,
};

use super::{
    super::file::{Asked, Content, asked, begin, nowhere, stream_of},
    parse,
};

impl Content for Package {
    fn fill(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(out, at)
    }
}

/// Sends the package. Its entry is durable before the first byte leaves.
pub(super) async fn download(
    viewer: Viewer,
    id: Path<String>,
    req: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse> {
    let id = parse(&id)?;
    let (seal, wanted) = app.read(|r| sealed(&app, r, &viewer, id))?;
    let package = Package::open(&app, &seal)?;
    let length = package.length();
    let part = match asked(req.headers().get(header::RANGE), length) {
        Asked::Nowhere => return Ok(nowhere(length)),
        Asked::Whole => None,
        Asked::Part(from, to) => Some((from, to)),
    };
    let (from, to) = part.unwrap_or((0, length));
    let package = look(package, seal.clone(), from, to).await?;
    let act = viewer
        .view("evidence.download")
        .about("evidence_case", id)
        .about("package", &seal.manifest);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let now = w.now();
        let r = w.read();
        let by = asking.account().map(Account::subject_id);
        let (_, wanted) = sealed(&checking, &r, &asking, id)?;
        approval::must_hold(&r, by.ok_or(AppError::Unauthenticated)?, &wanted, now)
    })
    .await?;
    let reading = app.into_inner();
    let chunks = stream_of(package, from, to).map(move |chunk| {
        let now = reading.store.clock().now();
        match reading.read(|r| still_may(r, &viewer, &wanted, now)) {
            true => chunk,
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    });
    Ok(begin(part, length)
        .content_type("application/zip")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"evidence-{id}.zip\""),
        ))
        .no_chunking(to - from)
        .streaming(Box::pin(chunks)))
}

/// Whether more may be sent: whoever loses the right half way, or the second person's yes, gets
/// no more of it.
fn still_may(r: &Read<'_>, viewer: &Viewer, wanted: &Wanted, now: Timestamp) -> bool {
    let by = viewer.account().map(Account::subject_id);
    let agreed = |by| approval::must_hold(r, by, wanted, now).is_ok();
    viewer.still_may(r, Permission::EvidenceManage, now) && by.is_some_and(agreed)
}

/// Looks at what is about to be sent, before anything of it is.
async fn look(package: Package, seal: Seal, from: u64, to: u64) -> Result<Package> {
    let looked = tokio::task::spawn_blocking(move || {
        package.examine(&seal, from, to)?;
        Ok(package)
    });
    looked.await.map_err(AppError::internal)?
}

fn missing() -> AppError {
    AppError::NotFound {
        what: "evidence_case",
    }
}

/// The package of a case in sight, and what a second person agrees to where it is taken out.
fn sealed(app: &App, r: &Read<'_>, viewer: &Viewer, id: CaseId) -> Result<(Seal, Wanted)> {
    let sight = queries::sight(app, r, viewer)?;
    let case = queries::case(r, &sight, id)?;
    let seal = case.sealed().cloned().ok_or_else(missing)?;
    Ok((seal, Wanted::Evidence(id, case.revision)))
}
