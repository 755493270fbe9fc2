//! 通讯录管理: departments and members, reading.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Purpose},
    error::{Class, Error},
    lenient,
};

/// A department as WeCom tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Department {
    /// Number; 1 is the root.
    #[serde(deserialize_with = "lenient::uint")]
    pub id: u64,
    /// Name.
    pub name: String,
    /// English name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name_en: String,
    /// Userids of the heads.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub department_leader: Vec<String>,
    /// Number of the parent; 0 for the root.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub parentid: u64,
    /// Larger stands higher.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub order: u64,
}

/// A member as WeCom tells it. Private fields are absent without the right to them.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    /// Userid.
    pub userid: String,
    /// Name.
    pub name: String,
    /// Departments the app sees.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub department: Vec<u64>,
    /// Position per department.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub order: Vec<u64>,
    /// 0/1 per department.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub is_leader_in_dept: Vec<u64>,
    /// Job title.
    #[serde(default)]
    pub position: Option<String>,
    /// Alias.
    #[serde(default)]
    pub alias: Option<String>,
    /// Mobile.
    #[serde(default)]
    pub mobile: Option<String>,
    /// Mail.
    #[serde(default)]
    pub email: Option<String>,
    /// Corp mail.
    #[serde(default)]
    pub biz_mail: Option<String>,
    /// "0", "1" or "2".
    #[serde(default)]
    pub gender: Option<String>,
    /// 1 activated, 2 disabled, 4 not activated, 5 left.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
    /// Number of the main department.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub main_department: u64,
    /// Userids of the direct superiors.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub direct_leader: Vec<String>,
    /// Telephone.
    #[serde(default)]
    pub telephone: Option<String>,
    /// Address of the picture.
    #[serde(default)]
    pub avatar: Option<String>,
    /// The same, small.
    #[serde(default)]
    pub thumb_avatar: Option<String>,
    /// Address.
    #[serde(default)]
    pub address: Option<String>,
    /// Address of the personal QR code.
    #[serde(default)]
    pub qr_code: Option<String>,
    /// English name, of old firms.
    #[serde(default)]
    pub english_name: Option<String>,
    /// The firm's own fields.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub extattr: ExtAttrs,
    /// Position shown to customers.
    #[serde(default)]
    pub external_position: Option<String>,
    /// What else customers see.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_profile: ExternalProfile,
}

/// The firm's own fields of a member (扩展属性).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtAttrs {
    /// One by one.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub attrs: Vec<Attribute>,
}

/// What customers see of a member (对外信息).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalProfile {
    /// Short name of the firm.
    #[serde(
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub external_corp_name: String,
    /// The member's channel in WeChat (视频号).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat_channels: Option<WechatChannels>,
    /// Further fields.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_attr: Vec<Attribute>,
}

/// A channel in WeChat (视频号).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WechatChannels {
    /// Name, bound to the firm.
    pub nickname: String,
    /// 0 hidden, 1 shown.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub status: u64,
}

/// One field of a member, with the one value its kind has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// 0 text, 1 web page, 2 mini program.
    #[serde(default, rename = "type", deserialize_with = "lenient::uint")]
    pub kind: u64,
    /// Name of the field.
    pub name: String,
    /// Of kind 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<AttributeText>,
    /// Of kind 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<AttributeWeb>,
    /// Of kind 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miniprogram: Option<MiniProgram>,
}

/// A text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeText {
    /// The text.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub value: String,
}

/// A web page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeWeb {
    /// Its address.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub url: String,
    /// What is shown for it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub title: String,
}

/// A mini program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiniProgram {
    /// Its app id.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub appid: String,
    /// Page within it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pagepath: String,
    /// What is shown for it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub title: String,
}

impl Client {
    /// All departments the app sees (`department/list`).
    pub async fn departments(&self) -> Result<Vec<Department>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            department: Vec<Department>,
        }
        let answer: Answer = self.get(Purpose::App, "department/list", &[]).await?;
        Ok(answer.department)
    }

    /// The members directly in a department (`user/list`); none if the department is gone.
    pub async fn members(&self, department: u64) -> Result<Vec<Member>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            userlist: Vec<Member>,
        }
        let id = department.to_string();
        let query = [("department_id", id.as_str())];
        let answer: Result<Answer, Error> = self.get(Purpose::App, "user/list", &query).await;
        unless_gone(answer.map(|a| a.userlist)).map(Option::unwrap_or_default)
    }

    /// Asks for the id of one member with the sync assistant's secret (`user/list_id`), to see
    /// whether that secret is one.
    pub async fn try_sync_secret(&self) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask {
            limit: u32,
        }
        #[derive(Deserialize)]
        struct Answer {}
        let ask = Ask { limit: 1 };
        let Answer {} = self.post(Purpose::Sync, "user/list_id", &ask).await?;
        Ok(())
    }

    /// One member (`user/get`); `None` if WeCom does not know the userid any more.
    pub async fn member(&self, userid: &str) -> Result<Option<Member>, Error> {
        unless_gone(
            self.get(Purpose::App, "user/get", &[("userid", userid)])
                .await,
        )
    }
}

/// Turns «not there» into `None`.
pub(super) fn unless_gone<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.class() == Some(Class::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}
