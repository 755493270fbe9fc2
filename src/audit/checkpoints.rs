//! Signed heads of the log: every minute or thousand entries, at stop, before export.

use minicbor::{Decode, Encode};

use crate::{
    error::Result,
    kit::Timestamp,
    store::{Act, Class, Entity, Read, Store, StoreError, TableSpec, Vault},
};

use super::{
    log,
    log::Stored,
    merkle,
    note::{Checkpoint, SignedCheckpoint, Signer, VerifierKey},
};

/// A checkpoint is signed after this many new entries at the latest.
pub const ENTRIES_MAX: u64 = 1000;
/// A checkpoint is signed after this time at the latest, if there is any new entry.
pub const AGE_MAX_MS: i64 = 60_000;

/// A signed checkpoint as stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StoredCheckpoint {
    /// Entries it covers; the key.
    #[n(0)]
    pub size: u64,
    /// When signed.
    #[n(1)]
    pub signed_at: Timestamp,
    /// The note.
    #[n(2)]
    pub note: String,
}

impl Entity for StoredCheckpoint {
    const KIND: &'static str = "checkpoint";
    const TABLE: &'static str = "audit-checkpoints-1";
    const CLASS: Class = Class::Machinery;
    type Key = u64;

    fn key(&self) -> u64 {
        self.size
    }
}

/// The module's tables.
pub(crate) const TABLES: [TableSpec; 1] = [TableSpec::of::<StoredCheckpoint>()];

/// The log's name in checkpoints: `qitai/<log id>`.
pub fn origin(vault: &Vault) -> String {
    format!("qitai/{}", vault.log_id())
}

fn signer(vault: &Vault) -> Signer {
    Signer::from_seed(&origin(vault), vault.audit_seed())
}

/// The key that verifies this log's checkpoints, to be handed to outsiders.
pub fn verifier_key(vault: &Vault) -> VerifierKey {
    signer(vault).verifier().clone()
}

/// The newest checkpoint.
pub fn newest(read: &Read<'_>) -> Result<Option<StoredCheckpoint>, StoreError> {
    read.all_backwards::<StoredCheckpoint>(None)?
        .next()
        .transpose()
}

/// Signs the published head, unless the newest checkpoint covers it already. Gives the
/// checkpoint that covers it; `None` for an empty log.
///
/// Refuses ([`StoreError::Damaged`]) to sign a head that does not extend the last one signed:
/// then the log was rewritten below, and no signature may hide it.
pub fn sign_head(store: &Store) -> Result<Option<StoredCheckpoint>> {
    let published = store.snapshot();
    let read = published.read(store.vault());
    let (size, root) = log::size_and_root(&read)?;
    let last = newest(&read)?;
    if size == 0 || last.as_ref().is_some_and(|last| last.size == size) {
        return Ok(last);
    }
    if let Some(last) = &last {
        extends(&read, last, size)?;
    }
    let checkpoint = Checkpoint {
        origin: origin(store.vault()),
        size,
        root,
    };
    let note = signer(store.vault()).sign(&checkpoint);
    let act = Act::by_system("audit.checkpoint", "audit");
    let stored = store.write_blocking(act, move |w| {
        let stored = StoredCheckpoint {
            size,
            signed_at: w.now(),
            note,
        };
        w.put(&stored)?;
        Ok(stored)
    })?;
    Ok(Some(stored))
}

/// Fails unless the tree of `size` entries begins with what `last` signed.
fn extends(read: &Read<'_>, last: &StoredCheckpoint, size: u64) -> Result<(), StoreError> {
    let damaged = || StoreError::damaged(StoredCheckpoint::TABLE, &last.size.to_be_bytes());
    let signed = SignedCheckpoint::parse(&last.note).ok_or_else(damaged)?;
    let root = merkle::root(&Stored { read }, last.size)?;
    if last.size > size || signed.checkpoint.root != root {
        return Err(damaged());
    }
    Ok(())
}

/// Whether the interval for a new checkpoint has passed.
pub fn is_due(read: &Read<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let size = log::size(read)?;
    Ok(match newest(read)? {
        None => size > 0,
        Some(last) => {
            let new = size.saturating_sub(last.size);
            new >= ENTRIES_MAX || (new > 0 && now.since_ms(last.signed_at) >= AGE_MAX_MS)
        }
    })
}

/// What an examination of the log found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Entries examined.
    pub entries: u64,
    /// Checkpoints examined.
    pub checkpoints: u64,
    /// The first entry that is not as it was written, if any.
    pub first_bad: Option<u64>,
    /// What is wrong, in English; empty if nothing.
    pub problems: Vec<String>,
}

impl Verdict {
    /// Whether everything is as it was written.
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Recomputes the whole tree from the lines and holds it against every checkpoint and its
/// signature.
pub fn verify(read: &Read<'_>) -> Result<Verdict, StoreError> {
    let mut verdict = Verdict {
        entries: log::size(read)?,
        checkpoints: 0,
        first_bad: None,
        problems: vec![],
    };
    let mut findings = crate::store::Findings::default();
    super::check::check_tree(read, &mut findings)?;
    for finding in &findings.found {
        let bytes = hex::decode(&finding.key).unwrap_or_default();
        let seq = bytes
            .get(..8)
            .and_then(|b| b.try_into().ok())
            .map(u64::from_be_bytes);
        if verdict.first_bad.is_none() && finding.table.starts_with("audit-leaves") {
            verdict.first_bad = seq;
        }
        verdict.problems.push(format!(
            "{} {}: {}",
            finding.table, finding.key, finding.what
        ));
    }
    let key = verifier_key(read.vault());
    for stored in read.all::<StoredCheckpoint>(None)? {
        let stored = stored?;
        verdict.checkpoints += 1;
        let signed = SignedCheckpoint::parse(&stored.note).filter(|s| s.is_signed_by(&key));
        let good = signed.is_some_and(|signed| {
            let root = merkle::root(&Stored { read }, stored.size);
            signed.checkpoint.size == stored.size
                && stored.size <= verdict.entries
                && root.is_ok_and(|root| root == signed.checkpoint.root)
        });
        if !good {
            verdict
                .problems
                .push(format!("the checkpoint over {} does not hold", stored.size));
        }
    }
    Ok(verdict)
}
