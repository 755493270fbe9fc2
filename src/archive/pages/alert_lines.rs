//! One alert of the queue as the page shows it.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    archive::{
        model::{Chat, Place},
        names::Names,
        queries::{self, ArchiveSight},
        sensitive::{self, Alert, AlertState, Cause, Verdict, WordList, WordListId, queue},
    },
    error::Result,
    identity::{self, Viewer, queries::AccountView},
    kit::Timestamp,
    search::{Piece, mark_places},
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
    words: &[String],
) -> Result<Vec<Piece>> {
    let plain = |word: &str| mark_places(&cx.t(word), &[]);
    let (Some(chat), Some(seq)) = (alert.chat, alert.seq) else {
        return Ok(plain("sensitive.no_message"));
    };
    let message = queries::message(r, &sight.clone().whole(), chat, seq)?;
    let text = message.as_ref().map(text_of).unwrap_or_default();
    if sight.reads(r, chat)? {
        return Ok(excerpt(&text, words));
    }
    Ok(around(&text, words).unwrap_or_else(|| plain("archive.withheld")))
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
    let (cause, words): (_, &[String]) = match &alert.cause {
        Cause::Words(words) if words.is_empty() => {
            (cx.t("sensitive.words_deleted").into_owned(), words)
        }
        Cause::Words(words) => (words.join("、"), words),
        Cause::Behaviour(b) => (cx.t(behaviour(*b)).into_owned(), &[]),
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
        excerpt: said((r, cx), sight, alert, words)?,
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

/// Where words stand in a text, in order, also where they are written apart.
fn found(text: &str, words: &[String]) -> Vec<Range<usize>> {
    sensitive::found_in(text, words.iter().map(String::as_str))
}

/// A stretch of a text with the places in it that are marked.
fn cut(text: &str, stretch: Range<usize>, places: &[Range<usize>]) -> Vec<Piece> {
    let within = text.chars().skip(stretch.start).take(stretch.len());
    let moved = |at: usize| at.saturating_sub(stretch.start);
    let places = places
        .iter()
        .map(|place| moved(place.start)..moved(place.end));
    mark_places(&within.collect::<String>(), &places.collect::<Vec<_>>())
}

/// The part of a text around the first word.
fn excerpt(text: &str, words: &[String]) -> Vec<Piece> {
    let places = found(text, words);
    let at = places.first().map_or(0, |place| place.start);
    let before = at.saturating_sub(EXCERPT / 3);
    cut(text, before..before + EXCERPT, &places)
}

/// The first word with a little around it; none if no word is there.
fn around(text: &str, words: &[String]) -> Option<Vec<Piece>> {
    let places = found(text, words);
    let first = places.first()?;
    let (from, to) = (first.start.saturating_sub(AROUND), first.end + AROUND);
    let mut shown = cut(text, from..to, &places);
    let more = || Piece {
        text: "…".to_owned(),
        marked: false,
    };
    if from > 0 {
        shown.insert(0, more());
    }
    if text.chars().count() > to {
        shown.push(more());
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn plain(pieces: Vec<Piece>) -> String {
        let piece = |p: Piece| match p.marked {
            true => format!("[{}]", p.text),
            false => p.text,
        };
        pieces.into_iter().map(piece).collect()
    }

    #[test]
    fn a_message_that_is_withheld_shows_the_word_with_a_little_around_it() {
        let text = format!("{}转我微信{}微信", "前".repeat(40), "后".repeat(40));
        let around = |text: &str, list: &[&str]| around(text, &words(list)).map(plain);
        let shown = format!("…{}[转我微信]{}…", "前".repeat(15), "后".repeat(15));
        assert_eq!(around(&text, &["微信", "轉我微信"]), Some(shown));
        let whole = around("好，转我微信", &["转我微信"]);
        assert_eq!(whole.as_deref(), Some("好，[转我微信]"));
        assert_eq!(around(&text, &["红包"]), None);
        assert_eq!(around(&text, &[]), None);
        let shown = excerpt(&text, &words(&["转我微信"])).into_iter();
        assert_eq!(shown.map(|p| p.text.chars().count()).sum::<usize>(), 86);
    }

    #[test]
    fn a_word_that_is_written_apart_is_shown_where_it_stands() {
        let text = format!("{}免 费.送{}", "前".repeat(60), "后".repeat(60));
        let list = words(&["免费送"]);
        let shown = around(&text, &list).map(plain);
        let (before, behind) = ("前".repeat(15), "后".repeat(15));
        assert_eq!(shown, Some(format!("…{before}[免 费.送]{behind}…")));
        let shown = plain(excerpt(&text, &list));
        assert!(
            shown.starts_with(&format!("{}[免 费.送]后", "前".repeat(40))),
            "{shown}"
        );
        // However far it is written apart.
        let far = format!("免{}费送", " ".repeat(200));
        let shown = plain(excerpt(&far, &list));
        assert_eq!(shown.chars().count(), EXCERPT + 2);
        // A word with a blank in it is one word.
        assert_eq!(
            plain(excerpt("say no, no way", &words(&["no way"]))),
            "say no, [no way]"
        );
    }
}
