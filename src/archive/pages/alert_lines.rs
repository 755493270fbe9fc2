//! One alert of the queue as the page shows it.

use std::collections::BTreeMap;

use crate::{
    archive::{
        model::{Chat, Place},
        names::Names,
        queries::{self, ArchiveSight},
        sensitive::{Alert, AlertState, Cause, Verdict, WordList, WordListId, queue},
    },
    error::Result,
    identity::{self, Viewer, queries::AccountView},
    kit::Timestamp,
    search::{Piece, highlight},
    store::{Read, StoreError},
    web::{Cx, parts::Choice},
};

use super::{
    hits::text_of,
    words::{behaviour, choice, severity},
};

/// Characters of a message that are shown.
const EXCERPT: usize = 120;

/// One alert.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) severity: (&'static str, &'static str),
    pub(super) list: String,
    pub(super) cause: String,
    pub(super) excerpt: Vec<Piece>,
    pub(super) from: String,
    pub(super) with: String,
    pub(super) sent_at: Timestamp,
    /// The conversation, if there is one to be opened.
    pub(super) href: Option<String>,
    pub(super) state: (&'static str, &'static str),
    pub(super) assignee: String,
    pub(super) is_mine: bool,
    /// Who else could deal with it.
    pub(super) others: Vec<Choice>,
    pub(super) closed: Option<(&'static str, String, String, Timestamp)>,
}

/// The accounts beside the viewer's that could deal with an alert and have not been given it.
pub(super) fn others(
    handlers: &[(AccountView, ArchiveSight)],
    viewer: &Viewer,
    alert: &Alert,
) -> Vec<Choice> {
    let handlers = handlers.iter().filter(|(account, sight)| {
        Some(account.id) != viewer.account_id()
            && !queue::is_given_to(alert, Some(account.id.cast()))
            && queue::sees(sight, alert)
    });
    handlers
        .map(|(account, _)| choice(account.id.to_string(), account.name.clone()))
        .collect()
}

/// Catalogue key and tone of where an alert stands.
pub(super) fn state(state: &AlertState) -> (&'static str, &'static str) {
    match state {
        AlertState::Open => ("sensitive.state.open", "bad"),
        AlertState::Assigned(_) => ("sensitive.state.assigned", "warn"),
        AlertState::Closed(..) => ("sensitive.state.closed", "muted"),
    }
}

/// The name of the list that looked.
pub(super) fn list_name(cx: &Cx, lists: &BTreeMap<WordListId, WordList>, alert: &Alert) -> String {
    match lists.get(&alert.list) {
        Some(list) => list.name.clone(),
        None => cx.t("sensitive.list_gone").into_owned(),
    }
}

/// The conversation of an alert's message; where there is no message, that of the two people.
fn chat_of(r: &Read<'_>, sight: &ArchiveSight, alert: &Alert) -> Result<Option<Chat>, StoreError> {
    match (alert.chat, alert.whom) {
        (Some(no), _) => r.get::<Chat>(&no),
        (None, Some(whom)) => queries::chat_between(r, sight, (alert.from, whom)),
        (None, None) => Ok(None),
    }
}

/// Whom somebody wrote to, or did it to: the other, or the room.
fn with(names: &Names<'_>, chat: Option<&Chat>, alert: &Alert) -> Result<String, StoreError> {
    if let Some(whom) = alert.whom {
        return Ok(names.who(whom)?.name.clone());
    }
    match chat {
        Some(chat) => match chat.place {
            Place::OneToOne(a, b) => {
                let other = if a == alert.from { b } else { a };
                Ok(names.who(other)?.name.clone())
            }
            _ => names.title(chat),
        },
        None => Ok(String::new()),
    }
}

/// What the message says, as far as it is there; of what was done without one, that there is none.
fn said(r: &Read<'_>, cx: &Cx, sight: &ArchiveSight, alert: &Alert) -> Result<String> {
    let (Some(chat), Some(seq)) = (alert.chat, alert.seq) else {
        return Ok(cx.t("sensitive.no_message").into_owned());
    };
    let message = queries::message(r, sight, chat, seq)?;
    Ok(message.as_ref().map(text_of).unwrap_or_default())
}

/// The line of an alert in sight.
pub(super) fn line(
    r: &Read<'_>,
    cx: &Cx,
    viewer: &Viewer,
    sight: &ArchiveSight,
    names: &Names<'_>,
    lists: &BTreeMap<WordListId, WordList>,
    alert: &Alert,
) -> Result<Line> {
    let text = said(r, cx, sight, alert)?;
    let (cause, words) = match &alert.cause {
        Cause::Words(words) if words.is_empty() => {
            (cx.t("sensitive.words_deleted").into_owned(), String::new())
        }
        Cause::Words(words) => (words.join("、"), words.join(" ")),
        Cause::Behaviour(b) => (cx.t(behaviour(*b)).into_owned(), String::new()),
    };
    let chat = chat_of(r, sight, alert)?;
    let account = |id: Option<crate::store::SubjectId>| match id {
        Some(id) => identity::queries::account_name(r, id.cast()).map(Option::unwrap_or_default),
        None => Ok(String::new()),
    };
    let (assignee, closed) = match &alert.state {
        AlertState::Open => (String::new(), None),
        AlertState::Assigned(to) => (account(Some(*to))?, None),
        AlertState::Closed(verdict, note, by, at) => {
            let word = match verdict {
                Verdict::Violation => "sensitive.verdict.violation",
                Verdict::Harmless => "sensitive.verdict.harmless",
            };
            (
                String::new(),
                Some((word, note.clone(), account(*by)?, *at)),
            )
        }
    };
    let own = viewer.account().map(|account| account.subject_id());
    Ok(Line {
        id: alert.id.to_string(),
        severity: severity(alert.severity),
        list: list_name(cx, lists, alert),
        cause,
        excerpt: highlight(&excerpt(&text, &words), &words),
        from: names.who(alert.from)?.name.clone(),
        with: with(names, chat.as_ref(), alert)?,
        sent_at: alert.sent_at,
        href: chat.map(|chat| match alert.seq {
            Some(seq) => format!("/archive/{}?at={seq}", chat.id),
            None => format!("/archive/{}", chat.id),
        }),
        state: state(&alert.state),
        is_mine: queue::is_given_to(alert, own),
        others: Vec::new(),
        assignee,
        closed,
    })
}

/// The part of a text around the first word.
fn excerpt(text: &str, words: &str) -> String {
    let folded = crate::search::fold(text);
    let first = words.split(' ').filter(|w| !w.is_empty());
    let at = first
        .filter_map(|word| folded.find(&crate::search::fold(word)))
        .min()
        .unwrap_or(0);
    let before = folded[..at].chars().count().saturating_sub(EXCERPT / 3);
    text.chars().skip(before).take(EXCERPT).collect()
}
