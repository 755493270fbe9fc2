//! `/compliance/evidence`: cases, what is in them, and their packages.

mod add;
mod case;
mod list;
mod package;
#[cfg(test)]
mod samples_tests;

pub(super) use case::names_of;

use crate::{
    archive::{
        evidence::{Case, CaseId, CaseState},
        model::Chat,
        queries::ArchiveSight,
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    slice::{Access, Route},
};

/// The list's address.
pub(in crate::archive) const HERE: &str = "/compliance/evidence";

/// The routes.
pub(in crate::archive) fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let manage = Access::Needs(Permission::EvidenceManage);
    vec![
        Route::get(HERE, manage, || get().to(list::index)),
        Route::get("/compliance/evidence/new", manage, || get().to(list::new)),
        Route::post("/compliance/evidence/new", manage, || {
            post().to(list::create)
        }),
        Route::get("/compliance/evidence/add", manage, || get().to(add::ask)),
        Route::post("/compliance/evidence/add", manage, || post().to(add::add)),
        Route::get("/compliance/evidence/{case}", manage, || {
            get().to(case::show)
        }),
        Route::post("/compliance/evidence/{case}", manage, || {
            post().to(case::save)
        }),
        Route::post("/compliance/evidence/{case}/remove", manage, || {
            post().to(case::remove)
        }),
        Route::post("/compliance/evidence/{case}/ask", manage, || {
            post().to(case::ask)
        }),
        Route::post("/compliance/evidence/{case}/seal", manage, || {
            post().to(case::seal)
        }),
        Route::get("/compliance/evidence/{case}/package", manage, || {
            get().to(package::download)
        }),
    ]
}

/// The beginning of addresses where messages of a conversation are added to a case; none for
/// whoever may not.
pub(super) fn keep(viewer: &Viewer, sight: &ArchiveSight, chat: &Chat) -> Option<String> {
    let may = viewer.may(Permission::EvidenceManage) && sight.sees_all_of(chat);
    may.then(|| format!("{HERE}/add?chat={}&seq=", chat.id))
}

fn parse(id: &str) -> Result<CaseId> {
    id.parse().map_err(|_| AppError::NotFound {
        what: "evidence_case",
    })
}

/// A number of messages as typed.
fn context(text: &str) -> Result<u32> {
    let wrong = || AppError::field("context", "evidence.context_range");
    text.trim().parse().map_err(|_| wrong())
}

/// Catalogue key and tone of where a case stands.
fn state(case: &Case) -> (&'static str, &'static str) {
    match case.state {
        CaseState::Open => ("evidence.state.open", "info"),
        CaseState::Sealing(..) => ("evidence.state.sealing", "warn"),
        CaseState::Sealed(_) => ("evidence.state.sealed", "ok"),
    }
}
