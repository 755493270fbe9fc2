//! Attribute paths (RFC 7644, figure 1 and §3.10): `urn:…:User:name.formatted`.

use serde_json::{Map, Value};

/// Schemas whose attributes stand in a resource's own object.
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The extension whose attributes stand in an object of its name.
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The names that lead to an attribute; at most three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttrPath(pub(super) Vec<String>);

impl AttrPath {
    /// Reads a path; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut names = Vec::new();
        let mut rest = text;
        for schema in [USER, GROUP] {
            if let Some(own) = strip_prefix(rest, schema) {
                rest = own.strip_prefix(':')?;
            }
        }
        if let Some(own) = strip_prefix(rest, ENTERPRISE) {
            names.push(ENTERPRISE.to_owned());
            match own.strip_prefix(':') {
                Some(own) => rest = own,
                None if own.is_empty() => return Some(Self(names)),
                None => return None,
            }
        }
        for name in rest.split('.') {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "_-$".contains(c);
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
                return None;
            }
            names.push(name.to_owned());
        }
        (names.len() <= 3).then_some(Self(names))
    }

    /// What stands at the path: one value, or one for each value of a list on the way.
    pub(super) fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![resource];
        for name in &self.0 {
            let below = found.into_iter().flat_map(each);
            found = below.filter_map(|value| member(value, name)).collect();
        }
        found.into_iter().flat_map(each).collect()
    }
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// The values of a list, or the one value.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    }
}

/// The member of an object, whatever the case of its name.
pub(super) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// The name under which an object has a member, or under which it is to have it.
pub(super) fn known_name(object: &Map<String, Value>, name: &str) -> String {
    const NAMES: [&str; 22] = [
        "schemas",
        "id",
        "externalId",
        "meta",
        "userName",
        "displayName",
        "name",
        "formatted",
        "familyName",
        "givenName",
        "nickName",
        "title",
        "active",
        "emails",
        "phoneNumbers",
        "groups",
        "members",
        "value",
        "type",
        "primary",
        "employeeNumber",
        "manager",
    ];
    let known = object.keys().map(String::as_str).chain(NAMES);
    let mut known = known.filter(|key| key.eq_ignore_ascii_case(name));
    known.next().unwrap_or(name).to_owned()
}
