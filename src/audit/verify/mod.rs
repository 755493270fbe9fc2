//! Verifies an exported package without the store it came from.
//!
//! The package may come from an enemy: memory is bounded, nothing is trusted before it is
//! checked, and whatever is not a package is [`Verdict::Unreadable`]. The list of leaf hashes
//! is held against the signed roots; then every line is held against the list, so that the
//! first bad entry can be named, not only that there is one.

pub(in crate::audit) mod container;
mod hashes;
mod heads;
mod layout;
mod walk;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

use super::{
    note::{Checkpoint, SignedCheckpoint, VerifierKey},
    package::{FORMAT, GENESIS, MANIFEST, Manifest, OPENINGS, VERSION, manifest_bytes},
};
use container::{Container, Digests, Unreadable};
use hashes::HashList;
use heads::{Head, HeadFault, Judged};
use walk::Walked;

/// Bytes of the genesis key's file at most.
const KEY_BYTES_MAX: u64 = 4096;
/// Problems that are listed one by one.
const PROBLEMS_MAX: usize = 50;

/// What the verifier knows from elsewhere than the package.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// A key of the log, got from somebody who vouches for it.
    pub key: Option<VerifierKey>,
    /// Checkpoints kept outside the machine that the log runs on.
    pub anchors: Vec<Checkpoint>,
}

/// The outcome; also the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every entry is as it was signed.
    Good = 0,
    /// Something was changed.
    Altered = 1,
    /// The file is not a package of this format.
    Unreadable = 2,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Its line is not the one that was signed.
    Altered,
    /// It is not in the package.
    Missing,
    /// A line stands in its place that does not belong to the log.
    Added,
    /// Another entry stands in its place.
    Reordered,
    /// Its line is not of the documented form.
    Malformed,
    /// Its time lies before the one before it.
    Time,
    /// An opening does not fit its commitments.
    Opening,
    /// The manifest promises it in clear, but only its hash is there.
    Withheld,
    /// No good checkpoint covers it.
    Unproven,
}

/// The first entry that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FirstBad {
    /// The entry.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: Fault,
    /// Whether the entries before it are proved good. If not, the first change lies somewhere
    /// in `from..=to`.
    pub exact: bool,
    /// See `exact`.
    pub from: u64,
    /// See `exact`.
    pub to: u64,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable code, e.g. `checkpoint.signature`.
    pub code: &'static str,
    /// The file or the entry.
    pub place: String,
}

/// What a package says, and whether it is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The outcome.
    pub verdict: Verdict,
    /// Why the file is unreadable, in English.
    pub unreadable: Option<String>,
    /// The first bad entry.
    pub first_bad: Option<FirstBad>,
    /// Everything that is wrong, the worst first; cut off after 50.
    pub problems: Vec<Problem>,
    /// What the package is.
    pub facts: Facts,
    /// Whether a key from elsewhere has signed it.
    pub key_vouched: bool,
    /// How many anchors it agrees with.
    pub anchors: usize,
}

/// What a package is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The log's name.
    pub origin: String,
    /// The log's first key, as the package says.
    pub genesis: String,
    /// When it was made, as the manifest says.
    pub created: String,
    /// First entry asked for.
    pub from: u64,
    /// One behind the last entry asked for.
    pub to: u64,
    /// Further conditions.
    pub filters: Vec<String>,
    /// Entries covered.
    pub entries: u64,
    /// Entries in clear.
    pub clear: u64,
    /// Time of the newest entry in clear.
    pub newest: String,
    /// Commitments that the package opens.
    pub opened: u64,
    /// Commitments in the entries in clear.
    pub commitments: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// SHA-256 of the manifest: stands for the whole package.
    pub manifest_sha256: String,
}

impl Report {
    fn unreadable(Unreadable(why): Unreadable) -> Self {
        Self {
            verdict: Verdict::Unreadable,
            unreadable: Some(why),
            first_bad: None,
            problems: Vec::new(),
            facts: Facts::default(),
            key_vouched: false,
            anchors: 0,
        }
    }
}

/// Verifies the package at `path`. Never fails: what cannot be read is a verdict too.
pub fn verify(path: &Path, outside: &Outside) -> Report {
    examine(path, outside).unwrap_or_else(Report::unreadable)
}

/// Reads an anchor: a checkpoint with or without signatures, as text.
pub fn parse_anchor(text: &str) -> Option<Checkpoint> {
    SignedCheckpoint::parse(text)
        .map(|signed| signed.checkpoint)
        .or_else(|| Checkpoint::parse_body(text))
}

fn examine(path: &Path, outside: &Outside) -> Result<Report, Unreadable> {
    let mut container = Container::open(path)?;
    let manifest = read_manifest(&mut container)?;
    let genesis = read_genesis(&mut container)?;
    if !container.has(OPENINGS) {
        return Err(Unreadable(format!("it has no {OPENINGS}")));
    }
    let heads = heads::read(&mut container, &manifest.origin)?;
    let anchor_sizes = outside.anchors.iter().map(|anchor| anchor.size);
    let sizes = heads.iter().map(|head| head.size).chain(anchor_sizes);
    let mut list = HashList::scan(Container::open(path)?, sizes)?
        .ok_or_else(|| Unreadable("its list of hashes is not of the format".to_owned()))?;
    let mut openings = Container::open(path)?;
    let walked = walk::walk(&mut container, &mut openings, &mut list, &manifest)?;
    let hashed = list.count();

    let mut keys = vec![(0, genesis.clone())];
    keys.extend(walked.rotations.iter().cloned());
    keys.sort_by_key(|(from, _)| *from);
    let anchors = &outside.anchors;
    let judged = heads::judge(&heads, anchors, &manifest.origin, list.roots(), &keys);
    let mut digests = list.into_container().digests;
    digests.append(&mut openings.digests);
    digests.append(&mut container.digests);
    for (_, name) in container.names() {
        if !digests.contains_key(&name) {
            container.whole(&name, u64::MAX)?;
        }
    }
    digests.append(&mut container.digests);

    let first_bad = first_bad(&walked, &judged, hashed);
    let vouched = |key: &VerifierKey| keys.iter().any(|(_, known)| known == key);
    let key_vouched = outside.key.as_ref().is_some_and(vouched);
    let mut problems = Vec::new();
    if genesis.name() != manifest.origin || (outside.key.is_some() && !key_vouched) {
        problems.push(Problem::new("key", GENESIS));
    }
    problems.extend(head_problems(&heads, &judged));
    problems.extend(manifest_problems(&manifest, &walked, &heads, &digests));
    let altered = first_bad.is_some() || !problems.is_empty();
    problems.truncate(PROBLEMS_MAX);
    Ok(Report {
        verdict: if altered {
            Verdict::Altered
        } else {
            Verdict::Good
        },
        unreadable: None,
        first_bad,
        problems,
        anchors: match judged.bad_anchor {
            None => outside.anchors.len(),
            Some(_) => 0,
        },
        key_vouched,
        facts: facts(manifest, &genesis, &walked, &digests),
    })
}

impl Problem {
    pub(in crate::audit) fn new(code: &'static str, place: impl Into<String>) -> Self {
        Self {
            code,
            place: place.into(),
        }
    }
}

fn read_manifest(container: &mut Container) -> Result<Manifest, Unreadable> {
    let not = || Unreadable(format!("it has no {MANIFEST} of the format"));
    if !container.has(MANIFEST) {
        return Err(not());
    }
    let bytes = container.whole(MANIFEST, u64::MAX)?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| not())?;
    let canonical = manifest_bytes(&manifest).map_err(|_| not())?;
    if manifest.format != FORMAT || manifest.v != VERSION || canonical != bytes {
        return Err(not());
    }
    Ok(manifest)
}

fn read_genesis(container: &mut Container) -> Result<VerifierKey, Unreadable> {
    let not = || Unreadable(format!("it has no {GENESIS} of the format"));
    if !container.has(GENESIS) {
        return Err(not());
    }
    let bytes = container.whole(GENESIS, KEY_BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| not())?;
    let text = text.strip_suffix('\n').ok_or_else(not)?;
    VerifierKey::parse(text)
        .filter(|key| key.text() == text)
        .ok_or_else(not)
}

/// The entry to be named: what the lines show, otherwise where heads and anchors stop to hold.
fn first_bad(walked: &Walked, judged: &Judged, hashed: u64) -> Option<FirstBad> {
    let Judged {
        trusted, newest, ..
    } = *judged;
    let to = judged.next.unwrap_or(hashed.max(trusted + 1)).max(1) - 1;
    let within = |seq, fault| {
        Some(FirstBad {
            seq,
            fault,
            exact: seq < trusted,
            from: if seq < trusted { seq } else { trusted },
            to: if seq < trusted { seq } else { to.max(seq) },
        })
    };
    if let Some((seq, fault)) = walked.first {
        return within(seq, fault);
    }
    if newest > hashed {
        return within(hashed, Fault::Missing);
    }
    let root_fails = judged
        .bad
        .iter()
        .any(|(_, fault)| *fault == HeadFault::Root);
    if trusted < newest && root_fails {
        return within(trusted, Fault::Altered);
    }
    if trusted < hashed {
        return within(trusted, Fault::Unproven);
    }
    let Some(anchor) = judged.bad_anchor else {
        let left_over = walked.left_over.then_some((hashed, Fault::Opening));
        return left_over.and_then(|(seq, fault)| within(seq, fault));
    };
    let (seq, fault) = if anchor > hashed {
        (hashed, Fault::Missing)
    } else if anchor > judged.anchored {
        (judged.anchored, Fault::Altered)
    } else {
        // The anchors contradict each other.
        (0, Fault::Altered)
    };
    Some(FirstBad {
        seq,
        fault,
        exact: false,
        from: seq,
        to: anchor.max(1) - 1,
    })
}

fn head_problems(heads: &[Head], judged: &Judged) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(size) = judged.bad_anchor {
        problems.push(Problem::new("anchor", size.to_string()));
    }
    for (at, fault) in &judged.bad {
        let code = match fault {
            HeadFault::Malformed => "checkpoint.malformed",
            HeadFault::Beyond => "checkpoint.beyond",
            HeadFault::Root => "checkpoint.root",
            HeadFault::Signature => "checkpoint.signature",
        };
        problems.push(Problem::new(code, heads[*at].path.clone()));
    }
    problems
}

fn manifest_problems(
    manifest: &Manifest,
    walked: &Walked,
    heads: &[Head],
    digests: &Digests,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let counts = [
        ("size", manifest.size == walked.lines),
        ("clear", manifest.clear == walked.clear),
        (
            "hashed",
            manifest.clear.checked_add(manifest.hashed) == Some(manifest.size),
        ),
        ("openings", manifest.openings == walked.openings),
        ("checkpoints", manifest.checkpoints == heads.len() as u64),
        (
            "range",
            manifest.range.from <= manifest.range.to && manifest.range.to <= manifest.size,
        ),
    ];
    for (what, _) in counts.iter().filter(|(_, good)| !good) {
        problems.push(Problem::new("manifest.count", *what));
    }
    let mut unlisted = digests.clone();
    unlisted.remove(MANIFEST);
    for file in &manifest.files {
        match unlisted.remove(&file.path) {
            None => problems.push(Problem::new("file.missing", file.path.clone())),
            Some(digest) if digest != (file.bytes, file.sha256.clone()) => {
                problems.push(Problem::new("file.digest", file.path.clone()));
            }
            Some(_) => {}
        }
    }
    problems.extend(
        unlisted
            .into_keys()
            .map(|path| Problem::new("file.unlisted", path)),
    );
    problems
}

fn facts(manifest: Manifest, genesis: &VerifierKey, walked: &Walked, digests: &Digests) -> Facts {
    let sha256 = digests.get(MANIFEST).map(|(_, sha256)| sha256.clone());
    Facts {
        origin: manifest.origin,
        genesis: genesis.text(),
        created: manifest.created,
        from: manifest.range.from,
        to: manifest.range.to,
        filters: manifest.filters,
        entries: walked.lines,
        clear: walked.clear,
        newest: walked.newest.clone(),
        opened: walked.openings,
        commitments: walked.commitments,
        checkpoints: manifest.checkpoints,
        manifest_sha256: sha256.unwrap_or_default(),
    }
}
