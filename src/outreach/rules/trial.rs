//! A trial (试算): whom a rule would have been set off for, had it been in force. It writes
//! nothing.

use std::collections::HashSet;

use crate::{
    archive::{Chat, Pull, queries as archive},
    customers::{GroupMember, Relation, sync::people_in},
    kit::Timestamp,
    livecodes::{self, LiveCode, LiveCodeId, stats::Arrival},
    org::Sight,
    store::{Read, StoreError},
};

use super::{
    matching::{Hit, Matcher, Time},
    model::{Rule, Trigger},
};

/// Archived messages that one trial looks through.
const MESSAGES_MAX: usize = 50_000;

/// What a trial has found.
pub(super) struct Trial {
    /// Newest first; one for each time the rule would have fired.
    pub hits: Vec<Hit>,
    /// Whether everything of the stretch was looked at.
    pub is_whole: bool,
}

impl Trial {
    /// How many to-dos and messages there would have been, had nobody finished any: one to-do
    /// for each relation, and where one is made no message without one.
    pub fn follow_ups(&self, rule: &Rule) -> (usize, usize) {
        let relations: HashSet<_> = self.hits.iter().map(|hit| hit.relation.id).collect();
        let todos = if rule.todo.is_some() {
            relations.len()
        } else {
            0
        };
        let messages = match (&rule.message, &rule.todo) {
            (None, _) => 0,
            (Some(_), Some(_)) => todos,
            (Some(_), None) => self.hits.len(),
        };
        (todos, messages)
    }
}

/// Whom in scope a rule would have been set off for between two moments.
pub(super) fn trial(
    r: &Read<'_>,
    sight: &Sight,
    rule: &Rule,
    from: Timestamp,
    until: Timestamp,
) -> Result<Trial, StoreError> {
    let time = Time::History(from, until);
    let matcher = Matcher::of(r, &sight.directory, vec![rule.clone()], time)?;
    let mut is_whole = true;
    let mut hits = Vec::new();
    match &rule.trigger {
        Trigger::Code(code) => hits.extend(of_code(r, &matcher, *code, from, until)?),
        Trigger::Channel(_) => {
            for code in r.all::<LiveCode>(None)? {
                hits.extend(of_code(r, &matcher, code?.id, from, until)?);
            }
        }
        Trigger::Group(group) => {
            for person in people_in(r, *group)? {
                hits.extend(matcher.joined(r, &person)?);
            }
        }
        Trigger::Words(_) => is_whole = of_messages(r, &matcher, from, &mut hits)?,
        Trigger::Quiet(_) => {
            for chat in r.all::<Chat>(None)? {
                hits.extend(matcher.quiet(r, &chat?)?);
            }
        }
    }
    // What codes ask for themselves is not the rule's.
    hits.retain(|hit| hit.cause == super::Cause::Rule(rule.id) && sight.sees(hit.relation.member));
    let mut seen = HashSet::new();
    hits.retain(|hit| seen.insert((hit.of, hit.occasion)));
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.at));
    Ok(Trial { hits, is_whole })
}

fn of_code(
    r: &Read<'_>,
    matcher: &Matcher,
    code: LiveCodeId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Hit>, StoreError> {
    let mut hits = Vec::new();
    for arrival in livecodes::stats::came_between(r, code, from, until)? {
        hits.extend(of_arrival(r, matcher, &arrival)?);
    }
    Ok(hits)
}

fn of_arrival(r: &Read<'_>, matcher: &Matcher, arrival: &Arrival) -> Result<Vec<Hit>, StoreError> {
    if arrival.is_join {
        let id = crate::kit::Id::from_bits(arrival.of);
        return match r.get::<GroupMember>(&id)? {
            Some(person) => matcher.joined(r, &person),
            None => Ok(Vec::new()),
        };
    }
    let relation = r.get::<Relation>(&crate::kit::Id::from_bits(arrival.of))?;
    Ok(relation.map_or(Vec::new(), |relation| matcher.came(&relation)))
}

/// Goes back through the archive; whether everything from a moment on was looked at.
fn of_messages(
    r: &Read<'_>,
    matcher: &Matcher,
    from: Timestamp,
    hits: &mut Vec<Hit>,
) -> Result<bool, StoreError> {
    let mut seen = 0;
    for pull in r.all_backwards::<Pull>(None)? {
        let pull = pull?;
        // Messages are stored after they were sent.
        if pull.at < from {
            return Ok(true);
        }
        if seen >= MESSAGES_MAX {
            return Ok(false);
        }
        for message in archive::messages_of_pull(r, &pull)? {
            seen += 1;
            hits.extend(matcher.wrote(r, &message)?);
        }
    }
    Ok(true)
}
