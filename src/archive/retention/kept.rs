//! What holds keep of somebody who is to be erased.

use std::collections::BTreeSet;

use crate::{
    archive::{queries, stretch::Stretch, tables::CHAT_BY_PARTY},
    store::{Act, Key, ObjectRef, Read, StoreError, SubjectId, Walk},
};

use super::{
    holds::{Held, Holds},
    model::{Hold, HoldId},
    purge::people,
};

/// What cannot be erased of a person, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The holds on the person, and one for each message that holds keep.
    pub holds: BTreeSet<HoldId>,
    /// Messages in which the person takes part and that these holds keep.
    pub messages: u64,
    /// Further ones that were gathered into cases, or are context of open ones.
    pub gathered: u64,
}

impl Kept {
    /// Asks holds and cases about everything the person wrote and received.
    pub fn of(r: &Read<'_>, subject: SubjectId) -> Result<Self, StoreError> {
        let holds = Holds::load(r)?;
        let mut kept = Self::default();
        let party = queries::party_of(r, subject)?;
        // Also somebody who never wrote may be held.
        kept.holds
            .extend(holds.on_person(subject, party).map(|h| h.id));
        let Some(party) = party else {
            return Ok(kept);
        };
        let walk = Walk::prefix(Key::new().with(party));
        for chat in r.list(&CHAT_BY_PARTY, &walk)? {
            kept.count(r, &holds, chat?.no, party)?;
        }
        Ok(kept)
    }

    /// Counts what is held of one conversation.
    fn count(
        &mut self,
        r: &Read<'_>,
        holds: &Holds,
        chat: u32,
        party: u32,
    ) -> Result<(), StoreError> {
        for stretch in r.all::<Stretch>(Some(&(chat, 0)))? {
            let stretch = stretch?;
            if stretch.chat != chat {
                break;
            }
            for head in stretch.heads.iter().filter(|head| !head.is_deleted()) {
                let people = people(&stretch, head);
                if !people.clone().any(|no| no == party) {
                    continue;
                }
                match holds.on_message(r, head.seq, chat, people, head.at)? {
                    Some(Held::By(Hold { id, .. })) => {
                        self.holds.insert(*id);
                        self.messages += 1;
                    }
                    Some(Held::AsMessage) => self.gathered += 1,
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// Whether nothing stands in the way.
    pub fn is_nothing(&self) -> bool {
        self.holds.is_empty() && self.messages == 0 && self.gathered == 0
    }

    /// Says so in the entry of an act.
    pub fn note(&self, act: &mut Act) {
        act.objects.extend(self.holds.iter().map(|id| ObjectRef {
            kind: "retention_hold",
            id: id.to_string(),
        }));
        let counts = [("held", self.messages), ("gathered", self.gathered)];
        for (field, n) in counts {
            act.note(field, n.to_string());
        }
    }
}
