//! `POST /me/preferences`: language, theme, density, keys, and the columns of lists.
//!
//! A cookie keeps the looks, so the server renders the right theme at once and nothing
//! flashes, before sign-in as well. Whoever is signed in keeps them with the account too, and
//! finds them again in another browser.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Deserialize;

use super::{
    Chosen, Cx, Form, Web, cookies,
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
    /// The list whose columns are chosen.
    list: Option<String>,
    /// The columns it shall show.
    #[serde(default)]
    column: Vec<String>,
    back: Option<String>,
}

/// Keeps the looks and returns to the page.
pub(super) async fn save(
    req: HttpRequest,
    web: Data<Web>,
    cx: Cx,
    form: Form<Look>,
) -> Result<HttpResponse> {
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
    let columns = look.list.map(|list| (list, look.column));
    (web.keep)(&req, Chosen { prefs, columns }).await?;
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
