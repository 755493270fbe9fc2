//! Reads of assets, and what uses them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Invalid,
    identity::Scope,
    org::{self, DepartmentId, Directory},
    store::{Key, Read, StoreError, Walk, Write},
};

use super::{
    super::Content,
    model::{DEPTH_MAX, Folder, FolderId, Material, MaterialId, Uses, Version},
    tables::{USES_OF, uses_key},
};

/// The folders by id, with what each is in.
#[derive(Debug, Clone, Default)]
pub struct Folders(BTreeMap<FolderId, Folder>);

impl Folders {
    /// All of them.
    pub fn load(r: &Read<'_>) -> Result<Self, StoreError> {
        let mut folders = BTreeMap::new();
        for folder in r.all::<Folder>(None)? {
            let folder = folder?;
            folders.insert(folder.id, folder);
        }
        Ok(Self(folders))
    }

    /// One of them.
    pub fn get(&self, id: FolderId) -> Option<&Folder> {
        self.0.get(&id)
    }

    /// From the topmost down to this one.
    pub fn path(&self, id: FolderId) -> Vec<&Folder> {
        let mut path = Vec::new();
        let mut next = self.get(id);
        while let Some(folder) = next.filter(|_| path.len() < DEPTH_MAX) {
            path.push(folder);
            next = folder.parent.and_then(|parent| self.get(parent));
        }
        path.reverse();
        path
    }

    /// The department that owns what lies here; none: the whole firm does.
    pub fn unit(&self, id: Option<FolderId>) -> Option<DepartmentId> {
        let path = id.map(|id| self.path(id)).unwrap_or_default();
        path.iter().rev().find_map(|folder| folder.unit)
    }

    /// The folders directly in one, or the topmost, by name.
    pub fn within(&self, parent: Option<FolderId>) -> Vec<&Folder> {
        let mut found: Vec<&Folder> = self.0.values().filter(|f| f.parent == parent).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        found
    }

    /// All of them as a tree, with their depth from 0.
    pub fn flat(&self) -> Vec<(usize, &Folder)> {
        let mut flat = Vec::new();
        self.flatten(None, 0, &mut flat);
        flat
    }

    fn flatten<'a>(
        &'a self,
        parent: Option<FolderId>,
        depth: usize,
        flat: &mut Vec<(usize, &'a Folder)>,
    ) {
        if depth >= DEPTH_MAX {
            return;
        }
        for folder in self.within(parent) {
            flat.push((depth, folder));
            self.flatten(Some(folder.id), depth + 1, flat);
        }
    }
}

/// An asset that is offered to somebody with this scope.
pub fn material(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Directory,
    id: MaterialId,
) -> Result<Option<Material>, StoreError> {
    let folders = Folders::load(r)?;
    let found = r.get::<Material>(&id)?;
    Ok(found.filter(|m| org::is_offered(scope, directory, folders.unit(m.folder))))
}

/// All assets that are offered to somebody with this scope, the last changed first.
pub fn offered(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Directory,
) -> Result<Vec<Material>, StoreError> {
    let folders = Folders::load(r)?;
    let mut found = Vec::new();
    for material in r.all::<Material>(None)? {
        let material = material?;
        if org::is_offered(scope, directory, folders.unit(material.folder)) {
            found.push(material);
        }
    }
    found.sort_by_key(|m| (std::cmp::Reverse(m.changed_at), m.id));
    Ok(found)
}

/// The versions of an asset, the newest first.
pub fn versions(r: &Read<'_>, id: MaterialId) -> Result<Vec<Version>, StoreError> {
    let mut versions = Vec::new();
    for version in r.all::<Version>(Some(&(id.bits(), 0)))? {
        let version = version?;
        if version.material != id {
            break;
        }
        versions.push(version);
    }
    versions.reverse();
    Ok(versions)
}

/// What sends an asset.
pub fn uses_of(r: &Read<'_>, id: MaterialId) -> Result<Vec<Uses>, StoreError> {
    r.list(&USES_OF, &Walk::prefix(Key::new().with(id)))?
        .collect()
}

/// How many things send an asset.
pub fn use_count(r: &Read<'_>, id: MaterialId) -> Result<usize, StoreError> {
    let uses = r.walk(&USES_OF, &Walk::prefix(Key::new().with(id)))?;
    Ok(uses.count())
}

/// Notes, in the write that keeps a message, which assets it sends from now on; an empty list
/// ends it. `by` is the kind of what sends them, e.g. `welcome`, and `of` its id.
pub fn set_uses(
    w: &mut Write<'_>,
    by: &'static str,
    of: &str,
    materials: &[MaterialId],
) -> Result<(), StoreError> {
    let each: BTreeSet<MaterialId> = materials.iter().copied().collect();
    if each.is_empty() {
        w.delete::<Uses>(&uses_key(by, of))?;
        return Ok(());
    }
    w.put(&Uses {
        by: by.to_owned(),
        of: of.to_owned(),
        materials: each.into_iter().collect(),
    })
}

/// What is wrong with a message before it is kept: its own form, and whether its assets are
/// there and can come along.
pub fn check(r: &Read<'_>, content: &Content) -> Result<Invalid, StoreError> {
    let mut invalid = content.check();
    for id in &content.attachments {
        let found = r.get::<Material>(id)?;
        if !found.is_some_and(|m| m.kind().is_attachment()) {
            invalid = invalid.with("attachment", "content.asset_missing");
            break;
        }
    }
    Ok(invalid)
}

/// The content that versions of assets name, by SHA-256: what a backup has to take along.
pub fn named(r: &Read<'_>) -> Result<BTreeSet<[u8; 32]>, StoreError> {
    let mut named = BTreeSet::new();
    for version in r.all::<Version>(None)? {
        named.extend(version?.body.stored().map(|stored| stored.sha256));
    }
    Ok(named)
}
