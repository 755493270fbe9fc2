//! How people get in: the firm's settings, and roles by department.

use crate::{
    error::{AppError, Result},
    kit::Id,
    store::{Read, StoreError, Write},
};

use super::{
    super::{Allowed, Command, Permission, Role, RoleRule, Scope, SecuritySettings, Unit},
    accounts::check_role,
};

/// Rules at most; each sign-in of somebody new looks at all of them.
const RULES_MAX: usize = 200;

/// Decides how people get in.
#[derive(Debug, Clone)]
pub struct SaveSecurity {
    /// The settings to be.
    pub settings: SecuritySettings,
}

/// Makes or changes a rule; a new one is asked last.
#[derive(Debug, Clone)]
pub struct SaveRule {
    /// Which one; none makes a new one.
    pub rule: Option<Id<RoleRule>>,
    /// The department.
    pub unit: Id<Unit>,
    /// What its members become.
    pub role: Role,
    /// The departments they manage.
    pub units: Vec<Id<Unit>>,
}

/// Removes a rule.
#[derive(Debug, Clone, Copy)]
pub struct DeleteRule {
    /// Which one.
    pub rule: Id<RoleRule>,
}

/// Lets a rule be asked one place earlier or later.
#[derive(Debug, Clone, Copy)]
pub struct MoveRule {
    /// Which one.
    pub rule: Id<RoleRule>,
    /// Earlier, else later.
    pub earlier: bool,
}

impl Command for SaveSecurity {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "settings";
    const STEP_UP: bool = true;
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

impl Command for SaveRule {
    const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
    const WHAT: &'static str = "role_rule";
    const STEP_UP: bool = true;
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let is_there = match &self.rule {
            Some(id) => r.exists::<RoleRule>(id)?,
            None => true,
        };
        Ok(scope.is_everything() && is_there)
    }
}

macro_rules! of_rule {
    ($($command:ty),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::SettingsManage);
            const WHAT: &'static str = "role_rule";
            const STEP_UP: bool = true;
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything() && r.exists::<RoleRule>(&self.rule)?)
            }
        }
    )*};
}
of_rule!(DeleteRule, MoveRule);

/// Saves the settings. They bite at everybody's next request or sign-in.
pub fn save_security(w: &mut Write<'_>, allowed: Allowed<SaveSecurity>) -> Result<()> {
    let settings = allowed.into_command().settings;
    if let Some(role) = settings.default_role {
        check_grantable(&w.read(), role)?;
    }
    Ok(w.put(&settings)?)
}

/// Whoever may move people between departments at WeCom must not be able to make super admins.
fn check_grantable(r: &Read<'_>, role: Role) -> Result<()> {
    match role {
        Role::SuperAdmin => Err(AppError::field("role", "role_rule.super_admin")),
        role => check_role(r, role),
    }
}

/// Makes or changes a rule. It bites when somebody signs in with WeCom next.
pub fn save_rule(w: &mut Write<'_>, allowed: Allowed<SaveRule>) -> Result<RoleRule> {
    let command = allowed.into_command();
    check_grantable(&w.read(), command.role)?;
    let rules = RoleRule::all(&w.read())?;
    let known = rules.iter().find(|rule| Some(rule.id) == command.rule);
    if known.is_none() && rules.len() >= RULES_MAX {
        return Err(AppError::field("", "role_rule.too_many"));
    }
    let others = rules.iter().filter(|rule| Some(rule.id) != command.rule);
    if others.into_iter().any(|rule| rule.unit == command.unit) {
        return Err(AppError::field("unit_of", "role_rule.taken"));
    }
    let last = rules.last().map_or(0, |rule| rule.place);
    let rule = RoleRule {
        id: match known {
            Some(rule) => rule.id,
            None => w.new_id()?,
        },
        place: known.map_or(last.saturating_add(1), |rule| rule.place),
        unit: command.unit,
        role: command.role,
        units: match command.role {
            Role::DepartmentAdmin | Role::Custom(_) => command.units,
            _ => Vec::new(),
        },
    };
    w.put(&rule)?;
    Ok(rule)
}

/// Removes a rule. Accounts that it has made keep their role until their next sign-in.
pub fn delete_rule(w: &mut Write<'_>, allowed: Allowed<DeleteRule>) -> Result<()> {
    w.delete::<RoleRule>(&allowed.command().rule)?;
    Ok(())
}

/// Moves a rule by one place; the first and the last stay where they are.
pub fn move_rule(w: &mut Write<'_>, allowed: Allowed<MoveRule>) -> Result<()> {
    let command = allowed.command();
    let rules = RoleRule::all(&w.read())?;
    let at = rules.iter().position(|rule| rule.id == command.rule);
    let at = at.ok_or(AppError::NotFound { what: "role_rule" })?;
    let to = match command.earlier {
        true => at.checked_sub(1),
        false => Some(at + 1),
    };
    let Some(other) = to.and_then(|to| rules.get(to)) else {
        return Ok(());
    };
    let (mut rule, mut other) = (rules[at].clone(), other.clone());
    std::mem::swap(&mut rule.place, &mut other.place);
    w.put(&rule)?;
    Ok(w.put(&other)?)
}
