//! `/settings/security/rules`: what members become by department, and whom that affects.

use std::collections::BTreeSet;

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::Id,
    org::{Directory, Member, MemberState},
    store::Read,
    view,
    web::{
        Cx, Form, FormState, Lang, ListQuery, Shown, filters,
        parts::{Choice, Empty, EmptyKind},
    },
};

use super::{
    super::{
        Permission, Role, RoleRule, SecuritySettings, Unit, Viewer,
        actions::{self, DeleteRule, MoveRule, SaveRule},
        queries,
    },
    NoFields,
    choices::{self, UnitChoice},
    id_in, wecom,
};

/// The page's address.
const HERE: &str = "/settings/security/rules";
/// Members that the dry list shows.
const AFFECTED_SHOWN: usize = 50;

/// A rule in its place.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) unit: String,
    pub(super) role: String,
    pub(super) units: String,
    /// Members here for whom it is the first that counts.
    pub(super) people: usize,
}

/// A member whom a rule affects.
pub(super) struct Affected {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) department: String,
    /// What their account is now; empty if there is none yet.
    pub(super) now: String,
    /// What signing in with WeCom makes of them.
    pub(super) then: String,
    /// A super admin has decided by hand: rules do not count.
    pub(super) by_hand: bool,
}

/// The rules.
#[derive(Template)]
#[template(path = "identity/rules.html", blocks = ["title"])]
pub(super) struct RulesPage {
    pub(super) lines: Vec<Line>,
    pub(super) default_role: Option<String>,
    /// Members here whom no rule names.
    pub(super) others: usize,
    pub(super) empty: Empty,
}
view!(RulesPage);

/// A rule to be made or changed, with the dry list.
#[derive(Template)]
#[template(path = "identity/rule.html", blocks = ["title"])]
pub(super) struct RulePage {
    /// The rule's id; none for a new one.
    pub(super) id: Option<String>,
    pub(super) form: FormState,
    pub(super) departments: Vec<Choice>,
    pub(super) roles: Vec<Choice>,
    pub(super) units: Vec<UnitChoice>,
    /// Whether a department and a role have been chosen, so that there is something to see.
    pub(super) is_chosen: bool,
    pub(super) affected: Vec<Affected>,
    pub(super) total: usize,
}
view!(RulePage);

/// Members here with the departments they are in and those above.
fn people(directory: &Directory) -> impl Iterator<Item = (&Member, BTreeSet<Id<Unit>>)> {
    let here = directory
        .members()
        .filter(|member| member.state == MemberState::Active);
    here.map(|member| (member, wecom::inside(directory, member)))
}

pub(super) async fn list(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<RulesPage>> {
    let page = app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        let directory = app.directory.get(r)?;
        let rules = RoleRule::all(r)?;
        let mut counts = vec![0; rules.len()];
        let mut others = 0;
        for (_, inside) in people(&directory) {
            match rules.iter().position(|rule| inside.contains(&rule.unit)) {
                Some(at) => counts[at] += 1,
                None => others += 1,
            }
        }
        let lines = rules.iter().zip(counts);
        let lines = lines.map(|(rule, people)| line(r, &cx, &directory, rule, people));
        let default_role = SecuritySettings::load(r)?.default_role;
        Ok::<_, AppError>(RulesPage {
            lines: lines.collect::<Result<_>>()?,
            default_role: match default_role {
                Some(role) => Some(choices::role_name(r, &cx, role)?),
                None => None,
            },
            others,
            empty: Empty {
                kind: EmptyKind::NothingYet,
                title: cx.t("rules.empty.title").into_owned(),
                hint: cx.t("rules.empty.hint").into_owned(),
                action: None,
                other: None,
            },
        })
    })?;
    Ok(Shown::of(page))
}

fn line(
    r: &Read<'_>,
    cx: &Cx,
    directory: &Directory,
    rule: &RoleRule,
    people: usize,
) -> Result<Line> {
    let unit = choices::unit_names(directory, cx, &[rule.unit]).pop();
    Ok(Line {
        id: rule.id.to_string(),
        unit: unit.unwrap_or_else(|| cx.t("rules.unit_gone").into_owned()),
        role: choices::role_name(r, cx, rule.role)?,
        units: choices::unit_names(directory, cx, &rule.units).join("、"),
        people,
    })
}

/// What the form holds, in the address while it is looked at and in the body when saved.
#[derive(Deserialize)]
pub(super) struct RuleForm {
    #[serde(default)]
    unit_of: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    unit: Vec<String>,
}

fn page(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    id: Option<Id<RoleRule>>,
    form: FormState,
) -> Result<RulePage> {
    app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        let directory = app.directory.get(r)?;
        let chosen = (
            form.value("unit_of").parse::<Id<Unit>>().ok(),
            Role::of_code(form.value("role")),
        );
        let affected = match chosen {
            (Some(unit), Some(role)) => affected(r, cx, &directory, id, unit, role)?,
            _ => Vec::new(),
        };
        let total = affected.len();
        Ok(RulePage {
            id: id.map(|id| id.to_string()),
            form,
            departments: departments(&directory, cx),
            roles: choices::roles(r, cx, &[Role::SuperAdmin])?,
            units: choices::units(&directory, cx),
            is_chosen: matches!(chosen, (Some(_), Some(_))),
            affected: affected.into_iter().take(AFFECTED_SHOWN).collect(),
            total,
        })
    })
}

/// The departments as one list, set in by blanks that stay.
fn departments(directory: &Directory, cx: &Cx) -> Vec<Choice> {
    let english = cx.lang() == Lang::En;
    let all = directory.tree.flat().into_iter();
    all.map(|(depth, department)| Choice {
        value: department.id.to_string(),
        label: format!(
            "{}{}",
            "\u{3000}".repeat(depth),
            department.name_in(english)
        ),
        count: None,
        is_on: false,
    })
    .collect()
}

/// Whom the rule would be the first to name.
fn affected(
    r: &Read<'_>,
    cx: &Cx,
    directory: &Directory,
    id: Option<Id<RoleRule>>,
    unit: Id<Unit>,
    role: Role,
) -> Result<Vec<Affected>> {
    let rules = RoleRule::all(r)?;
    // A changed rule keeps its place; a new one is asked last.
    let before = rules.iter().take_while(|rule| Some(rule.id) != id);
    let before: Vec<Id<Unit>> = before.map(|rule| rule.unit).collect();
    let then = choices::role_name(r, cx, role)?;
    let mut found = Vec::new();
    for (member, inside) in people(directory) {
        if !inside.contains(&unit) || before.iter().any(|unit| inside.contains(unit)) {
            continue;
        }
        let account = queries::account_standing(r, member.id.cast())?;
        let department = directory.department_of(member);
        found.push(Affected {
            id: member.id.to_string(),
            name: member.name.clone(),
            department: department.map_or(String::new(), |d| d.name.clone()),
            by_hand: account.is_some_and(|(_, by_rule)| !by_rule),
            now: match account {
                Some((role, _)) => choices::role_name(r, cx, role)?,
                None => String::new(),
            },
            then: match account {
                Some((role, false)) => choices::role_name(r, cx, role)?,
                _ => then.clone(),
            },
        });
    }
    found.sort_by(|a, b| (&a.department, &a.name).cmp(&(&b.department, &b.name)));
    Ok(found)
}

/// The form, filled from the address: a look at whom it affects changes nothing.
pub(super) async fn new(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<RulePage>> {
    let form = from_address(&cx);
    page(&app, &viewer, &cx, None, form).map(Shown::of)
}

fn from_address(cx: &Cx) -> FormState {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let one = |name: &'static str| (name, query.get(name).unwrap_or("").to_owned());
    let mut values = vec![one("unit_of"), one("role")];
    values.extend(query.all("unit").map(|unit| ("unit", unit.to_owned())));
    FormState::with_values(values)
}

pub(super) async fn edit(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RulePage>> {
    let id: Id<RoleRule> = id_in(&id, "role_rule")?;
    let form = match cx.query.is_empty() {
        false => from_address(&cx),
        true => app.read(|r| {
            viewer.scope(r, Permission::SettingsManage)?;
            let rule = queries::rule(r, id)?;
            let mut values = vec![
                ("unit_of", rule.unit.to_string()),
                ("role", rule.role.code()),
            ];
            values.extend(rule.units.iter().map(|unit| ("unit", unit.to_string())));
            Ok::<_, AppError>(FormState::with_values(values))
        })?,
    };
    page(&app, &viewer, &cx, Some(id), form).map(Shown::of)
}

pub(super) async fn create(
    viewer: Viewer,
    form: Form<RuleForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RulePage>> {
    save(&app, &viewer, &cx, None, form).await
}

pub(super) async fn update(
    viewer: Viewer,
    id: Path<String>,
    form: Form<RuleForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<RulePage>> {
    let id = id_in(&id, "role_rule")?;
    save(&app, &viewer, &cx, Some(id), form).await
}

async fn save(
    app: &App,
    viewer: &Viewer,
    cx: &Cx,
    rule: Option<Id<RoleRule>>,
    form: Form<RuleForm>,
) -> Result<Shown<RulePage>> {
    let values = form.values;
    let unit = values.unit_of.parse();
    let role = Role::of_code(&values.role);
    let done = match (unit, role) {
        (Ok(unit), Some(role)) => {
            let command = SaveRule {
                rule,
                unit,
                role,
                units: choices::ids(&values.unit),
            };
            app.carry_out(viewer, "role_rule.save", command, actions::save_rule)
                .await
        }
        (Err(_), _) => Err(AppError::field("unit_of", "rules.choose_unit")),
        (_, None) => Err(AppError::field("role", "role.unknown")),
    };
    Ok(match form.state.catch(done)? {
        Ok(_) => Shown::go_to(HERE).toast("rules.saved", ()),
        Err(form) => Shown::of(page(app, viewer, cx, rule, form)?).invalid(),
    })
}

#[derive(Deserialize)]
pub(super) struct MoveForm {
    #[serde(default)]
    earlier: bool,
}

pub(super) async fn shift(
    viewer: Viewer,
    id: Path<String>,
    form: Form<MoveForm>,
    app: Data<App>,
) -> Result<Shown<RulesPage>> {
    let command = MoveRule {
        rule: id_in(&id, "role_rule")?,
        earlier: form.values.earlier,
    };
    app.carry_out(&viewer, "role_rule.move", command, actions::move_rule)
        .await?;
    Ok(Shown::go_to(HERE))
}

pub(super) async fn remove(
    viewer: Viewer,
    id: Path<String>,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<RulesPage>> {
    let rule = id_in(&id, "role_rule")?;
    let command = DeleteRule { rule };
    app.carry_out(&viewer, "role_rule.remove", command, actions::delete_rule)
        .await?;
    Ok(Shown::go_to(HERE).toast("rules.removed", ()))
}
