//! `/compliance/consents`: who has agreed to being archived, and who has not.

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::App,
    archive::{
        consent::{self, AskConsents},
        link,
        meant::meant,
        model::{Answer, Chat, Consent, Said, Towards},
        names::Names,
        queries::ArchiveSight,
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    sheet::SheetFormat,
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
/// Whoever takes customers out as files may take out this too, and whoever takes out the audit
/// trail: it is theirs to prove.
const EXPORTERS: [Permission; 2] = [Permission::CustomerExport, Permission::AuditExport];
/// Earlier words that a line shows.
const EARLIER_SHOWN: usize = 5;

/// Word and tone of an answer.
pub(super) fn answer(answer: Answer) -> (&'static str, &'static str) {
    let tone = match answer {
        Answer::Agreed | Answer::ByDefault => "ok",
        Answer::Refused => "bad",
        Answer::None => "warn",
        Answer::Unknown => "muted",
    };
    (consent::answer_word(answer), tone)
}

/// One person in one place.
struct Line {
    name: String,
    key: String,
    towards: String,
    answer: (&'static str, &'static str),
    at: Timestamp,
    heard: &'static str,
    /// What was so before, the newest first.
    earlier: Vec<(&'static str, Timestamp)>,
    href: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/consents.html", blocks = ["title", "list"])]
pub(in crate::archive) struct ConsentsPage {
    text: String,
    /// More people have such a name than can be looked for.
    is_common: bool,
    answer: String,
    tabs: Vec<Tab>,
    lines: Vec<Line>,
    pager: Pager,
    /// The last time WeCom was asked.
    job: Option<JobCard>,
    may_ask: bool,
    may_export: bool,
    /// Where a broadcast begins to those who are listed; none if that makes no sense.
    notice: Option<String>,
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
    let mut is_common = false;
    let found = match text.is_empty() {
        true => {
            let answer = asked.unwrap_or(Answer::ALL[0]);
            consent::lines(r, &sight, answer, &request)?
        }
        false => {
            let meant = meant(app, r, &sight, &text)?;
            is_common = meant.is_common;
            Page::of_whole(
                consent::of_parties(r, &sight, &meant.parties(r)?, asked)?,
                &request,
            )
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
    let may_notify = text.is_empty() && !lines.is_empty() && viewer.may(Permission::BroadcastSend);
    let notified = shown_answer.filter(|answer| may_notify && consent::may_be_asked(*answer));
    Ok(ConsentsPage {
        answer: shown_answer.map_or("", Answer::code).to_owned(),
        tabs,
        pager: Pager::of(&found, query, &name, &web.cursors),
        empty: empty(cx, &text, job.is_some()),
        job: job.filter(|_| may_ask).map(|job| JobCard::of(&job, cx)),
        may_ask,
        may_export: EXPORTERS.iter().any(|right| viewer.may(*right)),
        notice: notified.map(|answer| {
            let new = ListQuery::new("/broadcasts/new");
            new.with("notice", answer.code()).to_string()
        }),
        lines,
        text,
        is_common,
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
        heard: consent::heard_word(consent.heard),
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

/// Which format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive) struct ExportFields {
    #[serde(default)]
    format: String,
}

/// Takes the ledger out as a file.
pub(in crate::archive) async fn export(
    viewer: Viewer,
    app: Data<App>,
    cx: Cx,
    form: Form<ExportFields>,
) -> Result<HttpResponse> {
    let format = SheetFormat::of_code(&form.values.format);
    let format = format.ok_or(AppError::BadRequest { why: "field" })?;
    let right = EXPORTERS.into_iter().find(|right| viewer.may(*right));
    let right = right.unwrap_or(EXPORTERS[0]);
    app.read(|r| viewer.scope(r, right).map(drop))?;
    let (on, asking) = (app.clone(), viewer.clone());
    let made =
        tokio::task::spawn_blocking(move || consent::export::make(&on, &asking, &cx, format));
    let made = made.await.map_err(AppError::internal)??;
    let act = viewer
        .view("archive.consents_export")
        .system_detail("sha256", made.sha256)
        .system_detail("rows", made.rows.to_string());
    app.write(act, |_| Ok(())).await?;
    let name = format!("attachment; filename=\"consents.{}\"", format.extension());
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(("content-disposition", name))
        .body(made.bytes))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Heard;
    use crate::web::tests::{HOSTILE, check_page};

    fn line(n: usize) -> Line {
        let said = Answer::ALL[n % Answer::ALL.len()];
        Line {
            name: HOSTILE.to_owned(),
            key: "c1".to_owned(),
            towards: HOSTILE.to_owned(),
            answer: answer(said),
            at: Timestamp::from_ms(0),
            heard: consent::heard_word([Heard::Message, Heard::Asked, Heard::Event][n % 3]),
            earlier: vec![(answer(said).0, Timestamp::from_ms(0)); n % 3],
            href: n
                .is_multiple_of(2)
                .then(|| "/archive?customer=c1".to_owned()),
        }
    }

    #[test]
    fn the_ledger_renders_with_none_one_many_and_what_may_be_done() {
        for n in [0, 1, 6] {
            let page = check_page(&ConsentsPage {
                text: String::new(),
                is_common: n > 0,
                answer: "none".to_owned(),
                tabs: vec![Tab {
                    label: HOSTILE.to_owned(),
                    href: HERE.to_owned(),
                    count: Some(3),
                    is_current: true,
                }],
                lines: (0..n).map(line).collect(),
                pager: Pager {
                    from: None,
                    to: None,
                    total: 6,
                    total_exact: true,
                    rows: 6,
                    prev: None,
                    next: None,
                },
                job: None,
                may_ask: n > 0,
                may_export: n > 1,
                notice: (n > 1).then(|| "/broadcasts/new?notice=none".to_owned()),
                empty: Empty {
                    kind: EmptyKind::NothingMatches,
                    title: HOSTILE.to_owned(),
                    hint: HOSTILE.to_owned(),
                    action: None,
                    other: None,
                },
            });
            assert_eq!(page.contains("notice=none"), n > 1);
            assert_eq!(page.contains("/compliance/consents/export"), n > 1);
        }
    }
}
