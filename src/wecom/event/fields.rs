//! Reading fields leniently: absent and blank are the same.

use super::Error;
use crate::wecom::xml::Element;

/// The fields inside an element.
pub(super) struct Fields<'a>(pub &'a Element);

impl Fields<'_> {
    /// A text; `None` if absent or blank.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.text_of(name).map(|text| text.trim().to_owned())
    }

    /// A text without which the message says nothing.
    pub fn required(&self, name: &'static str) -> Result<String, Error> {
        self.text(name).ok_or(Error::Field(name))
    }

    /// A number; `None` if absent, blank or none.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.0.text_of(name)?.trim().parse().ok()
    }

    /// A number without which the message says nothing.
    pub fn required_number<N: std::str::FromStr>(&self, name: &'static str) -> Result<N, Error> {
        self.number(name).ok_or(Error::Field(name))
    }

    /// `a,b` or `a|b`; sources disagree about the separator. `None` if the field is absent.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        let text = &self.0.child(name)?.text;
        let items = text.split([',', '|']).map(str::trim);
        Some(
            items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// A list of numbers; what is none is left out.
    pub fn numbers(&self, name: &str) -> Option<Vec<u64>> {
        let items = self.list(name)?;
        Some(items.iter().filter_map(|item| item.parse().ok()).collect())
    }
}
