//! `/setup/preset?industry=`: what a line of business usually needs, shown before it is made.

use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{App, scope_filter},
    error::{AppError, Result},
    identity::{Permission, Viewer, queries as identity},
    rollout::{
        actions,
        model::{Industry, Step},
        presets, queries,
    },
    tags, view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, parts::Tab},
    work::{
        effects::{self, Area, WriteMode},
        pages::Nothing,
    },
};

use super::{Frame, passed};

/// A role that the preset makes.
struct RoleLine {
    name: String,
    what: String,
    /// A role of this name is there already and stays.
    is_there: bool,
}

/// A group of tags that the preset makes.
struct TagLine {
    name: String,
    /// Its tags.
    tags: String,
    /// A group of this name is there already and stays.
    is_there: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "rollout/setup_preset.html", blocks = ["title", "preview"])]
pub(in crate::rollout) struct PresetPage {
    frame: Frame,
    form: FormState,
    tabs: Vec<Tab>,
    industry: &'static str,
    roles: Vec<RoleLine>,
    tags: Vec<TagLine>,
    /// Catalogue key of what becomes of the tags at WeCom.
    tags_hint: &'static str,
    /// The industry whose preset has been made, by its name.
    applied: Option<String>,
}
view!(PresetPage, "preview" => as_preview);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    industry: Option<String>,
}

fn page(
    app: &App,
    cx: &Cx,
    viewer: &Viewer,
    industry: Industry,
    form: FormState,
) -> Result<PresetPage> {
    let frame = Frame::of(app, cx, viewer, Step::Preset)?;
    let (known, groups, mode, applied) = app.read(|r| {
        Ok::<_, AppError>((
            identity::custom_roles(r)?,
            tags::queries::groups(r)?,
            effects::mode(r, Area::Tags)?,
            queries::setup(r)?.preset.map(|preset| preset.industry),
        ))
    })?;
    let industry = applied.unwrap_or(industry);
    let role = |role: &presets::PresetRole| {
        let name = name_of(cx, role);
        RoleLine {
            what: cx
                .t(&format!("preset.role_what.{}", role.code))
                .into_owned(),
            is_there: applied.is_none() && known.iter().any(|known| known.name == name),
            name,
        }
    };
    let tags = |(name, tags): (String, Vec<String>)| TagLine {
        tags: tags.join(&cx.t("preset.tags_and")),
        is_there: applied.is_none() && groups.iter().any(|known| known.group.name == name),
        name,
    };
    let tab = |other: Industry| Tab {
        label: label(cx, other),
        href: ListQuery::new("/setup/preset")
            .with("industry", other.code())
            .to_string(),
        count: None,
        is_current: other == industry,
    };
    Ok(PresetPage {
        frame,
        form,
        tabs: Industry::ALL.into_iter().map(tab).collect(),
        industry: industry.code(),
        roles: presets::roles(industry).iter().map(role).collect(),
        tags: groups_of(cx, industry).into_iter().map(tags).collect(),
        tags_hint: match mode {
            _ if app.wecom().is_none() => "preset.tags_here",
            WriteMode::Off => "preset.tags_here",
            WriteMode::DryRun => "preset.tags_rehearsed",
            WriteMode::On => "preset.tags_told",
        },
        applied: applied.map(|industry| label(cx, industry)),
    })
}

fn label(cx: &Cx, industry: Industry) -> String {
    cx.t(&format!("preset.industry.{}", industry.code()))
        .into_owned()
}

fn name_of(cx: &Cx, role: &presets::PresetRole) -> String {
    cx.t(&format!("preset.role.{}", role.code)).into_owned()
}

/// Names of the groups of tags and of their tags.
fn groups_of(cx: &Cx, industry: Industry) -> Vec<(String, Vec<String>)> {
    let groups = presets::tags(industry).iter().map(|group| {
        let name = cx.t(&format!("preset.tags.{group}.name")).into_owned();
        let tags = cx.t(&format!("preset.tags.{group}.{}", industry.code()));
        let tags = tags.split(['、', ',']).map(|tag| tag.trim().to_owned());
        (name, tags.collect())
    });
    groups.collect()
}

pub(super) async fn show(
    viewer: Viewer,
    query: Query<Which>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<PresetPage>> {
    let industry = query.industry.as_deref().and_then(Industry::of_code);
    let industry = industry.unwrap_or(Industry::Retail);
    let page = page(&app, &cx, &viewer, industry, FormState::empty())?;
    Ok(Shown::of(page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    industry: String,
}

pub(super) async fn apply(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Chosen>,
) -> Result<Shown<PresetPage>> {
    let industry = Industry::of_code(&form.values.industry);
    let industry = industry.unwrap_or(Industry::Retail);
    let names: Vec<String> = presets::roles(industry)
        .iter()
        .map(|role| name_of(&cx, role))
        .collect();
    let groups = groups_of(&cx, industry);
    let by = viewer.clone();
    let made = app
        .write(viewer.change("preset.apply"), move |w| {
            actions::apply_preset(w, &by, industry, &names, groups)
        })
        .await;
    app.effects.notify_one();
    Ok(match form.state.catch(made)? {
        Ok(()) => {
            passed(&app, &viewer, Step::Preset).await?;
            Shown::go_to(Step::Preset.href()).toast_undo(
                "preset.applied",
                ("name", label(&cx, industry)),
                "/setup/preset/undo".to_owned(),
            )
        }
        Err(form) => Shown::of(page(&app, &cx, &viewer, industry, form)?).invalid(),
    })
}

pub(super) async fn undo(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<Nothing>,
) -> Result<Shown<PresetPage>> {
    let by = viewer.clone();
    let undone = match tags_in_use(&app, &viewer)? {
        true => Err(AppError::field("industry", "preset.tags_in_use")),
        false => {
            let verb = move |w: &mut crate::store::Write<'_>| actions::undo_preset(w, &by);
            app.write(viewer.change("preset.undo"), verb).await
        }
    };
    app.effects.notify_one();
    Ok(match form.state.catch(undone)? {
        Ok(()) => Shown::go_to(Step::Preset.href()).toast("preset.undone", ()),
        Err(form) => Shown::of(page(&app, &cx, &viewer, Industry::Retail, form)?).invalid(),
    })
}

/// Whether some customer has a tag that the preset has made.
fn tags_in_use(app: &App, viewer: &Viewer) -> Result<bool> {
    app.read(|r| {
        let made = queries::setup(r)?.preset.map(|preset| preset.tags);
        let sight = app.sight(r, viewer, Permission::SettingsManage)?;
        let counts = app.people.tag_counts(&scope_filter(&sight))?;
        let is_used = |tag: &tags::TagId| counts.get(&tag.bits()).is_some_and(|n| *n > 0);
        Ok(made.unwrap_or_default().iter().any(is_used))
    })
}
