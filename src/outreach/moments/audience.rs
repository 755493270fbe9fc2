//! Who would publish a moment, and how many customers might see it: members in the sight of
//! whoever sends it, and those of their customers with one of the tags. WeCom takes the two
//! together (documentation, 创建发表任务, visible_range).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::scope_filter,
    error::Result,
    org::{Member, MemberId, Sight},
    outreach::touches::Why,
    search::{Filters, Kind, People},
    store::Read,
    sync::pilot::Pilot,
};

use super::model::Range;

/// Numbers of the kinds of customers that WeCom knows.
const AT_WECOM: [u64; 2] = [1, 2];

/// What would become of a range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Members who would have to publish.
    pub senders: Vec<MemberId>,
    /// Members who were chosen and cannot, and why.
    pub left_out: BTreeMap<Why, u64>,
    /// Customers who might see it, each once.
    pub audience: u64,
}

/// What would become of a range, through somebody's sight.
///
/// # Errors
/// Those of the store and the index.
pub fn plan(r: &Read<'_>, people: &People, sight: &Sight, range: &Range) -> Result<Plan> {
    let pilot = Pilot::load(r)?;
    let mut plan = Plan::default();
    let chosen = chosen(sight, range);
    let names_all = range.members.is_empty() && range.departments.is_empty();
    for member in chosen {
        if !can_publish(member) {
            // Who is not named is not missed.
            if !names_all {
                *plan.left_out.entry(Why::NoSender).or_default() += 1;
            }
        } else if !pilot.has(r, member)? {
            *plan.left_out.entry(Why::OutsidePilot).or_default() += 1;
        } else {
            plan.senders.push(member.id);
        }
    }
    plan.senders.sort_unstable();
    plan.audience = count(people, sight, range, &plan.senders)?;
    Ok(plan)
}

/// Whether a member can publish moments for customers.
pub(super) fn can_publish(member: &Member) -> bool {
    member.is_here() && member.serves_customers
}

fn chosen<'s>(sight: &'s Sight, range: &Range) -> Vec<&'s Member> {
    let mut ids: BTreeSet<MemberId> = range.members.iter().copied().collect();
    for number in &range.departments {
        ids.extend(sight.directory.member_ids_under(*number));
    }
    let names_all = range.members.is_empty() && range.departments.is_empty();
    let members = sight.directory.members();
    members
        .filter(|member| sight.sees(member.id) && (names_all || ids.contains(&member.id)))
        .collect()
}

fn count(people: &People, sight: &Sight, range: &Range, senders: &[MemberId]) -> Result<u64> {
    let filters = Filters {
        owners: Some(senders.iter().map(|member| member.bits()).collect()),
        tags: range.tags.iter().map(|tag| tag.bits()).collect(),
        customer_kinds: AT_WECOM.to_vec(),
        ended: Some(false),
        deleted: Some(false),
        ..Filters::default()
    };
    let counted = people.counts(Kind::Customer, &scope_filter(sight), &[filters])?;
    Ok(counted.first().copied().unwrap_or(0))
}
