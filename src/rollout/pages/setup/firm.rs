//! `/setup/firm`.

use actix_web::{HttpRequest, web::Data};
use askama::Template;

use crate::{
    app::App,
    error::Result,
    identity::Viewer,
    rollout::{actions, model::Step},
    view,
    web::{Cx, Form, FormState, Shown, filters},
};

use super::{
    super::company::{self, FirmForm},
    Frame,
};

/// The page.
#[derive(Template)]
#[template(path = "rollout/setup_firm.html", blocks = ["title"])]
pub(in crate::rollout) struct FirmPage {
    frame: Frame,
    form: FormState,
}
view!(FirmPage);

pub(super) async fn show(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<FirmPage>> {
    Ok(Shown::of(FirmPage {
        frame: Frame::of(&app, &cx, &viewer, Step::Firm)?,
        form: company::filled(&app, &req)?,
    }))
}

pub(super) async fn save(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<FirmForm>,
) -> Result<Shown<FirmPage>> {
    let command = form.values.into_command();
    let by = viewer.clone();
    let saved = app
        .write(viewer.change("firm.save"), move |w| {
            let allowed = by.allow(w, command)?;
            actions::save_firm(w, allowed)?;
            let allowed = by.allow(w, actions::PassStep { step: Step::Firm })?;
            actions::pass_step(w, allowed)
        })
        .await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(Step::Preset.href()),
        Err(form) => Shown::of(FirmPage {
            frame: Frame::of(&app, &cx, &viewer, Step::Firm)?,
            form,
        })
        .invalid(),
    })
}
