//! How a code looks, and the files of it: SVG, PNG and PDF.
//!
//! Nothing here knows of records or requests. An [`Art`] is a symbol with its colours and its
//! logo; it is handed out only after [`Art::proved`] has read it back.

mod colour;
mod names;
mod pdf;
mod picture;
pub mod poster;
mod raster;
mod scan;
mod sheet;
mod svg;
mod symbol;

use std::sync::Arc;

use minicbor::{Decode, Encode};

pub use colour::{CONTRAST_MIN, Colour, Faint, contrast};
pub use names::{Namer, clean};
pub use picture::{GROUND_LIMITS, LOGO_LIMITS, Limits, Picture, PictureFault};
pub use raster::Raster;
pub use sheet::{Caption, Size};
pub use svg::{data_url, escape};
pub use symbol::{QUIET_MODULES, Symbol};

/// Smallest side of a PNG, in pixels.
pub const PIXELS_MIN: u32 = 256;
/// Largest side of a PNG, in pixels.
pub const PIXELS_MAX: u32 = 4096;
/// Dots to the inch at which what has a size on paper is read back.
const PROOF_DPI: u32 = 300;
/// No proof is larger, in pixels: a camera has no more of a code either.
const PROOF_PIXELS_MAX: u32 = 1200;

/// How much of the symbol's width a logo takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Share {
    /// 14 %.
    #[n(0)]
    Small,
    /// 18 %.
    #[default]
    #[n(1)]
    Medium,
    /// 22 %: with its plate about a tenth of the area, a third of what level H can lose.
    #[n(2)]
    Large,
}

impl Share {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The share of this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|share| share.code() == code)
    }

    /// As a part of one.
    pub fn part(self) -> f64 {
        match self {
            Self::Small => 0.14,
            Self::Medium => 0.18,
            Self::Large => 0.22,
        }
    }
}

/// Why a code is not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The colours cannot be told apart.
    Colours(Faint),
    /// No symbol takes an address of this length.
    AddressTooLong,
    /// It was read back and did not say the address.
    Unreadable {
        /// Whether a logo lies over it.
        has_logo: bool,
    },
}

/// A logo in the middle of a symbol.
#[derive(Debug, Clone)]
struct Inlay {
    picture: Arc<Picture>,
    /// Side of the square it fits into, in modules.
    modules: f64,
}

/// A symbol with its colours and its logo.
#[derive(Debug, Clone)]
pub struct Art {
    address: String,
    symbol: Symbol,
    ink: Colour,
    paper: Colour,
    inlay: Option<Inlay>,
}

impl Art {
    /// The symbol of an address. The colours are judged here: every file has the same.
    pub fn new(
        address: &str,
        (ink, paper): (Colour, Colour),
        logo: Option<(Arc<Picture>, Share)>,
    ) -> Result<Self, Fault> {
        colour::check(ink, paper).map_err(Fault::Colours)?;
        let mut symbol = Symbol::of(address, logo.is_some()).ok_or(Fault::AddressTooLong)?;
        let inlay = logo.map(|(picture, share)| {
            let modules = share.part() * symbol.side_f64();
            // The quiet plate: half a module on each side at least, and in step with the grid.
            symbol.clear_middle(modules + 1.0);
            Inlay { picture, modules }
        });
        Ok(Self {
            address: address.to_owned(),
            symbol,
            ink,
            paper,
            inlay,
        })
    }

    /// The picture at this size, after it was read back as the address it is to say.
    pub fn proved(&self, pixels: u32) -> Result<Raster, Fault> {
        let raster = Raster::of(self, pixels);
        if scan::says(&raster, &self.address) {
            Ok(raster)
        } else {
            Err(Fault::Unreadable {
                has_logo: self.inlay.is_some(),
            })
        }
    }

    /// Its PNG, read back.
    pub fn png(&self, pixels: u32) -> Result<Vec<u8>, Fault> {
        Ok(self.proved(pixels)?.png())
    }

    /// Its SVG of this size, read back as it is printed at 300 dots to the inch.
    pub fn svg(&self, size: Size, caption: Option<&Caption>) -> Result<String, Fault> {
        self.proved(size.proof_pixels())?;
        Ok(svg::document(self, size, caption))
    }

    /// Its PDF of this size, read back as it is printed at 300 dots to the inch.
    pub fn pdf(&self, size: Size, caption: Option<&Caption>) -> Result<Vec<u8>, Fault> {
        self.proved(size.proof_pixels())?;
        Ok(pdf::document(self, size, caption))
    }

    /// The elements of its SVG in a square of this place and size, for a drawing around it.
    /// The caller has proved it.
    pub fn svg_elements(&self, x: f64, y: f64, side: f64) -> String {
        svg::elements(self, x, y, side)
    }
}

/// Whether a PDF can have the text; its fonts know no Chinese.
pub fn pdf_can_write(text: &str) -> bool {
    pdf::encoded(text).is_some()
}

#[cfg(test)]
mod tests;
