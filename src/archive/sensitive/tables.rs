//! word-lists, alerts, and the place of the watch.

use minicbor::{Decode, Encode};

use crate::store::{
    AuditView, Class, Desc, Entity, Index, Key, Read, StoreError, SubjectId, TableSpec, Walk, Write,
};

use super::{
    intercept::Intercept,
    model::{Alert, AlertId, AlertState, Cause, WordList, WordListId},
};

/// The tables.
pub(in crate::archive) const TABLES: [TableSpec; 4] = [
    TableSpec::of::<Intercept>(),
    TableSpec::of::<WordList>(),
    TableSpec::of::<Alert>(),
    TableSpec::of::<WatchPlace>(),
];

impl Entity for WordList {
    const KIND: &'static str = "word_list";
    const TABLE: &'static str = "word-lists-1";
    const CLASS: Class = Class::Record;
    type Key = WordListId;

    fn key(&self) -> WordListId {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        let behaviours: Vec<&str> = self.behaviours.iter().map(|b| b.code()).collect();
        vec![
            ("name", self.name.as_str().into()),
            ("words", self.words.clone().into()),
            ("unit", self.unit.map(|unit| unit.to_string()).into()),
            ("severity", self.severity.code().into()),
            ("on", self.is_on.into()),
            ("behaviours", behaviours.into()),
        ]
    }
}

/// Alerts by when their message was sent or their deed done, newest first; the open ones apart.
pub(super) const ALERT_BY_TIME: Index<Alert> = Index::new("alerts-1.by_time", |a, _| {
    let is_closed = matches!(a.state, AlertState::Closed(..));
    vec![Key::new().with(is_closed).with(Desc(a.sent_at))]
});

/// The alert of a list about a message, or about a deed.
pub(super) const ALERT_BY_MESSAGE: Index<Alert> =
    Index::unique("alerts-1.by_message", |a, _| vec![alert_key(a)]);

/// WeCom counts messages from 1.
const NO_MESSAGE: u64 = 0;

/// The key of an alert in [`ALERT_BY_MESSAGE`]: the words that were found may change with the
/// list, and it stays the same alert. A deed is named by who did it to whom, and when.
pub(super) fn alert_key(alert: &Alert) -> Key {
    let cause = match &alert.cause {
        Cause::Words(_) => "words",
        Cause::Behaviour(behaviour) => behaviour.code(),
    };
    let seq = alert.seq.unwrap_or(NO_MESSAGE);
    let key = Key::new().with(seq).with(alert.list).with(cause);
    match alert.whom {
        Some(whom) => key.with(alert.from).with(whom).with(alert.sent_at),
        None => key,
    }
}

impl Entity for Alert {
    const KIND: &'static str = "alert";
    const TABLE: &'static str = "alerts-1";
    const CLASS: Class = Class::Record;
    type Key = AlertId;

    fn key(&self) -> AlertId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[ALERT_BY_TIME, ALERT_BY_MESSAGE]
    }
    fn audit_view(&self) -> AuditView {
        let (verdict, note) = match &self.state {
            AlertState::Closed(verdict, note, ..) => (Some(verdict.code()), note.as_str()),
            _ => (None, ""),
        };
        let assigned = match &self.state {
            AlertState::Assigned(account) => Some(account.to_string()),
            _ => None,
        };
        vec![
            ("list", self.list.to_string().into()),
            ("message", self.seq.into()),
            ("severity", self.severity.code().into()),
            ("state", self.state.code().into()),
            ("assigned", assigned.into()),
            ("verdict", verdict.into()),
            ("note", note.into()),
        ]
    }
}

/// Up to which number of the feed messages were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct WatchPlace {
    #[n(0)]
    pub feed: u64,
}

impl Entity for WatchPlace {
    const KIND: &'static str = "watch_place";
    const TABLE: &'static str = "archive-watch-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        super::super::tables::FIRM.to_owned()
    }
}

/// All word lists, by name.
pub fn lists(r: &Read<'_>) -> Result<Vec<WordList>, StoreError> {
    let mut lists: Vec<WordList> = r.all(None)?.collect::<Result<_, _>>()?;
    lists.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(lists)
}

/// Takes the words out of the alerts about a message whose content is deleted: what stays is
/// that there was an alert, of which list, and what came of it.
pub(in crate::archive) fn forget_words(w: &mut Write<'_>, seq: u64) -> Result<(), StoreError> {
    let found = w
        .read()
        .list(&ALERT_BY_MESSAGE, &Walk::prefix(Key::new().with(seq)))?;
    let found: Vec<Alert> = found.collect::<Result<_, _>>()?;
    for mut alert in found {
        if matches!(alert.cause, Cause::Words(_)) {
            alert.cause = Cause::Words(Vec::new());
            w.put(&alert)?;
        }
    }
    Ok(())
}
