//! Broadcasts (群发) to customers or customer groups: whom the firm means, who may let it go, what members
//! confirm, and what became of it for each customer or group.
//!
//! Tables: `broadcasts-1`, `broadcast-tasks-1`, `broadcast-looks-1` (machinery). Invariants:
//! a broadcast reaches nobody outside the sight of whoever sends it; who gets it is written
//! down in the ledger of touches before anything leaves, and every number on a page is counted
//! there; one task names one member and exactly those customers or
//! groups; a group's broadcast is sent by its owner alone; nobody approves their own.

pub mod actions;
mod api;
pub mod audience;
mod export;
mod follow;
pub mod groups;
pub(in crate::outreach) mod model;
mod outbound;
mod pace;
mod pages;
mod plan;
pub mod queries;
mod seen;
mod standing;
mod tables;

use tokio::sync::Notify;

use crate::{
    api::{List, NoQuery},
    identity::Permission,
    slice::{Access, ApiOperation, NavGroup, NavItem, Route, Slice, Worker},
};

pub(in crate::outreach) use export::make as export;
pub(in crate::outreach) use pages::form::Choices;
#[cfg(test)]
pub(in crate::outreach) use pages::form::TagGroup;

pub use audience::{Audience, GroupChoice, Preview, Target};
pub use model::{
    Approval, Broadcast, BroadcastId, CAUSE, Decision, State as BroadcastState, Stop, StopReason,
    Task, TaskState,
};
pub use pace::Pace;

/// What the part keeps in memory.
#[derive(Default)]
pub struct State {
    /// Notified when a broadcast may go on.
    pub wake: Notify,
    /// How it goes on.
    pub pace: Pace,
}

pub(super) fn part() -> Slice {
    Slice {
        tables: tables::TABLES.to_vec(),
        routes: routes(),
        nav: vec![NavItem {
            group: NavGroup::Outreach,
            order: 30,
            word: "broadcasts.nav",
            href: "/broadcasts",
            icon: "horn",
            access: Access::Needs(Permission::OutreachRead),
            in_tab_bar: false,
        }],
        workers: vec![Worker {
            name: "outreach.broadcasts",
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
    let manage = Access::Needs(Permission::SettingsManage);
    let edit = Access::Needs(Permission::CustomerEdit);
    let export = Access::Needs(Permission::CustomerExport);
    vec![
        Route::get("/broadcasts", read, || get().to(pages::list::show)),
        Route::get("/broadcasts/new", send, || get().to(pages::edit::new)),
        Route::post("/broadcasts/new", send, || post().to(pages::edit::create)),
        Route::get("/broadcasts/limits", manage, || {
            get().to(pages::limits::show)
        }),
        Route::post("/broadcasts/limits", manage, || {
            post().to(pages::limits::save)
        }),
        Route::post("/broadcasts/opt-outs/{id}", edit, || {
            post().to(pages::limits::opt_out)
        }),
        Route::post("/broadcasts/opt-outs/{id}/lift", edit, || {
            post().to(pages::limits::lift)
        }),
        Route::get("/broadcasts/{id}", read, || get().to(pages::show::show)),
        Route::get("/broadcasts/{id}/edit", send, || {
            get().to(pages::edit::edit)
        }),
        Route::post("/broadcasts/{id}/edit", send, || {
            post().to(pages::edit::save)
        }),
        Route::post("/broadcasts/{id}/send", send, || {
            post().to(pages::deeds::send)
        }),
        Route::post("/broadcasts/{id}/discard", send, || {
            post().to(pages::deeds::discard)
        }),
        Route::post("/broadcasts/{id}/stop", send, || {
            post().to(pages::deeds::stop)
        }),
        Route::post("/broadcasts/{id}/remind", send, || {
            post().to(pages::deeds::remind)
        }),
        Route::post("/broadcasts/{id}/again", send, || {
            post().to(pages::deeds::again)
        }),
        Route::post("/broadcasts/{id}/decide", approve, || {
            post().to(pages::deeds::decide)
        }),
        Route::post("/broadcasts/{id}/export", export, || {
            post().to(pages::deeds::export)
        }),
        Route::get("/api/v1/broadcasts", read, || get().to(api::list)).documented(
            ApiOperation::json::<api::BroadcastQuery, List<api::BroadcastItem>>(
                "listBroadcasts",
                "Broadcasts in sight, newest first, with what the ledger counts.",
            ),
        ),
        Route::get("/api/v1/broadcasts/{id}", read, || get().to(api::one)).documented(
            ApiOperation::json::<NoQuery, api::BroadcastItem>(
                "getBroadcast",
                "One broadcast in sight.",
            ),
        ),
        Route::get("/api/v1/broadcasts/{id}/recipients", read, || {
            get().to(api::recipients)
        })
        .documented(ApiOperation::json::<
            api::RecipientQuery,
            List<api::RecipientItem>,
        >(
            "listBroadcastRecipients",
            "What became of a broadcast for each customer or group.",
        )),
    ]
}
