//! Strict decoding of `application/x-www-form-urlencoded` into a struct.

use serde::{
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor},
    forward_to_deserialize_any,
};

use super::super::query;
use crate::error::{AppError, Result};

/// Fields of one form at most; more are no form of ours.
const FIELDS_MAX: usize = 2000;

type Pair = (String, String);

/// The decoded pairs of a body.
pub(super) fn pairs(body: &[u8]) -> Result<Vec<Pair>> {
    let bad = || AppError::BadRequest { why: "encoding" };
    let text = std::str::from_utf8(body).map_err(|_| bad())?;
    let pieces = text.split('&').filter(|piece| !piece.is_empty());
    let mut pairs = Vec::new();
    for piece in pieces {
        if pairs.len() == FIELDS_MAX {
            return Err(AppError::BadRequest { why: "encoding" });
        }
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let value = query::decode(value).ok_or_else(bad)?;
        // Browsers send CRLF for the line ends of a text area.
        let value = value.replace("\r\n", "\n");
        pairs.push((query::decode(name).ok_or_else(bad)?, value));
    }
    Ok(pairs)
}

/// A value of a form with a file, whose fields come as they are.
pub(super) fn value(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then(|| text.replace("\r\n", "\n"))
}

/// The struct that these pairs describe.
pub(super) fn fields<T: DeserializeOwned>(pairs: &[Pair]) -> Result<T> {
    T::deserialize(Fields(pairs)).map_err(|why| {
        tracing::debug!(?why, "form refused");
        AppError::BadRequest { why: why.code() }
    })
}

/// Why a form does not fit its struct. Carries no values: they may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfit {
    Unknown,
    Repeated,
    Missing,
    Type,
}

impl Misfit {
    fn code(self) -> &'static str {
        match self {
            Misfit::Unknown => "unknown_field",
            Misfit::Repeated => "repeated_field",
            Misfit::Missing => "missing_field",
            Misfit::Type => "field_type",
        }
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
impl std::error::Error for Misfit {}
impl de::Error for Misfit {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Misfit::Type
    }
    fn missing_field(_: &'static str) -> Self {
        Misfit::Missing
    }
    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Misfit::Unknown
    }
}

/// The pairs as a struct; only structs say which names they know.
struct Fields<'a>(&'a [Pair]);

impl<'de> de::Deserializer<'de> for Fields<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::Type)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if self.0.iter().any(|(n, _)| !names.contains(&n.as_str())) {
            return Err(Misfit::Unknown);
        }
        visitor.visit_map(ByName {
            pairs: self.0,
            names: names.iter(),
            current: None,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
        ignored_any
    }
}

/// Walks the struct's names in order and gathers the values of each.
struct ByName<'a> {
    pairs: &'a [Pair],
    names: std::slice::Iter<'static, &'static str>,
    current: Option<Vec<&'a str>>,
}

impl<'de> MapAccess<'de> for ByName<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        for name in self.names.by_ref() {
            let pairs = self.pairs.iter().filter(|(n, _)| n == name);
            let values: Vec<&str> = pairs.map(|(_, v)| v.as_str()).collect();
            if !values.is_empty() {
                self.current = Some(values);
                return seed.deserialize((*name).into_deserializer()).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(Values(self.current.take().unwrap_or_default()))
    }
}

/// The values of one name: one for most types, any number for a list.
struct Values<'a>(Vec<&'a str>);

impl<'a> Values<'a> {
    fn one(&self) -> Result<&'a str, Misfit> {
        match self.0[..] {
            [value] => Ok(value),
            [] => Err(Misfit::Missing),
            _ => Err(Misfit::Repeated),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.$visit(self.one()?.trim().parse().map_err(|_| Misfit::Type)?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Values<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.one()?)
    }

    numbers! {
        deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32,
        deserialize_i64 visit_i64, deserialize_u8 visit_u8, deserialize_u16 visit_u16,
        deserialize_u32 visit_u32, deserialize_u64 visit_u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.one()? {
            "on" | "1" | "true" => visitor.visit_bool(true),
            "" | "0" | "false" | "off" => visitor.visit_bool(false),
            _ => Err(Misfit::Type),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0[..] {
            [""] => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let values = self.0.into_iter().map(|value| Values(vec![value]));
        visitor.visit_seq(de::value::SeqDeserializer::new(values))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(self.one()?.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Misfit> for Values<'_> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}
