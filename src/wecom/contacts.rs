//! 客户联系: members who add customers, and their customers.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages},
    client::{Client, PAGES_MAX, Purpose},
    directory::{ExternalProfile, unless_gone},
    error::Error,
    lenient,
};

/// A customer as WeCom tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct ExternalContact {
    /// external_userid.
    pub external_userid: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// 1 WeChat user, 2 WeCom user.
    #[serde(default, rename = "type", deserialize_with = "lenient::int")]
    pub kind: i64,
    /// 0 unknown, 1 male, 2 female.
    #[serde(default, deserialize_with = "lenient::int")]
    pub gender: i64,
    /// Picture.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub avatar: String,
    /// WeChat unionid.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub unionid: String,
    /// Job title, only of WeCom users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub position: String,
    /// Firm, only of WeCom users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub corp_name: String,
    /// Full name of the firm, only of WeCom users.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub corp_full_name: String,
    /// What a WeCom user shows of themselves.
    #[serde(default)]
    pub external_profile: Option<ExternalProfile>,
}

/// What one member knows of a customer.
#[derive(Debug, Clone, Deserialize)]
pub struct FollowInfo {
    /// The member's userid.
    pub userid: String,
    /// Remark.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub remark: String,
    /// Description.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub description: String,
    /// When added, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub createtime: i64,
    /// Ids of corp and strategy tags, told by `batch/get_by_user` only.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tag_id: Vec<String>,
    /// Tags of all kinds, told by `get` only.
    #[serde(default)]
    pub tags: Option<Vec<FollowTag>>,
    /// Company as remarked.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub remark_corp_name: String,
    /// Phones as remarked.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub remark_mobiles: Vec<String>,
    /// How added.
    #[serde(default, deserialize_with = "lenient::int")]
    pub add_way: i64,
    /// Channel.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub state: String,
    /// Who began: the member, the customer, or for 201 and 202 whoever passed the customer on.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub oper_userid: String,
    /// Channel (视频号) of add_way 10.
    #[serde(default)]
    pub wechat_channels: Option<CameByChannels>,
}

/// A channel (视频号) by which a customer came.
#[derive(Debug, Clone, Deserialize)]
pub struct CameByChannels {
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub nickname: String,
    /// 0 unknown, 1 home page, 2 live room.
    #[serde(default, deserialize_with = "lenient::int")]
    pub source: i64,
}

/// A tag as `externalcontact/get` tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct FollowTag {
    /// The tag's id; absent for personal tags.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tag_id: String,
    /// Name of its group; empty for personal tags.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub group_name: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tag_name: String,
    /// 1 corp tag, 2 personal tag, 3 strategy tag.
    #[serde(default, rename = "type", deserialize_with = "lenient::int")]
    pub kind: i64,
}

/// A customer with everybody who follows it.
#[derive(Debug, Clone)]
pub struct CustomerDetail {
    /// The customer.
    pub external_contact: ExternalContact,
    /// All followers the app sees.
    pub follow_user: Vec<FollowInfo>,
}

/// One (customer, member) pair.
#[derive(Debug, Clone, Deserialize)]
pub struct ContactOfMember {
    /// The customer.
    pub external_contact: ExternalContact,
    /// The tie.
    pub follow_info: FollowInfo,
}

/// What is written about a customer; `None` leaves as is. Not all of it may be `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RemarkChange {
    /// The member.
    pub userid: String,
    /// The customer.
    pub external_userid: String,
    /// Remark, at most 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Description, at most 150 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Company, at most 20 characters; only of WeChat users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark_company: Option<String>,
    /// All phones; `[""]` takes all away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark_mobiles: Option<Vec<String>>,
    /// A picture from `media/upload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark_pic_mediaid: Option<String>,
}

/// Somebody outside whom members have served (已服务的外部联系人), customer or not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServedContact {
    /// Whether a customer.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_customer: bool,
    /// An id for this listing.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tmp_openid: String,
    /// Only of customers.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_userid: String,
    /// Masked; only of those who are no customers.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The member.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub follow_userid: String,
    /// The group in which they met.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub chat_id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub chat_name: String,
    /// When added, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub add_time: i64,
}

/// The pages of the customers of some members.
pub struct CustomerPages<'c> {
    client: &'c Client,
    /// Members still to be asked about, in stretches of one call each; the last is the current.
    stretches: Vec<Vec<String>>,
    cursor: String,
    trail: Trail,
}

const BATCH: &str = "externalcontact/batch/get_by_user";
/// Rows of a page; WeCom's maximum.
const PAGE_ROWS: u32 = 100;

impl CustomerPages<'_> {
    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<ContactOfMember>>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            userid_list: &'a [String],
            cursor: &'a str,
            limit: u32,
        }
        #[derive(Deserialize)]
        struct Answer {
            // Required: an answer without it must not read as "nobody".
            #[serde(deserialize_with = "lenient::or_default")]
            external_contact_list: Vec<ContactOfMember>,
            #[serde(default, deserialize_with = "lenient::or_default")]
            next_cursor: String,
        }
        while let Some(userid_list) = self.stretches.last() {
            let ask = Ask {
                userid_list,
                cursor: &self.cursor,
                limit: PAGE_ROWS,
            };
            let answer: Result<Answer, Error> =
                self.client.post(Purpose::Contact, BATCH, &ask).await;
            let Some(answer) = unless_gone(answer)? else {
                self.ask_one_by_one();
                continue;
            };
            if answer.next_cursor.is_empty() {
                self.begin_next_stretch();
            } else {
                self.cursor = self.trail.advance(BATCH, answer.next_cursor)?;
            }
            return Ok(Some(answer.external_contact_list));
        }
        Ok(None)
    }

    fn begin_next_stretch(&mut self) {
        self.stretches.pop();
        self.cursor.clear();
        self.trail = Trail::default();
    }

    /// One member who has left makes the call for all of them fail: each of the others is
    /// asked about alone, and whoever is unknown even so is left out.
    fn ask_one_by_one(&mut self) {
        let refused = self.stretches.last().cloned().unwrap_or_default();
        self.begin_next_stretch();
        if refused.len() > 1 {
            self.stretches
                .extend(refused.into_iter().rev().map(|userid| vec![userid]));
        }
    }
}

/// Follows page cursors and notices when they lead in a circle, of any length, by comparing
/// each with one kept from before; the kept one is renewed after 1, 2, 4, 8 … pages (Brent).
#[derive(Default)]
pub(super) struct Trail {
    pages: usize,
    kept: String,
    renew_at: usize,
}

impl Trail {
    /// The next cursor, unless it leads in a circle.
    pub(super) fn advance(&mut self, call: &'static str, next: String) -> Result<String, Error> {
        self.pages += 1;
        if (!next.is_empty() && next == self.kept) || self.pages > PAGES_MAX {
            let what = "the page cursor leads in a circle".to_owned();
            return Err(Error::BadAnswer { call, what });
        }
        if self.pages >= self.renew_at {
            self.kept.clone_from(&next);
            self.renew_at = self.pages * 2;
        }
        Ok(next)
    }
}

impl Client {
    /// Userids of the members who may add customers and whom the app sees.
    pub async fn follow_users(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            follow_user: Vec<String>,
        }
        let call = "externalcontact/get_follow_user_list";
        let answer: Answer = self.get(Purpose::Contact, call, &[]).await?;
        Ok(answer.follow_user)
    }

    /// All customers of up to 100 members, page by page.
    pub fn customers_of(&self, userids: &[String]) -> CustomerPages<'_> {
        CustomerPages {
            client: self,
            stretches: vec![userids.to_vec()],
            cursor: String::new(),
            trail: Trail::default(),
        }
    }

    /// One customer with all followers; `None` if WeCom does not know the customer any more.
    pub async fn customer(&self, external_userid: &str) -> Result<Option<CustomerDetail>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            external_contact: ExternalContact,
            // Required: an answer without it must not read as "nobody".
            follow_user: Vec<FollowInfo>,
            #[serde(default, deserialize_with = "lenient::or_default")]
            next_cursor: String,
        }
        const CALL: &str = "externalcontact/get";
        let (mut all, mut cursor, mut trail) = (Vec::new(), String::new(), Trail::default());
        loop {
            let query = [
                ("external_userid", external_userid),
                ("cursor", cursor.as_str()),
            ];
            let answer = self.get::<Answer>(Purpose::Contact, CALL, &query).await;
            let Some(answer) = unless_gone(answer)? else {
                return Ok(None);
            };
            all.extend(answer.follow_user);
            if answer.next_cursor.is_empty() {
                return Ok(Some(CustomerDetail {
                    external_contact: answer.external_contact,
                    follow_user: all,
                }));
            }
            cursor = trail.advance(CALL, answer.next_cursor)?;
        }
    }

    /// external_userids of all customers of one member (`list`); none of a member who has
    /// left.
    pub async fn customer_ids_of(&self, userid: &str) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            external_userid: Vec<String>,
        }
        let call = "externalcontact/list";
        let query = [("userid", userid)];
        // A member without customers is refused with 84061.
        let answer = self.get::<Answer>(Purpose::Contact, call, &query).await;
        let ids = unless_gone(answer.map(|a| a.external_userid))?;
        Ok(ids.unwrap_or_default())
    }

    /// Writes about a customer (`remark`). No event comes of it.
    pub async fn set_remark(&self, change: &RemarkChange) -> Result<(), Error> {
        let call = "externalcontact/remark";
        let Done {} = self.write(Purpose::Contact, call, change).await?;
        Ok(())
    }

    /// Puts corp tags on a relation and takes others off (`mark_tag`). No event comes of it.
    /// Two at once for one customer may be refused with 45035.
    pub async fn mark_tags(
        &self,
        userid: &str,
        external_userid: &str,
        add_tag: &[String],
        remove_tag: &[String],
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            userid: &'a str,
            external_userid: &'a str,
            add_tag: &'a [String],
            remove_tag: &'a [String],
        }
        let call = "externalcontact/mark_tag";
        let ask = Ask {
            userid,
            external_userid,
            add_tag,
            remove_tag,
        };
        let Done {} = self.write(Purpose::Contact, call, &ask).await?;
        Ok(())
    }

    /// Everybody outside whom members have served (`contact_list`). Its pages go stale after
    /// four hours.
    pub fn served_contacts(&self) -> Pages<'_, ServedContact> {
        #[derive(Serialize)]
        struct Ask {
            limit: u32,
        }
        let place = ("externalcontact/contact_list", "info_list");
        Pages::new(self, Purpose::Contact, place, &Ask { limit: 1000 })
    }
}
