//! Scans: one row for each time a code's page was opened, kept for 400 days, and whose turn
//! it is.

use minicbor::{Decode, Encode};

use crate::{
    customers::GroupId,
    kit::Timestamp,
    org::MemberId,
    store::{StoreError, Write},
};

use super::{LiveCodeId, stats};

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

impl Scan {
    /// A person's scan that was not led anywhere yet.
    pub fn new(code: LiveCodeId, at: Timestamp, visitor: [u8; 8]) -> Self {
        Self {
            key: (code, place(at)),
            at,
            code,
            visitor,
            given: None,
            is_bot: false,
        }
    }
}

/// Keeps a scan in the first free place of its millisecond, and counts it.
pub(super) fn keep(w: &mut Write<'_>, mut scan: Scan) -> Result<(), StoreError> {
    while w.read().exists::<Scan>(&scan.key)? {
        scan.key.1 = scan.key.1.saturating_add(1);
    }
    w.put(&scan)?;
    stats::count(w, &scan)
}

/// Keeps scans of a code's past, oldest first: they count like others, and nobody's turn
/// changes by them.
pub fn remember(w: &mut Write<'_>, code: LiveCodeId, past: Vec<Scan>) -> Result<(), StoreError> {
    let turn = w.get::<Turn>(&code)?;
    let mut turn = turn.unwrap_or_else(|| Turn::new(code));
    for scan in past {
        turn.scans = turn.scans.saturating_add(u64::from(!scan.is_bot));
        keep(w, scan)?;
    }
    w.put(&turn)
}

/// Scans of one minute whose customer may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Expected {
    /// Minutes since 1970.
    #[n(0)]
    pub minute: i64,
    /// How many; at least one.
    #[n(1)]
    pub scans: u32,
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
    /// Scans given lately whose customer may still come, oldest first; only of members with a
    /// cap.
    #[n(5)]
    #[cbor(default)]
    pub expected: Vec<Expected>,
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
