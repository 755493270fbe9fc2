//! A message as the library gives it out, opened.

use serde_json::{Map, Value};

use super::kind::{Kind, Party};

/// A message. Nothing of it gets lost: [`Message::to_json`] is the value it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// msgid: the same as outside of the envelope.
    pub msgid: String,
    /// What happened.
    pub action: Action,
    /// Who wrote; of [`Kind::Switch`] the member who switched. May be empty in odd messages.
    pub from: String,
    /// Who received: one in a single chat, in a room everybody else at that time.
    pub to: Vec<String>,
    /// The room; none in a single chat.
    pub room: Option<String>,
    /// When, in milliseconds. Messages are not in this order; 0 where nothing is said.
    pub at_ms: i64,
    /// Its type.
    pub kind: Kind,
    /// Everything else that stands at the top: the body, and whatever of the fields above has
    /// another form than WeCom documents.
    pub rest: Map<String, Value>,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `send`
    Send,
    /// `recall`: somebody took back an earlier message.
    Recall,
    /// `switch`: a member has turned to another firm.
    Switch,
    /// Anything else; its name is in [`Message::rest`].
    Other,
}

impl Action {
    /// A number that stays.
    pub fn number(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Send => 1,
            Self::Recall => 2,
            Self::Switch => 3,
        }
    }

    /// The action with this number.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Send,
            2 => Self::Recall,
            3 => Self::Switch,
            _ => Self::Other,
        }
    }

    fn code(self) -> Option<&'static str> {
        match self {
            Self::Send => Some("send"),
            Self::Recall => Some("recall"),
            Self::Switch => Some("switch"),
            Self::Other => None,
        }
    }

    fn from_code(code: &str) -> Self {
        match code {
            "send" => Self::Send,
            "recall" => Self::Recall,
            "switch" => Self::Switch,
            _ => Self::Other,
        }
    }
}

/// Why a text is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not a JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// It has no msgid.
    #[error("no msgid")]
    NoMsgid,
}

/// Names fields of the head that were not there at all.
pub(super) const ABSENT: &str = "~absent";
const HEAD: [&str; 6] = ["action", "from", "tolist", "roomid", "msgtime", "msgtype"];

impl Message {
    /// Reads what the library gave out. Fields of an unexpected form are read as far as they
    /// go and kept as they were.
    ///
    /// # Errors
    /// When it is no JSON object, or lacks the msgid.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let value = serde_json::from_slice(bytes).map_err(|_| ParseError::NotAnObject)?;
        match value {
            Value::Object(fields) => Self::from_fields(fields),
            _ => Err(ParseError::NotAnObject),
        }
    }

    /// The same from the fields of an object.
    ///
    /// # Errors
    /// When the msgid is missing.
    pub fn from_fields(mut rest: Map<String, Value>) -> Result<Self, ParseError> {
        let msgid = match rest.remove("msgid") {
            Some(Value::String(msgid)) if !msgid.is_empty() => msgid,
            _ => return Err(ParseError::NoMsgid),
        };
        let text = |name: &str| rest.get(name).and_then(Value::as_str).unwrap_or_default();
        let action = Action::from_code(text("action"));
        let is_switch = action == Action::Switch && !rest.contains_key("msgtype");
        let kind = match is_switch {
            true => Kind::Switch,
            false => Kind::from_code(text("msgtype")),
        };
        let (from, at) = if is_switch {
            ("user", "time")
        } else {
            ("from", "msgtime")
        };
        let room = text("roomid").to_owned();
        let mut message = Self {
            msgid,
            action,
            from: text(from).to_owned(),
            to: strings(rest.get("tolist")),
            room: (!room.is_empty()).then_some(room),
            at_ms: whole(rest.get(at)).unwrap_or(0),
            kind,
            rest: Map::new(),
        };
        // What the fields above say goes; whatever they can't say stays.
        let mut absent = Vec::new();
        for name in HEAD {
            let told = message.head(name);
            match (rest.get(name), told) {
                (Some(was), Some(told)) if *was == told => drop(rest.remove(name)),
                (None, Some(_)) => absent.push(Value::from(name)),
                _ => {}
            }
        }
        if !absent.is_empty() {
            rest.insert(ABSENT.to_owned(), Value::Array(absent));
        }
        message.rest = rest;
        Ok(message)
    }

    /// How WeCom writes this field of the head for a message like this one.
    fn head(&self, name: &str) -> Option<Value> {
        let is_switch = self.kind == Kind::Switch;
        Some(match name {
            "action" => self.action.code()?.into(),
            _ if is_switch => return None,
            "from" => self.from.as_str().into(),
            "tolist" => self.to.iter().map(String::as_str).collect(),
            "roomid" => match (&self.room, self.kind) {
                (None, Kind::MeetingVoiceCall | Kind::VoipDocShare) => return None,
                (room, _) => room.as_deref().unwrap_or_default().into(),
            },
            "msgtime" => self.at_ms.into(),
            "msgtype" if self.kind != Kind::Unknown => self.kind.code().into(),
            _ => return None,
        })
    }

    /// The value it was read from.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("msgid".to_owned(), self.msgid.as_str().into());
        let absent = strings(self.rest.get(ABSENT));
        for name in HEAD {
            let is_absent = absent.iter().any(|a| a == name);
            if let Some(value) = self.head(name).filter(|_| !is_absent) {
                fields.insert(name.to_owned(), value);
            }
        }
        let rest = self.rest.iter().filter(|(name, _)| *name != ABSENT);
        fields.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(fields)
    }

    /// WeCom's name of its type, also where nobody has heard of it.
    pub fn msgtype(&self) -> &str {
        let own = || self.rest.get("msgtype").and_then(Value::as_str);
        match self.kind {
            Kind::Unknown => own().unwrap_or_default(),
            known => known.code(),
        }
    }

    /// Whether somebody outside of the firm takes part, as far as the message itself tells:
    /// by its msgid, or by an id of somebody outside where old messages lack the suffix.
    pub fn is_external(&self) -> bool {
        let suffixed = self.msgid.ends_with("_external") || self.msgid.ends_with("_updown_stream");
        let mut parties = self.to.iter().chain([&self.from]);
        suffixed || parties.any(|id| Party::of(id).is_external())
    }
}

/// The texts of a list.
pub(super) fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A whole number, also as text.
pub(super) fn whole(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
