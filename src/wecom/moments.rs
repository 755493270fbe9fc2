//! 客户朋友圈: moments for customers, which each member publishes in the client.
//!
//! Source: WeCom documentation, 客户朋友圈.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages},
    attachments::Text,
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// A picture, video or cover from `media/upload_attachment` (attachment_type 1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentMedia {
    /// Id.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub media_id: String,
}

/// A link with its cover.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentLink {
    /// At most 64 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub title: String,
    /// Where it leads.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub url: String,
    /// Cover; not told again by the list.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub media_id: String,
}

/// What a moment carries: one to nine pictures, or one video, or one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
pub enum MomentAttachment {
    /// A picture.
    Image {
        /// The picture.
        image: MomentMedia,
    },
    /// A video of at most 30 seconds and 10 MB.
    Video {
        /// The video.
        video: MomentMedia,
    },
    /// A link.
    Link {
        /// The link.
        link: MomentLink,
    },
}

/// Members and departments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Senders {
    /// Userids.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub user_list: Vec<String>,
    /// Department ids.
    #[serde(default, deserialize_with = "lenient::ints")]
    pub department_list: Vec<u64>,
}

/// Customers by corp tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedCustomers {
    /// Tag ids.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tag_list: Vec<String>,
}

/// Who publishes and who sees; `None` is everybody.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MomentRange {
    /// Who publishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_list: Option<Senders>,
    /// Which of their customers see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_contact_list: Option<TaggedCustomers>,
}

/// A moment to be made.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewMoment {
    /// At most 2000 characters and 4000 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// Not mixed; not empty when there is no text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<MomentAttachment>,
    /// Who publishes and who sees.
    pub visible_range: MomentRange,
}

/// How far the making of a moment is.
#[derive(Debug, Clone, Deserialize)]
pub struct MomentJob {
    /// 1 begun, 2 under way, 3 done.
    #[serde(deserialize_with = "lenient::int")]
    pub status: i64,
    /// What came of it, once done.
    #[serde(default)]
    pub result: Option<MomentMade>,
}

/// What came of the making of a moment.
#[derive(Debug, Clone, Deserialize)]
pub struct MomentMade {
    /// 0 is success.
    #[serde(default, deserialize_with = "lenient::int")]
    pub errcode: i64,
    /// Id of the moment.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub moment_id: String,
    /// Members and departments that cannot publish.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub invalid_sender_list: Senders,
    /// Tags that are not known.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub invalid_external_contact_list: TaggedCustomers,
}

/// Which moments are asked for.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MomentQuery {
    /// Made after this, seconds.
    pub start_time: i64,
    /// Made before this, seconds; at most 30 days later.
    pub end_time: i64,
    /// Only of this member.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub creator: String,
    /// 0 by the firm, 1 by a member, 2 all.
    pub filter_type: u8,
}

/// A video in the list.
#[derive(Debug, Clone, Deserialize)]
pub struct MomentVideo {
    /// The video.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub media_id: String,
    /// Its cover.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub thumb_media_id: String,
}

/// A place; the numbers come as texts.
#[derive(Debug, Clone, Deserialize)]
pub struct Location {
    /// Degrees.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub latitude: String,
    /// Degrees.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub longitude: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
}

/// A moment in the list.
#[derive(Debug, Clone, Deserialize)]
pub struct Moment {
    /// Id.
    pub moment_id: String,
    /// The member; absent for moments of the firm.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub creator: String,
    /// When made, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
    /// 0 by the firm, 1 by a member.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_type: i64,
    /// 0 for some, 1 public.
    #[serde(default, deserialize_with = "lenient::int")]
    pub visible_type: i64,
    /// The words.
    #[serde(default)]
    pub text: Option<Text>,
    /// Pictures.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub image: Vec<MomentMedia>,
    /// Video.
    #[serde(default)]
    pub video: Option<MomentVideo>,
    /// Link.
    #[serde(default)]
    pub link: Option<MomentLink>,
    /// Place.
    #[serde(default)]
    pub location: Option<Location>,
}

/// Whether one member has published a moment of the firm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MomentTask {
    /// The member.
    pub userid: String,
    /// 0 no, 1 yes.
    #[serde(default, deserialize_with = "lenient::int")]
    pub publish_status: i64,
}

/// A customer who sees a moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MomentCustomer {
    /// The member, told by `get_moment_customer_list` only.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub userid: String,
    /// The customer.
    pub external_userid: String,
}

/// Somebody commented on or liked a moment; the words are not told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MomentReaction {
    /// A customer …
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_userid: String,
    /// … or a member.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub userid: String,
    /// When, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
}

/// Reactions to one member's moment.
#[derive(Debug, Clone, Deserialize)]
pub struct MomentReactions {
    /// Comments.
    pub comment_list: Vec<MomentReaction>,
    /// Likes.
    pub like_list: Vec<MomentReaction>,
}

#[derive(Serialize)]
struct OfMember<'a> {
    moment_id: &'a str,
    userid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl Client {
    /// Has a moment made (`add_moment_task`) and answers the job. Not repeated after an
    /// unclear answer.
    pub async fn add_moment(&self, moment: &NewMoment) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            jobid: String,
        }
        let call = "externalcontact/add_moment_task";
        let answer: Answer = self.write(Purpose::Contact, call, moment).await?;
        Ok(answer.jobid)
    }

    /// How far it is (`get_moment_task_result`); kept for 24 hours.
    pub async fn moment_job(&self, jobid: &str) -> Result<MomentJob, Error> {
        let call = "externalcontact/get_moment_task_result";
        self.get(Purpose::Contact, call, &[("jobid", jobid)]).await
    }

    /// Stops a moment (`cancel_moment_task`); what is published stays.
    pub async fn cancel_moment(&self, moment_id: &str) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            moment_id: &'a str,
        }
        let call = "externalcontact/cancel_moment_task";
        let Done {} = self
            .post(Purpose::Contact, call, &Ask { moment_id })
            .await?;
        Ok(())
    }

    /// Moments made in a stretch of time (`get_moment_list`).
    pub fn moments(&self, query: &MomentQuery) -> Pages<'_, Moment> {
        #[derive(Serialize)]
        struct Ask<'a> {
            #[serde(flatten)]
            query: &'a MomentQuery,
            limit: u32,
        }
        let place = ("externalcontact/get_moment_list", "moment_list");
        Pages::new(self, Purpose::Contact, place, &Ask { query, limit: 20 })
    }

    /// Who has published a moment of the firm (`get_moment_task`).
    pub fn moment_tasks(&self, moment_id: &str) -> Pages<'_, MomentTask> {
        #[derive(Serialize)]
        struct Ask<'a> {
            moment_id: &'a str,
            limit: u32,
        }
        let place = ("externalcontact/get_moment_task", "task_list");
        let ask = Ask {
            moment_id,
            limit: 1000,
        };
        Pages::new(self, Purpose::Contact, place, &ask)
    }

    /// Customers chosen to see it (`get_moment_customer_list`).
    pub fn moment_customers(&self, moment_id: &str, userid: &str) -> Pages<'_, MomentCustomer> {
        let place = ("externalcontact/get_moment_customer_list", "customer_list");
        let ask = OfMember {
            moment_id,
            userid,
            limit: Some(1000),
        };
        Pages::new(self, Purpose::Contact, place, &ask)
    }

    /// Customers to whom it was published (`get_moment_send_result`); 41062 before that.
    pub fn moment_results(&self, moment_id: &str, userid: &str) -> Pages<'_, MomentCustomer> {
        let place = ("externalcontact/get_moment_send_result", "customer_list");
        let ask = OfMember {
            moment_id,
            userid,
            limit: Some(5000),
        };
        Pages::new(self, Purpose::Contact, place, &ask)
    }

    /// Comments and likes (`get_moment_comments`).
    pub async fn moment_reactions(
        &self,
        moment_id: &str,
        userid: &str,
    ) -> Result<MomentReactions, Error> {
        let call = "externalcontact/get_moment_comments";
        let ask = OfMember {
            moment_id,
            userid,
            limit: None,
        };
        self.post(Purpose::Contact, call, &ask).await
    }
}
