//! Parties, chats, pulls and what else the archive keeps: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Secret, Timestamp},
    store::SubjectId,
    wecom::archive::Party as Form,
};

/// Somebody who writes or receives: an id of WeCom's, by a small number of ours.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Party {
    /// Ours, from 1 without gaps.
    #[n(0)]
    pub no: u32,
    /// What the id is.
    #[n(1)]
    pub kind: PartyKind,
    /// WeCom's: a userid, an external_userid or the id of a robot.
    #[n(2)]
    pub wecom_id: String,
    /// Under whose key everything this party writes is sealed: the member, the customer, or
    /// a person only the archive knows.
    #[n(3)]
    pub subject: SubjectId,
    /// What a robot is called, where WeCom has told; empty for everybody else.
    #[cbor(n(4), default)]
    pub name: String,
    /// When WeCom was last asked for that name.
    #[n(5)]
    pub asked_at: Option<Timestamp>,
}

/// What an id in a message stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum PartyKind {
    /// A member of the firm, here or gone.
    #[n(0)]
    Member,
    /// A WeChat user (`wm…`).
    #[n(1)]
    Wechat,
    /// Somebody of another firm on WeCom (`wo…`).
    #[n(2)]
    OtherFirm,
    /// A robot (`wb…`).
    #[n(3)]
    Robot,
}

impl PartyKind {
    /// What an id is that the directory does not know.
    pub fn of_id(wecom_id: &str) -> Self {
        match Form::of(wecom_id) {
            Form::Member => Self::Member,
            Form::WeChat => Self::Wechat,
            Form::OtherFirm => Self::OtherFirm,
            Form::Robot => Self::Robot,
        }
    }

    /// Whether somebody outside the firm.
    pub fn is_outside(self) -> bool {
        matches!(self, Self::Wechat | Self::OtherFirm)
    }
}

/// See [`Chat`].
pub type ChatId = Id<Chat>;

/// A conversation (会话): one-to-one, or a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Chat {
    /// Ours, from 1 without gaps.
    #[n(0)]
    pub no: u32,
    /// The name in addresses and in the audit trail.
    #[n(1)]
    pub id: ChatId,
    /// Who talks to whom.
    #[n(2)]
    pub place: Place,
    /// Whether anybody outside the firm takes part.
    #[n(3)]
    pub is_external: bool,
    /// Members of the firm who were ever among sender and receivers, in order of number.
    #[n(4)]
    pub staff: Vec<u32>,
    /// Others who wrote here, or the other side; in order of number.
    #[n(5)]
    pub others: Vec<u32>,
    /// Messages kept.
    #[n(6)]
    pub messages: u64,
    /// When the oldest was sent.
    #[n(7)]
    pub first_at: Timestamp,
    /// When the newest was sent.
    #[n(8)]
    pub last_at: Timestamp,
    /// Number of the newest by order of arrival at WeCom.
    #[n(9)]
    pub last_seq: u64,
    /// Messages that were recalled.
    #[n(10)]
    pub recalled: u64,
    /// Recalls whose message has not come (yet): it may be looked for when one arrives.
    #[n(11)]
    pub dangling: u32,
    /// The room's name where WeCom gives it for rooms of the firm's own.
    #[cbor(n(12), default)]
    pub name: String,
    /// When WeCom was last asked for that name.
    #[n(13)]
    pub asked_at: Option<Timestamp>,
    /// Messages whose content was deleted by a rule of the firm.
    #[cbor(n(14), default)]
    pub deleted: u64,
}

/// Where a conversation takes place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Place {
    /// Between two (单聊); numbers of parties, the smaller first.
    #[n(0)]
    OneToOne(#[n(0)] u32, #[n(1)] u32),
    /// A room (群), by WeCom's roomid.
    #[n(1)]
    Room(#[n(0)] String),
    /// What one party did alone, such as changing to another firm.
    #[n(2)]
    Alone(#[n(0)] u32),
}

impl Chat {
    /// Whether a room.
    pub fn is_room(&self) -> bool {
        matches!(self.place, Place::Room(_))
    }
}

/// One answer of the archive, stored whole: the record that speaks for its messages.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Pull {
    /// Number, from 1.
    #[n(0)]
    pub no: u64,
    /// When it was stored.
    #[n(1)]
    pub at: Timestamp,
    /// What brought the messages here.
    #[n(2)]
    pub why: Brought,
    /// First and last number among the messages and the parked.
    #[n(3)]
    pub first_seq: u64,
    /// See `first_seq`.
    #[n(4)]
    pub last_seq: u64,
    /// Messages stored.
    #[n(5)]
    pub messages: u32,
    /// Messages that could not be opened yet.
    #[n(6)]
    pub parked: u32,
    /// Numbers between this answer and the one before, and within it, that never came.
    #[n(7)]
    pub skipped: u64,
    /// Merkle root over the messages in order of number; see `stretch` for a leaf.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// Conversations with new messages: number and how many.
    #[cbor(n(9), with = "super::counts")]
    pub chats: Vec<(u32, u32)>,
    /// Messages that this answer marks as recalled: conversation and number.
    #[n(10)]
    pub recalls: Vec<(u32, u64)>,
    /// The messages by number, where they are not simply those of the answer's stretch.
    #[n(11)]
    pub numbers: Vec<u64>,
}

/// How messages came to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Brought {
    /// The archive was asked for what is new.
    #[n(0)]
    Pulled,
    /// They had come before, and could be opened now.
    #[n(1)]
    Unlocked,
}

impl Brought {
    /// The word in the audit trail.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pulled => "pulled",
            Self::Unlocked => "unlocked",
        }
    }
}

/// A message that can't be opened yet, exactly as it came.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Parked {
    /// WeCom's number.
    #[n(0)]
    pub seq: u64,
    /// WeCom's id of the message.
    #[n(1)]
    pub msgid: String,
    /// Version of the public key.
    #[n(2)]
    pub key_version: u32,
    /// The random key as it came, base64.
    #[n(3)]
    pub key: String,
    /// The message as it came.
    #[n(4)]
    pub message: String,
    /// Why.
    #[n(5)]
    pub why: Locked,
    /// When it came.
    #[n(6)]
    pub at: Timestamp,
    /// When it was last tried.
    #[n(7)]
    pub tried_at: Timestamp,
}

/// Why a message can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Locked {
    /// The firm has no private key of this version here.
    #[n(0)]
    NoKey,
    /// The key of this version does not fit.
    #[n(1)]
    WrongKey,
    /// The library could not open it, or what came out is no message.
    #[n(2)]
    Damaged,
    /// Not tried yet: the library died of too many that came with it.
    #[n(3)]
    Untried,
}

impl Locked {
    /// Catalogue key of the reason.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoKey => "archive_setup.locked.no_key",
            Self::WrongKey => "archive_setup.locked.wrong_key",
            Self::Damaged => "archive_setup.locked.damaged",
            Self::Untried => "archive_setup.locked.untried",
        }
    }
}

/// How far the archive has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
    /// The greatest number that was ever received; asked for is what lies behind it.
    #[n(0)]
    pub seq: u64,
    /// When the archive last answered, with or without messages.
    #[n(1)]
    pub answered_at: Option<Timestamp>,
    /// When the last answer with messages was stored.
    #[n(2)]
    pub stored_at: Option<Timestamp>,
    /// When nothing was left to fetch.
    #[n(3)]
    pub caught_up_at: Option<Timestamp>,
    /// Why the last attempt failed: a code of the error catalogue and WeCom's number.
    #[n(4)]
    pub failure: Option<(String, i64)>,
    /// Messages stored in all.
    #[n(5)]
    pub messages: u64,
    /// Of them, those that could not be opened.
    #[n(6)]
    pub parked: u64,
    /// Numbers that never came.
    #[n(7)]
    pub skipped: u64,
    /// The last pull's number.
    #[n(8)]
    pub pulls: u64,
    /// Parties known.
    #[n(9)]
    pub parties: u32,
    /// Conversations known.
    #[n(10)]
    pub chats: u32,
    /// When it was asked for the first time since it was switched on.
    #[n(11)]
    pub asked_at: Option<Timestamp>,
    /// When the newest message that could be opened was sent.
    #[n(12)]
    pub last_sent_at: Option<Timestamp>,
}

/// Numbers that never came, from one to another, noticed on one day of the firm's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Gap {
    /// Day, as yyyymmdd.
    #[n(0)]
    pub day: u32,
    /// The first of them.
    #[n(1)]
    pub first: u64,
    /// The last of them.
    #[n(2)]
    pub last: u64,
}

impl Gap {
    /// How many.
    pub fn count(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// What was archived of one member on one day of the firm's. Member 0 stands for messages that
/// can't be opened: nobody knows whose they are, and their day is the one on which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
    /// Day, as yyyymmdd.
    #[n(0)]
    pub day: u32,
    /// The member's number as a party.
    #[n(1)]
    pub staff: u32,
    /// Messages stored and readable.
    #[n(2)]
    pub opened: u32,
    /// Files that belong to them.
    #[n(3)]
    pub media: u32,
    /// Of them, those that are here.
    #[n(4)]
    pub media_here: u32,
    /// Of them, those that can't be had any more.
    #[n(5)]
    pub media_lost: u32,
    /// Messages that came and can't be opened yet.
    #[cbor(n(6), default)]
    pub parked: u32,
    /// Of the messages, those that were deleted by a rule of the firm since.
    #[cbor(n(7), default)]
    pub deleted: u32,
    /// Numbers that were noticed to be missing; see `Gap`.
    #[cbor(n(8), default)]
    pub skipped: u64,
}

impl Tally {
    /// The member who stands for whoever it may be.
    pub const UNKNOWN: u32 = 0;

    /// Nothing yet.
    pub fn of(day: u32, staff: u32) -> Self {
        Self {
            day,
            staff,
            ..Self::default()
        }
    }
}

/// A member whose chats WeCom archives, or did, since that was first asked for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Seat {
    /// The member's number as a party.
    #[n(0)]
    pub party: u32,
    /// When, in order.
    #[n(1)]
    pub spans: Vec<SeatSpan>,
}

/// Days of the firm's on which a member's chats were archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SeatSpan {
    /// The first, as yyyymmdd.
    #[n(0)]
    pub from: u32,
    /// The last; none while they are.
    #[n(1)]
    pub to: Option<u32>,
}

impl Seat {
    /// Whether the member's chats were archived on a day.
    pub fn covers(&self, day: u32) -> bool {
        let holds = |span: &SeatSpan| span.from <= day && span.to.is_none_or(|to| day <= to);
        self.spans.iter().any(holds)
    }

    /// Whether they are now.
    pub fn is_held(&self) -> bool {
        self.spans.last().is_some_and(|span| span.to.is_none())
    }
}

/// Where somebody outside stands on being archived, towards one member or in one room, with
/// what was so before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Consent {
    /// The person outside, by number.
    #[n(0)]
    pub party: u32,
    /// Where.
    #[n(1)]
    pub towards: Towards,
    /// The last word.
    #[n(2)]
    pub answer: Answer,
    /// Since when. Where there is no word: since when that is known.
    #[n(3)]
    pub at: Timestamp,
    /// How it became known.
    #[n(4)]
    pub heard: Heard,
    /// Under whose key this lies.
    #[n(5)]
    pub subject: SubjectId,
    /// What was so before, the oldest first.
    #[n(6)]
    pub earlier: Vec<Said>,
}

/// What somebody outside said about being archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Said {
    /// The word.
    #[n(0)]
    pub answer: Answer,
    /// Since when.
    #[n(1)]
    pub at: Timestamp,
    /// How it became known.
    #[n(2)]
    pub heard: Heard,
}

/// Where consent is given: each member and each room has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Towards {
    /// To a member, by number.
    #[n(0)]
    Member(#[n(0)] u32),
    /// In a room, by the conversation's number.
    #[n(1)]
    Room(#[n(0)] u32),
}

impl Towards {
    /// As one number: for keys.
    pub fn number(self) -> u64 {
        match self {
            Self::Member(no) => u64::from(no),
            Self::Room(no) => (1 << 32) | u64::from(no),
        }
    }

    /// What [`Towards::number`] stands for.
    pub fn of_number(number: u64) -> Self {
        let no = u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        match number >> 32 {
            0 => Self::Member(no),
            _ => Self::Room(no),
        }
    }
}

/// How a word on being archived became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Heard {
    /// It is itself a message of the archive.
    #[n(0)]
    Message,
    /// WeCom was asked.
    #[n(1)]
    Asked,
    /// WeCom told of it by an event.
    #[n(2)]
    Event,
}

impl Heard {
    /// As files say it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Asked => "asked",
            Self::Event => "event",
        }
    }
}

/// An answer to the notice about archiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Answer {
    /// Agreed (同意).
    #[n(0)]
    Agreed,
    /// Did not agree (不同意).
    #[n(1)]
    Refused,
    /// Agreed by default (默认同意): known from before consent was asked for.
    #[n(2)]
    ByDefault,
    /// WeCom was asked and knows of no answer.
    #[n(3)]
    None,
    /// WeCom's answer is one that nobody has heard of.
    #[n(4)]
    Unknown,
}

impl Answer {
    /// All of them, in the order of the page: who has not agreed first.
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::None,
        Self::Agreed,
        Self::ByDefault,
        Self::Unknown,
    ];

    /// Catalogue key's end, and the word in the audit trail.
    pub fn code(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Refused => "refused",
            Self::ByDefault => "by_default",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// The answer with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.code() == code)
    }

    /// Whether somebody has said anything.
    pub fn is_word(self) -> bool {
        !matches!(self, Self::None | Self::Unknown)
    }
}

/// A version of the firm's key pair for the archive (消息加密公钥).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeyVersion {
    /// The version that WeCom's console shows.
    #[n(0)]
    pub version: u32,
    /// The private half, PEM.
    #[n(1)]
    pub private: Secret<String>,
    /// The public half, PEM, for the console.
    #[n(2)]
    pub public: String,
    /// SHA-256 of the public half, hex.
    #[n(3)]
    pub fingerprint: String,
    /// When it was made or brought in.
    #[n(4)]
    pub made_at: Timestamp,
}

/// How the firm's archive is reached.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ArchiveSettings {
    /// Path of the official library on this machine.
    #[n(0)]
    pub library: String,
    /// Whether it is read.
    #[n(1)]
    pub is_on: bool,
    /// Whether members see who opened their conversations.
    #[cbor(n(2), default)]
    pub tells: bool,
    /// SHA-256 of the library that was accepted, in hex: another file is not loaded. None in
    /// settings that nobody has saved since there is this.
    #[n(3)]
    pub digest: Option<String>,
}

/// A file that belongs to a message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Media {
    /// The message.
    #[n(0)]
    pub seq: u64,
    /// Which of its files, from 0.
    #[n(1)]
    pub place: u8,
    /// The conversation.
    #[n(2)]
    pub chat: u32,
    /// Under whose key this lies.
    #[n(3)]
    pub subject: SubjectId,
    /// WeCom's reference (sdkfileid); together with the secret it fetches the file.
    #[n(4)]
    pub fileid: String,
    /// Bytes that WeCom announces; 0 if it says nothing.
    #[n(5)]
    pub size: u64,
    /// MD5 that WeCom announces, hex; may be empty.
    #[n(6)]
    pub md5: String,
    /// Where it stands.
    #[n(7)]
    pub state: MediaState,
    /// SHA-256 of the content, once it is here; also its name on disk.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub sha256: Option<[u8; 32]>,
    /// Bytes that came.
    #[n(9)]
    pub length: u64,
    /// Attempts that failed.
    #[n(10)]
    pub attempts: u32,
    /// Not tried before.
    #[n(11)]
    pub next_at: Timestamp,
    /// When the message was sent.
    #[n(12)]
    pub sent_at: Timestamp,
    /// The member on whose account it is counted, by number.
    #[n(13)]
    pub staff: u32,
    /// The content is not what WeCom announced.
    #[cbor(n(14), default)]
    pub differs: bool,
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum MediaState {
    /// To be fetched.
    #[n(0)]
    Waiting,
    /// Here.
    #[n(1)]
    Here,
    /// WeCom does not give it any more, or never did.
    #[n(2)]
    Lost,
}

/// A file on the shelf that perhaps no message names any more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Leftover {
    /// SHA-256 of its content.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// Since when.
    #[n(1)]
    pub since: Timestamp,
}

/// Who opened a conversation that is not their own, and why.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Opening {
    /// Whose account, as a subject.
    #[n(0)]
    pub account: SubjectId,
    /// The conversation.
    #[n(1)]
    pub chat: u32,
    /// The reason given.
    #[n(2)]
    pub reason: String,
    /// It holds until then.
    #[n(3)]
    pub until: Timestamp,
}
