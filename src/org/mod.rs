//! The directory: departments and members as WeCom has them.
//!
//! Tables: `departments-1`, `members-1`, `directory-version-1`. Invariants: nobody is deleted, a member who is gone
//! is marked as left and keeps the id; a department that is gone is marked as removed; the
//! tree may be read while it changes, so queries tolerate a missing parent.

mod api;
mod directory;
mod model;
mod pages;
pub mod queries;
mod sight;
mod standing;
pub mod sync;

pub mod tables;

pub use directory::{Directory, DirectoryCache};
pub use model::{Department, DepartmentId, Gender, Member, MemberId, MemberState, Post};
pub use sight::Sight;

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::get;
    let read = Access::Needs(Permission::OrgRead);
    let mut routes = vec![
        Route::get("/org", read, || get().to(pages::index)),
        Route::get("/org/members/{id}", read, || get().to(pages::member)),
    ];
    routes.extend(api::routes());
    Slice {
        name: "org",
        tables: tables::TABLES.to_vec(),
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
