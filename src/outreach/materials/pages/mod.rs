//! Pages of the asset library.

mod edit;
mod file;
mod folders;
mod list;
mod preview;
#[cfg(test)]
mod samples_tests;
mod show;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Scope, Viewer},
    org::{Directory, Sight},
    store::Read,
    web::{Cx, parts::Choice},
};

use super::{FolderId, MaterialId, queries::Folders};

pub(super) use edit::{change, create, edit, new};
pub(super) use file::file;
pub(super) use folders::{delete_folder, folders, save_folder};
pub(super) use list::{Sought, index};
pub(super) use preview::preview;
pub(super) use show::{delete, put_away, show, try_again};

/// The library's address.
pub(super) const HERE: &str = "/assets";

fn material_id(text: &str) -> Result<MaterialId> {
    let id = text.parse();
    id.map_err(|_| AppError::NotFound { what: "material" })
}

/// A field that names a folder, or none.
fn folder_field(text: &str) -> Result<Option<FolderId>> {
    match text {
        "" => Ok(None),
        text => {
            let id = text.parse();
            let id = id.map_err(|_| AppError::field("folder", "assets.folder_gone"))?;
            Ok(Some(id))
        }
    }
}

/// How far the viewer sees the library, or decides about it.
fn reach(app: &App, r: &Read<'_>, viewer: &Viewer, to: Permission) -> Result<(Scope, Sight)> {
    let scope = viewer.scope(r, to)?;
    let sight = Sight::new(app.directory.get(r)?, &scope);
    Ok((scope, sight))
}

/// The folders that satisfy `is_in`, as a tree.
fn folder_choices(folders: &Folders, is_in: impl Fn(Option<FolderId>) -> bool) -> Vec<Choice> {
    let all = folders.flat().into_iter();
    all.filter(|(_, folder)| is_in(Some(folder.id)))
        .map(|(depth, folder)| Choice {
            value: folder.id.to_string(),
            label: format!("{}{}", "\u{3000}".repeat(depth), folder.name),
            count: None,
            is_on: false,
        })
        .collect()
}

/// Whose a folder is, in words.
fn unit_name(cx: &Cx, directory: &Directory, folders: &Folders, id: Option<FolderId>) -> String {
    let unit = folders.unit(id);
    match unit.and_then(|unit| directory.tree.find(unit)) {
        Some(unit) => unit.name.clone(),
        None => cx.t("assets.whole_firm").into_owned(),
    }
}
