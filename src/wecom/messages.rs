//! 应用消息: what the firm's own app tells its members.
//!
//! Source: WeCom documentation, 发送应用消息, 更新模版卡片消息, 撤回应用消息.

use serde::{Deserialize, Serialize};

use super::{
    answers::Done,
    cards::TemplateCard,
    client::{Client, Purpose},
    error::Error,
    lenient,
};

/// Userids that one message takes.
pub const RECEIVERS_MAX: usize = 1000;
/// Departments, and tags, that one message takes.
pub const PARTIES_MAX: usize = 100;

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receivers {
    /// Everybody who sees the app.
    Everybody,
    /// Some, at least one of them.
    Some {
        /// Userids.
        users: Vec<String>,
        /// Departments, with all below them.
        parties: Vec<u64>,
        /// Directory tags.
        tags: Vec<u64>,
    },
}

impl Receivers {
    /// One member.
    pub fn one(userid: &str) -> Self {
        Self::Some {
            users: vec![userid.to_owned()],
            parties: Vec::new(),
            tags: Vec::new(),
        }
    }
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// For whom.
    pub to: Receivers,
    /// What.
    pub content: Content,
    /// Whether it is confidential (保密): not to be passed on, with a watermark. Not for news.
    pub safe: bool,
    /// Seconds, at most 14400, within which WeCom does not send the same to the same people
    /// again, which makes sending safe to repeat.
    pub once_within_s: Option<u32>,
}

/// What stands in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "msgtype", rename_all = "snake_case")]
pub enum Content {
    /// A text.
    Text {
        /// The text.
        text: TextContent,
    },
    /// A text with a little Markdown, not shown in WeChat.
    Markdown {
        /// The text.
        markdown: TextContent,
    },
    /// A picture from [`Client::upload`].
    Image {
        /// The picture.
        image: FileContent,
    },
    /// A voice.
    Voice {
        /// The voice.
        voice: FileContent,
    },
    /// A video.
    Video {
        /// The video.
        video: VideoContent,
    },
    /// A file.
    File {
        /// The file.
        file: FileContent,
    },
    /// A card with text.
    #[serde(rename = "textcard")]
    TextCard {
        /// The card.
        textcard: TextCard,
    },
    /// Articles that lead somewhere.
    News {
        /// The articles.
        news: Articles<Article>,
    },
    /// Articles that are kept by WeCom.
    #[serde(rename = "mpnews")]
    MpNews {
        /// The articles.
        mpnews: Articles<KeptArticle>,
    },
    /// A notice that leads into a mini program.
    MiniprogramNotice {
        /// The notice.
        miniprogram_notice: MiniprogramNotice,
    },
    /// A template card.
    TemplateCard {
        /// The card.
        template_card: Box<TemplateCard>,
    },
}

impl Content {
    /// A text, at most 2048 bytes; WeCom cuts what is longer.
    pub fn text(content: &str) -> Self {
        let content = content.to_owned();
        Self::Text {
            text: TextContent { content },
        }
    }

    /// A card.
    pub fn card(card: TemplateCard) -> Self {
        Self::TemplateCard {
            template_card: Box::new(card),
        }
    }
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextContent {
    /// At most 2048 bytes.
    pub content: String,
}

/// A file by its media id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileContent {
    /// From [`Client::upload`].
    pub media_id: String,
}

/// A video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VideoContent {
    /// From [`Client::upload`].
    pub media_id: String,
    /// Title, at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description, at most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A card with text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextCard {
    /// At most 128 characters.
    pub title: String,
    /// At most 512 characters; `<div class="gray|highlight|normal">` and `<br>` may stand in it.
    pub description: String,
    /// Where it leads, at most 2048 bytes with the scheme.
    pub url: String,
    /// Word on the button, at most 4 characters; 详情 if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub btntxt: Option<String>,
}

/// One to eight articles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Articles<A> {
    /// The articles.
    pub articles: Vec<A>,
}

/// An article that leads somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Article {
    /// At most 128 bytes.
    pub title: String,
    /// At most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it leads; or a mini program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picurl: Option<String>,
    /// The mini program it leads into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<String>,
    /// The page in it, at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagepath: Option<String>,
}

/// An article that WeCom keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeptArticle {
    /// At most 128 bytes.
    pub title: String,
    /// A picture from [`Client::upload`].
    pub thumb_media_id: String,
    /// At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Where "read on" leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_source_url: Option<String>,
    /// HTML, at most 666 KB.
    pub content: String,
    /// At most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// A notice that leads into a mini program; not for everybody at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MiniprogramNotice {
    /// The mini program, linked to the firm.
    pub appid: String,
    /// The page in it, at most 1024 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// 4 to 12 Chinese characters.
    pub title: String,
    /// 4 to 12 Chinese characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Shows the first item larger.
    pub emphasis_first_item: bool,
    /// At most ten.
    pub content_item: Vec<NoticeItem>,
}

/// A line of a notice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NoticeItem {
    /// At most 10 characters.
    pub key: String,
    /// At most 30 characters.
    pub value: String,
}

/// What became of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageSent {
    /// Its id, for recalling it.
    pub msgid: String,
    /// Userids it could not reach, in lower case.
    pub invalid_users: Vec<String>,
    /// Departments it could not reach.
    pub invalid_parties: Vec<String>,
    /// Directory tags it could not reach.
    pub invalid_tags: Vec<String>,
    /// Members without a license, only of third-party apps.
    pub unlicensed_users: Vec<String>,
    /// The right to change an interactive card once within 72 hours.
    pub response_code: Option<String>,
}

/// What is to happen to a card that was sent.
#[derive(Debug, Clone, PartialEq)]
pub enum CardUpdate {
    /// Its buttons turn into this word.
    Button(String),
    /// It turns into another card.
    Card(Box<TemplateCard>),
}

/// Messages of one app on one day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MessageCount {
    /// The app.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub agentid: u64,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub app_name: String,
    /// How many, counted by person.
    #[serde(default, deserialize_with = "lenient::uint")]
    pub count: u64,
}

#[derive(Serialize)]
struct Ask<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    touser: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    toparty: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    totag: String,
    agentid: u64,
    #[serde(flatten)]
    content: &'a Content,
    #[serde(skip_serializing_if = "is_zero")]
    safe: u8,
    #[serde(skip_serializing_if = "is_zero")]
    enable_duplicate_check: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_check_interval: Option<u32>,
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}

fn barred<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join("|")
}

impl Message {
    fn ask(&self, agentid: u64) -> Ask<'_> {
        let (touser, toparty, totag) = match &self.to {
            Receivers::Everybody => ("@all".to_owned(), String::new(), String::new()),
            Receivers::Some {
                users,
                parties,
                tags,
            } => (barred(users), barred(parties), barred(tags)),
        };
        Ask {
            touser,
            toparty,
            totag,
            agentid,
            content: &self.content,
            safe: self.safe.into(),
            enable_duplicate_check: self.once_within_s.is_some().into(),
            duplicate_check_interval: self.once_within_s,
        }
    }
}

impl Client {
    /// Sends a message from the app (`message/send`). Safe to repeat only within
    /// [`Message::once_within_s`].
    pub async fn send_message(
        &self,
        agentid: u64,
        message: &Message,
    ) -> Result<MessageSent, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "lenient::or_default")]
            msgid: String,
            #[serde(default, deserialize_with = "lenient::or_default")]
            invaliduser: String,
            #[serde(default, deserialize_with = "lenient::or_default")]
            invalidparty: String,
            #[serde(default, deserialize_with = "lenient::or_default")]
            invalidtag: String,
            #[serde(default, deserialize_with = "lenient::or_default")]
            unlicenseduser: String,
            #[serde(default, deserialize_with = "lenient::or_default")]
            response_code: String,
        }
        let ask = message.ask(agentid);
        let answer: Answer = self.write(Purpose::App, "message/send", &ask).await?;
        Ok(MessageSent {
            msgid: answer.msgid,
            invalid_users: lenient::bars(&answer.invaliduser),
            invalid_parties: lenient::bars(&answer.invalidparty),
            invalid_tags: lenient::bars(&answer.invalidtag),
            unlicensed_users: lenient::bars(&answer.unlicenseduser),
            response_code: Some(answer.response_code).filter(|code| !code.is_empty()),
        })
    }

    /// Changes a card for these members, or for everybody who got it if there are none
    /// (`message/update_template_card`); userids it could not reach. Works once for each
    /// response code.
    pub async fn update_card(
        &self,
        agentid: u64,
        response_code: &str,
        users: &[String],
        update: &CardUpdate,
    ) -> Result<Vec<String>, Error> {
        #[derive(Serialize)]
        struct Button<'a> {
            replace_name: &'a str,
        }
        #[derive(Serialize)]
        struct Ask<'a> {
            userids: &'a [String],
            atall: u8,
            agentid: u64,
            response_code: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            button: Option<Button<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            template_card: Option<&'a TemplateCard>,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "lenient::or_default")]
            invaliduser: Vec<String>,
        }
        let (button, template_card) = match update {
            CardUpdate::Button(replace_name) => (Some(Button { replace_name }), None),
            CardUpdate::Card(card) => (None, Some(card.as_ref())),
        };
        let ask = Ask {
            userids: users,
            atall: users.is_empty().into(),
            agentid,
            response_code,
            button,
            template_card,
        };
        let call = "message/update_template_card";
        let answer: Answer = self.write(Purpose::App, call, &ask).await?;
        Ok(answer.invaliduser)
    }

    /// Takes a message back within 24 hours (`message/recall`). Safe to repeat.
    pub async fn recall_message(&self, msgid: &str) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Ask<'a> {
            msgid: &'a str,
        }
        let Done {} = self
            .write(Purpose::App, "message/recall", &Ask { msgid })
            .await?;
        Ok(())
    }

    /// How many messages the apps have sent today, or yesterday (`message/get_statistics`).
    pub async fn message_counts(&self, yesterday: bool) -> Result<Vec<MessageCount>, Error> {
        #[derive(Serialize)]
        struct Ask {
            time_type: u8,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "lenient::or_default")]
            statistics: Vec<MessageCount>,
        }
        let ask = Ask {
            time_type: yesterday.into(),
        };
        let call = "message/get_statistics";
        let answer: Answer = self.post(Purpose::App, call, &ask).await?;
        Ok(answer.statistics)
    }
}
