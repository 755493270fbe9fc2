//! `/login`, `/login/code`, `/claim`, `/logout`: the doors.

use actix_web::{HttpRequest, HttpResponse, Responder, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::Result,
    kit::Secret,
    view, visit,
    web::{Cx, Form, FormState, ListQuery, Shown, encode, filters, local},
};

use super::{
    super::{
        Viewer,
        actions::{self, Credentials, Entered, Redemption, SignOut},
        queries,
    },
    HALF_COOKIE, cookie, end_cookie, through, wecom,
};

/// `/login`.
#[derive(Template)]
#[template(path = "identity/login.html", blocks = ["title"])]
pub(super) struct LoginPage {
    form: FormState,
    next: String,
    unclaimed: bool,
    /// Where signing in with WeCom begins, if it is on offer.
    wecom: Option<String>,
}
view!(LoginPage);

pub(super) async fn login(
    viewer: Option<Viewer>,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<LoginPage>> {
    let next = next_in(&cx);
    if viewer.is_some() {
        return Ok(Shown::go_to(next));
    }
    // Inside WeCom nobody needs a form. Whoever signs out comes here without a way on, and
    // stays here.
    let is_on_the_way = ListQuery::parse(&cx.path, &cx.query).get("next").is_some();
    if is_on_the_way && wecom::is_inside(&req) && wecom::is_offered(&app)? {
        return Ok(Shown::go_to(wecom::out_href(&next)));
    }
    login_page(&app, FormState::empty(), next).map(Shown::of)
}

/// Where to go afterwards: an address of our own.
fn next_in(cx: &Cx) -> String {
    let query = ListQuery::parse(&cx.path, &cx.query);
    query.get("next").and_then(local).unwrap_or("/").to_owned()
}

fn login_page(app: &App, form: FormState, next: String) -> Result<LoginPage> {
    let unclaimed = !app.read(queries::has_super_admin)?;
    let offered = wecom::is_offered(app)?;
    Ok(LoginPage {
        form,
        wecom: offered.then(|| wecom::out_href(&next)),
        next,
        unclaimed,
    })
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
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
        Ok(entered) => through::<LoginPage>(&app, &req, &entered, &next),
        Err(form) => {
            let page: Shown<LoginPage> = Shown::of(login_page(&app, form, next)?).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

/// `/login/code`: the second step of a sign-in.
#[derive(Template)]
#[template(path = "identity/code.html", blocks = ["title"])]
pub(super) struct CodePage {
    pub(super) form: FormState,
    pub(super) next: String,
}
view!(CodePage);

pub(super) async fn code(req: HttpRequest, app: Data<App>, cx: Cx) -> Shown<CodePage> {
    let next = next_in(&cx);
    if cookie(&app, &req, HALF_COOKIE).is_none() {
        return Shown::go_to(format_args!("/login?next={}", encode(&next)));
    }
    let form = FormState::empty();
    Shown::of(CodePage { form, next })
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn second_step(
    req: HttpRequest,
    form: Form<CodeForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<HttpResponse> {
    let next = local(&form.values.next).unwrap_or("/").to_owned();
    let half = cookie(&app, &req, HALF_COOKIE).unwrap_or_default();
    let typed = Secret::new(form.values.code);
    let origin = visit::origin(&app, &req, &cx.request_id);
    let before = visit::session_token(&app, &req);
    let done = actions::second_step(&app.store, &half, typed, origin, before).await;
    match form.state.catch(done)? {
        Ok(ticket) => through::<CodePage>(&app, &req, &Entered::In(ticket), &next),
        Err(form) => {
            let page = Shown::of(CodePage { form, next }).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

/// `/claim`: a one-time code makes the first super admin or sets a password.
#[derive(Template)]
#[template(path = "identity/claim.html", blocks = ["title"])]
pub(super) struct ClaimPage {
    form: FormState,
    unclaimed: bool,
}
view!(ClaimPage);

pub(super) async fn claim(app: Data<App>) -> Result<Shown<ClaimPage>> {
    claim_page(&app, FormState::empty()).map(Shown::of)
}

fn claim_page(app: &App, form: FormState) -> Result<ClaimPage> {
    let unclaimed = !app.read(queries::has_super_admin)?;
    Ok(ClaimPage { form, unclaimed })
}

#[derive(Deserialize)]
pub(super) struct ClaimForm {
    code: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    name: String,
    password: String,
}

pub(super) async fn redeem(
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
    // Whoever makes the first super admin has a firm to set up.
    let next = match app.read(queries::has_super_admin)? {
        true => "/",
        false => "/setup",
    };
    let done = actions::redeem(&app.store, &app.passwords, redemption, origin).await;
    match form.state.catch(done)? {
        Ok(entered) => through::<ClaimPage>(&app, &req, &entered, next),
        Err(form) => {
            let page: Shown<ClaimPage> = Shown::of(claim_page(&app, form)?).invalid();
            Ok(page.respond_to(&req))
        }
    }
}

pub(super) async fn sign_out(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse> {
    let act = viewer.view("session.sign_out");
    app.write(act, move |w| {
        let allowed = viewer.allow(w, SignOut)?;
        actions::sign_out(w, allowed)
    })
    .await?;
    let shown: Shown<LoginPage> = Shown::go_to("/login");
    let mut answer = shown.respond_to(&req);
    end_cookie(&app, &mut answer, visit::SESSION_COOKIE)?;
    Ok(answer)
}
