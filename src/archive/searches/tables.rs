//! archive-searches: saved search → question under a name · archive-found: search and message →
//! a match that has not been seen · archive-searches-place: how far the watch is.

use minicbor::{Decode, Encode};

use crate::{
    identity::Account,
    kit::Id,
    store::{AuditView, Class, Entity, Index, Key, Read, StoreError, SubjectId, TableSpec, Walk},
};

use super::{Found, SavedSearch, SavedSearchId};

/// The tables.
pub(in crate::archive) const TABLES: [TableSpec; 3] = [
    TableSpec::of::<SavedSearch>(),
    TableSpec::of::<Found>(),
    TableSpec::of::<Place>(),
];

const BY_OWNER: Index<SavedSearch> = Index::new("archive-searches-1.by_owner", |search, _| {
    vec![Key::new().with(search.owner)]
});

/// Those that others see.
const SHARED: Index<SavedSearch> = Index::new("archive-searches-1.shared", |search, _| {
    search.is_shared.then(Key::new).into_iter().collect()
});

/// Those that tell of new matches.
const TELLING: Index<SavedSearch> = Index::new("archive-searches-1.telling", |search, _| {
    search.tells.then(Key::new).into_iter().collect()
});

impl Entity for SavedSearch {
    const KIND: &'static str = "archive_search";
    const TABLE: &'static str = "archive-searches-1";
    const CLASS: Class = Class::Record;
    type Key = SavedSearchId;

    fn key(&self) -> SavedSearchId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.owner.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_OWNER, SHARED, TELLING]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("owner", self.owner.to_string().into()),
            ("name", self.name.as_str().into()),
            ("query", self.query.as_str().into()),
            ("shared", self.is_shared.into()),
            ("tells", self.tells.into()),
        ]
    }
}

impl Entity for Found {
    const KIND: &'static str = "archive_found";
    const TABLE: &'static str = "archive-found-1";
    const CLASS: Class = Class::Machinery;
    type Key = (u64, u64);

    fn key(&self) -> (u64, u64) {
        (self.search.bits(), self.seq)
    }
}

/// Up to which number of the feed messages were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Place {
    #[n(0)]
    pub feed: u64,
}

impl Entity for Place {
    const KIND: &'static str = "archive_search_place";
    const TABLE: &'static str = "archive-searches-place-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        super::super::tables::FIRM.to_owned()
    }
}

/// How far the watch is.
pub(super) fn place(r: &Read<'_>) -> Result<Place, StoreError> {
    let place = r.get::<Place>(&super::super::tables::FIRM.to_owned())?;
    Ok(place.unwrap_or_default())
}

/// The searches of an account, by name.
pub fn own(r: &Read<'_>, owner: Id<Account>) -> Result<Vec<SavedSearch>, StoreError> {
    let walk = Walk::prefix(Key::new().with(owner));
    let mut searches: Vec<SavedSearch> = r.list(&BY_OWNER, &walk)?.collect::<Result<_, _>>()?;
    searches.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(searches)
}

/// The searches that others of this role share, by name: those whose owners have it now.
pub fn shared(
    r: &Read<'_>,
    role: &str,
    but_of: Id<Account>,
) -> Result<Vec<SavedSearch>, StoreError> {
    let mut searches = Vec::new();
    for search in r.list(&SHARED, &Walk::default())? {
        let search = search?;
        if search.owner == but_of {
            continue;
        }
        let owner = r.get::<Account>(&search.owner)?;
        if owner.is_some_and(|owner| owner.is_active() && owner.role.code() == role) {
            searches.push(search);
        }
    }
    searches.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
    Ok(searches)
}

/// All searches that tell of new matches.
pub(super) fn telling(r: &Read<'_>) -> Result<Vec<SavedSearch>, StoreError> {
    r.list(&TELLING, &Walk::default())?.collect()
}

/// Matches of a search that have not been seen, the newest first.
pub fn found(r: &Read<'_>, search: SavedSearchId) -> Result<Vec<Found>, StoreError> {
    let mut all = Vec::new();
    for found in r.all::<Found>(Some(&(search.bits(), 0)))? {
        let found = found?;
        if found.search != search {
            break;
        }
        all.push(found);
    }
    all.reverse();
    Ok(all)
}
