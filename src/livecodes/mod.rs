//! Live codes (活码): codes that are printed once and lead to the right member or group ever
//! after.

use crate::slice::Slice;

/// What the slice keeps in memory.
#[derive(Default)]
pub struct State {}

/// What the slice says about itself.
pub fn slice() -> Slice {
    Slice {
        name: "livecodes",
        ..Slice::default()
    }
}
