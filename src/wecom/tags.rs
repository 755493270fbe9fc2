//! 企业客户标签: corp tags, and the tags of rule groups (规则组标签).
//!
//! Source: WeCom documentation, 管理企业标签, 管理企业规则组下的客户标签.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, if_there},
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

/// A group of tags of a rule group.
#[derive(Debug, Clone, Deserialize)]
pub struct StrategyTagGroup {
    /// The rule group.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub strategy_id: u64,
    /// The group.
    #[serde(flatten)]
    pub group: TagGroup,
}

/// A tag to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewTag {
    /// At most 30 characters.
    pub name: String,
    /// Larger stands first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
}

/// Tags to be made in a group, by its id, or by its name, which is made if there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewTags {
    /// The group; name and order are not looked at then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Name of the group, at most 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// Of a new group; larger stands first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// At least one.
    pub tag: Vec<NewTag>,
}

/// A change of a tag or group; `None` leaves as is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TagChange {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Larger stands first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
}

#[derive(Serialize)]
struct ByIds<'a> {
    tag_id: &'a [String],
    group_id: &'a [String],
}

#[derive(Serialize)]
struct Change<'a> {
    id: &'a str,
    #[serde(flatten)]
    change: &'a TagChange,
}

/// invalid tag id
const NOT_THERE: &[i64] = &[40068];

impl Client {
    /// Corp tags or groups by their ids, deleted ones too (`get_corp_tag_list`). When groups
    /// are named, tags are not looked at.
    pub async fn corp_tags_by_id(
        &self,
        tag_ids: &[String],
        group_ids: &[String],
    ) -> Result<Vec<TagGroup>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            tag_group: Vec<TagGroup>,
        }
        let call = "externalcontact/get_corp_tag_list";
        let ask = ByIds {
            tag_id: tag_ids,
            group_id: group_ids,
        };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.tag_group)
    }

    /// Makes corp tags (`add_corp_tag`); answers the group with the tags of this call. Not
    /// repeated after an unclear answer.
    pub async fn add_corp_tags(&self, tags: &NewTags) -> Result<TagGroup, Error> {
        #[derive(Deserialize)]
        struct Answer {
            tag_group: TagGroup,
        }
        let call = "externalcontact/add_corp_tag";
        let answer: Answer = self.write(Purpose::Contact, call, tags).await?;
        Ok(answer.tag_group)
    }

    /// Changes a corp tag or group (`edit_corp_tag`).
    pub async fn edit_corp_tag(&self, id: &str, change: &TagChange) -> Result<(), Error> {
        let call = "externalcontact/edit_corp_tag";
        let Done {} = self
            .post(Purpose::Contact, call, &Change { id, change })
            .await?;
        Ok(())
    }

    /// Deletes corp tags and groups (`del_corp_tag`), which customers lose; a group goes with
    /// its last tag. False if one of them is not there.
    pub async fn delete_corp_tags(
        &self,
        tag_ids: &[String],
        group_ids: &[String],
    ) -> Result<bool, Error> {
        let call = "externalcontact/del_corp_tag";
        let ask = ByIds {
            tag_id: tag_ids,
            group_id: group_ids,
        };
        if_there(self.post(Purpose::Contact, call, &ask).await, NOT_THERE)
    }

    /// The tags of a rule group, or of all this app made (`get_strategy_tag_list`).
    pub async fn strategy_tags(
        &self,
        strategy_id: Option<u64>,
    ) -> Result<Vec<StrategyTagGroup>, Error> {
        #[derive(Serialize)]
        struct Ask {
            #[serde(skip_serializing_if = "Option::is_none")]
            strategy_id: Option<u64>,
        }
        #[derive(Deserialize)]
        struct Answer {
            tag_group: Vec<StrategyTagGroup>,
        }
        let call = "externalcontact/get_strategy_tag_list";
        let answer: Answer = self
            .post(Purpose::Contact, call, &Ask { strategy_id })
            .await?;
        Ok(answer.tag_group)
    }

    /// Makes tags of a rule group at the top (`add_strategy_tag`). Not repeated after an
    /// unclear answer.
    pub async fn add_strategy_tags(
        &self,
        strategy_id: u64,
        tags: &NewTags,
    ) -> Result<TagGroup, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            strategy_id: u64,
            #[serde(flatten)]
            tags: &'a NewTags,
        }
        #[derive(Deserialize)]
        struct Answer {
            tag_group: TagGroup,
        }
        let call = "externalcontact/add_strategy_tag";
        let ask = Ask { strategy_id, tags };
        let answer: Answer = self.write(Purpose::Contact, call, &ask).await?;
        Ok(answer.tag_group)
    }

    /// Changes a tag or group of a rule group (`edit_strategy_tag`).
    pub async fn edit_strategy_tag(&self, id: &str, change: &TagChange) -> Result<(), Error> {
        let call = "externalcontact/edit_strategy_tag";
        let Done {} = self
            .post(Purpose::Contact, call, &Change { id, change })
            .await?;
        Ok(())
    }

    /// Deletes tags and groups of rule groups (`del_strategy_tag`). False if one of them is
    /// not there.
    pub async fn delete_strategy_tags(
        &self,
        tag_ids: &[String],
        group_ids: &[String],
    ) -> Result<bool, Error> {
        let call = "externalcontact/del_strategy_tag";
        let ask = ByIds {
            tag_id: tag_ids,
            group_id: group_ids,
        };
        if_there(self.post(Purpose::Contact, call, &ask).await, NOT_THERE)
    }

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
