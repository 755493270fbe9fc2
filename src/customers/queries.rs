//! Reads of customers and groups, through what the viewer sees.

use std::collections::BTreeSet;

use crate::{
    org::{MemberId, Sight},
    store::{Key, Read, StoreError, Walk},
    tags::TagId,
    work::effects::{self, Effect, EffectSpec},
};

use super::{
    Customer, CustomerId, Group, GroupId, GroupMember, Relation, RelationId,
    effects::{MARK_TAG, MarkTag, REMARK, Remark},
    sync::{people_in, relations_of},
    tables::{CUSTOMER_BY_NO, GROUP_BY_NO, GROUP_MEMBER_BY_CUSTOMER},
};

/// A customer as one viewer may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleCustomer {
    /// The customer.
    pub customer: Customer,
    /// The relations in scope: active ones first, then newest first. Never empty.
    pub relations: Vec<Relation>,
    /// How many relations exist that this viewer does not see.
    pub hidden_relations: usize,
}

impl VisibleCustomer {
    /// A customer with its relations in scope, of which there must be one.
    pub fn new(customer: Customer, mut relations: Vec<Relation>, hidden_relations: usize) -> Self {
        relations.sort_by_key(|r| (!r.is_active(), std::cmp::Reverse(r.added_at), r.id));
        Self {
            customer,
            relations,
            hidden_relations,
        }
    }

    /// The relation the customer is shown with: active before ended, then the newest.
    pub fn main(&self) -> &Relation {
        &self.relations[0]
    }

    /// All tags in scope, each once.
    pub fn tags(&self) -> Vec<TagId> {
        let tags = self.relations.iter().flat_map(|r| &r.tags);
        let all: BTreeSet<TagId> = tags.copied().collect();
        all.into_iter().collect()
    }
}

/// A customer, if at least one relation belongs to a member in scope.
pub fn customer(
    r: &Read<'_>,
    sight: &Sight,
    id: CustomerId,
) -> Result<Option<VisibleCustomer>, StoreError> {
    let whole = r.remembered(id.bits(), || {
        let relations = relations_of(r, id)?;
        Ok(Whole {
            customer: r.get(&id)?,
            relations,
        })
    })?;
    let relations = whole.relations.iter();
    let seen: Vec<Relation> = relations
        .filter(|relation| sight.sees(relation.member))
        .cloned()
        .collect();
    if seen.is_empty() {
        return Ok(None);
    }
    let hidden = whole.relations.len() - seen.len();
    let customer = whole.customer.clone();
    Ok(customer.map(|customer| VisibleCustomer::new(customer, seen, hidden)))
}

/// A customer with all relations, whoever may see them.
struct Whole {
    /// None if the person was erased.
    customer: Option<Customer>,
    relations: Vec<Relation>,
}

/// The customer with this running number (客户编号).
pub fn customer_by_no(
    r: &Read<'_>,
    sight: &Sight,
    no: u32,
) -> Result<Option<VisibleCustomer>, StoreError> {
    match r.find_key(&CUSTOMER_BY_NO, &Key::new().with(no))? {
        Some(id) => customer(r, sight, id),
        None => Ok(None),
    }
}

/// What is on its way to WeCom about a customer, and what failed, in the order planned.
pub fn pending(r: &Read<'_>, customer: CustomerId) -> Result<Vec<Effect>, StoreError> {
    effects::pending_about(r, "customer", &customer.to_string())
}

/// The markings of a relation that are on their way.
pub fn pending_marks(r: &Read<'_>, relation: &Relation) -> Result<Vec<MarkTag>, StoreError> {
    let mut marks: Vec<MarkTag> = on_the_way(r, relation, &MARK_TAG)?;
    marks.retain(|mark| mark.pair.relation == relation.id);
    Ok(marks)
}

/// The notings of a relation that are on their way.
pub fn pending_remarks(r: &Read<'_>, relation: &Relation) -> Result<Vec<Remark>, StoreError> {
    let mut remarks: Vec<Remark> = on_the_way(r, relation, &REMARK)?;
    remarks.retain(|remark| remark.pair.relation == relation.id);
    Ok(remarks)
}

fn on_the_way<T: for<'b> minicbor::Decode<'b, ()>>(
    r: &Read<'_>,
    relation: &Relation,
    kind: &EffectSpec,
) -> Result<Vec<T>, StoreError> {
    let pending = pending(r, relation.customer)?;
    let of_kind = pending
        .iter()
        .filter(|e| e.kind == kind.name && e.state.is_pending());
    Ok(of_kind
        .filter_map(|effect| minicbor::decode(&effect.input).ok())
        .collect())
}

/// A phone number of a relation in scope.
pub fn phone(
    r: &Read<'_>,
    sight: &Sight,
    relation: RelationId,
    place: usize,
) -> Result<Option<(Relation, String)>, StoreError> {
    let relation = r
        .get::<Relation>(&relation)?
        .filter(|found| sight.sees(found.member));
    Ok(relation.and_then(|relation| {
        let phone = relation.phones.get(place).cloned()?;
        Some((relation, phone))
    }))
}

/// Whether a group is visible: its owner is in scope, or, without a known owner, to those who
/// see everything.
fn sees_group(sight: &Sight, group: &Group) -> bool {
    match group.owner {
        Some(owner) => sight.sees(owner),
        None => sight.members().is_none(),
    }
}

/// A group without its people.
pub fn group_head(r: &Read<'_>, sight: &Sight, id: GroupId) -> Result<Option<Group>, StoreError> {
    Ok(r.get::<Group>(&id)?
        .filter(|group| sees_group(sight, group)))
}

/// What a list of a group's people is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct PeopleFilter {
    /// Only from outside, or only of the firm.
    pub is_external: Option<bool>,
    /// Only who came in this way (its code).
    pub scene: Option<String>,
    /// Only with this in the name or the name in the group, case folded.
    pub name: String,
}

/// The people in a group that the viewer sees, members of the firm first, then by time of
/// joining. WeCom's limit is 500, so the list is read whole.
pub fn people(
    r: &Read<'_>,
    sight: &Sight,
    group: GroupId,
    filter: &PeopleFilter,
) -> Result<Vec<GroupMember>, StoreError> {
    if group_head(r, sight, group)?.is_none() {
        return Ok(Vec::new());
    }
    let name = filter.name.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&name);
    let mut people = people_in(r, group)?;
    people.retain(|p| {
        filter.is_external.is_none_or(|is| is == p.is_external)
            && filter
                .scene
                .as_ref()
                .is_none_or(|scene| p.scene.code() == scene)
            && (name.is_empty() || has(&p.name) || has(&p.nickname))
    });
    people.sort_by_key(|p| (p.is_external, p.joined_at, p.id));
    Ok(people)
}

/// What a list of groups is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct GroupFilter {
    /// Only of this owner.
    pub owner: Option<MemberId>,
    /// Only of owners in this department (WeCom's number) or below.
    pub department: Option<u64>,
    /// Only in this state (its code).
    pub state: Option<String>,
    /// Only with this in the name, case folded.
    pub name: String,
}

/// All visible groups that match, newest first. A firm has hundreds to some thousands, so the
/// list is read whole and its total is exact.
pub fn groups(r: &Read<'_>, sight: &Sight, filter: &GroupFilter) -> Result<Vec<Group>, StoreError> {
    let name = filter.name.to_lowercase();
    let under = filter
        .department
        .map(|number| sight.directory.member_ids_under(number));
    let is_under = |group: &Group| {
        let owner = group.owner.as_ref();
        under
            .as_ref()
            .is_none_or(|under| owner.is_some_and(|owner| under.contains(owner)))
    };
    let matches = |group: &Group| {
        sees_group(sight, group)
            && is_under(group)
            && filter.owner.is_none_or(|owner| group.owner == Some(owner))
            && filter
                .state
                .as_ref()
                .is_none_or(|state| group.state.code() == state)
            && (name.is_empty() || group.name.to_lowercase().contains(&name))
    };
    let walk = Walk {
        backwards: true,
        ..Walk::default()
    };
    r.list(&GROUP_BY_NO, &walk)?
        .filter(|group| group.as_ref().map_or(true, matches))
        .collect()
}

/// The visible groups a customer is in, newest joined first.
pub fn groups_of(
    r: &Read<'_>,
    sight: &Sight,
    customer: CustomerId,
) -> Result<Vec<(Group, GroupMember)>, StoreError> {
    let mut found = Vec::new();
    for place in r.list(
        &GROUP_MEMBER_BY_CUSTOMER,
        &Walk::prefix(Key::new().with(customer)),
    )? {
        let place = place?;
        if let Some(group) = r.get::<Group>(&place.group)?
            && sees_group(sight, &group)
        {
            found.push((group, place));
        }
    }
    found.sort_by_key(|(_, place)| std::cmp::Reverse(place.joined_at));
    Ok(found)
}
