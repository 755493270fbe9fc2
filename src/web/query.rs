//! The address of a list, built and changed by name: the only way links with filters are made.

use std::fmt;

/// A path with its query, e.g. `/customers?tag=a&tag=b&sort=-last`.
///
/// Shown with `Display`, it is the address. Changing any condition leaves paging, because
/// a cursor belongs to the conditions it was made under.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    path: String,
    pairs: Vec<(String, String)>,
}

/// Names that say where in the list one is, not which list it is.
const PAGING: [&str; 2] = ["after", "before"];

impl ListQuery {
    /// From a path and a query without `?`, as a request carries them. Empty values vanish.
    pub fn parse(path: &str, query: &str) -> Self {
        let pairs = form_pairs(query).filter(|(_, value)| !value.is_empty());
        Self {
            path: path.to_owned(),
            pairs: pairs.collect(),
        }
    }

    /// A list without conditions.
    pub fn new(path: &str) -> Self {
        Self::parse(path, "")
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(n, _)| n == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// All values of `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.pairs.iter().filter(move |(n, _)| n == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// Whether `name` has exactly this value among its values.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|v| v == value)
    }

    /// With `name` set to one value; an empty value removes it.
    pub fn with(&self, name: &str, value: impl fmt::Display) -> Self {
        let mut changed = self.without(name);
        let value = value.to_string();
        if !value.is_empty() {
            changed.pairs.push((name.to_owned(), value));
        }
        changed
    }

    /// With one more value of `name`.
    pub fn and(&self, name: &str, value: impl fmt::Display) -> Self {
        let mut changed = self.without_value(name, &value.to_string());
        changed.pairs.push((name.to_owned(), value.to_string()));
        changed
    }

    /// Without any value of `name`.
    pub fn without(&self, name: &str) -> Self {
        self.keep(|n, _| n != name)
    }

    /// Without one value of `name`.
    pub fn without_value(&self, name: &str, value: &str) -> Self {
        self.keep(|n, v| n != name || v != value)
    }

    /// Without any condition but these names.
    pub fn only(&self, names: &[&str]) -> Self {
        self.keep(|n, _| names.contains(&n))
    }

    /// Sorted by `column`, or the other way round if it is already. `-` means descending;
    /// a column that is not sorted yet begins descending if `descending_first`.
    pub fn sorted(&self, column: &str, descending_first: bool) -> Self {
        let descending = match self.sort() {
            Some((current, descending)) if current == column => !descending,
            _ => descending_first,
        };
        let sign = if descending { "-" } else { "" };
        self.with("sort", format!("{sign}{column}"))
    }

    /// The column sorted by, and whether descending.
    pub fn sort(&self) -> Option<(&str, bool)> {
        let sort = self.get("sort")?;
        Some(match sort.strip_prefix('-') {
            Some(column) => (column, true),
            None => (sort, false),
        })
    }

    /// The value of `aria-sort` for a column's head; empty if the list is not sorted by it.
    pub fn direction(&self, column: &str) -> &'static str {
        match self.sort() {
            Some((by, true)) if by == column => "descending",
            Some((by, false)) if by == column => "ascending",
            _ => "",
        }
    }

    /// The page behind `cursor` of the same list.
    pub fn after(&self, cursor: &str) -> Self {
        self.with("after", cursor)
    }

    /// The page before `cursor` of the same list.
    pub fn before(&self, cursor: &str) -> Self {
        self.with("before", cursor)
    }

    /// Pairs for hidden fields of a form that sets `names` itself.
    pub fn fields_except(&self, names: &[&str]) -> Vec<(&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !names.contains(name) && !PAGING.contains(name))
            .collect()
    }

    /// The conditions without paging, in an order of their own: what a cursor is bound to.
    pub fn identity(&self) -> String {
        let mut conditions = self.keep(|_, _| true);
        conditions.pairs.sort();
        conditions.to_string()
    }

    fn keep(&self, wanted: impl Fn(&str, &str) -> bool) -> Self {
        let pairs = self.pairs.iter();
        Self {
            path: self.path.clone(),
            pairs: pairs
                .filter(|(n, v)| !PAGING.contains(&n.as_str()) && wanted(n, v))
                .cloned()
                .collect(),
        }
    }
}

impl fmt::Display for ListQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        for (i, (name, value)) in self.pairs.iter().enumerate() {
            f.write_str(if i == 0 { "?" } else { "&" })?;
            write!(f, "{}={}", encode(name), encode(value))?;
        }
        Ok(())
    }
}

/// Percent-encodes for a query: all but letters, digits and `-._~:`.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn form_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces.filter_map(|piece| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        Some((decode(name)?, decode(value)?))
    })
}

/// Decodes a percent-encoded text with `+` for blanks; `None` if it is not UTF-8, a percent
/// sign stands alone, or a zero byte hides in it.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (bytes.next()?, bytes.next()?);
                let digit = |b: u8| {
                    char::from(b)
                        .to_digit(16)
                        .and_then(|d| u8::try_from(d).ok())
                };
                digit(high)? << 4 | digit(low)?
            }
            byte => byte,
        });
    }
    let text = String::from_utf8(out).ok()?;
    (!text.contains('\0')).then_some(text)
}

/// `next` if it leads to a page of ours: a path with one leading slash and nothing odd in it.
pub fn local(next: &str) -> Option<&str> {
    let odd = |c: char| c.is_control() || c == '\\';
    (next.starts_with('/') && !next.starts_with("//") && !next.contains(odd)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changing_a_condition_keeps_the_others_and_leaves_the_page() {
        let list = ListQuery::parse("/customers", "q=%E7%8E%8B&tag=a&tag=b&sort=-last&after=xyz");
        assert_eq!(list.get("q"), Some("王"));
        assert_eq!(
            list.with("stage", "won").to_string(),
            "/customers?q=%E7%8E%8B&tag=a&tag=b&sort=-last&stage=won"
        );
        assert_eq!(
            list.without_value("tag", "a").without("q").to_string(),
            "/customers?tag=b&sort=-last"
        );
        assert_eq!(list.sorted("last", true).sort(), Some(("last", false)));
        assert_eq!(list.sorted("added", true).sort(), Some(("added", true)));
        assert_eq!(list.identity(), list.after("zzz").identity());
        assert!(list.after("zzz").to_string().ends_with("&after=zzz"));
    }

    #[test]
    fn only_own_addresses_are_followed() {
        assert_eq!(local("/customers?view=new"), Some("/customers?view=new"));
        for foreign in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "x",
            "/a\nb",
        ] {
            assert_eq!(local(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_it_was_built(pairs in prop::collection::vec(("[a-z]{1,6}", "[^\0]{1,12}"), 0..6)) {
            let mut list = ListQuery::new("/x");
            for (name, value) in &pairs {
                list.pairs.push((name.clone(), value.clone()));
            }
            let written = list.to_string();
            let query = written.split_once('?').map_or("", |(_, q)| q);
            prop_assert_eq!(ListQuery::parse("/x", query), list);
        }

        #[test]
        fn no_query_panics(query in ".{0,60}") {
            let _ = ListQuery::parse("/x", &query).to_string();
        }
    }
}
