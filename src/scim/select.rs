//! Which attributes are answered (RFC 7644, §3.9), and in which order resources stand.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::path::{AttrPath, member};

/// Attributes that are always answered.
const ALWAYS: [&str; 3] = ["schemas", "id", "meta"];

/// What a request wants to see.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    only: Vec<AttrPath>,
    without: Vec<AttrPath>,
}

impl Selection {
    /// From the two parameters; names that are no path are passed over.
    pub(super) fn new(only: &[String], without: &[String]) -> Self {
        let paths = |names: &[String]| -> Vec<AttrPath> {
            let names = names.iter().flat_map(|n| n.split(',')).map(str::trim);
            names.filter_map(AttrPath::parse).collect()
        };
        Self {
            only: paths(only),
            without: paths(without),
        }
    }

    /// The part of a resource that is wanted.
    pub(super) fn of(&self, resource: Value) -> Value {
        let Value::Object(all) = resource else {
            return resource;
        };
        let is_always = |name: &String| ALWAYS.contains(&name.as_str());
        if !self.only.is_empty() {
            let whole = Value::Object(all.clone());
            let mut kept: Map<String, Value> = all
                .into_iter()
                .filter(|(name, _)| is_always(name))
                .collect();
            for path in &self.only {
                keep(&whole, &path.0, &mut kept);
            }
            return Value::Object(kept);
        }
        let mut all = all;
        for path in &self.without {
            drop_at(&mut all, &path.0);
        }
        Value::Object(all)
    }
}

/// Copies what stands at a path into another object.
fn keep(from: &Value, names: &[String], into: &mut Map<String, Value>) {
    let Some((name, rest)) = names.split_first() else {
        return;
    };
    let Some(object) = from.as_object() else {
        return;
    };
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    let Some((key, value)) = found else {
        return;
    };
    if rest.is_empty() {
        into.insert(key.clone(), value.clone());
        return;
    }
    let part = |value: &Value, had: Option<&Value>| {
        let mut kept = had.and_then(Value::as_object).cloned().unwrap_or_default();
        keep(value, rest, &mut kept);
        Value::Object(kept)
    };
    let had = into.get(key).cloned();
    let kept = match value {
        Value::Array(all) => {
            let had = had.as_ref().and_then(Value::as_array);
            let each = all.iter().enumerate();
            each.map(|(n, v)| part(v, had.and_then(|h| h.get(n))))
                .collect()
        }
        one => part(one, had.as_ref()),
    };
    into.insert(key.clone(), kept);
}

fn drop_at(object: &mut Map<String, Value>, names: &[String]) {
    let Some((name, rest)) = names.split_first() else {
        return;
    };
    let key = object
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned();
    let Some(key) = key.filter(|key| !ALWAYS.contains(&key.as_str())) else {
        return;
    };
    if rest.is_empty() {
        object.remove(&key);
        return;
    }
    match object.get_mut(&key) {
        Some(Value::Object(inner)) => drop_at(inner, rest),
        Some(Value::Array(all)) => {
            for inner in all.iter_mut().filter_map(Value::as_object_mut) {
                drop_at(inner, rest);
            }
        }
        _ => {}
    }
}

/// The order of two resources by an attribute; without it a resource stands last.
pub(super) fn order(path: &AttrPath, a: &Value, b: &Value) -> Ordering {
    let first = |resource: &Value| -> Option<String> {
        let values = path.values(resource);
        let primary = values
            .iter()
            .find(|v| member(v, "primary") == Some(&Value::Bool(true)));
        let value = primary.or(values.first())?;
        let value = member(value, "value").unwrap_or(value);
        Some(match value {
            Value::String(text) => text.to_lowercase(),
            other => other.to_string(),
        })
    };
    match (first(a), first(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_wanted_is_answered_and_the_id_always() {
        let user = json!({"id": "1", "schemas": [], "userName": "a", "title": "t",
            "emails": [{"value": "v", "type": "work"}], "name": {"formatted": "f", "x": 1}});
        let only = |names: &str| Selection::new(&[names.to_owned()], &[]).of(user.clone());
        assert_eq!(
            only("USERNAME,emails.value,name.formatted"),
            json!({"id": "1", "schemas": [], "userName": "a", "emails": [{"value": "v"}],
                "name": {"formatted": "f"}})
        );
        let without = Selection::new(&[], &["id,title,emails.type,name".to_owned()]);
        assert_eq!(
            without.of(user),
            json!({"id": "1", "schemas": [], "userName": "a", "emails": [{"value": "v"}]})
        );
    }
}
