//! `POST /me/preferences`: language, theme, density and keys of this browser.
//!
//! A cookie keeps them, so the server renders the right theme at once and nothing flashes.
//! It works before sign-in as well.

use actix_web::{HttpResponse, http::header};
use serde::Deserialize;

use super::{
    Cx, Form, cookies,
    cx::{Density, Theme},
    query,
    words::Lang,
};
use crate::error::{AppError, Result};

/// Only what is sent changes.
#[derive(Deserialize)]
pub(super) struct Look {
    lang: Option<String>,
    theme: Option<String>,
    density: Option<String>,
    shortcuts: Option<bool>,
    back: Option<String>,
}

/// Keeps the looks and returns to the page.
pub(super) async fn save(cx: Cx, form: Form<Look>) -> Result<HttpResponse> {
    let look = form.values;
    let mut prefs = cx.prefs;
    if let Some(lang) = look.lang.as_deref().and_then(Lang::of_tag) {
        prefs.lang = lang;
    }
    if let Some(theme) = &look.theme {
        prefs.theme = Theme::of_tag(theme);
    }
    if let Some(density) = &look.density {
        prefs.density = Density::of_tag(density);
    }
    if let Some(on) = look.shortcuts {
        prefs.shortcuts = on;
    }
    let back = look.back.as_deref().and_then(query::local).unwrap_or("/");
    let mut answer = if cx.is_fragment {
        HttpResponse::NoContent().finish()
    } else {
        HttpResponse::SeeOther()
            .insert_header((header::LOCATION, back))
            .finish()
    };
    answer
        .add_cookie(&cookies::look(&prefs, cx.secure))
        .map_err(AppError::internal)?;
    Ok(answer)
}
