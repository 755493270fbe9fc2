//! `/settings/wecom`: the connection, its test, the keys for callbacks.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    config::Config,
    error::{AppError, Invalid, Problem, Result},
    identity::{Permission, Viewer, queries as identity},
    kit::{Secret, Timestamp},
    rollout::{
        doctor::{self, Finding, Kind},
        queries,
    },
    sync::{
        self,
        connection::{self, CallbackKeys, Connect, Connection, Keep, RotateCallback, SetCallback},
        pilot::Pilot,
    },
    view,
    web::{Cx, Form, FormState, Shown, filters},
    wecom::Settings,
    work::pages::Nothing,
};

use super::{Line, tail};

/// What the page shows of a connection.
struct Card {
    corpid: String,
    agentid: u64,
    app_secret: String,
    contact_secret: Option<String>,
    sync_secret: Option<String>,
    token: String,
    aes_key: String,
    /// Token and EncodingAESKey to be entered at WeCom, shown until WeCom uses them.
    next: Option<(String, String)>,
    checked_at: Option<Timestamp>,
    event_at: Option<Timestamp>,
    changed: Option<(Timestamp, String)>,
    callback: String,
}

/// The page.
#[derive(Template)]
#[template(path = "rollout/wecom.html", blocks = ["title"])]
pub(in crate::rollout) struct WecomPage {
    form: FormState,
    card: Option<Card>,
    /// The configuration file has the connection, and wins.
    from_file: bool,
    proxy: Option<String>,
    checks: Vec<Line>,
    pilot: usize,
}
view!(WecomPage);

/// The fields of the account, here and in the wizard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rollout) struct AccountFields {
    corpid: String,
    agentid: String,
    #[serde(default)]
    app_secret: String,
    #[serde(default)]
    contact_secret: String,
    #[serde(default)]
    no_contact_secret: bool,
    #[serde(default)]
    sync_secret: String,
    #[serde(default)]
    no_sync_secret: bool,
}

/// What becomes of an optional secret: taken away, replaced, or kept when left empty.
fn keep(is_dropped: bool, typed: &str) -> Keep {
    match (is_dropped, secret(typed)) {
        (true, _) => Keep::Nothing,
        (false, Some(secret)) => Keep::This(secret),
        (false, None) => Keep::AsIs,
    }
}

/// A value from the admin console: blanks around it come with copying.
fn pasted(text: &str) -> String {
    text.trim().to_owned()
}

fn secret(text: &str) -> Option<Secret<String>> {
    Some(pasted(text))
        .filter(|t| !t.is_empty())
        .map(Secret::new)
}

impl AccountFields {
    fn parse(&self) -> Result<Connect> {
        let corpid = pasted(&self.corpid);
        let agentid = pasted(&self.agentid).parse::<u64>();
        let mut wrong = Invalid::default();
        if corpid.is_empty() {
            wrong = wrong.with("corpid", "form.required");
        } else if !doctor::has_corp_id_shape(&corpid) {
            wrong = wrong.with("corpid", Kind::CorpIdShape.what());
        }
        if !agentid.as_ref().is_ok_and(|id| *id > 0) {
            wrong = wrong.with("agentid", "connection.agentid");
        }
        wrong.into_result()?;
        Ok(Connect {
            corpid,
            agentid: agentid.unwrap_or(0),
            app_secret: secret(&self.app_secret),
            contact_secret: keep(self.no_contact_secret, &self.contact_secret),
            sync_secret: keep(self.no_sync_secret, &self.sync_secret),
        })
    }

    /// How the client would reach the account with these values: what was left empty is what
    /// is stored. None while there is no secret at all.
    fn settings(&self, config: &Config, stored: Option<&Connection>) -> Option<Settings> {
        let app_secret =
            secret(&self.app_secret).or(stored.map(|known| known.app_secret.clone()))?;
        let contact_secret = secret(&self.contact_secret)
            .or(stored.and_then(|known| known.contact_secret.clone()))
            .filter(|_| !self.no_contact_secret);
        Some(Settings {
            base_url: config.wecom_base_url.clone(),
            corpid: pasted(&self.corpid),
            app_secret,
            contact_secret,
            sync_secret: secret(&self.sync_secret)
                .or(stored.and_then(|known| known.sync_secret.clone()))
                .filter(|_| !self.no_sync_secret),
            archive_secret: stored.and_then(|known| known.archive_secret.clone()),
            proxy: config.proxy.clone(),
        })
    }
}

/// Asks WeCom about the values of a form.
pub(super) async fn examine(app: &App, fields: &AccountFields) -> Result<Vec<Finding>> {
    let stored = app.read(connection::stored)?;
    let Some(settings) = fields.settings(&app.config, stored.as_ref()) else {
        return Ok(Vec::new());
    };
    let agentid = pasted(&fields.agentid).parse().unwrap_or(0);
    Ok(doctor::account(settings, agentid, app.store.clock().clone()).await)
}

/// Saves an account, unless WeCom says that a value is wrong: then the field is named.
/// Whatever else is found does not keep from saving: a trusted IP, for one, can be entered at
/// WeCom only after the callback has been checked.
pub(super) async fn store(app: &App, viewer: &Viewer, fields: &AccountFields) -> Result<()> {
    if app.config.wecom.is_some() {
        return Err(AppError::Conflict {
            why: "wecom_in_file",
        });
    }
    let command = fields.parse()?;
    let found = examine(app, fields).await?;
    wrong_fields(&found).into_result()?;
    app.carry_out(
        viewer,
        "wecom.connect",
        command,
        connection::connect_account,
    )
    .await?;
    connection::connect(app)
}

/// The fields that findings blame.
fn wrong_fields(found: &[Finding]) -> Invalid {
    let blame = |finding: &Finding| {
        Some(match finding.kind() {
            Kind::CorpIdShape | Kind::CorpIdWrong | Kind::CorpGone => "corpid",
            Kind::SecretWrong
            | Kind::SecretOfOtherCorp
            | Kind::SecretOfOtherApp
            | Kind::SecretOfSync
            | Kind::TooManyTries => "app_secret",
            Kind::AgentWrong => "agentid",
            Kind::ContactSecretWrong | Kind::ContactSecretOfOtherApp => "contact_secret",
            Kind::SyncSecretWrong | Kind::SyncSecretOfOtherApp => "sync_secret",
            _ => return None,
        })
    };
    let problem = |finding: &Finding| {
        Some(Problem {
            field: blame(finding)?,
            code: finding.kind().what(),
            args: finding.args().to_vec(),
        })
    };
    Invalid {
        problems: found.iter().filter_map(problem).collect(),
    }
}

/// The form with what is stored; secrets are never sent back.
pub(super) fn filled(app: &App) -> Result<FormState> {
    let known = connection::in_use(app)?;
    Ok(match known {
        None => FormState::empty(),
        Some(known) => FormState::with_values([
            ("corpid", known.corpid),
            ("agentid", known.agentid.to_string()),
        ]),
    })
}

fn page(app: &App, form: FormState, checks: Vec<Line>) -> Result<WecomPage> {
    let known = connection::in_use(app)?;
    let proxy = app.config.proxy.as_ref();
    Ok(WecomPage {
        form,
        card: known.map(|known| card(app, &known)).transpose()?,
        from_file: app.config.wecom.is_some(),
        proxy: proxy.and_then(crate::wecom::reach::proxy_place),
        checks,
        pilot: app.read(Pilot::load)?.departments.len(),
    })
}

fn card(app: &App, known: &Connection) -> Result<Card> {
    let exposed =
        |keys: &CallbackKeys| (keys.token.expose().clone(), keys.aes_key.expose().clone());
    let callback = known.callback.as_ref();
    let (checked_at, event_at, by) = app.read(|r| {
        let by = match known.changed_by {
            Some(by) => identity::account_name(r, by.cast())?,
            None => None,
        };
        Ok::<_, AppError>((
            connection::verified_at(r, known)?,
            sync::newest_event(r)?,
            by.unwrap_or_default(),
        ))
    })?;
    Ok(Card {
        corpid: known.corpid.clone(),
        agentid: known.agentid,
        app_secret: tail(&known.app_secret),
        contact_secret: known.contact_secret.as_ref().map(tail),
        sync_secret: known.sync_secret.as_ref().map(tail),
        token: callback.map_or(String::new(), |keys| tail(&keys.token)),
        aes_key: callback.map_or(String::new(), |keys| tail(&keys.aes_key)),
        next: known.next_callback.as_ref().map(exposed),
        checked_at,
        event_at,
        changed: known.changed_at.map(|at| (at, by)),
        callback: queries::callback_address(app)?.unwrap_or_default(),
    })
}

pub(in crate::rollout) async fn show(viewer: Viewer, app: Data<App>) -> Result<Shown<WecomPage>> {
    app.read(|r| viewer.scope(r, Permission::SettingsManage).map(drop))?;
    let form = filled(&app)?;
    Ok(Shown::of(page(&app, form, Vec::new())?))
}

pub(in crate::rollout) async fn save(
    viewer: Viewer,
    app: Data<App>,
    form: Form<AccountFields>,
) -> Result<Shown<WecomPage>> {
    let saved = store(&app, &viewer, &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to("/settings/wecom").toast("connection.saved", ()),
        Err(form) => Shown::of(page(&app, form, Vec::new())?).invalid(),
    })
}

/// The result of a test, beside the form or as a page of its own.
#[derive(Template)]
#[template(path = "rollout/checks.html", blocks = ["title", "checks"])]
pub(in crate::rollout) struct ChecksPage {
    checks: Vec<Line>,
    has_no_secret: bool,
}
view!(ChecksPage, "checks" => as_checks);

/// Tests the values of the form without saving them.
pub(in crate::rollout) async fn check(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<AccountFields>,
) -> Result<Shown<ChecksPage>> {
    app.write(viewer.view("wecom.test"), move |w| {
        viewer
            .scope(&w.read(), Permission::SettingsManage)
            .map(drop)
    })
    .await?;
    let found = examine(&app, &form.values).await?;
    Ok(Shown::of(ChecksPage {
        has_no_secret: found.is_empty(),
        checks: found.iter().map(|f| Line::of(f, &cx)).collect(),
    }))
}

/// Keys that were chosen at WeCom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rollout) struct CallbackFields {
    pub(super) token: String,
    pub(super) aes_key: String,
}

/// Keeps keys that were chosen at WeCom.
pub(super) async fn store_callback(
    app: &App,
    viewer: &Viewer,
    fields: &CallbackFields,
) -> Result<()> {
    if app.config.wecom.is_some() {
        return Err(AppError::Conflict {
            why: "wecom_in_file",
        });
    }
    let keys = CallbackKeys {
        token: Secret::new(pasted(&fields.token)),
        aes_key: Secret::new(pasted(&fields.aes_key)),
    };
    let viewer = viewer.clone();
    app.write(viewer.change("wecom.callback"), move |w| {
        let allowed = viewer.allow(w, SetCallback { keys })?;
        connection::set_callback(w, allowed)
    })
    .await?;
    connection::connect(app)
}

pub(in crate::rollout) async fn set_callback(
    viewer: Viewer,
    app: Data<App>,
    form: Form<CallbackFields>,
) -> Result<Shown<WecomPage>> {
    let saved = store_callback(&app, &viewer, &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to("/settings/wecom").toast("connection.callback_saved", ()),
        Err(form) => Shown::of(page(&app, form, Vec::new())?).invalid(),
    })
}

/// Makes new keys; the old ones stay good until WeCom uses the new ones.
pub(in crate::rollout) async fn rotate(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<WecomPage>> {
    if app.config.wecom.is_some() {
        return Err(AppError::Conflict {
            why: "wecom_in_file",
        });
    }
    app.write(viewer.change("wecom.callback"), move |w| {
        let allowed = viewer.allow(w, RotateCallback)?;
        connection::rotate_callback(w, allowed)
    })
    .await?;
    connection::connect(&app)?;
    Ok(Shown::go_to("/settings/wecom").toast("connection.rotated", ()))
}
