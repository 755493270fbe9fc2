//! Tags and groups of tags.

use minicbor::{Decode, Encode};

use crate::kit::Id;

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
}
