//! Pictures, encoded by hand: patches of colour.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};

use crate::wecom::sim::firm::Rng;

const PICTURE: u64 = 70;

/// A PNG of this size (ISO/IEC 15948).
pub(super) fn png(width: u32, height: u32, number: u64) -> Vec<u8> {
    let mut rng = Rng::of(PICTURE, 0, number);
    let [a, b, c] = [0; 3].map(|_: u8| rng.bits().to_le_bytes()[0]);
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0);
        for x in 0..width {
            let shade = u8::try_from((x * 3 + y * 2) / 5 % 160).unwrap_or(0);
            let stripe = if (x / 20 + y / 20).is_multiple_of(2) {
                40
            } else {
                0
            };
            rows.extend([a, b, c].map(|part: u8| (part / 2).saturating_add(shade / 2 + stripe)));
        }
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = packed.write_all(&rows);
    let packed = packed.finish().unwrap_or_default();
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Eight bits, red green blue, nothing special.
    head.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", head), (b"IDAT", packed), (b"IEND", Vec::new())] {
        let length = u32::try_from(data.len()).unwrap_or(0);
        png.extend_from_slice(&length.to_be_bytes());
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(&data);
        png.extend_from_slice(name);
        png.extend_from_slice(&data);
        png.extend_from_slice(&crc.sum().to_be_bytes());
    }
    png
}

/// A grey JPEG of 128 × 96 (ITU-T T.81): each block of 8 × 8 one shade, so that of the whole
/// transform only the mean value is left.
pub(super) fn jpeg(number: u64) -> Vec<u8> {
    let mut rng = Rng::of(PICTURE, 1, number);
    let mut out: Vec<u8> = vec![0xff, 0xd8];
    out.extend_from_slice(b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    // One table of quantization, all ones but for the mean: eight is one shade.
    out.extend_from_slice(&[0xff, 0xdb, 0, 67, 0, 8]);
    out.extend_from_slice(&[1; 63]);
    // Eight bits, 96 lines of 128, one part.
    out.extend_from_slice(&[0xff, 0xc0, 0, 11, 8, 0, 96, 0, 128, 1, 1, 0x11, 0]);
    // Means: twelve sizes, codes of four bits each. Details: nothing but their end.
    out.extend_from_slice(&[
        0xff, 0xc4, 0, 31, 0x00, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    out.extend_from_slice(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    out.extend_from_slice(&[
        0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    out.extend_from_slice(&[0xff, 0xda, 0, 8, 1, 1, 0x00, 0, 63, 0]);
    let (mut bits, mut last) = (Bits::default(), 0_i32);
    let lean = i32::try_from(rng.below(12)).unwrap_or(0) - 6;
    for block in 0..192 {
        let (x, y) = (block % 16, block / 16);
        let noise = i32::try_from(rng.below(28)).unwrap_or(0);
        let mean = (lean * x + 9 * y - 60 + noise).clamp(-120, 120);
        let step = mean - last;
        last = mean;
        let size = 32 - step.unsigned_abs().leading_zeros();
        bits.push(size, 4);
        // Negative steps as one's complement.
        let low = if step < 0 { step - 1 } else { step };
        bits.push(low.cast_unsigned() & ((1 << size) - 1), size);
        bits.push(0, 1);
    }
    out.extend(bits.finish());
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Bits of a JPEG scan: after every 0xff comes a zero.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.open = (self.open << 1) | ((value >> at) & 1);
            self.count += 1;
            if self.count == 8 {
                let byte = self.open.to_le_bytes()[0];
                self.bytes.push(byte);
                if byte == 0xff {
                    self.bytes.push(0);
                }
                (self.open, self.count) = (0, 0);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count != 0 {
            self.push(1, 1);
        }
        self.bytes
    }
}

/// A GIF of 32 × 32 with two colours that blink: every pixel on its own, cleared so often that
/// the codes never grow.
pub(super) fn gif(number: u64) -> Vec<u8> {
    let mut rng = Rng::of(PICTURE, 2, number);
    let mut gif = b"GIF89a\x20\0\x20\0\x80\0\0".to_vec();
    gif.extend_from_slice(&rng.bits().to_le_bytes()[..3]);
    gif.extend_from_slice(&[250, 240, 200]);
    gif.extend_from_slice(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
    for frame in 0..2_usize {
        gif.extend_from_slice(&[0x21, 0xf9, 4, 0, 40, 0, 0, 0]);
        gif.extend_from_slice(&[0x2c, 0, 0, 0, 0, 32, 0, 32, 0, 0, 2]);
        // Codes of three bits: two colours, 4 clears, 5 ends; after two pixels the next code
        // would be longer, so clear.
        let (mut data, mut open, mut count) = (Vec::new(), 0_u32, 0);
        let mut push = |code: u32| {
            open |= code << count;
            count += 3;
            while count >= 8 {
                data.push(open.to_le_bytes()[0]);
                open >>= 8;
                count -= 8;
            }
        };
        for pixel in 0..1024_usize {
            if pixel.is_multiple_of(2) {
                push(4);
            }
            let (x, y) = (pixel % 32, pixel / 32);
            let is_round = (x.abs_diff(16)).pow(2) + (y.abs_diff(16)).pow(2) < 120 + frame * 60;
            push(u32::from(is_round));
        }
        for code in [5, 0, 0, 0] {
            push(code);
        }
        for piece in data.chunks(255) {
            gif.push(u8::try_from(piece.len()).unwrap_or(0));
            gif.extend_from_slice(piece);
        }
        gif.push(0);
    }
    gif.push(0x3b);
    gif
}
