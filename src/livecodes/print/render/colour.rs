//! Colours of a printed code, and whether a camera can tell them apart.

use std::fmt;

use minicbor::{Decode, Encode};

/// The least contrast between modules and ground (Web Content Accessibility Guidelines 2.2,
/// success criterion 1.4.3): cameras in poor light need what poor eyes need.
pub const CONTRAST_MIN: f64 = 4.5;

/// An opaque colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Colour(#[n(0)] pub [u8; 3]);

/// Why two colours do not make a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faint {
    /// The modules are lighter than the ground: many cameras do not even try.
    Inverted,
    /// They are too much alike. The contrast in hundredths.
    Alike(u32),
}

impl Colour {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);

    /// Reads `#1d2b4f`; nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix('#')?;
        let mut parts = [0; 3];
        hex::decode_to_slice(digits, &mut parts).ok()?;
        Some(Self(parts))
    }

    /// Each part from 0 to 1.
    pub fn parts(self) -> [f32; 3] {
        self.0.map(|part| f32::from(part) / 255.0)
    }

    /// Relative luminance from 0 to 1 (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// What a camera without colours sees (ITU-R BT.601).
    pub fn grey(self) -> u8 {
        let [r, g, b] = self.0.map(u32::from);
        let grey = (299 * r + 587 * g + 114 * b) / 1000;
        u8::try_from(grey).unwrap_or(u8::MAX)
    }

    /// This colour with another laid over it, `alpha` of 255 thick.
    pub fn under(self, over: [u8; 3], alpha: u8) -> Self {
        let mix = |under: u8, over: u8| {
            let alpha = u32::from(alpha);
            let sum = u32::from(over) * alpha + u32::from(under) * (255 - alpha) + 127;
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        Self([0, 1, 2].map(|n| mix(self.0[n], over[n])))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

/// The contrast of two colours, from 1 to 21 (WCAG 2.2).
pub fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (one.luminance(), other.luminance());
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Whether modules of one colour can be read on a ground of the other.
pub(super) fn check(ink: Colour, paper: Colour) -> Result<(), Faint> {
    if ink.luminance() > paper.luminance() {
        return Err(Faint::Inverted);
    }
    let ratio = contrast(ink, paper);
    if ratio < CONTRAST_MIN {
        return Err(Faint::Alike(hundredths(ratio)));
    }
    Ok(())
}

/// Between 1 and 21, so the conversion loses nothing but the fraction.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn hundredths(ratio: f64) -> u32 {
    (ratio * 100.0).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn only_six_hex_digits_are_a_colour() {
        assert_eq!(colour(" #1D2b4f").to_string(), "#1d2b4f");
        for wrong in [
            "", "#", "1d2b4f", "#1d2b4", "#1d2b4f0", "#gggggg", "red", "#青青",
        ] {
            assert_eq!(Colour::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_is_the_guidelines() {
        let full = contrast(Colour::BLACK, Colour::WHITE);
        assert!((full - 21.0).abs() < 1e-9, "{full}");
        assert!((contrast(Colour::WHITE, Colour::WHITE) - 1.0).abs() < 1e-9);
        // The two greys on either side of the bound.
        assert_eq!(check(colour("#767676"), Colour::WHITE), Ok(()));
        assert_eq!(
            check(colour("#777777"), Colour::WHITE),
            Err(Faint::Alike(447))
        );
    }

    #[test]
    fn light_on_dark_is_refused_whatever_the_contrast() {
        assert_eq!(check(Colour::WHITE, Colour::BLACK), Err(Faint::Inverted));
        assert_eq!(
            check(colour("#ffffff"), colour("#1d4f9e")),
            Err(Faint::Inverted)
        );
        assert_eq!(check(colour("#1d4f9e"), colour("#ffffff")), Ok(()));
        assert_eq!(check(Colour::WHITE, Colour::WHITE), Err(Faint::Alike(100)));
    }

    #[test]
    fn what_lies_over_covers_by_its_thickness() {
        let under = Colour::WHITE;
        assert_eq!(under.under([0; 3], 0), Colour::WHITE);
        assert_eq!(under.under([10, 20, 30], 255), Colour([10, 20, 30]));
        assert_eq!(under.under([0; 3], 128), Colour([127; 3]));
    }
}
