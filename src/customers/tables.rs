//! customers, relations, groups, group-members: id → record, all but groups sealed.

use crate::store::{AuditView, Class, Entity, Index, Key, SubjectId, TableSpec, Vault};

use super::{
    Customer, CustomerId, Group, GroupId, GroupMember, GroupMemberId, Relation, RelationId,
    model::mask_phone,
};

/// Customers by external_userid; those of the firm's own have none.
pub(super) const CUSTOMER_BY_EXTERNAL_ID: Index<Customer> =
    Index::unique("customers-1.by_external_userid", |c, vault| {
        let key = (!c.is_own()).then(|| external_key(vault, &c.external_userid));
        key.into_iter().collect()
    });

/// Customers by running number.
pub(super) const CUSTOMER_BY_NO: Index<Customer> =
    Index::unique("customers-1.by_no", |c, _| vec![Key::new().with(c.no)]);

/// The relations of a customer.
pub(super) const RELATION_BY_CUSTOMER: Index<Relation> =
    Index::new("relations-1.by_customer", |r, _| {
        vec![Key::new().with(r.customer)]
    });

/// The relation of a member with a customer.
pub(super) const RELATION_BY_PAIR: Index<Relation> =
    Index::unique("relations-1.by_pair", |r, _| {
        vec![Key::new().with(r.member).with(r.customer)]
    });

/// Groups by chat_id.
pub(super) const GROUP_BY_CHAT_ID: Index<Group> = Index::unique("groups-1.by_chat_id", |g, _| {
    vec![Key::new().with(g.chat_id.as_str())]
});

/// Groups by running number.
pub(super) const GROUP_BY_NO: Index<Group> =
    Index::unique("groups-1.by_no", |g, _| vec![Key::new().with(g.no)]);

/// The people in a group.
pub(super) const GROUP_MEMBER_BY_GROUP: Index<GroupMember> =
    Index::new("group-members-1.by_group", |m, _| {
        vec![Key::new().with(m.group)]
    });

/// The groups of a customer.
pub(super) const GROUP_MEMBER_BY_CUSTOMER: Index<GroupMember> =
    Index::new("group-members-1.by_customer", |m, _| {
        m.customer.map(|c| Key::new().with(c)).into_iter().collect()
    });

/// The key of an external_userid in [`CUSTOMER_BY_EXTERNAL_ID`].
pub(super) fn external_key(vault: &Vault, external_userid: &str) -> Key {
    Key::new().with(vault.blind("customers-1.by_external_userid", external_userid.as_bytes()))
}

impl Entity for Customer {
    const KIND: &'static str = "customer";
    const TABLE: &'static str = "customers-1";
    const CLASS: Class = Class::Record;
    type Key = CustomerId;

    fn key(&self) -> CustomerId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.id.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[CUSTOMER_BY_EXTERNAL_ID, CUSTOMER_BY_NO]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("kind", self.kind.code().into()),
            ("gender", self.gender.code().into()),
            ("position", self.position.as_str().into()),
            ("corp_name", self.corp_name.as_str().into()),
            ("corp_full_name", self.corp_full_name.as_str().into()),
            ("avatar", self.avatar.as_str().into()),
        ]
    }
}

impl Entity for Relation {
    const KIND: &'static str = "relation";
    const TABLE: &'static str = "relations-1";
    const CLASS: Class = Class::Record;
    type Key = RelationId;

    fn key(&self) -> RelationId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.customer.cast())
    }
    fn indexes() -> &'static [Index<Self>] {
        &[RELATION_BY_CUSTOMER, RELATION_BY_PAIR]
    }
    fn audit_view(&self) -> AuditView {
        let masked: Vec<String> = self.phones.iter().map(|p| mask_phone(p)).collect();
        let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
        vec![
            ("customer", self.customer.to_string().into()),
            ("member", self.member.to_string().into()),
            ("remark", self.remark.as_str().into()),
            ("description", self.description.as_str().into()),
            ("company", self.company.as_str().into()),
            ("phones", masked.into()),
            ("tags", tags.into()),
            ("personal_tags", self.personal_tags.clone().into()),
            ("add_way", self.add_way.0.into()),
            ("channel", self.channel.as_str().into()),
            ("added_at", self.added_at.ms().into()),
            ("active", self.is_active().into()),
            ("deleted_by_customer", self.is_deleted_by_customer().into()),
        ]
    }
}

impl Entity for Group {
    const KIND: &'static str = "group";
    const TABLE: &'static str = "groups-1";
    const CLASS: Class = Class::Record;
    type Key = GroupId;

    fn key(&self) -> GroupId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[GROUP_BY_CHAT_ID, GROUP_BY_NO]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("owner", self.owner.map(|o| o.to_string()).into()),
            ("notice", self.notice.as_str().into()),
            ("state", self.state.code().into()),
            ("members", self.member_count.into()),
            ("external", self.external_count.into()),
        ]
    }
}

impl Entity for GroupMember {
    const KIND: &'static str = "group_member";
    const TABLE: &'static str = "group-members-1";
    const CLASS: Class = Class::Record;
    type Key = GroupMemberId;

    fn key(&self) -> GroupMemberId {
        self.id
    }
    /// Strangers in a group are data subjects of their own, under the row's id.
    fn subject(&self) -> Option<SubjectId> {
        let known = self
            .customer
            .map(|c| c.cast())
            .or(self.member.map(|m| m.cast()));
        Some(known.unwrap_or_else(|| self.id.cast()))
    }
    fn indexes() -> &'static [Index<Self>] {
        &[GROUP_MEMBER_BY_GROUP, GROUP_MEMBER_BY_CUSTOMER]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("group", self.group.to_string().into()),
            ("name", self.name.as_str().into()),
            ("nickname", self.nickname.as_str().into()),
            ("external", self.is_external.into()),
            ("joined_at", self.joined_at.ms().into()),
        ]
    }
}

/// The slice's tables.
pub(crate) const TABLES: [TableSpec; 6] = [
    TableSpec::of::<Customer>(),
    TableSpec::of::<Relation>(),
    TableSpec::of::<Group>(),
    TableSpec::of::<GroupMember>(),
    TableSpec::of::<super::views::NamedView>(),
    TableSpec::of::<super::views::DefaultView>(),
];
