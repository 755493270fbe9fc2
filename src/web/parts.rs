//! The data of the parts in `templates/parts/`: what a list page hands to the macros.

use super::{Cursors, ListQuery};
use crate::kit::Page;

/// A condition that is on; removing it is a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// The name of the condition in the reader's language.
    pub label: String,
    /// Its value as people say it.
    pub value: String,
    /// The same list without it.
    pub remove: String,
}

/// A saved view or a tab: a link with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// What it shows, in the reader's language.
    pub label: String,
    /// Its address.
    pub href: String,
    /// How many, where known.
    pub count: Option<u64>,
    /// Whether it is the one on the screen.
    pub is_current: bool,
}

/// One value that a filter offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The form's value.
    pub value: String,
    /// As people say it.
    pub label: String,
    /// How many rows it would leave, where known.
    pub count: Option<u64>,
    /// Whether it is chosen.
    pub is_on: bool,
}

/// A filter that opens: several values, or one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The form's field.
    pub name: &'static str,
    /// What it is, in the reader's language.
    pub label: String,
    /// The values.
    pub choices: Vec<Choice>,
    /// Whether several may be chosen.
    pub many: bool,
}

impl Filter {
    /// What the closed filter shows: the chosen values, or how many.
    pub fn chosen(&self) -> String {
        let on: Vec<&str> = self
            .choices
            .iter()
            .filter(|c| c.is_on)
            .map(|c| c.label.as_str())
            .collect();
        match on[..] {
            [] => String::new(),
            [one] => one.to_owned(),
            _ => on.len().to_string(),
        }
    }

    /// Whether anything is chosen.
    pub fn is_on(&self) -> bool {
        self.choices.iter().any(|c| c.is_on)
    }
}

/// The foot of a list: which rows, and the way to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager {
    /// Number of the first row, from 1, where known.
    pub from: Option<u64>,
    /// Number of the last row.
    pub to: Option<u64>,
    /// All rows, as far as counted.
    pub total: u64,
    /// Whether `total` is the true number.
    pub total_exact: bool,
    /// Rows on this page.
    pub rows: u64,
    /// Address of the page before.
    pub prev: Option<String>,
    /// Address of the page after.
    pub next: Option<String>,
}

impl Pager {
    /// The foot of `page` under the conditions of `list`, for this viewer.
    pub fn of<T>(page: &Page<T>, list: &ListQuery, viewer: &str, cursors: &Cursors) -> Self {
        let rows = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        let seal = |cursor| cursors.seal(cursor, viewer, list);
        Self {
            from: page.offset.filter(|_| rows > 0).map(|at| at + 1),
            to: page.offset.map(|at| at + rows),
            total: page.total,
            total_exact: page.total_exact,
            rows,
            prev: page
                .prev
                .as_ref()
                .map(|c| list.before(&seal(c)).to_string()),
            next: page.next.as_ref().map(|c| list.after(&seal(c)).to_string()),
        }
    }

    /// `1,553`, or `1,000+` where counting stopped.
    pub fn total_text(&self) -> String {
        let plus = if self.total_exact { "" } else { "+" };
        format!("{}{plus}", super::format::count(self.total))
    }
}

/// A step of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name in the reader's language.
    pub label: String,
    /// Where it stands.
    pub state: StepState,
    /// Done steps may be links.
    pub href: Option<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Behind us.
    Done,
    /// Now.
    Current,
    /// To come.
    Ahead,
}

impl Step {
    /// Whether it is behind us.
    pub fn is_done(&self) -> bool {
        self.state == StepState::Done
    }

    /// Whether it is the one we are at.
    pub fn is_current(&self) -> bool {
        self.state == StepState::Current
    }
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all, where known.
    pub total: Option<u64>,
    /// Estimated rest, in milliseconds, where known.
    pub left_ms: Option<i64>,
    /// Failures so far.
    pub failed: u64,
    /// Address of the failures.
    pub failed_href: Option<String>,
}

/// A link under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Text in the reader's language.
    pub label: String,
    /// Address.
    pub href: String,
}

/// Which of the four kinds of emptiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyKind {
    /// Nothing has been made yet: the action fills it.
    NothingYet,
    /// The conditions leave nothing: clear them.
    NothingMatches,
    /// The viewer may not: who can grant it.
    NotAllowed,
    /// Something outside is missing or cannot be reached.
    NotConnected,
}

impl EmptyKind {
    /// The icon that stands for it.
    pub fn icon(self) -> &'static str {
        match self {
            EmptyKind::NothingYet => "plus",
            EmptyKind::NothingMatches => "search",
            EmptyKind::NotAllowed => "lock",
            EmptyKind::NotConnected => "plug",
        }
    }
}

/// A place without rows: says why and what to do. Sentences in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Empty {
    /// Which kind.
    pub kind: EmptyKind,
    /// What is so.
    pub title: String,
    /// Why, or what would change it.
    pub hint: String,
    /// The one action, primary.
    pub action: Option<Link>,
    /// A second way.
    pub other: Option<Link>,
}

/// One of eight hues for a person without a picture, always the same for the same id.
pub fn hue(id: &str) -> u8 {
    let sum = id.bytes().fold(0u32, |sum, b| {
        sum.wrapping_mul(31).wrapping_add(u32::from(b))
    });
    1 + u8::try_from(sum % 8).unwrap_or(0)
}

/// The letter of an avatar: the first character that is a letter or a digit.
pub fn initial(name: &str) -> String {
    let first = name.chars().find(|c| c.is_alphanumeric()).unwrap_or('·');
    first.to_uppercase().collect()
}
