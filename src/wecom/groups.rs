//! 客户群: customer groups, reading.
//!
//! Source: WeCom documentation, 客户群管理.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Purpose},
    contacts::Trail,
    directory::unless_gone,
    error::Error,
    lenient,
};

/// Owners that one listing can be narrowed to.
const OWNERS_MAX: usize = 100;

/// A group in the list.
#[derive(Debug, Clone, Deserialize)]
pub struct GroupEntry {
    /// chat_id.
    pub chat_id: String,
    /// 0 normal, 1 owner left, 2 being inherited, 3 inherited.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
}

/// A group with everybody in it.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    /// chat_id.
    pub chat_id: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The owner's userid.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub owner: String,
    /// When made, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
    /// Notice.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub notice: String,
    /// Everybody in it.
    pub member_list: Vec<GroupMember>,
    /// Changes when somebody comes or goes.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub member_version: String,
    /// Administrators.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub admin_list: Vec<GroupPerson>,
}

/// A member of the corp in a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupPerson {
    /// userid.
    pub userid: String,
}

/// Somebody in a group.
#[derive(Debug, Clone, Deserialize)]
pub struct GroupMember {
    /// userid or external_userid.
    pub userid: String,
    /// 1 member, 2 external.
    #[serde(default, rename = "type", deserialize_with = "lenient::int")]
    pub kind: i64,
    /// When joined, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub join_time: i64,
    /// 1 invited, 2 by link, 3 by code.
    #[serde(default, deserialize_with = "lenient::int")]
    pub join_scene: i64,
    /// Who invited, if a member did.
    #[serde(default)]
    pub invitor: Option<GroupPerson>,
    /// Channel of the join way.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub state: String,
    /// WeChat unionid.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub unionid: String,
    /// Name in the group.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub group_nickname: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
}

impl Client {
    /// All groups whose owners the app sees (`groupchat/list`).
    pub async fn groups(&self) -> Result<Vec<GroupEntry>, Error> {
        self.groups_owned(None).await
    }

    /// The groups of these owners, also of those who have left. Whoever WeCom does not know
    /// owns none.
    pub async fn groups_of(&self, userids: &[String]) -> Result<Vec<GroupEntry>, Error> {
        let mut all = Vec::new();
        for owners in userids.chunks(OWNERS_MAX) {
            match unless_gone(self.groups_owned(Some(owners)).await)? {
                Some(groups) => all.extend(groups),
                // One unknown userid spoils the whole question: ask about each alone.
                None => {
                    for owner in owners.chunks(1) {
                        let groups = unless_gone(self.groups_owned(Some(owner)).await)?;
                        all.extend(groups.unwrap_or_default());
                    }
                }
            }
        }
        Ok(all)
    }

    async fn groups_owned(&self, owners: Option<&[String]>) -> Result<Vec<GroupEntry>, Error> {
        #[derive(Serialize)]
        struct Owners<'a> {
            userid_list: &'a [String],
        }
        #[derive(Serialize)]
        struct Ask<'a> {
            status_filter: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            owner_filter: Option<Owners<'a>>,
            cursor: &'a str,
            limit: u32,
        }
        #[derive(Deserialize)]
        struct Answer {
            // Required: an answer without it must not read as "nobody".
            #[serde(deserialize_with = "lenient::or_default")]
            group_chat_list: Vec<GroupEntry>,
            #[serde(default, deserialize_with = "lenient::or_default")]
            next_cursor: String,
        }
        const CALL: &str = "externalcontact/groupchat/list";
        let (mut all, mut cursor, mut trail) = (Vec::new(), String::new(), Trail::default());
        loop {
            let ask = Ask {
                status_filter: 0,
                owner_filter: owners.map(|userid_list| Owners { userid_list }),
                cursor: &cursor,
                limit: 1000,
            };
            let answer: Answer = self.post(Purpose::Contact, CALL, &ask).await?;
            all.extend(answer.group_chat_list);
            if answer.next_cursor.is_empty() {
                return Ok(all);
            }
            cursor = trail.advance(CALL, answer.next_cursor)?;
        }
    }

    /// One group with names (`groupchat/get`); `None` if WeCom does not know it any more.
    pub async fn group(&self, chat_id: &str) -> Result<Option<Group>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            chat_id: &'a str,
            need_name: u8,
        }
        #[derive(Deserialize)]
        struct Answer {
            group_chat: Group,
        }
        let ask = Ask {
            chat_id,
            need_name: 1,
        };
        let call = "externalcontact/groupchat/get";
        let answer: Result<Answer, Error> = self.post(Purpose::Contact, call, &ask).await;
        Ok(unless_gone(answer)?.map(|a| a.group_chat))
    }

    /// chat_id of a group whose opengid a mini program knows (`opengid_to_chatid`).
    pub async fn chat_id_of(&self, opengid: &str) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            opengid: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            chat_id: String,
        }
        let call = "externalcontact/opengid_to_chatid";
        let answer: Answer = self.post(Purpose::Contact, call, &Ask { opengid }).await?;
        Ok(answer.chat_id)
    }
}
