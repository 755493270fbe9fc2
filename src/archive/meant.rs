//! The people whom a word of a search may mean: members and customers in scope, by the
//! beginning of their name in letters or pinyin, by their given name, or by the beginning of
//! a remark.

use std::collections::BTreeSet;

use crate::{
    app::{App, scope_filter},
    customers::{self, CustomerId},
    error::Result,
    search::{From, Hit, Kind as People, PeopleQuery, Sort, highlight, is_phone_search},
    store::{Read, SubjectId},
};

use super::queries::{self, ArchiveSight};

/// People of a kind whom one word may mean by the beginning of their name. A beginning that
/// more have says too little.
const MEANT_MAX: usize = 500;
/// People of a kind whose name or remark has the word elsewhere and is read for it.
const READ_MAX: usize = 100;
/// Characters of a word that may be a name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=24;
/// Letters of the pinyin of a given name, at least: shorter ones stand in too many names.
const GIVEN_LETTERS_MIN: usize = 4;

/// Whom a word may mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meant {
    /// Their numbers among those who take part in conversations.
    pub parties: Vec<u32>,
    /// More have such a name than can be looked for: some or all are left out.
    pub is_common: bool,
}

/// The people in scope whom a word may name.
pub(super) fn meant(app: &App, r: &Read<'_>, sight: &ArchiveSight, word: &str) -> Result<Meant> {
    let mut meant = Meant::default();
    if !NAME_CHARS.contains(&word.chars().count()) || is_phone_search(word) {
        return Ok(meant);
    }
    // A single letter begins every other name.
    if word.is_ascii() && word.len() < 2 {
        return Ok(meant);
    }
    let mut subjects: BTreeSet<SubjectId> = BTreeSet::new();
    for kind in [People::Customer, People::Member] {
        let asked = PeopleQuery {
            text: word.to_owned(),
            kind,
            scope: scope_filter(&sight.sight),
            filters: crate::search::Filters::default(),
            sort: Sort::Relevance,
            may_see_phones: false,
        };
        let hits = app
            .people
            .search(&asked, From::Start, MEANT_MAX + READ_MAX + 1)?;
        let begins = hits.items.partition_point(Hit::begins_so);
        let (begin, others) = hits.items.split_at(begins);
        if begin.len() > MEANT_MAX {
            meant.is_common = true;
            continue;
        }
        subjects.extend(begin.iter().map(|hit| SubjectId::from_bits(hit.object)));
        let others = others.iter().filter(|hit| hit.has_in_name_or_remark());
        for hit in others.take(READ_MAX) {
            let subject = SubjectId::from_bits(hit.object);
            let is_named = match kind {
                People::Customer => names_customer(r, sight, subject.cast(), word)?,
                _ => is_given_name(sight.sight.name(subject.cast()), word),
            };
            if is_named {
                subjects.insert(subject);
            }
        }
    }
    for subject in subjects {
        meant.parties.extend(queries::party_of(r, subject)?);
    }
    Ok(meant)
}

/// Whether a customer's given name is the word, or a remark begins with it.
fn names_customer(r: &Read<'_>, sight: &ArchiveSight, id: CustomerId, word: &str) -> Result<bool> {
    let found = customers::queries::customer(r, &sight.sight, id)?;
    Ok(found.is_some_and(|found| {
        let mut remarks = found.relations.iter().map(|r| r.remark.as_str());
        is_given_name(&found.customer.name, word)
            || remarks.any(|remark| begins(remark, word) || is_given_name(remark, word))
    }))
}

/// Whether a text begins with a word, in letters or in pinyin.
fn begins(text: &str, word: &str) -> bool {
    highlight(text, word)
        .first()
        .is_some_and(|piece| piece.marked)
}

/// Whether the word is the whole given name of a person with a Chinese name: the last two of
/// three or four characters, in letters or in full pinyin.
fn is_given_name(name: &str, word: &str) -> bool {
    let chars: Vec<char> = name.chars().collect();
    if !(3..=4).contains(&chars.len()) || chars.iter().any(char::is_ascii) {
        return false;
    }
    let given: String = chars[chars.len() - 2..].iter().collect();
    if !word.is_ascii() {
        return given == word;
    }
    let is_long = word.len() >= GIVEN_LETTERS_MIN;
    is_long && highlight(&given, word).iter().all(|piece| piece.marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_whoever_it_begins() {
        assert!(begins("陈芳雪", "陈芳"));
        assert!(begins("陈芳雪", "cfx"));
        assert!(!begins("陈芳雪", "芳雪"));
        assert!(!begins("老客户退款", "退款"));
    }

    #[test]
    fn a_given_name_is_whole_and_of_a_name() {
        for word in ["若霞", "ruoxia"] {
            assert!(is_given_name("唐若霞", word), "{word}");
            assert!(is_given_name("欧阳若霞", word), "{word}");
        }
        for (name, word) in [
            ("唐若霞", "霞"),
            ("唐若霞", "xia"),
            ("唐若霞", "rx"),
            ("老客户退款", "退款"),
            ("若霞", "若霞"),
            ("Tom退款", "退款"),
        ] {
            assert!(!is_given_name(name, word), "{name} {word}");
        }
    }
}
