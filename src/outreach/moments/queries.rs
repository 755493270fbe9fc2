//! Reads of moments, through what the viewer sees. Whom they reached is counted in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    customers::CustomerId,
    error::Result,
    kit::Timestamp,
    org::{MemberId, Sight},
    outreach::{
        campaign::{self, one},
        touches::{self, TouchState},
    },
    store::{Read, StoreError, SubjectId, Walk},
};

pub(super) use crate::outreach::campaign::own;

use super::{
    model::{Look, Moment, MomentId, Part, PartState, cause},
    tables::{ACTIVE, DUE},
};

/// A moment the viewer sees.
pub fn moment(r: &Read<'_>, sight: &Sight, own: Option<SubjectId>, id: MomentId) -> Result<Moment> {
    one(r, sight, own, id)
}

/// Moments with which something is still to happen.
pub(super) fn active(r: &Read<'_>) -> Result<Vec<Moment>, StoreError> {
    r.list(&ACTIVE, &Walk::default())?.collect()
}

/// How many moments wait for somebody with this sight to approve them. Nobody decides about
/// their own.
///
/// # Errors
/// Those of the store.
pub fn waiting(r: &Read<'_>, sight: &Sight, own: Option<SubjectId>) -> Result<usize, StoreError> {
    Ok(campaign::waiting(&active(r)?, sight, own))
}

/// What each member makes of a moment, by member.
pub fn parts(r: &Read<'_>, id: MomentId) -> Result<Vec<Part>, StoreError> {
    r.all::<Part>(Some(&(id, MemberId::from_bits(0))))?
        .take_while(|part| part.as_ref().map_or(true, |part| part.moment == id))
        .collect()
}

/// Moments about which WeCom is to be asked now.
pub(super) fn due(r: &Read<'_>, now: Timestamp, most: usize) -> Result<Vec<Look>, StoreError> {
    r.list(&DUE, &Walk::default())?
        .take_while(|look| look.as_ref().map_or(true, |look| look.next_at <= now))
        .take(most)
        .collect()
}

/// The moment_ids of all moments that WeCom has told of.
pub(super) fn moment_ids(r: &Read<'_>) -> Result<BTreeSet<String>, StoreError> {
    let mut known = BTreeSet::new();
    for moment in r.all::<Moment>(None)? {
        known.insert(moment?.moment_id);
    }
    Ok(known)
}

/// Whom a moment reached, and what they made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Members who have published, of those who were to.
    pub published: u64,
    /// Members who have not and still can.
    pub waiting: u64,
    /// Customers reached, each once, as the ledger counts.
    pub reached: u64,
    /// Customers reached through each member.
    pub by_member: BTreeMap<MemberId, u64>,
    /// Likes, of all members' parts.
    pub likes: u64,
    /// Comments, of all members' parts.
    pub comments: u64,
}

/// Whom a moment reached, and what they made of it. Touches change only along with a record
/// that speaks for them, so the count holds as long as no record changes.
pub fn account(r: &Read<'_>, id: MomentId) -> Result<Account, StoreError> {
    let counted = r.remembered(id.bits(), || counted(r, id))?;
    Ok(Account::clone(&counted))
}

fn counted(r: &Read<'_>, id: MomentId) -> Result<Account, StoreError> {
    let mut account = Account::default();
    for part in parts(r, id)? {
        account.published += u64::from(part.state == PartState::Published);
        account.waiting += u64::from(part.state == PartState::Waiting);
        account.likes += part.likes;
        account.comments += part.comments;
    }
    let mut each: BTreeSet<CustomerId> = BTreeSet::new();
    for hit in touches::queries::of_cause(r, &cause(id), None, Walk::default())? {
        let (place, (customer, _)) = hit?;
        each.insert(customer);
        if let Some(member) = touches::queries::member_in(&place) {
            *account.by_member.entry(member).or_default() += 1;
        }
    }
    account.reached = each.len() as u64;
    Ok(account)
}

/// The customers whom one member's part is known to have reached.
pub(super) fn reached_by(
    r: &Read<'_>,
    id: MomentId,
    member: MemberId,
) -> Result<BTreeSet<CustomerId>, StoreError> {
    let sent = (TouchState::Sent, None);
    touches::queries::of_member(r, &cause(id), sent, member)?
        .map(|touch| touch.map(|(customer, _)| customer))
        .collect()
}
