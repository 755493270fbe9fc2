//! 获客助手: links by which strangers add members. Not callable with the secret of 客户联系.
//!
//! Source: WeCom documentation, 获客助手.

use serde::{Deserialize, Serialize};

use super::{
    answers::{Done, Pages, if_there},
    client::{Client, Purpose},
    error::Error,
    lenient,
    moments::Senders,
};

/// Whom a link leads to first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priority {
    /// 1 whoever of all is a contact already, 2 of those listed.
    #[serde(default, deserialize_with = "lenient::int")]
    pub priority_type: i64,
    /// At most 1000 userids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub priority_userid_list: Vec<String>,
}

/// What can be said and changed about a link. In a change `None` leaves as is, and the range
/// replaces.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LinkSettings {
    /// At most 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_name: Option<String>,
    /// At most 500 people in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Senders>,
    /// Without the member's consent; WeCom's default is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_verify: Option<bool>,
    /// Whom it leads to first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_option: Option<Priority>,
    /// Marks the source of customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_source: Option<bool>,
}

/// A link as WeCom tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AcquisitionLink {
    /// Id, told when made.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub link_id: String,
    /// Name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub link_name: String,
    /// Address; `?customer_channel=` behind it comes back as state.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub url: String,
    /// When made, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub create_time: i64,
    /// Without the member's consent.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub skip_verify: bool,
    /// Marks the source of customers.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub mark_source: bool,
}

/// A link with the people behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AcquisitionDetail {
    /// The link.
    pub link: AcquisitionLink,
    /// The people behind it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub range: Senders,
    /// Whom it leads to first.
    #[serde(default)]
    pub priority_option: Option<Priority>,
}

/// A customer who came by a link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LinkCustomer {
    /// The customer.
    pub external_userid: String,
    /// The member.
    pub userid: String,
    /// 0 has written nothing, 1 has written, 2 unknown.
    #[serde(default, deserialize_with = "lenient::int")]
    pub chat_status: i64,
    /// customer_channel of the address.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub state: String,
}

/// How many more customers may come by links.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Quota {
    /// Ever bought.
    #[serde(default, deserialize_with = "lenient::int")]
    pub total: i64,
    /// Left.
    #[serde(default, deserialize_with = "lenient::int")]
    pub balance: i64,
    /// What is left, by when it ends.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub quota_list: Vec<QuotaPart>,
}

/// A part of the quota.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QuotaPart {
    /// When it ends, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub expire_date: i64,
    /// Left.
    #[serde(default, deserialize_with = "lenient::int")]
    pub balance: i64,
}

/// What a link brought.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LinkFigures {
    /// People who opened it.
    #[serde(default, deserialize_with = "lenient::int")]
    pub click_link_customer_cnt: i64,
    /// New customers.
    #[serde(default, deserialize_with = "lenient::int")]
    pub new_customer_cnt: i64,
}

/// What stands behind a chat_key of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LinkChat {
    /// The member.
    pub userid: String,
    /// The customer.
    pub external_userid: String,
    /// The chat.
    pub chat_info: LinkChatInfo,
}

/// A chat that began by a link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LinkChatInfo {
    /// Messages of the customer.
    #[serde(default, deserialize_with = "lenient::int")]
    pub recv_msg_cnt: i64,
    /// The link.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub link_id: String,
    /// customer_channel of the address.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub state: String,
}

#[derive(Serialize)]
struct ById<'a> {
    link_id: &'a str,
}

impl Client {
    /// Ids of all links (`customer_acquisition/list_link`).
    pub fn acquisition_links(&self) -> Pages<'_, String> {
        #[derive(Serialize)]
        struct Ask {
            limit: u32,
        }
        let call = "externalcontact/customer_acquisition/list_link";
        let place = (call, "link_id_list");
        Pages::new(self, Purpose::App, place, &Ask { limit: 100 })
    }

    /// One link (`customer_acquisition/get`).
    pub async fn acquisition_link(&self, link_id: &str) -> Result<AcquisitionDetail, Error> {
        let call = "externalcontact/customer_acquisition/get";
        self.post(Purpose::App, call, &ById { link_id }).await
    }

    /// Makes a link (`customer_acquisition/create_link`); name and range are required. Not
    /// repeated after an unclear answer.
    pub async fn create_acquisition_link(
        &self,
        settings: &LinkSettings,
    ) -> Result<AcquisitionLink, Error> {
        #[derive(Deserialize)]
        struct Answer {
            link: AcquisitionLink,
        }
        let call = "externalcontact/customer_acquisition/create_link";
        let answer: Answer = self.write(Purpose::App, call, settings).await?;
        Ok(answer.link)
    }

    /// Changes a link (`customer_acquisition/update_link`).
    pub async fn update_acquisition_link(
        &self,
        link_id: &str,
        settings: &LinkSettings,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            link_id: &'a str,
            #[serde(flatten)]
            settings: &'a LinkSettings,
        }
        let call = "externalcontact/customer_acquisition/update_link";
        let Done {} = self
            .post(Purpose::App, call, &Ask { link_id, settings })
            .await?;
        Ok(())
    }

    /// Deletes a link (`customer_acquisition/delete_link`); false if there is none.
    pub async fn delete_acquisition_link(&self, link_id: &str) -> Result<bool, Error> {
        let call = "externalcontact/customer_acquisition/delete_link";
        let answer = self.post(Purpose::App, call, &ById { link_id }).await;
        if_there(answer, &[40058])
    }

    /// Customers who came by a link (`customer_acquisition/customer`).
    pub fn acquisition_customers(&self, link_id: &str) -> Pages<'_, LinkCustomer> {
        #[derive(Serialize)]
        struct Ask<'a> {
            link_id: &'a str,
            limit: u32,
        }
        let call = "externalcontact/customer_acquisition/customer";
        let ask = Ask {
            link_id,
            limit: 1000,
        };
        Pages::new(self, Purpose::App, (call, "customer_list"), &ask)
    }

    /// How many more customers may come by links (`customer_acquisition_quota`).
    pub async fn acquisition_quota(&self) -> Result<Quota, Error> {
        let call = "externalcontact/customer_acquisition_quota";
        self.get(Purpose::App, call, &[]).await
    }

    /// What a link brought in at most 30 days (`customer_acquisition/statistic`); times in
    /// seconds.
    pub async fn acquisition_figures(
        &self,
        link_id: &str,
        start_time: i64,
        end_time: i64,
    ) -> Result<LinkFigures, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            link_id: &'a str,
            start_time: i64,
            end_time: i64,
        }
        let call = "externalcontact/customer_acquisition/statistic";
        let ask = Ask {
            link_id,
            start_time,
            end_time,
        };
        self.post(Purpose::App, call, &ask).await
    }

    /// What stands behind a chat_key (`customer_acquisition/get_chat_info`), for 30 minutes.
    pub async fn acquisition_chat(&self, chat_key: &str) -> Result<LinkChat, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            chat_key: &'a str,
        }
        let call = "externalcontact/customer_acquisition/get_chat_info";
        self.post(Purpose::App, call, &Ask { chat_key }).await
    }
}
