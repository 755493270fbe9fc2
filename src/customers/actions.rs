//! What people do to customers: put tags on and take them off, note a remark. Both are wishes
//! to WeCom; the record here changes when WeCom has carried them out. What the firm keeps by
//! itself changes at once.

use std::sync::Arc;

use crate::{
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    org::{Directory, Member, Sight},
    store::{Read, StoreError, SubjectId, Write},
    tags::{self, TagId},
    work::effects::EffectId,
};

use super::{
    Customer, CustomerKind, Relation, RelationId,
    draft::{self, PHONES_MAX, too_long},
    effects::{self, MarkTag, Pair, Remark},
};

/// Characters of a remark and of a company at WeCom.
const SHORT_MAX: usize = 20;
/// Characters of a description at WeCom.
const DESCRIPTION_MAX: usize = 150;

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing differs.
    Same,
    /// WeCom is to be told.
    Planned(EffectId),
    /// It is so: WeCom has nothing to do with it.
    Done,
}

/// The relation, if it is active and the member lies in scope.
fn is_within(
    r: &Read<'_>,
    scope: &Scope,
    directory: &Arc<Directory>,
    relation: RelationId,
) -> Result<bool, StoreError> {
    let relation = r.get::<Relation>(&relation)?;
    let sight = Sight::new(directory.clone(), scope);
    Ok(relation.is_some_and(|found| found.is_active() && sight.sees(found.member)))
}

/// What a relation has to have at the end: exactly these tags among those the firm has.
#[derive(Debug, Clone)]
pub struct SetTags {
    /// The relation.
    pub relation: RelationId,
    /// The tags to be.
    pub tags: Vec<TagId>,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for SetTags {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
    const WHAT: &'static str = "customer";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_within(r, scope, &self.directory, self.relation)
    }
}

/// What is to be noted; `None` leaves as is.
#[derive(Debug, Clone)]
pub struct SetRemark {
    /// The relation.
    pub relation: RelationId,
    /// Remark.
    pub remark: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Company, only of WeChat users.
    pub company: Option<String>,
    /// Places of phones that go.
    pub drop_phones: Vec<usize>,
    /// A phone that comes.
    pub add_phone: Option<String>,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

impl Command for SetRemark {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
    const WHAT: &'static str = "customer";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_within(r, scope, &self.directory, self.relation)
    }
}

/// Relation, customer and member, as they are now.
fn found(w: &Write<'_>, relation: RelationId) -> Result<(Relation, Customer, Member)> {
    let missing = || AppError::NotFound { what: "customer" };
    let relation = w.get::<Relation>(&relation)?.ok_or_else(missing)?;
    let customer = w.get::<Customer>(&relation.customer)?;
    let member = w.get::<Member>(&relation.member)?;
    Ok((
        relation,
        customer.ok_or_else(missing)?,
        member.ok_or_else(missing)?,
    ))
}

fn pair(relation: &Relation, customer: &Customer, member: &Member) -> Pair {
    Pair {
        relation: relation.id,
        customer: customer.id,
        userid: member.userid.clone(),
        external_userid: customer.external_userid.clone(),
    }
}

/// The account that asks, as the outbox names it.
fn subject<C>(allowed: &Allowed<C>) -> Option<SubjectId> {
    allowed.by().map(|account| account.cast())
}

/// Plans the marking.
pub fn set_tags(w: &mut Write<'_>, allowed: Allowed<SetTags>) -> Result<Wish> {
    let by = subject(&allowed);
    let command = allowed.into_command();
    let (mut relation, customer, member) = found(w, command.relation)?;
    note_customer(w, &customer);
    let known = tags::queries::by_id(&w.read())?;
    if customer.is_own() {
        let wanted = command.tags.iter().filter(|id| known.contains_key(id));
        relation.tags = wanted.copied().collect();
        relation.tags.sort_unstable();
        relation.tags.dedup();
        return change(w, &relation);
    }
    // What is on its way counts as there: a second wish builds on the first.
    let current = tags_to_be(&w.read(), &relation)?;
    let wecom_id = |id: &TagId| {
        let tag = known.get(id).filter(|tag| !tag.is_local())?;
        Some(tag.wecom_id.clone())
    };
    let add = command.tags.iter().filter(|id| !current.contains(id));
    let add: Vec<String> = add.filter_map(wecom_id).collect();
    let remove = current.iter().filter(|id| !command.tags.contains(id));
    let remove: Vec<String> = remove.filter_map(wecom_id).collect();
    if add.is_empty() && remove.is_empty() {
        return Ok(Wish::Same);
    }
    let mark = MarkTag {
        pair: pair(&relation, &customer, &member),
        add,
        remove,
    };
    effects::plan_tags(w, &mark, by).map(Wish::Planned)
}

/// Changes what the firm keeps by itself.
fn change(w: &mut Write<'_>, relation: &Relation) -> Result<Wish> {
    let before = w.changed();
    w.put(relation)?;
    Ok(match w.changed() > before {
        true => Wish::Done,
        false => Wish::Same,
    })
}

/// The tags that a relation will have when everything on its way has been carried out.
pub fn tags_to_be(r: &Read<'_>, relation: &Relation) -> Result<Vec<TagId>, StoreError> {
    let mut tags = relation.tags.clone();
    for mark in super::queries::pending_marks(r, relation)? {
        for wecom_id in &mark.add {
            if let Some(id) = tags::sync::tag_by_wecom_id(r, wecom_id)?
                && !tags.contains(&id)
            {
                tags.push(id);
            }
        }
        for wecom_id in &mark.remove {
            if let Some(id) = tags::sync::tag_by_wecom_id(r, wecom_id)? {
                tags.retain(|known| *known != id);
            }
        }
    }
    Ok(tags)
}

/// Plans the noting.
pub fn set_remark(w: &mut Write<'_>, allowed: Allowed<SetRemark>) -> Result<Wish> {
    let by = subject(&allowed);
    let command = allowed.into_command();
    let (mut relation, customer, member) = found(w, command.relation)?;
    note_customer(w, &customer);
    check(&command, &customer)?;
    let phones = phones_to_be(&command, &relation)?;
    if customer.is_own() {
        let set = |field: &mut String, text: Option<String>| {
            if let Some(text) = text {
                text.trim().clone_into(field);
            }
        };
        set(&mut relation.remark, command.remark);
        set(&mut relation.description, command.description);
        set(&mut relation.company, command.company);
        relation.phones = phones.unwrap_or(relation.phones);
        return change(w, &relation);
    }
    // What is on its way may change it back: then the wish is sent in any case.
    let is_quiet = super::queries::pending_remarks(&w.read(), &relation)?.is_empty();
    let differs = |wish: Option<String>, now: &str| {
        wish.map(|text| text.trim().to_owned())
            .filter(|text| text != now || !is_quiet)
    };
    let remark = Remark {
        pair: pair(&relation, &customer, &member),
        remark: differs(command.remark, &relation.remark),
        description: differs(command.description, &relation.description),
        company: differs(command.company, &relation.company)
            .filter(|_| customer.kind == CustomerKind::Wechat),
        phones: phones.filter(|phones| *phones != relation.phones),
    };
    if remark.fields().is_empty() {
        return Ok(Wish::Same);
    }
    effects::plan_remark(w, &remark, by).map(Wish::Planned)
}

/// The audit entry names the customer, not only the relation.
fn note_customer(w: &mut Write<'_>, customer: &Customer) {
    w.act_mut().objects.push(crate::store::ObjectRef {
        kind: "customer",
        id: customer.id.to_string(),
    });
}

fn check(command: &SetRemark, customer: &Customer) -> Result<()> {
    let mut invalid = Invalid::default();
    let mut long = |field, text: &Option<String>, max: usize| {
        let text = text.as_deref().unwrap_or("").trim();
        invalid.problems.extend(too_long(field, text, max));
    };
    long("remark", &command.remark, SHORT_MAX);
    long("description", &command.description, DESCRIPTION_MAX);
    if customer.kind != CustomerKind::Wecom {
        long("company", &command.company, SHORT_MAX);
    }
    if let Some(phone) = &command.add_phone
        && draft::phone(phone).is_none()
    {
        invalid = invalid.with("add_phone", "customers.bad_phone");
    }
    invalid.into_result()
}

/// All phones at the end; `None` if nothing is said of them.
fn phones_to_be(command: &SetRemark, relation: &Relation) -> Result<Option<Vec<String>>> {
    if command.drop_phones.is_empty() && command.add_phone.is_none() {
        return Ok(None);
    }
    let places = relation.phones.iter().enumerate();
    let mut phones: Vec<String> = places
        .filter(|(place, _)| !command.drop_phones.contains(place))
        .map(|(_, phone)| phone.clone())
        .collect();
    if let Some(phone) = &command.add_phone {
        let phone = phone.trim().to_owned();
        if !phones.contains(&phone) {
            phones.push(phone);
        }
    }
    if phones.len() > PHONES_MAX {
        return Err(AppError::field("add_phone", "customers.many_phones"));
    }
    Ok(Some(phones))
}
