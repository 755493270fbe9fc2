//! 加入群聊: codes by which customers join groups.
//!
//! Source: WeCom documentation, 客户群「加入群聊」管理. There is no list: the ids are kept by
//! whoever made them.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, if_there},
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// invalid config_id
const NOT_THERE: &[i64] = &[41044];

/// What a join way is made of; a change replaces all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinWay {
    /// 1 mini program plug-in, 2 QR code.
    #[serde(deserialize_with = "lenient::int")]
    pub scene: i64,
    /// Note, at most 30 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub remark: String,
    /// 1 makes a new group when all are full, 0 doesn't.
    #[serde(default, deserialize_with = "lenient::int")]
    pub auto_create_room: i64,
    /// What names of new groups begin with, at most 40 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub room_base_name: String,
    /// Number of the first new group.
    #[serde(default, deserialize_with = "lenient::int")]
    pub room_base_id: i64,
    /// One to five groups.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub chat_id_list: Vec<String>,
    /// Channel, at most 30 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub state: String,
    /// Marks the source of customers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(deserialize_with = "lenient::flag")]
    pub mark_source: bool,
}

/// A join way as WeCom keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeptJoinWay {
    /// Id.
    pub config_id: String,
    /// Address of the picture.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub qr_code: String,
    /// What it is made of.
    #[serde(flatten)]
    pub way: JoinWay,
}

#[derive(Serialize)]
struct ById<'a> {
    config_id: &'a str,
}

impl Client {
    /// Makes a join way (`groupchat/add_join_way`) and answers its id. Not repeated after an
    /// unclear answer: it may have been made, and then nobody knows its id.
    pub async fn add_join_way(&self, way: &JoinWay) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            config_id: String,
        }
        let call = "externalcontact/groupchat/add_join_way";
        let answer: Answer = self.write(Purpose::Contact, call, way).await?;
        Ok(answer.config_id)
    }

    /// One join way (`groupchat/get_join_way`); `None` if there is none under this id, or
    /// another app made it.
    pub async fn join_way(&self, config_id: &str) -> Result<Option<KeptJoinWay>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            join_way: KeptJoinWay,
        }
        let call = "externalcontact/groupchat/get_join_way";
        let answer: Result<Answer, Error> =
            self.post(Purpose::Contact, call, &ById { config_id }).await;
        match answer {
            Ok(answer) => Ok(Some(answer.join_way)),
            Err(Error::Refused { errcode, .. }) if NOT_THERE.contains(&errcode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a join way (`groupchat/update_join_way`); its picture stays the same. Not
    /// repeated after an unclear answer: [`Self::join_way`] shows what it is now.
    pub async fn update_join_way(&self, config_id: &str, way: &JoinWay) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            config_id: &'a str,
            #[serde(flatten)]
            way: &'a JoinWay,
        }
        let call = "externalcontact/groupchat/update_join_way";
        let ask = Ask { config_id, way };
        let Done {} = self.write(Purpose::Contact, call, &ask).await?;
        Ok(())
    }

    /// Deletes a join way (`groupchat/del_join_way`); false if there is none.
    pub async fn delete_join_way(&self, config_id: &str) -> Result<bool, Error> {
        let call = "externalcontact/groupchat/del_join_way";
        let answer = self.post(Purpose::Contact, call, &ById { config_id }).await;
        if_there(answer, NOT_THERE)
    }
}
