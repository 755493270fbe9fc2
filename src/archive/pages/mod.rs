//! Pages of the archive, a file per screen; `asked`, `hits` and `bubble` are shared by them.

pub(super) mod alerts;
pub(super) mod approvals;
mod asked;
mod bubble;
pub(super) mod evidence;
mod facts;
mod file;
mod hits;
pub(super) mod ledger;
mod open;
mod search;
pub(super) mod settings;
mod view;
pub(super) mod words;

#[cfg(test)]
mod samples_tests;

use crate::{
    identity::Permission,
    slice::{Access, Route},
};

pub(super) use asked::kinds_of;
pub(super) use file::kept_type;
pub use hits::excerpt;
pub(super) use search::act_of;

/// Search, conversations and files.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::ArchiveRead);
    vec![
        Route::get("/archive", read, || get().to(search::search)),
        Route::get("/archive/files/{seq}/{place}", read, || {
            get().to(file::file)
        }),
        Route::get("/archive/{chat}", read, || get().to(view::view)),
        Route::get("/archive/{chat}/open", read, || get().to(open::reason)),
        Route::post("/archive/{chat}/open", read, || post().to(open::open)),
    ]
}
