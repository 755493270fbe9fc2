//! The inside of a write: a verb changes records here, and the store adds what may not be
//! forgotten: indexes, audit entry, feed.

use std::collections::BTreeSet;

use crate::kit::{Id, Random, Timestamp};

use super::{
    Act, ActKind, Class, Entity, Index, Outcome, Read, StoreError, SubjectId,
    engine::Changes,
    entity::AuditView,
    feed::{self, FeedEntry},
    key::{Key, RecordKey},
    row::{self, Row},
    source::{Layered, Source},
    vault::{self, SUBJECT_KEYS, Vault},
};

/// One changed record, as the audit log sees it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The entity's kind.
    pub kind: &'static str,
    /// The record's key as text.
    pub id: String,
    /// The view before; `None` if it was created.
    pub before: Option<AuditView>,
    /// The view after; `None` if it was deleted.
    pub after: Option<AuditView>,
    /// Whose data it is.
    pub subject: Option<SubjectId>,
    table: &'static str,
    key: Vec<u8>,
    version: u32,
}

/// What an audit implementation adds at the end of a write. The store knows only this.
pub trait Seal: Send + Sync {
    /// Appends the entry for a finished act; gives its sequence number.
    fn seal(&self, sealing: &mut Sealing<'_, '_>) -> Result<u64, StoreError>;
    /// The raw tables it keeps.
    fn tables(&self) -> Vec<&'static str>;
    /// How many entries it has, if it counts them from 0 without gaps: the feed is then held
    /// to it.
    fn size(&self, _: &Read<'_>) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
    /// Examines the whole log against itself; findings are damage.
    fn check(
        &self,
        read: &Read<'_>,
        findings: &mut super::check::Findings,
    ) -> Result<(), StoreError>;
}

/// A running write. Changes are visible to its own reads at once and to nobody else until
/// they are durable.
pub struct Write<'s> {
    layer: Layered<'s>,
    vault: &'s Vault,
    random: &'s Random,
    now: Timestamp,
    act: Act,
    outcome: Outcome,
    changes: Vec<Change>,
    forgotten: Vec<SubjectId>,
    goes_beyond_hold: bool,
    #[cfg(any(test, feature = "faults"))]
    planted: Option<super::faults::Bug>,
}

impl<'s> Write<'s> {
    pub(super) fn new(
        base: &'s dyn Source,
        vault: &'s Vault,
        random: &'s Random,
        now: Timestamp,
        act: Act,
    ) -> Self {
        let layer = Layered::over(base);
        Self {
            layer,
            vault,
            random,
            now,
            act,
            outcome: Outcome::Ok,
            changes: Vec::new(),
            forgotten: Vec::new(),
            goes_beyond_hold: false,
            #[cfg(any(test, feature = "faults"))]
            planted: None,
        }
    }

    #[cfg(any(test, feature = "faults"))]
    pub(super) fn plant(&mut self, bug: Option<super::faults::Bug>) {
        self.planted = bug;
    }

    /// The state as this write sees it, its own changes included.
    pub fn read(&self) -> Read<'_> {
        Read::new(&self.layer, self.vault)
    }

    /// One record; short for `read().get`.
    pub fn get<E: Entity>(&self, key: &E::Key) -> Result<Option<E>, StoreError> {
        self.read().get(key)
    }

    /// The time of this write; the same for everything in it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Randomness for tokens and salts.
    pub fn random(&self) -> &Random {
        self.random
    }

    /// An id no record of this type has.
    pub fn new_id<E: Entity<Key = Id<E>>>(&self) -> Result<Id<E>, StoreError> {
        loop {
            let id = Id::from_bits(self.random.u64());
            if id.bits() != 0 && !self.read().exists::<E>(&id)? {
                return Ok(id);
            }
        }
    }

    /// The act this write is done for.
    pub fn act(&self) -> &Act {
        &self.act
    }

    /// Adds to the act what is only known inside the write: objects found, values read.
    pub fn act_mut(&mut self) -> &mut Act {
        &mut self.act
    }

    /// The records that have changed so far.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How many records have changed so far.
    pub fn changed(&self) -> usize {
        self.changes.len()
    }

    /// Stores a record: creates it or replaces what was there. Writing what is already there
    /// changes nothing and leaves no trace.
    ///
    /// Fails with [`StoreError::Duplicate`] if a unique index names another record at this
    /// moment: to swap two unique values, move one of them out of the way first.
    pub fn put<E: Entity>(&mut self, entity: &E) -> Result<(), StoreError> {
        let key = entity.key().to_key().into_bytes();
        let old = self.read().get_versioned::<E>(&entity.key())?;
        if old.as_ref().is_some_and(|old| old.entity == *entity) {
            return Ok(());
        }
        let version = old.as_ref().map_or(0, |old| old.version).saturating_add(1);
        let body = minicbor::to_vec(entity).map_err(|e| StoreError::Internal(e.to_string()))?;
        let row = Row {
            schema: E::SCHEMA,
            version,
            body,
        };
        let old = old.map(|old| old.entity);
        let moves = self.index_moves(old.as_ref(), Some(entity));
        self.must_be_unique(&moves)?;
        if entity
            .subject()
            .is_some_and(|s| self.forgotten.contains(&s))
        {
            let why = format!("a {} of somebody erased in the same write", E::KIND);
            return Err(StoreError::Internal(why));
        }
        let value = match entity.subject() {
            Some(subject) => {
                let subject_key = self.subject_key(subject)?;
                row::encode_sealed(E::TABLE, &key, &row, subject, &subject_key, self.random)?
            }
            None => row::encode_plain(E::TABLE, &key, &row),
        };
        // Nothing fails from here on: a verb may go on after an error, and then half a record
        // would be committed.
        self.goes_beyond_hold |= !E::WHILE_HELD;
        self.mend_indexes(moves);
        self.layer.set(E::TABLE, key.clone(), Some(value));
        self.note(old.as_ref(), Some(entity), key, version);
        Ok(())
    }

    /// Deletes a record; `false` if there was none.
    pub fn delete<E: Entity>(&mut self, key: &E::Key) -> Result<bool, StoreError> {
        let Some(old) = self.read().get_versioned::<E>(key)? else {
            return Ok(false);
        };
        let key = key.to_key().into_bytes();
        self.goes_beyond_hold |= !E::WHILE_HELD;
        let moves = self.index_moves(Some(&old.entity), None);
        self.mend_indexes(moves);
        self.layer.set(E::TABLE, key.clone(), None);
        self.note(Some(&old.entity), None, key, old.version);
        Ok(true)
    }

    /// Whether each row that comes into a unique index names nobody there yet.
    fn must_be_unique(&self, moves: &[IndexMove]) -> Result<(), StoreError> {
        for IndexMove { table, come, .. } in moves.iter().filter(|moved| moved.unique) {
            for (key, target) in come {
                if let Some(value) = self.layer.get(table, key)?
                    && row::decode_index(table, key, &value)? != *target
                {
                    return Err(StoreError::Duplicate { index: table });
                }
            }
        }
        Ok(())
    }

    /// What changes in the indexes when a record takes the place of another.
    fn index_moves<E: Entity>(&self, old: Option<&E>, new: Option<&E>) -> Vec<IndexMove> {
        let moved = |index: &Index<E>| {
            let rows = |entity: Option<&E>| -> BTreeSet<(Vec<u8>, Vec<u8>)> {
                let rows = entity.map(|entity| index.rows(entity, self.vault));
                rows.into_iter().flatten().collect()
            };
            let (old, mut new) = (rows(old), rows(new));
            #[cfg(any(test, feature = "faults"))]
            let old = match self.planted {
                Some(super::faults::Bug::KeepOldIndexRows) if !index.unique => BTreeSet::new(),
                _ => old,
            };
            let gone = old.iter().filter(|row| !new.contains(row));
            let gone = gone.map(|(key, _)| key.clone()).collect();
            new.retain(|row| !old.contains(row));
            IndexMove {
                table: index.table,
                unique: index.unique,
                gone,
                come: new.into_iter().collect(),
            }
        };
        E::indexes().iter().map(moved).collect()
    }

    fn mend_indexes(&mut self, moves: Vec<IndexMove>) {
        for IndexMove {
            table, gone, come, ..
        } in moves
        {
            for key in gone {
                self.layer.set(table, key, None);
            }
            for (key, target) in come {
                let value = row::encode_index(table, &key, &target);
                self.layer.set(table, key, Some(value));
            }
        }
    }

    /// Remembers a changed record for audit and feed; several changes of one become one.
    fn note<E: Entity>(&mut self, old: Option<&E>, new: Option<&E>, key: Vec<u8>, version: u32) {
        if E::CLASS != Class::Record {
            return;
        }
        let after = new.map(E::audit_view);
        let earlier = |c: &&mut Change| c.table == E::TABLE && c.key == key;
        if let Some(change) = self.changes.iter_mut().rev().find(earlier) {
            change.after = after;
            change.version = version;
            return;
        }
        let either = new.or(old);
        self.changes.push(Change {
            kind: E::KIND,
            id: either.map(|e| e.key().text()).unwrap_or_default(),
            before: old.map(E::audit_view),
            after,
            subject: either.and_then(E::subject),
            table: E::TABLE,
            key,
            version,
        });
    }

    /// The key of a person, made on first use.
    fn subject_key(
        &mut self,
        subject: SubjectId,
    ) -> Result<std::sync::Arc<aws_lc_rs::aead::LessSafeKey>, StoreError> {
        if let Some(key) = self.vault.subject_key(&self.layer, subject)? {
            return Ok(key);
        }
        let (key, row) = self.vault.new_subject_key(subject, self.random)?;
        if self.forgotten.contains(&subject) {
            // What this write still says about the person must not outlive it either: it is
            // sealed under a key that is kept nowhere.
            return Ok(std::sync::Arc::new(key));
        }
        self.layer.set(
            SUBJECT_KEYS,
            Key::new().with(subject).into_bytes(),
            Some(row),
        );
        Ok(std::sync::Arc::new(key))
    }

    /// Seals a part of a record under the key of the person it is about, where one record
    /// speaks of several. `key` is the record's; [`Read::open_part`] opens it.
    pub fn seal_part<E: Entity>(
        &mut self,
        key: &E::Key,
        subject: SubjectId,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let subject_key = self.subject_key(subject)?;
        let aad = vault::part_aad(E::TABLE, key.to_key().as_bytes());
        vault::seal(&subject_key, &aad, plain, self.random)
    }

    /// Destroys a person's key: every row, opening and feed copy sealed under it is
    /// unreadable from now on. The rows themselves are deleted by the caller before.
    pub fn forget_subject(&mut self, subject: SubjectId) {
        self.layer
            .set(SUBJECT_KEYS, Key::new().with(subject).into_bytes(), None);
        self.forgotten.push(subject);
        self.goes_beyond_hold = true;
    }

    /// Whether it has changed more than what signing in needs: that waits while writes are held.
    pub(super) fn goes_beyond_hold(&self) -> bool {
        self.goes_beyond_hold
    }

    /// Whether this write has destroyed the person's key.
    pub(super) fn has_forgotten(&self, subject: SubjectId) -> bool {
        self.forgotten.contains(&subject)
    }

    /// Whether an entry is due: a change that changed nothing leaves none.
    fn leaves_entry(&self) -> bool {
        self.act.kind == ActKind::Record
            || self.outcome == Outcome::Denied
            || !self.changes.is_empty()
    }

    /// Appends audit entry and feed, and gives the finished changes.
    pub(super) fn finish(mut self, seal: &dyn Seal) -> Result<Changes, StoreError> {
        self.remember_operation()?;
        if self.leaves_entry() {
            let audit_seq = seal.seal(&mut Sealing { write: &mut self })?;
            self.append_feed(audit_seq)?;
        }
        Ok(self.layer.changes)
    }

    /// Drops all changes and turns this write into the record of a refusal.
    pub(super) fn deny(mut self, seal: &dyn Seal) -> Result<Changes, StoreError> {
        self.layer.changes.clear();
        self.changes.clear();
        self.forgotten.clear();
        self.goes_beyond_hold = false;
        self.outcome = Outcome::Denied;
        self.finish(seal)
    }

    fn append_feed(&mut self, audit_seq: u64) -> Result<(), StoreError> {
        let next = feed::head_of(&self.layer)? + 1;
        for (n, change) in (next..).zip(std::mem::take(&mut self.changes)) {
            let row = self.layer.get(change.table, &change.key)?;
            let entry = FeedEntry {
                n,
                at: self.now,
                audit_seq,
                kind: change.kind.to_owned(),
                key: change.key,
                version: change.version,
                row,
            };
            let (key, value) = entry.encode()?;
            self.layer.set(feed::FEED, key, Some(value));
        }
        Ok(())
    }
}

/// What changes in one index with a record.
struct IndexMove {
    table: &'static str,
    unique: bool,
    gone: Vec<Vec<u8>>,
    /// Keys and the records they name.
    come: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What the audit log may do at the end of a write.
pub struct Sealing<'w, 's> {
    write: &'w mut Write<'s>,
}

impl Sealing<'_, '_> {
    /// The act.
    pub fn act(&self) -> &Act {
        &self.write.act
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.write.outcome
    }

    /// The changed records, in order of first change.
    pub fn changes(&self) -> &[Change] {
        &self.write.changes
    }

    /// The time of the write.
    pub fn now(&self) -> Timestamp {
        self.write.now
    }

    /// Salts.
    pub fn random(&self) -> &Random {
        self.write.random
    }

    /// The state including this write's changes.
    pub fn read(&self) -> Read<'_> {
        self.write.read()
    }

    /// Writes a row of the log's own tables, with the same check as any value.
    pub fn put_raw(&mut self, table: &'static str, key: Vec<u8>, value: &[u8]) {
        let value = row::encode_index(table, &key, value);
        self.write.layer.set(table, key, Some(value));
    }

    /// Seals bytes for one place in one of the log's tables under a person's key.
    pub fn seal_for(
        &mut self,
        table: &'static str,
        key: &[u8],
        subject: SubjectId,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let subject_key = self.write.subject_key(subject)?;
        vault::seal(
            &subject_key,
            &vault::part_aad(table, key),
            plain,
            self.write.random,
        )
    }
}
