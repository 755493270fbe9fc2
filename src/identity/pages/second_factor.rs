//! `/me/second-factor`: setting up an authenticator app, recovery codes.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, web::Data};
use askama::Template;
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    kit::{Secret, Timestamp},
    view,
    web::{Cx, Form, FormState, Shown, filters},
};

use super::{
    super::{
        Enrolment, SecondFactor, SecuritySettings, Viewer,
        actions::{self, BeginEnrolment, ConfirmEnrolment, DropSecondFactor, RenewRecoveryCodes},
    },
    NoFields,
};

/// The page's address.
const HERE: &str = "/me/second-factor";
/// Modules of white around a QR code (ISO 18004: four).
const QUIET: usize = 4;

/// A QR code as the template draws it: the side of the square, and one path of all dark
/// modules.
pub(super) struct Qr {
    pub(super) side: usize,
    pub(super) path: String,
}

impl Qr {
    fn of(text: &str) -> Result<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M);
        let code = code.map_err(|_| AppError::internal("a text too long for a QR code"))?;
        let width = code.width();
        let colors = code.to_colors();
        let mut path = String::new();
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run.first() == Some(&Color::Dark) {
                    let (left, top, n) = (x + QUIET, y + QUIET, run.len());
                    path.push_str(&format!("M{left} {top}h{n}v1h-{n}z"));
                }
                x += run.len();
            }
        }
        Ok(Self {
            side: width + 2 * QUIET,
            path,
        })
    }
}

/// A secret that waits for its first code.
pub(super) struct Waiting {
    pub(super) qr: Qr,
    pub(super) typed: String,
    pub(super) login: String,
    pub(super) issuer: String,
}

/// The page.
#[derive(Template)]
#[template(path = "identity/second_factor.html", blocks = ["title"])]
pub(super) struct SecondFactorPage {
    /// Since when, codes left, when they were made.
    pub(super) there: Option<(Timestamp, usize, Timestamp)>,
    pub(super) waiting: Option<Waiting>,
    pub(super) is_asked: bool,
    pub(super) form: FormState,
}
view!(SecondFactorPage);

/// Recovery codes, shown once.
#[derive(Template)]
#[template(path = "identity/recovery_codes.html", blocks = ["title"])]
pub(super) struct RecoveryPage {
    pub(super) codes: Vec<String>,
    pub(super) is_new: bool,
}
view!(RecoveryPage);

fn page(app: &App, viewer: &Viewer, cx: &Cx, form: FormState) -> Result<SecondFactorPage> {
    let account = viewer.account().ok_or(AppError::Unauthenticated)?;
    let now = app.store.clock().now();
    let issuer = match cx.shell.firm.as_str() {
        "" => cx.t("shell.product").into_owned(),
        firm => firm.to_owned(),
    };
    app.read(|r| {
        let waiting = r.get::<Enrolment>(&account.id)?.filter(|e| e.is_live(now));
        let waiting = waiting.map(|enrolment| {
            let address = enrolment.secret.address(&issuer, &account.login);
            Ok::<_, AppError>(Waiting {
                qr: Qr::of(address.expose())?,
                typed: enrolment.secret.typed().expose().clone(),
                login: account.login.clone(),
                issuer: issuer.clone(),
            })
        });
        let there = SecondFactor::of(r, account.id)?;
        let rule = SecuritySettings::load(r)?.second_factor;
        Ok(SecondFactorPage {
            there: there.map(|f| (f.since, f.recovery_left(), f.recovery_made_at)),
            waiting: waiting.transpose()?,
            is_asked: rule.asks(account.role),
            form,
        })
    })
}

pub(super) async fn show(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<SecondFactorPage>> {
    page(&app, &viewer, &cx, FormState::empty()).map(Shown::of)
}

pub(super) async fn begin(
    viewer: Viewer,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<SecondFactorPage>> {
    let act = "second_factor.begin";
    app.carry_out(&viewer, act, BeginEnrolment, actions::begin_enrolment)
        .await?;
    Ok(Shown::go_to(HERE))
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
}

/// Either the recovery codes or the form again.
pub(super) enum Confirmed {
    Codes(Shown<RecoveryPage>),
    Again(Shown<SecondFactorPage>),
}

impl Responder for Confirmed {
    type Body = BoxBody;
    fn respond_to(self, req: &HttpRequest) -> HttpResponse {
        match self {
            Self::Codes(shown) => shown.respond_to(req),
            Self::Again(shown) => shown.respond_to(req),
        }
    }
}

pub(super) async fn confirm(
    viewer: Viewer,
    form: Form<CodeForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Confirmed> {
    let command = ConfirmEnrolment {
        code: Secret::new(form.values.code),
    };
    let act = "second_factor.enable";
    let done = app
        .carry_out(&viewer, act, command, actions::confirm_enrolment)
        .await;
    Ok(match form.state.catch(done)? {
        Ok(codes) => Confirmed::Codes(Shown::of(recovery(&codes, true))),
        Err(form) => Confirmed::Again(Shown::of(page(&app, &viewer, &cx, form)?).invalid()),
    })
}

fn recovery(codes: &[Secret<String>], is_new: bool) -> RecoveryPage {
    RecoveryPage {
        codes: codes.iter().map(|code| code.expose().clone()).collect(),
        is_new,
    }
}

pub(super) async fn renew(
    viewer: Viewer,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<RecoveryPage>> {
    let act = "second_factor.renew_codes";
    let command = RenewRecoveryCodes;
    let codes = app
        .carry_out(&viewer, act, command, actions::renew_recovery_codes)
        .await?;
    Ok(Shown::of(recovery(&codes, false)))
}

pub(super) async fn remove(
    viewer: Viewer,
    _form: Form<NoFields>,
    app: Data<App>,
) -> Result<Shown<SecondFactorPage>> {
    let act = "second_factor.remove";
    app.carry_out(&viewer, act, DropSecondFactor, actions::drop_second_factor)
        .await?;
    Ok(Shown::go_to(HERE).toast("second_factor.removed", ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_drawn_with_white_around_it() {
        let qr = Qr::of("otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ&issuer=a").unwrap();
        assert!(qr.side >= 21 + 8);
        // The finder in the corner begins with seven dark modules behind the quiet zone.
        assert!(qr.path.starts_with("M4 4h7v1h-7z"), "{}", &qr.path[..40]);
    }
}
