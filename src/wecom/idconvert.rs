//! ID 转换: one person under several ids.
//!
//! Source: WeCom documentation, 客户联系 ID 转换.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// Who a WeChat user is to the firm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownAs {
    /// The customer; empty when not yet one.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_userid: String,
    /// Otherwise an id for 90 days, met again when the person becomes a customer.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pending_id: String,
}

/// A customer who was known by a pending id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WasPending {
    /// The customer.
    pub external_userid: String,
    /// The pending id.
    pub pending_id: String,
}

/// A temporary external userid, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resolved {
    /// What was asked about.
    pub tmp_external_userid: String,
    /// The customer.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub external_userid: String,
    /// The other corp.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub corpid: String,
    /// The member.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub userid: String,
}

#[derive(Serialize)]
struct OfCustomer<'a> {
    external_userid: &'a str,
}

impl Client {
    /// openid of a WeChat user (`convert_to_openid`); needs a bound open-platform account.
    pub async fn openid_of(&self, external_userid: &str) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            openid: String,
        }
        let call = "externalcontact/convert_to_openid";
        let ask = OfCustomer { external_userid };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.openid)
    }

    /// Who a WeChat user is to the firm (`idconvert/unionid_to_external_userid`).
    pub async fn known_as(&self, unionid: &str, openid: &str) -> Result<KnownAs, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            unionid: &'a str,
            openid: &'a str,
            subject_type: u8,
        }
        let call = "idconvert/unionid_to_external_userid";
        let ask = Ask {
            unionid,
            openid,
            subject_type: 0,
        };
        self.post(Purpose::Contact, call, &ask).await
    }

    /// By which pending ids up to 100 customers were known
    /// (`idconvert/batch/external_userid_to_pending_id`); of those in a group when named.
    pub async fn were_pending(
        &self,
        chat_id: Option<&str>,
        external_userids: &[String],
    ) -> Result<Vec<WasPending>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            chat_id: Option<&'a str>,
            external_userid: &'a [String],
        }
        #[derive(Deserialize)]
        struct Answer {
            result: Vec<WasPending>,
        }
        let call = "idconvert/batch/external_userid_to_pending_id";
        let ask = Ask {
            chat_id,
            external_userid: external_userids,
        };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.result)
    }

    /// Resolves up to 100 temporary ids (`idconvert/convert_tmp_external_userid`); those that
    /// are not good are left out.
    pub async fn resolve_temporary(
        &self,
        business_type: u32,
        user_type: u32,
        ids: &[String],
    ) -> Result<Vec<Resolved>, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            business_type: u32,
            user_type: u32,
            tmp_external_userid_list: &'a [String],
        }
        #[derive(Deserialize)]
        struct Answer {
            results: Vec<Resolved>,
        }
        let call = "idconvert/convert_tmp_external_userid";
        let ask = Ask {
            business_type,
            user_type,
            tmp_external_userid_list: ids,
        };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.results)
    }

    /// The corp's own id of a customer of a provider
    /// (`externalcontact/from_service_external_userid`).
    pub async fn from_service(
        &self,
        external_userid: &str,
        source_agentid: u64,
    ) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            external_userid: &'a str,
            source_agentid: u64,
        }
        #[derive(Deserialize)]
        struct Answer {
            external_userid: String,
        }
        let call = "externalcontact/from_service_external_userid";
        let ask = Ask {
            external_userid,
            source_agentid,
        };
        let answer: Answer = self.post(Purpose::Contact, call, &ask).await?;
        Ok(answer.external_userid)
    }
}
