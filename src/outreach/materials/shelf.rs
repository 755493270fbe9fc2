//! Where the files of assets lie: each once, under the name of its SHA-256.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::{Notify, RwLock, RwLockReadGuard};

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Folder, files},
};

use super::queries;

/// Keeps files from being removed that no row names yet.
#[derive(Default)]
pub struct Shelf {
    changing: RwLock<()>,
    emptied: Notify,
}

impl Shelf {
    /// To be held from before a file is put on the shelf until the row that names it is there.
    pub(super) async fn placing(&self) -> RwLockReadGuard<'_, ()> {
        self.changing.read().await
    }

    /// Says that an asset was deleted.
    pub(super) fn empty(&self) {
        self.emptied.notify_one();
    }

    /// Resolves when an asset was deleted.
    pub(super) async fn emptied(&self) {
        self.emptied.notified().await;
    }
}

fn root(app: &App) -> PathBuf {
    Folder::at(&app.config.data).assets_dir()
}

/// The place of a file's content.
pub(super) fn path_of(app: &App, sha256: &[u8; 32]) -> PathBuf {
    place(&root(app), sha256)
}

fn place(root: &Path, sha256: &[u8; 32]) -> PathBuf {
    let name = hex::encode(sha256);
    root.join(&name[..2]).join(name)
}

/// Puts content on the shelf, durably, unless it is there already. Waits for the disk.
pub(super) fn keep(app: &App, sha256: &[u8; 32], from: &Path) -> io::Result<()> {
    put(&root(app), sha256, from)
}

fn put(root: &Path, sha256: &[u8; 32], from: &Path) -> io::Result<()> {
    let target = place(root, sha256);
    if target.exists() {
        return Ok(());
    }
    let folder = target.parent().unwrap_or(root).to_owned();
    files::make_private(&folder)?;
    // A name of its own: two may bring the same content at once.
    let mut part = tempfile::Builder::new().prefix("part-").tempfile_in(root)?;
    io::copy(&mut File::open(from)?, part.as_file_mut())?;
    part.as_file().sync_all()?;
    part.persist(&target).map_err(|refused| refused.error)?;
    File::open(&folder)?.sync_all()?;
    File::open(root)?.sync_all()
}

/// Removes what no version of an asset names: left behind by deletions, and by changes that
/// were cut off.
pub(super) async fn sweep(app: &Arc<App>) -> Result<()> {
    // Nobody is placing anything now: what no row names will not be named.
    let _alone = app.outreach.shelf.changing.write().await;
    let app = app.clone();
    let swept = tokio::task::spawn_blocking(move || {
        let named = app.read(queries::named)?;
        remove_others(&root(&app), &named).map_err(AppError::internal)
    });
    swept.await.map_err(AppError::internal)?
}

fn remove_others(root: &Path, named: &BTreeSet<[u8; 32]>) -> io::Result<()> {
    for entry in files::list(root)? {
        if entry.is_dir() {
            for file in files::list(&entry)? {
                if !is_named(&file, named) {
                    fs::remove_file(&file)?;
                }
            }
        } else {
            fs::remove_file(&entry)?;
        }
    }
    Ok(())
}

fn is_named(file: &Path, named: &BTreeSet<[u8; 32]>) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    let mut sha256 = [0; 32];
    name.is_some_and(|name| hex::decode_to_slice(name, &mut sha256).is_ok())
        && named.contains(&sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(content: &[u8]) -> [u8; 32] {
        files::sha256_of(content).unwrap()
    }

    #[test]
    fn a_file_is_whole_or_absent_and_only_what_nothing_names_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("assets");
        let from = dir.path().join("upload");
        for content in ["one", "two"] {
            fs::write(&from, content).unwrap();
            let sha256 = sha256(content.as_bytes());
            put(&root, &sha256, &from).unwrap();
            put(&root, &sha256, &from).unwrap();
            assert_eq!(fs::read_to_string(place(&root, &sha256)).unwrap(), content);
        }
        fs::write(root.join("part-cut-off"), "half").unwrap();
        remove_others(&root, &BTreeSet::from([sha256(b"one")])).unwrap();
        assert!(place(&root, &sha256(b"one")).exists());
        assert!(!place(&root, &sha256(b"two")).exists());
        assert!(!root.join("part-cut-off").exists());
        remove_others(&dir.path().join("absent"), &BTreeSet::new()).unwrap();
    }
}
