//! tag-groups: TagGroupId → TagGroup · tags: TagId → Tag. Both by WeCom's id.

use crate::store::{AuditView, Class, Entity, Index, Key, TableSpec};

use super::{Tag, TagGroup, TagGroupId, TagId};

/// Groups by WeCom's id.
pub(super) const GROUP_BY_WECOM_ID: Index<TagGroup> =
    Index::unique("tag-groups-1.by_wecom_id", |g, _| {
        vec![Key::new().with(g.wecom_id.as_str())]
    });

/// Tags by WeCom's id.
pub(super) const TAG_BY_WECOM_ID: Index<Tag> = Index::unique("tags-1.by_wecom_id", |t, _| {
    vec![Key::new().with(t.wecom_id.as_str())]
});

impl Entity for TagGroup {
    const KIND: &'static str = "tag_group";
    const TABLE: &'static str = "tag-groups-1";
    const CLASS: Class = Class::Record;
    type Key = TagGroupId;

    fn key(&self) -> TagGroupId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[GROUP_BY_WECOM_ID]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("order", self.order.into()),
            ("deleted", self.deleted.into()),
        ]
    }
}

impl Entity for Tag {
    const KIND: &'static str = "tag";
    const TABLE: &'static str = "tags-1";
    const CLASS: Class = Class::Record;
    type Key = TagId;

    fn key(&self) -> TagId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[TAG_BY_WECOM_ID]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("group", self.group.to_string().into()),
            ("order", self.order.into()),
            ("deleted", self.deleted.into()),
        ]
    }
}

/// The slice's tables.
pub(crate) const TABLES: [TableSpec; 2] = [TableSpec::of::<TagGroup>(), TableSpec::of::<Tag>()];
