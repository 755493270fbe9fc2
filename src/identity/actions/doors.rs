//! The doors: signing in, redeeming a one-time code, typing the password once more.
//!
//! Each is three steps: count the attempt (a short write), hash (off the writer), then
//! decide inside a write that looks at the account again.

use crate::{
    error::{AppError, Result},
    kit::{Id, Secret},
    store::{Act, ActKind, Actor, Origin, Store, Write},
};

use super::{
    super::{
        Account, AccountState, Allowed, Command, HalfSignIn, NewPassword, PasswordHash, Passwords,
        Permission, Role, Scope, Session, Viewer,
        account::{fold_login, new_login, new_name},
        second_factor::{self, Proof},
        throttle::Counts,
        ticket::{self, Ticket},
        token::{ClaimCode, CodeUse},
    },
    accounts::{has_super_admin, taken},
    sessions::{self, Entered},
};

/// What somebody types to sign in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The login, however written.
    pub login: String,
    /// The password.
    pub password: Secret<String>,
}

/// Signs in, as far as a password leads. The session of `replaces`, the token the browser had
/// before, ends.
///
/// [`AppError::Invalid`] with `sign_in.refused` whatever was wrong, [`AppError::TooMany`]
/// while attempts must wait.
pub async fn sign_in(
    store: &Store,
    passwords: &Passwords,
    credentials: Credentials,
    origin: Origin,
    replaces: Option<String>,
) -> Result<Entered> {
    let attempt = Attempt::begin(store, &credentials.login, &origin).await?;
    let kept = attempt.password.clone();
    if !passwords.check(kept, credentials.password).await? {
        attempt.failed(store, origin).await?;
        return Err(AppError::field("", "sign_in.refused"));
    }
    let act = nobody("session.sign_in", origin);
    store
        .write(act, move |w| {
            let account = attempt.proven(w)?;
            sessions::enter(w, &account, replaces.as_deref())
        })
        .await
}

/// The second step: `typed` is a code of the authenticator app or a recovery code. Gives the
/// token for the cookie.
///
/// [`AppError::Invalid`] with `second_step.expired` when the first step is too long ago, with
/// `second_step.wrong` for any code that does not fit or was used before.
pub async fn second_step(
    store: &Store,
    half: &str,
    typed: Secret<String>,
    origin: Origin,
    replaces: Option<String>,
) -> Result<Ticket> {
    let key = ticket::hash(half);
    let begin = Act::by_system("session.attempt", "second_step");
    let (vault, ip) = (store.vault(), origin.ip);
    let half = store.read(|r| r.get::<HalfSignIn>(&key))?;
    let half = half.ok_or_else(half_expired)?;
    let counts = Counts::of(vault, &format!("second-step/{}", half.account), ip);
    store.write(begin, move |w| counts.begin(w)).await?;
    let act = nobody("session.sign_in", origin.clone());
    let done = store
        .write(act, move |w| {
            let account = half_proven(w, key)?;
            let proof = second_factor::accept(w, account.id, typed.expose())?;
            let proof = proof.ok_or_else(|| AppError::field("code", "second_step.wrong"))?;
            w.delete::<HalfSignIn>(&key)?;
            counts.forgive(w)?;
            note_proof(w, proof);
            if let Some(token) = replaces {
                w.delete::<Session>(&ticket::hash(&token))?;
            }
            sessions::begin(w, &account)
        })
        .await;
    if matches!(done, Err(AppError::Invalid(_))) {
        let act = failure_act(origin).about("account", half.account);
        store.write(act, move |w| note_failure(w, counts)).await?;
    }
    done
}

fn half_expired() -> AppError {
    AppError::field("", "second_step.expired")
}

/// The account that has taken the first step, as it is now.
fn half_proven(w: &Write<'_>, key: ticket::TicketHash) -> Result<Account> {
    let half = w
        .get::<HalfSignIn>(&key)?
        .filter(|half| half.is_live(w.now()));
    let half = half.ok_or_else(half_expired)?;
    let account = w.get::<Account>(&half.account)?.filter(Account::is_active);
    let account = account.filter(|a| a.password_set_at == half.password_set_at);
    account.ok_or_else(half_expired)
}

fn note_proof(w: &mut Write<'_>, proof: Proof) {
    let act = w.act_mut();
    *act = act.clone().system_detail("second_factor", proof.code());
}

/// One try at a password.
struct Attempt {
    counts: Counts,
    account: Option<Id<Account>>,
    password: Option<PasswordHash>,
}

impl Attempt {
    /// Counts the try and finds what to check against.
    async fn begin(store: &Store, login: &str, origin: &Origin) -> Result<Self> {
        let folded = fold_login(login).unwrap_or_default();
        let counts = Counts::of(store.vault(), &folded, origin.ip);
        let act = Act::by_system("session.attempt", "sign_in");
        store
            .write(act, move |w| {
                counts.begin(w)?;
                let account = Account::by_login(&w.read(), &folded)?.filter(Account::is_active);
                Ok(Self {
                    counts,
                    account: account.as_ref().map(|a| a.id),
                    password: account.and_then(|a| a.password),
                })
            })
            .await
    }

    /// The account as it is now, if it still has the password that was checked.
    fn proven(self, w: &mut Write<'_>) -> Result<Account> {
        self.counts.forgive(w)?;
        let account = match self.account {
            Some(id) => w.get::<Account>(&id)?,
            None => None,
        };
        let unchanged = |a: &Account| a.is_active() && a.password == self.password;
        let account = account.filter(unchanged);
        account.ok_or_else(|| AppError::field("", "sign_in.refused"))
    }

    async fn failed(self, store: &Store, origin: Origin) -> Result<()> {
        let mut act = failure_act(origin);
        if let Some(account) = self.account {
            act = act.about("account", account);
        }
        let counts = self.counts;
        store.write(act, move |w| note_failure(w, counts)).await
    }
}

pub(super) fn note_failure(w: &mut Write<'_>, counts: Counts) -> Result<()> {
    if let Some(failures) = counts.failed(w)? {
        report(w, &hex::encode(counts.source), failures);
    }
    Ok(())
}

/// A failure leaves an entry only as the first of its source and minute; the next entry
/// counts those in between.
pub(super) fn failure_act(origin: Origin) -> Act {
    Act {
        kind: ActKind::Change,
        ..nobody("session.sign_in_failed", origin)
    }
}

pub(super) fn report(w: &mut Write<'_>, source: &str, failures: u32) {
    let act = w.act_mut();
    *act = act
        .clone()
        .recorded()
        .system_detail("source", source)
        .system_detail("attempts", failures.to_string());
}

pub(super) fn nobody(code: &'static str, origin: Origin) -> Act {
    Act {
        code,
        kind: ActKind::Record,
        actor: Actor::Nobody,
        role: String::new(),
        on_behalf: None,
        objects: Vec::new(),
        origin,
        details: Vec::new(),
    }
}

/// What somebody types with a one-time code.
#[derive(Debug, Clone)]
pub struct Redemption {
    /// The code, however written.
    pub code: String,
    /// The login of the first super admin; not looked at otherwise.
    pub login: String,
    /// Their name; not looked at otherwise.
    pub name: String,
    /// The password to be set.
    pub password: Secret<String>,
}

/// Redeems a one-time code and signs in: makes the first super admin, or sets the password
/// of the account the code was given out for.
pub async fn redeem(
    store: &Store,
    passwords: &Passwords,
    redemption: Redemption,
    origin: Origin,
) -> Result<Entered> {
    let key = ticket::code_hash(&redemption.code);
    let counts = Counts::of(store.vault(), &hex::encode(key), origin.ip);
    let begin = Act::by_system("session.attempt", "redeem");
    let code = store
        .write(begin, move |w| {
            counts.begin(w)?;
            let code = w.get::<ClaimCode>(&key)?;
            let code = code.filter(|code| code.is_live(w.now()));
            if code.is_some() {
                // Who knows a code is not guessing, whatever else is wrong with the form.
                counts.forgive(w)?;
            }
            Ok(code)
        })
        .await?;
    let Some(code) = code else {
        let act = failure_act(origin);
        store.write(act, move |w| note_failure(w, counts)).await?;
        return Err(AppError::field("code", "claim.code"));
    };
    match code.use_for {
        CodeUse::FirstSuperAdmin => claim(store, passwords, code, redemption, origin)
            .await
            .map(Entered::In),
        CodeUse::SetPassword(account) => {
            set_password(store, passwords, code, account, redemption, origin).await
        }
    }
}

async fn claim(
    store: &Store,
    passwords: &Passwords,
    code: ClaimCode,
    redemption: Redemption,
    origin: Origin,
) -> Result<Ticket> {
    let login = new_login(&redemption.login)?;
    let name = new_name(&redemption.name)?;
    let password = NewPassword::chosen(redemption.password, &login, "password")?;
    let password = passwords.hash(password).await?;
    let act = nobody("account.claim", origin);
    store
        .write(act, move |w| {
            use_up(w, &code)?;
            if has_super_admin(&w.read(), None)? {
                return Err(AppError::field("code", "claim.code"));
            }
            let account = Account {
                id: w.new_id()?,
                login,
                name,
                password: Some(password),
                password_set_at: Some(w.now()),
                role: Role::SuperAdmin,
                member: None,
                units: Vec::new(),
                state: AccountState::Active,
                preferences: Default::default(),
                created_at: w.now(),
                role_by_rule: false,
                shut_with_member: false,
            };
            w.put(&account).map_err(taken)?;
            sessions::begin(w, &account)
        })
        .await
}

async fn set_password(
    store: &Store,
    passwords: &Passwords,
    code: ClaimCode,
    account: Id<Account>,
    redemption: Redemption,
    origin: Origin,
) -> Result<Entered> {
    let refused = || AppError::field("code", "claim.code");
    let known = store.read(|r| r.get::<Account>(&account))?;
    let login = known.ok_or_else(refused)?.login;
    let password = NewPassword::chosen(redemption.password, &login, "password")?;
    let password = passwords.hash(password).await?;
    let act = nobody("account.set_password", origin);
    store
        .write(act, move |w| {
            use_up(w, &code)?;
            let account = w.get::<Account>(&account)?;
            let account = account.filter(|a| a.state != AccountState::Disabled);
            let mut account = account.ok_or_else(refused)?;
            account.password = Some(password);
            account.password_set_at = Some(w.now());
            account.state = AccountState::Active;
            w.put(&account)?;
            sessions::end_all(w, account.id)?;
            sessions::enter(w, &account, None)
        })
        .await
}

/// A code opens once. Two at the same time: the second finds it gone.
fn use_up(w: &mut Write<'_>, code: &ClaimCode) -> Result<()> {
    if code.is_live(w.now()) && w.delete::<ClaimCode>(&code.code)? {
        Ok(())
    } else {
        Err(AppError::field("code", "claim.code"))
    }
}

/// Sets another password for one's own account.
#[derive(Debug)]
struct ChangePassword {
    /// The hash that was checked against the current password.
    proven: PasswordHash,
    new: PasswordHash,
}

/// Shows once more that it is oneself.
#[derive(Debug)]
struct StepUp {
    proven: PasswordHash,
}

macro_rules! own_account {
    ($($command:ty),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = None;
            const WHAT: &'static str = "account";
            fn within(
                &self,
                _: &crate::store::Read<'_>,
                _: &Scope,
            ) -> Result<bool, crate::store::StoreError> {
                Ok(true)
            }
        }
    )*};
}
own_account!(ChangePassword, StepUp);

/// Changes one's own password, which takes the current one. All sessions of the account end;
/// the asking browser gets a new token.
pub async fn change_password(
    store: &Store,
    passwords: &Passwords,
    viewer: &Viewer,
    current: Secret<String>,
    new: Secret<String>,
) -> Result<Ticket> {
    let login = &viewer.account().ok_or(AppError::Unauthenticated)?.login;
    let new = NewPassword::chosen(new, login, "password")?;
    let proven = prove(store, passwords, viewer, current).await?;
    let new = passwords.hash(new).await?;
    let viewer = viewer.clone();
    let act = viewer.change("account.change_password");
    store
        .write(act, move |w| {
            let allowed = viewer.allow(w, ChangePassword { proven, new })?;
            let mut account = unchanged(w, &allowed, |command| &command.proven)?;
            account.password = Some(allowed.into_command().new);
            account.password_set_at = Some(w.now());
            w.put(&account)?;
            sessions::end_all(w, account.id)?;
            sessions::begin(w, &account)
        })
        .await
}

/// Notes that the password was typed just now, under a new token for the same browser.
pub async fn step_up(
    store: &Store,
    passwords: &Passwords,
    viewer: &Viewer,
    current: Secret<String>,
) -> Result<Ticket> {
    let proven = prove(store, passwords, viewer, current).await?;
    let viewer = viewer.clone();
    let act = viewer.view("session.step_up");
    store
        .write(act, move |w| {
            let allowed = viewer.allow(w, StepUp { proven })?;
            unchanged(w, &allowed, |command| &command.proven)?;
            let old = allowed.session().ok_or(AppError::Unauthenticated)?;
            w.delete::<Session>(&old.token)?;
            let ticket = Ticket::session(w.random());
            // The old age stays: typing the password does not make a session live longer. So
            // does the secret of its forms, for those that stand open in other tabs.
            let session = Session {
                token: ticket.hash,
                seen_at: w.now(),
                step_up_at: w.now(),
                ..old.clone()
            };
            w.put(&session)?;
            Ok(ticket)
        })
        .await
}

/// The hash that the viewer's current password was found to match.
async fn prove(
    store: &Store,
    passwords: &Passwords,
    viewer: &Viewer,
    current: Secret<String>,
) -> Result<PasswordHash> {
    let (Some(account), Some(_)) = (viewer.account(), viewer.session()) else {
        return Err(AppError::Unauthenticated);
    };
    let attempt = Attempt::begin(store, &account.login, viewer.origin()).await?;
    if !passwords.check(attempt.password.clone(), current).await? {
        attempt.failed(store, viewer.origin().clone()).await?;
        return Err(AppError::field("password", "password.wrong"));
    }
    let counts = attempt.counts;
    let act = Act::by_system("session.attempt", "sign_in");
    store.write(act, move |w| counts.forgive(w)).await?;
    attempt.password.ok_or(AppError::Unauthenticated)
}

fn unchanged<C>(
    w: &Write<'_>,
    allowed: &Allowed<C>,
    proven: impl Fn(&C) -> &PasswordHash,
) -> Result<Account> {
    let id = allowed.by().ok_or(AppError::Unauthenticated)?;
    let account = w.get::<Account>(&id)?;
    let same = |a: &Account| a.password.as_ref() == Some(proven(allowed.command()));
    let account = account.filter(same);
    account.ok_or_else(|| AppError::field("password", "password.wrong"))
}
