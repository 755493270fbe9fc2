//! A stretch: neighbouring messages of one conversation, in one row.
//!
//! Beside the heads, which say who wrote to whom and when, lie the bodies, packed together
//! for each person they are about and sealed under that person's key: erasing the person
//! takes the words and leaves the fact that something was there. A body is the text of a
//! plain text message, or else the JSON of what the message has beside the common fields.
//!
//! A leaf of a pull's Merkle tree is the hash of `salt 16 ‖ number u64 BE ‖ message`, with the
//! message as JSON in order of keys. The salt lies among the sealed bodies, so a leaf that
//! outlives its message says nothing about it. Of a message that was deleted by a rule the head
//! stays, with the leaf and the number of the purge.

use std::collections::HashMap;

use minicbor::{Decode, Encode};

use crate::{
    audit::merkle,
    kit::Timestamp,
    store::{Read, StoreError, SubjectId, Write},
    wecom::archive::{Action, Kind, Message as Wire},
};

use super::model::Place;

/// Messages of a stretch that grows at its end.
pub(super) const FULL: usize = 64;
/// Messages at which a stretch into which older ones came is split.
pub(super) const SPLIT: usize = 128;
/// Bytes of a stretch: with its key it fits a page of the store, which would otherwise lie half
/// empty beside it.
const ROW_BYTES: usize = 3_900;
/// What a head takes, packed, in bytes of bodies before they are packed.
const HEAD_WEIGHT: usize = 24;
/// What sealing and naming a part adds to its bodies.
const PART_BYTES: usize = 48;
/// Bytes that the bodies of one part have at most.
const PART_BYTES_MAX: usize = 256 << 20;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Stretch {
    /// The conversation.
    #[n(0)]
    pub chat: u32,
    /// In order of number; never empty when stored.
    #[cbor(n(1), with = "super::heads")]
    pub heads: Vec<Head>,
    /// Sets of receivers, named by heads.
    #[n(2)]
    pub audiences: Vec<Vec<u32>>,
    /// The bodies, by person.
    #[n(3)]
    pub parts: Vec<Part>,
}

/// What is known of a message without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// WeCom's number.
    #[n(0)]
    pub seq: u64,
    /// When it was sent.
    #[n(1)]
    pub at: Timestamp,
    /// Who wrote it.
    #[n(2)]
    pub from: u32,
    /// Who received it: which of the stretch's sets.
    #[n(3)]
    pub audience: u16,
    /// The type, by number.
    #[n(4)]
    pub kind: u8,
    /// See [`flag`].
    #[n(5)]
    pub flags: u8,
    /// Which part holds the body, and where in it.
    #[n(6)]
    pub body: (u16, u16),
    /// WeCom's id of the message.
    #[n(7)]
    pub msgid: MsgId,
    /// The leaf of a message that cannot be made again: its body was deleted, or somebody
    /// among sender and receivers was erased.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub leaf: Option<[u8; 32]>,
    /// The purge that deleted the body, by number.
    #[n(9)]
    pub purge: Option<u64>,
}

impl Head {
    /// The type.
    pub fn kind(&self) -> Kind {
        Kind::from_number(self.kind)
    }

    /// What happened.
    pub fn action(&self) -> Action {
        Action::from_number(self.flags >> flag::ACTION_SHIFT)
    }

    /// Whether it was recalled.
    pub fn is_recalled(&self) -> bool {
        self.flags & flag::RECALLED != 0
    }

    /// Whether its body was deleted.
    pub fn is_deleted(&self) -> bool {
        self.flags & flag::DELETED != 0
    }
}

/// Bits of [`Head::flags`].
pub mod flag {
    /// It was recalled (撤回).
    pub const RECALLED: u8 = 1;
    /// The body is a text and nothing else.
    pub const TEXT: u8 = 2;
    /// The body was deleted; the leaf stays.
    pub const DELETED: u8 = 4;
    /// Where the number of the action begins; it ends the byte.
    pub const ACTION_SHIFT: u32 = 5;
}

/// WeCom's id of a message, short where it has the usual form
/// `<number>_<milliseconds or seconds>[_external|_updown_stream]`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum MsgId {
    /// The second number is the time of the message in milliseconds.
    #[n(0)]
    Ms(#[n(0)] u64, #[n(1)] u8),
    /// The second number is another one.
    #[n(1)]
    Pair(#[n(0)] u64, #[n(1)] u64, #[n(2)] u8),
    /// No usual form.
    #[n(2)]
    Text(#[n(0)] String),
}

const SUFFIXES: [&str; 3] = ["", "_external", "_updown_stream"];

impl MsgId {
    /// The short form of `text`, an id of a message sent at `at`.
    pub fn of(text: &str, at: Timestamp) -> Self {
        Self::short(text, at).unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    fn short(text: &str, at: Timestamp) -> Option<Self> {
        let (number, rest) = text.split_once('_')?;
        let end = rest.find('_').unwrap_or(rest.len());
        let (time, suffix) = rest.split_at(end);
        let suffix = SUFFIXES.iter().position(|known| *known == suffix)?;
        let suffix = u8::try_from(suffix).ok()?;
        let (number, time): (u64, u64) = (number.parse().ok()?, time.parse().ok()?);
        let short = match u64::try_from(at.ms()) == Ok(time) {
            true => Self::Ms(number, suffix),
            false => Self::Pair(number, time, suffix),
        };
        // Leading zeroes and signs have no place in the short form.
        (short.text(at) == text).then_some(short)
    }

    /// The id as WeCom wrote it.
    pub fn text(&self, at: Timestamp) -> String {
        let suffix = |n: u8| SUFFIXES.get(usize::from(n)).copied().unwrap_or_default();
        match self {
            Self::Ms(number, n) => format!("{number}_{}{}", at.ms(), suffix(*n)),
            Self::Pair(number, time, n) => format!("{number}_{time}{}", suffix(*n)),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The bodies that are about one person: `salt 16 ‖ packed(body …)`, each body with its length
/// (u32 BE) before it, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Part {
    /// Whose.
    #[n(0)]
    pub subject: SubjectId,
    /// Sealed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

/// Salt and bodies of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bodies {
    salt: [u8; 16],
    bodies: Vec<Vec<u8>>,
}

impl Bodies {
    fn pack(&self) -> Result<Vec<u8>, StoreError> {
        let mut plain = Vec::new();
        for body in &self.bodies {
            let length = u32::try_from(body.len()).map_err(|_| too_large())?;
            plain.extend(length.to_be_bytes());
            plain.extend(body);
        }
        let packed = super::pack::pack(&plain).ok_or_else(too_large)?;
        Ok([&self.salt[..], &packed].concat())
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (salt, rest) = bytes.split_first_chunk::<16>()?;
        let plain = super::pack::unpack(rest, PART_BYTES_MAX)?;
        let (mut rest, mut bodies) = (plain.as_slice(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (body, after) = after.split_at_checked(length)?;
            bodies.push(body.to_vec());
            rest = after;
        }
        rest.is_empty().then_some(Self {
            salt: *salt,
            bodies,
        })
    }
}

fn too_large() -> StoreError {
    StoreError::Internal("a message is too large".to_owned())
}

/// A message on its way into a stretch.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub seq: u64,
    pub at: Timestamp,
    pub from: u32,
    pub to: Vec<u32>,
    pub kind: Kind,
    pub action: Action,
    pub msgid: String,
    pub subject: SubjectId,
    pub body: Body,
    /// The message as JSON in order of keys.
    pub canonical: Vec<u8>,
}

/// The body of a message in the form in which it takes least room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Text(String),
    Rest(Vec<u8>),
}

impl Body {
    /// What is kept of a message beside its head.
    pub(super) fn of(message: &Wire) -> Result<Self, StoreError> {
        if message.kind == Kind::Text
            && message.rest.len() == 1
            && let Some(serde_json::Value::Object(text)) = message.rest.get("text")
            && text.len() == 1
            && let Some(serde_json::Value::String(content)) = text.get("content")
        {
            return Ok(Self::Text(content.clone()));
        }
        Ok(Self::Rest(json_bytes(&message.rest)?))
    }

    fn flag(&self) -> u8 {
        match self {
            Self::Text(_) => flag::TEXT,
            Self::Rest(_) => 0,
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Rest(bytes) => bytes,
        }
    }
}

/// JSON of any shape, in order of keys.
pub(super) fn json_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|e| StoreError::Internal(e.to_string()))
}

/// A stretch whose parts are open, as far as their people were not erased.
#[derive(Clone)]
pub(super) struct Open {
    stretch: Stretch,
    parts: Vec<(SubjectId, Option<Bodies>)>,
    is_changed: bool,
    /// Something came that does not stand at the end.
    has_grown_within: bool,
    /// Bodies were deleted and still lie in the parts.
    is_thinned: bool,
}

impl Stretch {
    /// The number of the first message.
    pub fn first(&self) -> u64 {
        self.heads.first().map_or(0, |head| head.seq)
    }

    /// The number of the last message.
    pub fn last(&self) -> u64 {
        self.heads.last().map_or(0, |head| head.seq)
    }

    /// The receivers of a message of this stretch.
    pub fn audience(&self, head: &Head) -> &[u32] {
        let set = self.audiences.get(usize::from(head.audience));
        set.map_or(&[], Vec::as_slice)
    }

    /// Opens every part whose person was not erased.
    pub(super) fn open(self, r: &Read<'_>) -> Result<Open, StoreError> {
        let key = (self.chat, self.first());
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let plain = r.open_part::<Self>(&key, part.subject, &part.sealed)?;
            let bodies = match plain {
                Some(plain) => Some(Bodies::unpack(&plain).ok_or_else(|| damaged(key))?),
                None => None,
            };
            parts.push((part.subject, bodies));
        }
        Ok(Open {
            stretch: self,
            parts,
            is_changed: false,
            has_grown_within: false,
            is_thinned: false,
        })
    }
}

fn damaged((chat, first): (u32, u64)) -> StoreError {
    StoreError::Internal(format!("a damaged stretch {first} of conversation {chat}"))
}

impl Open {
    /// A stretch without messages.
    pub(super) fn new(chat: u32) -> Self {
        Self {
            stretch: Stretch {
                chat,
                heads: Vec::new(),
                audiences: Vec::new(),
                parts: Vec::new(),
            },
            parts: Vec::new(),
            is_changed: false,
            has_grown_within: false,
            is_thinned: false,
        }
    }

    pub(super) fn heads(&self) -> &[Head] {
        &self.stretch.heads
    }

    pub(super) fn stretch(&self) -> &Stretch {
        &self.stretch
    }

    /// Adds a message at its place by number; `None` if it is there already. Gives its leaf.
    pub(super) fn insert(
        &mut self,
        message: Incoming,
        salt: impl FnOnce() -> [u8; 16],
    ) -> Result<Option<merkle::Hash>, StoreError> {
        let heads = &self.stretch.heads;
        let Err(place) = heads.binary_search_by_key(&message.seq, |head| head.seq) else {
            return Ok(None);
        };
        let part = self.part_of(message.subject, salt)?;
        let audience = self.audience_of(message.to)?;
        let (_, bodies) = &mut self.parts[usize::from(part)];
        let Some(bodies) = bodies else {
            return Err(StoreError::Internal("a part of somebody erased".to_owned()));
        };
        let leaf = leaf(&bodies.salt, message.seq, &message.canonical);
        let index = u16::try_from(bodies.bodies.len()).map_err(|_| too_large())?;
        let flags = message.body.flag() | (message.action.number() << flag::ACTION_SHIFT);
        bodies.bodies.push(message.body.into_bytes());
        let head = Head {
            seq: message.seq,
            at: message.at,
            from: message.from,
            audience,
            kind: message.kind.number(),
            flags,
            body: (part, index),
            msgid: MsgId::of(&message.msgid, message.at),
            leaf: None,
            purge: None,
        };
        self.has_grown_within |= place < self.stretch.heads.len();
        self.stretch.heads.insert(place, head);
        self.is_changed = true;
        Ok(Some(leaf))
    }

    /// A planted bug: the last message is there twice.
    #[cfg(any(test, feature = "faults"))]
    pub(super) fn double_last(&mut self) {
        let last = self.stretch.heads.last().cloned();
        self.stretch.heads.extend(last);
        self.is_changed = true;
    }

    fn part_of(
        &mut self,
        subject: SubjectId,
        salt: impl FnOnce() -> [u8; 16],
    ) -> Result<u16, StoreError> {
        let known = self
            .parts
            .iter()
            .position(|(of, bodies)| *of == subject && bodies.is_some());
        let part = known.unwrap_or_else(|| {
            let bodies = Bodies {
                salt: salt(),
                bodies: Vec::new(),
            };
            self.parts.push((subject, Some(bodies)));
            self.stretch.parts.push(Part {
                subject,
                sealed: Vec::new(),
            });
            self.parts.len() - 1
        });
        u16::try_from(part).map_err(|_| too_large())
    }

    fn audience_of(&mut self, to: Vec<u32>) -> Result<u16, StoreError> {
        let sets = &mut self.stretch.audiences;
        let at = sets.iter().position(|set| *set == to).unwrap_or_else(|| {
            sets.push(to);
            sets.len() - 1
        });
        u16::try_from(at).map_err(|_| too_large())
    }

    /// Marks a message; `false` if it is not here or marked already.
    pub(super) fn mark(&mut self, seq: u64, flags: u8) -> bool {
        let heads = &mut self.stretch.heads;
        let Ok(place) = heads.binary_search_by_key(&seq, |head| head.seq) else {
            return false;
        };
        let head = &mut heads[place];
        let is_new = head.flags & flags != flags;
        head.flags |= flags;
        self.is_changed |= is_new;
        is_new
    }

    /// Keeps the leaf of a message beside it, for when it cannot be made again.
    pub(super) fn keep_leaf(&mut self, seq: u64, leaf: merkle::Hash) {
        let heads = &mut self.stretch.heads;
        if let Ok(place) = heads.binary_search_by_key(&seq, |head| head.seq)
            && heads[place].leaf.is_none()
        {
            heads[place].leaf = Some(leaf);
            self.is_changed = true;
            self.has_grown_within = true;
        }
    }

    /// Deletes the body of a message for good; `false` if it is not here or gone already. Its
    /// leaf stays, and the number of the purge. The salt goes with the last body of its part:
    /// as long as others lie there, it is needed to prove them.
    pub(super) fn delete(&mut self, seq: u64, leaf: Option<merkle::Hash>, purge: u64) -> bool {
        let heads = &mut self.stretch.heads;
        let Ok(place) = heads.binary_search_by_key(&seq, |head| head.seq) else {
            return false;
        };
        let head = &mut heads[place];
        if head.is_deleted() {
            return false;
        }
        head.flags |= flag::DELETED;
        head.leaf = leaf;
        head.purge = Some(purge);
        self.is_changed = true;
        self.is_thinned = true;
        true
    }

    /// Body and salt of a message; `None` if its person was erased or it was deleted.
    fn body(&self, head: &Head) -> Option<(&[u8], &[u8; 16])> {
        if head.is_deleted() {
            return None;
        }
        let (part, index) = head.body;
        let (_, bodies) = self.parts.get(usize::from(part))?;
        let bodies = bodies.as_ref()?;
        let body = bodies.bodies.get(usize::from(index))?;
        Some((body, &bodies.salt))
    }

    /// Everything that still lies in the parts.
    #[cfg(test)]
    pub(super) fn bodies_for_test(&self) -> Vec<Vec<u8>> {
        let open = self.parts.iter().filter_map(|(_, bodies)| bodies.as_ref());
        open.flat_map(|bodies| bodies.bodies.clone()).collect()
    }

    /// Whose a message is.
    pub(super) fn subject(&self, head: &Head) -> SubjectId {
        let part = self.stretch.parts.get(usize::from(head.body.0));
        part.map_or(crate::store::SYSTEM_SUBJECT, |part| part.subject)
    }

    /// The content of a message.
    pub(super) fn content(&self, head: &Head) -> Content {
        if head.is_deleted() {
            return Content::Deleted;
        }
        let Some((body, _)) = self.body(head) else {
            return Content::Erased;
        };
        if head.flags & flag::TEXT != 0 {
            return Content::Text(String::from_utf8_lossy(body).into_owned());
        }
        Content::Rest(serde_json::from_slice(body).unwrap_or_default())
    }

    /// The salt with which a message was committed to.
    pub(super) fn salt(&self, head: &Head) -> Option<[u8; 16]> {
        self.body(head).map(|(_, salt)| *salt)
    }

    /// Stores what has changed: in as many rows as it needs, none of them larger than a
    /// stretch may be. `stored_first` is the number under which it lay before.
    pub(super) fn store(
        mut self,
        w: &mut Write<'_>,
        stored_first: Option<u64>,
    ) -> Result<(), StoreError> {
        if !self.is_changed {
            return Ok(());
        }
        if self.is_thinned {
            self.drop_unused();
        }
        let chat = self.stretch.chat;
        if let Some(first) = stored_first.filter(|first| *first != self.stretch.first()) {
            w.delete::<Stretch>(&(chat, first))?;
        }
        if self.stretch.heads.len() > SPLIT {
            return self.store_split(w, FULL);
        }
        let packed = self.pack_parts()?;
        let bytes = self.bytes(&packed)?;
        if self.fits(bytes) {
            return self.seal(w, &packed);
        }
        // What grew at its end fits without what came last. What grew within will go on doing so,
        // and needs room there.
        let messages = self.stretch.heads.len();
        let at = match self.has_grown_within {
            true => messages / 2,
            false => messages - 1,
        };
        self.store_split(w, at)
    }

    /// Stores as many messages as fit one row, at most `at`, and the others behind them.
    fn store_split(self, w: &mut Write<'_>, mut at: usize) -> Result<(), StoreError> {
        loop {
            let mut first = self.clone();
            let behind = first.split_off(at);
            let packed = first.pack_parts()?;
            let bytes = first.bytes(&packed)?;
            if first.fits(bytes) {
                first.seal(w, &packed)?;
                return behind.store(w, None);
            }
            at = first.likely_to_fit(bytes);
        }
    }

    /// Salt and bodies of each part that is open.
    fn pack_parts(&self) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let parts = self.parts.iter().map(|(_, bodies)| bodies.as_ref());
        parts
            .map(|open| open.map(Bodies::pack).transpose())
            .collect()
    }

    /// Whether a row of so many bytes is none too large. One message fits by itself, however large
    /// it is.
    fn fits(&self, bytes: usize) -> bool {
        self.stretch.heads.len() <= 1 || bytes <= ROW_BYTES
    }

    /// Bytes of the row, given its parts: exact where it may be too large, else never too few.
    fn bytes(&self, packed: &[Option<Vec<u8>>]) -> Result<usize, StoreError> {
        let beside = self.bytes_beside_heads(packed);
        let at_most = beside + self.heads_unpacked();
        if at_most <= ROW_BYTES {
            return Ok(at_most);
        }
        let heads = super::heads::pack(&self.stretch.heads).ok_or_else(too_large)?;
        Ok(beside + heads.len())
    }

    /// How many messages of a row that is too large are likely to fit one: at least one, and fewer
    /// than there are.
    fn likely_to_fit(&self, bytes: usize) -> usize {
        let heads = &self.stretch.heads;
        let weight = |head: &Head| HEAD_WEIGHT + self.body(head).map_or(0, |(body, _)| body.len());
        let all: usize = heads.iter().map(weight).sum();
        let mut room = all * ROW_BYTES / bytes.max(1);
        let fitting = heads.iter().take_while(|head| {
            let left = room.checked_sub(weight(head));
            room = left.unwrap_or(0);
            left.is_some()
        });
        fitting.count().clamp(1, heads.len() - 1)
    }

    /// Bytes of the heads if they could not be packed: quickly told, and never too few.
    fn heads_unpacked(&self) -> usize {
        let head = |head: &Head| {
            let id = match &head.msgid {
                MsgId::Ms(..) => 0,
                MsgId::Pair(..) => 28,
                MsgId::Text(text) => text.len() + 12,
            };
            let leaf = head.leaf.map_or(0, |leaf| leaf.len() + 6);
            let purge = head.purge.map_or(0, |_| 13);
            48 + id + leaf + purge
        };
        self.stretch.heads.iter().map(head).sum()
    }

    /// Bytes of the rest of the row.
    fn bytes_beside_heads(&self, packed: &[Option<Vec<u8>>]) -> usize {
        let sets = self.stretch.audiences.iter().map(|set| 5 * set.len() + 2);
        let parts = packed.iter().zip(&self.stretch.parts);
        let parts = parts.map(|(open, part)| {
            let bytes = open.as_ref().map_or(part.sealed.len(), Vec::len);
            bytes + PART_BYTES
        });
        sets.sum::<usize>() + parts.sum::<usize>()
    }

    /// Takes the messages from the `at`th on out into a stretch of their own.
    fn split_off(&mut self, at: usize) -> Self {
        let heads = self.stretch.heads.split_off(at);
        let mut behind = Self::new(self.stretch.chat);
        behind.stretch.audiences.clone_from(&self.stretch.audiences);
        behind.stretch.parts.clone_from(&self.stretch.parts);
        behind.parts.clone_from(&self.parts);
        behind.stretch.heads = heads;
        behind.is_changed = true;
        self.drop_unused();
        behind.drop_unused();
        behind
    }

    /// Drops bodies that no head names, and salts of parts without any. Parts of people who were
    /// erased stay as they are.
    fn drop_unused(&mut self) {
        let mut kept: HashMap<(u16, u16), u16> = HashMap::new();
        let mut packed: Vec<Vec<Vec<u8>>> = vec![Vec::new(); self.parts.len()];
        for head in &mut self.stretch.heads {
            if head.is_deleted() {
                head.body.1 = u16::MAX;
                continue;
            }
            let (part, index) = head.body;
            let Some((_, Some(bodies))) = self.parts.get(usize::from(part)) else {
                continue;
            };
            let into = &mut packed[usize::from(part)];
            let next = u16::try_from(into.len()).unwrap_or(u16::MAX);
            let place = *kept.entry((part, index)).or_insert_with(|| {
                into.push(bodies.bodies[usize::from(index)].clone());
                next
            });
            head.body = (part, place);
        }
        let parts = self.parts.iter_mut().zip(&mut self.stretch.parts);
        for (((_, bodies), part), packed) in parts.zip(packed) {
            let Some(open) = bodies else { continue };
            open.bodies = packed;
            // Without bodies the salt goes too: nothing is left to be proved with it, and a
            // leaf whose salt is known can be compared with guesses.
            if open.bodies.is_empty() {
                *bodies = None;
                part.sealed = Vec::new();
            }
        }
    }

    fn seal(mut self, w: &mut Write<'_>, packed: &[Option<Vec<u8>>]) -> Result<(), StoreError> {
        let key = (self.stretch.chat, self.stretch.first());
        for (part, plain) in self.stretch.parts.iter_mut().zip(packed) {
            if let Some(plain) = plain {
                part.sealed = w.seal_part::<Stretch>(&key, part.subject, plain)?;
            }
        }
        w.put(&self.stretch)
    }
}

/// The leaf of a message in its pull's tree.
pub(super) fn leaf(salt: &[u8; 16], seq: u64, canonical: &[u8]) -> merkle::Hash {
    merkle::leaf_hash(&[&salt[..], &seq.to_be_bytes(), canonical].concat())
}

/// What is left of a message's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A plain text.
    Text(String),
    /// What the message has beside the common fields.
    Rest(serde_json::Map<String, serde_json::Value>),
    /// The person was erased.
    Erased,
    /// It was deleted by a rule of the firm.
    Deleted,
    /// It is there, and shown to this viewer only once a second person agrees.
    Withheld,
}

impl Content {
    /// What a message has beside the common fields; none if it is gone.
    pub fn rest(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        match self {
            Self::Text(text) => {
                let content =
                    serde_json::Map::from_iter([("content".into(), text.as_str().into())]);
                Some(serde_json::Map::from_iter([(
                    "text".into(),
                    content.into(),
                )]))
            }
            Self::Rest(rest) => Some(rest.clone()),
            Self::Erased | Self::Deleted | Self::Withheld => None,
        }
    }
}

/// The place of a message among parties.
pub(super) fn place_of(room: Option<&str>, from: u32, to: &[u32]) -> Place {
    match (room, to) {
        (Some(room), _) => Place::Room(room.to_owned()),
        (None, [other, ..]) => Place::OneToOne(from.min(*other), from.max(*other)),
        (None, []) => Place::Alone(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_out_as_it_went_in() {
        let at = Timestamp::from_ms(1_767_232_860_011);
        for text in [
            "10234567890123407919_1767232860011_external",
            "10234567890123407919_1767232860011",
            "10234567890123407919_1767232860_updown_stream",
            "9001_1700000001",
            "CAQQ+pr0BRiF4vWkBiAB",
            "125289002219525886280",
            "01_1767232860011",
            "1_1767232860011_other",
            "1_1767232860011_external_external",
            "_",
            "",
        ] {
            assert_eq!(MsgId::of(text, at).text(at), text);
        }
        assert!(matches!(
            MsgId::of("7_1767232860011_external", at),
            MsgId::Ms(7, 1)
        ));
    }

    #[test]
    fn bodies_come_out_as_they_were_packed() {
        let bodies = Bodies {
            salt: [7; 16],
            bodies: vec![b"one".to_vec(), Vec::new(), vec![0; 4_000]],
        };
        let packed = bodies.pack().unwrap();
        assert_eq!(Bodies::unpack(&packed).as_ref(), Some(&bodies));
        for cut in [0, 10, 19, packed.len() - 1] {
            assert_eq!(Bodies::unpack(&packed[..cut]), None, "cut at {cut}");
        }
    }
}
