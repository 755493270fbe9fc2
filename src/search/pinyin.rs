//! Pinyin: every reading a character has, the surname's reading first.

use pinyin::{ToPinyin, ToPinyinMulti};

use super::fold::fold_char;

/// Combinations of readings followed for one text; beyond, only first readings.
const COMBINATIONS_MAX: usize = 16;
/// Syllables a prefix runs over at most.
const SYLLABLES_MAX: usize = 4;
/// Characters of a text that are looked at.
const CHARS_MAX: usize = 40;

/// Surnames whose reading differs from the character's usual one.
const SURNAMES: [(&str, &[&str]); 32] = [
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
    ("尉迟", &["yu", "chi"]),
    ("万俟", &["mo", "qi"]),
    ("长孙", &["zhang", "sun"]),
    ("澹台", &["tan", "tai"]),
    ("宰父", &["zai", "fu"]),
];

/// The readings of one character: a Han character's syllables without tones, each once; a
/// letter or digit as itself; nothing for others.
fn readings(c: char) -> Vec<String> {
    let c = fold_char(c);
    if c.is_ascii_alphanumeric() {
        return vec![c.to_string()];
    }
    let mut found: Vec<String> = Vec::new();
    // The most usual reading comes first.
    found.extend(c.to_pinyin().map(|p| p.plain().replace('ü', "v")));
    if let Some(all) = c.to_pinyin_multi() {
        for reading in all {
            let plain = reading.plain().replace('ü', "v");
            if !found.contains(&plain) {
                found.push(plain);
            }
        }
    }
    found
}

/// The readings of each character of a name, the surname's first.
fn name_readings(text: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = text.chars().take(CHARS_MAX).map(readings).collect();
    let folded: String = text.chars().take(4).map(fold_char).collect();
    let surname = SURNAMES.iter().filter(|(name, _)| folded.starts_with(name));
    if let Some((_, syllables)) = surname.max_by_key(|(name, _)| name.len()) {
        for (place, syllable) in all.iter_mut().zip(*syllables) {
            place.retain(|known| known != syllable);
            place.insert(0, (*syllable).to_owned());
        }
    }
    all
}

/// Runs of readable characters: blanks and signs part them.
fn runs(text: &str) -> Vec<Vec<Vec<String>>> {
    let all = name_readings(text);
    all.split(Vec::is_empty)
        .filter(|run| !run.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

/// All ways to read a run, first readings first, at most [`COMBINATIONS_MAX`].
fn combinations(run: &[Vec<String>]) -> Vec<Vec<&str>> {
    let mut ways: Vec<Vec<&str>> = vec![Vec::new()];
    for readings in run {
        let room = ways.len() * readings.len() <= COMBINATIONS_MAX;
        let taken = if room { &readings[..] } else { &readings[..1] };
        ways = taken
            .iter()
            .flat_map(|r| {
                ways.iter().map(move |way| {
                    let mut way = way.clone();
                    way.push(r.as_str());
                    way
                })
            })
            .collect();
    }
    ways
}

/// What full pinyin may be typed for a text: every beginning of every tail that starts at a
/// syllable. For 王海燕 among others `w`, `wangha`, `haiyan`, `y`.
pub fn prefixes(text: &str) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    for run in runs(text) {
        for start in 0..run.len() {
            let stretch = &run[start..run.len().min(start + SYLLABLES_MAX)];
            for way in combinations(stretch) {
                let whole = way.concat();
                found.extend((1..=whole.len()).map(|end| whole[..end].to_owned()));
            }
        }
    }
    found.into_iter().collect()
}

/// The initials of a text, one string for each way to read it: `why`.
pub fn initials(text: &str) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    for run in runs(text) {
        let letters: Vec<Vec<String>> = run
            .iter()
            .map(|readings| {
                let mut letters: Vec<String> = Vec::new();
                for reading in readings {
                    let letter: String = reading.chars().take(1).collect();
                    if !letters.contains(&letter) {
                        letters.push(letter);
                    }
                }
                letters
            })
            .collect();
        found.extend(combinations(&letters).into_iter().map(|way| way.concat()));
    }
    found.into_iter().collect()
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

fn full_match(readings: &[Vec<String>], letters: &str) -> Option<usize> {
    if letters.is_empty() {
        return Some(0);
    }
    let (first, rest) = readings.split_first()?;
    first.iter().find_map(|reading| {
        if reading.starts_with(letters) {
            Some(1)
        } else {
            full_match(rest, letters.strip_prefix(reading.as_str())?).map(|len| len + 1)
        }
    })
}

fn initial_match(readings: &[Vec<String>], letters: &str) -> Option<usize> {
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

    fn has(text: &str, typed: &str) -> bool {
        prefixes(text).iter().any(|p| p == typed)
    }

    #[test]
    fn surnames_are_read_as_surnames_and_otherwise_too() {
        for (name, typed) in [
            ("单田芳", "shantian"),
            ("曾国藩", "zengguo"),
            ("仇英", "qiuying"),
            ("解缙", "xiejin"),
            ("尉迟恭", "yuchigong"),
            ("万俟卨", "moqi"),
            ("区寄", "ouji"),
            ("朴树", "piaoshu"),
        ] {
            assert!(has(name, typed), "{name} {typed}");
        }
        assert!(has("单田芳", "dan"), "the other reading stays findable");
    }

    #[test]
    fn beginnings_of_tails_are_found_and_middles_of_syllables_not() {
        for typed in ["w", "wang", "wangha", "wanghaiyan", "haiyan", "ya"] {
            assert!(has("王海燕", typed), "{typed}");
        }
        assert!(!has("王海燕", "ang"));
    }

    #[test]
    fn initials_follow_all_readings() {
        assert!(initials("王海燕").contains(&"why".to_owned()));
        assert!(initials("单雄信").contains(&"sxx".to_owned()));
        assert_eq!(initials("A1 燕"), ["a1", "y"]);
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
