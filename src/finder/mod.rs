//! One box for everybody: `/search`, the palette behind Ctrl-K; and the workspace, `/`.
//!
//! Owns no tables; asks the index of people for customers, members and groups, each under
//! its own permission and scope, and reads what it shows through the viewer's sight.

mod chats;
mod home;
mod pages;

use crate::slice::{Access, NavGroup, NavItem, Route, Slice};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::get;
    let routes = vec![
        Route::get("/", Access::SignedIn, || get().to(home::home)),
        Route::get("/search", Access::SignedIn, || get().to(pages::search)),
    ];
    Slice {
        name: "finder",
        routes,
        nav: vec![NavItem {
            group: NavGroup::Top,
            order: 0,
            word: "home.title",
            href: "/",
            icon: "home",
            access: Access::SignedIn,
            in_tab_bar: true,
        }],
        ..Slice::default()
    }
}
