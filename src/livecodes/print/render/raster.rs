//! A code in pixels, and its PNG.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::{Art, Colour, QUIET_MODULES};

/// A code in pixels. Modules lie on whole pixels, so that no edge is grey.
#[derive(Debug)]
pub struct Raster {
    side: usize,
    ink: Colour,
    paper: Colour,
    /// For a row or column of pixels, that of modules; the spare pixels are quiet zone.
    module_of: Vec<usize>,
    width: usize,
    dark: Vec<bool>,
    inlay: Option<Inlay>,
}

/// A logo as it lies on the ground.
#[derive(Debug)]
struct Inlay {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Inlay {
    fn at(&self, x: usize, y: usize) -> Option<Colour> {
        let (x, y) = (x.checked_sub(self.left)?, y.checked_sub(self.top)?);
        (x < self.width && y < self.height).then(|| self.pixels[y * self.width + x])
    }

    fn covers_row(&self, y: usize) -> bool {
        (self.top..self.top + self.height).contains(&y)
    }
}

impl Raster {
    /// A code in a square of so many pixels. With fewer pixels than modules there is nothing to
    /// be read in it.
    pub(super) fn of(art: &Art, pixels: u32) -> Self {
        let side = usize::try_from(pixels).unwrap_or(usize::MAX);
        let width = art.symbol.width();
        let module = (side / width).max(1);
        let margin = side.saturating_sub(module * width) / 2;
        let module_of = (0..side)
            .map(|at| (at.saturating_sub(margin) / module).min(width - 1))
            .collect();
        let dark = (0..width * width).map(|n| art.symbol.is_dark(n % width, n / width));
        Self {
            side,
            ink: art.ink,
            paper: art.paper,
            module_of,
            width,
            dark: dark.collect(),
            inlay: Self::inlay(art, margin, module),
        }
    }

    fn inlay(art: &Art, margin: usize, module: usize) -> Option<Inlay> {
        let inlay = art.inlay.as_ref()?;
        let box_side = whole(inlay.modules * f64::from(u32::try_from(module).ok()?));
        let (width, height) = inlay.picture.fitted(box_side.max(1));
        let drawn = inlay.picture.scaled(width, height);
        let centre = margin + module * QUIET_MODULES + module * art.symbol.side() / 2;
        Some(Inlay {
            left: centre.saturating_sub(width / 2),
            top: centre.saturating_sub(height / 2),
            width,
            height,
            pixels: drawn.over(art.paper),
        })
    }

    /// Pixels of a side.
    pub fn side(&self) -> usize {
        self.side
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[self.module_of[y] * self.width + self.module_of[x]]
    }

    /// The colour of a pixel.
    pub fn pixel(&self, x: usize, y: usize) -> Colour {
        let inlay = self.inlay.as_ref().and_then(|inlay| inlay.at(x, y));
        inlay.unwrap_or_else(|| {
            if self.is_dark(x, y) {
                self.ink
            } else {
                self.paper
            }
        })
    }

    /// Its pixels in greys, row by row.
    pub(super) fn greys(&self) -> Vec<u8> {
        let (ink, paper) = (self.ink.grey(), self.paper.grey());
        self.rows(self.side, |y, row| {
            for (x, grey) in row.iter_mut().enumerate() {
                *grey = match self.inlay.as_ref().and_then(|inlay| inlay.at(x, y)) {
                    Some(colour) => colour.grey(),
                    None if self.is_dark(x, y) => ink,
                    None => paper,
                };
            }
        })
    }

    /// The PNG: one bit for each pixel, unless a logo has more colours.
    pub fn png(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let side = u32::try_from(self.side).unwrap_or(u32::MAX);
        let mut encoder = Encoder::new(&mut out, side, side);
        encoder.set_compression(Compression::Fast);
        // Within a module every row is the one above.
        encoder.set_filter(Filter::Up);
        let pixels = if self.inlay.is_some() {
            encoder.set_color(ColorType::Rgb);
            encoder.set_depth(BitDepth::Eight);
            self.colours()
        } else {
            encoder.set_color(ColorType::Indexed);
            encoder.set_depth(BitDepth::One);
            encoder.set_palette([self.paper.0, self.ink.0].concat());
            self.bits()
        };
        // Nothing fails that goes into memory and has the size it says.
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        });
        debug_assert!(written.is_ok(), "{written:?}");
        out
    }

    /// Rows of bits, dark is one.
    fn bits(&self) -> Vec<u8> {
        self.rows(self.side.div_ceil(8), |y, row| {
            for x in (0..self.side).filter(|x| self.is_dark(*x, y)) {
                row[x / 8] |= 0x80 >> (x % 8);
            }
        })
    }

    fn colours(&self) -> Vec<u8> {
        self.rows(self.side * 3, |y, row| {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                pixel.copy_from_slice(&self.pixel(x, y).0);
            }
        })
    }

    /// All rows one after another; one that is the same as the row above is not drawn again.
    fn rows(&self, bytes: usize, mut draw: impl FnMut(usize, &mut [u8])) -> Vec<u8> {
        let mut rows = vec![0; bytes * self.side];
        for y in 0..self.side {
            let is_repeated = y > 0
                && self.module_of[y] == self.module_of[y - 1]
                && !self
                    .inlay
                    .as_ref()
                    .is_some_and(|inlay| inlay.covers_row(y) || inlay.covers_row(y - 1));
            if is_repeated {
                rows.copy_within((y - 1) * bytes..y * bytes, y * bytes);
            } else {
                draw(y, &mut rows[y * bytes..(y + 1) * bytes]);
            }
        }
        rows
    }
}

/// A length in whole pixels; never negative and bounded by the picture's.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(length: f64) -> usize {
    length.clamp(0.0, 65_535.0).floor() as usize
}
