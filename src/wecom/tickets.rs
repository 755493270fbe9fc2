//! JS-SDK tickets: what lets a page inside WeCom call it.
//!
//! Source: WeCom documentation, JS-SDK 使用权限签名算法.

use aws_lc_rs::digest;
use serde::Deserialize;

use super::{
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// A ticket. WeCom gives out few: at most 100 an hour for each app, so whoever asks keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JsTicket {
    /// The ticket.
    pub ticket: String,
    /// Seconds it is good.
    #[serde(default, deserialize_with = "lenient::int")]
    pub expires_in: i64,
}

impl Client {
    /// The firm's ticket, for `wx.config` (`get_jsapi_ticket`).
    pub async fn jsapi_ticket(&self) -> Result<JsTicket, Error> {
        self.get(Purpose::App, "get_jsapi_ticket", &[]).await
    }

    /// The app's ticket, for `wx.agentConfig` (`ticket/get`).
    pub async fn agent_ticket(&self) -> Result<JsTicket, Error> {
        let query = [("type", "agent_config")];
        self.get(Purpose::App, "ticket/get", &query).await
    }
}

/// What a page proves its right with. `url` is the page's own address as the browser has it;
/// what follows `#` does not count.
pub fn js_signature(ticket: &str, nonce: &str, timestamp_s: i64, url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let signed =
        format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp_s}&url={url}");
    let algorithm = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    hex::encode(digest::digest(algorithm, signed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::js_signature;

    /// The documentation's own example.
    #[test]
    fn pages_are_signed_as_documented() {
        let signature = js_signature(
            "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg",
            "Wm3WZYTPz0wzccnW",
            1_414_587_457,
            "http://mp.weixin.qq.com?params=value#wechat_redirect",
        );
        assert_eq!(signature, "0f9de62fce790f9a083d5c99e95740ceb90c27ed");
    }
}
