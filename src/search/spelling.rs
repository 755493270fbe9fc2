//! Names in letters, as tokens and as queries: full pinyin with the last syllable perhaps
//! unfinished, and initials.
//!
//! A character with several readings has a token for each at its position, so that every way
//! to read a text is found without writing any of them out. Syllables are indexed single and
//! in pairs, initials single, in pairs and in threes.

use std::sync::LazyLock;

use tantivy::{
    Term,
    query::{PhrasePrefixQuery, Query, TermSetQuery},
    schema::Field,
    tokenizer::Tokenizer,
};

use super::{
    fields::{NAME_END, NAME_START},
    fold::fold_char,
    grams::{Tokens, phrase},
    pinyin,
};

/// The tokenizer of syllables, by its name in the schema.
pub(super) const SYLLABLES: &str = "syllables-1";
/// The tokenizer of initials, by its name in the schema.
pub(super) const INITIALS: &str = "initials-1";

/// Ways to part typed letters into syllables that are followed.
const WAYS_MAX: usize = 8;
/// Letters of the longest syllable.
const SYLLABLE_LETTERS_MAX: usize = 6;
/// Stand for the beginning and the end of a name among syllables.
const START: &str = "^";
const END: &str = "$";

/// See [`SYLLABLES`].
#[derive(Clone)]
pub(super) struct Syllables;

impl Tokenizer for Syllables {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let places = places(text, |c, readings| {
            if c.is_ascii() {
                readings.clear();
            }
            readings.retain(|reading| is_syllable(reading));
        });
        tokens(&places, 2, " ")
    }
}

/// See [`INITIALS`].
#[derive(Clone)]
pub(super) struct Initials;

impl Tokenizer for Initials {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let places = places(text, |_, readings| {
            let mut letters: Vec<&str> = Vec::new();
            for reading in readings.iter() {
                let letter = &reading[..1];
                if !letters.contains(&letter) {
                    letters.push(letter);
                }
            }
            *readings = letters;
        });
        tokens(&places, 3, "")
    }
}

/// What stands at each place of a text: the readings of its characters, or a mark.
fn places(text: &str, shape: impl Fn(char, &mut Vec<&'static str>)) -> Vec<Vec<&'static str>> {
    let inner = text.trim_start_matches(NAME_START);
    let mut places = Vec::new();
    if inner.len() < text.len() {
        places.push(vec![START]);
    }
    let inner = inner.trim_end_matches(NAME_END);
    for (c, mut readings) in inner.chars().zip(pinyin::name_readings(inner)) {
        shape(fold_char(c), &mut readings);
        places.push(readings);
    }
    if text.ends_with(NAME_END) {
        places.push(vec![END]);
    }
    places
}

/// Every stretch of up to `most` readable places, in every way to read it.
fn tokens(places: &[Vec<&str>], most: usize, between: &str) -> Tokens {
    let mut tokens = Tokens::default();
    for at in 0..places.len() {
        let mut ways = vec![String::new()];
        for (n, readings) in places[at..].iter().take(most).enumerate() {
            let longer = |way: &String, reading: &str| match n {
                0 => reading.to_owned(),
                _ => format!("{way}{between}{reading}"),
            };
            ways = ways
                .iter()
                .flat_map(|way| readings.iter().map(move |reading| longer(way, reading)))
                .collect();
            let only_a_mark = n == 0 && (readings == &[START] || readings == &[END]);
            for way in ways.iter().filter(|_| !only_a_mark) {
                tokens.push(at, |out| out.push_str(way));
            }
        }
    }
    tokens
}

/// All syllables that any character is read as, sorted.
static ALL: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut all: Vec<&'static str> = ('\u{4e00}'..='\u{9fff}')
        .flat_map(pinyin::readings)
        .chain(pinyin::surname_syllables())
        .filter(|syllable| syllable.bytes().all(|b| b.is_ascii_lowercase()))
        // Grunts without a vowel (n, hm) would only part words wrongly.
        .filter(|syllable| syllable.contains(['a', 'e', 'i', 'o', 'u', 'v']))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
});

fn is_syllable(letters: &str) -> bool {
    ALL.binary_search(&letters).is_ok()
}

/// The syllables that begin with these letters.
fn beginning_with(letters: &str) -> &'static [&'static str] {
    let from = ALL.partition_point(|syllable| *syllable < letters);
    let len = ALL[from..].partition_point(|syllable| syllable.starts_with(letters));
    &ALL[from..from + len]
}

/// Ways to part letters into syllables, the last one perhaps unfinished; longest syllables
/// first.
fn partings(letters: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    part(
        letters,
        &mut Vec::new(),
        &mut found,
        &mut vec![false; letters.len() + 1],
    );
    found
}

/// `dead` holds the lengths of rests that cannot be parted.
fn part<'a>(
    rest: &'a str,
    before: &mut Vec<&'a str>,
    found: &mut Vec<Vec<&'a str>>,
    dead: &mut [bool],
) {
    if found.len() >= WAYS_MAX || dead[rest.len()] {
        return;
    }
    let known = found.len();
    if !beginning_with(rest).is_empty() {
        found.push(before.iter().copied().chain([rest]).collect());
    }
    for len in (1..rest.len().min(SYLLABLE_LETTERS_MAX + 1)).rev() {
        let (syllable, behind) = rest.split_at(len);
        if is_syllable(syllable) {
            before.push(syllable);
            part(behind, before, found, dead);
            before.pop();
        }
    }
    dead[rest.len()] = found.len() == known;
}

/// Which part of a name the letters must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// All of it.
    Whole,
    /// Its beginning.
    Beginning,
    /// Its end: the given name.
    End,
    /// Anywhere in any text.
    Anywhere,
}

impl Where {
    fn is_at_start(self) -> bool {
        matches!(self, Self::Whole | Self::Beginning)
    }
    fn reaches_end(self) -> bool {
        matches!(self, Self::Whole | Self::End)
    }
}

/// Queries for texts that are read like these letters (lower case, not empty).
pub(super) fn spelled(field: Field, letters: &str, place: Where) -> Vec<Box<dyn Query>> {
    // One letter is an initial.
    if letters.len() < 2 {
        return Vec::new();
    }
    partings(letters)
        .into_iter()
        .filter_map(|parting| way(field, parting, place))
        .collect()
}

fn way(field: Field, mut parting: Vec<&str>, place: Where) -> Option<Box<dyn Query>> {
    if place.is_at_start() {
        parting.insert(0, START);
    }
    let last = *parting.last()?;
    if place.reaches_end() {
        if !is_syllable(last) {
            return None;
        }
        parting.push(END);
        let token = |from: usize, to: usize| parting[from..to].join(" ");
        return Some(phrase(field, parting.len(), 2, token));
    }
    let term = |text: &str| Term::from_field_text(field, text);
    let endings = beginning_with(last).iter();
    Some(match parting.as_slice() {
        [] => return None,
        [_] => Box::new(TermSetQuery::new(endings.map(|s| term(s)))),
        [first, _] => Box::new(TermSetQuery::new(
            endings.map(|s| term(&format!("{first} {s}"))),
        )),
        longer => {
            let last = longer.len() - 2;
            let pair = |at: usize| (at, term(&longer[at..at + 2].join(" ")));
            let pairs = (0..last).step_by(2).chain([last]).map(pair).collect();
            Box::new(PhrasePrefixQuery::new_with_offset(pairs))
        }
    })
}

/// The query for texts whose characters' initials are these letters or digits.
pub(super) fn initials(field: Field, letters: &str, place: Where) -> Box<dyn Query> {
    let start = if place.is_at_start() { START } else { "" };
    let end = if place.reaches_end() { END } else { "" };
    let whole = format!("{start}{letters}{end}");
    phrase(field, whole.len(), 3, |from, to| whole[from..to].to_owned())
}

#[cfg(test)]
mod tests {
    use tantivy::tokenizer::TokenStream;

    use super::*;

    fn all(mut tokenizer: impl Tokenizer, text: &str) -> Vec<String> {
        let mut stream = tokenizer.token_stream(text);
        let mut found = Vec::new();
        while stream.advance() {
            found.push(format!(
                "{}{}",
                stream.token().position,
                stream.token().text
            ));
        }
        found.sort();
        found
    }

    #[test]
    fn letters_are_parted_in_every_way() {
        for parting in [vec!["xian"], vec!["xi", "an"], vec!["xia", "n"]] {
            assert!(partings("xian").contains(&parting), "{parting:?}");
        }
        assert_eq!(partings("wangha"), [vec!["wang", "ha"]]);
        assert!(partings("fangan").contains(&vec!["fan", "gan"]));
        assert!(partings("xyz").is_empty());
        assert!(partings(&"an".repeat(100)).len() <= WAYS_MAX);
        assert!(partings(&format!("{}ii", "an".repeat(100))).is_empty());
    }

    #[test]
    fn all_readings_stand_at_their_character() {
        let name = format!("{NAME_START}单华{NAME_END}");
        let tokens = all(Syllables, &name);
        for token in ["0^ shan", "0^ dan", "1shan hua", "1chan hua", "2hua $"] {
            assert!(tokens.contains(&token.to_owned()), "{token} in {tokens:?}");
        }
        let tokens = all(Initials, &name);
        for token in ["0^s", "0^dh", "1sh$", "2h", "2h$"] {
            assert!(tokens.contains(&token.to_owned()), "{token} in {tokens:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_parts_the_text() {
        assert_eq!(all(Initials, "李-海"), ["0l", "2h"]);
        assert_eq!(all(Syllables, "A李"), ["1li"]);
    }
}
