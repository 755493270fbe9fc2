//! 企业群发: messages to many customers or groups, which each member confirms in the client.
//!
//! Source: WeCom documentation, 消息推送 (企业群发).

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages},
    attachments::{Attachment, Text},
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// To whom a broadcast goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatType {
    /// To customers.
    #[default]
    Single,
    /// To customer groups.
    Group,
}

/// Customers by their tags: each entry of `group_list` must be met, by any of its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TagFilter {
    /// All of these.
    pub group_list: Vec<AnyTag>,
}

/// Any of these tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AnyTag {
    /// At most 100 ids of corp tags.
    pub tag_list: Vec<String>,
}

/// A broadcast to be made.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewBroadcast {
    /// To whom.
    pub chat_type: ChatType,
    /// Customers, at most 10,000; single only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_userid: Vec<String>,
    /// Groups of the sender, at most 2,000; none means all of them. Group only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chat_id_list: Vec<String>,
    /// Customers by tags; not looked at beside `external_userid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_filter: Option<TagFilter>,
    /// The member who sends; required for groups.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// The member may choose among the recipients.
    pub allow_select: bool,
    /// At most 4000 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// At most nine; not empty when there is no text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A broadcast that was made.
#[derive(Debug, Clone, Deserialize)]
pub struct MadeBroadcast {
    /// Customers or groups who cannot be reached.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub fail_list: Vec<String>,
    /// Id.
    pub msgid: String,
}

/// Which broadcasts are asked for.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BroadcastQuery {
    /// To whom they went.
    pub chat_type: ChatType,
    /// Made after this, seconds.
    pub start_time: i64,
    /// Made before this, seconds; at most a month later.
    pub end_time: i64,
    /// Only of this member.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub creator: String,
    /// 0 by the firm, 1 by a member, 2 all.
    pub filter_type: u8,
}

/// A broadcast in the list.
#[derive(Debug, Clone, Deserialize)]
pub struct Broadcast {
    /// Id.
    pub msgid: String,
    /// The member who made it; may be absent when it came through the API.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub creator: String,
    /// When made, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
    /// 0 by the firm, 1 by a member.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_type: i64,
    /// The words.
    #[serde(default)]
    pub text: Option<Text>,
    /// What came along.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub attachments: Vec<Attachment>,
}

/// What one member has made of a broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BroadcastTask {
    /// The member.
    pub userid: String,
    /// 0 not sent yet; WeCom's table says 2 for sent, a sample 1.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
    /// When sent, seconds; 0 if not.
    #[serde(default, deserialize_with = "lenient::int")]
    pub send_time: i64,
}

impl BroadcastTask {
    /// Whether the member has sent it.
    pub fn is_sent(&self) -> bool {
        self.status != 0
    }
}

/// What became of a broadcast for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BroadcastResult {
    /// The customer, of a broadcast to customers.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_userid: String,
    /// The group, of a broadcast to groups.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub chat_id: String,
    /// The member who sends.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub userid: String,
    /// 0 unsent, 1 sent, 2 no longer a contact, 3 the customer has had enough broadcasts.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
    /// When sent, seconds; 0 if not.
    #[serde(default, deserialize_with = "lenient::int")]
    pub send_time: i64,
}

#[derive(Serialize)]
struct ById<'a> {
    msgid: &'a str,
}

impl Client {
    /// Makes a broadcast (`add_msg_template`). Not repeated after an unclear answer: it may
    /// have been made, which [`Self::broadcasts`] shows.
    pub async fn add_broadcast(&self, broadcast: &NewBroadcast) -> Result<MadeBroadcast, Error> {
        let call = "externalcontact/add_msg_template";
        self.write(Purpose::Contact, call, broadcast).await
    }

    /// Reminds the members who have not sent yet (`remind_groupmsg_send`): at most three
    /// times in 24 hours, else 41094; 41093 when it was cancelled.
    pub async fn remind_broadcast(&self, msgid: &str) -> Result<(), Error> {
        let call = "externalcontact/remind_groupmsg_send";
        let Done {} = self.write(Purpose::Contact, call, &ById { msgid }).await?;
        Ok(())
    }

    /// Stops a broadcast (`cancel_groupmsg_send`); what is sent stays sent. Cancelled already
    /// (41093) is as good.
    pub async fn cancel_broadcast(&self, msgid: &str) -> Result<(), Error> {
        let call = "externalcontact/cancel_groupmsg_send";
        match self.post(Purpose::Contact, call, &ById { msgid }).await {
            Ok(Done {}) | Err(Error::Refused { errcode: 41093, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Broadcasts made in a stretch of time, members' own ones too (`get_groupmsg_list_v2`).
    pub fn broadcasts(&self, query: &BroadcastQuery) -> Pages<'_, Broadcast> {
        #[derive(Serialize)]
        struct Ask<'a> {
            #[serde(flatten)]
            query: &'a BroadcastQuery,
            limit: u32,
        }
        let place = ("externalcontact/get_groupmsg_list_v2", "group_msg_list");
        Pages::new(self, Purpose::Contact, place, &Ask { query, limit: 100 })
    }

    /// What the members have made of a broadcast (`get_groupmsg_task`); 41063 right after it
    /// was made: ask again some seconds later.
    pub fn broadcast_tasks(&self, msgid: &str) -> Pages<'_, BroadcastTask> {
        #[derive(Serialize)]
        struct Ask<'a> {
            msgid: &'a str,
            limit: u32,
        }
        let place = ("externalcontact/get_groupmsg_task", "task_list");
        Pages::new(self, Purpose::Contact, place, &Ask { msgid, limit: 1000 })
    }

    /// What became of the recipients of one member (`get_groupmsg_send_result`).
    pub fn broadcast_results(&self, msgid: &str, userid: &str) -> Pages<'_, BroadcastResult> {
        #[derive(Serialize)]
        struct Ask<'a> {
            msgid: &'a str,
            userid: &'a str,
            limit: u32,
        }
        let place = ("externalcontact/get_groupmsg_send_result", "send_list");
        let ask = Ask {
            msgid,
            userid,
            limit: 1000,
        };
        Pages::new(self, Purpose::Contact, place, &ask)
    }
}
