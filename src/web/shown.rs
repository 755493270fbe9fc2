//! One template, two answers: the whole page, or the block that a fragment request asks for.
//!
//! A page is a struct with an askama template and one `view!` line that maps ids of elements
//! to blocks. [`Shown`] sees the request and chooses: the block if `HX-Request` names a known
//! element, the page otherwise and when the browser restores history. Parts that a swap makes
//! stale travel in the same answer, out of band.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use askama::{DynTemplate, Template};
use flate2::Compression;

use super::{Cx, assets, cookies, cx::Toast, filters, words::ToArgs};
use crate::error::{AppError, Result};

/// Smallest body that is worth compressing, in bytes.
const GZIP_MIN: usize = 1024;

/// A page that can be shown whole or by block. Implemented with [`view!`](crate::view).
pub trait View {
    /// The whole page with its shell.
    fn page(&self, cx: &Cx) -> askama::Result<String>;
    /// The block `title`, escaped.
    fn title(&self, cx: &Cx) -> askama::Result<String>;
    /// The block that replaces the element with this id, if there is one.
    fn block(&self, id: &str, cx: &Cx) -> Option<askama::Result<String>>;
}

/// Says which element of a page is made by which block:
/// `view!(CustomersPage, "list" => as_list, "tab" => as_tab);`
///
/// Every page template has a block `title`; the struct's `blocks = [...]` lists it and the
/// blocks named here.
#[macro_export]
macro_rules! view {
    ($page:ty $(, $id:literal => $block:ident)* $(,)?) => {
        impl $crate::web::View for $page {
            fn page(&self, cx: &$crate::web::Cx) -> askama::Result<String> {
                static LAST: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
                $crate::web::render(self, cx, &LAST)
            }
            fn title(&self, cx: &$crate::web::Cx) -> askama::Result<String> {
                askama::Template::render_with_values(&self.as_title(), cx)
            }
            fn block(&self, id: &str, cx: &$crate::web::Cx) -> Option<askama::Result<String>> {
                let _ = cx;
                match id {
                    $($id => Some(askama::Template::render_with_values(&self.$block(), cx)),)*
                    _ => None,
                }
            }
        }
    };
}

/// Renders a whole page into room for as much as the one before it took, `last`, and a little
/// more: a long list would else be copied each time its text outgrows its place.
pub fn render(page: &impl Template, cx: &Cx, last: &AtomicUsize) -> askama::Result<String> {
    let before = last.load(Ordering::Relaxed);
    let mut body = String::with_capacity(before + before / 16);
    page.render_into_with_values(&mut body, cx)?;
    last.store(body.len(), Ordering::Relaxed);
    Ok(body)
}

enum What<P> {
    Page(P),
    GoTo(String),
}

struct Said {
    key: &'static str,
    args: super::words::Args,
    undo: Option<String>,
    bad: bool,
}

/// What a handler for people answers.
pub struct Shown<P> {
    what: What<P>,
    status: StatusCode,
    said: Vec<Said>,
    parts: Vec<Box<dyn DynTemplate>>,
    push_url: Option<String>,
}

impl<P: View> Shown<P> {
    /// Shows a page, or the asked-for block of it.
    pub fn of(page: P) -> Self {
        Self::new(What::Page(page))
    }

    /// After a change: 303 to an address that shows the result. Only addresses of our own.
    pub fn go_to(address: impl std::fmt::Display) -> Self {
        Self::new(What::GoTo(address.to_string()))
    }

    fn new(what: What<P>) -> Self {
        Self {
            what,
            status: StatusCode::OK,
            said: Vec::new(),
            parts: Vec::new(),
            push_url: None,
        }
    }

    /// The form was refused: 422, the title begins with 「错误：」.
    pub fn invalid(self) -> Self {
        self.with_status(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// With another status than 200.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Says what happened; after [`Shown::go_to`] on the page that follows.
    pub fn toast(mut self, key: &'static str, args: impl ToArgs) -> Self {
        self.said.push(Said {
            key,
            args: args.to_args(),
            undo: None,
            bad: false,
        });
        self
    }

    /// Like [`Shown::toast`] for what went wrong: it stays until closed.
    pub fn toast_failed(self, key: &'static str, args: impl ToArgs) -> Self {
        let mut shown = self.toast(key, args);
        shown
            .said
            .iter_mut()
            .rev()
            .take(1)
            .for_each(|said| said.bad = true);
        shown
    }

    /// Like [`Shown::toast`] with 撤销, which posts to `undo`.
    pub fn toast_undo(mut self, key: &'static str, args: impl ToArgs, undo: String) -> Self {
        self.said.push(Said {
            key,
            args: args.to_args(),
            undo: Some(undo),
            bad: false,
        });
        self
    }

    /// A part of the page that this answer makes stale. Its outermost element carries an id
    /// and `hx-swap-oob="true"`. Whole pages have it already and leave it out.
    pub fn with(mut self, part: impl Template + 'static) -> Self {
        self.parts.push(Box::new(part));
        self
    }

    /// The address that the browser shows after a fragment.
    pub fn push_url(mut self, address: impl std::fmt::Display) -> Self {
        self.push_url = Some(address.to_string());
        self
    }

    fn answer(self, cx: &Cx) -> Result<HttpResponse> {
        let toasts: Vec<Toast> = self.said.iter().map(|said| said.toast(cx)).collect();
        let page = match self.what {
            What::GoTo(address) => return go_to(cx, &address, &toasts),
            What::Page(page) => page,
        };
        let cx = match self.status {
            StatusCode::UNPROCESSABLE_ENTITY => cx.for_invalid(),
            _ => cx.clone(),
        };
        let block = cx.target.as_deref().filter(|_| cx.is_fragment);
        let mut answer = match block.and_then(|id| page.block(id, &cx)) {
            Some(block) => {
                let mut body = title_element(&cx, &page.title(&cx)?);
                body.push_str(&block?);
                for part in &self.parts {
                    part.dyn_render_into_with_values(&mut body, &cx)?;
                }
                push_toasts(&mut body, &cx, &toasts)?;
                html(&cx, self.status, body)
            }
            None => html(&cx, self.status, page.page(&with_flash(&cx, toasts))?),
        };
        if let Some(address) = self.push_url {
            set(&mut answer, "hx-push-url", &address)?;
        }
        Ok(answer)
    }
}

impl Said {
    fn toast(&self, cx: &Cx) -> Toast {
        Toast {
            text: cx.tf(self.key, &self.args).into_owned(),
            bad: self.bad,
            undo: self.undo.clone(),
        }
    }
}

impl<P: View> Responder for Shown<P> {
    type Body = BoxBody;

    fn respond_to(self, req: &HttpRequest) -> HttpResponse {
        let answer = Cx::of(req)
            .ok_or_else(|| AppError::internal("no frame around this handler"))
            .and_then(|cx| self.answer(&cx));
        answer.unwrap_or_else(HttpResponse::from_error)
    }
}

/// The toasts of an answer, to be added to the page's.
#[derive(Template)]
#[template(path = "parts/toasts.html")]
pub(super) struct Toasts<'a> {
    toasts: &'a [Toast],
    is_fragment: bool,
}

/// Appends toasts to a fragment, out of band.
pub(super) fn push_toasts(body: &mut String, cx: &Cx, toasts: &[Toast]) -> askama::Result<()> {
    if toasts.is_empty() {
        return Ok(());
    }
    let part = Toasts {
        toasts,
        is_fragment: true,
    };
    part.render_into_with_values(body, cx)
}

/// The toasts of a whole page.
pub(super) fn page_toasts(cx: &Cx) -> askama::Result<String> {
    let part = Toasts {
        toasts: &cx.all_toasts(),
        is_fragment: false,
    };
    part.render_with_values(cx)
}

fn with_flash(cx: &Cx, toasts: Vec<Toast>) -> Cx {
    if toasts.is_empty() {
        cx.clone()
    } else {
        cx.with_toasts(toasts)
    }
}

fn title_element(cx: &Cx, title: &str) -> String {
    let error = match cx.is_invalid() {
        true => cx.t("page.error_prefix"),
        false => "".into(),
    };
    let firm = super::words::escape(&cx.firm());
    format!("<title>{error}{title} · {firm}</title>\n")
}

pub(super) fn go_to(cx: &Cx, address: &str, toasts: &[Toast]) -> Result<HttpResponse> {
    let mut answer = if cx.is_fragment {
        let mut answer = HttpResponse::Ok().finish();
        set(&mut answer, "hx-redirect", address)?;
        answer
    } else {
        let mut answer = HttpResponse::SeeOther().finish();
        set(&mut answer, "location", address)?;
        answer
    };
    if !toasts.is_empty() {
        cookies::leave_flash(cx, &mut answer, toasts)?;
    }
    Ok(answer)
}

fn set(answer: &mut HttpResponse, name: &'static str, value: &str) -> Result<()> {
    let value = HeaderValue::from_str(value).map_err(AppError::internal)?;
    answer
        .headers_mut()
        .insert(HeaderName::from_static(name), value);
    Ok(())
}

/// HTML, compressed here: a compressing middleware would buffer event streams and downloads.
pub(super) fn html(cx: &Cx, status: StatusCode, body: String) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::VARY, "HX-Request, HX-Target, Accept-Encoding"));
    if cx.accepts_gzip
        && body.len() >= GZIP_MIN
        && let Some(packed) = assets::gzip(body.as_bytes(), Compression::fast())
    {
        return answer
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(packed);
    }
    answer.body(body)
}

impl From<askama::Error> for AppError {
    fn from(why: askama::Error) -> Self {
        AppError::internal(format_args!("template: {why}"))
    }
}
