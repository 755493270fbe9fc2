//! What all of `/api/v1` shares: the shape of lists.

use serde::Serialize;

/// A page of a list.
#[derive(Serialize, schemars::JsonSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Rows in the whole list as far as counted.
    pub total: u64,
    /// Whether `total` is the true number; otherwise there are at least so many.
    pub total_exact: bool,
    /// Give it as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// An operation without a query.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}
