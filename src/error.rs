//! The one error that pages, API and command line know.
//!
//! Layers below have their own error types and convert them here, once. An `AppError` says
//! what kind of failure it is, carries a stable machine code, and leaves the wording to the
//! catalogue: `errors.toml` has for every code what happened, why, and what to do.

use std::borrow::Cow;

/// Result with [`AppError`].
pub type Result<T, E = AppError> = std::result::Result<T, E>;

/// What is lacking where a conversation of others was not opened with a reason: clients can mend
/// that, so it has a code of its own.
pub const NO_REASON: &str = "reason";

/// A failure as the person at the screen is told of it.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No such thing, or not for this viewer: the two are never told apart.
    #[error("not found: {what}")]
    NotFound {
        /// The kind of thing, e.g. `customer`.
        what: &'static str,
    },
    /// The viewer lacks a permission.
    #[error("forbidden: {permission}")]
    Forbidden {
        /// The permission's stable code.
        permission: &'static str,
    },
    /// Nobody is signed in, or the session has ended.
    #[error("not signed in")]
    Unauthenticated,
    /// The request does not come from our own pages (CSRF), or is stale.
    #[error("request not from this site")]
    ForeignRequest,
    /// The request itself is malformed: nothing that our own pages send.
    #[error("bad request: {why}")]
    BadRequest {
        /// Stable reason, completes the code `bad_request.…`.
        why: &'static str,
    },
    /// Input that cannot be accepted.
    #[error("invalid input: {}", .0.summary())]
    Invalid(Invalid),
    /// The state of things does not allow it now.
    #[error("conflict: {why}")]
    Conflict {
        /// Stable reason, completes the code `conflict.…`.
        why: &'static str,
    },
    /// Too many attempts.
    #[error("too many attempts, retry after {retry_after_s} s")]
    TooMany {
        /// Seconds until it makes sense to try again.
        retry_after_s: u64,
    },
    /// The request body or upload is larger than allowed.
    #[error("too large, at most {bytes_max} bytes")]
    TooLarge {
        /// The bound that was exceeded.
        bytes_max: usize,
    },
    /// WeCom refused or could not be reached.
    #[error("wecom {errcode}: {remedy}")]
    Wecom {
        /// WeCom's errcode, 0 if no answer arrived.
        errcode: i64,
        /// Catalogue code of the remedy, e.g. `wecom.ip_not_trusted`.
        remedy: &'static str,
    },
    /// It has to wait for its turn, and it is known how long.
    #[error("later: {why}, retry after {retry_after_s} s")]
    Later {
        /// Stable reason, completes the code `later.…`.
        why: &'static str,
        /// Seconds until it makes sense to try again.
        retry_after_s: u64,
    },
    /// The service cannot do it at the moment: starting, stopping, overloaded, disk full.
    #[error("unavailable: {why}")]
    Unavailable {
        /// Stable reason, completes the code `unavailable.…`.
        why: &'static str,
    },
    /// A fault of ours. The cause goes to the log, the person gets the request number.
    #[error("internal: {0}")]
    Internal(Cow<'static, str>),
}

impl AppError {
    /// An internal fault with its cause in words for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(Cow::Owned(cause.to_string()))
    }

    /// One field is wrong. `code` is the catalogue key of the message.
    pub fn field(field: &'static str, code: &'static str) -> Self {
        Self::Invalid(Invalid::default().with(field, code))
    }

    /// The stable code: catalogue key, problem type, log field.
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            Self::NotFound { what } => format!("not_found.{what}").into(),
            Self::Forbidden {
                permission: NO_REASON,
            } => "forbidden.reason".into(),
            Self::Forbidden { .. } => "forbidden".into(),
            Self::Unauthenticated => "unauthenticated".into(),
            Self::ForeignRequest => "foreign_request".into(),
            Self::BadRequest { why } => format!("bad_request.{why}").into(),
            Self::Invalid(_) => "invalid".into(),
            Self::Conflict { why } => format!("conflict.{why}").into(),
            Self::TooMany { .. } => "too_many".into(),
            Self::TooLarge { .. } => "too_large".into(),
            Self::Wecom { remedy, .. } => (*remedy).into(),
            Self::Later { why, .. } => format!("later.{why}").into(),
            Self::Unavailable { why } => format!("unavailable.{why}").into(),
            Self::Internal(_) => "internal".into(),
        }
    }

    /// Whether trying the same again later may help.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Wecom { .. }
                | Self::Later { .. }
                | Self::Unavailable { .. }
                | Self::TooMany { .. }
        )
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::Forbidden { .. } | Self::ForeignRequest => 403,
            Self::Unauthenticated => 401,
            Self::BadRequest { .. } => 400,
            Self::Invalid(_) => 422,
            Self::Conflict { .. } => 409,
            Self::TooMany { .. } => 429,
            Self::TooLarge { .. } => 413,
            Self::Wecom { .. } => 502,
            Self::Later { .. } | Self::Unavailable { .. } => 503,
            Self::Internal(_) => 500,
        }
    }
}

/// What is wrong with a form, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invalid {
    /// The problems in the order of the form's fields.
    pub problems: Vec<Problem>,
}

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's name; empty for the form as a whole.
    pub field: &'static str,
    /// Catalogue key of the sentence.
    pub code: &'static str,
    /// Named values for the sentence.
    pub args: Vec<(&'static str, String)>,
}

impl Invalid {
    /// Adds a problem without values.
    pub fn with(mut self, field: &'static str, code: &'static str) -> Self {
        self.problems.push(Problem {
            field,
            code,
            args: Vec::new(),
        });
        self
    }

    /// `Err` if there is any problem.
    pub fn into_result(self) -> Result<()> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(AppError::Invalid(self))
        }
    }

    fn summary(&self) -> String {
        let parts: Vec<String> = self
            .problems
            .iter()
            .map(|p| format!("{}={}", p.field, p.code))
            .collect();
        parts.join(", ")
    }
}
