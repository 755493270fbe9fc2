//! Who is meant: conditions over the customers in the sender's sight, counted by the index of
//! people before any row is read. Groups are in `groups`.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use minicbor::{Decode, Encode};

use crate::{
    app::scope_filter,
    customers::{CustomerId, GroupId},
    error::Result,
    kit::Timestamp,
    org::{Member, MemberId, Sight},
    outreach::touches::{Room, TouchKind, Why, queries::Judge},
    search::{Chosen, Filters, Kind, People, PeopleQuery, Sort, channel_key},
    store::{Read, StoreError},
    sync::pilot::Pilot,
    tags::{self, TagId},
    wecom::ChatType,
};

use super::groups;

/// Numbers of the kinds of customers that WeCom knows.
const AT_WECOM: [u64; 2] = [1, 2];
/// Customers that can be listed one by one.
pub(super) const LISTED_MAX: usize = 5_000;

/// Conditions; what is empty is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Audience {
    /// Words, as in the search box.
    #[n(0)]
    pub text: String,
    /// These tags: any of those of one group, of all groups.
    #[n(1)]
    pub tags: Vec<TagId>,
    /// Each of the tags, not only one of a group.
    #[n(2)]
    pub all_tags: bool,
    /// None of these tags.
    #[n(3)]
    pub without_tags: Vec<TagId>,
    /// Followed by somebody in one of these departments (WeCom's numbers) or below.
    #[n(4)]
    pub departments: Vec<u64>,
    /// Followed by one of these members.
    #[n(5)]
    pub owners: Vec<MemberId>,
    /// Added at or after.
    #[n(6)]
    pub added_from: Option<Timestamp>,
    /// Added before.
    #[n(7)]
    pub added_before: Option<Timestamp>,
    /// Channel (渠道) of the relation.
    #[n(8)]
    pub channel: String,
    /// Only these.
    #[n(9)]
    pub listed: Option<Vec<CustomerId>>,
    /// Set: customer groups are meant, not customers. Of the conditions above, words (part of
    /// the group's name), departments and owners (the group's) hold.
    #[n(10)]
    pub groups: Option<GroupChoice>,
}

/// Which customer groups are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct GroupChoice {
    /// Only these.
    #[n(0)]
    pub listed: Option<Vec<GroupId>>,
}

/// What a broadcast reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Customers (客户).
    Customers,
    /// Customer groups (客户群).
    Groups,
}

impl Target {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Groups => "groups",
        }
    }

    /// As the ledger knows it.
    pub(super) fn kind(self) -> TouchKind {
        match self {
            Self::Customers => TouchKind::Broadcast,
            Self::Groups => TouchKind::GroupBroadcast,
        }
    }

    /// As WeCom knows it.
    pub(super) fn chat_type(self) -> ChatType {
        match self {
            Self::Customers => ChatType::Single,
            Self::Groups => ChatType::Group,
        }
    }

    /// Recipients of one task; WeCom takes no more (documentation, 创建企业群发).
    pub(super) fn task_max(self) -> usize {
        match self {
            Self::Customers => 10_000,
            Self::Groups => 2_000,
        }
    }
}

impl Audience {
    /// What it consists of.
    pub fn target(&self) -> Target {
        match self.groups {
            None => Target::Customers,
            Some(_) => Target::Groups,
        }
    }

    /// A commitment to the whole, hex.
    pub fn digest(&self) -> String {
        let bytes = minicbor::to_vec(self).unwrap_or_default();
        hex::encode(digest::digest(&digest::SHA256, &bytes))
    }

    /// The conditions as the engine takes them.
    fn filters(&self, r: &Read<'_>, sight: &Sight) -> Result<Filters> {
        let mut filters = Filters {
            customer_kinds: AT_WECOM.to_vec(),
            added_from: self.added_from,
            added_before: self.added_before,
            tags_none: self.without_tags.iter().map(|tag| tag.bits()).collect(),
            channel: (!self.channel.is_empty()).then(|| channel_key(&self.channel)),
            ..Filters::default()
        };
        if self.all_tags {
            filters.tags_all = self.tags.iter().map(|tag| tag.bits()).collect();
        } else {
            filters.tag_sets = self.tag_sets(r)?;
        }
        filters.owners = self.owners_wanted(sight);
        Ok(filters)
    }

    /// Bits of the members whose customers or groups are meant; none if all are.
    pub(super) fn owners_wanted(&self, sight: &Sight) -> Option<BTreeSet<u64>> {
        let mut owners: Option<BTreeSet<u64>> = None;
        if !self.owners.is_empty() {
            owners = Some(self.owners.iter().map(|owner| owner.bits()).collect());
        }
        if !self.departments.is_empty() {
            let under = self.departments.iter();
            let under = under.flat_map(|number| sight.directory.member_ids_under(*number));
            let under: BTreeSet<u64> = under.map(|member| member.bits()).collect();
            owners = Some(match owners {
                Some(owners) => owners.intersection(&under).copied().collect(),
                None => under,
            });
        }
        owners
    }

    /// The tags by their groups.
    fn tag_sets(&self, r: &Read<'_>) -> Result<Vec<Vec<u64>>> {
        if self.tags.is_empty() {
            return Ok(Vec::new());
        }
        let known = r.remembered(0, || tags::queries::by_id(r))?;
        let mut sets: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for tag in &self.tags {
            let group = known.get(tag).map_or(0, |known| known.group.bits());
            sets.entry(group).or_default().push(tag.bits());
        }
        Ok(sets.into_values().collect())
    }
}

/// A customer who is meant, by whom they are to hear, or why they cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The customer.
    pub customer: CustomerId,
    /// The member whose relation was chosen: of those who can send the one added first.
    pub member: MemberId,
    /// Why this customer is left out.
    pub why: Option<Why>,
}

/// Everybody who is meant, by member and id. Limits are not asked yet.
pub fn pick(
    r: &Read<'_>,
    people: &People,
    sight: &Sight,
    audience: &Audience,
) -> Result<Vec<Pick>> {
    let listed = audience.listed.as_ref();
    let listed: Option<BTreeSet<u64>> = listed.map(|ids| ids.iter().map(|id| id.bits()).collect());
    let mut query = PeopleQuery {
        text: audience.text.clone(),
        kind: Kind::Customer,
        scope: scope_filter(sight),
        filters: audience.filters(r, sight)?,
        sort: Sort::NewestAdded,
        may_see_phones: false,
    };
    let is_meant = |chosen: &Chosen| {
        listed
            .as_ref()
            .is_none_or(|ids| ids.contains(&chosen.object))
    };
    let mut found: BTreeMap<u64, (u64, Option<Why>)> = BTreeMap::new();
    let mut narrow = |query: &PeopleQuery, why: Option<Why>| -> Result<()> {
        for chosen in people.chosen(query)?.into_iter().filter(is_meant) {
            found.insert(chosen.object, (chosen.owner, why));
        }
        Ok(())
    };
    // Each question leaves fewer; who is not in the next is out for the reason of this one.
    narrow(&query, Some(Why::NotContact))?;
    query.filters.ended = Some(false);
    query.filters.deleted = Some(false);
    narrow(&query, Some(Why::NoSender))?;
    let owners = query.filters.owners.take();
    let is_wanted = |member: &&Member| {
        let wanted = owners.as_ref();
        wanted.is_none_or(|owners| owners.contains(&member.id.bits())) && sight.sees(member.id)
    };
    let can_send = |member: &&Member| member.is_here() && member.serves_customers;
    let members = sight.directory.members().filter(is_wanted);
    let able: Vec<&Member> = members.filter(can_send).collect();
    query.filters.owners = Some(able.iter().map(|member| member.id.bits()).collect());
    narrow(&query, Some(Why::OutsidePilot))?;
    let pilot = Pilot::load(r)?;
    let mut piloted = BTreeSet::new();
    for member in able {
        if pilot.has(r, member)? {
            piloted.insert(member.id.bits());
        }
    }
    query.filters.owners = Some(piloted);
    narrow(&query, None)?;
    let pick = |(customer, (member, why)): (u64, (u64, Option<Why>))| Pick {
        customer: CustomerId::from_bits(customer),
        member: MemberId::from_bits(member),
        why,
    };
    let mut picks: Vec<Pick> = found.into_iter().map(pick).collect();
    picks.sort_by_key(|pick| (pick.member, pick.customer));
    Ok(picks)
}

/// Somebody who is meant, as the ledger is to know them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meant {
    /// The customer, or a group in its place.
    pub(super) to: CustomerId,
    /// Who sends, if anybody can.
    pub(super) member: Option<MemberId>,
    /// Why this one is left out.
    pub(super) why: Option<Why>,
}

/// Everybody who is meant, customers or groups. Limits are not asked yet.
pub(super) fn meant(
    r: &Read<'_>,
    people: &People,
    sight: &Sight,
    audience: &Audience,
) -> Result<Vec<Meant>> {
    Ok(match audience.target() {
        Target::Customers => pick(r, people, sight, audience)?
            .into_iter()
            .map(|pick| Meant {
                to: pick.customer,
                member: Some(pick.member),
                why: pick.why,
            })
            .collect(),
        Target::Groups => groups::pick(r, sight, audience)?
            .into_iter()
            .map(|pick| Meant {
                to: pick.group.cast(),
                member: pick.owner,
                why: pick.why,
            })
            .collect(),
    })
}

/// Why one more does not fit.
pub(super) fn obstacle(
    r: &Read<'_>,
    judge: &Judge,
    target: Target,
    to: CustomerId,
) -> Result<Option<Why>, StoreError> {
    Ok(match judge.room(r, to, target.kind())? {
        Room::Over { .. } => Some(Why::OverLimit),
        Room::OptedOut => Some(Why::OptedOut),
        Room::Free | Room::QuietUntil(_) => match target {
            Target::Groups if judge.is_at_wecoms_limit(r, to.cast())? => Some(Why::WecomLimit),
            Target::Customers | Target::Groups => None,
        },
    })
}

/// Asks the ledger whether one more fits, for those who can be reached.
pub fn judge(r: &Read<'_>, judge: &Judge, picks: &mut [Pick]) -> Result<(), StoreError> {
    for pick in picks.iter_mut().filter(|pick| pick.why.is_none()) {
        pick.why = obstacle(r, judge, Target::Customers, pick.customer)?;
    }
    Ok(())
}

/// What would become of an audience.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Customers who would get it.
    pub reached: u64,
    /// Members who would have to confirm.
    pub senders: u64,
    /// Those members.
    pub members: BTreeSet<MemberId>,
    /// Who is left out, and why.
    pub skipped: BTreeMap<Why, u64>,
    /// When it would begin, if not at the time wanted: behind quiet hours.
    pub moved_to: Option<Timestamp>,
    /// Some of the customers who would get it.
    pub samples: Vec<CustomerId>,
    /// Of groups: people from outside in those that would get it.
    pub people: u64,
    /// Of groups: who would have to confirm, for how many groups with how many people.
    pub owners: BTreeMap<MemberId, (u64, u64)>,
    /// Of groups: some of those that are left out.
    pub left_out: Vec<(GroupId, Why)>,
}

/// Customers that a preview names.
const SAMPLES: usize = 3;

/// What would become of an audience at a time. Planning a moment later comes to the same.
pub fn preview(
    r: &Read<'_>,
    people: &People,
    sight: &Sight,
    audience: &Audience,
    at: Timestamp,
) -> Result<Preview> {
    if audience.target() == Target::Groups {
        return groups::preview(r, sight, audience, at);
    }
    let mut picks = pick(r, people, sight, audience)?;
    let moved_to = Judge::new(r, at)?.quiet_until();
    judge(r, &Judge::new(r, moved_to.unwrap_or(at))?, &mut picks)?;
    let mut preview = Preview {
        moved_to,
        ..Preview::default()
    };
    for pick in picks {
        match pick.why {
            Some(why) => *preview.skipped.entry(why).or_default() += 1,
            None => {
                preview.reached += 1;
                preview.members.insert(pick.member);
                if preview.samples.len() < SAMPLES {
                    preview.samples.push(pick.customer);
                }
            }
        }
    }
    preview.senders = preview.members.len() as u64;
    Ok(preview)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An audience as it was written before there were groups.
    #[derive(Encode)]
    struct Before {
        #[n(0)]
        text: String,
        #[n(1)]
        tags: Vec<TagId>,
        #[n(2)]
        all_tags: bool,
        #[n(3)]
        without_tags: Vec<TagId>,
        #[n(4)]
        departments: Vec<u64>,
        #[n(5)]
        owners: Vec<MemberId>,
        #[n(6)]
        added_from: Option<Timestamp>,
        #[n(7)]
        added_before: Option<Timestamp>,
        #[n(8)]
        channel: String,
        #[n(9)]
        listed: Option<Vec<CustomerId>>,
    }

    #[test]
    fn audiences_written_before_groups_are_read_and_keep_their_digest() {
        for listed in [None, Some(vec![CustomerId::from_bits(7)])] {
            let before = Before {
                text: "王".to_owned(),
                tags: Vec::new(),
                all_tags: false,
                without_tags: Vec::new(),
                departments: vec![3],
                owners: Vec::new(),
                added_from: None,
                added_before: Some(Timestamp::from_ms(5)),
                channel: "展会".to_owned(),
                listed: listed.clone(),
            };
            let bytes = minicbor::to_vec(&before).unwrap();
            let read: Audience = minicbor::decode(&bytes).unwrap();
            assert_eq!(read.target(), Target::Customers);
            assert_eq!((&read.text[..], &read.listed), ("王", &listed));
            let digest = digest::digest(&digest::SHA256, &bytes);
            assert_eq!(read.digest(), hex::encode(digest));
        }
        let to_groups = Audience {
            groups: Some(GroupChoice::default()),
            ..Audience::default()
        };
        let bytes = minicbor::to_vec(&to_groups).unwrap();
        assert_eq!(minicbor::decode::<Audience>(&bytes).unwrap(), to_groups);
    }
}
