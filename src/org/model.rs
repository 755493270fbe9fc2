//! Departments and members: types and pure rules.

use minicbor::{Decode, Encode};

use crate::kit::{Id, Timestamp};

/// See [`Department`].
pub type DepartmentId = Id<Department>;
/// See [`Member`].
pub type MemberId = Id<Member>;

/// A department (部门) of the firm's tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Department {
    /// Ours.
    #[n(0)]
    pub id: DepartmentId,
    /// WeCom's number; 1 is the root.
    #[n(1)]
    pub wecom_id: u64,
    /// WeCom's number of the parent; 0 for the root.
    #[n(2)]
    pub parent_wecom_id: u64,
    /// Name.
    #[n(3)]
    pub name: String,
    /// English name, may be empty.
    #[n(4)]
    pub name_en: String,
    /// Larger stands higher in the list.
    #[n(5)]
    pub order: u64,
    /// Userids of the heads, in order.
    #[n(6)]
    pub leaders: Vec<String>,
    /// When it was found to be gone.
    #[n(7)]
    pub removed_at: Option<Timestamp>,
    /// The id that an HR system knows the department by, may be empty.
    #[cbor(n(8), default)]
    pub external_id: String,
    /// When WeCom was told of the department, if it was from here.
    #[n(9)]
    pub told_at: Option<Timestamp>,
}

impl Department {
    /// The name in the given language.
    pub fn name_in(&self, english: bool) -> &str {
        if english && !self.name_en.is_empty() {
            &self.name_en
        } else {
            &self.name
        }
    }
}

/// A member's place in one department.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Post {
    /// WeCom's number of the department.
    #[n(0)]
    pub department: u64,
    /// Whether a head of it.
    #[n(1)]
    pub is_leader: bool,
    /// Larger stands higher in the department's list.
    #[n(2)]
    pub order: u64,
}

/// As WeCom counts: 0 unknown, 1 male, 2 female.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Gender {
    /// Not said.
    #[default]
    #[n(0)]
    Unknown,
    /// Male.
    #[n(1)]
    Male,
    /// Female.
    #[n(2)]
    Female,
}

impl Gender {
    /// From WeCom's number; anything else is unknown.
    pub fn from_wecom(n: i64) -> Self {
        match n {
            1 => Self::Male,
            2 => Self::Female,
            _ => Self::Unknown,
        }
    }

    /// From what people write in spreadsheets; `None` if it means nothing.
    pub fn of_text(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "男" | "男性" | "m" | "male" | "1" => Some(Self::Male),
            "女" | "女性" | "f" | "female" | "2" => Some(Self::Female),
            "未知" | "未定义" | "unknown" | "0" | "-" => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Catalogue key of the word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "gender.unknown",
            Self::Male => "gender.male",
            Self::Female => "gender.female",
        }
    }
}

/// Where a member stands with the firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum MemberState {
    /// Activated (已激活).
    #[n(0)]
    Active,
    /// Disabled (已禁用).
    #[n(1)]
    Disabled,
    /// Not activated yet (未激活).
    #[n(2)]
    Inactive,
    /// Left the firm (离职).
    #[n(3)]
    Left,
}

impl MemberState {
    /// From WeCom's status number: 1 activated, 2 disabled, 4 not activated, 5 left.
    pub fn from_wecom(status: i64) -> Self {
        match status {
            2 => Self::Disabled,
            4 => Self::Inactive,
            5 => Self::Left,
            _ => Self::Active,
        }
    }

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Inactive => "inactive",
            Self::Left => "left",
        }
    }
}

/// Who knows a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Origin {
    /// WeCom, and therefore everybody.
    #[default]
    #[n(0)]
    Wecom,
    /// Only this folder: made here, and not (yet) known at WeCom.
    #[n(1)]
    Local,
}

impl Origin {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Wecom => "wecom",
            Self::Local => "local",
        }
    }
}

/// A member (成员) of the firm.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// Ours; also the id of the person as a data subject.
    #[n(0)]
    pub id: MemberId,
    /// WeCom's userid, unique in the firm.
    #[n(1)]
    pub userid: String,
    /// Name.
    #[n(2)]
    pub name: String,
    /// Alias (别名), may be empty.
    #[n(3)]
    pub alias: String,
    /// Job title (职务), may be empty.
    #[n(4)]
    pub position: String,
    /// The departments the member is in.
    #[n(5)]
    pub posts: Vec<Post>,
    /// WeCom's number of the main department, 0 if none.
    #[n(6)]
    pub main_department: u64,
    /// Gender.
    #[n(7)]
    pub gender: Gender,
    /// Mobile, where WeCom gives it; empty otherwise.
    #[n(8)]
    pub mobile: String,
    /// Corp mail or mail, where WeCom gives it; empty otherwise.
    #[n(9)]
    pub email: String,
    /// State.
    #[n(10)]
    pub state: MemberState,
    /// When the member was found to have left.
    #[n(11)]
    pub left_at: Option<Timestamp>,
    /// Whether the member may add customers (客户联系功能).
    #[n(12)]
    pub serves_customers: bool,
    /// Running number from 1, for dense sets.
    #[n(13)]
    pub no: u32,
    /// Who knows the member.
    #[cbor(n(14), default)]
    pub origin: Origin,
    /// Job number (工号), may be empty. Kept here alone.
    #[cbor(n(15), default)]
    pub job_number: String,
    /// Userid of the direct superior (直属上级), may be empty. Kept here alone.
    #[cbor(n(16), default)]
    pub direct_leader: String,
    /// The id that an HR system knows the member by, may be empty.
    #[cbor(n(17), default)]
    pub external_id: String,
    /// When WeCom was last told of the member, if it was from here.
    #[n(18)]
    pub told_at: Option<Timestamp>,
}

impl Member {
    /// Whether the member works here.
    pub fn is_here(&self) -> bool {
        self.state != MemberState::Left
    }
}
