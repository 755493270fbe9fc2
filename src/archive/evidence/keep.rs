//! What stays provable when somebody is erased: before their words and ids go, the leaves of
//! the messages that cannot be made again without them are kept.

use crate::store::{Key, StoreError, Walk, Write};

use super::{
    super::{model::Chat, queries, stretch::Stretch, tables::CHAT_BY_PARTY},
    proof,
};

/// Keeps the leaves of what these parties wrote and received in their conversations.
pub(in crate::archive) fn keep_leaves(
    w: &mut Write<'_>,
    parties: &[u32],
) -> Result<(), StoreError> {
    for party in parties {
        let walk = Walk::prefix(Key::new().with(*party));
        let chats: Vec<Chat> = w
            .read()
            .list(&CHAT_BY_PARTY, &walk)?
            .collect::<Result<_, _>>()?;
        for chat in chats {
            let mut after = 0;
            while let Some(stretch) = next(w, chat.no, after)? {
                after = stretch.first();
                keep_in(w, &chat, stretch, *party)?;
            }
        }
    }
    Ok(())
}

/// The first stretch of a conversation that begins behind a number.
fn next(w: &Write<'_>, chat: u32, after: u64) -> Result<Option<Stretch>, StoreError> {
    let mut behind = w.read().all::<Stretch>(Some(&(chat, after)))?;
    let found = behind.next().transpose()?;
    Ok(found.filter(|stretch| stretch.chat == chat))
}

fn keep_in(w: &mut Write<'_>, chat: &Chat, stretch: Stretch, party: u32) -> Result<(), StoreError> {
    let first = stretch.first();
    let mut open = stretch.open(&w.read())?;
    let mut leaves = Vec::new();
    for message in queries::messages_in(&open) {
        let takes_part = message.from == party || message.to.contains(&party);
        if takes_part && message.leaf.is_none() {
            let (_, leaf) = proof::text_and_leaf(&w.read(), chat, &message)?;
            leaves.extend(leaf.map(|leaf| (message.seq, leaf)));
        }
    }
    for (seq, leaf) in leaves {
        open.keep_leaf(seq, leaf);
    }
    open.store(w, Some(first))
}
