//! What a message carries beside its text: one building block for welcome messages,
//! broadcasts, group welcome templates and the closing words of temporary chats.
//!
//! Source: WeCom documentation, 发送新客户欢迎语 and 创建企业群发, attachments.

use serde::{Deserialize, Serialize};

use super::lenient;

/// A text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The words; limits are in bytes of UTF-8 and differ by call.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content: String,
}

impl Text {
    /// These words.
    pub fn new(content: &str) -> Self {
        let content = content.to_owned();
        Self { content }
    }
}

/// A picture: one of two; `media_id` wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// From `media/upload`; good for three days.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub media_id: String,
    /// From `media/uploadimg`; lasts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub pic_url: String,
}

/// A link as a card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// At most 128 bytes.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub title: String,
    /// Address of the cover, at most 2048 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub picurl: String,
    /// At most 512 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "lenient::or_default")]
    pub desc: String,
    /// Where it leads, at most 2048 bytes.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub url: String,
}

/// A mini program (小程序) as a card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiniProgramCard {
    /// At most 64 bytes.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub title: String,
    /// Cover from `media/upload`, about 520 × 416.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pic_media_id: String,
    /// The mini program, linked to the corp.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub appid: String,
    /// Page of the mini program.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub page: String,
}

/// A file or video from `media/upload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Good for three days.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub media_id: String,
}

/// One attachment; a message takes at most nine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
pub enum Attachment {
    /// A picture.
    Image {
        /// The picture.
        image: Image,
    },
    /// A link.
    Link {
        /// The link.
        link: Link,
    },
    /// A mini program.
    MiniProgram {
        /// The mini program.
        miniprogram: MiniProgramCard,
    },
    /// A video.
    Video {
        /// The video.
        video: Media,
    },
    /// A file.
    File {
        /// The file.
        file: Media,
    },
    /// A kind nobody has heard of, in an answer.
    #[serde(other)]
    Unknown,
}

/// A text and at most one thing beside it; of several WeCom takes the first in this order:
/// image, link, mini program, file, video.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// The words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// A link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// A mini program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miniprogram: Option<MiniProgramCard>,
    /// A file; not for the closing words of temporary chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Media>,
    /// A video; not for the closing words of temporary chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<Media>,
}
