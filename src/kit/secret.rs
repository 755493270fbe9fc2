//! Values that must never be printed.

use std::fmt;

use zeroize::Zeroize;

/// A value whose `Debug` prints dots and which is wiped when dropped. It has no `Display`.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Callers must not log or store it in clear.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

impl<T: Zeroize + PartialEq> PartialEq for Secret<T> {
    /// For noticing changes; not in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Zeroize + Eq> Eq for Secret<T> {}

/// As the value itself: only sealed rows may hold it.
impl<C, T: Zeroize + minicbor::Encode<C>> minicbor::Encode<C> for Secret<T> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.0.encode(e, ctx)
    }
}

impl<'b, C, T: Zeroize + minicbor::Decode<'b, C>> minicbor::Decode<'b, C> for Secret<T> {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        T::decode(d, ctx).map(Self)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_dots() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "••••");
    }
}
