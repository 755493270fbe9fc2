//! `/org/departments/new`, `/org/departments/{id}`: making, changing and removing a department.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::{
        Department, DepartmentDraft, DepartmentId, Directory,
        actions::{self, RemoveDepartment, SaveDepartment},
        resolve::{self, Place},
        standing::ROOT,
    },
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters},
    work::pages::Nothing,
};

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::org) struct DepartmentForm {
    name: String,
    name_en: String,
    #[serde(default)]
    parent: String,
    order: String,
    #[serde(default)]
    seen: String,
}

/// The page.
#[derive(Template)]
#[template(path = "org/department.html", blocks = ["title"])]
pub(in crate::org) struct DepartmentPage {
    /// None for a new one.
    pub(super) department: Option<Department>,
    pub(super) form: FormState,
    pub(super) departments: Vec<String>,
    pub(super) is_root: bool,
    pub(super) is_wecoms: bool,
    pub(super) seen: String,
    pub(super) back: String,
}
view!(DepartmentPage);

/// The empty form.
pub(in crate::org) async fn new(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<DepartmentPage>> {
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgEdit))?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let parent: Option<u64> = query.get("dept").and_then(|d| d.parse().ok());
    let parent = parent.filter(|p| sight.directory.tree.get(*p).is_some());
    let text = parent.map(|p| resolve::path_text(&sight.directory.tree, p));
    let form = FormState::with_values([
        ("parent", text.unwrap_or_default()),
        ("order", "0".to_owned()),
    ]);
    Ok(Shown::of(page(
        &app,
        &sight.directory,
        None,
        form,
        String::new(),
    )))
}

/// Makes a department.
pub(in crate::org) async fn create(
    viewer: Viewer,
    app: Data<App>,
    form: Form<DepartmentForm>,
) -> Result<Shown<DepartmentPage>> {
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgEdit))?;
    let act = viewer.change("department.create");
    let standing = app.org_standing();
    let saved = match draft_of(&sight.directory, &form.values, None) {
        Ok(draft) => {
            let save = SaveDepartment {
                department: None,
                seen: None,
                draft,
                standing,
            };
            app.write(act, move |w| {
                let allowed = viewer.allow(w, save)?;
                actions::save_department(w, allowed)
            })
            .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved.map_err(out_of_reach))? {
        Ok(saved) => go_to(&saved, "org.department_created"),
        Err(form) => Shown::of(page(&app, &sight.directory, None, form, String::new())).invalid(),
    })
}

/// A parent outside one's reach is told at the field.
fn out_of_reach(error: AppError) -> AppError {
    match error {
        AppError::NotFound { what: "department" } => AppError::field("parent", "org.problem.reach"),
        other => other,
    }
}

/// The form of a department.
pub(in crate::org) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Shown<DepartmentPage>> {
    let id = parse(&id)?;
    app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::OrgEdit)?;
        let found = r.get_versioned::<Department>(&id)?;
        let found = found.filter(|f| f.entity.removed_at.is_none());
        let found = found.ok_or(AppError::NotFound { what: "department" })?;
        let known = found.entity;
        let parent = known.parent_wecom_id;
        let form = FormState::with_values([
            ("name", known.name.clone()),
            ("name_en", known.name_en.clone()),
            ("parent", resolve::path_text(&sight.directory.tree, parent)),
            ("order", known.order.to_string()),
        ]);
        let seen = found.version.to_string();
        Ok(Shown::of(page(
            &app,
            &sight.directory,
            Some(known),
            form,
            seen,
        )))
    })
}

/// Changes a department.
pub(in crate::org) async fn save(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    form: Form<DepartmentForm>,
) -> Result<Shown<DepartmentPage>> {
    let id = parse(&id)?;
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgEdit))?;
    let known = app.read(|r| r.get::<Department>(&id))?;
    let known = known.ok_or(AppError::NotFound { what: "department" })?;
    let act = viewer.change("department.update").about("department", id);
    let standing = app.org_standing();
    let seen = form.values.seen.parse().ok();
    let saved = match draft_of(&sight.directory, &form.values, Some(&known)) {
        Ok(draft) => {
            let save = SaveDepartment {
                department: Some(id),
                seen,
                draft,
                standing,
            };
            app.write(act, move |w| {
                let allowed = viewer.allow(w, save)?;
                actions::save_department(w, allowed)
            })
            .await
        }
        Err(error) => Err(error),
    };
    let seen = form.values.seen.clone();
    Ok(match form.state.catch(saved)? {
        Ok(saved) => go_to(&saved, "org.department_saved"),
        Err(form) => Shown::of(page(&app, &sight.directory, Some(known), form, seen)).invalid(),
    })
}

/// Removes a department that nobody is in.
pub(in crate::org) async fn remove(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<DepartmentPage>> {
    let id = parse(&id)?;
    let act = viewer.change("department.remove").about("department", id);
    let remove = RemoveDepartment {
        department: id,
        standing: app.org_standing(),
    };
    let removed = app
        .write(act, move |w| {
            let allowed = viewer.allow(w, remove)?;
            actions::remove_department(w, allowed)
        })
        .await?;
    let address = ListQuery::new("/org").with("dept", removed.parent_wecom_id);
    Ok(Shown::go_to(address).toast("org.department_removed", ("name", removed.name)))
}

fn go_to(department: &Department, word: &'static str) -> Shown<DepartmentPage> {
    let address = ListQuery::new("/org").with("dept", department.wecom_id);
    Shown::go_to(address).toast(word, ("name", department.name.clone()))
}

fn parse(id: &str) -> Result<DepartmentId> {
    let missing = |_| AppError::NotFound { what: "department" };
    id.parse().map_err(missing)
}

fn draft_of(
    directory: &Directory,
    form: &DepartmentForm,
    known: Option<&Department>,
) -> Result<DepartmentDraft> {
    let parent = match form.parent.trim() {
        "" => 0,
        text => match resolve::department(&directory.tree, text) {
            Place::Known(number) => number,
            Place::New { .. } => {
                return Err(AppError::field("parent", "org.problem.parent"));
            }
            Place::Several => return Err(AppError::field("parent", "org.problem.parents")),
        },
    };
    let order = match form.order.trim() {
        "" => Some(0),
        text => text.parse::<u32>().ok(),
    };
    Ok(DepartmentDraft {
        name: form.name.trim().to_owned(),
        name_en: form.name_en.trim().to_owned(),
        parent,
        external_id: known.map_or(String::new(), |d| d.external_id.clone()),
        order: order
            .map(u64::from)
            .ok_or(AppError::field("order", "org.problem.order"))?,
    })
}

fn page(
    app: &App,
    directory: &Directory,
    department: Option<Department>,
    form: FormState,
    seen: String,
) -> DepartmentPage {
    let tree = &directory.tree;
    let flat = tree.flat();
    let standing = app.org_standing();
    let number = department.as_ref().map(|d| d.wecom_id);
    let back = ListQuery::new("/org");
    DepartmentPage {
        is_root: number == Some(ROOT) || (number.is_none() && flat.is_empty()),
        is_wecoms: number.is_some_and(|n| !standing.may_change_department(n)),
        back: match number {
            Some(number) => back.with("dept", number).to_string(),
            None => back.to_string(),
        },
        departments: flat
            .iter()
            .map(|(_, d)| resolve::path_text(tree, d.wecom_id))
            .collect(),
        department,
        form,
        seen,
    }
}
