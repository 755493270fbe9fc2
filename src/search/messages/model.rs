//! What is put in, what is asked, what is answered.

use std::{collections::HashSet, fmt, sync::Arc};

use crate::search::bits::Bits;

/// Hits that are counted when a total would cost much: more are «over so many».
pub(super) const COUNTED_MAX: u64 = 1_000;
/// The newest hits that are sorted into conversations.
pub(super) const GROUPED_MAX: usize = 10_000;
/// The bits of a [`key`] that tell messages of one millisecond apart.
const SEQ_BITS: u32 = 20;
/// The last millisecond a key can hold, in the year 2527.
const AT_MAX: u64 = (1 << (64 - SEQ_BITS)) - 1;

/// One message as it is searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageDoc {
    /// WeCom's number of it.
    pub seq: u64,
    /// When it was sent, ms since 1970. Never changes for a `seq`.
    pub at_ms: i64,
    /// Its conversation.
    pub chat: u32,
    /// The party who wrote it.
    pub from: u32,
    /// Who wrote and received it: everybody in a one-to-one chat, the sender and all staff in
    /// a room. A scope looks for its staff among these.
    pub parties: Vec<u32>,
    /// The number of its type.
    pub kind: u8,
    /// What of it is searched; may be empty.
    pub text: String,
}

/// Whose messages may be seen. Applied before anything is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MessageScope {
    /// All.
    All,
    /// Those with at least one of these parties.
    Staff(Arc<[u32]>),
}

/// A word that must be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The text contains this, folded …
    pub text: String,
    /// … or one of these took part: people whose name the word may mean …
    pub parties: Vec<u32>,
    /// … or it contains one of these, which stand for what the word may mean.
    pub also: Vec<String>,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }
}

/// In which order hits are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MessageOrder {
    /// The newest first.
    #[default]
    Newest,
    /// The best match first: the word often in a short text. Of equal ones the newest.
    Relevance,
}

/// How hits are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MessageTotal {
    /// Exactly where that is cheap, as for words alone, otherwise up to a thousand.
    #[default]
    Quick,
    /// All of them, whatever it costs.
    Exact,
    /// Not at all, as for the pages behind the first.
    Skip,
}

/// Where a hit stands in an order: a page may begin behind it or end before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessagePlace {
    /// How well it matches; 0 in [`MessageOrder::Newest`].
    pub score: u32,
    /// Its time and number. A higher place stands further to the front.
    pub key: u64,
}

impl MessagePlace {
    /// The place of a message in [`MessageOrder::Newest`].
    pub fn of(seq: u64, at_ms: i64) -> Self {
        Self {
            score: 0,
            key: key(at_ms, seq),
        }
    }
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MessagePage {
    /// The first.
    #[default]
    Start,
    /// Behind this place.
    After(MessagePlace),
    /// The one that ends before this place.
    Before(MessagePlace),
}

/// Named messages, e.g. all that were recalled. Costs a step for each of them and query.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MessageMarks {
    /// Highest first.
    pub(super) keys: Vec<u64>,
    pub(super) seqs: HashSet<u64>,
}

impl fmt::Debug for MessageMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages", self.seqs.len())
    }
}

impl MessageMarks {
    /// The messages that are named by both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let keys = self.keys.iter().copied();
        let keys = keys.filter(|key| {
            let found = other.keys.binary_search_by(|known| key.cmp(known));
            found.is_ok()
        });
        Self {
            keys: keys.collect(),
            seqs: self.seqs.intersection(&other.seqs).copied().collect(),
        }
    }
}

impl FromIterator<(u64, i64)> for MessageMarks {
    /// Of numbers (`seq`) and times (ms since 1970).
    fn from_iter<T: IntoIterator<Item = (u64, i64)>>(marks: T) -> Self {
        let mut all = Self::default();
        for (seq, at_ms) in marks {
            all.keys.push(key(at_ms, seq));
            all.seqs.insert(seq);
        }
        all.keys.sort_unstable_by_key(|key| std::cmp::Reverse(*key));
        all.keys.dedup();
        all
    }
}

/// Numbers of conversations, a bit for each: costs a step for each message that is looked at.
#[derive(Clone, Default)]
pub struct ChatSet(pub(super) Bits);

impl ChatSet {
    /// Whether a conversation is in it.
    pub fn has(&self, chat: u32) -> bool {
        self.0.has(chat)
    }
}

impl fmt::Debug for ChatSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of conversations")
    }
}

impl Extend<u32> for ChatSet {
    fn extend<T: IntoIterator<Item = u32>>(&mut self, chats: T) {
        for chat in chats {
            self.0.insert(chat);
        }
    }
}

/// Which sort of conversation.
#[derive(Debug, Clone)]
pub enum MessageChatSort {
    /// One of these.
    In(Arc<ChatSet>),
    /// Any but these.
    NotIn(Arc<ChatSet>),
}

impl MessageChatSort {
    pub(super) fn admits(&self, chat: u32) -> bool {
        match self {
            Self::In(set) => set.has(chat),
            Self::NotIn(set) => !set.has(chat),
        }
    }
}

/// What is asked. An empty list is no condition.
#[derive(Debug, Clone)]
pub struct MessageQuery {
    /// All of these; without words everything in scope.
    pub words: Vec<Word>,
    /// Whose messages.
    pub scope: MessageScope,
    /// One of these took part.
    pub with: Vec<u32>,
    /// One of these wrote it.
    pub senders: Vec<u32>,
    /// In this conversation.
    pub chat: Option<u32>,
    /// In a conversation of this sort.
    pub sort: Option<MessageChatSort>,
    /// Of one of these types.
    pub kinds: Vec<u8>,
    /// Sent at or after, ms since 1970.
    pub from_ms: Option<i64>,
    /// Sent before, ms since 1970.
    pub to_ms: Option<i64>,
    /// One of these messages.
    pub only: Option<Arc<MessageMarks>>,
    /// In which order.
    pub order: MessageOrder,
    /// Which page.
    pub page: MessagePage,
    /// Hits on a page.
    pub limit: usize,
    /// How hits are counted.
    pub total: MessageTotal,
}

impl MessageQuery {
    /// The newest messages of a scope.
    pub fn new(scope: MessageScope, limit: usize) -> Self {
        Self {
            words: Vec::new(),
            scope,
            with: Vec::new(),
            senders: Vec::new(),
            chat: None,
            sort: None,
            kinds: Vec::new(),
            from_ms: None,
            to_ms: None,
            only: None,
            order: MessageOrder::Newest,
            page: MessagePage::Start,
            limit,
            total: MessageTotal::Quick,
        }
    }
}

/// A message found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageHit {
    /// Its number.
    pub seq: u64,
    /// When it was sent, ms since 1970.
    pub at_ms: i64,
    /// Its conversation.
    pub chat: u32,
}

/// A page of hits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageHits {
    /// The hits in order.
    pub items: Vec<MessageHit>,
    /// Hits in all, or how many were counted; 0 with [`MessageTotal::Skip`] unless all are here.
    pub total: u64,
    /// Whether `total` is all; otherwise there are more.
    pub total_exact: bool,
    /// The page after this one begins behind here; `None` if this is the last.
    pub next: Option<MessagePlace>,
    /// The page before this one ends before here; `None` if this is the first.
    pub prev: Option<MessagePlace>,
}

/// The hits of one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatHits {
    /// The conversation.
    pub chat: u32,
    /// Its hits.
    pub count: u64,
    /// The newest of them.
    pub newest: MessageHit,
}

/// Hits by conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageChats {
    /// The one with the newest hit first.
    pub chats: Vec<ChatHits>,
    /// Whether all hits were looked at, not only the newest ten thousand.
    pub complete: bool,
}

/// The hits of one conversation as seen from one message of it. In a conversation messages
/// stand in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InChat {
    /// Which hit the message is, from 1 (the first written); `None` if it is none.
    pub position: Option<u64>,
    /// Hits in the conversation.
    pub total: u64,
    /// The `seq` of the last hit before the message.
    pub earlier: Option<u64>,
    /// The `seq` of the first hit after it.
    pub later: Option<u64>,
}

/// What all hits come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageTally {
    /// Hits.
    pub total: u64,
    /// When the oldest was sent, in milliseconds; `None` without hits.
    pub oldest_ms: Option<i64>,
    /// When the newest was sent.
    pub newest_ms: Option<i64>,
    /// Hits by group of types, in the order asked.
    pub groups: Vec<u64>,
}

/// What messages are sorted by: time, then the end of their number. Two of one millisecond
/// whose numbers differ by a multiple of a million would have one place.
pub(super) fn key(at_ms: i64, seq: u64) -> u64 {
    let at = at_ms.max(0).cast_unsigned().min(AT_MAX);
    (at << SEQ_BITS) | (seq & ((1 << SEQ_BITS) - 1))
}

/// The time of a key, ms since 1970.
pub(super) fn at_ms(key: u64) -> i64 {
    (key >> SEQ_BITS).cast_signed()
}
