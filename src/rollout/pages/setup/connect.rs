//! `/setup/wecom` and `/setup/callback`: the account, and the address WeCom tells events to.

use actix_web::{HttpRequest, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    kit::Timestamp,
    rollout::{
        actions::{self, SaveFirm, WorkWithoutWecom},
        doctor::Finding,
        model::Step,
        queries,
    },
    sync::{
        self,
        connection::{self, CallbackKeys, SetCallback},
    },
    view,
    web::{Cx, Form, FormState, Shown, filters},
    work::pages::Nothing,
};

use super::{
    super::{
        Line, own_address, tail,
        wecom::{self, AccountFields},
    },
    Frame, passed,
};

/// The account.
#[derive(Template)]
#[template(path = "rollout/setup_wecom.html", blocks = ["title"])]
pub(in crate::rollout) struct AccountPage {
    frame: Frame,
    form: FormState,
    /// The tail of the secret that is stored.
    secret: Option<String>,
    contact_secret: Option<String>,
    sync_secret: Option<String>,
    from_file: bool,
    checks: Vec<Line>,
}
view!(AccountPage);

fn account_page(app: &App, cx: &Cx, viewer: &Viewer, form: FormState) -> Result<AccountPage> {
    let known = connection::in_use(app)?;
    Ok(AccountPage {
        frame: Frame::of(app, cx, viewer, Step::Wecom)?,
        form,
        secret: known.as_ref().map(|known| tail(&known.app_secret)),
        contact_secret: known
            .as_ref()
            .and_then(|known| known.contact_secret.as_ref().map(tail)),
        sync_secret: known.and_then(|known| known.sync_secret.as_ref().map(tail)),
        from_file: app.config.wecom.is_some(),
        checks: Vec::new(),
    })
}

pub(super) async fn account(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<AccountPage>> {
    let form = wecom::filled(&app)?;
    Ok(Shown::of(account_page(&app, &cx, &viewer, form)?))
}

pub(super) async fn save_account(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<AccountFields>,
) -> Result<Shown<AccountPage>> {
    let saved = wecom::store(&app, &viewer, &form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => {
            leave_out(&app, &viewer, false).await?;
            Shown::go_to(passed(&app, &viewer, Step::Wecom).await?)
        }
        Err(form) => Shown::of(account_page(&app, &cx, &viewer, form)?).invalid(),
    })
}

/// Goes on without WeCom: directory and customers by hand or from files.
pub(super) async fn without(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<AccountPage>> {
    leave_out(&app, &viewer, true).await?;
    Ok(Shown::go_to(Step::Roles.href()))
}

async fn leave_out(app: &App, viewer: &Viewer, without: bool) -> Result<()> {
    let viewer = viewer.clone();
    app.write(viewer.change("setup.without_wecom"), move |w| {
        let allowed = viewer.allow(w, WorkWithoutWecom { without })?;
        actions::work_without_wecom(w, allowed)
    })
    .await
}

/// How far WeCom is with the callback address.
struct Standing {
    checked_at: Option<Timestamp>,
    event_at: Option<Timestamp>,
    /// What is wrong with a call that came and was refused.
    refused: Option<(Timestamp, Line)>,
}

impl Standing {
    fn is_settled(&self) -> bool {
        self.checked_at.is_some() || self.event_at.is_some()
    }
}

/// The receiving server.
#[derive(Template)]
#[template(path = "rollout/setup_callback.html", blocks = ["title", "status"])]
pub(in crate::rollout) struct CallbackPage {
    frame: Frame,
    form: FormState,
    /// What has to be entered at WeCom.
    url: String,
    token: String,
    aes_key: String,
    from_file: bool,
    standing: Standing,
}
view!(CallbackPage, "status" => as_status);

/// Address and keys, in case they were chosen at WeCom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallbackForm {
    address: String,
    token: String,
    aes_key: String,
}

fn callback_page(
    app: &App,
    cx: &Cx,
    viewer: &Viewer,
    req: &HttpRequest,
    form: Option<FormState>,
) -> Result<CallbackPage> {
    let frame = Frame::of(app, cx, viewer, Step::Callback)?;
    let known = connection::in_use(app)?.ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })?;
    let address = queries::address(app)?;
    let address = match address.is_empty() {
        true => own_address(app, req),
        false => address,
    };
    let (token, aes_key) = known
        .callback
        .as_ref()
        .map_or_else(Default::default, |keys| {
            (keys.token.expose().clone(), keys.aes_key.expose().clone())
        });
    let standing = app.read(|r| {
        Ok::<_, AppError>(Standing {
            checked_at: connection::verified_at(r, &known)?,
            event_at: sync::newest_event(r)?,
            refused: None,
        })
    })?;
    let refusal = app.sync.heard().last_refusal().filter(|(at, _)| {
        let heard = standing.checked_at.max(standing.event_at);
        heard.is_none_or(|heard| *at > heard)
    });
    let refused = refusal.map(|(at, why)| {
        let finding = Finding::of(crate::rollout::doctor::refusal_kind(&why))
            .with("at", crate::web::format::clock(at, &cx.zone, true));
        (at, Line::of(&finding, cx))
    });
    let form = form.unwrap_or_else(|| {
        FormState::with_values([
            ("address", address.clone()),
            ("token", token.clone()),
            ("aes_key", aes_key.clone()),
        ])
    });
    Ok(CallbackPage {
        frame,
        form,
        url: format!("{address}{}", sync::CALLBACK),
        token,
        aes_key,
        from_file: app.config.wecom.is_some(),
        standing: Standing {
            refused,
            ..standing
        },
    })
}

pub(super) async fn callback(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<CallbackPage>> {
    if app.wecom().is_none() {
        return Ok(Shown::go_to(Step::Wecom.href()));
    }
    Ok(Shown::of(callback_page(&app, &cx, &viewer, &req, None)?))
}

pub(super) async fn save_callback(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
    form: Form<CallbackForm>,
) -> Result<Shown<CallbackPage>> {
    let saved = store(&app, &viewer, form.values).await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(passed(&app, &viewer, Step::Callback).await?),
        Err(form) => Shown::of(callback_page(&app, &cx, &viewer, &req, Some(form))?).invalid(),
    })
}

async fn store(app: &App, viewer: &Viewer, typed: CallbackForm) -> Result<()> {
    let from_file = app.config.wecom.is_some();
    let viewer = viewer.clone();
    let keys = CallbackKeys {
        token: typed.token.trim().to_owned().into(),
        aes_key: typed.aes_key.trim().to_owned().into(),
    };
    app.write(viewer.change("wecom.callback"), move |w| {
        let mut firm = queries::firm(&w.read())?;
        firm.address = typed.address;
        let allowed = viewer.allow(w, SaveFirm { firm })?;
        actions::save_address(w, allowed)?;
        if !from_file {
            let allowed = viewer.allow(w, SetCallback { keys })?;
            connection::set_callback(w, allowed)?;
        }
        Ok(())
    })
    .await?;
    connection::connect(app)
}
