//! What a message says, by type.

use super::{kind::Kind, quote::Quote};

/// The body of a message, for showing it. Texts that are not there are empty; numbers that are
/// not there are 0 unless they may be absent.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// 文本
    Text {
        /// The text as it came, quotation included.
        content: String,
        /// The same taken apart, if it quotes something.
        quote: Option<Quote>,
    },
    /// 图片
    Image(MediaRef),
    /// 撤回
    Revoke {
        /// msgid of what was taken back; it may be unknown.
        msgid: String,
    },
    /// 同意存档 or 不同意存档
    Consent {
        /// The customer.
        external_userid: String,
        /// When, milliseconds.
        at_ms: i64,
        /// Agreed, or did not.
        agreed: bool,
    },
    /// 语音
    Voice(MediaRef),
    /// 视频
    Video(MediaRef),
    /// 名片
    Card {
        /// Who is on it: userid or external userid.
        userid: String,
        /// The firm it names.
        firm: String,
    },
    /// 位置
    Location(Place),
    /// 表情
    Emotion(MediaRef),
    /// 文件
    File(MediaRef),
    /// 链接
    Link(LinkCard),
    /// 小程序
    WeApp {
        /// Title of the page.
        title: String,
        /// Description.
        description: String,
        /// Name of the mini program.
        app: String,
    },
    /// 会话记录
    ChatRecord {
        /// Title, for example 项目群的聊天记录.
        title: String,
        /// What was passed on.
        items: Vec<Nested>,
    },
    /// 待办
    Todo {
        /// Where it comes from.
        title: String,
        /// What is to be done.
        content: String,
    },
    /// 投票
    Vote {
        /// The question.
        title: String,
        /// What can be chosen.
        options: Vec<String>,
        /// Somebody voted; else the vote was called.
        joined: bool,
    },
    /// 填表
    Collect {
        /// Title.
        title: String,
        /// Name of the room.
        room: String,
        /// Userid of who made it.
        creator: String,
        /// What is asked.
        questions: Vec<FormQuestion>,
    },
    /// 红包, also with people outside
    RedPacket(Draw),
    /// 会议邀请
    Meeting {
        /// Topic.
        topic: String,
        /// Beginning, seconds.
        from_s: Option<i64>,
        /// End, seconds; a quick meeting has none.
        until_s: Option<i64>,
        /// Place.
        address: String,
        /// Remarks.
        remarks: String,
        /// Its number, a text because it is longer than most number types.
        meeting: String,
        /// An answer to the invitation: 1 joins, 2 does not, 3 perhaps, 4 not invited,
        /// 5 cancelled, 6 over, 7 not in the room.
        reply: Option<u64>,
    },
    /// 会议控制消息
    MeetingNotification {
        /// What is said.
        content: String,
        /// The meeting's number.
        meeting: String,
    },
    /// 在线文档
    Doc {
        /// Title.
        title: String,
        /// Userid of who made it.
        creator: String,
        /// Address.
        url: String,
    },
    /// Markdown
    Markdown {
        /// Source text.
        content: String,
    },
    /// 图文
    News {
        /// Its articles.
        items: Vec<LinkCard>,
    },
    /// 日程
    Calendar(AgendaItem),
    /// 混合
    Mixed {
        /// Its parts in order.
        items: Vec<Nested>,
    },
    /// 音频存档
    MeetingVoiceCall(CallMedia),
    /// 音频共享文档
    VoipDocShare {
        /// Names the call.
        voip: String,
        /// The document.
        media: MediaRef,
    },
    /// 视频号
    SphFeed {
        /// 2 pictures, 4 video, 9 live.
        feed: u64,
        /// Name of the channel.
        channel: String,
        /// Its words.
        description: String,
    },
    /// 音视频通话
    VoipText {
        /// How long, seconds.
        seconds: u64,
        /// With pictures, or voice only.
        video: bool,
        /// With more than two people.
        several: bool,
    },
    /// 微盘文件
    QyDiskFile {
        /// Name.
        name: String,
        /// Address.
        url: String,
    },
    /// 接龙
    Solitaire {
        /// The list so far.
        content: String,
    },
    /// 笔记
    Note {
        /// Its parts in order.
        items: Vec<Nested>,
    },
    /// 切换企业
    Switch {
        /// The member.
        userid: String,
    },
    /// What nobody has heard of yet, or what lies too deep inside of something else.
    Unknown(Unknown),
}

/// A file behind a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRef {
    /// sdkfileid. With the archive's secret it fetches the file: not to be shown or logged.
    /// May be empty, and then there is nothing to fetch.
    pub fileid: String,
    /// What it is.
    pub kind: Kind,
    /// Its name; none but files and documents have one.
    pub name: Option<String>,
    /// Bytes, where told.
    pub size: Option<u64>,
    /// MD5 in hex, where told. Now and then it is wrong.
    pub md5: Option<String>,
    /// Seconds of a voice or video.
    pub seconds: Option<u64>,
    /// Of a 表情: pixels across and down.
    pub pixels: Option<(u64, u64)>,
}

/// A place on the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its name.
    pub title: String,
    /// Its address.
    pub address: String,
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

/// A card that leads to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCard {
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Where it leads.
    pub url: String,
    /// Address of its picture; not to be fetched when somebody looks.
    pub picture: String,
}

/// A message inside of another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// Its type.
    pub kind: Kind,
    /// WeCom's name of its type, for example `ChatRecordText`.
    pub msgtype: String,
    /// When it was written, milliseconds; parts of one message have no time of their own.
    pub at_ms: Option<i64>,
    /// Whether it comes from a room.
    pub from_room: bool,
    /// What it says.
    pub body: Body,
}

/// One question of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormQuestion {
    /// The question.
    pub question: String,
    /// `Text`, `Number`, `Date`, `Time`.
    pub answer: String,
}

/// A red packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// 1 ordinary, 2 by luck, 3 as a reward.
    pub way: u64,
    /// The wish on it.
    pub wish: String,
    /// How many share it.
    pub count: u64,
    /// How much in all, in fen.
    pub amount_fen: u64,
    /// With people outside (互通红包).
    pub external: bool,
}

/// An entry of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgendaItem {
    /// Title.
    pub title: String,
    /// Name of who made it.
    pub creator: String,
    /// Names of those who come.
    pub attendees: Vec<String>,
    /// Beginning, seconds.
    pub from_s: Option<i64>,
    /// End, seconds.
    pub until_s: Option<i64>,
    /// Place.
    pub place: String,
    /// Remarks.
    pub remarks: String,
}

/// The recording of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallMedia {
    /// Names the call.
    pub voice: String,
    /// The recording.
    pub media: MediaRef,
    /// When the call ended, seconds.
    pub until_s: Option<i64>,
    /// What was shown meanwhile.
    pub shown: Vec<Chapter>,
}

/// A document or screen shown in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Name of the document; none for a screen.
    pub document: Option<String>,
    /// Who showed it: userid or external userid.
    pub who: String,
    /// From when, seconds.
    pub from_s: Option<i64>,
    /// Until when, seconds.
    pub until_s: Option<i64>,
}

/// A body of unknown form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// WeCom's name of the type, where it has one.
    pub msgtype: String,
    /// Every text in it.
    pub strings: Vec<String>,
}

impl Body {
    /// The words somebody may search for; empty where there are none. A reply comes before
    /// what it quotes.
    pub fn text_to_index(&self) -> String {
        let mut words = Words::default();
        self.say(&mut words);
        words.0
    }

    /// Every file behind this message, also those inside of what was passed on.
    pub fn media(&self) -> Vec<MediaRef> {
        let mut found = Vec::new();
        self.find_media(&mut found);
        found
    }

    /// Ids of the people on cards (名片), also on those inside of what was passed on.
    pub fn cards(&self) -> Vec<&str> {
        match self {
            Self::Card { userid, .. } => vec![userid],
            Self::ChatRecord { items, .. } | Self::Mixed { items } | Self::Note { items } => {
                items.iter().flat_map(|item| item.body.cards()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn find_media(&self, found: &mut Vec<MediaRef>) {
        match self {
            Self::Image(media)
            | Self::Voice(media)
            | Self::Video(media)
            | Self::Emotion(media)
            | Self::File(media)
            | Self::VoipDocShare { media, .. }
            | Self::MeetingVoiceCall(CallMedia { media, .. })
                if !media.fileid.is_empty() =>
            {
                found.push(media.clone());
            }
            Self::ChatRecord { items, .. } | Self::Mixed { items } | Self::Note { items } => {
                for item in items {
                    item.body.find_media(found);
                }
            }
            _ => {}
        }
    }

    fn say(&self, words: &mut Words) {
        match self {
            Self::Text { content, quote } => match quote {
                Some(quote) => words.all([&quote.reply, &quote.name, &quote.quoted]),
                None => words.add(content),
            },
            Self::Markdown { content }
            | Self::Solitaire { content }
            | Self::MeetingNotification { content, .. } => words.add(content),
            Self::File(media) | Self::VoipDocShare { media, .. } => words.maybe(&media.name),
            Self::MeetingVoiceCall(call) => {
                for chapter in &call.shown {
                    words.maybe(&chapter.document);
                }
            }
            Self::Card { firm, .. } => words.add(firm),
            Self::Location(place) => words.all([&place.title, &place.address]),
            Self::Link(card) => words.all([&card.title, &card.description]),
            Self::WeApp {
                title,
                description,
                app,
            } => words.all([title, description, app]),
            Self::News { items } => {
                for card in items {
                    words.all([&card.title, &card.description]);
                }
            }
            Self::Doc { title, .. } => words.add(title),
            Self::QyDiskFile { name, .. } => words.add(name),
            Self::SphFeed {
                channel,
                description,
                ..
            } => words.all([channel, description]),
            Self::ChatRecord { title, items } => {
                words.add(title);
                words.nested(items);
            }
            Self::Mixed { items } | Self::Note { items } => words.nested(items),
            Self::Todo { title, content } => words.all([title, content]),
            Self::Vote { title, options, .. } => {
                words.add(title);
                words.all(options);
            }
            Self::Collect {
                title,
                room,
                questions,
                ..
            } => {
                words.all([title, room]);
                words.all(questions.iter().map(|q| &q.question));
            }
            Self::RedPacket(draw) => words.add(&draw.wish),
            Self::Meeting {
                topic,
                address,
                remarks,
                ..
            } => words.all([topic, address, remarks]),
            Self::Calendar(item) => {
                words.all([&item.title, &item.creator, &item.place, &item.remarks]);
                words.all(&item.attendees);
            }
            Self::Unknown(unknown) => words.all(&unknown.strings),
            Self::Image(_)
            | Self::Voice(_)
            | Self::Video(_)
            | Self::Emotion(_)
            | Self::Revoke { .. }
            | Self::Consent { .. }
            | Self::VoipText { .. }
            | Self::Switch { .. } => {}
        }
    }
}

/// Words one under the other.
#[derive(Default)]
struct Words(String);

impl Words {
    fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(text);
    }

    fn maybe(&mut self, text: &Option<String>) {
        self.add(text.as_deref().unwrap_or_default());
    }

    fn all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) {
        for text in texts {
            self.add(text);
        }
    }

    fn nested(&mut self, items: &[Nested]) {
        for item in items {
            item.body.say(self);
        }
    }
}
