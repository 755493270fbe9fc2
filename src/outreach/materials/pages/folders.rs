//! `/assets/folders`: the folders of the library and whose they are.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::{self, DepartmentId},
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
    work::pages::Nothing,
};

use super::{
    super::{
        FolderId, Material,
        actions::{self, DeleteFolder, SaveFolder},
        queries::Folders,
    },
    unit_name,
};

/// The page's address.
const HERE: &str = "/assets/folders";

/// A folder.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) depth: usize,
    pub(super) unit: String,
    pub(super) unit_id: String,
    pub(super) assets: usize,
    pub(super) may_change: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/folders.html", blocks = ["title"])]
pub(in crate::outreach) struct FoldersPage {
    pub(super) lines: Vec<Line>,
    pub(super) form: FormState,
    /// Where a new one may lie.
    pub(super) parents: Vec<Choice>,
    /// Departments that may own one.
    pub(super) units: Vec<Choice>,
}
view!(FoldersPage);

fn page(app: &App, viewer: &Viewer, cx: &Cx, form: FormState) -> Result<FoldersPage> {
    app.read(|r| {
        let (scope, sight) = super::reach(app, r, viewer, Permission::OutreachManage)?;
        let directory = &sight.directory;
        let folders = Folders::load(r)?;
        let decides = |id: Option<FolderId>| org::decides(&scope, directory, folders.unit(id));
        let mut counts = std::collections::BTreeMap::<FolderId, usize>::new();
        for material in r.all::<Material>(None)? {
            if let Some(folder) = material?.folder {
                *counts.entry(folder).or_default() += 1;
            }
        }
        let shown = folders
            .flat()
            .into_iter()
            .filter(|(_, f)| org::is_offered(&scope, directory, folders.unit(Some(f.id))));
        let lines = shown.map(|(depth, folder)| Line {
            id: folder.id.to_string(),
            name: folder.name.clone(),
            depth,
            unit: unit_name(cx, directory, &folders, Some(folder.id)),
            unit_id: folder.unit.map(|unit| unit.to_string()).unwrap_or_default(),
            assets: counts.get(&folder.id).copied().unwrap_or(0),
            may_change: decides(Some(folder.id)),
        });
        let choice = |value: String, label: String| Choice {
            value,
            label,
            count: None,
            is_on: false,
        };
        let mut parents = super::folder_choices(&folders, decides);
        parents.insert(
            0,
            choice(String::new(), cx.t("assets.topmost").into_owned()),
        );
        let tree = directory.tree.flat().into_iter();
        let mut units: Vec<Choice> = tree
            .filter(|(_, unit)| org::decides(&scope, directory, Some(unit.id)))
            .map(|(depth, unit)| {
                let indent = "\u{3000}".repeat(depth);
                choice(unit.id.to_string(), format!("{indent}{}", unit.name))
            })
            .collect();
        units.insert(
            0,
            choice(String::new(), cx.t("assets.unit_as_above").into_owned()),
        );
        Ok(FoldersPage {
            lines: lines.collect(),
            form,
            parents,
            units,
        })
    })
}

/// Shows the folders.
pub(in crate::outreach) async fn folders(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<FoldersPage>> {
    Ok(Shown::of(page(&app, &viewer, &cx, FormState::empty())?))
}

/// What a form sends; one that is there keeps its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach) struct Fields {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    parent: String,
    #[serde(default)]
    unit: String,
}

fn parse(text: &str) -> Result<FolderId> {
    let id = text.parse();
    id.map_err(|_| AppError::NotFound {
        what: "material_folder",
    })
}

async fn keep(app: &App, viewer: &Viewer, fields: &Fields) -> Result<FolderId> {
    let unit: Option<DepartmentId> = match fields.unit.as_str() {
        "" => None,
        unit => {
            let unit = unit.parse();
            Some(unit.map_err(|_| AppError::field("unit", "assets.unit_gone"))?)
        }
    };
    let command = SaveFolder {
        id: match fields.id.as_str() {
            "" => None,
            id => Some(parse(id)?),
        },
        name: fields.name.clone(),
        parent: super::folder_field(&fields.parent)?,
        unit,
        directory: app.read(|r| app.directory.get(r))?,
    };
    app.carry_out(viewer, "asset_folder.save", command, actions::save_folder)
        .await
}

/// Keeps a folder, new or changed.
pub(in crate::outreach) async fn save_folder(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Fields>,
) -> Result<Shown<FoldersPage>> {
    let kept = keep(&app, &viewer, &form.values).await;
    Ok(match form.state.catch(kept)? {
        Ok(_) => Shown::go_to(HERE).toast("assets.folder_saved", ()),
        Err(form) => Shown::of(page(&app, &viewer, &cx, form)?).invalid(),
    })
}

/// Deletes an empty folder.
pub(in crate::outreach) async fn delete_folder(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<FoldersPage>> {
    let command = DeleteFolder {
        id: parse(&id)?,
        directory: app.read(|r| app.directory.get(r))?,
    };
    let delete = actions::delete_folder;
    app.carry_out(&viewer, "asset_folder.delete", command, delete)
        .await?;
    Ok(Shown::go_to(HERE).toast("assets.folder_deleted", ()))
}
