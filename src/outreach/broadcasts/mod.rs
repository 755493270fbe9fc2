//! Broadcasts (群发) to customers, customer groups and moments (客户朋友圈).

use crate::slice::Slice;

pub(super) fn part() -> Slice {
    Slice::default()
}
