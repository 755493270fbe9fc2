//! 在职继承 and 离职继承: customers and groups pass to another member.
//!
//! Source: WeCom documentation, 在职继承, 离职继承.

use serde::{Deserialize, Serialize};

use super::{
    answers::Pages,
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// Whether the one who hands over is still in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Still here (在职).
    Active,
    /// Left (离职).
    Resigned,
}

/// One to a hundred customers to be passed on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Transfer {
    /// Who hands over.
    pub handover_userid: String,
    /// Who takes over.
    pub takeover_userid: String,
    /// The customers.
    pub external_userid: Vec<String>,
    /// What the customer reads, at most 200 characters; only of members in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_success_msg: Option<String>,
}

/// Whether the transfer of one customer has begun.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// The customer.
    pub external_userid: String,
    /// 0 begun, not done: the customer may refuse for 24 hours. Else why not.
    #[serde(default, deserialize_with = "lenient::int")]
    pub errcode: i64,
}

/// How far the transfer of one customer is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TransferState {
    /// The customer.
    pub external_userid: String,
    /// 1 done, 2 waiting, 3 the customer refused, 4 the new member has too many, 5 none known.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
    /// When it takes or took effect, seconds; 0 if it does not.
    #[serde(default, deserialize_with = "lenient::int")]
    pub takeover_time: i64,
}

/// A customer whose member left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unassigned {
    /// Who left.
    pub handover_userid: String,
    /// The customer.
    pub external_userid: String,
    /// When the member left, seconds.
    #[serde(default, deserialize_with = "lenient::int")]
    pub dimission_time: i64,
}

/// A group that could not be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FailedGroup {
    /// The group.
    pub chat_id: String,
    /// Why.
    #[serde(default, deserialize_with = "lenient::int")]
    pub errcode: i64,
}

impl Client {
    /// Begins to pass customers on (`transfer_customer`, `resigned/transfer_customer`). Not
    /// repeated after an unclear answer; [`Self::transfer_states`] shows what has begun.
    pub async fn transfer_customers(
        &self,
        service: Service,
        transfer: &Transfer,
    ) -> Result<Vec<Started>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            customer: Vec<Started>,
        }
        let call = match service {
            Service::Active => "externalcontact/transfer_customer",
            Service::Resigned => "externalcontact/resigned/transfer_customer",
        };
        let answer: Answer = self.write(Purpose::Contact, call, transfer).await?;
        Ok(answer.customer)
    }

    /// How far transfers between two members are (`transfer_result`,
    /// `resigned/transfer_result`).
    pub fn transfer_states(
        &self,
        service: Service,
        handover_userid: &str,
        takeover_userid: &str,
    ) -> Pages<'_, TransferState> {
        #[derive(Serialize)]
        struct Ask<'a> {
            handover_userid: &'a str,
            takeover_userid: &'a str,
        }
        let call = match service {
            Service::Active => "externalcontact/transfer_result",
            Service::Resigned => "externalcontact/resigned/transfer_result",
        };
        let ask = Ask {
            handover_userid,
            takeover_userid,
        };
        Pages::new(self, Purpose::Contact, (call, "customer"), &ask)
    }

    /// Customers whose members left, the latest first (`get_unassigned_list`).
    pub fn unassigned_customers(&self) -> Pages<'_, Unassigned> {
        #[derive(Serialize)]
        struct Ask {
            page_size: u32,
        }
        let place = ("externalcontact/get_unassigned_list", "info");
        Pages::new(self, Purpose::Contact, place, &Ask { page_size: 1000 })
    }

    /// Passes up to 100 groups on (`groupchat/onjob_transfer`, `groupchat/transfer`); answers
    /// those that failed. Not repeated after an unclear answer: the list of groups tells
    /// whose they are.
    pub async fn transfer_groups(
        &self,
        service: Service,
        chat_ids: &[String],
        new_owner: &str,
    ) -> Result<Vec<FailedGroup>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            chat_id_list: &'a [String],
            new_owner: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            // Absent when all went well.
            #[serde(default, deserialize_with = "lenient::or_default")]
            failed_chat_list: Vec<FailedGroup>,
        }
        let call = match service {
            Service::Active => "externalcontact/groupchat/onjob_transfer",
            Service::Resigned => "externalcontact/groupchat/transfer",
        };
        let ask = Ask {
            chat_id_list: chat_ids,
            new_owner,
        };
        let answer: Answer = self.write(Purpose::Contact, call, &ask).await?;
        Ok(answer.failed_chat_list)
    }
}
