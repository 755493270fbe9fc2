//! Where a shown text matches what was typed: also for pinyin.

use std::ops::Range;

use super::{fold::fold, pinyin, query::Typed};

/// A piece of a text: matched or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text as it is.
    pub text: String,
    /// Whether it matched.
    pub marked: bool,
}

/// Parts `text` into matched and other pieces. Without a match there is one piece.
pub fn highlight(text: &str, typed: &str) -> Vec<Piece> {
    let typed = Typed::new(typed);
    if typed.words.is_empty() && typed.number.is_none() {
        return plain(text);
    }
    let folded: Vec<char> = fold(text).chars().collect();
    let mut marks = vec![false; folded.len()];
    for word in typed.words.iter().chain(&typed.number) {
        if !mark_word(&folded, word, &mut marks) {
            mark_pinyin(text, word, &mut marks);
        }
    }
    pieces(text, marks)
}

/// Whether a name has every word of what was typed, as written or by its pinyin; nothing typed
/// fits nothing.
pub fn fits(name: &str, typed: &str) -> bool {
    let typed = Typed::new(typed);
    let folded: Vec<char> = fold(name).chars().collect();
    let has = |word: &String| {
        let mut marks = vec![false; folded.len()];
        if !mark_word(&folded, word, &mut marks) {
            mark_pinyin(name, word, &mut marks);
        }
        marks.contains(&true)
    };
    !typed.words.is_empty() && typed.words.iter().all(has)
}

/// As [`highlight`] for what people wrote, where pinyin stands for nothing.
pub fn mark(text: &str, typed: &str) -> Vec<Piece> {
    let folded: Vec<char> = fold(text).chars().collect();
    let mut marks = vec![false; folded.len()];
    for word in typed.split_whitespace().map(fold) {
        mark_word(&folded, &word, &mut marks);
    }
    pieces(text, marks)
}

/// The same by places that are known, in characters; what lies behind the text's end marks nothing.
pub fn mark_places(text: &str, places: &[Range<usize>]) -> Vec<Piece> {
    let mut marks = vec![false; text.chars().count()];
    for place in places {
        let end = place.end.min(marks.len());
        marks[place.start.min(end)..end].fill(true);
    }
    pieces(text, marks)
}

fn pieces(text: &str, marks: Vec<bool>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (c, marked) in text.chars().zip(marks) {
        match pieces.last_mut() {
            Some(piece) if piece.marked == marked => piece.text.push(c),
            _ => pieces.push(Piece {
                text: c.to_string(),
                marked,
            }),
        }
    }
    pieces
}

/// A text in which nothing matched.
fn plain(text: &str) -> Vec<Piece> {
    let piece = |text: &str| Piece {
        text: text.to_owned(),
        marked: false,
    };
    Some(text)
        .filter(|t| !t.is_empty())
        .map(piece)
        .into_iter()
        .collect()
}

fn mark_word(folded: &[char], word: &str, marks: &mut [bool]) -> bool {
    let chars: Vec<char> = word.chars().collect();
    let mut found = false;
    for start in 0..(folded.len() + 1).saturating_sub(chars.len()) {
        if folded[start..].starts_with(&chars) {
            marks[start..start + chars.len()].fill(true);
            found = true;
        }
    }
    found
}

fn mark_pinyin(text: &str, word: &str, marks: &mut [bool]) {
    let letters = word.bytes().all(|b| b.is_ascii_lowercase());
    if letters && let Some((from, to)) = pinyin::matched(text, word) {
        let to = to.min(marks.len());
        marks[from..to].fill(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, typed: &str) -> String {
        let piece = |p: Piece| {
            if p.marked {
                format!("[{}]", p.text)
            } else {
                p.text
            }
        };
        highlight(text, typed).into_iter().map(piece).collect()
    }

    #[test]
    fn what_matched_is_marked_in_the_original_spelling() {
        assert_eq!(shown("王海燕", "海燕"), "王[海燕]");
        assert_eq!(shown("王海燕", "wangh"), "[王海]燕");
        assert_eq!(shown("王海燕", "why"), "[王海燕]");
        assert_eq!(shown("臺灣ＡＢＣ公司", "台湾 abc"), "[臺灣ＡＢＣ]公司");
        assert_eq!(shown("王海燕", "李"), "王海燕");
        assert_eq!(shown("", "李"), "");
    }

    #[test]
    fn a_name_fits_by_all_its_words_however_they_are_typed() {
        for typed in ["售后", "shouh", "shq 3", "群 售后", "３"] {
            assert!(fits("售后群 3", typed), "{typed}");
        }
        for typed in ["", " ", "售前", "售后 4", "shouhou x"] {
            assert!(!fits("售后群 3", typed), "{typed}");
        }
    }

    #[test]
    fn what_was_written_is_not_marked_by_its_pinyin() {
        let marked = |text: &str, typed: &str| mark(text, typed).iter().any(|p| p.marked);
        assert!(marked("收到王海燕的", "海燕"));
        assert!(marked("ＡＢＣ", "abc"));
        assert!(!marked("王海燕", "why"));
        assert!(!marked("王海燕", ""));
    }
}
