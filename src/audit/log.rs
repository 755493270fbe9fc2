//! The log in the store: appended in the transaction of the act itself.
//!
//! Tables (all values with the store's check):
//! - audit-leaves: seq → line
//! - audit-tiles: (level u8, index u64) → 256 hashes; level 0 are leaves, each hash of a level
//!   above is the root over 256 of the level below. Only full tiles are stored.
//! - audit-head: `head` → size, time of the newest entry, right edge of the tree
//! - audit-openings: (seq, subject) → sealed openings of that person
//! - audit-by: (dimension u8, text, seq) → nothing; finds entries by actor, act and thing

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::{
    kit::{Timestamp, limits},
    store::{
        Change, Findings, Key, Read, SYSTEM_SUBJECT, Seal, Sealing, StoreError, SubjectId, Walk,
    },
};

use super::{
    check,
    leaf::{LEAF_VERSION, Leaf, Objects, Opening},
    merkle::{self, Frontier, Hash, Hashes, leaf_hash},
};

pub(super) const LEAVES: &str = "audit-leaves-1";
pub(super) const TILES: &str = "audit-tiles-1";
pub(super) const HEAD: &str = "audit-head-1";
pub(super) const OPENINGS: &str = "audit-openings-1";
pub(super) const BY: &str = "audit-by-1";

pub(super) const HEAD_KEY: &[u8] = b"head";
/// Hashes of a tile.
pub(super) const TILE: u64 = 256;
/// 256 = 2^8: heights that a tile level spans.
const TILE_HEIGHT: u32 = 8;

/// What an entry is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Dimension {
    /// The actor's text.
    Actor = 1,
    /// The act's code.
    Act = 2,
    /// A thing as `kind:id`.
    Object = 3,
}

/// The state of the log's right edge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Head {
    #[n(0)]
    pub(super) size: u64,
    #[n(1)]
    newest: Timestamp,
    #[n(2)]
    pub(super) roots: Vec<[u8; 32]>,
}

/// The tamper-evident log. It has no state of its own: everything is in the store.
#[derive(Debug, Default, Clone, Copy)]
pub struct Log;

impl Seal for Log {
    fn seal(&self, sealing: &mut Sealing<'_, '_>) -> Result<u64, StoreError> {
        let head = head(&sealing.read())?;
        let seq = head.size;
        let newest = head.newest.max(sealing.now());
        let mut openings = Openings::default();
        let leaf = compose(sealing, seq, newest, &mut openings);
        index(sealing, &leaf, &openings);
        append(sealing, &head, newest, &leaf)?;
        openings.store(sealing, seq)?;
        Ok(seq)
    }

    fn tables(&self) -> Vec<&'static str> {
        vec![LEAVES, TILES, HEAD, OPENINGS, BY]
    }

    fn size(&self, read: &Read<'_>) -> Result<Option<u64>, StoreError> {
        size(read).map(Some)
    }

    fn check(&self, read: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
        check::check(read, findings)
    }
}

/// The openings of one entry, by the person under whose key they are sealed.
#[derive(Default)]
struct Openings {
    by_subject: BTreeMap<SubjectId, Vec<Opening>>,
    objects: Vec<String>,
}

impl Openings {
    /// Commits to a value; gives the commitment.
    fn commit(
        &mut self,
        sealing: &Sealing<'_, '_>,
        subject: SubjectId,
        field: &str,
        value: &str,
    ) -> String {
        let opening = Opening::new(field, value, sealing.random().bytes());
        let commitment = opening.commitment().expect("the salt was just made");
        self.by_subject.entry(subject).or_default().push(opening);
        commitment
    }

    fn store(self, sealing: &mut Sealing<'_, '_>, seq: u64) -> Result<(), StoreError> {
        for (subject, openings) in self.by_subject {
            let key = Key::new().with(seq).with(subject).into_bytes();
            let plain =
                serde_json::to_vec(&openings).map_err(|e| StoreError::Internal(e.to_string()))?;
            let sealed = sealing.seal_for(OPENINGS, &key, subject, &plain)?;
            sealing.put_raw(OPENINGS, key, &sealed);
        }
        Ok(())
    }
}

fn compose(
    sealing: &Sealing<'_, '_>,
    seq: u64,
    newest: Timestamp,
    openings: &mut Openings,
) -> Leaf {
    let act = sealing.act();
    let actor = act.actor.subject();
    let mut c = BTreeMap::new();
    if let Some(ip) = act.origin.ip {
        c.insert(
            "ip".to_owned(),
            openings.commit(sealing, actor, "ip", &ip.to_string()),
        );
    }
    if let Some(device) = &act.origin.device {
        c.insert(
            "device".to_owned(),
            openings.commit(sealing, actor, "device", device),
        );
    }
    for detail in &act.details {
        let value = openings.commit(sealing, detail.subject, detail.field, &detail.value);
        c.insert(detail.field.to_owned(), value);
    }
    let mut objects: Vec<String> = act
        .objects
        .iter()
        .map(|o| format!("{}:{}", o.kind, o.id))
        .collect();
    for change in sealing.changes() {
        let field = format!("{}:{}", change.kind, change.id);
        let subject = change.subject.unwrap_or(SYSTEM_SUBJECT);
        let value = openings.commit(sealing, subject, &field, &diff(change));
        c.insert(field.clone(), value);
        if !objects.contains(&field) {
            objects.push(field);
        }
    }
    let obj = if objects.len() > limits::AUDIT_OBJECTS_MAX {
        let list = objects.join(" ");
        c.insert(
            "obj".to_owned(),
            openings.commit(sealing, SYSTEM_SUBJECT, "obj", &list),
        );
        Objects::Counted {
            n: objects.len() as u64,
        }
    } else {
        Objects::Listed(objects.clone())
    };
    openings.objects = objects;
    Leaf {
        v: LEAF_VERSION,
        seq,
        t: newest.to_rfc3339(),
        actor: act.actor.text(),
        role: act.role.clone(),
        on_behalf: act.on_behalf.map(|a| a.text()),
        act: act.code.to_owned(),
        obj,
        origin: act.origin.channel.code().to_owned(),
        req: act.origin.request.clone(),
        outcome: sealing.outcome().code().to_owned(),
        c,
        new: None,
    }
}

/// `{"field":[before,after],…}` of the fields that differ; `null` where there was nothing.
fn diff(change: &Change) -> String {
    let mut fields: BTreeMap<&str, [serde_json::Value; 2]> = BTreeMap::new();
    for (name, value) in change.before.iter().flatten() {
        fields.entry(name).or_default()[0] = value.clone();
    }
    for (name, value) in change.after.iter().flatten() {
        fields.entry(name).or_default()[1] = value.clone();
    }
    fields.retain(|_, [before, after]| before != after);
    serde_json::to_string(&fields).expect("values are JSON already")
}

fn index(sealing: &mut Sealing<'_, '_>, leaf: &Leaf, openings: &Openings) {
    let mut put = |dimension: Dimension, text: &str| {
        let key = by_prefix(dimension, text).with(leaf.seq).into_bytes();
        sealing.put_raw(BY, key, &[]);
    };
    put(Dimension::Actor, &leaf.actor);
    put(Dimension::Act, &leaf.act);
    for object in &openings.objects {
        put(Dimension::Object, object);
    }
}

pub(super) fn by_prefix(dimension: Dimension, text: &str) -> Key {
    Key::new().with(dimension as u8).with(text)
}

fn append(
    sealing: &mut Sealing<'_, '_>,
    head: &Head,
    newest: Timestamp,
    leaf: &Leaf,
) -> Result<(), StoreError> {
    let damaged = || StoreError::Damaged {
        table: HEAD,
        key: hex::encode(HEAD_KEY),
    };
    let mut frontier = Frontier::from_parts(head.size, head.roots.clone()).ok_or_else(damaged)?;
    let bytes = leaf.to_bytes();
    frontier.push(leaf_hash(&bytes));
    sealing.put_raw(LEAVES, Key::new().with(leaf.seq).into_bytes(), &bytes);
    let new = Head {
        size: frontier.size(),
        newest,
        roots: frontier.roots().to_vec(),
    };
    let encoded = minicbor::to_vec(&new).map_err(|e| StoreError::Internal(e.to_string()))?;
    sealing.put_raw(HEAD, HEAD_KEY.to_vec(), &encoded);
    store_full_tiles(sealing, frontier.size())
}

/// Stores every tile that the newest leaf has filled.
fn store_full_tiles(sealing: &mut Sealing<'_, '_>, size: u64) -> Result<(), StoreError> {
    let (mut level, mut count) = (0u8, size);
    while count > 0 && count.is_multiple_of(TILE) {
        let index = count / TILE - 1;
        let mut tile = Vec::new();
        {
            let read = sealing.read();
            let hashes = Stored { read: &read };
            for place in index * TILE..count {
                tile.extend(hashes.subtree(TILE_HEIGHT * u32::from(level), place)?);
            }
        }
        sealing.put_raw(
            TILES,
            Key::new().with(level).with(index).into_bytes(),
            &tile,
        );
        level += 1;
        count /= TILE;
    }
    Ok(())
}

pub(super) fn head(read: &Read<'_>) -> Result<Head, StoreError> {
    match read.raw(HEAD, HEAD_KEY)? {
        Some(bytes) => minicbor::decode(&bytes).map_err(|_| StoreError::Damaged {
            table: HEAD,
            key: hex::encode(HEAD_KEY),
        }),
        None => Ok(Head::default()),
    }
}

/// Hashes as the store has them.
pub(super) struct Stored<'r, 's> {
    pub(super) read: &'r Read<'s>,
}

impl Stored<'_, '_> {
    pub(super) fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read
            .raw(TILES, Key::new().with(level).with(index).as_bytes())
    }

    /// The hash at `place` of a tile level.
    fn at(&self, level: u8, place: u64) -> Result<Hash, StoreError> {
        if let Some(tile) = self.tile(level, place / TILE)? {
            let at = usize::try_from(place % TILE).unwrap_or(0) * 32;
            let hash = tile.get(at..at + 32).and_then(|h| h.try_into().ok());
            return hash.ok_or_else(|| StoreError::Damaged {
                table: TILES,
                key: format!("{level}/{}", place / TILE),
            });
        }
        if level == 0 {
            return Ok(leaf_hash(&leaf_bytes(self.read, place)?));
        }
        let below = level - 1;
        let hashes: Result<Vec<Hash>, StoreError> = (place * TILE..(place + 1) * TILE)
            .map(|p| self.at(below, p))
            .collect();
        Ok(combine(hashes?))
    }
}

impl Hashes for Stored<'_, '_> {
    type Error = StoreError;

    fn subtree(&self, height: u32, index: u64) -> Result<Hash, StoreError> {
        let level = u8::try_from(height / TILE_HEIGHT)
            .map_err(|_| StoreError::Internal("tree too high".to_owned()))?;
        let rest = height % TILE_HEIGHT;
        let hashes: Result<Vec<Hash>, StoreError> = (index << rest..(index + 1) << rest)
            .map(|place| self.at(level, place))
            .collect();
        Ok(combine(hashes?))
    }
}

/// The root over a power of two of hashes.
pub(super) fn combine(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .map(|pair| merkle::node_hash(&pair[0], &pair[1]))
            .collect();
    }
    hashes[0]
}

/// The exact line of an entry that must be there.
pub(super) fn leaf_bytes(read: &Read<'_>, seq: u64) -> Result<Vec<u8>, StoreError> {
    line(read, seq)?.ok_or_else(|| damaged_line(seq))
}

/// The failure of reading an entry.
pub(super) fn damaged_line(seq: u64) -> StoreError {
    StoreError::Damaged {
        table: LEAVES,
        key: hex::encode(seq.to_be_bytes()),
    }
}

/// Leaf hashes of entries of one tile, from the tile if it is full.
pub(super) fn leaf_hashes(
    read: &Read<'_>,
    entries: std::ops::Range<u64>,
) -> Result<Vec<Hash>, StoreError> {
    let hashes = Stored { read };
    match hashes.tile(0, entries.start / TILE)? {
        Some(tile) => Ok(tile
            .chunks_exact(32)
            .filter_map(|hash| hash.try_into().ok())
            .collect()),
        None => entries
            .map(|seq| Ok(leaf_hash(&leaf_bytes(read, seq)?)))
            .collect(),
    }
}

/// Number of entries.
pub fn size(read: &Read<'_>) -> Result<u64, StoreError> {
    Ok(head(read)?.size)
}

/// Number of entries and the root over them.
pub fn size_and_root(read: &Read<'_>) -> Result<(u64, Hash), StoreError> {
    let head = head(read)?;
    let frontier = Frontier::from_parts(head.size, head.roots);
    let frontier = frontier.ok_or_else(|| StoreError::Damaged {
        table: HEAD,
        key: hex::encode(HEAD_KEY),
    })?;
    Ok((frontier.size(), frontier.root()))
}

/// The exact line of an entry; `None` beyond the end.
pub fn line(read: &Read<'_>, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
    read.raw(LEAVES, Key::new().with(seq).as_bytes())
}

/// When an entry was written; `None` beyond the end.
pub fn written_at(read: &Read<'_>, seq: u64) -> Result<Option<Timestamp>, StoreError> {
    let Some(line) = line(read, seq)? else {
        return Ok(None);
    };
    let damaged = || StoreError::damaged(LEAVES, Key::new().with(seq).as_bytes());
    let leaf: Leaf = serde_json::from_slice(&line).map_err(|_| damaged())?;
    let at: jiff::Timestamp = leaf.t.parse().map_err(|_| damaged())?;
    Ok(Some(Timestamp::from_ms(at.as_millisecond())))
}

/// The openings of an entry that can still be read: those of erased people are gone.
pub fn openings(read: &Read<'_>, seq: u64) -> Result<Vec<Opening>, StoreError> {
    Ok(readable_openings(read, seq)?.0)
}

/// The same, and whether nobody among those whose openings they are was erased.
pub(super) fn readable_openings(
    read: &Read<'_>,
    seq: u64,
) -> Result<(Vec<Opening>, bool), StoreError> {
    let (mut found, mut is_complete) = (Vec::new(), true);
    for row in read.raw_walk(OPENINGS, &Walk::prefix(Key::new().with(seq)))? {
        let (key, sealed) = row?;
        let damaged = || StoreError::Damaged {
            table: OPENINGS,
            key: hex::encode(&key),
        };
        let subject: [u8; 8] = key[8..].try_into().map_err(|_| damaged())?;
        let subject = SubjectId::from_bits(u64::from_be_bytes(subject));
        let Some(plain) = read.open_sealed(OPENINGS, &key, subject, &sealed)? else {
            is_complete = false;
            continue;
        };
        let openings: Vec<Opening> = serde_json::from_slice(&plain).map_err(|_| damaged())?;
        found.extend(openings);
    }
    Ok((found, is_complete))
}

/// Sequence numbers of the entries found by `dimension`, newest first, below `before`.
pub fn found_by<'a>(
    read: &Read<'a>,
    dimension: Dimension,
    text: &str,
    before: Option<u64>,
) -> Result<impl Iterator<Item = Result<u64, StoreError>> + use<'a>, StoreError> {
    let prefix = by_prefix(dimension, text);
    let after = before.map(|seq| prefix.clone().with(seq).into_bytes());
    let rows = read.raw_walk(
        BY,
        &Walk {
            prefix,
            after,
            backwards: true,
        },
    )?;
    Ok(rows.map(|row| {
        let (key, _) = row?;
        let seq = key
            .len()
            .checked_sub(8)
            .and_then(|at| key[at..].try_into().ok());
        seq.map(u64::from_be_bytes)
            .ok_or_else(|| StoreError::Damaged {
                table: BY,
                key: hex::encode(&key),
            })
    }))
}

/// Whether `dimension` finds this entry.
pub(super) fn is_found_by(
    read: &Read<'_>,
    dimension: Dimension,
    text: &str,
    seq: u64,
) -> Result<bool, StoreError> {
    let key = by_prefix(dimension, text).with(seq);
    Ok(read.raw(BY, key.as_bytes())?.is_some())
}

/// The proof that entry `seq` is in the log of the first `size` entries; see
/// [`merkle::inclusion`]. `seq` must be smaller than `size`, `size` not beyond the end.
pub fn inclusion(read: &Read<'_>, seq: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
    merkle::inclusion(&Stored { read }, seq, size)
}

/// The proof that the log of the first `old` entries is the beginning of that of the first
/// `new`; see [`merkle::consistency`]. `0 < old <= new`, `new` not beyond the end.
pub fn consistency(read: &Read<'_>, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
    merkle::consistency(&Stored { read }, old, new)
}
