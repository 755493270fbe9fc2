//! Which messages there are alerts about: kept from the alerts, for searches among them alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    search::MessageMarks,
    store::{Entity, Read, StoreError},
};

use super::sensitive::{Alert, AlertId};

/// The messages with alerts as far as the feed has been followed.
#[derive(Default)]
pub(super) struct Alerted(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The last entry of the feed that was looked at; none before the first look.
    feed: Option<u64>,
    /// Time by number, ms since 1970.
    times: BTreeMap<u64, i64>,
    marks: Arc<MessageMarks>,
}

impl Alerted {
    /// All messages with an alert. Only for whoever handles alerts: asking among them tells
    /// what the lists look for.
    pub(super) fn marks(&self, r: &Read<'_>) -> Result<Arc<MessageMarks>, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.times.len();
        if !known.follow(r)? {
            known.read_all(r)?;
        }
        if known.times.len() > before {
            known.marks = Arc::new(known.times.iter().map(|(seq, at)| (*seq, *at)).collect());
        }
        Ok(known.marks.clone())
    }
}

impl Known {
    fn add(&mut self, alert: &Alert) {
        self.times.insert(alert.seq, alert.sent_at.ms());
    }

    /// Takes in what the feed says; whether it still had everything since the last look.
    fn follow(&mut self, r: &Read<'_>) -> Result<bool, StoreError> {
        let Some(mut at) = self.feed else {
            return Ok(false);
        };
        for entry in r.feed(at)? {
            let entry = entry?;
            // What is old is trimmed from the feed.
            if entry.n != at.saturating_add(1) {
                return Ok(false);
            }
            at = entry.n;
            if entry.kind == Alert::KIND
                && let Some(id) = entry.key_as::<AlertId>()
                && let Some(alert) = r.get::<Alert>(&id)?
            {
                self.add(&alert);
            }
        }
        self.feed = Some(at);
        Ok(true)
    }

    fn read_all(&mut self, r: &Read<'_>) -> Result<(), StoreError> {
        for alert in r.all::<Alert>(None)? {
            self.add(&alert?);
        }
        self.feed = Some(r.feed_head()?);
        Ok(())
    }
}
