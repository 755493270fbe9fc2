//! What sensitive words have found in a conversation, at its messages and beside it: for whoever
//! handles alerts. Nobody else learns that there is anything.

use std::collections::BTreeMap;

use crate::{
    app::App,
    archive::{
        model::Chat,
        queries::{ArchiveSight, Message},
        sensitive::{self, Alert, AlertId, Cause, WordList, WordListId, queue},
    },
    error::Result,
    store::Read,
    web::Cx,
};

use super::{
    alert_filters as narrowed,
    alert_lines::{list_name, state},
    words::{behaviour, severity},
};

/// An alert at its message.
#[derive(Clone)]
pub(super) struct Flag {
    /// What was found, how much it matters, and where it stands.
    pub(super) text: String,
    pub(super) tone: &'static str,
    /// The alert in the queue.
    pub(super) href: String,
}

/// The alerts at some messages, by number.
#[derive(Default)]
pub(super) struct Flags {
    by_message: BTreeMap<u64, Vec<Flag>>,
    shown: Vec<AlertId>,
}

impl Flags {
    /// Those about these messages that the viewer may know of.
    pub(super) fn of(
        (r, cx): (&Read<'_>, &Cx),
        sight: &ArchiveSight,
        chat: &Chat,
        messages: &[Message],
    ) -> Result<Self> {
        let mut flags = Self::default();
        if !sight.judges() {
            return Ok(flags);
        }
        let mut lists = None;
        for message in messages {
            for alert in queue::about(r, sight, (chat.no, message.seq))? {
                let lists = match &lists {
                    Some(lists) => lists,
                    None => lists.insert(lists_by_id(r)?),
                };
                flags.shown.push(alert.id);
                let of_message = flags.by_message.entry(message.seq).or_default();
                of_message.push(flag(cx, lists, (chat, message.seq), &alert));
            }
        }
        Ok(flags)
    }

    /// Those at a message.
    pub(super) fn at(&self, seq: u64) -> Vec<Flag> {
        self.by_message.get(&seq).cloned().unwrap_or_default()
    }

    /// The alerts shown, for the trail; none if there are none.
    pub(super) fn shown(&self) -> Option<String> {
        let ids: Vec<String> = self.shown.iter().map(ToString::to_string).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

fn lists_by_id(r: &Read<'_>) -> Result<BTreeMap<WordListId, WordList>> {
    let lists = sensitive::lists(r)?.into_iter();
    Ok(lists.map(|list| (list.id, list)).collect())
}

fn flag(
    cx: &Cx,
    lists: &BTreeMap<WordListId, WordList>,
    (chat, seq): (&Chat, u64),
    alert: &Alert,
) -> Flag {
    let name = match &alert.cause {
        Cause::Words(_) => list_name(cx, lists, alert),
        Cause::Behaviour(b) => cx.t(behaviour(*b)).into_owned(),
    };
    let (grave, tone) = severity(alert.severity);
    let is_closed = alert.state.is_closed();
    let queue = narrowed::of_message(chat.id, seq);
    let queue = if is_closed {
        narrowed::closed(&queue)
    } else {
        queue
    };
    let (grave, state) = (cx.t(grave), cx.t(state(&alert.state).0));
    let args = (("name", name), ("severity", grave), ("state", state));
    Flag {
        text: cx.tf("sensitive.flag", args).into_owned(),
        tone: if is_closed { "" } else { tone },
        href: format!("{queue}#a-{}", alert.id),
    }
}

/// A number of alerts of a conversation, and where they are.
pub(super) struct Counted {
    /// Catalogue key of what is counted.
    pub(super) word: &'static str,
    pub(super) n: u64,
    /// There are more.
    pub(super) more: bool,
    pub(super) is_to_do: bool,
    pub(super) href: String,
}

/// How many alerts there are about a conversation, to be judged and judged; nothing for whoever
/// does not handle alerts, and where there are none.
pub(super) fn beside(
    (app, r): (&App, &Read<'_>),
    sight: &ArchiveSight,
    chat: &Chat,
) -> Result<Vec<Counted>> {
    if !sight.judges() {
        return Ok(Vec::new());
    }
    let among = app.archive.alerted.of_chat(r, chat.no)?;
    let found = queue::beside(r, sight, &among)?;
    let queue = narrowed::of_chat(chat.id);
    let both = [
        Counted {
            word: "sensitive.beside_to_do",
            n: found.to_do,
            more: found.more,
            is_to_do: true,
            href: queue.to_string(),
        },
        Counted {
            word: "sensitive.beside_closed",
            n: found.closed,
            more: found.more,
            is_to_do: false,
            href: narrowed::closed(&queue).to_string(),
        },
    ];
    Ok(both.into_iter().filter(|counted| counted.n > 0).collect())
}
