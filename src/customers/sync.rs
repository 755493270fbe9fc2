//! Customers, relations and groups as WeCom tells them: insert or update, end, never delete.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    kit::Timestamp,
    org::{Gender, MemberId},
    store::{Key, Read, StoreError, Walk, Write},
    tags::{self, TagId},
};

use super::{
    AddWay, Customer, CustomerId, CustomerKind, Group, GroupId, GroupMember, GroupState, JoinScene,
    LastWord, Relation, RelationState,
    effects::{MarkTag, Remark},
    tables::{
        CUSTOMER_BY_EXTERNAL_ID, CUSTOMER_BY_NO, GROUP_BY_CHAT_ID, GROUP_BY_NO,
        GROUP_MEMBER_BY_GROUP, RELATION_BY_CUSTOMER, RELATION_BY_PAIR, external_key,
    },
};

/// What an answer says of one customer.
#[derive(Debug, Clone)]
pub struct CustomerFacts {
    /// WeCom's external_userid.
    pub external_userid: String,
    /// WeChat user or WeCom user.
    pub kind: CustomerKind,
    /// Name.
    pub name: String,
    /// Gender.
    pub gender: Gender,
    /// Address of the picture.
    pub avatar: String,
    /// WeChat unionid.
    pub unionid: String,
    /// Job title.
    pub position: String,
    /// Short name of the customer's firm.
    pub corp_name: String,
    /// Full name of the customer's firm.
    pub corp_full_name: String,
}

/// What an answer says of one member's tie to a customer.
#[derive(Debug, Clone)]
pub struct RelationFacts {
    /// The member's userid.
    pub userid: String,
    /// Remark.
    pub remark: String,
    /// Description.
    pub description: String,
    /// Company as remarked.
    pub company: String,
    /// Phones as remarked.
    pub phones: Vec<String>,
    /// WeCom's ids of corp tags.
    pub tags: Vec<String>,
    /// Personal tags; `None` if the call does not tell them.
    pub personal_tags: Option<Vec<String>>,
    /// How added.
    pub add_way: AddWay,
    /// Channel.
    pub channel: String,
    /// When added.
    pub added_at: Timestamp,
}

/// What applying a page did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Customers seen for the first time.
    pub new_customers: u64,
    /// Relations seen for the first time.
    pub new_relations: u64,
    /// Records created or changed in all.
    pub changed: u64,
    /// Relations of members the directory does not show us; they were left out.
    pub unknown_members: u64,
}

/// Stores a page of (customer, relation) pairs.
pub fn apply_page(
    w: &mut Write<'_>,
    members: &BTreeMap<String, MemberId>,
    page: &[(CustomerFacts, RelationFacts)],
) -> Result<Applied, StoreError> {
    let before = w.changed();
    let mut applied = Applied::default();
    let mut tag_ids = HashMap::new();
    for (customer, relation) in page {
        let Some(member) = members.get(&relation.userid.to_ascii_lowercase()) else {
            applied.unknown_members += 1;
            continue;
        };
        let (id, is_new) = put_customer(w, customer)?;
        applied.new_customers += u64::from(is_new);
        applied.new_relations += u64::from(put_relation(w, id, *member, relation, &mut tag_ids)?);
    }
    applied.changed = (w.changed() - before) as u64;
    Ok(applied)
}

fn put_customer(w: &mut Write<'_>, fact: &CustomerFacts) -> Result<(CustomerId, bool), StoreError> {
    let known = by_external_userid(&w.read(), &fact.external_userid)?;
    let is_new = known.is_none();
    let (id, no, known_since, unionid) = match known {
        // A unionid is left out where the firm's right to it is gone; it does not change.
        Some(known) => (known.id, known.no, known.known_since, known.unionid),
        None => {
            let no = w.read().next_number(&CUSTOMER_BY_NO, |c| c.no)?;
            (w.new_id::<Customer>()?, no, w.now(), String::new())
        }
    };
    w.put(&Customer {
        id,
        no,
        external_userid: fact.external_userid.clone(),
        kind: fact.kind,
        name: fact.name.clone(),
        gender: fact.gender,
        avatar: fact.avatar.clone(),
        unionid: if fact.unionid.is_empty() {
            unionid
        } else {
            fact.unionid.clone()
        },
        position: fact.position.clone(),
        corp_name: fact.corp_name.clone(),
        corp_full_name: fact.corp_full_name.clone(),
        known_since,
    })?;
    Ok((id, is_new))
}

fn put_relation(
    w: &mut Write<'_>,
    customer: CustomerId,
    member: MemberId,
    fact: &RelationFacts,
    tag_ids: &mut HashMap<String, Option<TagId>>,
) -> Result<bool, StoreError> {
    let known = relation_of(&w.read(), member, customer)?;
    let is_new = known.is_none();
    let (id, personal_tags, last_word) = match known {
        Some(known) => (known.id, known.personal_tags, known.last_word),
        None => (w.new_id::<Relation>()?, Vec::new(), None),
    };
    let mut tags = Vec::new();
    for wecom_id in &fact.tags {
        let tag = match tag_ids.get(wecom_id) {
            Some(tag) => *tag,
            None => {
                let tag = tags::sync::tag_by_wecom_id(&w.read(), wecom_id)?;
                tag_ids.insert(wecom_id.clone(), tag);
                tag
            }
        };
        tags.extend(tag);
    }
    // The order in which an answer lists tags and phones means nothing.
    tags.sort_unstable();
    tags.dedup();
    w.put(&Relation {
        id,
        customer,
        member,
        remark: fact.remark.clone(),
        description: fact.description.clone(),
        company: fact.company.clone(),
        phones: fact
            .phones
            .iter()
            .filter(|p| !p.is_empty())
            .cloned()
            .collect(),
        tags,
        personal_tags: fact.personal_tags.clone().unwrap_or(personal_tags),
        add_way: fact.add_way,
        channel: fact.channel.clone(),
        added_at: fact.added_at,
        state: RelationState::Active,
        last_word,
    })?;
    Ok(is_new)
}

/// The customer with this external_userid.
pub fn by_external_userid(
    r: &Read<'_>,
    external_userid: &str,
) -> Result<Option<Customer>, StoreError> {
    r.find(
        &CUSTOMER_BY_EXTERNAL_ID,
        external_key(r.vault(), external_userid),
    )
}

/// The relation between a member and a customer.
pub fn relation_of(
    r: &Read<'_>,
    member: MemberId,
    customer: CustomerId,
) -> Result<Option<Relation>, StoreError> {
    r.find(&RELATION_BY_PAIR, Key::new().with(member).with(customer))
}

/// External userids of the customers with whom `member` has an active relation, but who were
/// not in a complete list: each is a question to WeCom, not an answer.
pub fn missing_customers(
    r: &Read<'_>,
    member: MemberId,
    seen: &HashSet<String>,
) -> Result<Vec<String>, StoreError> {
    let mut missing = Vec::new();
    for relation in r.list(&RELATION_BY_PAIR, &Walk::prefix(Key::new().with(member)))? {
        let relation = relation?;
        if !relation.is_active() {
            continue;
        }
        if let Some(customer) = r.get::<Customer>(&relation.customer)?
            && !customer.is_own()
            && !seen.contains(&customer.external_userid)
        {
            missing.push(customer.external_userid);
        }
    }
    Ok(missing)
}

/// Stores one customer with everybody who follows it. One answer tells all followers, so the
/// relation of whoever is not among them has ended; those of `untouched` stay as they are.
/// Gives how many relations have ended.
pub fn apply_customer(
    w: &mut Write<'_>,
    members: &BTreeMap<String, MemberId>,
    customer: &CustomerFacts,
    relations: &[RelationFacts],
    untouched: &HashSet<MemberId>,
) -> Result<u64, StoreError> {
    let (id, _) = put_customer(w, customer)?;
    let (mut following, mut tag_ids) = (untouched.clone(), HashMap::new());
    for relation in relations {
        if let Some(member) = members.get(&relation.userid.to_ascii_lowercase()) {
            following.insert(*member);
            put_relation(w, id, *member, relation, &mut tag_ids)?;
        }
    }
    end_relations(w, id, &following)
}

/// WeCom has carried a marking out.
pub fn apply_marked(w: &mut Write<'_>, mark: &MarkTag) -> Result<(), StoreError> {
    let Some(mut relation) = w.get::<Relation>(&mark.pair.relation)? else {
        return Ok(());
    };
    for (wecom_ids, is_on) in [(&mark.add, true), (&mark.remove, false)] {
        for wecom_id in wecom_ids {
            if let Some(id) = tags::sync::tag_by_wecom_id(&w.read(), wecom_id)? {
                relation.tags.retain(|known| *known != id);
                relation.tags.extend(is_on.then_some(id));
            }
        }
    }
    relation.tags.sort_unstable();
    w.put(&relation)
}

/// WeCom has carried a noting out.
pub fn apply_noted(w: &mut Write<'_>, noted: &Remark) -> Result<(), StoreError> {
    let Some(mut relation) = w.get::<Relation>(&noted.pair.relation)? else {
        return Ok(());
    };
    let set = |field: &mut String, text: &Option<String>| {
        if let Some(text) = text {
            field.clone_from(text);
        }
    };
    set(&mut relation.remark, &noted.remark);
    set(&mut relation.description, &noted.description);
    set(&mut relation.company, &noted.company);
    if let Some(phones) = &noted.phones {
        relation.phones.clone_from(phones);
    }
    w.put(&relation)
}

/// Notes what the customer did about the member, unless something later is known.
pub fn note_last_word(
    w: &mut Write<'_>,
    external_userid: &str,
    member: MemberId,
    word: LastWord,
) -> Result<(), StoreError> {
    let Some(customer) = by_external_userid(&w.read(), external_userid)? else {
        return Ok(());
    };
    if let Some(mut relation) = relation_of(&w.read(), member, customer.id)?
        && relation.last_word.is_none_or(|known| known.at <= word.at)
    {
        relation.last_word = Some(word);
        w.put(&relation)?;
    }
    Ok(())
}

/// Ends all relations of a customer whom WeCom, asked about it alone, does not know any more.
pub fn apply_gone(w: &mut Write<'_>, external_userid: &str) -> Result<u64, StoreError> {
    match by_external_userid(&w.read(), external_userid)? {
        Some(customer) => end_relations(w, customer.id, &HashSet::new()),
        None => Ok(0),
    }
}

fn end_relations(
    w: &mut Write<'_>,
    customer: CustomerId,
    following: &HashSet<MemberId>,
) -> Result<u64, StoreError> {
    let mut ended = 0;
    for mut relation in relations_of(&w.read(), customer)? {
        if relation.is_active() && !following.contains(&relation.member) {
            relation.state = RelationState::Ended { at: w.now() };
            w.put(&relation)?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// All relations of a customer, ended ones included.
pub fn relations_of(r: &Read<'_>, customer: CustomerId) -> Result<Vec<Relation>, StoreError> {
    r.list(
        &RELATION_BY_CUSTOMER,
        &Walk::prefix(Key::new().with(customer)),
    )?
    .collect()
}

/// What an answer says of one group.
#[derive(Debug, Clone)]
pub struct GroupFacts {
    /// WeCom's chat_id.
    pub chat_id: String,
    /// Name.
    pub name: String,
    /// The owner's userid.
    pub owner: String,
    /// Notice.
    pub notice: String,
    /// When made.
    pub created_at: Timestamp,
    /// State.
    pub state: GroupState,
    /// WeCom's version of the member list.
    pub member_version: String,
    /// Everybody in it.
    pub people: Vec<GroupPersonFacts>,
}

/// What an answer says of somebody in a group.
#[derive(Debug, Clone)]
pub struct GroupPersonFacts {
    /// userid or external_userid.
    pub userid: String,
    /// Whether from outside.
    pub is_external: bool,
    /// Name.
    pub name: String,
    /// Name in the group.
    pub nickname: String,
    /// When joined.
    pub joined_at: Timestamp,
    /// How joined.
    pub scene: JoinScene,
    /// Channel of the join way, may be empty.
    pub channel: String,
}

/// Stores a group with everybody in it. One answer tells the whole group, so whoever is not
/// in it has left. Gives the number of records created, changed or deleted.
pub fn apply_group(
    w: &mut Write<'_>,
    members: &BTreeMap<String, MemberId>,
    fact: &GroupFacts,
) -> Result<u64, StoreError> {
    let before = w.changed();
    let known = group_by_chat_id(&w.read(), &fact.chat_id)?;
    let (id, no) = match known {
        Some(known) => (known.id, known.no),
        None => (
            w.new_id::<Group>()?,
            w.read().next_number(&GROUP_BY_NO, |g| g.no)?,
        ),
    };
    let external = fact.people.iter().filter(|p| p.is_external).count();
    w.put(&Group {
        id,
        no,
        chat_id: fact.chat_id.clone(),
        name: fact.name.clone(),
        owner: members.get(&fact.owner.to_ascii_lowercase()).copied(),
        notice: fact.notice.clone(),
        created_at: fact.created_at,
        state: fact.state,
        member_count: count32(fact.people.len() - external),
        external_count: count32(external),
        member_version: fact.member_version.clone(),
    })?;
    apply_people(w, members, id, &fact.people)?;
    Ok((w.changed() - before) as u64)
}

fn count32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn apply_people(
    w: &mut Write<'_>,
    members: &BTreeMap<String, MemberId>,
    group: GroupId,
    people: &[GroupPersonFacts],
) -> Result<(), StoreError> {
    let mut left: HashMap<String, GroupMember> = people_in(&w.read(), group)?
        .into_iter()
        .map(|m| (m.userid.clone(), m))
        .collect();
    let mut seen = HashSet::new();
    for person in people.iter().filter(|p| seen.insert(&p.userid)) {
        let id = match left.remove(&person.userid) {
            Some(known) => known.id,
            None => w.new_id::<GroupMember>()?,
        };
        let customer = match person.is_external {
            true => by_external_userid(&w.read(), &person.userid)?.map(|c| c.id),
            false => None,
        };
        let member = members.get(&person.userid.to_ascii_lowercase()).copied();
        w.put(&GroupMember {
            id,
            group,
            userid: person.userid.clone(),
            member: member.filter(|_| !person.is_external),
            customer,
            is_external: person.is_external,
            name: person.name.clone(),
            nickname: person.nickname.clone(),
            joined_at: person.joined_at,
            scene: person.scene,
            channel: person.channel.clone(),
        })?;
    }
    for gone in left.into_values() {
        w.delete::<GroupMember>(&gone.id)?;
    }
    Ok(())
}

/// Everybody in a group.
pub fn people_in(r: &Read<'_>, group: GroupId) -> Result<Vec<GroupMember>, StoreError> {
    r.list(
        &GROUP_MEMBER_BY_GROUP,
        &Walk::prefix(Key::new().with(group)),
    )?
    .collect()
}

/// The group with this chat_id.
pub fn group_by_chat_id(r: &Read<'_>, chat_id: &str) -> Result<Option<Group>, StoreError> {
    r.find(&GROUP_BY_CHAT_ID, Key::new().with(chat_id))
}

/// Groups that are not marked as gone but were not in a complete list.
pub fn missing_groups(r: &Read<'_>, seen: &HashSet<String>) -> Result<Vec<String>, StoreError> {
    let mut missing = Vec::new();
    for group in r.all::<Group>(None)? {
        let group = group?;
        if !matches!(group.state, GroupState::Gone { .. }) && !seen.contains(&group.chat_id) {
            missing.push(group.chat_id);
        }
    }
    Ok(missing)
}

/// Marks a group as gone that WeCom, asked about it alone, does not know any more.
pub fn mark_group_gone(w: &mut Write<'_>, chat_id: &str) -> Result<(), StoreError> {
    if let Some(mut group) = group_by_chat_id(&w.read(), chat_id)?
        && !matches!(group.state, GroupState::Gone { .. })
    {
        group.state = GroupState::Gone { at: w.now() };
        w.put(&group)?;
    }
    Ok(())
}
