//! `/compliance/evidence/add`: a message, or some of its conversation, into a case.

use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        evidence::{self, AddItem, CaseId, CreateCase, Span, queries},
        model::{Chat, ChatId},
        names::Names,
        opening,
        queries::{self as archive, ArchiveSight, Message},
    },
    error::{AppError, Result},
    identity::Viewer,
    kit::Timestamp,
    search::Piece,
    store::Read,
    view,
    web::{Cx, Form, FormState, ListQuery, Shown, filters, parts::Choice},
};

use super::{super::hits::excerpt, HERE};

/// Cases that are offered.
const CASES: usize = 100;
/// Messages of context of a case that is made along the way.
const CONTEXT: u32 = 10;

/// The form.
#[derive(Template)]
#[template(path = "evidence/add.html", blocks = ["title"])]
pub(in crate::archive) struct AddPage {
    pub(in crate::archive) chat: String,
    pub(in crate::archive) title: String,
    pub(in crate::archive) seq: String,
    pub(in crate::archive) from: String,
    pub(in crate::archive) at: Timestamp,
    pub(in crate::archive) text: Vec<Piece>,
    pub(in crate::archive) is_recalled: bool,
    pub(in crate::archive) cases: Vec<Choice>,
    pub(in crate::archive) spans: Vec<Choice>,
    pub(in crate::archive) form: FormState,
}
view!(AddPage);

/// Where it stands.
struct Wanted {
    chat: Chat,
    message: Message,
}

/// A message that the viewer may read now; `None` if a reason comes first.
fn wanted(
    r: &Read<'_>,
    viewer: &Viewer,
    sight: &ArchiveSight,
    cx: &Cx,
    id: ChatId,
    seq: u64,
) -> Result<Option<Wanted>> {
    let chat = archive::chat(r, sight, id)?;
    if opening::right(r, viewer, sight, &chat, cx.now)?.is_none() {
        return Ok(None);
    }
    let missing = AppError::NotFound { what: "message" };
    let message = archive::message(r, sight, chat.no, seq)?.ok_or(missing)?;
    Ok(Some(Wanted { chat, message }))
}

fn parse(chat: &str, seq: &str) -> Result<(ChatId, u64)> {
    let missing = || AppError::NotFound { what: "message" };
    let chat = chat.parse().map_err(|_| missing())?;
    Ok((chat, seq.parse().map_err(|_| missing())?))
}

/// Shows the form. The words of the message are on it, so its entry is durable before.
pub(super) async fn ask(viewer: Viewer, app: Data<App>, cx: Cx) -> Result<Shown<AddPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let field = |name| query.get(name).unwrap_or_default();
    if field("chat").is_empty() {
        // Messages are chosen where they are read.
        return Ok(Shown::go_to("/archive"));
    }
    let (chat, seq) = parse(field("chat"), field("seq"))?;
    show(&viewer, &app, &cx, chat, seq, FormState::empty()).await
}

async fn show(
    viewer: &Viewer,
    app: &Data<App>,
    cx: &Cx,
    chat: ChatId,
    seq: u64,
    form: FormState,
) -> Result<Shown<AddPage>> {
    let is_refused = form.is_refused();
    let page = app.read(|r| page(app, r, viewer, cx, chat, seq, form))?;
    let Some(page) = page else {
        let open = ListQuery::new(&format!("/archive/{chat}/open"));
        let next = format!("/compliance/evidence/add?chat={chat}&seq={seq}");
        return Ok(Shown::go_to(open.with("next", next)));
    };
    let act = viewer
        .view("archive.view")
        .about("archive_chat", chat)
        .system_detail("seqs", seq.to_string());
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let r = w.read();
        let sight = queries::sight(&checking, &r, &asking)?;
        let found = archive::chat(&r, &sight, chat)?;
        let right = opening::right(&r, &asking, &sight, &found, w.now())?;
        right.map(drop).ok_or(AppError::NotFound { what: "chat" })
    })
    .await?;
    Ok(match is_refused {
        true => Shown::of(page).invalid(),
        false => Shown::of(page),
    })
}

fn page(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    chat: ChatId,
    seq: u64,
    form: FormState,
) -> Result<Option<AddPage>> {
    let sight = queries::sight(app, r, viewer)?;
    let Some(wanted) = wanted(r, viewer, &sight, cx, chat, seq)? else {
        return Ok(None);
    };
    let names = Names::new(r, &sight.sight, cx);
    let mut cases = Vec::new();
    for case in queries::cases(r, &sight)?.take(CASES) {
        let case = case?;
        if case.is_open() {
            cases.push(Choice {
                value: case.id.to_string(),
                label: case.title,
                count: None,
                is_on: cases.is_empty(),
            });
        }
    }
    cases.push(Choice {
        value: "new".to_owned(),
        label: cx.t("evidence.add.new_case").into_owned(),
        count: None,
        is_on: false,
    });
    let spans = Span::ALL.map(|span| Choice {
        value: span.code().to_owned(),
        label: cx.t(&format!("evidence.span.{}", span.code())).into_owned(),
        count: None,
        is_on: span == Span::This,
    });
    let Wanted { chat, message } = wanted;
    Ok(Some(AddPage {
        chat: chat.id.to_string(),
        title: names.title(&chat)?,
        seq: message.seq.to_string(),
        from: names.who(message.from)?.name.clone(),
        at: message.at,
        text: excerpt(cx, &message, ""),
        is_recalled: message.is_recalled,
        cases,
        spans: spans.to_vec(),
        form,
    }))
}

/// What the form posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    chat: String,
    seq: String,
    #[serde(default)]
    case: String,
    #[serde(default)]
    span: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    why: String,
}

/// Adds it, to a case that is there or to a new one.
pub(super) async fn add(
    viewer: Viewer,
    form: Form<Fields>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<AddPage>> {
    let (chat, seq) = parse(&form.values.chat, &form.values.seq)?;
    let added = keep(&viewer, &app, &form.values, chat, seq).await;
    match form.state.catch(added)? {
        Ok(case) => Ok(Shown::go_to(format!("{HERE}/{case}")).toast("evidence.added", ())),
        Err(state) => show(&viewer, &app, &cx, chat, seq, state).await,
    }
}

async fn keep(
    viewer: &Viewer,
    app: &Data<App>,
    fields: &Fields,
    chat: ChatId,
    seq: u64,
) -> Result<CaseId> {
    let span = Span::ALL.into_iter().find(|s| s.code() == fields.span);
    let span = span.ok_or_else(|| AppError::field("span", "form.required"))?;
    let known: Option<CaseId> = match fields.case.as_str() {
        "new" => None,
        id => {
            let parsed = id.parse();
            Some(parsed.map_err(|_| AppError::field("case", "evidence.add.no_case"))?)
        }
    };
    let made = CreateCase {
        title: fields.title.clone(),
        why: fields.why.clone(),
        context: CONTEXT,
    };
    let zone = app.zone();
    let (checking, by) = (app.clone(), viewer.clone());
    app.write(viewer.change("evidence.add"), move |w| {
        let (sight, found) = {
            let r = w.read();
            let sight = queries::sight(&checking, &r, &by)?;
            let found = archive::chat(&r, &sight, chat)?;
            (sight, found)
        };
        if opening::right(&w.read(), &by, &sight, &found, w.now())?.is_none() {
            return Err(AppError::NotFound { what: "chat" });
        }
        let case = match known {
            Some(case) => case,
            None => {
                let allowed = by.allow(w, made)?;
                evidence::create(w, allowed)?
            }
        };
        let command = AddItem {
            case,
            chat,
            seq,
            span,
            zone,
            sight,
        };
        let allowed = by.allow(w, command)?;
        evidence::add(w, allowed)?;
        Ok(case)
    })
    .await
}
