//! A set of small numbers, a bit for each.

use std::ops::Range;

/// Grows as numbers are inserted; what lies beyond is not in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits(Vec<u64>);

fn place(number: u32) -> (usize, u64) {
    ((number >> 6) as usize, 1 << (number & 63))
}

impl Bits {
    /// Puts a number in; whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// Whether the number is in it.
    pub(super) fn has(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Keeps what is in `other` too.
    pub(super) fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }

    /// Keeps the numbers that `wanted` wants.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(u32) -> bool) {
        let mut kept = Self::default();
        self.each(|number| {
            if wanted(number) {
                kept.insert(number);
            }
        });
        *self = kept;
    }

    /// The first number from `number` on that is in it.
    pub(super) fn next_from(&self, number: u32) -> Option<u32> {
        let (word, _) = place(number);
        let rest = self.0.get(word)? & (u64::MAX << (number & 63));
        if rest != 0 {
            return Some((number & !63) + rest.trailing_zeros());
        }
        let words = (number | 63).checked_add(1).into_iter();
        let words = words.flat_map(|from| (from..).step_by(64));
        let (from, bits) = words
            .zip(&self.0[word + 1..])
            .find(|(_, bits)| **bits != 0)?;
        Some(from + bits.trailing_zeros())
    }

    /// How many numbers of a range are in it.
    pub(super) fn count(&self, range: Range<u32>) -> u64 {
        let (from, below) = (range.start, range.end.max(range.start));
        let words = (from & !63..below).step_by(64);
        let words = words.zip(self.0.get(place(from).0..).unwrap_or_default());
        let in_word = |(first, bits): (u32, &u64)| {
            let mut bits = *bits;
            if first < from {
                bits &= u64::MAX << (from - first);
            }
            if below - first < 64 {
                bits &= !(u64::MAX << (below - first));
            }
            u64::from(bits.count_ones())
        };
        words.map(in_word).sum()
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() * 8
    }

    /// Gives each number, in ascending order.
    pub(super) fn each(&self, mut take: impl FnMut(u32)) {
        for (first, bits) in (0u32..).step_by(64).zip(&self.0) {
            let mut rest = *bits;
            while rest != 0 {
                take(first + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(numbers: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::default();
        for number in numbers {
            assert!(bits.insert(*number) && !bits.insert(*number));
        }
        bits
    }

    proptest! {
        #[test]
        fn it_is_a_set(
            a in prop::collection::btree_set(0u32..300, 0..80),
            b in prop::collection::btree_set(0u32..300, 0..80),
        ) {
            let mut both = bits(&a);
            both.keep(&bits(&b));
            both.retain(|n| n % 3 != 0);
            let want: Vec<u32> = a.intersection(&b).copied().filter(|n| n % 3 != 0).collect();
            let mut got = Vec::new();
            both.each(|n| got.push(n));
            prop_assert_eq!(got, want);
            for from in 0..400 {
                prop_assert_eq!(bits(&a).next_from(from), a.range(from..).next().copied());
                let count = bits(&a).count(from..from + from % 130);
                prop_assert_eq!(count, a.range(from..from + from % 130).count() as u64);
            }
            prop_assert!((0..400).all(|n| bits(&a).has(n) == a.contains(&n)));
        }
    }
}
