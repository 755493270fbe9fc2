//! `/compliance/consents`: who has agreed to being archived, and who has not.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    archive::{
        consent::{self, AskConsents},
        find, link,
        model::{Answer, Chat, Consent, Said, Towards},
        names::Names,
        queries::ArchiveSight,
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    store::Read,
    view,
    web::{
        Cx, Form, ListQuery, Shown, Web, filters,
        parts::{Empty, EmptyKind, Link, Pager, Tab},
    },
    work::{
        jobs,
        pages::{JobCard, Nothing},
    },
};

/// The page's address.
pub(super) const HERE: &str = "/compliance/consents";
/// Earlier words that a line shows.
const EARLIER_SHOWN: usize = 5;

/// Word and tone of an answer.
pub(super) fn answer(answer: Answer) -> (&'static str, &'static str) {
    match answer {
        Answer::Agreed => ("archive.consent.agreed", "ok"),
        Answer::Refused => ("archive.consent.refused", "bad"),
        Answer::ByDefault => ("archive.consent.by_default", "ok"),
        Answer::None => ("archive.consent.unanswered", "warn"),
        Answer::Unknown => ("archive.consent.unknown", "muted"),
    }
}

/// One person in one place.
struct Line {
    name: String,
    key: String,
    towards: String,
    answer: (&'static str, &'static str),
    at: Timestamp,
    was_asked: bool,
    /// What was so before, the newest first.
    earlier: Vec<(&'static str, Timestamp)>,
    href: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/consents.html", blocks = ["title", "list"])]
pub(in crate::archive) struct ConsentsPage {
    text: String,
    answer: String,
    tabs: Vec<Tab>,
    lines: Vec<Line>,
    pager: Pager,
    /// The last time WeCom was asked.
    job: Option<JobCard>,
    may_ask: bool,
    empty: Empty,
}
view!(ConsentsPage, "list" => as_list);

/// Shows where people stand. Names are on it; its entry joins the next batch.
pub(in crate::archive) async fn index(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<ConsentsPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let page = app.read(|r| page(&app, &web, r, &viewer, &cx, &query))?;
    let mut act = viewer.view("archive.consents_list");
    if let Some(text) = query.get("q") {
        act = act.detail("query", text);
    }
    app.note(act).await?;
    Ok(Shown::of(page))
}

fn page(
    app: &App,
    web: &Web,
    r: &Read<'_>,
    viewer: &Viewer,
    cx: &Cx,
    query: &ListQuery,
) -> Result<ConsentsPage> {
    let sight = ArchiveSight::of(app, r, viewer)?;
    let names = Names::new(r, &sight.sight, cx);
    let text = query.get("q").unwrap_or("").trim().to_owned();
    let asked = query.get("answer").and_then(Answer::of_code);
    let name = viewer.name_for_binding();
    let request = web.cursors.page_request(&name, query);
    let found = match text.is_empty() {
        true => {
            let answer = asked.unwrap_or(Answer::ALL[0]);
            consent::lines(r, &sight, answer, &request)?
        }
        false => {
            let parties = find::meant(app, r, &sight, &text)?;
            Page::of_whole(consent::of_parties(r, &sight, &parties, asked)?, &request)
        }
    };
    let shown_answer = match text.is_empty() {
        true => Some(asked.unwrap_or(Answer::ALL[0])),
        false => asked,
    };
    let mut tabs = Vec::new();
    for answer in Answer::ALL {
        let (n, is_exact) = consent::count(r, &sight, answer)?;
        tabs.push(Tab {
            label: cx.t(self::answer(answer).0).into_owned(),
            href: query.only(&["q"]).with("answer", answer.code()).to_string(),
            count: Some(n).filter(|_| is_exact),
            is_current: shown_answer == Some(answer),
        });
    }
    let lines = found.items.iter().map(|consent| line(r, &names, consent));
    let lines = lines.collect::<Result<Vec<_>>>()?;
    let scope = viewer.scope(r, Permission::ArchiveRead)?;
    let job = jobs::latest(r, consent::KIND)?;
    let may_ask = scope.is_everything() && link::in_use(app)?.is_some();
    Ok(ConsentsPage {
        answer: shown_answer.map_or("", Answer::code).to_owned(),
        tabs,
        pager: Pager::of(&found, query, &name, &web.cursors),
        empty: empty(cx, &text, job.is_some()),
        job: job.filter(|_| may_ask).map(|job| JobCard::of(&job, cx)),
        may_ask,
        lines,
        text,
    })
}

fn line(r: &Read<'_>, names: &Names<'_>, consent: &Consent) -> Result<Line> {
    let who = names.who(consent.party)?;
    let towards = match consent.towards {
        Towards::Member(no) => names.who(no)?.name.clone(),
        Towards::Room(no) => match r.get::<Chat>(&no)? {
            Some(chat) => names.title(&chat)?,
            None => String::new(),
        },
    };
    let earlier = consent.earlier.iter().rev().take(EARLIER_SHOWN);
    Ok(Line {
        name: who.name.clone(),
        key: who.key.clone(),
        towards,
        answer: answer(consent.answer),
        at: consent.at,
        was_asked: consent::was_asked(consent),
        earlier: earlier
            .map(
                |Said {
                     answer: said, at, ..
                 }| (answer(*said).0, *at),
            )
            .collect(),
        href: who
            .customer
            .map(|id| ListQuery::new("/archive").with("customer", id).to_string()),
    })
}

fn empty(cx: &Cx, text: &str, was_asked: bool) -> Empty {
    let word = match (text.is_empty(), was_asked) {
        (false, _) => "consents.no_match",
        (true, true) => "consents.nobody",
        (true, false) => "consents.not_asked",
    };
    Empty {
        kind: match (text.is_empty(), was_asked) {
            (true, false) => EmptyKind::NothingYet,
            _ => EmptyKind::NothingMatches,
        },
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: (!text.is_empty()).then(|| Link {
            label: cx.t("list.clear_all").into_owned(),
            href: HERE.to_owned(),
        }),
        other: None,
    }
}

/// Asks WeCom now.
pub(in crate::archive) async fn ask(
    viewer: Viewer,
    app: Data<App>,
    _form: Form<Nothing>,
) -> Result<Shown<ConsentsPage>> {
    if link::in_use(&app)?.is_none() {
        return Err(AppError::Conflict { why: "archive_off" });
    }
    let act = viewer.view("archive.consents_ask");
    app.write(act, move |w| {
        let allowed = viewer.allow(w, AskConsents)?;
        consent::ask_soon(w, &allowed).map(drop)
    })
    .await?;
    app.jobs.notify_one();
    Ok(Shown::go_to(HERE).toast("consents.asking", ()))
}
