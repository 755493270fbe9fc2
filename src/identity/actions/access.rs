//! API tokens, custom roles, and who sees beyond their own records.

use crate::{
    error::{AppError, Result},
    kit::{Id, Timestamp},
    store::{Key, Read, StoreError, Walk, Write},
};

use super::super::{
    AccessSettings, Account, Allowed, Command, CustomRole, Permission, Permissions, Role, Scope,
    account::new_name,
    role::Breadth,
    ticket::Ticket,
    token::{API_TOKEN_MS_MAX, ApiToken, TOKENS_BY_ACCOUNT},
};

/// 新建接口令牌.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// In whose name it acts.
    pub account: Id<Account>,
    /// What it is for.
    pub name: String,
    /// Its rights, at most those of the account.
    pub permissions: Permissions,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Command for CreateToken {
    const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
    const WHAT: &'static str = "account";
    const STEP_UP: bool = true;
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let account = r.get::<Account>(&self.account)?;
        Ok(scope.is_everything() && account.is_some_and(|a| a.is_active()))
    }
}

/// Makes an API token; its text is shown once.
pub fn create_token(
    w: &mut Write<'_>,
    allowed: Allowed<CreateToken>,
) -> Result<(ApiToken, Ticket)> {
    let command = allowed.into_command();
    let lives_ms = command.expires_at.since_ms(w.now());
    if lives_ms <= 0 || lives_ms > API_TOKEN_MS_MAX {
        return Err(AppError::field("expires", "token.expires"));
    }
    let account = w.get::<Account>(&command.account)?;
    let account = account.ok_or(AppError::NotFound { what: "account" })?;
    let has = account.role.grant(&w.read())?.permissions;
    let fits = |p: &Permission| has.contains(p) && p.is_delegable();
    if command.permissions.is_empty() || !command.permissions.iter().all(fits) {
        return Err(AppError::field("permissions", "token.permissions"));
    }
    let ticket = Ticket::api(w.random());
    let token = ApiToken {
        id: w.new_id()?,
        secret: ticket.hash,
        account: account.id,
        name: new_name(&command.name)?,
        permissions: command.permissions,
        created_at: w.now(),
        expires_at: command.expires_at,
        revoked_at: None,
    };
    w.put(&token)?;
    Ok((token, ticket))
}

/// Ends an API token.
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// Which one.
    pub token: Id<ApiToken>,
}

impl Command for RevokeToken {
    const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
    const WHAT: &'static str = "api_token";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && r.get::<ApiToken>(&self.token)?.is_some())
    }
}

/// Ends an API token; it is refused from the next request on.
pub fn revoke_token(w: &mut Write<'_>, allowed: Allowed<RevokeToken>) -> Result<()> {
    match w.get::<ApiToken>(&allowed.command().token)? {
        Some(token) => Ok(void(w, token)?),
        None => Err(AppError::NotFound { what: "api_token" }),
    }
}

pub(super) fn void(w: &mut Write<'_>, mut token: ApiToken) -> Result<(), StoreError> {
    token.revoked_at.get_or_insert(w.now());
    w.put(&token)
}

pub(super) fn tokens_of(r: &Read<'_>, account: Id<Account>) -> Result<Vec<ApiToken>, StoreError> {
    let walk = Walk::prefix(Key::new().with(account));
    r.list(&TOKENS_BY_ACCOUNT, &walk)?.collect()
}

/// Decides who sees beyond their own records.
#[derive(Debug, Clone, Copy)]
pub struct SaveAccessSettings {
    /// The settings to be.
    pub settings: AccessSettings,
}

/// Makes or changes a custom role.
#[derive(Debug, Clone)]
pub struct SaveRole {
    /// Which one; none makes a new one.
    pub role: Option<Id<CustomRole>>,
    /// Its name.
    pub name: String,
    /// Its rights.
    pub permissions: Permissions,
    /// How far they reach.
    pub breadth: Breadth,
}

/// Removes a custom role that nobody has.
#[derive(Debug, Clone, Copy)]
pub struct DeleteRole {
    /// Which one.
    pub role: Id<CustomRole>,
}

impl Command for SaveAccessSettings {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    const STEP_UP: bool = true;
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

impl Command for SaveRole {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "role";
    const STEP_UP: bool = true;
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let is_there = match &self.role {
            Some(id) => r.exists::<CustomRole>(id)?,
            None => true,
        };
        Ok(scope.is_everything() && is_there)
    }
}

impl Command for DeleteRole {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "role";
    const STEP_UP: bool = true;
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && r.exists::<CustomRole>(&self.role)?)
    }
}

/// Saves the settings. Bites at everybody's next request.
pub fn save_access_settings(w: &mut Write<'_>, allowed: Allowed<SaveAccessSettings>) -> Result<()> {
    Ok(w.put(&allowed.into_command().settings)?)
}

/// Makes or changes a custom role. Bites at the next request of whoever has it.
pub fn save_role(w: &mut Write<'_>, allowed: Allowed<SaveRole>) -> Result<CustomRole> {
    let command = allowed.into_command();
    if !command.permissions.iter().all(|p| p.is_delegable()) {
        return Err(AppError::field("permissions", "role.not_delegable"));
    }
    let id = match command.role {
        Some(id) => id,
        None => w.new_id()?,
    };
    let role = CustomRole {
        id,
        name: new_name(&command.name)?,
        permissions: command.permissions,
        breadth: command.breadth,
    };
    w.put(&role).map_err(|error| match error {
        StoreError::Duplicate { .. } => AppError::field("name", "role.taken"),
        other => other.into(),
    })?;
    Ok(role)
}

/// Removes a custom role. Refused while any account has it.
pub fn delete_role(w: &mut Write<'_>, allowed: Allowed<DeleteRole>) -> Result<()> {
    let role = allowed.command().role;
    for account in w.read().all::<Account>(None)? {
        if account?.role == Role::Custom(role) {
            return Err(AppError::Conflict { why: "role_in_use" });
        }
    }
    w.delete::<CustomRole>(&role)?;
    Ok(())
}
