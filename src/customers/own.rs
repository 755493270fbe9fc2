//! Customers of the firm's own: made, changed and removed here, never told to WeCom.
//!
//! Each has exactly one relation, with the member who looks after it; who may see or change
//! the customer follows from that.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    org::{Directory, Member, MemberId, Sight},
    store::{Read, StoreError, Write},
    tags,
};

use super::{
    AddWay, Customer, CustomerId, CustomerKind, Relation, RelationState, draft::OwnDraft,
    sync::relations_of, tables::CUSTOMER_BY_NO,
};

/// A customer of the firm's own with its relation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Own {
    /// The customer.
    #[n(0)]
    pub customer: Customer,
    /// The relation.
    #[n(1)]
    pub relation: Relation,
}

/// The customer, if the firm keeps it by itself.
pub fn own(r: &Read<'_>, id: CustomerId) -> Result<Option<Own>, StoreError> {
    let customer = r.get::<Customer>(&id)?.filter(Customer::is_own);
    let relation = relations_of(r, id)?.into_iter().next();
    Ok(customer
        .zip(relation)
        .map(|(customer, relation)| Own { customer, relation }))
}

/// The versions of both records: whoever has seen others has seen another customer.
pub fn version(r: &Read<'_>, own: &Own) -> Result<String, StoreError> {
    let customer = r.get_versioned::<Customer>(&own.customer.id)?;
    let relation = r.get_versioned::<Relation>(&own.relation.id)?;
    let number = |version: Option<u32>| version.unwrap_or(0);
    Ok(format!(
        "{}.{}",
        number(customer.map(|found| found.version)),
        number(relation.map(|found| found.version))
    ))
}

/// Makes a customer or changes one.
#[derive(Debug, Clone)]
pub struct SaveOwn {
    /// Which one; none makes a new one.
    pub customer: Option<CustomerId>,
    /// The [`version`] that somebody saw before deciding; none does not look.
    pub seen: Option<String>,
    /// The customer to be.
    pub draft: OwnDraft,
    /// Who looks after it.
    pub member: MemberId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Removes a customer with all that is known of it.
#[derive(Debug, Clone)]
pub struct RemoveOwn {
    /// Which one.
    pub customer: CustomerId,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Makes a customer what it was before a change, unless it has changed since.
#[derive(Debug, Clone)]
pub struct PutBackOwn {
    /// The customer as that change left it.
    pub changed: Own,
    /// The customer before; none if the change made it.
    pub before: Option<Own>,
    /// The directory that says who is in scope.
    pub directory: Arc<Directory>,
}

/// Whether the customer is one of the firm's own and its relation lies in scope.
fn is_within(r: &Read<'_>, sight: &Sight, id: CustomerId) -> Result<bool, StoreError> {
    Ok(own(r, id)?.is_some_and(|found| sight.sees(found.relation.member)))
}

impl Command for SaveOwn {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
    const WHAT: &'static str = "customer";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let sight = Sight::new(self.directory.clone(), scope);
        let from = match self.customer {
            Some(id) => is_within(r, &sight, id)?,
            None => true,
        };
        Ok(from && sight.sees(self.member))
    }
}

impl Command for RemoveOwn {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
    const WHAT: &'static str = "customer";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        is_within(r, &Sight::new(self.directory.clone(), scope), self.customer)
    }
}

impl Command for PutBackOwn {
    const PERMISSION: Option<Permission> = Some(Permission::CustomerEdit);
    const WHAT: &'static str = "customer";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let sight = Sight::new(self.directory.clone(), scope);
        let to = self.before.as_ref();
        Ok(is_within(r, &sight, self.changed.customer.id)?
            && to.is_none_or(|before| sight.sees(before.relation.member)))
    }
}

/// Makes a customer or changes one; gives it as it was and as it is.
///
/// [`AppError::Invalid`] names what cannot be, `conflict.changed` that somebody else was
/// faster.
pub fn save(w: &mut Write<'_>, allowed: Allowed<SaveOwn>) -> Result<(Option<Own>, Own)> {
    let command = allowed.into_command();
    let before = match command.customer {
        Some(id) => Some(seen(w, id, command.seen.as_deref())?),
        None => None,
    };
    let mut draft = command.draft;
    draft.check().into_result()?;
    let known = tags::queries::by_id(&w.read())?;
    draft.tags.retain(|tag| known.contains_key(tag));
    draft.tags.sort_unstable();
    draft.tags.dedup();
    let stays = before.as_ref().map(|own| own.relation.member) == Some(command.member);
    let member = w.get::<Member>(&command.member)?;
    if !stays && !member.is_some_and(|member| member.is_here()) {
        return Err(AppError::field("owner", "customers.own.problem.owner_left"));
    }
    let base = match &before {
        Some(own) => own.clone(),
        None => blank(w, command.member)?,
    };
    let (customer, mut relation) = draft.onto(base.customer, base.relation);
    relation.member = command.member;
    w.put(&customer)?;
    w.put(&relation)?;
    Ok((before, Own { customer, relation }))
}

/// Removes a customer.
pub fn remove(w: &mut Write<'_>, allowed: Allowed<RemoveOwn>) -> Result<Own> {
    let own = seen(w, allowed.into_command().customer, None)?;
    delete(w, &own)?;
    Ok(own)
}

/// Undoes one change; `false` if the customer is not as that change left it, and stays so.
pub fn put_back(w: &mut Write<'_>, allowed: Allowed<PutBackOwn>) -> Result<bool> {
    let back = allowed.into_command();
    let now = seen(w, back.changed.customer.id, None)?;
    if now != back.changed {
        return Ok(false);
    }
    match back.before {
        Some(before) => {
            w.put(&before.customer)?;
            w.put(&before.relation)?;
        }
        None => delete(w, &now)?,
    }
    Ok(true)
}

fn delete(w: &mut Write<'_>, own: &Own) -> Result<()> {
    w.delete::<Relation>(&own.relation.id)?;
    w.delete::<Customer>(&own.customer.id)?;
    Ok(())
}

fn seen(w: &Write<'_>, id: CustomerId, version_seen: Option<&str>) -> Result<Own> {
    let found = own(&w.read(), id)?;
    let found = found.ok_or(AppError::NotFound { what: "customer" })?;
    match version_seen {
        Some(seen) if seen != version(&w.read(), &found)? => {
            Err(AppError::Conflict { why: "changed" })
        }
        _ => Ok(found),
    }
}

/// A customer of whom nothing is known yet.
fn blank(w: &mut Write<'_>, member: MemberId) -> Result<Own> {
    let id = w.new_id::<Customer>()?;
    let no = w.read().next_number(&CUSTOMER_BY_NO, |c| c.no)?;
    let now = w.now();
    let customer = Customer {
        id,
        no,
        external_userid: String::new(),
        kind: CustomerKind::Own,
        name: String::new(),
        gender: crate::org::Gender::Unknown,
        avatar: String::new(),
        unionid: String::new(),
        position: String::new(),
        corp_name: String::new(),
        corp_full_name: String::new(),
        known_since: now,
    };
    let relation = Relation {
        id: w.new_id::<Relation>()?,
        customer: id,
        member,
        remark: String::new(),
        description: String::new(),
        company: String::new(),
        phones: Vec::new(),
        tags: Vec::new(),
        personal_tags: Vec::new(),
        add_way: AddWay::OWN,
        channel: String::new(),
        added_at: now,
        state: RelationState::Active,
        last_word: None,
    };
    Ok(Own { customer, relation })
}
