//! The pictures of codes, and what a phone opens that scans one.

use std::{collections::HashMap, fmt::Write as _};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use super::page::name_of_firm;
use crate::wecom::sim::server::Shared;

/// Where WeCom's pictures are.
const THERE: &str = "https://wework.qpic.cn/";
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Mounts the pictures and the page behind them.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/wwpic/{config_id}/0", web::get().to(picture))
        .route("/stage/scan", web::get().to(scan));
}

/// Root of this server as the sender of a request reaches it.
fn root(request: &HttpRequest) -> String {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or("");
    format!("http://{host}/")
}

/// An answer in which addresses of codes' pictures lead to this server.
pub(in crate::wecom::sim) fn here(request: &HttpRequest, text: String) -> String {
    let there = format!("\"qr_code\":\"{THERE}");
    match text.contains(&there) {
        true => text.replace(&there, &format!("\"qr_code\":\"{}", root(request))),
        false => text,
    }
}

async fn picture(
    request: HttpRequest,
    config_id: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    if kind(&shared, &config_id).is_none() {
        return HttpResponse::NotFound().finish();
    }
    let leads_to = format!("{}stage/scan?code={config_id}", root(&request));
    match drawn(&leads_to) {
        Some(svg) => HttpResponse::Ok().content_type("image/svg+xml").body(svg),
        None => HttpResponse::InternalServerError().finish(),
    }
}

/// A code as a drawing: dark cells on white, four cells of white around.
fn drawn(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + 4, at / width + 4);
            write!(path, "M{x} {y}h1v1h-1z").ok()?;
        }
    }
    let side = width + 8;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         width=\"430\" height=\"430\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

/// What scanning a code does.
fn kind(shared: &Shared, config_id: &str) -> Option<&'static str> {
    let world = shared.world();
    if world.contact.ways.by_id.contains_key(config_id) {
        return Some("scan_contact_way");
    }
    let is_join = world.contact.join_ways.contains_key(config_id);
    is_join.then_some("scan_join_way")
}

/// The page that a scan opens.
#[derive(Template)]
#[template(path = "stage/scan.html")]
struct Scan {
    zh: bool,
    firm: String,
    config_id: String,
    /// None where there is no such code any more.
    deed: Option<&'static str>,
}

impl Scan {
    /// One of two languages.
    fn t<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        if self.zh { zh } else { en }
    }
}

async fn scan(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let query = web::Query::<HashMap<String, String>>::from_query(request.query_string());
    let query = query.map(web::Query::into_inner).unwrap_or_default();
    let config_id = query.get("code").cloned().unwrap_or_default();
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE);
    let is_english = |accepted: &HeaderValue| accepted.as_bytes().starts_with(b"en");
    // Each for itself: the world is locked to the end of a statement that looks at it.
    let firm = name_of_firm(&shared.world());
    let deed = kind(&shared, &config_id);
    let page = Scan {
        zh: !accepted.is_some_and(is_english),
        firm,
        deed,
        config_id,
    };
    match page.render() {
        Ok(html) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
