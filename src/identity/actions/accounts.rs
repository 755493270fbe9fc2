//! Making, changing and shutting accounts.

use crate::{
    error::{AppError, Result},
    kit::Id,
    store::{Read, StoreError, SubjectId, Write},
};

use super::{
    super::{
        Account, AccountState, Allowed, Command, CustomRole, PasswordHash, Permission, Preferences,
        Role, Scope, Unit,
        account::{fold_login, new_login, new_name},
        throttle,
        ticket::Ticket,
        token::{ClaimCode, CodeUse},
    },
    access, sessions,
};

/// 新建账号.
#[derive(Debug, Clone)]
pub struct CreateAccount {
    /// The login to be.
    pub login: String,
    /// The name people read.
    pub name: String,
    /// What it will be.
    pub role: Role,
    /// The member it stands for.
    pub member: Option<SubjectId>,
    /// The departments it manages.
    pub units: Vec<Id<Unit>>,
    /// A password set by the operator; without one a one-time code is given out.
    pub password: Option<PasswordHash>,
}

impl Command for CreateAccount {
    const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
    const WHAT: &'static str = "account";
    fn within(&self, _: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything())
    }
}

/// An account just made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// The code its owner sets the password with, shown once; none if a password was given.
    pub code: Option<Ticket>,
}

/// Makes an account.
pub fn create_account(w: &mut Write<'_>, allowed: Allowed<CreateAccount>) -> Result<NewAccount> {
    let command = allowed.into_command();
    check_role(&w.read(), command.role)?;
    let is_set = command.password.is_some();
    let account = Account {
        id: w.new_id()?,
        login: new_login(&command.login)?,
        name: new_name(&command.name)?,
        password: command.password,
        password_set_at: is_set.then_some(w.now()),
        role: command.role,
        member: command.member,
        units: command.units,
        state: if is_set {
            AccountState::Active
        } else {
            AccountState::Invited
        },
        preferences: Preferences::default(),
        created_at: w.now(),
    };
    w.put(&account).map_err(taken)?;
    let code = match is_set {
        true => None,
        false => Some(give_code(w, CodeUse::SetPassword(account.id))?),
    };
    Ok(NewAccount { account, code })
}

/// Changes what an account is.
#[derive(Debug, Clone)]
pub struct UpdateAccount {
    /// Which one.
    pub account: Id<Account>,
    /// The name people read.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The member it stands for.
    pub member: Option<SubjectId>,
    /// The departments it manages.
    pub units: Vec<Id<Unit>>,
}

/// Shuts an account.
#[derive(Debug, Clone)]
pub struct DisableAccount {
    /// Which one.
    pub account: Id<Account>,
}

/// Opens a shut account again.
#[derive(Debug, Clone)]
pub struct EnableAccount {
    /// Which one.
    pub account: Id<Account>,
}

/// Gives out a one-time code for a new password.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    /// Whose.
    pub account: Id<Account>,
}

macro_rules! manages_account {
    ($($command:ty),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
            const WHAT: &'static str = "account";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything() && r.get::<Account>(&self.account)?.is_some())
            }
        }
    )*};
}
manages_account!(UpdateAccount, DisableAccount, EnableAccount, ResetPassword);

/// Changes name, role, member and departments. Bites at the account's next request.
pub fn update_account(w: &mut Write<'_>, allowed: Allowed<UpdateAccount>) -> Result<Account> {
    let command = allowed.into_command();
    check_role(&w.read(), command.role)?;
    let mut account = load(w, command.account)?;
    if command.role != Role::SuperAdmin {
        keep_a_super_admin(w, &account)?;
    }
    account.name = new_name(&command.name)?;
    account.role = command.role;
    account.member = command.member;
    account.units = command.units;
    w.put(&account).map_err(taken)?;
    Ok(account)
}

/// Shuts an account: its sessions end, its tokens and codes are void.
pub fn disable_account(w: &mut Write<'_>, allowed: Allowed<DisableAccount>) -> Result<()> {
    let mut account = load(w, allowed.command().account)?;
    keep_a_super_admin(w, &account)?;
    account.state = AccountState::Disabled;
    w.put(&account)?;
    sessions::end_all(w, account.id)?;
    drop_codes(w, CodeUse::SetPassword(account.id))?;
    for token in access::tokens_of(&w.read(), account.id)? {
        access::void(w, token)?;
    }
    Ok(())
}

/// Opens a shut account again, with the password it had.
pub fn enable_account(w: &mut Write<'_>, allowed: Allowed<EnableAccount>) -> Result<()> {
    let mut account = load(w, allowed.command().account)?;
    if account.state == AccountState::Disabled {
        account.state = match account.password {
            Some(_) => AccountState::Active,
            None => AccountState::Invited,
        };
        w.put(&account)?;
    }
    Ok(())
}

/// Gives out a one-time code for a new password. Whoever is signed in stays so until the
/// code is used; waiting after failed attempts ends.
pub fn reset_password(w: &mut Write<'_>, allowed: Allowed<ResetPassword>) -> Result<Ticket> {
    let account = load(w, allowed.command().account)?;
    if account.state == AccountState::Disabled {
        return Err(AppError::Conflict {
            why: "account_disabled",
        });
    }
    if let Some(folded) = fold_login(&account.login) {
        throttle::free_login(w, &folded)?;
    }
    let act = w.act_mut();
    *act = act.clone().recorded().about("account", account.id);
    give_code(w, CodeUse::SetPassword(account.id))
}

/// Changes one's own name.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// The name people read.
    pub name: String,
}

/// Keeps how somebody likes their pages.
#[derive(Debug, Clone)]
pub struct SavePreferences {
    /// All of them.
    pub preferences: Preferences,
}

macro_rules! own_account {
    ($($command:ty),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = None;
            const WHAT: &'static str = "account";
            fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                Ok(true)
            }
        }
    )*};
}
own_account!(UpdateProfile, SavePreferences);

/// Changes the asking account's name.
pub fn update_profile(w: &mut Write<'_>, allowed: Allowed<UpdateProfile>) -> Result<()> {
    let mut account = own(w, &allowed)?;
    account.name = new_name(&allowed.command().name)?;
    Ok(w.put(&account)?)
}

/// Keeps the asking account's preferences.
pub fn save_preferences(w: &mut Write<'_>, allowed: Allowed<SavePreferences>) -> Result<()> {
    let mut account = own(w, &allowed)?;
    allowed.command().preferences.check()?;
    account.preferences = allowed.into_command().preferences;
    Ok(w.put(&account)?)
}

/// What becoming the first super admin takes.
#[derive(Debug, Clone)]
pub enum FirstClaim {
    /// There is a super admin.
    NotNeeded,
    /// A code given out earlier still opens. Only its hash is kept, so it cannot be shown again.
    Waiting,
    /// A fresh code.
    Given(Ticket),
}

/// While there is no super admin, sees to it that a code for becoming the first is out: a start
/// of the server does not void the one that somebody is about to type.
pub fn ensure_first_claim(w: &mut Write<'_>) -> Result<FirstClaim> {
    let now = w.now();
    let mut waiting = false;
    for code in w.read().all::<ClaimCode>(None)? {
        let code = code?;
        waiting |= code.use_for == CodeUse::FirstSuperAdmin && code.is_live(now);
    }
    match waiting && !has_super_admin(&w.read(), None)? {
        true => Ok(FirstClaim::Waiting),
        false => renew_first_claim(w),
    }
}

/// While there is no super admin, gives out a fresh code for becoming the first; earlier ones
/// are void.
pub fn renew_first_claim(w: &mut Write<'_>) -> Result<FirstClaim> {
    drop_codes(w, CodeUse::FirstSuperAdmin)?;
    if has_super_admin(&w.read(), None)? {
        return Ok(FirstClaim::NotNeeded);
    }
    give_code(w, CodeUse::FirstSuperAdmin).map(FirstClaim::Given)
}

fn load(w: &Write<'_>, id: Id<Account>) -> Result<Account> {
    let account = w.get::<Account>(&id)?;
    account.ok_or(AppError::NotFound { what: "account" })
}

fn own<C>(w: &Write<'_>, allowed: &Allowed<C>) -> Result<Account> {
    load(
        w,
        allowed.by().ok_or(AppError::NotFound { what: "account" })?,
    )
}

/// A login or member that another account has, told at its field.
pub(super) fn taken(error: StoreError) -> AppError {
    match error {
        StoreError::Duplicate { index } if index.ends_with("by_login") => {
            AppError::field("login", "login.taken")
        }
        StoreError::Duplicate { .. } => AppError::field("member", "member.taken"),
        other => other.into(),
    }
}

fn check_role(r: &Read<'_>, role: Role) -> Result<()> {
    match role {
        Role::Custom(id) if !r.exists::<CustomRole>(&id)? => {
            Err(AppError::field("role", "role.unknown"))
        }
        _ => Ok(()),
    }
}

/// Somebody must always be left who can sign in and decide.
fn keep_a_super_admin(w: &Write<'_>, account: &Account) -> Result<()> {
    let counts = account.is_active() && account.role == Role::SuperAdmin;
    if counts && !has_super_admin(&w.read(), Some(account.id))? {
        return Err(AppError::Conflict {
            why: "last_super_admin",
        });
    }
    Ok(())
}

/// Whether there is a super admin in use besides this account.
pub(in crate::identity) fn has_super_admin(
    r: &Read<'_>,
    besides: Option<Id<Account>>,
) -> Result<bool, StoreError> {
    for account in r.all::<Account>(None)? {
        let account = account?;
        if account.is_active() && account.role == Role::SuperAdmin && Some(account.id) != besides {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives out a code; earlier ones for the same use are void.
fn give_code(w: &mut Write<'_>, use_for: CodeUse) -> Result<Ticket> {
    drop_codes(w, use_for)?;
    let ticket = Ticket::code(w.random());
    w.put(&ClaimCode {
        code: ticket.hash,
        use_for,
        issued_at: w.now(),
    })?;
    Ok(ticket)
}

fn drop_codes(w: &mut Write<'_>, use_for: CodeUse) -> Result<()> {
    let codes: Vec<ClaimCode> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for code in codes.iter().filter(|code| code.use_for == use_for) {
        w.delete::<ClaimCode>(&code.code)?;
    }
    Ok(())
}
