//! Live codes and their channels: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    customers::GroupId,
    kit::{Id, Timestamp},
    org::{DepartmentId, MemberId},
    outreach::Content,
    store::SubjectId,
    tags::TagId,
};

/// See [`LiveCode`].
pub type LiveCodeId = Id<LiveCode>;
/// See [`Channel`].
pub type ChannelId = Id<Channel>;

/// Customers in a group before the next one is shown, unless said otherwise: WeCom lets 200
/// people in by code (documentation, 客户群「加入群聊」管理), and some come by invitation.
pub const ROOM_THRESHOLD: u32 = 190;
/// People whom WeCom lets into a group by code.
pub const ROOM_MAX: u32 = 200;
/// Members of one code; WeCom refuses a contact way with more (41041).
pub const SEATS_MAX: usize = 100;
/// Groups of one code.
pub const ROOMS_MAX: usize = 50;
/// Stretches of the week in one schedule.
pub const WINDOWS_MAX: usize = 10;
/// Shares of one member in a turn.
pub const WEIGHT_MAX: u8 = 100;
/// Characters of a code's and of a channel's name.
pub const NAME_MAX: usize = 30;
/// Characters of what a remark begins with: WeCom takes 20 in all.
pub const PREFIX_MAX: usize = 10;
/// Channels below one another.
pub const CHANNEL_DEPTH: usize = 4;

/// What a code leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CodeKind {
    /// A member (员工活码).
    #[n(0)]
    Staff,
    /// A customer group (群活码).
    #[n(1)]
    Group,
}

impl CodeKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Staff, Self::Group];

    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Group => "group",
        }
    }

    /// The kind with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What the firm wants of a code. Whether its time is over is another matter:
/// [`LiveCode::is_expired`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum CodeState {
    /// It leads on.
    #[n(0)]
    Active,
    /// It says that it is paused (停用).
    #[n(1)]
    Paused,
    /// It is over for good (归档); what it made at WeCom is deleted.
    #[n(2)]
    Archived {
        /// Since when.
        #[n(0)]
        at: Timestamp,
    },
}

impl CodeState {
    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived { .. } => "archived",
        }
    }
}

/// A member on a staff code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Seat {
    /// Who.
    #[n(0)]
    pub member: MemberId,
    /// Shares in a turn, from 1 to [`WEIGHT_MAX`].
    #[n(1)]
    pub weight: u8,
    /// Customers a day, at most; none: as many as come.
    #[n(2)]
    pub daily_cap: Option<u32>,
    /// Whether only when nobody else can (备用员工).
    #[n(3)]
    pub is_spare: bool,
}

/// A stretch of the week, in the firm's zone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Window {
    /// Days: bit 0 is Monday, bit 6 Sunday.
    #[n(0)]
    pub days: u8,
    /// First minute of the day.
    #[n(1)]
    pub from: u16,
    /// The minute after the last, at most 1440; not after `from` means until that minute of
    /// the next day.
    #[n(2)]
    pub until: u16,
    /// Who is there; empty means everybody but the spares.
    #[n(3)]
    pub members: Vec<MemberId>,
}

/// A group on a group code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Room {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// People in it before the next one is shown.
    #[n(1)]
    pub threshold: u32,
}

/// How WeCom makes new groups when the last one is full.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AutoRoom {
    /// What their names begin with, at most 40 characters.
    #[n(0)]
    pub name: String,
    /// Number of the first.
    #[n(1)]
    pub first_no: u32,
}

/// A live code (活码): printed once, and led to the right member or group ever after.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LiveCode {
    /// Ours; also the last part of its address, `/c/{id}`.
    #[n(0)]
    pub id: LiveCodeId,
    /// What it leads to.
    #[n(1)]
    pub kind: CodeKind,
    /// Name, for colleagues.
    #[n(2)]
    pub name: String,
    /// Whether it leads on.
    #[n(3)]
    pub state: CodeState,
    /// The department that owns it; none: the firm.
    #[n(4)]
    pub unit: Option<DepartmentId>,
    /// Where it hangs (渠道).
    #[n(5)]
    pub channel: Option<ChannelId>,
    /// Tags for whoever comes by it.
    #[n(6)]
    pub tags: Vec<TagId>,
    /// What the remark of whoever comes begins with, may be empty.
    #[n(7)]
    pub remark_prefix: String,
    /// What whoever comes is greeted with; none: as otherwise.
    #[n(8)]
    pub welcome: Option<Content>,
    /// Leads nowhere from then on.
    #[n(9)]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    #[n(10)]
    pub created_at: Timestamp,
    /// Whose account made it.
    #[n(11)]
    pub created_by: Option<SubjectId>,
    /// Staff codes: the members, in order.
    #[n(12)]
    pub seats: Vec<Seat>,
    /// Staff codes: customers need not wait for the member's consent (免验证).
    #[n(13)]
    pub skip_verify: bool,
    /// Staff codes: who is there when; empty means always.
    #[n(14)]
    pub schedule: Vec<Window>,
    /// Group codes: the groups, in the order in which they are filled.
    #[n(15)]
    pub rooms: Vec<Room>,
    /// Group codes: new groups behind the last one; none: no new groups.
    #[n(16)]
    pub auto_room: Option<AutoRoom>,
}

impl LiveCode {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether it is over for good.
    pub fn is_archived(&self) -> bool {
        matches!(self.state, CodeState::Archived { .. })
    }

    /// Where it stands at a time, as lists show and filter it: a word of `livecodes.state`.
    pub fn standing(&self, now: Timestamp) -> &'static str {
        match self.state {
            CodeState::Active if self.is_expired(now) => "expired",
            state => state.code(),
        }
    }

    /// The seat of a member.
    pub fn seat(&self, member: MemberId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.member == member)
    }
}

/// A channel (渠道): where codes hang, as a tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Channel {
    /// Ours.
    #[n(0)]
    pub id: ChannelId,
    /// Name, one of its kind below the same parent.
    #[n(1)]
    pub name: String,
    /// What it is part of; none: it stands at the top.
    #[n(2)]
    pub parent: Option<ChannelId>,
}

/// What the `state` of everything that a code makes at WeCom begins with.
const STATE: &str = "lc";

/// The `state` of everything that a code makes at WeCom: it comes back with each customer.
/// WeCom takes 30 characters.
pub fn state_of(id: LiveCodeId) -> String {
    format!("{STATE}{id}")
}

/// The code whose `state` this is, if it is one of ours.
pub fn of_state(state: &str) -> Option<LiveCodeId> {
    state.strip_prefix(STATE)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_state_leads_back_to_its_code_and_fits(bits: u64) {
            let id = LiveCodeId::from_bits(bits);
            prop_assert_eq!(of_state(&state_of(id)), Some(id));
            prop_assert!(state_of(id).len() <= 30);
        }

        #[test]
        fn no_foreign_state_is_taken_for_ours(text in ".{0,20}") {
            if let Some(id) = of_state(&text) {
                prop_assert_eq!(state_of(id), text);
            }
        }
    }
}
