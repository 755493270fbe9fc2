//! What files outside the engine need: small ones that are whole or absent, whenever the power
//! goes, and the folders and hashes of others.
//!
//! A small file is written beside its place, synced, moved there, and the folder's entry synced
//! as well: a rename without that may come back undone.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Writes a file that must not exist yet. `mode` as in `chmod`.
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let part = write_part(path, mode, bytes)?;
    // A link, unlike a rename, never replaces a file that somebody made meanwhile.
    let placed = match std::fs::hard_link(&part, path) {
        Err(why) if is_without_links(&why) && !path.exists() => std::fs::rename(&part, path),
        placed => placed,
    };
    if part.exists() {
        std::fs::remove_file(&part)?;
    }
    placed?;
    sync_entry(path)
}

/// Writes a file, whatever was there before.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let part = write_part(path, mode, bytes)?;
    std::fs::rename(&part, path)?;
    sync_entry(path)
}

/// A new file that nobody else can read.
pub(crate) fn open_private(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    options.open(path)
}

/// Makes a folder that nobody else can look into, with those above it; one that is there stays
/// as it is.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What lies in a folder; nothing if it is not there.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// Makes the name of a file or folder survive a power cut.
pub(crate) fn sync_entry(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// `path` with `suffix` behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes what a run that was cut off has left; nothing there is fine.
pub(crate) fn remove_leftover(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

fn write_part(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<PathBuf> {
    let part = beside(path, ".part");
    remove_leftover(&part)?;
    let mut out = open_private(&part, mode)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    Ok(part)
}

/// The SHA-256 of all that comes.
pub(crate) fn sha256_of(mut from: impl io::Read) -> io::Result<[u8; 32]> {
    let mut sha256 = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece)? {
            0 => break,
            read => sha256.update(&piece[..read]),
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(sha256.finish().as_ref());
    Ok(hash)
}

/// Whether the file system knows no hard links.
fn is_without_links(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_never_replaces_another_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        // Left over from a run that was cut off.
        std::fs::write(beside(&path, ".part"), "half").unwrap();
        create(&path, 0o400, b"one").unwrap();
        let again = create(&path, 0o400, b"two").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        replace(&path, 0o400, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o400);
        }
    }
}
