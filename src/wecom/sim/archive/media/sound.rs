//! Voices and videos.

use crate::wecom::sim::firm::Rng;

/// Frames of an AMR voice in a second (RFC 4867).
const FRAMES: u64 = 50;

/// So many seconds of silence as AMR.
pub(super) fn amr(seconds: u64) -> Vec<u8> {
    let mut amr = b"#!AMR\n".to_vec();
    // Frames of 4.75 kbit/s, good quality; their thirteen bytes are silence.
    let frame = [
        0x04, 0xf8, 0x5f, 0xd8, 0x73, 0xe7, 0x7e, 0xa4, 0xe0, 0x1c, 0x88, 0x10, 0x00,
    ];
    for _ in 0..seconds * FRAMES {
        amr.extend_from_slice(&frame);
    }
    amr
}

/// Boxes of an MP4 (ISO/IEC 14496-12) of about this size: a film without tracks.
pub(super) fn mp4(bytes: usize, number: u64) -> Vec<u8> {
    let mut rng = Rng::of(71, 0, number);
    let mut film = Vec::with_capacity(bytes + 256);
    push_box(&mut film, b"ftyp", b"isom\0\0\x02\0isommp41");
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        noise.extend_from_slice(&rng.bits().to_le_bytes());
    }
    push_box(&mut film, b"mdat", &noise);
    let mut head = vec![0; 100];
    // A thousand units a second, six seconds, normal speed and volume, one track to come.
    head[14..16].copy_from_slice(&1000_u16.to_be_bytes());
    head[18..20].copy_from_slice(&6000_u16.to_be_bytes());
    head[21] = 1;
    head[24] = 1;
    for at in [37, 53] {
        head[at] = 1;
    }
    head[68] = 0x40;
    head[99] = 1;
    let mut movie = Vec::new();
    push_box(&mut movie, b"mvhd", &head);
    push_box(&mut film, b"moov", &movie);
    film
}

fn push_box(out: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(content);
}
