//! The running server: routes of all slices inside the frame, until the process is told to
//! stop.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    HttpMessage, HttpResponse,
    body::MessageBody,
    dev::{ResourceDef, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::{Next, from_fn},
    web::Data,
};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer, step_up},
    openapi,
    slice::{Access, Route, Slice},
    slices, sync, visit,
    web::{self, Certificates, Cursors, Operations, Routes, TlsError, Web},
};

/// What the web layer needs of the app.
pub fn web(app: &Arc<App>, slices: Arc<Vec<Slice>>) -> Web {
    let (visiting, keeping) = (app.clone(), app.clone());
    let unattended = paths(&slices, |route| route.by_itself);
    Web {
        clock: app.store.clock().clone(),
        random: app.store.random().clone(),
        zone: zone(),
        upload_paths: paths(&slices, |route| route.takes_file),
        uploads: app.config.data.join("uploads"),
        visit: Box::new(move |req, request_id| {
            let is_attended = !unattended.iter().any(|p| p.is_match(req.path()));
            visit::visit(&visiting, &slices, (req, request_id), is_attended)
        }),
        keep: Box::new(move |req, chosen| visit::keep(keeping.clone(), req, chosen)),
        cursors: Cursors::new(app.store.vault().token_key(), app.store.random().clone()),
        secure: app.is_secure(),
        session_cookie: visit::SESSION_COOKIE,
        operations: Operations::new(Box::new(visit::Book(app.clone()))),
        open_paths: vec![sync::CALLBACK],
    }
}

fn paths(slices: &[Slice], which: impl Fn(&Route) -> bool) -> Vec<ResourceDef> {
    let routes = slices.iter().flat_map(|slice| &slice.routes);
    let routes = routes.filter(|route| which(route));
    routes.map(|route| ResourceDef::new(route.path)).collect()
}

/// The zone in which the firm's days begin and end.
pub(crate) fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap_or(jiff::tz::TimeZone::UTC)
}

/// The routes of all slices and of the server itself.
pub fn routes(app: &Arc<App>, slices: Arc<Vec<Slice>>) -> Vec<Routes> {
    let data: Data<App> = Data::from(app.clone());
    let document = Data::new(openapi::document(&slices));
    let routes: Routes = Arc::new(move |config| {
        config.app_data(data.clone()).app_data(document.clone());
        config.route("/readyz", actix_web::web::get().to(readyz));
        config.route("/api/v1/openapi.json", actix_web::web::get().to(describe));
        register(config, &slices);
    });
    vec![routes]
}

/// Serves on an open socket until the app stops.
pub async fn serve(app: Arc<App>, socket: TcpListener) -> Result<()> {
    let slices = Arc::new(slices::all());
    let certificates = certificates(&app).map_err(AppError::internal)?;
    let tls = certificates.as_ref().map(Certificates::server_config);
    let tls = tls.transpose().map_err(AppError::internal)?;
    let server = web::serve(web(&app, slices.clone()), routes(&app, slices), socket, tls)
        .map_err(AppError::internal)?;
    if let Some(certificates) = certificates {
        tokio::spawn(keep_fresh(app.clone(), certificates));
    }
    let handle = server.handle();
    let stopping = app.clone();
    tokio::spawn(async move {
        stopping.stopped().await;
        handle.stop(true).await;
    });
    server.await.map_err(AppError::internal)
}

/// The certificate that the configuration names, if any.
pub fn certificates(app: &App) -> Result<Option<Arc<Certificates>>, TlsError> {
    let files = app.config.tls.as_ref();
    files
        .map(|files| Certificates::load(&files.cert, &files.key))
        .transpose()
}

/// How often the files of the certificate are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Takes up another certificate when its files change, and at once on SIGHUP. One that cannot
/// be used leaves the old one in place.
async fn keep_fresh(app: Arc<App>, certificates: Arc<Certificates>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
            () = app.stopped() => return,
        };
        if asked || certificates.is_stale() {
            match certificates.reload() {
                Ok(()) => tracing::info!("another certificate is in use"),
                Err(error) => tracing::error!(%error, "the new certificate cannot be used"),
            }
        }
    }
}

/// One resource for each address, with all its methods, behind the early check of access.
fn register(config: &mut actix_web::web::ServiceConfig, slices: &[Slice]) {
    let routes = || slices.iter().flat_map(|slice| &slice.routes);
    let mut paths: Vec<&'static str> = Vec::new();
    for route in routes() {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    // A fixed word wins over a pattern at the same place.
    paths.sort_by_key(|path| path.replace('{', "\u{10ffff}"));
    for path in paths {
        let own = || routes().filter(|route| route.path == path);
        let access: Arc<Vec<(Method, Access)>> = Arc::new(
            own()
                .map(|route| (route.method.clone(), route.access))
                .collect(),
        );
        let guard = from_fn(move |req, next| check(access.clone(), path, req, next));
        let mut resource = actix_web::web::resource(path);
        for route in own() {
            resource = resource.route((route.handler)().method(route.method.clone()));
        }
        config.service(resource.wrap(from_fn(step_up::around)).wrap(guard));
    }
}

/// The early refusal: before the handler, with its entry in the audit trail. Queries and
/// actions check again, with scope.
async fn check(
    access: Arc<Vec<(Method, Access)>>,
    path: &'static str,
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let needed = access
        .iter()
        .find(|(method, _)| method == req.method())
        .map(|(_, a)| *a);
    let viewer = req.extensions().get::<Viewer>().cloned();
    match (needed, viewer) {
        (None | Some(Access::Public), _) => {}
        (Some(_), None) => return Err(AppError::Unauthenticated.into()),
        (Some(_), Some(viewer)) if viewer.must_enrol() && !is_own(path) => {
            return Ok(req.into_response(to_enrolment()).map_into_right_body());
        }
        (Some(Access::SignedIn), Some(_)) => {}
        (Some(Access::Needs(permission)), Some(viewer)) => {
            if !viewer.may(permission) {
                return Err(refuse(&req, viewer, permission, path).await.into());
            }
        }
    }
    Ok(next.call(req).await?.map_into_left_body())
}

/// Whether an address belongs to one's own account: open to whoever must set up a second
/// factor first.
fn is_own(path: &str) -> bool {
    path == "/logout" || path == "/me" || path.starts_with("/me/")
}

/// Where a second factor is set up.
fn to_enrolment() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, "/me/second-factor"))
        .finish()
}

async fn refuse(
    req: &ServiceRequest,
    viewer: Viewer,
    permission: Permission,
    path: &'static str,
) -> AppError {
    let Some(app) = req.app_data::<Data<App>>() else {
        return AppError::internal("no app behind this route");
    };
    let act = viewer.view("route.open").system_detail("route", path);
    let refused = app
        .write(act, move |w| viewer.scope(&w.read(), permission).map(drop))
        .await;
    match refused {
        // Granted a moment ago: the next try gets through.
        Ok(()) => AppError::Forbidden {
            permission: permission.code(),
        },
        Err(error) => error,
    }
}

/// Whether pages and search answer with everything that is stored.
async fn readyz(app: Data<App>) -> HttpResponse {
    if app.is_ready() {
        HttpResponse::Ok()
            .content_type("text/plain")
            .body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("catching up\n")
    }
}

async fn describe(document: Data<serde_json::Value>) -> HttpResponse {
    HttpResponse::Ok().json(document.get_ref())
}
