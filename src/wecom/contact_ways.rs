//! 联系我: codes by which customers add members.
//!
//! Source: WeCom documentation, 客户联系「联系我」管理.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages, if_there},
    attachments::Material,
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// invalid config_id
const NOT_THERE: &[i64] = &[41044];

/// A contact way as WeCom keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ContactWay {
    /// Id.
    pub config_id: String,
    /// 1 single (单人), 2 multi (多人).
    #[serde(default, rename = "type", deserialize_with = "lenient::int")]
    pub kind: i64,
    /// 1 in a mini program, 2 by QR code.
    #[serde(default, deserialize_with = "lenient::int")]
    pub scene: i64,
    /// Look of the button, scene 1 only.
    #[serde(default, deserialize_with = "lenient::int")]
    pub style: i64,
    /// Note on the channel; customers don't see it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub remark: String,
    /// Customers are friends at once, without the member's consent.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub skip_verify: bool,
    /// Channel, comes back in events.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub state: String,
    /// Address of the picture, scene 2 only.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub qr_code: String,
    /// Userids.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub user: Vec<String>,
    /// Department ids.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub party: Vec<u64>,
    /// For temporary chats.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_temp: bool,
    /// Seconds a temporary code is good.
    #[serde(default, deserialize_with = "lenient::int")]
    pub expires_in: i64,
    /// Seconds a temporary chat lasts.
    #[serde(default, deserialize_with = "lenient::int")]
    pub chat_expires_in: i64,
    /// The one WeChat user who may use a temporary code.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub unionid: String,
    /// All customers of one other corp go to the same member.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_exclusive: bool,
    /// Marks the source of customers.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub mark_source: bool,
    /// Closing words of a temporary chat.
    #[serde(default)]
    pub conclusions: Option<Material>,
}

/// A contact way to be made. What is `None` takes WeCom's default.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewContactWay {
    /// 1 single: exactly one user; 2 multi: users or departments.
    #[serde(rename = "type")]
    pub kind: u8,
    /// 1 in a mini program, 2 by QR code.
    pub scene: u8,
    /// What may be changed later too.
    #[serde(flatten)]
    pub settings: ContactWaySettings,
    /// For temporary chats (临时会话): approved trades only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_temp: Option<bool>,
    /// All customers of one other corp go to the same member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_exclusive: Option<bool>,
}

/// What can be said and changed about a contact way. In a change `None` leaves as is, and
/// lists replace.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ContactWaySettings {
    /// Look of the button, scene 1 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<u8>,
    /// Note on the channel, at most 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Without the member's consent; WeCom's default is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_verify: Option<bool>,
    /// Channel, at most 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Userids; with those of the departments at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Vec<String>>,
    /// Department ids, multi only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<Vec<u64>>,
    /// Seconds a temporary code is good, at most 14 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
    /// Seconds a temporary chat lasts, at most 14 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_expires_in: Option<u32>,
    /// The one WeChat user who may use a temporary code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unionid: Option<String>,
    /// Marks the source of customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_source: Option<bool>,
    /// Closing words of a temporary chat, text at most 4000 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusions: Option<Material>,
}

/// A contact way that was made.
#[derive(Debug, Clone, Deserialize)]
pub struct MadeContactWay {
    /// Id.
    pub config_id: String,
    /// Address of the picture, scene 2 only.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub qr_code: String,
}

/// A contact way in the list.
#[derive(Debug, Clone, Deserialize)]
pub struct ContactWayEntry {
    /// Id.
    pub config_id: String,
}

#[derive(Serialize)]
struct ById<'a> {
    config_id: &'a str,
}

impl Client {
    /// Makes a contact way (`add_contact_way`). Not repeated after an unclear answer: it may
    /// have been made, which [`Self::contact_ways`] shows.
    pub async fn add_contact_way(&self, way: &NewContactWay) -> Result<MadeContactWay, Error> {
        let call = "externalcontact/add_contact_way";
        self.write(Purpose::Contact, call, way).await
    }

    /// One contact way (`get_contact_way`); `None` if there is none under this id, or another
    /// app made it.
    pub async fn contact_way(&self, config_id: &str) -> Result<Option<ContactWay>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            contact_way: ContactWay,
        }
        let call = "externalcontact/get_contact_way";
        let answer: Result<Answer, Error> =
            self.post(Purpose::Contact, call, &ById { config_id }).await;
        match answer {
            Ok(answer) => Ok(Some(answer.contact_way)),
            Err(Error::Refused { errcode, .. }) if NOT_THERE.contains(&errcode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Contact ways made between two times, in seconds (`list_contact_way`); temporary ones
    /// are not in it.
    pub fn contact_ways(&self, start_time: i64, end_time: i64) -> Pages<'_, ContactWayEntry> {
        #[derive(Serialize)]
        struct Ask {
            start_time: i64,
            end_time: i64,
            limit: u32,
        }
        let place = ("externalcontact/list_contact_way", "contact_way");
        let ask = Ask {
            start_time,
            end_time,
            limit: 1000,
        };
        Pages::new(self, Purpose::Contact, place, &ask)
    }

    /// Changes a contact way (`update_contact_way`); its picture stays the same. Not repeated
    /// after an unclear answer: [`Self::contact_way`] shows what it is now.
    pub async fn update_contact_way(
        &self,
        config_id: &str,
        settings: &ContactWaySettings,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            config_id: &'a str,
            #[serde(flatten)]
            settings: &'a ContactWaySettings,
        }
        let call = "externalcontact/update_contact_way";
        let ask = Ask {
            config_id,
            settings,
        };
        let Done {} = self.write(Purpose::Contact, call, &ask).await?;
        Ok(())
    }

    /// Deletes a contact way (`del_contact_way`); false if there is none.
    pub async fn delete_contact_way(&self, config_id: &str) -> Result<bool, Error> {
        let call = "externalcontact/del_contact_way";
        let answer = self.post(Purpose::Contact, call, &ById { config_id }).await;
        if_there(answer, NOT_THERE)
    }

    /// Ends a temporary chat and sends its closing words (`close_temp_chat`).
    pub async fn close_temp_chat(&self, userid: &str, external_userid: &str) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            userid: &'a str,
            external_userid: &'a str,
        }
        let call = "externalcontact/close_temp_chat";
        let ask = Ask {
            userid,
            external_userid,
        };
        let Done {} = self.write(Purpose::Contact, call, &ask).await?;
        Ok(())
    }
}
