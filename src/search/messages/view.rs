//! One state of the index as queries see it.

use std::{ops::Range, sync::Arc};

use tantivy::{
    DocId, IndexReader, Searcher, SegmentReader, columnar::ColumnValues, fastfield::AliveBitSet,
};

use crate::search::disk::SearchError;

use super::{
    fields::{CHAT, Fields, KEY, SEQ},
    model::{MessageHit, at_ms, key},
    sets::Sets,
};

/// One segment with its columns open: opening one costs more than most searches.
pub(super) struct Part {
    pub(super) reader: SegmentReader,
    keys: Arc<dyn ColumnValues<u64>>,
    pub(super) seqs: Arc<dyn ColumnValues<u64>>,
    chats: Arc<dyn ColumnValues<u64>>,
}

impl Part {
    fn of(reader: &SegmentReader) -> Result<Self, SearchError> {
        let column = |name| -> Result<_, SearchError> {
            let column = reader.fast_fields().u64(name)?;
            if column.values.num_vals() != reader.max_doc() {
                return Err(SearchError::Unfit("a column has another length"));
            }
            Ok(column.values)
        };
        Ok(Self {
            reader: reader.clone(),
            keys: column(KEY)?,
            seqs: column(SEQ)?,
            chats: column(CHAT)?,
        })
    }

    pub(super) fn key(&self, doc: DocId) -> u64 {
        self.keys.get_val(doc)
    }

    pub(super) fn chat(&self, doc: DocId) -> u32 {
        u32::try_from(self.chats.get_val(doc)).unwrap_or(u32::MAX)
    }

    pub(super) fn hit(&self, doc: DocId) -> MessageHit {
        MessageHit {
            seq: self.seqs.get_val(doc),
            at_ms: at_ms(self.key(doc)),
            chat: self.chat(doc),
        }
    }

    pub(super) fn alive(&self) -> Option<&AliveBitSet> {
        self.reader.alive_bitset()
    }

    pub(super) fn is_alive(&self, doc: DocId) -> bool {
        self.alive().is_none_or(|alive| alive.is_alive(doc))
    }

    /// The first document from `from` on whose key is below `key`: keys fall.
    pub(super) fn below(&self, key: u64, from: DocId) -> DocId {
        if key == 0 {
            return self.reader.max_doc();
        }
        let (mut low, mut high) = (from, self.reader.max_doc());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle) < key {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// The documents whose keys lie in a range.
    pub(super) fn docs(&self, keys: &Keys) -> Range<DocId> {
        let start = keys.below.map_or(0, |below| self.below(below, 0));
        let end = self.below(keys.from, start);
        start..end
    }
}

/// A range of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Keys {
    /// The lowest.
    pub(super) from: u64,
    /// Below this.
    pub(super) below: Option<u64>,
}

impl Keys {
    pub(super) const ALL: Self = Self {
        from: 0,
        below: None,
    };

    /// Those of it that are below `key`.
    pub(super) fn below(self, key: u64) -> Self {
        let below = self.below.map_or(key, |known| known.min(key));
        Self {
            below: Some(below),
            ..self
        }
    }

    /// Those of it from `key` on.
    pub(super) fn since(self, key: u64) -> Self {
        Self {
            from: self.from.max(key),
            ..self
        }
    }

    /// Whether no key lies in it.
    pub(super) fn is_empty(self) -> bool {
        self.below.is_some_and(|below| below <= self.from)
    }

    /// Those of it above `key`.
    pub(super) fn above(self, key: u64) -> Self {
        match key.checked_add(1) {
            Some(next) => self.since(next),
            None => self.below(0),
        }
    }
}

/// One state of the index.
pub(super) struct View {
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    /// The one with the newest message first.
    pub(super) parts: Vec<Part>,
    /// Tells states apart.
    pub(super) generation: u64,
    pub(super) sets: Arc<Sets>,
    /// The highest number of a message.
    pub(super) high: u64,
}

impl View {
    /// The reader's present state.
    pub(super) fn of(
        reader: &IndexReader,
        fields: Fields,
        sets: Arc<Sets>,
    ) -> Result<Self, SearchError> {
        let searcher = reader.searcher();
        let parts = searcher.segment_readers().iter();
        let parts = parts.filter(|segment| segment.max_doc() > 0).map(Part::of);
        let mut parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
        parts.sort_by_key(|part| std::cmp::Reverse(part.key(0)));
        let high = parts.iter().map(|part| part.seqs.max_value()).max();
        Ok(Self {
            fields,
            parts,
            generation: sets.new_generation(),
            sets,
            high: high.unwrap_or(0),
            searcher,
        })
    }

    /// Whether a message is there.
    pub(super) fn has(&self, seq: u64, at_ms: i64) -> bool {
        let key = key(at_ms, seq);
        seq <= self.high
            && self.parts.iter().any(|part| {
                let keys = Keys {
                    from: key,
                    below: key.checked_add(1),
                };
                part.docs(&keys)
                    .filter(|doc| part.is_alive(*doc))
                    .any(|doc| part.seqs.get_val(doc) == seq)
            })
    }
}
