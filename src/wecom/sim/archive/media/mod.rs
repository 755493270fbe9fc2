//! Files behind messages: small and real, made when somebody first asks for one. Many messages
//! share one file, as people pass the same pictures round.

mod paper;
mod picture;
mod sound;

use std::sync::OnceLock;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::wecom::sim::firm::Rng;

/// Bytes that one answer brings (WeCom documentation, 获取媒体文件).
pub(super) const STRETCH_BYTES: usize = 512 << 10;
const PICTURES: usize = 24;
const STICKERS: usize = 6;
const VOICES: usize = 6;
const VIDEOS: usize = 3;
const RECORDINGS: usize = 2;
const PAPERS: usize = 3;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// JPEG or PNG.
    Picture,
    /// GIF or PNG.
    Sticker,
    /// AMR.
    Voice,
    /// MP4.
    Video,
    /// AMR, of a call.
    Recording,
    /// PDF; the last one is larger than one answer.
    Pdf,
    /// XLSX.
    Sheet,
}

impl Sort {
    const ALL: [(Self, usize); 7] = [
        (Self::Picture, PICTURES),
        (Self::Sticker, STICKERS),
        (Self::Voice, VOICES),
        (Self::Video, VIDEOS),
        (Self::Recording, RECORDINGS),
        (Self::Pdf, PAPERS),
        (Self::Sheet, PAPERS),
    ];

    /// What a document of this name is.
    pub fn of_name(name: &str) -> Self {
        match name.rsplit_once('.') {
            Some((_, "xlsx")) => Self::Sheet,
            _ => Self::Pdf,
        }
    }

    /// The end of its name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Sheet => "xlsx",
            _ => "pdf",
        }
    }

    fn first(self) -> usize {
        let before = Self::ALL.iter().take_while(|(sort, _)| *sort != self);
        before.map(|(_, count)| count).sum()
    }

    fn count(self) -> usize {
        let known = Self::ALL.iter().find(|(sort, _)| *sort == self);
        known.map_or(1, |(_, count)| *count)
    }

    fn make(self, at: usize) -> Vec<u8> {
        let number = u64::try_from(at).unwrap_or(0);
        match self {
            Self::Picture if at.is_multiple_of(2) => picture::jpeg(number),
            Self::Picture => picture::png(160, 120, number),
            Self::Sticker if at.is_multiple_of(2) => picture::gif(number),
            Self::Sticker => picture::png(60, 60, number + 99),
            Self::Voice => sound::amr(seconds(at)),
            Self::Recording => sound::amr(95 + 40 * seconds(at)),
            Self::Video => sound::mp4([60 << 10, 300 << 10, 1_400 << 10][at % 3], number),
            Self::Pdf => paper::pdf(number, if at + 1 == PAPERS { 1_300 << 10 } else { 0 }),
            Self::Sheet => paper::sheet(number),
        }
    }
}

/// Seconds of voice number `at`.
fn seconds(at: usize) -> u64 {
    [3, 7, 2, 12, 24, 5][at % VOICES]
}

/// Every file there is.
#[derive(Debug)]
pub(super) struct Library(Vec<OnceLock<File>>);

#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    md5: String,
}

impl Default for Library {
    fn default() -> Self {
        let count = Sort::ALL.iter().map(|(_, count)| count).sum();
        Self((0..count).map(|_| OnceLock::new()).collect())
    }
}

impl Library {
    fn file(&self, at: usize) -> Option<&File> {
        let (mut within, mut found) = (at, None);
        for (sort, count) in Sort::ALL {
            if within < count {
                found = Some(sort);
                break;
            }
            within -= count;
        }
        let sort = found?;
        Some(self.0[at].get_or_init(|| {
            let bytes = sort.make(within);
            let md5 = hex::encode(Md5::digest(&bytes));
            File { bytes, md5 }
        }))
    }

    /// The fields all files have, and which one it is.
    fn pick(&self, sort: Sort, index: u64, size: &str, rng: &mut Rng) -> (Value, usize) {
        let within = rng.below(sort.count());
        let at = sort.first() + within;
        let (bytes, md5) = self
            .file(at)
            .map_or((0, ""), |f| (f.bytes.len(), f.md5.as_str()));
        let fileid = BASE64.encode(format!("SIMULATOR-MEDIA:{at}:{index}"));
        (
            json!({ "md5sum": md5, size: bytes, "sdkfileid": fileid }),
            within,
        )
    }

    pub fn picture(&self, index: u64, rng: &mut Rng) -> Value {
        self.pick(Sort::Picture, index, "filesize", rng).0
    }

    pub fn sticker(&self, index: u64, rng: &mut Rng) -> Value {
        let (mut sticker, within) = self.pick(Sort::Sticker, index, "imagesize", rng);
        let is_gif = within.is_multiple_of(2);
        let side = if is_gif { 32 } else { 60 };
        sticker["type"] = json!(if is_gif { 1 } else { 2 });
        sticker["width"] = json!(side);
        sticker["height"] = json!(side);
        sticker
    }

    pub fn voice(&self, index: u64, rng: &mut Rng) -> Value {
        let (mut voice, within) = self.pick(Sort::Voice, index, "voice_size", rng);
        voice["play_length"] = json!(seconds(within));
        voice
    }

    pub fn video(&self, index: u64, rng: &mut Rng) -> Value {
        let (mut video, within) = self.pick(Sort::Video, index, "filesize", rng);
        video["play_length"] = json!(6 + 11 * within);
        video
    }

    pub fn recording(&self, index: u64, rng: &mut Rng) -> Value {
        let (recording, _) = self.pick(Sort::Recording, index, "filesize", rng);
        json!({ "sdkfileid": recording["sdkfileid"] })
    }

    pub fn document(&self, sort: Sort, name: &str, index: u64, rng: &mut Rng) -> Value {
        let (mut document, _) = self.pick(sort, index, "filesize", rng);
        document["filename"] = json!(name);
        document
    }

    /// The content behind an sdkfileid, and the number of the message it came with.
    pub fn open(&self, fileid: &str) -> Option<(&[u8], u64)> {
        let text = String::from_utf8(BASE64.decode(fileid).ok()?).ok()?;
        let (at, index) = text.strip_prefix("SIMULATOR-MEDIA:")?.split_once(':')?;
        let file = self.file(at.parse().ok()?)?;
        Some((&file.bytes, index.parse().ok()?))
    }
}

/// A stretch of a file.
pub(super) struct Stretch<'a> {
    pub bytes: &'a [u8],
    /// Asks for the next one; empty at the end.
    pub next: String,
}

/// The stretch that `index` asks for; `None` if it makes no sense.
pub(super) fn stretch<'a>(bytes: &'a [u8], index: &str) -> Option<Stretch<'a>> {
    let from = match index {
        "" => 0,
        index => {
            let (from, _) = index.strip_prefix("Range:bytes=")?.split_once('-')?;
            from.parse().ok().filter(|from| *from < bytes.len())?
        }
    };
    let to = bytes.len().min(from + STRETCH_BYTES);
    let next = match to < bytes.len() {
        true => format!(
            "Range:bytes={to}-{}",
            bytes.len().min(to + STRETCH_BYTES) - 1
        ),
        false => String::new(),
    };
    Some(Stretch {
        bytes: &bytes[from..to],
        next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_what_it_says() {
        let library = Library::default();
        let begins: [(Sort, &[&[u8]]); 7] = [
            (Sort::Picture, &[b"\xff\xd8\xff", b"\x89PNG"]),
            (Sort::Sticker, &[b"GIF89a", b"\x89PNG"]),
            (Sort::Voice, &[b"#!AMR\n"]),
            (Sort::Video, &[b"\0\0\0\x18ftyp"]),
            (Sort::Recording, &[b"#!AMR\n"]),
            (Sort::Pdf, &[b"%PDF-1.4"]),
            (Sort::Sheet, &[b"PK\x03\x04"]),
        ];
        for (sort, starts) in begins {
            for within in 0..sort.count() {
                let file = library.file(sort.first() + within).unwrap();
                assert!(starts.iter().any(|s| file.bytes.starts_with(s)), "{sort:?}");
                assert_eq!(file.bytes, sort.make(within), "{sort:?}");
            }
        }
        assert!(library.file(library.0.len()).is_none());
    }

    #[test]
    fn pictures_have_the_size_they_say() {
        use crate::wecom::sim::media::picture_size;
        assert_eq!(picture_size(&picture::png(160, 120, 1)), Some((160, 120)));
        assert_eq!(picture_size(&picture::jpeg(1)), Some((128, 96)));
    }

    #[test]
    fn stretches_put_together_are_the_file() {
        let file: Vec<u8> = (0..1_300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (mut all, mut index, mut count) = (Vec::new(), String::new(), 0);
        loop {
            let stretch = stretch(&file, &index).unwrap();
            all.extend_from_slice(stretch.bytes);
            count += 1;
            if stretch.next.is_empty() {
                break;
            }
            index = stretch.next;
        }
        assert!(all == file);
        assert_eq!((count, index.as_str()), (3, "Range:bytes=1048576-1299999"));
        assert!(stretch(&file, "Range:bytes=1300000-1").is_none());
        assert!(stretch(&file, "x").is_none());
    }
}
