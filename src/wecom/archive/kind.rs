//! The types of messages, and who may stand behind an id.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal;)*) => {
        /// The type of a message (msgtype).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            /// A type nobody has heard of yet; its name stays with the message.
            Unknown,
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every known type, in the order of its numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// WeCom's name of it; `unknown` for [`Self::Unknown`].
            pub fn code(self) -> &'static str {
                match self {
                    Self::Unknown => "unknown",
                    $(Self::$name => $code,)*
                }
            }

            /// A number that stays; 0 for [`Self::Unknown`].
            pub fn number(self) -> u8 {
                match self {
                    Self::Unknown => 0,
                    $(Self::$name => $number,)*
                }
            }

            /// The type with this number.
            pub fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$name,)*
                    _ => Self::Unknown,
                }
            }

            /// The type of this name.
            pub fn from_code(code: &str) -> Self {
                match code {
                    $($code => Self::$name,)*
                    _ => Self::Unknown,
                }
            }
        }
    };
}

kinds! {
    /// 文本
    Text = 1, "text";
    /// 图片
    Image = 2, "image";
    /// 撤回; its action is `recall`.
    Revoke = 3, "revoke";
    /// 同意存档
    Agree = 4, "agree";
    /// 不同意存档
    Disagree = 5, "disagree";
    /// 语音
    Voice = 6, "voice";
    /// 视频
    Video = 7, "video";
    /// 名片
    Card = 8, "card";
    /// 位置
    Location = 9, "location";
    /// 表情
    Emotion = 10, "emotion";
    /// 文件
    File = 11, "file";
    /// 链接
    Link = 12, "link";
    /// 小程序
    WeApp = 13, "weapp";
    /// 会话记录: messages passed on together
    ChatRecord = 14, "chatrecord";
    /// 待办
    Todo = 15, "todo";
    /// 投票
    Vote = 16, "vote";
    /// 填表
    Collect = 17, "collect";
    /// 红包, between colleagues
    RedPacket = 18, "redpacket";
    /// 互通红包
    ExternalRedPacket = 19, "external_redpacket";
    /// 会议邀请
    Meeting = 20, "meeting";
    /// 会议控制消息
    MeetingNotification = 21, "meeting_notification";
    /// 在线文档
    Doc = 22, "docmsg";
    /// Markdown, from robots
    Markdown = 23, "markdown";
    /// 图文
    News = 24, "news";
    /// 日程
    Calendar = 25, "calendar";
    /// 混合
    Mixed = 26, "mixed";
    /// 音频存档
    MeetingVoiceCall = 27, "meeting_voice_call";
    /// 音频共享文档
    VoipDocShare = 28, "voip_doc_share";
    /// 视频号
    SphFeed = 29, "sphfeed";
    /// 音视频通话
    VoipText = 30, "voiptext";
    /// 微盘文件
    QyDiskFile = 31, "qydiskfile";
    /// 接龙
    Solitaire = 32, "solitaire";
    /// 笔记
    Note = 33, "note";
    /// 切换企业: the action stands for the type, there is no msgtype.
    Switch = 34, "switch";
}

impl Kind {
    /// The name under which the body stands; `None` where it has none.
    ///
    /// Source: WeCom documentation, 消息格式 (the exceptions are its own).
    pub(super) fn body_key(self) -> Option<&'static str> {
        match self {
            Self::ExternalRedPacket => Some("redpacket"),
            Self::Doc => Some("doc"),
            Self::Markdown
            | Self::News
            | Self::VoipText
            | Self::QyDiskFile
            | Self::MeetingNotification
            | Self::Solitaire
            | Self::Note => Some("info"),
            Self::Unknown | Self::Switch => None,
            known => Some(known.code()),
        }
    }

    /// Whether the archive has a file behind messages of this type.
    pub fn has_media(self) -> bool {
        matches!(
            self,
            Self::Image
                | Self::Voice
                | Self::Video
                | Self::Emotion
                | Self::File
                | Self::MeetingVoiceCall
                | Self::VoipDocShare
        )
    }
}

/// Who an id stands for, as far as its form tells. A userid is free text, so that whoever knows
/// the directory asks it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// A member of the firm, present or past.
    Member,
    /// A WeChat user (`wm…`).
    WeChat,
    /// Somebody of another firm on WeCom (`wo…`).
    OtherFirm,
    /// A robot (`wb…`).
    Robot,
}

impl Party {
    /// From the form of an id that the directory does not know.
    pub fn of(id: &str) -> Self {
        /// Ids that WeCom makes are at least this long.
        const MADE_BYTES_MIN: usize = 32;
        if id.len() < MADE_BYTES_MIN {
            return Self::Member;
        }
        match id.get(..2) {
            Some("wm") => Self::WeChat,
            Some("wo") => Self::OtherFirm,
            Some("wb") => Self::Robot,
            _ => Self::Member,
        }
    }

    /// Whether this is somebody outside.
    pub fn is_external(self) -> bool {
        matches!(self, Self::WeChat | Self::OtherFirm)
    }
}
