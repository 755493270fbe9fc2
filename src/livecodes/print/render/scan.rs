//! Reading back what was rendered, as a camera would.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::raster::Raster;

/// Whether the picture, seen in greys, says this text and nothing else.
pub(super) fn says(raster: &Raster, text: &str) -> bool {
    let side = raster.side();
    let greys = raster.greys();
    // A reader that stumbles has not read.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let grey = |x: usize, y: usize| greys[y * side + x];
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
        let found = seen.detect_grids();
        match &found[..] {
            [one] => one.decode().is_ok_and(|(_, said)| said == text),
            _ => false,
        }
    }));
    read.unwrap_or(false)
}
