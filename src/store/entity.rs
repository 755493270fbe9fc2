//! What a type must say once to be stored: table, key, indexes, audit view, data subject.

use minicbor::{Decode, Encode};

use super::{Read, StoreError, SubjectId, check::Findings, key::Key, key::RecordKey, vault::Vault};

/// How a table's changes are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What the firm owns: every change is audited and fed.
    Record,
    /// What the program needs to run (jobs, sessions, cursors): durable in the same
    /// transaction, neither audited nor fed.
    Machinery,
    /// What comes in bulk and is spoken for by a record written with it, which commits to its
    /// content: that record is audited and fed in its place.
    Covered,
}

/// Field names and values as the audit trail may see them. Values are committed to, not
/// shown; secrets stand here as a mark (`"set"`), never as themselves.
pub type AuditView = Vec<(&'static str, serde_json::Value)>;

/// A stored type.
///
/// Values are encoded with minicbor: fields are numbered, numbers are never reused, and a
/// new field is an `Option` or has a default, so that old rows stay readable.
pub trait Entity:
    Sized + Clone + PartialEq + Send + Sync + 'static + Encode<()> + for<'b> Decode<'b, ()>
{
    /// Stable name in audit trail, feed and permission texts, e.g. `customer`.
    const KIND: &'static str;
    /// Table name; ends in the version of its key layout, e.g. `customers-1`.
    const TABLE: &'static str;
    /// How changes are treated.
    const CLASS: Class;
    /// Whether it may change while writes are held, because nobody could sign in otherwise.
    const WHILE_HELD: bool = false;
    /// Version of the value's encoding.
    const SCHEMA: u8 = 1;
    /// The key's type.
    type Key: RecordKey;

    /// The record's key.
    fn key(&self) -> Self::Key;

    /// The person it is about, if any: the value is then sealed under that person's key.
    fn subject(&self) -> Option<SubjectId> {
        None
    }

    /// The secondary indexes. The store keeps them in step; nobody writes one by hand.
    fn indexes() -> &'static [Index<Self>] {
        &[]
    }

    /// The fields the audit trail compares; empty for machinery.
    fn audit_view(&self) -> AuditView {
        Vec::new()
    }
}

/// A secondary index: a table of its own whose keys are computed from the record.
pub struct Index<E: Entity> {
    /// Table name, `<table>.by_<what>`.
    pub table: &'static str,
    /// Whether a key may stand for one record only.
    pub unique: bool,
    /// The keys of a record: none, one or many. Personal values are blinded through the vault.
    pub keys: fn(&E, &Vault) -> Vec<Key>,
}

impl<E: Entity> Clone for Index<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E: Entity> Copy for Index<E> {}

impl<E: Entity> Index<E> {
    /// An index where many records may share a key; rows are ordered by key, then record.
    pub const fn new(table: &'static str, keys: fn(&E, &Vault) -> Vec<Key>) -> Self {
        Self {
            table,
            unique: false,
            keys,
        }
    }

    /// An index where a key stands for one record.
    pub const fn unique(table: &'static str, keys: fn(&E, &Vault) -> Vec<Key>) -> Self {
        Self {
            table,
            unique: true,
            keys,
        }
    }

    /// The rows (key, target) this index holds for a record.
    pub(super) fn rows(&self, entity: &E, vault: &Vault) -> Vec<(Vec<u8>, Vec<u8>)> {
        let record = entity.key().to_key().into_bytes();
        let row = |key: Key| {
            if self.unique {
                (key.into_bytes(), record.clone())
            } else {
                let mut key = key.into_bytes();
                key.extend(&record);
                (key, Vec::new())
            }
        };
        (self.keys)(entity, vault).into_iter().map(row).collect()
    }
}

/// A table as the store sees it without its type: for opening, backup and check.
#[derive(Clone, Copy)]
pub struct TableSpec {
    /// The entity's kind.
    pub kind: &'static str,
    /// The table.
    pub table: &'static str,
    /// How changes are treated.
    pub class: Class,
    /// Names of the index tables.
    pub indexes: fn() -> Vec<&'static str>,
    /// Examines every row of the table and its indexes.
    pub(super) check: fn(&Read<'_>, &mut Findings) -> Result<(), StoreError>,
}

impl TableSpec {
    /// The description of an entity's table.
    pub const fn of<E: Entity>() -> Self {
        Self {
            kind: E::KIND,
            table: E::TABLE,
            class: E::CLASS,
            indexes: || E::indexes().iter().map(|index| index.table).collect(),
            check: super::check::check_table::<E>,
        }
    }
}
