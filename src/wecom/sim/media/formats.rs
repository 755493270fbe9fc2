//! What can be seen of a file from its bytes.

/// Pixels of a picture, or `None` if it is neither JPG nor PNG.
pub fn picture(bytes: &[u8]) -> Option<(u32, u32)> {
    png(bytes).or_else(|| jpg(bytes))
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    // The length and name of the first chunk come before its size.
    Some((u32_at(rest, 8)?, u32_at(rest, 12)?))
}

fn jpg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    while let [0xff, marker, tail @ ..] = rest {
        if *marker == 0xff {
            rest = &rest[1..];
            continue;
        }
        let length = usize::from(u16_at(tail, 0)?);
        // The frame headers, without those that only look like them (DHT, JPG, DAC).
        if (0xc0..=0xcf).contains(marker) && ![0xc4, 0xc8, 0xcc].contains(marker) {
            return Some((u16_at(tail, 5)?.into(), u16_at(tail, 3)?.into()));
        }
        rest = tail.get(length..)?;
    }
    None
}

/// Milliseconds of an AMR voice, or `None` if it is none.
pub fn amr_ms(bytes: &[u8]) -> Option<usize> {
    const SIZES: [usize; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1];
    let mut rest = bytes.strip_prefix(b"#!AMR\n")?;
    let mut frames = 0;
    while let Some(first) = rest.first() {
        let size = SIZES[usize::from(first >> 3 & 0x0f)];
        rest = rest.get(size..).unwrap_or_default();
        frames += 1;
    }
    Some(frames * 20)
}

/// Whether it is an MP4 video.
pub fn is_mp4(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp")
}

/// Seconds of an MP4 video, if it says so.
pub fn mp4_s(bytes: &[u8]) -> Option<u64> {
    let at = bytes.windows(4).position(|w| w == b"mvhd")? + 4;
    let header = bytes.get(at..)?;
    let (scale, duration) = match header.first()? {
        0 => (u32_at(header, 12)?, u64::from(u32_at(header, 16)?)),
        _ => {
            let high = u64::from(u32_at(header, 24)?);
            (
                u32_at(header, 20)?,
                high << 32 | u64::from(u32_at(header, 28)?),
            )
        }
    };
    duration.checked_div(scale.into())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([two[0], two[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lengths_are_read_from_the_bytes() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend([0, 0, 0x2a, 0x30, 0, 0, 4, 0x38]);
        assert_eq!(picture(&png), Some((10_800, 1080)));
        let jpg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\x01\x00\x02\x00\x03";
        assert_eq!(picture(jpg), Some((512, 256)));
        assert_eq!(picture(b"GIF89a"), None);
        let mut amr = b"#!AMR\n".to_vec();
        for _ in 0..50 {
            amr.push(0x3c);
            amr.extend([0; 31]);
        }
        assert_eq!((amr_ms(&amr), amr_ms(b"RIFF")), (Some(1000), None));
        let mut mp4 = b"\0\0\0\x18ftypmp42....mvhd".to_vec();
        mp4.extend([0; 12]);
        mp4.extend([0, 0, 3, 0xe8, 0, 0, 0x79, 0x18]);
        assert!(is_mp4(&mp4));
        assert_eq!(mp4_s(&mp4), Some(31));
    }
}
