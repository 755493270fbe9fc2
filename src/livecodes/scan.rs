//! Scans: one row for each time a code's page was opened, kept for 400 days, and whose turn
//! it is.

use minicbor::{Decode, Encode};

use crate::{customers::GroupId, kit::Timestamp, org::MemberId};

use super::LiveCodeId;

/// To whom or what a scan was shown the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Given {
    /// A member.
    #[n(0)]
    Member(#[n(0)] MemberId),
    /// A group.
    #[n(1)]
    Group(#[n(0)] GroupId),
    /// Whomever WeCom chooses among the code's members.
    #[n(2)]
    Direct,
}

/// A scan (扫码): durable before the page is answered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Scan {
    /// Code and place: milliseconds since 1970 times 2^20, and a number that tells scans of
    /// the same millisecond apart.
    #[n(0)]
    pub key: (LiveCodeId, u64),
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Which code.
    #[n(2)]
    pub code: LiveCodeId,
    /// Keyed hash of day, address prefix and user agent: tells two visitors of one day apart,
    /// and says nothing about either.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub visitor: [u8; 8],
    /// What was shown; none where the code led nowhere.
    #[n(4)]
    pub given: Option<Given>,
    /// A preview or a crawler, by its own word.
    #[n(5)]
    pub is_bot: bool,
}

/// Bits that tell scans of one millisecond apart.
const PLACE_BITS: u32 = 20;

/// The first place of a millisecond.
pub(super) fn place(at: Timestamp) -> u64 {
    u64::try_from(at.ms()).unwrap_or(0) << PLACE_BITS
}

/// How often a member's turn has come.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Share {
    /// Who.
    #[n(0)]
    pub member: MemberId,
    /// What the member is owed of the turn, in shares.
    #[n(1)]
    pub credit: i64,
    /// Scans given today.
    #[n(2)]
    pub given: u32,
    /// Customers added today, as far as WeCom has told.
    #[n(3)]
    pub added: u32,
    /// Scans given lately whose customer may still come; only of members with a cap.
    #[n(4)]
    pub open: Vec<Timestamp>,
}

/// Whose turn it is on a code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Turn {
    /// The code.
    #[n(0)]
    pub code: LiveCodeId,
    /// The day the counts are of, in days since 1970 in the firm's zone.
    #[n(1)]
    pub day: i32,
    /// Whether WeCom tells who was added by this code.
    #[n(2)]
    pub is_told: bool,
    /// The members.
    #[n(3)]
    pub shares: Vec<Share>,
    /// Scans in all, bots not counted.
    #[n(4)]
    pub scans: u64,
}
