//! Saved searches (保存的搜索) of the archive: a question under a name, private or shared with
//! those of the same role, that may tell its owner of new matches.
//!
//! A saved search is only an address: whoever opens it sees what their own scope holds. The
//! watch asks it of new messages alone, with the scope that its owner has then; what is found
//! is looked up again, with the scope of now, whenever it is counted or shown.

mod actions;
mod news;
mod tables;
mod watch;

use minicbor::{Decode, Encode};

use crate::{
    identity::Account,
    kit::{Id, Timestamp},
};

pub use actions::{DeleteSearch, MarkSeen, SaveSearch, delete, mark_seen, save};
pub(super) use news::{News, count, unseen};
pub(super) use tables::TABLES;
pub use tables::{found, own, shared};
pub(super) use watch::run;

/// See [`SavedSearch`].
pub type SavedSearchId = Id<SavedSearch>;

/// Searches that one account may keep.
pub const SEARCHES_MAX: usize = 20;
/// New matches that are kept of one search; the oldest go first.
const FOUND_MAX: usize = 500;

/// A question under a name. Under the key of whoever saved it: words may name people.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SavedSearch {
    /// Ours.
    #[n(0)]
    pub id: SavedSearchId,
    /// Who saved it, and alone may change it.
    #[n(1)]
    pub owner: Id<Account>,
    /// What it is called.
    #[n(2)]
    pub name: String,
    /// The conditions as they stand in the address, without `?` and without paging.
    #[n(3)]
    pub query: String,
    /// Whether those of the owner's role see it too.
    #[n(4)]
    pub is_shared: bool,
    /// Whether its owner is told of new matches.
    #[n(5)]
    pub tells: bool,
    /// When it was saved.
    #[n(6)]
    pub saved_at: Timestamp,
}

/// A new message that a saved search has found, until its owner has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Found {
    /// The search.
    #[n(0)]
    pub search: SavedSearchId,
    /// The message.
    #[n(1)]
    pub seq: u64,
    /// Its conversation.
    #[n(2)]
    pub chat: u32,
}
