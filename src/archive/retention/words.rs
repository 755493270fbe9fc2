//! Rules in words.

use crate::web::{Lang, words};

use super::model::{Sort, Under};

/// A rule: of which department (the firm's where it has no name), about what, how long.
pub fn rule_text(lang: Lang, unit: &str, sort: Option<Sort>, days: Option<u32>) -> String {
    let unit = match unit.is_empty() {
        true => words::text(lang, "sensitive.whole_firm"),
        false => unit.to_owned().into(),
    };
    let args = (
        ("unit", unit),
        ("type", sort_text(lang, sort)),
        ("term", term_text(lang, days)),
    );
    words::fill(lang, "retention.rule_text", args).into_owned()
}

/// What a rule is about.
pub fn sort_text(lang: Lang, sort: Option<Sort>) -> String {
    words::text(lang, sort.map_or("retention.all_types", Sort::word)).into_owned()
}

/// How long a rule keeps.
pub fn term_text(lang: Lang, days: Option<u32>) -> String {
    match days {
        Some(days) => words::fill(lang, "retention.days_n", ("n", days)).into_owned(),
        None => words::text(lang, "retention.for_ever").into_owned(),
    }
}

impl Under {
    /// The rule in words, as it was then.
    pub fn text(&self, lang: Lang) -> String {
        rule_text(lang, &self.unit_name, self.sort, Some(self.days))
    }
}
