//! Live codes (活码): codes that are printed once and lead to the right member or group ever
//! after.
//!
//! Tables: `live-codes-1`, `live-code-channels-1`, `live-code-ways-1`, `live-code-pictures-1`,
//! `scans-1`, `live-code-turns-1`. What is printed is an address of our own, `/c/{code}`; what
//! it shows is decided with every scan. Invariants: a scan is durable before it is answered, but
//! while the store takes no writes, when people are led on uncounted; whose turn it is is written
//! with it, so no restart and no crowd gives a member more than the cap; no page asks WeCom for a
//! picture; a scan says nothing about who scanned; everything that a code makes at WeCom carries
//! its `state`.

pub mod actions;
mod api;
mod board;
mod choice;
pub mod draft;
mod effects;
mod heard;
mod landing;
mod model;
mod pages;
mod pictures;
mod plan;
pub mod print;
pub mod queries;
mod reach;
mod scan;
pub mod stats;
mod tables;
#[cfg(test)]
mod tests;
mod way;

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, Slice, Worker},
};

pub use board::landing_url;
pub use model::{
    AutoRoom, CHANNEL_DEPTH, Channel, ChannelId, CodeKind, CodeState, LiveCode, LiveCodeId,
    ROOM_THRESHOLD, Room, Seat, Window, of_state, state_of,
};
pub use queries::scans;
pub use reach::Eyes;
pub use scan::{Given, Scan, Share, Turn, remember};
pub use way::{Picture, Target, Way, WayId};

/// What the slice keeps in memory: nothing but what the store remembers for it.
#[derive(Default)]
pub struct State {}

/// What the slice says about itself.
pub fn slice() -> Slice {
    let read = Access::Needs(Permission::LiveCodeRead);
    let mut routes = routes(read, Access::Needs(Permission::LiveCodeManage));
    routes.extend(api::routes());
    let own = Slice {
        name: "livecodes",
        tables: tables::TABLES.to_vec(),
        routes,
        nav: vec![NavItem {
            group: NavGroup::Outreach,
            order: 10,
            word: "livecodes.nav",
            href: "/live-codes",
            icon: "qr",
            access: read,
            in_tab_bar: true,
        }],
        workers: vec![Worker {
            name: "livecodes.pictures",
            run: |app| Box::pin(pictures::run(app)),
        }],
        effects: effects::kinds(),
        listeners: vec![heard::count],
        ..Slice::default()
    };
    own.with(stats::part()).with(print::part())
}

fn routes(read: Access, manage: Access) -> Vec<Route> {
    use actix_web::web::{get, post};
    use pages::{channels, detail, edit, list};
    vec![
        Route::get("/c/{code}", Access::Public, || get().to(landing::show)),
        Route::get("/c/{code}/{way}", Access::Public, || {
            get().to(landing::picture)
        }),
        Route::get("/live-codes", read, || get().to(list::index)),
        Route::get("/live-codes/new", manage, || get().to(edit::new)),
        Route::post("/live-codes/new", manage, || post().to(edit::create)),
        Route::get("/live-codes/{id}", read, || get().to(detail::show)),
        Route::get("/live-codes/{id}/edit", manage, || get().to(edit::edit)),
        Route::post("/live-codes/{id}/edit", manage, || post().to(edit::save)),
        Route::post("/live-codes/{id}/state", manage, || {
            post().to(detail::set_state)
        }),
        Route::post("/live-codes/{id}/mend", manage, || post().to(detail::mend)),
        Route::get("/live-codes/{id}/direct", read, || get().to(detail::direct)),
        Route::get("/live-codes/channels", read, || get().to(channels::index)),
        Route::post("/live-codes/channels", manage, || post().to(channels::make)),
        Route::post("/live-codes/channels/{id}", manage, || {
            post().to(channels::change)
        }),
        Route::post("/live-codes/channels/{id}/delete", manage, || {
            post().to(channels::delete)
        }),
    ]
}
