//! 企业客户标签: corp tags, reading.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// A group of tags as WeCom tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct TagGroup {
    /// Id.
    pub group_id: String,
    /// Name.
    pub group_name: String,
    /// Larger stands first.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub order: u64,
    /// Whether deleted.
    #[serde(default)]
    pub deleted: bool,
    /// Its tags.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tag: Vec<Tag>,
}

/// A tag as WeCom tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Tag {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Larger stands first.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub order: u64,
    /// Whether deleted.
    #[serde(default)]
    pub deleted: bool,
}

impl Client {
    /// All corp tags (`get_corp_tag_list`).
    pub async fn corp_tags(&self) -> Result<Vec<TagGroup>, Error> {
        #[derive(Serialize)]
        struct All {}
        #[derive(Deserialize)]
        struct Answer {
            tag_group: Vec<TagGroup>,
        }
        let call = "externalcontact/get_corp_tag_list";
        let answer: Answer = self.post(Purpose::Contact, call, &All {}).await?;
        Ok(answer.tag_group)
    }
}
