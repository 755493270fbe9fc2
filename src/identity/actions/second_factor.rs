//! Setting up, renewing and removing second factors.

use crate::{
    error::{AppError, Result},
    kit::{Id, Secret},
    store::{Read, StoreError, Write},
};

use super::{
    super::{
        Account, Allowed, Command, Enrolment, Permission, Scope, SecondFactor, SecuritySettings,
        TotpSecret, second_factor,
    },
    accounts::own,
};

/// Begins to set up a second factor: makes a secret that waits for its first code.
#[derive(Debug, Clone, Copy)]
pub struct BeginEnrolment;

/// Confirms a second factor by its first code.
#[derive(Debug, Clone)]
pub struct ConfirmEnrolment {
    /// The code as typed.
    pub code: Secret<String>,
}

/// Makes new recovery codes; the old ones are void.
#[derive(Debug, Clone, Copy)]
pub struct RenewRecoveryCodes;

/// Removes one's own second factor.
#[derive(Debug, Clone, Copy)]
pub struct DropSecondFactor;

macro_rules! own_second_factor {
    ($($command:ty: $step_up:literal),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = None;
            const WHAT: &'static str = "account";
            const STEP_UP: bool = $step_up;
            fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                Ok(true)
            }
        }
    )*};
}
own_second_factor!(
    BeginEnrolment: true, ConfirmEnrolment: false, RenewRecoveryCodes: true, DropSecondFactor: true
);

/// Begins to set up the asking account's second factor. A secret that already waits stays, so
/// that a page opened twice shows one QR code. Leaves no entry: nothing is protected yet.
pub fn begin_enrolment(w: &mut Write<'_>, allowed: Allowed<BeginEnrolment>) -> Result<()> {
    let account = own(w, &allowed)?;
    if w.read().exists::<SecondFactor>(&account.id)? {
        return Err(AppError::Conflict {
            why: "second_factor_there",
        });
    }
    let now = w.now();
    let waiting = w.get::<Enrolment>(&account.id)?;
    if waiting.is_none_or(|enrolment| !enrolment.is_live(now)) {
        let secret = TotpSecret::new(w.random());
        w.put(&Enrolment {
            account: account.id,
            secret,
            begun_at: now,
        })?;
    }
    Ok(())
}

/// Confirms the asking account's second factor; gives its recovery codes, shown once.
pub fn confirm_enrolment(
    w: &mut Write<'_>,
    allowed: Allowed<ConfirmEnrolment>,
) -> Result<Vec<Secret<String>>> {
    let account = own(w, &allowed)?.id;
    let now = w.now();
    let waiting = w.get::<Enrolment>(&account)?.filter(|e| e.is_live(now));
    let expired = || AppError::field("code", "second_factor.expired");
    let secret = waiting.ok_or_else(expired)?.secret;
    if !second_factor::use_step(w, account, &secret, allowed.command().code.expose())? {
        return Err(AppError::field("code", "second_factor.wrong"));
    }
    let (factor, codes) = SecondFactor::new(account, secret, w.random(), now);
    w.put(&factor)?;
    w.delete::<Enrolment>(&account)?;
    Ok(codes)
}

/// Makes the asking account's recovery codes anew; gives them, shown once.
pub fn renew_recovery_codes(
    w: &mut Write<'_>,
    allowed: Allowed<RenewRecoveryCodes>,
) -> Result<Vec<Secret<String>>> {
    let account = own(w, &allowed)?.id;
    let factor = SecondFactor::of(&w.read(), account)?;
    let mut factor = factor.ok_or(NONE)?;
    let codes = factor.renew_codes(w.random(), w.now());
    w.put(&factor)?;
    Ok(codes)
}

const NONE: AppError = AppError::NotFound {
    what: "second_factor",
};

/// Removes the asking account's second factor, unless the firm asks for one.
pub fn drop_second_factor(w: &mut Write<'_>, allowed: Allowed<DropSecondFactor>) -> Result<()> {
    let account = own(w, &allowed)?;
    let rule = SecuritySettings::load(&w.read())?.second_factor;
    if rule.asks(account.role) {
        return Err(AppError::Conflict {
            why: "second_factor_asked",
        });
    }
    match second_factor::remove(w, account.id)? {
        true => Ok(()),
        false => Err(NONE),
    }
}

/// Removes somebody's second factor: the phone is gone and so are the recovery codes.
#[derive(Debug, Clone, Copy)]
pub struct RemoveSecondFactor {
    /// Whose.
    pub account: Id<Account>,
}

impl Command for RemoveSecondFactor {
    const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
    const WHAT: &'static str = "account";
    const STEP_UP: bool = true;
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && r.exists::<Account>(&self.account)?)
    }
}

/// Removes an account's second factor. Who asked is on record; the account signs in with its
/// password alone until it sets up another.
pub fn remove_second_factor(w: &mut Write<'_>, allowed: Allowed<RemoveSecondFactor>) -> Result<()> {
    let account = allowed.command().account;
    let act = w.act_mut();
    *act = act.clone().about("account", account);
    match second_factor::remove(w, account)? {
        true => Ok(()),
        false => Err(NONE),
    }
}
