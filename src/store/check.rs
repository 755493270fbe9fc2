//! `qitai check`: every row against its own check, its indexes, the feed and the audit log.

use std::{collections::HashMap, ops::Bound};

use super::{Class, Entity, FeedEntry, Read, Store, StoreError, key::RecordKey, row};

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

/// The feed without gaps, and its newest word on each record against the record.
fn check_feed(read: &Read<'_>, store: &Store, findings: &mut Findings) -> Result<(), StoreError> {
    let mut last: HashMap<(String, Vec<u8>), FeedEntry> = HashMap::new();
    let mut expected = None;
    for item in read.raw_range(super::feed::FEED, WHOLE, false)? {
        let (key, value) = item?;
        findings.examined();
        let row = row::decode(read.source(), read.vault(), super::feed::FEED, &key, &value);
        let entry = row
            .ok()
            .flatten()
            .and_then(|r| minicbor::decode::<FeedEntry>(&r.body).ok());
        let Some(mut entry) = entry.filter(|e| e.n.to_be_bytes() == key[..]) else {
            findings.add(super::feed::FEED, &key, "the feed entry fails its check");
            expected = None;
            continue;
        };
        if expected.is_some_and(|n| n != entry.n) {
            findings.add(
                super::feed::FEED,
                &key,
                "the feed has a gap before this entry",
            );
        }
        expected = Some(entry.n + 1);
        // Only a digest of the row is needed later.
        entry.row = entry
            .row
            .map(|row| xxhash_rust::xxh3::xxh3_64(&row).to_be_bytes().to_vec());
        last.insert((entry.kind.clone(), entry.key.clone()), entry);
    }
    for spec in store
        .tables()
        .iter()
        .filter(|spec| spec.class == Class::Record)
    {
        for ((_, key), entry) in last.iter().filter(|((kind, _), _)| kind == spec.kind) {
            let stored = read.raw_get(spec.table, key)?;
            let stored = stored.map(|row| xxhash_rust::xxh3::xxh3_64(&row).to_be_bytes().to_vec());
            if stored != entry.row {
                findings.add(
                    spec.table,
                    key,
                    "the record differs from the feed's newest entry",
                );
            }
        }
    }
    Ok(())
}
