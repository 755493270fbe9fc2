//! When what is said: conversations run side by side, and people sleep.

/// Messages of one conversation; it begins anew after them.
pub(super) const TURNS: u64 = 16;
/// How long the history is.
const HISTORY_DAYS: i64 = 180;
/// People write from half past eight until ten in the evening, Chinese time.
const OPENS_S: i64 = 30_600;
const CLOSES_S: i64 = 79_200;
const OPEN_S: i64 = CLOSES_S - OPENS_S;
const DAY_S: i64 = 86_400;
/// China is so far ahead of UTC.
const EAST_S: i64 = 8 * 3600;
/// What somebody waits for an answer, seconds.
const ANSWER_S: i64 = 120;
const WIDTH_MAX: u64 = 1024;

/// Where messages of the history lie in time, and to which conversation they belong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Messages of the history.
    pub count: u64,
    /// Conversations side by side.
    width: u64,
    /// The end of the history in opening time, milliseconds.
    end_ms: i64,
}

/// A place in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// The conversation.
    pub episode: u64,
    /// The message in it.
    pub turn: usize,
}

impl Plan {
    /// So many messages until `end_s` (seconds).
    pub fn new(count: u64, end_s: i64) -> Self {
        let messages = i64::try_from(count).unwrap_or(i64::MAX).max(1);
        let width = messages.saturating_mul(ANSWER_S) / (HISTORY_DAYS * OPEN_S);
        let width = u64::try_from(width).unwrap_or(1).clamp(2, WIDTH_MAX);
        Self {
            count,
            width: width.next_power_of_two(),
            end_ms: opening_s(end_s) * 1000,
        }
    }

    /// Where message number `index` belongs.
    pub fn spot(&self, index: u64) -> Spot {
        let block = self.width * TURNS;
        let within = index % block;
        Spot {
            episode: index / block * self.width + within % self.width,
            turn: usize::try_from(within / self.width).unwrap_or(0),
        }
    }

    /// The number of a message; the first and last one frame the conversation.
    pub fn index(&self, episode: u64, turn: u64) -> u64 {
        episode / self.width * self.width * TURNS + turn * self.width + episode % self.width
    }

    /// The message before this one in the same conversation.
    pub fn before(&self, index: u64) -> u64 {
        index.saturating_sub(self.width)
    }

    /// When message `index` of the history was written, milliseconds since the epoch; `noise`
    /// moves it a little.
    pub fn at_ms(&self, index: u64, noise: u64) -> i64 {
        let span = i128::from(HISTORY_DAYS * OPEN_S * 1000);
        let back = span * i128::from(self.count - index) / i128::from(self.count.max(1));
        let gap = span / i128::from(self.count.max(1));
        // Within its own stretch of time, so that nearly all come in order.
        let moved = i128::from(noise % 1000) * gap / 1250;
        let at = i128::from(self.end_ms) - back + moved;
        let late = if noise.is_multiple_of(61) { 4_000 } else { 0 };
        of_opening_ms(i64::try_from(at).unwrap_or(self.end_ms)) - late
    }
}

/// Seconds during which people wrote until `at_s`.
fn opening_s(at_s: i64) -> i64 {
    let local = at_s + EAST_S;
    let today = (local.rem_euclid(DAY_S) - OPENS_S).clamp(0, OPEN_S);
    local.div_euclid(DAY_S) * OPEN_S + today
}

fn of_opening_ms(open_ms: i64) -> i64 {
    let (day, within) = (
        open_ms.div_euclid(OPEN_S * 1000),
        open_ms.rem_euclid(OPEN_S * 1000),
    );
    (day * DAY_S + OPENS_S - EAST_S) * 1000 + within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_a_spot_of_its_own() {
        for count in [0, 1, 500, 100_000, 10_000_000] {
            let plan = Plan::new(count, 1_795_000_000);
            for index in (0..5_000).chain([99_999, 9_999_999]) {
                let spot = plan.spot(index);
                assert_eq!(plan.index(spot.episode, spot.turn as u64), index);
                if spot.turn > 0 {
                    let before = plan.spot(plan.before(index));
                    assert_eq!((before.episode, before.turn + 1), (spot.episode, spot.turn));
                }
            }
        }
    }

    #[test]
    fn the_history_ends_now_and_nobody_writes_at_night() {
        for end_s in [1_795_000_000, 1_795_030_000, 1_795_060_000] {
            let plan = Plan::new(20_000, end_s);
            let last = plan.at_ms(19_999, 0) / 1000;
            assert!(last <= end_s && last > end_s - DAY_S, "{last}");
            let first = plan.at_ms(0, 0) / 1000;
            let days = (end_s - first) / DAY_S;
            assert!((179..=181).contains(&days), "{days}");
            for index in 0..20_000 {
                let local = plan.at_ms(index, index) / 1000 + EAST_S;
                let hour = local.rem_euclid(DAY_S);
                assert!((OPENS_S - 10..CLOSES_S).contains(&hour), "{index} {hour}");
                assert!(
                    plan.at_ms(index + 1, 0) + 4_001 > plan.at_ms(index, 999),
                    "{index}"
                );
            }
        }
    }
}
