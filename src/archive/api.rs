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
    model::{Locked, Parked},
    names::Names,
    pages::{act_of, act_of_numbers, kinds_of},
    parked,
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
    /// WeCom's name of a type (`image`, `revoke`, `vote`, …), or a group as the page has them,
    /// e.g. `text`, which is Markdown too.
    #[serde(default, rename = "type")]
    kind: String,
    /// Only messages with a mark: `recalled`; `sensitive` (there is an alert about it), which
    /// needs the permission to handle alerts; or `undecrypted` (nobody can read it yet), which
    /// needs a scope of the whole firm, since nobody knows whose it is. Of these, `from` and `to`
    /// are about the time at which they came, and other conditions are refused.
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
    /// Id of the conversation; like all that is in a message null while nobody can read it.
    conversation_id: Option<String>,
    /// When it was sent, milliseconds since 1970.
    sent_at: Option<Timestamp>,
    /// Who wrote it.
    from: Option<Sender>,
    /// WeCom's name of the type.
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    /// What of it is text; empty for pictures and the like, and for what is gone or withheld.
    text: String,
    /// Whether it was recalled later.
    recalled: bool,
    /// `here`, `erased` with its person, `deleted` by a rule of the firm, `withheld` until a
    /// second person agrees that this account reads the conversation, or `undecrypted`.
    state: &'static str,
    /// What is known of a message that nobody can read yet; null for others.
    undecrypted: Option<Undecrypted>,
}

/// What is known of a message that nobody can read yet.
#[derive(Serialize, schemars::JsonSchema)]
struct Undecrypted {
    /// WeCom's id of it.
    msgid: String,
    /// When it came, milliseconds since 1970.
    received_at: Timestamp,
    /// When it was last tried.
    tried_at: Timestamp,
    /// Version of the public key it is sealed with.
    key_version: u32,
    /// `no_key` (the private key of this version is not here), `wrong_key` (it does not fit),
    /// `damaged` (the library could not open it, or what came out is no message), or `untried`
    /// (others that came with it made the library fail; it is tried later).
    why: &'static str,
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
        if asked.undecrypted {
            let found = parked::page(r, &sight, &asked, &paging.request)?;
            let numbers = found.items.iter().map(|row| row.seq);
            let act = act_of_numbers(&viewer, &asked, &bound, numbers);
            return Ok((found.map(locked_item), act));
        }
        let found = find::messages(
            &app,
            r,
            &sight,
            asked.query(&app, r, &sight)?,
            &paging.request,
        )?;
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
    let (item, asked, act) = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let act = viewer.view("archive.view");
        let (item, act) = match queries::message_by_seq(r, &sight, seq)? {
            Some(message) => {
                let item = item(r, &sight, &cx, &message)?;
                let chat = item.conversation_id.clone().unwrap_or_default();
                (item, act.about("archive_chat", chat))
            }
            None => {
                let parked = parked::one(r, &sight, seq)?.ok_or_else(missing)?;
                (locked_item(parked), act)
            }
        };
        // The rights that are asked again in the write.
        let asked = Asked {
            undecrypted: item.undecrypted.is_some(),
            ..Asked::default()
        };
        Ok::<_, AppError>((item, asked, act.system_detail("seqs", seq.to_string())))
    })?;
    let asking = viewer.clone();
    app.write(act, move |w| asked.still_may(&w.read(), &asking))
        .await?;
    Ok(Json(item))
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
    let flag = query.flag.as_str();
    if !["", "recalled", "sensitive", "undecrypted"].contains(&flag) {
        return Err(odd());
    }
    let others = [
        &query.q,
        &query.staff,
        &query.department,
        &query.customer,
        &query.conversation,
        &query.kind,
    ];
    if flag == "undecrypted" && others.iter().any(|value| !value.is_empty()) {
        return Err(AppError::BadRequest {
            why: "undecrypted_alone",
        });
    }
    Ok(Asked {
        text: query.q.trim().to_owned(),
        staff: id(&query.staff)?.map(SubjectId::cast),
        department,
        customer: id(&query.customer)?.map(SubjectId::cast),
        chat,
        kinds,
        from: time(&query.from, 0)?,
        to: time(&query.to, 1)?,
        recalled: flag == "recalled",
        alerted: flag == "sensitive",
        undecrypted: flag == "undecrypted",
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
        conversation_id: Some(chat.id.to_string()),
        sent_at: Some(message.at),
        from: Some(Sender {
            name: who.name.clone(),
            member: who.member.map(|id| id.to_string()),
            customer: who.customer.map(|id| id.to_string()),
            outside: who.kind.is_some_and(|kind| kind.is_outside()),
        }),
        kind: Some(message.kind.code()),
        text: message.text_to_index(),
        recalled: message.is_recalled,
        state: match message.content {
            Content::Erased => "erased",
            Content::Deleted => "deleted",
            Content::Withheld => "withheld",
            Content::Text(_) | Content::Rest(_) => "here",
        },
        undecrypted: None,
    })
}

fn locked_item(parked: Parked) -> MessageItem {
    MessageItem {
        id: parked.seq.to_string(),
        conversation_id: None,
        sent_at: None,
        from: None,
        kind: None,
        text: String::new(),
        recalled: false,
        state: "undecrypted",
        undecrypted: Some(Undecrypted {
            msgid: parked.msgid,
            received_at: parked.at,
            tried_at: parked.tried_at,
            key_version: parked.key_version,
            why: match parked.why {
                Locked::NoKey => "no_key",
                Locked::WrongKey => "wrong_key",
                Locked::Damaged => "damaged",
                Locked::Untried => "untried",
            },
        }),
    }
}
