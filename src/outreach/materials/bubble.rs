//! An asset as WeChat shows it.

use super::model::{Body, MaterialId};

/// What the macro `bubble` of `templates/outreach/parts.html` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bubble {
    /// The kind's code.
    pub(crate) kind: &'static str,
    /// The title.
    pub(crate) title: String,
    /// The words of a text, the name of a file, what stands below a link's title, or the appid.
    pub(crate) line: String,
    /// Address of the file or the card's picture.
    pub(crate) src: String,
    /// Whether there is one.
    pub(crate) has_picture: bool,
    /// Size of the file.
    pub(crate) bytes: u64,
}

impl Bubble {
    /// A version of an asset.
    pub fn of(id: MaterialId, version: u32, title: &str, body: &Body) -> Self {
        let stored = body.stored();
        let line = match body {
            Body::Text(text) => text.clone(),
            Body::Link { desc, url, .. } if desc.is_empty() => url.clone(),
            Body::Link { desc, .. } => desc.clone(),
            Body::MiniProgram { appid, .. } => appid.clone(),
            Body::Image(stored) | Body::File(stored) | Body::Video(stored) => stored.name.clone(),
        };
        Self {
            kind: body.kind().code(),
            title: title.to_owned(),
            line,
            src: format!("/assets/{id}/file?version={version}"),
            has_picture: stored.is_some(),
            bytes: stored.map_or(0, |stored| stored.bytes),
        }
    }
}
