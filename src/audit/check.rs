//! `qitai check` on the log: every line, opening, tile and every row entries are found by.

use crate::store::{Findings, Key, Read, StoreError, Walk};

use super::{
    leaf::{Leaf, Objects},
    log::{
        BY, Dimension, HEAD, HEAD_KEY, LEAVES, OPENINGS, Stored, TILE, TILES, by_prefix, combine,
        head, leaf_bytes, line, readable_openings as openings,
    },
    merkle::{Frontier, leaf_hash},
};

/// Everything: the tree, and the rows entries are found by in both directions.
pub(super) fn check(read: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    check_tree(read, findings)?;
    let size = head(read)?.size;
    for seq in 0..size {
        // A missing line is named by the walk over the tree.
        if let Ok(Some(leaf)) = line(read, seq).map(|l| l.and_then(|bytes| Leaf::parse(&bytes))) {
            check_found(read, &leaf, findings)?;
        }
    }
    check_by(read, size, findings)
}

/// Walks the whole log: every line, its place, its time, its openings, every tile, the root.
pub(super) fn check_tree(read: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let head = head(read)?;
    let mut frontier = Frontier::default();
    let mut newest = String::new();
    for seq in 0..head.size {
        findings.examined();
        let key = seq.to_be_bytes();
        let Ok(Some(bytes)) = line(read, seq) else {
            findings.add(LEAVES, &key, "the entry is missing or fails its check");
            return Ok(());
        };
        frontier.push(leaf_hash(&bytes));
        let Some(leaf) = Leaf::parse(&bytes).filter(|leaf| leaf.seq == seq) else {
            findings.add(LEAVES, &key, "the entry is not a line of this log");
            continue;
        };
        if leaf.t < newest {
            findings.add(
                LEAVES,
                &key,
                "the entry's time lies before the one before it",
            );
        }
        check_openings(read, &leaf, findings)?;
        newest = leaf.t;
        if frontier.size().is_multiple_of(TILE) {
            check_tile(read, frontier.size() / TILE - 1, findings)?;
        }
    }
    if frontier.roots() != head.roots {
        findings.add(HEAD, HEAD_KEY, "the root does not match the entries");
    }
    check_upper_tiles(read, head.size, findings)?;
    check_strays(read, head.size, findings)
}

/// Rows that belong to no entry: behind the end, or under a key no entry has.
fn check_strays(read: &Read<'_>, size: u64, findings: &mut Findings) -> Result<(), StoreError> {
    let tiles = std::iter::successors(Some(size / TILE), |count| Some(count / TILE));
    let tiles: u64 = tiles.take_while(|count| *count > 0).sum();
    for (table, expected) in [(LEAVES, size), (TILES, tiles), (HEAD, size.min(1))] {
        if read.raw_walk(table, &Walk::default())?.count() as u64 != expected {
            findings.add(table, &[], "the table has more or fewer rows than the log");
        }
    }
    let behind = Walk {
        backwards: true,
        ..Walk::default()
    };
    let end = Key::new().with(size);
    let last = read.raw_walk(OPENINGS, &behind)?.next();
    if last.is_some_and(|row| row.map_or(true, |(key, _)| key.as_slice() >= end.as_bytes())) {
        findings.add(OPENINGS, end.as_bytes(), "an opening lies behind the end");
    }
    Ok(())
}

/// Every opening of an entry: it fits its commitment, and none is missing. Those of erased
/// people cannot be read, and nobody can tell how many they were.
fn check_openings(read: &Read<'_>, leaf: &Leaf, findings: &mut Findings) -> Result<(), StoreError> {
    let prefix = Key::new().with(leaf.seq);
    let (openings, is_complete) = match openings(read, leaf.seq) {
        Ok(openings) => openings,
        Err(StoreError::Damaged { .. }) => {
            findings.add(OPENINGS, prefix.as_bytes(), "an opening fails its check");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for opening in openings.iter().filter(|o| !o.opens(leaf)) {
        let what = format!("the opening of {} does not fit", opening.f);
        findings.add(OPENINGS, prefix.as_bytes(), what);
    }
    if is_complete && openings.len() != leaf.c.len() {
        findings.add(OPENINGS, prefix.as_bytes(), "an opening is missing");
    }
    Ok(())
}

/// The rows this entry is found by, as far as its line tells.
fn check_found(read: &Read<'_>, leaf: &Leaf, findings: &mut Findings) -> Result<(), StoreError> {
    for key in by_keys(leaf) {
        match read.raw(BY, &key) {
            Ok(Some(_)) => {}
            Ok(None) => findings.add(BY, &key, "the row the entry is found by is missing"),
            Err(StoreError::Damaged { .. }) => {
                findings.add(BY, &key, "the row the entry is found by fails its check");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The rows entries are found by: each is given by its entry.
fn check_by(read: &Read<'_>, size: u64, findings: &mut Findings) -> Result<(), StoreError> {
    for item in read.raw_walk(BY, &Walk::default())? {
        let Ok((key, _)) = item else {
            findings.add(BY, &[], "a row that entries are found by fails its check");
            continue;
        };
        findings.examined();
        let seq = key
            .split_last_chunk::<8>()
            .map(|(_, seq)| u64::from_be_bytes(*seq));
        let leaf = match seq.filter(|seq| *seq < size).map(|seq| line(read, seq)) {
            Some(Ok(line)) => line.and_then(|bytes| Leaf::parse(&bytes)),
            // Named by the walk over the tree.
            Some(Err(StoreError::Damaged { .. })) => continue,
            Some(Err(error)) => return Err(error),
            None => None,
        };
        // The things of an entry that only counts them stand in its openings, which may be gone.
        let is_given = leaf.is_some_and(|leaf| {
            matches!(leaf.obj, Objects::Counted { .. }) || by_keys(&leaf).any(|by| by == key)
        });
        if !is_given {
            findings.add(BY, &key, "no entry gives this row");
        }
    }
    Ok(())
}

/// The keys an entry is found by, as far as its line tells.
fn by_keys(leaf: &Leaf) -> impl Iterator<Item = Vec<u8>> + '_ {
    let objects: &[String] = match &leaf.obj {
        Objects::Listed(objects) => objects,
        Objects::Counted { .. } => &[],
    };
    let objects = objects.iter().map(|o| (Dimension::Object, o.as_str()));
    [
        (Dimension::Actor, leaf.actor.as_str()),
        (Dimension::Act, leaf.act.as_str()),
    ]
    .into_iter()
    .chain(objects)
    .map(|(dimension, text)| by_prefix(dimension, text).with(leaf.seq).into_bytes())
}

/// Every tile above the leaves against the tiles below it.
fn check_upper_tiles(
    read: &Read<'_>,
    size: u64,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let (mut level, mut count) = (1u8, size / TILE);
    let hashes = Stored { read };
    while count >= TILE {
        for index in 0..count / TILE {
            let mut expected = Vec::new();
            for place in index * TILE..(index + 1) * TILE {
                // A missing or damaged one below was named already.
                let Ok(Some(below)) = hashes.tile(level - 1, place) else {
                    return Ok(());
                };
                let below = below
                    .chunks_exact(32)
                    .filter_map(|hash| hash.try_into().ok());
                expected.extend(combine(below.collect()));
            }
            let key = Key::new().with(level).with(index);
            if read.raw(TILES, key.as_bytes()).ok().flatten() != Some(expected) {
                findings.add(TILES, key.as_bytes(), "the tile does not match those below");
            }
        }
        level += 1;
        count /= TILE;
    }
    Ok(())
}

/// A leaf tile against the lines it stands for.
fn check_tile(read: &Read<'_>, index: u64, findings: &mut Findings) -> Result<(), StoreError> {
    let key = Key::new().with(0u8).with(index);
    let stored = read.raw(TILES, key.as_bytes());
    let mut expected = Vec::new();
    for seq in index * TILE..(index + 1) * TILE {
        expected.extend(leaf_hash(&leaf_bytes(read, seq)?));
    }
    if stored.ok().flatten() != Some(expected) {
        findings.add(TILES, key.as_bytes(), "the tile does not match its entries");
    }
    Ok(())
}
