//! Welcome messages (欢迎语): what greets new customers, once, within twenty seconds.
//!
//! `groups` keeps what groups greet newcomers with.
//!
//! Tables: `welcomes-1`, `greetings-1`. Invariants: a greeting is planned in the write that
//! stores the event that brings its code; it is sent before the code's time is over or not at
//! all; no customer is greeted twice, because a code works once; what a live code says goes
//! before the member's, the department's and the firm's; the words go also where what comes
//! along cannot be had.

pub mod actions;
pub mod groups;
mod hear;
mod model;
mod pages;
mod post;
pub mod queries;
mod send;
mod tables;

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, Slice, Worker},
};

pub use model::{
    Greeting, GreetingId, Outcome, Place, Source, Welcome, WelcomeId, Whose, Window, choose,
};

pub(super) fn part() -> Slice {
    let manage = Access::Needs(Permission::OutreachManage);
    let own = Slice {
        tables: tables::TABLES.to_vec(),
        routes: routes(manage),
        nav: vec![NavItem {
            group: NavGroup::Outreach,
            order: 20,
            word: "welcome.nav",
            href: "/welcome",
            icon: "smile",
            access: manage,
            in_tab_bar: false,
        }],
        effects: send::kinds(),
        listeners: vec![hear::hear],
        workers: vec![Worker {
            name: "outreach.greetings",
            run: post::run,
        }],
        ..Slice::default()
    };
    own.with(groups::part())
}

fn routes(manage: Access) -> Vec<Route> {
    use actix_web::web::{get, post};
    vec![
        Route::get("/welcome", manage, || get().to(pages::index)),
        Route::get("/welcome/{id}", manage, || get().to(pages::show)),
        Route::get("/welcome/new", manage, || get().to(pages::new)),
        Route::post("/welcome/new", manage, || post().to(pages::create)),
        Route::get("/welcome/{id}/edit", manage, || get().to(pages::edit)),
        Route::post("/welcome/{id}/edit", manage, || post().to(pages::change)),
        Route::post("/welcome/{id}/pause", manage, || post().to(pages::pause)),
        Route::post("/welcome/{id}/delete", manage, || post().to(pages::delete)),
    ]
}
