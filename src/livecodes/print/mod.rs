//! Live codes as printed things: how they look, their files, posters, many at once.
//!
//! Tables: `live-code-looks-1`, `live-code-backdrops-1`. Invariants: nothing is handed out that was not read back as the
//! code's own address; a picture from outside is kept only as what was decoded from it.

mod actions;
mod asked;
mod batch;
mod bundle;
mod model;
mod pages;
mod queries;
pub mod render;
mod tables;

pub use bundle::{BundleError, Item, write_zip};

use crate::{
    identity::Permission,
    slice::{Access, Route, Slice},
};

/// What this part of the slice brings.
pub(super) fn part() -> Slice {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::LiveCodeRead);
    let manage = Access::Needs(Permission::LiveCodeManage);
    let print = "/live-codes/{id}/print";
    let poster = "/live-codes/{id}/poster";
    let mut routes = vec![
        Route::get(print, read, || get().to(pages::print::show)),
        Route::post(print, manage, || post().to(pages::print::save)),
        Route::upload("/live-codes/{id}/print/logo", manage, || {
            post().to(pages::logo::put)
        }),
        Route::post("/live-codes/{id}/print/logo/remove", manage, || {
            post().to(pages::logo::remove)
        }),
        Route::get("/live-codes/{id}/qr.svg", read, || {
            get().to(pages::files::svg)
        }),
        Route::get("/live-codes/{id}/qr.png", read, || {
            get().to(pages::files::png)
        }),
        Route::get("/live-codes/{id}/qr.pdf", read, || {
            get().to(pages::files::pdf)
        }),
        Route::get(poster, read, || get().to(pages::poster::show)),
        Route::post(poster, manage, || post().to(pages::poster::save)),
        Route::upload("/live-codes/{id}/poster/picture", manage, || {
            post().to(pages::poster::put_picture)
        }),
        Route::post("/live-codes/{id}/poster/picture/remove", manage, || {
            post().to(pages::poster::remove_picture)
        }),
        Route::get("/live-codes/{id}/poster.svg", read, || {
            get().to(pages::poster::file)
        }),
        Route::get("/live-codes/{id}/poster/sheet", read, || {
            get().to(pages::poster::sheet)
        }),
        Route::get("/live-codes/print", read, || get().to(pages::many::show)),
        Route::get("/live-codes/qr.zip", read, || get().to(pages::many::file)),
    ];
    routes.extend(crate::import::routes::<batch::Codes>());
    Slice {
        tables: tables::TABLES.to_vec(),
        routes,
        jobs: crate::import::jobs::<batch::Codes>(),
        ..Slice::default()
    }
}
