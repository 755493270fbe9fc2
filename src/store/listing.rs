//! Pages of what an index names and somebody is shown.

use crate::kit::{Cursor, Page, PageRequest};

use super::{Entity, Index, Key, Read, StoreError, Walk};

/// A part of an index as somebody sees it. Each page looks at a bounded number of rows, whoever
/// is shown them, and the next goes on behind the last it looked at: what is old stays in reach,
/// and nobody waits for what others have.
pub struct Listing<'v, E: Entity> {
    /// The index, which gives the order.
    pub index: &'static Index<E>,
    /// What the places of the part begin with.
    pub prefix: Key,
    /// Which rows are shown.
    pub shows: &'v dyn Fn(&E) -> bool,
    /// Rows looked at for one page, and counted at most.
    pub most: usize,
}

/// Rows with their places.
type Rows<E> = Vec<(Vec<u8>, E)>;

/// Rows in order, and the places behind and before which others may be.
struct Found<E> {
    rows: Rows<E>,
    next: Option<Vec<u8>>,
    prev: Option<Vec<u8>>,
}

impl<E: Entity> Listing<'_, E> {
    /// The page that is asked for. One that ends where looking ended may be short, or empty.
    /// `count` is given every row of the part, shown or not; if there are too many, the page's
    /// total is not exact, and neither is what came of that.
    ///
    /// # Errors
    /// Those of the store.
    pub fn page(
        &self,
        r: &Read<'_>,
        request: &PageRequest,
        count: impl FnMut(&E),
    ) -> Result<Page<E>, StoreError> {
        let Found { rows, next, prev } = self.find(r, request)?;
        let first = rows.first().map(|(place, _)| place.as_slice());
        let counted = self.count(r, first, count)?;
        let found = rows.len() as u64;
        Ok(Page {
            items: rows.into_iter().map(|(_, row)| row).collect(),
            total: counted.map_or(found, |(total, _)| total),
            total_exact: counted.is_some(),
            offset: counted.map(|(_, before)| before),
            next: next.map(Cursor),
            prev: prev.map(Cursor),
        })
    }

    fn find(&self, r: &Read<'_>, request: &PageRequest) -> Result<Found<E>, StoreError> {
        let backwards = request.before.is_some();
        let place = request.before.as_ref().or(request.after.as_ref());
        let place = place.map(|cursor| cursor.0.clone());
        let (mut rows, goes_on) = self.walk(r, (place.clone(), backwards), request.limit())?;
        if backwards && rows.is_empty() && goes_on.is_none() {
            // Nothing is before it by now.
            let first = PageRequest {
                limit: request.limit,
                ..PageRequest::default()
            };
            return self.find(r, &first);
        }
        if backwards {
            rows.reverse();
        }
        let first = rows.first().map(|(place, _)| place.clone());
        let last = rows.last().map(|(place, _)| place.clone());
        let (next, prev) = match backwards {
            true => (last.or(goes_on.clone()), goes_on),
            // From an empty page the way back begins at the very place behind which it is.
            false => (
                goes_on,
                place.map(|place| first.unwrap_or(just_behind(place))),
            ),
        };
        Ok(Found { rows, next, prev })
    }

    /// Rows from a place on, and the place where looking ended before the part did.
    fn walk(
        &self,
        r: &Read<'_>,
        (after, backwards): (Option<Vec<u8>>, bool),
        limit: usize,
    ) -> Result<(Rows<E>, Option<Vec<u8>>), StoreError> {
        let walk = Walk {
            prefix: self.prefix.clone(),
            after,
            backwards,
        };
        let (mut rows, mut last) = (Vec::new(), None);
        for (n, hit) in r.walk(self.index, &walk)?.enumerate() {
            let hit = hit?;
            if n == self.most {
                return Ok((rows, last));
            }
            if let Some(row) = r.get::<E>(&hit.key)?.filter(self.shows) {
                if rows.len() == limit {
                    return Ok((rows, last));
                }
                rows.push((hit.place.clone(), row));
            }
            last = Some(hit.place);
        }
        Ok((rows, None))
    }

    /// How many are shown and how many of them before a place, unless the part is too long.
    fn count(
        &self,
        r: &Read<'_>,
        first: Option<&[u8]>,
        mut count: impl FnMut(&E),
    ) -> Result<Option<(u64, u64)>, StoreError> {
        let (mut total, mut before) = (0, 0);
        let all = r.walk(self.index, &Walk::prefix(self.prefix.clone()))?;
        for (n, hit) in all.enumerate() {
            let hit = hit?;
            if n == self.most {
                return Ok(None);
            }
            let Some(row) = r.get::<E>(&hit.key)? else {
                continue;
            };
            count(&row);
            if (self.shows)(&row) {
                total += 1;
                let is_before = first.is_some_and(|first| hit.place.as_slice() < first);
                before += u64::from(is_before);
            }
        }
        Ok(Some((total, before)))
    }
}

/// The place that follows a place at once.
fn just_behind(mut place: Vec<u8>) -> Vec<u8> {
    place.push(0);
    place
}
