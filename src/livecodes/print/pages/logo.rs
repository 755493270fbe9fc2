//! `/live-codes/{id}/print/logo`: a logo of the code's own.

use actix_web::web::{Data, Path};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::Viewer,
    livecodes::{LiveCodeId, board},
    web::{Cx, Form, FormState, Shown, Upload, UploadedFile},
    work::pages::Nothing,
};

use super::{
    super::{
        actions::{self, SaveMark},
        asked::Wish,
        queries,
        render::{LOGO_LIMITS, Limits, PictureFault},
    },
    draw,
    print::{self, PrintPage},
};

/// What is made of a file that is a picture.
pub(super) async fn taken(
    file: Option<UploadedFile>,
    limits: Limits,
    make: fn(&[u8]) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let file = file.filter(|file| file.bytes > 0);
    let file = file.ok_or(AppError::field("file", "print.problem.no_file"))?;
    if file.bytes > limits.bytes_max {
        return Err(actions::wrong_picture(PictureFault::Bytes, limits));
    }
    let bytes = tokio::fs::read(file.path()).await;
    let bytes = bytes.map_err(AppError::internal)?;
    draw(move || make(&bytes)).await
}

async fn keep(app: &App, viewer: &Viewer, code: LiveCodeId, bytes: Option<Vec<u8>>) -> Result<()> {
    let directory = app.read(|r| app.directory.get(r))?;
    let command = SaveMark {
        code,
        bytes,
        directory,
    };
    app.carry_out(viewer, "live_code.look", command, actions::save_mark)
        .await
}

/// Takes a PNG or a JPEG; anything else is a problem of the field.
pub(in crate::livecodes::print) async fn put(
    viewer: Viewer,
    req: actix_web::HttpRequest,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Upload<Nothing>,
) -> Result<Shown<PrintPage>> {
    let code = board::parse(&id)?;
    let saved = match taken(form.file, LOGO_LIMITS, actions::kept_logo).await {
        Ok(bytes) => keep(&app, &viewer, code, Some(bytes)).await,
        Err(wrong) => Err(wrong),
    };
    match FormState::empty().catch(saved)? {
        Ok(()) => Ok(
            Shown::go_to(format_args!("/live-codes/{code}/print")).toast("print.logo.saved", ())
        ),
        Err(problems) => {
            let of = queries::printable(&app, &viewer, &id)?;
            let wish = Wish::of(&of.look);
            let page = print::page(&app, &req, &cx, of, wish, problems).await?;
            Ok(Shown::of(page).invalid())
        }
    }
}

/// Takes it away; the firm's is chosen.
pub(in crate::livecodes::print) async fn remove(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<PrintPage>> {
    let code = board::parse(&id)?;
    keep(&app, &viewer, code, None).await?;
    Ok(Shown::go_to(format_args!("/live-codes/{code}/print")).toast("print.logo.removed", ()))
}
