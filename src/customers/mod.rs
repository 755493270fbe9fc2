//! Customers: external contacts, who follows them, and the groups they are in.
//!
//! Tables: `customers-1`, `relations-1`, `groups-1`, `group-members-1`, `customer-views-1`,
//! `customer-default-views-1`. Invariants: a
//! customer is visible when at least one relation belongs to a member in scope; what a
//! relation says (remark, description, phones, company, tags) is visible only with that
//! relation; nobody is deleted because a page of an answer failed; a customer of the firm's own
//! ([`own`]) has one relation, and no sync touches either.

pub mod actions;
mod api;
pub mod documents;
mod draft;
pub mod effects;
pub mod export;
mod groups_api;
mod import;
pub mod list;
mod model;
pub mod own;
mod pages;
pub mod queries;
pub mod sync;
pub mod tables;
pub mod views;

pub use draft::OwnDraft;
pub use model::{
    AddWay, Customer, CustomerId, CustomerKind, Group, GroupId, GroupMember, GroupMemberId,
    GroupState, JoinScene, LastWord, Relation, RelationId, RelationState,
};

#[doc(hidden)]
pub use pages::Yardstick;

use crate::{
    identity::Permission,
    slice::{Access, ApiOperation, NavGroup, NavItem, Route, Slice},
    work::JobKind,
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::CustomerRead);
    let reveal = Access::Needs(Permission::CustomerReveal);
    let phone = "/customers/relations/{relation}/phones/{place}";
    let mut routes = vec![
        Route::get("/customers", read, || get().to(pages::list)),
        Route::get("/customers/{id}", read, || get().to(pages::profile)),
        Route::get("/customers/views", read, || get().to(pages::views)),
        Route::post("/customers/views", read, || post().to(pages::save_view)),
        Route::post("/customers/views/{view}", read, || {
            post().to(pages::change_view)
        }),
        Route::post("/customers/views/{view}/move", read, || {
            post().to(pages::move_view)
        }),
        Route::post("/customers/views/{view}/delete", read, || {
            post().to(pages::delete_view)
        }),
        Route::post(
            "/customers/views/defaults",
            Access::Needs(Permission::SettingsManage),
            || post().to(pages::begin_with),
        ),
        Route::get(phone, reveal, || get().to(pages::show_masked_phone)),
        Route::post(phone, reveal, || post().to(pages::reveal_phone)),
        Route::post(
            "/customers/export",
            Access::Needs(Permission::CustomerExport),
            || post().to(pages::export),
        ),
    ];
    routes.push(
        Route::get("/api/v1/customers", read, || get().to(api::list)).documented(
            ApiOperation::json::<api::CustomerQuery, crate::api::List<api::CustomerItem>>(
                "listCustomers",
                "Customers in scope, best match or newest first.",
            ),
        ),
    );
    routes.push(
        Route::get("/api/v1/customers/{id}", read, || get().to(api::one)).documented(
            ApiOperation::json::<crate::api::NoQuery, api::CustomerItem>(
                "getCustomer",
                "One customer in scope.",
            ),
        ),
    );
    let edit = Access::Needs(Permission::CustomerEdit);
    let (tags, remark) = (
        "/customers/relations/{relation}/tags",
        "/customers/relations/{relation}/remark",
    );
    routes.extend([
        Route::get(tags, edit, || get().to(pages::tags_form)),
        Route::post(tags, edit, || post().to(pages::save_tags)),
        Route::get(remark, edit, || get().to(pages::remark_form)),
        Route::post(remark, edit, || post().to(pages::save_remark)),
    ]);
    routes.extend(own_routes(edit));
    routes.extend(crate::import::routes::<import::OwnCustomers>());
    let groups = Access::Needs(Permission::GroupRead);
    routes.extend([
        Route::get("/groups", groups, || get().to(pages::groups)),
        Route::get("/groups/{id}", groups, || get().to(pages::group)),
    ]);
    routes.extend(groups_api::routes());
    let nav = vec![
        NavItem {
            group: NavGroup::Customers,
            order: 10,
            word: "customers.nav",
            href: "/customers",
            icon: "user",
            access: read,
            in_tab_bar: true,
        },
        NavItem {
            group: NavGroup::Customers,
            order: 20,
            word: "groups.nav",
            href: "/groups",
            icon: "group",
            access: groups,
            in_tab_bar: false,
        },
    ];
    let mut jobs = crate::import::jobs::<import::OwnCustomers>();
    jobs.push(JobKind {
        name: export::KIND,
        run: export::run,
    });
    Slice {
        name: "customers",
        tables: tables::TABLES.to_vec(),
        routes,
        nav,
        jobs,
        ..Slice::default()
    }
}

/// Customers of the firm's own, by hand.
fn own_routes(edit: Access) -> Vec<Route> {
    use actix_web::web::{get, post};
    vec![
        Route::get("/customers/new", edit, || get().to(pages::own::new)),
        Route::post("/customers/new", edit, || post().to(pages::own::create)),
        Route::get("/customers/{id}/edit", edit, || get().to(pages::own::edit)),
        Route::post("/customers/{id}/edit", edit, || post().to(pages::own::save)),
        Route::post("/customers/{id}/remove", edit, || {
            post().to(pages::own::remove)
        }),
    ]
}

/// The running number as people write it: KH-000042.
pub fn customer_no(no: u32) -> String {
    format!("KH-{no:06}")
}
