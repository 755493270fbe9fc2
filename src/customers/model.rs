//! Customers, relations and groups: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    org::{Gender, MemberId},
    tags::TagId,
};

/// See [`Customer`].
pub type CustomerId = Id<Customer>;
/// See [`Relation`].
pub type RelationId = Id<Relation>;
/// See [`Group`].
pub type GroupId = Id<Group>;
/// See [`GroupMember`].
pub type GroupMemberId = Id<GroupMember>;

/// Where the customer comes from, as WeCom says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CustomerKind {
    /// A WeChat user (@微信).
    #[n(1)]
    Wechat,
    /// A user of another firm's WeCom (@企业微信).
    #[n(2)]
    Wecom,
    /// Made here, by hand or from a spreadsheet; WeCom knows nothing of it.
    #[n(3)]
    Own,
}

impl CustomerKind {
    /// From WeCom's type number; anything but 2 is a WeChat user.
    pub fn from_wecom(n: i64) -> Self {
        if n == 2 { Self::Wecom } else { Self::Wechat }
    }

    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Wecom => "wecom",
            Self::Own => "own",
        }
    }

    /// Catalogue key of its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wechat => "customers.kind.wechat",
            Self::Wecom => "customers.kind.wecom",
            Self::Own => "customers.kind.own",
        }
    }
}

/// A customer (客户): a person outside whom at least one member has added, or whom the firm
/// keeps by itself ([`CustomerKind::Own`]).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Customer {
    /// Ours; also the id of the person as a data subject.
    #[n(0)]
    pub id: CustomerId,
    /// Running number from 1, for people (客户编号) and for dense sets.
    #[n(1)]
    pub no: u32,
    /// WeCom's external_userid; empty for a customer of the firm's own.
    #[n(2)]
    pub external_userid: String,
    /// WeChat user or WeCom user.
    #[n(3)]
    pub kind: CustomerKind,
    /// WeChat nickname or WeCom name.
    #[n(4)]
    pub name: String,
    /// Gender.
    #[n(5)]
    pub gender: Gender,
    /// Address of the picture at WeCom, may be empty.
    #[n(6)]
    pub avatar: String,
    /// WeChat unionid, where the firm has bound an open platform account.
    #[n(7)]
    pub unionid: String,
    /// Job title, only of WeCom users.
    #[n(8)]
    pub position: String,
    /// Short name of the customer's own firm, only of WeCom users.
    #[n(9)]
    pub corp_name: String,
    /// Full name of the customer's own firm, only of WeCom users.
    #[n(10)]
    pub corp_full_name: String,
    /// When Qitai first heard of the customer.
    #[n(11)]
    pub known_since: Timestamp,
}

impl Customer {
    /// Whether the firm keeps the customer by itself: then no sync knows of it, and nothing
    /// about it is written to WeCom.
    pub fn is_own(&self) -> bool {
        self.kind == CustomerKind::Own
    }
}

/// Where a relation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum RelationState {
    /// The two are contacts.
    #[n(0)]
    Active,
    /// It is gone at WeCom: one of the two has deleted the other, or it was handed over.
    #[n(1)]
    Ended {
        /// When Qitai found out.
        #[n(0)]
        at: Timestamp,
    },
}

/// One member's tie to one customer (跟进关系).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Relation {
    /// Ours.
    #[n(0)]
    pub id: RelationId,
    /// The customer; also the data subject.
    #[n(1)]
    pub customer: CustomerId,
    /// The member who follows (跟进人).
    #[n(2)]
    pub member: MemberId,
    /// Remark (备注).
    #[n(3)]
    pub remark: String,
    /// Description (描述).
    #[n(4)]
    pub description: String,
    /// Company as remarked by the member.
    #[n(5)]
    pub company: String,
    /// Phones as remarked by the member.
    #[n(6)]
    pub phones: Vec<String>,
    /// Corp tags this member has put on the customer.
    #[n(7)]
    pub tags: Vec<TagId>,
    /// Personal tags, visible with the relation only.
    #[n(8)]
    pub personal_tags: Vec<String>,
    /// How the customer was added (添加方式).
    #[n(9)]
    pub add_way: AddWay,
    /// Channel of a contact way (渠道), may be empty.
    #[n(10)]
    pub channel: String,
    /// When the customer was added.
    #[n(11)]
    pub added_at: Timestamp,
    /// Active or ended.
    #[n(12)]
    pub state: RelationState,
    /// What the customer did last about the member. Only events tell of it: WeCom goes on to
    /// list a customer who has deleted the member.
    #[n(13)]
    pub last_word: Option<LastWord>,
}

/// The customer has added the member, or deleted the member (删除跟进成员).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct LastWord {
    /// When, by WeCom's clock.
    #[n(0)]
    pub at: Timestamp,
    /// Whether the customer has deleted the member.
    #[n(1)]
    pub is_deleted: bool,
}

impl Relation {
    /// Whether the two are contacts.
    pub fn is_active(&self) -> bool {
        self.state == RelationState::Active
    }

    /// Whether the customer has deleted the member, who still sees the customer.
    pub fn is_deleted_by_customer(&self) -> bool {
        self.last_word.is_some_and(|word| word.is_deleted)
    }
}

/// WeCom's number for how a customer was added (add_way). Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct AddWay(#[n(0)] pub u16);

impl AddWay {
    /// Of customers of the firm's own: no number of WeCom's.
    pub const OWN: Self = Self(u16::MAX);

    /// The numbers with a name of their own, in WeCom's order.
    pub const NAMED: [u16; 24] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 24, 201, 202,
    ];

    /// From WeCom's number; one that does not fit is kept as the largest that is WeCom's.
    pub fn from_wecom(n: i64) -> Self {
        let fits = u16::try_from(n).ok().filter(|n| *n != Self::OWN.0);
        Self(fits.unwrap_or(u16::MAX - 1))
    }

    /// Catalogue key of the name; unknown numbers share one that shows the number.
    pub fn word_key(self) -> String {
        if self == Self::OWN {
            "add_way.own".to_owned()
        } else if Self::NAMED.contains(&self.0) {
            format!("add_way.{}", self.0)
        } else {
            "add_way.other".to_owned()
        }
    }
}

/// Where a customer group stands, as WeCom counts: 0 normal, 1 owner left, 2 being inherited,
/// 3 inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum GroupState {
    /// The owner is here.
    #[n(0)]
    Normal,
    /// The owner has left; somebody has to take over.
    #[n(1)]
    OwnerLeft,
    /// Being handed over.
    #[n(2)]
    Inheriting,
    /// Handed over.
    #[n(3)]
    Inherited,
    /// Gone at WeCom: disbanded, or no customer is left in it.
    #[n(4)]
    Gone {
        /// When Qitai found out.
        #[n(0)]
        at: Timestamp,
    },
}

impl GroupState {
    /// From WeCom's status number.
    pub fn from_wecom(n: i64) -> Self {
        match n {
            1 => Self::OwnerLeft,
            2 => Self::Inheriting,
            3 => Self::Inherited,
            _ => Self::Normal,
        }
    }

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::OwnerLeft => "owner_left",
            Self::Inheriting => "inheriting",
            Self::Inherited => "inherited",
            Self::Gone { .. } => "gone",
        }
    }
}

/// A customer group (客户群).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Group {
    /// Ours.
    #[n(0)]
    pub id: GroupId,
    /// Running number from 1.
    #[n(1)]
    pub no: u32,
    /// WeCom's chat_id.
    #[n(2)]
    pub chat_id: String,
    /// Name, may be empty.
    #[n(3)]
    pub name: String,
    /// The owner (群主), if known here.
    #[n(4)]
    pub owner: Option<MemberId>,
    /// Notice (群公告), may be empty.
    #[n(5)]
    pub notice: String,
    /// When it was made.
    #[n(6)]
    pub created_at: Timestamp,
    /// State.
    #[n(7)]
    pub state: GroupState,
    /// Members of the firm in it.
    #[n(8)]
    pub member_count: u32,
    /// People from outside in it.
    #[n(9)]
    pub external_count: u32,
    /// WeCom's version of the member list: unchanged means nobody came or went.
    #[n(10)]
    pub member_version: String,
}

/// How somebody came into a group, as WeCom counts: 1 invited, 2 by link, 3 by code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum JoinScene {
    /// Not said.
    #[n(0)]
    Unknown,
    /// Invited by a member.
    #[n(1)]
    Invited,
    /// By an invitation link.
    #[n(2)]
    Link,
    /// By scanning a code.
    #[n(3)]
    Code,
}

impl JoinScene {
    /// From WeCom's number.
    pub fn from_wecom(n: i64) -> Self {
        match n {
            1 => Self::Invited,
            2 => Self::Link,
            3 => Self::Code,
            _ => Self::Unknown,
        }
    }

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Invited => "invited",
            Self::Link => "link",
            Self::Code => "code",
        }
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GroupMember {
    /// Ours.
    #[n(0)]
    pub id: GroupMemberId,
    /// The group.
    #[n(1)]
    pub group: GroupId,
    /// WeCom's userid or external_userid.
    #[n(2)]
    pub userid: String,
    /// Set if a member of the firm.
    #[n(3)]
    pub member: Option<MemberId>,
    /// Set if a customer known here.
    #[n(4)]
    pub customer: Option<CustomerId>,
    /// Whether from outside.
    #[n(5)]
    pub is_external: bool,
    /// Name as WeCom gives it.
    #[n(6)]
    pub name: String,
    /// Name in the group, may be empty.
    #[n(7)]
    pub nickname: String,
    /// When joined.
    #[n(8)]
    pub joined_at: Timestamp,
    /// How joined.
    #[n(9)]
    pub scene: JoinScene,
    /// Channel of the join way (渠道), may be empty.
    #[n(10)]
    #[cbor(default)]
    pub channel: String,
}

/// What masking leaves of a phone number: the first three and last four digits of a mobile,
/// however it is written; of any other number the last two characters.
pub fn mask_phone(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let mobile = match digits.strip_prefix("86") {
        Some(rest) if rest.len() == 11 => rest,
        _ => &digits,
    };
    if mobile.len() == 11 && mobile.starts_with('1') {
        return format!("{} **** {}", &mobile[..3], &mobile[7..]);
    }
    let chars: Vec<char> = phone.chars().collect();
    match chars.len() {
        n if n > 4 => format!("**** {}", chars[n - 2..].iter().collect::<String>()),
        _ => "****".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_wecoms_is_the_firms_own() {
        assert_eq!(AddWay::from_wecom(16), AddWay(16));
        for odd in [-1, 65_535, 70_000] {
            assert_eq!(AddWay::from_wecom(odd).word_key(), "add_way.other");
        }
        assert_eq!(AddWay::OWN.word_key(), "add_way.own");
    }

    #[test]
    fn masking_shows_head_and_tail_of_a_mobile_and_little_else() {
        assert_eq!(mask_phone("13800136021"), "138 **** 6021");
        assert_eq!(mask_phone("+86 138-0013-6021"), "138 **** 6021");
        assert_eq!(mask_phone("0532-5550100"), "**** 00");
        assert_eq!(mask_phone("12"), "****");
        assert_eq!(mask_phone(""), "****");
    }
}
