//! Pages of broadcasts and of moments, newest first, by their index. Each page looks at a bounded
//! number of rows, whoever made them, and the next goes on behind the last it looked at: what is
//! old stays in reach, and nobody waits for what others have made.

use crate::{
    kit::{Cursor, Page, PageRequest},
    org::Sight,
    store::{Read, StoreError, SubjectId, Walk},
};

use super::campaign::{Campaign, sees};

/// Rows looked at for one page, and counted at most.
const LOOKED_AT: usize = 2_000;

/// Which of them belong to a part of a list.
pub(super) type Belongs<C> = fn(&C) -> bool;

/// Rows with their places.
type Rows<C> = Vec<(Vec<u8>, C)>;

/// A page of a list, and how many its parts have.
pub(super) struct Listed<C> {
    /// The page; one that ends where looking ended may be short, or empty.
    pub page: Page<C>,
    /// How many belong to each part; none if there are too many to be counted.
    pub counts: Option<Vec<u64>>,
}

/// A list as somebody sees it.
pub(super) struct List<'v, C: Campaign> {
    /// What the viewer sees.
    pub sight: &'v Sight,
    /// The viewer's account, as makers are named.
    pub own: Option<SubjectId>,
    /// All parts of the list.
    pub parts: &'v [Belongs<C>],
    /// The one that is shown.
    pub shown: Belongs<C>,
}

/// A page of what the viewer sees and what belongs to the part shown, newest first, and how many
/// each part has.
///
/// # Errors
/// Those of the store.
pub(super) fn page<C: Campaign>(
    r: &Read<'_>,
    (sight, own): (&Sight, Option<SubjectId>),
    (parts, shown): (&[Belongs<C>], Belongs<C>),
    request: &PageRequest,
) -> Result<Listed<C>, StoreError> {
    let list = List {
        sight,
        own,
        parts,
        shown,
    };
    list.page_within(r, request, LOOKED_AT)
}

impl<C: Campaign> List<'_, C> {
    /// The page that is asked for, looking at no more rows than that.
    ///
    /// # Errors
    /// Those of the store.
    pub fn page_within(
        &self,
        r: &Read<'_>,
        request: &PageRequest,
        most: usize,
    ) -> Result<Listed<C>, StoreError> {
        let backwards = request.before.is_some();
        let place = request.before.as_ref().or(request.after.as_ref());
        let place = place.map(|cursor| cursor.0.clone());
        let (mut rows, goes_on) =
            self.walk(r, (place.clone(), backwards), request.limit(), most)?;
        if backwards && rows.is_empty() && goes_on.is_none() {
            // Nothing is newer by now.
            let first = PageRequest {
                limit: request.limit,
                ..PageRequest::default()
            };
            return self.page_within(r, &first, most);
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
        let counted = self.count(r, rows.first().map(|(place, _)| place.as_slice()), most)?;
        let found = rows.len() as u64;
        let page = Page {
            items: rows.into_iter().map(|(_, row)| row).collect(),
            total: counted.as_ref().map_or(found, |counted| counted.shown),
            total_exact: counted.is_some(),
            offset: counted.as_ref().map(|counted| counted.before),
            next: next.map(Cursor),
            prev: prev.map(Cursor),
        };
        Ok(Listed {
            page,
            counts: counted.map(|counted| counted.by_part),
        })
    }

    /// Rows from a place on, and the place where looking ended before the list did.
    fn walk(
        &self,
        r: &Read<'_>,
        (after, backwards): (Option<Vec<u8>>, bool),
        limit: usize,
        most: usize,
    ) -> Result<(Rows<C>, Option<Vec<u8>>), StoreError> {
        let walk = Walk {
            after,
            backwards,
            ..Walk::default()
        };
        let (mut rows, mut last) = (Vec::new(), None);
        for (n, hit) in r.walk(C::by_time(), &walk)?.enumerate() {
            let hit = hit?;
            let found = match n < most {
                true => r.get::<C>(&hit.key)?.filter(|row| self.is_shown(row)),
                false => return Ok((rows, last)),
            };
            if let Some(found) = found {
                if rows.len() == limit {
                    return Ok((rows, last));
                }
                rows.push((hit.place.clone(), found));
            }
            last = Some(hit.place);
        }
        Ok((rows, None))
    }

    fn is_seen(&self, row: &C) -> bool {
        sees(row, self.sight, self.own)
    }

    fn is_shown(&self, row: &C) -> bool {
        self.is_seen(row) && (self.shown)(row)
    }

    /// Counts the list, unless it is too long for that.
    fn count(
        &self,
        r: &Read<'_>,
        first: Option<&[u8]>,
        most: usize,
    ) -> Result<Option<Counted>, StoreError> {
        let mut counted = Counted {
            by_part: vec![0; self.parts.len()],
            shown: 0,
            before: 0,
        };
        for (n, hit) in r.walk(C::by_time(), &Walk::default())?.enumerate() {
            let hit = hit?;
            if n == most {
                return Ok(None);
            }
            let Some(row) = r.get::<C>(&hit.key)?.filter(|row| self.is_seen(row)) else {
                continue;
            };
            for (count, belongs) in counted.by_part.iter_mut().zip(self.parts) {
                *count += u64::from(belongs(&row));
            }
            if (self.shown)(&row) {
                counted.shown += 1;
                let is_before = first.is_some_and(|first| hit.place.as_slice() < first);
                counted.before += u64::from(is_before);
            }
        }
        Ok(Some(counted))
    }
}

/// What was counted.
struct Counted {
    by_part: Vec<u64>,
    /// Those of the part that is shown.
    shown: u64,
    /// Those of them before the page.
    before: u64,
}

/// The place that follows a place at once.
fn just_behind(mut place: Vec<u8>) -> Vec<u8> {
    place.push(0);
    place
}
