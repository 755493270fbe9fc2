//! What is done to a moment from its page.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    outreach::{
        approval::VerdictFields,
        broadcasts,
        form::SendFields,
        moments::{
            actions::{self, AskNow, Decide, Discard, Send, StopMoment},
            export as file,
            model::cause,
            queries,
        },
    },
    sheet::SheetFormat,
    web::{Cx, Form, Shown, Web},
    work::pages::Nothing,
};

use super::{
    HERE, id_of,
    show::{ShowPage, page},
};

/// Sends a draft.
pub(in crate::outreach::moments) async fn send(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
    form: Form<SendFields>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let sent = match form.values.at(&cx) {
        Ok(at) => {
            let command = Send { id, at };
            app.carry_out(&viewer, "moment.send", command, actions::send)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(sent)? {
        Ok(()) => {
            app.outreach.moments.wake.notify_one();
            Shown::go_to(format_args!("{HERE}/{id}")).toast("moments.sent", ())
        }
        Err(form) => Shown::of(page(&app, &web, &viewer, &cx, id, form)?).invalid(),
    })
}

/// Throws a draft away.
pub(in crate::outreach::moments) async fn discard(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let command = Discard { id: id_of(&id)? };
    app.carry_out(&viewer, "moment.discard", command, actions::discard)
        .await?;
    Ok(Shown::go_to(HERE).toast("broadcasts.discarded", ()))
}

/// Stops it.
pub(in crate::outreach::moments) async fn stop(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = StopMoment { id, directory };
    app.carry_out(&viewer, "moment.stop", command, actions::stop)
        .await?;
    app.effects.notify_one();
    app.outreach.moments.wake.notify_one();
    Ok(Shown::go_to(format_args!("{HERE}/{id}")).toast("moments.stop_begun", ()))
}

/// Has WeCom asked now.
pub(in crate::outreach::moments) async fn ask_now(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = AskNow { id, directory };
    app.carry_out(&viewer, "moment.ask", command, actions::ask_now)
        .await?;
    app.outreach.moments.wake.notify_one();
    Ok(Shown::go_to(format_args!("{HERE}/{id}")).toast("moments.asked_now", ()))
}

/// Lets it go, or not.
pub(in crate::outreach::moments) async fn decide(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
    form: Form<VerdictFields>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let (is_granted, said) = form.values.verdict()?;
    let command = Decide {
        id,
        is_granted,
        note: form.values.note,
        directory: app.read(|r| app.directory.get(r))?,
    };
    let decided = app
        .carry_out(&viewer, "moment.decide", command, actions::decide)
        .await;
    app.outreach.moments.wake.notify_one();
    Ok(match form.state.catch(decided)? {
        Ok(()) => Shown::go_to(format_args!("{HERE}/{id}")).toast(said, ()),
        Err(form) => Shown::of(page(&app, &web, &viewer, &cx, id, form)?).invalid(),
    })
}

/// What of it, in which format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::moments) struct ExportFields {
    #[serde(default)]
    of: String,
    #[serde(default)]
    format: String,
}

/// Takes the account of it out as a file: by members, or the customers it reached.
pub(in crate::outreach::moments) async fn export(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<ExportFields>,
) -> Result<HttpResponse> {
    let id = id_of(&id)?;
    let format = SheetFormat::of_code(&form.values.format);
    let format = format.ok_or(AppError::BadRequest { why: "field" })?;
    let of_customers = match form.values.of.as_str() {
        "customers" => true,
        "members" => false,
        _ => return Err(AppError::BadRequest { why: "field" }),
    };
    app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerExport)?;
        queries::moment(r, &sight, queries::own(&viewer), id).map(drop)
    })?;
    let (on, asking, lang) = (app.clone(), viewer.clone(), cx.lang());
    let made = tokio::task::spawn_blocking(move || match of_customers {
        true => broadcasts::export(
            &on,
            &asking,
            (&cause(id), broadcasts::Target::Customers),
            format,
            lang,
        ),
        false => file::members(&on, &asking, id, format, lang),
    });
    let made = made.await.map_err(AppError::internal)??;
    let act = viewer
        .view("moment.export")
        .about("moment", id)
        .system_detail("sha256", made.sha256)
        .system_detail("rows", made.rows.to_string());
    app.write(act, |_| Ok(())).await?;
    let name = format!("attachment; filename=\"moment.{}\"", format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(("content-disposition", name))
        .body(made.bytes))
}
