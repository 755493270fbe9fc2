//! Files of messages, of the asset library, and evidence packages on their way into a backup
//! and back: what rows name is copied from one shelf to another as it lies, each file once, and
//! nothing is believed before its content has the hash it is named by. A copy that was cut off
//! leaves no half file and goes on the next time. Files of messages and packages lie sealed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::store::{Read, Store, StoreError, files, sealed};

use super::{
    evidence::{self, Packages},
    model::Media,
    shelf::{is_lost, open_sealed},
};

/// Files that are named when they cannot be copied.
const NAMED_MAX: usize = 20;

/// What a copy has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Files that rows name.
    pub files: u64,
    /// Of them, copied now.
    pub copied: u64,
    /// Bytes copied now.
    pub bytes: u64,
    /// Files that are not there to be copied: deleted meanwhile, or lost.
    pub missing: u64,
    /// Files whose content is not what it was: left out.
    pub damaged: u64,
    /// Packages that are not sealed yet: left out.
    #[serde(default)]
    pub open: u64,
    /// Where the first of those that were not copied lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<PathBuf>,
}

impl Carried {
    /// Whether every file is in the copy.
    pub fn is_whole(&self) -> bool {
        self.missing == 0 && self.damaged == 0 && self.open == 0
    }

    /// This and another copy together.
    pub fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            copied: self.copied + other.copied,
            bytes: self.bytes + other.bytes,
            missing: self.missing + other.missing,
            damaged: self.damaged + other.damaged,
            open: self.open + other.open,
            bad: self.bad.into_iter().chain(other.bad).collect(),
        }
    }

    fn is_bad(&mut self, path: &Path) {
        if self.bad.len() < NAMED_MAX {
            self.bad.push(path.to_owned());
        }
    }
}

/// The content that messages name, by SHA-256.
pub fn named(r: &Read<'_>) -> Result<BTreeSet<[u8; 32]>, StoreError> {
    let mut named = BTreeSet::new();
    for media in r.all::<Media>(None)? {
        named.extend(media?.sha256);
    }
    Ok(named)
}

/// The place of a file's content on a shelf.
pub(super) fn place(shelf: &Path, sha256: &[u8; 32]) -> PathBuf {
    let name = hex::encode(sha256);
    shelf.join(&name[..2]).join(name)
}

/// A file on its way: what it must be, where it lies, where it goes.
struct Way {
    /// None for a package that lies open: it is left where it is.
    sha256: Option<[u8; 32]>,
    from: PathBuf,
    to: PathBuf,
}

/// Copies files that lie open and that `to` does not have. What is there already was looked at
/// when it came.
pub fn carry(named: &BTreeSet<[u8; 32]>, from: &Path, to: &Path) -> io::Result<Carried> {
    carry_all(ways(named, from, to), to, lies_open)
}

/// The same for files that lie sealed with the key of this store's firm, or open from before
/// they were sealed.
pub fn carry_sealed(
    store: &Store,
    named: &BTreeSet<[u8; 32]>,
    from: &Path,
    to: &Path,
) -> io::Result<Carried> {
    carry_all(ways(named, from, to), to, |file, sha256| {
        if !sealed::is_sealed(&file)? {
            return lies_open(file, sha256);
        }
        let opened = open_sealed(store, file, &hex::encode(sha256));
        match opened.and_then(|sealed| files::sha256_of(sealed.content())) {
            Ok(found) => Ok(found == *sha256),
            Err(why) if is_lost(&why) => Ok(false),
            Err(why) => Err(why),
        }
    })
}

/// Whether a file that lies open is what it is named by.
fn lies_open(file: File, sha256: &[u8; 32]) -> io::Result<bool> {
    Ok(files::sha256_of(file)? == *sha256)
}

fn ways<'a>(
    named: &'a BTreeSet<[u8; 32]>,
    from: &'a Path,
    to: &'a Path,
) -> impl Iterator<Item = Way> + 'a {
    named.iter().map(move |sha256| Way {
        sha256: Some(*sha256),
        from: place(from, sha256),
        to: place(to, sha256),
    })
}

/// Evidence packages, each with its file.
pub fn packages(r: &Read<'_>) -> Result<Packages, StoreError> {
    evidence::packages(r)
}

/// Copies packages from their folder to a shelf.
pub fn carry_packages(packages: &Packages, from: &Path, shelf: &Path) -> io::Result<Carried> {
    let way = |(file, sha256): &(String, Option<[u8; 32]>)| Way {
        sha256: *sha256,
        from: from.join(file),
        to: sha256.map_or(PathBuf::new(), |sha256| place(shelf, &sha256)),
    };
    carry_all(packages.iter().map(way), shelf, lies_open)
}

/// Copies packages from a shelf back to their folder.
pub fn bring_packages(packages: &Packages, shelf: &Path, to: &Path) -> io::Result<Carried> {
    let way = |(file, sha256): &(String, Option<[u8; 32]>)| Way {
        sha256: *sha256,
        from: sha256.map_or(PathBuf::from(file), |sha256| place(shelf, &sha256)),
        to: to.join(file),
    };
    carry_all(packages.iter().map(way), to, lies_open)
}

fn carry_all(
    ways: impl Iterator<Item = Way>,
    to: &Path,
    is_whole: impl Fn(File, &[u8; 32]) -> io::Result<bool>,
) -> io::Result<Carried> {
    files::make_private(to)?;
    let mut carried = Carried::default();
    let mut touched = BTreeSet::new();
    for way in ways {
        carried.files += 1;
        let Some(sha256) = way.sha256 else {
            carried.open += 1;
            carried.is_bad(&way.from);
            continue;
        };
        if way.to.exists() {
            continue;
        }
        let source = match File::open(&way.from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                carried.missing += 1;
                carried.is_bad(&way.from);
                continue;
            }
            source => source?,
        };
        let folder = way.to.parent().unwrap_or(to).to_owned();
        files::make_private(&folder)?;
        match copy(source, &way.to, |file| is_whole(file, &sha256))? {
            Some(bytes) => {
                carried.copied += 1;
                carried.bytes += bytes;
                touched.insert(folder);
            }
            None => {
                carried.damaged += 1;
                carried.is_bad(&way.from);
            }
        }
    }
    for folder in &touched {
        File::open(folder)?.sync_all()?;
    }
    File::open(to)?.sync_all()?;
    Ok(carried)
}

/// Copies one file; the bytes, or `None` if the copy is not what it must be.
fn copy(
    mut source: File,
    target: &Path,
    is_whole: impl FnOnce(File) -> io::Result<bool>,
) -> io::Result<Option<u64>> {
    let part = target.with_extension("part");
    files::remove_leftover(&part)?;
    let mut out = files::open_private(&part, 0o600)?;
    let bytes = io::copy(&mut source, &mut out)?;
    if !is_whole(File::open(&part)?)? {
        fs::remove_file(&part)?;
        return Ok(None);
    }
    out.sync_all()?;
    fs::rename(&part, target)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 800_000;

    fn put(shelf: &Path, content: &[u8]) -> [u8; 32] {
        let sha256 = files::sha256_of(content).unwrap();
        let path = place(shelf, &sha256);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        sha256
    }

    #[test]
    fn only_what_is_new_is_copied_and_nothing_that_was_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("media"), dir.path().join("backup/files"));
        let first = put(&from, b"one");
        let large = put(&from, &vec![7; LARGE]);
        let named = BTreeSet::from([first, large]);
        let carried = carry(&named, &from, &to).unwrap();
        assert_eq!((carried.files, carried.copied), (2, 2));
        assert_eq!(carried.bytes, LARGE as u64 + 3);
        assert_eq!(fs::read(place(&to, &first)).unwrap(), b"one");

        let second = put(&from, b"two");
        let third = put(&from, b"three");
        fs::write(place(&from, &third), b"thr33").unwrap();
        let named = BTreeSet::from([first, large, second, third, [9; 32]]);
        // A copy that was cut off.
        fs::create_dir_all(place(&to, &second).parent().unwrap()).unwrap();
        fs::write(place(&to, &second).with_extension("part"), b"t").unwrap();
        let carried = carry(&named, &from, &to).unwrap();
        let expected = Carried {
            files: 5,
            copied: 1,
            bytes: 3,
            missing: 1,
            damaged: 1,
            open: 0,
            bad: vec![place(&from, &[9; 32]), place(&from, &third)],
        };
        let mut carried = carried;
        carried.bad.sort();
        let mut expected = expected;
        expected.bad.sort();
        assert_eq!(carried, expected);
        assert!(!carried.is_whole() && !place(&to, &third).exists());
        assert_eq!(fs::read(place(&to, &second)).unwrap(), b"two");

        // And back.
        let back = dir.path().join("back");
        let carried = carry(&BTreeSet::from([first, second, large]), &to, &back).unwrap();
        assert!(carried.is_whole() && carried.copied == 3);
    }

    #[test]
    fn what_is_not_sealed_yet_is_left_out_and_not_missing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, shelf) = (dir.path().join("evidence"), dir.path().join("shelf"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("j1.zip"), "PK").unwrap();
        let packages = vec![("j1.zip".to_owned(), None)];
        let carried = carry_packages(&packages, &from, &shelf).unwrap();
        assert_eq!((carried.files, carried.open, carried.missing), (1, 1, 0));
        assert_eq!(carried.bad, [from.join("j1.zip")]);
        assert!(!carried.is_whole());
        let back = bring_packages(&packages, &shelf, &from).unwrap();
        assert_eq!((back.open, back.missing), (1, 0));
    }
}
