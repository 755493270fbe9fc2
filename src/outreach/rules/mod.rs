//! Rules that tag and follow up by themselves.

use crate::slice::Slice;

pub(super) fn part() -> Slice {
    Slice::default()
}
