//! Live codes as printed things: how they look, their files, posters, many at once.
//!
//! Invariants: nothing is handed out that was not read back as the code's own address; a picture
//! from outside is kept only as what was decoded from it.

mod bundle;
pub mod render;

pub use bundle::{BundleError, Item, write_zip};
