//! The doors, one's own account, and what the super admin decides about people.
//!
//! Unlike the rest of identity, the pages know the directory: they show names of members and
//! departments beside accounts and roles.

mod account;
mod accounts;
mod choices;
mod doors;
mod held;
mod me;
mod roles;
mod rules;
mod second_factor;
mod security;
pub(crate) mod step_up;
#[cfg(test)]
mod tests;
mod tokens;
mod wecom;

use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Id,
    slice::{Access, Route, SettingsTab, Slice},
    visit,
    web::{Shown, View, cookies, encode},
};

use super::{Permission, Ticket, actions::Entered};

/// Base name of the cookie that holds a sign-in which waits for its second factor.
const HALF_COOKIE: &str = "qitai-half";

/// What the module says about itself.
pub fn slice() -> Slice {
    Slice {
        name: "identity",
        tables: super::tables(),
        routes: [door_routes(), own_routes(), admin_routes()]
            .into_iter()
            .flatten()
            .collect(),
        settings: vec![SettingsTab {
            order: 30,
            word: "security.nav",
            href: "/settings/security",
            access: Access::Needs(Permission::AccountManage),
        }],
        ..Slice::default()
    }
}

fn door_routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    vec![
        Route::get("/login", Access::Public, || get().to(doors::login)),
        Route::post("/login", Access::Public, || post().to(doors::sign_in)),
        Route::get("/login/code", Access::Public, || get().to(doors::code)),
        Route::post("/login/code", Access::Public, || {
            post().to(doors::second_step)
        }),
        Route::get("/login/wecom", Access::Public, || get().to(wecom::set_out)),
        Route::get(wecom::BACK, Access::Public, || get().to(wecom::come_back)),
        Route::get("/claim", Access::Public, || get().to(doors::claim)),
        Route::post("/claim", Access::Public, || post().to(doors::redeem)),
        Route::post("/logout", Access::SignedIn, || post().to(doors::sign_out)),
    ]
}

fn own_routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let own = Access::SignedIn;
    vec![
        Route::get("/me", own, || get().to(me::me)),
        Route::post("/me/password", own, || post().to(me::change_password)),
        Route::post("/me/sessions/revoke", own, || post().to(me::revoke)),
        Route::post("/me/sessions/revoke-others", own, || {
            post().to(me::revoke_others)
        }),
        Route::get("/me/activity", own, || get().to(me::activity)),
        Route::get("/me/step-up", own, || get().to(step_up::ask)),
        Route::post("/me/step-up", own, || post().to(step_up::prove)),
        Route::get("/me/second-factor", own, || get().to(second_factor::show)),
        Route::post("/me/second-factor/begin", own, || {
            post().to(second_factor::begin)
        }),
        Route::post("/me/second-factor/confirm", own, || {
            post().to(second_factor::confirm)
        }),
        Route::post("/me/second-factor/codes", own, || {
            post().to(second_factor::renew)
        }),
        Route::post("/me/second-factor/remove", own, || {
            post().to(second_factor::remove)
        }),
    ]
}

fn admin_routes() -> Vec<Route> {
    use actix_web::web::{get, post};
    let accounts = Access::Needs(Permission::AccountManage);
    let settings = Access::Needs(Permission::SettingsManage);
    vec![
        Route::get("/settings/security", settings, || get().to(security::show)),
        Route::post("/settings/security/access", settings, || {
            post().to(security::save_access)
        }),
        Route::post("/settings/security/second-factor", settings, || {
            post().to(security::save_second_factor)
        }),
        Route::post("/settings/security/wecom", settings, || {
            post().to(security::save_wecom)
        }),
        Route::get("/settings/security/rules", settings, || {
            get().to(rules::list)
        }),
        Route::get("/settings/security/rules/new", settings, || {
            get().to(rules::new)
        }),
        Route::post("/settings/security/rules/new", settings, || {
            post().to(rules::create)
        }),
        Route::get("/settings/security/rules/{id}", settings, || {
            get().to(rules::edit)
        }),
        Route::post("/settings/security/rules/{id}", settings, || {
            post().to(rules::update)
        }),
        Route::post("/settings/security/rules/{id}/move", settings, || {
            post().to(rules::shift)
        }),
        Route::post("/settings/security/rules/{id}/remove", settings, || {
            post().to(rules::remove)
        }),
        Route::get(accounts::HERE, accounts, || get().to(accounts::list)),
        Route::get("/settings/security/accounts/new", accounts, || {
            get().to(account::new)
        }),
        Route::post("/settings/security/accounts/new", accounts, || {
            post().to(account::create)
        }),
        Route::get("/settings/security/accounts/{id}", accounts, || {
            get().to(account::show)
        }),
        Route::post("/settings/security/accounts/{id}", accounts, || {
            post().to(account::update)
        }),
        Route::post("/settings/security/accounts/{id}/disable", accounts, || {
            post().to(account::disable)
        }),
        Route::post("/settings/security/accounts/{id}/enable", accounts, || {
            post().to(account::enable)
        }),
        Route::post(
            "/settings/security/accounts/{id}/reset-password",
            accounts,
            || post().to(account::reset_password),
        ),
        Route::post(
            "/settings/security/accounts/{id}/end-sessions",
            accounts,
            || post().to(account::end_sessions),
        ),
        Route::post(
            "/settings/security/accounts/{id}/remove-second-factor",
            accounts,
            || post().to(account::remove_second_factor),
        ),
        Route::get(roles::HERE, settings, || get().to(roles::matrix)),
        Route::get("/org/roles/new", settings, || get().to(roles::new)),
        Route::post("/org/roles/new", settings, || post().to(roles::create)),
        Route::get("/org/roles/{id}", settings, || get().to(roles::edit)),
        Route::post("/org/roles/{id}", settings, || post().to(roles::update)),
        Route::post("/org/roles/{id}/remove", settings, || {
            post().to(roles::remove)
        }),
        Route::get(tokens::HERE, accounts, || get().to(tokens::list)),
        Route::get("/apps/tokens/new", accounts, || get().to(tokens::new)),
        Route::post("/apps/tokens/new", accounts, || post().to(tokens::create)),
        Route::post("/apps/tokens/{id}/revoke", accounts, || {
            post().to(tokens::revoke)
        }),
    ]
}

/// Lets the browser in as far as its owner has come, and leads on.
fn through<P: View>(
    app: &App,
    req: &HttpRequest,
    entered: &Entered,
    next: &str,
) -> Result<HttpResponse> {
    match entered {
        Entered::In(ticket) => {
            let mut answer = Shown::<P>::go_to(next).respond_to(req);
            set_session(app, &mut answer, ticket)?;
            Ok(answer)
        }
        Entered::HalfWay(ticket) => {
            let mut answer = Shown::<P>::go_to(format_args!("/login/code?next={}", encode(next)))
                .respond_to(req);
            let token = ticket.text.expose().clone();
            let cookie = cookies::build(HALF_COOKIE, token, app.is_secure());
            answer.add_cookie(&cookie).map_err(AppError::internal)?;
            Ok(answer)
        }
    }
}

/// The session's cookie; a half sign-in that led to it is over.
fn set_session(app: &App, answer: &mut HttpResponse, ticket: &Ticket) -> Result<()> {
    let token = ticket.text.expose().clone();
    let cookie = cookies::build(visit::SESSION_COOKIE, token, app.is_secure());
    answer.add_cookie(&cookie).map_err(AppError::internal)?;
    end_cookie(app, answer, HALF_COOKIE)
}

fn end_cookie(app: &App, answer: &mut HttpResponse, base: &str) -> Result<()> {
    let mut gone = cookies::build(base, String::new(), app.is_secure());
    gone.make_removal();
    answer.add_cookie(&gone).map_err(AppError::internal)
}

/// The value of one of our own cookies.
fn cookie(app: &App, req: &HttpRequest, base: &str) -> Option<String> {
    let cookie = req.cookie(&cookies::name(base, app.is_secure()))?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// The id in an address; one that is none names nothing.
fn id_in<T: ?Sized + 'static>(text: &str, what: &'static str) -> Result<Id<T>> {
    text.parse().map_err(|_| AppError::NotFound { what })
}

/// A form with a button only.
#[derive(Deserialize)]
struct NoFields {}
