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
    const STEP_UP: bool = true;
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
        role_by_rule: false,
        shut_with_member: false,
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
    ($($command:ty: $step_up:literal),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
            const WHAT: &'static str = "account";
            const STEP_UP: bool = $step_up;
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                Ok(scope.is_everything() && r.get::<Account>(&self.account)?.is_some())
            }
        }
    )*};
}
// Shutting somebody out must be quick; whatever lets somebody in or further takes the password.
manages_account!(
    UpdateAccount: true, DisableAccount: false, EnableAccount: true, ResetPassword: true
);

/// Changes name, role, member and departments. Bites at the account's next request.
pub fn update_account(w: &mut Write<'_>, allowed: Allowed<UpdateAccount>) -> Result<Account> {
    let command = allowed.into_command();
    check_role(&w.read(), command.role)?;
    let mut account = load(w, command.account)?;
    if command.role != Role::SuperAdmin {
        keep_a_super_admin(w, &account)?;
    }
    account.name = new_name(&command.name)?;
    if (account.role, &account.units) != (command.role, &command.units) {
        account.role_by_rule = false;
    }
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
    account.shut_with_member = false;
    w.put(&account)?;
    Ok(end_everything(w, account.id)?)
}

/// Ends what an account has open: sessions, tokens, one-time codes.
fn end_everything(w: &mut Write<'_>, account: Id<Account>) -> Result<(), StoreError> {
    sessions::end_all(w, account)?;
    drop_codes(w, CodeUse::SetPassword(account))?;
    for token in access::tokens_of(&w.read(), account)? {
        access::void(w, token)?;
    }
    Ok(())
}

/// A member has left the firm or was disabled: the account is shut in the same write, its
/// sessions and tokens end. The last super admin's stays open with nothing in it, so that the
/// firm is not without one.
pub fn member_gone(w: &mut Write<'_>, member: SubjectId) -> Result<(), StoreError> {
    let Some(mut account) = Account::by_member(&w.read(), member)? else {
        return Ok(());
    };
    end_everything(w, account.id)?;
    let is_last = account.is_active()
        && account.role == Role::SuperAdmin
        && !has_super_admin(&w.read(), Some(account.id))?;
    if account.state != AccountState::Disabled && !is_last {
        account.state = AccountState::Disabled;
        account.shut_with_member = true;
        w.put(&account)?;
    }
    Ok(())
}

/// A member is back: an account that was shut because the member was gone opens again.
pub fn member_back(w: &mut Write<'_>, member: SubjectId) -> Result<(), StoreError> {
    let account = Account::by_member(&w.read(), member)?;
    match account.filter(|account| account.shut_with_member) {
        Some(account) => reopen(w, account),
        None => Ok(()),
    }
}

fn reopen(w: &mut Write<'_>, mut account: Account) -> Result<(), StoreError> {
    account.state = match account.password {
        Some(_) => AccountState::Active,
        None => AccountState::Invited,
    };
    account.shut_with_member = false;
    w.put(&account)
}

/// Opens a shut account again, with the password it had.
pub fn enable_account(w: &mut Write<'_>, allowed: Allowed<EnableAccount>) -> Result<()> {
    let account = load(w, allowed.command().account)?;
    match account.state {
        AccountState::Disabled => Ok(reopen(w, account)?),
        AccountState::Invited | AccountState::Active => Ok(()),
    }
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

pub(super) fn load(w: &Write<'_>, id: Id<Account>) -> Result<Account> {
    let account = w.get::<Account>(&id)?;
    account.ok_or(AppError::NotFound { what: "account" })
}

pub(super) fn own<C>(w: &Write<'_>, allowed: &Allowed<C>) -> Result<Account> {
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

pub(super) fn check_role(r: &Read<'_>, role: Role) -> Result<()> {
    match role {
        Role::Custom(id) if !r.exists::<CustomRole>(&id)? => {
            Err(AppError::field("role", "role.unknown"))
        }
        _ => Ok(()),
    }
}

/// Somebody must always be left who can sign in and decide.
pub(super) fn keep_a_super_admin(w: &Write<'_>, account: &Account) -> Result<()> {
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

fn drop_codes(w: &mut Write<'_>, use_for: CodeUse) -> Result<(), StoreError> {
    let codes: Vec<ClaimCode> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for code in codes.iter().filter(|code| code.use_for == use_for) {
        w.delete::<ClaimCode>(&code.code)?;
    }
    Ok(())
}
