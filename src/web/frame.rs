//! What happens around every handler, in this order: number, looks, who asks, is it ours,
//! deadline, handler, error pages, headers, one log line.

use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ResourceDef, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture};
use jiff::tz::TimeZone;

use super::{
    Cursors, Cx, CxData, FormSecret, Prefs, Shell, assets, cookies, csrf,
    errors::Failure,
    forms::{self, FormBody, TokenInBody},
    operations::{self, Operations},
    server::PeerSlot,
};
use crate::{
    error::{AppError, Result},
    kit::{Clock, Id, Random, limits},
};

/// A handler's time to its first byte.
pub(super) const HANDLER_DEADLINE: Duration = Duration::from_secs(10);
/// A form's time to arrive whole.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// Who sends a request, as far as pages need to know.
pub struct Visit {
    /// The secret that forms are bound to; of the session. `None` before sign-in.
    pub form_secret: Option<FormSecret>,
    /// The frame of pages.
    pub shell: Arc<Shell>,
    /// The looks that the account keeps; `None` leaves it to the browser's cookie.
    pub prefs: Option<Prefs>,
    /// A bearer token, not a cookie, says who it is: no CSRF check.
    pub by_bearer: bool,
}

impl Visit {
    /// Nobody is signed in. The shell still names the firm.
    pub fn nobody(shell: Arc<Shell>) -> Self {
        Self {
            form_secret: None,
            shell,
            prefs: None,
            by_bearer: false,
        }
    }
}

/// Finds out who sends a request.
/// `request_id` is the number that pages, log and audit trail show.
pub type VisitHook = Box<dyn Fn(&HttpRequest, &str) -> Result<Visit> + Send + Sync>;

/// How somebody has chosen to see pages, to be kept with the account.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Language, theme, density, keys: all of them.
    pub prefs: Prefs,
    /// The columns of one list, by its name; `None` leaves all lists as they are.
    pub columns: Option<(String, Vec<String>)>,
}

/// Keeps what was chosen with the account that sends the request; for nobody it does nothing.
pub type KeepHook =
    Box<dyn Fn(&HttpRequest, Chosen) -> LocalBoxFuture<'static, Result<()>> + Send + Sync>;

/// What the web layer needs from the rest of the program.
pub struct Web {
    /// Time.
    pub clock: Clock,
    /// Masks, request numbers, operation ids.
    pub random: Random,
    /// The firm's zone.
    pub zone: TimeZone,
    /// Says who asks; `identity` fills it. It may leave its own things, such as a `Viewer`,
    /// in the request's extensions. An error ends the request.
    pub visit: VisitHook,
    /// Keeps looks with the account.
    pub keep: KeepHook,
    /// Seals cursors.
    pub cursors: Cursors,
    /// Pages are reached over TLS: secure cookies with `__Host-`, HSTS.
    pub secure: bool,
    /// Name of the session's cookie, to refuse it together with a bearer token.
    pub session_cookie: &'static str,
    /// The forms that were posted, so that each is carried out once.
    pub operations: Operations,
    /// Routes below these paths take unsafe requests without our token, e.g. WeCom's callback:
    /// they authenticate each message themselves.
    pub open_paths: Vec<&'static str>,
    /// Routes that take a file: their token stands in the body, which is streamed.
    pub upload_paths: Vec<ResourceDef>,
    /// Where files lie while they are on their way.
    pub uploads: PathBuf,
}

/// The request was a HEAD.
struct AskedHead;

/// Whether only the head of an answer is wanted: nobody will look at a page.
pub fn asked_head(req: &HttpRequest) -> bool {
    req.extensions().get::<AskedHead>().is_some()
}

/// The middleware around all handlers.
pub(super) async fn around(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let web = req
        .app_data::<Data<Web>>()
        .expect("server::app registers Web before any route")
        .clone();
    if req.method() == Method::HEAD {
        req.extensions_mut().insert(AskedHead);
        // The codec leaves out the body by itself; handlers know only GET.
        req.head_mut().method = Method::GET;
    }
    let (cx, admitted) = admit(&web, &mut req).await;
    req.extensions_mut().insert(cx.clone());
    let log = Line::of(&req, &cx, started);
    let done = match admitted {
        Ok(()) => operations::once(&web, &cx, req, next).await,
        Err(refused) => Ok(ServiceResponse::from_err(refused, req.into_parts().0)),
    };
    finish(&web, &cx, log, done)
}

pub(super) type Done = Result<ServiceResponse<BoxBody>, Error>;

/// The handler, with a deadline and a net under it.
pub(super) async fn run(req: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Done {
    let is_upload = content_type(&req).starts_with("multipart/");
    let handler = AssertUnwindSafe(next.call(req)).catch_unwind();
    let answered = if is_upload {
        Ok(handler.await)
    } else {
        tokio::time::timeout(HANDLER_DEADLINE, handler).await
    };
    match answered {
        Ok(Ok(done)) => done.map(ServiceResponse::map_into_boxed_body),
        Ok(Err(_)) => Err(AppError::Internal("a handler panicked".into()).into()),
        Err(_) => Err(AppError::Unavailable { why: "slow" }.into()),
    }
}

/// Error pages, cookies, headers, log.
fn finish(web: &Web, cx: &Cx, mut log: Line, done: Done) -> Done {
    let headers = |answer: &mut HttpResponse| {
        put_cookies(cx, answer);
        put_headers(web, cx, answer);
    };
    match done {
        Ok(response) => {
            let replaced = failure(&response, &mut log).map(|answer| answer(cx));
            let mut response = match replaced {
                Some(answer) => response.into_response(answer),
                None => response,
            };
            log.route = response.request().match_pattern();
            headers(response.response_mut());
            log.write(response.status().as_u16());
            Ok(response)
        }
        Err(error) => {
            let fallback = AppError::internal(&error);
            let known = error.as_error::<AppError>().unwrap_or(&fallback);
            log.failed(known);
            let mut answer = Failure::of(known).answer(cx);
            headers(&mut answer);
            log.write(answer.status().as_u16());
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

type Replace<'a> = Box<dyn Fn(&Cx) -> HttpResponse + 'a>;

/// The page for a failed answer; `None` if the answer speaks for itself.
fn failure<'a>(response: &'a ServiceResponse, log: &mut Line) -> Option<Replace<'a>> {
    let status = response.status();
    if let Some(error) = response.response().error() {
        if let Some(known) = error.as_error::<AppError>() {
            log.failed(known);
            return Some(Box::new(|cx| Failure::of(known).answer(cx)));
        }
        log.cause = Some(error.to_string());
        return Some(Box::new(move |cx| Failure::of_status(status).answer(cx)));
    }
    let is_bare = matches!(
        response.response().body().size(),
        actix_web::body::BodySize::None | actix_web::body::BodySize::Sized(0)
    );
    let speaks = response.headers().contains_key("hx-redirect");
    let bare_failure = (status.is_client_error() || status.is_server_error()) && is_bare;
    (bare_failure && !speaks)
        .then(|| -> Replace<'a> { Box::new(move |cx| Failure::of_status(status).answer(cx)) })
}

/// Makes the context and decides whether the handler may see the request.
async fn admit(web: &Web, req: &mut ServiceRequest) -> (Cx, Result<()>) {
    let is_open =
        matches!(req.path(), "/healthz" | "/readyz") || req.path().starts_with("/static/");
    let request_id = Id::<CxData>::from_bits(web.random.u64()).to_string();
    let visit = if is_open {
        Ok(Visit::nobody(Arc::default()))
    } else {
        two_credentials(web, req).and_then(|()| (web.visit)(req.request(), &request_id))
    };
    let (visit, refused) = match visit {
        Ok(visit) => (visit, None),
        Err(why) => (Visit::nobody(Arc::default()), Some(why)),
    };
    let by_bearer = visit.by_bearer;
    let has_session = visit.form_secret.is_some();
    let cx = context(web, req, visit, request_id);
    if let Some(why) = refused {
        return (cx, Err(why));
    }
    let admitted = match req.conn_data::<PeerSlot>() {
        Some(slot) if slot.is_over() => Err(AppError::Unavailable { why: "busy" }),
        _ => Ok(()),
    };
    if admitted.is_err() || is_open || by_bearer || is_safe(req.method()) {
        return (cx, admitted);
    }
    let open = web.open_paths.iter().any(|p| req.path().starts_with(p));
    let is_api = ["/api/", "/scim/"]
        .iter()
        .any(|p| req.path().starts_with(p));
    let anonymous_api = !has_session && is_api;
    if open || anonymous_api {
        return (cx, Ok(()));
    }
    let takes_file = web.upload_paths.iter().any(|p| p.is_match(req.path()));
    let ours = is_ours(&cx, req, takes_file).await;
    (cx, ours)
}

fn is_safe(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

fn two_credentials(web: &Web, req: &ServiceRequest) -> Result<()> {
    let bearer = req.headers().contains_key(header::AUTHORIZATION);
    let cookie = cookies::name(web.session_cookie, web.secure);
    if bearer && req.cookie(&cookie).is_some() {
        return Err(AppError::BadRequest {
            why: "two_credentials",
        });
    }
    Ok(())
}

/// The request comes from a page of ours: the browser says so, and the token proves it.
async fn is_ours(cx: &Cx, req: &mut ServiceRequest, takes_file: bool) -> Result<()> {
    let text = |name: &str| req.headers().get(name).and_then(|v| v.to_str().ok());
    let host = text("host").unwrap_or("");
    if !csrf::is_same_site(text("sec-fetch-site"), text("origin"), host) {
        return Err(AppError::ForeignRequest);
    }
    if takes_file && content_type(req) == "multipart/form-data" {
        // The extractor reads the body, and looks for the token before anything else.
        req.extensions_mut().insert(TokenInBody);
        return Ok(());
    }
    let mut token = text("x-csrf-token").map(str::to_owned);
    if content_type(req) == "application/x-www-form-urlencoded" {
        let body = read_body(req).await?;
        if token.is_none() {
            token = forms::csrf_field(&body);
        }
        req.extensions_mut().insert(FormBody(body));
    }
    match token {
        Some(token) if csrf::is_valid(&cx.form_secret, &token) => Ok(()),
        _ => Err(AppError::ForeignRequest),
    }
}

fn content_type(req: &ServiceRequest) -> String {
    let value = req.headers().get(header::CONTENT_TYPE);
    let text = value.and_then(|v| v.to_str().ok()).unwrap_or("");
    let kind = text.split(';').next().unwrap_or("").trim();
    kind.to_ascii_lowercase()
}

async fn read_body(req: &mut ServiceRequest) -> Result<Bytes> {
    let too_large = || AppError::TooLarge {
        bytes_max: limits::FORM_BYTES_MAX,
    };
    let mut payload = req.take_payload();
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| AppError::BadRequest { why: "encoding" })?;
            if body.len() + chunk.len() > limits::FORM_BYTES_MAX {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    match tokio::time::timeout(BODY_DEADLINE, whole).await {
        Ok(body) => body,
        Err(_) => Err(AppError::BadRequest { why: "slow" }),
    }
}

fn context(web: &Web, req: &ServiceRequest, visit: Visit, request_id: String) -> Cx {
    let text = |name: &str| req.headers().get(name).and_then(|v| v.to_str().ok());
    let request = req.request();
    let (form_secret, _) = match visit.form_secret {
        Some(secret) => (secret, false),
        None => cookies::form_secret(request, web.secure, &web.random),
    };
    let is_hx = text("hx-request") == Some("true");
    let is_fragment = is_hx && text("hx-history-restore-request") != Some("true");
    let accept = text("accept").unwrap_or("");
    let is_api = req.path().starts_with("/api/");
    Cx::new(CxData {
        prefs: visit
            .prefs
            .unwrap_or_else(|| cookies::prefs(request, web.secure)),
        request_id,
        path: req.path().to_owned(),
        query: req.query_string().to_owned(),
        is_fragment,
        target: text("hx-target").map(str::to_owned),
        now: web.clock.now(),
        zone: web.zone.clone(),
        has_session: visit.shell.user.is_some(),
        shell: visit.shell,
        flash: if is_fragment {
            Vec::new()
        } else {
            cookies::flash(request, &form_secret, web.secure)
        },
        wants_json: is_api || (accept.contains("json") && !accept.contains("text/html")),
        came_by_get: is_safe(req.method()),
        secure: web.secure,
        accepts_gzip: assets::accepts_gzip(req.headers().get(header::ACCEPT_ENCODING)),
        form_secret,
        random: web.random.clone(),
        csrf: OnceLock::new(),
    })
}

fn put_cookies(cx: &Cx, answer: &mut HttpResponse) {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_html = kind.is_some_and(|k| k.as_bytes().starts_with(b"text/html"));
    if is_html && !cx.flash.is_empty() {
        let _ = answer.add_cookie(&cookies::no_flash(cx.secure));
    }
    if cx.csrf_used() && !cx.has_session {
        let _ = answer.add_cookie(&cookies::form(&cx.form_secret, cx.secure));
    }
}

/// Everything comes from this origin, nothing is inline (CSP level 3).
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; media-src 'self'; connect-src 'self'; font-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn put_headers(web: &Web, cx: &Cx, answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    let mut put = |name: &'static str, value: &'static str| {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    put("content-security-policy", CSP);
    put("x-content-type-options", "nosniff");
    put("referrer-policy", "same-origin");
    put("cross-origin-opener-policy", "same-origin");
    put("cross-origin-resource-policy", "same-origin");
    put(
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    );
    put("cache-control", "no-store");
    if web.secure {
        put("strict-transport-security", "max-age=31536000");
    }
    if let Ok(value) = HeaderValue::from_str(&cx.request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

/// The one log line of a request. No address, no query: they may be personal.
struct Line {
    started: Instant,
    request_id: String,
    account: Option<String>,
    method: Method,
    route: Option<String>,
    code: Option<String>,
    cause: Option<String>,
}

impl Line {
    fn of(req: &ServiceRequest, cx: &Cx, started: Instant) -> Self {
        Self {
            started,
            request_id: cx.request_id.clone(),
            account: cx.shell.user.as_ref().map(|user| user.id.clone()),
            method: req.method().clone(),
            route: None,
            code: None,
            cause: None,
        }
    }

    fn failed(&mut self, error: &AppError) {
        self.code = Some(error.code().into_owned());
        if error.status() >= 500 {
            self.cause = Some(error.to_string());
        }
    }

    fn write(&self, status: u16) {
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (request_id, method) = (self.request_id.as_str(), self.method.as_str());
        let route = self.route.as_deref().unwrap_or("-");
        let account = self.account.as_deref();
        let code = self.code.as_deref();
        match &self.cause {
            Some(cause) if status >= 500 => tracing::error!(
                request_id,
                method,
                route,
                status,
                duration_ms,
                account,
                code,
                cause,
                "request failed"
            ),
            _ if route.starts_with("/static") => {
                tracing::debug!(request_id, method, route, status, duration_ms, "request")
            }
            _ => tracing::info!(
                request_id,
                method,
                route,
                status,
                duration_ms,
                account,
                code,
                "request"
            ),
        }
    }
}
