//! Archived messages as JSON: the same search as the pages.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, NoQuery, Paging},
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    slice::{Access, ApiOperation, Route},
    store::{Read, SubjectId},
    web::{Cx, ListQuery, Web},
};

use super::{
    Content,
    find::{self, Asked},
    names::Names,
    pages::{act_of, kinds_of},
    queries::{self, ArchiveSight, Message},
};

/// The routes, with their descriptions.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::get;
    let read = Access::Needs(Permission::ArchiveRead);
    let list_of = ApiOperation::json::<MessageQuery, List<MessageItem>>(
        "listMessages",
        "Archived messages in scope, the newest first.",
    );
    let one_of = ApiOperation::json::<NoQuery, MessageItem>("getMessage", "One message in scope.");
    vec![
        Route::get("/api/v1/messages", read, || get().to(list)).documented(list_of),
        Route::get("/api/v1/messages/{id}", read, || get().to(one)).documented(one_of),
    ]
}

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct MessageQuery {
    /// Words: each in the text, or the name or pinyin of somebody who took part.
    #[serde(default)]
    q: String,
    /// Id of a member who took part.
    #[serde(default)]
    staff: String,
    /// WeCom's number of a department: somebody in it or below took part.
    #[serde(default)]
    department: String,
    /// Id of a customer who took part.
    #[serde(default)]
    customer: String,
    /// Id of a conversation, e.g. a group's: `conversation_id` of a message.
    #[serde(default)]
    conversation: String,
    /// Sent at or after: a day of the firm's, e.g. `2026-11-01`, or milliseconds since 1970.
    #[serde(default)]
    from: String,
    /// Sent on or before this day, or before these milliseconds since 1970.
    #[serde(default)]
    to: String,
    /// WeCom's name of a type (`text`, `image`, `revoke`, …).
    #[serde(default, rename = "type")]
    kind: String,
    /// Only messages with a mark: `recalled`, or `sensitive` (there is an alert about it), which
    /// needs the permission to handle alerts.
    #[serde(default)]
    flag: String,
    /// Messages wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A message.
#[derive(Serialize, schemars::JsonSchema)]
struct MessageItem {
    /// Id: WeCom's number of the message.
    id: String,
    /// Id of the conversation.
    conversation_id: String,
    /// When it was sent, milliseconds since 1970.
    sent_at: Timestamp,
    /// Who wrote it.
    from: Sender,
    /// WeCom's name of the type.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What of it is text; empty for pictures and the like, and for what is gone or withheld.
    text: String,
    /// Whether it was recalled later.
    recalled: bool,
    /// `here`, `erased` with its person, `deleted` by a rule of the firm, or `withheld` until a
    /// second person agrees that this account reads the conversation.
    state: &'static str,
}

/// Who wrote a message.
#[derive(Serialize, schemars::JsonSchema)]
struct Sender {
    /// Name as people read it.
    name: String,
    /// Id of the member, if of the firm.
    member: Option<String>,
    /// Id of the customer, if known.
    customer: Option<String>,
    /// Whether from outside.
    outside: bool,
}

async fn list(
    viewer: Viewer,
    query: Query<MessageQuery>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Json<List<MessageItem>>> {
    let query = query.into_inner();
    // The cursor is bound to the conditions, as on the page.
    let bound = ListQuery::new("/api/v1/messages")
        .with("q", &query.q)
        .with("staff", &query.staff)
        .with("department", &query.department)
        .with("customer", &query.customer)
        .with("conversation", &query.conversation)
        .with("from", &query.from)
        .with("to", &query.to)
        .with("type", &query.kind)
        .with("flag", &query.flag);
    let asked = asked(&query, &cx)?;
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound.clone(), cursor, query.limit);
    let (found, act) = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let found = find::messages(&app, r, &sight, &asked, &paging.request)?;
        let act = act_of(&viewer, &asked, &bound, &found.items);
        let items = found.try_map(|message| item(r, &sight, &cx, &message))?;
        Ok::<_, AppError>((items, act))
    })?;
    let asking = viewer.clone();
    app.write(act, move |w| asked.still_may(&w.read(), &asking))
        .await?;
    Ok(Json(paging.answer(found)))
}

async fn one(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Json<MessageItem>> {
    let missing = || AppError::NotFound { what: "message" };
    let seq: u64 = id.parse().map_err(|_| missing())?;
    let (item, act) = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let message = queries::message_by_seq(r, &sight, seq)?.ok_or_else(missing)?;
        let item = item(r, &sight, &cx, &message)?;
        let act = viewer
            .view("archive.view")
            .about("archive_chat", &item.conversation_id);
        Ok::<_, AppError>((item, act.system_detail("seqs", seq.to_string())))
    })?;
    write(&app, &viewer, act).await?;
    Ok(Json(item))
}

/// Makes the entry durable, if the right is still there.
async fn write(app: &App, viewer: &Viewer, act: crate::store::Act) -> Result<()> {
    let asking = viewer.clone();
    app.write(act, move |w| {
        asking.scope(&w.read(), Permission::ArchiveRead).map(drop)
    })
    .await
}

fn asked(query: &MessageQuery, cx: &Cx) -> Result<Asked> {
    let odd = || AppError::BadRequest { why: "field_type" };
    let kinds = kinds_of(&query.kind);
    if !query.kind.is_empty() && kinds.is_empty() {
        return Err(odd());
    }
    let time = |text: &str, days: i64| match text {
        "" => Ok(None),
        text => moment(text, days, cx).map(Some).ok_or_else(odd),
    };
    let id = |text: &str| match text {
        "" => Ok(None),
        text => text.parse::<SubjectId>().map(Some).map_err(|_| odd()),
    };
    let chat = match query.conversation.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| odd())?),
    };
    let department = match query.department.as_str() {
        "" => None,
        number => Some(number.parse().map_err(|_| odd())?),
    };
    let (recalled, alerted) = match query.flag.as_str() {
        "" => (false, false),
        "recalled" => (true, false),
        "sensitive" => (false, true),
        _ => return Err(odd()),
    };
    Ok(Asked {
        text: query.q.trim().to_owned(),
        staff: id(&query.staff)?.map(SubjectId::cast),
        department,
        customer: id(&query.customer)?.map(SubjectId::cast),
        chat,
        kinds,
        from: time(&query.from, 0)?,
        to: time(&query.to, 1)?,
        recalled,
        alerted,
        ..Asked::default()
    })
}

/// A day, so many days later, when it begins; or milliseconds.
fn moment(text: &str, days: i64, cx: &Cx) -> Option<Timestamp> {
    if let Ok(ms) = text.parse::<i64>() {
        return Some(Timestamp::from_ms(ms));
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    let day = day.checked_add(jiff::Span::new().days(days)).ok()?;
    let begin = day.to_zoned(cx.zone.clone()).ok()?;
    Some(Timestamp::from_ms(begin.timestamp().as_millisecond()))
}

fn item(r: &Read<'_>, sight: &ArchiveSight, cx: &Cx, message: &Message) -> Result<MessageItem> {
    let missing = || AppError::NotFound { what: "message" };
    let chat = queries::chat_by_no(r, sight, message.chat)?.ok_or_else(missing)?;
    let names = Names::new(r, &sight.sight, cx);
    let who = names.who(message.from)?;
    Ok(MessageItem {
        id: message.seq.to_string(),
        conversation_id: chat.id.to_string(),
        sent_at: message.at,
        from: Sender {
            name: who.name.clone(),
            member: who.member.map(|id| id.to_string()),
            customer: who.customer.map(|id| id.to_string()),
            outside: who.kind.is_some_and(|kind| kind.is_outside()),
        },
        kind: message.kind.code(),
        text: message.text_to_index(),
        recalled: message.is_recalled,
        state: match message.content {
            Content::Erased => "erased",
            Content::Deleted => "deleted",
            Content::Withheld => "withheld",
            Content::Text(_) | Content::Rest(_) => "here",
        },
    })
}
