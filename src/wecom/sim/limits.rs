//! What comes before a call is looked at: trusted addresses, rates, and how many at once.
//! What was set outlives a restart; what was counted does not.
//!
//! Source: WeCom documentation, 访问频率限制, 企业可信IP.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{check::Fail, tokens::App};
use crate::kit::Timestamp;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Days begin in Beijing.
const BEIJING_MS: i64 = 8 * HOUR_MS;
/// A change of the trusted addresses works after this time.
const EFFECTIVE_AFTER_MS: i64 = MINUTE_MS;
/// Look-ups by mobile or mail that may miss in a day: a fifth of the members allowed.
const MISSES_MAX: u64 = 200;

/// A stretch of time in which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A minute; whoever calls too often waits a minute.
    Minute,
    /// An hour; likewise.
    Hour,
    /// A calendar day; whoever calls too often waits for the next one.
    Day,
    /// Thirty days; likewise.
    Month,
}

impl Window {
    /// The window of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "month" => Self::Month,
            _ => return None,
        })
    }

    fn ms(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
            Self::Month => 30 * DAY_MS,
        }
    }

    fn began(self, at: Timestamp) -> i64 {
        let beijing = at.ms() + BEIJING_MS;
        beijing - beijing.rem_euclid(self.ms()) - BEIJING_MS
    }

    fn blocked_until(self, at: Timestamp) -> i64 {
        match self {
            Self::Day => self.began(at) + DAY_MS,
            _ => at.ms() + self.ms(),
        }
    }
}

/// How often something may be called within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rate {
    /// A path; each path by itself if there is none.
    path: Option<String>,
    /// Counted for each app by itself.
    per_app: bool,
    /// Only calls that made something count.
    made: bool,
    window: Window,
    max: u64,
}

/// The documented rates of calls.
fn documented() -> Vec<Rate> {
    let each = |window, max| Rate {
        path: None,
        per_app: false,
        made: false,
        window,
        max,
    };
    let of = |path: &str, window, max| Rate {
        path: Some(path.to_owned()),
        ..each(window, max)
    };
    let per_app = |path: &str, max| Rate {
        per_app: true,
        ..of(path, Window::Hour, max)
    };
    let made = |path: &str, window, max| Rate {
        made: true,
        ..of(path, window, max)
    };
    vec![
        each(Window::Minute, 10_000),
        each(Window::Hour, 150_000),
        of("get_jsapi_ticket", Window::Hour, 400),
        per_app("get_jsapi_ticket", 100),
        of("ticket/get", Window::Hour, 400),
        per_app("ticket/get", 100),
        made("media/uploadimg", Window::Day, 1000),
        made("media/uploadimg", Window::Month, 3000),
        made("user/create", Window::Month, 3000),
        of(
            "idconvert/unionid_to_external_userid",
            Window::Hour,
            100_000,
        ),
        of("idconvert/unionid_to_external_userid", Window::Day, 480_000),
        made("externalcontact/add_moment_task", Window::Minute, 10),
    ]
}

type Counter = (String, Option<App>, Window);

/// Ends the name of a counter of what was made.
const MADE: &str = "#made";

impl Rate {
    fn counter(&self, path: &str, app: App) -> Counter {
        let name = match self.made {
            true => format!("{path}{MADE}"),
            false => path.to_owned(),
        };
        (name, self.per_app.then_some(app), self.window)
    }
}

/// Counts and lists.
#[derive(Debug)]
struct Inner {
    rates: Vec<Rate>,
    /// When the window began, and how many since.
    counted: HashMap<Counter, (i64, u64)>,
    blocked: HashMap<Counter, i64>,
    under_way: HashMap<String, u32>,
    set: Settings,
    /// Where the settings are kept.
    file: Option<PathBuf>,
}

/// What was set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Settings {
    #[serde(default)]
    rates: Vec<OwnRate>,
    #[serde(default)]
    at_once_max: Option<u32>,
    #[serde(default)]
    trusted: Vec<Saved>,
    #[serde(default)]
    disabled: Vec<App>,
}

/// A rate that is not the documented one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OwnRate {
    path: Option<String>,
    window: Window,
    max: u64,
}

/// Trusted addresses as they were saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    at: Timestamp,
    /// `None` trusts everybody.
    list: Option<Vec<String>>,
}

/// What comes before a call is looked at.
#[derive(Debug)]
pub struct Limits(Mutex<Inner>);

impl Default for Limits {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            rates: documented(),
            counted: HashMap::new(),
            blocked: HashMap::new(),
            under_way: HashMap::new(),
            set: Settings::default(),
            file: None,
        }))
    }
}

/// A call under way; it is over when this is dropped.
pub struct UnderWay<'l> {
    limits: &'l Limits,
    path: String,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.limits.inner().under_way.get_mut(&self.path) {
            *count -= 1;
        }
    }
}

impl Limits {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With what was set before, kept in this file from now on.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is no such file.
    pub fn kept_in(file: PathBuf) -> std::io::Result<Self> {
        let limits = Self::default();
        {
            let mut inner = limits.inner();
            if file.exists() {
                inner.set = serde_json::from_slice(&std::fs::read(&file)?)?;
            }
            for rate in inner.set.rates.clone() {
                inner.put_rate(rate);
            }
            inner.file = Some(file);
        }
        Ok(limits)
    }

    /// Lets `path`, or each path by itself, be called so often within a window from now on.
    pub fn set_rate(&self, path: Option<&str>, window: Window, max: u64) {
        let rate = OwnRate {
            path: path.map(str::to_owned),
            window,
            max,
        };
        let mut inner = self.inner();
        let same = |other: &OwnRate| other.path == rate.path && other.window == rate.window;
        inner.set.rates.retain(|other| !same(other));
        inner.set.rates.push(rate.clone());
        inner.put_rate(rate);
        inner.keep();
    }

    /// Answers 45033 to more than so many calls of one path at once; WeCom has not said how
    /// many it takes, and without this it is any number.
    pub fn set_at_once(&self, max: Option<u32>) {
        let mut inner = self.inner();
        inner.set.at_once_max = max;
        inner.keep();
    }

    /// Trusts only these addresses, a minute from `now` on: `127.0.0.1`, `10.0.0.*` or
    /// `10.0.0.0/8`; `None` trusts everybody.
    pub fn set_trusted(&self, list: Option<Vec<String>>, now: Timestamp) {
        let mut inner = self.inner();
        // What was replaced more than a minute ago is in force no more.
        let in_force = inner
            .set
            .trusted
            .iter()
            .rposition(|saved| saved.is_in_force(now));
        inner.set.trusted.drain(..in_force.unwrap_or(0));
        inner.set.trusted.push(Saved { at: now, list });
        inner.keep();
    }

    /// The trusted addresses as they were saved last.
    pub fn trusted(&self) -> Option<Vec<String>> {
        let inner = self.inner();
        let last = inner.set.trusted.last();
        last.and_then(|saved| saved.list.clone())
    }

    /// Disables an app (停用) or enables it again.
    pub fn set_enabled(&self, app: App, on: bool) {
        let mut inner = self.inner();
        inner.set.disabled.retain(|other| *other != app);
        if !on {
            inner.set.disabled.push(app);
        }
        inner.keep();
    }

    /// 50003 for the calls of a disabled app.
    pub fn enabled(&self, app: App) -> Result<(), Fail> {
        match self.inner().set.disabled.contains(&app) {
            true => Err(Fail::new(50003, "app is disabled")),
            false => Ok(()),
        }
    }

    /// Counts a call as one that is under way.
    pub fn begin(&self, path: &str) -> UnderWay<'_> {
        *self.inner().under_way.entry(path.to_owned()).or_default() += 1;
        UnderWay {
            limits: self,
            path: path.to_owned(),
        }
    }

    /// Trusted address, then rate, then how many at once.
    pub fn check(&self, path: &str, app: App, from: IpAddr, now: Timestamp) -> Result<(), Fail> {
        let mut inner = self.inner();
        let saved = inner.set.trusted.iter().rev();
        let mut in_force = saved.filter(|saved| saved.is_in_force(now));
        let list = in_force.next().and_then(|saved| saved.list.as_ref());
        if list.is_some_and(|list| !list.iter().any(|pattern| matches(pattern, from))) {
            return Err(Fail::new(60020, "not allow to access from your ip"));
        }
        inner.count(path, app, now)?;
        let under_way = inner.under_way.get(path).copied().unwrap_or(0);
        match inner.set.at_once_max {
            Some(max) if under_way > max => Err(Fail::new(45033, "api concurrent out of limit")),
            _ => Ok(()),
        }
    }

    /// A call that made something.
    pub fn made(&self, path: &str, app: App, now: Timestamp) {
        let mut inner = self.inner();
        let own = |rate: &&Rate| rate.made && rate.path.as_deref() == Some(path);
        let rates = inner.rates.iter().filter(own);
        let counters: Vec<Counter> = rates.map(|rate| rate.counter(path, app)).collect();
        for counter in counters {
            inner.more(&counter, now);
        }
    }

    /// A look-up that found nobody: too many of them in a day block the call.
    pub fn missed(&self, path: &str, now: Timestamp) {
        let mut inner = self.inner();
        let key = (format!("{path}#missed"), None, Window::Day);
        if inner.more(&key, now) > MISSES_MAX {
            let until = Window::Day.blocked_until(now);
            inner
                .blocked
                .insert((path.to_owned(), None, Window::Day), until);
        }
    }
}

impl Saved {
    fn is_in_force(&self, now: Timestamp) -> bool {
        now >= self.at.plus_ms(EFFECTIVE_AFTER_MS)
    }
}

impl Inner {
    fn put_rate(&mut self, own: OwnRate) {
        let same =
            |rate: &Rate| rate.path == own.path && rate.window == own.window && !rate.per_app;
        self.rates.retain(|rate| !same(rate));
        self.rates.push(Rate {
            path: own.path,
            per_app: false,
            made: false,
            window: own.window,
            max: own.max,
        });
    }

    /// Writes the settings, whole or not at all.
    fn keep(&self) {
        let Some(file) = &self.file else { return };
        let half = file.with_extension("new");
        let kept = serde_json::to_vec_pretty(&self.set)
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&half, bytes))
            .and_then(|()| std::fs::rename(&half, file));
        if let Err(error) = kept {
            tracing::error!(%error, "the simulator's settings cannot be written");
        }
    }

    fn count(&mut self, path: &str, app: App, now: Timestamp) -> Result<(), Fail> {
        let often = || Fail::new(45009, "api freq out of limit");
        let own = |rate: &&Rate| rate.path.as_deref().is_none_or(|p| p == path);
        let rates: Vec<Rate> = self.rates.iter().filter(own).cloned().collect();
        let blocked = self.blocked.iter();
        let mut blocked = blocked.filter(|((p, a, _), until)| {
            p == path && a.is_none_or(|a| a == app) && now.ms() < **until
        });
        if blocked.next().is_some() {
            return Err(often());
        }
        // Rates that count the same share a counter; the lower one holds.
        let mut held: HashMap<Counter, u64> = HashMap::new();
        for rate in rates {
            let max = held.entry(rate.counter(path, app)).or_insert(rate.max);
            *max = rate.max.min(*max);
        }
        for (key, max) in held {
            let made = key.0.ends_with(MADE);
            let count = if made {
                self.count_of(&key, now) + 1
            } else {
                self.more(&key, now)
            };
            if count > max {
                let window = key.2;
                let key = (path.to_owned(), key.1, window);
                self.blocked.insert(key, window.blocked_until(now));
                return Err(often());
            }
        }
        Ok(())
    }

    fn count_of(&self, key: &Counter, now: Timestamp) -> u64 {
        let counted = self.counted.get(key);
        counted
            .filter(|counted| counted.0 == key.2.began(now))
            .map_or(0, |counted| counted.1)
    }

    /// One more within the running window; how many there are now.
    fn more(&mut self, key: &Counter, now: Timestamp) -> u64 {
        let began = key.2.began(now);
        let counted = self.counted.entry(key.clone()).or_insert((began, 0));
        if counted.0 != began {
            *counted = (began, 0);
        }
        counted.1 += 1;
        counted.1
    }
}

/// Whether an address is meant by `127.0.0.1`, `10.0.0.*` or `10.0.0.0/8`.
fn matches(pattern: &str, address: IpAddr) -> bool {
    let pattern = pattern.trim();
    if let Some(start) = pattern.strip_suffix('*') {
        return address.to_string().starts_with(start);
    }
    if let (Some((network, bits)), IpAddr::V4(address)) = (pattern.split_once('/'), address) {
        let (Ok(network), Ok(bits)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else {
            return false;
        };
        let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
        return u32::from(network) & mask == u32::from(address) & mask;
    }
    pattern.parse() == Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_s(1_795_000_000);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn code(limits: &Limits, path: &str, now: Timestamp) -> i64 {
        let checked = limits.check(path, App::Own, HERE, now);
        checked.err().map_or(0, |fail| fail.code)
    }

    #[test]
    fn whoever_calls_too_often_waits_as_long_as_the_window() {
        let limits = Limits::default();
        limits.set_rate(None, Window::Minute, 3);
        let codes: Vec<i64> = (0..5).map(|_| code(&limits, "user/get", NOW)).collect();
        assert_eq!(codes, [0, 0, 0, 45009, 45009]);
        assert_eq!(code(&limits, "user/list", NOW), 0, "each call by itself");
        assert_eq!(code(&limits, "user/get", NOW.plus_ms(59_999)), 45009);
        assert_eq!(code(&limits, "user/get", NOW.plus_ms(60_000)), 0);
    }

    #[test]
    fn a_day_ends_at_midnight_in_beijing() {
        let limits = Limits::default();
        limits.set_rate(Some("user/get"), Window::Day, 1);
        // 23:59 in Beijing.
        let late = Timestamp::from_s(1_795_017_540);
        assert_eq!(code(&limits, "user/get", late), 0);
        assert_eq!(code(&limits, "user/get", late), 45009);
        assert_eq!(code(&limits, "user/get", late.plus_ms(59_000)), 45009);
        assert_eq!(code(&limits, "user/get", late.plus_ms(60_000)), 0);
    }

    #[test]
    fn trusted_addresses_work_a_minute_after_saving() {
        let limits = Limits::default();
        limits.set_trusted(Some(vec!["203.0.113.7".to_owned()]), NOW);
        assert_eq!(code(&limits, "user/get", NOW.plus_ms(59_999)), 0);
        let later = NOW.plus_ms(60_000);
        assert_eq!(code(&limits, "user/get", later), 60020);
        limits.set_trusted(Some(vec!["127.0.0.0/8".to_owned()]), later);
        assert_eq!(code(&limits, "user/get", later.plus_ms(1)), 60020);
        assert_eq!(code(&limits, "user/get", later.plus_ms(60_000)), 0);
        assert!(matches("127.0.0.*", HERE) && matches("127.0.0.1", HERE));
        assert!(!matches("127.0.1.*", HERE) && !matches("10.0.0.0/8", HERE));
    }

    #[test]
    fn so_many_at_once_and_so_many_misses() {
        let limits = Limits::default();
        limits.set_at_once(Some(1));
        let first = limits.begin("user/get");
        assert_eq!(code(&limits, "user/get", NOW), 0);
        let second = limits.begin("user/get");
        assert_eq!(code(&limits, "user/get", NOW), 45033);
        drop(second);
        assert_eq!(code(&limits, "user/get", NOW), 0);
        drop(first);
        for _ in 0..=MISSES_MAX {
            limits.missed("user/getuserid", NOW);
        }
        assert_eq!(code(&limits, "user/getuserid", NOW), 45009);
        assert_eq!(code(&limits, "user/getuserid", NOW.plus_ms(DAY_MS)), 0);
    }

    #[test]
    fn what_was_set_outlives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Limits::kept_in(dir.path().join("settings.json")).unwrap();
        let first = open();
        first.set_rate(Some("user/get"), Window::Minute, 5);
        first.set_rate(Some("user/get"), Window::Minute, 1);
        first.set_at_once(Some(3));
        first.set_enabled(App::Sync, false);
        first.set_trusted(Some(vec!["203.0.113.7".to_owned()]), NOW);
        first.set_trusted(Some(vec!["127.0.0.1".to_owned()]), NOW.plus_ms(120_000));
        first.set_trusted(None, NOW.plus_ms(240_000));
        drop(first);
        let second = open();
        assert_eq!(second.trusted(), None);
        assert_eq!(second.inner().set.trusted.len(), 2, "the first is replaced");
        // Ten seconds later the addresses saved before are still in force.
        let later = NOW.plus_ms(250_000);
        assert_eq!(code(&second, "user/get", later), 0);
        assert_eq!(code(&second, "user/get", later), 45009);
        assert!(second.enabled(App::Sync).is_err() && second.enabled(App::Own).is_ok());
        assert_eq!(second.inner().set.at_once_max, Some(3));
    }
}
