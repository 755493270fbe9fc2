//! Folding: what counts as the same character when people search.
//!
//! One character becomes one character, so positions in folded text are positions in the
//! original: lower case, full width to half width, traditional to simplified.

use std::sync::LazyLock;

include!(concat!(env!("OUT_DIR"), "/simplified.rs"));

/// The Han characters whose simplified forms [`SIMPLER`] holds.
const HAN: std::ops::RangeInclusive<char> = '\u{3400}'..='\u{9fff}';

/// The simplified form of each of [`HAN`].
static SIMPLER: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut simpler: Vec<char> = HAN.collect();
    for (traditional, simplified) in TRADITIONAL.chars().zip(SIMPLIFIED.chars()) {
        simpler[han_place(traditional)] = simplified;
    }
    simpler
});

fn han_place(c: char) -> usize {
    (u32::from(c) - u32::from(*HAN.start())) as usize
}

/// The folded form of a character.
pub fn fold_char(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        '\u{0}'..='\u{7f}' => c,
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c);
            ascii.to_ascii_lowercase()
        }
        c if HAN.contains(&c) => SIMPLER[han_place(c)],
        _ => {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        }
    }
}

/// The folded form of a text, character for character.
pub fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn width_case_and_script_are_folded() {
        assert_eq!(fold("ＡＢＣ公司　９１３３"), "abc公司 9133");
        assert_eq!(fold("臺灣烏龍茶葉"), "台湾乌龙茶叶");
        assert_eq!(fold("Cindy王"), "cindy王");
    }

    proptest! {
        #[test]
        fn folding_keeps_positions_and_is_done_after_once(text: String) {
            let folded = fold(&text);
            prop_assert_eq!(folded.chars().count(), text.chars().count());
            prop_assert_eq!(fold(&folded), folded);
        }
    }
}
