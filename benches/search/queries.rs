//! The 300 questions, as people type them.

use std::collections::BTreeSet;

use pinyin::ToPinyin;
use qitai::{
    kit::Random,
    search::{Filters, Kind, PeopleQuery, ScopeFilter, Sort, fold},
};

use super::rows::Row;

/// One question with what the comparison needs to know of it.
pub struct Asked {
    pub class: &'static str,
    pub query: PeopleQuery,
    /// Whether its hits are those of a plain substring search over name, remark and company.
    pub is_substring: bool,
}

impl Asked {
    fn new(class: &'static str, text: String) -> Self {
        let query = PeopleQuery {
            text,
            kind: Kind::Customer,
            scope: ScopeFilter::Everything,
            filters: Filters::default(),
            sort: Sort::Relevance,
            may_see_phones: false,
        };
        Self {
            class,
            query,
            is_substring: true,
        }
    }

    /// Brute force.
    pub fn selects(&self, row: &Row) -> bool {
        let word = fold(&self.query.text);
        let in_scope = match &self.query.scope {
            ScopeFilter::Everything => true,
            ScopeFilter::Members(members) => members.contains(&row.owner),
        };
        in_scope && row.folded.iter().any(|text| text.contains(&word))
    }
}

/// 40 each of one to four characters and pieces of company names, 30 of full pinyin, initials,
/// phone tails and whole numbers, and scoped ones; 20 without a hit.
pub fn mixed(rows: &[Row]) -> Vec<Asked> {
    let random = Random::seeded(2);
    let below = |n: usize| usize::try_from(random.u64() % n as u64).unwrap();
    let row = || &rows[below(rows.len())];
    let mut asked = Vec::new();
    for (class, len) in [("han 1", 1), ("han 2", 2), ("han 3", 3), ("han 4", 4)] {
        while asked.iter().filter(|a: &&Asked| a.class == class).count() < 30 {
            let row = row();
            let from = if below(2) == 0 {
                &row.name
            } else {
                &row.remark
            };
            asked.extend(piece(from, len, below(8)).map(|text| Asked::new(class, text)));
        }
    }
    for _ in 0..30 {
        let start = below(6);
        let text = piece(&row().company, 2 + below(3), start);
        asked.extend(text.map(|text| Asked::new("company", text)));
    }
    for (class, initials) in [("pinyin", false), ("initials", true)] {
        while asked.iter().filter(|a| a.class == class).count() < 35 {
            let Some(mut letters) = letters(&row().name, initials) else {
                continue;
            };
            if !initials && below(2) == 0 {
                letters.truncate(letters.len() - 1);
            }
            let one = Asked::new(class, letters);
            asked.push(Asked {
                is_substring: false,
                ..one
            });
        }
    }
    for number in 0..30 {
        let phone = &row().phone;
        let text = if number % 3 == 0 {
            phone.clone()
        } else {
            phone[7..].to_owned()
        };
        asked.push(Asked {
            is_substring: false,
            ..Asked::new("phone", text)
        });
    }
    for _ in 0..20 {
        let odd: String = [row(), row()]
            .iter()
            .filter_map(|r| r.name.chars().last())
            .collect();
        asked.push(Asked::new("no hit", format!("{odd}龘靐")));
    }
    while asked.len() < 300 {
        let members: BTreeSet<u64> = (0..12).map(|_| row().owner).collect();
        let Some(text) = piece(&row().name, 1 + asked.len() % 2, 0) else {
            continue;
        };
        let mut one = Asked::new("scoped", text);
        one.query.scope = ScopeFilter::Members(members);
        asked.push(one);
    }
    asked
}

/// `len` neighbouring Han characters of a text, from the `skip`th on or the last possible.
fn piece(text: &str, len: usize, skip: usize) -> Option<String> {
    let han = |c: &char| ('\u{4e00}'..='\u{9fff}').contains(c);
    let chars: Vec<char> = text.chars().collect();
    let pieces: Vec<&[char]> = chars.windows(len).filter(|w| w.iter().all(han)).collect();
    pieces
        .get(skip.min(pieces.len().checked_sub(1)?))
        .map(|p| p.iter().collect())
}

/// A name in letters; `None` unless it is all Han.
pub fn letters(name: &str, initials: bool) -> Option<String> {
    let syllables: Option<Vec<&str>> = name
        .chars()
        .map(|c| c.to_pinyin().map(|p| p.plain()))
        .collect();
    let syllables = syllables.filter(|s| s.len() > 1)?;
    let text: String = syllables
        .iter()
        .map(|s| if initials { &s[..1] } else { *s })
        .collect();
    text.is_ascii().then_some(text)
}
