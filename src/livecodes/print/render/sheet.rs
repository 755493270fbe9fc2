//! What a code is printed on: real sizes, and where things lie.

use minicbor::{Decode, Encode};

use super::{PIXELS_MIN, PROOF_DPI, PROOF_PIXELS_MAX};

/// A size on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Size {
    /// A label of 20 mm.
    #[n(0)]
    Mm20,
    /// A label of 30 mm.
    #[n(1)]
    Mm30,
    /// A label of 50 mm.
    #[default]
    #[n(2)]
    Mm50,
    /// A label of 80 mm.
    #[n(3)]
    Mm80,
    /// A label of 120 mm.
    #[n(4)]
    Mm120,
    /// A sheet of 105 × 148 mm.
    #[n(5)]
    A6,
    /// A sheet of 148 × 210 mm.
    #[n(6)]
    A5,
    /// A sheet of 210 × 297 mm.
    #[n(7)]
    A4,
}

/// What stands below a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The code's name.
    pub name: String,
    /// What tells it from every other code, in Latin letters and digits.
    pub number: String,
}

/// A line of text, centred; lengths in mm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Its baseline, from the top.
    pub baseline: f64,
    /// Height of the letters' square.
    pub size: f64,
}

/// Where things lie; lengths in mm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    /// The code with its quiet zone.
    pub left: f64,
    pub top: f64,
    pub side: f64,
    pub name: Line,
    pub number: Line,
}

impl Size {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mm20,
        Self::Mm30,
        Self::Mm50,
        Self::Mm80,
        Self::Mm120,
        Self::A6,
        Self::A5,
        Self::A4,
    ];

    /// Stable code, also a part of file names.
    pub fn code(self) -> &'static str {
        match self {
            Self::Mm20 => "20mm",
            Self::Mm30 => "30mm",
            Self::Mm50 => "50mm",
            Self::Mm80 => "80mm",
            Self::Mm120 => "120mm",
            Self::A6 => "A6",
            Self::A5 => "A5",
            Self::A4 => "A4",
        }
    }

    /// The size of this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.code() == code)
    }

    /// Width and height of a sheet in mm; a label's height depends on what stands on it.
    fn paper(self) -> (f64, Option<f64>) {
        match self {
            Self::Mm20 => (20.0, None),
            Self::Mm30 => (30.0, None),
            Self::Mm50 => (50.0, None),
            Self::Mm80 => (80.0, None),
            Self::Mm120 => (120.0, None),
            Self::A6 => (105.0, Some(148.0)),
            Self::A5 => (148.0, Some(210.0)),
            Self::A4 => (210.0, Some(297.0)),
        }
    }

    /// Side of the code with its quiet zone, in mm.
    pub fn side_mm(self) -> f64 {
        match self.paper() {
            (width, None) => width,
            (width, Some(_)) => width * 0.8,
        }
    }

    /// Pixels at which a code of this size is read back.
    pub fn proof_pixels(self) -> u32 {
        pixels_of(self.side_mm())
    }

    /// Where things lie.
    pub(super) fn layout(self, has_caption: bool) -> Layout {
        let (width, sheet) = self.paper();
        let side = self.side_mm();
        // What is smaller than this cannot be read on paper.
        let name_size = (side * 0.065).max(2.0);
        let number_size = (side * 0.038).max(1.5);
        let top = sheet.map_or(0.0, |height| (height - side) * 0.4);
        // The quiet zone separates already.
        let name = Line {
            baseline: top + side + name_size * 0.7,
            size: name_size,
        };
        let number = Line {
            baseline: name.baseline + number_size * 1.6,
            size: number_size,
        };
        let height = sheet.unwrap_or(if has_caption {
            number.baseline + number_size * 1.2
        } else {
            side
        });
        Layout {
            width,
            height,
            left: (width - side) / 2.0,
            top,
            side,
            name,
            number,
        }
    }
}

/// Pixels of a length in mm, within what a proof has.
pub(super) fn pixels_of(mm: f64) -> u32 {
    let pixels = mm / 25.4 * f64::from(PROOF_DPI);
    // Far below what a u32 holds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let pixels = pixels as u32;
    pixels.clamp(PIXELS_MIN, PROOF_PIXELS_MAX)
}

/// The width of a text in parts of its size: full-width characters take one, others six tenths.
pub(super) fn ems(text: &str) -> f64 {
    text.chars()
        .map(|c| if c.is_ascii() { 0.6 } else { 1.0 })
        .sum()
}

impl Line {
    /// Its size, or what fits into a width.
    pub(super) fn size_within(self, text: &str, width: f64) -> f64 {
        self.size.min(width / ems(text).max(1.0))
    }
}
