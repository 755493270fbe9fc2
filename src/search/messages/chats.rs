//! Hits by conversation, within one, and what they come to.

use std::collections::HashMap;

use crate::search::disk::SearchError;

use super::{
    asked::{Asked, kinds},
    index::Messages,
    model::{ChatHits, GROUPED_MAX, InChat, MessageChats, MessageQuery, MessageTally, at_ms},
    scan::Scan,
    select::newest,
};

impl Messages {
    /// The newest ten thousand hits by conversation. Order, page and limit of the query do not
    /// matter.
    pub fn by_chat(&self, query: &MessageQuery) -> Result<MessageChats, SearchError> {
        let view = self.view();
        let asked = Asked::new(&view, query)?;
        let scan = Scan::new(&view, &asked)?;
        let mut found = newest(&scan, asked.keys, GROUPED_MAX + 1)?;
        let complete = found.len() <= GROUPED_MAX;
        found.truncate(GROUPED_MAX);
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut chats: Vec<ChatHits> = Vec::new();
        for found in found {
            let part = &view.parts[found.part];
            let chat = part.chat(found.doc);
            let place = *places.entry(chat).or_insert(chats.len());
            match chats.get_mut(place) {
                Some(known) => known.count += 1,
                None => chats.push(ChatHits {
                    chat,
                    count: 1,
                    newest: part.hit(found.doc),
                }),
            }
        }
        Ok(MessageChats { chats, complete })
    }

    /// Where a message of a conversation stands among the conversation's hits.
    pub fn in_chat(
        &self,
        query: &MessageQuery,
        chat: u32,
        seq: u64,
    ) -> Result<InChat, SearchError> {
        let view = self.view();
        let of_chat = MessageQuery {
            chat: Some(chat),
            ..query.clone()
        };
        let asked = Asked::new(&view, &of_chat)?;
        let scan = Scan::new(&view, &asked)?;
        let (mut before, mut total, mut is_hit) = (0, 0, false);
        let (mut earlier, mut later) = (None, None);
        for (number, part, docs) in scan.parts(asked.keys) {
            for doc in scan.hits(number, part, docs)? {
                let known = part.seqs.get_val(doc);
                total += 1;
                match known.cmp(&seq) {
                    std::cmp::Ordering::Less => {
                        before += 1;
                        earlier = earlier.max(Some(known));
                    }
                    std::cmp::Ordering::Equal => is_hit = true,
                    std::cmp::Ordering::Greater => {
                        later = Some(later.map_or(known, |found: u64| found.min(known)));
                    }
                }
            }
        }
        Ok(InChat {
            position: is_hit.then_some(before + 1),
            total,
            earlier,
            later,
        })
    }

    /// What all hits come to, looking at each once; `groups` are of types. Order, page and limit
    /// of the query do not matter.
    pub fn tally(
        &self,
        query: &MessageQuery,
        groups: &[Vec<u8>],
    ) -> Result<MessageTally, SearchError> {
        let view = self.view();
        let asked = Asked::new(&view, query)?;
        let scan = Scan::new(&view, &asked)?;
        let groups = groups.iter().map(|group| kinds(&view, group));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let mut tally = MessageTally {
            groups: vec![0; groups.len()],
            ..MessageTally::default()
        };
        for (number, part, docs) in scan.parts(asked.keys) {
            let (mut newest, mut oldest) = (None, None);
            for doc in scan.hits(number, part, docs)? {
                tally.total += 1;
                newest = newest.or(Some(doc));
                oldest = Some(doc);
                for (count, sets) in tally.groups.iter_mut().zip(&groups) {
                    *count += u64::from(sets[number].has(doc));
                }
            }
            // The keys of a part fall.
            let at = |doc| at_ms(part.key(doc));
            tally.newest_ms = tally.newest_ms.max(newest.map(at));
            tally.oldest_ms = match (tally.oldest_ms, oldest.map(at)) {
                (Some(known), Some(here)) => Some(known.min(here)),
                (known, here) => known.or(here),
            };
        }
        Ok(tally)
    }
}
