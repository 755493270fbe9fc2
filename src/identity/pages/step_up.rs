//! The password once more, in front of what it takes a fresh one for.
//!
//! When a command asks for it, the form that was posted comes back as a page that asks for
//! the password and keeps everything else; posted again, the password is taken out and
//! checked before the handler sees the rest. So nothing typed is lost and nothing is stored;
//! secrets among it go to and fro sealed.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, Responder,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
    web::Data,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Secret,
    view,
    web::{self, Cx, Form, FormState, ListQuery, Shown, encode, filters, local},
};

use super::{
    super::{Ticket, Viewer, actions, actions::Entered},
    held, set_session, through, wecom,
};

/// The field that carries the password beside the kept ones.
const FIELD: &str = "step_up_password";
/// The field that carries the secrets among the kept ones, sealed.
const SEALED: &str = "step_up_sealed";

/// The page that asks.
#[derive(Template)]
#[template(path = "identity/step_up.html", blocks = ["title"])]
pub(super) struct StepUpPage {
    /// Where the form goes.
    pub(super) action: String,
    /// Its name for the password.
    pub(super) field: &'static str,
    /// What was posted and is kept.
    pub(super) kept: Vec<(String, String)>,
    pub(super) login: String,
    /// Whether there is a password to ask for: who came by WeCom alone comes that way again.
    pub(super) has_password: bool,
    /// Where that way begins, if it is on offer.
    pub(super) again: Option<String>,
    /// Whether a form waits behind this page.
    pub(super) is_form: bool,
    pub(super) back: String,
    pub(super) form: FormState,
}
view!(StepUpPage);

/// Around every handler: takes the password out of a form that carries it, and turns the
/// refusal of a command that wants one into the page that asks.
pub(crate) async fn around<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(app) = req.app_data::<Data<App>>().cloned() else {
        return Ok(next.call(req).await?.map_into_boxed_body());
    };
    let ticket = match web::take_field(req.request(), FIELD) {
        Some(password) => match stepped_up(&app, req.request(), password).await {
            Ok(ticket) => {
                unseal(&app, req.request());
                Some(ticket)
            }
            Err(AppError::Invalid(invalid)) => {
                let form = FormState::empty().refused(invalid);
                let answer = page(&app, req.request(), form, StatusCode::UNPROCESSABLE_ENTITY);
                return Ok(req.into_response(answer));
            }
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let mut response = next.call(req).await?.map_into_boxed_body();
    if is_asked(&response) && response.request().extensions().get::<Viewer>().is_some() {
        let answer = ask_instead(&app, response.request());
        response = response.into_response(answer);
    }
    if let Some(ticket) = ticket {
        set_session(&app, response.response_mut(), &ticket)?;
    }
    Ok(response)
}

/// Puts sealed secrets back into the form. Without them the handler asks for them again.
fn unseal(app: &App, req: &HttpRequest) {
    let sealed = web::take_field(req, SEALED);
    let account = account_of(req);
    let opened = sealed
        .zip(account)
        .and_then(|(sealed, account)| held::open(app.store.vault(), &account, &sealed));
    web::add_fields(req, opened.unwrap_or_default());
}

/// The account that asks, as secrets are bound to it.
fn account_of(req: &HttpRequest) -> Option<String> {
    let viewer = req.extensions().get::<Viewer>().cloned()?;
    viewer.account_id().map(|id| id.to_string())
}

/// What was posted, as the page may hold it.
fn kept(app: &App, req: &HttpRequest) -> held::Fields {
    let posted = web::posted_fields(req).unwrap_or_default();
    let is_open = |(name, _): &(String, String)| name == SEALED || !held::is_secret(name);
    let (mut kept, secrets): (held::Fields, held::Fields) = posted.into_iter().partition(is_open);
    if let Some(account) = account_of(req).filter(|_| !secrets.is_empty()) {
        let (vault, random) = (app.store.vault(), app.store.random());
        let sealed = held::seal(vault, random, &account, &secrets);
        kept.push((SEALED.to_owned(), sealed));
    }
    kept
}

/// Whether the handler was refused for want of a fresh password.
fn is_asked(response: &ServiceResponse<BoxBody>) -> bool {
    let error = response.response().error();
    let known = error.and_then(|error| error.as_error::<AppError>());
    matches!(known, Some(AppError::Conflict { why: "step_up" }))
}

/// Checks the password; from here on the request comes from the renewed session.
async fn stepped_up(app: &App, req: &HttpRequest, password: String) -> Result<Ticket> {
    let viewer = req.extensions().get::<Viewer>().cloned();
    let viewer = viewer.ok_or(AppError::Unauthenticated)?;
    let password = Secret::new(password);
    let ticket = actions::step_up(&app.store, &app.passwords, &viewer, password).await?;
    let (now, origin) = (app.store.clock().now(), viewer.origin().clone());
    let token = ticket.text.expose();
    let renewed = app.read(|r| Viewer::authenticate_session(r, token, origin, now))?;
    req.extensions_mut().insert(renewed);
    Ok(ticket)
}

/// The page that asks, for a form; the way there and back for anything else.
fn ask_instead(app: &App, req: &HttpRequest) -> HttpResponse {
    let is_fragment = Cx::of(req).is_some_and(|cx| cx.is_fragment);
    if web::posted_fields(req).is_some() && !is_fragment {
        return page(app, req, FormState::empty(), StatusCode::FORBIDDEN);
    }
    let address = format!("/me/step-up?next={}", encode(&way_back(req)));
    let mut answer = Shown::<StepUpPage>::go_to(address).respond_to(req);
    answer.extensions_mut().insert(web::NotDone);
    answer
}

fn page(app: &App, req: &HttpRequest, form: FormState, status: StatusCode) -> HttpResponse {
    let account = req
        .extensions()
        .get::<Viewer>()
        .and_then(|v| v.account().cloned());
    let back = way_back(req);
    let page = StepUpPage {
        again: again(app, &back),
        is_form: true,
        action: req.uri().to_string(),
        field: FIELD,
        kept: kept(app, req),
        has_password: account.as_ref().is_some_and(|a| a.password.is_some()),
        login: account.map_or(String::new(), |a| a.login),
        back,
        form: renamed(form),
    };
    Shown::of(page).with_status(status).respond_to(req)
}

/// The way in once more for whoever has no password, leading back here.
fn again(app: &App, back: &str) -> Option<String> {
    let offered = wecom::is_offered(app).unwrap_or(false);
    offered.then(|| wecom::out_href(back))
}

/// The problem stands at the field as this page names it.
fn renamed(form: FormState) -> FormState {
    form.at_field("password", FIELD)
}

/// The page somebody came from, if it is one of ours.
fn way_back(req: &HttpRequest) -> String {
    if let Some(cx) = Cx::of(req).filter(|cx| cx.came_by_get) {
        return cx.here();
    }
    let referer = req.headers().get(header::REFERER);
    let uri = referer
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<actix_web::http::Uri>().ok());
    let path = uri.and_then(|uri| uri.path_and_query().map(ToString::to_string));
    let path = path.as_deref().and_then(local).unwrap_or("/me");
    path.to_owned()
}

/// `/me/step-up?next=`: asks, and leads back.
pub(super) async fn ask(viewer: Viewer, app: Data<App>, cx: Cx) -> Shown<StepUpPage> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let next = query.get("next").and_then(local).unwrap_or("/me");
    Shown::of(plain(&app, &viewer, next.to_owned(), FormState::empty()))
}

fn plain(app: &App, viewer: &Viewer, next: String, form: FormState) -> StepUpPage {
    let account = viewer.account();
    StepUpPage {
        again: again(app, &next),
        is_form: false,
        action: "/me/step-up".to_owned(),
        field: "password",
        kept: vec![("next".to_owned(), next.clone())],
        login: account.map_or(String::new(), |a| a.login.clone()),
        has_password: account.is_some_and(|a| a.password.is_some()),
        back: next,
        form,
    }
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: String,
    #[serde(default)]
    next: String,
}

/// Takes the password and leads back.
pub(super) async fn prove(
    viewer: Viewer,
    req: HttpRequest,
    form: Form<PasswordForm>,
    app: Data<App>,
) -> Result<HttpResponse> {
    let next = local(&form.values.next).unwrap_or("/me").to_owned();
    let password = Secret::new(form.values.password);
    let done = actions::step_up(&app.store, &app.passwords, &viewer, password).await;
    match form.state.catch(done)? {
        Ok(ticket) => through::<StepUpPage>(&app, &req, &Entered::In(ticket), &next),
        Err(form) => {
            let page = Shown::of(plain(&app, &viewer, next, form)).invalid();
            Ok(page.respond_to(&req))
        }
    }
}
