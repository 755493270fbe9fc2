//! `/settings/security`: who sees how far, and how people prove who they are.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
};

use super::{
    super::{
        AccessSettings, Permission, SecondFactorRule, SecuritySettings, Viewer,
        actions::{self, SaveAccessSettings, SaveSecurity},
        queries,
    },
    account::run,
};

/// The page's address.
const HERE: &str = "/settings/security";

/// The page.
#[derive(Template)]
#[template(path = "identity/security.html", blocks = ["title"])]
pub(super) struct SecurityPage {
    pub(super) access: AccessSettings,
    pub(super) second_factor: FormState,
    pub(super) rules: Vec<Choice>,
    /// Accounts in use that must have a second factor and have none yet.
    pub(super) missing: usize,
}
view!(SecurityPage);

pub(super) async fn show(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<SecurityPage>> {
    let page = app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        let settings = SecuritySettings::load(r)?;
        let rule = settings.second_factor;
        let choice = |rule: SecondFactorRule| Choice {
            value: rule.code().to_owned(),
            label: cx.t(&format!("security.rule.{}", rule.code())).into_owned(),
            count: None,
            is_on: rule == settings.second_factor,
        };
        Ok::<_, AppError>(SecurityPage {
            access: AccessSettings::load(r)?,
            second_factor: FormState::with_values([("rule", rule.code().to_owned())]),
            rules: SecondFactorRule::ALL.into_iter().map(choice).collect(),
            missing: queries::without_second_factor(r, rule)?,
        })
    })?;
    Ok(Shown::of(page))
}

#[derive(Deserialize)]
pub(super) struct AccessForm {
    #[serde(default)]
    staff_sees_department: bool,
    #[serde(default)]
    cross_department: bool,
}

pub(super) async fn save_access(
    viewer: Viewer,
    form: Form<AccessForm>,
    app: Data<App>,
) -> Result<Shown<SecurityPage>> {
    let settings = AccessSettings {
        cross_department: form.values.cross_department,
        staff_sees_department: form.values.staff_sees_department,
    };
    let command = SaveAccessSettings { settings };
    let act = "settings.access";
    run(&app, &viewer, act, command, actions::save_access_settings).await?;
    Ok(Shown::go_to(HERE).toast("security.saved", ()))
}

#[derive(Deserialize)]
pub(super) struct SecondFactorForm {
    rule: String,
}

pub(super) async fn save_second_factor(
    viewer: Viewer,
    form: Form<SecondFactorForm>,
    app: Data<App>,
) -> Result<Shown<SecurityPage>> {
    let unknown = AppError::BadRequest { why: "field_type" };
    let rule = SecondFactorRule::of_code(&form.values.rule).ok_or(unknown)?;
    let by = viewer.clone();
    app.write(viewer.change("settings.security"), move |w| {
        let settings = SecuritySettings {
            second_factor: rule,
            ..SecuritySettings::load(&w.read())?
        };
        let allowed = by.allow(w, SaveSecurity { settings })?;
        actions::save_security(w, allowed)
    })
    .await?;
    Ok(Shown::go_to(HERE).toast("security.saved", ()))
}
