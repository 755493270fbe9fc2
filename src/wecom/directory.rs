//! 通讯录管理: departments and members, reading.

use serde::Deserialize;

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
