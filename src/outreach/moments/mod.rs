//! Moments (客户朋友圈): what members publish for their customers, who may see it, who has
//! published it, whom it reached and what they make of it.
//!
//! Tables: `moments-1`, `moment-parts-1`, `moment-looks-1` and `moment-asked-1` (machinery).
//! Invariants: nobody publishes who is outside the sight of whoever sends it; WeCom is always
//! told the members, and the tags where there are any, since nobody named is everybody there;
//! every state of a member's part and every number comes from WeCom; each customer whom a
//! member's part reached has one touch of it in the ledger, noted and not limited; nobody
//! approves their own.

pub mod actions;
mod api;
mod ask;
pub mod audience;
pub mod content;
mod export;
mod find;
mod follow;
mod model;
mod outbound;
mod pages;
mod plan;
pub mod queries;
mod tables;

use tokio::sync::Notify;

use crate::{
    api::{List, NoQuery},
    identity::Permission,
    slice::{Access, ApiOperation, NavGroup, NavItem, Route, Slice, Worker},
};

pub use model::{
    CAUSE, Moment, MomentId, Part, PartState, Range, State as MomentState, Stop, StopReason,
};

/// What the part keeps in memory.
#[derive(Default)]
pub struct State {
    /// Notified when a moment may go on.
    pub wake: Notify,
}

pub(super) fn part() -> Slice {
    Slice {
        tables: tables::TABLES.to_vec(),
        routes: routes(),
        nav: vec![NavItem {
            group: NavGroup::Outreach,
            order: 32,
            word: "moments.nav",
            href: "/moments",
            icon: "moment",
            access: Access::Needs(Permission::OutreachRead),
            in_tab_bar: false,
        }],
        workers: vec![Worker {
            name: "outreach.moments",
            run: follow::run,
        }],
        effects: outbound::kinds(),
        ..Slice::default()
    }
}

fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::OutreachRead);
    let send = Access::Needs(Permission::BroadcastSend);
    let approve = Access::Needs(Permission::BroadcastApprove);
    let export = Access::Needs(Permission::CustomerExport);
    vec![
        Route::get("/moments", read, || get().to(pages::list::show)),
        Route::get("/moments/new", send, || get().to(pages::edit::new)),
        Route::post("/moments/new", send, || post().to(pages::edit::create)),
        Route::get("/moments/{id}", read, || get().to(pages::show::show)),
        Route::get("/moments/{id}/edit", send, || get().to(pages::edit::edit)),
        Route::post("/moments/{id}/edit", send, || post().to(pages::edit::save)),
        Route::post("/moments/{id}/send", send, || post().to(pages::deeds::send)),
        Route::post("/moments/{id}/discard", send, || {
            post().to(pages::deeds::discard)
        }),
        Route::post("/moments/{id}/stop", send, || post().to(pages::deeds::stop)),
        Route::post("/moments/{id}/ask", read, || {
            post().to(pages::deeds::ask_now)
        }),
        Route::post("/moments/{id}/decide", approve, || {
            post().to(pages::deeds::decide)
        }),
        Route::post("/moments/{id}/export", export, || {
            post().to(pages::deeds::export)
        }),
        Route::get("/api/v1/moments", read, || get().to(api::list)).documented(
            ApiOperation::json::<api::MomentQuery, List<api::MomentItem>>(
                "listMoments",
                "Moments in sight, newest first, with whom they reached.",
            ),
        ),
        Route::get("/api/v1/moments/{id}", read, || get().to(api::one)).documented(
            ApiOperation::json::<NoQuery, api::MomentItem>("getMoment", "One moment in sight."),
        ),
        Route::get("/api/v1/moments/{id}/members", read, || {
            get().to(api::members)
        })
        .documented(
            ApiOperation::json::<api::MemberQuery, List<api::MemberItem>>(
                "listMomentMembers",
                "What each member makes of a moment.",
            ),
        ),
    ]
}
