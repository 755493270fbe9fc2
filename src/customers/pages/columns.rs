//! The columns of the list of customers: which there are, and which somebody has chosen.

use crate::{
    identity::Viewer,
    web::{Cx, parts::Choice},
};

/// The list's name in the preferences of an account.
pub(super) const LIST: &str = "customers";

/// The columns behind the first one, in their order.
const ALL: [&str; 8] = [
    "number",
    "tags",
    "state",
    "owner",
    "department",
    "company",
    "way",
    "added",
];
/// Those that are shown to whoever has not chosen.
const USUAL: [&str; 6] = ["tags", "state", "owner", "department", "way", "added"];

/// The columns of one viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    shown: Vec<&'static str>,
}

impl Columns {
    /// Those the viewer's account has chosen, else the usual ones. Names that are no columns
    /// any more are left out.
    pub(super) fn of(viewer: &Viewer) -> Self {
        let account = viewer.account();
        let chosen = account.and_then(|a| a.preferences.columns.get(LIST));
        Self::chosen(chosen.map(Vec::as_slice))
    }

    pub(super) fn chosen(chosen: Option<&[String]>) -> Self {
        let is_shown = |name: &&str| match chosen {
            Some(chosen) => chosen.iter().any(|c| c == name),
            None => USUAL.contains(name),
        };
        Self {
            shown: ALL.into_iter().filter(is_shown).collect(),
        }
    }

    /// Whether a column is shown.
    pub(super) fn has(&self, name: &str) -> bool {
        self.shown.contains(&name)
    }

    /// All columns as boxes to tick.
    pub(super) fn choices(&self, cx: &Cx) -> Vec<Choice> {
        let choice = |name: &'static str| Choice {
            value: name.to_owned(),
            label: cx.t(word(name)).into_owned(),
            count: None,
            is_on: self.has(name),
        };
        ALL.map(choice).into()
    }
}

fn word(name: &str) -> &'static str {
    match name {
        "number" => "customers.column.no",
        "tags" => "customers.column.tags",
        "state" => "customers.column.state",
        "owner" => "customers.column.owner",
        "department" => "customers.column.department",
        "company" => "customers.column.company",
        "way" => "customers.column.way",
        _ => "customers.column.added",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_columns_are_shown_in_the_lists_order_and_unknown_ones_are_not() {
        let chosen = ["way".to_owned(), "stage".to_owned(), "number".to_owned()];
        assert_eq!(Columns::chosen(Some(&chosen)).shown, ["number", "way"]);
        assert_eq!(Columns::chosen(None).shown, USUAL);
        assert!(Columns::chosen(Some(&[])).shown.is_empty());
    }
}
