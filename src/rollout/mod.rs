//! Roll-out: from an empty folder to a firm at work.
//!
//! Tables: `firm-1`, `setup-1`, `logo-1`. The wizard (`/setup`), the settings of the firm and of its
//! connection (`/settings`), and the examination of everything the connection depends on
//! (`/settings/doctor`, `qitai doctor`). Invariants: a step is saved before the next one is
//! shown, so the wizard can be left and taken up anywhere; nothing secret is ever shown again
//! but by its last four characters; what stands in the configuration file is not changed here.

pub mod actions;
pub mod doctor;
mod logo;
pub mod model;
mod pages;
mod presets;
pub mod queries;
mod tables;

use crate::{
    identity::Permission,
    slice::{Access, NavGroup, NavItem, Route, SettingsTab, Slice},
};

/// What the slice says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    use pages::{about, company, doctor, pilot, setup, wecom};
    let manage = Access::Needs(Permission::SettingsManage);
    let tab = |order, word, href| SettingsTab {
        order,
        word,
        href,
        access: manage,
    };
    let mut routes = vec![
        Route::get("/settings", manage, || get().to(pages::settings)),
        Route::get("/settings/company", manage, || get().to(company::show)),
        Route::post("/settings/company", manage, || post().to(company::save)),
        Route::get("/settings/company/logo", Access::Public, || {
            get().to(company::logo)
        }),
        Route::upload("/settings/company/logo", manage, || {
            post().to(company::save_logo)
        }),
        Route::post("/settings/company/logo/remove", manage, || {
            post().to(company::remove_logo)
        }),
        Route::get("/settings/wecom", manage, || get().to(wecom::show)),
        Route::post("/settings/wecom", manage, || post().to(wecom::save)),
        Route::post("/settings/wecom/check", manage, || post().to(wecom::check)),
        Route::post("/settings/wecom/callback", manage, || {
            post().to(wecom::set_callback)
        }),
        Route::post("/settings/wecom/rotate", manage, || {
            post().to(wecom::rotate)
        }),
        Route::get("/settings/pilot", manage, || get().to(pilot::show)),
        Route::post("/settings/pilot", manage, || post().to(pilot::save)),
        Route::get("/settings/doctor", manage, || get().to(doctor::show)),
        Route::get("/settings/about", manage, || get().to(about::show)),
    ];
    routes.extend(setup::routes(manage));
    Slice {
        name: "rollout",
        tables: tables::TABLES.to_vec(),
        routes,
        nav: vec![NavItem {
            group: NavGroup::Admin,
            order: 90,
            word: "settings.title",
            href: "/settings",
            icon: "sliders",
            access: manage,
            in_tab_bar: false,
        }],
        settings: vec![
            tab(10, "settings.tab.company", "/settings/company"),
            tab(20, "settings.tab.wecom", "/settings/wecom"),
            tab(50, "settings.tab.pilot", "/settings/pilot"),
            tab(90, "settings.tab.about", "/settings/about"),
        ],
        ..Slice::default()
    }
}
