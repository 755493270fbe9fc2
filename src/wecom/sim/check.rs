//! What a call brings and how it is refused.

use std::{collections::HashMap, net::IpAddr};

use serde_json::{Map, Value, json};

use super::{
    fields::{Code, Fields},
    firm::Rng,
    media::{Blobs, Upload},
    tokens::App,
};
use crate::kit::Timestamp;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// errcode.
    pub code: i64,
    /// The machine part of errmsg.
    pub text: String,
    /// Token errors come without a hint.
    bare: bool,
}

impl Fail {
    /// An error with a hint.
    pub fn new(code: i64, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
            bare: false,
        }
    }

    /// An error without a hint.
    pub fn bare(code: i64, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
            bare: true,
        }
    }

    /// 40058 with the name of the offending field.
    pub fn param(field: &str) -> Self {
        Self::new(40058, &format!("invalid Request Parameter: {field}"))
    }

    /// 50100, a cursor this server did not give out.
    pub fn cursor() -> Self {
        Self::new(50100, "invalid cursor")
    }

    /// The envelope, with the empty lists that come along with errors of this call.
    pub fn envelope(&self, empty: &[&str], now: Timestamp, serial: u64, from: IpAddr) -> Value {
        let mut answer = Map::new();
        answer.insert("errcode".to_owned(), json!(self.code));
        answer.insert("errmsg".to_owned(), json!(self.message(now, serial, from)));
        for field in empty {
            answer.insert((*field).to_owned(), json!([]));
        }
        Value::Object(answer)
    }

    fn message(&self, now: Timestamp, serial: u64, from: IpAddr) -> String {
        if self.bare {
            return self.text.clone();
        }
        let mut rng = Rng::of(serial, 40, 0);
        let (seconds, high, low) = (now.ms() / 1000, rng.bits(), rng.bits());
        let Self { code, text, .. } = self;
        format!(
            "{text}, hint: [{seconds}_{}_{high:016x}{low:016x}], from ip: {from}, \
             more info at https://open.work.weixin.qq.com/devtool/query?e={code}",
            serial % 100
        )
    }
}

impl From<Code> for Fail {
    fn from((code, text): Code) -> Self {
        Self::new(code, text)
    }
}

/// What a handler gets.
pub struct Call<'a> {
    /// Whose token it is made with.
    pub app: App,
    /// Agent id of the firm's own app.
    pub agentid: u64,
    /// When it is made, in seconds since the epoch.
    pub now_s: i64,
    /// The query string, decoded.
    pub query: &'a HashMap<String, String>,
    /// The body, an object; empty for a GET.
    pub body: Value,
    /// The file that came along.
    pub upload: Option<&'a Upload>,
    /// A callback URL is set, so that members may answer.
    pub has_callback: bool,
    /// Where the content of files lies.
    pub blobs: &'a Blobs,
    /// Every page but the first begins one row too early.
    pub shift_pages: bool,
}

impl Call<'_> {
    /// A parameter of the query string; empty counts as absent.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// A parameter of the query string that is a whole number.
    pub fn param_number(&self, name: &str) -> Result<Option<u64>, Fail> {
        let number = |text: &str| text.parse().map_err(|_| Fail::param(name));
        self.param(name).map(number).transpose()
    }

    /// The fields of the body.
    pub fn fields(&self) -> Fields<'_> {
        Fields::of(&self.body)
    }

    /// A text of the body; absent and null count as empty.
    pub fn text(&self, name: &str) -> Result<&str, Fail> {
        Ok(self.fields().text(name)?.unwrap_or_default())
    }

    /// A whole number of the body.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Fail> {
        self.fields().number(name)
    }

    /// `limit` within `1..=max`, or `default` when it is absent or 0.
    pub fn limit(&self, default: Option<usize>, max: usize) -> Result<usize, Fail> {
        let given = self
            .number("limit")?
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        match given.filter(|n| *n > 0).or(default) {
            Some(limit) if (1..=max).contains(&limit) => Ok(limit),
            _ => Err(Fail::param("limit")),
        }
    }

    /// Where a page that is counted in rows begins.
    pub fn offset(&self) -> Result<usize, Fail> {
        let cursor = self.text("cursor")?;
        if cursor.is_empty() {
            return Ok(0);
        }
        let start = cursor
            .strip_prefix("QdO-")
            .and_then(|hex| usize::from_str_radix(hex, 16).ok())
            .ok_or_else(Fail::cursor)?;
        Ok(if self.shift_pages {
            start.saturating_sub(1)
        } else {
            start
        })
    }
}

/// The cursor after a page that ended before row `end`; empty after the last row.
pub fn next_offset(end: usize, total: usize) -> String {
    if end < total {
        format!("QdO-{end:08x}")
    } else {
        String::new()
    }
}
