//! Style, script and icons: embedded, concatenated, compressed and hashed once at start.
//!
//! The address of an asset contains the hash of its content, therefore it may be kept for a
//! year. `static/css/*.css` become `app.css` and `static/js/*.js` become `app.js`, each in
//! the order of their names; all other files keep theirs.

use std::{collections::BTreeMap, io::Write, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use aws_lc_rs::digest;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use crate::error::{AppError, Result};

#[derive(rust_embed::RustEmbed)]
#[folder = "static/"]
struct Files;

struct Asset {
    /// `app.3f9c….css`
    hashed_name: String,
    content_type: String,
    etag: String,
    plain: Bytes,
    gzip: Option<Bytes>,
}

/// Assets by their name without hash.
static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in Files::iter() {
        let data = Files::get(&path)
            .expect("an embedded file that is listed can be read")
            .data;
        let name = match path.split_once('/') {
            Some(("css", _)) => "app.css",
            Some(("js", _)) => "app.js",
            _ => path.as_ref(),
        };
        let body = bodies.entry(name.to_owned()).or_default();
        body.extend_from_slice(&data);
    }
    let assets = bodies.into_iter().map(|(name, body)| {
        let asset = Asset::new(&name, body);
        (name, asset)
    });
    assets.collect()
});

impl Asset {
    fn new(name: &str, body: Vec<u8>) -> Self {
        let hash = digest::digest(&digest::SHA256, &body);
        let hash = hex::encode(&hash.as_ref()[..8]);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let kind = mime_guess::from_path(name).first_or_octet_stream();
        let content_type = match kind.type_() {
            mime_guess::mime::TEXT => format!("{kind}; charset=utf-8"),
            _ => kind.to_string(),
        };
        let gzip = gzip(&body, Compression::best()).filter(|packed| packed.len() < body.len());
        Self {
            hashed_name: format!("{stem}.{hash}.{extension}"),
            content_type,
            etag: format!("\"{hash}\""),
            plain: body.into(),
            gzip: gzip.map(Bytes::from),
        }
    }
}

/// Gzip of `body`.
pub(super) fn gzip(body: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), level);
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// The address of the asset `name`, e.g. `/static/app.3f9c2d….css`.
pub fn url(name: &str) -> String {
    match ASSETS.get(name) {
        Some(asset) => format!("/static/{}", asset.hashed_name),
        None => {
            #[cfg(test)]
            panic!("no asset {name}");
            #[cfg(not(test))]
            format!("/static/{name}")
        }
    }
}

/// An icon of the sprite as SVG.
pub fn icon(name: &str, class: &str) -> String {
    static SPRITE: LazyLock<String> = LazyLock::new(|| url("icons.svg"));
    let (gap, sprite) = (if class.is_empty() { "" } else { " " }, &*SPRITE);
    format!(
        "<svg class=\"i{gap}{class}\" viewBox=\"0 0 20 20\" aria-hidden=\"true\">\
         <use href=\"{sprite}#i-{name}\"/></svg>"
    )
}

/// `GET /static/{name}`.
pub(super) async fn serve(req: HttpRequest, name: web::Path<String>) -> Result<HttpResponse> {
    let asset = ASSETS
        .values()
        .find(|asset| asset.hashed_name == *name)
        .ok_or(AppError::NotFound { what: "page" })?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ETAG, asset.etag.as_str()))
        .insert_header((header::VARY, "Accept-Encoding"));
    let known = req.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|tags| has_tag(tags, &asset.etag)) {
        return Ok(answer
            .status(actix_web::http::StatusCode::NOT_MODIFIED)
            .finish());
    }
    answer.content_type(asset.content_type.as_str());
    match &asset.gzip {
        Some(packed) if accepts_gzip(req.headers().get(header::ACCEPT_ENCODING)) => Ok(answer
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(packed.clone())),
        _ => Ok(answer.body(asset.plain.clone())),
    }
}

fn has_tag(given: &HeaderValue, etag: &str) -> bool {
    given.to_str().is_ok_and(|tags| {
        tags.split(',')
            .any(|tag| tag.trim().trim_start_matches("W/") == etag)
    })
}

/// Whether the client takes gzip.
pub(super) fn accepts_gzip(given: Option<&HeaderValue>) -> bool {
    let Some(list) = given.and_then(|v| v.to_str().ok()) else {
        return false;
    };
    list.split(',').any(|coding| {
        let mut parts = coding.split(';');
        let name = parts.next().unwrap_or("").trim();
        let refused = parts.any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_stay_within_their_budgets() {
        let packed = |name: &str| ASSETS[name].gzip.as_ref().map_or(0, Bytes::len);
        assert!(packed("app.css") <= 16 * 1024, "{}", packed("app.css"));
        assert!(packed("app.js") <= 26 * 1024, "{}", packed("app.js"));
    }

    #[test]
    fn gzip_is_used_only_when_accepted() {
        let yes = |text: &str| accepts_gzip(HeaderValue::from_str(text).ok().as_ref());
        assert!(yes("br, gzip"));
        assert!(yes("*"));
        assert!(!yes("br"));
        assert!(!yes("gzip;q=0, br"));
        assert!(!accepts_gzip(None));
    }
}
