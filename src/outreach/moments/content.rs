//! What a moment can carry: words that are the same for everybody, and one to nine pictures,
//! or one video, or one link with a cover (WeCom documentation, 创建发表任务).

use crate::{
    error::Invalid,
    outreach::{
        content::{Content, NAME_BYTES_MAX, Names, fill},
        materials::{self, Body, Kind, Material, Measure},
    },
    store::{Read, StoreError},
};

/// Characters of the words.
pub(super) const TEXT_CHARS_MAX: usize = 2_000;
/// Characters of a link's title.
const TITLE_CHARS_MAX: usize = 64;
/// Bytes of a link's title.
const TITLE_BYTES_MAX: usize = 128;
/// Pixels of the shorter side of a picture (WeCom documentation, 上传附件资源).
const SHORT_SIDE_MAX: u32 = 1_080;
/// Milliseconds of a video (the same).
const VIDEO_MS_MAX: u64 = 30_000;
/// Variables for which one text cannot stand: it is published once for all customers and by all
/// members.
const OF_SOMEBODY: [&str; 6] = [
    "{客户}",
    "{customer}",
    "{活码}",
    "{code}",
    "{员工}",
    "{member}",
];

/// Whether an asset can come along with a moment.
pub(super) fn can_come(material: &Material) -> bool {
    match &material.body {
        Body::Image(_) | Body::Video(_) => true,
        Body::Link { cover, .. } => {
            let title = &material.title;
            cover.is_some()
                && title.chars().count() <= TITLE_CHARS_MAX
                && title.len() <= TITLE_BYTES_MAX
        }
        Body::Text(_) | Body::File(_) | Body::MiniProgram { .. } => false,
    }
}

/// What WeCom's moments would not take of an asset, as far as its measures are known.
fn exceeds(material: &Material) -> Option<&'static str> {
    let (Body::Image(file) | Body::Video(file)) = &material.body else {
        return None;
    };
    match file.measure? {
        Measure::Pixels(width, height) if width.min(height) > SHORT_SIDE_MAX => {
            Some("moments.picture_wide")
        }
        Measure::Ms(ms) if ms > VIDEO_MS_MAX => Some("moments.video_long"),
        _ => None,
    }
}

/// The words as they are published.
pub(super) fn words(content: &Content, firm: &str) -> String {
    let names = Names {
        firm,
        ..Names::default()
    };
    fill(&content.text, &names)
}

/// What is wrong with a moment's content, at the fields `text` and `attachment`.
///
/// # Errors
/// Those of the store.
pub fn check(r: &Read<'_>, content: &Content) -> Result<Invalid, StoreError> {
    let mut wrong = materials::check(r, content)?;
    if OF_SOMEBODY.iter().any(|name| content.text.contains(name)) {
        wrong = wrong.with("text", "moments.no_names");
    }
    // A firm's name is never longer than that when it is filled in.
    let longest = words(content, &"x".repeat(NAME_BYTES_MAX));
    if longest.chars().count() > TEXT_CHARS_MAX {
        wrong = wrong.with("text", "moments.too_long");
    }
    let mut kinds = Vec::with_capacity(content.attachments.len());
    for id in &content.attachments {
        match r.get::<Material>(id)? {
            Some(material) if can_come(&material) => {
                if let Some(code) = exceeds(&material) {
                    return Ok(wrong.with("attachment", code));
                }
                kinds.push(material.kind());
            }
            Some(material) if material.kind() == Kind::Link => {
                return Ok(wrong.with("attachment", "moments.link_cover"));
            }
            Some(_) => return Ok(wrong.with("attachment", "moments.kinds")),
            // Said by the check before.
            None => return Ok(wrong),
        }
    }
    if !fits(&kinds) {
        wrong = wrong.with("attachment", "moments.mixed");
    }
    Ok(wrong)
}

/// Whether these go together: pictures, or one video, or one link.
fn fits(kinds: &[Kind]) -> bool {
    match kinds {
        [] | [Kind::Video | Kind::Link] => true,
        all => all.iter().all(|kind| *kind == Kind::Image),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_or_one_video_or_one_link() {
        assert!(fits(&[]) && fits(&[Kind::Video]) && fits(&[Kind::Link]));
        assert!(fits(&[Kind::Image; 9]));
        assert!(!fits(&[Kind::Video, Kind::Video]) && !fits(&[Kind::Link, Kind::Link]));
        assert!(!fits(&[Kind::Image, Kind::Video]) && !fits(&[Kind::Image, Kind::Link]));
    }
}
