//! SCIM 2.0 for HR systems (RFC 7643, RFC 7644): members as users, departments as groups.
//!
//! No tables of its own: everything goes through the directory's actions under the right
//! `scim`, which a token carries. Who left is not there; deleting a user marks the member as
//! left. Groups made here are departments directly below the root.

mod answer;
mod api;
mod discovery;
mod filter;
mod group;
mod patch;
mod path;
mod select;
mod user;

use crate::{
    identity::Permission,
    slice::{Access, Route, Slice},
};
use actix_web::http::Method;

/// Where it is.
pub const BASE: &str = "/scim/v2";

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{delete, get, patch, post, put};
    let scim = Access::Needs(Permission::Scim);
    let route = |method, path, handler| Route {
        method,
        ..Route::get(path, scim, handler)
    };
    Slice {
        name: "scim",
        routes: vec![
            Route::get("/scim/v2/ServiceProviderConfig", scim, || {
                get().to(discovery::config)
            }),
            Route::get("/scim/v2/ResourceTypes", scim, || {
                get().to(discovery::types)
            }),
            Route::get("/scim/v2/ResourceTypes/{id}", scim, || {
                get().to(discovery::one_type)
            }),
            Route::get("/scim/v2/Schemas", scim, || get().to(discovery::schemas)),
            Route::get("/scim/v2/Schemas/{id}", scim, || {
                get().to(discovery::one_schema)
            }),
            Route::post("/scim/v2/.search", scim, || post().to(api::not_implemented)),
            Route::get("/scim/v2/{kind}", scim, || get().to(api::list)),
            Route::post("/scim/v2/{kind}", scim, || post().to(api::create)),
            Route::post("/scim/v2/{kind}/.search", scim, || post().to(api::search)),
            Route::get("/scim/v2/{kind}/{id}", scim, || get().to(api::one)),
            route(Method::PUT, "/scim/v2/{kind}/{id}", || {
                put().to(api::replace)
            }),
            route(Method::PATCH, "/scim/v2/{kind}/{id}", || {
                patch().to(api::modify)
            }),
            route(Method::DELETE, "/scim/v2/{kind}/{id}", || {
                delete().to(api::remove)
            }),
        ],
        ..Slice::default()
    }
}
