//! Welcome messages (欢迎语).

use crate::slice::Slice;

pub(super) fn part() -> Slice {
    Slice::default()
}
