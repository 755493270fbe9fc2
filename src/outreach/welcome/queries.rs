//! Reads of welcome messages and of what they have come to.

use std::sync::Arc;

use crate::{
    identity::Scope,
    kit::Timestamp,
    org::{self, Directory, Sight},
    store::{Read, StoreError, Walk},
    work::effects::{Effect, EffectState},
};

use super::{
    model::{Greeting, Outcome, Source, Welcome, Whose},
    tables::{BY_SOURCE, source_key},
};

/// Greetings counted at most.
const COUNTED_MAX: usize = 5_000;

/// How a greeting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// On its way.
    Waiting,
    /// It reached the customer.
    Sent,
    /// Somebody else had greeted, or the chat had begun.
    Already,
    /// Its twenty seconds were over.
    Late,
    /// WeCom refused it.
    Failed,
    /// Nobody can tell.
    Unknown,
    /// The firm only rehearses.
    Rehearsed,
}

impl Standing {
    /// Catalogue key and tone.
    pub const fn shown(self) -> (&'static str, &'static str) {
        match self {
            Self::Waiting => ("welcome.standing.waiting", "info"),
            Self::Sent => ("welcome.standing.sent", "ok"),
            Self::Already => ("welcome.standing.already", "muted"),
            Self::Late => ("welcome.standing.late", "warn"),
            Self::Failed => ("welcome.standing.failed", "bad"),
            Self::Unknown => ("welcome.standing.unknown", "warn"),
            Self::Rehearsed => ("welcome.standing.rehearsed", "muted"),
        }
    }
}

/// How a greeting stands; what WeCom has not answered, its effect tells.
pub fn standing(r: &Read<'_>, greeting: &Greeting) -> Result<Standing, StoreError> {
    match greeting.outcome {
        Some(Outcome::Sent) => return Ok(Standing::Sent),
        Some(Outcome::Already) => return Ok(Standing::Already),
        None => {}
    }
    let Some(effect) = r.get::<Effect>(&greeting.effect)? else {
        return Ok(Standing::Unknown);
    };
    let is_late = || {
        let failure = effect.failure.as_ref();
        failure.is_none_or(|failure| failure.code == "conflict.expired")
    };
    Ok(match effect.state {
        EffectState::Queued | EffectState::Sending => Standing::Waiting,
        EffectState::Failed if is_late() => Standing::Late,
        EffectState::Failed | EffectState::Cancelled => Standing::Failed,
        EffectState::Done => Standing::Sent,
        EffectState::Unknown => Standing::Unknown,
        EffectState::Rehearsed => Standing::Rehearsed,
    })
}

/// What greetings have come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them, as far as counted.
    pub all: usize,
    /// Reached their customers.
    pub sent: usize,
    /// Somebody else had greeted.
    pub already: usize,
    /// Too late, refused, or nobody can tell.
    pub missed: usize,
}

/// What a source's greetings since then have come to.
pub fn counts(r: &Read<'_>, source: Source, since: Timestamp) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let rows = r.list(&BY_SOURCE, &Walk::prefix(source_key(source)))?;
    for greeting in rows.take(COUNTED_MAX) {
        let greeting = greeting?;
        if greeting.at < since {
            break;
        }
        counts.all += 1;
        match standing(r, &greeting)? {
            Standing::Sent => counts.sent += 1,
            Standing::Already => counts.already += 1,
            Standing::Late | Standing::Failed | Standing::Unknown => counts.missed += 1,
            Standing::Waiting | Standing::Rehearsed => {}
        }
    }
    Ok(counts)
}

/// A source's latest greetings, newest first.
pub fn latest(r: &Read<'_>, source: Source, n: usize) -> Result<Vec<Greeting>, StoreError> {
    r.list(&BY_SOURCE, &Walk::prefix(source_key(source)))?
        .take(n)
        .collect()
}

/// Whether a message is there for somebody with this scope: it greets customers of theirs.
pub fn is_visible(scope: &Scope, directory: &Arc<Directory>, whose: Whose) -> bool {
    match whose {
        Whose::Firm => true,
        Whose::Department(unit) => org::is_offered(scope, directory, Some(unit)),
        Whose::Member(member) => Sight::new(directory.clone(), scope).sees(member),
    }
}

/// The messages that are there for somebody, the firm's first, then by name.
pub fn visible(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Arc<Directory>,
) -> Result<Vec<Welcome>, StoreError> {
    let mut found = Vec::new();
    for welcome in r.all::<Welcome>(None)? {
        let welcome = welcome?;
        if is_visible(scope, directory, welcome.whose) {
            found.push(welcome);
        }
    }
    let rank = |whose: Whose| match whose {
        Whose::Firm => 0,
        Whose::Department(_) => 1,
        Whose::Member(_) => 2,
    };
    found.sort_by(|a, b| (rank(a.whose), &a.name, a.id).cmp(&(rank(b.whose), &b.name, b.id)));
    Ok(found)
}
