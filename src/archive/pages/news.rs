//! `/archive/{chat}/news`: how many messages have come behind what is on the screen. The end of a
//! conversation asks for it as long as it is looked at. It tells a number and nothing else, so it
//! leaves no entry; loading the messages does.

use actix_web::{
    Either, HttpResponse,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::App,
    archive::{
        model::{Chat, ChatId},
        opening,
        queries::{self, ArchiveSight},
    },
    error::{AppError, Result},
    identity::Viewer,
    store::Read,
    web::{Cx, ListQuery, Shown, View, filters},
};

use super::hits::address;

/// Messages that are counted.
const MOST: usize = 99;

/// The end of a conversation that is watched.
pub(super) struct Watch {
    /// Where it asks.
    pub(super) ask: String,
    /// What has come since, if anything has.
    pub(super) news: Option<News>,
}

/// Messages that have come.
pub(super) struct News {
    pub(super) n: usize,
    /// There are more.
    pub(super) more: bool,
    /// The way to them.
    pub(super) href: String,
}

impl Watch {
    /// Of a conversation that is shown up to `end`, under the conditions of `here`.
    pub(super) fn of(chat: &Chat, here: &ListQuery, end: u64) -> Self {
        Self {
            ask: ask(chat, here, (end, chat.last_seq, 0)),
            news: None,
        }
    }
}

/// The address that asks, under the conditions of the page: behind the last message shown, the
/// last of the conversation then, and how many are known to have come since.
fn ask(chat: &Chat, here: &ListQuery, (end, last, known): (u64, u64, usize)) -> String {
    let here = here.to_string();
    let conditions = here
        .split_once('?')
        .map_or("", |(_, conditions)| conditions);
    let ask = ListQuery::parse(&format!("/archive/{}/news", chat.id), conditions);
    ask.with("end", end)
        .with("last", last.max(end))
        .with("known", known)
        .to_string()
}

/// What the end of a conversation turns into.
#[derive(Template)]
#[template(path = "archive/chat_end.html")]
pub(in crate::archive) struct EndPart {
    /// The end, watched on; none if the reason has run out.
    watch: Option<Watch>,
    /// Where a reason is given again.
    again: String,
}

impl View for EndPart {
    fn page(&self, cx: &Cx) -> askama::Result<String> {
        self.render_with_values(cx)
    }
    fn title(&self, _: &Cx) -> askama::Result<String> {
        Ok(String::new())
    }
    fn block(&self, id: &str, cx: &Cx) -> Option<askama::Result<String>> {
        (id == "later").then(|| self.render_with_values(cx))
    }
}

/// Answers with the number if it is another one than is known, otherwise with nothing. Whoever
/// follows the address by hand gets the conversation.
pub(in crate::archive) async fn news(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Either<HttpResponse, Shown<EndPart>>> {
    let id: ChatId = id
        .parse()
        .map_err(|_| AppError::NotFound { what: "chat" })?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let number = |name| query.get(name).and_then(|n| n.parse::<u64>().ok());
    let (Some(end), Some(last), true) = (number("end"), number("last"), cx.is_fragment) else {
        return Ok(Either::Right(Shown::go_to(format!("/archive/{id}"))));
    };
    let known = number("known").unwrap_or(0);
    let part = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let chat = queries::chat(r, &sight, id)?;
        let right = opening::right(r, &viewer, &sight, &chat, cx.now)?;
        let again = format!("/archive/{id}");
        if right.is_none() {
            return Ok::<_, AppError>(Some(EndPart { watch: None, again }));
        }
        let watch = watch(r, &sight, &chat, &query, (end, last))?;
        let n = watch.news.as_ref().map_or(0, |news| news.n);
        let is_known = u64::try_from(n).is_ok_and(|n| n == known);
        Ok((!is_known).then_some(EndPart {
            watch: Some(watch),
            again,
        }))
    })?;
    Ok(match part {
        None => Either::Left(HttpResponse::NoContent().finish()),
        Some(part) => Either::Right(Shown::of(part)),
    })
}

fn watch(
    r: &Read<'_>,
    sight: &ArchiveSight,
    chat: &Chat,
    query: &ListQuery,
    (end, last): (u64, u64),
) -> Result<Watch> {
    let found = queries::count_after(r, sight, chat, last, MOST + 1)?;
    let n = found.min(MOST);
    let here = match query.get("at") {
        Some(at) => address(chat, query).with("at", at),
        None => address(chat, query),
    };
    let news = News {
        n,
        more: found > MOST,
        href: here.after(&end.to_string()).to_string(),
    };
    Ok(Watch {
        ask: ask(chat, &here, (end, last, n)),
        news: (n > 0).then_some(news),
    })
}
