//! What all of `/api/v1` shares: the shape of lists, and the way through their pages.

use serde::Serialize;

use crate::{
    error::{AppError, Result},
    identity::Viewer,
    kit::{Page, PageRequest, limits},
    web::{Cursors, ListQuery},
};

/// A page of a list.
#[derive(Serialize, schemars::JsonSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Rows in the whole list as far as counted.
    pub total: u64,
    /// Whether `total` is the true number; otherwise there are at least so many.
    pub total_exact: bool,
    /// Give it as `cursor`, with the same conditions, to get the next page; absent on the last.
    /// Any other cursor is refused (`400 bad_request.cursor`).
    pub next_cursor: Option<String>,
}

/// An operation without a query.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// The refusal of a cursor that does not belong to the list asked for.
pub fn odd_cursor() -> AppError {
    AppError::BadRequest { why: "cursor" }
}

/// Where in a list a client is: cursors are bound to the viewer and to the conditions, as on
/// the pages.
pub struct Paging<'a> {
    cursors: &'a Cursors,
    name: String,
    list: ListQuery,
    /// The page asked for.
    pub request: PageRequest,
}

impl<'a> Paging<'a> {
    /// The page of `list`, an address with all its conditions, that `cursor` and `limit` ask
    /// for. A cursor that was not given out for this viewer and these conditions is refused: a
    /// program that got the first page again would read it twice, or for ever.
    pub fn of(
        cursors: &'a Cursors,
        viewer: &Viewer,
        list: ListQuery,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Self> {
        let name = viewer.name_for_binding();
        let cursor = cursor.filter(|text| !text.is_empty());
        let open = |text| cursors.open(text, &name, &list).ok_or_else(odd_cursor);
        let after = cursor.map(open).transpose()?;
        let request = PageRequest {
            after,
            before: None,
            limit: Some(limit.unwrap_or(limits::PAGE_ROWS)),
        };
        Ok(Self {
            cursors,
            name,
            list,
            request,
        })
    }

    /// The answer.
    pub fn answer<T>(&self, page: Page<T>) -> List<T> {
        let seal = |cursor| self.cursors.seal(cursor, &self.name, &self.list);
        List {
            next_cursor: page.next.as_ref().map(seal),
            items: page.items,
            total: page.total,
            total_exact: page.total_exact,
        }
    }
}
