//! What no rule may delete.

use std::{cell::OnceCell, collections::BTreeMap};

use crate::{
    archive::{
        evidence::{self, Chosen},
        queries,
    },
    kit::Timestamp,
    store::{Read, StoreError, SubjectId},
};

use super::model::{Hold, HoldOn};

/// All holds, those in force first, the newest first.
pub fn holds(r: &Read<'_>) -> Result<Vec<Hold>, StoreError> {
    let mut holds: Vec<Hold> = r.all(None)?.collect::<Result<_, _>>()?;
    holds.sort_by_key(|hold| (hold.lifted.is_some(), std::cmp::Reverse(hold.set_at)));
    Ok(holds)
}

/// The holds in force, with the numbers that messages carry. This is the one place that says
/// whether a message is held.
pub struct Holds {
    active: Vec<Active>,
    /// Messages that were gathered into cases: by conversation and by how many of context are
    /// kept around them.
    spans: BTreeMap<(u32, u32), Vec<Span>>,
}

/// Neighbouring messages that were gathered.
struct Span {
    first: u64,
    last: u64,
    /// The same with their context; looked up when it is asked for.
    window: OnceCell<(u64, u64)>,
}

impl Span {
    /// Whether a message is context of these, or one of them.
    fn keeps(&self, r: &Read<'_>, of: (u32, u32), seq: u64) -> Result<bool, StoreError> {
        let window = match self.window.get() {
            Some(window) => *window,
            None => {
                let found = evidence::window(r, of.0, (self.first, self.last), of.1)?;
                *self.window.get_or_init(|| found)
            }
        };
        Ok((window.0..=window.1).contains(&seq))
    }
}

struct Active {
    hold: Hold,
    on: On,
}

enum On {
    Party(u32),
    Chat(u32),
    Everything,
    /// Nobody by that name has ever written.
    Nothing,
}

/// Why a message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'h> {
    /// A hold keeps it.
    By(&'h Hold),
    /// A case has it, or will have it as context when it is sealed.
    AsMessage,
}

impl Holds {
    /// Those in force.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        let mut active = Vec::new();
        for hold in holds(r)? {
            if !hold.is_active() {
                continue;
            }
            let on = match hold.on {
                HoldOn::Person(id) => queries::party_of(r, id)?.map(On::Party),
                HoldOn::Chat(id) => queries::chat_by_id(r, id)?.map(|chat| On::Chat(chat.no)),
                HoldOn::Everything => Some(On::Everything),
            };
            let on = on.unwrap_or(On::Nothing);
            active.push(Active { hold, on });
        }
        let mut gathered: BTreeMap<(u32, u32), Vec<(u64, u64)>> = BTreeMap::new();
        for (chat, first, last, context) in evidence::queries::gathered(r)? {
            let ranges = gathered.entry((chat, context)).or_default();
            ranges.push((first, last));
        }
        let spans_of = |ranges| {
            let ranges = Chosen::of(ranges);
            let spans = ranges.ranges().iter().map(|(first, last)| Span {
                first: *first,
                last: *last,
                window: OnceCell::new(),
            });
            spans.collect()
        };
        let spans = gathered
            .into_iter()
            .map(|(of, ranges)| (of, spans_of(ranges)));
        Ok(Self {
            active,
            spans: spans.collect(),
        })
    }

    /// Whether a case has a message, or would have it as context. Of what has the same context
    /// only the nearest on either side can reach it.
    fn is_of_case(&self, r: &Read<'_>, chat: u32, seq: u64) -> Result<bool, StoreError> {
        for (of, spans) in self.spans.range((chat, 0)..=(chat, u32::MAX)) {
            let at = spans.partition_point(|span| span.first <= seq);
            let nearest = &spans[at.saturating_sub(1)..spans.len().min(at + 1)];
            if nearest
                .iter()
                .any(|span| (span.first..=span.last).contains(&seq))
            {
                return Ok(true);
            }
            for span in nearest.iter().filter(|_| of.1 > 0) {
                if span.keeps(r, *of, seq)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Why a message is held, if it is.
    pub fn on_message(
        &self,
        r: &Read<'_>,
        seq: u64,
        chat: u32,
        people: impl Iterator<Item = u32> + Clone,
        sent_at: Timestamp,
    ) -> Result<Option<Held<'_>>, StoreError> {
        if self.is_of_case(r, chat, seq)? {
            return Ok(Some(Held::AsMessage));
        }
        let is_on = |active: &&Active| {
            active.hold.covers(sent_at)
                && match active.on {
                    On::Everything => true,
                    On::Chat(no) => no == chat,
                    On::Party(no) => people.clone().any(|party| party == no),
                    On::Nothing => false,
                }
        };
        let found = self.active.iter().find(is_on);
        Ok(found.map(|active| Held::By(&active.hold)))
    }

    /// The holds that keep a person from being erased, by whatever name the archive has them.
    pub fn on_person(&self, subject: SubjectId, party: Option<u32>) -> impl Iterator<Item = &Hold> {
        let is_on = move |active: &&Active| match (active.hold.on, &active.on) {
            (HoldOn::Everything, _) => true,
            (HoldOn::Person(_), On::Party(no)) if party == Some(*no) => true,
            (HoldOn::Person(id), _) => id == subject,
            (HoldOn::Chat(_), _) => false,
        };
        self.active.iter().filter(is_on).map(|active| &active.hold)
    }
}
