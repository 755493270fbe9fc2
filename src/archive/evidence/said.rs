//! What a message says, as the page of a package prints it: every field as it came, under its
//! name in both languages, with what it means beside it.

use crate::{
    error::Result,
    web::{format, words},
    wecom::archive::{Line, Means, Role},
};

use super::{super::queries::Message, print::both};

/// A line of a message on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) depth: usize,
    /// The field in both languages; none above words that somebody wrote.
    pub(super) label: Option<String>,
    /// What stands there, as it came.
    pub(super) value: String,
    /// What that means; empty where it needs no words.
    pub(super) note: String,
}

/// The lines of a message; none if it is gone. `name_of` tells who is behind one of WeCom's ids.
pub(super) fn said(
    message: &Message,
    zone: &jiff::tz::TimeZone,
    name_of: impl Fn(&str) -> Result<Option<String>>,
) -> Result<Option<Vec<Said>>> {
    let Some(lines) = message.lines() else {
        return Ok(None);
    };
    let said = lines.into_iter().map(|line| {
        let note = match (line.role, line.means) {
            (Role::Heading, _) => String::new(),
            (_, Some(means)) => note(means, &line.value, zone, &name_of)?,
            _ if line.value.is_empty() => both("evidence.print.empty"),
            _ => String::new(),
        };
        let label = (line.role != Role::Words).then(|| label(&line));
        Ok(Said {
            depth: line.depth,
            label,
            value: line.value,
            note,
        })
    });
    said.collect::<Result<_>>().map(Some)
}

/// The name of a field; WeCom's own where nobody has heard of it.
fn label(line: &Line) -> String {
    let key = format!("archive.field.{}", line.field);
    match words::known(&key) {
        true => both(&key),
        false => line.field.clone(),
    }
}

fn note(
    means: Means,
    value: &str,
    zone: &jiff::tz::TimeZone,
    name_of: impl Fn(&str) -> Result<Option<String>>,
) -> Result<String> {
    Ok(match means {
        Means::At(ms) => format::exact(crate::kit::Timestamp::from_ms(ms), zone),
        Means::Fen(fen) => format!("¥{}.{:02}", fen / 100, fen % 100),
        Means::Kind(kind) => both(&format!("archive.kind.{}", kind.code())),
        Means::Code(list, number) => {
            let key = format!("archive.code.{list}.{number}");
            match words::known(&key) {
                true => both(&key),
                false => String::new(),
            }
        }
        Means::Person => name_of(value)?.unwrap_or_default(),
    })
}

#[cfg(test)]
#[path = "said_tests.rs"]
mod tests;
