//! Deletion by number.
//!
//! Numbers are a column without postings, which would cost an eighth of the index; deleting is
//! rare and looks through the column once for all that go.

use std::sync::Arc;

use tantivy::{
    BitSet, Score, SegmentReader, TantivyError,
    query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

use super::fields::SEQ;

/// Numbers read at a time.
const AT_A_TIME: usize = 1024;

/// Matches the documents of these numbers.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    /// Ascending.
    seqs: Arc<[u64]>,
}

impl Gone {
    pub(super) fn new(mut seqs: Vec<u64>) -> Self {
        seqs.sort_unstable();
        Self { seqs: seqs.into() }
    }

    fn docs(&self, reader: &SegmentReader) -> tantivy::Result<BitSet> {
        let column = reader.fast_fields().u64(SEQ)?.values;
        let from = self.seqs.partition_point(|seq| *seq < column.min_value());
        let to = self.seqs.partition_point(|seq| *seq <= column.max_value());
        let wanted = self.seqs.get(from..to).unwrap_or_default();
        let mut found = BitSet::with_max_value(reader.max_doc());
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut values = [0; AT_A_TIME];
        for start in (0..reader.max_doc()).step_by(AT_A_TIME) {
            let len = (reader.max_doc() - start) as usize;
            let values = &mut values[..len.min(AT_A_TIME)];
            column.get_range(u64::from(start), values);
            for (doc, seq) in (start..).zip(&*values) {
                if wanted.binary_search(seq).is_ok() {
                    found.insert(doc);
                }
            }
        }
        Ok(found)
    }
}

impl Query for Gone {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Gone {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = BitSetDocSet::from(self.docs(reader)?);
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _: &SegmentReader, doc: u32) -> tantivy::Result<Explanation> {
        let why = format!("deletions do not rank document {doc}");
        Err(TantivyError::InvalidArgument(why))
    }
}
