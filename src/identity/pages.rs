//! `/login`, `/claim`, `/logout`, `/me`: the doors, and one's own account.

use actix_web::{HttpRequest, HttpResponse, Responder, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Secret,
    slice::{Access, Route, Slice},
    view, visit,
    web::{Cx, Form, FormState, ListQuery, Shown, cookies, filters, local},
};

use super::{
    Ticket, Viewer,
    actions::{self, Credentials, Redemption, RevokeOtherSessions, RevokeSession, SignOut},
    queries::{self, SessionView},
};

/// What the module says about itself.
pub fn slice() -> Slice {
    use actix_web::web::{get, post};
    let routes = vec![
        Route::get("/login", Access::Public, || get().to(login)),
        Route::post("/login", Access::Public, || post().to(sign_in)),
        Route::get("/claim", Access::Public, || get().to(claim)),
        Route::post("/claim", Access::Public, || post().to(redeem)),
        Route::post("/logout", Access::SignedIn, || post().to(sign_out)),
        Route::get("/me", Access::SignedIn, || get().to(me)),
        Route::post("/me/password", Access::SignedIn, || {
            post().to(change_password)
        }),
        Route::post("/me/sessions/revoke", Access::SignedIn, || {
            post().to(revoke)
        }),
        Route::post("/me/sessions/revoke-others", Access::SignedIn, || {
            post().to(revoke_others)
        }),
    ];
    Slice {
        name: "identity",
        tables: super::tables(),
        routes,
        ..Slice::default()
    }
}

/// `/login`.
#[derive(Template)]
#[template(path = "identity/login.html", blocks = ["title"])]
struct LoginPage {
    form: FormState,
    next: String,
    unclaimed: bool,
}
view!(LoginPage);

async fn login(viewer: Option<Viewer>, app: Data<App>, cx: Cx) -> Result<Shown<LoginPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let next = query.get("next").and_then(local).unwrap_or("/").to_owned();
    if viewer.is_some() {
        return Ok(Shown::go_to(next));
    }
    login_page(&app, FormState::empty(), next).map(Shown::of)
}

fn login_page(app: &App, form: FormState, next: String) -> Result<LoginPage> {
    let unclaimed = !app.read(queries::has_super_admin)?;
    Ok(LoginPage {
        form,
        next,
        unclaimed,
    })
}

#[derive(Deserialize)]
struct LoginForm {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    req: HttpRequest,
    form: Form<LoginForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let next = local(&form.values.next).unwrap_or("/").to_owned();
    let credentials = Credentials {
        login: form.values.login,
        password: Secret::new(form.values.password),
    };
    let origin = visit::origin(&app, &req, &cx.request_id);
    let before = visit::session_token(&app, &req);
    let done = actions::sign_in(&app.store, &app.passwords, credentials, origin, before).await;
    match form.state.catch(done)? {
        Ok(ticket) => through(&app, &req, &ticket, &next),
        Err(form) => {
            let page: Shown<LoginPage> = Shown::of(login_page(&app, form, next)?).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

/// Goes on to `next` with the session's cookie.
fn through(app: &App, req: &HttpRequest, ticket: &Ticket, next: &str) -> Result<HttpResponse> {
    let shown: Shown<LoginPage> = Shown::go_to(next);
    let mut answer = shown.respond_to(req);
    let token = ticket.text.expose().clone();
    let cookie = cookies::build(visit::SESSION_COOKIE, token, app.is_secure());
    answer.add_cookie(&cookie).map_err(AppError::internal)?;
    Ok(answer)
}

/// `/claim`: a one-time code makes the first super admin or sets a password.
#[derive(Template)]
#[template(path = "identity/claim.html", blocks = ["title"])]
struct ClaimPage {
    form: FormState,
    unclaimed: bool,
}
view!(ClaimPage);

async fn claim(app: Data<App>) -> Result<Shown<ClaimPage>> {
    claim_page(&app, FormState::empty()).map(Shown::of)
}

fn claim_page(app: &App, form: FormState) -> Result<ClaimPage> {
    let unclaimed = !app.read(queries::has_super_admin)?;
    Ok(ClaimPage { form, unclaimed })
}

#[derive(Deserialize)]
struct ClaimForm {
    code: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    name: String,
    password: String,
}

async fn redeem(
    req: HttpRequest,
    form: Form<ClaimForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let typed = form.values;
    let redemption = Redemption {
        code: typed.code,
        login: typed.login,
        name: typed.name,
        password: Secret::new(typed.password),
    };
    let origin = visit::origin(&app, &req, &cx.request_id);
    let done = actions::redeem(&app.store, &app.passwords, redemption, origin).await;
    match form.state.catch(done)? {
        Ok(ticket) => through(&app, &req, &ticket, "/"),
        Err(form) => {
            let page: Shown<ClaimPage> = Shown::of(claim_page(&app, form)?).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

async fn sign_out(viewer: Viewer, req: HttpRequest, app: Data<App>) -> Result<HttpResponse> {
    let act = viewer.view("session.sign_out");
    app.write(act, move |w| {
        let allowed = viewer.allow(w, SignOut)?;
        actions::sign_out(w, allowed)
    })
    .await?;
    let shown: Shown<LoginPage> = Shown::go_to("/login");
    let mut answer = shown.respond_to(&req);
    let mut gone = cookies::build(visit::SESSION_COOKIE, String::new(), app.is_secure());
    gone.make_removal();
    answer.add_cookie(&gone).map_err(AppError::internal)?;
    Ok(answer)
}

/// `/me`.
#[derive(Template)]
#[template(path = "identity/me.html", blocks = ["title"])]
struct MePage {
    name: String,
    login: String,
    role_key: &'static str,
    form: FormState,
    sessions: Vec<SessionView>,
}
view!(MePage);

async fn me(viewer: Viewer, app: Data<App>) -> Result<Shown<MePage>> {
    me_page(&viewer, &app, FormState::empty()).map(Shown::of)
}

fn me_page(viewer: &Viewer, app: &App, form: FormState) -> Result<MePage> {
    let account = viewer.account().ok_or(AppError::Unauthenticated)?;
    let now = app.store.clock().now();
    Ok(MePage {
        name: account.name.clone(),
        login: account.login.clone(),
        role_key: visit::role_key(viewer.role()),
        form,
        sessions: app.read(|r| queries::own_sessions(r, viewer, now))?,
    })
}

#[derive(Deserialize)]
struct PasswordForm {
    password: String,
    new_password: String,
}

async fn change_password(
    viewer: Viewer,
    req: HttpRequest,
    form: Form<PasswordForm>,
    app: Data<App>,
) -> Result<HttpResponse> {
    let current = Secret::new(form.values.password);
    let new = Secret::new(form.values.new_password);
    let done = actions::change_password(&app.store, &app.passwords, &viewer, current, new).await;
    match form.state.catch(done)? {
        Ok(ticket) => through(&app, &req, &ticket, "/me"),
        Err(form) => {
            let page: Shown<MePage> = Shown::of(me_page(&viewer, &app, form)?).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

#[derive(Deserialize)]
struct RevokeForm {
    session: String,
}

async fn revoke(viewer: Viewer, form: Form<RevokeForm>, app: Data<App>) -> Result<Shown<MePage>> {
    let session = form
        .values
        .session
        .parse()
        .map_err(|_| AppError::NotFound { what: "session" })?;
    app.write(viewer.view("session.revoke"), move |w| {
        let allowed = viewer.allow(w, RevokeSession { session })?;
        actions::revoke_session(w, allowed)
    })
    .await?;
    Ok(Shown::go_to("/me").toast("me.revoked", ()))
}

async fn revoke_others(
    viewer: Viewer,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<MePage>> {
    app.write(viewer.view("session.revoke"), move |w| {
        let allowed = viewer.allow(w, RevokeOtherSessions)?;
        actions::revoke_other_sessions(w, allowed)
    })
    .await?;
    Ok(Shown::go_to("/me").toast("me.revoked_others", ()))
}

#[derive(Deserialize)]
struct NoFields {}
