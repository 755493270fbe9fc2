//! What search knows of customers, members and groups: the documents of one changed record.

use crate::{
    org::{Member, MemberId},
    search::{Kind, ObjectDocs, RowDoc},
    store::{Entity, FeedEntry, Read, StoreError},
};

use super::{
    Customer, CustomerId, CustomerKind, Group, GroupId, Relation, RelationId, sync::relations_of,
};

/// The documents that a feed entry makes stale, as they are now; `None` if it changes nothing
/// that is searched.
pub fn of_entry(r: &Read<'_>, entry: &FeedEntry) -> Result<Option<ObjectDocs>, StoreError> {
    match entry.kind.as_str() {
        Customer::KIND => match entry.key_as::<CustomerId>() {
            Some(id) => of_customer(r, id).map(Some),
            None => Ok(None),
        },
        Relation::KIND => match entry.key_as::<RelationId>() {
            // Relations are ended, not deleted, so the row names its customer.
            Some(id) => match r.get::<Relation>(&id)? {
                Some(relation) => of_customer(r, relation.customer).map(Some),
                None => Ok(None),
            },
            None => Ok(None),
        },
        Member::KIND => match entry.key_as::<MemberId>() {
            Some(id) => of_member(r, id).map(Some),
            None => Ok(None),
        },
        Group::KIND => match entry.key_as::<GroupId>() {
            Some(id) => of_group(r, id).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The documents of everything, for building the index anew.
pub fn of_all<'a>(
    r: &Read<'a>,
) -> Result<impl Iterator<Item = Result<ObjectDocs, StoreError>> + use<'a>, StoreError> {
    let read = *r;
    let customers = r
        .all::<Customer>(None)?
        .map(move |c| customer_docs(&read, &c?));
    let members = r.all::<Member>(None)?.map(|m| Ok(member_docs(&m?)));
    let groups = r.all::<Group>(None)?.map(|g| Ok(group_docs(&g?)));
    Ok(customers.chain(members).chain(groups))
}

fn gone(kind: Kind, object: u64) -> ObjectDocs {
    ObjectDocs {
        kind,
        object,
        no: 0,
        rows: Vec::new(),
    }
}

fn of_customer(r: &Read<'_>, id: CustomerId) -> Result<ObjectDocs, StoreError> {
    match r.get::<Customer>(&id)? {
        Some(customer) => customer_docs(r, &customer),
        None => Ok(gone(Kind::Customer, id.bits())),
    }
}

fn customer_docs(r: &Read<'_>, customer: &Customer) -> Result<ObjectDocs, StoreError> {
    let row = |relation: Relation| {
        let names = [&relation.remark, &relation.company, &customer.corp_name];
        let mut texts: Vec<String> = names.into_iter().cloned().collect();
        let pinyin_texts = texts.clone();
        texts.extend([
            relation.description.clone(),
            customer.corp_full_name.clone(),
            customer.position.clone(),
        ]);
        texts.extend(relation.personal_tags.iter().cloned());
        RowDoc {
            owner: relation.member.bits(),
            name: customer.name.clone(),
            texts,
            pinyin_texts,
            ended: !relation.is_active(),
            deleted: relation.is_deleted_by_customer(),
            channel: relation.channel.clone(),
            tags: relation.tags.iter().map(|tag| tag.bits()).collect(),
            way: u64::from(relation.add_way.0),
            customer_kind: kind_number(customer.kind),
            added_at: relation.added_at,
            phones: relation.phones,
        }
    };
    Ok(ObjectDocs {
        kind: Kind::Customer,
        object: customer.id.bits(),
        no: customer.no,
        rows: relations_of(r, customer.id)?.into_iter().map(row).collect(),
    })
}

/// The number of a kind of customer in documents and filters.
pub(super) fn kind_number(kind: CustomerKind) -> u64 {
    match kind {
        CustomerKind::Wechat => 1,
        CustomerKind::Wecom => 2,
        CustomerKind::Own => 3,
    }
}

fn of_member(r: &Read<'_>, id: MemberId) -> Result<ObjectDocs, StoreError> {
    Ok(match r.get::<Member>(&id)? {
        Some(member) => member_docs(&member),
        None => gone(Kind::Member, id.bits()),
    })
}

fn member_docs(member: &Member) -> ObjectDocs {
    let texts = vec![
        member.alias.clone(),
        member.position.clone(),
        member.userid.clone(),
    ];
    let row = RowDoc {
        owner: member.id.bits(),
        name: member.name.clone(),
        pinyin_texts: vec![member.alias.clone()],
        texts,
        ended: !member.is_here(),
        phones: vec![member.mobile.clone()]
            .into_iter()
            .filter(|m| !m.is_empty())
            .collect(),
        ..RowDoc::default()
    };
    ObjectDocs {
        kind: Kind::Member,
        object: member.id.bits(),
        no: member.no,
        rows: vec![row],
    }
}

fn of_group(r: &Read<'_>, id: GroupId) -> Result<ObjectDocs, StoreError> {
    Ok(match r.get::<Group>(&id)? {
        Some(group) => group_docs(&group),
        None => gone(Kind::Group, id.bits()),
    })
}

fn group_docs(group: &Group) -> ObjectDocs {
    let row = RowDoc {
        owner: group.owner.map_or(0, |owner| owner.bits()),
        name: group.name.clone(),
        texts: vec![group.notice.clone()],
        added_at: group.created_at,
        ..RowDoc::default()
    };
    ObjectDocs {
        kind: Kind::Group,
        object: group.id.bits(),
        no: group.no,
        rows: vec![row],
    }
}
