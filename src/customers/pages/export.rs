//! Taking ticked customers, or all of a list, out as a file.

use actix_web::web::Data;
use serde::Deserialize;

use crate::{
    app::App,
    customers::{
        CustomerId,
        export::{self, Wanted},
    },
    error::{AppError, Result},
    identity::Viewer,
    sheet::SheetFormat,
    web::{Cx, Form, Shown, local},
};

use super::{asked, list::ListPage};

/// The form around the list.
#[derive(Deserialize)]
pub(in crate::customers) struct ExportForm {
    #[serde(default)]
    id: Vec<String>,
    #[serde(default)]
    all: String,
    /// The list's address, for everybody it selects.
    from: String,
    format: String,
}

/// Queues an export of the ticked customers, or of all the list selects.
pub(in crate::customers) async fn export(
    viewer: Viewer,
    form: Form<ExportForm>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ListPage>> {
    let form = form.values;
    let format = SheetFormat::of_code(&form.format).ok_or(AppError::BadRequest { why: "field" })?;
    let ids: Vec<CustomerId> = form.id.iter().filter_map(|id| id.parse().ok()).collect();
    let wanted = if form.all.is_empty() {
        Wanted::Ticked(ids)
    } else {
        let list = asked::of_address(&form.from, &viewer, &cx);
        Wanted::Selected(Box::new(list.ok_or(AppError::BadRequest { why: "field" })?))
    };
    if matches!(&wanted, Wanted::Ticked(ids) if ids.is_empty()) {
        return Ok(Shown::go_to(local(&form.from).unwrap_or(asked::LIST))
            .toast("customers.export.none", ()));
    }
    let job = export::start(&app, viewer, wanted, format, cx.lang()).await?;
    Ok(Shown::go_to(format_args!("/jobs/{job}")))
}
