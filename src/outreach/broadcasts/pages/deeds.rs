//! What is done to a broadcast from its page.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;

use crate::{
    app::App,
    customers::CustomerId,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    outreach::approval::VerdictFields,
    outreach::broadcasts::{
        actions::{self, Decide, Discard, Remind, SaveDraft, Send, StopBroadcast},
        audience::{Audience, GroupChoice, LISTED_MAX, Target},
        export as file, groups,
        model::{BroadcastId, NAME_CHARS_MAX, cause},
        queries,
    },
    outreach::form::SendFields,
    sheet::SheetFormat,
    store::Read,
    web::{Cx, Form, Shown, Web},
    work::pages::Nothing,
};

use super::{
    HERE, id_of,
    show::{ShowPage, page},
};

/// Sends a draft.
pub(in crate::outreach::broadcasts) async fn send(
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
            app.carry_out(&viewer, "broadcast.send", command, actions::send)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(sent)? {
        Ok(()) => {
            app.outreach.broadcasts.wake.notify_one();
            Shown::go_to(format_args!("{HERE}/{id}")).toast("broadcasts.sent", ())
        }
        Err(form) => Shown::of(page(&app, &web, &viewer, &cx, id, form)?).invalid(),
    })
}

/// Throws a draft away.
pub(in crate::outreach::broadcasts) async fn discard(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let command = Discard { id: id_of(&id)? };
    app.carry_out(&viewer, "broadcast.discard", command, actions::discard)
        .await?;
    Ok(Shown::go_to(HERE).toast("broadcasts.discarded", ()))
}

/// Stops it.
pub(in crate::outreach::broadcasts) async fn stop(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = StopBroadcast { id, directory };
    app.carry_out(&viewer, "broadcast.stop", command, actions::stop)
        .await?;
    app.effects.notify_one();
    app.outreach.broadcasts.wake.notify_one();
    Ok(Shown::go_to(format_args!("{HERE}/{id}")).toast("broadcasts.stop_begun", ()))
}

/// Reminds the members.
pub(in crate::outreach::broadcasts) async fn remind(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = Remind { id, directory };
    let n = app
        .carry_out(&viewer, "broadcast.remind", command, actions::remind)
        .await?;
    app.effects.notify_one();
    Ok(Shown::go_to(format_args!("{HERE}/{id}")).toast("broadcasts.reminded", ("n", n)))
}

/// Lets it go, or not.
pub(in crate::outreach::broadcasts) async fn decide(
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
        .carry_out(&viewer, "broadcast.decide", command, actions::decide)
        .await;
    app.outreach.broadcasts.wake.notify_one();
    Ok(match form.state.catch(decided)? {
        Ok(()) => Shown::go_to(format_args!("{HERE}/{id}")).toast(said, ()),
        Err(form) => Shown::of(page(&app, &web, &viewer, &cx, id, form)?).invalid(),
    })
}

/// A new draft for those who did not get it.
pub(in crate::outreach::broadcasts) async fn again(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    _form: Form<Nothing>,
) -> Result<Shown<ShowPage>> {
    let id = id_of(&id)?;
    let command = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::BroadcastSend)?;
        let broadcast = queries::broadcast(r, &sight, queries::own(&viewer), id)?;
        let name = cx.tf("broadcasts.again_name", ("name", &broadcast.name));
        let audience = missed(r, id, broadcast.target())?;
        Ok::<_, AppError>(SaveDraft {
            id: None,
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            content: broadcast.content,
            audience,
        })
    })?;
    let new = app
        .carry_out(&viewer, "broadcast.draft", command, actions::save_draft)
        .await?;
    Ok(Shown::go_to(format_args!("{HERE}/{new}")))
}

/// Those who were to get a broadcast and did not, as an audience.
fn missed(r: &Read<'_>, id: BroadcastId, target: Target) -> Result<Audience> {
    let most = match target {
        Target::Customers => LISTED_MAX,
        Target::Groups => groups::LISTED_MAX,
    };
    let missed = queries::missed(r, id, most)?;
    // An empty list would mean everybody.
    if missed.is_empty() {
        return Err(AppError::Conflict {
            why: "nobody_missed",
        });
    }
    Ok(match target {
        Target::Customers => Audience {
            listed: Some(missed),
            ..Audience::default()
        },
        Target::Groups => Audience {
            groups: Some(GroupChoice {
                listed: Some(missed.into_iter().map(CustomerId::cast).collect()),
            }),
            ..Audience::default()
        },
    })
}

/// Which format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::outreach::broadcasts) struct ExportFields {
    #[serde(default)]
    format: String,
}

/// Takes the account of it out as a file.
pub(in crate::outreach::broadcasts) async fn export(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
    form: Form<ExportFields>,
) -> Result<HttpResponse> {
    let id = id_of(&id)?;
    let format = SheetFormat::of_code(&form.values.format);
    let format = format.ok_or(AppError::BadRequest { why: "field" })?;
    let target = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerExport)?;
        let broadcast = queries::broadcast(r, &sight, queries::own(&viewer), id)?;
        Ok::<_, AppError>(broadcast.target())
    })?;
    let (on, asking, lang) = (app.clone(), viewer.clone(), cx.lang());
    let of = cause(id);
    let made =
        tokio::task::spawn_blocking(move || file::make(&on, &asking, (&of, target), format, lang));
    let made = made.await.map_err(AppError::internal)??;
    let act = viewer
        .view("broadcast.export")
        .about("broadcast", id)
        .system_detail("sha256", made.sha256)
        .system_detail("rows", made.rows.to_string());
    app.write(act, |_| Ok(())).await?;
    let name = format!("attachment; filename=\"broadcast.{}\"", format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(("content-disposition", name))
        .body(made.bytes))
}
