//! 会话内容存档 over HTTP: who is archived, who agreed, rooms and robots.
//!
//! The messages themselves come through [`super::archive`]. All calls are made with the
//! archive's own secret.
//!
//! Source: WeCom documentation, 获取会话内容存档开启成员列表, 获取会话同意情况,
//! 获取会话内容存档内部群信息, 获取机器人信息.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Purpose},
    directory::unless_gone,
    error::Error,
    lenient,
};

/// Pairs that one question may name; 301060 to more.
const PAIRS_MAX: usize = 100;

/// What a seat of the archive covers (版本).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edition {
    /// 办公版: chats between colleagues.
    Office,
    /// 服务版: also chats with people outside.
    Service,
    /// 企业版: also calls.
    Enterprise,
}

impl Edition {
    /// Every edition.
    pub const ALL: [Self; 3] = [Self::Office, Self::Service, Self::Enterprise];

    /// WeCom's number of it.
    pub fn number(self) -> u8 {
        match self {
            Self::Office => 1,
            Self::Service => 2,
            Self::Enterprise => 3,
        }
    }
}

/// Whether a customer lets chats be archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consent {
    /// Agreed.
    Agree,
    /// Did not agree.
    Disagree,
    /// Was never asked: from a time without questions, or where none is needed.
    DefaultAgree,
    /// An answer nobody has heard of.
    Other,
}

impl<'de> Deserialize<'de> for Consent {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match String::deserialize(d)?.as_str() {
            "Agree" => Self::Agree,
            "Disagree" => Self::Disagree,
            "Default_Agree" => Self::DefaultAgree,
            _ => Self::Other,
        })
    }
}

/// Where a customer stands towards one member.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SingleConsent {
    /// The member.
    pub userid: String,
    /// The customer; the field is spelled like this.
    #[serde(rename = "exteranalopenid")]
    pub external_userid: String,
    /// Where the customer stands.
    #[serde(rename = "agree_status")]
    pub consent: Consent,
    /// Since when, seconds.
    #[serde(
        default,
        rename = "status_change_time",
        deserialize_with = "lenient::int"
    )]
    pub since_s: i64,
}

/// Where a customer stands in a room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomConsent {
    /// The customer; the field is spelled like this.
    #[serde(rename = "exteranalopenid")]
    pub external_userid: String,
    /// Where the customer stands.
    #[serde(rename = "agree_status")]
    pub consent: Consent,
    /// Since when, seconds.
    #[serde(
        default,
        rename = "status_change_time",
        deserialize_with = "lenient::int"
    )]
    pub since_s: i64,
}

/// A room without people outside (内部群).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InternalRoom {
    /// Name; may be empty.
    #[serde(default, rename = "roomname", deserialize_with = "lenient::or_default")]
    pub name: String,
    /// Userid of who made it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub creator: String,
    /// When made, seconds.
    #[serde(
        default,
        rename = "room_create_time",
        deserialize_with = "lenient::int"
    )]
    pub made_s: i64,
    /// Notice.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub notice: String,
    /// Who is in it.
    pub members: Vec<RoomMember>,
}

/// Somebody in an internal room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomMember {
    /// Userid.
    #[serde(rename = "memberid")]
    pub userid: String,
    /// When joined, seconds.
    #[serde(default, rename = "jointime", deserialize_with = "lenient::int")]
    pub joined_s: i64,
}

/// A robot in a room (群机器人).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Robot {
    /// Its id.
    pub robot_id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// Userid of who made it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub creator_userid: String,
}

impl Client {
    /// Userids whose chats are archived at the moment, of one edition or all
    /// (`get_permit_user_list`).
    pub async fn archived_members(&self, edition: Option<Edition>) -> Result<Vec<String>, Error> {
        #[derive(Serialize)]
        struct Ask {
            #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
            edition: Option<u8>,
        }
        #[derive(Deserialize)]
        struct Answer {
            // Required: an answer without it must not read as "nobody".
            #[serde(deserialize_with = "lenient::or_default")]
            ids: Vec<String>,
        }
        let edition = edition.map(Edition::number);
        let call = "msgaudit/get_permit_user_list";
        let answer: Answer = self.post(Purpose::Archive, call, &Ask { edition }).await?;
        Ok(answer.ids)
    }

    /// Where customers stand towards members, for pairs of userid and external userid
    /// (`check_single_agree`). Pairs that WeCom does not know are left out.
    pub async fn single_consents(
        &self,
        pairs: &[(String, String)],
    ) -> Result<Vec<SingleConsent>, Error> {
        let mut all = Vec::new();
        for some in pairs.chunks(PAIRS_MAX) {
            match unless_gone(self.consents_of(some).await)? {
                Some(found) => all.extend(found),
                // One unknown id spoils the whole question: ask about each pair alone.
                None => {
                    for pair in some.chunks(1) {
                        let found = unless_gone(self.consents_of(pair).await)?;
                        all.extend(found.unwrap_or_default());
                    }
                }
            }
        }
        Ok(all)
    }

    async fn consents_of(&self, pairs: &[(String, String)]) -> Result<Vec<SingleConsent>, Error> {
        #[derive(Serialize)]
        struct Pair<'a> {
            userid: &'a str,
            exteranalopenid: &'a str,
        }
        #[derive(Serialize)]
        struct Ask<'a> {
            info: Vec<Pair<'a>>,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::or_default")]
            agreeinfo: Vec<SingleConsent>,
        }
        let info = pairs
            .iter()
            .map(|(userid, external)| Pair {
                userid,
                exteranalopenid: external,
            })
            .collect();
        let call = "msgaudit/check_single_agree";
        let answer: Answer = self.post(Purpose::Archive, call, &Ask { info }).await?;
        Ok(answer.agreeinfo)
    }

    /// Where the customers of a room stand (`check_room_agree`); `None` if WeCom does not know
    /// the room.
    pub async fn room_consents(&self, roomid: &str) -> Result<Option<Vec<RoomConsent>>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::or_default")]
            agreeinfo: Vec<RoomConsent>,
        }
        let call = "msgaudit/check_room_agree";
        let answer = self.post(Purpose::Archive, call, &Room { roomid }).await;
        Ok(unless_gone::<Answer>(answer)?.map(|answer| answer.agreeinfo))
    }

    /// An internal room (`msgaudit/groupchat/get`); `None` if it is not one, or unknown.
    pub async fn internal_room(&self, roomid: &str) -> Result<Option<InternalRoom>, Error> {
        let call = "msgaudit/groupchat/get";
        let answer = self.post(Purpose::Archive, call, &Room { roomid }).await;
        unless_gone(answer)
    }

    /// A robot (`get_robot_info`); `None` if WeCom does not know it.
    pub async fn robot(&self, robot_id: &str) -> Result<Option<Robot>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            data: Robot,
        }
        let call = "msgaudit/get_robot_info";
        let query = [("robot_id", robot_id)];
        let answer = self.get(Purpose::Archive, call, &query).await;
        Ok(unless_gone::<Answer>(answer)?.map(|answer| answer.data))
    }
}

#[derive(Serialize)]
struct Room<'a> {
    roomid: &'a str,
}
