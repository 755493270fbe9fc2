//! `/compliance/evidence/{case}`: a case, what is in it, and how it is sealed.

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        approval::{self, Approval, ApprovalState, AskEvidence, Wanted},
        evidence::{self, Case, CaseState, EditCase, RemoveItem, SealCase, queries},
        model::Chat,
        names::Names,
        queries::{self as archive, ArchiveSight},
    },
    audit::checkpoints,
    error::{AppError, Result},
    identity::{self, Permission, Viewer, queries::AccountView},
    kit::Timestamp,
    search::Piece,
    store::Read,
    view,
    web::{Cx, Form, FormState, Shown, filters},
    work::{
        Job, JobId,
        pages::{Nothing, error_words},
    },
};

use super::{super::hits::excerpt, HERE, context, parse, state};

/// Items that are listed.
const SHOWN: usize = 200;

/// One item.
pub(in crate::archive) struct ItemLine {
    pub(in crate::archive) id: String,
    pub(in crate::archive) href: String,
    pub(in crate::archive) chat: String,
    pub(in crate::archive) from: String,
    pub(in crate::archive) at: Option<Timestamp>,
    pub(in crate::archive) text: Vec<Piece>,
    pub(in crate::archive) is_recalled: bool,
    /// When the last message was sent, if there are several.
    pub(in crate::archive) until: Option<Timestamp>,
    pub(in crate::archive) by: String,
}

/// What came of sealing.
pub(in crate::archive) struct Sealed {
    pub(in crate::archive) at: Timestamp,
    pub(in crate::archive) by: String,
    pub(in crate::archive) bytes: u64,
    pub(in crate::archive) file: String,
    pub(in crate::archive) manifest: String,
    /// SHA-256 of the package; none if it was sealed before this was kept.
    pub(in crate::archive) sha256: Option<String>,
    /// The key with which an outsider verifies it.
    pub(in crate::archive) key: String,
    pub(in crate::archive) messages: u64,
    pub(in crate::archive) chosen: u64,
    pub(in crate::archive) media: u64,
    pub(in crate::archive) missing: u64,
    pub(in crate::archive) unproven: u64,
}

/// How the eyes of a second person stand.
pub(in crate::archive) enum Second {
    /// The firm does not ask for them.
    NotAsked,
    /// They are to be asked for.
    ToAsk,
    /// They are asked for; who can decide.
    Waits(String, Timestamp),
    /// They said yes; until when.
    Holds(Timestamp),
    /// They said no, and why.
    Refused(String),
}

/// The page.
#[derive(Template)]
#[template(path = "evidence/case.html", blocks = ["title"])]
pub(in crate::archive) struct CasePage {
    pub(in crate::archive) id: String,
    pub(in crate::archive) title: String,
    pub(in crate::archive) why: String,
    pub(in crate::archive) context: u32,
    pub(in crate::archive) by: String,
    pub(in crate::archive) at: Timestamp,
    pub(in crate::archive) state: (&'static str, &'static str),
    pub(in crate::archive) is_open: bool,
    /// The job that seals it, if one was asked for.
    pub(in crate::archive) job: Option<String>,
    /// That job has failed or was stopped.
    pub(in crate::archive) may_retry: bool,
    /// Why it failed, and what to do.
    pub(in crate::archive) trouble: Option<String>,
    pub(in crate::archive) items: Vec<ItemLine>,
    pub(in crate::archive) more: usize,
    pub(in crate::archive) sealed: Option<Sealed>,
    pub(in crate::archive) second: Second,
    pub(in crate::archive) form: FormState,
}
view!(CasePage);

impl CasePage {
    /// Whether sealing, or taking the package out, is open to the viewer now.
    fn is_free(&self) -> bool {
        matches!(self.second, Second::NotAsked | Second::Holds(_))
    }
}

/// Shows a case. Words of messages are on it, so its entry is durable before.
pub(super) async fn show(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<CasePage>> {
    let id = parse(&id)?;
    let page = app.read(|r| page(&app, r, &viewer, &cx, id, None))?;
    let act = viewer.view("evidence.view").about("evidence_case", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let r = w.read();
        let sight = queries::sight(&checking, &r, &asking)?;
        queries::case(&r, &sight, id).map(drop)
    })
    .await?;
    Ok(Shown::of(page))
}

fn page(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    id: evidence::CaseId,
    form: Option<FormState>,
) -> Result<CasePage> {
    let sight = queries::sight(app, r, viewer)?;
    let case = queries::case(r, &sight, id)?;
    let names = Names::new(r, &sight.sight, cx);
    let account = |id: crate::store::SubjectId| {
        identity::queries::account_name(r, id.cast()).map(Option::unwrap_or_default)
    };
    let all = queries::items(r, id)?;
    let mut items = Vec::new();
    for item in all.iter().take(SHOWN) {
        items.push(line(r, cx, &sight, &names, item, account(item.by)?)?);
    }
    let job = match &case.state {
        CaseState::Sealing(job, _) => Some((*job, evidence::is_running(r, *job)?)),
        _ => None,
    };
    let sealed = match case.sealed() {
        None => None,
        Some(seal) => Some(Sealed {
            at: seal.at,
            by: account(seal.by)?,
            bytes: seal.bytes,
            file: seal.file.clone(),
            manifest: seal.manifest.clone(),
            sha256: seal.sha256.clone(),
            key: checkpoints::verifier_key(app.store.vault()).text(),
            messages: seal.messages,
            chosen: seal.chosen,
            media: seal.media,
            missing: seal.media_missing,
            unproven: seal.unproven,
        }),
    };
    let form = form.unwrap_or_else(|| {
        FormState::with_values([
            ("title", case.title.clone()),
            ("why", case.why.clone()),
            ("context", case.context.to_string()),
        ])
    });
    Ok(CasePage {
        id: id.to_string(),
        state: state(&case),
        is_open: case.is_open() || job.is_some_and(|(_, is_running)| !is_running),
        may_retry: job.is_some_and(|(_, is_running)| !is_running),
        trouble: match job {
            Some((job, false)) => trouble(r, cx, job)?,
            _ => None,
        },
        job: job.map(|(id, _)| format!("/jobs/{id}")),
        more: all.len().saturating_sub(items.len()),
        items,
        sealed,
        second: second(app, r, viewer, cx, &case)?,
        by: account(case.by)?,
        at: case.at,
        title: case.title,
        why: case.why,
        context: case.context,
        form,
    })
}

/// Why the job failed, and what to do; none if it was stopped.
fn trouble(r: &Read<'_>, cx: &Cx, job: JobId) -> Result<Option<String>> {
    let failure = r.get::<Job>(&job)?.and_then(|job| job.failure);
    Ok(failure.map(|failure| {
        let said = |part| error_words(cx, &failure.code, part);
        format!("{} {}", said("why").trim(), said("next").trim())
    }))
}

fn line(
    r: &Read<'_>,
    cx: &Cx,
    sight: &ArchiveSight,
    names: &Names<'_>,
    item: &evidence::Item,
    by: String,
) -> Result<ItemLine> {
    let chat = r.get::<Chat>(&item.chat)?;
    let chat = chat.ok_or(AppError::NotFound { what: "chat" })?;
    let first = archive::message(r, sight, item.chat, item.first)?;
    let last = match item.first == item.last {
        true => None,
        false => archive::message(r, sight, item.chat, item.last)?,
    };
    Ok(ItemLine {
        id: item.id.to_string(),
        href: format!("/archive/{}?at={}#m-{}", chat.id, item.first, item.first),
        chat: names.title(&chat)?,
        from: match &first {
            Some(message) => names.who(message.from)?.name.clone(),
            None => String::new(),
        },
        at: first.as_ref().map(|message| message.at),
        text: first
            .as_ref()
            .map(|message| excerpt(cx, message, ""))
            .unwrap_or_default(),
        is_recalled: first.as_ref().is_some_and(|message| message.is_recalled),
        until: last.map(|message| message.at),
        by,
    })
}

fn second(app: &App, r: &Read<'_>, viewer: &Viewer, cx: &Cx, case: &Case) -> Result<Second> {
    if !approval::four_eyes(r)?.evidence {
        return Ok(Second::NotAsked);
    }
    let Some(account) = viewer.account().map(identity::Account::subject_id) else {
        return Ok(Second::ToAsk);
    };
    let wanted = Wanted::Evidence(case.id, case.revision);
    let newest = approval::queries::newest(r, account, &wanted)?;
    Ok(match newest {
        Some(approval) if approval.holds(cx.now) => Second::Holds(approval.until),
        Some(approval) if approval.is_pending(cx.now) => {
            let directory = app.directory.get(r)?;
            let who = approval::queries::approvers(r, &directory, &case.chats, Some(account))?;
            Second::Waits(names_of(who), approval.until)
        }
        Some(Approval {
            state: ApprovalState::Refused(_, _, note),
            ..
        }) => Second::Refused(note),
        _ => Second::ToAsk,
    })
}

/// Who can decide, by name; empty if nobody can.
pub(in crate::archive::pages) fn names_of(who: Vec<AccountView>) -> String {
    let names: Vec<String> = who
        .into_iter()
        .take(5)
        .map(|account| account.name)
        .collect();
    names.join("、")
}

/// Changes title, reason and context.
pub(super) async fn save(
    viewer: Viewer,
    id: Path<String>,
    form: Form<super::list::Fields>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<CasePage>> {
    let id = parse(&id)?;
    let saved = match context(&form.values.context) {
        Ok(context) => {
            let command = EditCase {
                case: id,
                title: form.values.title.clone(),
                why: form.values.why.clone(),
                context,
                sight: app.read(|r| queries::sight(&app, r, &viewer))?,
            };
            app.carry_out(&viewer, "evidence.edit", command, evidence::edit)
                .await
        }
        Err(error) => Err(error),
    };
    Ok(match form.state.catch(saved)? {
        Ok(()) => Shown::go_to(format!("{HERE}/{id}")).toast("evidence.saved", ()),
        Err(form) => {
            let page = app.read(|r| page(&app, r, &viewer, &cx, id, Some(form)))?;
            Shown::of(page).invalid()
        }
    })
}

/// What is taken out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    item: String,
}

/// Takes something out.
pub(super) async fn remove(
    viewer: Viewer,
    id: Path<String>,
    form: Form<Which>,
    app: Data<App>,
) -> Result<Shown<CasePage>> {
    let id = parse(&id)?;
    let item = form.values.item.parse().map_err(|_| AppError::NotFound {
        what: "evidence_item",
    })?;
    let command = RemoveItem {
        case: id,
        item,
        sight: app.read(|r| queries::sight(&app, r, &viewer))?,
    };
    app.carry_out(&viewer, "evidence.remove", command, evidence::remove)
        .await?;
    Ok(Shown::go_to(format!("{HERE}/{id}")).toast("evidence.removed", ()))
}

/// Asks for a second person.
pub(super) async fn ask(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<CasePage>> {
    let id = parse(&id)?;
    let command = AskEvidence {
        case: id,
        sight: app.read(|r| queries::sight(&app, r, &viewer))?,
    };
    app.carry_out(&viewer, "approval.ask", command, approval::ask_evidence)
        .await?;
    Ok(Shown::go_to(format!("{HERE}/{id}")).toast("approval.asked", ()))
}

/// Seals the case.
pub(super) async fn seal(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<CasePage>> {
    let id = parse(&id)?;
    let command = SealCase {
        case: id,
        sight: app.read(|r| queries::sight(&app, r, &viewer))?,
    };
    let may_see = viewer.may(Permission::JobRead);
    let job = app
        .carry_out(&viewer, "evidence.begin", command, evidence::seal)
        .await?;
    app.jobs.notify_one();
    let next = match may_see {
        true => format!("/jobs/{job}"),
        false => format!("{HERE}/{id}"),
    };
    Ok(Shown::go_to(next).toast("evidence.sealing", ()))
}
