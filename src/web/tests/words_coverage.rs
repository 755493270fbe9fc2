//! Every word that is used exists, and every word that exists is used.
//!
//! The sources themselves are read: templates, and code without its tests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::*;
use crate::{error::Invalid, web::words};

fn files(folder: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// Code outside of tests: test modules stand at the end of their file.
fn code() -> Vec<(PathBuf, String)> {
    let mut all = files("src", "rs");
    let is_test = |path: &Path| {
        let names = path.iter().filter_map(|part| part.to_str());
        names
            .map(|n| n.trim_end_matches(".rs"))
            .any(|n| n.ends_with("tests"))
    };
    all.retain(|(path, _)| !is_test(path));
    for (_, text) in &mut all {
        if let Some(at) = text.find("#[cfg(test)]\nmod tests {") {
            text.truncate(at);
        }
        let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        *text = lines.collect::<Vec<_>>().join("\n");
    }
    all
}

/// The string literals of a text with what stands before and behind each.
fn literals(text: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('"').map(|i| at + i) {
        let Some(end) = text[start + 1..].find('"').map(|i| start + 1 + i) else {
            break;
        };
        let inner = &text[start + 1..end];
        if inner.contains('\n') {
            at = start + 1;
            continue;
        }
        found.push((&text[..start], inner, &text[end + 1..]));
        // The end may open the next literal: an odd quote must not hide all that follow.
        at = if is_key(inner) { end + 1 } else { end };
    }
    found
}

fn is_key(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.contains('.') && text.split('.').all(is_part)
}

fn all_literals() -> BTreeSet<String> {
    let sources = code().into_iter().chain(files("templates", "html"));
    sources
        .flat_map(|(_, text)| {
            let keys = literals(&text)
                .into_iter()
                .map(|l| l.1)
                .filter(|l| is_key(l));
            keys.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_key_in_a_template_has_words() {
    let mut missing = Vec::new();
    for (path, text) in files("templates", "html") {
        for (_, key, after) in literals(&text) {
            let is_used = ["|t ", "|t}", "|t)", "|t,", "|tf(", "|tm("]
                .iter()
                .any(|filter| after.starts_with(filter));
            if is_used && !words::known(key) {
                missing.push(format!("{}: {key}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_key_in_the_code_has_words() {
    const SAYS: [&str; 10] = [
        "cx.t(",
        "cx.tf(",
        "toast(",
        "toast_undo(",
        "toast_failed(",
        "Sentence::new(",
        "Toast::done(cx,",
        "words::text(lang,",
        "AppError::field(field,",
        "key: ",
    ];
    let mut missing = Vec::new();
    for (path, text) in code() {
        for (before, key, _) in literals(&text) {
            let before = before.trim_end();
            let says = SAYS.iter().any(|call| before.ends_with(call.trim_end()));
            if says && is_key(key) && !words::known(key) {
                missing.push(format!("{}: {key}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The beginnings of keys that are put together, e.g. `format!("act.{code}")`.
fn computed() -> BTreeSet<String> {
    let mut beginnings = BTreeSet::new();
    for (_, text) in code() {
        for (before, literal, _) in literals(&text) {
            let Some((beginning, _)) = literal.split_once('{') else {
                continue;
            };
            let is_beginning = beginning
                .strip_suffix('.')
                .is_some_and(|b| is_key(&format!("{b}.x")));
            if is_beginning && before.ends_with("format!(") {
                beginnings.insert(beginning.to_owned());
            }
        }
    }
    beginnings
}

#[test]
fn every_word_is_used() {
    let (used, computed) = (all_literals(), computed());
    // `org.empty.none` stands in the code where `.title` and `.hint` are put behind it.
    let is_named = |key: &str| {
        let tables = key.match_indices('.').map(|(at, _)| &key[..at]);
        used.contains(key) || tables.filter(|t| t.contains('.')).any(|t| used.contains(t))
    };
    let orphans: Vec<_> = words::keys()
        .filter(|key| !is_named(key))
        .filter(|key| !computed.iter().any(|b| key.starts_with(b.as_str())))
        .collect();
    assert!(orphans.is_empty(), "{orphans:#?}");
}

#[test]
fn every_error_says_what_why_and_what_next() {
    let mut codes: BTreeSet<String> = [
        AppError::NotFound { what: "x" },
        AppError::Forbidden { permission: "x" },
        AppError::Unauthenticated,
        AppError::ForeignRequest,
        AppError::BadRequest { why: "x" },
        AppError::Invalid(Invalid::default()),
        AppError::Conflict { why: "x" },
        AppError::TooMany { retry_after_s: 1 },
        AppError::Later {
            why: "x",
            retry_after_s: 1,
        },
        AppError::TooLarge { bytes_max: 1 },
        AppError::Unavailable { why: "x" },
        AppError::internal("x"),
    ]
    .iter()
    .map(|error| error.code().trim_end_matches(".x").to_owned())
    .collect();
    let (_, remedies) = code()
        .into_iter()
        .find(|(path, _)| path.ends_with("wecom/error.rs"))
        .unwrap();
    let remedies = literals(&remedies);
    codes.extend(
        remedies
            .iter()
            .filter(|l| is_key(l.1) && l.1.starts_with("wecom."))
            .map(|l| l.1.to_owned()),
    );
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        for part in ["title", "why", "next"] {
            assert!(
                words::known(&format!("error.{code}.{part}")),
                "{code} {part}"
            );
        }
    }
}

#[test]
fn every_act_of_the_audit_trail_has_words() {
    /// Acts that only keep books and therefore leave no entry.
    const SILENT: [&str; 18] = [
        "audit.checkpoint",
        "audit.export",
        "effect.done",
        "effect.failed",
        "effect.send",
        "import.sweep",
        "job.finish",
        "job.progress",
        "job.resume",
        "job.start",
        "operation.answer",
        "operation.sweep",
        "session.attempt",
        "session.sweep",
        "session.touch",
        "sync.refused",
        "sync.quota",
        "sync.nightly",
    ];
    let mut missing = BTreeSet::new();
    for (_, text) in code() {
        for (before, act, _) in literals(&text) {
            let is_act = [".view(", ".change(", "by_system("]
                .iter()
                .any(|call| before.trim_end().ends_with(call));
            if is_act
                && is_key(act)
                && !SILENT.contains(&act)
                && !words::known(&format!("act.{act}"))
            {
                missing.insert(act.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn half_width_stops_do_not_stand_in_chinese_sentences() {
    for key in words::keys() {
        let zh = words::text(Lang::Zh, key);
        let chars: Vec<char> = zh.chars().collect();
        let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for pair in chars.windows(2) {
            let wrong = is_han(pair[0]) && matches!(pair[1], ',' | ';' | '?' | '!' | ':' | '(');
            assert!(!wrong, "{key}: {zh}");
        }
    }
}
