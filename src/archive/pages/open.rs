//! `/archive/{chat}/open`: why somebody opens a conversation that is not their own.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        approval::{self, Approval, ApprovalState, Wanted},
        model::ChatId,
        names::Names,
        opening::{self, OpenChat, Opened},
        queries::{self, ArchiveSight},
    },
    error::{AppError, Result},
    identity::{Account, Viewer},
    kit::Timestamp,
    store::Read,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, local},
};

use super::evidence::names_of;

/// The form.
#[derive(Template)]
#[template(path = "archive/open.html", blocks = ["title"])]
pub(in crate::archive) struct OpenPage {
    pub(super) title: String,
    pub(super) sort: &'static str,
    pub(super) action: String,
    pub(super) back: String,
    pub(super) second: Second,
    pub(super) form: FormState,
}
view!(OpenPage);

/// Whether a second person is asked.
pub(in crate::archive) enum Second {
    /// The firm does not want one.
    NotAsked,
    /// These can say yes, once they are asked; and what was noted when one last said no.
    Needed(String, Option<String>),
    /// They are asked, and can say yes until then.
    Waits(String, Timestamp),
}

/// What the form posts.
#[derive(Deserialize)]
pub(in crate::archive) struct Reason {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    next: String,
}

/// Asks for the reason.
pub(in crate::archive) async fn reason(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<OpenPage>> {
    let id = parse(&id)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let next = query.get("next").unwrap_or_default().to_owned();
    let is_open = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let chat = queries::chat(r, &sight, id)?;
        let right = opening::right(r, &viewer, &sight, &chat, cx.now)?;
        let asks = approval::four_eyes(r)?.read;
        Ok::<_, AppError>(asks && right.is_some())
    })?;
    if is_open {
        return Ok(Shown::go_to(after(id, &next)));
    }
    let form = FormState::with_values([("next", next)]);
    Ok(Shown::of(page(&app, &viewer, &cx, id, form)?))
}

/// Keeps the reason and leads on.
pub(in crate::archive) async fn open(
    viewer: Viewer,
    id: Path<String>,
    form: Form<Reason>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<OpenPage>> {
    let id = parse(&id)?;
    let directory = app.read(|r| app.directory.get(r))?;
    let command = OpenChat {
        chat: id,
        reason: form.values.reason.clone(),
        directory,
    };
    let act = viewer
        .view("archive.open")
        .about("archive_chat", id)
        .detail("reason", form.values.reason.trim());
    let asking = viewer.clone();
    let opened = app
        .write(act, move |w| {
            let allowed = asking.allow(w, command)?;
            opening::open(w, allowed)
        })
        .await;
    Ok(match form.state.catch(opened)? {
        Ok(Opened::Waits) => {
            let here = ListQuery::new(&format!("/archive/{id}/open"));
            let next = local(&form.values.next).unwrap_or_default();
            Shown::go_to(here.with("next", next)).toast("approval.asked", ())
        }
        Ok(Opened::Now) => Shown::go_to(after(id, &form.values.next)),
        Err(state) => Shown::of(page(&app, &viewer, &cx, id, state)?).invalid(),
    })
}

/// Where one goes: only to the conversation that is open now, to one of its files, or to where
/// its messages are added to a case.
fn after(id: ChatId, next: &str) -> String {
    let own = format!("/archive/{id}");
    let add = format!("/compliance/evidence/add?chat={id}&");
    let places = [own.as_str(), "/archive/files/", &add];
    let next = local(next).filter(|next| places.iter().any(|place| next.starts_with(*place)));
    let is_form = |next: &&str| next.starts_with(&format!("{own}/open"));
    next.filter(|next| !is_form(next))
        .unwrap_or(&own)
        .to_owned()
}

fn parse(id: &str) -> Result<ChatId> {
    id.parse().map_err(|_| AppError::NotFound { what: "chat" })
}

fn page(app: &App, viewer: &Viewer, cx: &Cx, id: ChatId, form: FormState) -> Result<OpenPage> {
    app.read(|r| {
        let sight = ArchiveSight::of(app, r, viewer)?;
        let chat = queries::chat(r, &sight, id)?;
        let names = Names::new(r, &sight.sight, cx);
        let second = second(app, r, viewer, cx, chat.no)?;
        Ok(OpenPage {
            title: names.title(&chat)?,
            sort: Names::sort_of(&chat),
            action: format!("/archive/{id}/open"),
            back: "/archive".to_owned(),
            second,
            form,
        })
    })
}

fn second(app: &App, r: &Read<'_>, viewer: &Viewer, cx: &Cx, chat: u32) -> Result<Second> {
    if !approval::four_eyes(r)?.read {
        return Ok(Second::NotAsked);
    }
    let account = viewer.account().map(Account::subject_id);
    let directory = app.directory.get(r)?;
    let who = approval::queries::approvers(r, &directory, &[chat], account)?;
    let who = names_of(who);
    let asked = match account {
        Some(account) => approval::queries::newest(r, account, &Wanted::Read(chat))?,
        None => None,
    };
    Ok(match asked {
        Some(asked) if asked.is_pending(cx.now) => Second::Waits(who, asked.until),
        Some(Approval {
            state: ApprovalState::Refused(_, _, note),
            ..
        }) => Second::Needed(who, Some(note)),
        _ => Second::Needed(who, None),
    })
}
