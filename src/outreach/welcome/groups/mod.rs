//! Group welcome templates (入群欢迎语素材): what members let their groups greet with. WeCom
//! sends them; Qitai keeps the templates there.
//!
//! Table: `group-welcomes-1`. Invariants: a template is told to WeCom by effects alone, and only
//! the last wish counts; none is made twice, because nobody can list them: after an unclear
//! answer a person decides; an asset that changes, or whose file WeCom would forget, is written
//! again, and nobody is notified of that; templates are the whole firm's, so only whoever decides
//! about the whole firm changes them.

pub mod actions;
pub mod model;
mod outbound;
mod pages;
pub mod queries;
mod renew;
mod tables;

use crate::{
    identity::Permission,
    slice::{Access, Route, Slice, Worker},
};

pub use model::{GroupWelcome, GroupWelcomeId};
pub(in crate::outreach::welcome) use pages::HERE;

pub(super) fn part() -> Slice {
    Slice {
        tables: tables::TABLES.to_vec(),
        routes: routes(),
        effects: outbound::kinds(),
        workers: vec![Worker {
            name: "outreach.group_welcomes",
            run: renew::run,
        }],
        ..Slice::default()
    }
}

fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let manage = Access::Needs(Permission::OutreachManage);
    vec![
        Route::get("/welcome/groups", manage, || get().to(pages::index)),
        Route::get("/welcome/groups/new", manage, || get().to(pages::new)),
        Route::post("/welcome/groups/new", manage, || post().to(pages::create)),
        Route::post("/welcome/groups/preview", manage, || {
            post().to(pages::preview)
        }),
        Route::get("/welcome/groups/{id}/edit", manage, || {
            get().to(pages::edit)
        }),
        Route::post("/welcome/groups/{id}/edit", manage, || {
            post().to(pages::change)
        }),
        Route::post("/welcome/groups/{id}/retry", manage, || {
            post().to(pages::retry)
        }),
        Route::post("/welcome/groups/{id}/delete", manage, || {
            post().to(pages::delete)
        }),
    ]
}
