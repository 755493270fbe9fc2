//! Asset library (素材库): texts, pictures, links, mini programs and files to be sent again.

mod model;

use crate::slice::Slice;

pub use model::{Material, MaterialId};

pub(super) fn part() -> Slice {
    Slice::default()
}
