//! Reading bodies. Nothing in here fails: what is missing is empty, what nobody knows is kept
//! as its texts.
//!
//! Source: WeCom documentation, 获取会话内容, 消息格式.

use serde_json::{Map, Value};

use super::{
    body::{
        AgendaItem, Body, CallMedia, Chapter, Draw, FormQuestion, LinkCard, MediaRef, Nested,
        Place, Unknown,
    },
    kind::Kind,
    message::{strings, whole},
    quote::Quote,
};

/// Messages inside of each other that are looked into.
pub(super) const DEPTH_MAX: usize = 6;
/// Texts kept of a body nobody knows.
const STRINGS_MAX: usize = 1_000;
/// Times below are seconds, those above milliseconds: the year 2286 and the year 1970.
pub(super) const SECONDS_MAX: i64 = 10_000_000_000;

impl Body {
    /// Reads the body of a message of this type out of [`super::Message::rest`].
    pub fn decode(kind: Kind, rest: &Map<String, Value>) -> Self {
        let top = Fields(rest);
        // Older messages have the fields of a vote at the top.
        let body = kind.body_key().map_or(top, |key| top.object(key, top));
        if kind == Kind::Unknown {
            return unknown(&top.text("msgtype"), rest);
        }
        decode(kind, top, body, 0)
    }

    /// The body of a text message.
    pub fn text(content: String) -> Self {
        let quote = Quote::split(&content);
        Self::Text { content, quote }
    }
}

fn decode(kind: Kind, top: Fields<'_>, body: Fields<'_>, depth: usize) -> Body {
    match kind {
        Kind::Text => Body::text(body.text("content")),
        Kind::Image => Body::Image(body.media(kind)),
        Kind::Voice => Body::Voice(body.media(kind)),
        Kind::Video => Body::Video(body.media(kind)),
        Kind::Emotion => Body::Emotion(body.media(kind)),
        Kind::File => Body::File(body.media(kind)),
        Kind::Revoke => Body::Revoke {
            msgid: body.text("pre_msgid"),
        },
        Kind::Agree => consent(body, "agree_time", true),
        Kind::Disagree => consent(body, "disagree_time", false),
        Kind::Card => Body::Card {
            userid: body.text("userid"),
            firm: body.text("corpname"),
        },
        Kind::Location => Body::Location(Place {
            title: body.text("title"),
            address: body.text("address"),
            longitude: body.real("longitude"),
            latitude: body.real("latitude"),
        }),
        Kind::Link => Body::Link(body.card("link_url", "image_url")),
        Kind::WeApp => Body::WeApp {
            title: body.text("title"),
            description: body.text("description"),
            app: body.text("displayname"),
        },
        Kind::ChatRecord => Body::ChatRecord {
            title: body.text("title"),
            items: body.nested("item", "type", depth),
        },
        Kind::Mixed => Body::Mixed {
            items: body.nested("item", "type", depth),
        },
        Kind::Note => Body::Note {
            items: body.nested("items", "msg_type", depth),
        },
        Kind::MeetingVoiceCall => call(top, body),
        Kind::VoipDocShare => Body::VoipDocShare {
            voip: top.text("voipid"),
            media: body.media(kind),
        },
        _ => decode_plain(kind, top, body),
    }
}

/// The types that are texts and numbers only.
fn decode_plain(kind: Kind, top: Fields<'_>, body: Fields<'_>) -> Body {
    match kind {
        Kind::Todo => Body::Todo {
            title: body.text("title"),
            content: body.text("content"),
        },
        Kind::Vote => Body::Vote {
            title: body.text("votetitle"),
            options: body.texts("voteitem"),
            joined: body.number("votetype") == Some(102),
        },
        Kind::Collect => Body::Collect {
            title: body.text("title"),
            room: body.text("room_name"),
            creator: body.text("creator"),
            questions: body.each("details", |asked| FormQuestion {
                question: asked.text("ques"),
                answer: asked.text("type"),
            }),
        },
        Kind::RedPacket | Kind::ExternalRedPacket => Body::RedPacket(Draw {
            way: body.number("type").unwrap_or(0),
            wish: body.text("wish"),
            count: body.number("totalcnt").unwrap_or(0),
            amount_fen: body.number("totalamount").unwrap_or(0),
            external: kind == Kind::ExternalRedPacket,
        }),
        Kind::Meeting => Body::Meeting {
            topic: body.text("topic"),
            from_s: body.time("starttime"),
            until_s: body.time("endtime"),
            address: body.text("address"),
            remarks: body.text("remarks"),
            meeting: body.id("meetingid"),
            reply: body.number("status"),
        },
        Kind::MeetingNotification => Body::MeetingNotification {
            content: body.text("content"),
            meeting: body.id("meeting_id"),
        },
        Kind::Doc => Body::Doc {
            title: body.text("title"),
            creator: body.text("doc_creator"),
            url: body.text("link_url"),
        },
        Kind::Markdown => Body::Markdown {
            content: body.text("content"),
        },
        Kind::News => {
            let items = body.each("item", |item| item.card("url", "picurl"));
            // Until 2025 there was one article, and no list around it.
            let single = || vec![body.card("url", "picurl")];
            let is_list = body.0.contains_key("item");
            Body::News {
                items: if is_list { items } else { single() },
            }
        }
        Kind::Calendar => Body::Calendar(AgendaItem {
            title: body.text("title"),
            creator: body.text("creatorname"),
            attendees: body.texts("attendeename"),
            from_s: body.time("starttime"),
            until_s: body.time("endtime"),
            place: body.text("place"),
            remarks: body.text("remarks"),
        }),
        Kind::SphFeed => Body::SphFeed {
            feed: body.number("feed_type").unwrap_or(0),
            channel: body.text("sph_name"),
            description: body.text("feed_desc"),
        },
        Kind::VoipText => {
            let way = body.number("invitetype");
            Body::VoipText {
                seconds: body.number("callduration").unwrap_or(0),
                video: matches!(way, Some(1 | 3)),
                several: matches!(way, Some(3 | 4)),
            }
        }
        Kind::QyDiskFile => Body::QyDiskFile {
            name: body.text("filename"),
            url: body.text("url"),
        },
        Kind::Solitaire => Body::Solitaire {
            content: body.text("solitaire_content"),
        },
        Kind::Switch => Body::Switch {
            userid: top.text("user"),
        },
        other => unknown(other.code(), body.0),
    }
}

fn consent(body: Fields<'_>, time: &str, agreed: bool) -> Body {
    Body::Consent {
        external_userid: body.text("userid"),
        at_ms: body.whole(time).unwrap_or(0),
        agreed,
    }
}

fn call(top: Fields<'_>, body: Fields<'_>) -> Body {
    let chapter = |shown: Fields<'_>, who: &str| Chapter {
        document: shown.filled("filename"),
        who: shown.text(who),
        from_s: shown.time("starttime"),
        until_s: shown.time("endtime"),
    };
    let mut shown = body.each("demofiledata", |shown| chapter(shown, "demooperator"));
    shown.extend(body.each("sharescreendata", |shown| chapter(shown, "share")));
    Body::MeetingVoiceCall(CallMedia {
        voice: top.text("voiceid"),
        media: body.media(Kind::MeetingVoiceCall),
        until_s: body.time("endtime"),
        shown,
    })
}

fn unknown(msgtype: &str, body: &Map<String, Value>) -> Body {
    let mut found = Vec::new();
    for (name, value) in body {
        if name != "msgtype" {
            collect(value, &mut found);
        }
    }
    Body::Unknown(Unknown {
        msgtype: msgtype.to_owned(),
        strings: found,
    })
}

/// Every text of a value; how deep it goes the parser has bounded.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if found.len() < STRINGS_MAX && !text.is_empty() => {
            found.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// The type of something inside of another message: `ChatRecordText` as well as `text`.
pub(super) fn nested_kind(name: &str) -> Kind {
    let bare = name.strip_prefix("ChatRecord").unwrap_or(name);
    Kind::from_code(&bare.to_ascii_lowercase())
}

/// The fields of an object, read leniently.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn object(self, name: &str, or: Self) -> Self {
        self.0.get(name).and_then(Value::as_object).map_or(or, Self)
    }

    fn text(self, name: &str) -> String {
        let text = self.0.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    fn filled(self, name: &str) -> Option<String> {
        let text = self.text(name);
        (!text.is_empty()).then_some(text)
    }

    /// An id that may be a number beyond `i64`, or a text.
    fn id(self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        }
    }

    fn texts(self, name: &str) -> Vec<String> {
        strings(self.0.get(name))
    }

    fn whole(self, name: &str) -> Option<i64> {
        whole(self.0.get(name))
    }

    fn number(self, name: &str) -> Option<u64> {
        self.whole(name).and_then(|n| u64::try_from(n).ok())
    }

    /// A time in seconds; 0 and the empty text are none.
    fn time(self, name: &str) -> Option<i64> {
        self.whole(name).filter(|at| *at > 0)
    }

    fn real(self, name: &str) -> f64 {
        match self.0.get(name) {
            Some(Value::Number(number)) => number.as_f64().unwrap_or(0.0),
            Some(Value::String(text)) => text.trim().parse().unwrap_or(0.0),
            _ => 0.0,
        }
    }

    fn each<T>(self, name: &str, read: impl Fn(Fields<'a>) -> T) -> Vec<T> {
        let items = self.0.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten().filter_map(Value::as_object);
        items.map(|item| read(Fields(item))).collect()
    }

    fn card(self, url: &str, picture: &str) -> LinkCard {
        LinkCard {
            title: self.text("title"),
            description: self.text("description"),
            url: self.text(url),
            picture: self.text(picture),
        }
    }

    fn media(self, kind: Kind) -> MediaRef {
        let size = ["filesize", "voice_size", "imagesize"];
        let pixels = (self.number("width"), self.number("height"));
        MediaRef {
            fileid: self.text("sdkfileid"),
            kind,
            name: self.filled("filename"),
            size: size.iter().find_map(|name| self.number(name)),
            md5: self.filled("md5sum"),
            seconds: self.number("play_length"),
            pixels: pixels.0.zip(pixels.1),
        }
    }

    fn nested(self, list: &str, kind: &str, depth: usize) -> Vec<Nested> {
        self.each(list, |item| {
            let msgtype = item.text(kind);
            let kind = nested_kind(&msgtype);
            let at = item.whole("msgtime").filter(|at| *at > 0);
            Nested {
                kind,
                at_ms: at.map(|at| if at < SECONDS_MAX { at * 1000 } else { at }),
                from_room: item.0.get("from_chatroom") == Some(&Value::Bool(true)),
                body: item.nested_body(kind, &msgtype, depth + 1),
                msgtype,
            }
        })
    }

    /// The body inside of an item: JSON as text. Some relays give the object itself.
    fn nested_body(self, kind: Kind, msgtype: &str, depth: usize) -> Body {
        let content = match self.0.get("content") {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(object @ Value::Object(_)) => Some(object.clone()),
            _ => None,
        };
        match content {
            Some(Value::Object(fields)) if kind != Kind::Unknown && depth < DEPTH_MAX => {
                let inner = Fields(&fields);
                decode(kind, inner, inner, depth)
            }
            Some(Value::Object(fields)) => unknown(msgtype, &fields),
            _ => Body::Unknown(Unknown {
                msgtype: msgtype.to_owned(),
                strings: self.filled("content").into_iter().collect(),
            }),
        }
    }
}
