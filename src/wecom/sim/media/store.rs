//! Where the content of files lies: in a folder, or in memory.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// A file on its way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its name.
    pub filename: String,
    /// Its media type as the sender says.
    pub content_type: String,
    /// Where its content lies.
    pub blob: String,
    /// Its content; the journal does without.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Upload {
    /// A file with its place in the store.
    pub fn new(filename: String, content_type: String, bytes: Bytes) -> Self {
        Self {
            filename,
            content_type,
            blob: format!("{:032x}", xxh3_128(&bytes)),
            bytes,
        }
    }
}

/// Contents by their hash.
#[derive(Debug, Default)]
pub struct Blobs {
    folder: Option<PathBuf>,
    memory: Mutex<HashMap<String, Bytes>>,
}

impl Blobs {
    /// A store in this folder, or in memory.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            memory: Mutex::default(),
        }
    }

    /// Keeps a content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, blob: &str, bytes: &Bytes) -> std::io::Result<()> {
        let Some(folder) = &self.folder else {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.insert(blob.to_owned(), bytes.clone());
            return Ok(());
        };
        std::fs::create_dir_all(folder)?;
        let path = folder.join(blob);
        if path.exists() {
            return Ok(());
        }
        // Whole or not at all, should the process be killed here.
        let half = folder.join(format!("{blob}.new"));
        std::fs::write(&half, bytes)?;
        std::fs::rename(half, path)
    }

    /// A content that was kept.
    pub fn get(&self, blob: &str) -> Option<Bytes> {
        match &self.folder {
            Some(folder) => std::fs::read(folder.join(blob)).ok().map(Bytes::from),
            None => {
                let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.get(blob).cloned()
            }
        }
    }
}
