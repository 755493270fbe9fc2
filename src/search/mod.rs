//! Search: the only place that names tantivy.
//!
//! An index of people: customers (a document for each relation, so that what one member
//! remarked is found only by who sees that member's customers), members, and groups. Exact
//! «contains» semantics for every script, pinyin with all readings, phone numbers as far as
//! masking shows them. Another of archived messages (`messages`): the same semantics, newest
//! first. Scope is applied inside the engine, before anything is counted.

mod best;
mod bits;
mod disk;
mod fields;
mod fold;
mod grams;
mod highlight;
mod messages;
mod people;
mod pinyin;
mod query;
mod select;
mod spelling;
mod view;

pub use disk::SearchError;
pub use fields::{Kind, ObjectDocs, RowDoc, channel_key};
pub use fold::fold;
pub use highlight::{Piece, fits, highlight, mark, mark_places};
pub use messages::{
    ChatHits, ChatSet, InChat, MessageChatSort, MessageChats, MessageDoc, MessageHit, MessageHits,
    MessageMarks, MessageOrder, MessagePage, MessagePlace, MessageQuery, MessageScope,
    MessageTally, MessageTotal, Messages, Word,
};
pub use people::People;
pub use query::{
    Around, Filters, From, Hit, Hits, PeopleQuery, Place, ScopeFilter, Sort, is_phone_search,
};
pub use select::Chosen;

#[cfg(test)]
mod tests;
