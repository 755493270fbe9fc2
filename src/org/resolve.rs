//! From what people write to departments and members: a path, a name, a number.

use crate::search;

use super::{Department, Directory, Member, queries::DepartmentTree};

/// What a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named<T> {
    /// This one.
    One(T),
    /// More than one: it has to be said more exactly.
    Several,
    /// None.
    Nothing,
}

/// What a department's text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The department with this number.
    Known(u64),
    /// Departments that would have to be made, from the top down, below one that is there.
    New {
        /// Number of the department above; 0 if there is not even a root.
        below: u64,
        /// Their names.
        names: Vec<String>,
    },
    /// Several departments have this name.
    Several,
}

/// The department that a text names: a path from the root, with or without the root's own
/// name, or a name that only one department has, or a number.
pub fn department(tree: &DepartmentTree, text: &str) -> Place {
    let text = text.trim();
    let parts: Vec<&str> = text
        .split(['/', '\\', '>', '›', '／'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    if let [name] = parts[..] {
        match by_name(tree, name) {
            Named::One(number) => return Place::Known(number),
            Named::Several => return Place::Several,
            Named::Nothing => {}
        }
        let number: Option<u64> = name.parse().ok();
        if let Some(found) = number.and_then(|n| tree.get(n)) {
            return Place::Known(found.wecom_id);
        }
    }
    along(tree, &parts)
}

fn along(tree: &DepartmentTree, parts: &[&str]) -> Place {
    let Some(root) = tree.roots().first().copied() else {
        return Place::New {
            below: 0,
            names: parts.iter().map(|part| (*part).to_owned()).collect(),
        };
    };
    let rest = match parts.first() {
        Some(first) if is_called(root, first) => &parts[1..],
        _ => parts,
    };
    let mut at = root.wecom_id;
    for (n, part) in rest.iter().enumerate() {
        let below = tree.children(at);
        match below.into_iter().find(|d| is_called(d, part)) {
            Some(found) => at = found.wecom_id,
            None => {
                return Place::New {
                    below: at,
                    names: rest[n..].iter().map(|part| (*part).to_owned()).collect(),
                };
            }
        }
    }
    Place::Known(at)
}

fn by_name(tree: &DepartmentTree, name: &str) -> Named<u64> {
    let all = tree.flat();
    let mut found = all.iter().filter(|(_, d)| is_called(d, name));
    match (found.next(), found.next()) {
        (Some((_, one)), None) => Named::One(one.wecom_id),
        (Some(_), Some(_)) => Named::Several,
        (None, _) => Named::Nothing,
    }
}

fn is_called(department: &Department, name: &str) -> bool {
    let name = search::fold(name);
    search::fold(&department.name) == name
        || (!department.name_en.is_empty() && search::fold(&department.name_en) == name)
}

/// The path of a department as it is written and read again, e.g. `总部/华东/上海店`.
pub fn path_text(tree: &DepartmentTree, number: u64) -> String {
    let path = tree.path(number);
    let names: Vec<&str> = path.iter().map(|d| d.name.as_str()).collect();
    names.join("/")
}

/// The member that a text names by userid, or by a name that only one member here has.
pub fn person<'d>(directory: &'d Directory, text: &str) -> Named<&'d Member> {
    let text = text.trim();
    if let Some(member) = directory.by_userid(text) {
        return Named::One(member);
    }
    let mut found = directory.named(text);
    match (found.next(), found.next()) {
        (Some(one), None) => Named::One(one),
        (Some(_), Some(_)) => Named::Several,
        (None, _) => Named::Nothing,
    }
}
