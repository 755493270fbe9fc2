//! The data folder and what lies beside it.
//!
//! ```text
//! DIR/            0700
//!   format        the number an older version looks at before it touches anything
//!   store.redb    records, indexes, audit, feed: the only truth
//!   index/        search, rebuilt from the feed when missing
//!   media/        files of archived messages, by content
//!   assets/       files of the asset library, by content
//!   evidence/     evidence packages, sealed
//! DIR.key         0400, the keys
//! DIR.seen        0600, what was last seen of the audit log
//! ```

use std::path::{Path, PathBuf};

use crate::kit::Random;

use super::{StoreError, Vault, files};

/// A data folder by its path.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Names a folder; touches nothing. Trailing separators are dropped, so that the key file
    /// lies beside the folder and not in it.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().components().collect(),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store's file.
    pub fn store_file(&self) -> PathBuf {
        self.path.join("store.redb")
    }

    /// Where the format number stands in clear.
    pub(super) fn format_file(&self) -> PathBuf {
        self.path.join("format")
    }

    /// Where derived indexes live.
    pub fn index_dir(&self) -> PathBuf {
        self.path.join("index")
    }

    /// Where the files of messages lie, by content.
    pub fn media_dir(&self) -> PathBuf {
        self.path.join("media")
    }

    /// Where the files of the asset library lie, by content.
    pub fn assets_dir(&self) -> PathBuf {
        self.path.join("assets")
    }

    /// Where evidence packages lie.
    pub fn evidence_dir(&self) -> PathBuf {
        self.path.join("evidence")
    }

    /// Whether a store is here already.
    pub fn exists(&self) -> bool {
        self.store_file().exists()
    }

    /// Makes the folder (0700) and its key file, unless both are there. A folder with a store
    /// but without its key file is refused: nothing in it could be read.
    pub fn create(&self, random: &Random) -> Result<(), StoreError> {
        let key_path = Vault::path_for(&self.path);
        if self.exists() && !key_path.exists() {
            return Err(StoreError::KeyFile {
                path: key_path,
                why: "is missing. Without it nothing in the folder can be read; put the key \
                      file that was made together with the folder back beside it"
                    .to_owned(),
            });
        }
        files::make_private(&self.path)
            .and_then(|()| files::sync_entry(&self.path))
            .map_err(|e| self.refuse(e))?;
        if !key_path.exists() {
            Vault::create(&key_path, random)?;
        }
        Ok(())
    }

    /// Where what was last seen of the audit log lies.
    pub fn seen_file(&self) -> PathBuf {
        files::beside(&self.path, ".seen")
    }

    /// What was last seen; `None` if nothing was yet.
    pub fn read_seen(&self) -> Result<Option<String>, StoreError> {
        match std::fs::read(self.seen_file()) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(self.refuse(format_args!("{}: {why}", self.seen_file().display()))),
        }
    }

    /// Replaces what was last seen, whole or not at all.
    pub fn write_seen(&self, text: &str) -> Result<(), StoreError> {
        let path = self.seen_file();
        files::replace(&path, 0o600, text.as_bytes())
            .map_err(|why| self.refuse(format_args!("{}: {why}", path.display())))
    }

    pub(super) fn load_keys(&self) -> Result<Vault, StoreError> {
        Vault::load(&Vault::path_for(&self.path))
    }

    pub(super) fn refuse(&self, why: impl std::fmt::Display) -> StoreError {
        StoreError::Folder {
            path: self.path.clone(),
            why: why.to_string(),
        }
    }
}
