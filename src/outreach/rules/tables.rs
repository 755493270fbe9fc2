//! outreach-rules: RuleId → Rule · rule-firings: FiringId → Firing, sealed · the place of the
//! follower.

use minicbor::{Decode, Encode};

use crate::{
    kit::Timestamp,
    org::Sight,
    store::{
        AuditView, Class, Desc, Entity, Index, Key, Read, StoreError, SubjectId, TableSpec, Walk,
    },
};

use super::model::{Came, Cause, Firing, FiringId, Outcome, Rule, RuleId, Trigger};

/// The tables.
pub(super) const TABLES: [TableSpec; 3] = [
    TableSpec::of::<Rule>(),
    TableSpec::of::<Firing>(),
    TableSpec::of::<Place>(),
];

impl Entity for Rule {
    const KIND: &'static str = "outreach_rule";
    const TABLE: &'static str = "outreach-rules-1";
    const CLASS: Class = Class::Record;
    type Key = RuleId;

    fn key(&self) -> RuleId {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        let of = match &self.trigger {
            Trigger::Code(id) => id.to_string(),
            Trigger::Channel(id) => id.to_string(),
            Trigger::Group(id) => id.to_string(),
            Trigger::Words(words) => words.join("\n"),
            Trigger::Quiet(days) => days.to_string(),
        };
        let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
        vec![
            ("name", self.name.as_str().into()),
            ("on", self.is_on.into()),
            ("unit", self.unit.map(|unit| unit.to_string()).into()),
            ("trigger", self.trigger.code().into()),
            ("of", of.into()),
            ("tags", tags.into()),
            ("remark_prefix", self.remark_prefix.as_str().into()),
            ("todo", self.todo.as_ref().map(|t| t.words.as_str()).into()),
            ("message", self.message.as_deref().into()),
            ("assignee", self.assignee.map(|id| id.to_string()).into()),
        ]
    }
}

/// The firing of a cause on an occasion.
pub(super) const FIRING_BY_OCCASION: Index<Firing> =
    Index::unique("rule-firings-1.by_occasion", |f, _| {
        vec![occasion_key(f.cause, f.of, f.occasion)]
    });

/// The key of an occasion in [`FIRING_BY_OCCASION`].
pub(super) fn occasion_key(cause: Cause, of: u64, occasion: i64) -> Key {
    let (kind, id) = cause.parts();
    Key::new().with(kind).with(id).with(of).with(occasion)
}

/// Firings, newest first.
const FIRING_BY_TIME: Index<Firing> = Index::new("rule-firings-1.by_time", |f, _| {
    vec![Key::new().with(Desc(f.at))]
});

/// Firings of a cause, newest first.
const FIRING_BY_CAUSE: Index<Firing> = Index::new("rule-firings-1.by_cause", |f, _| {
    let (kind, id) = f.cause.parts();
    vec![Key::new().with(kind).with(id).with(Desc(f.at))]
});

impl Entity for Firing {
    const KIND: &'static str = "rule_firing";
    const TABLE: &'static str = "rule-firings-1";
    const CLASS: Class = Class::Record;
    type Key = FiringId;

    fn key(&self) -> FiringId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.customer.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[FIRING_BY_OCCASION, FIRING_BY_TIME, FIRING_BY_CAUSE]
    }
    fn audit_view(&self) -> AuditView {
        let (cause, id) = match self.cause {
            Cause::Rule(id) => ("rule", id.to_string()),
            Cause::Code(id) => ("live_code", id.to_string()),
        };
        let outcome = match &self.outcome {
            Outcome::Done { .. } => "done",
            Outcome::Same => "same",
            Outcome::Refused(why) => why.as_str(),
        };
        vec![
            ("cause", cause.into()),
            ("of", id.into()),
            ("relation", self.relation.to_string().into()),
            ("customer", self.customer.to_string().into()),
            ("outcome", outcome.into()),
            ("todo", self.todo.as_ref().map(Came::code).into()),
            ("message", self.message.as_ref().map(Came::code).into()),
        ]
    }
}

/// Up to where the follower has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Place {
    /// Number of the feed.
    #[n(0)]
    pub feed: u64,
    /// Up to when quiet conversations were looked for.
    #[n(1)]
    pub quiet: Timestamp,
}

/// The place's key.
pub(super) const FIRM: &str = "firm";

impl Entity for Place {
    const KIND: &'static str = "rules_place";
    const TABLE: &'static str = "rules-place-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
}

/// All rules, by name.
pub fn rules(r: &Read<'_>) -> Result<Vec<Rule>, StoreError> {
    let mut rules: Vec<Rule> = r.all(None)?.collect::<Result<_, _>>()?;
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rules)
}

/// Firings about relations in scope, newest first; of one cause or of all.
pub fn firings<'a>(
    r: &Read<'a>,
    sight: &'a Sight,
    cause: Option<Cause>,
) -> Result<impl Iterator<Item = Result<Firing, StoreError>> + use<'a>, StoreError> {
    let (index, walk) = match cause {
        Some(cause) => {
            let (kind, id) = cause.parts();
            (
                &FIRING_BY_CAUSE,
                Walk::prefix(Key::new().with(kind).with(id)),
            )
        }
        None => (&FIRING_BY_TIME, Walk::default()),
    };
    let is_in_sight = |firing: &Firing| sight.sees(firing.member);
    let found = r.list(index, &walk)?;
    Ok(found.filter(move |firing| firing.as_ref().map_or(true, is_in_sight)))
}
