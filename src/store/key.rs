//! Keys: bytes whose order is the order of what they stand for.
//!
//! Numbers are big-endian (signed ones with the sign bit turned), text ends in `00 00` with
//! inner zeroes escaped as `00 ff`, so that a part never runs into the next one. A prefix of
//! parts is therefore a prefix of bytes, and a range over a prefix holds exactly its rows.

use std::{fmt, ops::Bound};

use crate::kit::{Id, Timestamp};

use super::engine::Span;

/// A key under construction; see the module.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// No parts: the prefix of every key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    pub fn with(mut self, part: impl KeyPart) -> Self {
        if self.0.capacity() == 0 {
            // Room for what most keys have, taken once.
            self.0.reserve(24);
        }
        part.append(&mut self.0);
        self
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// All keys that begin with this one.
    pub fn span(&self) -> Span {
        (Bound::Included(self.0.clone()), after_prefix(&self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// The bound just behind everything that begins with `prefix`.
fn after_prefix(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

/// Something that can stand in a key.
pub trait KeyPart {
    /// Appends the order-preserving form.
    fn append(&self, out: &mut Vec<u8>);
}

impl KeyPart for u64 {
    fn append(&self, out: &mut Vec<u8>) {
        out.extend(self.to_be_bytes());
    }
}
impl KeyPart for u32 {
    fn append(&self, out: &mut Vec<u8>) {
        out.extend(self.to_be_bytes());
    }
}
impl KeyPart for u8 {
    fn append(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
}
impl KeyPart for bool {
    fn append(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}
impl KeyPart for i64 {
    fn append(&self, out: &mut Vec<u8>) {
        out.extend((self.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    }
}
impl KeyPart for Timestamp {
    fn append(&self, out: &mut Vec<u8>) {
        self.ms().append(out);
    }
}
impl<T: ?Sized> KeyPart for Id<T> {
    fn append(&self, out: &mut Vec<u8>) {
        self.bits().append(out);
    }
}
impl<const N: usize> KeyPart for [u8; N] {
    fn append(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }
}
impl KeyPart for &str {
    fn append(&self, out: &mut Vec<u8>) {
        for byte in self.bytes() {
            out.push(byte);
            if byte == 0 {
                out.push(0xff);
            }
        }
        out.extend([0, 0]);
    }
}

/// Turns the order of a part around: greatest first.
pub struct Desc<T>(pub T);

impl<T: KeyPart> KeyPart for Desc<T> {
    fn append(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.0.append(out);
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

/// The key of a record: how it is stored and how it is named in the audit trail.
pub trait RecordKey: Clone + PartialEq + Send + 'static {
    /// The stored form.
    fn to_key(&self) -> Key;
    /// Reads the stored form back; `None` if the bytes are no such key.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
    /// The form for people, the audit trail and addresses.
    fn text(&self) -> String;
    /// Bytes of the stored form, where all have the same number: such records can stand at
    /// the end of a non-unique index key.
    const LEN: Option<usize>;
}

impl<T: ?Sized + 'static> RecordKey for Id<T> {
    const LEN: Option<usize> = Some(8);
    fn to_key(&self) -> Key {
        Key::new().with(*self)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Id::from_bits(u64::from_be_bytes(bytes.try_into().ok()?)))
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl RecordKey for u64 {
    const LEN: Option<usize> = Some(8);
    fn to_key(&self) -> Key {
        Key::new().with(*self)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl RecordKey for u8 {
    const LEN: Option<usize> = Some(1);
    fn to_key(&self) -> Key {
        Key::new().with(*self)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [byte] = bytes.try_into().ok()?;
        Some(byte)
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl RecordKey for u32 {
    const LEN: Option<usize> = Some(4);
    fn to_key(&self) -> Key {
        Key::new().with(*self)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

/// A number within a number: the parts of something, in order.
impl<A, B> RecordKey for (A, B)
where
    A: RecordKey + KeyPart + Copy,
    B: RecordKey + KeyPart + Copy,
{
    const LEN: Option<usize> = match (A::LEN, B::LEN) {
        (Some(a), Some(b)) => Some(a + b),
        _ => None,
    };
    fn to_key(&self) -> Key {
        Key::new().with(self.0).with(self.1)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (a, b) = bytes.split_at_checked(A::LEN?)?;
        Some((A::from_bytes(a)?, B::from_bytes(b)?))
    }
    fn text(&self) -> String {
        format!("{}.{}", self.0.text(), self.1.text())
    }
}

impl<const N: usize> RecordKey for [u8; N] {
    const LEN: Option<usize> = Some(N);
    fn to_key(&self) -> Key {
        Key::new().with(*self)
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
    fn text(&self) -> String {
        hex::encode(self)
    }
}

/// Settings and cursors are named by short texts of ours, never by personal data.
impl RecordKey for String {
    const LEN: Option<usize> = None;
    fn to_key(&self) -> Key {
        Key::new().with(self.as_str())
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let inner = bytes.strip_suffix(&[0, 0])?;
        String::from_utf8(inner.to_vec())
            .ok()
            .filter(|text| !text.contains('\0'))
    }
    fn text(&self) -> String {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn within(span: &Span, key: &[u8]) -> bool {
        use std::ops::RangeBounds;
        span.contains(&key.to_vec())
    }

    proptest! {
        #[test]
        fn key_order_is_value_order(a: (i64, String, u64), b: (i64, String, u64)) {
            let key = |v: &(i64, String, u64)| Key::new().with(v.0).with(v.1.as_str()).with(v.2);
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn desc_turns_the_order(a: (String, i64), b: (String, i64)) {
            let key = |v: &(String, i64)| Key::new().with(Desc(v.0.as_str())).with(Desc(v.1));
            prop_assert_eq!(key(&a).cmp(&key(&b)), b.cmp(&a));
        }

        #[test]
        fn a_prefix_span_holds_exactly_its_keys(prefix: Vec<u8>, other: Vec<u8>, tail: Vec<u8>) {
            let span = Key(prefix.clone()).span();
            let inside = [prefix.clone(), tail].concat();
            prop_assert!(within(&span, &inside));
            prop_assert_eq!(within(&span, &other), other.starts_with(&prefix));
        }

        #[test]
        fn the_0xff_edge_holds(n in 0usize..5, tail: Vec<u8>) {
            let prefix = vec![0xff; n];
            prop_assert!(within(&Key(prefix.clone()).span(), &[prefix, tail].concat()));
        }

        #[test]
        fn text_keys_round_trip(text in "[^\\x00]*") {
            prop_assert_eq!(String::from_bytes(text.to_key().as_bytes()), Some(text));
        }
    }
}
