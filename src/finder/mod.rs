//! One box for everybody: `/search`, the palette behind Ctrl-K, and where `/` leads.
//!
//! Owns no tables; asks the index of people for customers, members and groups, each under
//! its own permission and scope, and reads what it shows through the viewer's sight.

mod pages;

use crate::slice::{Access, Route, Slice};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::get;
    let routes = vec![
        Route::get("/", Access::SignedIn, || get().to(pages::home)),
        Route::get("/search", Access::SignedIn, || get().to(pages::search)),
    ];
    Slice {
        name: "finder",
        routes,
        ..Slice::default()
    }
}
