//! What members do in the chat with the app.

use serde::{Deserialize, Serialize};

use super::{Done, Refusal};
use crate::wecom::sim::{callbacks::Notice, messages::Press, state::World};

/// What members do in the chat with the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum AppVerb {
    /// A member writes to the app.
    SendMessage {
        /// The member.
        userid: String,
        /// The text.
        text: String,
    },
    /// A member presses a button on a card that the app has sent.
    PressCard {
        /// The member.
        userid: String,
        /// The message.
        msgid: String,
        /// Key of the button.
        key: String,
        /// What was chosen before, as `question=option|option;question=option`.
        #[serde(default)]
        chosen: String,
    },
    /// The administrator lists the own app under 可调用接口的应用, or takes it off.
    ListApp {
        /// Listed, as it is at first.
        #[serde(default, deserialize_with = "super::lenient::flag")]
        listed: bool,
    },
    /// The administrator sets the visible range of the own app.
    SetAppRange {
        /// Department ids; none for the whole firm.
        #[serde(default, deserialize_with = "super::lenient::numbers")]
        departments: Vec<u64>,
    },
}

impl World {
    /// Does it; `now_s` in seconds.
    pub(super) fn in_app_chat(
        &mut self,
        verb: &AppVerb,
        agentid: u64,
        now_s: i64,
    ) -> Result<Done, Refusal> {
        match verb {
            AppVerb::SendMessage { userid, text } => {
                let userid = self.known_member(userid)?;
                let id = self.fresh().bits() >> 1;
                let message = Notice::message(&userid, text, id, agentid);
                Ok(Done::telling([message]))
            }
            AppVerb::PressCard {
                userid,
                msgid,
                key,
                chosen,
            } => {
                let userid = self.known_member(userid)?;
                let chosen = read(chosen);
                let press = Press {
                    userid: &userid,
                    msgid,
                    key,
                    chosen: &chosen,
                };
                let notice = self.press(press, agentid, now_s);
                Ok(Done::telling([notice.ok_or(Refusal::BadValue)?]))
            }
            AppVerb::ListApp { listed } => {
                self.contact.unlisted = !listed;
                Ok(Done::default())
            }
            AppVerb::SetAppRange { departments } => {
                for id in departments {
                    self.known_department(*id)?;
                }
                self.set_own_range(departments);
                Ok(Done::default())
            }
        }
    }
}

fn read(chosen: &str) -> Vec<(String, Vec<String>)> {
    let questions = chosen.split(';').filter_map(|part| part.split_once('='));
    let options = |text: &str| text.split('|').map(|o| o.trim().to_owned()).collect();
    questions
        .map(|(question, chosen)| (question.trim().to_owned(), options(chosen)))
        .collect()
}
