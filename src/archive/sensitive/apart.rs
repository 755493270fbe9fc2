//! Words that are written apart: 免 费 送 is found by the word 免费送.
//!
//! Blanks and light marks between two Chinese characters part nothing, for Chinese has no blanks;
//! between letters they part words, so "as soon" does not hold "ass". What ends a clause (a
//! comma, a full stop, the end of a line) always parts. What nobody sees is never there.

use std::ops::Range;

use crate::search::fold;

/// A text as it is looked at, with the place of each of its characters in the original, counted
/// in characters.
pub(super) struct Joined {
    pub(super) text: String,
    places: Vec<usize>,
}

impl Joined {
    /// A text, folded and without what parts nothing.
    pub(super) fn of(text: &str) -> Self {
        Self::of_folded(&fold(text))
    }

    /// The same of a text that is folded already.
    pub(super) fn of_folded(folded: &str) -> Self {
        let mut joined = Self {
            text: String::with_capacity(folded.len()),
            places: Vec::new(),
        };
        // Light marks of which it is not known yet whether they part anything.
        let mut light: Vec<(usize, char)> = Vec::new();
        let mut before: Option<char> = None;
        for (place, c) in folded.chars().enumerate() {
            if is_unseen(c) {
                continue;
            }
            if is_light(c) {
                light.push((place, c));
                continue;
            }
            let is_within = before.is_some_and(is_chinese) && is_chinese(c);
            for (place, mark) in light.drain(..).filter(|_| !is_within) {
                joined.push(place, mark);
            }
            joined.push(place, c);
            before = Some(c);
        }
        for (place, mark) in light {
            joined.push(place, mark);
        }
        joined
    }

    fn push(&mut self, place: usize, c: char) {
        self.text.push(c);
        self.places.push(place);
    }

    /// Where a stretch of this text, in bytes, lies in the original, in characters: with all that
    /// stands within it.
    fn original(&self, bytes: &Range<usize>) -> Option<Range<usize>> {
        let first = self.text.get(..bytes.start)?.chars().count();
        let length = self.text.get(bytes.clone())?.chars().count();
        let last = first.checked_add(length)?.checked_sub(1)?;
        Some(*self.places.get(first)?..self.places.get(last)? + 1)
    }
}

/// Where words stand in a text, in characters, also where they are written apart: in order, each
/// place once, overlapping where the words do.
pub(in crate::archive) fn found<'w>(
    text: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Vec<Range<usize>> {
    let folded = fold(text);
    let joined = Joined::of_folded(&folded);
    let mut found = Vec::new();
    for word in words {
        let (word, apart) = (fold(word), Joined::of(word).text);
        if word.is_empty() {
            continue;
        }
        let length = word.chars().count();
        for (at, _) in folded.match_indices(&word) {
            let first = folded[..at].chars().count();
            found.push(first..first + length);
        }
        if !apart.is_empty() {
            let hits = joined.text.match_indices(&apart);
            found.extend(hits.filter_map(|(at, hit)| joined.original(&(at..at + hit.len()))));
        }
    }
    found.sort_by_key(|place| (place.start, place.end));
    found.dedup();
    found
}

/// A Chinese character.
fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' | '々' | '〇')
}

/// What parts nothing between two Chinese characters, folded: blanks, and marks that end no
/// clause.
fn is_light(c: char) -> bool {
    let ends_line = matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    );
    let is_mark = matches!(
        c,
        '.' | '·'
            | '•'
            | '・'
            | '‧'
            | '∙'
            | '⋅'
            | '●'
            | '-'
            | '‐'
            | '‑'
            | '–'
            | '_'
            | '*'
            | '~'
            | '^'
            | '|'
            | '/'
            | '\\'
            | '\''
            | '`'
            | '+'
            | '='
            | '#'
    );
    is_mark || (c.is_whitespace() && !ends_line)
}

/// What has no width: nobody who reads the text knows that it is there.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of a text in which words are found, as they stand there.
    fn parts(text: &str, words: &[&str]) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let found = found(text, words.iter().copied()).into_iter();
        found.map(|place| chars[place].iter().collect()).collect()
    }

    #[test]
    fn a_word_that_is_written_apart_is_found_where_it_stands() {
        for text in [
            "免费送",
            "免 费 送",
            "免　费\u{a0}送",
            "免.费",
            "免．费",
            "免·费-送",
            "免\u{200b}费\u{feff}送",
            "免 \u{200d}. 费",
            "免__費~~送",
        ] {
            let whole = format!("看，{text}，ok");
            let word = if text.chars().count() > 3 && text.contains('送') {
                "免费送"
            } else {
                "免费"
            };
            let at = found(&whole, [word]);
            assert_eq!(at.len(), 1, "{text}");
            assert_eq!(at[0].start, 2, "{text}");
            let part: String = whole.chars().skip(at[0].start).take(at[0].len()).collect();
            assert!(
                text.starts_with(&part) && Joined::of(&part).text == word,
                "{part:?}"
            );
        }
        assert_eq!(found("A 免 费 送 B 免费送", ["免费送"]), [2..7, 10..13]);
        // As the word is typed in the list makes no difference.
        assert_eq!(parts("都免费送", &["免 费 送"]), ["免费送"]);
        assert_eq!(
            parts("加 微 信，微信", &["微信", "加微信"]),
            ["加 微 信", "微 信", "微信"]
        );
    }

    #[test]
    fn letters_digits_clauses_and_lines_stay_apart() {
        for (text, word) in [
            ("as soon as", "ass"),
            ("a.s.s", "ass"),
            ("1 3 8", "138"),
            ("不用钱免，费用另算", "免费"),
            ("今天免。费用另算", "免费"),
            ("今天免、费用另算", "免费"),
            ("今天免\n费用另算", "免费"),
            ("免 a 费", "免费"),
            ("as 好 soon", "ass"),
        ] {
            assert_eq!(parts(text, &[word]), [] as [String; 0], "{text}");
        }
        // What nobody sees parts nothing.
        assert_eq!(parts("f\u{200b}ree", &["free"]), ["f\u{200b}ree"]);
    }

    #[test]
    fn what_is_found_as_it_was_typed_is_found_still() {
        assert_eq!(parts("微信：好", &["微信："]), ["微信："]);
        assert_eq!(parts("a-b 免-费", &["a-b", "免-费"]), ["a-b", "免-费"]);
        assert_eq!(parts("好 的", &["好 的"]), ["好 的"]);
        assert_eq!(parts("ＱＱ 号", &["qq 号"]), ["ＱＱ 号"]);
        assert_eq!(parts("免费", &["", "送"]), [] as [String; 0]);
        assert_eq!(parts("", &["送"]), [] as [String; 0]);
    }

    proptest! {
        #[test]
        fn places_lie_in_the_text_and_hold_the_word(
            text in "[免费送aA .\u{200b}，]{0,24}", word in "[免费送a ]{1,4}",
        ) {
            let chars: Vec<char> = text.chars().collect();
            let is_held = fold(&text).contains(&fold(&word));
            let places = found(&text, [word.as_str()]);
            prop_assert!(!is_held || !places.is_empty());
            for place in places {
                let part: String = chars[place].iter().collect();
                let same = fold(&part) == fold(&word) || Joined::of(&part).text == Joined::of(&word).text;
                prop_assert!(same, "{:?} {:?}", part, word);
            }
        }
    }
}
