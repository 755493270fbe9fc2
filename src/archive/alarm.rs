//! What will be lost unless somebody acts, told while there is time.

use crate::kit::Timestamp;

/// WeCom keeps messages for so long, and their files (WeCom documentation, 获取会话内容: 5
/// days), ms.
pub const WINDOW_MS: i64 = 5 * 24 * HOUR_MS;
/// After so long without an answer somebody should look, ms.
const SILENT_MS: i64 = 24 * HOUR_MS;
/// When this is left, somebody should look: a weekend, ms.
const NEAR_MS: i64 = 48 * HOUR_MS;
/// Catching up may take this long, and the first answer may be missing for it, ms.
pub(super) const PATIENCE_MS: i64 = HOUR_MS;
const HOUR_MS: i64 = 3_600_000;

/// How the archive stands, as far as a loss goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Whether it is read at all.
    pub is_on: bool,
    /// When it was asked for the first time since it was switched on.
    pub asked_at: Option<Timestamp>,
    /// When it last answered.
    pub answered_at: Option<Timestamp>,
    /// When nothing was left to fetch.
    pub caught_up_at: Option<Timestamp>,
    /// When the newest message that is here was sent.
    pub last_sent_at: Option<Timestamp>,
    /// Files that wait although their end is near: how many, and when the first was sent.
    pub files: Option<(usize, Timestamp)>,
    /// Messages that can't be opened yet although the end of their files is near: how many, and
    /// when the first came. It was sent at that time or before.
    pub locked: Option<(usize, Timestamp)>,
}

/// Something that will be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The archive is on and has never answered since.
    Never {
        /// For so many hours.
        hours: u64,
    },
    /// It has not answered for a long time.
    Silent {
        /// So many are left until messages are lost.
        hours: u64,
    },
    /// It answers, but what is not here yet is old.
    Behind {
        /// See `Silent`.
        hours: u64,
    },
    /// Files of messages have not been fetched.
    Files {
        /// So many.
        n: usize,
        /// Until the first is lost.
        hours: u64,
    },
    /// Messages can't be opened, and while they can't nobody knows which files belong to them.
    Locked {
        /// So many.
        n: usize,
        /// Until the files of the first are lost, at the latest.
        hours: u64,
    },
}

impl Alarm {
    /// Catalogue key of the sentence.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Never { .. } => "archive_alarm.never",
            Self::Silent { .. } => "archive_alarm.silent",
            Self::Behind { .. } => "archive_alarm.behind",
            Self::Files { .. } => "archive_alarm.files",
            Self::Locked { .. } => "archive_alarm.locked",
        }
    }

    /// The hours it names.
    pub fn hours(&self) -> u64 {
        match self {
            Self::Never { hours }
            | Self::Silent { hours }
            | Self::Behind { hours }
            | Self::Files { hours, .. }
            | Self::Locked { hours, .. } => *hours,
        }
    }

    /// How many files or messages.
    pub fn n(&self) -> usize {
        match self {
            Self::Files { n, .. } | Self::Locked { n, .. } => *n,
            _ => 0,
        }
    }
}

impl Outlook {
    /// Everything that somebody should hear of, the worst first.
    pub fn alarms(&self, now: Timestamp) -> Vec<Alarm> {
        if !self.is_on {
            return Vec::new();
        }
        let files = self.files.map(|(n, sent_at)| {
            let hours = hours_left(sent_at, now);
            Alarm::Files { n, hours }
        });
        let locked = self.locked.map(|(n, came_at)| {
            let hours = hours_left(came_at, now);
            Alarm::Locked { n, hours }
        });
        let files = files.into_iter().chain(locked);
        self.messages(now).into_iter().chain(files).collect()
    }

    /// Whole hours until WeCom forgets the oldest message that is not here, as far as can be
    /// known; none before the first answer.
    pub fn hours_left(&self, now: Timestamp) -> Option<u64> {
        Some(hours_left(self.missing_since()?, now))
    }

    fn messages(&self, now: Timestamp) -> Option<Alarm> {
        // An answer from before it was switched off is none.
        let answered_at = self.answered_at.filter(|at| Some(*at) >= self.asked_at);
        let Some(answered_at) = answered_at else {
            let age = now.since_ms(self.asked_at?);
            let hours = u64::try_from(age / HOUR_MS).unwrap_or(0);
            return (age >= PATIENCE_MS).then_some(Alarm::Never { hours });
        };
        let hours = self.hours_left(now)?;
        if now.since_ms(answered_at) > SILENT_MS {
            return Some(Alarm::Silent { hours });
        }
        let is_near = now.since_ms(self.missing_since()?) > WINDOW_MS - NEAR_MS;
        let behind_since = self.caught_up_at.max(self.asked_at);
        // While it has just begun, old messages are what is to be expected.
        let is_stuck = behind_since.is_none_or(|at| now.since_ms(at) >= PATIENCE_MS);
        (is_near && is_stuck).then_some(Alarm::Behind { hours })
    }

    /// What was sent later may not be here.
    fn missing_since(&self) -> Option<Timestamp> {
        match self.caught_up_at >= self.answered_at {
            true => self.caught_up_at,
            false => self.last_sent_at.or(self.answered_at),
        }
    }
}

/// Whether what was sent then is near its end.
pub(super) fn is_near(sent_at: Timestamp, now: Timestamp) -> bool {
    sent_at < near_begin(now)
}

/// Before this, WeCom has forgotten what was sent.
pub(super) fn window_begin(now: Timestamp) -> Timestamp {
    now.plus_ms(-WINDOW_MS)
}

/// What was sent before this is near its end.
pub(super) fn near_begin(now: Timestamp) -> Timestamp {
    now.plus_ms(NEAR_MS - WINDOW_MS)
}

pub(super) fn hours_left(sent_at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from((WINDOW_MS - now.since_ms(sent_at)) / HOUR_MS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_795_003_200_000);

    /// So many hours ago.
    fn ago(hours: i64) -> Option<Timestamp> {
        Some(NOW.plus_ms(-hours * HOUR_MS))
    }

    fn on() -> Outlook {
        Outlook {
            is_on: true,
            asked_at: ago(1_000),
            answered_at: ago(0),
            caught_up_at: ago(0),
            last_sent_at: ago(30),
            files: None,
            locked: None,
        }
    }

    #[test]
    fn all_is_well_while_nothing_is_left_to_fetch() {
        assert_eq!(on().alarms(NOW), []);
        assert_eq!(on().hours_left(NOW), Some(120));
        // For a firm that writes nothing, too.
        let idle = Outlook {
            last_sent_at: ago(2_000),
            ..on()
        };
        assert_eq!(idle.alarms(NOW), []);
        assert_eq!(Outlook::default().alarms(NOW), []);
    }

    #[test]
    fn an_archive_that_never_answered_is_told_after_an_hour() {
        let asked = |hours| Outlook {
            is_on: true,
            asked_at: ago(hours),
            ..Outlook::default()
        };
        assert_eq!(asked(0).alarms(NOW), []);
        assert_eq!(asked(1).alarms(NOW), [Alarm::Never { hours: 1 }]);
        assert_eq!(asked(500).alarms(NOW), [Alarm::Never { hours: 500 }]);
        let off = Outlook {
            is_on: false,
            ..asked(500)
        };
        assert_eq!(off.alarms(NOW), []);
        // It was off for a while, and is on again.
        let again = Outlook {
            answered_at: ago(900),
            caught_up_at: ago(900),
            ..asked(2)
        };
        assert_eq!(again.alarms(NOW), [Alarm::Never { hours: 2 }]);
    }

    #[test]
    fn silence_is_told_after_a_day() {
        let silent = |hours| Outlook {
            answered_at: ago(hours),
            caught_up_at: ago(hours),
            ..on()
        };
        assert_eq!(silent(24).alarms(NOW), []);
        assert_eq!(silent(25).alarms(NOW), [Alarm::Silent { hours: 95 }]);
        assert_eq!(silent(200).alarms(NOW), [Alarm::Silent { hours: 0 }]);
        // It had not caught up: what is missing is older than the silence.
        let behind = Outlook {
            last_sent_at: ago(100),
            caught_up_at: ago(90),
            ..silent(30)
        };
        assert_eq!(behind.alarms(NOW), [Alarm::Silent { hours: 20 }]);
    }

    #[test]
    fn a_backlog_is_told_when_its_end_is_near() {
        let behind = |sent, caught_up| Outlook {
            last_sent_at: ago(sent),
            caught_up_at: caught_up,
            ..on()
        };
        assert_eq!(behind(72, ago(90)).alarms(NOW), []);
        assert_eq!(
            behind(73, ago(90)).alarms(NOW),
            [Alarm::Behind { hours: 47 }]
        );
        assert_eq!(behind(73, None).alarms(NOW), [Alarm::Behind { hours: 47 }]);
        // It has just been switched on, with everything that WeCom still has.
        let fresh = Outlook {
            asked_at: ago(0),
            ..behind(119, None)
        };
        assert_eq!(fresh.alarms(NOW), []);
    }

    #[test]
    fn files_that_wait_are_told_beside_the_rest() {
        let files = Outlook {
            files: ago(100).map(|at| (7, at)),
            ..on()
        };
        let alarm = Alarm::Files { n: 7, hours: 20 };
        assert_eq!(files.alarms(NOW), [alarm]);
        let both = Outlook {
            answered_at: ago(30),
            caught_up_at: ago(30),
            ..files
        };
        assert_eq!(both.alarms(NOW), [Alarm::Silent { hours: 90 }, alarm]);
        let locked = Outlook {
            locked: ago(119).map(|at| (3, at)),
            ..both
        };
        let last = Alarm::Locked { n: 3, hours: 1 };
        assert_eq!(
            locked.alarms(NOW),
            [Alarm::Silent { hours: 90 }, alarm, last]
        );
        assert!(is_near(NOW.plus_ms(-100 * HOUR_MS), NOW));
        assert!(!is_near(NOW.plus_ms(-60 * HOUR_MS), NOW));
    }
}
