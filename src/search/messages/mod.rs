//! The index of archived messages.
//!
//! Exact «contains» semantics after folding, newest first. Documents are sorted by time and
//! number within each segment, so the first page is the first few documents that match, a
//! stretch of time is a stretch of documents, and nothing needs to be ranked. What a viewer may
//! see is applied inside the engine, before anything is counted. Texts are indexed, not stored.
//!
//! Files in reading order: `model` what is asked and answered, `fields` what a document is,
//! `view` one state as queries see it, `sets` which documents belong to somebody, `asked` a
//! question as the engine's queries, `scan` the loop over documents, `rank` best matches first,
//! `select` pages and totals, `chats` hits by conversation, `gone` deletion, `index` writing.

mod asked;
mod chats;
mod fields;
mod gone;
mod index;
mod model;
mod rank;
mod scan;
mod select;
mod sets;
mod view;

pub use index::Messages;
pub use model::{
    ChatHits, ChatSet, InChat, MessageChatSort, MessageChats, MessageDoc, MessageHit, MessageHits,
    MessageMarks, MessageOrder, MessagePage, MessagePlace, MessageQuery, MessageScope,
    MessageTally, MessageTotal, Word,
};

#[cfg(test)]
mod tests;
