//! WeCom's error codes, mapped once into what is to be done about them.

use crate::{error::AppError, kit::Timestamp};

use super::quota::{Held, Why};

/// A call that did not succeed. Neither token nor secret nor a full address ever stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer: the network, a time-out, TLS.
    #[error("{call}: no answer ({why})")]
    Transport {
        /// The call's path.
        call: &'static str,
        /// What went wrong, without the address.
        why: String,
    },
    /// It never left: there was no connection.
    #[error("{call}: not sent ({why})")]
    NotSent {
        /// The call's path.
        call: &'static str,
        /// What went wrong, without the address.
        why: String,
    },
    /// It never left: the quota is used up, or a penalty runs.
    #[error("{call}: held back until {until:?}")]
    Held {
        /// The call's path.
        call: &'static str,
        /// When to come again.
        until: Timestamp,
        /// Milliseconds until then.
        wait_ms: i64,
        /// What WeCom answered before; 0 if nothing but our own counting holds it.
        errcode: i64,
    },
    /// An HTTP status other than 200.
    #[error("{call}: HTTP status {status}")]
    Status {
        /// The call's path.
        call: &'static str,
        /// The status.
        status: u16,
    },
    /// An answer that is not what the documentation says: cut, of wrong types, too large, or a
    /// page cursor that leads in a circle.
    #[error("{call}: unusable answer ({what})")]
    BadAnswer {
        /// The call's path.
        call: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// WeCom answered with an errcode.
    #[error("{call}: errcode {errcode} {hint}")]
    Refused {
        /// The call's path.
        call: &'static str,
        /// The errcode.
        errcode: i64,
        /// WeCom's hint, which its support asks for.
        hint: String,
        /// The address from which the call came, as WeCom saw it.
        seen_ip: Option<std::net::IpAddr>,
    },
}

/// What an errcode asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again after a while: busy, too many calls.
    RetryLater,
    /// The token is no longer good: get a new one and try once more.
    TokenInvalid,
    /// The thing asked for is not there, or not for us.
    Gone,
    /// The address of this server is not trusted.
    IpNotTrusted,
    /// Secret or Corp ID are wrong.
    Credentials,
    /// The app lacks a right.
    NotPermitted,
    /// Our call is wrong.
    OurFault,
}

impl Class {
    /// The class of an errcode (WeCom documentation, 全局错误码).
    pub fn of(errcode: i64) -> Self {
        match errcode {
            // Busy, too often, or somebody else is at it just now.
            -1 | 6000 | 41063 | 41079 | 45009 | 45033 | 45035 | 90507 | 302_008 => Self::RetryLater,
            40014 | 41001 | 42001 => Self::TokenInvalid,
            40096 | 60003 | 60123 | 60111 | 84061 | 90501 | 40050 | 60136 | 301048 | 301059
            | 301061 => Self::Gone,
            60020 | 301042 => Self::IpNotTrusted,
            40001 | 40013 | 40091 | 41002 | 41004 | 41024 => Self::Credentials,
            48001 | 48002 | 48004 | 48006 | 48009 | 50002 | 50003 | 60011 | 60021 | 60031
            | 84074 | 84083 | 301002 | 301052 | 301053 => Self::NotPermitted,
            _ => Self::OurFault,
        }
    }

    /// Catalogue key of the remedy.
    fn remedy(self) -> &'static str {
        match self {
            Self::RetryLater => "wecom.busy",
            Self::TokenInvalid | Self::Credentials => "wecom.credentials",
            Self::Gone => "wecom.gone",
            Self::IpNotTrusted => "wecom.ip_not_trusted",
            Self::NotPermitted => "wecom.not_permitted",
            Self::OurFault => "wecom.refused",
        }
    }
}

impl Error {
    /// The class, if WeCom answered with an errcode.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Refused { errcode, .. } => Some(Class::of(*errcode)),
            _ => None,
        }
    }

    /// A call that was held back.
    pub(super) fn held(call: &'static str, held: Held, now: Timestamp) -> Self {
        Self::Held {
            call,
            until: held.until,
            wait_ms: held.until.since_ms(now).max(0),
            errcode: match held.why {
                Why::Penalty(errcode) => errcode,
                Why::Window(_) | Why::Crowded => 0,
            },
        }
    }

    /// Whether WeCom has certainly not carried the call out. After anything else it may have.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::Held { .. } => true,
            // A fault within WeCom, which says nothing about how far it came.
            Self::Refused { call, errcode, .. } => *errcode != -1 || *call == "gettoken",
            // Fetching the token comes first: the call itself was not made.
            Self::Transport { call, .. } | Self::BadAnswer { call, .. } => *call == "gettoken",
            Self::Status { call, status } => *call == "gettoken" || *status < 500,
        }
    }

    /// WeCom's errcode; 0 without one.
    pub fn errcode(&self) -> i64 {
        match self {
            Self::Refused { errcode, .. } | Self::Held { errcode, .. } => *errcode,
            _ => 0,
        }
    }

    /// Whether trying again later may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::NotSent { .. } | Self::Held { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::BadAnswer { .. } => false,
            Self::Refused { errcode, .. } => Class::of(*errcode) == Class::RetryLater,
        }
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        tracing::warn!(%error, "WeCom call failed");
        let (errcode, remedy) = match &error {
            Error::Held { wait_ms, .. } => {
                return AppError::Later {
                    why: "quota",
                    retry_after_s: wait_ms.div_euclid(1_000).unsigned_abs() + 1,
                };
            }
            Error::Transport { .. } | Error::NotSent { .. } | Error::Status { .. } => {
                (0, "wecom.unreachable")
            }
            Error::BadAnswer { .. } => (0, "wecom.bad_answer"),
            Error::Refused { errcode, .. } => (*errcode, Class::of(*errcode).remedy()),
        };
        AppError::Wecom { errcode, remedy }
    }
}
