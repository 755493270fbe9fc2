//! What members know of customers, written to WeCom: tags, remark, description, phones.
//!
//! Planned here, in the order of the wishes for one customer; sent and looked after by the
//! sync, which also applies what WeCom has confirmed.

use minicbor::{Decode, Encode};

use crate::{
    error::Result,
    store::{Read, StoreError, SubjectId, Write},
    work::effects::{self, Area, Effect, EffectId, EffectSpec, NewEffect, Priority, Told},
};

use super::{Customer, CustomerId, RelationId, customer_no};

/// Puts corp tags on a relation and takes others off.
pub const MARK_TAG: EffectSpec = EffectSpec::post(
    "customers.mark_tag",
    Area::Customers,
    "externalcontact/mark_tag",
);
/// Changes what a member has noted about a customer.
pub const REMARK: EffectSpec = EffectSpec::post(
    "customers.remark",
    Area::Customers,
    "externalcontact/remark",
);

/// Whose relation to whom, in WeCom's words.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Pair {
    /// The relation.
    #[n(0)]
    pub relation: RelationId,
    /// The customer.
    #[n(1)]
    pub customer: CustomerId,
    /// The member's userid.
    #[n(2)]
    pub userid: String,
    /// The customer's external_userid.
    #[n(3)]
    pub external_userid: String,
}

/// Tags to be put on and taken off, by WeCom's ids.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MarkTag {
    /// Where.
    #[n(0)]
    pub pair: Pair,
    /// To be put on.
    #[n(1)]
    pub add: Vec<String>,
    /// To be taken off.
    #[n(2)]
    pub remove: Vec<String>,
}

/// What is to be noted; `None` leaves as is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Remark {
    /// Where.
    #[n(0)]
    pub pair: Pair,
    /// Remark (备注).
    #[n(1)]
    pub remark: Option<String>,
    /// Description (描述).
    #[n(2)]
    pub description: Option<String>,
    /// Company.
    #[n(3)]
    pub company: Option<String>,
    /// All phones.
    #[n(4)]
    pub phones: Option<Vec<String>>,
}

impl Remark {
    /// Catalogue keys of what changes.
    pub fn fields(&self) -> Vec<&'static str> {
        let fields = [
            (self.remark.is_some(), "customers.field.remark"),
            (self.description.is_some(), "customers.field.description"),
            (self.company.is_some(), "customers.field.company"),
            (self.phones.is_some(), "customers.field.phones"),
        ];
        let changed = fields.into_iter().filter(|(is_changed, _)| *is_changed);
        changed.map(|(_, key)| key).collect()
    }
}

/// The input of an effect.
pub fn input<T: for<'b> Decode<'b, ()>>(effect: &Effect) -> Result<T> {
    minicbor::decode(&effect.input).map_err(crate::error::AppError::internal)
}

/// Whose relation to whom an effect of this module is about.
pub fn pair_of(effect: &Effect) -> Option<Pair> {
    if effect.kind == MARK_TAG.name {
        return input::<MarkTag>(effect).ok().map(|mark| mark.pair);
    }
    input::<Remark>(effect).ok().map(|remark| remark.pair)
}

fn bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to memory does not fail")
}

/// Plans what is to be marked.
pub(super) fn plan_tags(
    w: &mut Write<'_>,
    mark: &MarkTag,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    plan(w, MARK_TAG, &mark.pair, bytes(mark), by)
}

/// Plans what is to be noted.
pub(super) fn plan_remark(
    w: &mut Write<'_>,
    remark: &Remark,
    by: Option<SubjectId>,
) -> Result<EffectId> {
    plan(w, REMARK, &remark.pair, bytes(remark), by)
}

fn plan(
    w: &mut Write<'_>,
    kind: EffectSpec,
    pair: &Pair,
    input: Vec<u8>,
    created_by: Option<SubjectId>,
) -> Result<EffectId> {
    effects::plan(
        w,
        NewEffect {
            kind,
            priority: Priority::Awaited,
            input,
            // Two at once for one customer may be refused (45035): one line per customer.
            about: ("customer", pair.customer.to_string()),
            batch: None,
            created_by,
            expires_at: None,
        },
    )
}

/// A marking in words.
pub fn tell_tags(r: &Read<'_>, effect: &Effect) -> Result<Told, StoreError> {
    let mark: Option<MarkTag> = minicbor::decode(&effect.input).ok();
    let count = |tags: Option<&Vec<String>>| tags.map_or(0, Vec::len).to_string();
    tell(
        r,
        mark.as_ref().map(|m| &m.pair),
        "effects.told.mark_tag",
        vec![
            ("add", count(mark.as_ref().map(|m| &m.add))),
            ("remove", count(mark.as_ref().map(|m| &m.remove))),
        ],
    )
}

/// A noting in words.
pub fn tell_remark(r: &Read<'_>, effect: &Effect) -> Result<Told, StoreError> {
    let remark: Option<Remark> = minicbor::decode(&effect.input).ok();
    let fields = remark.as_ref().map_or(Vec::new(), Remark::fields);
    let n = fields.len().to_string();
    let key = match fields[..] {
        ["customers.field.remark"] => "effects.told.remark_alone",
        ["customers.field.description"] => "effects.told.description_alone",
        ["customers.field.company"] => "effects.told.company_alone",
        ["customers.field.phones"] => "effects.told.phones_alone",
        _ => "effects.told.remark",
    };
    tell(r, remark.as_ref().map(|m| &m.pair), key, vec![("n", n)])
}

fn tell(
    r: &Read<'_>,
    pair: Option<&Pair>,
    key: &'static str,
    args: Vec<(&'static str, String)>,
) -> Result<Told, StoreError> {
    let customer = match pair {
        Some(pair) => r.get::<Customer>(&pair.customer)?,
        None => None,
    };
    Ok(Told {
        key,
        args,
        about: customer
            .as_ref()
            .map_or(String::new(), |c| customer_no(c.no)),
        href: customer.map(|c| format!("/customers/{}", c.id)),
    })
}
