//! The absences that ARCHITECTURE.md promises, read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What each module below the slices may use; its pages and its description of itself stand
/// on the surface and may use that too.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("kit", &[]),
    ("error", &["kit"]),
    ("config", &["kit", "wecom"]),
    ("store", &["kit", "error"]),
    ("audit", &["kit", "error", "store"]),
    ("identity", &["kit", "error", "store"]),
    ("search", &["kit", "error"]),
    ("sheet", &["kit"]),
    ("wecom", &["kit", "error"]),
    ("work", &["kit", "error", "store", "identity", "wecom"]),
    ("web", &["kit", "error"]),
];

/// Modules that are slices among each other.
const SLICES: [&str; 8] = [
    "archive",
    "compliance",
    "custody",
    "customers",
    "finder",
    "org",
    "sync",
    "tags",
];

/// Crates that one place alone may name.
const NAMED_ONCE: [(&str, &str); 3] = [
    ("redb", "store/engine.rs"),
    ("tantivy", "search/"),
    ("reqwest", "wecom/"),
];

/// A source file below `src`: its path there, and its code without comments and tests.
struct Source {
    path: String,
    code: String,
}

impl Source {
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.trim_end_matches(".rs")
    }

    /// Pages, and what a module says about itself as a slice.
    fn is_surface(&self) -> bool {
        let mut parts = self.path.split('/').skip(1);
        parts.any(|part| ["pages", "pages.rs", "mod.rs", "outbox"].contains(&part))
    }

    /// Everything of this crate that it names, e.g. `store::Act`.
    fn uses(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let is_macro = self.code[..at].ends_with('$');
            if !is_macro {
                expand("", &self.code[at + "crate::".len()..], &mut found);
            }
        }
        found
    }
}

/// The paths of a use tree; gives what stands behind it.
fn expand<'t>(before: &str, text: &'t str, found: &mut Vec<String>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut inner) = text.strip_prefix('{') {
        loop {
            inner = inner.trim_start();
            if let Some(behind) = inner.strip_prefix('}') {
                return behind;
            }
            inner = expand(before, inner, found).trim_start();
            inner = inner.strip_prefix(',').unwrap_or(inner);
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*')
        .unwrap_or(text.len());
    let path = format!("{before}{}", &text[..end]);
    match text[end..].strip_prefix("::") {
        Some(rest) if end > 0 => expand(&format!("{path}::"), rest, found),
        _ => {
            found.push(path);
            let behind = &text[end..];
            let renamed = behind.trim_start().strip_prefix("as ");
            renamed.map_or(behind, |rest| {
                rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
            })
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let inside = path.strip_prefix(&root).unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if inside.ends_with(".rs") && !inside.contains("tests") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
                let lines = code.lines().map(|l| l.split("//").next().unwrap());
                found.push(Source {
                    path: inside.to_owned(),
                    code: lines.collect::<Vec<_>>().join("\n"),
                });
            }
        }
    }
    assert!(found.len() > 100);
    found
}

#[test]
fn use_trees_are_read_whole() {
    let mut found = Vec::new();
    let rest = expand("", "{a::{self, B}, c as d, e::f::*};x", &mut found);
    assert_eq!(found, ["a::self", "a::B", "c", "e::f::*"]);
    assert_eq!(rest, ";x");
}

#[test]
fn only_one_place_names_the_engine_the_index_and_the_client() {
    for source in sources() {
        for (name, place) in NAMED_ONCE {
            let named = source.code.contains(&format!("{name}::"));
            assert!(
                !named || source.path.starts_with(place),
                "{} names {name}",
                source.path
            );
        }
    }
}

#[test]
fn the_modules_below_know_only_those_they_may() {
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let list = list.unwrap();
    let mut wrong = Vec::new();
    let is_module = |name: &str| list.contains(&format!("pub mod {name};"));
    for source in sources() {
        let Some((own, may)) = MAY_USE.iter().find(|(m, _)| *m == source.module()) else {
            continue;
        };
        if source.is_surface() && ["identity", "work"].contains(own) {
            continue;
        }
        for used in source.uses() {
            let module = used.split("::").next().unwrap();
            if module != *own && is_module(module) && !may.contains(&module) {
                wrong.push(format!("{} uses {used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The edges of ARCHITECTURE.md along which one slice may call another's actions.
fn action_edges() -> Vec<(String, String)> {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let map = map.unwrap();
    let (_, table) = map.split_once("## Allowed edges between slices").unwrap();
    let mut edges = Vec::new();
    for line in table.lines().filter(|l| l.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells.len() == 3 && cells[2].contains("`actions`") {
            for to in cells[1].split(',') {
                edges.push((cells[0].to_owned(), to.trim().to_owned()));
            }
        }
    }
    edges
}

#[test]
fn a_slice_keeps_its_tables_pages_and_api_to_itself() {
    let edges = action_edges();
    for source in sources() {
        let own = source.module();
        if !SLICES.contains(&own) {
            continue;
        }
        for used in source.uses() {
            let mut parts = used.split("::");
            let (slice, part) = (parts.next().unwrap(), parts.next().unwrap_or(""));
            if slice == own || !SLICES.contains(&slice) {
                continue;
            }
            let edge = (own.to_owned(), slice.to_owned());
            let is_private = ["tables", "pages", "api"].contains(&part);
            let is_off_edge = part == "actions" && !edges.contains(&edge);
            assert!(!is_private && !is_off_edge, "{} uses {used}", source.path);
        }
    }
}
