//! welcomes: message for new customers · greetings: one customer, greeted once.

use crate::store::{AuditView, Class, Desc, Entity, Index, Key, TableSpec};

use super::model::{Greeting, GreetingId, Source, Welcome, WelcomeId, Whose};

/// The tables.
pub(super) const TABLES: [TableSpec; 2] = [TableSpec::of::<Welcome>(), TableSpec::of::<Greeting>()];

/// The greetings from one source, newest first.
pub(super) const BY_SOURCE: Index<Greeting> = Index::new("greetings-1.by_source", |greeting, _| {
    vec![source_key(greeting.source).with(Desc(greeting.at))]
});

/// Greetings that the ledger does not know of yet, oldest first.
pub(super) const UNPOSTED: Index<Greeting> = Index::new("greetings-1.unposted", |greeting, _| {
    let is_open = greeting.unposted.is_some() && greeting.outcome.is_some();
    is_open
        .then(|| Key::new().with(greeting.at))
        .into_iter()
        .collect()
});

/// Greetings, oldest first.
pub(super) const BY_TIME: Index<Greeting> = Index::new("greetings-1.by_time", |greeting, _| {
    vec![Key::new().with(greeting.at)]
});

/// The key of a source in [`BY_SOURCE`].
pub(super) fn source_key(source: Source) -> Key {
    match source {
        Source::Welcome(id) => Key::new().with(0_u8).with(id),
        Source::Code(id) => Key::new().with(1_u8).with(id),
    }
}

impl Entity for Welcome {
    const KIND: &'static str = "welcome";
    const TABLE: &'static str = "welcomes-1";
    const CLASS: Class = Class::Record;
    type Key = WelcomeId;

    fn key(&self) -> WelcomeId {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        let whose = match self.whose {
            Whose::Firm => "firm".to_owned(),
            Whose::Department(id) => format!("department {id}"),
            Whose::Member(id) => format!("member {id}"),
        };
        let windows = self.windows.iter();
        let windows: Vec<String> = windows
            .map(|w| format!("{:07b} {}-{}", w.days, w.from, w.until))
            .collect();
        let assets = self.content.attachments.iter();
        let assets: Vec<String> = assets.map(ToString::to_string).collect();
        vec![
            ("name", self.name.as_str().into()),
            ("whose", whose.into()),
            ("windows", windows.into()),
            ("text", self.content.text.as_str().into()),
            ("assets", assets.into()),
            ("paused", self.is_paused.into()),
        ]
    }
}

impl Entity for Greeting {
    const KIND: &'static str = "greeting";
    const TABLE: &'static str = "greetings-1";
    /// The customer's ledger tells of it.
    const CLASS: Class = Class::Machinery;
    type Key = GreetingId;

    fn key(&self) -> GreetingId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_SOURCE, UNPOSTED, BY_TIME]
    }
}
