//! Checkpoints and anchors against the roots of the list of hashes.

use std::collections::BTreeMap;

use super::{
    super::{
        merkle::Hash,
        note::{Checkpoint, SignedCheckpoint, VerifierKey},
    },
    container::{Container, Kind, Unreadable},
};

/// Bytes of a checkpoint at most.
const NOTE_BYTES_MAX: u64 = 64 << 10;

/// A checkpoint of the package; `None` if its file is not one.
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) path: String,
    signed: Option<SignedCheckpoint>,
}

/// Reads all checkpoints, smallest first.
pub(super) fn read(container: &mut Container, origin: &str) -> Result<Vec<Head>, Unreadable> {
    let mut heads = Vec::new();
    for (kind, path) in container.names() {
        let Kind::Checkpoint(size) = kind else {
            continue;
        };
        let note = container.whole(&path, NOTE_BYTES_MAX)?;
        let signed = String::from_utf8(note)
            .ok()
            .and_then(|note| SignedCheckpoint::parse(&note))
            .filter(|s| s.checkpoint.size == size && s.checkpoint.origin == origin);
        heads.push(Head { size, path, signed });
    }
    Ok(heads)
}

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// It is not a checkpoint of this log.
    Malformed,
    /// It covers more entries than there are.
    Beyond,
    /// Its root is not that of the entries.
    Root,
    /// A signature that must be there is not, or does not hold.
    Signature,
}

/// What the heads say together.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Entries below this are as a good checkpoint or anchor has them.
    pub(super) trusted: u64,
    /// Entries that good anchors cover.
    pub(super) anchored: u64,
    /// Size of the newest checkpoint, good or not.
    pub(super) newest: u64,
    /// The smallest checkpoint above `trusted`, which is therefore not good.
    pub(super) next: Option<u64>,
    /// Bad checkpoints: place in the list and what is wrong.
    pub(super) bad: Vec<(usize, HeadFault)>,
    /// The smallest bad anchor.
    pub(super) bad_anchor: Option<u64>,
}

/// Judges checkpoints and anchors. `keys` are the log's keys with the entry from which on
/// they sign, ascending, the first from 0.
pub(super) fn judge(
    heads: &[Head],
    anchors: &[Checkpoint],
    origin: &str,
    roots: &BTreeMap<u64, Hash>,
    keys: &[(u64, VerifierKey)],
) -> Judged {
    let mut judged = Judged::default();
    let mut covered = 0;
    for (at, head) in heads.iter().enumerate() {
        match fault(head, covered, roots, keys) {
            Some(fault) => judged.bad.push((at, fault)),
            None => judged.trusted = head.size,
        }
        covered = head.size;
        judged.newest = head.size;
    }
    for anchor in anchors {
        if anchor.origin == origin && roots.get(&anchor.size) == Some(&anchor.root) {
            judged.anchored = judged.anchored.max(anchor.size);
        } else {
            let least = judged.bad_anchor.unwrap_or(u64::MAX).min(anchor.size);
            judged.bad_anchor = Some(least);
        }
    }
    judged.trusted = judged.trusted.max(judged.anchored);
    let next = heads.iter().find(|head| head.size > judged.trusted);
    judged.next = next.map(|head| head.size);
    judged
}

/// `covered` is the size of the checkpoint before this one.
fn fault(
    head: &Head,
    covered: u64,
    roots: &BTreeMap<u64, Hash>,
    keys: &[(u64, VerifierKey)],
) -> Option<HeadFault> {
    let Some(signed) = &head.signed else {
        return Some(HeadFault::Malformed);
    };
    match roots.get(&head.size) {
        None => return Some(HeadFault::Beyond),
        Some(root) if *root != signed.checkpoint.root => return Some(HeadFault::Root),
        Some(_) => {}
    }
    let good = signers(head.size, covered, keys).all(|key| signed.is_signed_by(key));
    (!good).then_some(HeadFault::Signature)
}

/// The keys that must have signed a checkpoint: the one in force at the checkpoint before, and
/// every key that came since.
fn signers(
    size: u64,
    covered: u64,
    keys: &[(u64, VerifierKey)],
) -> impl Iterator<Item = &VerifierKey> {
    let in_force = keys.iter().rposition(|(from, _)| *from < covered);
    let until = keys.partition_point(|(from, _)| *from < size);
    let from = in_force.unwrap_or(0).min(until);
    keys[from..until].iter().map(|(_, key)| key)
}
