//! The firm's logo: a picture of bounded size that is what it says it is, to its last byte.
//!
//! A file that is a picture in front and something else behind is refused, so what is served
//! here can be nothing but a picture.

use flate2::Crc;

/// Largest file, in bytes.
pub const LOGO_BYTES_MAX: usize = 256 * 1024;
/// Longest side, in pixels.
pub const LOGO_SIDE_MAX: u32 = 2048;

const PNG_HEAD: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The media type of a picture; `None` for everything else.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > LOGO_BYTES_MAX {
        return None;
    }
    if is_png(bytes) {
        Some("image/png")
    } else if is_jpeg(bytes) {
        Some("image/jpeg")
    } else {
        None
    }
}

fn fits(width: u32, height: u32) -> bool {
    (1..=LOGO_SIDE_MAX).contains(&width) && (1..=LOGO_SIDE_MAX).contains(&height)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// Every chunk whole and with its checksum, IHDR first, IEND last and nothing behind it
/// (PNG specification, third edition).
fn is_png(bytes: &[u8]) -> bool {
    png_chunks(bytes).is_some()
}

fn png_chunks(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.strip_prefix(PNG_HEAD)?;
    let mut is_first = true;
    loop {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let covered = rest.get(4..length.checked_add(8)?)?;
        let mut crc = Crc::new();
        crc.update(covered);
        if u32_at(rest, length + 8)? != crc.sum() {
            return None;
        }
        let (kind, data) = covered.split_at(4);
        if is_first && !(kind == b"IHDR" && fits(u32_at(data, 0)?, u32_at(data, 4)?)) {
            return None;
        }
        is_first = false;
        rest = rest.get(length + 12..)?;
        if kind == b"IEND" {
            return rest.is_empty().then_some(());
        }
    }
}

/// Segments up to the scan, a frame of bounded size among them, and the end mark last
/// (ITU-T T.81, annex B).
fn is_jpeg(bytes: &[u8]) -> bool {
    jpeg_segments(bytes).is_some()
}

fn jpeg_segments(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    let mut has_frame = false;
    loop {
        let (0xff, marker) = (*rest.first()?, *rest.get(1)?) else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?));
        let body = rest.get(4..length.checked_add(2)?)?;
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let side = |at: usize| {
                    let two = body.get(at..at + 2)?.try_into().ok()?;
                    Some(u32::from(u16::from_be_bytes(two)))
                };
                has_frame = fits(side(3)?, side(1)?);
            }
            0xda => {
                let end = rest.ends_with(b"\xff\xd9");
                return (has_frame && end).then_some(());
            }
            _ => {}
        }
        rest = rest.get(length + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
        let head = chunk(b"IHDR", &[&sides[..], &[8, 6, 0, 0, 0]].concat());
        [PNG_HEAD, &head, &chunk(b"IDAT", b"x"), &chunk(b"IEND", b"")].concat()
    }

    fn jpeg(width: u16) -> Vec<u8> {
        let [high, low] = width.to_be_bytes();
        let frame = [0xff, 0xc0, 0, 11, 8, 0, 16, high, low, 1, 1, 0x11, 0];
        let scan = [0xff, 0xda, 0, 3, 1, 7, 7, 0xff, 0xd9];
        [&[0xff, 0xd8][..], &frame, &scan].concat()
    }

    #[test]
    fn pictures_are_told_from_what_only_begins_like_one() {
        assert_eq!(media_type(&png(64, 64)), Some("image/png"));
        assert_eq!(media_type(&jpeg(64)), Some("image/jpeg"));
        assert_eq!(media_type(&png(0, 64)), None);
        assert_eq!(media_type(&png(64, LOGO_SIDE_MAX + 1)), None);
        assert_eq!(media_type(&jpeg(4000)), None);
        for script in [
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "GIF89a",
            "",
            "<script>",
        ] {
            assert_eq!(media_type(script.as_bytes()), None, "{script}");
            assert_eq!(
                media_type(&[png(64, 64), script.into()].concat()).is_some(),
                script.is_empty()
            );
        }
        let mut damaged = png(64, 64);
        damaged[20] ^= 1;
        assert_eq!(media_type(&damaged), None);
        assert_eq!(media_type(&vec![0; LOGO_BYTES_MAX + 1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..3usize) {
            let head: &[u8] = [&b""[..], PNG_HEAD, &[0xff, 0xd8]][kind];
            bytes.splice(0..0, head.iter().copied());
            media_type(&bytes);
        }
    }
}
