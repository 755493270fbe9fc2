//! The grounds that come along: porcelain, celadon, ink and vermilion.

use std::fmt::Write;

use minicbor::{Decode, Encode};

use super::SHEET;

/// A ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Design {
    /// Deep blue with a moon over water (青花).
    #[default]
    #[n(0)]
    Porcelain,
    /// Pale green with rings (青瓷).
    #[n(1)]
    Celadon,
    /// Paper with hills in ink (水墨).
    #[n(2)]
    Ink,
    /// Red with a double frame (朱砂).
    #[n(3)]
    Vermilion,
}

/// The colours of words on a ground.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    pub words: &'static str,
    pub quiet: &'static str,
}

/// On a picture, which is darkened for it.
pub(super) const ON_PICTURE: Colours = Colours {
    words: "#ffffff",
    quiet: "#eef1f6",
};

const PORCELAIN: &str = "<rect width=\"210\" height=\"297\" fill=\"#1a3a7e\"/>\
    <circle cx=\"183\" cy=\"24\" r=\"12\" fill=\"#e8dcc0\"/>\
    <path fill=\"#2250a6\" d=\"M0 214C32 196 66 222 104 206S176 172 210 186V297H0z\"/>\
    <path fill=\"#122c62\" d=\"M0 246C40 232 76 252 118 242S180 226 210 238V297H0z\"/>\
    <path fill=\"none\" stroke=\"#3f6fc4\" stroke-width=\".6\" \
    d=\"M0 268c26-7 52 5 78 0s54-8 80-2 34 4 52 1M0 280c30-6 58 4 88 0s60-6 122 1\"/>";

const CELADON: &str = "<rect width=\"210\" height=\"297\" fill=\"#e6efe9\"/>\
    <g fill=\"none\" stroke=\"#b7d0c2\" stroke-width=\".8\"><circle cx=\"186\" cy=\"22\" r=\"18\"/>\
    <circle cx=\"186\" cy=\"22\" r=\"27\"/><circle cx=\"186\" cy=\"22\" r=\"38\"/>\
    <circle cx=\"186\" cy=\"22\" r=\"51\"/></g>\
    <circle cx=\"186\" cy=\"22\" r=\"10\" fill=\"#7fb09a\"/>\
    <path fill=\"#cfe1d6\" d=\"M0 196C60 178 120 214 210 188V297H0z\"/>\
    <path fill=\"#2f6b57\" d=\"M0 284C70 276 140 290 210 280V297H0z\"/>";

const INK: &str = "<rect width=\"210\" height=\"297\" fill=\"#f5f3ec\"/>\
    <circle cx=\"150\" cy=\"34\" r=\"20\" fill=\"#ebe7da\"/>\
    <rect x=\"178\" y=\"20\" width=\"11\" height=\"11\" rx=\"1.5\" fill=\"#b1281d\"/>\
    <path fill=\"none\" stroke=\"#f5f3ec\" stroke-width=\"1\" d=\"M181 23v5h5v-5zM183.500 22v7\"/>\
    <path fill=\"#e2e1da\" d=\"M0 228C22 204 40 232 62 214S100 176 128 204 176 208 210 186V297H0z\"/>\
    <path fill=\"#b9bdbf\" d=\"M0 272C30 258 58 276 92 268S150 262 210 270V297H0z\"/>\
    <path fill=\"#3c434d\" d=\"M0 288C44 280 90 290 132 284S190 282 210 286V297H0z\"/>";

const VERMILION: &str = "<rect width=\"210\" height=\"297\" fill=\"#8c1f1b\"/>\
    <g fill=\"none\" stroke=\"#d9b36c\"><rect x=\"8\" y=\"8\" width=\"194\" height=\"281\" \
    stroke-width=\"1.2\"/><rect x=\"11\" y=\"11\" width=\"188\" height=\"275\" \
    stroke-width=\".4\"/></g>\
    <path fill=\"none\" stroke=\"#b8543f\" stroke-width=\".7\" \
    d=\"M30 282a12 12 0 0 1 24 0m-20 0a8 8 0 0 1 16 0M54 282a12 12 0 0 1 24 0m-20 0a8 8 0 0 1 16 0\
    M78 282a12 12 0 0 1 24 0m-20 0a8 8 0 0 1 16 0M102 282a12 12 0 0 1 24 0m-20 0a8 8 0 0 1 16 0\
    M126 282a12 12 0 0 1 24 0m-20 0a8 8 0 0 1 16 0M150 282a12 12 0 0 1 24 0m-20 0a8 8 0 0 1 16 0\"/>";

impl Design {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Porcelain, Self::Celadon, Self::Ink, Self::Vermilion];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Porcelain => "porcelain",
            Self::Celadon => "celadon",
            Self::Ink => "ink",
            Self::Vermilion => "vermilion",
        }
    }

    /// The design of this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|design| design.code() == code)
    }

    pub(super) fn ground(self) -> &'static str {
        match self {
            Self::Porcelain => PORCELAIN,
            Self::Celadon => CELADON,
            Self::Ink => INK,
            Self::Vermilion => VERMILION,
        }
    }

    pub(super) fn colours(self) -> Colours {
        let (words, quiet) = match self {
            Self::Porcelain => ("#ffffff", "#d5e0f6"),
            Self::Celadon => ("#17352b", "#2b5546"),
            Self::Ink => ("#191d23", "#474d57"),
            Self::Vermilion => ("#fff3dc", "#f0d9ae"),
        };
        Colours { words, quiet }
    }
}

/// A picture as the ground, darkened so that white words can be read on any.
pub(super) fn picture(out: &mut String, address: &str) {
    let (width, height) = SHEET;
    let _ = write!(
        out,
        "<image width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"xMidYMid slice\" \
         href=\"{address}\"/><rect width=\"{width}\" height=\"{height}\" fill=\"#0b1220\" \
         fill-opacity=\".45\"/>"
    );
}
