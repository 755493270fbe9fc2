//! Cases and what is in them.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    store::SubjectId,
    work::JobId,
};

/// See [`Case`].
pub type CaseId = Id<Case>;
/// See [`Item`].
pub type ItemId = Id<Item>;

/// A case (案件): messages that belong together, and why they were gathered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Case {
    /// Ours.
    #[n(0)]
    pub id: CaseId,
    /// What people call it.
    #[n(1)]
    pub title: String,
    /// Why it was made.
    #[n(2)]
    pub why: String,
    /// Where it stands.
    #[n(3)]
    pub state: CaseState,
    /// Whose account made it.
    #[n(4)]
    pub by: SubjectId,
    /// When.
    #[n(5)]
    pub at: Timestamp,
    /// Messages of context before and behind each that was chosen.
    #[n(6)]
    pub context: u32,
    /// The conversations in it, by number.
    #[n(7)]
    pub chats: Vec<u32>,
    /// Grows with every change: what was approved is what was looked at.
    #[n(8)]
    pub revision: u32,
}

impl Case {
    /// Whether it may still be changed.
    pub fn is_open(&self) -> bool {
        matches!(self.state, CaseState::Open)
    }

    /// What came of sealing it.
    pub fn sealed(&self) -> Option<&Seal> {
        match &self.state {
            CaseState::Sealed(seal) => Some(seal),
            CaseState::Open | CaseState::Sealing(..) => None,
        }
    }
}

/// Where a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum CaseState {
    /// Messages are gathered.
    #[n(0)]
    Open,
    /// A job writes the package, asked for by this account.
    #[n(1)]
    Sealing(#[n(0)] JobId, #[n(1)] SubjectId),
    /// The package is there.
    #[n(2)]
    Sealed(#[n(0)] Seal),
}

impl CaseState {
    /// Catalogue key's end, and the word in the audit trail.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealing(..) => "sealing",
            Self::Sealed(_) => "sealed",
        }
    }
}

/// What came of sealing a case.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Seal {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// Whose account asked for it.
    #[n(1)]
    pub by: SubjectId,
    /// The package's name below the folder of evidence.
    #[n(2)]
    pub file: String,
    /// Its size.
    #[n(3)]
    pub bytes: u64,
    /// SHA-256 of its manifest, hex: stands for the whole package.
    #[n(4)]
    pub manifest: String,
    /// Messages in it.
    #[n(5)]
    pub messages: u64,
    /// Of them, those that were chosen.
    #[n(6)]
    pub chosen: u64,
    /// Files of messages in it.
    #[n(7)]
    pub media: u64,
    /// Files of messages that are not here.
    #[n(8)]
    pub media_missing: u64,
    /// Messages that only the seal proves.
    #[n(9)]
    pub unproven: u64,
    /// How the file lies; none if it lies open, from before packages were sealed at rest.
    #[n(10)]
    pub at_rest: Option<AtRest>,
    /// SHA-256 of the package as it is downloaded, hex; none if it was sealed before this was
    /// kept.
    #[n(11)]
    pub sha256: Option<String>,
}

#[cfg(test)]
impl Seal {
    /// Of nothing.
    pub fn for_test() -> Self {
        Self {
            at: Timestamp::from_ms(0),
            by: Id::from_bits(1),
            file: String::new(),
            bytes: 0,
            manifest: String::new(),
            messages: 0,
            chosen: 0,
            media: 0,
            media_missing: 0,
            unproven: 0,
            at_rest: None,
            sha256: None,
        }
    }
}

/// How a package lies on disk: sealed with the firm's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AtRest {
    /// SHA-256 of the file as it lies.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
}

/// One message, or neighbouring ones of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Item {
    /// Ours.
    #[n(0)]
    pub id: ItemId,
    /// The case.
    #[n(1)]
    pub case: CaseId,
    /// The conversation, by number.
    #[n(2)]
    pub chat: u32,
    /// WeCom's number of the first message.
    #[n(3)]
    pub first: u64,
    /// Of the last; the same for one message.
    #[n(4)]
    pub last: u64,
    /// Whose account added it.
    #[n(5)]
    pub by: SubjectId,
    /// When.
    #[n(6)]
    pub at: Timestamp,
}

/// Numbers that belong together: first and last, and whether each lies in one of some ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen(Vec<(u64, u64)>);

impl Chosen {
    /// Ranges of one conversation, put in order; those that touch become one.
    pub fn of(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Whether a number was chosen.
    pub fn has(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|(first, _)| *first <= seq);
        at > 0 && seq <= self.0[at - 1].1
    }

    /// The ranges in order.
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let chosen = Chosen::of(vec![(9, 9), (1, 3), (4, 5), (2, 2), (20, 30)]);
        assert_eq!(chosen.ranges(), [(1, 5), (9, 9), (20, 30)]);
        let has: Vec<u64> = (0..32).filter(|n| chosen.has(*n)).collect();
        let is_in = |n: &u64| (1..=5).contains(n) || *n == 9 || (20..=30).contains(n);
        assert_eq!(has, (0..32).filter(is_in).collect::<Vec<u64>>());
        assert!(!Chosen::of(Vec::new()).has(1));
    }
}
