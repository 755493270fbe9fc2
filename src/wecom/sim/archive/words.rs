//! Filling in what an exchange is about.

use super::{
    cast::Scene,
    scripts::{ASIDES, COURIERS, STREETS, TEAS, UNITS},
};
use crate::wecom::sim::firm::{FIRMS, Rng};

const SLOT: u64 = 66;

/// What one exchange is about; the same all through it.
pub(super) struct Words<'a> {
    pub seed: u64,
    pub exchange: u64,
    pub scene: &'a Scene,
    pub at_ms: i64,
}

impl Words<'_> {
    /// A line with one of its ways to say it chosen, and everything filled in.
    pub fn fill(&self, line: &str, rng: &mut Rng) -> String {
        let ways = line.split('|').count();
        let way = line.split('|').nth(rng.below(ways)).unwrap_or(line);
        let mut text = String::with_capacity(way.len() + 32);
        let mut rest = way;
        while let Some((before, behind)) = rest.split_once('{') {
            let (slot, behind) = behind.split_once('}').unwrap_or((behind, ""));
            text.push_str(before);
            text.push_str(&self.slot(slot));
            rest = behind;
        }
        text.push_str(rest);
        text
    }

    /// The same as somebody says it, now and then with a sticker behind.
    pub fn say(&self, line: &str, rng: &mut Rng) -> String {
        let mut text = self.fill(line, rng);
        if rng.chance(8) {
            text.push_str(rng.pick(ASIDES));
        }
        text
    }

    fn slot(&self, slot: &str) -> String {
        let kind = slot
            .bytes()
            .fold(SLOT, |sum, byte| sum * 31 + u64::from(byte));
        let rng = &mut Rng::of(self.seed, kind, self.exchange);
        match slot {
            "tea" => rng.pick(TEAS).to_owned(),
            "unit" => rng.pick(UNITS).to_owned(),
            "courier" => rng.pick(COURIERS).to_owned(),
            "addr" => rng.pick(STREETS).to_owned(),
            "firm" => rng.pick(FIRMS).to_owned(),
            "shop" => self.scene.shop.clone(),
            "name" => called(&self.scene.people[1].name),
            "num" => (2 + rng.below(8)).to_string(),
            "hour" => (9 + rng.below(11)).to_string(),
            "month" => self.month().to_string(),
            "price" => (68 + 10 * rng.below(90)).to_string(),
            "sum" => (380 + 10 * rng.below(400)).to_string(),
            // From the range that is given to nobody.
            "phone" => format!("1390000{:04}", rng.below(10_000)),
            "order" => format!("YL{:010}", rng.below(10_000_000_000)),
            "track" => format!("SF{:013}", rng.below(10_000_000_000_000)),
            "tax" => format!("91310000MA{:08}", rng.below(100_000_000)),
            _ => String::new(),
        }
    }

    fn month(&self) -> i8 {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default();
        at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
            .month()
    }
}

/// How a member calls a customer.
fn called(name: &str) -> String {
    let name = name.trim();
    let is_chinese = |c: char| ('\u{4e00}'..'\u{9fff}').contains(&c);
    if (2..=3).contains(&name.chars().count()) && name.chars().all(is_chinese) {
        let surname: String = name.chars().take(1).collect();
        return format!("{surname}总");
    }
    name.to_owned()
}
