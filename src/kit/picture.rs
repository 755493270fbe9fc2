//! Pictures that are what they say they are: a PNG to its last byte, a JPEG up to its scan and
//! at its end.
//!
//! A PNG with something else behind it is none. Cameras put further pictures between a JPEG's
//! scan and its last mark, so that part is not looked at: whoever serves one must say its type,
//! and that it is not to be guessed.

use flate2::Crc;

/// A PNG or JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// `image/png` or `image/jpeg`.
    pub media_type: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

const PNG_HEAD: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The picture that these bytes are; `None` for everything else.
pub fn look(bytes: &[u8]) -> Option<Picture> {
    let (media_type, (width, height)) = match png_size(bytes) {
        Some(size) => ("image/png", size),
        None => ("image/jpeg", jpeg_size(bytes)?),
    };
    (width > 0 && height > 0).then_some(Picture {
        media_type,
        width,
        height,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// Width and height, if every chunk is whole and has its checksum, IHDR comes first, IEND last
/// and nothing behind it (PNG specification, third edition).
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(PNG_HEAD)?;
    let mut size = None;
    loop {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let covered = rest.get(4..length.checked_add(8)?)?;
        let mut crc = Crc::new();
        crc.update(covered);
        if u32_at(rest, length + 8)? != crc.sum() {
            return None;
        }
        let (kind, data) = covered.split_at(4);
        if size.is_none() {
            let head = (kind == b"IHDR").then_some(data)?;
            size = Some((u32_at(head, 0)?, u32_at(head, 4)?));
        }
        rest = rest.get(length + 12..)?;
        if kind == b"IEND" {
            return size.filter(|_| rest.is_empty());
        }
    }
}

/// Width and height, if there are segments up to the scan, a frame among them, and the end
/// mark is last (ITU-T T.81, annex B). What lies between scan and end mark is not looked at.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    let mut size = None;
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
                size = Some((side(3)?, side(1)?));
            }
            0xda => return size.filter(|_| rest.ends_with(b"\xff\xd9")),
            _ => {}
        }
        rest = rest.get(length + 2..)?;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
    }

    /// A PNG of this size.
    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
        let head = chunk(b"IHDR", &[&sides[..], &[8, 6, 0, 0, 0]].concat());
        [PNG_HEAD, &head, &chunk(b"IDAT", b"x"), &chunk(b"IEND", b"")].concat()
    }

    /// A JPEG of this width.
    pub(crate) fn jpeg(width: u16) -> Vec<u8> {
        let [high, low] = width.to_be_bytes();
        let frame = [0xff, 0xc0, 0, 11, 8, 0, 16, high, low, 1, 1, 0x11, 0];
        let scan = [0xff, 0xda, 0, 3, 1, 7, 7, 0xff, 0xd9];
        [&[0xff, 0xd8][..], &frame, &scan].concat()
    }

    #[test]
    fn pictures_are_told_from_what_only_begins_like_one() {
        let seen = |bytes: &[u8]| look(bytes).map(|p| (p.media_type, p.width, p.height));
        assert_eq!(seen(&png(64, 48)), Some(("image/png", 64, 48)));
        assert_eq!(seen(&jpeg(640)), Some(("image/jpeg", 640, 16)));
        assert_eq!(seen(&png(0, 64)), None);
        for script in [
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "GIF89a",
            "<script>",
        ] {
            assert_eq!(seen(script.as_bytes()), None, "{script}");
            assert_eq!(seen(&[png(64, 64), script.into()].concat()), None);
            assert_eq!(seen(&[jpeg(64), script.into()].concat()), None);
        }
        let mut damaged = png(64, 64);
        damaged[20] ^= 1;
        assert_eq!(seen(&damaged), None);
        assert_eq!(seen(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            look(&bytes);
            look(&[PNG_HEAD, &bytes].concat());
            look(&[&b"\xff\xd8"[..], &bytes].concat());
        }
    }
}
