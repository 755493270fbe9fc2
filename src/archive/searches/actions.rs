//! What people do to saved searches.

use crate::{
    error::{AppError, Result},
    identity::{Account, Allowed, Command, Permission, Scope},
    kit::Id,
    store::{Read, StoreError, Write},
};

use super::{
    Found, SEARCHES_MAX, SavedSearch, SavedSearchId,
    tables::{Place, found, own, telling},
};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 20;
/// Bytes of the conditions.
const QUERY_BYTES_MAX: usize = 2000;

/// 保存搜索, or changes one's name and what becomes of it.
#[derive(Debug, Clone)]
pub struct SaveSearch {
    /// The search to be changed; none makes a new one.
    pub search: Option<SavedSearchId>,
    /// Its name.
    pub name: String,
    /// Its conditions; one that is there keeps its own.
    pub query: String,
    /// Whether those of the same role see it too.
    pub is_shared: bool,
    /// Whether its owner is told of new matches.
    pub tells: bool,
}

/// Removes a search.
#[derive(Debug, Clone, Copy)]
pub struct DeleteSearch {
    /// Which one.
    pub search: SavedSearchId,
}

/// Notes that the new matches of a search have been seen, up to one of them.
#[derive(Debug, Clone, Copy)]
pub struct MarkSeen {
    /// Which search.
    pub search: SavedSearchId,
    /// The greatest number among those that were shown.
    pub up_to: u64,
}

/// Whose a search is, [`owned`] says: a command does not know who gives it.
macro_rules! about_searches {
    ($($command:ty: $search:expr),*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::ArchiveRead);
            const WHAT: &'static str = "archive_search";
            fn within(&self, r: &Read<'_>, _: &Scope) -> Result<bool, StoreError> {
                let search: fn(&$command) -> Option<SavedSearchId> = $search;
                search(self).map_or(Ok(true), |id| r.exists::<SavedSearch>(&id))
            }
        }
    )*};
}
about_searches!(
    SaveSearch: |c| c.search,
    DeleteSearch: |c| Some(c.search),
    MarkSeen: |c| Some(c.search)
);

fn owner_of<C>(allowed: &Allowed<C>) -> Result<Id<Account>> {
    allowed.by().ok_or(AppError::Unauthenticated)
}

/// A search of the asking account; one of somebody else is not there.
fn owned<C>(w: &Write<'_>, allowed: &Allowed<C>, id: SavedSearchId) -> Result<SavedSearch> {
    let owner = owner_of(allowed)?;
    let search = w.get::<SavedSearch>(&id)?.filter(|s| s.owner == owner);
    search.ok_or(AppError::NotFound {
        what: "archive_search",
    })
}

/// Saves a search. One that begins to tell tells of what comes from now on.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveSearch>) -> Result<SavedSearch> {
    let command = allowed.command().clone();
    let name = new_name(&command.name)?;
    let owner = owner_of(&allowed)?;
    let mine = own(&w.read(), owner)?;
    let is_taken = |known: &SavedSearch| Some(known.id) != command.search && known.name == name;
    if mine.iter().any(is_taken) {
        return Err(AppError::field("name", "searches.taken"));
    }
    if command.tells && telling(&w.read())?.is_empty() {
        let feed = w.read().feed_head()?;
        w.put(&Place { feed })?;
    }
    let search = match command.search {
        Some(id) => SavedSearch {
            name,
            is_shared: command.is_shared,
            tells: command.tells,
            ..owned(w, &allowed, id)?
        },
        None => {
            if command.query.is_empty() || command.query.len() > QUERY_BYTES_MAX {
                return Err(AppError::field("", "searches.nothing"));
            }
            if mine.len() >= SEARCHES_MAX {
                return Err(AppError::field("", "searches.too_many"));
            }
            SavedSearch {
                id: w.new_id()?,
                owner,
                name,
                query: command.query,
                is_shared: command.is_shared,
                tells: command.tells,
                saved_at: w.now(),
            }
        }
    };
    if !search.tells {
        forget(w, search.id, u64::MAX)?;
    }
    w.put(&search)?;
    Ok(search)
}

fn new_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() {
        return Err(AppError::field("name", "form.required"));
    }
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(AppError::field("name", "searches.shape"));
    }
    Ok(name.to_owned())
}

/// Removes a search with what it has found; gives it as it was.
pub fn delete(w: &mut Write<'_>, allowed: Allowed<DeleteSearch>) -> Result<SavedSearch> {
    let search = owned(w, &allowed, allowed.command().search)?;
    forget(w, search.id, u64::MAX)?;
    w.delete::<SavedSearch>(&search.id)?;
    Ok(search)
}

/// Notes that matches have been seen.
pub fn mark_seen(w: &mut Write<'_>, allowed: Allowed<MarkSeen>) -> Result<()> {
    let MarkSeen { search, up_to } = *allowed.command();
    let search = owned(w, &allowed, search)?;
    Ok(forget(w, search.id, up_to)?)
}

fn forget(w: &mut Write<'_>, search: SavedSearchId, up_to: u64) -> Result<(), StoreError> {
    for found in found(&w.read(), search)? {
        if found.seq <= up_to {
            w.delete::<Found>(&(search.bits(), found.seq))?;
        }
    }
    Ok(())
}
