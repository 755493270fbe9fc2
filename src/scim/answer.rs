//! Answers and refusals as the protocol wants them (RFC 7644, §3.12).

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Value, json};

use crate::error::AppError;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/scim+json";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A refusal.
#[derive(Debug)]
pub(super) enum Refused {
    /// One of the protocol's own: status, scimType, what to do.
    Scim(u16, &'static str, String),
    /// Any other; the frame writes it in the protocol's shape.
    App(AppError),
}

impl Refused {
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::Scim(400, "invalidValue", detail.into())
    }

    pub(super) fn path(detail: impl Into<String>) -> Self {
        Self::Scim(400, "invalidPath", detail.into())
    }

    pub(super) fn syntax(detail: impl Into<String>) -> Self {
        Self::Scim(400, "invalidSyntax", detail.into())
    }
}

impl<E: Into<AppError>> From<E> for Refused {
    fn from(error: E) -> Self {
        match error.into() {
            AppError::Invalid(invalid) => {
                let problems = invalid.problems.iter();
                let is_taken = |code: &str| code.ends_with("_taken");
                let taken = problems.clone().any(|p| is_taken(p.code));
                let text: Vec<String> = problems
                    .map(|p| {
                        let words = crate::web::words::text(crate::web::Lang::En, p.code);
                        format!("{}: {words}", attribute(p.field))
                    })
                    .collect();
                match taken {
                    true => Self::Scim(409, "uniqueness", text.join("; ")),
                    false => Self::Scim(400, "invalidValue", text.join("; ")),
                }
            }
            AppError::Conflict { why: "changed" } => {
                Self::Scim(412, "", "The resource has changed; read it again.".into())
            }
            AppError::Conflict { why: "wecoms_own" } => Self::Scim(
                400,
                "mutability",
                "This belongs to WeCom and is changed in its admin console.".into(),
            ),
            AppError::Conflict {
                why: "department_in_use",
            } => Self::Scim(
                409,
                "",
                "There are departments below it, or it is the root.".into(),
            ),
            other => Self::App(other),
        }
    }
}

/// The protocol's name of a field.
fn attribute(field: &str) -> &str {
    match field {
        "userid" => "userName",
        "name" => "displayName",
        "alias" => "nickName",
        "position" => "title",
        "mobile" => "phoneNumbers",
        "email" => "emails",
        "job_number" => "employeeNumber",
        "direct_leader" => "manager",
        "external_id" => "externalId",
        other => other,
    }
}

/// A handler's answer.
pub(super) type Answer = Result<HttpResponse, actix_web::Error>;

/// Turns a handler's result into the answer.
pub(super) fn finish(done: Result<HttpResponse, Refused>) -> Answer {
    match done {
        Ok(answer) => Ok(answer),
        Err(Refused::App(error)) => Err(error.into()),
        Err(Refused::Scim(status, kind, detail)) => {
            let mut body = json!({
                "schemas": [ERROR], "status": status.to_string(), "detail": detail,
            });
            if !kind.is_empty() {
                body["scimType"] = kind.into();
            }
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            Ok(answer(status, &body))
        }
    }
}

/// JSON with the protocol's media type.
pub(super) fn answer(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(MEDIA_TYPE)
        .body(body.to_string())
}

/// A resource with its version and place.
pub(super) fn resource(status: StatusCode, body: &Value) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer.content_type(MEDIA_TYPE);
    let meta = |name: &str| body["meta"][name].as_str().map(str::to_owned);
    if let Some(version) = meta("version") {
        answer.insert_header(("etag", version));
    }
    if let Some(location) = meta("location") {
        let name = if status == StatusCode::CREATED {
            "location"
        } else {
            "content-location"
        };
        answer.insert_header((name, location));
    }
    answer.body(body.to_string())
}

/// A page of a list; `start` counts from 1.
pub(super) fn list(resources: Vec<Value>, total: usize, start: usize) -> HttpResponse {
    let body = json!({
        "schemas": [LIST],
        "totalResults": total,
        "itemsPerPage": resources.len(),
        "startIndex": start,
        "Resources": resources,
    });
    answer(StatusCode::OK, &body)
}
