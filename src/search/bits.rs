//! A set of small numbers, a bit for each.

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
            prop_assert!((0..400).all(|n| bits(&a).has(n) == a.contains(&n)));
        }
    }
}
