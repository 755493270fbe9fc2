//! 统计: what members and groups did, by day of Beijing time, 180 days back to yesterday.
//!
//! Source: WeCom documentation, 联系客户统计, 群聊数据统计.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, PAGES_MAX, Purpose},
    error::Error,
    lenient,
};

/// What some members did on one day, added up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MemberDay {
    /// Beginning of the day, seconds.
    #[serde(deserialize_with = "lenient::int")]
    pub stat_time: i64,
    /// Chats.
    #[serde(default, deserialize_with = "lenient::int")]
    pub chat_cnt: i64,
    /// Messages sent.
    #[serde(default, deserialize_with = "lenient::int")]
    pub message_cnt: i64,
    /// Percent of chats that were replied to; absent when there was nothing to reply to.
    #[serde(default, deserialize_with = "lenient::real")]
    pub reply_percentage: Option<f64>,
    /// Minutes until the first reply; absent likewise.
    #[serde(default, deserialize_with = "lenient::real")]
    pub avg_reply_time: Option<f64>,
    /// Customers who deleted or blocked a member.
    #[serde(default, deserialize_with = "lenient::int")]
    pub negative_feedback_cnt: i64,
    /// Requests sent to customers.
    #[serde(default, deserialize_with = "lenient::int")]
    pub new_apply_cnt: i64,
    /// New customers.
    #[serde(default, deserialize_with = "lenient::int")]
    pub new_contact_cnt: i64,
}

/// Figures of groups; members of the corp count as members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct GroupFigures {
    /// New groups.
    #[serde(default, deserialize_with = "lenient::int")]
    pub new_chat_cnt: i64,
    /// Groups.
    #[serde(default, deserialize_with = "lenient::int")]
    pub chat_total: i64,
    /// Groups in which somebody wrote.
    #[serde(default, deserialize_with = "lenient::int")]
    pub chat_has_msg: i64,
    /// New group members.
    #[serde(default, deserialize_with = "lenient::int")]
    pub new_member_cnt: i64,
    /// Group members.
    #[serde(default, deserialize_with = "lenient::int")]
    pub member_total: i64,
    /// Group members who wrote.
    #[serde(default, deserialize_with = "lenient::int")]
    pub member_has_msg: i64,
    /// Messages.
    #[serde(default, deserialize_with = "lenient::int")]
    pub msg_total: i64,
    /// Groups moved by trainees (education only).
    #[serde(default, deserialize_with = "lenient::int")]
    pub migrate_trainee_chat_cnt: i64,
}

/// Figures of the groups of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupsOfOwner {
    /// The owner.
    pub owner: String,
    /// Figures.
    pub data: GroupFigures,
}

/// Figures of the groups of all named owners on one day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupsOnDay {
    /// Beginning of the day, seconds.
    #[serde(deserialize_with = "lenient::int")]
    pub stat_time: i64,
    /// Figures.
    pub data: GroupFigures,
}

#[derive(Serialize)]
struct Owners<'a> {
    userid_list: &'a [String],
}

impl Client {
    /// What up to 100 members did, a row for each day of at most 30
    /// (`get_user_behavior_data`); times in seconds.
    pub async fn member_days(
        &self,
        userids: &[String],
        start_time: i64,
        end_time: i64,
    ) -> Result<Vec<MemberDay>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            userid: &'a [String],
            start_time: i64,
            end_time: i64,
        }
        #[derive(Deserialize)]
        struct Answer {
            behavior_data: Vec<MemberDay>,
        }
        let call = "externalcontact/get_user_behavior_data";
        let ask = Ask {
            userid: userids,
            start_time,
            end_time,
        };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.behavior_data)
    }

    /// Figures of the groups of up to 100 owners over at most 30 days, by owner
    /// (`groupchat/statistic`); times in seconds.
    pub async fn groups_by_owner(
        &self,
        owners: &[String],
        day_begin_time: i64,
        day_end_time: i64,
    ) -> Result<Vec<GroupsOfOwner>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            day_begin_time: i64,
            day_end_time: i64,
            owner_filter: Owners<'a>,
            order_by: u8,
            order_asc: u8,
            offset: usize,
            limit: u32,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "lenient::uint")]
            total: u64,
            items: Vec<GroupsOfOwner>,
        }
        const CALL: &str = "externalcontact/groupchat/statistic";
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let ask = Ask {
                day_begin_time,
                day_end_time,
                owner_filter: Owners {
                    userid_list: owners,
                },
                order_by: 2,
                order_asc: 0,
                offset: all.len(),
                limit: 1000,
            };
            let answer: Answer = self.post(Purpose::Contact, CALL, &ask).await?;
            let empty = answer.items.is_empty();
            all.extend(answer.items);
            if empty || all.len() as u64 >= answer.total {
                break;
            }
        }
        Ok(all)
    }

    /// The same by day (`groupchat/statistic_group_by_day`).
    pub async fn groups_by_day(
        &self,
        owners: &[String],
        day_begin_time: i64,
        day_end_time: i64,
    ) -> Result<Vec<GroupsOnDay>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            day_begin_time: i64,
            day_end_time: i64,
            owner_filter: Owners<'a>,
        }
        #[derive(Deserialize)]
        struct Answer {
            items: Vec<GroupsOnDay>,
        }
        let call = "externalcontact/groupchat/statistic_group_by_day";
        let ask = Ask {
            day_begin_time,
            day_end_time,
            owner_filter: Owners {
                userid_list: owners,
            },
        };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.items)
    }
}
