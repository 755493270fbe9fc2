//! `/org/roles`: which role may do what, and the firm's own roles.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Id,
    store::Read,
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
};

use super::{
    super::{
        AccessSettings, Breadth, CustomRole, Permission, Permissions, Role, Viewer,
        actions::{self, DeleteRole, SaveRole},
        queries,
    },
    NoFields,
    choices::{self, RightGroup},
    id_in,
};

/// The page's address.
pub(super) const HERE: &str = "/org/roles";

/// A column of the matrix.
pub(super) struct Column {
    pub(super) name: String,
    /// Where a custom role is changed.
    pub(super) href: Option<String>,
    pub(super) reach: String,
    pub(super) accounts: usize,
    has: Permissions,
}

/// The matrix.
#[derive(Template)]
#[template(path = "identity/roles.html", blocks = ["title"])]
pub(super) struct RolesPage {
    pub(super) columns: Vec<Column>,
    pub(super) groups: Vec<RightGroup>,
}
view!(RolesPage);

impl Column {
    fn may(&self, code: &str) -> bool {
        self.has.iter().any(|permission| permission.code() == code)
    }
}

pub(super) async fn matrix(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<RolesPage>> {
    let page = app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        let custom = queries::custom_roles(r)?;
        let custom = custom.into_iter().map(|role| Role::Custom(role.id));
        let columns = Role::BUILT_IN.into_iter().chain(custom);
        let columns = columns.map(|role| column(r, &cx, role));
        Ok::<_, AppError>(RolesPage {
            columns: columns.collect::<Result<_>>()?,
            groups: choices::rights(&cx, |_| true),
        })
    })?;
    Ok(Shown::of(page))
}

fn column(r: &Read<'_>, cx: &Cx, role: Role) -> Result<Column> {
    let grant = role.grant(r)?;
    Ok(Column {
        name: choices::role_name(r, cx, role)?,
        href: match role {
            Role::Custom(id) => Some(format!("{HERE}/{id}")),
            _ => None,
        },
        reach: breadth_name(cx, grant.breadth),
        accounts: queries::accounts_with(r, role)?,
        has: grant.permissions,
    })
}

fn breadth_name(cx: &Cx, breadth: Breadth) -> String {
    cx.t(&format!("breadth.{}", breadth.code())).into_owned()
}

/// A custom role to be made or changed.
#[derive(Template)]
#[template(path = "identity/role.html", blocks = ["title"])]
pub(super) struct RolePage {
    /// The role's id; none for a new one.
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) form: FormState,
    pub(super) breadths: Vec<Choice>,
    pub(super) groups: Vec<RightGroup>,
    pub(super) accounts: usize,
    pub(super) staff_reach: String,
}
view!(RolePage);

#[derive(Deserialize)]
pub(super) struct RoleForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    breadth: String,
    #[serde(default)]
    permission: Vec<String>,
}

fn role_page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<Id<CustomRole>>,
    typed: Option<FormState>,
) -> Result<RolePage> {
    app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        let kept = match id {
            Some(id) => Some(queries::custom_role(r, id)?),
            None => None,
        };
        let mut values = vec![("breadth", Breadth::AsStaff.code().to_owned())];
        if let Some(role) = &kept {
            values = vec![
                ("name", role.name.clone()),
                ("breadth", role.breadth.code().to_owned()),
            ];
            let rights = role.permissions.iter();
            values.extend(rights.map(|p| ("permission", p.code().to_owned())));
        }
        let breadths = Breadth::ALL.into_iter().map(|breadth| Choice {
            value: breadth.code().to_owned(),
            label: breadth_name(cx, breadth),
            count: None,
            is_on: false,
        });
        let staff = AccessSettings::load(r)?.staff_breadth();
        Ok(RolePage {
            id: id.map(|id| id.to_string()),
            name: kept.map_or(String::new(), |role| role.name),
            form: typed.unwrap_or_else(|| FormState::with_values(values)),
            breadths: breadths.collect(),
            groups: choices::rights(cx, Permission::is_delegable),
            accounts: match id {
                Some(id) => queries::accounts_with(r, Role::Custom(id))?,
                None => 0,
            },
            staff_reach: breadth_name(cx, staff),
        })
    })
}

pub(super) async fn new(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<RolePage>> {
    role_page(&app, &viewer, &cx, None, None).map(Shown::of)
}

pub(super) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RolePage>> {
    let id = id_in(&id, "role")?;
    role_page(&app, &viewer, &cx, Some(id), None).map(Shown::of)
}

pub(super) async fn create(
    viewer: Viewer,
    form: Form<RoleForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RolePage>> {
    save(&app, &viewer, &cx, None, form).await
}

pub(super) async fn update(
    viewer: Viewer,
    id: Path<String>,
    form: Form<RoleForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RolePage>> {
    let id = id_in(&id, "role")?;
    save(&app, &viewer, &cx, Some(id), form).await
}

async fn save(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    role: Option<Id<CustomRole>>,
    form: Form<RoleForm>,
) -> Result<Shown<RolePage>> {
    let values = form.values;
    let breadth = Breadth::of_code(&values.breadth);
    let unknown = || AppError::field("breadth", "breadth.unknown");
    let rights = values.permission.iter();
    let rights: Permissions = rights
        .filter_map(|code| Permission::of_code(code))
        .collect();
    let command = breadth.ok_or_else(unknown).map(|breadth| SaveRole {
        role,
        name: values.name,
        permissions: rights,
        breadth,
    });
    let done = match command {
        Ok(command) => {
            app.carry_out(viewer, "role.save", command, actions::save_role)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(done)? {
        Ok(role) => Shown::go_to(HERE).toast("roles.saved", ("name", role.name)),
        Err(form) => Shown::of(role_page(app, viewer, cx, role, Some(form))?).invalid(),
    })
}

pub(super) async fn remove(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<RolePage>> {
    let role = id_in(&id, "role")?;
    let command = DeleteRole { role };
    app.carry_out(&viewer, "role.remove", command, actions::delete_role)
        .await?;
    Ok(Shown::go_to(HERE).toast("roles.removed", ()))
}
