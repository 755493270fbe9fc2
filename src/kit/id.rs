//! Public identifiers: 64 random bits, written as 13 characters of base32.
//!
//! The same text stands in keys, addresses, the API and the audit trail. Ids say nothing
//! about order or number; WeCom's own ids are columns, never keys.

use std::{fmt, hash, marker::PhantomData, str::FromStr};

/// Crockford's alphabet, lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Length of the written form.
const TEXT_LEN: usize = 13;

/// The id of a `T`. `T` is a phantom: it keeps a customer's id from being used as a member's.
pub struct Id<T: ?Sized> {
    bits: u64,
    of: PhantomData<fn() -> Box<T>>,
}

/// Something a person wants done once, however often they ask.
pub struct Operation;

/// The id that a form carries; every rendering of it has a new one.
pub type OperationId = Id<Operation>;

impl<T: ?Sized> Id<T> {
    /// An id with exactly these bits. New ids come from the store's `Write::new_id`.
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            bits,
            of: PhantomData,
        }
    }

    /// The 64 bits.
    pub const fn bits(self) -> u64 {
        self.bits
    }

    /// The same number as the id of another type, e.g. of a customer as a data subject.
    pub const fn cast<U: ?Sized>(self) -> Id<U> {
        Id::from_bits(self.bits)
    }
}

impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for Id<T> {}
impl<T: ?Sized> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<T: ?Sized> Eq for Id<T> {}
impl<T: ?Sized> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T: ?Sized> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bits.cmp(&other.bits)
    }
}
impl<T: ?Sized> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

impl<T: ?Sized> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; TEXT_LEN];
        let mut rest = self.bits;
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl<T: ?Sized> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an id: wrong length, a foreign character, or more than 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct ParseIdError;

impl<T: ?Sized> FromStr for Id<T> {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() != TEXT_LEN {
            return Err(ParseIdError);
        }
        let mut bits: u64 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|a| *a == byte)
                .ok_or(ParseIdError)? as u64;
            if bits >> 59 != 0 {
                return Err(ParseIdError);
            }
            bits = (bits << 5) | digit;
        }
        Ok(Self::from_bits(bits))
    }
}

impl<T: ?Sized> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de, T: ?Sized> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<T: ?Sized> schemars::JsonSchema for Id<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{13}$" })
    }
}

impl<C, T: ?Sized> minicbor::Encode<C> for Id<T> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u64(self.bits)?.ok()
    }
}

impl<'b, C, T: ?Sized> minicbor::Decode<'b, C> for Id<T> {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.u64().map(Self::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Thing;

    proptest! {
        #[test]
        fn text_round_trips_and_keeps_order(a: u64, b: u64) {
            let (a, b) = (Id::<Thing>::from_bits(a), Id::<Thing>::from_bits(b));
            prop_assert_eq!(a.to_string().parse::<Id<Thing>>(), Ok(a));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn no_text_panics_and_each_id_has_one_text(text in ".{0,16}") {
            if let Ok(id) = text.parse::<Id<Thing>>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn more_than_64_bits_is_refused() {
        assert!("zzzzzzzzzzzzz".parse::<Id<Thing>>().is_err());
        assert!("fzzzzzzzzzzzz".parse::<Id<Thing>>().is_ok());
    }
}
