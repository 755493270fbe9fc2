//! Which messages there are alerts about, and the alerts of each conversation: kept from the
//! alerts, for searches among such messages alone and for what stands beside a conversation.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    kit::Timestamp,
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
    /// The alerts of a conversation, the newest message first.
    chats: HashMap<u32, BTreeSet<(Reverse<Timestamp>, AlertId)>>,
    /// The messages as searches take them; none since another was added.
    marks: Option<Arc<MessageMarks>>,
}

impl Alerted {
    /// All messages with an alert. Only for whoever handles alerts: asking among them tells
    /// what the lists look for.
    pub(super) fn marks(&self, r: &Read<'_>) -> Result<Arc<MessageMarks>, StoreError> {
        let mut known = self.look(r)?;
        if let Some(marks) = &known.marks {
            return Ok(marks.clone());
        }
        let times = known.times.iter();
        let marks: Arc<MessageMarks> = Arc::new(times.map(|(seq, at)| (*seq, *at)).collect());
        known.marks = Some(marks.clone());
        Ok(marks)
    }

    /// The alerts of a conversation, the newest message first, whoever sees them. Some may be
    /// gone with the person they were about.
    pub(super) fn of_chat(&self, r: &Read<'_>, chat: u32) -> Result<Vec<AlertId>, StoreError> {
        let known = self.look(r)?;
        let of_chat = known.chats.get(&chat).into_iter().flatten();
        Ok(of_chat.map(|(_, id)| *id).collect())
    }

    /// Takes in what is new, so that nobody waits for it later.
    pub(super) fn follow(&self, r: &Read<'_>) -> Result<(), StoreError> {
        self.look(r).map(drop)
    }

    fn look(&self, r: &Read<'_>) -> Result<MutexGuard<'_, Known>, StoreError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.follow(r)? {
            known.read_all(r)?;
        }
        Ok(known)
    }
}

impl Known {
    fn add(&mut self, alert: &Alert) {
        // What was done without a message belongs to none, and to no conversation.
        let (Some(chat), Some(seq)) = (alert.chat, alert.seq) else {
            return;
        };
        if self.times.insert(seq, alert.sent_at.ms()).is_none() {
            self.marks = None;
        }
        let of_chat = self.chats.entry(chat).or_default();
        of_chat.insert((Reverse(alert.sent_at), alert.id));
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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            sensitive::{WordList, queue},
            tests::{Archive, CUSTOMER, OTHER, text},
        },
        *,
    };
    use crate::archive::queries::ArchiveSight;

    #[test]
    fn the_alerts_of_a_conversation_are_known_from_before_and_as_they_come() {
        let archive = Archive::new();
        archive.pull(vec![
            text(1, CUSTOMER, &["LinXiaoyu"], "", "转账吗"),
            text(2, OTHER, &["LinXiaoyu"], "", "也转账吗"),
            text(3, "LinXiaoyu", &[CUSTOMER], "", "不要转账"),
            text(4, "LinXiaoyu", &[CUSTOMER], "", "好的"),
        ]);
        assert_eq!(archive.raise(WordList::for_test(&["转账"])), 3);
        let alerted = Alerted::default();
        let of_chat = |chat: u32| {
            archive.read(|r| {
                let ids = alerted.of_chat(r, chat).unwrap();
                let alerts = ids
                    .iter()
                    .map(|id| r.get::<Alert>(id).unwrap().unwrap().seq.unwrap());
                alerts.collect::<Vec<_>>()
            })
        };
        let chats = [1, 2].map(of_chat);
        assert_eq!(chats, [vec![3, 1], vec![2]], "the newest message first");
        assert!(of_chat(9).is_empty());

        archive.pull(vec![text(5, CUSTOMER, &["LinXiaoyu"], "", "转账了")]);
        assert_eq!(archive.raise(WordList::for_test(&["转账"])), 1);
        assert_eq!(of_chat(1), [5, 3, 1]);
        let beside = archive.read(|r| {
            let ids = alerted.of_chat(r, 1).unwrap();
            queue::beside(r, &ArchiveSight::everything_for_test(), &ids).unwrap()
        });
        assert_eq!((beside.to_do, beside.closed, beside.more), (3, 0, false));
    }
}
