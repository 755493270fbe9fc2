//! The library's calls over HTTP, for a server that offers them as calls of its API. WeCom's
//! own does not; its library speaks a protocol that is not published.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Sdk, cipher,
    frames::{Answer, Begin, FRAME_BYTES_MAX, Sealed},
};
use crate::{
    kit::Secret,
    wecom::{client::http_builder, lenient},
};

/// The library's codes (WeCom documentation, 获取会话内容, 返回码): no network, unreadable
/// answer, wrong key; and the range of all of them.
const NO_NETWORK: i32 = 10001;
const UNREADABLE: i32 = 10002;
const WRONG_KEY: i32 = 10008;
const OWN_CODES: std::ops::RangeInclusive<i64> = 10000..=10011;

/// How long a connection is kept between calls. Nobody drives it then, so its end by the server
/// would be noticed by the next call only, which would fail.
const IDLE: Duration = Duration::from_secs(1);

pub(super) struct OverHttp {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    base_url: String,
    corpid: String,
    secret: Secret<String>,
    token: Option<Secret<String>>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "lenient::int")]
    errcode: i64,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Stretch {
    data: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    outindexbuf: String,
    #[serde(deserialize_with = "lenient::flag")]
    is_finish: bool,
}

impl OverHttp {
    pub fn new(base_url: &str, begin: &Begin) -> Result<Self, Answer> {
        if begin.corpid.is_empty() || begin.secret.expose().is_empty() {
            return Err(Answer::Code(10000));
        }
        let timeout = Duration::from_secs(begin.patience_s.into());
        let cannot = |why: String| Answer::CannotBegin(why);
        let http = http_builder(timeout, begin.proxy.as_ref())
            .and_then(|builder| builder.pool_idle_timeout(IDLE).build());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Self {
            runtime: runtime.map_err(|error| cannot(error.to_string()))?,
            http: http.map_err(|error| cannot(error.to_string()))?,
            base_url: base_url.to_owned(),
            corpid: begin.corpid.clone(),
            secret: begin.secret.clone(),
            token: None,
        })
    }

    /// The body of an answer with errcode 0, or what to say instead: the library's code, or
    /// the error as it came.
    fn call(&mut self, call: &str, body: &Value) -> Result<Vec<u8>, Refusal> {
        let mut renewed = false;
        loop {
            let token = self.token()?;
            let request = self
                .http
                .post(format!("{}{call}", self.base_url))
                .query(&[("access_token", token.expose().as_str())])
                .json(body);
            let (errcode, answer) = self.send(request)?;
            match errcode {
                0 => return Ok(answer),
                40014 | 41001 | 42001 if !renewed => {
                    renewed = true;
                    self.token = None;
                }
                _ => return Err(refusal(errcode, answer)),
            }
        }
    }

    fn token(&mut self) -> Result<Secret<String>, Refusal> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let request = self.http.get(format!("{}gettoken", self.base_url)).query(&[
            ("corpid", self.corpid.as_str()),
            ("corpsecret", self.secret.expose().as_str()),
        ]);
        let (errcode, answer) = self.send(request)?;
        if errcode != 0 {
            return Err(refusal(errcode, answer));
        }
        let token: Token = serde_json::from_slice(&answer).map_err(|_| Refusal::of(UNREADABLE))?;
        let token = Secret::new(token.access_token);
        self.token = Some(token.clone());
        Ok(token)
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Result<(i64, Vec<u8>), Refusal> {
        let answer = self.runtime.block_on(async {
            let mut answer = request.send().await.ok()?.error_for_status().ok()?;
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await.ok()? {
                if body.len() + piece.len() > FRAME_BYTES_MAX / 2 {
                    return None;
                }
                body.extend_from_slice(&piece);
            }
            Some(body)
        });
        let answer = answer.ok_or(Refusal::of(NO_NETWORK))?;
        let head: Head = serde_json::from_slice(&answer).map_err(|_| Refusal::of(UNREADABLE))?;
        Ok((head.errcode, answer))
    }
}

/// A call that brought nothing.
struct Refusal {
    answer: Answer,
    errcode: i64,
}

impl Refusal {
    fn of(code: i32) -> Self {
        Self {
            answer: Answer::Code(code),
            errcode: 0,
        }
    }
}

fn refusal(errcode: i64, body: Vec<u8>) -> Refusal {
    match i32::try_from(errcode) {
        Ok(code) if OWN_CODES.contains(&errcode) => Refusal::of(code),
        // As the library: it answers 0, and the error stands where the page would.
        _ => Refusal {
            answer: Answer::Page(body),
            errcode,
        },
    }
}

impl Sdk for OverHttp {
    fn pull(&mut self, seq: u64, limit: u32) -> Answer {
        let ask = json!({ "seq": seq, "limit": limit });
        match self.call("message/getchatdata", &ask) {
            Ok(page) => Answer::Page(page),
            Err(refusal) => refusal.answer,
        }
    }

    fn open(&mut self, sealed: &Sealed) -> Answer {
        match cipher::open(&sealed.key, &sealed.message) {
            Some(message) => Answer::Opened(message),
            None => Answer::Code(WRONG_KEY),
        }
    }

    fn media(&mut self, fileid: &str, index: &str) -> Answer {
        let ask = json!({ "sdkfileid": fileid, "indexbuf": index });
        let answer = match self.call("message/getmediadata", &ask) {
            Ok(answer) => answer,
            Err(Refusal { errcode: 0, answer }) => return answer,
            Err(Refusal { errcode, .. }) => return Answer::Refused(errcode),
        };
        let stretch = serde_json::from_slice::<Stretch>(&answer).ok();
        let data = stretch
            .as_ref()
            .and_then(|stretch| BASE64.decode(&stretch.data).ok());
        match (stretch, data) {
            (Some(stretch), Some(data)) => Answer::Stretch {
                data,
                next: (!stretch.is_finish).then_some(stretch.outindexbuf),
            },
            _ => Answer::Code(UNREADABLE),
        }
    }
}
