//! Pinyin: every reading a character has, the surname's reading first.

use pinyin::{ToPinyin, ToPinyinMulti};

use super::fold::fold_char;

/// Characters of a text that are read.
const CHARS_MAX: usize = 60;
/// Letters and digits, which are read as themselves.
const PLAIN: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Surnames whose reading differs from the character's usual one.
const SURNAMES: &[(&str, &[&str])] = &[
    ("单", &["shan"]),
    ("曾", &["zeng"]),
    ("仇", &["qiu"]),
    ("解", &["xie"]),
    ("华", &["hua"]),
    ("任", &["ren"]),
    ("查", &["zha"]),
    ("盖", &["ge"]),
    ("区", &["ou"]),
    ("朴", &["piao"]),
    ("翟", &["zhai"]),
    ("缪", &["miao"]),
    ("员", &["yun"]),
    ("黑", &["he"]),
    ("种", &["chong"]),
    ("乐", &["yue"]),
    ("佴", &["nai"]),
    ("逄", &["pang"]),
    ("召", &["shao"]),
    ("折", &["she"]),
    ("秘", &["bi"]),
    ("冼", &["xian"]),
    ("尹", &["yin"]),
    ("宓", &["mi"]),
    ("覃", &["qin"]),
    ("繁", &["po"]),
    ("洗", &["xian"]),
    ("卜", &["bu"]),
    ("阚", &["kan"]),
    ("都", &["du"]),
    ("薄", &["bo"]),
    ("祭", &["zhai"]),
    ("隗", &["wei"]),
    ("能", &["nai"]),
    ("谌", &["chen"]),
    ("郇", &["xun"]),
    ("单于", &["chan", "yu"]),
    ("尉迟", &["yu", "chi"]),
    ("万俟", &["mo", "qi"]),
    ("长孙", &["zhang", "sun"]),
    ("澹台", &["tan", "tai"]),
    ("宰父", &["zai", "fu"]),
];

/// The readings of one character: a Han character's syllables without tones, each once, the
/// most usual first, with v for ü; a letter or digit as itself; nothing for others.
pub(super) fn readings(c: char) -> Vec<&'static str> {
    let c = fold_char(c);
    if let Some(at) = PLAIN.find(c) {
        return vec![&PLAIN[at..=at]];
    }
    let mut found: Vec<&'static str> = Vec::new();
    let usual = c.to_pinyin().into_iter();
    let all = c.to_pinyin_multi().into_iter().flatten();
    for reading in usual.chain(all) {
        let plain = reading.plain();
        for typed in as_typed(plain).unwrap_or(&[plain]) {
            if !found.contains(typed) {
                found.push(typed);
            }
        }
    }
    found
}

/// How a syllable is typed that keyboards have no letter for.
fn as_typed(syllable: &str) -> Option<&'static [&'static str]> {
    Some(match syllable {
        "lü" => &["lv"],
        "nü" => &["nv"],
        "lüe" => &["lve", "lue"],
        "nüe" => &["nve", "nue"],
        "ê" => &["ei"],
        _ => return None,
    })
}

/// The readings of each character of a name, the surname's first.
pub(super) fn name_readings(text: &str) -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&'static str>> = text.chars().take(CHARS_MAX).map(readings).collect();
    let folded: String = text.chars().take(2).map(fold_char).collect();
    let surname = SURNAMES.iter().filter(|(name, _)| folded.starts_with(name));
    if let Some((_, syllables)) = surname.max_by_key(|(name, _)| name.len()) {
        for (place, syllable) in all.iter_mut().zip(*syllables) {
            place.retain(|known| known != syllable);
            place.insert(0, *syllable);
        }
    }
    all
}

/// The syllables of the surnames' own readings.
pub(super) fn surname_syllables() -> impl Iterator<Item = &'static str> {
    SURNAMES
        .iter()
        .flat_map(|(_, syllables)| syllables.iter().copied())
}

/// A key that sorts names as a dictionary does: by their first eight letters of pinyin.
pub fn sort_key(name: &str) -> u64 {
    let mut key = [0u8; 8];
    let all = name_readings(name);
    let letters = all.iter().filter_map(|r| r.first()).flat_map(|r| r.bytes());
    for (place, letter) in key.iter_mut().zip(letters) {
        *place = letter;
    }
    // Names without a letter go last.
    if key[0] == 0 {
        u64::MAX
    } else {
        u64::from_be_bytes(key)
    }
}

/// Where typed letters match the readings of consecutive characters: positions of the first
/// and behind the last character. Full syllables, the last one perhaps unfinished, or
/// initials.
pub fn matched(text: &str, letters: &str) -> Option<(usize, usize)> {
    let all = name_readings(text);
    for start in 0..all.len() {
        let len =
            full_match(&all[start..], letters).or_else(|| initial_match(&all[start..], letters));
        if let Some(len) = len {
            return Some((start, start + len));
        }
    }
    None
}

fn full_match(readings: &[Vec<&str>], letters: &str) -> Option<usize> {
    if letters.is_empty() {
        return Some(0);
    }
    let (first, rest) = readings.split_first()?;
    first.iter().find_map(|reading| {
        if reading.starts_with(letters) {
            Some(1)
        } else {
            full_match(rest, letters.strip_prefix(reading)?).map(|len| len + 1)
        }
    })
}

fn initial_match(readings: &[Vec<&str>], letters: &str) -> Option<usize> {
    let mut len = 0;
    for letter in letters.chars() {
        readings.get(len)?.iter().find(|r| r.starts_with(letter))?;
        len += 1;
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surnames_are_read_as_surnames_first_and_otherwise_too() {
        for (name, first) in [
            ("单田芳", "shan"),
            ("曾国藩", "zeng"),
            ("仇英", "qiu"),
            ("解缙", "xie"),
            ("尉迟恭", "yu"),
            ("万俟卨", "mo"),
            ("区寄", "ou"),
            ("朴树", "piao"),
            ("華羅庚", "hua"),
        ] {
            assert_eq!(name_readings(name)[0][0], first, "{name}");
        }
        assert!(name_readings("单田芳")[0].contains(&"dan"));
        assert_eq!(readings('吕'), ["lv"]);
    }

    #[test]
    fn matches_know_their_characters() {
        assert_eq!(matched("王海燕", "haiy"), Some((1, 3)));
        assert_eq!(matched("王海燕", "why"), Some((0, 3)));
        assert_eq!(matched("王海燕", "xyz"), None);
    }

    #[test]
    fn names_sort_like_a_dictionary() {
        assert!(sort_key("安心") < sort_key("王海燕"));
        assert!(sort_key("王海燕") < sort_key("🌸"));
    }
}
