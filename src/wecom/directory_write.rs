//! 通讯录管理: departments and members, writing. Needs the secret of the sync assistant
//! (通讯录同步); with any other WeCom answers 48002.
//!
//! Source: WeCom documentation, 成员管理, 部门管理.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, if_there},
    client::{Client, Purpose},
    directory::{ExtAttrs, ExternalProfile},
    error::Error,
    lenient,
};

/// Members that one `user/batchdelete` takes.
pub const DELETED_AT_ONCE_MAX: usize = 200;

/// A department to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewDepartment {
    /// Name, 1 to 64 characters (older texts: 32), none of `\ : * ? " < > ｜`.
    pub name: String,
    /// English name, of the same kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
    /// Number of the parent; 1 is the root.
    pub parentid: u64,
    /// Larger stands higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Number wished for, above 1; WeCom chooses if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

/// What is to change about a department; `None` leaves as is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DepartmentChange {
    /// Number.
    pub id: u64,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// English name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
    /// Number of the parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parentid: Option<u64>,
    /// Larger stands higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
}

/// What can be said of a member. In a change `None` leaves as is, and lists replace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemberFields {
    /// Name, 1 to 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Alias, at most 64 characters (older texts: 32).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Mobile, unique in the firm; WeCom keeps that of an activated member as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// Mail, unique in the firm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Corp mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_mail: Option<String>,
    /// Departments, at most 100 (errcode 60110 speaks of 20).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<Vec<u64>>,
    /// Position per department, larger stands higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<u64>>,
    /// 0/1 per department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_leader_in_dept: Option<Vec<u8>>,
    /// Userid of the direct superior, at most one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_leader: Option<Vec<String>>,
    /// One of `department`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_department: Option<u64>,
    /// Job title, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// "1" male, "2" female.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// 1 enabled, 0 disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable: Option<u8>,
    /// A picture from `media/upload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_mediaid: Option<String>,
    /// Telephone, at most 32 of digits, `-`, `+`, `,`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
    /// Address, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The firm's own fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extattr: Option<ExtAttrs>,
    /// Position shown to customers, at most 12 Chinese characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_position: Option<String>,
    /// What else customers see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_profile: Option<ExternalProfile>,
}

/// A member to be made: name, and mobile or mail, are required.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewMember {
    /// Userid, 1 to 64 of `[0-9A-Za-z_.@-]`, unique whatever the case.
    pub userid: String,
    /// What else there is to say.
    #[serde(flatten)]
    pub fields: MemberFields,
    /// Whether WeCom invites the member by SMS or mail, which it does unless told otherwise.
    pub to_invite: bool,
}

/// What is to change about a member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemberChange {
    /// Userid.
    pub userid: String,
    /// Another userid: once, and only if the old one was made by WeCom (errcode 301036).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_userid: Option<String>,
    /// What else is to change.
    #[serde(flatten)]
    pub fields: MemberFields,
    /// Further addresses of the corp mail; replaces them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_mail_alias: Option<MailAliases>,
}

/// Further addresses of a corp mail, at most five.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MailAliases {
    /// The addresses.
    pub item: Vec<String>,
}

/// A department that WeCom made because a new member named it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MadeDepartment {
    /// Its number.
    #[serde(deserialize_with = "lenient::uint")]
    pub id: u64,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
}

impl Client {
    /// Makes a department (`department/create`); its number. Not safe to repeat without a
    /// wished-for number; with one, a second time answers 60008.
    pub async fn create_department(&self, department: &NewDepartment) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::uint")]
            id: u64,
        }
        let call = "department/create";
        let answer: Answer = self.write(Purpose::Sync, call, department).await?;
        Ok(answer.id)
    }

    /// Changes a department (`department/update`). Safe to repeat.
    pub async fn update_department(&self, change: &DepartmentChange) -> Result<(), Error> {
        let Done {} = self
            .write(Purpose::Sync, "department/update", change)
            .await?;
        Ok(())
    }

    /// Deletes an empty department (`department/delete`); false if it was not there. Safe to
    /// repeat.
    pub async fn delete_department(&self, id: u64) -> Result<bool, Error> {
        let id = id.to_string();
        let query = [("id", id.as_str())];
        let answer = self.write_by_get(Purpose::Sync, "department/delete", &query);
        if_there(answer.await, &[60003, 60123])
    }

    /// Makes a member (`user/create`); the departments that were made along with it. A second
    /// time answers 60102.
    pub async fn create_member(&self, member: &NewMember) -> Result<Vec<MadeDepartment>, Error> {
        #[derive(Default, Deserialize)]
        struct Made {
            #[serde(default, deserialize_with = "lenient::or_default")]
            department_info: Vec<MadeDepartment>,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "lenient::or_default")]
            created_department_list: Made,
        }
        let answer: Answer = self.write(Purpose::Sync, "user/create", member).await?;
        Ok(answer.created_department_list.department_info)
    }

    /// Changes a member (`user/update`). Safe to repeat, unless it changes the userid.
    pub async fn update_member(&self, change: &MemberChange) -> Result<(), Error> {
        let Done {} = self.write(Purpose::Sync, "user/update", change).await?;
        Ok(())
    }

    /// Deletes a member (`user/delete`); false if there was none. Safe to repeat.
    pub async fn delete_member(&self, userid: &str) -> Result<bool, Error> {
        let query = [("userid", userid)];
        let answer = self.write_by_get(Purpose::Sync, "user/delete", &query);
        if_there(answer.await, &[60111])
    }

    /// Deletes up to [`DELETED_AT_ONCE_MAX`] members (`user/batchdelete`): all of them, or
    /// none if one is unknown (40031). Safe to repeat.
    pub async fn delete_members(&self, userids: &[String]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            useridlist: &'a [String],
        }
        let ask = Ask {
            useridlist: userids,
        };
        let Done {} = self.write(Purpose::Sync, "user/batchdelete", &ask).await?;
        Ok(())
    }
}
