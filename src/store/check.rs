//! `qitai check`: every row against its own check, its indexes, the feed and the audit log.

use std::{collections::HashMap, ops::Bound};

use super::{
    Class, Entity, FeedEntry, Read, Store, StoreError, feed::FEED, key::RecordKey, migrate::META,
    row, vault::SUBJECT_KEYS,
};

/// One thing found wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// The table.
    pub table: String,
    /// The key in hex, or empty for the table as a whole.
    pub key: String,
    /// What is wrong, in English, for the log and the support request.
    pub what: String,
}

/// The outcome of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Findings {
    /// Rows examined.
    pub rows: u64,
    /// Everything wrong, in the order found; at most [`Findings::MAX`].
    pub found: Vec<Finding>,
    /// Whether more was wrong than is listed.
    pub truncated: bool,
}

impl Findings {
    /// How many findings are kept.
    pub const MAX: usize = 1000;

    /// Notes something wrong.
    pub fn add(&mut self, table: &str, key: &[u8], what: impl Into<String>) {
        if self.found.len() >= Self::MAX {
            self.truncated = true;
            return;
        }
        let finding = Finding {
            table: table.to_owned(),
            key: hex::encode(key),
            what: what.into(),
        };
        self.found.push(finding);
    }

    /// Counts an examined row.
    pub fn examined(&mut self) {
        self.rows += 1;
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }
}

impl Store {
    /// Examines the published state. Reads everything; takes as long as that takes.
    pub fn check(&self) -> Result<Findings, StoreError> {
        let mut findings = Findings::default();
        let published = self.snapshot();
        let read = published.read(self.vault());
        for spec in self.tables() {
            (spec.check)(&read, &mut findings)?;
        }
        check_own_rows(&read, &mut findings)?;
        check_feed(&read, self, &mut findings)?;
        self.seal().check(&read, &mut findings)?;
        Ok(findings)
    }
}

const WHOLE: (Bound<Vec<u8>>, Bound<Vec<u8>>) = (Bound::Unbounded, Bound::Unbounded);

/// Every record against its check and its index rows; every index row against its record.
pub(super) fn check_table<E: Entity>(
    read: &Read<'_>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    for item in read.raw_range(E::TABLE, WHOLE, false)? {
        let (key, value) = item?;
        findings.examined();
        match read.decode::<E>(&key, &value) {
            Ok(Some(found)) => check_record(read, &key, &found.entity, findings)?,
            Ok(None) => findings.add(E::TABLE, &key, "the row outlived its subject's key"),
            Err(StoreError::Damaged { .. }) => {
                findings.add(E::TABLE, &key, "the row fails its check");
            }
            Err(error) => return Err(error),
        }
    }
    for index in E::indexes() {
        for item in read.raw_range(index.table, WHOLE, false)? {
            let (place, value) = item?;
            findings.examined();
            let Ok(target) = row::decode_index(index.table, &place, &value) else {
                findings.add(index.table, &place, "the index row fails its check");
                continue;
            };
            let target = if index.unique {
                Some(&target[..])
            } else {
                E::Key::LEN.and_then(|len| place.get(place.len().checked_sub(len)?..))
            };
            let record = target.and_then(E::Key::from_bytes);
            // A damaged record was named above; here it counts as not giving the row.
            let entity = match &record {
                Some(key) => read.get::<E>(key).unwrap_or_default(),
                None => None,
            };
            let given = entity.is_some_and(|entity| {
                index
                    .rows(&entity, read.vault())
                    .iter()
                    .any(|(key, _)| *key == place)
            });
            if !given {
                findings.add(index.table, &place, "no record gives this index row");
            }
        }
    }
    Ok(())
}

fn check_record<E: Entity>(
    read: &Read<'_>,
    key: &[u8],
    entity: &E,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    if entity.key().to_key().as_bytes() != key {
        findings.add(
            E::TABLE,
            key,
            "the record stands under another record's key",
        );
    }
    for index in E::indexes() {
        for (place, target) in index.rows(entity, read.vault()) {
            match read.raw_get(index.table, &place)? {
                None => findings.add(index.table, &place, "the index row is missing"),
                Some(value) => {
                    let stored = row::decode_index(index.table, &place, &value);
                    if stored.is_ok_and(|stored| stored != target) {
                        findings.add(index.table, &place, "the index row names another record");
                    }
                }
            }
        }
    }
    Ok(())
}

/// The newest word of the feed on each record: kind and key → digest of the row, if it is there.
type Newest = HashMap<(String, Vec<u8>), Option<u64>>;

/// The feed against itself, the audit log and the records.
fn check_feed(read: &Read<'_>, store: &Store, findings: &mut Findings) -> Result<(), StoreError> {
    let newest = check_feed_entries(read, store.seal().size(read)?, findings)?;
    let records = store.tables().iter().filter(|t| t.class == Class::Record);
    for spec in records {
        for ((_, key), row) in newest.iter().filter(|((kind, _), _)| kind == spec.kind) {
            if read.raw_get(spec.table, key)?.as_deref().map(digest) != *row {
                let what = "the record differs from the feed's newest entry";
                findings.add(spec.table, key, what);
            }
        }
        for item in read.raw_range(spec.table, WHOLE, false)? {
            let named = (spec.kind.to_owned(), item?.0);
            if !newest.contains_key(&named) {
                findings.add(spec.table, &named.1, "no feed entry tells of the record");
            }
        }
    }
    Ok(())
}

/// Every feed entry against its check, its number (from 1, without gaps), and the audit entry
/// it names.
fn check_feed_entries(
    read: &Read<'_>,
    audit_size: Option<u64>,
    findings: &mut Findings,
) -> Result<Newest, StoreError> {
    let mut newest = Newest::new();
    let mut expected = 1;
    let mut audit_seq = 0;
    for item in read.raw_range(FEED, WHOLE, false)? {
        let (key, value) = item?;
        findings.examined();
        let number = u64::from_bytes(&key);
        if number != Some(expected) {
            findings.add(FEED, &key, "the feed has a gap before this entry");
        }
        expected = number.map_or(expected, |n| n.saturating_add(1));
        let row = row::decode(read.source(), read.vault(), FEED, &key, &value);
        let entry = row.ok().flatten();
        let entry = entry.and_then(|r| minicbor::decode::<FeedEntry>(&r.body).ok());
        let Some(entry) = entry.filter(|e| Some(e.n) == number) else {
            findings.add(FEED, &key, "the feed entry fails its check");
            continue;
        };
        if entry.audit_seq < audit_seq || audit_size.is_some_and(|size| entry.audit_seq >= size) {
            findings.add(FEED, &key, "the audit entry of this change is missing");
        }
        audit_seq = audit_seq.max(entry.audit_seq);
        newest.insert((entry.kind, entry.key), entry.row.as_deref().map(digest));
    }
    Ok(newest)
}

/// Stands for a row, so that a check of many rows does not hold them all.
fn digest(row: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(row)
}

/// The store's own rows: wrapped subject keys and facts about the folder.
fn check_own_rows(read: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    for item in read.raw_range(SUBJECT_KEYS, WHOLE, false)? {
        let (key, row) = item?;
        findings.examined();
        if !read.vault().opens_subject_key(&key, &row) {
            findings.add(SUBJECT_KEYS, &key, "the person's key cannot be unwrapped");
        }
    }
    for item in read.raw_range(META, WHOLE, false)? {
        let (key, value) = item?;
        findings.examined();
        if row::decode_index(META, &key, &value).is_err() {
            findings.add(META, &key, "the row fails its check");
        }
    }
    Ok(())
}
