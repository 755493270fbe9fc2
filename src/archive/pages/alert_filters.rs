//! The conditions of the queue of alerts: state, severity, list, behaviour, department; and
//! the conversation or message from which somebody came.

use crate::{
    app::App,
    archive::{
        model::{Chat, ChatId},
        names::Names,
        queries::{self, ArchiveSight},
        sensitive::{
            AlertId, Behaviour, Severity, WordList,
            queue::{self, Asked, Counts, Part},
        },
    },
    error::Result,
    identity::{Permission, Viewer},
    store::Read,
    web::{
        Cx, ListQuery, format,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Tab},
    },
};

use super::{
    alerts::HERE,
    words::{behaviour, choice, severity, units},
};

/// The conditions beside the state.
const NARROWS: [&str; 6] = ["severity", "list", "behaviour", "unit", CHAT, MESSAGE];
/// Only about a conversation, by its id.
const CHAT: &str = "chat";
/// Only about a message of that conversation, by its number.
const MESSAGE: &str = "message";

/// The queue narrowed to a conversation.
pub(super) fn of_chat(chat: ChatId) -> ListQuery {
    ListQuery::new(HERE).with(CHAT, chat)
}

/// The queue narrowed to a message of a conversation.
pub(super) fn of_message(chat: ChatId, seq: u64) -> ListQuery {
    of_chat(chat).with(MESSAGE, seq)
}

/// The same queue among what is judged.
pub(super) fn closed(query: &ListQuery) -> ListQuery {
    query.with("state", "closed")
}

/// The conversation an address names, if it is in sight, and the message.
pub(super) struct Named {
    chat: Option<Chat>,
    seq: Option<u64>,
}

impl Named {
    /// What the address names; nothing where it names no conversation.
    pub(super) fn of(
        r: &Read<'_>,
        sight: &ArchiveSight,
        query: &ListQuery,
    ) -> Result<Option<Self>> {
        let Some(id) = query.get(CHAT) else {
            return Ok(None);
        };
        let chat = match id.parse::<ChatId>() {
            Ok(id) => queries::chat_by_id(r, id)?.filter(|chat| sight.sees(chat)),
            Err(_) => None,
        };
        let seq = query.get(MESSAGE).map(|seq| seq.parse().unwrap_or(0));
        Ok(Some(Self { chat, seq }))
    }

    /// The conversation's id, for the trail.
    pub(super) fn chat(&self) -> Option<ChatId> {
        self.chat.as_ref().map(|chat| chat.id)
    }

    /// The alerts about it, in sight or not.
    fn alerts(&self, (app, r): (&App, &Read<'_>), sight: &ArchiveSight) -> Result<Vec<AlertId>> {
        Ok(match (&self.chat, self.seq) {
            (None, _) => Vec::new(),
            (Some(chat), None) => app.archive.alerted.of_chat(r, chat.no)?,
            (Some(chat), Some(seq)) => {
                let found = queue::about(r, sight, (chat.no, seq))?;
                found.into_iter().map(|alert| alert.id).collect()
            }
        })
    }

    /// The conditions, each with the way out of it.
    fn chips(
        &self,
        r: &Read<'_>,
        cx: &Cx,
        sight: &ArchiveSight,
        query: &ListQuery,
    ) -> Result<Vec<Chip>> {
        let t = |word: &str| cx.t(word).into_owned();
        let unknown = || t("sensitive.not_in_sight");
        let title = match &self.chat {
            Some(chat) => Names::new(r, &sight.sight, cx).title(chat)?,
            None => unknown(),
        };
        let mut chips = vec![Chip {
            label: t("sensitive.of_chat"),
            value: title,
            remove: query.without(CHAT).without(MESSAGE).to_string(),
        }];
        if let Some(seq) = self.seq {
            let message = match &self.chat {
                Some(chat) => queries::message(r, sight, chat.no, seq)?,
                None => None,
            };
            let sent = message.map(|m| format::when(m.at, cx.now, &cx.zone, cx.lang()));
            chips.push(Chip {
                label: t("sensitive.of_message"),
                value: sent.unwrap_or_else(unknown),
                remove: query.without(MESSAGE).to_string(),
            });
        }
        Ok(chips)
    }
}

/// The part of the queue an address names.
fn part(query: &ListQuery) -> Part {
    match query.get("state") {
        Some("mine") => Part::Mine,
        Some("closed") => Part::Closed,
        _ => Part::ToDo,
    }
}

/// What an address asks for.
pub(super) fn asked(
    (app, r): (&App, &Read<'_>),
    sight: &ArchiveSight,
    query: &ListQuery,
    named: Option<&Named>,
) -> Result<Asked> {
    let severity = |code: &str| Severity::ALL.into_iter().find(|s| s.code() == code);
    let behaviour = |code: &str| Behaviour::ALL.into_iter().find(|b| b.code() == code);
    let directory = &sight.sight.directory;
    let unit = query.get("unit").and_then(|id| id.parse().ok());
    let unit = unit.and_then(|id| directory.tree.find(id));
    let staff = unit.map(|unit| queries::staff_under(r, sight, unit.wecom_id));
    Ok(Asked {
        part: part(query),
        severity: query.get("severity").and_then(severity),
        list: query.get("list").and_then(|id| id.parse().ok()),
        behaviour: query.get("behaviour").and_then(behaviour),
        staff: staff.transpose()?,
        among: named
            .map(|named| named.alerts((app, r), sight))
            .transpose()?,
    })
}

/// To be judged, one's own, judged. Each leads to its part under the same conditions, and so do
/// the numbers say; with a conversation there are none.
pub(super) fn states(cx: &Cx, query: &ListQuery, counts: Counts) -> Vec<Tab> {
    let counted = |n: u64| (!counts.more && query.get(CHAT).is_none()).then_some(n);
    let tab = |word: &str, state: &str, of: Part, count| Tab {
        label: cx.t(word).into_owned(),
        href: query.only(&NARROWS).with("state", state).to_string(),
        count,
        is_current: of == part(query),
    };
    vec![
        tab("sensitive.to_do", "", Part::ToDo, counted(counts.to_do)),
        tab("sensitive.mine", "mine", Part::Mine, counted(counts.mine)),
        tab("sensitive.state.closed", "closed", Part::Closed, None),
    ]
}

/// The filters; departments are those in the viewer's scope.
pub(super) fn filters(
    r: &Read<'_>,
    cx: &Cx,
    viewer: &Viewer,
    sight: &ArchiveSight,
    (query, lists): (&ListQuery, &[&WordList]),
) -> Result<Vec<Filter>> {
    let filter = |name, word: &str, choices: Vec<Choice>| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices: choices
            .into_iter()
            .map(|choice| Choice {
                is_on: query.has(name, &choice.value),
                ..choice
            })
            .collect(),
        many: false,
    };
    let severities = Severity::ALL.map(|s| {
        let word = cx.t(severity(s).0).into_owned();
        choice(s.code().to_owned(), word)
    });
    let behaviours = Behaviour::ALL.map(|b| {
        let word = cx.t(behaviour(b)).into_owned();
        choice(b.code().to_owned(), word)
    });
    let lists = lists.iter();
    let lists = lists.map(|list| choice(list.id.to_string(), list.name.clone()));
    let scope = viewer.scope(r, Permission::ArchiveRead)?;
    let units = units(scope.reach(), &sight.sight);
    Ok(vec![
        filter("severity", "sensitive.severity_label", severities.into()),
        filter("list", "sensitive.list_label", lists.collect()),
        filter("behaviour", "sensitive.behaviours", behaviours.into()),
        filter("unit", "sensitive.any_unit", units),
    ])
}

/// Each condition with the way out of it.
pub(super) fn chips(
    (r, cx): (&Read<'_>, &Cx),
    sight: &ArchiveSight,
    query: &ListQuery,
    filters: &[Filter],
) -> Result<Vec<Chip>> {
    let mut chips = match Named::of(r, sight, query)? {
        Some(named) => named.chips(r, cx, sight, query)?,
        None => Vec::new(),
    };
    let on = filters.iter().filter(|filter| filter.is_on());
    chips.extend(on.map(|filter| Chip {
        label: filter.label.clone(),
        value: filter.chosen().trim_start_matches('\u{3000}').to_owned(),
        remove: query.without(filter.name).to_string(),
    }));
    Ok(chips)
}

/// The conditions that no filter shows and the form keeps.
pub(super) fn kept(query: &ListQuery) -> Vec<(String, String)> {
    let kept = query.only(&["state", CHAT, MESSAGE]);
    let kept = kept.fields_except(&[]).into_iter();
    kept.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The same state without conditions.
pub(super) fn cleared(query: &ListQuery) -> String {
    query.only(&["state"]).to_string()
}

/// What stands where nothing is found.
pub(super) fn empty(cx: &Cx, query: &ListQuery) -> Empty {
    let narrowed = NARROWS.iter().any(|name| query.get(name).is_some());
    let (title, hint) = match (narrowed, part(query)) {
        (true, _) => ("sensitive.no_match", "sensitive.no_match_hint"),
        (false, Part::Mine) => ("sensitive.none_mine", "sensitive.none_mine_hint"),
        (false, Part::Closed) => ("sensitive.none_closed", "sensitive.none_closed_hint"),
        (false, Part::ToDo) => ("sensitive.no_alerts", "sensitive.no_alerts_hint"),
    };
    let link = |word: &str, href: String| Link {
        label: cx.t(word).into_owned(),
        href,
    };
    Empty {
        kind: EmptyKind::NothingMatches,
        title: cx.t(title).into_owned(),
        hint: cx.t(hint).into_owned(),
        action: match (narrowed, part(query)) {
            (true, _) => Some(link("list.clear_all", cleared(query))),
            (false, Part::Mine) => Some(link("sensitive.to_do", HERE.to_owned())),
            (false, _) => None,
        },
        other: None,
    }
}
