//! The compliance centre (合规中心): the audit trail for people, and its export.
//!
//! Owns no tables: it shows what `audit` keeps. Invariants: looking at the trail is itself an
//! entry; an export is announced in the trail before its first byte.

mod api;
mod filter;
mod pages;
mod spool;

use crate::{
    identity::Permission,
    slice::{Access, ApiOperation, NavGroup, NavItem, Route, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::AuditRead);
    let package = ApiOperation {
        id: "exportAudit",
        summary: "A package of the audit trail that anybody can verify offline.",
        query: None,
        answer: None,
        media_type: "application/zip",
    };
    let routes = vec![
        Route::get("/compliance", read, || get().to(pages::home)),
        Route::get("/compliance/audit", read, || get().to(pages::list)),
        Route::get("/compliance/audit/{seq}", read, || get().to(pages::entry)),
        Route::post(
            "/compliance/audit/verify",
            Access::Needs(Permission::AuditVerify),
            || post().to(pages::verify),
        ),
        Route::get(
            "/api/v1/audit/export",
            Access::Needs(Permission::AuditExport),
            || get().to(api::export),
        )
        .documented(package),
        Route::get("/api/v1/audit", read, || get().to(api::list)).documented(ApiOperation::json::<
            api::AuditQuery,
            crate::api::List<api::AuditItem>,
        >(
            "listAudit",
            "Entries of the audit trail, newest first.",
        )),
    ];
    let nav = vec![NavItem {
        group: NavGroup::Admin,
        order: 10,
        word: "compliance.nav",
        href: "/compliance/audit",
        icon: "shield",
        access: read,
        in_tab_bar: true,
    }];
    Slice {
        name: "compliance",
        routes,
        nav,
        ..Slice::default()
    }
}
