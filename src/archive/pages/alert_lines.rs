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
    search::{Piece, fold, highlight},
    store::{Read, StoreError},
    web::{Cx, parts::Choice},
};

use super::{
    hits::text_of,
    words::{behaviour, choice, severity},
};

/// Characters of a message that are shown.
const EXCERPT: usize = 120;
/// Characters on either side of the word found that are shown of a message which is withheld.
const AROUND: usize = 15;

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

/// The part of the message that shows what was found, as far as it is there; of what was done
/// without one, that there is none. Where nobody has agreed that the conversation is read, it is
/// the word found with a little around it.
fn said(
    (r, cx): (&Read<'_>, &Cx),
    sight: &ArchiveSight,
    alert: &Alert,
    words: &str,
) -> Result<String> {
    let (Some(chat), Some(seq)) = (alert.chat, alert.seq) else {
        return Ok(cx.t("sensitive.no_message").into_owned());
    };
    let message = queries::message(r, &sight.clone().whole(), chat, seq)?;
    let text = message.as_ref().map(text_of).unwrap_or_default();
    if sight.reads(r, chat)? {
        return Ok(excerpt(&text, words));
    }
    Ok(around(&text, words).unwrap_or_else(|| cx.t("archive.withheld").into_owned()))
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
    let (cause, words) = match &alert.cause {
        Cause::Words(words) if words.is_empty() => {
            (cx.t("sensitive.words_deleted").into_owned(), String::new())
        }
        Cause::Words(words) => (words.join("、"), words.join(" ")),
        Cause::Behaviour(b) => (cx.t(behaviour(*b)).into_owned(), String::new()),
    };
    let shown = said((r, cx), sight, alert, &words)?;
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
        excerpt: highlight(&shown, &words),
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

/// Where the first word begins in a text, and how long it is, in characters.
fn first(text: &str, words: &str) -> Option<(usize, usize)> {
    let folded = fold(text);
    let words = words.split(' ').filter(|word| !word.is_empty());
    let found = words.filter_map(|word| Some((folded.find(&fold(word))?, word.chars().count())));
    let (at, length) = found.min()?;
    Some((folded[..at].chars().count(), length))
}

/// The part of a text around the first word.
fn excerpt(text: &str, words: &str) -> String {
    let at = first(text, words).map_or(0, |(at, _)| at);
    let before = at.saturating_sub(EXCERPT / 3);
    text.chars().skip(before).take(EXCERPT).collect()
}

/// The first word with a little around it; none if no word is there.
fn around(text: &str, words: &str) -> Option<String> {
    let (at, length) = first(text, words)?;
    let from = at.saturating_sub(AROUND);
    let to = at + length + AROUND;
    let within: String = text.chars().skip(from).take(to - from).collect();
    let cut = |is_cut| if is_cut { "…" } else { "" };
    let (before, behind) = (cut(from > 0), cut(text.chars().count() > to));
    Some(format!("{before}{within}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_withheld_shows_the_word_with_a_little_around_it() {
        let text = format!("{}转我微信{}微信", "前".repeat(40), "后".repeat(40));
        let shown = format!("…{}转我微信{}…", "前".repeat(15), "后".repeat(15));
        assert_eq!(around(&text, "微信 轉我微信"), Some(shown));
        assert_eq!(
            around("好，转我微信", "转我微信").as_deref(),
            Some("好，转我微信")
        );
        assert_eq!(around(&text, "红包"), None);
        assert_eq!(around(&text, ""), None);
        assert_eq!(excerpt(&text, "转我微信").chars().count(), 86);
    }
}
