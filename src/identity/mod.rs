//! Who somebody is, what they may do, and how far they see.
//!
//! - A [`Viewer`] comes only from a session, an API token or a named reason of Qitai's own.
//! - Reads take a [`Scope`], only from [`Viewer::scope`]. Changes take [`Allowed`], only from
//!   [`Viewer::allow`] inside the write; both read session, account and role anew.
//! - Tokens, codes and passwords are kept only as hashes.
//! - Identity does not know the directory: a member is a [`SubjectId`](crate::store::SubjectId),
//!   a department an [`Id<Unit>`](Unit). Who lies within reach is for `org` to say.
//!
//! - Whoever must have a second factor and has none may only set one up.
//! - A member who leaves or is disabled takes the account along, in the same write.
//!
//! Tables: `accounts`, `sessions`, `api-tokens`, `claim-codes`, `throttles`, `roles`,
//! `access-settings`, `security-settings`, `role-rules`, `second-factors`,
//! `second-factor-enrolments`, `second-factor-uses`, `sign-ins`, `used-states`.

mod account;
pub mod actions;
mod allow;
pub mod oauth;
pub mod pages;
mod password;
mod permission;
pub mod queries;
mod role;
mod rule;
mod scope;
mod second_factor;
mod security;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;
mod throttle;
mod ticket;
mod token;
mod viewer;

pub use account::{Account, AccountState, Preferences, Unit, fold_login};
pub use allow::{Allowed, Command};
pub(crate) use pages::step_up;
pub use password::{NewPassword, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordHash, Passwords};
pub use permission::{Permission, Permissions};
pub use role::{AccessSettings, Breadth, CustomRole, Grant, Role};
pub use rule::RoleRule;
pub use scope::{Reach, Scope};
pub use second_factor::{ENROLMENT_MS, Enrolment, RECOVERY_CODES, SecondFactor, TotpSecret};
pub use security::{SecondFactorRule, SecuritySettings};
pub use session::{ADMIN_IDLE_MS, SESSION_IDLE_MS, SESSION_MS_MAX, STEP_UP_MS, Session, idle_ms};
pub use sign_in::{HalfSignIn, SECOND_STEP_MS};
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
        TableSpec::of::<SecuritySettings>(),
        TableSpec::of::<RoleRule>(),
        TableSpec::of::<SecondFactor>(),
        TableSpec::of::<Enrolment>(),
        TableSpec::of::<second_factor::CodeStep>(),
        TableSpec::of::<HalfSignIn>(),
        TableSpec::of::<sign_in::UsedState>(),
    ]
}
