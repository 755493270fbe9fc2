//! Reading numbers that come as numbers or as text, and lists that come as null.

use serde::{Deserialize, Deserializer, de};

#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Int(i64),
    Text(String),
    Null(()),
}

/// A whole number: `7`, `"7"`, `""` or null (both 0).
pub(super) fn int<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Int(n) => Ok(n),
        Loose::Null(()) => Ok(0),
        Loose::Text(text) if text.is_empty() => Ok(0),
        Loose::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| de::Error::custom("not a number")),
    }
}

/// A whole number that is not negative.
pub(super) fn uint<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    u64::try_from(int(d)?).map_err(|_| de::Error::custom("negative"))
}

/// A list of such numbers; null is the empty list.
pub(super) fn ints<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    struct One(#[serde(deserialize_with = "uint")] u64);
    Ok(Option::<Vec<One>>::deserialize(d)?
        .unwrap_or_default()
        .into_iter()
        .map(|n| n.0)
        .collect())
}

/// Anything with a default; null is the default.
pub(super) fn or_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[derive(serde::Deserialize)]
    struct N(#[serde(deserialize_with = "super::int")] i64);

    #[test]
    fn numbers_come_in_both_forms() {
        let read = |text| serde_json::from_str::<N>(text).map(|n| n.0).ok();
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("\"7\""), Some(7));
        assert_eq!(read("\"\""), Some(0));
        assert_eq!(read("null"), Some(0));
        assert_eq!(read("7.5"), None);
        assert_eq!(read("\"x\""), None);
        assert_eq!(read("{}"), None);
    }
}
