//! PATCH (RFC 7644, §3.5.2): operations over a resource's JSON, which is then read like that
//! of a PUT.

use serde_json::{Map, Value};

use super::{
    answer::Refused,
    filter::Filter,
    path::{AttrPath, ENTERPRISE, known_name, member},
};

/// Operations of one request.
const OPERATIONS_MAX: usize = 1_000;

/// Where an operation works.
#[derive(Debug)]
struct Target {
    path: AttrPath,
    filter: Option<Filter>,
    /// The attribute of each value that fulfils the filter.
    sub: Option<String>,
}

impl Target {
    fn parse(text: &str) -> Option<Self> {
        let Some((head, rest)) = text.split_once('[') else {
            return Some(Self {
                path: AttrPath::parse(text)?,
                filter: None,
                sub: None,
            });
        };
        let (filter, tail) = rest.rsplit_once(']')?;
        let sub = match tail.strip_prefix('.') {
            Some(sub) => Some(AttrPath::parse(sub).filter(|p| p.0.len() == 1)?.0.remove(0)),
            None if tail.is_empty() => None,
            None => return None,
        };
        Some(Self {
            path: AttrPath::parse(head)?,
            filter: Some(Filter::parse(filter)?),
            sub,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Carries out the operations of a request's body on a resource.
pub(super) fn apply(resource: &mut Value, body: &Value) -> Result<(), Refused> {
    let operations = member(body, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| Refused::syntax("There are no Operations."))?;
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        return Err(Refused::syntax("There are none or too many Operations."));
    }
    for operation in operations {
        let text = |name: &str| member(operation, name).and_then(Value::as_str);
        let verb = match text("op").unwrap_or("").to_ascii_lowercase().as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => return Err(Refused::syntax("An op is add, replace or remove.")),
        };
        let value = member(operation, "value").cloned();
        match text("path").filter(|path| !path.is_empty()) {
            Some(path) => {
                let target = Target::parse(path);
                let target =
                    target.ok_or_else(|| Refused::path(format!("{path} is not a path.")))?;
                at(resource, &target, verb, value)?;
            }
            None => whole(resource, verb, value)?,
        }
    }
    Ok(())
}

/// An operation without a path names the attributes in its value.
fn whole(resource: &mut Value, verb: Verb, value: Option<Value>) -> Result<(), Refused> {
    if verb == Verb::Remove {
        let detail = "A remove needs a path.".to_owned();
        return Err(Refused::Scim(400, "noTarget", detail));
    }
    let Some(Value::Object(fields)) = value else {
        return Err(Refused::invalid("Without a path the value is an object."));
    };
    for (name, value) in fields {
        // Some clients write whole paths as names here.
        let target = Target::parse(&name);
        let target = target.ok_or_else(|| Refused::path(format!("{name} is not a path.")))?;
        at(resource, &target, verb, Some(value))?;
    }
    Ok(())
}

fn at(
    resource: &mut Value,
    target: &Target,
    verb: Verb,
    value: Option<Value>,
) -> Result<(), Refused> {
    let Some((last, above)) = target.path.0.split_last() else {
        return Err(Refused::path("There is no path."));
    };
    if above.is_empty()
        && ["id", "schemas", "meta", "groups"].contains(&last.to_lowercase().as_str())
    {
        return match verb {
            // It is said again, not changed.
            Verb::Add | Verb::Replace if !last.eq_ignore_ascii_case("id") => Ok(()),
            _ => Err(Refused::Scim(
                400,
                "mutability",
                format!("{last} cannot be changed."),
            )),
        };
    }
    let mut object = as_object(resource);
    for name in above {
        let key = known_name(object, name);
        let inner = object
            .entry(key)
            .or_insert_with(|| Value::Object(Map::new()));
        // `emails.value` means that of every value.
        if let Value::Array(all) = inner {
            for each in all {
                change(as_object(each), last, verb, value.clone());
            }
            return Ok(());
        }
        object = as_object(inner);
    }
    match &target.filter {
        Some(filter) => filtered(object, last, filter, target.sub.as_deref(), verb, value),
        None => {
            change(object, last, verb, value);
            Ok(())
        }
    }
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made one above"),
    }
}

/// Changes the attribute of an object.
fn change(object: &mut Map<String, Value>, name: &str, verb: Verb, value: Option<Value>) {
    let key = known_name(object, name);
    let Some(value) = value.filter(|value| !value.is_null() && verb != Verb::Remove) else {
        // A list of values to be removed may be given beside the path.
        object.remove(&key);
        return;
    };
    match (verb, object.get_mut(&key), value) {
        (Verb::Add, Some(Value::Array(all)), value) => {
            let more = match value {
                Value::Array(more) => more,
                one => vec![one],
            };
            for value in more {
                let same = |known: &Value| identity(known) == identity(&value);
                if !all.iter().any(same) {
                    if member(&value, "primary") == Some(&Value::Bool(true)) {
                        all.iter_mut().for_each(not_primary);
                    }
                    all.push(value);
                }
            }
        }
        (_, Some(Value::Object(known)), Value::Object(more)) => {
            if verb == Verb::Replace && key != ENTERPRISE {
                known.clear();
            }
            for (name, value) in more {
                let name = known_name(known, &name);
                known.insert(name, value);
            }
        }
        (_, _, value) => {
            object.insert(key, value);
        }
    }
}

fn not_primary(value: &mut Value) {
    if let Some(primary) = value.get_mut("primary") {
        *primary = Value::Bool(false);
    }
}

/// What makes two values of a list the same one.
fn identity(value: &Value) -> &Value {
    member(value, "value").unwrap_or(value)
}

/// Changes those values of a list that fulfil a filter.
fn filtered(
    object: &mut Map<String, Value>,
    name: &str,
    filter: &Filter,
    sub: Option<&str>,
    verb: Verb,
    value: Option<Value>,
) -> Result<(), Refused> {
    let key = known_name(object, name);
    let all = object
        .entry(key.clone())
        .or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(all) = all else {
        return Err(Refused::path(format!("{key} is not a list.")));
    };
    let found = all.iter().any(|value| filter.matches(value));
    match (verb, sub) {
        (Verb::Remove, None) => all.retain(|value| !filter.matches(value)),
        (Verb::Add | Verb::Replace, _) if !found => {
            // What is asked for of `emails[type eq "work"]` is made with that type.
            let Filter::Compare(path, super::filter::Op::Eq, wanted) = filter else {
                let detail = "Nothing fulfils the filter.".to_owned();
                return Err(Refused::Scim(400, "noTarget", detail));
            };
            let mut made = Map::new();
            made.insert(path.0.join("."), wanted.clone());
            match (sub, value) {
                (Some(sub), Some(value)) => {
                    made.insert(sub.to_owned(), value);
                }
                (None, Some(Value::Object(fields))) => made.extend(fields),
                _ => return Err(Refused::invalid("The value is missing.")),
            }
            all.push(Value::Object(made));
        }
        (verb, sub) => {
            for each in all.iter_mut().filter(|value| filter.matches(value)) {
                match sub {
                    Some(sub) => change(as_object(each), sub, verb, value.clone()),
                    None => {
                        if let Some(Value::Object(fields)) = value.clone() {
                            as_object(each).extend(fields);
                        }
                    }
                }
            }
        }
    }
    if all.is_empty() {
        object.remove(&key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn after(start: Value, operations: Value) -> Value {
        let mut resource = start;
        apply(&mut resource, &json!({ "Operations": operations })).unwrap();
        resource
    }

    #[test]
    fn operations_work_with_and_without_paths() {
        let user = json!({"id": "1", "userName": "a", "emails": [{"value": "x", "type": "work"}]});
        let changed = after(
            user.clone(),
            json!([
                {"op": "Replace", "path": "USERNAME", "value": "b"},
                {"op": "add", "value": {"title": "t", "name.formatted": "F"}},
                {"op": "add", "path": "emails", "value": [{"value": "y"}, {"value": "x"}]},
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "z"},
                {"op": "replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1"},
            ]),
        );
        assert_eq!(
            changed,
            json!({"id": "1", "userName": "b", "title": "t", "name": {"formatted": "F"},
                "emails": [{"value": "z", "type": "work"}, {"value": "y"}],
                "phoneNumbers": [{"type": "mobile", "value": "1"}]})
        );
        let removed = after(
            changed,
            json!([
                {"op": "remove", "path": "emails[value eq \"y\"]"},
                {"op": "remove", "path": "title"},
                {"op": "remove", "path": "phoneNumbers"},
                {"op": "remove", "path": "name"},
            ]),
        );
        assert_eq!(
            removed,
            json!({"id": "1", "userName": "b", "emails": [{"value": "z", "type": "work"}]})
        );
    }

    #[test]
    fn the_extension_is_reached_by_its_name() {
        let path = format!("{ENTERPRISE}:employeeNumber");
        let user = after(
            json!({}),
            json!([{"op": "add", "path": path, "value": "A7"}]),
        );
        assert_eq!(user, json!({ENTERPRISE: {"employeeNumber": "A7"}}));
        let more = json!([{"op": "replace", "value": {ENTERPRISE: {"manager": {"value": "m"}}}}]);
        let user = after(user, more);
        assert_eq!(user[ENTERPRISE]["employeeNumber"], "A7");
        assert_eq!(user[ENTERPRISE]["manager"]["value"], "m");
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for operation in [
            json!({"op": "move", "path": "title"}),
            json!({"op": "remove"}),
            json!({"op": "add", "value": 3}),
            json!({"op": "replace", "path": "a b", "value": 1}),
            json!({"op": "replace", "path": "id", "value": "2"}),
            json!({"op": "replace", "path": "emails[type eq", "value": "2"}),
            json!({"op": "replace", "path": "emails[type pr].value", "value": "2"}),
        ] {
            let body = json!({ "Operations": [operation] });
            assert!(apply(&mut json!({"id": "1"}), &body).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_fall_over(path in "[a-z.\\[\\]\" eqpr:]{0,30}", verb in 0..3usize) {
            let op = ["add", "replace", "remove"][verb];
            let body = json!({"Operations": [{"op": op, "path": path, "value": [{"value": 1}]}]});
            let mut user = json!({"emails": [{"value": "x"}], "name": {"formatted": "f"}});
            let _ = apply(&mut user, &body);
        }
    }
}
