//! The cookies of the shell: looks, messages across a redirect, forms before sign-in.
//!
//! The session's own cookie belongs to `identity`. All are `HttpOnly`; over TLS all carry the
//! `__Host-` prefix and `Secure`.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Cx,
    csrf::FormSecret,
    cx::{Density, Prefs, Theme, Toast},
    words::Lang,
};
use crate::{
    error::{AppError, Result},
    kit::Random,
};

const LOOK: &str = "qitai-look";
const FLASH: &str = "qitai-flash";
const FORM: &str = "qitai-form";
/// Bytes of a flash cookie's content at most; longer messages are dropped, not cut.
const FLASH_BYTES_MAX: usize = 2500;

/// The name of a cookie: with `__Host-` when it can be kept to TLS.
pub fn name(base: &str, secure: bool) -> String {
    if secure {
        format!("__Host-{base}")
    } else {
        base.to_owned()
    }
}

/// A cookie as all of ours are: whole site, `HttpOnly`, `SameSite=Lax`.
pub fn build(base: &str, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build(name(base, secure), value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .finish()
}

fn read(req: &HttpRequest, base: &str, secure: bool) -> Option<String> {
    req.cookie(&name(base, secure))
        .map(|cookie| cookie.value().to_owned())
}

/// How this browser wants pages: its cookie, else the language it accepts.
pub fn prefs(req: &HttpRequest, secure: bool) -> Prefs {
    let mut prefs = Prefs::default();
    if let Some(look) = read(req, LOOK, secure) {
        let mut parts = look.split('.');
        prefs.lang = parts.next().and_then(Lang::of_tag).unwrap_or_default();
        prefs.theme = Theme::of_tag(parts.next().unwrap_or(""));
        prefs.density = Density::of_tag(parts.next().unwrap_or(""));
        prefs.shortcuts = parts.next() != Some("off");
    } else if let Some(lang) = accepted_language(req) {
        prefs.lang = lang;
    }
    prefs
}

/// The cookie that keeps `prefs` for a year.
pub(super) fn look(prefs: &Prefs, secure: bool) -> Cookie<'static> {
    let keys = if prefs.shortcuts { "on" } else { "off" };
    let value = format!(
        "{}.{}.{}.{keys}",
        prefs.lang.tag(),
        prefs.theme.tag(),
        prefs.density.tag()
    );
    let mut cookie = build(LOOK, value, secure);
    cookie.set_max_age(Duration::days(365));
    cookie
}

fn accepted_language(req: &HttpRequest) -> Option<Lang> {
    let header = req.headers().get("accept-language")?.to_str().ok()?;
    header
        .split(',')
        .find_map(|tag| Lang::of_tag(tag.split(';').next().unwrap_or("").trim()))
}

/// The secret of forms before sign-in, from its cookie or new.
pub(super) fn form_secret(req: &HttpRequest, secure: bool, random: &Random) -> (FormSecret, bool) {
    let mut bytes = [0; 32];
    let known = read(req, FORM, secure)
        .and_then(|text| URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok())
        == Some(bytes.len());
    if !known {
        random.fill(&mut bytes);
    }
    (FormSecret::new(bytes), !known)
}

/// The cookie of a new [`form_secret`]; it lives as long as the browser.
pub(super) fn form(secret: &FormSecret, secure: bool) -> Cookie<'static> {
    build(FORM, URL_SAFE_NO_PAD.encode(secret.bytes()), secure)
}

/// Lets the page after a redirect say what happened.
pub(super) fn leave_flash(cx: &Cx, answer: &mut HttpResponse, toasts: &[Toast]) -> Result<()> {
    let json = serde_json::to_vec(toasts).map_err(AppError::internal)?;
    if json.len() > FLASH_BYTES_MAX {
        tracing::warn!(bytes = json.len(), "flash message too long, dropped");
        return Ok(());
    }
    let tag = hmac::sign(&flash_key(&cx.form_secret), &json);
    let value = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(&json),
        URL_SAFE_NO_PAD.encode(tag)
    );
    let mut cookie = build(FLASH, value, cx.secure);
    cookie.set_max_age(Duration::seconds(60));
    answer.add_cookie(&cookie).map_err(AppError::internal)
}

/// The messages that the request before left, if they are ours.
pub(super) fn flash(req: &HttpRequest, secret: &FormSecret, secure: bool) -> Vec<Toast> {
    let read_flash = || {
        let value = read(req, FLASH, secure)?;
        let (json, tag) = value.split_once('.')?;
        let json = URL_SAFE_NO_PAD.decode(json).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&flash_key(secret), &json, &tag).ok()?;
        serde_json::from_slice(&json).ok()
    };
    read_flash().unwrap_or_default()
}

/// The cookie that ends [`leave_flash`]'s.
pub(super) fn no_flash(secure: bool) -> Cookie<'static> {
    let mut cookie = build(FLASH, String::new(), secure);
    cookie.set_max_age(Duration::ZERO);
    cookie
}

fn flash_key(secret: &FormSecret) -> hmac::Key {
    let base = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    hmac::Key::new(
        hmac::HMAC_SHA256,
        hmac::sign(&base, b"qitai/flash/1").as_ref(),
    )
}
