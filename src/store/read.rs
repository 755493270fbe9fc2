//! Typed reads over a source.

use std::{any::Any, ops::Bound, sync::Arc};

use super::{
    Entity, Index, StoreError,
    engine::Span,
    key::{Key, RecordKey},
    memo::Memo,
    row::{self, Row},
    source::Source,
    vault::Vault,
};

/// A consistent view of the store: a published snapshot, or the inside of a write.
#[derive(Clone, Copy)]
pub struct Read<'a> {
    source: &'a dyn Source,
    vault: &'a Vault,
    /// None inside of a write: what is read there changes under way.
    memo: Option<&'a Memo>,
}

/// An entity with the number of times it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<E> {
    /// The record.
    pub entity: E,
    /// From 1; for noticing that somebody else changed it meanwhile.
    pub version: u32,
}

/// One row of an index: where it stands and which record it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexHit<K> {
    /// The index row's whole key; a place to continue from.
    pub place: Vec<u8>,
    /// The record's key.
    pub key: K,
}

/// A stretch of an index to walk.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Only keys that begin with this.
    pub prefix: Key,
    /// Start behind this place (in walking direction).
    pub after: Option<Vec<u8>>,
    /// Greatest first.
    pub backwards: bool,
}

impl Walk {
    /// Everything under a prefix, smallest first.
    pub fn prefix(prefix: Key) -> Self {
        Self {
            prefix,
            ..Self::default()
        }
    }

    /// A place outside the prefix never leads out of it: before it lies everything or nothing.
    fn span(&self) -> Span {
        let (from, to) = self.prefix.span();
        let Some(place) = &self.after else {
            return (from, to);
        };
        let is_before = place.as_slice() < self.prefix.as_bytes();
        let is_within = place.starts_with(self.prefix.as_bytes());
        let place = Bound::Excluded(place.clone());
        match (self.backwards, is_before, is_within) {
            (false, true, _) | (true, false, false) => (from, to),
            (false, ..) => (place, to),
            (true, ..) => (from, place),
        }
    }
}

impl<'a> Read<'a> {
    pub(super) fn new(source: &'a dyn Source, vault: &'a Vault) -> Self {
        Self {
            source,
            vault,
            memo: None,
        }
    }

    /// The same, remembering what was made from this state.
    pub(super) fn with_memo(self, memo: &'a Memo) -> Self {
        Self {
            memo: Some(memo),
            ..self
        }
    }

    /// What `make` makes from records of [`super::Class::Record`] alone, made once for each
    /// number as long as none of them changes. It belongs to no viewer: whoever shows it
    /// narrows it to a scope.
    ///
    /// # Errors
    /// Those of `make`; nothing is kept then.
    pub fn remembered<T: Any + Send + Sync>(
        &self,
        number: u64,
        make: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<Arc<T>, StoreError> {
        let Some(memo) = self.memo else {
            return make().map(Arc::new);
        };
        if let Some(kept) = memo.get(number) {
            return Ok(kept);
        }
        let made = Arc::new(make()?);
        memo.put(number, made.clone());
        Ok(made)
    }

    /// The folder's keys: for blinding values that are looked up in an index.
    pub fn vault(&self) -> &'a Vault {
        self.vault
    }

    /// One record. `None` if it is not there or its subject was erased.
    pub fn get<E: Entity>(&self, key: &E::Key) -> Result<Option<E>, StoreError> {
        Ok(self.get_versioned(key)?.map(|v| v.entity))
    }

    /// One record with its version.
    pub fn get_versioned<E: Entity>(
        &self,
        key: &E::Key,
    ) -> Result<Option<Versioned<E>>, StoreError> {
        let key = key.to_key().into_bytes();
        match self.source.get(E::TABLE, &key)? {
            Some(value) => self.decode(&key, &value),
            None => Ok(None),
        }
    }

    /// Whether a record is there, without opening it.
    pub fn exists<E: Entity>(&self, key: &E::Key) -> Result<bool, StoreError> {
        Ok(self
            .source
            .get(E::TABLE, key.to_key().as_bytes())?
            .is_some())
    }

    /// The record a unique index names.
    pub fn find<E: Entity>(&self, index: &Index<E>, key: Key) -> Result<Option<E>, StoreError> {
        match self.find_key(index, &key)? {
            Some(record) => self.named_by(index, key.as_bytes(), &record),
            None => Ok(None),
        }
    }

    /// The record an index row names. A row without a record is damage: the two are written
    /// and deleted together.
    fn named_by<E: Entity>(
        &self,
        index: &Index<E>,
        place: &[u8],
        key: &E::Key,
    ) -> Result<Option<E>, StoreError> {
        let key = key.to_key().into_bytes();
        match self.source.get(E::TABLE, &key)? {
            Some(value) => Ok(self.decode(&key, &value)?.map(|v| v.entity)),
            None => Err(StoreError::damaged(index.table, place)),
        }
    }

    /// The key of the record a unique index names.
    pub fn find_key<E: Entity>(
        &self,
        index: &Index<E>,
        key: &Key,
    ) -> Result<Option<E::Key>, StoreError> {
        debug_assert!(index.unique, "find is for unique indexes");
        let Some(value) = self.source.get(index.table, key.as_bytes())? else {
            return Ok(None);
        };
        let target = row::decode_index(index.table, key.as_bytes(), &value)?;
        let key = E::Key::from_bytes(&target)
            .ok_or_else(|| StoreError::damaged(index.table, key.as_bytes()))?;
        Ok(Some(key))
    }

    /// Walks an index. Lazy: only the rows taken are read.
    pub fn walk<E: Entity>(
        &self,
        index: &'a Index<E>,
        walk: &Walk,
    ) -> Result<impl Iterator<Item = Result<IndexHit<E::Key>, StoreError>> + use<'a, E>, StoreError>
    {
        let index = *index;
        let rows = self
            .source
            .range(index.table, walk.span(), walk.backwards)?;
        Ok(rows.map(move |item| {
            let (place, value) = item?;
            let target = row::decode_index(index.table, &place, &value)?;
            let target = if index.unique {
                Some(&target[..])
            } else {
                record_part::<E>(&place)
            };
            let key = target
                .and_then(E::Key::from_bytes)
                .ok_or_else(|| StoreError::damaged(index.table, &place))?;
            Ok(IndexHit { place, key })
        }))
    }

    /// The records an index names under a prefix, in its order.
    pub fn list<E: Entity>(
        &self,
        index: &'a Index<E>,
        walk: &Walk,
    ) -> Result<impl Iterator<Item = Result<E, StoreError>> + use<'a, E>, StoreError> {
        let read = *self;
        let hits = self.walk(index, walk)?;
        Ok(hits.filter_map(move |hit| match hit {
            Ok(hit) => read.named_by(index, &hit.place, &hit.key).transpose(),
            Err(error) => Some(Err(error)),
        }))
    }

    /// The next running number: one more than the greatest that `index`, whose keys are such
    /// numbers, has.
    pub fn next_number<E: Entity>(
        &self,
        index: &'static Index<E>,
        number: impl Fn(&E) -> u32,
    ) -> Result<u32, StoreError> {
        let walk = Walk {
            backwards: true,
            ..Walk::default()
        };
        let greatest = self.list(index, &walk)?.next().transpose()?;
        Ok(greatest.map_or(1, |e| number(&e).saturating_add(1)))
    }

    /// All records of a table in key order, beginning after `after`.
    pub fn all<E: Entity>(
        &self,
        after: Option<&E::Key>,
    ) -> Result<impl Iterator<Item = Result<E, StoreError>> + use<'a, E>, StoreError> {
        self.table::<E>(after.map(|key| key.to_key()), false)
    }

    /// All records of a table, greatest key first, beginning before `before`.
    pub fn all_backwards<E: Entity>(
        &self,
        before: Option<&E::Key>,
    ) -> Result<impl Iterator<Item = Result<E, StoreError>> + use<'a, E>, StoreError> {
        self.table::<E>(before.map(|key| key.to_key()), true)
    }

    fn table<E: Entity>(
        &self,
        after: Option<Key>,
        backwards: bool,
    ) -> Result<impl Iterator<Item = Result<E, StoreError>> + use<'a, E>, StoreError> {
        let read = *self;
        let after = after.map(Key::into_bytes);
        let span = Walk {
            prefix: Key::new(),
            after,
            backwards,
        }
        .span();
        let rows = self.source.range(E::TABLE, span, backwards)?;
        Ok(rows.filter_map(move |item| match item {
            Ok((key, value)) => read
                .decode(&key, &value)
                .map(|v| v.map(|v| v.entity))
                .transpose(),
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Decodes a stored value of this table.
    pub(super) fn decode<E: Entity>(
        &self,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Versioned<E>>, StoreError> {
        let Some(row) = row::decode(self.source, self.vault, E::TABLE, key, value)? else {
            return Ok(None);
        };
        let Row {
            schema,
            version,
            body,
        } = row;
        if schema > E::SCHEMA {
            return Err(StoreError::Newer { what: E::TABLE });
        }
        let entity = minicbor::decode(&body).map_err(|_| StoreError::damaged(E::TABLE, key))?;
        Ok(Some(Versioned { entity, version }))
    }

    /// A value of one of the audit log's own tables, checked.
    pub fn raw(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.source.get(table, key)? {
            Some(value) => Ok(Some(row::decode_index(table, key, &value)?)),
            None => Ok(None),
        }
    }

    /// Rows of one of the audit log's own tables under a prefix, checked.
    pub fn raw_walk(
        &self,
        table: &'static str,
        walk: &Walk,
    ) -> Result<impl Iterator<Item = Result<super::engine::Row, StoreError>> + use<'a>, StoreError>
    {
        let rows = self.source.range(table, walk.span(), walk.backwards)?;
        Ok(rows.map(move |item| {
            let (key, value) = item?;
            let value = row::decode_index(table, &key, &value)?;
            Ok((key, value))
        }))
    }

    /// A value as stored, unchecked: for the store's own examination.
    pub(super) fn raw_get(
        &self,
        table: &'static str,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.source.get(table, key)?)
    }

    /// Rows as stored, unchecked.
    pub(super) fn raw_range(
        &self,
        table: &'static str,
        span: Span,
        backwards: bool,
    ) -> Result<impl Iterator<Item = Result<super::engine::Row, StoreError>> + use<'a>, StoreError>
    {
        let rows = self.source.range(table, span, backwards)?;
        Ok(rows.map(|item| item.map_err(StoreError::from)))
    }

    /// Opens what [`super::Sealing::seal_for`] closed, read with its check by [`Self::raw`] or
    /// [`Self::raw_walk`]; `None` if the subject was erased, even if it has a new key by now.
    pub fn open_sealed(
        &self,
        table: &'static str,
        key: &[u8],
        subject: super::SubjectId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(subject_key) = self.subject_key(subject)? else {
            return Ok(None);
        };
        let aad = super::vault::part_aad(table, key);
        Ok(super::vault::open(&subject_key, &aad, sealed))
    }

    /// Opens what [`super::Write::seal_part`] closed; `None` if the subject was erased.
    pub fn open_part<E: Entity>(
        &self,
        key: &E::Key,
        subject: super::SubjectId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.open_sealed(E::TABLE, key.to_key().as_bytes(), subject, sealed)
    }

    pub(super) fn subject_key(
        &self,
        subject: super::SubjectId,
    ) -> Result<Option<Arc<aws_lc_rs::aead::LessSafeKey>>, StoreError> {
        self.vault.subject_key(self.source, subject)
    }

    pub(super) fn source(&self) -> &'a dyn Source {
        self.source
    }
}

/// The record at the end of a non-unique index key.
fn record_part<E: Entity>(place: &[u8]) -> Option<&[u8]> {
    place.get(place.len().checked_sub(E::Key::LEN?)?..)
}
