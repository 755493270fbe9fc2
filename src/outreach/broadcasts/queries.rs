//! Reads of broadcasts, through what the viewer sees. Numbers come from the ledger alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::App,
    customers::{self, Customer, CustomerId, Group},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Cursor, Page, PageRequest, Timestamp},
    org::{MemberId, Sight},
    outreach::{
        campaign::{self, one},
        touches::{self, Touch, TouchId, TouchState, Why, queries::Outcomes},
    },
    store::{Read, StoreError, SubjectId, Walk},
};

pub(in crate::outreach) use crate::outreach::campaign::own;

use super::{
    audience::Target,
    model::{Broadcast, BroadcastId, Look, Task, cause},
    tables::{ACTIVE, DUE},
};

/// A broadcast the viewer sees.
pub fn broadcast(
    r: &Read<'_>,
    sight: &Sight,
    own: Option<SubjectId>,
    id: BroadcastId,
) -> Result<Broadcast> {
    one(r, sight, own, id)
}

/// Broadcasts with which something is still to happen.
pub(super) fn active(r: &Read<'_>) -> Result<Vec<Broadcast>, StoreError> {
    r.list(&ACTIVE, &Walk::default())?.collect()
}

/// How many broadcasts wait for somebody with this sight to approve them. Nobody decides about
/// their own.
///
/// # Errors
/// Those of the store.
pub fn waiting(r: &Read<'_>, sight: &Sight, own: Option<SubjectId>) -> Result<usize, StoreError> {
    Ok(campaign::waiting(&active(r)?, sight, own))
}

/// The tasks of a broadcast, by number.
pub fn tasks(r: &Read<'_>, id: BroadcastId) -> Result<Vec<Task>, StoreError> {
    r.all::<Task>(Some(&(id, 0)))?
        .take_while(|task| task.as_ref().map_or(true, |task| task.broadcast == id))
        .collect()
}

/// Tasks about which WeCom is to be asked now.
pub(super) fn due(r: &Read<'_>, now: Timestamp, most: usize) -> Result<Vec<Look>, StoreError> {
    r.list(&DUE, &Walk::default())?
        .take_while(|look| look.as_ref().map_or(true, |look| look.next_at <= now))
        .take(most)
        .collect()
}

/// The touches of a task that may still reach somebody.
pub(super) fn planned(r: &Read<'_>, task: &Task) -> Result<Vec<Touch>, StoreError> {
    let mut found = Vec::new();
    for id in planned_ids(r, task, usize::MAX)? {
        found.extend(r.get::<Touch>(&id)?);
    }
    Ok(found)
}

/// The ids of touches of a task that may still reach somebody, at most so many.
pub(super) fn planned_ids(
    r: &Read<'_>,
    task: &Task,
    most: usize,
) -> Result<Vec<TouchId>, StoreError> {
    let planned = (TouchState::Planned, None);
    let of_member = touches::queries::of_member(r, &cause(task.broadcast), planned, task.member)?;
    let is_of_task = |id: &TouchId| (task.from..=task.to).contains(&id.0.bits());
    of_member
        .filter(|id| id.as_ref().map_or(true, is_of_task))
        .take(most)
        .collect()
}

/// The ids of touches of a broadcast that may still reach somebody, at most so many.
pub(super) fn all_planned(
    r: &Read<'_>,
    id: BroadcastId,
    most: usize,
) -> Result<Vec<TouchId>, StoreError> {
    let planned = Some((TouchState::Planned, None));
    touches::queries::of_cause(r, &cause(id), planned, Walk::default())?
        .map(|hit| hit.map(|(_, id)| id))
        .take(most)
        .collect()
}

/// Numbers of a broadcast or of one member's part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// On their way.
    pub planned: u64,
    /// Received.
    pub sent: u64,
    /// Not received although it was tried.
    pub failed: u64,
    /// Left out before anything was tried.
    pub skipped: u64,
}

impl Numbers {
    fn add(&mut self, state: u8, why: Option<Why>, n: u64) {
        if state == TouchState::Planned as u8 {
            self.planned += n;
        } else if state == TouchState::Sent as u8 {
            self.sent += n;
        } else if why.is_some_and(Why::is_skip) {
            self.skipped += n;
        } else {
            self.failed += n;
        }
    }

    /// Everybody who was to get it.
    pub fn meant(&self) -> u64 {
        self.planned + self.sent + self.failed
    }
}

/// What the ledger says of a broadcast.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// In all.
    pub all: Numbers,
    /// By member.
    pub by_member: BTreeMap<MemberId, Numbers>,
    /// Why not, and how many.
    pub why: BTreeMap<Why, u64>,
}

/// What the ledger says. Touches change only along with a record that speaks for them, so the
/// count holds as long as no record changes.
pub fn account(r: &Read<'_>, id: BroadcastId) -> Result<Account, StoreError> {
    let counted = r.remembered(id.bits(), || counted(r, id))?;
    Ok(Account::clone(&counted))
}

fn counted(r: &Read<'_>, id: BroadcastId) -> Result<Account, StoreError> {
    let outcomes: Outcomes = touches::queries::outcomes(r, &cause(id))?;
    let mut account = Account::default();
    for ((member, state, why), n) in outcomes {
        account.all.add(state, why, n);
        if let Some(member) = member {
            let numbers = account.by_member.entry(member).or_default();
            numbers.add(state, why, n);
        }
        if let Some(why) = why {
            *account.why.entry(why).or_default() += n;
        }
    }
    Ok(account)
}

/// One recipient as the page shows it.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The ledger's row.
    pub touch: Touch,
    /// The customer, if still known and in the viewer's sight.
    pub customer: Option<Customer>,
    /// The group, of a broadcast to groups, if in the viewer's sight.
    pub group: Option<Group>,
}

impl Recipient {
    /// Whether the viewer may know who it is.
    pub fn is_seen(&self) -> bool {
        self.customer.is_some() || self.group.is_some()
    }
}

/// The sight in which recipients have names: that of customers, or of groups.
///
/// # Errors
/// Those of the store; without the right there is no sight.
pub(in crate::outreach) fn eyes(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    target: Target,
) -> Result<Option<Sight>> {
    let needed = match target {
        Target::Customers => Permission::CustomerRead,
        Target::Groups => Permission::GroupRead,
    };
    match app.sight(r, viewer, needed) {
        Ok(sight) => Ok(Some(sight)),
        Err(AppError::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A page of recipients, all or those with one outcome.
pub fn recipients(
    r: &Read<'_>,
    eyes: Option<&Sight>,
    id: BroadcastId,
    outcome: Option<(TouchState, Option<Why>)>,
    request: &PageRequest,
) -> Result<Page<Recipient>, StoreError> {
    reached(r, eyes, &cause(id), outcome, request)
}

/// A page of those with touches of one cause. Whoever is not in these eyes has no name here.
pub(in crate::outreach) fn reached(
    r: &Read<'_>,
    eyes: Option<&Sight>,
    of: &(String, String),
    outcome: Option<(TouchState, Option<Why>)>,
    request: &PageRequest,
) -> Result<Page<Recipient>, StoreError> {
    let backwards = request.before.is_some();
    let place = request.before.as_ref().or(request.after.as_ref());
    let walk = Walk {
        after: place.map(|cursor| cursor.0.clone()),
        backwards,
        ..Walk::default()
    };
    let limit = request.limit();
    let (mut rows, mut has_more) = (Vec::new(), false);
    for hit in touches::queries::of_cause(r, of, outcome, walk)? {
        let (place, touch) = hit?;
        if rows.len() == limit {
            has_more = true;
            break;
        }
        if let Some(touch) = r.get::<Touch>(&touch)? {
            let (customer, group) = match (eyes, touch.group()) {
                (None, _) => (None, None),
                (Some(eyes), Some(group)) => {
                    (None, customers::queries::group_head(r, eyes, group)?)
                }
                (Some(eyes), None) => {
                    let found = customers::queries::customer(r, eyes, touch.customer)?;
                    (found.map(|found| found.customer), None)
                }
            };
            let recipient = Recipient {
                touch,
                customer,
                group,
            };
            rows.push((place, recipient));
        }
    }
    if backwards {
        rows.reverse();
    }
    // A page in the middle is one of many: only the first is counted.
    let total = match place {
        None => touches::queries::of_cause(r, of, outcome, Walk::default())?.count(),
        Some(_) => rows.len(),
    };
    let cursor = |row: Option<&(Vec<u8>, Recipient)>| row.map(|(place, _)| Cursor(place.clone()));
    let (older, newer) = match backwards {
        true => (true, has_more),
        false => (has_more, request.after.is_some()),
    };
    Ok(Page {
        next: cursor(rows.last()).filter(|_| older),
        prev: cursor(rows.first()).filter(|_| newer),
        items: rows.into_iter().map(|(_, row)| row).collect(),
        total: total as u64,
        total_exact: place.is_none(),
        offset: None,
    })
}

/// Those who were to get a broadcast and did not: for another try. Groups stand in the place of
/// customers.
pub fn missed(r: &Read<'_>, id: BroadcastId, most: usize) -> Result<Vec<CustomerId>, StoreError> {
    let mut missed = Vec::new();
    let is_final = |why: &Why| matches!(why, Why::OptedOut | Why::GroupGone);
    for why in Why::ALL.into_iter().filter(|why| !is_final(why)) {
        let outcome = Some((TouchState::Failed, Some(why)));
        for hit in touches::queries::of_cause(r, &cause(id), outcome, Walk::default())? {
            if missed.len() == most {
                return Ok(missed);
            }
            missed.push(hit?.1.0);
        }
    }
    Ok(missed)
}

/// The customer with this external_userid, or in its place the group with this chat_id.
pub(super) fn recipient_of(
    r: &Read<'_>,
    target: Target,
    name: &str,
) -> Result<Option<CustomerId>, StoreError> {
    Ok(match target {
        Target::Customers => customers::sync::by_external_userid(r, name)?.map(|found| found.id),
        Target::Groups => {
            let found = customers::sync::group_by_chat_id(r, name)?;
            found.map(|found| found.id.cast())
        }
    })
}

/// The msgids of all tasks that WeCom has told of.
pub(super) fn msgids(r: &Read<'_>) -> Result<BTreeSet<String>, StoreError> {
    let mut known = BTreeSet::new();
    for task in r.all::<Task>(None)? {
        known.insert(task?.msgid);
    }
    Ok(known)
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
