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
    store::{Act, Read, SubjectId},
    web::{Cx, ListQuery, Web},
};

use super::{
    Content,
    find::{self, Asked},
    model::{Chat, Locked, Parked},
    names::Names,
    opening::{self, Right, Whole},
    pages::{SHOWN_CHARS, act_of, act_of_numbers, excerpt, kinds_of},
    parked,
    queries::{self, ArchiveSight, Message},
};

/// The routes, with their descriptions.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::get;
    let read = Access::Needs(Permission::ArchiveRead);
    let list_of = ApiOperation::json::<MessageQuery, List<MessageItem>>(
        "listMessages",
        "Archived messages in scope, the newest first. With a person's session, one conversation \
         of others is listed once it was opened with a reason, and what else is found in those is \
         shortened as in the search; to an API token its grant is the reason.",
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
    /// Id of a conversation, e.g. a group's: `conversation_id` of a message. A person's session
    /// gets a conversation of others only while it is open to the person for a reason
    /// (`403 forbidden.reason` otherwise).
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
    /// What it says: words that people wrote first, then whatever else stands in it (amounts,
    /// addresses, times, …), a line each under WeCom's name of the field, parts of a message
    /// further in. Empty for pictures, and for what is gone or withheld.
    text: String,
    /// Whether `text` is only an excerpt: the message is in a conversation of others that the
    /// person at the session has not opened with a reason.
    shortened: bool,
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
    let paging = Paging::of(&web.cursors, &viewer, bound.clone(), cursor, query.limit)?;
    let (found, act) = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        if asked.undecrypted {
            let found = parked::page(r, &sight, &asked, &paging.request)?;
            let numbers = found.items.iter().map(|row| row.seq);
            let act = act_of_numbers(&viewer, &asked, &bound, numbers);
            return Ok((found.map(locked_item), act));
        }
        let whole = Whole::of(r, &viewer, cx.now)?;
        let chat = chat_asked_for(r, &sight, &asked)?;
        if let Some(chat) = &chat {
            whole.must_have(&sight, chat)?;
        }
        let question = asked.query(&app, r, &sight)?;
        let found = find::messages(&app, r, &sight, question, &paging.request)?;
        let act = match &chat {
            Some(chat) => {
                let right = opening::right(r, &viewer, &sight, chat, cx.now)?;
                reading(&viewer, &asked, (chat, right), &found.items)
            }
            None => act_of(&viewer, &asked, &bound, &found.items),
        };
        let teller = Teller {
            r,
            cx: &cx,
            sight: &sight,
            whole: &whole,
            typed: &asked.text,
        };
        let items = found.try_map(|message| teller.item(&message))?;
        Ok::<_, AppError>((items, act))
    })?;
    let (asking, checking) = (viewer.clone(), app.clone());
    app.write(act, move |w| {
        let r = w.read();
        asked.still_may(&r, &asking)?;
        if asked.chat.is_none() {
            return Ok(());
        }
        let sight = ArchiveSight::of(&checking, &r, &asking)?;
        match chat_asked_for(&r, &sight, &asked)? {
            Some(chat) => Whole::of(&r, &asking, w.now())?.must_have(&sight, &chat),
            None => Ok(()),
        }
    })
    .await?;
    Ok(Json(paging.answer(found)))
}

/// The one conversation that is asked for, if it is in scope.
fn chat_asked_for(r: &Read<'_>, sight: &ArchiveSight, asked: &Asked) -> Result<Option<Chat>> {
    let Some(id) = asked.chat else {
        return Ok(None);
    };
    Ok(queries::chat_by_id(r, id)?.filter(|chat| sight.sees(chat)))
}

/// The entry of whoever lists one conversation: it is read, as on its page.
fn reading(
    viewer: &Viewer,
    asked: &Asked,
    (chat, right): (&Chat, Option<Right>),
    shown: &[Message],
) -> Act {
    let seqs: Vec<String> = shown.iter().map(|m| m.seq.to_string()).collect();
    let mut act = viewer
        .view("archive.view")
        .about("archive_chat", chat.id)
        .system_detail("seqs", seqs.join(" "));
    if !asked.text.is_empty() {
        act = act.detail("query", asked.text.as_str());
    }
    match right {
        Some(Right::Opened(opening)) => act.detail("reason", opening.reason.as_str()),
        Some(Right::Own) | None => act,
    }
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
                let teller = Teller {
                    r,
                    cx: &cx,
                    sight: &sight,
                    whole: &Whole::of(r, &viewer, cx.now)?,
                    typed: "",
                };
                let item = teller.item(&message)?;
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

/// Tells messages to one viewer.
struct Teller<'a> {
    r: &'a Read<'a>,
    cx: &'a Cx,
    sight: &'a ArchiveSight,
    whole: &'a Whole,
    /// What was searched for.
    typed: &'a str,
}

impl Teller<'_> {
    fn item(&self, message: &Message) -> Result<MessageItem> {
        let missing = || AppError::NotFound { what: "message" };
        let chat = queries::chat_by_no(self.r, self.sight, message.chat)?;
        let chat = chat.ok_or_else(missing)?;
        let names = Names::new(self.r, &self.sight.sight, self.cx);
        let who = names.who(message.from)?;
        let (text, shortened) = self.text(&chat, message);
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
            text,
            shortened,
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

    /// What a message says, and whether that is only the part which a search shows.
    fn text(&self, chat: &Chat, message: &Message) -> (String, bool) {
        let text = message.plain();
        let is_long = text.chars().count() > SHOWN_CHARS;
        if !is_long || self.whole.has(self.sight, chat) {
            return (text, false);
        }
        let shown = excerpt(self.cx, message, self.typed).into_iter();
        (shown.map(|piece| piece.text).collect(), true)
    }
}

fn locked_item(parked: Parked) -> MessageItem {
    MessageItem {
        id: parked.seq.to_string(),
        conversation_id: None,
        sent_at: None,
        from: None,
        kind: None,
        text: String::new(),
        shortened: false,
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
