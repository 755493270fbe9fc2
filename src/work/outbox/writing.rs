//! `/settings/wecom/writing`: what Qitai may change at WeCom.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    view,
    web::{
        Cx, Form, Shown, filters,
        parts::{Choice, Tab},
    },
    work::effects::{self, Area, SaveWriteSettings, WriteMode, WriteSettings},
};

use super::{WRITING, kind_name, kinds};

/// An area with what it is good for.
struct AreaLine {
    code: &'static str,
    name: String,
    /// What Qitai does there.
    kinds: Vec<String>,
    choices: Vec<Choice>,
}

/// The page.
#[derive(Template)]
#[template(path = "work/writing.html", blocks = ["title"])]
pub(super) struct WritingPage {
    nav: Vec<Tab>,
    areas: Vec<AreaLine>,
    rehearse_all: bool,
}
view!(WritingPage);

/// The areas in which there is anything to do.
fn areas() -> impl Iterator<Item = Area> {
    Area::ALL
        .into_iter()
        .filter(|area| kinds().iter().any(|kind| kind.spec.area == *area))
}

/// Shows what may be written.
pub(super) async fn index(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<WritingPage>> {
    let settings = app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        Ok::<_, AppError>(WriteSettings::load(r)?)
    })?;
    let line = |area: Area| AreaLine {
        code: area.code(),
        name: cx.t(&format!("effects.area.{}", area.code())).into_owned(),
        kinds: kinds()
            .iter()
            .filter(|kind| kind.spec.area == area)
            .map(|kind| kind_name(&cx, kind.spec.name))
            .collect(),
        choices: WriteMode::ALL
            .into_iter()
            .map(|mode| Choice {
                value: mode.code().to_owned(),
                label: cx.t(&format!("effects.mode.{}", mode.code())).into_owned(),
                count: None,
                is_on: settings.chosen(area) == mode,
            })
            .collect(),
    };
    Ok(Shown::of(WritingPage {
        nav: super::tabs(&cx, &viewer),
        areas: areas().map(line).collect(),
        rehearse_all: settings.rehearse_all,
    }))
}

/// One mode for each area; an area that is not named stays as it is.
#[derive(Deserialize)]
pub(super) struct WritingForm {
    #[serde(default)]
    rehearse_all: bool,
    #[serde(default)]
    customers: String,
    #[serde(default)]
    tags: String,
    #[serde(default)]
    directory: String,
    #[serde(default)]
    outreach: String,
    #[serde(default)]
    messages: String,
    #[serde(default)]
    handover: String,
    #[serde(default)]
    office: String,
    #[serde(default)]
    words: String,
}

impl WritingForm {
    fn mode(&self, area: Area) -> Option<WriteMode> {
        WriteMode::of_code(match area {
            Area::Customers => &self.customers,
            Area::Tags => &self.tags,
            Area::Directory => &self.directory,
            Area::Outreach => &self.outreach,
            Area::Messages => &self.messages,
            Area::Handover => &self.handover,
            Area::Office => &self.office,
            Area::Words => &self.words,
        })
    }
}

/// Keeps the choice.
pub(super) async fn save(
    viewer: Viewer,
    app: Data<App>,
    form: Form<WritingForm>,
) -> Result<Shown<WritingPage>> {
    let form = form.values;
    app.write(viewer.change("settings.writing"), move |w| {
        let mut settings = WriteSettings::load(&w.read())?;
        settings.rehearse_all = form.rehearse_all;
        for area in Area::ALL {
            if let Some(mode) = form.mode(area) {
                settings = settings.with(area, mode);
            }
        }
        let allowed = viewer.allow(w, SaveWriteSettings { settings })?;
        effects::save_write_settings(w, allowed)
    })
    .await?;
    app.effects.notify_one();
    Ok(Shown::go_to(WRITING).toast("effects.saved", ()))
}
