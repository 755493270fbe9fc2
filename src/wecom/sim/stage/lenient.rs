//! Values as forms have them: numbers and lists as text, check boxes as `on`.

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Flag(bool),
    Number(u64),
    Text(String),
    Numbers(Vec<u64>),
    Texts(Vec<String>),
}

pub(super) fn number<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Number(n) => Ok(n),
        Loose::Text(text) => text.trim().parse().map_err(D::Error::custom),
        _ => Err(D::Error::custom("not a number")),
    }
}

/// A number that may be left out; an empty field is one left out.
pub(super) fn optional<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Number(n) => Ok(Some(n)),
        Loose::Text(text) if text.is_empty() => Ok(None),
        Loose::Text(text) => text.trim().parse().map(Some).map_err(D::Error::custom),
        _ => Err(D::Error::custom("not a number")),
    }
}

pub(super) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Flag(flag) => Ok(flag),
        Loose::Text(text) => Ok(matches!(text.as_str(), "on" | "1" | "true")),
        _ => Err(D::Error::custom("neither yes nor no")),
    }
}

pub(super) fn texts<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Texts(texts) => Ok(texts),
        Loose::Numbers(numbers) if numbers.is_empty() => Ok(Vec::new()),
        Loose::Text(text) => Ok(split(&text).map(str::to_owned).collect()),
        _ => Err(D::Error::custom("not a list of texts")),
    }
}

pub(super) fn numbers<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u64>, D::Error> {
    match Loose::deserialize(d)? {
        Loose::Numbers(numbers) => Ok(numbers),
        Loose::Number(number) => Ok(vec![number]),
        Loose::Text(text) => split(&text)
            .map(|part| part.parse().map_err(D::Error::custom))
            .collect(),
        _ => Err(D::Error::custom("not a list of numbers")),
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}
