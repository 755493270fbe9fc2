//! Corp tags (企业标签) and their groups, read from WeCom, or made here and told to WeCom.
//!
//! Tables: `tag-groups-1`, `tags-1`. Invariants: a tag that is gone at WeCom is marked as
//! deleted and keeps its id; it is then shown on nobody. What WeCom does not know has a local
//! id in place of WeCom's and is put on none of WeCom's customers.

pub mod actions;
mod api;
mod model;
mod outbound;
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
    use actix_web::web::{get, post};
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
            Route::post(
                "/tags/tell",
                Access::Needs(Permission::SettingsManage),
                || post().to(pages::tell),
            ),
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
        effects: outbound::kinds(),
        ..Slice::default()
    }
}
