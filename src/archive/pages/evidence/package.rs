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
        evidence::{self, CaseId, Package, Seal, queries},
    },
    error::{AppError, Result},
    identity::{Account, Permission, Viewer},
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
    let seal = app.read(|r| wanted(&app, r, &viewer, id))?;
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
        let case = r.get::<evidence::Case>(&id)?.ok_or_else(missing)?;
        let wanted = Wanted::Evidence(id, case.revision);
        approval::must_hold(&r, by.ok_or(AppError::Unauthenticated)?, &wanted, now)?;
        self::wanted(&checking, &r, &asking, id).map(drop)
    })
    .await?;
    // Whoever loses the right half way gets no more of it.
    let reading = app.into_inner();
    let chunks = stream_of(package, from, to).map(move |chunk| {
        let now = reading.store.clock().now();
        match reading.read(|r| viewer.still_may(r, Permission::EvidenceManage, now)) {
            true => chunk,
            false => Err(std::io::ErrorKind::PermissionDenied.into()),
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

fn wanted(app: &App, r: &Read<'_>, viewer: &Viewer, id: CaseId) -> Result<Seal> {
    let sight = queries::sight(app, r, viewer)?;
    let case = queries::case(r, &sight, id)?;
    case.sealed().cloned().ok_or_else(missing)
}
