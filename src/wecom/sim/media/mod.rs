//! 素材管理: files that are given to WeCom and fetched from it.
//!
//! What is uploaded lies in a store of its own, by its content, so that the journal need not
//! repeat it. An upload by address is not fetched: the address is taken at its word.
//!
//! Source: WeCom documentation, 素材管理.

mod formats;
mod store;
mod upload;

use std::collections::BTreeMap;

use super::routes::Route;

#[cfg(test)]
pub use formats::picture as picture_size;
pub use store::{Blobs, Upload};

/// The calls of this area.
pub const AREAS: [&[Route]; 1] = [upload::ROUTES];

/// How long a media id is good, in seconds.
const LIFE_S: i64 = 3 * 86_400;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 图片.
    Image,
    /// 语音.
    Voice,
    /// 视频.
    Video,
    /// 普通文件.
    File,
}

impl Kind {
    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "image" => Self::Image,
            "voice" => Self::Voice,
            "video" => Self::Video,
            "file" => Self::File,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// By which call a file came, which decides what it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `media/upload`: messages, welcome messages, broadcasts.
    Upload,
    /// `media/upload_attachment` for moments (朋友圈).
    Moment,
    /// `media/upload_attachment` for product albums (商品图册).
    Album,
    /// `media/upload_by_url`.
    Url,
}

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it is.
    pub kind: Kind,
    /// How it came.
    pub source: Source,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Where its content lies.
    pub blob: String,
    /// When it came, seconds.
    pub created_at: i64,
}

/// A job of `media/upload_by_url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlJob {
    /// When it began, seconds.
    pub started_at: i64,
    /// What came of it.
    pub media_id: String,
}

/// What only this area knows.
#[derive(Debug, Clone, Default)]
pub struct State {
    files: BTreeMap<String, File>,
    pictures: BTreeMap<String, String>,
    jobs: BTreeMap<String, UrlJob>,
}

impl State {
    /// The file under this media id, while it is good; `now_s` in seconds.
    pub fn file(&self, media_id: &str, now_s: i64) -> Option<&File> {
        let file = self.files.get(media_id)?;
        (now_s < file.created_at + LIFE_S).then_some(file)
    }

    /// Whether this address was given out by `media/uploadimg`.
    pub fn is_picture(&self, url: &str) -> bool {
        self.pictures.contains_key(url)
    }
}
