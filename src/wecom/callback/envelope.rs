//! What stands around the encrypted text.

use serde::Deserialize;

use super::{Refused, Sealed};
use crate::wecom::xml::{Element, Writer};

/// The encrypted text of a delivery: XML, or JSON from some newer products.
pub(super) fn encrypted(body: &[u8]) -> Result<String, Refused> {
    if body.trim_ascii_start().starts_with(b"{") {
        #[derive(Deserialize)]
        struct Json {
            #[serde(default)]
            encrypt: String,
        }
        let json: Json = serde_json::from_slice(body).map_err(|_| Refused::EnvelopeJson)?;
        return some(&json.encrypt);
    }
    some(Element::parse(body)?.text_of("Encrypt").unwrap_or(""))
}

fn some(encrypted: &str) -> Result<String, Refused> {
    match encrypted.trim() {
        "" => Err(Refused::NothingEncrypted),
        encrypted => Ok(encrypted.to_owned()),
    }
}

impl Sealed {
    /// The body of a reply (被动回复).
    pub fn reply(&self) -> String {
        let mut writer = Writer::default();
        writer.element("xml", |w| {
            w.text("Encrypt", &self.encrypt)
                .text("MsgSignature", &self.signature)
                .number("TimeStamp", self.timestamp)
                .text("Nonce", &self.nonce);
        });
        writer.finish()
    }

    /// The body of a delivery, as WeCom posts it to `corpid`.
    pub fn delivery(&self, corpid: &str, agentid: Option<u64>) -> String {
        let agentid = agentid.map(|id| id.to_string()).unwrap_or_default();
        let mut writer = Writer::default();
        writer.element("xml", |w| {
            w.text("ToUserName", corpid)
                .text("AgentID", &agentid)
                .text("Encrypt", &self.encrypt);
        });
        writer.finish()
    }

    /// The query of a delivery.
    pub fn query(&self) -> String {
        let Self {
            signature,
            timestamp,
            nonce,
            ..
        } = self;
        format!("msg_signature={signature}&timestamp={timestamp}&nonce={nonce}")
    }
}
