//! How a code is printed: what is kept of it.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::{
    super::LiveCodeId,
    render::{
        Colour, LOGO_LIMITS, Picture, Share, Size,
        poster::{Design, Extent, Place},
    },
};

/// Characters of a line on a poster.
pub(super) const LINE_MAX: usize = 60;

/// The colour of modules unless somebody chooses: the ink of our pages.
pub(super) const INK: Colour = Colour([0x14, 0x1c, 0x2b]);

/// Which logo lies over a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Mark {
    /// The firm's, if it has one.
    #[default]
    #[n(0)]
    Firm,
    /// The code's own.
    #[n(1)]
    Own,
    /// None.
    #[n(2)]
    Nothing,
}

impl Mark {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Firm, Self::Own, Self::Nothing];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Firm => "firm",
            Self::Own => "own",
            Self::Nothing => "none",
        }
    }

    /// The choice of this code.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.code() == code)
    }
}

/// How a code is printed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Look {
    /// The code.
    #[n(0)]
    pub code: LiveCodeId,
    /// The colour of its modules.
    #[n(1)]
    pub ink: Colour,
    /// The colour of its ground.
    #[n(2)]
    pub paper: Colour,
    /// Which logo.
    #[n(3)]
    pub mark: Mark,
    /// How large the logo is.
    #[n(4)]
    pub share: Share,
    /// The size it was printed in last.
    #[n(5)]
    pub size: Size,
    /// Whether name and number stand below it.
    #[n(6)]
    pub has_caption: bool,
    /// The code's own logo: a PNG of at most 256 pixels, made here from what was decoded.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub picture: Option<Vec<u8>>,
    /// Its poster, once somebody has made one.
    #[n(8)]
    pub poster: Option<Sheet>,
    /// The row of the spreadsheet that it was made from: many are named in the sheet's order.
    #[n(9)]
    pub row: Option<u32>,
}

/// A poster as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Sheet {
    /// The ground.
    #[n(0)]
    pub design: Design,
    /// The large words.
    #[n(1)]
    pub headline: String,
    /// The words below them.
    #[n(2)]
    pub line: String,
    /// The words below the code.
    #[n(3)]
    pub foot: String,
    /// Where the code stands.
    #[n(4)]
    pub place: Place,
    /// How large it is.
    #[n(5)]
    pub extent: Extent,
    /// The sheet.
    #[n(6)]
    pub paper: Size,
    /// Whether the code's own picture takes the ground's place.
    #[n(7)]
    pub is_picture: bool,
}

/// The picture behind a code's poster.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Backdrop {
    /// The code.
    #[n(0)]
    pub code: LiveCodeId,
    /// A JPEG of at most 1754 pixels, made here from what was decoded.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub jpeg: Vec<u8>,
}

impl Look {
    /// How a code is printed until somebody decides.
    pub fn of(code: LiveCodeId) -> Self {
        Self {
            code,
            ink: INK,
            paper: Colour::WHITE,
            mark: Mark::default(),
            share: Share::default(),
            size: Size::default(),
            has_caption: true,
            picture: None,
            poster: None,
            row: None,
        }
    }

    /// The code's own logo.
    pub(super) fn own_picture(&self) -> Option<Arc<Picture>> {
        let bytes = self.picture.as_deref()?;
        // Written here, so it can be read; if not, the code is printed without it.
        Picture::read(bytes, LOGO_LIMITS).ok().map(Arc::new)
    }
}
