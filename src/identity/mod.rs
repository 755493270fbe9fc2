//! Who somebody is, what they may do, and how far they see.
//!
//! - A [`Viewer`] comes only from a session, an API token or a named reason of Qitai's own.
//! - Reads take a [`Scope`], only from [`Viewer::scope`]. Changes take [`Allowed`], only from
//!   [`Viewer::allow`] inside the write; both read session, account and role anew.
//! - Tokens, codes and passwords are kept only as hashes.
//! - Identity does not know the directory: a member is a [`SubjectId`](crate::store::SubjectId),
//!   a department an [`Id<Unit>`](Unit). Who lies within reach is for `org` to say.
//!
//! Tables: `accounts`, `sessions`, `api-tokens`, `claim-codes`, `throttles`, `roles`,
//! `access-settings`.

mod account;
pub mod actions;
mod allow;
pub mod pages;
mod password;
mod permission;
pub mod queries;
mod role;
mod scope;
mod session;
#[cfg(test)]
mod tests;
mod throttle;
mod ticket;
mod token;
mod viewer;

pub use account::{Account, AccountState, Preferences, Unit, fold_login};
pub use allow::{Allowed, Command};
pub use password::{NewPassword, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordHash, Passwords};
pub use permission::{Permission, Permissions};
pub use role::{AccessSettings, Breadth, CustomRole, Grant, Role};
pub use scope::{Reach, Scope};
pub use session::{ADMIN_IDLE_MS, SESSION_IDLE_MS, SESSION_MS_MAX, STEP_UP_MS, Session, idle_ms};
pub use ticket::Ticket;
pub use token::{API_TOKEN_MS_MAX, ApiToken, CODE_MS, ClaimCode, CodeUse};
pub use viewer::Viewer;

use crate::store::TableSpec;

/// The tables identity owns.
pub fn tables() -> Vec<TableSpec> {
    vec![
        TableSpec::of::<Account>(),
        TableSpec::of::<Session>(),
        TableSpec::of::<ApiToken>(),
        TableSpec::of::<ClaimCode>(),
        TableSpec::of::<throttle::Throttle>(),
        TableSpec::of::<CustomRole>(),
        TableSpec::of::<AccessSettings>(),
    ]
}
