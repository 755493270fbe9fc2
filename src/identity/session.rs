//! Sessions: a signed-in browser. The cookie holds a random token, the store its hash.
//!
//! A session ends when it was idle too long, when it is twelve hours old, when it is revoked,
//! or when its account is. Time is only ever compared with the store's clock; a clock that
//! goes back does not make a session live longer.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::{Class, Entity, Index, Key, SubjectId},
};

use super::{Account, Role, ticket::TicketHash};

const MINUTE_MS: i64 = 60_000;

/// A session ends so long after it began, whatever happens in it, ms.
pub const SESSION_MS_MAX: i64 = 12 * 60 * MINUTE_MS;
/// A session ends after so long without a request, ms.
pub const SESSION_IDLE_MS: i64 = 30 * MINUTE_MS;
/// The same for admins, ms.
pub const ADMIN_IDLE_MS: i64 = 15 * MINUTE_MS;
/// A password typed counts as fresh for so long, ms.
pub const STEP_UP_MS: i64 = 5 * MINUTE_MS;
/// Requests are noted at most so often, ms: a page view must not cost a disk write.
pub(super) const TOUCH_MS: i64 = MINUTE_MS;
/// A clock set back by so much is believed to have been a little wrong, ms.
const CLOCK_SLACK_MS: i64 = 5 * MINUTE_MS;
/// Characters of a device's description that are kept.
const DEVICE_CHARS_MAX: usize = 200;

/// sessions: hash of the token → session. Sealed under the account's key, because address
/// and device are personal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Session {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) token: TicketHash,
    /// Whose it is.
    #[n(1)]
    pub account: Id<Account>,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) form_secret: [u8; 32],
    /// When it began.
    #[n(3)]
    pub created_at: Timestamp,
    /// The last request noted; up to a minute old.
    #[n(4)]
    pub seen_at: Timestamp,
    /// When the password was last typed.
    #[n(5)]
    pub step_up_at: Timestamp,
    /// The address it began at.
    #[n(6)]
    pub ip: Option<String>,
    /// The browser as it names itself.
    #[n(7)]
    pub device: Option<String>,
}

/// Everything of one account.
pub(super) const BY_ACCOUNT: Index<Session> =
    Index::new("sessions-1.by_account", |session: &Session, _| {
        vec![Key::new().with(session.account)]
    });

impl Entity for Session {
    const KIND: &'static str = "session";
    const TABLE: &'static str = "sessions-1";
    const CLASS: Class = Class::Machinery;
    const WHILE_HELD: bool = true;
    type Key = TicketHash;
    fn key(&self) -> TicketHash {
        self.token
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_ACCOUNT]
    }
}

impl Session {
    /// The name of the session on pages and in the audit trail; tells nothing of its token.
    pub fn id(&self) -> Id<Session> {
        let (head, _) = self
            .token
            .split_first_chunk::<8>()
            .expect("a hash has 32 bytes");
        Id::from_bits(u64::from_be_bytes(*head))
    }

    /// Whether it is still good at `now` for somebody of this role.
    pub fn is_live(&self, now: Timestamp, role: Role) -> bool {
        let within = |since: Timestamp, ms_max: i64| {
            (-CLOCK_SLACK_MS..ms_max).contains(&now.since_ms(since))
        };
        within(self.created_at, SESSION_MS_MAX) && within(self.seen_at, idle_ms(role))
    }

    /// When it ends if nothing more is heard of it.
    pub fn ends_at(&self, role: Role) -> Timestamp {
        let idle_end = self.seen_at.plus_ms(idle_ms(role));
        idle_end.min(self.created_at.plus_ms(SESSION_MS_MAX))
    }

    /// Whether the password was typed a moment ago.
    pub fn is_stepped_up(&self, now: Timestamp) -> bool {
        (-CLOCK_SLACK_MS..STEP_UP_MS).contains(&now.since_ms(self.step_up_at))
    }

    /// Whether a request at `now` should be noted.
    pub(super) fn is_touch_due(&self, now: Timestamp) -> bool {
        !(1 - TOUCH_MS..TOUCH_MS).contains(&now.since_ms(self.seen_at))
    }

    pub(super) fn shorten(device: &str) -> String {
        device.chars().take(DEVICE_CHARS_MAX).collect()
    }
}

/// How long somebody of this role may be idle, ms.
pub fn idle_ms(role: Role) -> i64 {
    match role {
        Role::SuperAdmin | Role::DepartmentAdmin => ADMIN_IDLE_MS,
        Role::Staff | Role::Compliance | Role::Custom(_) => SESSION_IDLE_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(created: i64, seen: i64) -> Session {
        Session {
            token: [7; 32],
            account: Id::from_bits(1),
            form_secret: [0; 32],
            created_at: Timestamp::from_ms(created),
            seen_at: Timestamp::from_ms(seen),
            step_up_at: Timestamp::from_ms(created),
            ip: None,
            device: None,
        }
    }

    proptest! {
        /// Whatever the clock does, a session is only good inside its own window.
        #[test]
        fn no_clock_makes_a_session_outlive_its_limits(
            created in -400i64..400, seen in 0i64..800, now in -1200i64..1200, admin: bool,
        ) {
            let role = if admin { Role::SuperAdmin } else { Role::Staff };
            let (created, seen, now) = (created * 97_003, (created + seen) * 97_003, now * 97_003);
            let session = session(created, seen);
            if session.is_live(Timestamp::from_ms(now), role) {
                prop_assert!(now < created + SESSION_MS_MAX && now < seen + idle_ms(role));
                prop_assert!(now >= created - CLOCK_SLACK_MS && now >= seen - CLOCK_SLACK_MS);
                prop_assert!(Timestamp::from_ms(now) < session.ends_at(role));
            }
        }
    }

    #[test]
    fn extreme_times_do_not_panic() {
        for (a, b) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
            assert!(!session(a, a).is_live(Timestamp::from_ms(b), Role::Staff));
            session(a, b).is_touch_due(Timestamp::from_ms(a));
            session(a, b).ends_at(Role::Staff);
        }
    }
}
