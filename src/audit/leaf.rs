//! One entry of the log: the exact bytes of one JSON line, and what it commits to.
//!
//! The line names ids only. Whatever is personal or may be guessed stands as a commitment,
//! `hex SHA-256(salt ‖ field ‖ 0x00 ‖ value)` with a random 32-byte salt; salt and value lie
//! apart, sealed under the key of the person they are about. Erasing that key leaves a line
//! that proves order and completeness and nothing personal.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// Version of the line's layout.
pub const LEAF_VERSION: u32 = 1;
/// The act of entries that change the signing key.
pub const KEY_ROTATE: &str = "audit.key.rotate";

/// The line, in the order in which its fields are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Version of the layout.
    pub v: u32,
    /// Position in the log, from 0.
    pub seq: u64,
    /// When, RFC 3339 in UTC with milliseconds; never before the entry before it.
    pub t: String,
    /// Who: `account:<id>`, `system:<reason>` or `nobody`.
    pub actor: String,
    /// The role in which the actor acted.
    pub role: String,
    /// On whose behalf, where that differs.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf: Option<String>,
    /// What: a stable code.
    pub act: String,
    /// To which things.
    pub obj: Objects,
    /// The way in: `web`, `api`, `cli` or `job`.
    pub origin: String,
    /// The request's number.
    pub req: String,
    /// How it ended: `ok` or `denied`.
    pub outcome: String,
    /// Commitments by field.
    pub c: BTreeMap<String, String>,
    /// Only in [`KEY_ROTATE`]: the key that signs checkpoints from here on, as a verifier key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The things an act was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Objects {
    /// Each as `kind:id`.
    Listed(Vec<String>),
    /// Too many to list: their number; the list is committed to in the field `obj`.
    Counted {
        /// How many.
        n: u64,
    },
}

/// What opens one commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The field in `c`.
    pub f: String,
    /// The salt, 64 hex digits.
    pub salt: String,
    /// The value.
    pub v: String,
}

impl Leaf {
    /// The bytes that are hashed: compact JSON, fields in the order above, no line end.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialize")
    }

    /// Reads a line; `None` if it is not exactly what [`Leaf::to_bytes`] would write.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let leaf: Self = serde_json::from_slice(bytes).ok()?;
        (leaf.to_bytes() == bytes).then_some(leaf)
    }
}

impl Opening {
    /// Opens `value` under `field` with this salt.
    pub fn new(field: &str, value: &str, salt: [u8; 32]) -> Self {
        Self {
            f: field.to_owned(),
            salt: hex::encode(salt),
            v: value.to_owned(),
        }
    }

    /// The commitment it opens; `None` if the salt is not 64 hex digits.
    pub fn commitment(&self) -> Option<String> {
        let salt: [u8; 32] = hex::decode(&self.salt).ok()?.try_into().ok()?;
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&salt);
        context.update(self.f.as_bytes());
        context.update(&[0]);
        context.update(self.v.as_bytes());
        Some(hex::encode(context.finish()))
    }

    /// Whether it opens a commitment of this entry.
    pub fn opens(&self, leaf: &Leaf) -> bool {
        self.commitment()
            .is_some_and(|c| leaf.c.get(&self.f) == Some(&c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Leaf {
        Leaf {
            v: LEAF_VERSION,
            seq: 7,
            t: "2026-11-22T10:00:00.000Z".into(),
            actor: "account:0000000000001".into(),
            role: "staff".into(),
            on_behalf: None,
            act: "customer.view".into(),
            obj: Objects::Listed(vec!["customer:0000000000002".into()]),
            origin: "web".into(),
            req: "r".into(),
            outcome: "ok".into(),
            c: BTreeMap::new(),
            new: None,
        }
    }

    #[test]
    fn the_line_has_its_documented_form() {
        assert_eq!(
            String::from_utf8(leaf().to_bytes()).unwrap(),
            r#"{"v":1,"seq":7,"t":"2026-11-22T10:00:00.000Z","actor":"account:0000000000001","role":"staff","act":"customer.view","obj":["customer:0000000000002"],"origin":"web","req":"r","outcome":"ok","c":{}}"#
        );
        assert_eq!(Leaf::parse(&leaf().to_bytes()), Some(leaf()));
    }

    #[test]
    fn another_spelling_of_the_same_line_is_refused() {
        let spaced = String::from_utf8(leaf().to_bytes())
            .unwrap()
            .replace("\"seq\":7", "\"seq\": 7");
        assert_eq!(Leaf::parse(spaced.as_bytes()), None);
    }

    #[test]
    fn an_opening_opens_its_own_commitment_only() {
        let mut leaf = leaf();
        let opening = Opening::new("ip", "203.0.113.8", [3; 32]);
        leaf.c.insert("ip".into(), opening.commitment().unwrap());
        assert!(opening.opens(&leaf));
        assert!(
            !Opening {
                v: "203.0.113.9".into(),
                ..opening.clone()
            }
            .opens(&leaf)
        );
        assert!(
            !Opening {
                f: "device".into(),
                ..opening.clone()
            }
            .opens(&leaf)
        );
        assert!(
            !Opening {
                salt: "00".into(),
                ..opening
            }
            .opens(&leaf)
        );
    }
}
