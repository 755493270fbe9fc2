//! Posters: a ground, words, and the code on a plate. Drawn once in the lengths of A4; the other
//! sheets of the series have the same shape.

mod design;
mod text;

use std::fmt::Write;

use minicbor::{Decode, Encode};

use super::{Art, Fault, Size, escape};
pub use design::Design;

/// The sheet all lengths are of, in mm.
const SHEET: (f64, f64) = (210.0, 297.0);
/// Free on the left and on the right.
const MARGIN: f64 = 22.0;
/// Between the plate's edge and the quiet zone.
const PLATE_EDGE: f64 = 4.0;
/// From one line of the headline to the next, in parts of its size.
const HEADLINE_STEP: f64 = 1.25;
/// The same of the second line.
const LINE_STEP: f64 = 1.4;
/// Between the two, in mm.
const GAP: f64 = 2.0;
/// Fonts that know Chinese, on the systems there are.
const FONTS: &str = "'PingFang SC','HarmonyOS Sans SC','Microsoft YaHei','Noto Sans CJK SC',\
                     'Source Han Sans SC',sans-serif";

/// Where on the sheet the code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Place {
    /// Below the words.
    #[default]
    #[n(0)]
    Low,
    /// In the middle.
    #[n(1)]
    Middle,
    /// Above the words.
    #[n(2)]
    High,
}

/// How large the code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Extent {
    /// A third of the sheet's width.
    #[n(0)]
    Small,
    /// Not quite half of it.
    #[default]
    #[n(1)]
    Medium,
    /// More than half of it.
    #[n(2)]
    Large,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
        }
    }

    /// The place of this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.code() == code)
    }
}

impl Extent {
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

    /// The extent of this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extent| extent.code() == code)
    }

    /// Side of the code with its quiet zone on A4, in mm.
    fn side(self) -> f64 {
        match self {
            Self::Small => 72.0,
            Self::Medium => 94.0,
            Self::Large => 114.0,
        }
    }
}

/// What is on a poster besides the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// The ground.
    pub design: Design,
    /// A picture in its place, as an address within the document.
    pub picture: Option<String>,
    /// The large words; may be empty.
    pub headline: String,
    /// The words below them; may be empty.
    pub line: String,
    /// The words below the code; may be empty.
    pub foot: String,
    /// What tells the code from every other.
    pub number: String,
    /// Where the code stands.
    pub place: Place,
    /// How large it is.
    pub extent: Extent,
    /// The sheet: one of the A series.
    pub paper: Size,
}

/// A poster with its code, as an SVG document of real size. The code is read back first as it is
/// printed.
pub fn draw(poster: &Poster, art: &Art) -> Result<String, Fault> {
    let (width, height) = match poster.paper {
        Size::A6 => (105.0, 148.0),
        Size::A5 => (148.0, 210.0),
        _ => SHEET,
    };
    let side = poster.extent.side();
    art.proved(super::sheet::pixels_of(side * width / SHEET.0))?;
    let colours = match poster.picture {
        Some(_) => design::ON_PICTURE,
        None => poster.design.colours(),
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
         viewBox=\"0 0 {} {}\" preserveAspectRatio=\"xMidYMid slice\" role=\"img\">\
         <title>{}</title>",
        SHEET.0,
        SHEET.1,
        escape(&poster.headline)
    );
    match &poster.picture {
        Some(address) => design::picture(&mut out, address),
        None => out.push_str(poster.design.ground()),
    }
    let plate = side + 2.0 * PLATE_EDGE;
    let top = match poster.place {
        Place::Low => 232.0 - plate,
        Place::Middle => 164.0 - plate / 2.0,
        Place::High => 34.0,
    };
    let left = (SHEET.0 - plate) / 2.0;
    let (room, foot) = match poster.place {
        Place::High => ((top + plate + 14.0, 242.0), 254.0),
        Place::Low | Place::Middle => ((36.0, top - 6.0), top + plate + 13.0),
    };
    words(&mut out, poster, colours, room);
    let _ = write!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{plate}\" height=\"{plate}\" rx=\"5\" \
         fill=\"{}\"/>",
        art.paper
    );
    out.push_str(&art.svg_elements(left + PLATE_EDGE, top + PLATE_EDGE, side));
    let middle = |y, size, fill: &str, words: &str, out: &mut String| {
        let size = text::fitting(words, size, SHEET.0 - 2.0 * MARGIN);
        text::line(out, (SHEET.0 / 2.0, y), "middle", size, 400, fill, words);
    };
    middle(foot, 7.0, colours.words, &poster.foot, &mut out);
    middle(foot + 7.0, 3.6, colours.quiet, &poster.number, &mut out);
    out.push_str("</svg>");
    Ok(out)
}

/// Headline and second line between two heights: as large as there is room.
fn words(out: &mut String, poster: &Poster, colours: design::Colours, (top, end): (f64, f64)) {
    let wide = SHEET.0 - 2.0 * MARGIN;
    let scaled = |scale: f64| {
        let headline = text::set(
            &poster.headline,
            &[21.0, 17.0, 13.0, 9.0].map(|s| s * scale),
            wide,
        );
        let line = text::set(&poster.line, &[9.5, 8.0, 6.5, 5.0].map(|s| s * scale), wide);
        (headline, line)
    };
    let height = |(size, lines): &(f64, Vec<String>), of_size: f64| {
        lines.iter().map(|_| size * of_size).sum::<f64>()
    };
    let scales = [1.0, 0.85, 0.72, 0.6, 0.5, 0.4];
    let fits = |scale: &f64| {
        let (headline, line) = scaled(*scale);
        height(&headline, HEADLINE_STEP) + GAP + height(&line, LINE_STEP) <= end - top
    };
    let scale = scales.into_iter().find(fits).unwrap_or(0.4);
    let ((large, headline), (small, line)) = scaled(scale);
    let mut y = top;
    for words in headline {
        let at = (MARGIN, y + large);
        text::line(out, at, "start", large, 700, colours.words, &words);
        y += large * HEADLINE_STEP;
    }
    y += GAP;
    for words in line {
        let at = (MARGIN, y + small * 1.1);
        text::line(out, at, "start", small, 400, colours.quiet, &words);
        y += small * LINE_STEP;
    }
}

#[cfg(test)]
mod tests;
