//! Tags and groups of tags.

use minicbor::{Decode, Encode};

use crate::kit::{Id, Timestamp};

/// See [`Tag`].
pub type TagId = Id<Tag>;
/// See [`TagGroup`].
pub type TagGroupId = Id<TagGroup>;

/// A group of corp tags (标签组).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TagGroup {
    /// Ours.
    #[n(0)]
    pub id: TagGroupId,
    /// WeCom's id.
    #[n(1)]
    pub wecom_id: String,
    /// Name.
    #[n(2)]
    pub name: String,
    /// Larger stands first.
    #[n(3)]
    pub order: u64,
    /// Gone at WeCom.
    #[n(4)]
    pub deleted: bool,
}

impl TagGroup {
    /// Whether WeCom does not know it.
    pub fn is_local(&self) -> bool {
        self.wecom_id.starts_with(LOCAL)
    }
}

/// A corp tag (企业标签).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Tag {
    /// Ours.
    #[n(0)]
    pub id: TagId,
    /// WeCom's id.
    #[n(1)]
    pub wecom_id: String,
    /// Its group.
    #[n(2)]
    pub group: TagGroupId,
    /// Name.
    #[n(3)]
    pub name: String,
    /// Larger stands first in the group.
    #[n(4)]
    pub order: u64,
    /// Gone at WeCom.
    #[n(5)]
    pub deleted: bool,
    /// When Qitai made it at WeCom; none of those that were made there.
    #[n(6)]
    pub made_at: Option<Timestamp>,
}

impl Tag {
    /// Whether WeCom does not know it.
    pub fn is_local(&self) -> bool {
        self.wecom_id.starts_with(LOCAL)
    }
}

/// Beginning of what stands in place of WeCom's id as long as WeCom has not given one.
const LOCAL: &str = "local:";

/// Stands in place of WeCom's id.
pub(super) fn local_id<T>(id: Id<T>) -> String {
    format!("{LOCAL}{id}")
}
