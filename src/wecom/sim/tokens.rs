//! Access tokens: one per secret, the same one until it expires.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    kit::Timestamp,
    wecom::sim::{
        check::Fail,
        firm::{Rng, mix},
    },
};

/// How long a token is good, in seconds.
pub const EXPIRES_IN_S: i64 = 7200;
const BAN_AFTER: u32 = 30;
const BAN_MS: i64 = 3_600_000;

/// Whose secret a token was fetched with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum App {
    /// The firm's own app (自建应用), listed under 可调用接口的应用.
    Own,
    /// 客户联系.
    Contact,
    /// 通讯录同步.
    Sync,
    /// 会话内容存档.
    Archive,
    /// 微信客服.
    Service,
}

/// Names and secrets of the corp; they follow from the seed.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `ww…`
    pub corpid: String,
    /// Agent id of the own app.
    pub agentid: u64,
    /// Secret of the own app.
    pub own: String,
    /// Secret of 客户联系.
    pub contact: String,
    /// Secret of 通讯录同步.
    pub sync: String,
    /// Secret of 会话内容存档.
    pub archive: String,
    /// Secret of 微信客服.
    pub service: String,
    /// Token of the callback URL.
    pub token: String,
    /// EncodingAESKey of the callback URL.
    pub encoding_aes_key: String,
}

impl Identity {
    /// The identity under `seed`.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::of(seed, 30, 0);
        Self {
            corpid: format!("ww{:016x}", rng.bits()),
            agentid: 1_000_002,
            own: rng.id("", 43),
            contact: rng.id("", 43),
            sync: rng.id("", 43),
            archive: rng.id("", 43),
            service: rng.id("", 43),
            token: letters(&mut rng, 24),
            encoding_aes_key: letters(&mut rng, 43),
        }
    }

    fn app(&self, secret: &str) -> Option<App> {
        [
            (&self.own, App::Own),
            (&self.contact, App::Contact),
            (&self.sync, App::Sync),
            (&self.archive, App::Archive),
            (&self.service, App::Service),
        ]
        .into_iter()
        .find(|(s, _)| *s == secret)
        .map(|(_, app)| app)
    }
}

/// Letters and digits only.
fn letters(rng: &mut Rng, len: usize) -> String {
    rng.id("", len).replace(['-', '_'], "x")
}

/// The tokens given out.
#[derive(Debug, Default)]
pub struct Tokens {
    issued: HashMap<String, (App, Timestamp)>,
    current: HashMap<App, String>,
    serial: u64,
    wrong: u32,
    banned_until: Option<Timestamp>,
}

impl Tokens {
    /// `gettoken`, in the documented order of checks.
    pub fn get(
        &mut self,
        identity: &Identity,
        corpid: Option<&str>,
        secret: Option<&str>,
        now: Timestamp,
    ) -> Result<String, Fail> {
        if self.banned_until.is_some_and(|until| now < until) {
            return Err(Fail::new(45009, "api freq out of limit"));
        }
        let secret = secret
            .filter(|s| !s.is_empty())
            .ok_or(Fail::bare(41004, "corpsecret missing"))?;
        let corpid = corpid
            .filter(|s| !s.is_empty())
            .ok_or(Fail::bare(41002, "corpid missing"))?;
        if corpid != identity.corpid {
            return Err(Fail::new(40013, "invalid corpid"));
        }
        let Some(app) = identity.app(secret) else {
            self.wrong += 1;
            if self.wrong >= BAN_AFTER {
                self.wrong = 0;
                self.banned_until = Some(now.plus_ms(BAN_MS));
            }
            return Err(Fail::new(40001, "invalid credential"));
        };
        self.wrong = 0;
        if let Some(token) = self.current.get(&app)
            && self
                .issued
                .get(token)
                .is_some_and(|(_, until)| now < *until)
        {
            return Ok(token.clone());
        }
        self.serial += 1;
        let token = Rng::of(mix(self.serial), 31, now.ms().unsigned_abs()).id("", 214);
        self.issued
            .insert(token.clone(), (app, now.plus_ms(EXPIRES_IN_S * 1000)));
        self.current.insert(app, token.clone());
        Ok(token)
    }

    /// Whose token this is.
    pub fn check(&self, token: Option<&str>, now: Timestamp) -> Result<App, Fail> {
        let token = token
            .filter(|t| !t.is_empty())
            .ok_or(Fail::bare(41001, "access_token missing"))?;
        match self.issued.get(token) {
            None => Err(Fail::bare(40014, "invalid access_token")),
            Some((_, until)) if now >= *until => Err(Fail::bare(42001, "access_token expired")),
            Some((app, _)) => Ok(*app),
        }
    }

    /// Makes every token given out so far expire.
    pub fn expire_all(&mut self, now: Timestamp) {
        for (_, until) in self.issued.values_mut() {
            *until = now.plus_ms(-1);
        }
        self.current.clear();
    }

    /// Forgets every token given out so far.
    pub fn forget_all(&mut self) {
        self.issued.clear();
        self.current.clear();
    }

    /// Seconds the current token of `token`'s app is still good.
    pub fn seconds_left(&self, token: &str, now: Timestamp) -> i64 {
        self.issued
            .get(token)
            .map_or(0, |(_, until)| until.since_ms(now) / 1000)
    }
}
