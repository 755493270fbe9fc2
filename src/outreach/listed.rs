//! Pages of broadcasts and of moments, newest first, by their index.

use crate::{
    kit::{Page, PageRequest},
    org::Sight,
    store::{Key, Listing, Read, StoreError, SubjectId},
};

use super::campaign::{Campaign, sees};

/// Rows looked at for one page, and counted at most.
const LOOKED_AT: usize = 2_000;

/// Which of them belong to a part of a list.
pub(super) type Belongs<C> = fn(&C) -> bool;

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
        let seen = |row: &C| sees(row, self.sight, self.own);
        let listing = Listing {
            index: C::by_time(),
            prefix: Key::new(),
            shows: &|row| seen(row) && (self.shown)(row),
            most,
        };
        let mut counts = vec![0; self.parts.len()];
        let page = listing.page(r, request, |row| {
            for (count, belongs) in counts.iter_mut().zip(self.parts) {
                *count += u64::from(seen(row) && belongs(row));
            }
        })?;
        Ok(Listed {
            counts: page.total_exact.then_some(counts),
            page,
        })
    }
}
