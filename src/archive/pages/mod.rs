//! Pages of the archive, a file per screen; `asked`, `hits` and `bubble` are shared by them.

pub(super) mod alerts;
pub(super) mod approvals;
mod asked;
mod bubble;
pub(super) mod evidence;
mod facts;
mod file;
mod hits;
pub(super) mod intercept;
pub(super) mod ledger;
mod open;
mod search;
mod searches;
pub(super) mod settings;
mod view;
pub(super) mod words;

#[cfg(test)]
mod samples_tests;

use crate::{
    identity::Permission,
    slice::{Access, Route},
};

pub(super) use asked::{asked, kinds_of};
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
        Route::get("/archive/searches", read, || get().to(searches::index)),
        Route::post("/archive/searches", read, || post().to(searches::save)),
        Route::get("/archive/searches/{id}", read, || get().to(searches::found)),
        Route::post("/archive/searches/{id}", read, || {
            post().to(searches::change)
        }),
        Route::post("/archive/searches/{id}/seen", read, || {
            post().to(searches::seen)
        }),
        Route::post("/archive/searches/{id}/delete", read, || {
            post().to(searches::delete)
        }),
        Route::get("/archive/{chat}", read, || get().to(view::view)),
        Route::get("/archive/{chat}/open", read, || get().to(open::reason)),
        Route::post("/archive/{chat}/open", read, || post().to(open::open)),
    ]
}
