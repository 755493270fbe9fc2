//! Assets: types and pure rules.

use minicbor::{Decode, Encode};

use crate::{
    kit::{Id, Timestamp},
    org::DepartmentId,
    store::SubjectId,
};

/// See [`Material`].
pub type MaterialId = Id<Material>;
/// See [`Folder`].
pub type FolderId = Id<Folder>;

/// Folders within folders.
pub const DEPTH_MAX: usize = 3;
/// Characters of a folder's name, and of an asset's where customers do not see it.
pub const NAME_CHARS_MAX: usize = 40;

/// What an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// Words.
    #[n(0)]
    Text,
    /// A picture.
    #[n(1)]
    Image,
    /// A link as a card.
    #[n(2)]
    Link,
    /// A mini program (小程序) as a card.
    #[n(3)]
    MiniProgram,
    /// A file.
    #[n(4)]
    File,
    /// A video.
    #[n(5)]
    Video,
}

impl Kind {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Image,
        Self::Link,
        Self::MiniProgram,
        Self::Video,
        Self::File,
    ];

    /// Stable code, also the catalogue key's end.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Link => "link",
            Self::MiniProgram => "miniprogram",
            Self::File => "file",
            Self::Video => "video",
        }
    }

    /// The kind with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Catalogue key of its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "assets.kind.text",
            Self::Image => "assets.kind.image",
            Self::Link => "assets.kind.link",
            Self::MiniProgram => "assets.kind.miniprogram",
            Self::File => "assets.kind.file",
            Self::Video => "assets.kind.video",
        }
    }

    /// The icon that stands for it.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Text => "rows",
            Self::Image => "image",
            Self::Link => "link",
            Self::MiniProgram => "apps",
            Self::File => "file",
            Self::Video => "play",
        }
    }

    /// Whether it may come along with a message; words are put into the message itself.
    pub const fn is_attachment(self) -> bool {
        !matches!(self, Self::Text)
    }
}

/// A file among the assets, by its content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Stored {
    /// SHA-256 of the content, also its name on the shelf.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// Size in bytes.
    #[n(1)]
    pub bytes: u64,
    /// The name under which it is sent, cleaned.
    #[n(2)]
    pub name: String,
    /// Its media type as the content says, e.g. `image/png`.
    #[n(3)]
    pub media_type: String,
    /// What a moment's limits are about; none where it was not looked for, or is not said.
    #[n(4)]
    pub measure: Option<Measure>,
}

/// How large a picture or how long a video is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Measure {
    /// Width and height in pixels.
    #[n(0)]
    Pixels(#[n(0)] u32, #[n(1)] u32),
    /// Milliseconds.
    #[n(1)]
    Ms(#[n(0)] u64),
}

/// What an asset consists of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Body {
    /// Words.
    #[n(0)]
    Text(#[n(0)] String),
    /// A picture.
    #[n(1)]
    Image(#[n(0)] Stored),
    /// A link; its title is the asset's.
    #[n(2)]
    Link {
        /// Where it leads.
        #[n(0)]
        url: String,
        /// Words below the title, may be empty.
        #[n(1)]
        desc: String,
        /// A small picture beside them.
        #[n(2)]
        cover: Option<Stored>,
    },
    /// A mini program; its title is the asset's.
    #[n(3)]
    MiniProgram {
        /// Its appid; it must be linked to the firm at WeCom.
        #[n(0)]
        appid: String,
        /// The page that opens.
        #[n(1)]
        page: String,
        /// The picture of the card.
        #[n(2)]
        cover: Stored,
    },
    /// A file.
    #[n(4)]
    File(#[n(0)] Stored),
    /// A video.
    #[n(5)]
    Video(#[n(0)] Stored),
}

impl Body {
    /// What the asset is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Image(_) => Kind::Image,
            Self::Link { .. } => Kind::Link,
            Self::MiniProgram { .. } => Kind::MiniProgram,
            Self::File(_) => Kind::File,
            Self::Video(_) => Kind::Video,
        }
    }

    /// Its words, if it is words.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its file, or the picture of its card.
    pub const fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Text(_) => None,
            Self::Image(stored) | Self::File(stored) | Self::Video(stored) => Some(stored),
            Self::Link { cover, .. } => cover.as_ref(),
            Self::MiniProgram { cover, .. } => Some(cover),
        }
    }
}

/// An asset (素材), in its newest version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Material {
    /// Ours.
    #[n(0)]
    pub id: MaterialId,
    /// Where it lies; without a folder it is the whole firm's.
    #[n(1)]
    pub folder: Option<FolderId>,
    /// What it is called in the library; of links and mini programs also what customers read.
    #[n(2)]
    pub title: String,
    /// What it consists of.
    #[n(3)]
    pub body: Body,
    /// Number of this version, from 1.
    #[n(4)]
    pub version: u32,
    /// When this version was made.
    #[n(5)]
    pub changed_at: Timestamp,
    /// Put away: nobody is offered it any more, and what uses it goes on doing so.
    #[n(6)]
    pub archived_at: Option<Timestamp>,
}

impl Material {
    /// What it is.
    pub const fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// Whether it was put away.
    pub const fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

/// An asset as it was once, or is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    /// The asset.
    #[n(0)]
    pub material: MaterialId,
    /// Its number.
    #[n(1)]
    pub version: u32,
    /// Its title then.
    #[n(2)]
    pub title: String,
    /// What it consisted of.
    #[n(3)]
    pub body: Body,
    /// When it was made.
    #[n(4)]
    pub made_at: Timestamp,
    /// By whose account.
    #[n(5)]
    pub made_by: Option<SubjectId>,
}

/// A folder of assets.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Folder {
    /// Ours.
    #[n(0)]
    pub id: FolderId,
    /// The one it lies in.
    #[n(1)]
    pub parent: Option<FolderId>,
    /// What it is called.
    #[n(2)]
    pub name: String,
    /// Whose it is, with all below it: a department's, or without one the whole firm's. A
    /// folder within another is never wider than that one.
    #[n(3)]
    pub unit: Option<DepartmentId>,
}

/// What assets something sends: a live code, a welcome message, a broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Uses {
    /// Kind of what sends them, e.g. `welcome`.
    #[n(0)]
    pub by: String,
    /// Its id.
    #[n(1)]
    pub of: String,
    /// The assets, each once.
    #[n(2)]
    pub materials: Vec<MaterialId>,
}

/// For what a file was given to WeCom: ids of one use are no good for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// A picture in a message, or the cover of a mini program (`media/upload`).
    #[n(0)]
    Image,
    /// A video in a message (`media/upload`).
    #[n(1)]
    Video,
    /// A file in a message (`media/upload`).
    #[n(2)]
    File,
    /// A cover by its address (`media/uploadimg`), which lasts.
    #[n(3)]
    Picture,
    /// A picture in a moment (`media/upload_attachment`).
    #[n(4)]
    MomentImage,
    /// A video in a moment (`media/upload_attachment`).
    #[n(5)]
    MomentVideo,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Image,
        Self::Video,
        Self::File,
        Self::Picture,
        Self::MomentImage,
        Self::MomentVideo,
    ];
}

/// A file as WeCom knows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MediaId {
    /// Its content.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// What for.
    #[n(1)]
    pub purpose: Purpose,
    /// What WeCom calls it, or its address there; empty if it was never taken.
    #[n(2)]
    pub name: String,
    /// Good until then; none: it lasts.
    #[n(3)]
    pub until: Option<Timestamp>,
    /// Why the last attempt to renew it failed.
    #[n(4)]
    pub failure: Option<crate::work::Failure>,
    /// Attempts that failed since the last that did not.
    #[n(5)]
    pub attempts: u32,
    /// After a failure, not again before this time.
    #[n(6)]
    pub next_at: Timestamp,
}

impl MediaId {
    /// A file that WeCom does not have.
    pub fn unknown(sha256: [u8; 32], purpose: Purpose, now: Timestamp) -> Self {
        Self {
            sha256,
            purpose,
            name: String::new(),
            until: None,
            failure: None,
            attempts: 0,
            next_at: now,
        }
    }

    /// Whether it can be sent so long after `now`.
    pub fn is_good(&self, now: Timestamp, for_ms: i64) -> bool {
        let holds = |until: Timestamp| until > now.plus_ms(for_ms);
        !self.name.is_empty() && self.until.is_none_or(holds)
    }
}
