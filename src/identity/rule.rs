//! Roles by department: what a member becomes who signs in with WeCom for the first time.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::{
    kit::Id,
    store::{AuditView, Class, Entity, Read, StoreError},
};

use super::{Role, Unit};

/// role-rules: department → role. The first that names a department of the member, or one
/// above it, counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RoleRule {
    /// Its id.
    #[n(0)]
    pub id: Id<RoleRule>,
    /// Its place; smaller is asked earlier.
    #[n(1)]
    pub place: u32,
    /// The department, with all below it.
    #[n(2)]
    pub unit: Id<Unit>,
    /// What its members become.
    #[n(3)]
    pub role: Role,
    /// The departments they manage.
    #[n(4)]
    pub units: Vec<Id<Unit>>,
}

impl Entity for RoleRule {
    const KIND: &'static str = "role_rule";
    const TABLE: &'static str = "role-rules-1";
    const CLASS: Class = Class::Record;
    type Key = Id<RoleRule>;
    fn key(&self) -> Id<RoleRule> {
        self.id
    }
    fn audit_view(&self) -> AuditView {
        let units: Vec<String> = self.units.iter().map(Id::to_string).collect();
        vec![
            ("place", self.place.into()),
            ("unit", self.unit.to_string().into()),
            ("role", self.role.code().into()),
            ("units", units.into()),
        ]
    }
}

impl RoleRule {
    /// All rules in their order.
    pub fn all(r: &Read<'_>) -> Result<Vec<Self>, StoreError> {
        let mut rules: Vec<Self> = r.all(None)?.collect::<Result<_, _>>()?;
        rules.sort_by_key(|rule| (rule.place, rule.id));
        Ok(rules)
    }

    /// The rule that counts for somebody in these departments; `inside` has those above too.
    pub fn first_for<'a>(rules: &'a [Self], inside: &BTreeSet<Id<Unit>>) -> Option<&'a Self> {
        rules.iter().find(|rule| inside.contains(&rule.unit))
    }
}
