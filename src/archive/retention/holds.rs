//! What no rule may delete.

use crate::{
    archive::{evidence, queries},
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
    /// Messages that were gathered into cases: conversation, first and last number.
    spans: Vec<(u32, u64, u64)>,
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
    /// A case has it.
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
        let mut spans = evidence::queries::gathered(r)?;
        spans.sort_unstable();
        Ok(Self { active, spans })
    }

    fn is_in_span(&self, chat: u32, seq: u64) -> bool {
        let of_chat = self.spans.partition_point(|(no, ..)| *no < chat);
        let of_chat = self.spans[of_chat..]
            .iter()
            .take_while(|(no, first, _)| *no == chat && *first <= seq);
        of_chat.into_iter().any(|(_, _, last)| seq <= *last)
    }

    /// Why a message is held, if it is.
    pub fn on_message(
        &self,
        seq: u64,
        chat: u32,
        people: impl Iterator<Item = u32> + Clone,
        sent_at: Timestamp,
    ) -> Option<Held<'_>> {
        if self.is_in_span(chat, seq) {
            return Some(Held::AsMessage);
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
        found.map(|active| Held::By(&active.hold))
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
