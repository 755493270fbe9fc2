//! The door for members whom WeCom vouches for.

use std::collections::BTreeSet;

use crate::{
    error::{AppError, Result},
    kit::Id,
    store::{Act, Origin, Read, Store, SubjectId, Write},
};

use super::{
    super::{
        Account, AccountState, Preferences, Role, RoleRule, SecuritySettings, Unit,
        account::{fold_login, new_name},
        sign_in::UsedState,
        throttle::Counts,
        ticket,
    },
    accounts::{check_role, keep_a_super_admin, taken},
    doors::{failure_act, nobody, note_failure},
    sessions::{self, Entered},
};

/// A member who has proved at WeCom who they are, as the directory knows them.
#[derive(Debug, Clone)]
pub struct ProvenMember {
    /// The member.
    pub member: SubjectId,
    /// WeCom's userid; a new account takes it as login.
    pub userid: String,
    /// The name people read.
    pub name: String,
    /// The departments the member is in, and all above them.
    pub inside: BTreeSet<Id<Unit>>,
}

/// The act of signing in with WeCom.
pub fn wecom_act(origin: Origin) -> Act {
    nobody("session.sign_in", origin).system_detail("by", "wecom")
}

/// Uses up a `state` that came back; refused if it came before. Counts the attempt.
pub async fn use_state(store: &Store, state: &str, origin: &Origin) -> Result<()> {
    let key = ticket::hash(state);
    let counts = Counts::of(store.vault(), &hex::encode(key), origin.ip);
    let act = Act::by_system("session.attempt", "wecom");
    store
        .write(act, move |w| {
            counts.begin(w)?;
            if w.get::<UsedState>(&key)?.is_some() {
                return Err(AppError::field("", "wecom_sign_in.state"));
            }
            counts.forgive(w)?;
            let used_at = w.now();
            Ok(w.put(&UsedState {
                state: key,
                used_at,
            })?)
        })
        .await
}

/// Notes that somebody came back from WeCom and was not let in, as one failed sign-in of its
/// source.
pub async fn fail_member(store: &Store, origin: Origin) -> Result<()> {
    let counts = Counts::of(store.vault(), "wecom", origin.ip);
    let act = failure_act(origin);
    store.write(act, move |w| note_failure(w, counts)).await
}

/// Lets a member in, inside the write that signs in: finds the account, or makes it as the
/// rules by department say.
///
/// [`AppError::Invalid`] with `wecom_sign_in.…` when the firm or the account does not allow it.
pub fn enter_member(
    w: &mut Write<'_>,
    proven: &ProvenMember,
    replaces: Option<&str>,
) -> Result<Entered> {
    let refused = |code| AppError::field("", code);
    if !SecuritySettings::load(&w.read())?.wecom_sign_in {
        return Err(refused("wecom_sign_in.off"));
    }
    let granted = granted(&w.read(), &proven.inside)?;
    let known = Account::by_member(&w.read(), proven.member)?;
    let account = match known {
        Some(account) if account.state == AccountState::Disabled => {
            return Err(refused("wecom_sign_in.disabled"));
        }
        Some(account) if account.role_by_rule => {
            let (role, units) = granted.ok_or_else(|| refused("wecom_sign_in.no_account"))?;
            if role != Role::SuperAdmin {
                keep_a_super_admin(w, &account)?;
            }
            Account {
                role,
                units,
                ..account
            }
        }
        Some(account) => account,
        None => {
            let granted = granted.ok_or_else(|| refused("wecom_sign_in.no_account"))?;
            new_account(w, proven, granted)?
        }
    };
    let account = Account {
        state: AccountState::Active,
        ..account
    };
    check_role(&w.read(), account.role)?;
    w.put(&account).map_err(taken)?;
    sessions::enter(w, &account, replaces)
}

/// Role and managed departments of somebody in these departments, if the firm gives any.
pub(in crate::identity) fn granted(
    r: &Read<'_>,
    inside: &BTreeSet<Id<Unit>>,
) -> Result<Option<(Role, Vec<Id<Unit>>)>> {
    let rules = RoleRule::all(r)?;
    if let Some(rule) = RoleRule::first_for(&rules, inside) {
        return Ok(Some((rule.role, rule.units.clone())));
    }
    let role = SecuritySettings::load(r)?.default_role;
    Ok(role.map(|role| (role, Vec::new())))
}

fn new_account(
    w: &Write<'_>,
    proven: &ProvenMember,
    (role, units): (Role, Vec<Id<Unit>>),
) -> Result<Account> {
    let id = w.new_id()?;
    Ok(Account {
        id,
        login: free_login(&w.read(), &proven.userid, id)?,
        name: new_name(&proven.name).or_else(|_| new_name(&proven.userid))?,
        password: None,
        password_set_at: None,
        role,
        member: Some(proven.member),
        units,
        state: AccountState::Active,
        preferences: Preferences::default(),
        created_at: w.now(),
        role_by_rule: true,
        shut_with_member: false,
    })
}

/// The userid, if it can be a login and nobody has it; else one made of the account's id.
fn free_login(r: &Read<'_>, userid: &str, id: Id<Account>) -> Result<String> {
    if let Some(folded) = fold_login(userid)
        && Account::by_login(r, &folded)?.is_none()
    {
        return Ok(folded);
    }
    Ok(format!("wx-{id}"))
}
