//! What the firm consists of.

use serde_json::Value;

use super::rng::Rng;

/// A department (部门).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Department id; the root is 1.
    pub id: u64,
    /// Name.
    pub name: String,
    /// English name, may be empty.
    pub name_en: String,
    /// Id of the department above; 0 for the root.
    pub parent: u64,
    /// Larger stands higher.
    pub order: u64,
    /// Userids of the leaders, in order.
    pub leaders: Vec<String>,
}

/// A member (成员).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// Userid.
    pub userid: String,
    /// Name.
    pub name: String,
    /// Departments, the main one first.
    pub departments: Vec<u64>,
    /// Position within the department of the same position, larger stands higher.
    pub orders: Vec<u64>,
    /// Whether this member leads the department of the same position.
    pub leads: Vec<bool>,
    /// Main department; the first one if there is none.
    pub main_department: Option<u64>,
    /// Position (职务).
    pub position: String,
    /// Userid of the direct superior.
    pub superior: Option<String>,
    /// Alias (别名), may be empty.
    pub alias: String,
    /// 1 activated, 2 disabled, 4 not activated, 5 left.
    pub status: u8,
    /// Has 客户联系功能.
    pub serves_customers: bool,
    /// Telephone (座机).
    pub telephone: String,
    /// Position shown to customers.
    pub external_position: String,
    /// `external_profile` as the API has it, or null.
    pub external_profile: Value,
    /// `extattr` as the API has it, or null.
    pub extattr: Value,
    /// What an app sees only with the member's consent.
    pub private: Private,
    /// The userid was made by WeCom, not by the firm.
    pub userid_by_wecom: bool,
}

impl Member {
    /// The main department.
    pub fn main(&self) -> Option<u64> {
        self.main_department.or(self.departments.first().copied())
    }
}

/// What apps made since 2022-06-20 see of a member only with consent (敏感信息).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private {
    /// Mobile.
    pub mobile: String,
    /// Mail.
    pub email: String,
    /// Corp mail.
    pub biz_mail: String,
    /// Further addresses of the corp mail.
    pub biz_mail_alias: Vec<String>,
    /// 0 undefined, 1 male, 2 female.
    pub gender: u8,
    /// Address.
    pub address: String,
    /// Address of the picture.
    pub avatar: String,
}

/// A customer (外部联系人) with everything the members wrote about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// `wm…` for WeChat users, `wo…` for WeCom users.
    pub external_userid: String,
    /// Nickname or name.
    pub name: String,
    /// 1 WeChat user, 2 WeCom user.
    pub kind: u8,
    /// 0 unknown, 1 male, 2 female.
    pub gender: u8,
    /// Firm of a WeCom user.
    pub corp_name: Option<String>,
    /// Position of a WeCom user.
    pub position: Option<String>,
    /// WeChat union id, only for WeChat users.
    pub unionid: Option<String>,
    /// Who serves this customer.
    pub relations: Vec<Relation>,
}

/// The tie between one member and one customer (跟进关系).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The member.
    pub userid: String,
    /// Remark (备注).
    pub remark: String,
    /// Description (描述).
    pub description: String,
    /// When added, in seconds since the epoch.
    pub createtime: i64,
    /// Ids of corp tags.
    pub tags: Vec<String>,
    /// Personal tags of the member.
    pub personal_tags: Vec<String>,
    /// Firm as the member wrote it.
    pub remark_corp_name: String,
    /// Phones as the member wrote them.
    pub remark_mobiles: Vec<String>,
    /// Source (来源), see the WeCom documentation's table of `add_way`.
    pub add_way: u16,
    /// Channel of the contact way.
    pub state: String,
    /// Who passed the customer on; empty if nobody did.
    pub oper_userid: String,
    /// The member has not added the customer back yet (免验证添加).
    pub half: bool,
    /// The customer deleted the member, who still sees the customer.
    pub deleted_by_customer: bool,
}

/// A group of corp tags (标签组).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagGroup {
    /// Group id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Larger stands higher.
    pub order: u64,
    /// Seconds since the epoch.
    pub create_time: i64,
    /// Its tags.
    pub tags: Vec<CorpTag>,
    /// Deleted; still told when asked for by id.
    pub deleted: bool,
}

/// A corp tag (企业客户标签).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpTag {
    /// Tag id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Larger stands higher.
    pub order: u64,
    /// Seconds since the epoch.
    pub create_time: i64,
    /// Deleted; still told when asked for by id.
    pub deleted: bool,
}

/// A group chat with customers (客户群).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChat {
    /// `wr…`
    pub chat_id: String,
    /// Name; may be empty.
    pub name: String,
    /// Userid of the owner.
    pub owner: String,
    /// Notice.
    pub notice: String,
    /// Seconds since the epoch.
    pub create_time: i64,
    /// 0 normal, 1 owner left, 2 being inherited, 3 inherited.
    pub status: u8,
    /// Userids of the administrators.
    pub admins: Vec<String>,
    /// Everybody in it.
    pub members: Vec<GroupMember>,
    /// How often somebody came or went.
    pub version: u64,
}

impl GroupChat {
    /// Another one after every coming and going (`member_version`).
    pub fn member_version(&self) -> String {
        let mut rng = Rng::of(
            self.version,
            41,
            u64::try_from(self.create_time).unwrap_or(0),
        );
        format!("{:016x}{:016x}", rng.bits(), rng.bits())
    }
}

/// Somebody in a group chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Userid or external userid.
    pub userid: String,
    /// 1 member of the corp, 2 external.
    pub kind: u8,
    /// Name.
    pub name: String,
    /// Nickname in the group.
    pub nickname: String,
    /// Seconds since the epoch.
    pub join_time: i64,
    /// 1 invited by a member, 2 by link, 3 by QR code.
    pub join_scene: u8,
    /// Channel of the join way.
    pub state: String,
}
