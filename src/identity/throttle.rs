//! Slowing down guessing: per login and per source address.
//!
//! Every attempt counts as failed from the moment it begins, so a thousand at once gain
//! nothing; success takes it back. Counts drain with time. Behind the free attempts each
//! further one doubles the wait. Sessions that exist are not affected, and the console can
//! always set a password anew, so nobody is locked out for good.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    kit::Timestamp,
    store::{Class, Entity, Read, StoreError, Vault, Write},
};

/// The longest wait, ms.
const WAIT_MS_MAX: i64 = 15 * 60_000;
const MINUTE_MS: i64 = 60_000;

/// What attempts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Counted {
    /// The login that was typed, existing or not.
    #[n(0)]
    Login,
    /// The address they come from.
    #[n(1)]
    Source,
}

impl Counted {
    /// Attempts without a wait. Many people may sit behind one address.
    const fn free(self) -> u32 {
        match self {
            Self::Login => 5,
            Self::Source => 50,
        }
    }

    /// Time after which one attempt is forgotten, ms.
    const fn drain_ms(self) -> i64 {
        match self {
            Self::Login => 15 * MINUTE_MS,
            Self::Source => 10_000,
        }
    }
}

/// throttles: blinded login or address → its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Throttle {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 16],
    #[n(1)]
    counted: Counted,
    /// Attempts not yet drained as of `at`.
    #[n(2)]
    level: u32,
    #[n(3)]
    at: Timestamp,
    /// The minute (since the epoch) whose failures have an audit entry.
    #[n(4)]
    reported_minute: Option<i64>,
    /// Failures that no audit entry counts yet.
    #[n(5)]
    pub(super) unreported: u32,
}

impl Entity for Throttle {
    const KIND: &'static str = "throttle";
    const TABLE: &'static str = "throttles-1";
    const CLASS: Class = Class::Machinery;
    const WHILE_HELD: bool = true;
    type Key = [u8; 16];
    fn key(&self) -> [u8; 16] {
        self.key
    }
}

impl Throttle {
    fn new(key: [u8; 16], counted: Counted, now: Timestamp) -> Self {
        Self {
            key,
            counted,
            level: 0,
            at: now,
            reported_minute: None,
            unreported: 0,
        }
    }

    fn load(r: &Read<'_>, key: [u8; 16], counted: Counted, now: Timestamp) -> Result<Self> {
        Ok(r.get(&key)?.unwrap_or_else(|| Self::new(key, counted, now)))
    }

    fn level_at(&self, now: Timestamp) -> u32 {
        let drained = now.since_ms(self.at).max(0) / self.counted.drain_ms();
        let drained = u32::try_from(drained).unwrap_or(u32::MAX);
        self.level.saturating_sub(drained)
    }

    /// Milliseconds until the next attempt is looked at. A clock that was set back frees from
    /// waiting; the count stays.
    fn wait_ms(&self, now: Timestamp) -> i64 {
        let beyond = self.level_at(now).saturating_sub(self.counted.free());
        let passed = now.since_ms(self.at);
        if beyond == 0 || passed < 0 {
            return 0;
        }
        let wait = 500i64.checked_shl(beyond.min(20)).unwrap_or(WAIT_MS_MAX);
        (wait.min(WAIT_MS_MAX) - passed).max(0)
    }

    fn count(&mut self, now: Timestamp) {
        self.level = self.level_at(now).saturating_add(1);
        self.at = now;
    }

    /// Whether nothing in it matters any more.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.level_at(now) == 0 && self.unreported == 0
    }

    /// Whether failures of an earlier minute wait for an entry.
    pub(super) fn is_report_due(&self, now: Timestamp) -> bool {
        self.unreported > 0 && self.reported_minute != Some(minute(now))
    }

    /// The source as the audit trail names it: the same address always the same, no address
    /// to be read from it.
    pub(super) fn source_name(&self) -> String {
        hex::encode(self.key)
    }

    /// Takes the failures for an entry that counts them.
    pub(super) fn take_report(&mut self, now: Timestamp) -> u32 {
        self.reported_minute = Some(minute(now));
        std::mem::take(&mut self.unreported)
    }
}

fn minute(now: Timestamp) -> i64 {
    now.ms().div_euclid(MINUTE_MS)
}

/// The two counts of one attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    login: [u8; 16],
    pub(super) source: [u8; 16],
}

impl Counts {
    /// By folded login and address. Neighbours in one IPv6 network count as one source.
    pub(super) fn of(vault: &Vault, login: &str, ip: Option<IpAddr>) -> Self {
        let source = match ip {
            Some(IpAddr::V4(ip)) => ip.octets().to_vec(),
            Some(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
                Some(ip) => ip.octets().to_vec(),
                None => ip.octets()[..8].to_vec(),
            },
            None => Vec::new(),
        };
        Self {
            login: vault.blind("throttles-1.login", login.as_bytes()),
            source: vault.blind("throttles-1.source", &source),
        }
    }

    fn both(self) -> [([u8; 16], Counted); 2] {
        [(self.login, Counted::Login), (self.source, Counted::Source)]
    }

    /// Counts an attempt that begins, or refuses it.
    pub(super) fn begin(self, w: &mut Write<'_>) -> Result<()> {
        let now = w.now();
        let mut rows = Vec::new();
        for (key, counted) in self.both() {
            rows.push(Throttle::load(&w.read(), key, counted, now)?);
        }
        let wait_ms = rows.iter().map(|row| row.wait_ms(now)).max().unwrap_or(0);
        if wait_ms > 0 {
            let retry_after_s = u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000);
            return Err(AppError::TooMany { retry_after_s });
        }
        for mut row in rows {
            row.count(now);
            w.put(&row)?;
        }
        Ok(())
    }

    /// The attempt succeeded: the login starts afresh, the source takes one back.
    pub(super) fn forgive(self, w: &mut Write<'_>) -> Result<()> {
        forget_login(w, self.login)?;
        let now = w.now();
        let mut row = Throttle::load(&w.read(), self.source, Counted::Source, now)?;
        row.level = row.level.saturating_sub(1);
        w.put(&row)?;
        Ok(())
    }

    /// Counts a failure for the audit trail: `Some(n)` if an entry is due, for `n` failures.
    pub(super) fn failed(self, w: &mut Write<'_>) -> Result<Option<u32>> {
        let now = w.now();
        let mut row = Throttle::load(&w.read(), self.source, Counted::Source, now)?;
        row.unreported = row.unreported.saturating_add(1);
        let report = row.is_report_due(now).then(|| row.take_report(now));
        w.put(&row)?;
        Ok(report)
    }
}

fn forget_login(w: &mut Write<'_>, key: [u8; 16]) -> Result<(), StoreError> {
    w.delete::<Throttle>(&key).map(drop)
}

/// Frees a login from waiting: the console has set its password anew.
pub(super) fn free_login(w: &mut Write<'_>, folded: &str) -> Result<(), StoreError> {
    let key = Counts::of(w.read().vault(), folded, None).login;
    forget_login(w, key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    proptest! {
        /// However attempts come and the clock jumps, no wait is longer than the longest, and
        /// waiting it out always helps.
        #[test]
        fn nobody_waits_for_ever(
            steps in prop::collection::vec(-40_000_000i64..1_000_000, 0..60), login: bool,
        ) {
            let counted = if login { Counted::Login } else { Counted::Source };
            let mut now = 1_700_000_000_000;
            let mut row = Throttle::new([0; 16], counted, at(now));
            for step in steps {
                now += step;
                let wait = row.wait_ms(at(now));
                prop_assert!((0..=WAIT_MS_MAX).contains(&wait));
                prop_assert_eq!(row.wait_ms(at(now + wait)), 0);
                if wait == 0 {
                    row.count(at(now));
                }
            }
        }
    }

    #[test]
    fn guessing_one_login_is_slow() {
        let mut now = 1_700_000_000_000;
        let mut row = Throttle::new([0; 16], Counted::Login, at(now));
        let end = now + 24 * 3_600_000;
        let mut attempts = 0;
        while now < end {
            now += row.wait_ms(at(now)).max(1);
            row.count(at(now));
            attempts += 1;
        }
        assert!(attempts < 150, "{attempts} attempts in a day");
    }
}
