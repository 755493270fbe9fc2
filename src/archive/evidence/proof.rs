//! How a message leads to the root that its pull committed to. The tree of a pull is not
//! kept: it is made again from the messages, or from the leaves kept of those that are gone.

use std::collections::{BTreeMap, HashMap};

use crate::{
    audit::merkle::{self, Hash, Hashes},
    error::Result,
    store::{Read, StoreError},
};

use super::super::{
    model::{Brought, Chat, Pull},
    queries::{self, Message},
    stretch,
};

/// Trees kept in memory; one is some ten kilobytes.
const TREES_MAX: usize = 256;

/// The exact text of a message, and its leaf; `None` if neither is left.
pub(super) fn text_and_leaf(
    r: &Read<'_>,
    chat: &Chat,
    message: &Message,
) -> Result<(Option<Vec<u8>>, Option<Hash>), StoreError> {
    let json = message.to_json(r, chat)?;
    let Some((json, salt)) = json.zip(message.salt) else {
        return Ok((None, message.leaf));
    };
    let text = stretch::json_bytes(&json)?;
    let leaf = stretch::leaf(&salt, message.seq, &text);
    Ok((Some(text), Some(message.leaf.unwrap_or(leaf))))
}

/// Where a message stands in the tree of its pull.
pub(super) struct Place {
    pub(super) pull: u64,
    pub(super) index: u64,
    pub(super) path: Vec<Hash>,
}

/// The trees of pulls, made as they are asked for.
pub(super) struct Trees<'a> {
    r: &'a Read<'a>,
    chats: HashMap<u32, Option<Chat>>,
    /// Messages that came closed and were opened later: by number, the pull that brought them.
    unlocked: BTreeMap<u64, u64>,
    known: HashMap<u64, Option<Tree>>,
}

/// Leaves by number.
struct Tree {
    numbers: Vec<u64>,
    leaves: Vec<Hash>,
}

impl Hashes for Tree {
    type Error = std::convert::Infallible;

    fn subtree(&self, height: u32, index: u64) -> Result<Hash, Self::Error> {
        if height == 0 {
            let at = usize::try_from(index).unwrap_or(usize::MAX);
            return Ok(self.leaves.get(at).copied().unwrap_or_default());
        }
        let (left, right) = (index * 2, index * 2 + 1);
        Ok(merkle::node_hash(
            &self.subtree(height - 1, left)?,
            &self.subtree(height - 1, right)?,
        ))
    }
}

impl<'a> Trees<'a> {
    pub(super) fn new(r: &'a Read<'a>) -> Result<Self, StoreError> {
        let mut unlocked = BTreeMap::new();
        for pull in r.all::<Pull>(None)? {
            let pull = pull?;
            if pull.why == Brought::Unlocked {
                unlocked.extend(pull.numbers.iter().map(|seq| (*seq, pull.no)));
            }
        }
        Ok(Self {
            r,
            chats: HashMap::new(),
            unlocked,
            known: HashMap::new(),
        })
    }

    /// A conversation by its number, whoever may see it.
    pub(super) fn chat(&mut self, no: u32) -> Result<Option<&Chat>, StoreError> {
        if !self.chats.contains_key(&no) {
            self.chats.insert(no, self.r.get::<Chat>(&no)?);
        }
        Ok(self.chats.get(&no).and_then(Option::as_ref))
    }

    /// Where a message stands; `None` if its pull's tree cannot be made again.
    pub(super) fn place(&mut self, seq: u64) -> Result<Option<Place>, StoreError> {
        let pull = match self.unlocked.get(&seq) {
            Some(no) => self.r.get::<Pull>(no)?,
            None => queries::pull_of(self.r, seq)?,
        };
        let Some(pull) = pull else {
            return Ok(None);
        };
        if !self.known.contains_key(&pull.no) {
            if self.known.len() >= TREES_MAX {
                self.known.clear();
            }
            let tree = self.tree(&pull)?;
            self.known.insert(pull.no, tree);
        }
        let tree = self.known.get(&pull.no).and_then(Option::as_ref);
        Ok(tree.and_then(|tree| {
            let index = tree.numbers.binary_search(&seq).ok()? as u64;
            let Ok(path) = merkle::inclusion(tree, index, tree.leaves.len() as u64);
            Some(Place {
                pull: pull.no,
                index,
                path,
            })
        }))
    }

    /// The tree that a pull committed to, if all its leaves are there.
    fn tree(&mut self, pull: &Pull) -> Result<Option<Tree>, StoreError> {
        let mut leaves = BTreeMap::new();
        for message in queries::messages_of_pull(self.r, pull)? {
            let came_later =
                pull.why == Brought::Pulled && self.unlocked.contains_key(&message.seq);
            if came_later {
                continue;
            }
            let r = self.r;
            let Some(chat) = self.chat(message.chat)? else {
                return Ok(None);
            };
            let (_, Some(leaf)) = text_and_leaf(r, chat, &message)? else {
                return Ok(None);
            };
            leaves.insert(message.seq, leaf);
        }
        let mut frontier = merkle::Frontier::default();
        leaves.values().for_each(|leaf| frontier.push(*leaf));
        let is_whole = frontier.size() == u64::from(pull.messages) && frontier.root() == pull.root;
        Ok(is_whole.then(|| Tree {
            numbers: leaves.keys().copied().collect(),
            leaves: leaves.into_values().collect(),
        }))
    }
}
