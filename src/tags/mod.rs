//! Corp tags (企业标签) and their groups, read from WeCom.
//!
//! Tables: `tag-groups-1`, `tags-1`. Invariants: a tag that is gone at WeCom is marked as
//! deleted and keeps its id; it is then shown on nobody.

mod model;
pub mod queries;
pub mod sync;
pub mod tables;

pub use model::{Tag, TagGroup, TagGroupId, TagId};

/// What the slice says about itself.
pub fn slice() -> crate::slice::Slice {
    crate::slice::Slice {
        name: "tags",
        tables: tables::TABLES.to_vec(),
        ..crate::slice::Slice::default()
    }
}
