//! Everything that a message says, field by field, in the order of reading: for whoever may
//! leave nothing out. What is known of a field makes it easier to read and never replaces it.
//!
//! The walk goes over the message as it came and not over [`Body`], so that a field nobody has
//! heard of yet stands there as well.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{
    body::Body,
    decode::{DEPTH_MAX, SECONDS_MAX, nested_kind},
    kind::Kind,
    message::{ABSENT, whole},
};

/// Fields that are no part of what somebody said, each with the reason.
const LEFT_OUT: [(&str, &str); 2] = [
    (
        FILE_ID,
        "with the archive's secret it fetches the file, so that it is shown to nobody; the file \
         itself stands beside the message, or that it is missing",
    ),
    (ABSENT, "not WeCom's: how a head that lacks fields is kept"),
];

const FILE_ID: &str = "sdkfileid";

/// A field of a message, or the heading above the fields of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How deep it lies: 0 for the message itself.
    pub depth: usize,
    /// WeCom's name of it; [`Line::RAW`] for a message nobody knows the form of.
    pub field: String,
    /// What stands there, as it came; the number of a part in a heading.
    pub value: String,
    /// What that means, where it is known.
    pub means: Option<Means>,
    /// How much of it readers of a text need.
    pub role: Role,
}

/// What a value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A moment, milliseconds.
    At(i64),
    /// Money, in fen.
    Fen(u64),
    /// A type of message.
    Kind(Kind),
    /// One of a list of WeCom's: the list and the number in it.
    Code(&'static str, u64),
    /// Somebody, by WeCom's id.
    Person,
}

/// What a line is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What somebody wrote, by itself.
    Words,
    /// Something that was said.
    Fact,
    /// How a file or a map looks: nothing anybody said.
    Beside,
    /// The heading above the fields of a part.
    Heading,
}

impl Line {
    /// The field of a message nobody knows the form of: all of it, as JSON.
    pub const RAW: &'static str = "raw";

    /// Everything a message of this type says beside the common fields.
    pub fn all(kind: Kind, rest: &Map<String, Value>) -> Vec<Self> {
        let mut walk = Walk::default();
        if kind == Kind::Unknown {
            walk.raw(Self::RAW, &Value::Object(rest.clone()), 0);
            return walk.lines;
        }
        // The body's own name says no more than the type.
        let body = kind.body_key().and_then(|key| Some((key, rest.get(key)?)));
        match body {
            Some((key, Value::Object(fields))) => {
                walk.fields(kind, fields, 0);
                let mut others = rest.clone();
                others.remove(key);
                walk.fields(kind, &others, 0);
            }
            _ => walk.fields(kind, rest, 0),
        }
        walk.lines
    }

    /// A message as text: the words in it as they are searched for, and below them what else
    /// it says, under WeCom's names.
    pub fn plain(kind: Kind, rest: &Map<String, Value>) -> String {
        let mut text = Body::decode(kind, rest).text_to_index();
        let words = format!("\n{text}\n");
        let is_said = |line: &Self| {
            let whole = format!("\n{}\n", line.value.trim());
            match line.role {
                Role::Words | Role::Beside => true,
                Role::Fact => line.value.trim().is_empty() || words.contains(&whole),
                Role::Heading => false,
            }
        };
        for line in Self::all(kind, rest).iter().filter(|line| !is_said(line)) {
            if !text.is_empty() {
                text.push('\n');
            }
            let indent = "  ".repeat(line.depth);
            // Writing into a string does not fail.
            let _ = write!(text, "{indent}{}: {}", line.field, line.value);
        }
        text
    }
}

/// What is known of a field.
#[derive(Clone, Copy)]
enum How {
    Plain,
    Beside,
    Time,
    Fen,
    Person,
    Code,
}

/// The fields that WeCom documents, in the order of reading.
///
/// Source: WeCom documentation, 获取会话内容, 消息格式.
const FIELDS: [(&str, How); 76] = [
    ("type", How::Code),
    ("msg_type", How::Plain),
    ("from_chatroom", How::Plain),
    ("msgtime", How::Time),
    ("title", How::Plain),
    ("votetitle", How::Plain),
    ("topic", How::Plain),
    ("filename", How::Plain),
    ("content", How::Plain),
    ("description", How::Plain),
    ("solitaire_type", How::Plain),
    ("solitaire_content", How::Plain),
    ("votetype", How::Code),
    ("voteitem", How::Plain),
    ("voteid", How::Plain),
    ("room_name", How::Plain),
    ("creator", How::Person),
    ("create_time", How::Plain),
    ("id", How::Plain),
    ("ques", How::Plain),
    ("details", How::Plain),
    ("wish", How::Plain),
    ("totalcnt", How::Plain),
    ("totalamount", How::Fen),
    ("meetingtype", How::Code),
    ("status", How::Code),
    ("notification_type", How::Plain),
    ("creatorname", How::Plain),
    ("attendeename", How::Plain),
    ("starttime", How::Time),
    ("endtime", How::Time),
    ("place", How::Plain),
    ("address", How::Plain),
    ("remarks", How::Plain),
    ("meetingid", How::Plain),
    ("meeting_id", How::Plain),
    ("longitude", How::Plain),
    ("latitude", How::Plain),
    ("zoom", How::Beside),
    ("corpname", How::Plain),
    ("userid", How::Person),
    ("agree_time", How::Time),
    ("disagree_time", How::Time),
    ("pre_msgid", How::Plain),
    ("user", How::Person),
    ("time", How::Time),
    ("link_url", How::Plain),
    ("url", How::Plain),
    ("image_url", How::Plain),
    ("picurl", How::Plain),
    ("displayname", How::Plain),
    ("username", How::Plain),
    ("appid", How::Plain),
    ("pagepath", How::Plain),
    ("doc_creator", How::Person),
    ("feed_type", How::Code),
    ("sph_name", How::Plain),
    ("feed_desc", How::Plain),
    ("invitetype", How::Code),
    ("callduration", How::Plain),
    ("play_length", How::Plain),
    ("demooperator", How::Person),
    ("share", How::Person),
    ("voiceid", How::Plain),
    ("voipid", How::Plain),
    ("fileext", How::Beside),
    ("filesize", How::Beside),
    ("voice_size", How::Beside),
    ("imagesize", How::Beside),
    ("width", How::Beside),
    ("height", How::Beside),
    ("md5sum", How::Beside),
    ("item", How::Plain),
    ("items", How::Plain),
    ("demofiledata", How::Plain),
    ("sharescreendata", How::Plain),
];

fn place_of(name: &str) -> usize {
    let found = FIELDS.iter().position(|(known, _)| *known == name);
    found.unwrap_or(FIELDS.len())
}

fn how_of(name: &str) -> How {
    FIELDS
        .get(place_of(name))
        .map_or(How::Plain, |(_, how)| *how)
}

#[derive(Default)]
struct Walk {
    lines: Vec<Line>,
    /// Messages inside of each other.
    level: usize,
}

impl Walk {
    fn fields(&mut self, kind: Kind, fields: &Map<String, Value>, depth: usize) {
        for (name, value) in in_order(fields) {
            self.field(kind, name, value, depth);
        }
    }

    fn field(&mut self, kind: Kind, name: &str, value: &Value, depth: usize) {
        match value {
            Value::Array(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    self.part(kind, name, &(at + 1).to_string(), item, depth);
                }
            }
            Value::Object(fields) if !fields.is_empty() => self.part(kind, name, "", value, depth),
            scalar => self.scalar(kind, name, scalar, depth),
        }
    }

    /// One of several: its fields stand below a heading.
    fn part(&mut self, kind: Kind, name: &str, number: &str, value: &Value, depth: usize) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                self.heading(name, number, depth);
                match message_of(kind, name, fields) {
                    Some(inner) => self.message(inner, fields, depth + 1),
                    None => self.fields(kind, fields, depth + 1),
                }
            }
            Value::Array(items) if !items.is_empty() => {
                self.heading(name, number, depth);
                self.field(kind, name, value, depth + 1);
            }
            scalar => self.scalar(kind, name, scalar, depth),
        }
    }

    /// A message that was passed on, or a part of one.
    fn message(&mut self, kind: Kind, fields: &Map<String, Value>, depth: usize) {
        for (name, value) in in_order(fields) {
            match name.as_str() {
                "content" => self.body(kind, value, depth),
                "type" | "msg_type" if value.is_string() => {
                    self.line(name, value, depth, Some(Means::Kind(kind)), Role::Fact);
                }
                _ => self.field(Kind::Unknown, name, value, depth),
            }
        }
    }

    /// The body of such a message: JSON as text, or the object itself.
    fn body(&mut self, kind: Kind, value: &Value, depth: usize) {
        let parsed = match value {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        };
        match parsed {
            Some(Value::Object(fields))
                if kind != Kind::Unknown && !fields.is_empty() && self.level + 1 < DEPTH_MAX =>
            {
                self.level += 1;
                self.fields(kind, &fields, depth);
                self.level -= 1;
            }
            _ => self.raw("content", value, depth),
        }
    }

    fn scalar(&mut self, kind: Kind, name: &str, value: &Value, depth: usize) {
        let number = || whole(Some(value)).and_then(|number| u64::try_from(number).ok());
        let how = how_of(name);
        let means = match how {
            How::Plain | How::Beside => None,
            How::Time => moment(value).map(Means::At),
            How::Fen => number().map(Means::Fen),
            How::Person => Some(Means::Person),
            How::Code => list_of(kind, name)
                .zip(number())
                .map(|(l, n)| Means::Code(l, n)),
        };
        let is_words = matches!(
            (kind, name),
            (Kind::Text | Kind::Markdown, "content") | (Kind::Solitaire, "solitaire_content")
        );
        let role = match how {
            _ if is_words => Role::Words,
            How::Beside => Role::Beside,
            _ => Role::Fact,
        };
        self.line(name, value, depth, means, role);
    }

    /// What nobody knows the form of, as it came.
    fn raw(&mut self, name: &str, value: &Value, depth: usize) {
        let value = Value::String(match value {
            Value::String(text) => without_file_ids(text),
            other => strip(other).to_string(),
        });
        self.line(name, &value, depth, None, Role::Fact);
    }

    fn heading(&mut self, name: &str, number: &str, depth: usize) {
        self.line(name, &number.into(), depth, None, Role::Heading);
    }

    fn line(&mut self, name: &str, value: &Value, depth: usize, means: Option<Means>, role: Role) {
        self.lines.push(Line {
            depth,
            field: name.to_owned(),
            value: match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
            means,
            role,
        });
    }
}

/// The fields in the order of reading; those nobody knows last.
fn in_order(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let is_left_out = |name: &str| LEFT_OUT.iter().any(|(out, _)| *out == name);
    let said = fields.iter().filter(|(name, _)| !is_left_out(name));
    let mut said: Vec<_> = said.collect();
    said.sort_by_key(|(name, _)| place_of(name));
    said
}

/// The type of what is passed on in a list of messages.
fn message_of(kind: Kind, list: &str, fields: &Map<String, Value>) -> Option<Kind> {
    let name = match (kind, list) {
        (Kind::ChatRecord | Kind::Mixed, "item") => "type",
        (Kind::Note, "items") => "msg_type",
        _ => return None,
    };
    let msgtype = fields.get(name).and_then(Value::as_str);
    Some(nested_kind(msgtype.unwrap_or_default()))
}

/// Which of WeCom's lists a number is from.
fn list_of(kind: Kind, name: &str) -> Option<&'static str> {
    Some(match (kind, name) {
        (Kind::RedPacket | Kind::ExternalRedPacket, "type") => "red_packet",
        (Kind::Emotion, "type") => "emotion",
        (Kind::Vote, "votetype") => "vote",
        (Kind::Meeting, "meetingtype") => "meeting",
        (Kind::Meeting, "status") => "meeting_status",
        (Kind::SphFeed, "feed_type") => "feed",
        (Kind::VoipText, "invitetype") => "call",
        _ => return None,
    })
}

/// A time in milliseconds, whether it came in seconds or milliseconds.
fn moment(value: &Value) -> Option<i64> {
    let at = whole(Some(value)).filter(|at| *at > 0)?;
    match at < SECONDS_MAX {
        true => at.checked_mul(1000),
        false => Some(at),
    }
}

/// A text as it came, but for the ids of files where it is JSON.
fn without_file_ids(text: &str) -> String {
    if !text.contains(FILE_ID) {
        return text.to_owned();
    }
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => strip(&value).to_string(),
        _ => text.to_owned(),
    }
}

/// A value without what is left out; how deep it goes the parser has bounded.
fn strip(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = in_order(fields).into_iter();
            said.map(|(name, value)| (name.clone(), strip(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(strip).collect(),
        Value::String(text) => Value::String(without_file_ids(text)),
        other => other.clone(),
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
