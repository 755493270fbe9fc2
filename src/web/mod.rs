//! The surface for people: server, frame around every request, pages, forms, errors, words,
//! assets.
//!
//! A handler takes [`Cx`] and perhaps [`Form`], does one thing, and answers [`Shown`] or an
//! [`AppError`](crate::error::AppError). Everything else happens in the [frame](frame):
//! request number, security headers, who is asking, CSRF, deadline, panics, error pages.
//!
//! ```text
//! use crate::web::{Cx, Form, FormState, ListQuery, Shown, filters};   // filters: for the template
//!
//! #[derive(askama::Template)]
//! #[template(path = "tags/index.html", blocks = ["title", "list"])]
//! struct TagsPage { rows: Vec<TagRow>, form: FormState }
//! crate::view!(TagsPage, "list" => as_list);          // element id => block of the template
//!
//! async fn create(viewer: Viewer, form: Form<NewTag>, app: Data<App>) -> Result<Shown<TagsPage>> {
//!     let made = match form.values.parse() { Ok(cmd) => app.write(…).await, Err(e) => Err(e) };
//!     Ok(match form.state.catch(made)? {
//!         Ok(tag) => Shown::go_to("/tags").toast("tags.created", ("name", tag.name)),
//!         Err(form) => Shown::of(page(&app, form)?).invalid(),       // 422, values kept
//!     })
//! }
//! ```
//!
//! The session comes in from above through [`Web::visit`], so this module knows neither
//! accounts nor the store. Without script every page works; `static/js` only saves page loads.

mod assets;
pub mod cookies;
mod csrf;
mod cursors;
mod cx;
mod errors;
pub mod filters;
pub mod format;
mod forms;
mod frame;
mod operations;
pub mod parts;
mod preferences;
mod query;
mod server;
mod shown;
mod tls;
pub mod words;

pub use csrf::FormSecret;
pub use cursors::Cursors;
pub use cx::{
    Badge, Cx, CxData, Density, Held, NavGroup, NavItem, Prefs, SealFact, Sentence, Shell,
    ShellUser, Theme, Toast,
};
pub use errors::told;
pub use forms::{
    Form, FormState, Upload, UploadedFile, add_fields, pairs, posted_fields, take_field,
};
pub use frame::{Chosen, KeepHook, Visit, VisitHook, Web, asked_head};
pub use operations::{CarriedOut, NotDone, OperationBook, Operations};
pub use query::{ListQuery, encode, local};
pub use server::{Routes, app, serve};
pub use shown::{Shown, View, render};
pub use tls::{Certificates, TlsError};
pub use words::Lang;

#[cfg(test)]
pub(crate) mod tests;
