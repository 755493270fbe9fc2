//! Pictures from outside: read within bounds, and made small.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Transformations};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::Colour;

/// How large a file and what is in it may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes_max: usize,
    /// Pixels of a side.
    pub side_max: u32,
}

/// A logo's bounds.
pub const LOGO_LIMITS: Limits = Limits {
    bytes_max: 2 << 20,
    side_max: 2048,
};

/// The bounds of a picture behind a poster.
pub const GROUND_LIMITS: Limits = Limits {
    bytes_max: 5 << 20,
    side_max: 5000,
};

/// A kept logo's longest side, in pixels.
const KEPT_SIDE: usize = 256;
/// The longest side of a kept ground: A5 at 200 dots to the inch, A4 at 150.
const GROUND_SIDE: usize = 1754;
/// Quality of a kept ground, of 100.
const GROUND_QUALITY: u8 = 82;

/// Why a file is not a picture that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFault {
    /// Neither PNG nor JPEG.
    Kind,
    /// The file is too large.
    Bytes,
    /// The picture has too many pixels: how many, width and height.
    Sides(u32, u32),
    /// It begins like a picture and is none.
    Damaged,
}

/// A picture in memory: red, green, blue and how much it covers, a byte each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgba: Vec<[u8; 4]>,
}

impl Picture {
    /// Reads a PNG or a JPEG. Its size is judged by its head, before anything is made room for.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, PictureFault> {
        if bytes.len() > limits.bytes_max {
            return Err(PictureFault::Bytes);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            read_png(bytes, limits)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            read_jpeg(bytes, limits)
        } else {
            Err(PictureFault::Kind)
        }
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Small enough to be kept with a code: at most 256 pixels, so at most 256 KiB and a little.
    pub fn kept(self) -> Self {
        if self.width.max(self.height) <= KEPT_SIDE {
            return self;
        }
        let (width, height) = self.fitted(KEPT_SIDE);
        self.scaled(width, height)
    }

    /// As a JPEG that a poster of A4 needs no more of, on white where it is transparent. `None` if
    /// it has a side that no JPEG has.
    pub fn ground_jpeg(self) -> Option<Vec<u8>> {
        let picture = if self.width.max(self.height) > GROUND_SIDE {
            let (width, height) = self.fitted(GROUND_SIDE);
            self.scaled(width, height)
        } else {
            self
        };
        let (width, height) = (
            u16::try_from(picture.width).ok()?,
            u16::try_from(picture.height).ok()?,
        );
        let pixels = picture.over(Colour::WHITE);
        let bytes: Vec<u8> = pixels.iter().flat_map(|colour| colour.0).collect();
        let mut out = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut out, GROUND_QUALITY);
        let encoded = encoder.encode(&bytes, width, height, jpeg_encoder::ColorType::Rgb);
        encoded.is_ok().then_some(out)
    }

    /// Width and height with which it fills a square as well as it can.
    pub(super) fn fitted(&self, side: usize) -> (usize, usize) {
        let longest = self.width.max(self.height).max(1);
        let fit = |length: usize| (length * side / longest).max(1);
        (fit(self.width), fit(self.height))
    }

    /// Width and height with which it fills a square of this side.
    pub(super) fn share_of(&self, side: f64) -> (f64, f64) {
        let length = |pixels: usize| u16::try_from(pixels).map_or(f64::from(u16::MAX), f64::from);
        let longest = length(self.width.max(self.height).max(1));
        let fit = |pixels: usize| side * length(pixels) / longest;
        (fit(self.width), fit(self.height))
    }

    /// The same picture with other sides: the mean of what falls into a pixel, or of the four
    /// around it where there are fewer than before.
    pub(super) fn scaled(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let columns = spans(self.width, width);
        let rows = spans(self.height, height);
        let mut rgba = Vec::with_capacity(width * height);
        for row in &rows {
            for column in &columns {
                rgba.push(self.mean(column, row));
            }
        }
        Self {
            width,
            height,
            rgba,
        }
    }

    /// The mean colour of a rectangle; what is transparent has no colour.
    fn mean(&self, columns: &[(usize, f32)], rows: &[(usize, f32)]) -> [u8; 4] {
        let (mut sum, mut cover, mut all) = ([0.0f32; 3], 0.0, 0.0);
        for &(y, tall) in rows {
            for &(x, wide) in columns {
                let [r, g, b, a] = self.rgba[y * self.width + x];
                let part = wide * tall;
                let thick = part * f32::from(a);
                all += part;
                cover += thick;
                for (sum, value) in sum.iter_mut().zip([r, g, b]) {
                    *sum += thick * f32::from(value);
                }
            }
        }
        if cover <= 0.0 || all <= 0.0 {
            return [0; 4];
        }
        let [r, g, b] = sum.map(|sum| byte(sum / cover));
        [r, g, b, byte(cover / all)]
    }

    /// Its colours on a ground.
    pub(super) fn over(&self, ground: Colour) -> Vec<Colour> {
        let pixels = self.rgba.iter();
        pixels
            .map(|&[r, g, b, a]| ground.under([r, g, b], a))
            .collect()
    }

    /// As a PNG.
    pub fn png(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut encoder = Encoder::new(&mut out, side(self.width), side(self.height));
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Balanced);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(self.rgba.as_flattened())?;
            writer.finish()
        });
        debug_assert!(written.is_ok(), "{written:?}");
        out
    }
}

/// For each of `to` pixels, the ones of `from` that make it and how much of each.
fn spans(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    let length = |pixels: usize| u16::try_from(pixels).map_or(f32::from(u16::MAX), f32::from);
    let step = length(from) / length(to);
    let last = from - 1;
    (0..to)
        .map(|n| {
            if step > 1.0 {
                let (start, end) = (length(n) * step, length(n + 1) * step);
                (floor(start)..=floor(end).min(last))
                    .map(|at| {
                        let part = end.min(length(at + 1)) - start.max(length(at));
                        (at, part.max(0.0))
                    })
                    .collect()
            } else {
                let place = ((length(n) + 0.5) * step - 0.5).max(0.0);
                let at = floor(place).min(last);
                let part = place - length(at);
                vec![(at, 1.0 - part), ((at + 1).min(last), part)]
            }
        })
        .collect()
}

/// Never negative here, and below 65,536.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn floor(value: f32) -> usize {
    value.max(0.0) as usize
}

/// Clamped before it is converted.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

fn check_sides(width: u32, height: u32, limits: Limits) -> Result<(), PictureFault> {
    let fits = |side: u32| (1..=limits.side_max).contains(&side);
    if fits(width) && fits(height) {
        Ok(())
    } else {
        Err(PictureFault::Sides(width, height))
    }
}

fn read_png(bytes: &[u8], limits: Limits) -> Result<Picture, PictureFault> {
    let damaged = |_| PictureFault::Damaged;
    let side = usize::try_from(limits.side_max).unwrap_or(usize::MAX);
    let room = png::Limits {
        // Rows and palette; what it makes is made room for here.
        bytes: side.saturating_mul(64).saturating_add(1 << 20),
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), room);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let head = decoder.read_header_info().map_err(damaged)?;
    check_sides(head.width, head.height, limits)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let size = reader.output_buffer_size().ok_or(PictureFault::Damaged)?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(damaged)?;
    let seen = &buffer[..frame.buffer_size()];
    let rgba = match frame.color_type {
        ColorType::Rgba => seen.as_chunks().0.to_vec(),
        ColorType::Rgb => of_chunks(seen, |[r, g, b]| [r, g, b, 255]),
        ColorType::GrayscaleAlpha => of_chunks(seen, |[grey, a]| [grey, grey, grey, a]),
        ColorType::Grayscale => of_chunks(seen, |[grey]| [grey, grey, grey, 255]),
        ColorType::Indexed => return Err(PictureFault::Damaged),
    };
    whole(frame.width, frame.height, rgba)
}

fn read_jpeg(bytes: &[u8], limits: Limits) -> Result<Picture, PictureFault> {
    // Its head is judged below; no honest file has more passes over the picture.
    let options = DecoderOptions::new_safe()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(64)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|_| PictureFault::Damaged)?;
    let head = decoder.info().ok_or(PictureFault::Damaged)?;
    let (width, height) = (u32::from(head.width), u32::from(head.height));
    check_sides(width, height, limits)?;
    let pixels = decoder.decode().map_err(|_| PictureFault::Damaged)?;
    let rgba = of_chunks(&pixels, |[r, g, b]| [r, g, b, 255]);
    whole(width, height, rgba)
}

fn of_chunks<const N: usize>(bytes: &[u8], pixel: impl Fn([u8; N]) -> [u8; 4]) -> Vec<[u8; 4]> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().map(|chunk| pixel(*chunk)).collect()
}

fn whole(width: u32, height: u32, rgba: Vec<[u8; 4]>) -> Result<Picture, PictureFault> {
    let side = |length: u32| usize::try_from(length).map_err(|_| PictureFault::Damaged);
    let (width, height) = (side(width)?, side(height)?);
    if rgba.len() != width * height {
        return Err(PictureFault::Damaged);
    }
    Ok(Picture {
        width,
        height,
        rgba,
    })
}

#[cfg(test)]
mod tests;
