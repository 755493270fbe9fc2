//! Hits by conversation, and within one.

use std::collections::HashMap;

use crate::search::disk::SearchError;

use super::{
    asked::Asked,
    index::Messages,
    model::{ChatHits, GROUPED_MAX, InChat, MessageChats, MessageQuery},
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
}
