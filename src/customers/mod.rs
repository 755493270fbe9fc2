//! Customers: external contacts, who follows them, and the groups they are in.
//!
//! Tables: `customers-1`, `relations-1`, `groups-1`, `group-members-1`. Invariants: a
//! customer is visible when at least one relation belongs to a member in scope; what a
//! relation says (remark, description, phones, company, tags) is visible only with that
//! relation; nobody is deleted because a page of an answer failed.

pub mod documents;
mod model;
pub mod queries;
pub mod sync;
pub mod tables;

pub use model::{
    AddWay, Customer, CustomerId, CustomerKind, Group, GroupId, GroupMember, GroupMemberId,
    GroupState, JoinScene, Relation, RelationId, RelationState,
};

/// What the slice says about itself.
pub fn slice() -> crate::slice::Slice {
    crate::slice::Slice {
        name: "customers",
        tables: tables::TABLES.to_vec(),
        ..crate::slice::Slice::default()
    }
}
