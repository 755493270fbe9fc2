//! `/stage` over HTTP: every address takes JSON from programs and forms from the page.

use std::{collections::HashMap, sync::atomic::Ordering};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Verb, page};
use crate::wecom::sim::{
    callbacks::{Callbacks, Delivery, Target},
    limits::Window,
    server::Shared,
    tokens::App,
};

const STYLE: &str = include_str!("stage.css");
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Mounts `/stage`.
pub fn routes(config: &mut web::ServiceConfig) {
    let scope = web::scope("/stage")
        .route("", web::get().to(show))
        .route("/style.css", web::get().to(style))
        .route("/state", web::get().to(state))
        .route("/do", web::post().to(act))
        .route("/faults", web::post().to(faults))
        .route("/settings", web::post().to(settings))
        .route("/callback", web::post().to(callback));
    config.service(scope);
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(STYLE)
}

async fn show(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let query = web::Query::<HashMap<String, String>>::from_query(request.query_string());
    let query = query.map(web::Query::into_inner).unwrap_or_default();
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE);
    let accepted = accepted.and_then(|v| v.to_str().ok()).unwrap_or_default();
    match page::render(&shared, &query, accepted) {
        Ok(html) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

/// What programs ask: where callbacks go, what became of them, which faults are on.
async fn state(shared: web::Data<Shared>) -> HttpResponse {
    let callbacks = &shared.callbacks;
    let deliveries: Vec<Value> = callbacks.recent().iter().map(delivery).collect();
    HttpResponse::Ok().json(json!({
        "trusted": shared.limits.trusted(),
        "callback_url": callbacks.target().map(|target| target.url),
        "waiting": callbacks.waiting(),
        "deliveries": deliveries,
        "faults": page::dials(&shared.faults),
        "callback_faults": page::dials(callbacks.faults()),
    }))
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "at": delivery.at, "event": delivery.event, "change_type": delivery.change,
        "about": delivery.about, "tries": delivery.tries, "outcome": page::outcome(delivery),
    })
}

async fn act(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    answered(&request, &body, |fields| {
        let deed: Verb = read(fields)?;
        match shared.act(&deed) {
            Ok(id) => Ok(id),
            Err(refusal) => Err(json!(refusal).as_str().unwrap_or_default().to_owned()),
        }
    })
}

/// A fault dial: `fault` as in `status:502`, or empty to turn all of `on` off.
#[derive(Deserialize)]
struct DialSetting {
    /// `api` or `callbacks`.
    on: String,
    #[serde(default)]
    fault: String,
    #[serde(default)]
    place: String,
    #[serde(default = "once", deserialize_with = "super::lenient::number")]
    every: u64,
}

fn once() -> u64 {
    1
}

async fn faults(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    answered(&request, &body, |fields| {
        let dial: DialSetting = read(fields)?;
        let place = Some(dial.place.trim()).filter(|place| !place.is_empty());
        let every = u32::try_from(dial.every).unwrap_or(u32::MAX);
        let bad = |()| "bad_value".to_owned();
        let of_callbacks = shared.callbacks.faults();
        match (dial.on.as_str(), dial.fault.as_str()) {
            ("api", "") => shared.faults.clear(),
            ("callbacks", "") => of_callbacks.clear(),
            ("api", fault) => {
                let fault = fault.parse().map_err(bad)?;
                shared.faults.inject(place, every, fault);
            }
            ("callbacks", fault) => {
                let fault = fault.parse().map_err(bad)?;
                of_callbacks.inject(place, every, fault);
            }
            _ => return Err(bad(())),
        }
        Ok(None)
    })
}

/// What comes before calls; only what is named is changed.
#[derive(Deserialize)]
struct Setting {
    /// Trusted addresses by comma, effective a minute later; empty trusts everybody.
    trusted: Option<String>,
    /// So many calls …
    #[serde(default, deserialize_with = "super::lenient::optional")]
    rate: Option<u64>,
    /// … within a `minute`, `hour`, `day` or `month` …
    #[serde(default)]
    window: String,
    /// … of this path, or each path by itself.
    #[serde(default)]
    place: String,
    /// Calls of one path at once; 0 is any number.
    #[serde(default, deserialize_with = "super::lenient::optional")]
    at_once: Option<u64>,
    /// The app that is disabled.
    disable: Option<App>,
    /// The app that is enabled again.
    enable: Option<App>,
    /// Somebody else listens too, and hears what calls do to the directory.
    #[serde(default, deserialize_with = "super::lenient::optional")]
    echo: Option<u64>,
}

async fn settings(
    request: HttpRequest,
    body: web::Bytes,
    shared: web::Data<Shared>,
) -> HttpResponse {
    answered(&request, &body, |fields| {
        let setting: Setting = read(fields)?;
        let limits = &shared.limits;
        if let Some(list) = setting.trusted {
            let list = list
                .split([',', ' '])
                .map(str::trim)
                .filter(|ip| !ip.is_empty());
            let list: Vec<String> = list.map(str::to_owned).collect();
            let list = Some(list).filter(|list| !list.is_empty());
            limits.set_trusted(list, shared.clock.now());
        }
        if let Some(rate) = setting.rate {
            let window = Window::of(&setting.window).ok_or("bad_value")?;
            let place = Some(setting.place.trim()).filter(|place| !place.is_empty());
            limits.set_rate(place, window, rate);
        }
        if let Some(max) = setting.at_once {
            let max = u32::try_from(max).ok().filter(|max| *max > 0);
            limits.set_at_once(max);
        }
        for (app, on) in [(setting.disable, false), (setting.enable, true)] {
            if let Some(app) = app {
                limits.set_enabled(app, on);
            }
        }
        if let Some(echo) = setting.echo {
            shared.echo.store(echo > 0, Ordering::Relaxed);
        }
        Ok(None)
    })
}

/// A callback URL, as typed into the admin console; an empty one turns callbacks off. Token
/// and key are the simulator's own unless given.
#[derive(Deserialize)]
struct CallbackSetting {
    #[serde(default)]
    url: String,
    token: Option<String>,
    encoding_aes_key: Option<String>,
}

async fn callback(
    request: HttpRequest,
    body: web::Bytes,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let set = match fields(&request, &body).and_then(read::<CallbackSetting>) {
        Ok(setting) => save(setting, &shared).await,
        Err(refused) => Err(refused),
    };
    answer(&request, set.map(|()| None))
}

/// Saves as the console does: only what answers the echo.
async fn save(setting: CallbackSetting, shared: &Shared) -> Result<(), String> {
    let callbacks: &Callbacks = &shared.callbacks;
    let url = setting.url.trim().to_owned();
    if url.is_empty() {
        return callbacks
            .set_target(None)
            .map_err(|error| error.to_string());
    }
    let given = |value: Option<String>, own: &str| match value {
        Some(value) if !value.trim().is_empty() => value.trim().to_owned(),
        _ => own.to_owned(),
    };
    let target = Target {
        url,
        token: given(setting.token, &shared.identity.token),
        encoding_aes_key: given(setting.encoding_aes_key, &shared.identity.encoding_aes_key),
    };
    callbacks
        .verify(&target)
        .await
        .map_err(|error| error.to_string())?;
    callbacks
        .set_target(Some(target))
        .map_err(|error| error.to_string())
}

fn answered(
    request: &HttpRequest,
    body: &[u8],
    work: impl FnOnce(Map<String, Value>) -> Result<Option<String>, String>,
) -> HttpResponse {
    answer(request, fields(request, body).and_then(work))
}

/// To a program JSON, to a person the page again.
fn answer(request: &HttpRequest, result: Result<Option<String>, String>) -> HttpResponse {
    if is_json(request) {
        return match result {
            Ok(id) => HttpResponse::Ok().json(json!({ "ok": true, "id": id })),
            Err(refused) => {
                HttpResponse::Conflict().json(json!({ "ok": false, "refused": refused }))
            }
        };
    }
    let note = match &result {
        Ok(Some(id)) => vec![("note", "done"), ("id", id.as_str())],
        Ok(None) => vec![("note", "done")],
        Err(refused) => vec![("note", refused.as_str())],
    };
    // The member looked at and the language stay.
    let kept: Vec<(String, String)> = request
        .headers()
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<actix_web::http::Uri>().ok())
        .and_then(|uri| web::Query::from_query(uri.query()?).ok())
        .map(web::Query::into_inner)
        .unwrap_or_default();
    let kept = kept
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let kept = kept.filter(|(name, _)| matches!(*name, "userid" | "lang"));
    let pairs: Vec<(&str, &str)> = kept.chain(note).collect();
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((header::LOCATION, format!("/stage?{}", page::query(&pairs))))
        .finish()
}

fn is_json(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// The fields of a request that no other site has made a browser send.
fn fields(request: &HttpRequest, body: &[u8]) -> Result<Map<String, Value>, String> {
    let site = request.headers().get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err("another_site".to_owned());
    }
    let bad = || "bad_value".to_owned();
    if is_json(request) {
        return serde_json::from_slice(body).map_err(|_| bad());
    }
    let text = std::str::from_utf8(body).map_err(|_| bad())?;
    let form = web::Query::<HashMap<String, String>>::from_query(text).map_err(|_| bad())?;
    let fields = form.into_inner().into_iter();
    Ok(fields
        .map(|(name, value)| (name, Value::String(value.trim().to_owned())))
        .collect())
}

fn read<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|_| "bad_value".to_owned())
}
