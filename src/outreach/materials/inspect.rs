//! What somebody uploads, judged by its content and not by its name.
//!
//! Limits as WeCom has them (documentation, 上传临时素材 and 上传图片): a file that it would
//! refuse (40004, 40006, 40009, 45001) is refused here, while the person is still at the form.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::{
    error::{AppError, Invalid, Problem, Result},
    kit::{limits::at_most_bytes, picture},
};

use super::model::{Kind, Measure, Stored};

/// Bytes of a picture.
pub(super) const IMAGE_BYTES_MAX: u64 = 10 << 20;
/// Bytes of a link's cover (`media/uploadimg`).
pub(super) const COVER_BYTES_MAX: u64 = 2 << 20;
/// Bytes of a video.
pub(super) const VIDEO_BYTES_MAX: u64 = 10 << 20;
/// Bytes of any other file.
pub(super) const FILE_BYTES_MAX: u64 = 20 << 20;
/// WeCom takes nothing smaller: a file has more than 5 bytes.
const BYTES_MIN: u64 = 6;
/// Longest side of a picture, in pixels: nobody's screen needs more, and a small file may
/// unfold to any size.
const SIDE_MAX: u32 = 10_800;
/// Bytes of a file's name.
const NAME_BYTES_MAX: usize = 120;

/// A file that has arrived.
pub(super) struct Arrived<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// What it was called.
    pub name: &'a str,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
}

/// The file as an asset of this kind has it: as its content, or as the picture of its card.
/// Problems are at the field `file`. Waits for the disk.
pub(super) fn inspect(kind: Kind, arrived: &Arrived<'_>) -> Result<Stored> {
    let mut file = File::open(arrived.path).map_err(AppError::internal)?;
    let bytes = file.metadata().map_err(AppError::internal)?.len();
    let max = match kind {
        Kind::Text | Kind::Image | Kind::MiniProgram => IMAGE_BYTES_MAX,
        Kind::Link => COVER_BYTES_MAX,
        Kind::Video => VIDEO_BYTES_MAX,
        Kind::File => FILE_BYTES_MAX,
    };
    if bytes < BYTES_MIN {
        return Err(AppError::field("file", "assets.file_empty"));
    }
    if bytes > max {
        return Err(AppError::Invalid(too_large(bytes, max)));
    }
    let (media_type, ending, measure) = match kind {
        Kind::File => ("application/octet-stream", None, None),
        Kind::Video => {
            let found = mp4(&mut file, bytes).map_err(AppError::internal)?;
            let video = found.ok_or_else(|| AppError::field("file", "assets.not_mp4"))?;
            ("video/mp4", Some("mp4"), video.ms.map(Measure::Ms))
        }
        _ => {
            let mut content = Vec::new();
            file.read_to_end(&mut content).map_err(AppError::internal)?;
            let found = picture::look(&content);
            let found = found.ok_or_else(|| AppError::field("file", "assets.not_picture"))?;
            if found.width > SIDE_MAX || found.height > SIDE_MAX {
                return Err(AppError::field("file", "assets.picture_size"));
            }
            let is_png = found.media_type == "image/png";
            let ending = if is_png { "png" } else { "jpg" };
            let pixels = Measure::Pixels(found.width, found.height);
            (found.media_type, Some(ending), Some(pixels))
        }
    };
    Ok(Stored {
        sha256: arrived.sha256,
        bytes,
        name: clean_name(arrived.name, ending),
        media_type: media_type.to_owned(),
        measure,
    })
}

fn too_large(bytes: u64, max: u64) -> Invalid {
    Invalid {
        problems: vec![Problem {
            field: "file",
            code: "assets.file_large",
            args: vec![
                ("max", format!("{} MB", max >> 20)),
                ("has", format!("{:.1} MB", mb(bytes))),
            ],
        }],
    }
}

/// Megabytes, for people.
fn mb(bytes: u64) -> f64 {
    let tenths = u32::try_from(bytes.div_ceil(104_858)).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

/// What an MP4 file says of itself.
struct Mp4 {
    /// How long it plays, milliseconds; none if it does not say.
    ms: Option<u64>,
}

/// Reads an MP4 file: boxes that fill it to its last byte, `ftyp` first, `moov` among them
/// (ISO/IEC 14496-12, 4.2 and 4.3). None if it is no such file.
fn mp4(file: &mut File, length: u64) -> io::Result<Option<Mp4>> {
    const BOXES_MAX: usize = 10_000;
    let (mut at, mut moov) = (0, None);
    for n in 0..BOXES_MAX {
        if at == length {
            let Some((from, to)) = moov else {
                return Ok(None);
            };
            let ms = duration_ms(file, from, to)?;
            return Ok(Some(Mp4 { ms }));
        }
        let Some(found) = next_box(file, at, length)? else {
            return Ok(None);
        };
        if n == 0 && &found.kind != b"ftyp" {
            return Ok(None);
        }
        if &found.kind == b"moov" {
            moov = moov.or(Some((at + found.head, at + found.size)));
        }
        at += found.size;
    }
    Ok(None)
}

/// How long a video plays by the header among the boxes between these places
/// (ISO/IEC 14496-12, 8.2.2).
fn duration_ms(file: &mut File, from: u64, to: u64) -> io::Result<Option<u64>> {
    const BOXES_MAX: usize = 100;
    let mut at = from;
    for _ in 0..BOXES_MAX {
        let Some(found) = next_box(file, at, to)? else {
            return Ok(None);
        };
        if &found.kind != b"mvhd" {
            at += found.size;
            continue;
        }
        let mut header = Vec::new();
        file.seek(SeekFrom::Start(at + found.head))?;
        let room = found.size - found.head;
        file.take(room.min(32)).read_to_end(&mut header)?;
        return Ok(played_ms(&header));
    }
    Ok(None)
}

/// Milliseconds by a movie header; none if it is cut off, or its clock stands still.
fn played_ms(header: &[u8]) -> Option<u64> {
    let u32_at = |at: usize| {
        let four = header.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*four))
    };
    let (scale, ticks) = match header.first()? {
        0 => (u32_at(12)?, u64::from(u32_at(16)?)),
        _ => {
            let high = u64::from(u32_at(24)?);
            (u32_at(20)?, high << 32 | u64::from(u32_at(28)?))
        }
    };
    ticks.saturating_mul(1_000).checked_div(u64::from(scale))
}

/// A box of an MP4 file.
struct Found {
    kind: [u8; 4],
    /// Bytes before its content.
    head: u64,
    /// Bytes in all.
    size: u64,
}

/// The box that begins here; none if it does not fit before `end`.
fn next_box(file: &mut File, at: u64, end: u64) -> io::Result<Option<Found>> {
    let rest = end - at;
    if rest < 8 {
        return Ok(None);
    }
    let mut start = [0; 8];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut start)?;
    let [s0, s1, s2, s3, k0, k1, k2, k3] = start;
    let (head, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
        0 => (8, rest),
        1 if rest < 16 => return Ok(None),
        1 => {
            let mut large = [0; 8];
            file.read_exact(&mut large)?;
            (16, u64::from_be_bytes(large))
        }
        size => (8, u64::from(size)),
    };
    let kind = [k0, k1, k2, k3];
    let fits = (head..=rest).contains(&size);
    Ok(fits.then_some(Found { kind, head, size }))
}

/// A name that is a name and nothing else: no folders, nothing invisible or that turns the
/// text around, nothing that a system reads as more; with the ending that the content has.
fn clean_name(name: &str, ending: Option<&str>) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let is_plain = |c: &char| {
        !c.is_control()
            && !"<>:\"|?*".contains(*c)
            && !matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plain: String = last.chars().filter(is_plain).collect();
    let plain = plain.trim().trim_matches('.').trim();
    let (stem, own) = match plain.rsplit_once('.') {
        Some((stem, own)) if !stem.is_empty() && own.len() <= 10 => (stem, Some(own)),
        _ => (plain, None),
    };
    let is_own = |wanted: &str| {
        own.is_some_and(|own| {
            let own = own.to_ascii_lowercase();
            own == wanted || (wanted == "jpg" && own == "jpeg")
        })
    };
    let ending = match ending {
        Some(wanted) if is_own(wanted) => own,
        Some(wanted) => Some(wanted),
        None => own,
    };
    let room = NAME_BYTES_MAX - ending.map_or(0, |ending| ending.len() + 1);
    let stem = match stem.is_empty() {
        true => "file",
        false => at_most_bytes(stem, room),
    };
    match ending {
        Some(ending) => format!("{stem}.{ending}"),
        None => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::picture::tests::{jpeg, png};

    fn judged(kind: Kind, name: &str, content: &[u8]) -> Result<Stored, &'static str> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let arrived = Arrived {
            path: file.path(),
            name,
            sha256: [7; 32],
        };
        inspect(kind, &arrived).map_err(|error| match error {
            AppError::Invalid(invalid) => {
                assert_eq!(invalid.problems[0].field, "file");
                invalid.problems[0].code
            }
            other => panic!("{other}"),
        })
    }

    fn mp4(boxes: &[(&[u8; 4], usize)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, size) in boxes {
            out.extend(u32::try_from(size + 8).unwrap().to_be_bytes());
            out.extend(*kind);
            out.extend(vec![0; *size]);
        }
        out
    }

    #[test]
    fn content_decides_what_a_file_is() {
        let stored = judged(Kind::Image, "tea.PNG", &png(8, 8)).unwrap();
        assert_eq!(
            (&*stored.name, &*stored.media_type),
            ("tea.PNG", "image/png")
        );
        // A JPEG that calls itself a PNG is a JPEG.
        let stored = judged(Kind::Image, "tea.png", &jpeg(8)).unwrap();
        assert_eq!(
            (&*stored.name, &*stored.media_type),
            ("tea.jpg", "image/jpeg")
        );
        for html in [&b"<html><script>alert(1)</script>"[..], b"GIF89a......"] {
            assert_eq!(
                judged(Kind::Image, "a.png", html),
                Err("assets.not_picture")
            );
            assert_eq!(judged(Kind::Link, "a.png", html), Err("assets.not_picture"));
            assert_eq!(judged(Kind::Video, "a.mp4", html), Err("assets.not_mp4"));
        }
        let hidden = [png(8, 8), b"<script>".to_vec()].concat();
        assert_eq!(
            judged(Kind::Image, "a.png", &hidden),
            Err("assets.not_picture")
        );
        assert_eq!(
            judged(Kind::Image, "a.png", &png(20_000, 1)),
            Err("assets.picture_size")
        );
    }

    #[test]
    fn a_video_is_boxes_from_its_first_byte_to_its_last() {
        let good = mp4(&[(b"ftyp", 16), (b"free", 0), (b"mdat", 100), (b"moov", 40)]);
        assert_eq!(judged(Kind::Video, "v", &good).unwrap().name, "v.mp4");
        for bad in [
            mp4(&[(b"ftyp", 16), (b"mdat", 100)]),
            mp4(&[(b"moov", 16), (b"ftyp", 100)]),
            [&good[..], b"<script>"].concat(),
            good[..good.len() - 1].to_vec(),
        ] {
            assert_eq!(judged(Kind::Video, "v.mp4", &bad), Err("assets.not_mp4"));
        }
    }

    #[test]
    fn a_picture_has_pixels_and_a_video_a_length() {
        let picture = judged(Kind::Image, "a", &png(8, 9)).unwrap();
        assert_eq!(picture.measure, Some(Measure::Pixels(8, 9)));
        let mut header = vec![0; 100];
        header[12..20].copy_from_slice(&[0, 0, 3, 0xe8, 0, 0, 0x79, 0x18]);
        let video = |header: &[u8]| {
            let mut file = mp4(&[(b"ftyp", 16), (b"moov", header.len() + 16)]);
            let at = file.len() - header.len() - 8;
            file[at - 8..at].copy_from_slice(b"\0\0\0\x08free");
            let size = u32::try_from(header.len() + 8).unwrap();
            file[at..at + 4].copy_from_slice(&size.to_be_bytes());
            file[at + 4..at + 8].copy_from_slice(b"mvhd");
            file[at + 8..].copy_from_slice(header);
            judged(Kind::Video, "v", &file).unwrap().measure
        };
        assert_eq!(video(&header), Some(Measure::Ms(31_000)));
        let mut long = vec![1; 112];
        long[20..32].copy_from_slice(&[0, 0, 2, 0x58, 0, 0, 0, 0, 0, 0, 0x46, 0x50]);
        assert_eq!(video(&long), Some(Measure::Ms(30_000)));
        // Cut off, or with a clock that stands still, it is a video all the same.
        assert_eq!(video(&header[..15]), None);
        assert_eq!(video(&[0; 100]), None);
    }

    #[test]
    fn nothing_empty_and_nothing_that_wecom_would_not_take() {
        for kind in Kind::ALL {
            assert_eq!(judged(kind, "a", b""), Err("assets.file_empty"));
            assert_eq!(judged(kind, "a", b"12345"), Err("assets.file_empty"));
        }
        let large = |kind, bytes: u64| {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().set_len(bytes).unwrap();
            let arrived = Arrived {
                path: file.path(),
                name: "a",
                sha256: [0; 32],
            };
            match inspect(kind, &arrived) {
                Err(AppError::Invalid(invalid)) => invalid.problems[0].code,
                Err(other) => panic!("{other}"),
                Ok(_) => "taken",
            }
        };
        assert_eq!(large(Kind::File, FILE_BYTES_MAX), "taken");
        assert_eq!(large(Kind::File, FILE_BYTES_MAX + 1), "assets.file_large");
        assert_eq!(large(Kind::Image, IMAGE_BYTES_MAX + 1), "assets.file_large");
        assert_eq!(large(Kind::Link, COVER_BYTES_MAX + 1), "assets.file_large");
        assert_eq!(large(Kind::Video, VIDEO_BYTES_MAX + 1), "assets.file_large");
    }

    #[test]
    fn a_name_is_only_a_name() {
        let clean = |name: &str| clean_name(name, None);
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean("C:\\Users\\a\\报价.xlsx"), "报价.xlsx");
        assert_eq!(clean("报价\u{202e}xslx.exe"), "报价xslx.exe");
        assert_eq!(clean("a\r\nContent-Type: x\".pdf"), "aContent-Type x.pdf");
        assert_eq!(clean("..."), "file");
        assert_eq!(clean(""), "file");
        assert_eq!(clean(".bashrc"), "bashrc");
        let long = clean(&format!("{}.pdf", "茶".repeat(200)));
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with("茶.pdf"));
        assert_eq!(clean_name("x.html", Some("png")), "x.png");
        assert_eq!(clean_name("x.JPEG", Some("jpg")), "x.JPEG");
    }
}
