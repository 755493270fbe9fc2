//! What people do to assets and their folders.

use std::sync::Arc;

use crate::{
    error::{AppError, Invalid, Problem, Result},
    identity::{Allowed, Command, Permission, Scope},
    kit::Id,
    org::{self, DepartmentId, Directory},
    store::{Read, StoreError, SubjectId, Write},
};

use super::{
    super::content::{self, TEXT_BYTES_MAX},
    model::{
        Body, DEPTH_MAX, Folder, FolderId, Material, MaterialId, MediaId, NAME_CHARS_MAX, Version,
    },
    queries::{self, Folders},
};

/// Bytes of a link's title, its words and its address (WeCom documentation, 发送新客户欢迎语).
const LINK_BYTES_MAX: (usize, usize, usize) = (128, 512, 2_048);
/// Bytes of a mini program's title.
const PROGRAM_TITLE_BYTES_MAX: usize = 64;
/// Bytes of the page of a mini program.
const PAGE_BYTES_MAX: usize = 1_024;

/// Keeps an asset: a new one, or the next version of one that is there.
#[derive(Debug, Clone)]
pub struct SaveMaterial {
    /// None for a new one.
    pub id: Option<MaterialId>,
    /// The version that was looked at; another one since is a conflict.
    pub seen: u32,
    /// Where it lies.
    pub folder: Option<FolderId>,
    /// Its title.
    pub title: String,
    /// What it consists of; its kind never changes.
    pub body: Body,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

/// Whether somebody decides about what lies in a folder that is there.
fn decides_in(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Directory,
    folder: Option<FolderId>,
) -> Result<bool, StoreError> {
    let folders = Folders::load(r)?;
    let is_there = folder.is_none_or(|id| folders.get(id).is_some());
    Ok(is_there && org::decides(scope, directory, folders.unit(folder)))
}

/// Whether somebody decides about an asset that is there.
fn decides_about(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Directory,
    id: MaterialId,
) -> Result<bool, StoreError> {
    match r.get::<Material>(&id)? {
        Some(known) => decides_in(r, scope, directory, known.folder),
        None => Ok(false),
    }
}

impl Command for SaveMaterial {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "material";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let is_own = match self.id {
            Some(id) => decides_about(r, scope, &self.directory, id)?,
            None => true,
        };
        Ok(is_own && decides_in(r, scope, &self.directory, self.folder)?)
    }
}

/// Keeps it; a change of title or body is a new version, and the older ones stay.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveMaterial>) -> Result<MaterialId> {
    let by: Option<SubjectId> = allowed.by().map(Id::cast);
    let command = allowed.into_command();
    let title = command.title.trim().to_owned();
    check(&title, &command.body).into_result()?;
    let material = match command.id {
        None => Material {
            id: w.new_id()?,
            folder: command.folder,
            title,
            body: command.body,
            version: 1,
            changed_at: w.now(),
            archived_at: None,
        },
        Some(id) => {
            let known = found(w, id)?;
            if known.version != command.seen {
                return Err(AppError::Conflict {
                    why: "asset_changed",
                });
            }
            if known.kind() != command.body.kind() {
                return Err(AppError::BadRequest { why: "field_type" });
            }
            let is_new = known.title != title || known.body != command.body;
            let (version, changed_at) = match is_new {
                true => (known.version.saturating_add(1), w.now()),
                false => (known.version, known.changed_at),
            };
            Material {
                folder: command.folder,
                title,
                body: command.body,
                version,
                changed_at,
                ..known
            }
        }
    };
    let key = (material.id.bits(), material.version);
    if w.get::<Version>(&key)?.is_none() {
        w.put(&Version {
            material: material.id,
            version: material.version,
            title: material.title.clone(),
            body: material.body.clone(),
            made_at: material.changed_at,
            made_by: by,
        })?;
    }
    w.put(&material)?;
    Ok(material.id)
}

fn found(w: &Write<'_>, id: MaterialId) -> Result<Material> {
    let known = w.get::<Material>(&id)?;
    known.ok_or(AppError::NotFound { what: "material" })
}

/// What is wrong with an asset, at the fields of its form.
fn check(title: &str, body: &Body) -> Invalid {
    let mut invalid = Invalid::default();
    let mut bytes = |field: &'static str, text: &str, max: usize| {
        if text.len() > max {
            invalid.problems.push(Problem {
                field,
                code: "assets.bytes",
                args: vec![
                    ("max", max.to_string()),
                    ("over", (text.len() - max).to_string()),
                ],
            });
        }
    };
    match body {
        Body::Link { url, desc, .. } => {
            let (title_max, desc_max, url_max) = LINK_BYTES_MAX;
            bytes("title", title, title_max);
            bytes("url", url, url_max);
            bytes("desc", desc, desc_max);
        }
        Body::MiniProgram { page, .. } => {
            bytes("title", title, PROGRAM_TITLE_BYTES_MAX);
            bytes("page", page, PAGE_BYTES_MAX);
        }
        Body::Text(text) if content::text_bytes(text) > TEXT_BYTES_MAX => {
            let over = content::text_bytes(text) - TEXT_BYTES_MAX;
            invalid.problems.push(Problem {
                field: "text",
                code: "content.too_long",
                args: vec![
                    ("max", TEXT_BYTES_MAX.to_string()),
                    ("over", over.to_string()),
                ],
            });
        }
        _ => {}
    }
    let is_card = matches!(body, Body::Link { .. } | Body::MiniProgram { .. });
    if title.is_empty() {
        invalid = invalid.with("title", "form.required");
    } else if !is_card && title.chars().count() > NAME_CHARS_MAX {
        invalid = invalid.with("title", "assets.title_length");
    } else if title.chars().any(content::is_hidden) {
        invalid = invalid.with("title", "content.hidden");
    }
    match body {
        Body::Text(text) if text.trim().is_empty() => invalid.with("text", "form.required"),
        Body::Text(text) if text.chars().any(content::is_hidden) => {
            invalid.with("text", "content.hidden")
        }
        Body::Link { url, .. } if !is_address(url) => invalid.with("url", "assets.url"),
        Body::MiniProgram { appid, page, .. } => {
            if !is_appid(appid) {
                invalid = invalid.with("appid", "assets.appid");
            }
            if page.trim().is_empty() || page.chars().any(|c| c.is_control() || c == ' ') {
                invalid = invalid.with("page", "assets.page");
            }
            invalid
        }
        _ => invalid,
    }
}

/// Whether a browser of a customer may be led there.
fn is_address(url: &str) -> bool {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let is_host = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric());
    host.is_some_and(is_host)
        && !url
            .chars()
            .any(|c| c.is_whitespace() || content::is_hidden(c))
}

/// `wx` and 16 hexadecimal digits.
fn is_appid(appid: &str) -> bool {
    let digits = appid.strip_prefix("wx");
    digits.is_some_and(|d| d.len() == 16 && d.bytes().all(|b| b.is_ascii_hexdigit()))
}

macro_rules! about_material {
    ($($(#[$doc:meta])* $command:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* }),+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $command {
            /// Which asset.
            pub id: MaterialId,
            $($(#[$field_doc])* pub $field: $type,)*
            /// The directory that says which departments are in scope.
            pub directory: Arc<Directory>,
        }

        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
            const WHAT: &'static str = "material";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                decides_about(r, scope, &self.directory, self.id)
            }
        }
    )+};
}
about_material!(
    /// Puts an asset away, or takes it out again.
    PutAway {
        /// Whether it is put away.
        is_away: bool
    },
    /// Deletes an asset that nothing uses, with all its versions.
    DeleteMaterial {},
    /// Has WeCom given the file again, whatever it said the last time.
    TryAgain {}
);

/// Puts it away: it is offered no more, and what uses it goes on.
pub fn put_away(w: &mut Write<'_>, allowed: Allowed<PutAway>) -> Result<()> {
    let PutAway { id, is_away, .. } = allowed.into_command();
    let mut material = found(w, id)?;
    if material.is_archived() != is_away {
        material.archived_at = is_away.then(|| w.now());
        w.put(&material)?;
    }
    Ok(())
}

/// Deletes it.
///
/// [`AppError::Conflict`] `asset_in_use` while something sends it.
pub fn delete(w: &mut Write<'_>, allowed: Allowed<DeleteMaterial>) -> Result<()> {
    let id = allowed.into_command().id;
    if queries::use_count(&w.read(), id)? > 0 {
        return Err(AppError::Conflict {
            why: "asset_in_use",
        });
    }
    for version in queries::versions(&w.read(), id)? {
        w.delete::<Version>(&(id.bits(), version.version))?;
    }
    w.delete::<Material>(&id)?;
    Ok(())
}

/// Lets the file be uploaded at once.
pub fn try_again(w: &mut Write<'_>, allowed: Allowed<TryAgain>) -> Result<()> {
    let material = found(w, allowed.into_command().id)?;
    if let Some((stored, purpose)) = super::media::files(&material.body)
        && let Some(mut media) = w.get::<MediaId>(&(stored.sha256, purpose as u8))?
    {
        media.next_at = w.now();
        media.attempts = 0;
        w.put(&media)?;
    }
    Ok(())
}

/// Keeps a folder, new or changed.
#[derive(Debug, Clone)]
pub struct SaveFolder {
    /// None for a new one.
    pub id: Option<FolderId>,
    /// What it is called.
    pub name: String,
    /// The one it lies in; one that is there stays where it is.
    pub parent: Option<FolderId>,
    /// The department that owns it; none: as the one it lies in, or the whole firm.
    pub unit: Option<DepartmentId>,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

impl Command for SaveFolder {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "material_folder";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let folders = Folders::load(r)?;
        let parent = match self.id {
            Some(id) => match folders.get(id) {
                Some(known) if decides_in(r, scope, &self.directory, Some(id))? => known.parent,
                _ => return Ok(false),
            },
            None => self.parent,
        };
        if parent.is_some_and(|parent| folders.get(parent).is_none()) {
            return Ok(false);
        }
        let unit = self.unit.or_else(|| folders.unit(parent));
        Ok(org::decides(scope, &self.directory, unit))
    }
}

/// Keeps it.
pub fn save_folder(w: &mut Write<'_>, allowed: Allowed<SaveFolder>) -> Result<FolderId> {
    let command = allowed.into_command();
    let name = command.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(AppError::field("name", "assets.folder_name"));
    }
    let folders = Folders::load(&w.read())?;
    let known = command.id.and_then(|id| folders.get(id));
    let parent = known.map_or(command.parent, |known| known.parent);
    let depth = parent.map_or(0, |parent| folders.path(parent).len());
    if depth >= DEPTH_MAX {
        return Err(AppError::field("parent", "assets.folder_depth"));
    }
    let has_name = |folder: &&Folder| folder.name == name && Some(folder.id) != command.id;
    if folders.within(parent).into_iter().any(|f| has_name(&f)) {
        return Err(AppError::field("name", "assets.folder_taken"));
    }
    if !is_within(&command.directory, command.unit, folders.unit(parent)) {
        return Err(AppError::field("unit", "assets.folder_wider"));
    }
    let folder = Folder {
        id: match known {
            Some(known) => known.id,
            None => w.new_id()?,
        },
        parent,
        name,
        unit: command.unit,
    };
    w.put(&folder)?;
    // Those within must not become wider than it is now.
    let folders = Folders::load(&w.read())?;
    for (_, inner) in folders.flat() {
        if !is_within(&command.directory, inner.unit, folders.unit(inner.parent)) {
            return Err(AppError::field("unit", "assets.folder_inner"));
        }
    }
    Ok(folder.id)
}

/// Whether a department is another, or below it; everything is within the whole firm.
fn is_within(
    directory: &Directory,
    unit: Option<DepartmentId>,
    other: Option<DepartmentId>,
) -> bool {
    let (Some(unit), Some(other)) = (unit, other) else {
        return true;
    };
    let found = directory.tree.find(unit);
    found.is_some_and(|unit| {
        let path = directory.tree.path(unit.wecom_id);
        path.iter().any(|above| above.id == other)
    })
}

/// Deletes a folder in which nothing lies.
#[derive(Debug, Clone)]
pub struct DeleteFolder {
    /// Which.
    pub id: FolderId,
    /// The directory that says which departments are in scope.
    pub directory: Arc<Directory>,
}

impl Command for DeleteFolder {
    const PERMISSION: Option<Permission> = Some(Permission::OutreachManage);
    const WHAT: &'static str = "material_folder";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        decides_in(r, scope, &self.directory, Some(self.id))
    }
}

/// Deletes it.
///
/// [`AppError::Conflict`] `folder_in_use` while something lies in it.
pub fn delete_folder(w: &mut Write<'_>, allowed: Allowed<DeleteFolder>) -> Result<()> {
    let id = allowed.into_command().id;
    let has_folders = !Folders::load(&w.read())?.within(Some(id)).is_empty();
    let mut has_assets = false;
    for material in w.read().all::<Material>(None)? {
        has_assets |= material?.folder == Some(id);
    }
    if has_folders || has_assets {
        return Err(AppError::Conflict {
            why: "folder_in_use",
        });
    }
    w.delete::<Folder>(&id)?;
    Ok(())
}
