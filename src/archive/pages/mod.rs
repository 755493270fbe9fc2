//! Pages of the archive, a file per screen; `asked`, `hits` and `bubble` are shared by them.

mod alert_filters;
mod alert_lines;
pub(super) mod alerts;
pub(super) mod approvals;
mod asked;
mod bubble;
pub(super) mod consents;
mod customer;
pub(super) mod evidence;
mod facts;
mod file;
mod flags;
mod hits;
pub(super) mod hold;
pub(super) mod intercept;
pub(super) mod ledger;
mod locked;
mod markdown;
mod news;
mod open;
mod picker;
pub(super) mod retention;
pub(super) mod retention_forms;
mod room;
mod search;
mod searches;
pub(super) mod settings;
pub(super) mod trial;
mod view;
pub(super) mod viewed;
pub(super) mod words;

#[cfg(test)]
mod samples_tests;

use crate::{
    identity::Permission,
    slice::{Access, Route},
};

pub(super) use asked::{asked, kinds_of};
pub(super) use file::kept_type;
pub(super) use hits::SHOWN_CHARS;
pub use hits::excerpt;
pub(super) use search::{act_of, act_of_numbers};

/// Search, conversations and files.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::ArchiveRead);
    vec![
        Route::get("/archive", read, || get().to(search::search)),
        Route::get("/archive/files/{seq}/{place}", read, || {
            get().to(file::file)
        }),
        Route::get("/archive/files/{seq}/{place}/play", read, || {
            get().to(file::play)
        }),
        Route::get("/archive/searches", read, || get().to(searches::index)),
        Route::post("/archive/searches", read, || post().to(searches::save)),
        Route::get("/archive/searches/{id}", read, || get().to(searches::found)),
        Route::post("/archive/searches/{id}", read, || {
            post().to(searches::change)
        }),
        Route::post("/archive/searches/{id}/seen", read, || {
            post().to(searches::seen)
        }),
        Route::post("/archive/searches/{id}/delete", read, || {
            post().to(searches::delete)
        }),
        Route::get("/archive/{chat}", read, || get().to(view::view)),
        Route::by_itself("/archive/{chat}/news", read, || get().to(news::news)),
        Route::get("/archive/{chat}/open", read, || get().to(open::reason)),
        Route::post("/archive/{chat}/open", read, || post().to(open::open)),
        Route::get("/me/conversations", Access::SignedIn, || {
            get().to(viewed::show)
        }),
        Route::post("/me/conversations/seen", Access::SignedIn, || {
            post().to(viewed::seen)
        }),
    ]
}

/// Consent, retention and holds, in the compliance centre.
pub(super) fn compliance_routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let read = Access::Needs(Permission::ArchiveRead);
    let hold = Access::Needs(Permission::HoldManage);
    let rule = Access::Needs(Permission::SettingsManage);
    vec![
        Route::get(consents::HERE, read, || get().to(consents::index)),
        Route::post("/compliance/consents/ask", read, || {
            post().to(consents::ask)
        }),
        Route::post("/compliance/consents/export", read, || {
            post().to(consents::export)
        }),
        Route::get(retention::HERE, hold, || get().to(retention::show)),
        Route::post("/compliance/retention/rules", rule, || {
            post().to(retention_forms::save_rule)
        }),
        Route::post("/compliance/retention/rules/{id}/delete", rule, || {
            post().to(retention_forms::delete_rule)
        }),
        Route::post("/compliance/retention/preview", hold, || {
            post().to(retention_forms::preview)
        }),
        Route::post("/compliance/retention/purge", rule, || {
            post().to(retention_forms::purge)
        }),
        Route::get("/compliance/retention/holds/new", hold, || {
            get().to(hold::new)
        }),
        Route::post("/compliance/retention/holds", hold, || post().to(hold::set)),
        Route::post("/compliance/retention/holds/{id}/lift", hold, || {
            post().to(retention_forms::lift)
        }),
    ]
}
