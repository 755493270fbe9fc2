//! Stretches of days, as addresses name them.

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};

use crate::kit::Timestamp;

/// Days of one stretch.
const DAYS_MAX: i32 = 400;

/// Whole days in the firm's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// As in the address: `7d`, `30d`, `90d`, `365d`, or `2026-10-22..2026-11-20`.
    pub code: String,
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
    zone: TimeZone,
}

impl Range {
    /// The stretches that can be chosen, in order.
    pub const READY: [&'static str; 4] = ["7d", "30d", "90d", "365d"];

    /// From an address; anything else is the last 30 days.
    pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Self {
        let today = day_of(now, zone);
        let made = |code: &str, first: Date, last: Date| Self {
            code: code.to_owned(),
            first,
            last,
            zone: zone.clone(),
        };
        let back = |days: i32| today.saturating_sub((days - 1).days());
        if Self::READY.contains(&text)
            && let Some(days) = text.strip_suffix('d').and_then(|d| d.parse().ok())
        {
            return made(text, back(days), today);
        }
        let days = text.split_once("..");
        let days = days.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match days {
            Some((first, last)) if first <= last && length(first, last) <= DAYS_MAX => {
                made(text, first, last)
            }
            _ => made("30d", back(30), today),
        }
    }

    /// As many days, right before.
    pub fn before(&self) -> Self {
        let first = self.first.saturating_sub(self.days().days());
        let last = self.first.saturating_sub(1.day());
        Self {
            code: format!("{first}..{last}"),
            first,
            last,
            zone: self.zone.clone(),
        }
    }

    /// How many days.
    pub fn days(&self) -> i32 {
        length(self.first, self.last)
    }

    /// Its days, in order.
    pub fn each(&self) -> impl Iterator<Item = Date> + use<> {
        let (first, last) = (self.first, self.last);
        first.series(1.day()).take_while(move |day| *day <= last)
    }

    /// When it begins.
    pub fn from(&self) -> Timestamp {
        begin(self.first, &self.zone)
    }

    /// The first moment behind it.
    pub fn until(&self) -> Timestamp {
        begin(self.last.saturating_add(1.day()), &self.zone)
    }

    /// Where a moment lies: the number of its day from 0, its weekday from Monday as 0, and its
    /// hour.
    pub fn place(&self, at: Timestamp) -> Option<(usize, usize, usize)> {
        let zoned = at.to_jiff().to_zoned(self.zone.clone());
        let day = usize::try_from(length(self.first, zoned.date()) - 1).ok()?;
        let weekday = usize::try_from(zoned.weekday().to_monday_zero_offset()).ok()?;
        let hour = usize::try_from(zoned.hour()).ok()?;
        (zoned.date() <= self.last).then_some((day, weekday, hour))
    }
}

/// Days from one to another, both counted; 0 or less if the second is earlier.
fn length(first: Date, last: Date) -> i32 {
    first.until(last).map_or(0, |span| span.get_days()) + 1
}

fn day_of(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_jiff().to_zoned(zone.clone()).date()
}

fn begin(day: Date, zone: &TimeZone) -> Timestamp {
    let zoned = day.to_zoned(zone.clone());
    Timestamp::from_ms(zoned.map_or(0, |z| z.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_whole_days_of_the_firms_zone() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        // 2026-11-20 00:30 in Shanghai.
        let now = Timestamp::from_ms(1_795_105_800_000);
        let week = Range::parse("7d", now, &zone);
        assert_eq!(week.first.to_string(), "2026-11-14");
        assert_eq!(week.last.to_string(), "2026-11-20");
        assert_eq!(week.from().to_rfc3339(), "2026-11-13T16:00:00.000Z");
        assert_eq!(week.each().count(), 7);
        assert_eq!(week.place(now), Some((6, 4, 0)));
        assert_eq!(week.place(week.until()), None);
        assert_eq!(week.place(week.from().plus_ms(-1)), None);
        let before = week.before();
        assert_eq!(before.until(), week.from());
        assert_eq!(before.days(), 7);
        for odd in ["", "x", "2026-11-20..2026-11-01", "2020-01-01..2026-01-01"] {
            assert_eq!(Range::parse(odd, now, &zone).code, "30d");
        }
        let own = Range::parse("2026-10-30..2026-11-01", now, &zone);
        assert_eq!(own.days(), 3);
    }
}
