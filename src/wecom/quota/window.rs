//! Counting within windows of time.

use minicbor::{Decode, Encode};

use crate::kit::Timestamp;

/// The time within which WeCom counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Window {
    /// A minute.
    #[n(0)]
    Minute,
    /// An hour.
    #[n(1)]
    Hour,
    /// A calendar day in Beijing.
    #[n(2)]
    Day,
    /// Thirty days.
    #[n(3)]
    Month,
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Day boundaries are Beijing time.
const BEIJING_MS: i64 = 8 * HOUR_MS;

impl Window {
    /// All of them, shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Its length in milliseconds.
    pub fn ms(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
            Self::Month => 30 * DAY_MS,
        }
    }

    /// Until when WeCom refuses after a limit of this window was hit at `at`: a minute, an
    /// hour, the rest of the day, thirty days.
    pub fn penalty_until(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Day => Timestamp::from_ms(self.start_of(at) + DAY_MS),
            _ => at.plus_ms(self.ms()),
        }
    }

    /// When the stretch that `at` lies in began.
    fn start_of(self, at: Timestamp) -> i64 {
        let shifted = at.ms() + BEIJING_MS;
        shifted - shifted.rem_euclid(self.ms()) - BEIJING_MS
    }

    /// Whether WeCom's stretch may begin anywhere: then what was used in the stretch before
    /// fades out evenly. Days begin at midnight.
    fn slides(self) -> bool {
        self != Self::Day
    }
}

/// What was used within the running stretch and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Counter {
    /// When the running stretch began, milliseconds.
    #[n(0)]
    pub start: i64,
    /// Units in it.
    #[n(1)]
    pub now: u64,
    /// Units in the stretch before it.
    #[n(2)]
    pub before: u64,
}

impl Counter {
    /// The same, brought to the stretch that `at` lies in. A clock that goes back changes
    /// nothing.
    pub fn at(self, window: Window, at: Timestamp) -> Self {
        let start = window.start_of(at);
        if start <= self.start {
            return self;
        }
        let is_next = start - self.start == window.ms();
        Self {
            start,
            now: 0,
            before: if is_next { self.now } else { 0 },
        }
    }

    /// Counts.
    pub fn add(&mut self, window: Window, at: Timestamp, units: u64) {
        *self = self.at(window, at);
        self.now = self.now.saturating_add(units);
    }

    /// Units that count at this moment.
    pub fn used(self, window: Window, at: Timestamp) -> u64 {
        let counter = self.at(window, at);
        let fading = match window.slides() {
            true => counter.fading(window, at),
            false => 0,
        };
        counter.now.saturating_add(fading)
    }

    fn fading(self, window: Window, at: Timestamp) -> u64 {
        let left = (self.start + window.ms() - at.ms()).clamp(0, window.ms());
        let share = u128::from(self.before) * u128::from(left.unsigned_abs());
        u64::try_from(share.div_ceil(u128::from(window.ms().unsigned_abs()))).unwrap_or(u64::MAX)
    }

    /// When `units` more will be within `max`; none if now. A guess where the stretch has to
    /// end first: ask again then.
    pub fn room_at(self, window: Window, at: Timestamp, units: u64, max: u64) -> Option<Timestamp> {
        let counter = self.at(window, at);
        if counter.used(window, at).saturating_add(units) <= max {
            return None;
        }
        let end = counter.start + window.ms();
        let here = counter.now.saturating_add(units);
        if !window.slides() || here > max || counter.before == 0 {
            return Some(Timestamp::from_ms(end));
        }
        // before × left / length ≤ max − here
        let free = u128::from(max - here) * u128::from(window.ms().unsigned_abs());
        let left = i64::try_from(free / u128::from(counter.before)).unwrap_or(i64::MAX);
        Some(Timestamp::from_ms(
            (end.saturating_sub(left)).max(at.ms() + 1),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_s(1_771_200_000 + s)
    }

    #[test]
    fn what_was_used_fades_out_evenly() {
        let mut c = Counter::default();
        c.add(Window::Minute, at(0), 100);
        assert_eq!(c.used(Window::Minute, at(59)), 100);
        assert_eq!(c.used(Window::Minute, at(60)), 100);
        assert_eq!(c.used(Window::Minute, at(90)), 50);
        assert_eq!(c.used(Window::Minute, at(120)), 0);
    }

    #[test]
    fn a_day_begins_at_midnight_in_beijing() {
        // 2026-02-15 16:00 UTC is midnight there.
        let midnight = 1_771_171_200;
        let mut c = Counter::default();
        c.add(Window::Day, Timestamp::from_s(midnight - 1), 7);
        assert_eq!(c.used(Window::Day, Timestamp::from_s(midnight - 1)), 7);
        assert_eq!(c.used(Window::Day, Timestamp::from_s(midnight)), 0);
        assert_eq!(
            Window::Day.penalty_until(Timestamp::from_s(midnight - 1)),
            Timestamp::from_s(midnight)
        );
    }

    #[test]
    fn room_comes_when_it_is_said_to_come() {
        let mut c = Counter::default();
        c.add(Window::Minute, at(0), 100);
        for s in 0..120 {
            if let Some(room) = c.room_at(Window::Minute, at(s), 20, 100) {
                assert!(room > at(s));
                let again = c.room_at(Window::Minute, room, 20, 100);
                assert!(again.is_none() || room == at(60), "{s} {room:?} {again:?}");
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_room() {
        let mut c = Counter::default();
        c.add(Window::Hour, at(7_200), 5);
        assert_eq!(c.used(Window::Hour, at(0)), 5);
    }
}
