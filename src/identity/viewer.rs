//! Who is asking. Every query and every change begins with a [`Viewer`].

use std::sync::Arc;

use crate::{
    error::{AppError, Result},
    kit::{Id, OperationId, Timestamp},
    store::{Act, ActKind, Actor, Channel, Origin, Read, StoreError, Write},
};

use super::{
    Account, Permission, Role, Scope, SecondFactor, SecuritySettings, Session,
    allow::{Allowed, Command},
    permission::Permissions,
    role::Grant,
    ticket,
    token::ApiToken,
};

/// Somebody known: a session, a program with a token, or Qitai itself for a named reason.
/// Made only by authentication:
///
/// ```compile_fail
/// let anybody = qitai::identity::Viewer { };
/// ```
#[derive(Debug, Clone)]
pub struct Viewer {
    who: Who,
    permissions: Permissions,
    role: String,
    must_enrol: bool,
    origin: Origin,
    at: Timestamp,
}

#[derive(Debug, Clone)]
enum Who {
    Session(Arc<Account>, Arc<Session>),
    Token(Arc<Account>, Id<ApiToken>),
    Job(Arc<Account>, &'static str),
    System(&'static str),
}

/// How an account stands in one state of the store.
struct Standing {
    account: Option<Account>,
    grant: Grant,
    /// The firm asks for a second factor, and the account has none yet.
    must_enrol: bool,
}

impl Standing {
    fn of_session(
        r: &Read<'_>,
        session: &Session,
        account: Account,
        now: Timestamp,
    ) -> Result<Self> {
        if !session.is_live(now, account.role) {
            return Err(AppError::Unauthenticated);
        }
        let asked = SecuritySettings::load(r)?.second_factor.asks(account.role);
        let must_enrol = asked && !r.exists::<SecondFactor>(&account.id)?;
        let mut grant = account.role.grant(r)?;
        if must_enrol {
            // Nothing but one's own account, where the second factor is set up.
            grant.permissions.clear();
        }
        Ok(Self {
            account: Some(account),
            grant,
            must_enrol,
        })
    }

    /// Of one whose rights may be limited to some.
    fn of_account(r: &Read<'_>, account: Account, limit: Option<&Permissions>) -> Result<Self> {
        let mut grant = account.role.grant(r)?;
        if let Some(limit) = limit {
            grant
                .permissions
                .retain(|p| limit.contains(p) && p.is_delegable());
        }
        Ok(Self {
            account: Some(account),
            grant,
            must_enrol: false,
        })
    }
}

impl Who {
    /// Reads session or token, account and role again: what was revoked, disabled or changed
    /// bites at the next use, not at the next sign-in.
    fn standing(&self, r: &Read<'_>, now: Timestamp) -> Result<Standing> {
        match self {
            Self::System(_) => Ok(Standing {
                account: None,
                grant: Role::SuperAdmin.grant(r)?,
                must_enrol: false,
            }),
            Self::Job(account, _) => Standing::of_account(r, active(r, account.id)?, None),
            Self::Session(_, session) => {
                let session = r.get::<Session>(&session.token)?;
                let session = session.ok_or(AppError::Unauthenticated)?;
                let account = active(r, session.account)?;
                Standing::of_session(r, &session, account, now)
            }
            Self::Token(_, id) => {
                let token = r.get::<ApiToken>(id)?;
                let token = token.filter(|t| t.is_live(now));
                let token = token.ok_or(AppError::Unauthenticated)?;
                let account = active(r, token.account)?;
                Standing::of_account(r, account, Some(&token.permissions))
            }
        }
    }
}

impl Viewer {
    /// Whoever presents the token of a living session. Everything else is
    /// [`AppError::Unauthenticated`], whatever the reason.
    pub fn authenticate_session(
        r: &Read<'_>,
        token: &str,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Self> {
        let session = r.get::<Session>(&ticket::hash(token))?;
        let session = session.ok_or(AppError::Unauthenticated)?;
        let account = active(r, session.account)?;
        let standing = Standing::of_session(r, &session, account.clone(), now)?;
        let who = Who::Session(Arc::new(account), Arc::new(session));
        Ok(Self::standing_so(who, standing, origin, now))
    }

    /// Whichever program presents a living API token.
    pub fn authenticate_token(
        r: &Read<'_>,
        token: &str,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Self> {
        let token = ApiToken::by_text(r, token)?.ok_or(AppError::Unauthenticated)?;
        let who = Who::Token(Arc::new(active(r, token.account)?), token.id);
        Self::standing_at(who, r, origin, now)
    }

    /// Qitai itself, for this reason, e.g. `sync`: everything is allowed and everything is
    /// audited as `system:<reason>`.
    pub fn system(reason: &'static str) -> Self {
        Self {
            who: Who::System(reason),
            permissions: Permission::ALL.into_iter().collect(),
            role: "system".to_owned(),
            must_enrol: false,
            origin: Origin::local(Channel::Job, ""),
            at: Timestamp::default(),
        }
    }

    /// The operator at the console, who has the folder anyway.
    pub fn console() -> Self {
        Self {
            role: "console".to_owned(),
            origin: Origin::local(Channel::Cli, ""),
            ..Self::system("console")
        }
    }

    /// A job that does for an account what its owner asked for earlier, with the rights the
    /// account has now.
    pub fn on_behalf(
        r: &Read<'_>,
        account: Id<Account>,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<Self> {
        let who = Who::Job(Arc::new(active(r, account)?), reason);
        Self::standing_at(who, r, Origin::local(Channel::Job, ""), now)
    }

    fn standing_at(who: Who, r: &Read<'_>, origin: Origin, now: Timestamp) -> Result<Self> {
        let standing = who.standing(r, now)?;
        Ok(Self::standing_so(who, standing, origin, now))
    }

    fn standing_so(who: Who, standing: Standing, origin: Origin, now: Timestamp) -> Self {
        Self {
            who,
            permissions: standing.grant.permissions,
            role: standing.account.map(|a| a.role.code()).unwrap_or_default(),
            must_enrol: standing.must_enrol,
            origin,
            at: now,
        }
    }

    /// What the viewer sees under `permission` in this state of the store.
    ///
    /// [`AppError::Forbidden`] without the permission, [`AppError::Unauthenticated`] if the
    /// session, token or account has ended meanwhile.
    pub fn scope(&self, r: &Read<'_>, permission: Permission) -> Result<Scope> {
        self.scope_at(r, Some(permission), self.at)
    }

    fn scope_at(
        &self,
        r: &Read<'_>,
        permission: Option<Permission>,
        now: Timestamp,
    ) -> Result<Scope> {
        let standing = self.who.standing(r, now)?;
        if let Some(missing) = permission
            && !standing.grant.permissions.contains(&missing)
        {
            return Err(AppError::Forbidden {
                permission: missing.code(),
            });
        }
        Ok(match &standing.account {
            Some(account) => Scope::of(account, &standing.grant, permission),
            None => Scope::everything(),
        })
    }

    /// Whether session or token, account and the right to `permission` are still there: for
    /// what goes on for longer than a request should, such as a stream.
    pub fn still_may(&self, r: &Read<'_>, permission: Permission, now: Timestamp) -> bool {
        self.scope_at(r, Some(permission), now).is_ok()
    }

    /// Lets a command through, inside the write that carries it out, judged by that write's
    /// own state.
    ///
    /// [`AppError::Forbidden`] without the permission (the refusal is audited),
    /// [`AppError::NotFound`] for what is out of scope or absent, which look the same.
    pub fn allow<C: Command>(&self, w: &Write<'_>, command: C) -> Result<Allowed<C>> {
        if w.act().actor != self.actor() {
            return Err(AppError::internal("the act names somebody else"));
        }
        let now = w.now();
        if C::PERMISSION.is_none() && !self.is_in_person() {
            return Err(AppError::Forbidden {
                permission: "session",
            });
        }
        let scope = self.scope_at(&w.read(), C::PERMISSION, now)?;
        if C::STEP_UP && !self.is_stepped_up(&w.read(), now)? {
            return Err(AppError::Conflict { why: "step_up" });
        }
        if !command.within(&w.read(), &scope)? {
            return Err(AppError::NotFound { what: C::WHAT });
        }
        Ok(Allowed::new(command, scope, self))
    }

    /// The verb of a write that has an action carried out for this viewer, if it is allowed
    /// then. The act must be this viewer's [`change`](Self::change).
    pub fn verb<C, T>(
        &self,
        command: C,
        action: fn(&mut Write<'_>, Allowed<C>) -> Result<T>,
    ) -> impl FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static
    where
        C: Command + Send + 'static,
        T: 'static,
    {
        let by = self.clone();
        move |w| {
            let allowed = by.allow(w, command)?;
            action(w, allowed)
        }
    }

    /// A person at the screen or the console, not a program with a token.
    fn is_in_person(&self) -> bool {
        matches!(self.who, Who::Session(..) | Who::System(_))
    }

    fn is_stepped_up(&self, r: &Read<'_>, now: Timestamp) -> Result<bool, StoreError> {
        Ok(match &self.who {
            Who::Session(_, session) => {
                let session = r.get::<Session>(&session.token)?;
                session.is_some_and(|s| s.is_stepped_up(now))
            }
            Who::System(_) => true,
            Who::Token(..) | Who::Job(..) => false,
        })
    }

    /// From now on everything this viewer and its copies do is done for this operation: it is
    /// carried out once. A request has one; a second is not heard.
    pub fn carry(&self, operation: OperationId) {
        self.origin.operation.get_or_init(|| operation);
    }

    /// Whether the viewer had this right when authenticated. For menus and early refusals;
    /// the check itself is [`Viewer::scope`] or [`Viewer::allow`].
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// An act that changes something.
    pub fn change(&self, code: &'static str) -> Act {
        let (actor, on_behalf) = match &self.who {
            Who::Job(account, _) => (self.actor(), Some(Actor::Account(account.subject_id()))),
            _ => (self.actor(), None),
        };
        let act = Act {
            code,
            kind: ActKind::Change,
            actor,
            role: self.role.clone(),
            on_behalf,
            objects: Vec::new(),
            origin: self.origin.clone(),
            details: Vec::new(),
        };
        match &self.who {
            Who::Token(_, token) => act.about("api_token", token),
            _ => act,
        }
    }

    /// An act that shows something personal: always leaves an entry.
    pub fn view(&self, code: &'static str) -> Act {
        self.change(code).recorded()
    }

    /// Who stands in the audit trail.
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::Session(account, _) | Who::Token(account, _) => {
                Actor::Account(account.subject_id())
            }
            Who::Job(_, reason) | Who::System(reason) => Actor::System(reason),
        }
    }

    /// The account, as it was when authenticated. None for Qitai itself.
    pub fn account(&self) -> Option<&Account> {
        match &self.who {
            Who::Session(account, _) | Who::Token(account, _) | Who::Job(account, _) => {
                Some(account)
            }
            Who::System(_) => None,
        }
    }

    /// The account's id. None for Qitai itself.
    pub fn account_id(&self) -> Option<Id<Account>> {
        self.account().map(|account| account.id)
    }

    /// Whether the firm asks for a second factor that the account does not have yet: nothing
    /// is allowed but setting it up.
    pub fn must_enrol(&self) -> bool {
        self.must_enrol
    }

    /// The session, if the viewer came with one.
    pub fn session(&self) -> Option<&Session> {
        match &self.who {
            Who::Session(_, session) => Some(session),
            _ => None,
        }
    }

    /// The secret that the session's forms are bound to.
    pub fn form_secret(&self) -> Option<&[u8; 32]> {
        self.session().map(|session| &session.form_secret)
    }

    /// Whether the session should be noted as seen with
    /// [`actions::touch`](super::actions::touch). At most once a minute.
    pub fn is_touch_due(&self) -> bool {
        self.session().is_some_and(|s| s.is_touch_due(self.at))
    }

    /// The role's stable code.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// From where the request came.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A name that differs between any two viewers: cursors are bound to it.
    pub fn name_for_binding(&self) -> String {
        self.actor().text()
    }
}

fn active(r: &Read<'_>, id: Id<Account>) -> Result<Account> {
    let account = r.get::<Account>(&id)?.filter(Account::is_active);
    account.ok_or(AppError::Unauthenticated)
}
