//! The directory: departments and members, as WeCom has them and as this firm keeps them.
//!
//! Tables: `departments-1`, `members-1`, `directory-version-1`. Invariants: nobody is deleted, a
//! member who is gone is marked as left and keeps the id; a department that is gone is marked as
//! removed; the tree may be read while it changes, so queries tolerate a missing parent; what
//! only this folder knows survives every sync ([`standing`] says who says what).

pub mod actions;
mod api;
mod directory;
mod draft;
mod import;
mod model;
mod outbound;
mod pages;
mod presence;
pub mod queries;
mod reach;
mod resolve;
mod sight;
pub mod standing;
pub mod sync;

pub mod tables;

pub use directory::{Directory, DirectoryCache};
pub use draft::{DepartmentDraft, MemberDraft, mobile};
pub use model::{Department, DepartmentId, Gender, Member, MemberId, MemberState, Origin, Post};
pub use reach::{decides, is_offered};
pub use sight::Sight;
pub use standing::Standing;

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    let read = Access::Needs(Permission::OrgRead);
    let edit = Access::Needs(Permission::OrgEdit);
    let mut routes = routes(read, edit);
    routes.extend(api::routes());
    routes.extend(crate::import::routes::<import::Staff>());
    Slice {
        name: "org",
        tables: tables::TABLES.to_vec(),
        effects: outbound::kinds(),
        jobs: crate::import::jobs::<import::Staff>(),
        routes,
        nav: vec![NavItem {
            group: NavGroup::Office,
            order: 10,
            word: "org.nav",
            href: "/org",
            icon: "tree",
            access: read,
            in_tab_bar: true,
        }],
        ..Slice::default()
    }
}

fn routes(read: Access, edit: Access) -> Vec<Route> {
    use actix_web::web::{get, post};
    vec![
        Route::get("/org", read, || get().to(pages::index)),
        Route::get("/org/members/{id}", read, || get().to(pages::member)),
        Route::get("/org/members/new", edit, || get().to(pages::edit::new)),
        Route::post("/org/members/new", edit, || post().to(pages::edit::create)),
        Route::get("/org/members/{id}/edit", edit, || {
            get().to(pages::edit::edit)
        }),
        Route::post("/org/members/{id}/edit", edit, || {
            post().to(pages::edit::save)
        }),
        Route::post("/org/members/{id}/edit/state", edit, || {
            post().to(pages::edit::set_state)
        }),
        Route::get("/org/departments/new", edit, || {
            get().to(pages::department::new)
        }),
        Route::post("/org/departments/new", edit, || {
            post().to(pages::department::create)
        }),
        Route::get("/org/departments/{id}", edit, || {
            get().to(pages::department::edit)
        }),
        Route::post("/org/departments/{id}", edit, || {
            post().to(pages::department::save)
        }),
        Route::post("/org/departments/{id}/remove", edit, || {
            post().to(pages::department::remove)
        }),
    ]
}
