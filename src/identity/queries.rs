//! Reads of accounts, sessions, tokens and roles.

use crate::{
    error::{AppError, Result},
    kit::{Cursor, Id, Page, PageRequest, Timestamp},
    store::{Read, StoreError, SubjectId},
};

use super::{
    Account, AccountState, CustomRole, Permission, Role, RoleRule, Scope, SecondFactor,
    SecondFactorRule, Unit, Viewer,
    account::fold_login,
    actions,
    session::Session,
    token::{ApiToken, TOKENS_BY_ACCOUNT},
};

/// An account as lists and pages show it: without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Its id.
    pub id: Id<Account>,
    /// The login.
    pub login: String,
    /// The name people read.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The member it stands for.
    pub member: Option<SubjectId>,
    /// The departments it manages.
    pub units: Vec<Id<Unit>>,
    /// Whether it can be used.
    pub state: AccountState,
    /// When its password was last set.
    pub password_set_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its role follows the rules by department.
    pub role_by_rule: bool,
    /// Whether it was shut because its member left or was disabled.
    pub shut_with_member: bool,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            login: account.login,
            name: account.name,
            role: account.role,
            member: account.member,
            units: account.units,
            state: account.state,
            password_set_at: account.password_set_at,
            created_at: account.created_at,
            role_by_rule: account.role_by_rule,
            shut_with_member: account.shut_with_member,
        }
    }
}

/// Accounts by login, those whose login or name contains `text` if it is not empty. The
/// scope must be of [`Permission::AccountManage`](super::Permission::AccountManage).
pub fn accounts(
    r: &Read<'_>,
    scope: &Scope,
    text: &str,
    page: &PageRequest,
) -> Result<Page<AccountView>> {
    if !scope.is_everything() {
        return Err(AppError::NotFound { what: "account" });
    }
    // Some hundreds at most, so sorting what is there beats an index to keep.
    let mut found: Vec<Account> = r.all::<Account>(None)?.collect::<Result<_, _>>()?;
    found.sort_by_cached_key(|account| (sort_key(account), account.id));
    let text = text.trim().to_lowercase();
    found.retain(|account| {
        account.name.to_lowercase().contains(&text) || account.login.to_lowercase().contains(&text)
    });
    Ok(cut(found, page))
}

fn sort_key(account: &Account) -> String {
    fold_login(&account.login).unwrap_or_default()
}

fn cut(found: Vec<Account>, page: &PageRequest) -> Page<AccountView> {
    let (total, limit) = (found.len(), page.limit());
    let place = |cursor: &Cursor| {
        let key = std::str::from_utf8(&cursor.0).unwrap_or_default();
        found.partition_point(|account| sort_key(account).as_str() <= key)
    };
    let start = match (&page.after, &page.before) {
        (Some(after), _) => place(after),
        (None, Some(before)) => place(before).saturating_sub(1).saturating_sub(limit),
        (None, None) => 0,
    };
    let end = (start + limit).min(total);
    let cursor = |at: usize| found.get(at).map(|a| Cursor(sort_key(a).into_bytes()));
    let next = (end < total).then(|| cursor(end - 1)).flatten();
    let prev = (start > 0).then(|| cursor(start)).flatten();
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Page {
        total: count(total),
        total_exact: true,
        offset: Some(count(start)),
        next,
        prev,
        items: found
            .into_iter()
            .skip(start)
            .take(end - start)
            .map(AccountView::from)
            .collect(),
    }
}

/// One account, for whoever manages them.
pub fn account(r: &Read<'_>, scope: &Scope, id: Id<Account>) -> Result<AccountView> {
    let account = r.get::<Account>(&id)?.filter(|_| scope.is_everything());
    Ok(account
        .ok_or(AppError::NotFound { what: "account" })?
        .into())
}

/// The name of an account beside what it did. Names of colleagues are no secret in a firm.
pub fn account_name(r: &Read<'_>, id: Id<Account>) -> Result<Option<String>, StoreError> {
    Ok(r.get::<Account>(&id)?.map(|account| account.name))
}

/// The member an account stands for.
pub fn account_member(r: &Read<'_>, id: Id<Account>) -> Result<Option<SubjectId>, StoreError> {
    Ok(r.get::<Account>(&id)?.and_then(|account| account.member))
}

/// The account with this login, for the operator at the console.
pub fn account_by_login(r: &Read<'_>, scope: &Scope, login: &str) -> Result<AccountView> {
    let account = Account::by_login(r, login)?.filter(|_| scope.is_everything());
    Ok(account
        .ok_or(AppError::NotFound { what: "account" })?
        .into())
}

/// Accounts in use that have a permission now, with how far it reaches: for saying who could
/// see something, or decide about it.
pub fn holders(r: &Read<'_>, permission: Permission) -> Result<Vec<(AccountView, Scope)>> {
    let mut found = Vec::new();
    for account in r.all::<Account>(None)? {
        let account = account?;
        let grant = account.role.grant(r)?;
        if account.is_active() && grant.permissions.contains(&permission) {
            let scope = Scope::of(&account, &grant, Some(permission));
            found.push((account.into(), scope));
        }
    }
    found.sort_by(|(a, _): &(AccountView, Scope), (b, _)| a.name.cmp(&b.name));
    Ok(found)
}

/// The account that stands for a member.
pub fn account_of_member(r: &Read<'_>, member: SubjectId) -> Result<Option<Id<Account>>> {
    Ok(Account::by_member(r, member)?.map(|account| account.id))
}

/// Whether there is a super admin in use; without one `/claim` is open.
pub fn has_super_admin(r: &Read<'_>) -> Result<bool> {
    Ok(actions::has_super_admin(r, None)?)
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: Id<Session>,
    /// When it began.
    pub created_at: Timestamp,
    /// The last request noted.
    pub seen_at: Timestamp,
    /// When it ends if nothing more is heard of it.
    pub ends_at: Timestamp,
    /// The address it began at.
    pub ip: Option<String>,
    /// The browser as it names itself.
    pub device: Option<String>,
    /// 本机: the one that asks.
    pub is_this: bool,
}

/// The viewer's own living sessions, the one that asks first, then the latest seen.
pub fn own_sessions(r: &Read<'_>, viewer: &Viewer, now: Timestamp) -> Result<Vec<SessionView>> {
    let account = viewer.account().ok_or(AppError::Unauthenticated)?;
    let this = viewer.session().map(Session::id);
    sessions_of(r, account.id, account.role, this, now)
}

/// The living sessions of an account, the latest seen first, for whoever manages accounts.
pub fn sessions(
    r: &Read<'_>,
    scope: &Scope,
    id: Id<Account>,
    now: Timestamp,
) -> Result<Vec<SessionView>> {
    let account = account(r, scope, id)?;
    sessions_of(r, id, account.role, None, now)
}

fn sessions_of(
    r: &Read<'_>,
    account: Id<Account>,
    role: Role,
    this: Option<Id<Session>>,
    now: Timestamp,
) -> Result<Vec<SessionView>> {
    let mut sessions: Vec<SessionView> = actions::sessions_of(r, account)?
        .into_iter()
        .filter(|session| session.is_live(now, role))
        .map(|session| SessionView {
            id: session.id(),
            is_this: Some(session.id()) == this,
            created_at: session.created_at,
            seen_at: session.seen_at,
            ends_at: session.ends_at(role),
            ip: session.ip,
            device: session.device,
        })
        .collect();
    sessions.sort_by_key(|s| (!s.is_this, std::cmp::Reverse(s.seen_at)));
    Ok(sessions)
}

/// The API tokens of an account, newest first, for whoever manages accounts.
pub fn tokens(r: &Read<'_>, scope: &Scope, account: Id<Account>) -> Result<Vec<ApiToken>> {
    if !scope.is_everything() {
        return Err(AppError::NotFound { what: "account" });
    }
    let walk = crate::store::Walk::prefix(crate::store::Key::new().with(account));
    let mut tokens: Vec<ApiToken> = r
        .list(&TOKENS_BY_ACCOUNT, &walk)?
        .collect::<Result<_, _>>()?;
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    Ok(tokens)
}

/// All API tokens with the names of their accounts, newest first, for whoever manages
/// accounts.
pub fn all_tokens(r: &Read<'_>, scope: &Scope) -> Result<Vec<(ApiToken, String)>> {
    if !scope.is_everything() {
        return Err(AppError::NotFound { what: "api_token" });
    }
    let mut all = Vec::new();
    for token in r.all::<ApiToken>(None)? {
        let token = token?;
        let name = account_name(r, token.account)?.unwrap_or_default();
        all.push((token, name));
    }
    all.sort_by_key(|(token, _)| std::cmp::Reverse(token.created_at));
    Ok(all)
}

/// The name of a custom role; `None` if there is none such.
pub fn role_name(r: &Read<'_>, role: Role) -> Result<Option<String>, StoreError> {
    match role {
        Role::Custom(id) => Ok(r.get::<CustomRole>(&id)?.map(|role| role.name)),
        _ => Ok(None),
    }
}

/// A custom role.
pub fn custom_role(r: &Read<'_>, id: Id<CustomRole>) -> Result<CustomRole> {
    let role = r.get::<CustomRole>(&id)?;
    role.ok_or(AppError::NotFound { what: "role" })
}

/// How many accounts in use must have a second factor under `rule` and have none.
pub fn without_second_factor(r: &Read<'_>, rule: SecondFactorRule) -> Result<usize> {
    let mut n = 0;
    for account in r.all::<Account>(None)? {
        let account = account?;
        let asked = account.is_active() && rule.asks(account.role);
        n += usize::from(asked && !r.exists::<SecondFactor>(&account.id)?);
    }
    Ok(n)
}

/// A rule that gives roles by department.
pub fn rule(r: &Read<'_>, id: Id<RoleRule>) -> Result<RoleRule> {
    let rule = r.get::<RoleRule>(&id)?;
    rule.ok_or(AppError::NotFound { what: "role_rule" })
}

/// Role of a member's account, and whether it follows the rules; `None` without an account.
pub fn account_standing(r: &Read<'_>, member: SubjectId) -> Result<Option<(Role, bool)>> {
    let account = Account::by_member(r, member)?;
    Ok(account.map(|account| (account.role, account.role_by_rule)))
}

/// How many accounts have a role.
pub fn accounts_with(r: &Read<'_>, role: Role) -> Result<usize> {
    let mut n = 0;
    for account in r.all::<Account>(None)? {
        n += usize::from(account?.role == role);
    }
    Ok(n)
}

/// The firm's own roles by name.
pub fn custom_roles(r: &Read<'_>) -> Result<Vec<CustomRole>> {
    let mut roles: Vec<CustomRole> = r.all(None)?.collect::<Result<_, _>>()?;
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(roles)
}
