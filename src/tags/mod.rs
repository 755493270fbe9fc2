//! Corp tags (企业标签) and their groups, read from WeCom.
//!
//! Tables: `tag-groups-1`, `tags-1`. Invariants: a tag that is gone at WeCom is marked as
//! deleted and keeps its id; it is then shown on nobody.

mod api;
mod model;
mod pages;
pub mod queries;
pub mod sync;
pub mod tables;

pub use model::{Tag, TagGroup, TagGroupId, TagId};

use crate::{
    api::{List, NoQuery},
    identity::Permission,
    slice::{Access, ApiOperation, NavGroup, NavItem, Route, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::get;
    let read = Access::Needs(Permission::TagRead);
    let list = ApiOperation::json::<api::TagQuery, List<api::TagItem>>(
        "listTags",
        "Corp tags with the number of customers in scope, in WeCom's order.",
    );
    let one = ApiOperation::json::<NoQuery, api::TagItem>("getTag", "One corp tag.");
    Slice {
        name: "tags",
        tables: tables::TABLES.to_vec(),
        routes: vec![
            Route::get("/tags", read, || get().to(pages::index)),
            Route::get("/api/v1/tags", read, || get().to(api::list)).documented(list),
            Route::get("/api/v1/tags/{id}", read, || get().to(api::one)).documented(one),
        ],
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
