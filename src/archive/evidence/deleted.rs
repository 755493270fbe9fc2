//! When messages went of which a package has only the hash, and under which rule.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    audit::{
        evidence::PURGE_OBJECT,
        log::{self, Dimension},
    },
    error::{AppError, Result},
    kit::Timestamp,
    store::Read,
    web::{Lang, format, words},
};

use super::super::{
    Content,
    queries::Message,
    retention::{Purge, Sort, Under},
};

/// A line of `deletions.jsonl`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DeletionLine {
    pub(super) seq: u64,
    /// When it went.
    pub(super) at: String,
    /// The rule's department, ours; empty for the whole firm.
    pub(super) unit: String,
    /// What the department was called then.
    pub(super) unit_name: String,
    /// What the rule was about; empty for every type.
    #[serde(rename = "type")]
    pub(super) sort: &'static str,
    pub(super) days: u32,
    /// Number of the deletion.
    pub(super) purge: u64,
    /// Number of its entry in the log.
    pub(super) entry: u64,
}

/// What took messages away at once.
#[derive(Clone)]
pub(super) struct Deletion {
    no: u64,
    at: Timestamp,
    under: Under,
    entry: u64,
}

impl Deletion {
    pub(super) fn line(&self, seq: u64) -> DeletionLine {
        DeletionLine {
            seq,
            at: self.at.to_rfc3339(),
            unit: self.under.unit.map(|id| id.to_string()).unwrap_or_default(),
            unit_name: self.under.unit_name.clone(),
            sort: self.under.sort.map_or("", Sort::code),
            days: self.under.days,
            purge: self.no,
            entry: self.entry,
        }
    }

    /// What the page says in place of the message, in both languages.
    pub(super) fn text(&self, zone: &jiff::tz::TimeZone) -> String {
        let said = [Lang::Zh, Lang::En].map(|lang| {
            let args = (
                ("time", format::exact(self.at, zone)),
                ("rule", self.under.text(lang)),
                ("no", self.no.to_string()),
                ("entry", self.entry.to_string()),
            );
            words::fill(lang, "evidence.print.deleted", args)
        });
        said.join(" / ")
    }
}

/// The deletions that took messages of a package, each looked up once.
pub(super) struct Deletions<'a> {
    r: &'a Read<'a>,
    known: BTreeMap<u64, Deletion>,
}

impl<'a> Deletions<'a> {
    pub(super) fn new(r: &'a Read<'a>) -> Self {
        Self {
            r,
            known: BTreeMap::new(),
        }
    }

    /// What took a message away; none if it is there, or was erased with a person, or went
    /// before deletions were written down.
    pub(super) fn of(&mut self, message: &Message) -> Result<Option<Deletion>> {
        let no = message
            .purge
            .filter(|_| message.content == Content::Deleted);
        let Some(no) = no else {
            return Ok(None);
        };
        if let Some(known) = self.known.get(&no) {
            return Ok(Some(known.clone()));
        }
        let Some(purge) = self.r.get::<Purge>(&no)? else {
            return Ok(None);
        };
        let object = format!("{PURGE_OBJECT}:{no}");
        // The oldest is the one that made it.
        let entry = log::found_by(self.r, Dimension::Object, &object, None)?.last();
        let deletion = Deletion {
            no,
            at: purge.at,
            under: purge.under,
            entry: entry.ok_or_else(|| AppError::internal("a record without its entry"))??,
        };
        self.known.insert(no, deletion.clone());
        Ok(Some(deletion))
    }

    /// Their numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.known.keys().copied()
    }
}
