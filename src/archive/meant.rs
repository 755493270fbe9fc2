//! The people whom a word of a search may mean: members and customers in scope, by the
//! beginning of their name in letters or pinyin, by their given name, or by the beginning of
//! a remark.

use std::collections::BTreeSet;

use crate::{
    app::{App, scope_filter},
    customers::{self, Customer, CustomerId},
    error::Result,
    search::{
        Filters, From, Hit, Kind as People, PeopleQuery, ScopeFilter, Sort, highlight,
        is_phone_search,
    },
    store::{Read, StoreError, SubjectId},
};

use super::{
    index::card_mark,
    queries::{self, ArchiveSight},
};

/// People of a kind whom one word may mean by the beginning of their name. A beginning that
/// more have says too little.
const MEANT_MAX: usize = 500;
/// People of a kind whose name or remark has the word elsewhere and is read for it.
const READ_MAX: usize = 100;
/// People of a kind who are looked at for a word.
const LOOKED_AT: usize = MEANT_MAX + READ_MAX + 1;
/// Characters of a word that may be a name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=24;
/// Letters of the pinyin of a given name, at least: shorter ones stand in too many names.
const GIVEN_LETTERS_MIN: usize = 4;

/// People whose cards are looked for; a word that means more is too wide for that.
const ON_CARDS_MAX: usize = 50;

/// Whom a word may mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meant {
    people: BTreeSet<SubjectId>,
    /// More have such a name than can be looked for: some or all are left out.
    pub is_common: bool,
}

impl Meant {
    /// Their numbers among those who take part in conversations.
    pub fn parties(&self, r: &Read<'_>) -> Result<Vec<u32>, StoreError> {
        let mut parties = Vec::new();
        for subject in &self.people {
            parties.extend(queries::party_of(r, *subject)?);
        }
        Ok(parties)
    }

    /// The marks of the cards on which they stand, as far as a bubble names them: customers in
    /// scope, and members of the whole firm.
    pub fn cards(
        &self,
        app: &App,
        r: &Read<'_>,
        sight: &ArchiveSight,
        word: &str,
    ) -> Result<Vec<String>> {
        let mut people = self.people.clone();
        if sight.sight.members().is_some() && may_be_name(word) {
            let colleagues = look_up(
                app,
                word,
                People::Member,
                ScopeFilter::Everything,
                LOOKED_AT,
            )?;
            let colleagues = colleagues.iter().filter(|hit| hit.begins_so());
            people.extend(colleagues.map(|hit| SubjectId::from_bits(hit.object)));
        }
        let mut marks = Vec::new();
        if people.len() > ON_CARDS_MAX {
            return Ok(marks);
        }
        for subject in people {
            let wecom_id = match sight.sight.directory.member(subject.cast()) {
                Some(member) => Some(member.userid.clone()),
                None => r
                    .get::<Customer>(&subject.cast())?
                    .map(|customer| customer.external_userid),
            };
            let wecom_id = wecom_id.filter(|id| !id.is_empty());
            marks.extend(wecom_id.map(|id| card_mark(r.vault(), &id)));
        }
        Ok(marks)
    }
}

/// Whether a word can be a name. A single letter begins every other one, and digits look for
/// nobody.
fn may_be_name(word: &str) -> bool {
    let is_letter = word.is_ascii() && word.len() < 2;
    NAME_CHARS.contains(&word.chars().count()) && !is_letter && !is_phone_search(word)
}

/// Those who have a text in their name or elsewhere, the best first, so many at most.
pub(super) fn look_up(
    app: &App,
    text: &str,
    kind: People,
    scope: ScopeFilter,
    most: usize,
) -> Result<Vec<Hit>> {
    let asked = PeopleQuery {
        text: text.to_owned(),
        kind,
        scope,
        filters: Filters::default(),
        sort: Sort::Relevance,
        may_see_phones: false,
    };
    Ok(app.people.search(&asked, From::Start, most)?.items)
}

/// The people in scope whom a word may name.
pub(super) fn meant(app: &App, r: &Read<'_>, sight: &ArchiveSight, word: &str) -> Result<Meant> {
    let mut meant = Meant::default();
    if !may_be_name(word) {
        return Ok(meant);
    }
    for kind in [People::Customer, People::Member] {
        let hits = look_up(app, word, kind, scope_filter(&sight.sight), LOOKED_AT)?;
        let (begin, others) = hits.split_at(hits.partition_point(Hit::begins_so));
        if begin.len() > MEANT_MAX {
            meant.is_common = true;
            continue;
        }
        let begin = begin.iter().map(|hit| SubjectId::from_bits(hit.object));
        meant.people.extend(begin);
        let others = others.iter().filter(|hit| hit.has_in_name_or_remark());
        for hit in others.take(READ_MAX) {
            let subject = SubjectId::from_bits(hit.object);
            let is_named = match kind {
                People::Customer => names_customer(r, sight, subject.cast(), word)?,
                _ => is_given_name(sight.sight.name(subject.cast()), word),
            };
            if is_named {
                meant.people.insert(subject);
            }
        }
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
