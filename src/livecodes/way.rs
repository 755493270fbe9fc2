//! What a code has made at WeCom: contact ways and join ways, each with its picture.

use minicbor::{Decode, Encode};

use crate::{customers::GroupId, kit::Id, org::MemberId};

use super::LiveCodeId;

/// See [`Way`].
pub type WayId = Id<Way>;

/// Whom or what a way adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Target {
    /// All members of the code; WeCom chooses (联系我, 多人). For places where the code must
    /// be WeCom's own.
    #[n(0)]
    Direct,
    /// One member (联系我, 单人).
    #[n(1)]
    Member(#[n(0)] MemberId),
    /// One group (加入群聊).
    #[n(2)]
    Group(#[n(0)] GroupId),
}

/// The picture of a way, kept here: see [`Bytes`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Picture {
    /// SHA-256 of the bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// `image/png`, `image/jpeg` or `image/svg+xml`.
    #[n(1)]
    pub media_type: String,
}

impl Picture {
    /// Head of the hash: the picture's address changes with it.
    pub fn version(&self) -> String {
        hex::encode(&self.sha256[..8])
    }
}

/// A way at WeCom to a member or a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Way {
    /// Ours; stands in its note at WeCom, by which it is found again.
    #[n(0)]
    pub id: WayId,
    /// The code it belongs to.
    #[n(1)]
    pub code: LiveCodeId,
    /// Whom or what it adds.
    #[n(2)]
    pub target: Target,
    /// WeCom's id; empty until WeCom has made it, and again when it is deleted there.
    #[n(3)]
    pub config_id: String,
    /// Address of the picture at WeCom, may be empty.
    #[n(4)]
    pub qr_code: String,
    /// The picture, once it is here.
    #[n(5)]
    pub picture: Option<Picture>,
    /// Whether the code still needs it; otherwise it is to be deleted.
    #[n(6)]
    pub is_wanted: bool,
    /// Whether WeCom may not know what the way is to be.
    #[cbor(n(7), default)]
    pub is_behind: bool,
}

impl Way {
    /// Whether WeCom has it, as far as is known here.
    pub fn is_made(&self) -> bool {
        !self.config_id.is_empty()
    }
}

/// The bytes of a way's picture. [`Way::picture`] commits to them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Bytes {
    /// The way.
    #[n(0)]
    pub way: WayId,
    /// What WeCom answered, at most [`PICTURE_MAX`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// Bytes of a picture, at most: WeCom's are of some kilobytes.
pub const PICTURE_MAX: usize = 256 * 1024;
