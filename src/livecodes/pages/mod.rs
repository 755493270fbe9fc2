//! The screens: list, one code, the form, channels.

pub(super) mod channels;
pub(super) mod detail;
pub(super) mod edit;
mod form;
pub(super) mod list;

use actix_web::HttpRequest;

use crate::{app::App, error::Result, rollout};

/// Catalogue key and tone of where a code stands.
fn standing(standing: &str) -> (&'static str, &'static str) {
    match standing {
        "active" => ("livecodes.state.active", "ok"),
        "paused" => ("livecodes.state.paused", "warn"),
        "expired" => ("livecodes.state.expired", "bad"),
        _ => ("livecodes.state.archived", "muted"),
    }
}

/// Root of the addresses that are printed: the firm's public address, else the one that this
/// request was sent to.
pub(super) fn public_origin(app: &App, req: &HttpRequest) -> Result<String> {
    let known = rollout::queries::address(app)?;
    if !known.is_empty() {
        return Ok(known);
    }
    let host = req
        .headers()
        .get("host")
        .and_then(|host| host.to_str().ok());
    let scheme = if app.is_secure() { "https" } else { "http" };
    Ok(format!("{scheme}://{}", host.unwrap_or("localhost")))
}
