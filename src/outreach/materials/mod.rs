//! Asset library (素材库): texts, pictures, links, mini programs and files to be sent again.
//!
//! Tables: `materials-1`, `material-versions-1`, `material-folders-1`, `material-uses-1`,
//! `material-media-1`. The bytes lie in the folder `assets`, by content; a file is whole on disk
//! before any row names it. Invariants: a version never changes, a change makes the next one;
//! what is in use is not deleted, only put away; a folder within another is never wider than
//! that one; a file that WeCom no longer has is given to it again before it is sent.

pub mod actions;
mod api;
mod bubble;
mod inspect;
mod intake;
mod media;
mod model;
mod moment;
mod pages;
pub mod queries;
mod shelf;
mod tables;

use crate::{
    identity::Permission,
    slice::{Access, ApiOperation, NavGroup, NavItem, Route, Slice, Worker},
};

pub use bubble::Bubble;
pub use intake::add;
pub use media::{LeftOut, Resolved, attachments, attachments_within};
pub(in crate::outreach) use media::{forget, kept_until};
pub use model::{
    Body, Folder, FolderId, Kind, Material, MaterialId, Measure, MediaId, Purpose, Stored, Uses,
    Version,
};
pub(in crate::outreach) use moment::moment_attachments;
pub use queries::{check, named, set_uses};
pub use shelf::Shelf;

pub(super) fn part() -> Slice {
    let read = Access::Needs(Permission::OutreachRead);
    Slice {
        tables: tables::TABLES.to_vec(),
        routes: routes(read),
        nav: vec![NavItem {
            group: NavGroup::Outreach,
            order: 50,
            word: "assets.nav",
            href: "/assets",
            icon: "image",
            access: read,
            in_tab_bar: false,
        }],
        workers: vec![Worker {
            name: "outreach.assets",
            run: media::run,
        }],
        ..Slice::default()
    }
}

fn routes(read: Access) -> Vec<Route> {
    use actix_web::web::{get, post};
    let manage = Access::Needs(Permission::OutreachManage);
    vec![
        Route::get("/assets", read, || get().to(pages::index)),
        Route::get("/assets/{id}", read, || get().to(pages::show)),
        Route::get("/assets/{id}/file", read, || get().to(pages::file)),
        Route::get("/assets/new", manage, || get().to(pages::new)),
        Route::upload("/assets/new", manage, || post().to(pages::create)),
        Route::get("/assets/{id}/edit", manage, || get().to(pages::edit)),
        Route::upload("/assets/{id}/edit", manage, || post().to(pages::change)),
        Route::post("/assets/{id}/archive", manage, || {
            post().to(pages::put_away)
        }),
        Route::post("/assets/{id}/delete", manage, || post().to(pages::delete)),
        Route::post("/assets/{id}/retry", manage, || post().to(pages::try_again)),
        Route::get("/assets/folders", manage, || get().to(pages::folders)),
        Route::post("/assets/folders", manage, || post().to(pages::save_folder)),
        Route::post("/assets/folders/{id}/delete", manage, || {
            post().to(pages::delete_folder)
        }),
        // Whoever writes a message looks at it; assets out of reach do not appear.
        Route::post("/assets/preview", Access::SignedIn, || {
            post().to(pages::preview)
        }),
        Route::get("/api/v1/assets", read, || get().to(api::list)).documented(
            ApiOperation::json::<api::AssetQuery, crate::api::List<api::AssetItem>>(
                "listAssets",
                "Assets that are offered to the caller, the last changed first.",
            ),
        ),
    ]
}
