//! `/settings/company`: what the firm is called, whom to ask, where it is reached.

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    rollout::{
        actions::{self, SaveFirm, SaveLogo},
        logo::LOGO_BYTES_MAX,
        model::Firm,
        queries,
    },
    view,
    web::{Form, FormState, Shown, Upload, filters},
    work::pages::Nothing,
};

/// The page.
#[derive(Template)]
#[template(path = "rollout/company.html", blocks = ["title"])]
pub(in crate::rollout) struct CompanyPage {
    form: FormState,
    /// The address of the logo.
    logo: Option<String>,
    /// The configuration file has a name, which wins.
    named_by_file: Option<String>,
}
view!(CompanyPage);

/// The fields, here and in the wizard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rollout) struct FirmForm {
    name: String,
    #[serde(default)]
    contact_name: String,
    #[serde(default)]
    contact_phone: String,
    #[serde(default)]
    contact_email: String,
    #[serde(default)]
    address: String,
}

impl FirmForm {
    pub(super) fn into_command(self) -> SaveFirm {
        SaveFirm {
            firm: Firm {
                name: self.name,
                contact_name: self.contact_name,
                contact_phone: self.contact_phone,
                contact_email: self.contact_email,
                address: self.address,
                logo: None,
            },
        }
    }
}

/// The form with what is known; an address that nobody has given yet is the browser's.
pub(super) fn filled(app: &App, req: &HttpRequest) -> Result<FormState> {
    let (firm, root) = app.read(|r| {
        let directory = app.directory.get(r)?;
        let root = directory.tree.roots().first().map(|d| d.name.clone());
        Ok::<_, AppError>((queries::firm(r)?, root))
    })?;
    let name = match firm.name.is_empty() {
        true => root.unwrap_or_default(),
        false => firm.name,
    };
    let address = match queries::address(app)? {
        address if address.is_empty() => super::own_address(app, req),
        address => address,
    };
    Ok(FormState::with_values([
        ("name", name),
        ("contact_name", firm.contact_name),
        ("contact_phone", firm.contact_phone),
        ("contact_email", firm.contact_email),
        ("address", address),
    ]))
}

fn page(app: &App, form: FormState) -> Result<CompanyPage> {
    let firm = app.read(queries::firm)?;
    Ok(CompanyPage {
        form,
        logo: queries::logo_address(&firm),
        named_by_file: app.config.firm.clone(),
    })
}

pub(in crate::rollout) async fn show(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
) -> Result<Shown<CompanyPage>> {
    app.read(|r| viewer.scope(r, Permission::SettingsManage).map(drop))?;
    let form = filled(&app, &req)?;
    Ok(Shown::of(page(&app, form)?))
}

pub(in crate::rollout) async fn save(
    viewer: Viewer,
    app: Data<App>,
    form: Form<FirmForm>,
) -> Result<Shown<CompanyPage>> {
    let command = form.values.into_command();
    let saved = app
        .carry_out(&viewer, "firm.save", command, actions::save_firm)
        .await;
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to("/settings/company").toast("firm.saved", ()),
        Err(form) => Shown::of(page(&app, form)?).invalid(),
    })
}

/// The picture, for everybody: it stands above the sign-in. Its address changes with it, so a
/// browser may keep it.
pub(in crate::rollout) async fn logo(app: Data<App>) -> Result<HttpResponse> {
    let logo = app.read(queries::logo)?;
    let logo = logo.ok_or(AppError::NotFound { what: "page" })?;
    Ok(HttpResponse::Ok()
        .content_type(logo.media_type())
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(logo.bytes))
}

/// Shows another logo.
pub(in crate::rollout) async fn save_logo(
    viewer: Viewer,
    req: HttpRequest,
    app: Data<App>,
    form: Upload<Nothing>,
) -> Result<Shown<CompanyPage>> {
    let read = match form.file {
        None => Err(AppError::field("file", "firm.logo_missing")),
        Some(file) if file.bytes > LOGO_BYTES_MAX => Err(AppError::field("file", "firm.logo_kind")),
        Some(file) => tokio::fs::read(file.path())
            .await
            .map_err(AppError::internal),
    };
    let saved = match read {
        Ok(bytes) => put_logo(&app, viewer, Some(bytes)).await,
        Err(wrong) => Err(wrong),
    };
    Ok(match filled(&app, &req)?.catch(saved)? {
        Ok(()) => Shown::go_to("/settings/company").toast("firm.logo_saved", ()),
        Err(form) => Shown::of(page(&app, form)?).invalid(),
    })
}

/// Shows the product's mark again.
pub(in crate::rollout) async fn remove_logo(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<CompanyPage>> {
    put_logo(&app, viewer, None).await?;
    Ok(Shown::go_to("/settings/company").toast("firm.logo_removed", ()))
}

async fn put_logo(app: &App, viewer: Viewer, bytes: Option<Vec<u8>>) -> Result<()> {
    app.write(viewer.change("firm.logo"), move |w| {
        let allowed = viewer.allow(w, SaveLogo { bytes })?;
        actions::save_logo(w, allowed)
    })
    .await
}
