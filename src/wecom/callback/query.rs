//! The query of a callback.

use super::Refused;

/// Parameters of a callback, decoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The signature to be compared.
    pub msg_signature: String,
    /// Signed with it; seconds as text. Retries may carry an old one.
    pub timestamp: String,
    /// Signed with it.
    pub nonce: String,
    /// Only when the URL is being verified.
    pub echostr: Option<String>,
}

impl Query {
    /// From the raw query string. A `+` stays one: Base64 is not a form.
    ///
    /// # Errors
    /// [`Refused::Query`] names the parameter that is missing, empty, repeated or not UTF-8.
    pub fn parse(raw: &str) -> Result<Self, Refused> {
        let required = |name| one(raw, name)?.ok_or(Refused::Query(name));
        Ok(Self {
            msg_signature: required("msg_signature")?,
            timestamp: required("timestamp")?,
            nonce: required("nonce")?,
            echostr: one(raw, "echostr")?,
        })
    }
}

fn one(raw: &str, name: &'static str) -> Result<Option<String>, Refused> {
    let mut values = raw
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| *key == name);
    match (values.next(), values.next()) {
        (None, _) | (Some((_, "")), None) => Ok(None),
        (Some((_, value)), None) => decoded(value).map(Some).ok_or(Refused::Query(name)),
        _ => Err(Refused::Query(name)),
    }
}

/// `%41` becomes `A`; `None` for a broken escape or what is no text.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        if *first == b'%' {
            let (digits, behind) = behind.split_at_checked(2)?;
            bytes.extend(hex::decode(digits).ok()?);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}
