//! Bars by day and squares by hour, ready to be drawn.

use crate::web::{Cx, format};

use super::super::figures::{Day, Figures};

/// Days up to which each has its own bar.
const DAILY_MAX: usize = 62;
/// Days up to which a bar stands for a week.
const WEEKLY_MAX: usize = 200;
/// Labels below the bars.
const LABELS: usize = 7;

/// A bar: some days.
pub(super) struct Bar {
    pub at: usize,
    pub label: String,
    pub scans: u64,
    pub visitors: u64,
    pub came: u64,
    pub losses: u64,
}

/// Bars with their axes.
pub(super) struct Chart {
    pub bars: Vec<Bar>,
    /// The height of the axis.
    pub top: u64,
    /// Days of a bar.
    pub step: usize,
    /// Height from the top in percent, and number.
    pub marks: Vec<(String, String)>,
    /// Place in percent, words, and whether only where there is room.
    pub labels: Vec<(String, String, bool)>,
    pub scans: u64,
    pub came: u64,
}

impl Chart {
    pub fn of(cx: &Cx, days: &[Day]) -> Self {
        let step = match days.len() {
            n if n <= DAILY_MAX => 1,
            n if n <= WEEKLY_MAX => 7,
            _ => 30,
        };
        let bars: Vec<Bar> = days
            .chunks(step)
            .enumerate()
            .map(|(at, days)| bar(cx, at, days))
            .collect();
        let most = bars.iter().map(|bar| bar.scans.max(bar.came)).max();
        let top = nice(most.unwrap_or(0));
        let marks = (0..=4u64).map(|n| {
            let height = (4 - n) * 25;
            (
                format!("{height}%"),
                format::count_short(top / 4 * n, cx.lang()),
            )
        });
        let every = bars.len().div_ceil(LABELS).max(1);
        let labels = bars.iter().filter(|bar| bar.at % every == 0).map(|bar| {
            // The middle of the bar, in tenths of a percent.
            let middle = (2 * bar.at + 1) * 500 / bars.len().max(1);
            let short = days[bar.at * step].date.strftime("%-m/%-d").to_string();
            let is_extra = (bar.at / every) % 2 == 1;
            (format!("{}.{}%", middle / 10, middle % 10), short, is_extra)
        });
        Self {
            marks: marks.collect(),
            labels: labels.collect(),
            scans: bars.iter().map(|bar| bar.scans).sum(),
            came: bars.iter().map(|bar| bar.came).sum(),
            bars,
            top,
            step,
        }
    }

    /// How far a bar of this height begins below the top.
    pub fn y(&self, n: &u64) -> u64 {
        self.top.saturating_sub(*n)
    }
}

fn bar(cx: &Cx, at: usize, days: &[Day]) -> Bar {
    let sum = |of: fn(&Day) -> u64| days.iter().map(of).sum();
    Bar {
        at,
        label: days
            .first()
            .map_or(String::new(), |day| format::civil_date(day.date, cx.lang())),
        scans: sum(|day| day.sums.scans),
        visitors: sum(|day| day.sums.visitors),
        came: sum(|day| day.sums.came()),
        losses: sum(|day| day.sums.losses),
    }
}

/// The next number that four equal steps reach well.
fn nice(most: u64) -> u64 {
    let mut unit = 4;
    loop {
        for times in [1, 2, 3, 5] {
            if unit * times >= most {
                return unit * times;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// Squares by weekday and hour.
pub(super) struct Heat {
    /// Whether scans are shown; otherwise who came.
    pub is_of_scans: bool,
    pub hours: Vec<u8>,
    /// Name of the day, and of each hour how dark it is and how many there were.
    pub days: Vec<(String, Vec<(u64, u64)>)>,
    /// The busiest: day and hour.
    pub peak: Option<(String, usize)>,
}

impl Heat {
    pub fn of(cx: &Cx, figures: &Figures) -> Self {
        let is_of_scans = figures.scans_by_hour.iter().flatten().any(|n| *n > 0);
        let table = match is_of_scans {
            true => &figures.scans_by_hour,
            false => &figures.came_by_hour,
        };
        let most = table.iter().flatten().copied().max().unwrap_or(0);
        let name = |day: usize| cx.t(&format!("livestats.weekday.{}", day + 1)).into_owned();
        let shade = |n: u64| match n {
            0 => 0,
            n => 1 + (n * 4).div_ceil(most).saturating_sub(1).min(4),
        };
        let days = table.iter().enumerate().map(|(day, hours)| {
            let squares = hours.iter().map(|n| (shade(*n), *n));
            (name(day), squares.collect())
        });
        let all = table.iter().enumerate();
        let all = all.flat_map(|(day, hours)| hours.iter().enumerate().map(move |h| (day, h)));
        let peak = all
            .filter(|(_, (_, n))| **n > 0)
            .max_by_key(|(_, (_, n))| **n);
        Self {
            is_of_scans,
            hours: (0..24).collect(),
            days: days.collect(),
            peak: peak.map(|(day, (hour, _))| (name(day), hour)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_everything() {
        for n in [0, 1, 4, 5, 9, 13, 21, 41, 97, 200, 201, 99_999] {
            assert!(nice(n) >= n && nice(n).is_multiple_of(4), "{n}");
        }
        assert_eq!(nice(45), 80);
    }
}
