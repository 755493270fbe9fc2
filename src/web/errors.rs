//! One place that turns a failure into what the client can read: a page with its shell, an
//! answer to a fragment request, or problem+json (RFC 9457).
//!
//! Handlers only use `?`. The typed error travels with actix's response and is read back
//! here, in the frame, where the shell, the language and the request's number are known.

use std::borrow::Cow;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use askama::Template;

use super::{
    Cx,
    cx::Toast,
    filters, query, shown,
    words::{self, Args, Lang, ToArgs},
};
use crate::error::{AppError, Invalid};

/// Addresses below this one speak the SCIM protocol.
const SCIM: &str = "/scim/";

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Bare: the frame writes the body.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// A failure as it is told: its code, status, and the parts of the typed error that show.
pub(super) struct Failure<'a> {
    code: Cow<'a, str>,
    status: StatusCode,
    args: Args,
    invalid: Option<&'a Invalid>,
    retry_after_s: Option<u64>,
    /// What is lacking, by its code.
    lacking: Option<&'static str>,
}

impl<'a> Failure<'a> {
    /// Of an error that a handler returned.
    pub(super) fn of(error: &'a AppError) -> Self {
        let (mut args, mut invalid, mut retry_after_s) = (Args::new(), None, None);
        let mut lacking = None;
        match error {
            AppError::Forbidden { permission } => lacking = Some(*permission),
            AppError::Invalid(problems) => invalid = Some(problems),
            AppError::TooMany { retry_after_s: s }
            | AppError::Later {
                retry_after_s: s, ..
            } => {
                retry_after_s = Some(*s);
                args = ("n", *s).to_args();
            }
            AppError::TooLarge { bytes_max } => {
                let bytes = u64::try_from(*bytes_max).unwrap_or(u64::MAX);
                args = ("size", super::format::bytes(bytes)).to_args();
            }
            AppError::Wecom { errcode, .. } => args = ("errcode", errcode.to_string()).to_args(),
            _ => {}
        }
        Self {
            code: error.code(),
            status: error.status_code(),
            args,
            invalid,
            retry_after_s,
            lacking,
        }
    }

    /// Of an answer with an error status and without an error of ours, as routing makes.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not_found.page",
            405 => "bad_request.method",
            413 => "too_large",
            429 => "too_many",
            400..=499 => "bad_request",
            503 => "unavailable",
            _ => "internal",
        };
        Self {
            code: code.into(),
            status,
            args: ("size", "64 KB").to_args(),
            invalid: None,
            retry_after_s: None,
            lacking: None,
        }
    }

    /// The answer for this client.
    pub(super) fn answer(&self, cx: &Cx) -> HttpResponse {
        let mut answer = if cx.path.starts_with(SCIM) {
            self.scim_error(cx)
        } else if cx.wants_json {
            self.problem_json(cx)
        } else if self.status == StatusCode::UNAUTHORIZED {
            self.to_sign_in(cx)
        } else if cx.is_fragment {
            self.fragment(cx)
        } else {
            self.page(cx)
        };
        if let Some(s) = self.retry_after_s {
            let headers = answer.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(s));
        }
        answer
    }

    /// What stands under `error.<code>.<part>`, or under a shorter code.
    fn words(&self, lang: Lang, part: &str) -> String {
        if let Some(words) = self.lacking.and_then(|what| lacks(lang, what, part)) {
            return words;
        }
        let mut code: &str = &self.code;
        loop {
            let key = format!("error.{code}.{part}");
            if words::known(&key) {
                return words::fill(lang, &key, &self.args).into_owned();
            }
            match code.rsplit_once('.') {
                Some((shorter, _)) => code = shorter,
                None => {
                    let key = format!("error.internal.{part}");
                    return words::fill(lang, &key, &self.args).into_owned();
                }
            }
        }
    }

    fn problem_json(&self, cx: &Cx) -> HttpResponse {
        let problems = self.invalid.map(|i| i.problems.as_slice()).unwrap_or(&[]);
        let errors: Vec<_> = problems
            .iter()
            .map(|p| serde_json::json!({ "field": p.field, "code": p.code, "message": cx.problem(p) }))
            .collect();
        let mut body = serde_json::json!({
            "type": format!("/problems/{}", self.code),
            "title": self.words(cx.lang(), "title"),
            "status": self.status.as_u16(),
            "detail": format!("{}{}", self.words(cx.lang(), "why"), self.words(cx.lang(), "next")),
            "code": self.code,
            "request_id": cx.request_id,
        });
        if !errors.is_empty() {
            body["errors"] = errors.into();
        }
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        answer
            .content_type("application/problem+json")
            .insert_header((header::CONTENT_LANGUAGE, cx.lang().tag()))
            .body(body.to_string())
    }

    /// An error in the shape of the SCIM protocol (RFC 7644, §3.12), whose clients know no
    /// other.
    fn scim_error(&self, cx: &Cx) -> HttpResponse {
        let text = |part: &str| {
            let mut code: &str = &self.code;
            while !words::known(&format!("error.{code}.{part}")) {
                code = code.rsplit_once('.').map_or("internal", |(short, _)| short);
            }
            words::fill(words::Lang::En, &format!("error.{code}.{part}"), &self.args)
        };
        let body = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_u16().to_string(),
            "detail": format!("{}. {}", text("title"), text("next")),
        });
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.status.is_server_error() {
            answer.insert_header(("x-request-id", cx.request_id.as_str()));
        }
        answer
            .content_type("application/scim+json")
            .body(body.to_string())
    }

    fn to_sign_in(&self, cx: &Cx) -> HttpResponse {
        let back = if cx.came_by_get {
            cx.here()
        } else {
            "/".into()
        };
        let address = format!("/login?next={}", query::encode(&back));
        if cx.is_fragment {
            HttpResponse::build(self.status)
                .insert_header(("hx-redirect", address))
                .finish()
        } else {
            HttpResponse::SeeOther()
                .insert_header((header::LOCATION, address))
                .finish()
        }
    }

    /// A fragment request keeps its page: the message comes as a toast that stays.
    fn fragment(&self, cx: &Cx) -> HttpResponse {
        let mut text = format!(
            "{}{}",
            self.words(cx.lang(), "title"),
            self.words(cx.lang(), "next")
        );
        for problem in self.invalid.iter().flat_map(|i| &i.problems) {
            text.push(' ');
            text.push_str(&cx.problem(problem));
        }
        if self.status.is_server_error() {
            text.push_str(&cx.tf("error.request_id", ("id", &cx.request_id)));
        }
        let toast = Toast {
            text,
            bad: true,
            undo: None,
        };
        let mut body = String::new();
        if let Err(why) = shown::push_toasts(&mut body, cx, &[toast]) {
            tracing::error!(%why, "toast cannot be rendered");
        }
        let mut answer = shown::html(cx, self.status, body);
        let none = HeaderValue::from_static("none");
        answer
            .headers_mut()
            .insert(header::HeaderName::from_static("hx-reswap"), none);
        answer
    }

    fn page(&self, cx: &Cx) -> HttpResponse {
        let facts = Facts {
            title: self.words(cx.lang(), "title"),
            why: self.words(cx.lang(), "why"),
            next: self.words(cx.lang(), "next"),
            status: self.status.as_u16(),
            problems: self.invalid.map_or(&[], |i| &i.problems),
        };
        let rendered = match cx.shell.user {
            Some(_) => Inside { error: facts }.render_with_values(cx),
            None => Outside { error: facts }.render_with_values(cx),
        };
        match rendered {
            Ok(body) => shown::html(cx, self.status, body),
            Err(why) => {
                tracing::error!(%why, "error page cannot be rendered");
                HttpResponse::build(self.status)
                    .content_type("text/plain; charset=utf-8")
                    .body(format!("{} {}", self.status, cx.request_id))
            }
        }
    }
}

/// What is said of somebody without this right, where more can be said than that they may not.
fn lacks(lang: Lang, what: &str, part: &str) -> Option<String> {
    let own = format!("error.forbidden.{what}.{part}");
    if words::known(&own) {
        return Some(words::text(lang, &own).into_owned());
    }
    let permission = format!("permission.{what}");
    if part != "why" || !words::known(&permission) {
        return None;
    }
    let name = words::text(lang, &permission).into_owned();
    let told = words::fill(lang, "error.forbidden.lacks", ("permission", name));
    Some(told.into_owned())
}

/// An error in whole sentences, for the command line.
pub fn told(error: &AppError, lang: Lang) -> String {
    let failure = Failure::of(error);
    let [title, why, next] = ["title", "why", "next"].map(|part| failure.words(lang, part));
    let mut text = format!("{title}. {why}{next}");
    for problem in failure.invalid.iter().flat_map(|i| &i.problems) {
        let sentence = words::fill(lang, problem.code, super::forms::problem_args(problem));
        text = format!("{text} {}: {sentence}", problem.field);
    }
    text
}

struct Facts<'a> {
    title: String,
    why: String,
    next: String,
    status: u16,
    problems: &'a [crate::error::Problem],
}

/// With the shell of the person who is signed in.
#[derive(Template)]
#[template(path = "errors/inside.html")]
struct Inside<'a> {
    error: Facts<'a>,
}

/// Before sign-in.
#[derive(Template)]
#[template(path = "errors/outside.html")]
struct Outside<'a> {
    error: Facts<'a>,
}
