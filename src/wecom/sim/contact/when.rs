//! Days and months in Beijing, and what happens by itself later.

use super::super::{callbacks::Notice, state::World};

const BEIJING_S: i64 = 8 * 3600;
const DAY_S: i64 = 86_400;

/// Number of the day in Beijing on which a time (seconds) falls.
pub(super) fn day(at_s: i64) -> i64 {
    (at_s + BEIJING_S).div_euclid(DAY_S)
}

/// Beginning of a numbered day, in seconds.
pub(super) fn day_start(day: i64) -> i64 {
    day * DAY_S - BEIJING_S
}

/// Year and month in Beijing, and how many days the month has.
fn month(at_s: i64) -> (i16, i8, usize) {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let at = jiff::Timestamp::from_second(at_s).unwrap_or_default();
    let date = at.to_zoned(zone).date();
    let days = usize::try_from(date.days_in_month()).unwrap_or(31);
    (date.year(), date.month(), days)
}

/// How many broadcasts of the firm a customer or group receives.
///
/// Source: WeCom documentation, 创建企业群发; the texts of different years differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// So many a day.
    PerDay(usize),
    /// So many in seven days.
    PerWeek(usize),
    /// So many a calendar month.
    PerMonth(usize),
    /// As many a calendar month as it has days.
    DaysOfMonth,
}

/// `day:1`, `week:7`, `month:4`, `month`
impl std::str::FromStr for Cap {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (what, number) = text.split_once(':').unwrap_or((text, ""));
        let number = || number.parse().map_err(drop);
        match what {
            "month" if text == "month" => Ok(Self::DaysOfMonth),
            "day" => number().map(Self::PerDay),
            "week" => number().map(Self::PerWeek),
            "month" => number().map(Self::PerMonth),
            _ => Err(()),
        }
    }
}

impl Cap {
    /// Whether no more comes through at `now_s` after these.
    pub(super) fn is_reached(self, received: &[i64], now_s: i64) -> bool {
        let today = day(now_s);
        let (year, this_month, days) = month(now_s);
        let in_month = |at: &i64| {
            let (y, m, _) = month(*at);
            (y, m) == (year, this_month)
        };
        let count = |fits: &dyn Fn(&i64) -> bool| received.iter().filter(|at| fits(at)).count();
        match self {
            Self::PerDay(max) => count(&|at| day(*at) == today) >= max,
            Self::PerWeek(max) => count(&|at| day(*at) > today - 7) >= max,
            Self::PerMonth(max) => count(&in_month) >= max,
            Self::DaysOfMonth => count(&in_month) >= days,
        }
    }
}

/// What happens by itself at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// A member sends a broadcast.
    Send {
        /// The broadcast.
        msgid: String,
        /// The member.
        userid: String,
    },
    /// A member publishes a moment.
    Publish {
        /// The moment.
        moment_id: String,
        /// The member.
        userid: String,
    },
    /// The time in which a customer may refuse to be passed on is over.
    TakeOver {
        /// Position among all transfers.
        transfer: usize,
    },
    /// A group is with the heir of an owner who left.
    Inherited {
        /// The group.
        chat_id: String,
    },
}

impl World {
    /// Puts something off until `at_s` (seconds).
    pub(super) fn later(&mut self, at_s: i64, due: Due) {
        let contact = &mut self.contact;
        contact.put_off += 1;
        contact.due.insert((at_s, contact.put_off), due);
    }

    /// What has become due by `now_s` (seconds) happens, in its order and at its time.
    pub(in crate::wecom::sim) fn pass_contact_time(&mut self, now_s: i64) -> Vec<Notice> {
        let mut notices = Vec::new();
        while let Some(next) = self.contact.due.first_entry() {
            if next.key().0 > now_s {
                break;
            }
            let ((at_s, _), due) = next.remove_entry();
            match due {
                Due::Send { msgid, userid } => {
                    self.send_broadcast(&msgid, &userid, at_s);
                }
                Due::Publish { moment_id, userid } => {
                    self.publish_moment(&moment_id, &userid, at_s);
                }
                Due::TakeOver { transfer } => notices.extend(self.take_over(transfer, at_s)),
                Due::Inherited { chat_id } => self.end_inheritance(&chat_id),
            }
        }
        self.contact.now_s = self.contact.now_s.max(now_s);
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_count_days_and_months_of_beijing() {
        // 2026-02-28 23:30 and 2026-03-01 00:30 in Beijing.
        let (late, early) = (1_772_292_600, 1_772_296_200);
        assert_eq!(day(early) - day(late), 1);
        assert_eq!(day_start(day(early)), early - 1800);
        assert_eq!((month(late).2, month(early)), (28, (2026, 3, 31)));
        assert!(
            Cap::PerDay(1).is_reached(&[late], late) && !Cap::PerDay(1).is_reached(&[late], early)
        );
        assert!(Cap::PerWeek(1).is_reached(&[late], early));
        assert!(!Cap::PerWeek(1).is_reached(&[late], late + 7 * DAY_S));
        assert!(!Cap::PerMonth(1).is_reached(&[late], early));
        assert!(Cap::DaysOfMonth.is_reached(&[late; 28], late));
        assert!(!Cap::DaysOfMonth.is_reached(&[late; 27], late));
        for (text, cap) in [
            ("day:1", Cap::PerDay(1)),
            ("week:7", Cap::PerWeek(7)),
            ("month:4", Cap::PerMonth(4)),
            ("month", Cap::DaysOfMonth),
        ] {
            assert_eq!(text.parse(), Ok(cap));
        }
        assert!("year:1".parse::<Cap>().is_err() && "day:x".parse::<Cap>().is_err());
    }
}
