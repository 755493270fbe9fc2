//! Indexes as folders on disk: which is in use, whether it fits, what a commit says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tantivy::{Index, IndexWriter, index::SegmentComponent};
use xxhash_rust::xxh3::xxh3_64;

/// The files of a segment.
const PARTS: [SegmentComponent; 6] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
];

/// The index failed. It is derived: the remedy is always to build it again.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index cannot be read or written.
    #[error("search index: {0}")]
    Index(String),
    /// It belongs to another folder or another version, or is damaged.
    #[error("the search index does not fit: {0}")]
    Unfit(&'static str),
}

impl From<tantivy::TantivyError> for SearchError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(error.to_string())
    }
}
impl From<std::io::Error> for SearchError {
    fn from(error: std::io::Error) -> Self {
        Self::Index(error.to_string())
    }
}
impl From<SearchError> for crate::error::AppError {
    fn from(error: SearchError) -> Self {
        Self::internal(error)
    }
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    folder: String,
    schema: u32,
    feed: u64,
    /// Over the rest: a flipped digit of `feed` would silently lose changes.
    check: u64,
}

/// Where the indexes of one kind lie: one in use, perhaps one that is being built.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    /// The folder they lie in.
    pub(super) dir: PathBuf,
    /// What their own folders' names begin with.
    pub(super) kind: &'static str,
    /// Changes whenever documents are made in another way.
    pub(super) schema: u32,
    /// The data folder they belong to.
    pub(super) folder: String,
}

impl Shelf {
    fn place(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{}-{number}", self.kind))
    }

    /// The number of the newest index. A rebuild gives the next number.
    fn latest(&self) -> Result<Option<u64>, SearchError> {
        let mut latest = None;
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|n| n.strip_prefix(self.kind)?.strip_prefix('-')?.parse().ok());
            latest = latest.max(number);
        }
        Ok(latest)
    }

    /// The index in use, or where the first one will be.
    pub(super) fn current(&self) -> Result<PathBuf, SearchError> {
        Ok(self.place(self.latest()?.unwrap_or(1)))
    }

    /// Where the index after the one in use will be.
    pub(super) fn next(&self) -> Result<PathBuf, SearchError> {
        Ok(self.place(self.latest()?.unwrap_or(0) + 1))
    }

    /// Where a new one is built.
    pub(super) fn building(&self) -> PathBuf {
        self.dir.join(format!("{}-building", self.kind))
    }

    /// Makes the index that was built the one in use from the next start on.
    pub(super) fn put(&self, ready: &Path) -> Result<(), SearchError> {
        fs::rename(self.building(), ready)?;
        Ok(fs::File::open(&self.dir)?.sync_all()?)
    }

    /// Removes older indexes and unfinished ones.
    pub(super) fn remove_others(&self, current: &Path) -> Result<(), SearchError> {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(self.kind);
            if path != current && path.file_name().is_some_and(is_ours) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn payload(&self, feed: u64) -> Payload {
        let (folder, schema) = (self.folder.clone(), self.schema);
        let check = xxh3_64(format!("{folder}\n{schema}\n{feed}").as_bytes());
        Payload {
            folder,
            schema,
            feed,
            check,
        }
    }

    /// Makes everything that was written durable in `dir` together with the feed number it
    /// stands for.
    pub(super) fn commit(
        &self,
        writer: &mut IndexWriter,
        dir: &Path,
        feed: u64,
    ) -> Result<(), SearchError> {
        let payload = serde_json::to_string(&self.payload(feed))
            .map_err(|e| SearchError::Index(e.to_string()))?;
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        // The rename of the meta file must survive a power cut too.
        Ok(fs::File::open(dir)?.sync_all()?)
    }

    /// The feed number of an index of this folder and this version, whose feed ends at `head`.
    pub(super) fn feed(&self, index: &Index, head: u64) -> Result<u64, SearchError> {
        let text = index.load_metas()?.payload.unwrap_or_default();
        let payload: Payload =
            serde_json::from_str(&text).map_err(|_| SearchError::Unfit("no cursor"))?;
        if payload != self.payload(payload.feed) {
            return Err(SearchError::Unfit("another folder or version"));
        }
        if payload.feed > head {
            return Err(SearchError::Unfit("its cursor lies beyond the feed"));
        }
        Ok(payload.feed)
    }
}

/// Every file that the segments need is there and, if it is to be read, fits its own checksum.
pub(super) fn check_files(dir: &Path, index: &Index, read: bool) -> Result<(), SearchError> {
    for segment in index.searchable_segment_metas()? {
        let deleted = segment.has_deletes().then_some(SegmentComponent::Delete);
        for component in PARTS.into_iter().chain(deleted) {
            let file = segment.relative_path(component);
            if !dir.join(&file).exists() {
                return Err(SearchError::Unfit("a file is missing"));
            }
            if read {
                let checked = index.directory().validate_checksum(&file);
                if !checked.map_err(|e| SearchError::Index(e.to_string()))? {
                    return Err(SearchError::Unfit("a file is damaged"));
                }
            }
        }
    }
    Ok(())
}

/// Removes a folder that may not be there.
pub(super) fn remove(dir: &Path) -> Result<(), SearchError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
