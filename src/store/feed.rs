//! The change feed: one numbered entry per changed record, in the same transaction.
//!
//! Everything derived (search, statistics, copies elsewhere) tails it. A number that was
//! ever readable is never given to another change. The row is kept as stored, so a sealed
//! one stays sealed and goes with its subject's key.

use minicbor::{Decode, Encode};

use crate::kit::Timestamp;

use super::{Read, StoreError, key::Key, key::RecordKey, row, source::Source};

/// feed: number (u64) → entry, with the same check as any value.
pub(super) const FEED: &str = "feed-1";

/// What happened to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It was created or changed.
    Put,
    /// It was deleted.
    Delete,
}

/// One changed record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedEntry {
    /// Number, from 1, without gaps.
    #[n(0)]
    pub n: u64,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// The audit entry that says by whom and why.
    #[n(2)]
    pub audit_seq: u64,
    /// The entity's kind.
    #[n(3)]
    pub kind: String,
    /// The record's key as stored.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// Version of the record after the change; of the last one before a deletion.
    #[n(5)]
    pub version: u32,
    /// The row after the change as stored; none after a deletion.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub row: Option<Vec<u8>>,
}

impl FeedEntry {
    /// What happened.
    pub fn op(&self) -> Op {
        if self.row.is_some() {
            Op::Put
        } else {
            Op::Delete
        }
    }

    /// The record's key, if it is one of this type.
    pub fn key_as<K: RecordKey>(&self) -> Option<K> {
        K::from_bytes(&self.key)
    }

    pub(super) fn encode(&self) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let key = Key::new().with(self.n).into_bytes();
        let body = minicbor::to_vec(self).map_err(|e| StoreError::Internal(e.to_string()))?;
        let value = row::encode_plain(
            FEED,
            &key,
            &row::Row {
                schema: 1,
                version: 1,
                body,
            },
        );
        Ok((key, value))
    }
}

impl Read<'_> {
    /// The entries behind number `after`, in order.
    pub fn feed(
        &self,
        after: u64,
    ) -> Result<impl Iterator<Item = Result<FeedEntry, StoreError>> + '_, StoreError> {
        let from = std::ops::Bound::Excluded(Key::new().with(after).into_bytes());
        let rows = self
            .source()
            .range(FEED, (from, std::ops::Bound::Unbounded), false)?;
        let read = *self;
        Ok(rows.map(move |item| {
            let (key, value) = item?;
            let damaged = || StoreError::damaged(FEED, &key);
            let row = row::decode(read.source(), read.vault(), FEED, &key, &value)?
                .ok_or_else(damaged)?;
            minicbor::decode(&row.body).map_err(|_| damaged())
        }))
    }

    /// The number of the newest entry; 0 if there is none.
    pub fn feed_head(&self) -> Result<u64, StoreError> {
        head_of(self.source())
    }
}

/// The newest number in the feed table. The newest entry is never trimmed.
pub(super) fn head_of(source: &dyn Source) -> Result<u64, StoreError> {
    let whole = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    match source.range(FEED, whole, true)?.next() {
        Some(item) => {
            let (key, _) = item?;
            u64::from_bytes(&key).ok_or_else(|| StoreError::damaged(FEED, &key))
        }
        None => Ok(0),
    }
}
