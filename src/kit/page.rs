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
    /// The part that is asked for of a list that is at hand as a whole. Its cursors are
    /// positions, so rows that come or go in between shift it.
    pub fn of_whole(all: Vec<T>, request: &PageRequest) -> Self {
        let limit = request.limit();
        let place =
            |cursor: &Cursor| Some(u64::from_be_bytes(cursor.0.as_slice().try_into().ok()?));
        let place = |cursor: &Cursor| usize::try_from(place(cursor)?).ok();
        let after = request.after.as_ref().and_then(place);
        let before = request.before.as_ref().and_then(place);
        let start = after.or(before.map(|at| at.saturating_sub(limit)));
        let start = start.unwrap_or(0).min(all.len());
        let end = start.saturating_add(limit).min(all.len());
        let cursor = |at: usize| Cursor((at as u64).to_be_bytes().to_vec());
        Self {
            total: all.len() as u64,
            total_exact: true,
            offset: Some(start as u64),
            next: (end < all.len()).then(|| cursor(end)),
            prev: (start > 0).then(|| cursor(start)),
            items: all.into_iter().skip(start).take(end - start).collect(),
        }
    }

    /// The same page with every row mapped, or the first failure.
    pub fn try_map<U, E>(self, f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            items: self.items.into_iter().map(f).collect::<Result<_, _>>()?,
            total: self.total,
            total_exact: self.total_exact,
            offset: self.offset,
            next: self.next,
            prev: self.prev,
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_a_whole_list_shows_every_row_once_and_leads_back() {
        let all: Vec<u32> = (0..7).collect();
        let ask = |after: Option<Cursor>, before: Option<Cursor>| PageRequest {
            after,
            before,
            limit: Some(3),
        };
        let first = Page::of_whole(all.clone(), &ask(None, None));
        let second = Page::of_whole(all.clone(), &ask(first.next.clone(), None));
        let third = Page::of_whole(all.clone(), &ask(second.next.clone(), None));
        let shown = [&first, &second, &third].map(|p| p.items.clone()).concat();
        assert_eq!(shown, all);
        assert_eq!((first.prev.clone(), third.next.clone()), (None, None));
        let back = Page::of_whole(all.clone(), &ask(None, third.prev));
        assert_eq!(back.items, second.items);
        let odd = Page::of_whole(all, &ask(Some(Cursor(vec![255; 8])), None));
        assert_eq!(odd.items, Vec::<u32>::new());
        assert_eq!(
            Page::of_whole(Vec::<u32>::new(), &ask(None, None)).next,
            None
        );
    }
}
