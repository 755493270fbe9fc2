//! Paging by cursor: every list in pages and API has this shape.

use serde::{Deserialize, Serialize};

use super::limits;

/// Where a page begins: opaque to the client, authenticated by the web layer and bound to
/// viewer and query before it leaves the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Cursor(pub Vec<u8>);

/// What a caller asks of a list.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// Continue behind this place.
    pub after: Option<Cursor>,
    /// The page that ends before this place.
    pub before: Option<Cursor>,
    /// Rows wanted; see [`PageRequest::limit`].
    pub limit: Option<usize>,
}

impl PageRequest {
    /// The number of rows to give, within [`limits::PAGE_ROWS_MAX`].
    pub fn limit(&self) -> usize {
        self.limit
            .unwrap_or(limits::PAGE_ROWS)
            .clamp(1, limits::PAGE_ROWS_MAX)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// Rows in the whole list as far as counted.
    pub total: u64,
    /// Whether `total` is the true number; otherwise there are at least so many.
    pub total_exact: bool,
    /// Position of the first row in the whole list, from 0, where known.
    pub offset: Option<u64>,
    /// The page after this one.
    pub next: Option<Cursor>,
    /// The page before this one.
    pub prev: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with every row mapped.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            total: self.total,
            total_exact: self.total_exact,
            offset: self.offset,
            next: self.next,
            prev: self.prev,
        }
    }
}
