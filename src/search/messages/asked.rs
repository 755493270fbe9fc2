//! A question as the engine's queries and sets.

use std::sync::Arc;

use tantivy::{
    DocId, Term,
    query::{AllQuery, BooleanQuery, ConstScoreQuery, EmptyQuery, Query, TermQuery},
    schema::{Field, IndexRecordOption},
};

use crate::{
    kit::limits,
    search::{bits::Bits, disk::SearchError, fold::fold, grams::contains},
};

use super::{
    fields::Fields,
    model::{MessageChatSort, MessageMarks, MessageQuery, MessageScope, Word, key},
    sets::PartSets,
    view::{Keys, Part, View},
};

/// Values of a list that become terms of the query; longer lists become sets.
const TERMS_MAX: usize = 4;

/// A question against one state of the index.
pub(super) struct Asked {
    /// Everything that is not a set or a range; `None` if nothing is left of it.
    pub(super) query: Option<Box<dyn Query>>,
    /// For each condition a set for each part.
    sets: Vec<PartSets>,
    only: Option<Vec<Bits>>,
    /// The sort of conversation.
    pub(super) sort: Option<MessageChatSort>,
    /// The times asked for.
    pub(super) keys: Keys,
    /// Whether words are all that is asked: then its hits can be counted without looking at
    /// many of them.
    pub(super) is_plain: bool,
}

impl Asked {
    pub(super) fn new(view: &View, query: &MessageQuery) -> Result<Self, SearchError> {
        let fields = &view.fields;
        let mut terms = Terms::default();
        if let MessageScope::Staff(staff) = &query.scope {
            // One member's messages are a short list; a set would be kept for each member.
            match staff.len() {
                0 => terms.queries.push(Box::new(EmptyQuery)),
                1 => terms.add(fields.party, staff),
                _ => terms.sets.push((fields.party, Arc::clone(staff))),
            }
        }
        terms.list(fields.party, &query.with);
        terms.list(fields.sender, &query.senders);
        terms.list(fields.chat, query.chat.as_slice());
        if !query.kinds.is_empty() {
            terms.sets.push((fields.kind, values(&query.kinds)));
        }
        let words: Vec<Typed> = words(&query.words);
        let keys = keys(query);
        let is_narrowed = keys != Keys::ALL
            || query.only.is_some()
            || query.sort.is_some()
            || !terms.sets.is_empty()
            || !terms.queries.is_empty();
        let has_meaning = words.iter().any(Typed::has_meaning);
        let sets = terms.sets.iter().map(|set| view.sets.get(view, set));
        let sets = sets.collect::<Result<_, _>>()?;
        let mut all: Vec<Box<dyn Query>> = words.iter().map(|word| word.query(fields)).collect();
        all.append(&mut terms.queries);
        let only = query.only.as_deref().map(|marks| {
            let parts = view.parts.iter();
            parts.map(|part| marked(part, marks)).collect()
        });
        Ok(Self {
            query: together(all),
            sets,
            only,
            sort: query.sort.clone(),
            keys,
            is_plain: !is_narrowed && !has_meaning,
        })
    }

    /// The query, or the one that everything matches.
    pub(super) fn query(&self) -> Box<dyn Query> {
        match &self.query {
            Some(query) => query.box_clone(),
            None => Box::new(AllQuery),
        }
    }

    /// Whether nothing but sets and ranges is asked.
    pub(super) fn is_everything(&self) -> bool {
        self.query.is_none()
    }

    /// The sets that a document of a part must be in.
    pub(super) fn sets(&self, part: usize) -> Vec<&Bits> {
        let sets = self.sets.iter().filter_map(|sets| sets.get(part));
        let sets = sets.map(|set| &**set);
        let only = self.only.iter().filter_map(|only| only.get(part));
        sets.chain(only).collect()
    }
}

/// The messages of these types.
pub(super) fn kinds(view: &View, kinds: &[u8]) -> Result<PartSets, SearchError> {
    view.sets.get(view, &(view.fields.kind, values(kinds)))
}

fn values(kinds: &[u8]) -> Arc<[u32]> {
    let mut values: Vec<u32> = kinds.iter().map(|kind| u32::from(*kind)).collect();
    values.sort_unstable();
    values.dedup();
    values.into()
}

/// Conditions on lists of values.
#[derive(Default)]
struct Terms {
    queries: Vec<Box<dyn Query>>,
    sets: Vec<(Field, Arc<[u32]>)>,
}

impl Terms {
    fn list(&mut self, field: Field, values: &[u32]) {
        let mut values = values.to_vec();
        values.sort_unstable();
        values.dedup();
        match values.len() {
            0 => {}
            1..=TERMS_MAX => self.add(field, &values),
            _ => self.sets.push((field, values.into())),
        }
    }

    fn add(&mut self, field: Field, values: &[u32]) {
        // Which member it is says nothing about how well a message matches.
        let any = any_of(values.iter().map(|value| term(field, *value)).collect());
        self.queries.push(Box::new(ConstScoreQuery::new(any, 0.0)));
    }
}

/// A word, folded.
#[derive(PartialEq)]
struct Typed {
    text: String,
    /// Its characters.
    len: usize,
    parties: Vec<u32>,
    /// Folded, of two characters or more.
    also: Vec<String>,
}

/// Words that say anything, each once.
fn words(words: &[Word]) -> Vec<Typed> {
    let typed = words.iter().map(|word| {
        let text: String = fold(&word.text)
            .chars()
            .take(limits::QUERY_CHARS_MAX)
            .collect();
        Typed {
            len: text.chars().count(),
            text,
            parties: word.parties.clone(),
            also: word.also.iter().map(|text| fold(text)).collect(),
        }
    });
    let mut said: Vec<Typed> = Vec::new();
    for word in typed.filter(|word| !word.is_empty()) {
        if !said.contains(&word) {
            said.push(word);
        }
    }
    said
}

impl Typed {
    fn is_empty(&self) -> bool {
        self.len == 0 && !self.has_meaning()
    }

    /// Whether it may stand for more than its text.
    fn has_meaning(&self) -> bool {
        !self.parties.is_empty() || !self.also.is_empty()
    }

    fn query(&self, fields: &Fields) -> Box<dyn Query> {
        let mut any = Vec::new();
        match self.len {
            0 => {}
            1 => any.push(contains(fields.single, &self.text)),
            _ => any.push(contains(fields.text, &self.text)),
        }
        // Those who are meant come behind those whose text says it.
        let parties = self.parties.iter().map(|party| term(fields.party, *party));
        let parties =
            parties.map(|any| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(any, 0.0)) });
        any.extend(parties);
        let also = self.also.iter().map(|text| contains(fields.text, text));
        any.extend(also.map(|any| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(any, 0.0)) }));
        any_of(any)
    }
}

fn term(field: Field, value: u32) -> Box<dyn Query> {
    let term = Term::from_field_u64(field, u64::from(value));
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn any_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::union(queries)),
    }
}

fn together(mut queries: Vec<Box<dyn Query>>) -> Option<Box<dyn Query>> {
    match queries.len() {
        0 => None,
        1 => queries.pop(),
        _ => Some(Box::new(BooleanQuery::intersection(queries))),
    }
}

fn keys(query: &MessageQuery) -> Keys {
    let mut keys = Keys::ALL;
    if let Some(from) = query.from_ms {
        keys = keys.since(key(from, 0));
    }
    if let Some(to) = query.to_ms {
        keys = keys.below(key(to, 0));
    }
    keys
}

/// The named messages among the documents of a part. Both stand newest first.
fn marked(part: &Part, marks: &MessageMarks) -> Bits {
    let mut found = Bits::default();
    let mut from: DocId = 0;
    let newest = part.key(0);
    let skipped = marks.keys.partition_point(|key| *key > newest);
    for key in &marks.keys[skipped..] {
        if let Some(behind) = key.checked_add(1) {
            from = part.below(behind, from);
        }
        let mut doc = from;
        if doc >= part.reader.max_doc() {
            break;
        }
        while doc < part.reader.max_doc() && part.key(doc) == *key {
            if marks.seqs.contains(&part.seqs.get_val(doc)) {
                found.insert(doc);
            }
            doc += 1;
        }
    }
    found
}
