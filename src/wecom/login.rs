//! 身份验证: the addresses a browser is sent to, and what a code is exchanged for.
//!
//! Source: WeCom documentation, 网页授权登录 and Web登录.

use serde::{Deserialize, Serialize};

use crate::kit::Secret;

use super::{
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// Where members authorize inside WeCom.
const IN_APP: &str = "https://open.weixin.qq.com/connect/oauth2/authorize";
/// Where members scan a code at a desktop.
const DESKTOP: &str = "https://login.work.weixin.qq.com/wwlogin/sso/login";

/// The two pages of WeCom on which members say who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPages {
    in_app: String,
    desktop: String,
}

/// What signing in inside WeCom asks the member for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginScope {
    /// Nothing: WeCom passes silently (`snsapi_base`).
    Base,
    /// Mobile, mail and the like, if the member agrees (`snsapi_privateinfo`).
    PrivateInfo,
}

impl LoginScope {
    const fn code(self) -> &'static str {
        match self {
            Self::Base => "snsapi_base",
            Self::PrivateInfo => "snsapi_privateinfo",
        }
    }
}

/// For which app somebody signs in, where to come back, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Corp ID.
    pub corpid: &'a str,
    /// AgentId of the self-built app.
    pub agentid: u64,
    /// The full address to come back to; its domain must be registered with the app.
    pub redirect_uri: &'a str,
    /// Comes back unchanged: letters and digits, at most 128.
    pub state: &'a str,
}

impl LoginPages {
    /// WeCom's own, or those below `root`, the address of another server with the same paths.
    pub fn at(root: Option<&str>) -> Self {
        match root.map(|root| root.trim_end_matches('/')) {
            Some(root) => Self {
                in_app: format!("{root}/connect/oauth2/authorize"),
                desktop: format!("{root}/wwlogin/sso/login"),
            },
            None => Self {
                in_app: IN_APP.to_owned(),
                desktop: DESKTOP.to_owned(),
            },
        }
    }

    /// The address for a browser inside WeCom (网页授权).
    pub fn in_app(&self, asking: Asking<'_>, scope: LoginScope) -> String {
        let agentid = asking.agentid.to_string();
        let query = query(&[
            ("appid", asking.corpid),
            ("redirect_uri", asking.redirect_uri),
            ("response_type", "code"),
            ("scope", scope.code()),
            ("state", asking.state),
            ("agentid", &agentid),
        ]);
        format!("{}?{query}#wechat_redirect", self.in_app)
    }

    /// The address for a browser anywhere else (Web登录): a QR code to be scanned with WeCom.
    pub fn desktop(&self, asking: Asking<'_>, english: bool) -> String {
        let agentid = asking.agentid.to_string();
        let query = query(&[
            ("login_type", "CorpApp"),
            ("appid", asking.corpid),
            ("agentid", &agentid),
            ("redirect_uri", asking.redirect_uri),
            ("state", asking.state),
            ("lang", if english { "en" } else { "zh" }),
        ]);
        format!("{}?{query}", self.desktop)
    }
}

fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// Whose code it was.
#[derive(Debug, Clone)]
pub enum CodeOwner {
    /// A member of the firm.
    Member {
        /// WeCom's userid.
        userid: String,
        /// Fetches what the member agreed to show; good for 30 minutes, only with
        /// [`LoginScope::PrivateInfo`].
        user_ticket: Option<Secret<String>>,
    },
    /// Somebody who is no member.
    Outsider,
}

/// What a member agreed to show. Each field may be absent.
#[derive(Debug, Clone, Deserialize)]
pub struct PrivateDetails {
    /// WeCom's userid.
    pub userid: String,
    /// Mobile.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub mobile: String,
    /// Mail.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub email: String,
    /// Corp mail.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub biz_mail: String,
}

impl Client {
    /// Exchanges the code that a browser has brought back (`auth/getuserinfo`). A code can be
    /// exchanged once, within five minutes; 40029, 42003 and 42022 mean that it is no good.
    pub async fn code_owner(&self, code: &str) -> Result<CodeOwner, Error> {
        /// Old servers write the names in capitals.
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, alias = "UserId", deserialize_with = "lenient::or_default")]
            userid: String,
            #[serde(default, deserialize_with = "lenient::or_default")]
            user_ticket: String,
        }
        let query = [("code", code)];
        let answer: Answer = self.get(Purpose::App, "auth/getuserinfo", &query).await?;
        if answer.userid.is_empty() {
            return Ok(CodeOwner::Outsider);
        }
        let ticket = Some(answer.user_ticket).filter(|ticket| !ticket.is_empty());
        Ok(CodeOwner::Member {
            userid: answer.userid,
            user_ticket: ticket.map(Secret::new),
        })
    }

    /// What the member agreed to show (`auth/getuserdetail`).
    pub async fn private_details(&self, ticket: &Secret<String>) -> Result<PrivateDetails, Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            user_ticket: &'a str,
        }
        let ask = Ask {
            user_ticket: ticket.expose(),
        };
        self.post(Purpose::App, "auth/getuserdetail", &ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_those_of_the_documentation() {
        let asking = Asking {
            corpid: "ww1a2b",
            agentid: 1_000_002,
            redirect_uri: "https://qitai.example:8443/login/wecom/back",
            state: "abc123",
        };
        let official = LoginPages::at(None);
        assert_eq!(
            official.in_app(asking, LoginScope::PrivateInfo),
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=ww1a2b\
             &redirect_uri=https%3A%2F%2Fqitai.example%3A8443%2Flogin%2Fwecom%2Fback\
             &response_type=code&scope=snsapi_privateinfo&state=abc123&agentid=1000002\
             #wechat_redirect"
        );
        assert_eq!(
            official.desktop(asking, false),
            "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww1a2b\
             &agentid=1000002\
             &redirect_uri=https%3A%2F%2Fqitai.example%3A8443%2Flogin%2Fwecom%2Fback\
             &state=abc123&lang=zh"
        );
        let other = LoginPages::at(Some("http://127.0.0.1:9/"));
        assert!(
            other
                .desktop(asking, true)
                .starts_with("http://127.0.0.1:9/wwlogin/sso/login?")
        );
    }
}
