//! `/settings/security`: who sees how far, and how people prove who they are.

use actix_web::{HttpRequest, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    store::Read,
    view,
    web::{Cx, Form, FormState, Shown, filters, parts::Choice},
};

use super::{
    super::{
        AccessSettings, Permission, Role, SecondFactorRule, SecuritySettings, Viewer,
        actions::{self, SaveAccessSettings, SaveSecurity},
        queries,
    },
    choices, wecom,
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
    pub(super) wecom: FormState,
    pub(super) roles: Vec<Choice>,
    pub(super) connected: bool,
    /// Host with port that the firm registers with the app.
    pub(super) domain: String,
}
view!(SecurityPage);

pub(super) async fn show(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SecurityPage>> {
    page(&app, &viewer, &req, &cx, None).map(Shown::of)
}

/// The page; `typed` is the part about WeCom as it was refused.
fn page(
    app: &App,
    viewer: &Viewer,
    req: &HttpRequest,
    cx: &Cx,
    typed: Option<FormState>,
) -> Result<SecurityPage> {
    app.read(|r| {
        viewer.scope(r, Permission::SettingsManage)?;
        let settings = SecuritySettings::load(r)?;
        let rule = settings.second_factor;
        let choice = |rule: SecondFactorRule| Choice {
            value: rule.code().to_owned(),
            label: cx.t(&format!("security.rule.{}", rule.code())).into_owned(),
            count: None,
            is_on: rule == settings.second_factor,
        };
        Ok(SecurityPage {
            access: AccessSettings::load(r)?,
            second_factor: FormState::with_values([("rule", rule.code().to_owned())]),
            rules: SecondFactorRule::ALL.into_iter().map(choice).collect(),
            missing: queries::without_second_factor(r, rule)?,
            wecom: typed.unwrap_or_else(|| wecom_form(&settings)),
            roles: default_roles(r, cx)?,
            connected: app.sync.link().is_some(),
            domain: wecom::own_address(app, req)
                .split("://")
                .nth(1)
                .unwrap_or_default()
                .to_owned(),
        })
    })
}

fn wecom_form(settings: &SecuritySettings) -> FormState {
    let tick = |name, is_on: bool| (name, if is_on { "on" } else { "" }.to_owned());
    let role = settings.default_role.map(Role::code);
    FormState::with_values([
        tick("wecom_sign_in", settings.wecom_sign_in),
        tick("ask_private_info", settings.ask_private_info),
        ("role", role.unwrap_or_default()),
    ])
}

/// Nobody, and the roles that may be given without looking.
fn default_roles(r: &Read<'_>, cx: &Cx) -> Result<Vec<Choice>> {
    let nobody = Choice {
        value: String::new(),
        label: cx.t("rules.nobody").into_owned(),
        count: None,
        is_on: false,
    };
    let mut all = vec![nobody];
    all.extend(choices::roles(r, cx, &[Role::SuperAdmin])?);
    Ok(all)
}

#[derive(Deserialize)]
pub(super) struct WecomForm {
    #[serde(default)]
    wecom_sign_in: bool,
    #[serde(default)]
    ask_private_info: bool,
    #[serde(default)]
    role: String,
}

pub(super) async fn save_wecom(
    viewer: Viewer,
    req: HttpRequest,
    form: Form<WecomForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SecurityPage>> {
    let values = form.values;
    let by = viewer.clone();
    let done = app
        .write(viewer.change("settings.security"), move |w| {
            let settings = SecuritySettings {
                wecom_sign_in: values.wecom_sign_in,
                ask_private_info: values.ask_private_info,
                default_role: Role::of_code(&values.role),
                ..SecuritySettings::load(&w.read())?
            };
            let allowed = by.allow(w, SaveSecurity { settings })?;
            actions::save_security(w, allowed)
        })
        .await;
    Ok(match form.state.catch(done)? {
        Ok(()) => Shown::go_to(HERE).toast("security.saved", ()),
        Err(form) => Shown::of(page(&app, &viewer, &req, &cx, Some(form))?).invalid(),
    })
}

#[derive(Deserialize)]
pub(super) struct AccessForm {
    #[serde(default)]
    staff_sees_department: bool,
    #[serde(default)]
    cross_department: bool,
    #[serde(default)]
    admins_read_chats: bool,
}

pub(super) async fn save_access(
    viewer: Viewer,
    form: Form<AccessForm>,
    app: Data<App>,
) -> Result<Shown<SecurityPage>> {
    let settings = AccessSettings {
        cross_department: form.values.cross_department,
        staff_sees_department: form.values.staff_sees_department,
        admins_read_chats: form.values.admins_read_chats,
    };
    let command = SaveAccessSettings { settings };
    let act = "settings.access";
    app.carry_out(&viewer, act, command, actions::save_access_settings)
        .await?;
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
