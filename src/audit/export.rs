//! Makes a package from the running store.
//!
//! `audit.export.begin` is committed and a checkpoint signed over it before the first byte is
//! written, so that the package shows who took it. `audit.export.done` names the manifest's
//! hash and lies outside the package.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use crate::{
    error::{AppError, Result},
    store::{Act, ActKind, Read, Store, StoreError},
};

use super::{
    checkpoints::{self, StoredCheckpoint},
    leaf::KEY_ROTATE,
    log::{self, Dimension},
    package::{Finished, Heading, Line, Manifest, PackageError, PackageWriter, Range},
    query::{Entry, Filter, entry},
};

/// Checkpoints of a package at most, about; the newest is always there.
const CHECKPOINTS_MAX: u64 = 2000;
/// Checkpoints closer than this are left out.
const CHECKPOINT_DISTANCE: u64 = 256;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// First entry in clear.
    pub from: u64,
    /// One behind the last entry in clear; `None` for all there are.
    pub to: Option<u64>,
    /// Further conditions; entries that do not meet them are hashes only.
    pub filter: Filter,
}

/// What was exported.
#[derive(Debug, Clone)]
pub struct Exported {
    /// What is in the package.
    pub manifest: Manifest,
    /// SHA-256 of `MANIFEST.json` in hex; also in the entry `audit.export.done`.
    pub manifest_sha256: String,
}

impl From<PackageError> for AppError {
    fn from(error: PackageError) -> Self {
        AppError::internal(error)
    }
}

/// Writes a package to `path`: under another name first, so that it is there whole or not at
/// all. `who` gives actor, role and origin of the entries; its other parts are replaced.
pub fn export_to_file(store: &Store, who: &Act, wanted: &Wanted, path: &Path) -> Result<Exported> {
    let unfinished = path.with_extension("part");
    let written = write_file(store, who, wanted, &unfinished);
    let renamed = written.and_then(|finished| {
        std::fs::rename(&unfinished, path).map_err(PackageError::Io)?;
        Ok(finished)
    });
    match renamed {
        Ok(finished) => record_done(store, who, finished),
        Err(error) => {
            // The error counts; a file that cannot be removed either is found by its name.
            drop(std::fs::remove_file(&unfinished));
            Err(error)
        }
    }
}

fn write_file(
    store: &Store,
    who: &Act,
    wanted: &Wanted,
    path: &Path,
) -> Result<Finished<BufWriter<File>>> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(PackageError::Io)?;
    let mut finished = write_package(store, who, wanted, BufWriter::new(file))?;
    finished.out.flush().map_err(PackageError::Io)?;
    finished
        .out
        .get_ref()
        .sync_all()
        .map_err(PackageError::Io)?;
    Ok(finished)
}

/// Writes a package to `out`. The caller may pass on what was written only after this has
/// returned: then `audit.export.done` is durable.
pub fn export<W: Write>(
    store: &Store,
    who: &Act,
    wanted: &Wanted,
    out: W,
) -> Result<(W, Exported)> {
    let Finished {
        out,
        manifest,
        manifest_sha256,
    } = write_package(store, who, wanted, out)?;
    let finished = Finished {
        out: (),
        manifest,
        manifest_sha256,
    };
    Ok((out, record_done(store, who, finished)?))
}

fn write_package<W: Write>(
    store: &Store,
    who: &Act,
    wanted: &Wanted,
    out: W,
) -> Result<Finished<W>> {
    let mut begin = act(who, "audit.export.begin");
    let conditions = wanted.filter.conditions();
    if !conditions.is_empty() {
        begin = begin.detail("filters", conditions.join("; "));
    }
    store.write_blocking(begin, |_| Ok(()))?;
    let newest = checkpoints::sign_head(store)?
        .ok_or_else(|| AppError::internal("an entry was just written, but there is none"))?;
    let published = store.snapshot();
    let read = published.read(store.vault());
    let to = wanted.to.unwrap_or(newest.size).min(newest.size);
    let heading = Heading {
        origin: checkpoints::origin(store.vault()),
        genesis: checkpoints::verifier_key(store.vault()),
        created: store.clock().now().to_rfc3339(),
        range: Range {
            from: wanted.from.min(to),
            to,
        },
        filters: wanted.filter.conditions(),
    };
    let range = heading.range;
    let mut writer = PackageWriter::new(out, heading)?;
    let rotations: BTreeSet<u64> =
        log::found_by(&read, Dimension::Act, KEY_ROTATE, None)?.collect::<Result<_, _>>()?;
    write_checkpoints(&read, &newest, rotations.clone(), &mut writer)?;
    let selection = Selection {
        size: newest.size,
        range,
        filter: &wanted.filter,
        rotations,
    };
    let shown = write_lines(&read, &selection, &mut writer)?;
    for seq in shown.iter() {
        for opening in log::openings(&read, seq)? {
            writer.opening(seq, &opening)?;
        }
    }
    Ok(writer.finish()?)
}

fn record_done<W>(store: &Store, who: &Act, finished: Finished<W>) -> Result<Exported> {
    let done = act(who, "audit.export.done").about("package", &finished.manifest_sha256);
    store.write_blocking(done, |_| Ok(()))?;
    Ok(Exported {
        manifest: finished.manifest,
        manifest_sha256: finished.manifest_sha256,
    })
}

fn act(who: &Act, code: &'static str) -> Act {
    Act {
        code,
        kind: ActKind::Record,
        objects: Vec::new(),
        details: Vec::new(),
        ..who.clone()
    }
}

/// Writes the newest checkpoint, the first one over each change of keys, and enough others.
fn write_checkpoints<W: Write>(
    read: &Read<'_>,
    newest: &StoredCheckpoint,
    mut rotations: BTreeSet<u64>,
    writer: &mut PackageWriter<W>,
) -> Result<()> {
    let distance = CHECKPOINT_DISTANCE.max(newest.size / CHECKPOINTS_MAX);
    let mut written = 0;
    for stored in read.all::<StoredCheckpoint>(None)? {
        let stored = stored?;
        let covers_rotation = rotations.first().is_some_and(|seq| *seq < stored.size);
        let wanted =
            stored.size == newest.size || covers_rotation || stored.size - written >= distance;
        if stored.size > newest.size || !wanted {
            continue;
        }
        rotations.retain(|seq| *seq >= stored.size);
        writer.checkpoint(stored.size, &stored.note)?;
        written = stored.size;
    }
    Ok(())
}

/// Sequence numbers, a bit each.
struct Shown(Vec<u64>);

impl Shown {
    fn add(&mut self, seq: u64) {
        let word = usize::try_from(seq / 64).unwrap_or(usize::MAX);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (seq % 64);
    }

    fn iter(&self) -> impl Iterator<Item = u64> {
        (0u64..).zip(&self.0).flat_map(|(word, bits)| {
            (0..64)
                .filter(move |bit| bits >> bit & 1 == 1)
                .map(move |bit| word * 64 + bit)
        })
    }
}

/// Which lines are in clear.
struct Selection<'a> {
    size: u64,
    range: Range,
    filter: &'a Filter,
    rotations: BTreeSet<u64>,
}

impl Selection<'_> {
    /// The entry if it is to be shown.
    fn entry(&self, read: &Read<'_>, seq: u64) -> Result<Option<Entry>, StoreError> {
        let is_rotation = self.rotations.contains(&seq);
        if !is_rotation && !(self.range.from..self.range.to).contains(&seq) {
            return Ok(None);
        }
        let entry = entry(read, seq)?;
        let shown = is_rotation || self.filter.matches(read, &entry)?;
        Ok(shown.then_some(entry))
    }
}

fn write_lines<W: Write>(
    read: &Read<'_>,
    selection: &Selection<'_>,
    writer: &mut PackageWriter<W>,
) -> Result<Shown> {
    let mut shown = Shown(Vec::new());
    for tile in 0..selection.size.div_ceil(log::TILE) {
        let first = tile * log::TILE;
        let until = selection.size.min(first + log::TILE);
        let hashes = log::leaf_hashes(read, first..until)?;
        for (seq, hash) in (first..until).zip(hashes) {
            match selection.entry(read, seq)? {
                Some(entry) => {
                    writer.line(Line::Clear(&entry.line))?;
                    shown.add(seq);
                }
                None => writer.line(Line::Hash(hash))?,
            }
        }
    }
    Ok(shown)
}
