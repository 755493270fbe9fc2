//! The server: actix with the frame around all routes, and limits at the door.

use std::{
    any::Any,
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::BoxBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    rt::net::TcpStream,
    web::{self, Data, ServiceConfig},
};

use super::{Web, assets, frame, preferences};
use crate::{
    error::{AppError, Result},
    kit::limits,
};

/// Threads that serve requests; everything that blocks runs elsewhere.
const WORKERS: usize = 2;
/// Open connections of one peer.
const PEER_CONNECTIONS_MAX: u32 = 64;
/// Open connections of one worker.
const CONNECTIONS_MAX: usize = 2048;
/// Time for a request's head.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Time that running requests get when the server stops, in seconds.
const STOP_DEADLINE_S: u64 = 15;

/// A function that adds routes and data, e.g. a slice's.
pub type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// The application with all routes inside the frame; tests call it too.
pub fn app(
    web: Data<Web>,
    routes: &[Routes],
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let mut app = App::new()
        .app_data(web)
        .app_data(web::JsonConfig::default().limit(limits::FORM_BYTES_MAX))
        .app_data(web::PayloadConfig::new(limits::FORM_BYTES_MAX))
        .route("/healthz", web::get().to(healthz))
        .route("/static/{name}", web::get().to(assets::serve))
        .route("/me/preferences", web::post().to(preferences::save))
        .default_service(web::to(nothing_here));
    for add in routes {
        app = app.configure(|config| add(config));
    }
    app.wrap(from_fn(frame::around))
}

/// Serves on an open socket until the returned server is stopped, by TLS if there is a
/// configuration for it. Stopping lets running requests finish for fifteen seconds.
pub fn serve(
    web: Web,
    routes: Vec<Routes>,
    socket: TcpListener,
    tls: Option<rustls::ServerConfig>,
) -> io::Result<Server> {
    let web = Data::new(web);
    let peers = Peers::default();
    let server = HttpServer::new(move || app(web.clone(), &routes))
        .workers(WORKERS)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(Duration::from_secs(2))
        .keep_alive(Duration::from_secs(75))
        .shutdown_timeout(STOP_DEADLINE_S)
        .disable_signals()
        .on_connect(move |connection, data| {
            if let Some(peer) = peer_of(connection) {
                data.insert(peers.enter(peer.ip()));
            }
        });
    let server = match tls {
        Some(config) => server.listen_rustls_0_23(socket, config)?,
        None => server.listen(socket)?,
    };
    Ok(server.run())
}

/// The other end of a connection, plain or by TLS.
fn peer_of(connection: &dyn Any) -> Option<SocketAddr> {
    let stream = match connection.downcast_ref::<TlsStream<TcpStream>>() {
        Some(stream) => stream.get_ref().0,
        None => connection.downcast_ref::<TcpStream>()?,
    };
    stream.peer_addr().ok()
}

/// The process runs; says nothing about the store. `/readyz` does.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// No route takes this path, or none takes it with this method.
async fn nothing_here(req: HttpRequest) -> Result<HttpResponse> {
    match req.match_pattern() {
        Some(_) => Ok(HttpResponse::MethodNotAllowed().finish()),
        None => Err(AppError::NotFound { what: "page" }),
    }
}

/// Connections by peer. One address may be a whole branch office behind one router, so the
/// bound is generous; loopback is a proxy or the machine itself and has none.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, u32>>>);

impl Peers {
    fn enter(&self, ip: IpAddr) -> PeerSlot {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = open.entry(ip).or_default();
        *n += 1;
        PeerSlot {
            over: *n > PEER_CONNECTIONS_MAX && !ip.is_loopback(),
            peers: self.clone(),
            ip,
        }
    }
}

/// One open connection; leaves the count when it closes.
pub(super) struct PeerSlot {
    over: bool,
    peers: Peers,
    ip: IpAddr,
}

impl PeerSlot {
    /// Whether the peer had too many connections when it opened this one.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}

impl Drop for PeerSlot {
    fn drop(&mut self) {
        let mut open = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = open.get_mut(&self.ip) {
            *n -= 1;
            if *n == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_bounded_number_of_connections_and_gets_them_back() {
        let peers = Peers::default();
        let ip: IpAddr = "203.0.113.8".parse().unwrap();
        let slots: Vec<PeerSlot> = (0..PEER_CONNECTIONS_MAX).map(|_| peers.enter(ip)).collect();
        assert!(slots.iter().all(|slot| !slot.is_over()));
        assert!(peers.enter(ip).is_over());
        assert!(!peers.enter("203.0.113.9".parse().unwrap()).is_over());
        drop(slots);
        assert!(!peers.enter(ip).is_over());
        assert!(peers.0.lock().unwrap().is_empty());
    }
}
