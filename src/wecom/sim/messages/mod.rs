//! 应用消息: what the firm's own app tells members, and tickets for pages inside WeCom.
//!
//! Source: WeCom documentation, 消息推送, JS-SDK.

mod card;
mod content;
mod manage;
mod receivers;
mod send;
mod tickets;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{routes::Route, tokens::App};

pub use card::Press;

/// The calls of this area.
pub const AREAS: [&[Route]; 3] = [send::ROUTES, manage::ROUTES, tickets::ROUTES];

/// Those who may send.
const SENDERS: &[App] = &[App::Own];

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub msgid: String,
    /// msgtype.
    pub kind: String,
    /// The object under the name of the msgtype.
    pub content: Value,
    /// Those who got it.
    pub users: BTreeSet<String>,
    /// How many it was sent to, counted by person.
    pub persons: usize,
    /// When, seconds.
    pub at: i64,
    /// What it was asked with: the same again within an interval is not sent.
    asked: String,
    /// Nobody sees it any more.
    pub recalled: bool,
    /// What a card has become, by userid.
    pub updated: BTreeMap<String, String>,
}

/// The right to change a card once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ResponseCode {
    msgid: String,
    made_at: i64,
    used: bool,
}

/// What only this area knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    sent: Vec<Sent>,
    codes: BTreeMap<String, ResponseCode>,
}

impl State {
    /// The messages that a member sees, the newest first.
    pub fn of_member(&self, userid: &str) -> impl Iterator<Item = &Sent> {
        let all = self.sent.iter().rev();
        all.filter(move |sent| sent.users.contains(userid))
    }

    fn find(&self, msgid: &str) -> Option<&Sent> {
        self.sent.iter().rev().find(|sent| sent.msgid == msgid)
    }
}

impl Sent {
    /// What stands in it, in one line for people.
    pub fn line(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let content = &self.content;
        let line = match self.kind.as_str() {
            "text" | "markdown" => text(&content["content"]),
            "news" | "mpnews" => text(&content["articles"][0]["title"]),
            "template_card" => text(&content["main_title"]["title"]),
            "image" | "voice" | "file" => text(&content["media_id"]),
            _ => text(&content["title"]),
        };
        line.lines().next().unwrap_or_default().to_owned()
    }

    /// The buttons of a card that call back: text and key.
    pub fn buttons(&self) -> Vec<(String, String)> {
        let pair = |button: &Value| {
            let key = button["key"].as_str().filter(|key| !key.is_empty())?;
            let text = button["text"].as_str().unwrap_or(key);
            Some((text.to_owned(), key.to_owned()))
        };
        let list = self.content["button_list"].as_array();
        let menu = self.content["action_menu"]["action_list"].as_array();
        let all = list.into_iter().chain(menu).flatten();
        let submit = Some(&self.content["submit_button"]).filter(|b| b.is_object());
        all.chain(submit).filter_map(pair).collect()
    }
}
