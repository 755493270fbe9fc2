//! Anti-harassment (防骚扰): every message that reached or is to reach a customer, and how many
//! the firm allows.

use crate::slice::Slice;

pub(super) fn part() -> Slice {
    Slice::default()
}
