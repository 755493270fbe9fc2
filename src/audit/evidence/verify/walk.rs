//! Entries against the checkpoint, and messages against the entries of their pulls: each line
//! with the line of its proof, one at a time.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    super::{
        super::{
            leaf::{Leaf, Objects},
            merkle::{self, Hash, leaf_hash},
            verify::{
                Fault,
                container::{Container, Lines, Unreadable},
            },
        },
        CHOSEN, CONTEXT, DELETED, ERASED, EntryProof, MessageProof, PULL_OBJECT, SEAL_ACT,
        SEAL_OBJECT, SHOWN, name,
    },
    FirstBad,
};

/// Root and number of the messages of each pull.
pub(super) type Pulls = BTreeMap<u64, (Hash, u64)>;

/// What the entries say.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) first: Option<FirstBad>,
    pub(super) count: u64,
    pub(super) pulls: Pulls,
    /// Lists of contents that were sealed, by SHA-256.
    pub(super) sealed: Vec<String>,
}

/// A line that has an end, of a file read in step with another.
fn next(lines: &mut Lines<'_>) -> Result<Option<Option<Vec<u8>>>, Unreadable> {
    let mut line = Vec::new();
    let read = lines.next(&mut line)?;
    Ok(read.map(|ended| ended.then_some(line)))
}

/// What a line says, if it is exactly what would be written.
fn parse<T: Serialize + DeserializeOwned>(line: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(line).ok()?;
    (serde_json::to_vec(&value).ok()? == line).then_some(value)
}

fn hash_of(hex: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(hex, &mut hash).ok()?;
    (hex::encode(hash) == hex).then_some(hash)
}

fn path_of(path: &[String]) -> Option<Vec<Hash>> {
    path.iter().map(|hex| hash_of(hex)).collect()
}

impl Entries {
    pub(super) fn walk(
        entries: &mut Container,
        proofs: &mut Container,
        size: u64,
        root: &Hash,
    ) -> Result<Self, Unreadable> {
        let mut found = Self::default();
        let mut lines = entries.lines(name::ENTRIES)?;
        let mut proofs = proofs.lines(name::ENTRY_PROOFS)?;
        let mut last = None;
        loop {
            let (line, proof) = (next(&mut lines)?, next(&mut proofs)?);
            if line.is_none() && proof.is_none() {
                break;
            }
            let proof = proof.map(|line| line.and_then(|line| parse::<EntryProof>(&line)));
            let seq = proof.as_ref().and_then(|p| p.as_ref().map(|p| p.seq));
            let fault = match (&line, &proof) {
                (None, _) => Some(Fault::Missing),
                (_, None) => Some(Fault::Added),
                (_, Some(None)) | (Some(None), _) => Some(Fault::Malformed),
                (Some(Some(line)), Some(Some(proof))) => {
                    found.take(line, proof, last, size, root).err()
                }
            };
            found.count += 1;
            if let Some(fault) = fault {
                found.first = Some(found.bad(seq, fault));
                return Ok(found);
            }
            last = seq;
        }
        if found.sealed.is_empty() {
            found.count += 1;
            found.first = Some(found.bad(None, Fault::Missing));
        }
        Ok(found)
    }

    fn bad(&self, entry: Option<u64>, fault: Fault) -> FirstBad {
        FirstBad {
            file: name::ENTRIES.to_owned(),
            line: self.count,
            message: None,
            entry,
            fault,
        }
    }

    fn take(
        &mut self,
        line: &[u8],
        proof: &EntryProof,
        last: Option<u64>,
        size: u64,
        root: &Hash,
    ) -> Result<(), Fault> {
        let path = path_of(&proof.path).ok_or(Fault::Malformed)?;
        if merkle::inclusion_root(leaf_hash(line), proof.seq, size, &path) != Some(*root) {
            return Err(Fault::Altered);
        }
        let leaf = Leaf::parse(line).ok_or(Fault::Malformed)?;
        if leaf.seq != proof.seq {
            return Err(Fault::Altered);
        }
        if last.is_some_and(|last| last >= leaf.seq) {
            return Err(Fault::Reordered);
        }
        for opening in &proof.openings {
            if !opening.opens(&leaf) {
                return Err(Fault::Opening);
            }
            if let Some(pull) = opening.f.strip_prefix(PULL_OBJECT) {
                let pull = pull.strip_prefix(':').and_then(|no| no.parse().ok());
                let tree = tree_of(&opening.v);
                let (pull, tree) = pull.zip(tree).ok_or(Fault::Malformed)?;
                self.pulls.insert(pull, tree);
            }
        }
        if leaf.act == SEAL_ACT
            && let Objects::Listed(things) = &leaf.obj
        {
            let ids = things.iter().filter_map(|thing| thing.split_once(':'));
            let lists = ids.filter(|(kind, _)| *kind == SEAL_OBJECT);
            self.sealed.extend(lists.map(|(_, id)| id.to_owned()));
        }
        Ok(())
    }
}

/// Root and number of messages of a pull, from what its entry commits to: as it was made.
fn tree_of(value: &str) -> Option<(Hash, u64)> {
    let fields: serde_json::Value = serde_json::from_str(value).ok()?;
    let made = |field: &str| {
        let [before, after] = fields.get(field)?.as_array()?.as_slice() else {
            return None;
        };
        before.is_null().then_some(after)
    };
    let root = hash_of(made("root")?.as_str()?)?;
    Some((root, made("messages")?.as_u64()?))
}

/// What the messages say.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) first: Option<FirstBad>,
    pub(super) count: u64,
    pub(super) chosen: u64,
    pub(super) unproven: u64,
}

type Line = Option<Option<Vec<u8>>>;
type Proof = Option<Option<MessageProof>>;

impl Messages {
    pub(super) fn walk(
        messages: &mut Container,
        proofs: &mut Container,
        pulls: &Pulls,
    ) -> Result<Self, Unreadable> {
        let mut found = Self::default();
        let mut lines = messages.lines(name::MESSAGES)?;
        let mut proofs = proofs.lines(name::MESSAGE_PROOFS)?;
        let mut pair = || -> Result<(Line, Proof), Unreadable> {
            let (line, proof) = (next(&mut lines)?, next(&mut proofs)?);
            let proof = proof.map(|line| line.and_then(|line| parse::<MessageProof>(&line)));
            Ok((line, proof))
        };
        let mut here = pair()?;
        while here.0.is_some() || here.1.is_some() {
            let behind = pair()?;
            found.count += 1;
            if let Err(fault) = found.take(&here, &behind, pulls) {
                let proof = here.1.as_ref().and_then(Option::as_ref);
                found.first = Some(FirstBad {
                    file: name::MESSAGES.to_owned(),
                    line: found.count,
                    message: proof.map(|proof| proof.seq),
                    entry: None,
                    fault,
                });
                return Ok(found);
            }
            here = behind;
        }
        Ok(found)
    }

    fn take(
        &mut self,
        (line, proof): &(Line, Proof),
        behind: &(Line, Proof),
        pulls: &Pulls,
    ) -> Result<(), Fault> {
        let (line, proof) = match (line, proof) {
            (None, _) => return Err(Fault::Missing),
            (_, None) => return Err(Fault::Added),
            (_, Some(None)) => return Err(Fault::Malformed),
            (Some(line), Some(Some(proof))) => (line.as_deref(), proof),
        };
        let is_known = [SHOWN, DELETED, ERASED].contains(&proof.state.as_str())
            && [CHOSEN, CONTEXT].contains(&proof.role.as_str())
            && (proof.pull != 0 || (proof.path.is_empty() && proof.index == 0));
        if !is_known || proof.n + 1 != self.count {
            return Err(Fault::Malformed);
        }
        if proof.pull != 0 && !pulls.contains_key(&proof.pull) {
            return Err(Fault::Unproven);
        }
        if !line.is_some_and(|line| fits(line, proof, pulls)) {
            let next_line = behind.0.as_ref().and_then(Option::as_ref);
            let next_proof = behind.1.as_ref().and_then(Option::as_ref);
            if next_line.is_some_and(|next| fits(next, proof, pulls)) {
                return Err(Fault::Added);
            }
            let is_next = next_proof
                .zip(line)
                .is_some_and(|(next, line)| fits(line, next, pulls));
            return Err(if is_next {
                Fault::Missing
            } else {
                Fault::Altered
            });
        }
        let is_hidden = line.is_some_and(|line| line.starts_with(b"#"));
        match (is_hidden, proof.state == SHOWN) {
            (true, true) => return Err(Fault::Withheld),
            (false, false) => return Err(Fault::Altered),
            _ => {}
        }
        self.chosen += u64::from(proof.role == CHOSEN);
        self.unproven += u64::from(proof.pull == 0);
        Ok(())
    }
}

/// Whether a line is the message of a proof. Without a pull there is nothing to hold it to.
fn fits(line: &[u8], proof: &MessageProof, pulls: &Pulls) -> bool {
    if proof.pull == 0 {
        return true;
    }
    let leaf = match line.strip_prefix(b"#") {
        Some(hex) => std::str::from_utf8(hex).ok().and_then(hash_of),
        None => shown_leaf(line, proof),
    };
    let Some((leaf, path)) = leaf.zip(path_of(&proof.path)) else {
        return false;
    };
    pulls.get(&proof.pull).is_some_and(|(root, size)| {
        merkle::inclusion_root(leaf, proof.index, *size, &path) == Some(*root)
    })
}

/// The leaf of a message that is shown: `salt 16 ‖ number u64 BE ‖ message`.
fn shown_leaf(line: &[u8], proof: &MessageProof) -> Option<Hash> {
    let mut salt = [0; 16];
    hex::decode_to_slice(&proof.salt, &mut salt).ok()?;
    if hex::encode(salt) != proof.salt {
        return None;
    }
    Some(leaf_hash(
        &[&salt[..], &proof.seq.to_be_bytes(), line].concat(),
    ))
}
