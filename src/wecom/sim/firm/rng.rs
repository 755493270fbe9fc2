//! The generator's own random numbers: the same seed gives the same firm on every machine.

/// A SplitMix64 stream. Not for secrets.
#[derive(Debug, Clone)]
pub struct Rng(u64);

/// One SplitMix64 step of `x`: a good 64-bit mix.
pub fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// A stream of its own for object number `index` of kind `kind`, so that objects can be
    /// made in any order.
    pub fn of(seed: u64, kind: u64, index: u64) -> Self {
        Self(mix(mix(seed ^ mix(kind)).wrapping_add(index)))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let drawn = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        drawn
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.bits()) * (n as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, all equally likely.
    ///
    /// # Panics
    /// When `items` is empty.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// An index of `weights`, drawn in proportion to them.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: usize = weights.iter().map(|w| *w as usize).sum();
        let mut at = self.below(total);
        for (i, w) in weights.iter().enumerate() {
            if at < *w as usize {
                return i;
            }
            at -= *w as usize;
        }
        0
    }

    /// `len` characters as WeCom writes its ids: letters, digits, `-` and `_`.
    pub fn id(&mut self, prefix: &str, len: usize) -> String {
        const ABC: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::with_capacity(prefix.len() + len);
        text.push_str(prefix);
        let mut bits = 0;
        for i in 0..len {
            if i % 10 == 0 {
                bits = self.bits();
            }
            text.push(char::from(ABC[(bits & 63) as usize]));
            bits >>= 6;
        }
        text
    }
}
