//! Which messages were recalled: gathered from the pulls, for searches among them alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    search::MessageMarks,
    store::{Read, StoreError},
};

use super::{model::Pull, stretch::Stretch};

/// The recalled messages as far as the pulls have been looked through.
#[derive(Default)]
pub(super) struct Recalled(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The last pull that was looked at.
    pull: u64,
    /// Time by number, ms since 1970.
    times: BTreeMap<u64, i64>,
    marks: Arc<MessageMarks>,
}

impl Recalled {
    /// All messages that were recalled.
    pub(super) fn marks(&self, r: &Read<'_>) -> Result<Arc<MessageMarks>, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut more = false;
        for pull in r.all::<Pull>(Some(&known.pull))? {
            let pull = pull?;
            for (chat, seq) in pull.recalls {
                if let Some(at_ms) = time_of(r, chat, seq)? {
                    more |= known.times.insert(seq, at_ms).is_none();
                }
            }
            known.pull = pull.no;
        }
        if more {
            known.marks = Arc::new(known.times.iter().map(|(seq, at)| (*seq, *at)).collect());
        }
        Ok(known.marks.clone())
    }
}

/// When a message was sent, ms since 1970.
pub(super) fn time_of(r: &Read<'_>, chat: u32, seq: u64) -> Result<Option<i64>, StoreError> {
    let mut before = r.all_backwards::<Stretch>(Some(&(chat, seq.saturating_add(1))))?;
    let stretch = before.next().transpose()?;
    let stretch = stretch.filter(|stretch| stretch.chat == chat);
    Ok(stretch.and_then(|stretch| {
        let head = stretch.heads.iter().find(|head| head.seq == seq);
        head.map(|head| head.at.ms())
    }))
}
