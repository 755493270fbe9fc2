//! 应用管理: the self-built app itself.

use serde::Deserialize;

use super::{
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// The app as the admin console shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Agent {
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// Members named one by one in the visible range (可见范围).
    #[serde(default)]
    allow_userinfos: Users,
    /// Departments in the visible range.
    #[serde(default)]
    allow_partys: Departments,
    /// Tags in the visible range.
    #[serde(default)]
    allow_tags: Tags,
    /// 1 if the app is disabled.
    #[serde(default, deserialize_with = "lenient::int")]
    close: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Users {
    #[serde(default, deserialize_with = "lenient::or_default")]
    user: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Departments {
    #[serde(default, deserialize_with = "lenient::ints")]
    partyid: Vec<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Tags {
    #[serde(default, deserialize_with = "lenient::ints")]
    tagid: Vec<u64>,
}

impl Agent {
    /// Whether nobody is in the visible range.
    pub fn sees_nobody(&self) -> bool {
        self.allow_userinfos.user.is_empty()
            && self.allow_partys.partyid.is_empty()
            && self.allow_tags.tagid.is_empty()
    }

    /// Whether it is disabled in the admin console.
    pub fn is_disabled(&self) -> bool {
        self.close == 1
    }
}

impl Client {
    /// The app of the token (`agent/get`). Another app's number is refused with 301002.
    pub async fn agent(&self, agentid: u64) -> Result<Agent, Error> {
        let id = agentid.to_string();
        self.get(Purpose::App, "agent/get", &[("agentid", id.as_str())])
            .await
    }
}
