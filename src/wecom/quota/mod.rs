//! The quota governor: every call asks here first, so that WeCom never has to refuse one.
//!
//! One budget for each API and corp, counted within windows of time. What is urgent may use
//! all of it, somebody who waits nearly all, and bulk leaves a reserve. After WeCom has refused
//! (45009, 45033) nothing of that API leaves until the penalty is over: another call within it
//! would make it longer. What is used up and for how long a penalty runs outlives a restart:
//! whoever owns the governor keeps what [`Governor::to_keep`] gives.
//!
//! Source: WeCom documentation, 频率限制 and 全局错误码.

mod people;
mod rules;
#[cfg(test)]
mod tests;
mod window;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use minicbor::{Decode, Encode};
use tokio::sync::Notify;

use crate::kit::{Clock, Timestamp};

pub use people::KeptPeople;
pub use rules::{
    ALL_CALLS, AT_ONCE, AT_ONCE_ALL, EACH_CALL, Limit, RULES, Rule, Unit, rule_named, rule_of,
};
pub use window::{Counter, Window};

/// A call waits so long for its turn; beyond that it is told when to come again.
const HOLD_MAX: Duration = Duration::from_secs(3);
/// Answers without a refusal after which one more call at a time is tried again.
const CALM: u32 = 200;
/// Places beyond the limit for what is urgent.
const URGENT_PLACES: u32 = 2;
/// First and longest time without calls after too many at once (45033), in milliseconds.
const CROWDED_MS: (i64, i64) = (5_000, 60_000);
/// Time without calls after an address or a secret was refused, in milliseconds: a change in
/// the admin console takes a minute.
const REFUSED_MS: i64 = 60_000;
/// What WeCom answers when it trusts the address or the secret not.
const REFUSALS: [i64; 4] = [60020, 40001, 40013, 40091];

/// How much of a budget a call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Worth nothing in a few seconds: all of it.
    Urgent,
    /// Somebody waits, or an event does: nearly all.
    Awaited,
    /// One of many: what is left beside a reserve.
    Bulk,
}

impl Urgency {
    /// The part of a limit that may be used, in percent.
    fn percent(self) -> u64 {
        match self {
            Self::Urgent => 100,
            Self::Awaited => 95,
            Self::Bulk => 80,
        }
    }

    /// The part of `max` that may be used: a reserve of at least one unit, if there is more
    /// than one.
    pub fn part_of(self, max: u64) -> u64 {
        match self {
            Self::Urgent => max,
            _ => (max.saturating_mul(self.percent()) / 100).max(1),
        }
    }
}

/// Why a call has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// WeCom refused an earlier one with this errcode.
    Penalty(i64),
    /// The window is used up as far as this urgency goes.
    Window(Window),
    /// Too many are under way.
    Crowded,
}

/// Not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// When to come again.
    pub until: Timestamp,
    /// Why.
    pub why: Why,
}

/// No calls of an API until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Penalty {
    /// The end.
    #[n(0)]
    pub until: Timestamp,
    /// What WeCom answered.
    #[n(1)]
    pub errcode: i64,
    /// Refusals in a row, this one included.
    #[n(2)]
    pub strikes: u32,
}

/// What has to outlive a restart about one budget.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Kept {
    /// The budget: a rule's name, or a call without one of its own.
    #[n(0)]
    pub budget: String,
    /// Calls by window.
    #[n(1)]
    pub calls: Vec<(Window, Counter)>,
    /// People reached by window.
    #[n(2)]
    pub people: Vec<(Window, Counter)>,
    /// The penalty that runs, or ran last.
    #[n(3)]
    pub penalty: Option<Penalty>,
    /// Calls at a time, as learnt.
    #[n(4)]
    pub at_once: Option<u32>,
}

/// Limits that differ from the documented ones, by budget, unit and window.
pub type Overrides = BTreeMap<(String, &'static str, Window), u64>;

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// What is counted.
    pub unit: Unit,
    /// Within what time.
    pub window: Window,
    /// Units used at this moment.
    pub used: u64,
    /// The limit in force, if there is one.
    pub max: Option<u64>,
    /// The documented one.
    pub default: Option<u64>,
}

/// How one budget stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The budget's name.
    pub budget: String,
    /// Its limits.
    pub gauges: Vec<Gauge>,
    /// The penalty that runs.
    pub penalty: Option<Penalty>,
    /// Calls under way.
    pub under_way: u32,
    /// Calls at a time.
    pub at_once: u32,
}

/// A call takes about so long, in milliseconds; for estimates.
const CALL_MS: i64 = 200;

impl Standing {
    /// About how long `n` calls take: what is under way at a time, the limits by window, and
    /// the penalty before.
    pub fn eta_ms(&self, n: u64, urgency: Urgency, now: Timestamp) -> i64 {
        let n = i64::try_from(n).unwrap_or(i64::MAX / 1_000_000);
        let before = self.penalty.map_or(0, |p| p.until.since_ms(now).max(0));
        let one_by_one = n.saturating_mul(CALL_MS) / i64::from(self.at_once.max(1));
        let by_window = self.gauges.iter().filter(|g| g.unit == Unit::Call);
        let by_window = by_window.filter_map(|gauge| {
            let max = i64::try_from(urgency.part_of(gauge.max?)).ok()?;
            let used = i64::try_from(gauge.used).ok()?;
            let over = n.saturating_add(used).saturating_sub(max).max(0);
            Some(over.saturating_mul(gauge.window.ms()) / max.max(1))
        });
        before.saturating_add(one_by_one.max(by_window.max().unwrap_or(0)))
    }

    /// Calls left at this moment in the tightest window.
    pub fn room(&self, urgency: Urgency) -> Option<u64> {
        if self.penalty.is_some() {
            return Some(0);
        }
        let calls = self.gauges.iter().filter(|g| g.unit == Unit::Call);
        let left = calls.filter_map(|g| Some(urgency.part_of(g.max?).saturating_sub(g.used)));
        left.min()
    }
}

/// The governor of one corp's budgets. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Governor(Arc<Inner>);

struct Inner {
    clock: Clock,
    state: Mutex<State>,
    /// A place has become free, or limits have changed.
    moved: Notify,
    /// A penalty has begun.
    penalized: Notify,
}

#[derive(Default)]
struct State {
    budgets: BTreeMap<String, Budget>,
    overrides: Overrides,
    people: people::People,
}

#[derive(Default)]
struct Budget {
    calls: BTreeMap<Window, Counter>,
    people: BTreeMap<Window, Counter>,
    under_way: u32,
    at_once: Option<u32>,
    calm: u32,
    penalty: Option<Penalty>,
    is_changed: bool,
}

/// A call under way. Its place is free again when this is dropped.
pub struct Pass {
    governor: Governor,
    budget: String,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.governor.lock();
        for name in [self.budget.as_str(), ALL_CALLS] {
            if let Some(budget) = state.budgets.get_mut(name) {
                budget.under_way = budget.under_way.saturating_sub(1);
            }
        }
        drop(state);
        self.governor.0.moved.notify_waiters();
    }
}

/// The budget that a call draws on: its rule's, or its own.
pub fn budget_of(call: &str) -> &str {
    match rule_of(call) {
        rule if rule.name == EACH_CALL => call,
        rule => rule.name,
    }
}

/// The rule of a budget.
fn rule_for(budget: &str) -> &'static Rule {
    rule_named(budget).unwrap_or_else(|| rule_of(budget))
}

impl State {
    /// All limits of a budget: its own, and those of every call where it has none of its own.
    fn limits(&self, budget: &str) -> Vec<(Limit, Option<u64>)> {
        let rule = rule_for(budget);
        let mut limits = rule.limits.to_vec();
        if rule.name != ALL_CALLS {
            let own = |l: &Limit| {
                limits
                    .iter()
                    .any(|o| o.unit == l.unit && o.window == l.window)
            };
            let common = rule_named(EACH_CALL).map_or(&[][..], |rule| rule.limits);
            let missing: Vec<Limit> = common.iter().filter(|l| !own(l)).copied().collect();
            limits.extend(missing);
        }
        limits.sort_by_key(|l| (l.unit as u8, l.window));
        let in_force = |limit: Limit| {
            let key = |name: &str| (name.to_owned(), limit.unit.code(), limit.window);
            let own = self.overrides.get(&key(budget));
            let common = match rule.name {
                EACH_CALL => self.overrides.get(&key(EACH_CALL)),
                _ => None,
            };
            (limit, own.or(common).copied().or(limit.max))
        };
        limits.into_iter().map(in_force).collect()
    }

    /// When a call may be made as far as limits and penalties go; none if now.
    fn held(&self, budget: &str, now: Timestamp, urgency: Urgency, people: u64) -> Option<Held> {
        let found = self.budgets.get(budget)?;
        if let Some(penalty) = found.penalty.filter(|p| p.until > now) {
            return Some(Held {
                until: penalty.until,
                why: Why::Penalty(penalty.errcode),
            });
        }
        let mut latest: Option<Held> = None;
        for (limit, max) in self.limits(budget) {
            let (Some(max), Some((counter, units))) = (max, found.counted(&limit, people)) else {
                continue;
            };
            let max = urgency.part_of(max);
            let room = counter.room_at(limit.window, now, units.min(max), max);
            if let Some(until) = room.filter(|at| latest.is_none_or(|l| l.until < *at)) {
                latest = Some(Held {
                    until,
                    why: Why::Window(limit.window),
                });
            }
        }
        latest
    }

    /// WeCom drops silently what is too much for one person, so it is held here.
    fn held_for_people(&self, budget: &str, now: Timestamp, people: &[&str]) -> Option<Held> {
        let limits = self.limits(budget);
        let each = limits.iter().filter(|(l, _)| l.unit == Unit::EachPerson);
        let mut latest: Option<Held> = None;
        for (limit, max) in each {
            let Some(max) = max else { continue };
            for userid in people {
                let counter = self.people.counter(budget, userid, limit.window);
                let room = counter.room_at(limit.window, now, 1, *max);
                if let Some(until) = room.filter(|at| latest.is_none_or(|l| l.until < *at)) {
                    latest = Some(Held {
                        until,
                        why: Why::Window(limit.window),
                    });
                }
            }
        }
        latest
    }

    fn count_people(&mut self, budget: &str, now: Timestamp, people: &[&str]) {
        let limits = self.limits(budget);
        let windows = limits.iter().filter(|(l, _)| l.unit == Unit::EachPerson);
        let windows: Vec<Window> = windows.map(|(l, _)| l.window).collect();
        if windows.is_empty() {
            return;
        }
        for userid in people {
            self.people.count(budget, userid, &windows, now);
        }
    }

    fn has_place(&self, budget: &str, urgency: Urgency) -> bool {
        let more = match urgency {
            Urgency::Urgent => URGENT_PLACES,
            _ => 0,
        };
        let free = |name: &str, max: u32| {
            self.budgets
                .get(name)
                .is_none_or(|b| b.under_way < b.at_once.unwrap_or(max).saturating_add(more))
        };
        free(budget, AT_ONCE) && free(ALL_CALLS, AT_ONCE_ALL)
    }

    fn count(&mut self, budget: &str, now: Timestamp, people: u64) {
        for name in [budget, ALL_CALLS] {
            let limits = self.limits(name);
            let budget = self.budgets.entry(name.to_owned()).or_default();
            budget.under_way += 1;
            budget.is_changed = true;
            for (limit, _) in limits {
                match limit.unit {
                    Unit::Call => {
                        let counter = budget.calls.entry(limit.window).or_default();
                        counter.add(limit.window, now, 1);
                    }
                    Unit::Person if people > 0 => {
                        let counter = budget.people.entry(limit.window).or_default();
                        counter.add(limit.window, now, people);
                    }
                    Unit::Person | Unit::EachPerson => {}
                }
            }
        }
    }
}

impl Budget {
    /// The counter of a limit with the units that the next call adds to it.
    fn counted(&self, limit: &Limit, people: u64) -> Option<(Counter, u64)> {
        match limit.unit {
            Unit::Call => Some((
                self.calls.get(&limit.window).copied().unwrap_or_default(),
                1,
            )),
            Unit::Person if people > 0 => Some((
                self.people.get(&limit.window).copied().unwrap_or_default(),
                people,
            )),
            Unit::Person | Unit::EachPerson => None,
        }
    }
}

impl Governor {
    /// A governor that has counted nothing yet.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            state: Mutex::default(),
            moved: Notify::new(),
            penalized: Notify::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a call's turn, a few seconds at most.
    ///
    /// # Errors
    /// When to come again.
    pub async fn enter(&self, call: &str, urgency: Urgency) -> Result<Pass, Held> {
        self.enter_reaching(call, urgency, &[]).await
    }

    /// The same for a call that reaches people of the firm, by userid.
    ///
    /// # Errors
    /// When to come again.
    pub async fn enter_reaching(
        &self,
        call: &str,
        urgency: Urgency,
        people: &[&str],
    ) -> Result<Pass, Held> {
        let began = tokio::time::Instant::now();
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let held = match self.try_enter(call, urgency, people) {
                Ok(pass) => return Ok(pass),
                Err(held) => held,
            };
            // A crowd passes by itself, and whoever stands in it is let in some time.
            let left = HOLD_MAX.saturating_sub(began.elapsed());
            let wait = held.until.since_ms(self.0.clock.now()).max(1);
            let wait = Duration::from_millis(wait.unsigned_abs());
            if held.why == Why::Crowded {
                moved.await;
            } else if wait <= left {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = moved => {}
                }
            } else {
                return Err(held);
            }
        }
    }

    fn try_enter(&self, call: &str, urgency: Urgency, people: &[&str]) -> Result<Pass, Held> {
        let now = self.0.clock.now();
        let budget = budget_of(call);
        let reached = people.len() as u64;
        let mut state = self.lock();
        for name in [budget, ALL_CALLS] {
            if let Some(held) = state.held(name, now, urgency, reached) {
                return Err(held);
            }
        }
        if let Some(held) = state.held_for_people(budget, now, people) {
            return Err(held);
        }
        if !state.has_place(budget, urgency) {
            return Err(Held {
                until: now.plus_ms(1),
                why: Why::Crowded,
            });
        }
        state.count(budget, now, reached);
        state.count_people(budget, now, people);
        Ok(Pass {
            governor: self.clone(),
            budget: budget.to_owned(),
        })
    }

    /// When a call of this API may be made; none if now. Nothing is counted.
    pub fn held(&self, call: &str, urgency: Urgency) -> Option<Held> {
        let now = self.0.clock.now();
        let state = self.lock();
        let held = |name| state.held(name, now, urgency, 0);
        held(budget_of(call)).or_else(|| held(ALL_CALLS))
    }

    /// What WeCom has answered to a call: 0, or an errcode.
    pub fn answered(&self, call: &str, errcode: i64) {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let name = budget_of(call);
        let limits = state.limits(name);
        let budget = state.budgets.entry(name.to_owned()).or_default();
        // Calls that had left before the first was refused are not refused once more.
        let strikes = match budget.penalty {
            Some(running) if running.until > now => running.strikes,
            ended => ended.map_or(0, |p| p.strikes) + 1,
        };
        let until = match errcode {
            45009 if call == "gettoken" => Window::Hour.penalty_until(now),
            45009 => hit_window(budget, &limits, strikes, now).penalty_until(now),
            45033 => {
                let at_once = budget.at_once.unwrap_or(AT_ONCE);
                budget.at_once = Some((at_once / 2).max(1));
                let (first, longest) = CROWDED_MS;
                now.plus_ms((first << strikes.saturating_sub(1).min(5)).min(longest))
            }
            // The address is not trusted, or the secret is wrong: no use to knock on.
            refusal if REFUSALS.contains(&refusal) => now.plus_ms(REFUSED_MS),
            _ => {
                budget.calm(errcode);
                return;
            }
        };
        budget.calm = 0;
        budget.penalty = Some(Penalty {
            until,
            errcode,
            strikes,
        });
        budget.is_changed = true;
        drop(state);
        tracing::warn!(call, errcode, until = ?until, "no more calls of this API for a while");
        self.0.penalized.notify_one();
    }

    /// The account or its secrets were changed: what was refused because of them may be tried
    /// at once. Penalties for calling too often run on.
    pub fn lift_refusals(&self) {
        let now = self.0.clock.now();
        for budget in self.lock().budgets.values_mut() {
            let refused = budget.penalty.as_mut();
            if let Some(penalty) = refused.filter(|p| REFUSALS.contains(&p.errcode)) {
                penalty.until = penalty.until.min(now);
                budget.is_changed = true;
            }
        }
        self.0.moved.notify_waiters();
    }

    /// Resolves when a penalty has begun since the last time.
    pub async fn penalized(&self) {
        self.0.penalized.notified().await;
    }

    /// Sets the limits that differ from the documented ones.
    pub fn set_overrides(&self, overrides: Overrides) {
        self.lock().overrides = overrides;
        self.0.moved.notify_waiters();
    }

    /// What has changed since the last time and has to outlive a restart.
    pub fn to_keep(&self) -> Vec<Kept> {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let mut kept = Vec::new();
        for (name, budget) in &mut state.budgets {
            if std::mem::take(&mut budget.is_changed) {
                kept.push(budget.keep(name));
            }
            // Given again and again as long as it runs: whoever keeps it may fail.
            budget.is_changed = budget.penalty.is_some_and(|p| p.until > now);
        }
        kept
    }

    /// The same of what each person was sent.
    pub fn people_to_keep(&self) -> Vec<KeptPeople> {
        let now = self.0.clock.now();
        self.lock().people.changed(now)
    }

    /// What of it could not be kept has to be given again.
    pub fn people_not_kept(&self, shards: impl IntoIterator<Item = u32>) {
        self.lock().people.not_kept(shards);
    }

    /// Goes on from what was kept of it.
    pub fn restore_people(&self, kept: impl IntoIterator<Item = KeptPeople>) {
        self.lock().people.restore(kept);
    }

    /// What could not be kept has to be given again.
    pub fn not_kept(&self, budgets: impl IntoIterator<Item = String>) {
        let mut state = self.lock();
        for name in budgets {
            if let Some(budget) = state.budgets.get_mut(&name) {
                budget.is_changed = true;
            }
        }
    }

    /// Goes on from what was kept.
    pub fn restore(&self, kept: impl IntoIterator<Item = Kept>) {
        let mut state = self.lock();
        for kept in kept {
            let budget = state.budgets.entry(kept.budget).or_default();
            budget.calls = kept.calls.into_iter().collect();
            budget.people = kept.people.into_iter().collect();
            budget.penalty = kept.penalty;
            budget.at_once = kept.at_once;
        }
    }

    /// How all budgets stand that were ever drawn on, and those with limits of their own.
    pub fn standings(&self) -> Vec<Standing> {
        let now = self.0.clock.now();
        let state = self.lock();
        let mut names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
        let used = state.budgets.keys().map(String::as_str);
        names.extend(used.filter(|name| rule_named(name).is_none()));
        names.into_iter().map(|n| state.standing(n, now)).collect()
    }

    /// How one budget stands.
    pub fn standing(&self, budget: &str) -> Standing {
        let now = self.0.clock.now();
        self.lock().standing(budget, now)
    }
}

impl State {
    fn standing(&self, name: &str, now: Timestamp) -> Standing {
        let none = Budget::default();
        let budget = self.budgets.get(name).unwrap_or(&none);
        let gauge = |(limit, max): (Limit, Option<u64>)| Gauge {
            unit: limit.unit,
            window: limit.window,
            used: budget
                .counted(&limit, 1)
                .map_or(0, |(counter, _)| counter.used(limit.window, now)),
            max,
            default: limit.max,
        };
        let at_once = match name {
            ALL_CALLS => AT_ONCE_ALL,
            _ => budget.at_once.unwrap_or(AT_ONCE),
        };
        Standing {
            budget: name.to_owned(),
            gauges: self.limits(name).into_iter().map(gauge).collect(),
            penalty: budget.penalty.filter(|p| p.until > now),
            under_way: budget.under_way,
            at_once,
        }
    }
}

impl Budget {
    /// An answer that has nothing to do with limits.
    fn calm(&mut self, errcode: i64) {
        if errcode == 0 && self.penalty.is_some_and(|p| p.strikes > 0) {
            self.penalty = None;
            self.is_changed = true;
        }
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            if let Some(at_once) = self.at_once {
                let more = at_once + 1;
                self.at_once = (more < AT_ONCE).then_some(more);
                self.is_changed = true;
            }
        }
    }

    fn keep(&self, name: &str) -> Kept {
        let pairs = |of: &BTreeMap<Window, Counter>| of.iter().map(|(w, c)| (*w, *c)).collect();
        Kept {
            budget: name.to_owned(),
            calls: pairs(&self.calls),
            people: pairs(&self.people),
            penalty: self.penalty,
            at_once: self.at_once,
        }
    }
}

/// The window whose limit was hit. WeCom does not say: the longest that is nearly used up by
/// our own counting; else a minute the first time, and an hour if that was not enough.
fn hit_window(
    budget: &Budget,
    limits: &[(Limit, Option<u64>)],
    strikes: u32,
    now: Timestamp,
) -> Window {
    let is_full = |(limit, max): &(Limit, Option<u64>)| {
        let (Some(max), Some((counter, _))) = (*max, budget.counted(limit, 1)) else {
            return false;
        };
        counter.used(limit.window, now) >= max.saturating_mul(9) / 10
    };
    let full = limits.iter().filter(|l| is_full(l)).map(|(l, _)| l.window);
    let guess = if strikes > 1 {
        Window::Hour
    } else {
        Window::Minute
    };
    full.max().unwrap_or(guess)
}
