//! What is asked, and what was typed as queries of the engine.

use std::collections::BTreeSet;

use tantivy::{
    Term,
    query::{BooleanQuery, Query, TermQuery},
    schema::IndexRecordOption,
};

use crate::kit::{Timestamp, limits};

use super::{
    fields::{Fields, Kind, NAME_END, NAME_START, digits_of},
    fold::fold,
    grams::contains,
    spelling::{self, Where},
};

/// Digits of a phone number that must be typed at least.
const PHONE_DIGITS_MIN: usize = 4;

/// Whose rows may be seen. Applied before anything is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScopeFilter {
    /// All.
    Everything,
    /// Those of these members.
    Members(BTreeSet<u64>),
}

/// The order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    /// Best match first; without words like [`Sort::NewestAdded`].
    #[default]
    Relevance,
    /// Last added first.
    NewestAdded,
    /// First added first.
    OldestAdded,
    /// By pinyin of the name.
    Name,
}

/// Conditions besides words. An empty list is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    /// The row belongs to one of these members.
    pub owners: Option<BTreeSet<u64>>,
    /// The row has one of these tags.
    pub tags: Vec<u64>,
    /// The row has each of these tags.
    pub tags_all: Vec<u64>,
    /// The row has a tag of each of these sets.
    pub tag_sets: Vec<Vec<u64>>,
    /// No row in scope of the same person has one of these tags.
    pub tags_none: Vec<u64>,
    /// Added in one of these ways.
    pub ways: Vec<u64>,
    /// Of this channel, by [`channel_key`](super::channel_key).
    pub channel: Option<u64>,
    /// Of one of these kinds of customers.
    pub customer_kinds: Vec<u64>,
    /// Whether the customer has deleted the member.
    pub deleted: Option<bool>,
    /// Of this kind of customer.
    pub customer_kind: Option<u64>,
    /// Added at or after.
    pub added_from: Option<Timestamp>,
    /// Added before.
    pub added_before: Option<Timestamp>,
    /// Ended or not.
    pub ended: Option<bool>,
    /// Only those none of whose rows in scope is still active.
    pub lost: bool,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct PeopleQuery {
    /// What was typed.
    pub text: String,
    /// Which kind of people.
    pub kind: Kind,
    /// Whose rows.
    pub scope: ScopeFilter,
    /// Conditions.
    pub filters: Filters,
    /// Order.
    pub sort: Sort,
    /// Whether any part of a phone number may be searched, not only what masking shows.
    pub may_see_phones: bool,
}

/// Where in an order a hit stands: continue behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// What is sorted by.
    pub key: u64,
    /// Breaks ties.
    pub no: u32,
}

/// One person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The object's id.
    pub object: u64,
    /// Where it stands.
    pub place: Place,
}

/// Bits of [`Place::key`] below the level, in [`Sort::Relevance`].
pub(super) const LEVEL_SHIFT: u32 = 56;
/// Levels as [`Typed::levels`] lists them.
const BEGINS: u64 = 1;
const IN_REMARK: u64 = 3;

/// Of hits in the order of [`Sort::Relevance`].
impl Hit {
    /// Whether the name is, or begins with, what was typed. These come first.
    pub fn begins_so(&self) -> bool {
        self.place.key >> LEVEL_SHIFT <= BEGINS
    }

    /// Whether it is in the name or the remark, wherever.
    pub fn has_in_name_or_remark(&self) -> bool {
        self.place.key >> LEVEL_SHIFT <= IN_REMARK
    }
}

/// A page of hits with honest numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// The hits in order.
    pub items: Vec<Hit>,
    /// People in all.
    pub total: u64,
    /// Rows (relations) in all.
    pub rows: u64,
    /// Position of the first hit among all, from 0.
    pub offset: u64,
    /// Whether any come behind.
    pub has_next: bool,
}

/// Where one object stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// How many stand before it.
    pub offset: u64,
    /// How many there are.
    pub total: u64,
    /// The object before it.
    pub prev: Option<u64>,
    /// The object behind it.
    pub next: Option<u64>,
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum From {
    /// The first.
    #[default]
    Start,
    /// Behind this place.
    After(Place),
    /// The one that ends before this place.
    Before(Place),
}

/// What was typed, folded.
pub(super) struct Typed {
    /// Between blanks; all must match.
    pub(super) words: Vec<String>,
    /// The digits, if the whole looks like one phone number.
    pub(super) number: Option<String>,
}

impl Typed {
    pub(super) fn new(typed: &str) -> Self {
        let folded: String = fold(typed).chars().take(limits::QUERY_CHARS_MAX).collect();
        let words = folded.split_whitespace().map(str::to_owned).collect();
        Self {
            words,
            number: number(&folded),
        }
    }

    /// Queries that together find every document that matches, best first: those whose whole
    /// name it is, whose name begins so, that have it in the name, in the remark, elsewhere.
    pub(super) fn levels(&self, fields: &Fields, may_see_phones: bool) -> Vec<Box<dyn Query>> {
        let typed = self.words.join(" ");
        let whole = contains(fields.name, &format!("{NAME_START}{typed}{NAME_END}"));
        let beginning = contains(fields.name, &format!("{NAME_START}{typed}"));
        let in_name = contains(fields.name, &typed);
        let in_remark = contains(fields.remark, &typed);
        let elsewhere = match self.words.as_slice() {
            // What is in name or remark has been found there.
            [word] => any_of(beside_name_and_remark(fields, word, may_see_phones)),
            _ => self.query(fields, may_see_phones),
        };
        let read = |query: Box<dyn Query>, place: Where| {
            let mut any = vec![query];
            if is_letters(&typed) {
                any.extend(spelling::spelled(fields.syllables, &typed, place));
                any.push(spelling::initials(fields.initials, &typed, place));
            }
            any_of(any)
        };
        vec![
            read(whole, Where::Whole),
            read(beginning, Where::Beginning),
            read(in_name, Where::End),
            in_remark,
            elsewhere,
        ]
    }

    /// One query for every document that matches.
    pub(super) fn query(&self, fields: &Fields, may_see_phones: bool) -> Box<dyn Query> {
        let words = self.words.iter().map(|word| {
            let mut any = beside_name_and_remark(fields, word, may_see_phones);
            any.extend([fields.name, fields.remark].map(|field| contains(field, word)));
            any_of(any)
        });
        let words: Box<dyn Query> = Box::new(BooleanQuery::intersection(words.collect()));
        match &self.number {
            // A single word looks for numbers by itself.
            Some(digits) if self.words.len() > 1 => {
                let mut any = phone_queries(fields, digits, may_see_phones);
                any.push(words);
                any_of(any)
            }
            _ => words,
        }
    }
}

/// Whether a search is for a phone number: such searches are throttled and audited.
pub fn is_phone_search(typed: &str) -> bool {
    let typed = Typed::new(typed);
    typed.number.is_some() || typed.words.iter().any(|word| number(word).is_some())
}

/// The digits of what looks like a phone number, written with blanks, hyphens, brackets, a
/// plus sign, or the stars of a masked one.
fn number(folded: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_digit() || c.is_whitespace() || "-+()*".contains(c);
    let digits = digits_of(folded);
    (folded.chars().all(fits) && digits.len() >= PHONE_DIGITS_MIN).then_some(digits)
}

fn is_letters(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_lowercase())
}

/// Documents with the word in another text than name and remark; for letters also in any
/// text's pinyin, for digits also in a phone number.
fn beside_name_and_remark(
    fields: &Fields,
    word: &str,
    may_see_phones: bool,
) -> Vec<Box<dyn Query>> {
    let mut any = vec![contains(fields.text, word)];
    if is_letters(word) {
        any.extend(spelling::spelled(fields.syllables, word, Where::Anywhere));
        any.push(spelling::initials(fields.initials, word, Where::Anywhere));
    }
    if let Some(digits) = number(word) {
        any.extend(phone_queries(fields, &digits, may_see_phones));
    }
    any
}

fn phone_queries(fields: &Fields, digits: &str, may_see_phones: bool) -> Vec<Box<dyn Query>> {
    let key = Term::from_field_text(fields.phone_key, digits);
    let mut any: Vec<Box<dyn Query>> =
        vec![Box::new(TermQuery::new(key, IndexRecordOption::Basic))];
    if may_see_phones {
        any.push(contains(fields.phone, digits));
    }
    any
}

fn any_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::union(queries)),
    }
}
