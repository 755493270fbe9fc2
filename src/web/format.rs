//! How values are written for people: dates, counts, sizes, phones.
//!
//! Pure functions; the filters of the same names take language, zone and now from the page's
//! [`Cx`](super::Cx). Missing is `—`, zero is `0`.

use jiff::{Zoned, civil::Date, tz::TimeZone};

use super::words::{self, Lang};
use crate::kit::Timestamp;

/// What stands where a value is missing.
pub const MISSING: &str = "—";

/// `48,216`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count for a tile: exact below 100,000, then `12.8万` or `128K`.
pub fn count_short(n: u64, lang: Lang) -> String {
    match (n, lang) {
        (0..100_000, _) => count(n),
        (_, Lang::Zh) if n < 100_000_000 => tenths(n, 10_000, "万"),
        (_, Lang::Zh) => tenths(n, 100_000_000, "亿"),
        (_, Lang::En) if n < 1_000_000 => format!("{}K", n / 1000),
        (_, Lang::En) => tenths(n, 1_000_000, "M"),
    }
}

fn tenths(n: u64, unit: u64, name: &str) -> String {
    let tenths = n / (unit / 10);
    if tenths.is_multiple_of(10) {
        format!("{}{name}", count(tenths / 10))
    } else {
        format!("{}.{}{name}", count(tenths / 10), tenths % 10)
    }
}

/// `91.6%` from a part and a whole; missing if the whole is zero.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return MISSING.to_owned();
    }
    let thousandths = (u128::from(part) * 1000 + u128::from(whole) / 2) / u128::from(whole);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// `2.4 MB`, in powers of 1024 as file managers do.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut scale: u64 = 1;
    while unit + 1 < UNITS.len() && n / scale >= 1024 {
        scale *= 1024;
        unit += 1;
    }
    if unit == 0 {
        return format!("{n} B");
    }
    let tenths = (u128::from(n) * 10 + u128::from(scale) / 2) / u128::from(scale);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `3分12秒`, `1小时05分`; English `3 min 12 s`, `1 h 05 min`.
pub fn duration(ms: i64, lang: Lang) -> String {
    let s = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    match (lang, hours, minutes) {
        (Lang::Zh, 0, 0) => format!("{seconds}秒"),
        (Lang::Zh, 0, _) => format!("{minutes}分{seconds:02}秒"),
        (Lang::Zh, _, _) => format!("{hours}小时{minutes:02}分"),
        (Lang::En, 0, 0) => format!("{seconds} s"),
        (Lang::En, 0, _) => format!("{minutes} min {seconds:02} s"),
        (Lang::En, _, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// `138 0013 6021` for a mainland mobile number, others unchanged.
pub fn phone(number: &str) -> String {
    let digits = number.strip_prefix("+86").unwrap_or(number);
    if digits.len() == 11 && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("{} {} {}", &digits[..3], &digits[3..7], &digits[7..])
    } else {
        number.to_owned()
    }
}

/// `138 **** 6021`; shorter or foreign numbers keep their last four characters at most.
pub fn phone_masked(number: &str) -> String {
    let written = phone(number);
    if written.len() == 13 && written.is_ascii() {
        return format!("{} **** {}", &written[..3], &written[9..]);
    }
    let chars: Vec<char> = number.chars().collect();
    let shown = (chars.len() / 3).min(4);
    let tail: String = chars[chars.len() - shown..].iter().collect();
    format!("**** {tail}").trim_end().to_owned()
}

/// `2026-11-20`; English `20 Nov 2026`.
pub fn date(at: Timestamp, zone: &TimeZone, lang: Lang) -> String {
    civil_date(at.to_jiff().to_zoned(zone.clone()).date(), lang)
}

/// A calendar day as [`date`] writes it.
pub fn civil_date(day: Date, lang: Lang) -> String {
    match lang {
        Lang::Zh => day.strftime("%Y-%m-%d").to_string(),
        Lang::En => day.strftime("%-d %b %Y").to_string(),
    }
}

/// `今天 10:12`, `昨天 20:41`, `11-18 16:20` in this year, else with the year.
pub fn when(at: Timestamp, now: Timestamp, zone: &TimeZone, lang: Lang) -> String {
    let at = at.to_jiff().to_zoned(zone.clone());
    let today = now.to_jiff().to_zoned(zone.clone()).date();
    let clock = at.strftime("%H:%M").to_string();
    if at.date() == today {
        words::fill(lang, "time.today", ("time", clock)).into_owned()
    } else if today.yesterday().is_ok_and(|day| day == at.date()) {
        words::fill(lang, "time.yesterday", ("time", clock)).into_owned()
    } else {
        let pattern = match (lang, at.year() == today.year()) {
            (Lang::Zh, true) => "%m-%d %H:%M",
            (Lang::Zh, false) => "%Y-%m-%d %H:%M",
            (Lang::En, true) => "%-d %b, %H:%M",
            (Lang::En, false) => "%-d %b %Y, %H:%M",
        };
        at.strftime(pattern).to_string()
    }
}

/// `2026-11-20 14:05:09 +08:00`: the whole truth, for titles, audit and exports.
pub fn exact(at: Timestamp, zone: &TimeZone) -> String {
    zoned(at, zone)
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// `14:05`, or with seconds.
pub fn clock(at: Timestamp, zone: &TimeZone, seconds: bool) -> String {
    let pattern = if seconds { "%H:%M:%S" } else { "%H:%M" };
    zoned(at, zone).strftime(pattern).to_string()
}

/// `刚刚`, `2 分钟前`, `3 小时前`, then as [`when`].
pub fn ago(at: Timestamp, now: Timestamp, zone: &TimeZone, lang: Lang) -> String {
    let minutes = u64::try_from(now.since_ms(at) / 60_000).unwrap_or(0);
    match minutes {
        0 => words::text(lang, "time.just_now").into_owned(),
        1..60 => words::fill(lang, "time.minutes_ago", ("n", minutes)).into_owned(),
        60..720 => words::fill(lang, "time.hours_ago", ("n", minutes / 60)).into_owned(),
        _ => when(at, now, zone, lang),
    }
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    at.to_jiff().to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_ms(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn counts_and_shares_are_written_as_agreed() {
        assert_eq!(count(0), "0");
        assert_eq!(count(48_216), "48,216");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(count_short(99_999, Lang::Zh), "99,999");
        assert_eq!(count_short(128_400, Lang::Zh), "12.8万");
        assert_eq!(count_short(128_400, Lang::En), "128K");
        assert_eq!(percent(916, 1000), "91.6%");
        assert_eq!(percent(1, 0), MISSING);
        assert_eq!(bytes(2_516_582), "2.4 MB");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(duration(192_000, Lang::Zh), "3分12秒");
        assert_eq!(duration(3_900_000, Lang::Zh), "1小时05分");
    }

    #[test]
    fn a_day_begins_in_the_firms_zone_not_in_greenwich() {
        let now = at("2026-11-20T02:12:00Z");
        let z = shanghai();
        assert_eq!(
            when(at("2026-11-19T16:30:00Z"), now, &z, Lang::Zh),
            "今天 00:30"
        );
        assert_eq!(
            when(at("2026-11-19T12:41:00Z"), now, &z, Lang::Zh),
            "昨天 20:41"
        );
        assert_eq!(
            when(at("2026-11-18T08:20:00Z"), now, &z, Lang::Zh),
            "11-18 16:20"
        );
        assert_eq!(
            when(at("2025-06-07T01:05:00Z"), now, &z, Lang::En),
            "7 Jun 2025, 09:05"
        );
        assert_eq!(
            ago(at("2026-11-20T02:10:00Z"), now, &z, Lang::Zh),
            "2 分钟前"
        );
        assert_eq!(exact(now, &z), "2026-11-20 10:12:00 +08:00");
    }

    #[test]
    fn a_masked_phone_shows_head_and_tail_only() {
        assert_eq!(phone("13800136021"), "138 0013 6021");
        assert_eq!(phone_masked("13800136021"), "138 **** 6021");
        assert_eq!(phone_masked("+8613800136021"), "138 **** 6021");
        assert_eq!(phone_masked("62000123"), "**** 23");
    }

    proptest! {
        #[test]
        fn masking_never_shows_more_than_seven_characters(number in "\\PC{0,24}") {
            let shown = phone_masked(&number).chars().filter(|c| !matches!(c, '*' | ' ')).count();
            prop_assert!(shown <= 7);
            prop_assert!(shown == 0 || shown < number.chars().count());
        }

        #[test]
        fn grouping_keeps_the_number(n: u64) {
            prop_assert_eq!(count(n).replace(',', "").parse::<u64>(), Ok(n));
        }
    }
}
