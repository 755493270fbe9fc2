//! Beginning, noting and ending sessions; sweeping out what is over.

use crate::{
    error::{AppError, Result},
    kit::Id,
    store::{Act, Actor, Entity, Origin, Read, Store, StoreError, Walk, Write},
};

use super::super::{
    Account, Allowed, Command, Enrolment, HalfSignIn, Permission, Scope, SecondFactor, Session,
    Viewer,
    session::BY_ACCOUNT,
    sign_in::UsedState,
    throttle::Throttle,
    ticket::{self, Ticket},
    token::ClaimCode,
};

/// Living sessions of one account at most; the one unused longest gives way.
const SESSIONS_MAX: usize = 20;
/// Rows one sweep removes at most.
const SWEEP_ROWS_MAX: usize = 1000;

/// 退出登录.
#[derive(Debug)]
pub struct SignOut;

impl Command for SignOut {
    const PERMISSION: Option<Permission> = None;
    const WHAT: &'static str = "session";
    fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        Ok(true)
    }
}

/// Ends the session that asks.
pub fn sign_out(w: &mut Write<'_>, allowed: Allowed<SignOut>) -> Result<()> {
    let session = allowed.session().ok_or(NO_SESSION)?;
    end(w, session)
}

const NO_SESSION: AppError = AppError::NotFound { what: "session" };

/// Ends one of one's own sessions.
#[derive(Debug)]
pub struct RevokeSession {
    /// Which one.
    pub session: Id<Session>,
}

impl Command for RevokeSession {
    const PERMISSION: Option<Permission> = None;
    const WHAT: &'static str = "session";
    fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        Ok(true)
    }
}

/// Ends one of the asking account's sessions; another account's is not found.
pub fn revoke_session(w: &mut Write<'_>, allowed: Allowed<RevokeSession>) -> Result<()> {
    let account = allowed.by().ok_or(NO_SESSION)?;
    let wanted = allowed.command().session;
    let own = of_account(&w.read(), account)?;
    let session = own.into_iter().find(|s| s.id() == wanted);
    end(w, &session.ok_or(NO_SESSION)?)
}

/// Ends all of one's sessions but this one.
#[derive(Debug)]
pub struct RevokeOtherSessions;

impl Command for RevokeOtherSessions {
    const PERMISSION: Option<Permission> = None;
    const WHAT: &'static str = "session";
    fn within(&self, _: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
        Ok(true)
    }
}

/// Ends all sessions of the asking account but the one that asks; tells how many.
pub fn revoke_other_sessions(
    w: &mut Write<'_>,
    allowed: Allowed<RevokeOtherSessions>,
) -> Result<usize> {
    let account = allowed.by().ok_or(NO_SESSION)?;
    let keep = allowed.session().map(Session::id);
    let mut others = of_account(&w.read(), account)?;
    others.retain(|session| Some(session.id()) != keep);
    for session in &others {
        end(w, session)?;
    }
    Ok(others.len())
}

/// Sessions are machinery, so the act itself must leave its entry and name what it ended.
fn end(w: &mut Write<'_>, session: &Session) -> Result<()> {
    if w.delete::<Session>(&session.token)? {
        let act = w.act_mut();
        *act = act.clone().recorded().about("session", session.id());
    }
    Ok(())
}

/// Ends every session of an account without naming each: the act says why.
pub(super) fn end_all(w: &mut Write<'_>, account: Id<Account>) -> Result<usize, StoreError> {
    let sessions = of_account(&w.read(), account)?;
    for session in &sessions {
        w.delete::<Session>(&session.token)?;
    }
    Ok(sessions.len())
}

/// Ends all sessions of an account.
#[derive(Debug, Clone, Copy)]
pub struct EndSessions {
    /// Whose.
    pub account: Id<Account>,
}

impl Command for EndSessions {
    const PERMISSION: Option<Permission> = Some(Permission::AccountManage);
    const WHAT: &'static str = "account";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        Ok(scope.is_everything() && r.exists::<Account>(&self.account)?)
    }
}

/// Ends all sessions of an account; tells how many. Its owner may sign in again.
pub fn end_sessions(w: &mut Write<'_>, allowed: Allowed<EndSessions>) -> Result<usize> {
    let account = allowed.command().account;
    let act = w.act_mut();
    *act = act.clone().recorded().about("account", account);
    Ok(end_all(w, account)?)
}

/// How far a sign-in has come.
#[derive(Debug, Clone)]
pub enum Entered {
    /// All the way: the token for the session's cookie.
    In(Ticket),
    /// The account has a second factor, which is asked for next: the token of the half sign-in.
    HalfWay(Ticket),
}

/// Lets an account in that has just proved itself by one factor, as far as one factor leads.
/// The session of `replaces`, the token the browser had before, ends.
pub(super) fn enter(
    w: &mut Write<'_>,
    account: &Account,
    replaces: Option<&str>,
) -> Result<Entered> {
    if !w.read().exists::<SecondFactor>(&account.id)? {
        if let Some(token) = replaces {
            w.delete::<Session>(&ticket::hash(token))?;
        }
        return begin(w, account).map(Entered::In);
    }
    let ticket = Ticket::session(w.random());
    let half = HalfSignIn {
        token: ticket.hash,
        account: account.id,
        begun_at: w.now(),
        password_set_at: account.password_set_at,
    };
    w.put(&half)?;
    sign(w, account);
    let act = w.act_mut();
    if act.code == "session.sign_in" {
        act.code = "session.first_step";
    }
    Ok(Entered::HalfWay(ticket))
}

/// The act of somebody who was nobody when it began.
fn sign(w: &mut Write<'_>, account: &Account) {
    let act = w.act_mut();
    act.actor = Actor::Account(account.subject_id());
    act.role = account.role.code();
    *act = act.clone().recorded();
}

pub(in crate::identity) fn of_account(
    r: &Read<'_>,
    account: Id<Account>,
) -> Result<Vec<Session>, StoreError> {
    let walk = Walk::prefix(crate::store::Key::new().with(account));
    r.list(&BY_ACCOUNT, &walk)?.collect()
}

/// Begins a session for an account that has just proved itself, and signs the act with it.
pub(super) fn begin(w: &mut Write<'_>, account: &Account) -> Result<Ticket> {
    let (now, origin) = (w.now(), w.act().origin.clone());
    let mut living = of_account(&w.read(), account.id)?;
    living.sort_by_key(|session| session.seen_at);
    let surplus = (living.len() + 1).saturating_sub(SESSIONS_MAX);
    for (place, session) in living.iter().enumerate() {
        if place < surplus || !session.is_live(now, account.role) {
            w.delete::<Session>(&session.token)?;
        }
    }
    let ticket = Ticket::session(w.random());
    let session = Session {
        token: ticket.hash,
        account: account.id,
        form_secret: w.random().bytes(),
        created_at: now,
        seen_at: now,
        step_up_at: now,
        ip: origin.ip.map(|ip| ip.to_string()),
        device: origin.device.as_deref().map(Session::shorten),
    };
    w.put(&session)?;
    sign(w, account);
    let act = w.act_mut();
    *act = act.clone().about("session", session.id());
    Ok(ticket)
}

/// Notes that the viewer's session was used. Machinery: leaves no audit entry.
pub fn touch(w: &mut Write<'_>, viewer: &Viewer) -> Result<()> {
    let (Some(session), Some(account)) = (viewer.session(), viewer.account()) else {
        return Ok(());
    };
    // It may have ended since the request began.
    if let Some(mut session) = w.get::<Session>(&session.token)?
        && session.is_live(w.now(), account.role)
    {
        session.seen_at = w.now();
        w.put(&session)?;
    }
    Ok(())
}

/// Removes what is over: ended sessions, old codes, drained throttles. Reports failed
/// sign-ins that no entry counts yet. To be called every few minutes.
pub async fn housekeeping(store: &Store) -> Result<()> {
    let act = Act::by_system("session.sweep", "schedule");
    store.write(act, sweep).await?;
    let now = store.clock().now();
    let due = store.read(|r| unreported(r, now))?;
    for key in due {
        let act = super::doors::failure_act(Origin::local(crate::store::Channel::Job, ""));
        store
            .write(act, move |w| {
                let now = w.now();
                let row = w.get::<Throttle>(&key)?;
                if let Some(mut row) = row.filter(|row| row.is_report_due(now)) {
                    let failures = row.take_report(now);
                    super::doors::report(w, &row.source_name(), failures);
                    w.put(&row)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

fn unreported(r: &Read<'_>, now: crate::kit::Timestamp) -> Result<Vec<[u8; 16]>, StoreError> {
    let mut due = Vec::new();
    for row in r.all::<Throttle>(None)? {
        let row = row?;
        if row.is_report_due(now) {
            due.push(row.key());
        }
    }
    Ok(due)
}

fn sweep(w: &mut Write<'_>) -> Result<()> {
    let now = w.now();
    let roles: std::collections::HashMap<Id<Account>, super::super::Role> = {
        let accounts = w.read().all::<Account>(None)?;
        let roles = accounts.map(|account| account.map(|a| (a.id, a.role)));
        roles.collect::<Result<_, StoreError>>()?
    };
    sweep_table::<Session>(w, |session| {
        let role = roles.get(&session.account);
        role.is_some_and(|role| session.is_live(now, *role))
    })?;
    sweep_table::<ClaimCode>(w, |code| code.is_live(now))?;
    sweep_table::<Throttle>(w, |row| !row.is_idle(now))?;
    sweep_table::<HalfSignIn>(w, |half| half.is_live(now))?;
    sweep_table::<Enrolment>(w, |enrolment| enrolment.is_live(now))?;
    sweep_table::<UsedState>(w, |state| state.matters(now))
}

/// Removes the rows of a table that need not be kept, some at a time.
fn sweep_table<E: Entity>(w: &mut Write<'_>, keep: impl Fn(&E) -> bool) -> Result<()> {
    let mut over = Vec::new();
    for row in w.read().all::<E>(None)?.take(SWEEP_ROWS_MAX) {
        let row = row?;
        if !keep(&row) {
            over.push(row.key());
        }
    }
    for key in over {
        w.delete::<E>(&key)?;
    }
    Ok(())
}
