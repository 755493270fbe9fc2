//! The right to do one thing: a command that was let through.

use crate::{
    kit::Id,
    store::{Read, StoreError},
};

use super::{Account, Permission, Scope, Viewer, session::Session};

/// Something somebody wants done. Actions take it only as [`Allowed`].
pub trait Command {
    /// The right it takes. `None` for what everybody may do to their own account, in person
    /// and not with an API token.
    const PERMISSION: Option<Permission>;
    /// The kind of thing it is about, for [`NotFound`](crate::error::AppError::NotFound).
    const WHAT: &'static str;
    /// Whether the password must have been typed within the last minutes.
    const STEP_UP: bool = false;

    /// Whether everything it is about is there and within scope. What is absent and what is
    /// out of scope are one and the same.
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError>;
}

/// A command that was let through, inside the write that carries it out. Made only by
/// [`Viewer::allow`]:
///
/// ```compile_fail,E0451
/// use qitai::identity::{Allowed, actions::SignOut};
/// let mine = Allowed { command: SignOut, scope: todo!(), by: None, session: None };
/// ```
///
/// An action cannot be called without it:
///
/// ```compile_fail,E0308
/// use qitai::{identity::actions::{self, SignOut}, store::Write};
/// fn sneak(w: &mut Write<'_>) {
///     let _ = actions::sign_out(w, SignOut);
/// }
/// ```
#[derive(Debug)]
pub struct Allowed<C> {
    command: C,
    scope: Scope,
    by: Option<Id<Account>>,
    session: Option<Session>,
}

impl<C> Allowed<C> {
    pub(super) fn new(command: C, scope: Scope, viewer: &Viewer) -> Self {
        Self {
            command,
            scope,
            by: viewer.account_id(),
            session: viewer.session().cloned(),
        }
    }

    /// The command.
    pub fn command(&self) -> &C {
        &self.command
    }

    /// The command, to be carried out.
    pub fn into_command(self) -> C {
        self.command
    }

    /// How far the right reaches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whose account is acting; none for Qitai itself.
    pub fn by(&self) -> Option<Id<Account>> {
        self.by
    }

    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }
}
