//! `/setup/roles` and `/setup/done`: who is department admin of what, and the review.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{
        Permission, Role, Viewer,
        actions::{self, CreateAccount},
        queries as identity,
    },
    kit::PageRequest,
    org::{DepartmentId, Directory, MemberId},
    rollout::model::Step,
    store::Read,
    sync::{connection, pilot::Pilot},
    view,
    web::{Cx, Form, FormState, Lang, Shown, filters},
};

use super::{Frame, passed};

/// Departments whose heads are proposed.
const PROPOSED_MAX: usize = 60;
/// Accounts that are listed.
const LISTED_MAX: usize = 50;

/// The head of a department, who may become its admin.
struct Proposal {
    /// `member:department`.
    value: String,
    name: String,
    department: String,
    is_on: bool,
}

/// Somebody with an account.
struct AccountLine {
    name: String,
    login: String,
    role: &'static str,
    departments: String,
}

/// An account that was just made, with the code its owner sets the password with.
struct Made {
    name: String,
    login: String,
    code: String,
}

/// The page.
#[derive(Template)]
#[template(path = "rollout/setup_roles.html", blocks = ["title"])]
pub(in crate::rollout) struct RolesPage {
    frame: Frame,
    form: FormState,
    proposals: Vec<Proposal>,
    accounts: Vec<AccountLine>,
    made: Vec<Made>,
}
view!(RolesPage);

fn page(
    app: &App,
    cx: &Cx,
    viewer: &Viewer,
    form: FormState,
    made: Vec<Made>,
) -> Result<RolesPage> {
    let frame = Frame::of(app, cx, viewer, Step::Roles)?;
    let english = cx.lang() == Lang::En;
    let (proposals, accounts) = app.read(|r| {
        let scope = viewer.scope(r, Permission::AccountManage)?;
        let directory = app.directory.get(r)?;
        let request = PageRequest {
            limit: Some(LISTED_MAX),
            ..PageRequest::default()
        };
        let accounts = identity::accounts(r, &scope, "", &request)?.items;
        let line = |account: identity::AccountView| AccountLine {
            role: crate::visit::role_key(&account.role.code()),
            departments: names(&directory, &account.units, english),
            name: account.name,
            login: account.login,
        };
        let proposals = proposals(r, &directory, english, &form)?;
        Ok::<_, AppError>((proposals, accounts.into_iter().map(line).collect()))
    })?;
    Ok(RolesPage {
        frame,
        form,
        proposals,
        accounts,
        made,
    })
}

fn names(
    directory: &Directory,
    units: &[crate::kit::Id<crate::identity::Unit>],
    english: bool,
) -> String {
    let found = units
        .iter()
        .filter_map(|unit| directory.tree.find(unit.cast()));
    let names: Vec<&str> = found.map(|d| d.name_in(english)).collect();
    names.join(" · ")
}

/// The heads of departments, as WeCom has them, who have no account yet.
fn proposals(
    r: &Read<'_>,
    directory: &Directory,
    english: bool,
    form: &FormState,
) -> Result<Vec<Proposal>> {
    let mut proposals = Vec::new();
    for (_, department) in directory.tree.flat() {
        for userid in &department.leaders {
            let head = directory
                .members_of(department.wecom_id)
                .chain(directory.members())
                .find(|m| m.userid.eq_ignore_ascii_case(userid) && m.is_here());
            let Some(head) = head else { continue };
            if identity::account_of_member(r, head.id.cast())?.is_some() {
                continue;
            }
            let value = format!("{}:{}", head.id, department.id);
            proposals.push(Proposal {
                is_on: form.has("who", &value),
                value,
                name: head.name.clone(),
                department: department.name_in(english).to_owned(),
            });
            if proposals.len() == PROPOSED_MAX {
                return Ok(proposals);
            }
        }
    }
    Ok(proposals)
}

pub(super) async fn show(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<RolesPage>> {
    let form = FormState::empty();
    Ok(Shown::of(page(&app, &cx, &viewer, form, Vec::new())?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    #[serde(default)]
    who: Vec<String>,
}

/// One person and the departments to be managed.
struct Appointment {
    member: MemberId,
    units: Vec<DepartmentId>,
}

fn appointments(who: &[String]) -> Result<Vec<Appointment>> {
    let mut found: Vec<Appointment> = Vec::new();
    for one in who {
        let parsed = one
            .split_once(':')
            .and_then(|(member, unit)| Some((member.parse().ok()?, unit.parse().ok()?)));
        let (member, unit) = parsed.ok_or(AppError::NotFound { what: "member" })?;
        match found.iter_mut().find(|known| known.member == member) {
            Some(known) => known.units.push(unit),
            None => found.push(Appointment {
                member,
                units: vec![unit],
            }),
        }
    }
    Ok(found)
}

/// Makes the chosen heads admins of their departments. The codes are shown once.
pub(super) async fn give(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Chosen>,
) -> Result<Shown<RolesPage>> {
    let chosen = appointments(&form.values.who);
    let by = viewer.clone();
    let made = match chosen {
        Ok(chosen) if chosen.is_empty() => Err(AppError::field("who", "setup.choose_somebody")),
        Ok(chosen) => {
            app.write(viewer.change("account.create"), move |w| {
                chosen.into_iter().map(|one| appoint(w, &by, one)).collect()
            })
            .await
        }
        Err(wrong) => Err(wrong),
    };
    Ok(match form.state.catch(made)? {
        Ok(made) => Shown::of(page(&app, &cx, &viewer, FormState::empty(), made)?),
        Err(form) => Shown::of(page(&app, &cx, &viewer, form, Vec::new())?).invalid(),
    })
}

fn appoint(w: &mut crate::store::Write<'_>, viewer: &Viewer, one: Appointment) -> Result<Made> {
    let member = w
        .get::<crate::org::Member>(&one.member)?
        .ok_or(AppError::NotFound { what: "member" })?;
    let command = CreateAccount {
        login: member.userid.clone(),
        name: member.name.clone(),
        role: Role::DepartmentAdmin,
        member: Some(member.id.cast()),
        units: one.units.into_iter().map(|unit| unit.cast()).collect(),
        password: None,
    };
    let allowed = viewer.allow(w, command)?;
    let made = actions::create_account(w, allowed)?;
    Ok(Made {
        name: made.account.name,
        login: made.account.login,
        code: made
            .code
            .map_or(String::new(), |code| code.text.expose().clone()),
    })
}

/// What the wizard has come to.
#[derive(Template)]
#[template(path = "rollout/setup_done.html", blocks = ["title"])]
pub(in crate::rollout) struct DonePage {
    frame: Frame,
    firm: String,
    preset: Option<String>,
    corpid: Option<String>,
    is_heard: bool,
    /// Departments that take part; none for the whole firm.
    pilot: usize,
    members: u64,
    accounts: u64,
    without_wecom: bool,
}
view!(DonePage);

pub(super) async fn review(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<DonePage>> {
    let frame = Frame::of(&app, &cx, &viewer, Step::Done)?;
    let known = connection::in_use(&app)?;
    let page = app.read(|r| {
        let scope = viewer.scope(r, Permission::AccountManage)?;
        let setup = crate::rollout::queries::setup(r)?;
        let accounts = identity::accounts(r, &scope, "", &PageRequest::default())?.total;
        let is_heard = match &known {
            Some(known) => {
                connection::verified_at(r, known)?.is_some()
                    || crate::sync::newest_event(r)?.is_some()
            }
            None => false,
        };
        let preset = setup.preset.map(|preset| {
            cx.t(&format!("preset.industry.{}", preset.industry.code()))
                .into_owned()
        });
        Ok::<_, AppError>(DonePage {
            frame,
            firm: crate::rollout::queries::firm(r)?.name,
            preset,
            corpid: known.map(|known| known.corpid),
            is_heard,
            pilot: Pilot::load(r)?.departments.len(),
            members: app.directory.get(r)?.members().count() as u64,
            accounts,
            without_wecom: setup.without_wecom,
        })
    })?;
    Ok(Shown::of(page))
}

pub(super) async fn finish(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<crate::work::pages::Nothing>,
) -> Result<Shown<DonePage>> {
    passed(&app, &viewer, Step::Done).await?;
    Ok(Shown::go_to("/").toast("setup.finished", ()))
}
