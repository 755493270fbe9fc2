//! The loop over documents that match and are admitted.

use std::ops::Range;

use tantivy::{
    DocId, DocSet, Score, TERMINATED,
    fastfield::AliveBitSet,
    query::{EnableScoring, Query, Scorer, Weight},
};

use crate::search::{bits::Bits, disk::SearchError};

use super::{
    asked::Asked,
    model::MessageChatSort,
    view::{Keys, Part, View},
};

/// A question made ready for one state of the index.
pub(super) struct Scan<'v> {
    pub(super) view: &'v View,
    pub(super) asked: &'v Asked,
    weight: Box<dyn Weight>,
}

impl<'v> Scan<'v> {
    /// Without scores.
    pub(super) fn new(view: &'v View, asked: &'v Asked) -> Result<Self, SearchError> {
        let scoring = EnableScoring::disabled_from_searcher(&view.searcher);
        Self::with(view, asked, scoring)
    }

    pub(super) fn with(
        view: &'v View,
        asked: &'v Asked,
        scoring: EnableScoring<'_>,
    ) -> Result<Self, SearchError> {
        Ok(Self {
            view,
            asked,
            weight: asked.query().weight(scoring)?,
        })
    }

    /// The number of documents that match the query alone.
    pub(super) fn count(&self) -> Result<u64, SearchError> {
        if self.asked.is_everything() {
            return Ok(self.view.searcher.num_docs());
        }
        let parts = self.view.parts.iter();
        let counts = parts.map(|part| Ok(u64::from(self.weight.count(&part.reader)?)));
        counts.sum()
    }

    /// Each part with its number and those of its documents that lie in a range of keys.
    pub(super) fn parts(
        &self,
        keys: Keys,
    ) -> impl Iterator<Item = (usize, &'v Part, Range<DocId>)> {
        let parts = self.view.parts.iter().enumerate();
        parts.filter_map(move |(number, part)| {
            let docs = part.docs(&keys);
            (!docs.is_empty()).then_some((number, part, docs))
        })
    }

    /// The number of hits among documents of a part, if that needs no look at each.
    pub(super) fn count_at_once(
        &self,
        number: usize,
        part: &Part,
        docs: Range<DocId>,
    ) -> Option<u64> {
        let looks_at_each = part.alive().is_some() || self.asked.sort.is_some();
        if !self.asked.is_everything() || looks_at_each {
            return None;
        }
        match self.asked.sets(number).as_slice() {
            [] => Some(docs.len() as u64),
            [set] => Some(set.count(docs)),
            _ => None,
        }
    }

    /// The hits among documents of a part, in order.
    pub(super) fn hits(
        &self,
        number: usize,
        part: &'v Part,
        docs: Range<DocId>,
    ) -> Result<Docs<'v>, SearchError> {
        let admitted = Admitted {
            sets: self.asked.sets(number),
            alive: part.alive(),
            sort: self.asked.sort.as_ref().map(|sort| (sort, part)),
        };
        let end = docs.end;
        let start = admitted.next_from(docs.start).filter(|doc| *doc < end);
        let (source, doc) = match start {
            None => (None, TERMINATED),
            Some(start) if self.asked.is_everything() => (None, start),
            Some(start) => {
                let mut source = self.weight.scorer(&part.reader, 1.0)?;
                let mut doc = source.doc();
                if doc < start {
                    doc = source.seek(start);
                }
                (Some(source), doc)
            }
        };
        Ok(Docs {
            source,
            admitted,
            doc,
            end,
        })
    }
}

/// The conditions that are sets.
pub(super) struct Admitted<'v> {
    sets: Vec<&'v Bits>,
    alive: Option<&'v AliveBitSet>,
    sort: Option<(&'v MessageChatSort, &'v Part)>,
}

impl Admitted<'_> {
    /// The first admitted document from `doc` on; it may lie behind the last document.
    fn next_from(&self, mut doc: DocId) -> Option<DocId> {
        loop {
            let start = doc;
            for set in &self.sets {
                doc = set.next_from(doc)?;
            }
            if doc != start {
                continue;
            }
            match self.alive {
                Some(alive) if doc as usize >= alive.bitset().max_value() as usize => return None,
                Some(alive) if alive.is_deleted(doc) => {
                    doc += 1;
                    continue;
                }
                _ => {}
            }
            match self.sort {
                Some((_, part)) if doc >= part.reader.max_doc() => return None,
                Some((sort, part)) if !sort.admits(part.chat(doc)) => doc += 1,
                _ => return Some(doc),
            }
        }
    }
}

/// Hits of one part in the order of its documents, newest first.
pub(super) struct Docs<'v> {
    /// `None`: every document matches.
    source: Option<Box<dyn Scorer>>,
    admitted: Admitted<'v>,
    /// The next document to look at. A source stands there.
    doc: DocId,
    end: DocId,
}

impl Docs<'_> {
    /// Goes to the next hit without leaving it.
    fn find(&mut self) -> Option<DocId> {
        while self.doc < self.end {
            let wanted = self.admitted.next_from(self.doc)?;
            if wanted == self.doc {
                return Some(wanted);
            }
            // Leap over what is not admitted: its positions need not be looked at.
            self.doc = match &mut self.source {
                Some(source) if wanted < self.end => source.seek(wanted),
                _ => wanted,
            };
        }
        None
    }

    fn leave(&mut self) {
        self.doc = match &mut self.source {
            Some(source) => source.advance(),
            None => self.doc + 1,
        };
    }

    /// The next hit with its score.
    pub(super) fn next_scored(&mut self) -> Option<(DocId, Score)> {
        let doc = self.find()?;
        let score = self.source.as_mut().map_or(0.0, |source| source.score());
        self.leave();
        Some((doc, score))
    }
}

impl Iterator for Docs<'_> {
    type Item = DocId;

    fn next(&mut self) -> Option<DocId> {
        let doc = self.find()?;
        self.leave();
        Some(doc)
    }
}
