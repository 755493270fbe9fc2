//! Corp tags (企业标签) and their groups, read from WeCom.
//!
//! Tables: `tag-groups-1`, `tags-1`. Invariants: a tag that is gone at WeCom is marked as
//! deleted and keeps its id; it is then shown on nobody.

mod model;
mod pages;
pub mod queries;
pub mod sync;
pub mod tables;

pub use model::{Tag, TagGroup, TagGroupId, TagId};

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    let read = Access::Needs(Permission::TagRead);
    Slice {
        name: "tags",
        tables: tables::TABLES.to_vec(),
        routes: vec![Route::get("/tags", read, || {
            actix_web::web::get().to(pages::index)
        })],
        nav: vec![NavItem {
            group: NavGroup::Customers,
            order: 30,
            word: "tags.nav",
            href: "/tags",
            icon: "tag",
            access: read,
            in_tab_bar: false,
        }],
        ..Slice::default()
    }
}
