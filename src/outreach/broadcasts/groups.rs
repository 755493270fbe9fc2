//! Which customer groups are meant: those in the sender's sight by their owner. A firm has some
//! thousands at most, so they are read whole.

use std::collections::BTreeSet;

use crate::{
    customers::{
        Group, GroupId, GroupState,
        queries::{self, GroupFilter},
    },
    error::Result,
    kit::Timestamp,
    org::{MemberId, Sight},
    outreach::touches::{Why, queries::Judge},
    store::{Read, StoreError},
    sync::pilot::Pilot,
};

use super::audience::{self, Audience, Preview, Target};

/// Groups that can be listed one by one.
pub(super) const LISTED_MAX: usize = 2_000;
/// Groups left out that a preview names.
const LEFT_OUT_SHOWN: usize = 50;

/// A group that is meant, by whom it is to hear, or why it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPick {
    /// The group.
    pub group: GroupId,
    /// Its owner, who alone can send into it; none if not known here.
    pub owner: Option<MemberId>,
    /// People from outside in it.
    pub people: u64,
    /// Why this group is left out.
    pub why: Option<Why>,
}

/// All groups that are meant, by owner and id. Limits are not asked yet. One that is gone is
/// meant only if it is listed.
pub fn pick(r: &Read<'_>, sight: &Sight, audience: &Audience) -> Result<Vec<GroupPick>> {
    let listed = audience.groups.as_ref();
    let listed = listed.and_then(|choice| choice.listed.as_ref());
    let listed: Option<BTreeSet<GroupId>> = listed.map(|ids| ids.iter().copied().collect());
    let owners = audience.owners_wanted(sight);
    let filter = GroupFilter {
        name: audience.text.clone(),
        ..GroupFilter::default()
    };
    let is_meant = |group: &Group| {
        let is_listed = match &listed {
            Some(listed) => listed.contains(&group.id),
            None => !matches!(group.state, GroupState::Gone { .. }),
        };
        let of_wanted = |owners: &BTreeSet<u64>| {
            let owner = group.owner.as_ref();
            owner.is_some_and(|owner| owners.contains(&owner.bits()))
        };
        is_listed && owners.as_ref().is_none_or(of_wanted)
    };
    let pilot = Pilot::load(r)?;
    let mut picks = Vec::new();
    for group in queries::groups(r, sight, &filter)? {
        if is_meant(&group) {
            picks.push(GroupPick {
                group: group.id,
                owner: group.owner,
                people: u64::from(group.external_count),
                why: obstacle(r, sight, &pilot, &group)?,
            });
        }
    }
    picks.sort_by_key(|pick| (pick.owner, pick.group));
    Ok(picks)
}

/// Why nothing can be sent into a group.
fn obstacle(r: &Read<'_>, sight: &Sight, pilot: &Pilot, group: &Group) -> Result<Option<Why>> {
    match group.state {
        GroupState::Gone { .. } => return Ok(Some(Why::GroupGone)),
        GroupState::OwnerLeft | GroupState::Inheriting => return Ok(Some(Why::NoSender)),
        GroupState::Normal | GroupState::Inherited => {}
    }
    let owner = group.owner.and_then(|id| sight.directory.member(id));
    let owner = owner.filter(|owner| owner.is_here() && owner.serves_customers);
    Ok(match owner {
        None => Some(Why::NoSender),
        Some(owner) if !pilot.has(r, owner)? => Some(Why::OutsidePilot),
        Some(_) => None,
    })
}

/// Asks the ledger whether one more fits, for those that can be reached.
pub fn judge(r: &Read<'_>, judge: &Judge, picks: &mut [GroupPick]) -> Result<(), StoreError> {
    for pick in picks.iter_mut().filter(|pick| pick.why.is_none()) {
        pick.why = audience::obstacle(r, judge, Target::Groups, pick.group.cast())?;
    }
    Ok(())
}

/// What would become of an audience of groups at a time.
pub(super) fn preview(
    r: &Read<'_>,
    sight: &Sight,
    audience: &Audience,
    at: Timestamp,
) -> Result<Preview> {
    let mut picks = pick(r, sight, audience)?;
    let moved_to = Judge::new(r, at)?.quiet_until();
    judge(r, &Judge::new(r, moved_to.unwrap_or(at))?, &mut picks)?;
    let mut preview = Preview {
        moved_to,
        ..Preview::default()
    };
    for pick in picks {
        match (pick.why, pick.owner) {
            (None, Some(owner)) => {
                preview.reached += 1;
                preview.people += pick.people;
                let share = preview.owners.entry(owner).or_default();
                *share = (share.0 + 1, share.1 + pick.people);
            }
            (why, _) => {
                // Without an owner there is always a reason.
                let why = why.unwrap_or(Why::NoSender);
                *preview.skipped.entry(why).or_default() += 1;
                if preview.left_out.len() < LEFT_OUT_SHOWN {
                    preview.left_out.push((pick.group, why));
                }
            }
        }
    }
    preview.members = preview.owners.keys().copied().collect();
    preview.senders = preview.members.len() as u64;
    Ok(preview)
}

/// People from outside in a group, by what was heard of it last.
pub(super) fn people_in(r: &Read<'_>, group: GroupId) -> Result<u64, StoreError> {
    let group = r.get::<Group>(&group)?;
    Ok(group.map_or(0, |group| u64::from(group.external_count)))
}
