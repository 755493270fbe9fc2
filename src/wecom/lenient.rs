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

/// Such a number that may be absent; null and the empty text are none.
pub(super) fn some_uint<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Null(()) => Ok(None),
        Loose::Int(n) => u64::try_from(n)
            .map(Some)
            .map_err(|_| de::Error::custom("negative")),
        Loose::Text(text) if text.trim().is_empty() => Ok(None),
        Loose::Text(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| de::Error::custom("not a number")),
    }
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

/// The parts of `a|b`; the empty text has none.
pub(super) fn bars(text: &str) -> Vec<String> {
    let parts = text.split('|').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Anything with a default; null is the default.
pub(super) fn or_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// Yes or no: `true`, `1`, `"1"`, `"true"`; null and empty are no.
pub(super) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Flag(bool),
        Other(Loose),
    }
    match Flag::deserialize(d)? {
        Flag::Flag(flag) => Ok(flag),
        Flag::Other(Loose::Int(n)) => Ok(n != 0),
        Flag::Other(Loose::Null(())) => Ok(false),
        Flag::Other(Loose::Text(text)) => match text.trim() {
            "" | "0" | "false" => Ok(false),
            "1" | "true" => Ok(true),
            _ => Err(de::Error::custom("neither yes nor no")),
        },
    }
}

/// A number that need not be whole, also as text; null and empty are none.
pub(super) fn real<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Real {
        Number(f64),
        Text(String),
        Null(()),
    }
    match Real::deserialize(d)? {
        Real::Number(n) => Ok(Some(n)),
        Real::Null(()) => Ok(None),
        Real::Text(text) if text.trim().is_empty() => Ok(None),
        Real::Text(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| de::Error::custom("not a number")),
    }
}

/// An id that is a text, and now and then comes as a number.
pub(super) fn id<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Int(n) => Ok(n.to_string()),
        Loose::Text(text) if !text.is_empty() => Ok(text),
        _ => Err(de::Error::custom("no id")),
    }
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

    #[derive(serde::Deserialize)]
    struct F(#[serde(deserialize_with = "super::flag")] bool);

    #[derive(serde::Deserialize)]
    struct R(#[serde(deserialize_with = "super::real")] Option<f64>);

    #[test]
    fn flags_and_fractions_come_in_many_forms() {
        let flag = |text| serde_json::from_str::<F>(text).map(|f| f.0).ok();
        for yes in ["true", "1", "\"1\"", "\"true\""] {
            assert_eq!(flag(yes), Some(true), "{yes}");
        }
        for no in ["false", "0", "\"\"", "null"] {
            assert_eq!(flag(no), Some(false), "{no}");
        }
        assert_eq!(flag("\"x\""), None);
        let real = |text| serde_json::from_str::<R>(text).map(|r| r.0).ok();
        assert_eq!(real("83.33"), Some(Some(83.33)));
        assert_eq!(real("\"4\""), Some(Some(4.0)));
        assert_eq!((real("null"), real("\"\"")), (Some(None), Some(None)));
        assert_eq!(real("[]"), None);
    }
}
