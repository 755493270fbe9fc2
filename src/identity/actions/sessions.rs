//! Beginning, noting and ending sessions; sweeping out what is over.

use crate::{
    error::{AppError, Result},
    kit::Id,
    store::{Act, Actor, Origin, Read, Store, StoreError, Walk, Write},
};

use super::super::{
    Account, Allowed, Command, Permission, Scope, Session, Viewer, session::BY_ACCOUNT,
    throttle::Throttle, ticket::Ticket, token::ClaimCode,
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
pub(super) fn end_all(w: &mut Write<'_>, account: Id<Account>) -> Result<()> {
    for session in of_account(&w.read(), account)? {
        w.delete::<Session>(&session.token)?;
    }
    Ok(())
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
    let act = w.act_mut();
    act.actor = Actor::Account(account.subject_id());
    act.role = account.role.code();
    *act = act.clone().recorded().about("session", session.id());
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
    use crate::store::Entity;
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
    let r = w.read();
    let (mut sessions, mut codes, mut throttles) = (Vec::new(), Vec::new(), Vec::new());
    for session in r.all::<Session>(None)?.take(SWEEP_ROWS_MAX) {
        let session = session?;
        let account = r.get::<Account>(&session.account)?;
        if !account.is_some_and(|a| session.is_live(now, a.role)) {
            sessions.push(session.token);
        }
    }
    for code in r.all::<ClaimCode>(None)?.take(SWEEP_ROWS_MAX) {
        let code = code?;
        if !code.is_live(now) {
            codes.push(code.code);
        }
    }
    for row in r.all::<Throttle>(None)?.take(SWEEP_ROWS_MAX) {
        let row = row?;
        if row.is_idle(now) {
            throttles.push(crate::store::Entity::key(&row));
        }
    }
    for key in sessions {
        w.delete::<Session>(&key)?;
    }
    for key in codes {
        w.delete::<ClaimCode>(&key)?;
    }
    for key in throttles {
        w.delete::<Throttle>(&key)?;
    }
    Ok(())
}
